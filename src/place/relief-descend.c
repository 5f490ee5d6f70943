/* SPDX-License-Identifier: Apache-2.0
 *
 * Local search on plans: growing one, and changing it for the better.
 *
 * The neighbourhood: one unit goes elsewhere (leaves, comes back, goes to another destination); a leaver comes back and
 * another leaves in its stead; two leavers exchange their destinations.  The best change is made, until none is cheaper
 * and feasible.  What a change costs is looked up (relief.c), so a sweep over a host of 200 VMs takes some 100,000 steps;
 * feasibility, which is dearer, is asked only of changes that would be the best so far. */
#include "place/relief-search.h"

#include <math.h>

#define EPSILON 1e-12

typedef struct Change {
    double cost; /* difference */
    guint unit[2];
    guint choice[2];
    guint length; /* units changed; 0: none found */
} Change;

static void apply_change(const Relief *relief, ReliefPlan *plan, const Change *change)
{
    for (guint i = 0; i < change->length; i++) {
        relief_put(relief, plan, change->unit[i], RELIEF_OPEN);
    }
    for (guint i = 0; i < change->length; i++) {
        relief_put(relief, plan, change->unit[i], change->choice[i]);
    }
}

/* Puts 'unit' onto 'choice' to see whether that is feasible, and back. */
static gboolean is_feasible_with(const Relief *relief, ReliefPlan *plan, guint unit, guint choice, ReliefLevel level)
{
    guint before = plan->to[unit];
    gboolean is_feasible;

    relief_put(relief, plan, unit, choice);
    is_feasible = relief_is_feasible(relief, plan, level);
    relief_put(relief, plan, unit, before);
    return is_feasible;
}

static void look_at_single(const Relief *relief, ReliefPlan *plan, ReliefLevel level, Change *best)
{
    for (guint u = 0; u < relief->units; u++) {
        double now = relief_cost_at(relief, plan, u, plan->to[u]);

        for (guint a = 0; a < relief->choices && relief->stance[u] != RELIEF_STAYS; a++) {
            double cost = relief_cost_at(relief, plan, u, a) - now;

            if (a != plan->to[u] && cost < best->cost && relief_fits(relief, plan, u, a) &&
                is_feasible_with(relief, plan, u, a, level)) {
                *best = (Change){.cost = cost, .unit = {u}, .choice = {a}, .length = 1};
            }
        }
    }
}

/* 'out' is back already, at a difference of 'base'; who leaves in its stead? */
static void look_at_replacements(const Relief *relief, ReliefPlan *plan, ReliefLevel level, guint out, double base,
                                 Change *best)
{
    for (guint u = 0; u < relief->units; u++) {
        if (u == out || relief->stance[u] != RELIEF_MAY_LEAVE || plan->to[u] != relief->stay) {
            continue;
        }
        for (guint a = 0; a < relief->stay; a++) {
            double cost = base + relief_cost_at(relief, plan, u, a) - relief_cost_at(relief, plan, u, relief->stay);

            if (cost < best->cost && relief_fits(relief, plan, u, a) &&
                is_feasible_with(relief, plan, u, a, level)) {
                *best = (Change){.cost = cost, .unit = {out, u}, .choice = {relief->stay, a}, .length = 2};
            }
        }
    }
}

static void look_at_swaps(const Relief *relief, ReliefPlan *plan, ReliefLevel level, Change *best)
{
    for (guint u = 0; u < relief->units; u++) {
        guint before = plan->to[u];
        double cost = plan->cost;

        if (before != relief->stay && relief->stance[u] == RELIEF_MAY_LEAVE) {
            relief_put(relief, plan, u, relief->stay);
            look_at_replacements(relief, plan, level, u, plan->cost - cost, best);
            relief_put(relief, plan, u, before);
        }
    }
}

