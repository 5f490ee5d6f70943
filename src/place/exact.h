/* SPDX-License-Identifier: Apache-2.0
 *
 * The exact optimum for one source host: what all heuristics are measured against.
 *
 *     ExactAnswer answer;
 *     exact_relieve(world, source, hosts, hosts_length, &answer, &error)
 *     answer.cost, answer.to[] ...; exact_answer_clear(&answer)
 *
 * The feasible set is that of place/relief.h, the cost the integrated one with NORM_REF.  Two ways that share nothing but
 * the model: for OBJECTIVE_SEED the group is found by going through all 2^n groups in the order of a Gray code, each with
 * a test whether it fits into the destinations (2^n, n <= EXACT_UNITS); for OBJECTIVE_FULL branch and bound over who
 * leaves where to (relief-branch.c).  Hosts are relieved as they are at the beginning: an exact answer for several hosts
 * at once is the MIP's business. */
#pragma once

#include "place/relief.h"

#define EXACT_UNITS 22

typedef struct ExactAnswer {
    ReliefLevel level;
    double cost;
    guint length;      /* VMs that leave */
    guint *vms;        /* indices of the problem; owned */
    guint *to;         /* host of each */
} ExactAnswer;

/* GODWIT_ERROR_UNSUPPORTED when the host has more than EXACT_UNITS VMs that may leave, or the search would take longer than
 * anybody waits.  An answer with length 0 and RELIEF_SOME: nothing brings the host below the limit. */
gboolean exact_relieve(const ReliefWorld *world, guint source, const guint *destinations, guint destinations_length,
                       ExactAnswer *answer, GError **error);
void exact_answer_clear(ExactAnswer *answer);

/* All hosts but 'source' that may receive; 'hosts' has room for all.  Returns how many. */
guint exact_destinations(const PlaceProblem *problem, guint source, guint *hosts);

/* The two ways by themselves, for tests: an answer as a plan, NULL when there is none at this level.  relief_branch's
 * way takes '*nodes' from what it may try. */
ReliefPlan *exact_by_groups(const Relief *relief, ReliefLevel level);
ReliefPlan *exact_by_branches(const Relief *relief, ReliefLevel level, guint64 *nodes);
