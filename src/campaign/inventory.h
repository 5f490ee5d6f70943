/* SPDX-License-Identifier: Apache-2.0
 *
 * The inventory: which hosts there are and how to reach them.  An INI file (GKeyFile), described in
 * docs/man/godwit-inventory.5.
 *
 *     [fleet]
 *     guest_probe = COMMAND with {vm} {since_ns} {until_ns}     optional: asks a guest for its own longest gap
 *     vcpus_per_cpu = 4                                         how far vCPUs may be oversubscribed
 *     spare_hosts = 1                                           so many hosts may fail and their VMs still fit
 *     traffic = FILE                                            who talks to whom (model/traffic.h)
 *     [host NAME]
 *     uri = qemu+ssh://root@host/system                         the only key that must be there
 *     peer_uri, migration_address, agent, link, keep_free, max_outgoing, max_incoming, rack, pod, power
 *     [rule NAME]
 *     apart = VM, VM ...     or together = ..., or pinned = ...: what every placement keeps
 *
 * Unknown groups and keys are errors, so that a typing mistake never changes what a host is promised. */
#pragma once

#include "base/named.h"
#include "model/host.h"
#include "sim/sim-fleet.h"

#define FLEET_RULES(X)                                                                                                 \
    X(FLEET_APART, "apart")       /* no two of them on one host */                                                     \
    X(FLEET_TOGETHER, "together") /* all of them on one host */                                                        \
    X(FLEET_PINNED, "pinned")     /* each stays where it is */
NAMED_ENUM_DECLARE(FleetRuleKind, fleet_rule_kind, FLEET_RULES)

typedef struct FleetRule {
    char *name;
    FleetRuleKind kind;
    char **vms; /* names, two at least unless pinned */
} FleetRule;

typedef struct Inventory {
    GPtrArray *hosts;         /* HostConfig */
    GPtrArray *rules;         /* FleetRule */
    char *traffic_path;       /* NULL: nobody knows who talks to whom */
    guint spare_hosts;
    char *guest_probe;        /* NULL: none */
    double vcpus_per_cpu;
} Inventory;

/* Reads 'path'; NULL means $GODWIT_INVENTORY, then ~/.config/godwit/inventory.ini, then /etc/godwit/inventory.ini. */
Inventory *inventory_load(const char *path, GError **error);
Inventory *inventory_new(void);

/* The hosts and rules of a simulated fleet. */
Inventory *inventory_of_fleet(const SimFleet *fleet);
void inventory_free(Inventory *inventory);

/* The host called 'name', or a new one for a URI ("qemu+ssh://h9/system"), which is then called by the URI's host part.
 * Borrowed.  NULL with an error that lists the hosts that are known. */
const HostConfig *inventory_resolve(Inventory *inventory, const char *name_or_uri, GError **error);

/* The command that starts an agent on 'host': the inventory's, or `ssh HOST godwit agent` for qemu+ssh:// URIs, or
 * `godwit agent` itself for local ones.  NULL when there is no way.  The caller frees. */
char *inventory_agent_command(const HostConfig *host);

/* [rule NAME] of an inventory file; inventory-rules.c. */
gboolean inventory_read_rule(Inventory *inventory, GKeyFile *file, const char *group, GError **error);
void fleet_rule_free(FleetRule *rule);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Inventory, inventory_free)
