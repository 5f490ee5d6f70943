/* SPDX-License-Identifier: Apache-2.0
 *
 * Ways to search for the cheapest plan of a Relief: complete (branch), local (descend), and both put together (solve).
 *
 *     ReliefEffort effort = {.nodes = 20000, .rounds = 20};
 *     ReliefAnswer answer = relief_solve(relief, &effort, &rng);
 *     answer.plan is NULL when nothing can leave; answer.is_proven: nothing cheaper exists among these destinations */
#pragma once

#include "base/rng.h"
#include "place/relief.h"

/* Depth first over the choices of units order[0 .. length), which must be open in 'plan' and are again afterwards; all
 * others stay where they are.  Feasible at 'level' (SAFE or BELOW) and cheaper than 'limit' counts; 'best' gets the
 * cheapest, and TRUE is the result if there is one.  '*nodes' falls by one per choice tried; when it is 0 the search was
 * cut short. */
gboolean relief_branch(const Relief *relief, ReliefPlan *plan, const guint *order, guint length, ReliefLevel level,
                       double limit, guint64 *nodes, ReliefPlan *best);

/* Units that are not bound to stay, the largest first: a good order for relief_branch. */
guint relief_order(const Relief *relief, guint *order);

typedef enum ReliefGrowth {
    RELIEF_GROW_SINGLES,    /* unit by unit */
    RELIEF_GROW_COMPONENTS, /* whole connected components at a time: no traffic is cut */
    RELIEF_GROW_TIGHT,      /* who must leave goes where it leaves least room */
} ReliefGrowth;

/* Adds the cheapest leavers per demand relieved until it is enough; then whoever must leave.  FALSE: it got stuck, with
 * what it could do. */
gboolean relief_grow(const Relief *relief, ReliefPlan *plan, ReliefGrowth growth);

/* Best single change or exchange of two, again and again, as long as it is cheaper and feasible at 'level'. */
void relief_descend(const Relief *relief, ReliefPlan *plan, ReliefLevel level);

/* The cheapest single change or exchange that makes a plan RELIEF_SAFE; FALSE: none does. */
gboolean relief_make_safe(const Relief *relief, ReliefPlan *plan);

/* RELIEF_SOME: as much as possible leaves, by steps that each take away most. */
void relief_take_some(const Relief *relief, ReliefPlan *plan);

typedef struct ReliefEffort {
    guint64 nodes; /* of a complete search; per level */
    guint rounds;  /* of large neighbourhoods, where a complete search would not end */
} ReliefEffort;

typedef struct ReliefAnswer {
    ReliefPlan *plan; /* owned by the caller */
    ReliefLevel level;
    gboolean is_proven;
} ReliefAnswer;

ReliefAnswer relief_solve(const Relief *relief, const ReliefEffort *effort, Rng *rng);

/* The same with fewer VMs, as few as a cost of at most (1 + 'within') times that of 'answer' allows; its level stays what
 * it is.  'answer->plan' is replaced when there is one. */
void relief_solve_fewest(Relief *relief, const ReliefEffort *effort, double within, Rng *rng, ReliefAnswer *answer);
