/* SPDX-License-Identifier: Apache-2.0
 *
 * Scenario: a whole data centre in one file: hosts and how they are wired, VMs and what they do, what breaks and when,
 * and which policy is in charge.
 *
 *     g_autoptr(Scenario) scenario = scenario_load("fleet.ini", &error);
 *     for (guint v = 0; v < scenario->vms_length; v++) {
 *         const ScenarioVmType *type = &scenario->vm_types[scenario->vms[v].type];
 *         g_autofree char *name = scenario_vm_name(scenario, v);              made from its group's: web1, web2, ...
 *     }
 *
 * The file is described in godwit-scenario(5), which is made from the same table of keys that reads it
 * (scenario-keys.c).  Everything is checked when it is read: unknown groups and keys, names that are not there, numbers
 * out of range.  An error says the file, the group and key, what is wrong and what would be right.
 *
 * Hosts and VMs are counted in the order of the file; a host's index is also its place in the topology.  There may be a
 * million VMs, so what a group of them shares is kept once.  Plain data, read only after it was made; strings belong to
 * it.  Reads files, so it is for whoever starts a simulation, not for what runs inside. */
#pragma once

#include <glib.h>

#include "base/named.h"
#include "base/rng.h"
#include "model/topology.h"
#include "model/traffic.h"
#include "sim/day.h"

#define SCENARIO_POWER_POINTS 11u /* watts at 0, 10, .. 100 % load */
#define SCENARIO_HOSTS_MAX    1000000u
#define SCENARIO_VMS_MAX      10000000u

/* Streams of random numbers (rng_stream) that are taken already; whoever else needs chance begins at _FREE. */
enum {
    SCENARIO_STREAM_TRAFFIC = 1,
    SCENARIO_STREAM_DIRTY,
    SCENARIO_STREAM_ORDER, /* which row of a trace goes to which VM */
    SCENARIO_STREAM_NOISE,
    SCENARIO_STREAM_FREE = 16,
};

#define SCENARIO_MODES(X)                                                                                              \
    X(SCENARIO_PHYSICAL, "physical") /* what we hold to be right */                                                    \
    X(SCENARIO_CLOUDSIM, "cloudsim") /* what CloudSim 3.0.3 does, its defects included */
NAMED_ENUM_DECLARE(ScenarioMode, scenario_mode, SCENARIO_MODES)

/* What a topology_*() wants; topology_kind says which members count.  scenario_topology makes it. */
typedef struct ScenarioTopology {
    TopologyKind kind;
    guint ports;              /* fat-tree, bcube */
    guint levels;             /* bcube */
    guint hosts_per_rack;     /* three-tier */
    guint racks_per_pod;      /* three-tier */
    guint pods;               /* three-tier */
    guint aggregation_ports;  /* vl2 */
    guint intermediate_ports; /* vl2 */
    guint hosts_per_node;     /* graph */
    char *path;               /* graph: an SNDlib file; else NULL */
    guint64 host_link_bytes_per_s;
    guint64 switch_link_bytes_per_s;
    gint64 round_trip_ns;
} ScenarioTopology;

typedef struct ScenarioHostType {
    char *name;
    guint cores;
    double mips_per_core;
    guint64 memory_bytes;
    guint64 keep_free_bytes; /* of memory: no plan may promise it */
    guint64 nic_bytes_per_s; /* 0: the topology's host link */
    guint max_incoming;      /* migrations at a time; 0: any number */
    guint max_outgoing;
    gboolean has_agent;
    gboolean has_postcopy;
    char *power_name;                          /* a server of SPECpower, or NULL: */
    double power_watts[SCENARIO_POWER_POINTS]; /* filled in either case */
} ScenarioHostType;

typedef struct ScenarioHost {
    guint group; /* of host_groups */
    guint type;  /* of host_types */
} ScenarioHost;

/* Hosts or VMs that are declared together: [hosts NAME], [host NAME], [vms NAME], [vm NAME]. */
typedef struct ScenarioGroup {
    char *name;
    guint first; /* index of its first member */
    guint count;
    gboolean is_single; /* [host NAME]: the member is called NAME; otherwise NAME1, NAME2, ... */
} ScenarioGroup;

