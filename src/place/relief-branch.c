/* SPDX-License-Identifier: Apache-2.0
 *
 * Branch and bound over who leaves and where to.
 *
 * Theory of operation.  Units are decided one after the other, the largest first, each for every choice that has room,
 * the cheapest first.  A branch is cut when what it costs at least is no less than the best plan known:
 *
 *     cost of what is decided
 *   + for every open unit the traffic it has at least with those decided: what staying costs it
 *   + the least that must still be paid to take enough off the host: a fractional knapsack over the open units, each with
 *     its own cheapest destination as if there were room for all of them there (Dantzig 1957)
 *
 * Traffic between two open units counts as nothing.  A branch is also cut when all open units together are not enough,
 * when more than the safe range allows has left, and when so many VMs stay that the largest component of the host could
 * not be 'theta' of them.  Destinations that nothing tells apart are tried only in one order.
 *
 * Without a limit of nodes the result is the optimum: tests hold it against plain enumeration. */
#include "place/relief-search.h"

#include <math.h>
#include <string.h>

#define EPSILON 1e-12 /* cheaper by less is not cheaper */

typedef struct Branch {
    const Relief *relief;
    ReliefPlan *plan;
    const guint *order;
    guint length;
    ReliefLevel level;
    double limit;
    guint64 *nodes;
    ReliefPlan *best;
    gboolean has_best;
    Resource scarce;       /* what the knapsack is about: the resource that is most above its limit */
    guint vms_staying;     /* decided */
    double (*item)[2];     /* scratch of the knapsack: cost, demand */
} Branch;

typedef struct Option {
    double cost;
    guint choice;
} Option;

static double cheapest_leaving(const Branch *b, guint unit)
{
    const Relief *relief = b->relief;
    double cheapest = INFINITY;

    for (guint a = 0; a < relief->stay; a++) {
        if (relief->may[unit * relief->choices + a]) {
            cheapest = MIN(cheapest, relief_cost_at(relief, b->plan, unit, a));
        }
    }
    return cheapest;
}

/* Keeps item[0 .. length) by rising cost per demand. */
static void add_item(double (*item)[2], guint length, double cost, double demand)
{
    guint at = length;

    while (at > 0 && item[at - 1][0] * demand > cost * item[at - 1][1]) {
        item[at][0] = item[at - 1][0];
        item[at][1] = item[at - 1][1];
        at--;
    }
    item[at][0] = cost;
    item[at][1] = demand;
}

static double knapsack(double (*item)[2], guint length, double need)
{
    double cost = 0;

    for (guint i = 0; i < length && need > 0; i++) {
        double share = MIN(1, need / item[i][1]);

        cost += share * item[i][0];
        need -= item[i][1];
    }
    return need > 1e-9 * MAX(1, fabs(need)) ? INFINITY : cost;
}

/* What the plan costs at least when everything is decided. */
static double lower_bound(Branch *b, guint depth)
{
    const Relief *relief = b->relief;
    double bound = b->plan->cost;
    double need = relief->least[b->scarce] - b->plan->left[b->scarce] - 1e-9 * MAX(1, fabs(relief->least[b->scarce]));
    guint items = 0;

    for (guint k = depth; k < b->length; k++) {
        guint unit = b->order[k];
        double demand = relief->demand[unit][b->scarce];
        double leaving = cheapest_leaving(b, unit);
        double staying = relief->may[unit * relief->choices + relief->stay]
                             ? relief_cost_at(relief, b->plan, unit, relief->stay)
                             : INFINITY;

        if (leaving <= staying) {
            bound += leaving;
            need -= demand;
        } else {
            bound += staying;
            if (demand > 0 && leaving < INFINITY) {
                add_item(b->item, items++, leaving - staying, demand);
            }
        }
    }
    return need > 0 ? bound + knapsack(b->item, items, need) : bound;
}

static gboolean is_hopeless(const Branch *b)
{
    const Relief *relief = b->relief;

    return b->level == RELIEF_SAFE &&
           (b->plan->left[relief->bottleneck] > relief->most + 1e-9 * MAX(1, fabs(relief->most)) ||
            (relief->doc == DOC_COMPONENT && b->vms_staying * relief->theta > relief->largest_component + 1e-9));
}

/* The choices that have room, by rising cost. */
static guint list_options(const Branch *b, guint unit, Option *options)
{
    const Relief *relief = b->relief;
    guint length = 0;

    for (guint a = 0; a < relief->choices; a++) {
        double cost = relief_cost_at(relief, b->plan, unit, a);
        guint at = length;

        if (!relief_fits(relief, b->plan, unit, a) ||
            (a < relief->stay && relief->twin[a] != a && b->plan->arrivals[relief->twin[a]] == 0)) {
            continue;
        }
        while (at > 0 && options[at - 1].cost > cost) {
            options[at] = options[at - 1];
            at--;
        }
        options[at] = (Option){cost, a};
        length++;
    }
    return length;
}

static void keep_if_better(Branch *b)
{
    if (b->plan->cost < b->limit - EPSILON && relief_is_feasible(b->relief, b->plan, b->level)) {
        relief_plan_assign(b->relief, b->best, b->plan);
        b->limit = b->plan->cost;
        b->has_best = TRUE;
    }
}

static void descend(Branch *b, guint depth)
{
    const Relief *relief = b->relief;
    guint unit, size, options_length;
    Option *options = NULL;

    if (depth == b->length) {
        keep_if_better(b);
        return;
    }
    if (is_hopeless(b) || lower_bound(b, depth) >= b->limit - EPSILON) {
        return;
    }
    unit = b->order[depth];
    size = relief->unit_first[unit + 1] - relief->unit_first[unit];
    options = g_newa(Option, relief->choices);
    options_length = list_options(b, unit, options);
    for (guint i = 0; i < options_length && *b->nodes > 0; i++) {
        gboolean is_staying = options[i].choice == relief->stay;

        --*b->nodes;
        relief_put(relief, b->plan, unit, options[i].choice);
        b->vms_staying += is_staying ? size : 0;
        descend(b, depth + 1);
        b->vms_staying -= is_staying ? size : 0;
    }
    relief_put(relief, b->plan, unit, RELIEF_OPEN);
}

gboolean relief_branch(const Relief *relief, ReliefPlan *plan, const guint *order, guint length, ReliefLevel level,
                       double limit, guint64 *nodes, ReliefPlan *best)
{
    Branch b = {.relief = relief, .plan = plan, .order = order, .length = length, .level = level, .limit = limit,
                .nodes = nodes, .best = best, .scarce = relief->bottleneck};
    g_autofree double(*item)[2] = g_malloc_n(length + 1, sizeof(*item));

    b.item = item;
    for (guint u = 0; u < relief->units; u++) {
        b.vms_staying += plan->to[u] == relief->stay ? relief->unit_first[u + 1] - relief->unit_first[u] : 0;
    }
    descend(&b, 0);
    return b.has_best;
}

guint relief_order(const Relief *relief, guint *order)
{
    guint length = 0;

    for (guint u = 0; u < relief->units; u++) {
        double demand = relief->demand[u][relief->bottleneck];
        guint at = length;

        if (relief->stance[u] == RELIEF_STAYS) {
            continue;
        }
        while (at > 0 && relief->demand[order[at - 1]][relief->bottleneck] < demand) {
            order[at] = order[at - 1];
            at--;
        }
        order[at] = u;
        length++;
    }
    return length;
}
