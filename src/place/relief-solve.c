/* SPDX-License-Identifier: Apache-2.0
 *
 * The best plan for one host that a given effort finds; see relief-search.h.
 *
 * First cheap plans by growing and local search, then a complete search that starts with the best of them as its limit.
 * Where the complete search does not end, large neighbourhoods: some ten units are opened at a time, and their best
 * choices beside all others are found completely (Shaw 1998).  Small hosts are so solved to the optimum, large ones come
 * near it; docs/decisions/0011-our-placer.md has the gaps. */
#include "place/relief-search.h"

#include <math.h>

#define COMPLETE_UNITS 26      /* up to so many a complete search is worth beginning */
#define OPENED_UNITS   10
#define OPENED_NODES   1000

typedef struct Solve {
    const Relief *relief;
    const ReliefEffort *effort;
    Rng *rng;
    guint *order;             /* units that are not bound to stay */
    guint order_length;
    ReliefPlan *best[2];      /* by level: RELIEF_SAFE, RELIEF_BELOW */
} Solve;

static void offer(Solve *solve, ReliefLevel level, const ReliefPlan *plan)
{
    if (!solve->best[level]) {
        solve->best[level] = relief_plan_copy(solve->relief, plan);
    } else if (plan->cost < solve->best[level]->cost) {
        relief_plan_assign(solve->relief, solve->best[level], plan);
    }
}

static void start_from(Solve *solve, ReliefGrowth growth, gboolean may_be_safe)
{
    g_autoptr(ReliefPlan) plan = relief_plan_new(solve->relief);

    if (!relief_grow(solve->relief, plan, growth)) {
        return;
    }
    if (may_be_safe) {
        g_autoptr(ReliefPlan) safe = relief_plan_copy(solve->relief, plan);

        if (relief_make_safe(solve->relief, safe)) {
            relief_descend(solve->relief, safe, RELIEF_SAFE);
            offer(solve, RELIEF_SAFE, safe);
            return;
        }
    }
    relief_descend(solve->relief, plan, RELIEF_BELOW);
    offer(solve, RELIEF_BELOW, plan);
}

/* TRUE: nothing cheaper exists at 'level'. */
static gboolean search_all(Solve *solve, ReliefLevel level)
{
    const Relief *relief = solve->relief;
    guint64 nodes = solve->effort->nodes;
    g_autoptr(ReliefPlan) plan = NULL;
    g_autoptr(ReliefPlan) found = NULL;

    if (solve->order_length > COMPLETE_UNITS || !nodes) {
        return FALSE;
    }
    plan = relief_plan_new(relief);
    found = relief_plan_copy(relief, plan);
    for (guint k = 0; k < solve->order_length; k++) {
        relief_put(relief, plan, solve->order[k], RELIEF_OPEN);
    }
    if (relief_branch(relief, plan, solve->order, solve->order_length, level,
                      solve->best[level] ? solve->best[level]->cost : INFINITY, &nodes, found)) {
        offer(solve, level, found);
    }
    return nodes > 0;
}

static guint add_once(guint *units, guint length, guint unit)
{
    for (guint i = 0; i < length; i++) {
        if (units[i] == unit) {
            return length;
        }
    }
    units[length] = unit;
    return length + 1;
}

/* 'unit' and those it is connected with, as long as there is space. */
static guint add_component(const Solve *solve, guint *units, guint length, guint want, guint unit)
{
    const Relief *relief = solve->relief;
    guint first = length;

    length = add_once(units, length, unit);
    for (guint at = first; at < length; at++) {
        for (guint e = relief->edge_first[units[at]]; e < relief->edge_first[units[at] + 1] && length < want; e++) {
            if (relief->stance[relief->edge_to[e]] != RELIEF_STAYS) {
                length = add_once(units, length, relief->edge_to[e]);
            }
        }
    }
    return length;
}

/* Two leavers, then others, each with all it is connected with (what costs traffic when it is cut) or, every other
 * round, alone. */
static guint choose_units(Solve *solve, const ReliefPlan *plan, guint round, guint *units)
{
    guint want = MIN(OPENED_UNITS, solve->order_length);
    guint length = 0;
    guint leavers = 0;

    for (guint tries = 0; length < want && tries < 20 * want; tries++) {
        guint unit = solve->order[rng_below(solve->rng, solve->order_length)];
        gboolean is_leaving = plan->to[unit] != solve->relief->stay;

        if (leavers < 2 && !is_leaving && tries < 10 * want) {
            continue;
        }
        leavers += is_leaving;
        length = round % 2 ? add_once(units, length, unit) : add_component(solve, units, length, want, unit);
    }
    return length;
}

