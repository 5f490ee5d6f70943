/* SPDX-License-Identifier: Apache-2.0
 *
 * The keys of a scenario file, from one table: reading, defaults and the manual page all follow from it.
 *
 * A section of the file is read into a record, a plain struct whose members the table names by their offsets:
 *
 *     scenario_record_init(SECTION_HOST_TYPE, &record);                     the defaults
 *     scenario_record_set(SECTION_HOST_TYPE, &record, "cores", "16", &error)
 *     scenario_record_clear(SECTION_HOST_TYPE, &record);                    frees what its keys own
 *
 * Used by scenario*.c and the maker of the manual pages. */
#pragma once

#include "sim/scenario.h"

/* Each section of the file: symbol, how its header looks, whether it has a name, what it is (for the manual). */
#define SCENARIO_SECTIONS(X)                                                                                           \
    X(SECTION_SCENARIO, "scenario", FALSE, "The run as a whole.")                                                      \
    X(SECTION_TOPOLOGY, "topology", FALSE, "How hosts are wired.  The default is one switch that never limits.")       \
    X(SECTION_HOST_TYPE, "host-type", TRUE, "A kind of host.")                                                         \
    X(SECTION_HOSTS, "hosts", TRUE, "Hosts called NAME1, NAME2, and so on.")                                           \
    X(SECTION_HOST, "host", TRUE, "One host, called NAME.")                                                            \
    X(SECTION_VM_TYPE, "vm-type", TRUE, "A kind of VM.")                                                               \
    X(SECTION_VMS, "vms", TRUE, "VMs called NAME1, NAME2, and so on.")                                                 \
    X(SECTION_VM, "vm", TRUE, "One VM, called NAME.")                                                                  \
    X(SECTION_TRAFFIC, "traffic", FALSE, "Who talks to whom.  Without this group, nobody.")                            \
    X(SECTION_RULE, "rule", TRUE, "What placing must keep to.")                                                        \
    X(SECTION_FAULT, "fault", TRUE, "What breaks, and when.")                                                          \
    X(SECTION_POLICY, "policy", FALSE, "Who is in charge.  Options of the command line go before.")                    \
    X(SECTION_PHYSICS, "physics", FALSE, "Numbers of the physical mode.")

#define SCENARIO_SECTION_MEMBER(symbol, word, named, help) symbol,
typedef enum ScenarioSection { SCENARIO_SECTIONS(SCENARIO_SECTION_MEMBER) SECTIONS_LENGTH } ScenarioSection;

const char *scenario_section_word(ScenarioSection section);
const char *scenario_section_help(ScenarioSection section);
gboolean scenario_section_has_name(ScenarioSection section);

/* What lists of names and workloads are before they are looked up: text. */
typedef struct ScenarioHostsRecord {
    char *types;
    guint count;
} ScenarioHostsRecord;

#define SCENARIO_SPREADS(X)                                                                                            \
    X(SPREAD_TURN, "turn")     /* type after type */                                                                   \
    X(SPREAD_BLOCKS, "blocks") /* all of the first type, then all of the second: ceil(count / types) each */
NAMED_ENUM_DECLARE(ScenarioSpread, scenario_spread, SCENARIO_SPREADS)

typedef struct ScenarioVmsRecord {
    char *types;
    ScenarioSpread spread;
    guint count;
    ScenarioPlacement placement;
    char *hosts;
    char *workload;
    double noise_share;
    guint first_row; /* counted from 1 */
    gboolean is_shuffled;
    gboolean is_paused;
} ScenarioVmsRecord;

typedef struct ScenarioVmTypeRecord {
    ScenarioVmType type;
    char *dirty;
    char *load;
} ScenarioVmTypeRecord;

typedef struct ScenarioHostTypeRecord {
    ScenarioHostType type;
    char *power;
} ScenarioHostTypeRecord;

typedef struct ScenarioRuleRecord {
    ScenarioRuleKind kind;
    char *vms;
    char *hosts;
} ScenarioRuleRecord;

typedef struct ScenarioFaultRecord {
    ScenarioFault fault;
    char *target;
    char *until;
} ScenarioFaultRecord;

typedef struct ScenarioTrafficRecord {
    TrafficModel model;
    char *path;
    guint64 mean_bytes_per_s;
    guint64 deviation_bytes_per_s;
} ScenarioTrafficRecord;

typedef struct ScenarioPolicyRecord {
    ScenarioPolicy policy;
    char *range;
} ScenarioPolicyRecord;

/* Sets every key of the section to its default.  'record' is all zeros before. */
void scenario_record_init(ScenarioSection section, gpointer record);

/* A share as it is written: 0.4 or 40%. */
gboolean scenario_share_parse(const char *text, double *share, GError **error);

/* Sets one key.  The error does not name group and key: the caller does. */
gboolean scenario_record_set(ScenarioSection section, gpointer record, const char *key, const char *text,
                             GError **error);

/* Frees the strings of the record that its keys own. */
void scenario_record_clear(ScenarioSection section, gpointer record);

/* Calls 'func' for every key of the section, in the order of the manual. */
typedef struct ScenarioKeyDoc {
    const char *name;
    const char *initial; /* the default as it would be written; NULL: must be there; "" nothing */
    const char *help;
} ScenarioKeyDoc;
typedef void (*ScenarioKeyFunc)(const ScenarioKeyDoc *key, gpointer user);
void scenario_keys_each(ScenarioSection section, ScenarioKeyFunc func, gpointer user);
