/* SPDX-License-Identifier: Apache-2.0
 *
 * Feasible: whether some VMs can be placed at all, and which facts about them say no.
 *
 * A fact is a VM and a constraint: that vm7 needs memory, that vm3 is pinned.  A question is asked for a set of facts;
 * all other facts are taken for untrue, and a VM without any fact goes anywhere.  So fewer facts are never harder to
 * satisfy, and a set that is impossible is a proof by itself: it is what reasons.h makes small.
 *
 * Two questions:
 *
 *     evacuation    every VM goes to a host that may receive and is not its own
 *     relief        enough of a host's VMs go that no resource of it stays above safe_high; others stay
 *
 * Only the end counts here, not the order of the moves, nor the safe range's lower end or the degree of connection: what
 * is impossible here is impossible for every placer. */
#pragma once

#include "place/grouping.h"

#define FACTS(X)                                                                                                       \
    X(FACT_CPU, "cpu")           /* its cores, demanded and reserved */                                                \
    X(FACT_MEMORY, "memory")     /* its memory, likewise */                                                            \
    X(FACT_CLASS, "class")       /* its kind of guest CPU */                                                           \
    X(FACT_APART, "apart")       /* rules that keep it from others */                                                  \
    X(FACT_TOGETHER, "together") /* rules that bind it to others */                                                    \
    X(FACT_PINNED, "pinned")
NAMED_ENUM_DECLARE(Fact, fact, FACTS)
#define FACT_COUNT 6

typedef enum Verdict {
    VERDICT_POSSIBLE,
    VERDICT_IMPOSSIBLE,
    VERDICT_UNKNOWN, /* the search was given up */
} Verdict;

typedef struct Feasible {
    const PlaceProblem *problem;
    const PlaceOptions *options;
    guint relieved;      /* the host, or PLACE_NOWHERE for an evacuation */
    guint length;
    guint *vms;          /* [length] evacuation: who has to leave; relief: who is on the host */
    guint8 *facts;       /* [length] bits 1 << Fact that are true of it */
    guint *place_of;     /* [vms of the problem] in 'vms', or PLACE_NOWHERE */
    GArray *rules;       /* guint: those that name one of 'vms' */
    guint *rule_first;   /* [length + 1] rows of 'rule_of': the rules that name VM i */
    guint *rule_of;
    double (*room)[RESOURCE_COUNT];          /* [hosts] demand that fits, with none of 'vms' anywhere */
    double (*room_reserved)[RESOURCE_COUNT];
    double to_leave[RESOURCE_COUNT];         /* relief: demand that has to leave, at least */
    guint64 steps_left;  /* shared by all questions; when used up the verdict is unknown */
} Feasible;

/* 'vms' ascending; of a relief NULL. */
Feasible *feasible_new(const PlaceProblem *problem, const PlaceOptions *options, guint relieved, const guint *vms,
                       guint vms_length);
void feasible_free(Feasible *feasible);

/* 'facts'[length].  'hosts'[length], or NULL: where each VM goes when it is possible; PLACE_NOWHERE: stays, or has no
 * fact. */
Verdict feasible_ask(Feasible *feasible, const guint8 *facts, guint *hosts);

/* Whether VM i of the question, alone and with 'facts' of its own, could go to 'host'. */
gboolean feasible_may(const Feasible *feasible, guint i, guint8 facts, guint host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Feasible, feasible_free)