static void search_around(Solve *solve, ReliefLevel level)
{
    const Relief *relief = solve->relief;
    g_autoptr(ReliefPlan) plan = relief_plan_copy(relief, solve->best[level]);
    g_autoptr(ReliefPlan) found = relief_plan_copy(relief, plan);

    for (guint round = 0; round < solve->effort->rounds; round++) {
        guint units[OPENED_UNITS];
        guint before[OPENED_UNITS];
        guint length = choose_units(solve, plan, round, units);
        guint64 nodes = OPENED_NODES;
        double cost = plan->cost;

        for (guint i = 0; i < length; i++) {
            before[i] = plan->to[units[i]];
            relief_put(relief, plan, units[i], RELIEF_OPEN);
        }
        if (relief_branch(relief, plan, units, length, level, cost, &nodes, found)) {
            relief_plan_assign(relief, plan, found);
            relief_descend(relief, plan, level);
        } else {
            for (guint i = 0; i < length; i++) {
                relief_put(relief, plan, units[i], before[i]);
            }
        }
    }
    offer(solve, level, plan);
}

/* TRUE: there is an answer at 'level'. */
static gboolean solve_level(Solve *solve, ReliefLevel level, ReliefAnswer *answer)
{
    gboolean is_proven = search_all(solve, level);

    if (!solve->best[level]) {
        answer->is_proven = answer->is_proven && is_proven; /* that there is none */
        return FALSE;
    }
    if (!is_proven && solve->order_length > 0) {
        search_around(solve, level);
    }
    answer->plan = g_steal_pointer(&solve->best[level]);
    answer->level = level;
    answer->is_proven = answer->is_proven && is_proven;
    return TRUE;
}

static void solve_some(const Relief *relief, ReliefAnswer *answer)
{
    g_autoptr(ReliefPlan) plan = relief_plan_new(relief);

    if (relief->has_movers) {
        relief_grow(relief, plan, RELIEF_GROW_TIGHT);
    } else {
        relief_take_some(relief, plan);
    }
    answer->level = RELIEF_SOME;
    answer->is_proven = FALSE;
    answer->plan = plan->vms_leaving > 0 ? g_steal_pointer(&plan) : NULL;
}

ReliefAnswer relief_solve(const Relief *relief, const ReliefEffort *effort, Rng *rng)
{
    Solve solve = {.relief = relief, .effort = effort, .rng = rng};
    g_autofree guint *order = g_new(guint, relief->units + 1);
    ReliefAnswer answer = {.is_proven = TRUE};
    gboolean may_be_safe = !relief->has_movers && relief_may_be_safe(relief);

    solve.order = order;
    solve.order_length = relief_order(relief, order);
    start_from(&solve, RELIEF_GROW_SINGLES, may_be_safe);
    start_from(&solve, RELIEF_GROW_COMPONENTS, may_be_safe);
    if (relief->has_movers) {
        start_from(&solve, RELIEF_GROW_TIGHT, FALSE);
    }
    if (!(may_be_safe && solve_level(&solve, RELIEF_SAFE, &answer)) && !solve_level(&solve, RELIEF_BELOW, &answer)) {
        solve_some(relief, &answer);
    }
    relief_plan_free(solve.best[RELIEF_SAFE]);
    relief_plan_free(solve.best[RELIEF_BELOW]);
    return answer;
}

/* At least so many VMs have to leave: the largest together are enough. */
static guint fewest_possible(const Relief *relief)
{
    guint most = 0;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        g_autofree gboolean *is_taken = g_new0(gboolean, relief->units + 1);
        double need = relief->least[r];
        guint vms = 0;

        while (need > 1e-9) {
            guint best = relief->units;

            for (guint u = 0; u < relief->units; u++) {
                if (!is_taken[u] && relief->stance[u] != RELIEF_STAYS &&
                    (best == relief->units || relief->demand[u][r] > relief->demand[best][r])) {
                    best = u;
                }
            }
            if (best == relief->units) {
                return relief->vms_length;
            }
            is_taken[best] = TRUE;
            need -= relief->demand[best][r];
            vms++;
        }
        most = MAX(most, vms);
    }
    return most;
}

void relief_solve_fewest(Relief *relief, const ReliefEffort *effort, double within, Rng *rng, ReliefAnswer *answer)
{
    double limit;

    if (!answer->plan || answer->level == RELIEF_SOME || within <= 0 || relief->has_movers) {
        return;
    }
    limit = answer->plan->cost + within * fabs(answer->plan->cost);
    for (guint vms = fewest_possible(relief); vms < answer->plan->vms_leaving; vms++) {
        ReliefAnswer fewer;

        relief->vms_leaving_max = vms;
        fewer = relief_solve(relief, effort, rng);
        if (fewer.plan && fewer.level <= answer->level && fewer.plan->cost <= limit) {
            relief_plan_free(answer->plan);
            *answer = fewer;
            answer->is_proven = FALSE; /* it is not the cheapest */
            break;
        }
        relief_plan_free(fewer.plan);
    }
    relief->vms_leaving_max = G_MAXUINT;
}
