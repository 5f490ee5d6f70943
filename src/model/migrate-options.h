/* SPDX-License-Identifier: Apache-2.0
 *
 * MigrateOptions: everything an operator can say about how migrations are run.
 *
 * One table makes the struct, its defaults, the command line, the JSON of a plan and the manual.  A row is
 *
 *     X(kind, member, default, "command-line-name", "ARG", "help")
 *
 * where kind is one of
 *     BOOL      gboolean                            --name / --no-name
 *     COUNT     guint64, a plain number
 *     SIZE      guint64, size_parse                 "64MiB"
 *     RATE      guint64, rate_parse                 "1gbit"
 *     DURATION  gint64 nanoseconds, duration_parse  "300ms"
 *     STUCK     StuckAction      STORAGE  CopyStorage      RELAY  RelayMode
 */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "base/named.h"

/* What happens to a pre-copy that has not converged when its limit is reached. */
#define STUCK_ACTIONS(X)                                                                                               \
    X(STUCK_ACTION_POLICY, "policy")       /* post-copy where policy and destination permit it, else abort */          \
    X(STUCK_ACTION_FORCE, "force")         /* stop the guest and copy the rest: downtime above the limit */            \
    X(STUCK_ACTION_POST_COPY, "post-copy") /* abort where the destination cannot */                                    \
    X(STUCK_ACTION_ABORT, "abort")         /* cancel; the VM runs on at the source */
NAMED_ENUM_DECLARE(StuckAction, stuck_action, STUCK_ACTIONS)

#define COPY_STORAGES(X)                                                                                               \
    X(COPY_STORAGE_NONE, "none")                                                                                       \
    X(COPY_STORAGE_ALL, "all")                                                                                         \
    X(COPY_STORAGE_INC, "inc") /* the destination has the same backing file */
NAMED_ENUM_DECLARE(CopyStorage, copy_storage, COPY_STORAGES)

/* Whether a pair of relays carries the memory of a migration; see migrate/relay-pair.h. */
#define RELAY_MODES(X)                                                                                                 \
    X(RELAY_MODE_AUTO, "auto") /* where decide/way-choice.h expects it to be faster */                               \
    X(RELAY_MODE_ON, "on")     /* wherever it can be started */                                                        \
    X(RELAY_MODE_OFF, "off")
NAMED_ENUM_DECLARE(RelayMode, relay_mode, RELAY_MODES)

#define MIGRATE_OPTIONS(X)                                                                                             \
    X(DURATION, downtime_limit_ns, 300 * NS_PER_MS, "downtime-limit", "TIME",                                          \
      "longest pause of a guest that pre-copy may cause (300ms)")                                                      \
    X(RATE, bandwidth_bytes_per_s, 0, "bandwidth", "RATE",                                                             \
      "what all migrations of one link share equally (the inventory's link rate; else no limit)")                      \
    X(COUNT, max_outgoing, 0, "max-outgoing", "N", "migrations that leave one host at a time (0: no limit)")           \
    X(COUNT, max_incoming, 0, "max-incoming", "N", "migrations that enter one host at a time (0: no limit)")           \
    X(DURATION, stuck_after_ns, 300 * NS_PER_S, "stuck-after", "TIME",                                                 \
      "a pre-copy that runs longer has not converged (5min; 0: never)")                                                \
    X(COUNT, stuck_passes, 0, "stuck-passes", "N", "a pre-copy with more passes has not converged (0: any number)")    \
    X(STUCK, on_stuck, STUCK_ACTION_POLICY, "on-stuck", "ACTION",                                                      \
      "what then: policy, force, post-copy or abort (policy: post-copy where it permits that, else abort)")            \
    X(BOOL, peer_to_peer, TRUE, "peer-to-peer", NULL, "the hosts' libvirtds talk to each other (default)")             \
    X(BOOL, auto_converge, FALSE, "auto-converge", NULL, "let QEMU slow a guest that dirties memory too fast")         \
    X(BOOL, compressed, FALSE, "compressed", NULL, "send deltas of pages sent before (xbzrle)")                        \
    X(SIZE, compression_cache_bytes, 0, "compression-cache", "SIZE", "memory for xbzrle (QEMU's default)")             \
    X(COUNT, parallel_connections, 0, "parallel", "N", "connections per migration (0 or 1: one)")                      \
    X(BOOL, tls, FALSE, "tls", NULL, "encrypt the migration stream with the hosts' own certificates")                  \
    X(BOOL, persist, TRUE, "persist", NULL, "define the VM at the destination for good")                               \
    X(BOOL, undefine_source, TRUE, "undefine-source", NULL, "remove its definition at the source afterwards")          \
    X(STORAGE, copy_storage, COPY_STORAGE_NONE, "copy-storage", "none|all|inc",                                        \
      "copy disks that the destination does not see")                                                                 \
    X(RELAY, relay, RELAY_MODE_AUTO, "relay", "auto|on|off",                                                           \
      "send memory through a pair of relays: compressed, encrypted, and of pages sent before only what changed; auto: the "    \
      "way that is expected to be fastest, QEMU's own compression over several connections among them (auto)") \
    X(SIZE, relay_memory_bytes, 0, "relay-memory", "SIZE",                                                             \
      "what each relay may keep of the memory it has sent (a share of what both hosts have free)")                     \
    X(BOOL, relay_across_vms, FALSE, "relay-across-vms", NULL,                                                         \
      "let relays send what VMs of this job have in common only once; for VMs of one owner: it is a side channel")

#define OPTION_TYPE_BOOL gboolean
#define OPTION_TYPE_COUNT guint64
#define OPTION_TYPE_SIZE guint64
#define OPTION_TYPE_RATE guint64
#define OPTION_TYPE_DURATION gint64
#define OPTION_TYPE_STUCK StuckAction
#define OPTION_TYPE_STORAGE CopyStorage
#define OPTION_TYPE_RELAY RelayMode

#define OPTION_MEMBER(kind, member, value, name, argument, help) OPTION_TYPE_##kind member;

typedef struct MigrateOptions {
    MIGRATE_OPTIONS(OPTION_MEMBER)
} MigrateOptions;

void migrate_options_init(MigrateOptions *options);

/* Sets the option called 'name' on the command line ("downtime-limit") from its text.  For BOOL, 'text' is "yes" or
 * "no". */
gboolean migrate_options_set(MigrateOptions *options, const char *name, const char *text, GError **error);

/* Calls 'func' for each row of the table: command-line name, ARG (NULL for BOOL), help. */
typedef void (*MigrateOptionsFunc)(const char *name, const char *argument, const char *help, gpointer user);
void migrate_options_each(MigrateOptionsFunc func, gpointer user);

/* As members of the JSON object that 'builder' is in; under the member's name, in its unit. */
void migrate_options_add_json(const MigrateOptions *options, JsonBuilder *builder);

/* Reads what migrate_options_add_json wrote; members that are missing keep their value, unknown ones are an error. */
gboolean migrate_options_read_json(MigrateOptions *options, JsonObject *object, const char *what, GError **error);
