/* SPDX-License-Identifier: Apache-2.0
 *
 * The command line of every verb, from one table.
 *
 *     static const CliSpec SPEC = {.verb = "evacuate", .usage = "HOST --to HOST[,HOST...]", ...};
 *     g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);
 *     if (!options) {
 *         return status;              help was printed (0), or the mistake was told (2)
 *     }
 *
 * Options come in groups, and a verb says which groups it takes.  The table (cli-table.c) and that of MigrateOptions
 * make the parser, --help and the manual pages; they cannot drift apart. */
#pragma once

#include <glib.h>

#include "campaign/campaign.h"
#include "campaign/campaign-rebalance.h"
#include "wire/relay.h"

typedef enum CliGroup {
    CLI_GROUP_WHERE = 1 << 0, /* the inventory, or a simulated fleet */
    CLI_GROUP_FROM = 1 << 1,
    CLI_GROUP_TO = 1 << 2,
    CLI_GROUP_PLAN = 1 << 3, /* what is done with the plan */
    CLI_GROUP_RUN = 1 << 4,  /* a dry run instead of a real one */
    CLI_GROUP_FILE = 1 << 5, /* a saved plan instead of a new one */
    CLI_GROUP_CHECK = 1 << 6,
    CLI_GROUP_POLICY = 1 << 7,
    CLI_GROUP_OBSERVE = 1 << 8,
    CLI_GROUP_MIGRATE = 1 << 9,
    CLI_GROUP_WATCH = 1 << 10,
    CLI_GROUP_OUTPUT = 1 << 11,
    CLI_GROUP_PACK = 1 << 13, /* packing instances of a file */
    CLI_GROUP_SEED = 1 << 14,
    CLI_GROUP_HOSTS = 1 << 15, /* the hosts that take part */
    CLI_GROUP_PLACE = 1 << 12,
    CLI_GROUP_SIMULATE = 1 << 20,
    CLI_GROUP_SWEEP = 1 << 21,
    CLI_GROUP_REBALANCE = 1 << 16,
    CLI_GROUP_AGENT = 1 << 17,
    CLI_GROUP_RELAY = 1 << 22,
    CLI_GROUP_WAY = 1 << 23, /* what `godwit relay choose` is told */
} CliGroup;

/* All that a verb which makes plans understands. */
#define CLI_GROUPS_PLANNING                                                                                            \
    (CLI_GROUP_WHERE | CLI_GROUP_FROM | CLI_GROUP_TO | CLI_GROUP_PLAN | CLI_GROUP_POLICY | CLI_GROUP_OBSERVE |         \
     CLI_GROUP_MIGRATE | CLI_GROUP_PLACE | CLI_GROUP_SEED | CLI_GROUP_OUTPUT)

typedef struct CliSpec {
    const char *verb;
    const char *usage;   /* what follows the verb */
    const char *summary; /* one line */
    const char *details; /* paragraphs for --help, separated by newlines */
    guint groups;        /* of CliGroup */
} CliSpec;

/* What only `godwit simulate` understands, as it was written: the verb knows what it means. */
typedef struct CliSimulate {
    char *policy;
    char *placer;
    char *mode;
    char *defects;
    char *cloudsim_path;
    char *out_path;
    char *seed;
    char *hosts;
    GPtrArray *settings; /* char *, NAME=VALUE */
    gboolean has_timing;
    gboolean is_sweep;
    char *seeds;
    char *policies;
    char *threads;
} CliSimulate;

/* What only `godwit relay` understands. */
typedef struct CliRelay {
    char *socket_path;
    char *listen;
    char *peer;
    char *key_path;
    char *vm;
    char *socket_owner;
    char *gang_directory;
    guint32 capabilities; /* of SrcCapability */
    guint32 filters;      /* of WireFilter, when has_filters */
    gboolean has_filters;
    const CodecLevel *codec; /* NULL: picked */
    guint threads;
    guint64 ram_bytes, memory_bytes; /* 0: not given */
    guint page_bytes;
    gboolean has_page_memory, is_hash_memory;
    guint hash_block_bytes, gap_merge_bytes, segments_max;
    gboolean has_gap_merge;
    guint64 rate_bytes_per_s, link_bytes_per_s; /* 0: no limit; measured */
    gint64 downtime_limit_ns, watchdog_ns, accept_timeout_ns;
    gboolean finishes_on_overrun;
} CliRelay;

/* What only `godwit relay choose` understands; NAN and 0: not given. */
typedef struct CliWay {
    guint64 ram_bytes, link_bytes_per_s, memory_bytes;
    gint64 downtime_limit_ns;
    double dirty_pages_per_s, dirty_bytes_per_page, working_set_bytes, used_share, compressed_share;
    double source_free_cpus, destination_free_cpus;
    gboolean has_memory;
    Algorithm algorithm;
} CliWay;

typedef struct CliOptions {
    const CliSpec *spec;
    GPtrArray *arguments; /* char *, what is no option; null-terminated */
    GPtrArray *to;        /* char *, likewise */
    GPtrArray *hosts;     /* char *, likewise */
    char *from;
    char *inventory_path;
    char *fleet_path; /* a scenario instead of real hosts */
    char *save_path;
    char *plan_path;
    char *report_path;
    char *instances_path;
    char *relay_program; /* of the agent */
    char *run_directory;
    guint effort; /* of searches, in per cent of the usual */
    char *traffic_path;
    RebalanceJob rebalance;
    gint64 every_ns; /* 0: once */
    CampaignOptions campaign;
    guint64 count; /* of periods; 0: no end */
    CliSimulate simulate;
    CliRelay relay;
    CliWay way;
    guint verbosity;
    gboolean wants_help;
    gboolean is_json;
    gboolean is_dry_run;
    gboolean without_colours;
    GHashTable *given; /* names of the options that were there */
} CliOptions;

/* NULL when there is nothing more to do: '*status' is then the exit status. */
CliOptions *cli_options_parse(const CliSpec *spec, int argc, char **argv, int *status);
void cli_options_free(CliOptions *options);

/* Whether an option of one of these groups was on the command line; its name, or NULL. */
const char *cli_options_given(const CliOptions *options, guint groups);

/* One line on standard error: "godwit evacuate: MESSAGE; see 'godwit evacuate --help'".  Returns 2. */
int cli_usage_error(const CliSpec *spec, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* One line on standard error: "godwit evacuate: MESSAGE".  Returns the exit status that the error asks for. */
int cli_failure(const CliSpec *spec, const GError *error);

/* The rows of the option tables in the groups of 'groups', in order. */
typedef struct CliOption {
    guint group;
    char letter; /* 0: none */
    const char *name;
    const char *argument; /* NULL: none */
    const char *help;
    gboolean (*set)(CliOptions *options, const char *text, GError **error);
} CliOption;
typedef void (*CliOptionFunc)(const CliOption *option, gpointer user);
void cli_options_each(guint groups, CliOptionFunc func, gpointer user);

/* The row called 'name' (without dashes, of one letter or more) among those of 'groups', or NULL: verbs may have options
 * of the same name that mean different things.  Rows of MigrateOptions are not among them. */
const CliOption *cli_option_find(guint groups, const char *name);

/* Frees what the options of cli-table-simulate.c set. */
void cli_simulate_clear(CliSimulate *simulate);

/* Likewise of cli-table-relay.c. */
void cli_relay_init(CliRelay *relay);
void cli_relay_clear(CliRelay *relay);

/* Of cli-table-way.c. */
void cli_way_init(CliWay *way);

/* The heading of one group in --help and in the manual. */
const char *cli_group_title(CliGroup group);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CliOptions, cli_options_free)
