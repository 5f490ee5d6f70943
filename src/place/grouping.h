/* SPDX-License-Identifier: Apache-2.0
 *
 * Grouping: the table of placers.  A placer takes a PlaceProblem and a task and says which VMs move where.
 *
 *     const Grouping *placer = grouping_find("gbm", &error);
 *     g_autoptr(PlaceResult) result = place_run(placer, &problem, &task, &options, &error);
 *     result->moves, result->totals, result->reasons
 *
 * place_run checks the input, calls the placer, and then checks its answer with code that no placer shares: every rule,
 * every capacity, every move; a placer that broke a promise is a bug and is reported as one (GODWIT_ERROR_FAILED), and
 * its moves go nowhere.  It also computes the totals, the same way for all.
 *
 * Adding a placer is one file, placer-NAME.c, and its line in grouping-list.h.  Pure: same problem, options and seed, same
 * answer. */
#pragma once

#include "model/passes.h"
#include "place/problem.h"

#define PLACE_TASKS(X)                                                                                                 \
    X(PLACE_RELIEVE, "relieve")         /* bring each marked host that is above the safe range back into it */         \
    X(PLACE_EVACUATE, "evacuate")       /* every VM in 'movers' must leave its host for one that may receive */        \
    X(PLACE_CONSOLIDATE, "consolidate") /* empty as many hosts as possible, with few moves */
NAMED_ENUM_DECLARE(PlaceTaskKind, place_task_kind, PLACE_TASKS)

typedef struct PlaceTask {
    PlaceTaskKind kind;
    const guint *movers; /* EVACUATE: indices of VMs, ascending */
    guint movers_length;
} PlaceTask;

#define OBJECTIVES(X)                                                                                                  \
    X(OBJECTIVE_FULL, "full") /* migration + energy + communication (VMMAGS 2017); default */                          \
    X(OBJECTIVE_SEED, "seed") /* migration + energy (seed 003 section 2.2) */
NAMED_ENUM_DECLARE(Objective, objective, OBJECTIVES)

#define NORMS(X)                                                                                                       \
    X(NORM_REF, "ref")       /* divided by the cost of moving all VMs of the source host: stable under pruning */      \
    X(NORM_MINMAX, "minmax") /* (x - min) / (max - min) over the candidates of this decision */
NAMED_ENUM_DECLARE(Norm, norm, NORMS)

#define DOC_VARIANTS(X)                                                                                                \
    X(DOC_COMPONENT, "component") /* |largest connected component| / |remaining| ; default */                          \
    X(DOC_DEGREE, "degree")       /* |remaining VMs that talk to another remaining one| / |remaining| */
NAMED_ENUM_DECLARE(DocVariant, doc_variant, DOC_VARIANTS)

#define GROUP_TRANSFERS(X)                                                                                             \
    X(TRANSFER_SERIAL, "serial")     /* each VM gets the bandwidth alone */                                            \
    X(TRANSFER_PARALLEL, "parallel") /* the b VMs of a block share it: B / b */
NAMED_ENUM_DECLARE(GroupTransfer, group_transfer, GROUP_TRANSFERS)

typedef struct PlaceOptions {
    Objective objective;
    Norm norm;
    double gamma;            /* seed: weight of the migration cost, 1 - gamma of the energy cost; 0.5 */
    double weights[3];       /* full: migration, energy, communication; 1/3 each */
    double safe_low;         /* SR; 0.5 */
    double safe_high;        /* 0.8 */
    double theta;            /* the least degree of connection of what remains; 0.4 */
    DocVariant doc;
    GroupTransfer transfer;
    PassesRules passes;
    gboolean is_closed_form; /* migration time by equations 1 and 2 where they are defined; FALSE: pass by pass */
    double bandwidth_mib_per_s; /* of a migration where the host names none; 128 */
    guint spare_hosts;       /* N+k: after the moves any k hosts may fail and their VMs still fit elsewhere; 0 */
    guint exact_vms;         /* up to so many VMs on a host all groups are looked at; 14 */
    guint exact_group;       /* up to so many VMs in a group all partitions are; 10 */
    guint64 seed;            /* of placers that use chance */
    gboolean is_at_once;     /* CONSOLIDATE by "pack": no move counts on room that another gives back; FALSE */
    guint effort;            /* iterations of metaheuristics, in per cent of their usual number; 100 */
    double fewest_within;    /* of the plans that cost at most this share more than the cheapest one found, one with the
                                fewest moves; 0: the cheapest.  Known to godwit */
} PlaceOptions;