/* How VMs use memory; the paper's loads (seed 000 section 4.1) are presets of the key 'load'. */
typedef struct ScenarioVmType {
    char *name;
    guint vcpus;
    double mips_per_vcpu;
    guint64 memory_bytes;
    guint64 nic_bytes_per_s;    /* promised to it; 0: nothing */
    guint64 *dirty_bytes_per_s; /* one is drawn for each VM by the seed */
    guint dirty_length;         /* 1 or more */
    gboolean has_dirty;         /* the file says so, by 'dirty' or 'load' */
    gboolean has_working_set;
    guint64 working_set_bytes;  /* the most that one pass can find dirty: it is written over and over */
    guint64 read_bytes_per_s;   /* accessed and not written */
    guint64 read_set_bytes;     /* over which memory */
    double overwritten_share;   /* of pages written, those written as a whole before they are read: never fetched */
    guint dirty_bytes_per_page; /* bytes that differ inside a page that was written; 4096: all */
} ScenarioVmType;

#define SCENARIO_WORKLOADS(X)                                                                                          \
    X(WORKLOAD_CONSTANT, "constant")   /* constant SHARE */                                                            \
    X(WORKLOAD_SINE, "sine")           /* sine MEAN AMPLITUDE PERIOD */                                                \
    X(WORKLOAD_STEPS, "steps")         /* steps TIME:SHARE,TIME:SHARE,... */                                           \
    X(WORKLOAD_PLANETLAB, "planetlab") /* planetlab FILE */                                                            \
    X(WORKLOAD_BITBRAINS, "bitbrains") /* bitbrains FILE: the usage file; that of the VMs lies beside it */
NAMED_ENUM_DECLARE(ScenarioWorkloadKind, scenario_workload_kind, SCENARIO_WORKLOADS)

typedef struct ScenarioStep {
    gint64 at_ns;
    double share;
} ScenarioStep;

/* CPU use of a VM over time, a share of all its vCPUs. */
typedef struct ScenarioWorkload {
    ScenarioWorkloadKind kind;
    char *path;        /* of a trace; else NULL */
    double mean_share; /* constant, sine */
    double amplitude_share;
    gint64 period_ns;
    ScenarioStep *steps; /* ascending; before the first one: its share */
    guint steps_length;
    double noise_share;   /* standard deviation of what is added to each sample, drawn by the seed */
    guint first_row;      /* of the trace, for the first VM of the group */
    gboolean is_shuffled; /* the seed says which VM of the group gets which row */
} ScenarioWorkload;

#define SCENARIO_PLACEMENTS(X)                                                                                         \
    X(PLACEMENT_POWER, "power")             /* the least increase of power (PABFD), as the policy does it later */     \
    X(PLACEMENT_FIRST_FIT, "first-fit")     /* the first host with room, in order of arrival (seed 003) */             \
    X(PLACEMENT_ROUND_ROBIN, "round-robin") /* host after host */                                                      \
    X(PLACEMENT_NAMED, "named")             /* the key 'hosts' says where */
NAMED_ENUM_DECLARE(ScenarioPlacement, scenario_placement, SCENARIO_PLACEMENTS)

typedef struct ScenarioVmGroup {
    ScenarioGroup group;
    ScenarioPlacement placement;
    ScenarioWorkload workload;
    gboolean is_paused;
} ScenarioVmGroup;

typedef struct ScenarioVm {
    guint group;               /* of vm_groups */
    guint type;                /* of vm_types */
    int host;                  /* with PLACEMENT_NAMED; otherwise -1 */
    guint64 dirty_bytes_per_s; /* what the seed drew of its type's */
} ScenarioVm;

#define SCENARIO_RULES(X)                                                                                              \
    X(RULE_APART, "apart")       /* no two of them on one host */                                                      \
    X(RULE_TOGETHER, "together") /* all of them on the same host */                                                    \
    X(RULE_PINNED, "pinned")     /* only on these hosts */
