/* SPDX-License-Identifier: Apache-2.0
 *
 * The inventory: which hosts there are and how to reach them.  An INI file (GKeyFile), described in
 * docs/man/godwit-inventory.5.
 *
 *     [fleet]
 *     guest_probe = COMMAND with {vm} {since_ns} {until_ns}     optional: asks a guest for its own longest gap
 *     vcpus_per_cpu = 4                                         how far vCPUs may be oversubscribed
 *     [host NAME]
 *     uri = qemu+ssh://root@host/system                         the only key that must be there
 *     peer_uri, migration_address, agent, link, keep_free, max_outgoing, max_incoming
 *
 * Unknown groups and keys are errors, so that a typing mistake never changes what a host is promised. */
#pragma once

#include "model/host.h"

typedef struct Inventory {
    GPtrArray *hosts;         /* HostConfig */
    char *guest_probe;        /* NULL: none */
    double vcpus_per_cpu;
} Inventory;

/* Reads 'path'; NULL means $GODWIT_INVENTORY, then ~/.config/godwit/inventory.ini, then /etc/godwit/inventory.ini. */
Inventory *inventory_load(const char *path, GError **error);
Inventory *inventory_new(void);
void inventory_free(Inventory *inventory);

/* The host called 'name', or a new one for a URI ("qemu+ssh://h9/system"), which is then called by the URI's host part.
 * Borrowed.  NULL with an error that lists the hosts that are known. */
const HostConfig *inventory_resolve(Inventory *inventory, const char *name_or_uri, GError **error);

/* The command that starts an agent on 'host': the inventory's, or `ssh HOST godwit agent` for qemu+ssh:// URIs, or
 * `godwit agent` itself for local ones.  NULL when there is no way.  The caller frees. */
char *inventory_agent_command(const HostConfig *host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)