/* Two leavers with different destinations take each other's.  What has left stays the same, so feasibility does. */
static void look_at_exchanges(const Relief *relief, ReliefPlan *plan, Change *best)
{
    for (guint u = 0; u < relief->units; u++) {
        for (guint v = u + 1; v < relief->units && plan->to[u] != relief->stay; v++) {
            guint from = plan->to[u];
            guint onto = plan->to[v];
            double cost = plan->cost;

            if (onto == relief->stay || onto == from) {
                continue;
            }
            relief_put(relief, plan, u, RELIEF_OPEN);
            relief_put(relief, plan, v, RELIEF_OPEN);
            if (relief_fits(relief, plan, u, onto) && relief_fits(relief, plan, v, from)) {
                relief_put(relief, plan, u, onto);
                relief_put(relief, plan, v, from);
                if (plan->cost - cost < best->cost) {
                    *best = (Change){.cost = plan->cost - cost, .unit = {u, v}, .choice = {onto, from}, .length = 2};
                }
            }
            relief_put(relief, plan, u, from);
            relief_put(relief, plan, v, onto);
        }
    }
}

void relief_descend(const Relief *relief, ReliefPlan *plan, ReliefLevel level)
{
    Change best;

    do {
        best = (Change){.cost = -EPSILON};
        look_at_single(relief, plan, level, &best);
        if (!best.length) {
            look_at_swaps(relief, plan, level, &best);
            look_at_exchanges(relief, plan, &best);
        }
        apply_change(relief, plan, &best);
    } while (best.length);
}

gboolean relief_make_safe(const Relief *relief, ReliefPlan *plan)
{
    Change best = {.cost = INFINITY};

    if (relief_is_feasible(relief, plan, RELIEF_SAFE)) {
        return TRUE;
    }
    look_at_single(relief, plan, RELIEF_SAFE, &best);
    look_at_swaps(relief, plan, RELIEF_SAFE, &best);
    apply_change(relief, plan, &best);
    return best.length > 0;
}

/* How much of what must leave this demand is, at most 1. */
static double usefulness(const Relief *relief, const ReliefPlan *plan, const double *demand)
{
    double useful = 0;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double need = relief->least[r] - plan->left[r];

        if (need > 0) {
            useful += MIN(demand[r], need) / need;
        }
    }
    return useful;
}

/* The components of units that may leave: their numbers, consecutive rows. */
static guint list_components(const Relief *relief, guint *row, guint *first)
{
    g_autofree gboolean *is_seen = g_new0(gboolean, relief->units + 1);
    guint length = 0;
    guint components = 0;

    for (guint u = 0; u < relief->units; u++) {
        if (is_seen[u] || relief->stance[u] == RELIEF_STAYS) {
            continue;
        }
        first[components++] = length;
        is_seen[u] = TRUE;
        row[length++] = u;
        for (guint at = length - 1; at < length; at++) {
            for (guint e = relief->edge_first[row[at]]; e < relief->edge_first[row[at] + 1]; e++) {
                guint peer = relief->edge_to[e];

                if (!is_seen[peer] && relief->stance[peer] != RELIEF_STAYS) {
                    is_seen[peer] = TRUE;
                    row[length++] = peer;
                }
            }
        }
    }
    first[components] = length;
    return components;
}

static guint list_singles(const Relief *relief, guint *row, guint *first)
{
    guint length = 0;

    for (guint u = 0; u < relief->units; u++) {
        if (relief->stance[u] != RELIEF_STAYS) {
            first[length] = length;
            row[length++] = u;
        }
    }
    first[length] = length;
    return length;
}

/* Puts all of a bundle onto 'choice', or none of it. */
static gboolean put_bundle(const Relief *relief, ReliefPlan *plan, const guint *units, guint length, guint choice)
{
    guint done = 0;

    while (done < length && relief_fits(relief, plan, units[done], choice)) {
        relief_put(relief, plan, units[done++], choice);
    }
    if (done == length) {
        return TRUE;
    }
    while (done > 0) {
        relief_put(relief, plan, units[--done], relief->stay);
    }
    return FALSE;
}