NAMED_ENUM_DECLARE(ScenarioRuleKind, scenario_rule_kind, SCENARIO_RULES)

typedef struct ScenarioRule {
    char *name;
    ScenarioRuleKind kind;
    guint *vms; /* ascending, none twice */
    guint vms_length;
    guint *hosts; /* pinned */
    guint hosts_length;
} ScenarioRule;

#define SCENARIO_FAULTS(X)                                                                                             \
    X(SCENARIO_FAULT_HOST, "host")           /* it is gone, with all that runs there */                                \
    X(SCENARIO_FAULT_LINK, "link")           /* nothing passes a host's link */                                        \
    X(SCENARIO_FAULT_SLOW_LINK, "slow-link") /* only 'rate' passes */                                                  \
    X(SCENARIO_FAULT_AGENT, "agent")         /* the agent of a host ends and answers no more */                        \
    X(SCENARIO_FAULT_VM, "vm")               /* a VM crashes */
NAMED_ENUM_DECLARE(ScenarioFaultKind, scenario_fault_kind, SCENARIO_FAULTS)

typedef struct ScenarioFault {
    char *name;
    ScenarioFaultKind kind;
    guint target; /* a VM for SCENARIO_FAULT_VM, else a host */
    gint64 at_ns;
    gint64 until_ns;          /* G_MAXINT64: to the end */
    guint64 rate_bytes_per_s; /* slow-link */
} ScenarioFault;

/* Who is in charge; the words are those of `godwit simulate --policy` and `--placer`. */
typedef struct ScenarioPolicy {
    char *policy;     /* detector_selector_parameter, like lr_mmt_1.2 */
    char *placer;     /* who relieves overloaded hosts */
    double range_low; /* safe range of a host's use, seed 003 section 2.2 */
    double range_high;
    double theta;  /* least degree of connection of what stays */
    double gamma;  /* weight of migration time against heat */
    char *defects; /* of the peer, to be switched on in physical mode; comma separated, "" for none */
} ScenarioPolicy;

typedef struct Scenario {
    char *path; /* where it was read from */
    char *name;
    char *description; /* "" when there is none */
    guint64 seed;
    gint64 duration_ns;
    gint64 interval_ns; /* between decisions, and between the samples of a trace */
    ScenarioMode mode;
    ScenarioTopology topology;
    ScenarioHostType *host_types;
    guint host_types_length;
    ScenarioGroup *host_groups;
    guint host_groups_length;
    ScenarioHost *hosts;
    guint hosts_length; /* 1 or more */
    ScenarioVmType *vm_types;
    guint vm_types_length;
    ScenarioVmGroup *vm_groups;
    guint vm_groups_length;
    ScenarioVm *vms;
    guint vms_length;     /* 1 or more */
    gboolean has_traffic; /* there is a group [traffic] */
    char *traffic_path;   /* a file instead of the model; or NULL */
    TrafficModel traffic_model;
    ScenarioRule *rules;
    guint rules_length;
    ScenarioFault *faults; /* by time, then as in the file */
    guint faults_length;
    ScenarioPolicy policy;
    DaySettings physics;
} Scenario;

Scenario *scenario_load(const char *path, GError **error);

/* The same from text; 'path' is for messages, and file names are relative to its folder. */
Scenario *scenario_parse(const char *text, const char *path, GError **error);
void scenario_free(Scenario *scenario);

/* Another seed for the same scenario: what was drawn is drawn again. */
void scenario_set_seed(Scenario *scenario, guint64 seed);

/* Its network, which has a place for every host.  The caller frees. */
Topology *scenario_topology(const Scenario *scenario, GError **error);

/* Who talks to whom: drawn by the seed, or read from the file.  The caller frees. */
Traffic *scenario_traffic(const Scenario *scenario, GError **error);

/* The caller frees. */
char *scenario_host_name(const Scenario *scenario, guint host);
char *scenario_vm_name(const Scenario *scenario, guint vm);

/* The index of a name, or -1. */
int scenario_find_host(const Scenario *scenario, const char *name);
int scenario_find_vm(const Scenario *scenario, const char *name);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Scenario, scenario_free)
