/* SPDX-License-Identifier: Apache-2.0
 *
 * Two sources at a time: who was served first may have taken what the other needed more; see fleet.h.
 *
 * Both go home, and are decided anew in either order; the better of three outcomes is kept.  Pairs are tried where it
 * can matter: two that share a destination, or one that is still above the limit and any that took room near it.  In a
 * large fleet only the latter, and no more than PAIRS_EACH of them each.
 *
 * The VMs of a source are home while its worth is reckoned; everything else is where it is by now. */
#include "place/fleet.h"

#define SOURCES_FEW 32
#define PAIRS_EACH  12
#define NEVER       1000

/* What two decisions are worth together: sources that stay above count first, then what they are above by, then plans
 * that are not safe, then the cost. */
typedef struct Worth {
    double keys[4];
} Worth;

static gboolean is_less(const Worth *a, const Worth *b)
{
    for (guint i = 0; i < G_N_ELEMENTS(a->keys); i++) {
        if (a->keys[i] < b->keys[i] - 1e-9) {
            return TRUE;
        }
        if (a->keys[i] > b->keys[i] + 1e-9) {
            return FALSE;
        }
    }
    return FALSE;
}

static void add_worth(Worth *worth, const Fleet *fleet, const Relief *relief, const ReliefAnswer *answer)
{
    const PlaceState *state = fleet->world->state;
    gboolean is_some = !answer->plan || answer->level == RELIEF_SOME;
    gboolean has_guests = state->vms_on[relief->source] >
                          state->first_vm[relief->source + 1] - state->first_vm[relief->source];
    guint staying = relief->vms_length - (answer->plan ? answer->plan->vms_leaving : 0);

    worth->keys[0] += is_some ? (has_guests ? NEVER : 1) : 0; /* guests came because there would be room */
    if (is_some) {
        worth->keys[1] += fleet->task->kind == PLACE_EVACUATE ? staying : answer->plan ? relief_excess(relief, answer->plan) : 1;
    }
    worth->keys[2] += answer->level == RELIEF_BELOW && !fleet->is_cost_first;
    worth->keys[3] += answer->plan ? answer->plan->cost : 0;
}

static FleetDecision copy(const FleetDecision *decision)
{
    FleetDecision new = *decision;

    new.vms = g_memdup2(decision->vms, (decision->length + 1) * sizeof(guint));
    new.to = g_memdup2(decision->to, (decision->length + 1) * sizeof(guint));
    return new;
}

static void take(FleetDecision *decision, FleetDecision *from)
{
    g_free(decision->vms);
    g_free(decision->to);
    *decision = *from;
    from->vms = from->to = NULL;
}

/* Decides 'decision' anew and applies it. */
static void decide_anew(Fleet *fleet, FleetDecision *decision, Worth *worth)
{
    g_autoptr(Relief) relief = NULL;
    ReliefAnswer answer = fleet_look(fleet, decision->source, fleet_candidates_wanted(fleet), &relief);

    add_worth(worth, fleet, relief, &answer);
    if (answer.plan) {
        fleet_fill(decision, relief, &answer);
    } else {
        decision->length = 0;
        decision->level = RELIEF_SOME;
    }
    relief_plan_free(answer.plan);
    fleet_apply(fleet, decision);
}

static Worth worth_now(Fleet *fleet, const FleetDecision *a, const FleetDecision *b)
{
    const FleetDecision *both[] = {a, b};
    Worth worth = {{0}};

    fleet_undo(fleet, b);
    fleet_undo(fleet, a);
    for (guint i = 0; i < 2; i++) {
        g_autoptr(Relief) relief = NULL;
        ReliefAnswer answer = fleet_answer_of(fleet, both[i], &relief);

        add_worth(&worth, fleet, relief, &answer);
        relief_plan_free(answer.plan);
        fleet_apply(fleet, both[i]);
    }
    return worth;
}

/* 'first' is decided before 'second'.  TRUE: better than 'worth', which is lowered. */
static gboolean try_order(Fleet *fleet, FleetDecision *first, FleetDecision *second, Worth *worth)
{
    FleetDecision old_first = copy(first);
    FleetDecision old_second = copy(second);
    Worth new_worth = {{0}};
    gboolean has_improved;

    fleet_undo(fleet, second);
    fleet_undo(fleet, first);
    decide_anew(fleet, first, &new_worth);
    decide_anew(fleet, second, &new_worth);
    has_improved = is_less(&new_worth, worth);
    if (has_improved) {
        *worth = new_worth;
    } else {
        fleet_undo(fleet, second);
        fleet_undo(fleet, first);
        take(first, &old_first);
        take(second, &old_second);
        fleet_apply(fleet, first);
        fleet_apply(fleet, second);
    }
    g_free(old_first.vms);
    g_free(old_first.to);
    g_free(old_second.vms);
    g_free(old_second.to);
    return has_improved;
}

static gboolean is_stuck(const Fleet *fleet, const FleetDecision *decision)
{
    const PlaceState *state = fleet->world->state;
    gboolean has_left_all = TRUE;

    if (fleet->task->kind == PLACE_RELIEVE) {
        return place_state_is_overloaded(state, decision->source);
    }
    for (guint i = 0; i < fleet->task->movers_length; i++) {
        guint vm = fleet->task->movers[i];

        has_left_all = has_left_all && state->host_of[vm] != decision->source;
    }
    return !has_left_all;
}

static gboolean share_a_destination(const FleetDecision *a, const FleetDecision *b)
{
    for (guint i = 0; i < a->length; i++) {
        for (guint j = 0; j < b->length; j++) {
            if (a->to[i] == b->to[j] || a->to[i] == b->source || b->to[j] == a->source) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static gboolean try_pair(Fleet *fleet, FleetDecision *a, FleetDecision *b)
{
    Worth worth;
    gboolean has_improved;

    if (fleet_has_bound_guests(fleet, a->source) || fleet_has_bound_guests(fleet, b->source)) {
        return FALSE;
    }
    worth = worth_now(fleet, a, b);
    has_improved = try_order(fleet, b, a, &worth);
    return try_order(fleet, a, b, &worth) || has_improved;
}

gboolean fleet_refine_pairs(Fleet *fleet)
{
    gboolean is_small = fleet->sources <= SOURCES_FEW;
    gboolean has_improved = FALSE;

    for (guint i = 0; i < fleet->decisions->len; i++) {
        FleetDecision *a = &g_array_index(fleet->decisions, FleetDecision, i);
        gboolean is_a_stuck = is_stuck(fleet, a);
        guint tries = 0;

        for (guint j = 0; j < fleet->decisions->len && (is_small || (is_a_stuck && tries < PAIRS_EACH)); j++) {
            FleetDecision *b = &g_array_index(fleet->decisions, FleetDecision, j);

            if (j != i && ((j > i && share_a_destination(a, b)) || (is_a_stuck && b->length > 0))) {
                has_improved = try_pair(fleet, a, b) || has_improved;
                is_a_stuck = is_stuck(fleet, a);
                tries++;
            }
        }
    }
    return has_improved;
}