/* The bundle and destination with the least cost per usefulness; FALSE: no bundle is of use and fits. */
static gboolean grow_once(const Relief *relief, ReliefPlan *plan, const guint *row, const guint *first, guint bundles)
{
    double best = INFINITY;
    guint best_bundle = 0;
    guint best_choice = 0;

    for (guint b = 0; b < bundles; b++) {
        const guint *units = row + first[b];
        guint length = first[b + 1] - first[b];
        double demand[RESOURCE_COUNT] = {0};
        double useful = 0;
        double before = plan->cost;

        for (guint i = 0; i < length; i++) {
            for (int r = 0; r < RESOURCE_COUNT; r++) {
                demand[r] += relief->demand[units[i]][r];
            }
        }
        useful = usefulness(relief, plan, demand);
        for (guint a = 0; a < relief->stay && useful > 0 && plan->to[units[0]] == relief->stay; a++) {
            double cost = 0;

            if (length == 1) {
                cost = relief_cost_at(relief, plan, units[0], a) - relief_cost_at(relief, plan, units[0], relief->stay);
                cost = relief_fits(relief, plan, units[0], a) ? cost : INFINITY;
            } else if (put_bundle(relief, plan, units, length, a)) {
                cost = plan->cost - before;
                for (guint i = 0; i < length; i++) {
                    relief_put(relief, plan, units[i], relief->stay);
                }
            } else {
                continue;
            }
            if (cost < INFINITY && cost / useful < best) {
                best = cost / useful;
                best_bundle = b;
                best_choice = a;
            }
        }
    }
    return best < INFINITY && put_bundle(relief, plan, row + first[best_bundle],
                                         first[best_bundle + 1] - first[best_bundle], best_choice);
}

/* What is left of the fuller resource when 'unit' has come, as a share of what there was before anybody came. */
static double slack_after(const Relief *relief, const ReliefPlan *plan, guint unit, guint choice)
{
    double slack = INFINITY;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        slack = MIN(slack, (plan->room[choice][r] - relief->demand[unit][r]) / relief->room[choice][r]);
        slack = MIN(slack, (plan->room_reserved[choice][r] - relief->reserved[unit][r]) / relief->room_reserved[choice][r]);
    }
    return slack;
}

/* Those that must leave and have not: the largest first, each where it is cheapest, or where it leaves least room. */
static gboolean grow_movers(const Relief *relief, ReliefPlan *plan, gboolean is_tight)
{
    g_autofree guint *order = g_new(guint, relief->units + 1);
    guint length = relief_order(relief, order);
    gboolean has_placed_all = TRUE;

    for (guint k = 0; k < length; k++) {
        guint unit = order[k];
        double best = INFINITY;
        guint choice = relief->stay;

        if (relief->stance[unit] != RELIEF_MUST_LEAVE || plan->to[unit] != relief->stay) {
            continue;
        }
        for (guint a = 0; a < relief->stay; a++) {
            double cost = INFINITY;

            if (relief_fits(relief, plan, unit, a)) {
                cost = is_tight ? slack_after(relief, plan, unit, a) : relief_cost_at(relief, plan, unit, a);
            }
            if (cost < best) {
                best = cost;
                choice = a;
            }
        }
        has_placed_all = has_placed_all && choice != relief->stay;
        relief_put(relief, plan, unit, choice);
    }
    return has_placed_all;
}

gboolean relief_grow(const Relief *relief, ReliefPlan *plan, ReliefGrowth growth)
{
    gboolean by_components = growth == RELIEF_GROW_COMPONENTS;
    g_autofree guint *row = g_new(guint, relief->units + 1);
    g_autofree guint *first = g_new(guint, relief->units + 2);
    guint bundles = by_components ? list_components(relief, row, first) : list_singles(relief, row, first);

    while (!relief_is_enough(relief, plan)) {
        if (!grow_once(relief, plan, row, first, bundles)) {
            return FALSE;
        }
    }
    return grow_movers(relief, plan, growth == RELIEF_GROW_TIGHT);
}

void relief_take_some(const Relief *relief, ReliefPlan *plan)
{
    gboolean has_found;

    do {
        double most = 0;
        guint unit = 0;
        guint choice = 0;

        for (guint u = 0; u < relief->units; u++) {
            double useful = usefulness(relief, plan, relief->demand[u]);

            for (guint a = 0; a < relief->stay && plan->to[u] == relief->stay && useful > most; a++) {
                if (relief_fits(relief, plan, u, a)) {
                    most = useful;
                    unit = u;
                    choice = a;
                }
            }
        }
        has_found = most > 0;
        if (has_found) {
            relief_put(relief, plan, unit, choice);
        }
    } while (has_found && !relief_is_enough(relief, plan));
}
