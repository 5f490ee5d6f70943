/* SPDX-License-Identifier: Apache-2.0
 *
 * What the collector knows of each VM: its beats, where it is, and its migrations.
 *
 * Where a VM is comes from two witnesses.  Beats carry the address of the host they were sent
 * from.  And each libvirtd keeps NAME.pid while it has a QEMU for the VM: a VM present on a second
 * host has begun to migrate, one present on a single host again has ended, whoever asked for it.
 *
 * One thread. */
#ifndef LAB_BEAT_VMS_H
#define LAB_BEAT_VMS_H

#include <netinet/in.h>

#include "beat-ring.h"
#include "beat-wire.h"

#define VM_HOSTS_MAX  32

typedef struct VmMove {
    gint64 begin_ns, end_ns;    /* end 0: still under way */
    guint from, to;             /* host numbers */
    guint stayed;               /* the host that had it at the end; 0: none or not yet */
} VmMove;

typedef struct Vm {
    char name[BEAT_NAME_BYTES];
    BeatRing ring;
    struct sockaddr_in source;  /* of the latest beat */
    guint32 boot_id;
    guint n_boots;
    guint64 seq;                /* of the latest beat */
    guint64 n_repeated;         /* beats whose number had been seen: two copies have run */
    guint64 passes;
    guint present_on;           /* bit n: host n has a pid file */
    GArray *moves;              /* VmMove, oldest first */
} Vm;

typedef struct Vms {
    GHashTable *by_name;        /* Vm.name to Vm */
    char *state_dir;
    guint n_hosts;
} Vms;

void vms_init(Vms *vms, const char *state_dir, guint n_hosts);
void vms_clear(Vms *vms);

/* NULL when nothing is known of it. */
Vm *vms_find(Vms *vms, const char *name);
void vms_forget(Vms *vms, const char *name);

void vms_beat(Vms *vms, const struct Beat *beat, const struct sockaddr_in *source, gint64 now_ns);

/* Looks at the pid files of all hosts; called about 20 times a second. */
void vms_look(Vms *vms, gint64 now_ns);

/* The number of the host with this address; 0 for a stranger. */
guint vms_host_of(const Vms *vms, const struct sockaddr_in *source);

#endif
