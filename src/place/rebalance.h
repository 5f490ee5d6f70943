/* SPDX-License-Identifier: Apache-2.0
 *
 * Rebalance: whether a fleet needs anything moved, and if so the fewest moves that help; every verdict explained.
 *
 *     RebalanceRules rules;
 *     rebalance_rules_init(&rules);
 *     RebalanceInput input = {.problem = &problem, .windows = windows, .history = past, .history_length = n, .now_s = now};
 *     g_autoptr(Rebalance) decision = rebalance_decide(&input, placer, &options, &rules, &error);
 *     decision->result->moves, decision->result->totals      as of place_run
 *     decision->verdicts                                      one per host, also why nothing is done there
 *
 * Overload is judged on a window of samples: a host is a source when it was above safe_high in at least 'share_min' of
 * them and is so on average.  Short bursts move nobody.
 *
 * So that nothing flaps: a source is brought down to safe_high - margin, and no destination is filled above that either;
 * a VM that was moved less than 'hold_s' ago is held where it is; a host that received a VM less than 'hold_s' ago is no
 * source, and one that lost a VM by relief is no destination.  All of that yields to danger: a host whose average is above
 * 'danger' is relieved in any case, held VMs last, and the move says so.
 *
 * Fewest moves: of the plans that cost at most (1 + tolerance) times the cheapest one found, one with the fewest.
 *
 * Which VMs are in the problem, and their demand (the mean of the window is the right one), is the caller's business;
 * is_source of its hosts is not looked at: all hosts are judged, but those with 'is_exempt'.  Pure: time is an argument. */
#pragma once

#include "place/grouping.h"

typedef struct RebalanceRules {
    double share_min;   /* of the window's samples that must be above; 0.6 */
    guint samples_min;  /* with fewer samples only danger counts; 3 */
    double margin;      /* 0.05 */
    double danger;      /* 0.95 */
    double hold_s;      /* 1800 */
    double tolerance;   /* 0.05 */
} RebalanceRules;

void rebalance_rules_init(RebalanceRules *rules);

/* What was used of a host, as shares of its capacity, oldest first.  NULL for a resource: as the problem's demand says.
 * Length 0: the problem's demand is all that is known, and counts as samples_min samples. */
typedef struct RebalanceSamples {
    const double *used[RESOURCE_COUNT];
    guint length;
} RebalanceSamples;

/* A move that was done. */
typedef struct RebalancePast {
    guint vm;          /* index in the problem */
    guint source;      /* index of a host, or PLACE_NOWHERE when it is not in the problem any more */
    guint destination;
    double at_s;       /* when it ended; the same clock as now_s */
} RebalancePast;

typedef struct RebalanceInput {
    const PlaceProblem *problem;
    const RebalanceSamples *windows; /* [hosts]; NULL: none */
    const gboolean *is_exempt;       /* [hosts] nobody is to leave these; NULL: none */
    const RebalancePast *history;    /* in any order */
    guint history_length;
    double now_s;
} RebalanceInput;

#define REBALANCE_VERDICTS(X)                                                                                          \
    X(REBALANCE_CALM, "calm")         /* not above the safe range */                                                   \
    X(REBALANCE_BURST, "burst")       /* above it in some samples, or now, but not for long enough */                  \
    X(REBALANCE_HELD, "held")         /* above it, but it received a VM a short time ago */                            \
    X(REBALANCE_EXEMPT, "exempt")     /* above it, but the caller wants nobody to leave */                             \
    X(REBALANCE_RELIEVED, "relieved") /* VMs leave, and that brings it into the safe range */                          \
    X(REBALANCE_PARTLY, "partly")     /* VMs leave, but it stays above */                                              \
    X(REBALANCE_STUCK, "stuck")       /* above it, and nobody can leave */
NAMED_ENUM_DECLARE(RebalanceVerdictKind, rebalance_verdict_kind, REBALANCE_VERDICTS)

typedef struct RebalanceVerdict {
    RebalanceVerdictKind kind;
    Resource resource;    /* the fullest by its average */
    double now;           /* its last sample */
    double mean;          /* of the window */
    double share_above;   /* of the samples */
    gboolean is_danger;
    char *why;            /* "h2: CPU 0.83 now, but above 0.80 in 3 of 10 samples only"; owned */
} RebalanceVerdict;

typedef struct Rebalance {
    GArray *verdicts;     /* RebalanceVerdict, one per host in the order of the problem */
    PlaceResult *result;  /* no moves: nothing is to be done */
} Rebalance;

/* 'placer' has to know PLACE_RELIEVE.  Of 'options' safe_high is lowered by the margin where VMs are placed. */
Rebalance *rebalance_decide(const RebalanceInput *input, const Grouping *placer, const PlaceOptions *options,
                            const RebalanceRules *rules, GError **error);
void rebalance_free(Rebalance *rebalance);

/* Utilisation of a host from the windows of its VMs: used[i] = (base demand + sum of demand[vm][i]) / capacity for each of
 * 'length' samples.  'demand' has a row per VM of the problem (cores for CPU, MiB for memory), NULL: its demand in every
 * sample.  The caller frees the result. */
double *rebalance_host_samples(const PlaceProblem *problem, guint host, Resource resource, const double *const *demand,
                               guint length);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rebalance, rebalance_free)