void place_options_init(PlaceOptions *options);

/* Named sets: "experiment" (seed 003 section 3.2, the default), "example" (section 2.2: SR 0.5..0.6, theta 0.5), each
 * with the seed's two-term objective when "-seed" is added. */
gboolean place_options_preset(PlaceOptions *options, const char *name, GError **error);
const char *place_preset_name(guint index); /* NULL after the last */

/* GODWIT_ERROR_USAGE naming the option that makes no sense; place_run calls it. */
gboolean place_options_check(const PlaceOptions *options, GError **error);

typedef struct PlaceMove {
    guint vm;
    guint source;
    guint destination;
    guint group; /* moves of one decision share a number, 0 first */
    guint block; /* within the group: VMs that go to the same host together */
    char *why;   /* for people: what made it move and why there; owned */
} PlaceMove;

typedef struct PlaceTotals {
    double migration_s;        /* Cost_mig: sum over moves of T_mig_i */
    double makespan_s;         /* longest of all sources and destinations, moves of a host one after the other or, with
                                  TRANSFER_PARALLEL, block by block */
    double energy;             /* Cost_E */
    double communication;      /* Cost_com: MiB/s times links over all edges of moved VMs, after the moves */
    double communication_all;  /* over all edges of the problem, after the moves */
    double integrated;         /* the objective; summed over source hosts, each with its own reference (NORM_REF) */
    double sent_mib;
    double sent_mib_hops;      /* bytes times links */
    double power_w;            /* of all hosts after the moves, empty ones off; NAN when a curve is unknown */
    guint moves;
    guint overloaded_before;   /* hosts above the safe range */
    guint overloaded_after;
    guint hosts_on_before;     /* with a VM or a base load */
    guint hosts_on_after;
} PlaceTotals;

/* Why something could not be done: the smallest set of reasons that already makes it impossible. */
typedef struct PlaceReason {
    guint vm;   /* or PLACE_NOWHERE */
    guint host; /* or PLACE_NOWHERE */
    char *what; /* "memory: needs 8.0 GiB, h2 has 3.1 GiB left"; owned */
} PlaceReason;

typedef struct PlaceResult {
    GArray *moves;     /* PlaceMove, in the order in which they may be done */
    GArray *reasons;   /* PlaceReason; empty when all was done */
    GArray *left_over; /* guint: EVACUATE: VMs that found no room; RELIEVE: hosts that stay above the range */
    PlaceTotals totals;
} PlaceResult;

PlaceResult *place_result_new(void);
void place_result_free(PlaceResult *result);
/* 'why' is taken. */
void place_result_add_move(PlaceResult *result, const PlaceProblem *problem, guint vm, guint destination, guint group,
                           guint block, char *why);
/* 'what' is taken; 'vm' and 'host' may be PLACE_NOWHERE. */
void place_result_add_reason(PlaceResult *result, guint vm, guint host, char *what);

typedef struct Grouping {
    const char *name;
    const char *summary; /* one line for --help */
    guint tasks;         /* bits 1 << PlaceTaskKind */

    /* Appends its moves to 'result' and names in left_over and reasons what it could not do; that is no error.  It is
     * called with a checked problem and a task that it said it can do. */
    gboolean (*place)(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                      PlaceResult *result, GError **error);
} Grouping;

/* Ends with NULL; the first is the default. */
const Grouping *const *groupings(void);

/* GODWIT_ERROR_USAGE with the names that there are. */
const Grouping *grouping_find(const char *name, GError **error);

/* The moves come back in an order in which each has room when it is done; that of the placer where it is such an order.
 * left_over is filled from the moves, whatever the placer wrote; reasons by reasons.h, which replace the placer's own where
 * they prove that it cannot be done.  N+k (spare.h) is kept here, by asking again with less room; a placer need not know
 * of it.  In an evacuation hosts marked is_source receive nothing and only 'movers' move; in a relief only VMs of hosts
 * marked is_source.  A move obeys a rule when afterwards no other VM of an APART rule, and all others of a TOGETHER rule,
 * are at its destination; rules that are broken already bind only VMs that move.
 *
 * GODWIT_ERROR_USAGE, GODWIT_ERROR_INPUT: what was asked makes no sense; GODWIT_ERROR_UNSUPPORTED: it is too large for
 * this placer; GODWIT_ERROR_FAILED: the placer broke a promise. */
PlaceResult *place_run(const Grouping *placer, const PlaceProblem *problem, const PlaceTask *task,
                       const PlaceOptions *options, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlaceResult, place_result_free)
