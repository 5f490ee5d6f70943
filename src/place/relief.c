/* SPDX-License-Identifier: Apache-2.0
 *
 * Plans for one source host, changed one unit at a time; see relief.h.
 *
 * A plan keeps, for every unit and choice, what that choice would cost beside all units that are decided ('talk').  To
 * put a unit somewhere updates the rows of those it talks to; what a change would cost is then two additions, which is
 * what searches ask for most. */
#include "place/relief.h"

#include <string.h>

#define SLACK 1e-9 /* as in state.c */

ReliefPlan *relief_plan_new(const Relief *relief)
{
    ReliefPlan *plan = g_new0(ReliefPlan, 1);

    plan->to = g_new(guint, relief->units + 1);
    plan->room = g_memdup2(relief->room, relief->choices * sizeof(*plan->room));
    plan->room_reserved = g_memdup2(relief->room_reserved, relief->choices * sizeof(*plan->room_reserved));
    plan->arrivals = g_new0(guint, relief->choices);
    plan->talk = g_new0(double, (gsize)relief->units * relief->choices + 1);
    for (guint u = 0; u < relief->units; u++) {
        plan->to[u] = RELIEF_OPEN;
    }
    for (guint u = 0; u < relief->units; u++) {
        relief_put(relief, plan, u, relief->stay);
    }
    return plan;
}

ReliefPlan *relief_plan_copy(const Relief *relief, const ReliefPlan *plan)
{
    ReliefPlan *copy = g_new0(ReliefPlan, 1);

    copy->to = g_new(guint, relief->units + 1);
    copy->room = g_malloc_n(relief->choices, sizeof(*copy->room));
    copy->room_reserved = g_malloc_n(relief->choices, sizeof(*copy->room_reserved));
    copy->arrivals = g_new(guint, relief->choices);
    copy->talk = g_new(double, (gsize)relief->units * relief->choices + 1);
    relief_plan_assign(relief, copy, plan);
    return copy;
}

void relief_plan_assign(const Relief *relief, ReliefPlan *plan, const ReliefPlan *from)
{
    plan->cost = from->cost;
    plan->vms_leaving = from->vms_leaving;
    memcpy(plan->left, from->left, sizeof(plan->left));
    memcpy(plan->to, from->to, relief->units * sizeof(guint));
    memcpy(plan->room, from->room, relief->choices * sizeof(*plan->room));
    memcpy(plan->room_reserved, from->room_reserved, relief->choices * sizeof(*plan->room_reserved));
    memcpy(plan->arrivals, from->arrivals, relief->choices * sizeof(guint));
    memcpy(plan->talk, from->talk, (gsize)relief->units * relief->choices * sizeof(double));
}

void relief_plan_free(ReliefPlan *plan)
{
    if (!plan) {
        return;
    }
    g_free(plan->to);
    g_free(plan->room);
    g_free(plan->room_reserved);
    g_free(plan->arrivals);
    g_free(plan->talk);
    g_free(plan);
}

gboolean relief_fits(const Relief *relief, const ReliefPlan *plan, guint unit, guint choice)
{
    if (!relief->may[unit * relief->choices + choice]) {
        return FALSE;
    }
    if (choice == relief->stay) {
        return TRUE;
    }
    if (plan->to[unit] >= relief->stay && /* it is not among those leaving */
        plan->vms_leaving + relief->unit_first[unit + 1] - relief->unit_first[unit] > relief->vms_leaving_max) {
        return FALSE;
    }
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (relief->demand[unit][r] > plan->room[choice][r] ||
            relief->reserved[unit][r] > plan->room_reserved[choice][r]) {
            return FALSE;
        }
    }
    for (guint k = relief->foe_first[unit]; k < relief->foe_first[unit + 1]; k++) {
        if (plan->to[relief->foe_to[k]] == choice || relief->foe_to[k] == unit) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Adds (1) or takes away (-1) 'unit' where it is. */
static void count(const Relief *relief, ReliefPlan *plan, guint unit, int sign)
{
    const guint choice = plan->to[unit];

    plan->arrivals[choice] += (guint)sign;
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (choice == relief->stay) {
            continue;
        }
        plan->room[choice][r] -= sign * relief->demand[unit][r];
        plan->room_reserved[choice][r] -= sign * relief->reserved[unit][r];
        plan->left[r] += sign * relief->demand[unit][r];
    }
    if (choice != relief->stay) {
        plan->vms_leaving += (guint)sign * (relief->unit_first[unit + 1] - relief->unit_first[unit]);
    }
}

void relief_put(const Relief *relief, ReliefPlan *plan, guint unit, guint choice)
{
    const guint n = relief->choices;
    const guint before = plan->to[unit];
    const double *from = relief->distance + (before == RELIEF_OPEN ? n : before) * n;
    const double *onto = relief->distance + (choice == RELIEF_OPEN ? n : choice) * n;

    if (before == choice) {
        return;
    }
    if (before != RELIEF_OPEN) {
        plan->cost -= relief_cost_at(relief, plan, unit, before);
        count(relief, plan, unit, -1);
    }
    plan->to[unit] = choice;
    if (choice != RELIEF_OPEN) {
        plan->cost += relief_cost_at(relief, plan, unit, choice);
        count(relief, plan, unit, 1);
    }
    for (guint e = relief->edge_first[unit]; e < relief->edge_first[unit + 1]; e++) {
        double *restrict talk = plan->talk + relief->edge_to[e] * n;
        const double cost = relief->edge_cost[e];

        for (guint a = 0; a < n; a++) {
            talk[a] += cost * (onto[a] - from[a]);
        }
    }
}

