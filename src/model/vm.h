/* SPDX-License-Identifier: Apache-2.0
 *
 * Vm: one virtual machine as its host reports it.  Plain data, made by a Driver, owned by whoever holds it. */
#pragma once

#include <glib.h>

#include "base/named.h"

#define VM_STATES(X)                                                                                                   \
    X(VM_STATE_ABSENT, "absent")                   /* no such VM on this host, or defined but not running */           \
    X(VM_STATE_RUNNING, "running")                                                                                     \
    X(VM_STATE_PAUSED, "paused")                   /* by an operator, or while a migration arrives */                  \
    X(VM_STATE_POSTCOPY, "post-copy")              /* runs, part of its memory still elsewhere */                      \
    X(VM_STATE_POSTCOPY_FAILED, "post-copy-failed") /* stands still, part of its memory elsewhere and unreachable */   \
    X(VM_STATE_CRASHED, "crashed")
NAMED_ENUM_DECLARE(VmState, vm_state, VM_STATES)

typedef struct VmDisk {
    char *target;       /* "vda" */
    char *path;         /* file or device on the host; NULL for network disks and empty drives */
    guint64 size_bytes; /* virtual size; 0 when unknown */
    gboolean is_readonly;
    gboolean is_shareable;
} VmDisk;

typedef struct Vm {
    char *name;
    char *uuid;
    char *host; /* name of the host that reported it */
    VmState state;
    guint64 ram_bytes;
    guint vcpus;
    gboolean is_persistent;
    char *cpu_xml;       /* the guest CPU as the running domain has it; NULL when it names none */
    char *domain_type;   /* "kvm", "qemu" */
    char *unmovable_why; /* a host device or the like that no migration can take along; NULL when there is none */
    GPtrArray *disks;    /* VmDisk */
    gint64 qemu_pid;     /* in the host's own pid numbering; 0 when unknown */
} Vm;

/* What a running VM has used so far, as its host counts it.  Two of these make a utilisation. */
typedef struct VmLoad {
    char uuid[37];
    guint64 cpu_time_ns;       /* of all its vCPUs and of what its hypervisor does for it */
    guint64 memory_used_bytes; /* of the host; 0: unknown */
} VmLoad;

Vm *vm_new(const char *name, const char *uuid, const char *host);
Vm *vm_copy(const Vm *vm);
void vm_free(Vm *vm);
VmDisk *vm_disk_new(const char *target, const char *path, guint64 size_bytes);
void vm_disk_free(VmDisk *disk);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Vm, vm_free)
