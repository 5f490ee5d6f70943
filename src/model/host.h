/* SPDX-License-Identifier: Apache-2.0
 *
 * HostConfig: what the inventory says about a host.  HostFacts: what the host itself said when it was asked. */
#pragma once

#include <glib.h>

#include "model/vm.h"

typedef struct HostConfig {
    char *name;              /* the inventory's name; the operator's word for it everywhere */
    char *uri;               /* how the controller reaches its libvirtd */
    char *peer_uri;          /* how other hosts reach its libvirtd (peer-to-peer); NULL: 'uri' */
    char *migration_address; /* where migration traffic should arrive; NULL: libvirt chooses */
    char *agent_command;     /* starts `godwit agent` there, spoken to over stdin and stdout; NULL: derived or none */
    guint64 link_bytes_per_s; /* of its migration link; 0: unknown */
    guint64 keep_free_bytes;  /* memory that no plan may promise */
    char *rack;               /* where it stands; NULL: in a rack of its own */
    char *pod;                /* the racks behind one pair of switches; NULL: all are one pod */
    char *power;              /* its power curve: a SPECpower server's name or 11 watts; NULL: unknown */
    guint max_outgoing;       /* concurrent migrations from here; 0: no limit */
    guint max_incoming;
} HostConfig;

/* Asked at run time, never assumed. */
typedef struct HostFacts {
    char *name;        /* HostConfig.name */
    char *hostname;    /* as libvirt reports it */
    guint cpus;
    guint64 memory_bytes;
    guint64 memory_free_bytes; /* what new VMs could take: MemAvailable where it is known */
    gulong libvirt_version;    /* major * 1000000 + minor * 1000 + micro */
    gulong qemu_version;
    gboolean can_postcopy; /* QEMU here has post-copy and the kernel allows it */
    char *cannot_postcopy_why;
    char *capabilities_xml;    /* <host> capabilities with the CPU */
    GPtrArray *vms;            /* Vm, those that run here */
    GPtrArray *incoming_names; /* char *, VMs that are arriving right now */
} HostFacts;

HostConfig *host_config_new(const char *name, const char *uri);
HostConfig *host_config_copy(const HostConfig *config);
void host_config_free(HostConfig *config);
const char *host_config_peer_uri(const HostConfig *config);

HostFacts *host_facts_new(const char *name);
void host_facts_free(HostFacts *facts);

/* The VM named 'name' on this host, or NULL.  Borrowed. */
const Vm *host_facts_find_vm(const HostFacts *facts, const char *name);

/* The memory and the vCPUs that its running VMs hold together. */
guint64 host_facts_vm_ram_bytes(const HostFacts *facts);
guint host_facts_vm_vcpus(const HostFacts *facts);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostConfig, host_config_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HostFacts, host_facts_free)