gboolean relief_is_enough(const Relief *relief, const ReliefPlan *plan)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (plan->left[r] < relief->least[r] - SLACK * MAX(1, ABS(relief->least[r]))) {
            return FALSE;
        }
    }
    return TRUE;
}

double relief_excess(const Relief *relief, const ReliefPlan *plan)
{
    double excess = 0;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (relief->least[r] > 0) {
            excess = MAX(excess, (relief->least[r] - plan->left[r]) / relief->least[r]);
        }
    }
    return excess;
}

static gboolean stays(const Relief *relief, const ReliefPlan *plan, const guint *unit_of, guint vm)
{
    return plan->to[unit_of[vm]] == relief->stay;
}

/* VMs in the largest connected component of those that stay. */
static guint largest_staying(const Relief *relief, const ReliefPlan *plan, const guint *unit_of, guint *queue)
{
    gboolean *is_seen = g_newa0(gboolean, relief->vms_length);
    guint largest = 0;

    for (guint i = 0; i < relief->vms_length; i++) {
        guint length = 0;

        if (is_seen[i] || !stays(relief, plan, unit_of, i)) {
            continue;
        }
        queue[length++] = i;
        is_seen[i] = TRUE;
        for (guint at = 0; at < length; at++) {
            for (guint e = relief->link_first[queue[at]]; e < relief->link_first[queue[at] + 1]; e++) {
                guint peer = relief->link_to[e];

                if (!is_seen[peer] && stays(relief, plan, unit_of, peer)) {
                    is_seen[peer] = TRUE;
                    queue[length++] = peer;
                }
            }
        }
        largest = MAX(largest, length);
    }
    return largest;
}

static guint talking_staying(const Relief *relief, const ReliefPlan *plan, const guint *unit_of)
{
    guint talking = 0;

    for (guint i = 0; i < relief->vms_length; i++) {
        gboolean talks = FALSE;

        for (guint e = relief->link_first[i]; stays(relief, plan, unit_of, i) && e < relief->link_first[i + 1]; e++) {
            talks = talks || stays(relief, plan, unit_of, relief->link_to[e]);
        }
        talking += talks;
    }
    return talking;
}

double relief_doc(const Relief *relief, const ReliefPlan *plan)
{
    guint staying = relief->vms_length - plan->vms_leaving;
    g_autofree guint *unit_of = NULL;
    g_autofree guint *queue = NULL;

    if (staying <= 1) {
        return 1;
    }
    unit_of = g_new(guint, relief->vms_length);
    queue = g_new(guint, relief->vms_length);
    for (guint u = 0; u < relief->units; u++) {
        for (guint i = relief->unit_first[u]; i < relief->unit_first[u + 1]; i++) {
            unit_of[relief->unit_vm[i]] = u;
        }
    }
    if (relief->doc == DOC_DEGREE) {
        return (double)talking_staying(relief, plan, unit_of) / staying;
    }
    return (double)largest_staying(relief, plan, unit_of, queue) / staying;
}

gboolean relief_is_feasible(const Relief *relief, const ReliefPlan *plan, ReliefLevel level)
{
    if (level == RELIEF_SOME) {
        return TRUE;
    }
    if (!relief_is_enough(relief, plan)) {
        return FALSE;
    }
    return level == RELIEF_BELOW ||
           (plan->left[relief->bottleneck] <= relief->most + SLACK * MAX(1, ABS(relief->most)) &&
            plan->vms_leaving < relief->vms_length && relief_doc(relief, plan) >= relief->theta - SLACK);
}

static int compare_falling(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x < y) - (x > y);
}

/* So many VMs may remain at most that the largest component is still 'theta' of them; if even the largest of that many
 * are too small to keep the host above 'low', nothing is safe. */
gboolean relief_may_be_safe(const Relief *relief)
{
    double present = 0;
    double kept = 0;
    double allowed = relief->theta > 0 ? relief->largest_component / relief->theta + SLACK : relief->vms_length;
    g_autofree double *demand = g_new(double, relief->units + 1);

    if (relief->doc != DOC_COMPONENT) {
        return TRUE;
    }
    for (guint u = 0; u < relief->units; u++) {
        demand[u] = relief->demand[u][relief->bottleneck];
        present += demand[u];
    }
    qsort(demand, relief->units, sizeof(double), compare_falling);
    for (guint u = 0; u < relief->units && u < (guint)MIN(allowed, relief->units); u++) {
        kept += demand[u];
    }
    return present - kept <= relief->most + SLACK * MAX(1, ABS(relief->most));
}

void relief_apply(const Relief *relief, const ReliefPlan *plan, ReliefWorld *world)
{
    for (guint u = 0; u < relief->units; u++) {
        for (guint i = relief->unit_first[u]; plan->to[u] != relief->stay && i < relief->unit_first[u + 1]; i++) {
            place_state_move(world->state, relief->vms[relief->unit_vm[i]], relief->destination[plan->to[u]]);
        }
    }
}

void relief_undo(const Relief *relief, ReliefWorld *world)
{
    for (guint i = 0; i < relief->vms_length; i++) {
        place_state_move(world->state, relief->vms[i], relief->source);
    }
}
