/* SPDX-License-Identifier: Apache-2.0
 *
 * The exact optimum for one source host; see exact.h.
 *
 * By groups: with the seed's objective what a group costs does not depend on where it goes, so the cheapest group that
 * relieves the host and can be packed somewhere is the optimum.  A Gray code changes one unit from group to group, so
 * cost and demand are kept by one addition each; only groups cheaper than the best so far are looked at further: first
 * the safe range and the degree of connection, then whether they fit, by trying all ways. */
#include "place/exact.h"
#include "place/relief-search.h"
#include "base/error.h"

#include <math.h>

#define EPSILON     1e-12
#define NODES_LIMIT 200000000

static gboolean pack(const Relief *relief, ReliefPlan *plan, const guint *units, guint length)
{
    if (!length) {
        return TRUE;
    }
    for (guint a = 0; a < relief->stay; a++) {
        gboolean is_twin = relief->twin[a] != a && plan->arrivals[relief->twin[a]] == 0;

        if (!is_twin && relief_fits(relief, plan, units[0], a)) {
            relief_put(relief, plan, units[0], a);
            if (pack(relief, plan, units + 1, length - 1)) {
                return TRUE;
            }
            relief_put(relief, plan, units[0], relief->stay);
        }
    }
    return FALSE;
}

/* Packs the units of 'group'; the result is a plan if it is feasible. */
static ReliefPlan *plan_of(const Relief *relief, ReliefLevel level, const guint *order, guint order_length, guint group)
{
    g_autoptr(ReliefPlan) plan = relief_plan_new(relief);
    g_autofree guint *units = g_new(guint, order_length + 1);
    guint length = 0;

    for (guint k = 0; k < order_length; k++) {
        if (group & (1u << k)) {
            units[length++] = order[k];
        }
    }
    return pack(relief, plan, units, length) && relief_is_feasible(relief, plan, level) ? g_steal_pointer(&plan) : NULL;
}

static double cheapest_price(const Relief *relief, guint unit)
{
    double price = INFINITY;

    for (guint a = 0; a < relief->stay; a++) {
        if (relief->may[unit * relief->choices + a]) {
            price = MIN(price, relief->price[unit * relief->choices + a]);
        }
    }
    return price;
}

ReliefPlan *exact_by_groups(const Relief *relief, ReliefLevel level)
{
    g_autofree guint *order = g_new(guint, relief->units + 1);
    guint length = relief_order(relief, order);
    g_autofree double *price = g_new(double, length + 1);
    ReliefPlan *best = NULL;
    double left[RESOURCE_COUNT] = {0};
    double cost = 0;
    double limit = INFINITY;
    guint group = 0;

    g_return_val_if_fail(length <= EXACT_UNITS, NULL);
    for (guint k = 0; k < length; k++) {
        price[k] = cheapest_price(relief, order[k]);
    }
    for (guint code = 1; code < 1u << length; code++) {
        guint bit = (guint)__builtin_ctz(code);
        int sign = group & (1u << bit) ? -1 : 1;
        gboolean is_enough = TRUE;

        group ^= 1u << bit;
        cost += sign * price[bit];
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            left[r] += sign * relief->demand[order[bit]][r];
            is_enough = is_enough && left[r] >= relief->least[r] - 1e-6 * MAX(1, fabs(relief->least[r]));
        }
        if (is_enough && cost < limit - EPSILON) {
            ReliefPlan *plan = plan_of(relief, level, order, length, group);

            if (plan) {
                relief_plan_free(best);
                best = plan;
                limit = cost;
            }
        }
    }
    return best;
}

ReliefPlan *exact_by_branches(const Relief *relief, ReliefLevel level, guint64 *nodes)
{
    g_autoptr(ReliefPlan) plan = relief_plan_new(relief);
    g_autoptr(ReliefPlan) best = relief_plan_copy(relief, plan);
    g_autofree guint *order = g_new(guint, relief->units + 1);
    guint length = relief_order(relief, order);
    gboolean has_best;

    for (guint k = 0; k < length; k++) {
        relief_put(relief, plan, order[k], RELIEF_OPEN);
    }
    has_best = relief_branch(relief, plan, order, length, level, INFINITY, nodes, best);
    return has_best ? g_steal_pointer(&best) : NULL;
}

guint exact_destinations(const PlaceProblem *problem, guint source, guint *hosts)
{
    guint length = 0;

    for (guint h = 0; h < problem->hosts_length; h++) {
        if (h != source && problem->hosts[h].may_receive) {
            hosts[length++] = h;
        }
    }
    return length;
}

static void fill_answer(ExactAnswer *answer, const Relief *relief, const ReliefPlan *plan, ReliefLevel level)
{
    answer->level = level;
    answer->cost = plan->cost;
    answer->vms = g_new(guint, plan->vms_leaving + 1);
    answer->to = g_new(guint, plan->vms_leaving + 1);
    for (guint u = 0; u < relief->units; u++) {
        for (guint i = relief->unit_first[u]; plan->to[u] != relief->stay && i < relief->unit_first[u + 1]; i++) {
            answer->vms[answer->length] = relief->vms[relief->unit_vm[i]];
            answer->to[answer->length++] = relief->destination[plan->to[u]];
        }
    }
}

gboolean exact_relieve(const ReliefWorld *world, guint source, const guint *destinations, guint destinations_length,
                       ExactAnswer *answer, GError **error)
{
    g_autoptr(Relief) relief = relief_new(world, source, NULL, 0, destinations, destinations_length);
    g_autofree guint *order = g_new(guint, relief->units + 1);
    guint64 nodes = NODES_LIMIT;
    gboolean is_seed = world->options->objective == OBJECTIVE_SEED;

    *answer = (ExactAnswer){.level = RELIEF_SOME};
    if (relief_order(relief, order) > EXACT_UNITS) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "host %s has %u VMs that may leave; the exact optimum is looked for among at most %d, use another "
                    "placer",
                    world->problem->hosts[source].name, relief_order(relief, order), EXACT_UNITS);
        return FALSE;
    }
    for (int level = RELIEF_SAFE; level <= RELIEF_BELOW && !answer->length; level++) {
        g_autoptr(ReliefPlan) plan = is_seed ? exact_by_groups(relief, (ReliefLevel)level)
                                             : exact_by_branches(relief, (ReliefLevel)level, &nodes);

        if (!nodes) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                        "host %s: the exact optimum is not found within %d steps (%u VMs, %u destinations); use another "
                        "placer",
                        world->problem->hosts[source].name, NODES_LIMIT, relief->vms_length, destinations_length);
            exact_answer_clear(answer);
            return FALSE;
        }
        if (plan) {
            fill_answer(answer, relief, plan, (ReliefLevel)level);
        }
    }
    return TRUE;
}

void exact_answer_clear(ExactAnswer *answer)
{
    g_clear_pointer(&answer->vms, g_free);
    g_clear_pointer(&answer->to, g_free);
    *answer = (ExactAnswer){.level = RELIEF_SOME};
}
