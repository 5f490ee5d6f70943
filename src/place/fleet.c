/* SPDX-License-Identifier: Apache-2.0
 *
 * Source after source, and again; see fleet.h. */
#include "place/fleet.h"

#include <string.h>

#define NODES_ALL      2000000 /* steps of complete search for the whole fleet */
#define NODES_MIN      500
#define NODES_ONE      60000   /* a single source to relieve */
#define NODES_MAX      8000
#define ROUNDS_ALL     4000
#define ROUNDS_MIN     1
#define ROUNDS_ONE     60
#define ROUNDS_MAX     12      /* of several each is decided more than once */
#define CANDIDATES_FEW 24      /* when few sources are decided */
#define CANDIDATES     14      /* when many are */
#define CANDIDATES_MAX 96      /* when those did not do */
#define SOURCES_FEW    64
#define SOURCES_MANY   400

static void decision_clear(gpointer data)
{
    FleetDecision *decision = data;

    g_free(decision->vms);
    g_free(decision->to);
}

static gboolean has_movers(const Fleet *fleet)
{
    return fleet->task->kind == PLACE_EVACUATE;
}

static int compare_sources(gconstpointer a, gconstpointer b, gpointer user)
{
    const PlaceState *state = user;
    guint x = *(const guint *)a;
    guint y = *(const guint *)b;
    double load_x = place_state_highest(state, x);
    double load_y = place_state_highest(state, y);

    return load_x != load_y ? (load_x < load_y) - (load_x > load_y) : (x > y) - (x < y);
}

/* In decreasing load, the index where that is the same. */
static void find_sources(Fleet *fleet)
{
    guint hosts = fleet->problem->hosts_length;
    g_autofree gboolean *is_left = g_new0(gboolean, hosts + 1);

    for (guint i = 0; has_movers(fleet) && i < fleet->task->movers_length; i++) {
        is_left[fleet->problem->vms[fleet->task->movers[i]].host] = TRUE;
    }
    fleet->source_at = g_new(guint, hosts + 1);
    for (guint h = 0; h < hosts; h++) {
        gboolean is_above = fleet->problem->hosts[h].is_source && place_state_is_overloaded(fleet->world->state, h);

        if (has_movers(fleet) ? is_left[h] : is_above) {
            fleet->source_at[fleet->sources++] = h;
        }
    }
    g_qsort_with_data(fleet->source_at, (int)fleet->sources, sizeof(guint), compare_sources, fleet->world->state);
    fleet->rank_of = g_new(guint, hosts + 1);
    for (guint h = 0; h < hosts; h++) {
        fleet->rank_of[h] = PLACE_NOWHERE;
    }
    for (guint i = 0; i < fleet->sources; i++) {
        fleet->rank_of[fleet->source_at[i]] = i;
    }
}

static guint64 scaled(guint64 all, guint sources, guint effort, guint64 min, guint64 max)
{
    return CLAMP(all / MAX(sources, 1), min, max) * effort / 100;
}

Fleet *fleet_new(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options)
{
    Fleet *fleet = g_new0(Fleet, 1);
    gboolean is_one;

    fleet->problem = problem;
    fleet->task = task;
    fleet->options = options;
    fleet->world = relief_world_new(problem, options);
    fleet->index = place_index_new(fleet->world->state);
    fleet->decisions = g_array_new(FALSE, TRUE, sizeof(FleetDecision));
    g_array_set_clear_func(fleet->decisions, decision_clear);
    fleet->rng = rng_new(options->seed);
    fleet->weight = g_new0(double, problem->hosts_length + 1);
    fleet->is_listed = g_new0(gboolean, problem->hosts_length + 1);
    find_sources(fleet);
    is_one = fleet->sources == 1 && !has_movers(fleet);
    fleet->effort.nodes = scaled(NODES_ALL, fleet->sources, options->effort, NODES_MIN, is_one ? NODES_ONE : NODES_MAX);
    fleet->effort.rounds =
        (guint)scaled(ROUNDS_ALL, fleet->sources, options->effort, ROUNDS_MIN, is_one ? ROUNDS_ONE : ROUNDS_MAX);
    return fleet;
}

void fleet_free(Fleet *fleet)
{
    if (!fleet) {
        return;
    }
    relief_world_free(fleet->world);
    place_index_free(fleet->index);
    g_array_unref(fleet->decisions);
    g_free(fleet->rank_of);
    g_free(fleet->source_at);
    g_free(fleet->weight);
    g_free(fleet->is_listed);
    g_free(fleet);
}

static Relief *relief_for(const Fleet *fleet, guint source, const guint *hosts, guint hosts_length)
{
    static const guint NOBODY[1] = {0};
    const guint *movers = NULL;

    if (has_movers(fleet)) {
        movers = fleet->task->movers ? fleet->task->movers : NOBODY;
    }
    return relief_new(fleet->world, source, movers, fleet->task->movers_length, hosts, hosts_length);
}

void fleet_fill(FleetDecision *decision, const Relief *relief, const ReliefAnswer *answer)
{
    const ReliefPlan *plan = answer->plan;

    g_free(decision->vms);
    g_free(decision->to);
    decision->level = answer->level;
    decision->is_proven = answer->is_proven;
    decision->candidates = relief->stay;
    decision->length = 0;
    decision->vms = g_new(guint, plan->vms_leaving + 1);
    decision->to = g_new(guint, plan->vms_leaving + 1);
    for (guint u = 0; u < relief->units; u++) {
        for (guint i = relief->unit_first[u]; plan->to[u] != relief->stay && i < relief->unit_first[u + 1]; i++) {
            decision->vms[decision->length] = relief->vms[relief->unit_vm[i]];
            decision->to[decision->length++] = relief->destination[plan->to[u]];
        }
    }
}

void fleet_apply(Fleet *fleet, const FleetDecision *decision)
{
    for (guint i = 0; i < decision->length; i++) {
        place_state_move(fleet->world->state, decision->vms[i], decision->to[i]);
        place_index_update(fleet->index, decision->to[i]);
    }
    place_index_update(fleet->index, decision->source);
}

void fleet_undo(Fleet *fleet, const FleetDecision *decision)
{
    for (guint i = 0; i < decision->length; i++) {
        place_state_move(fleet->world->state, decision->vms[i], decision->source);
        place_index_update(fleet->index, decision->to[i]);
    }
    place_index_update(fleet->index, decision->source);
}

/* How good an answer is: a stricter level first, then less left above, then the cost. */
static gboolean is_better(const Fleet *fleet, const Relief *a_relief, const ReliefAnswer *a, const Relief *b_relief,
                          const ReliefAnswer *b)
{
    if (!a->plan || !b->plan) {
        return a->plan != NULL;
    }
    if (a->level != b->level && (!fleet->is_cost_first || MAX(a->level, b->level) == RELIEF_SOME)) {
        return a->level < b->level;
    }
    if (a->level == RELIEF_SOME) {
        double excess_a = relief_excess(a_relief, a->plan);
        double excess_b = relief_excess(b_relief, b->plan);

        if (a_relief->has_movers && a->plan->vms_leaving != b->plan->vms_leaving) {
            return a->plan->vms_leaving > b->plan->vms_leaving;
        }
        if (ABS(excess_a - excess_b) > 1e-9) {
            return excess_a < excess_b;
        }
    }
    return a->plan->cost < b->plan->cost - 1e-12;
}

/* The best plan among 'want' candidates.  The caller frees both results. */
ReliefAnswer fleet_look(Fleet *fleet, guint source, guint want, Relief **relief)
{
    g_autofree guint *hosts = g_new(guint, want + 1);
    guint length = fleet_candidates(fleet, source, want, hosts);

    *relief = relief_for(fleet, source, hosts, length);
    return relief_solve(*relief, &fleet->effort, &fleet->rng);
}

/* All VMs of a host need more destinations than a few of them. */
guint fleet_candidates_wanted(const Fleet *fleet)
{
    if (has_movers(fleet)) {
        return 2 * CANDIDATES_FEW;
    }
    if (fleet->sources > SOURCES_MANY) {
        return CANDIDATES;
    }
    return fleet->sources <= SOURCES_FEW ? CANDIDATES_FEW : (CANDIDATES_FEW + CANDIDATES) / 2;
}

static void decide_source(Fleet *fleet, guint source)
{
    PlaceState *state = fleet->world->state;
    guint want = fleet_candidates_wanted(fleet);
    FleetDecision decision = {.source = source, .highest = place_state_highest(state, source), .level = RELIEF_SOME};
    g_autoptr(Relief) relief = NULL;
    ReliefAnswer answer = fleet_look(fleet, source, want, &relief);

    if (answer.level == RELIEF_SOME && relief->stay == want) {
        g_autoptr(Relief) wide = NULL;
        ReliefAnswer other = fleet_look(fleet, source, CANDIDATES_MAX, &wide);

        if (is_better(fleet, wide, &other, relief, &answer)) {
            ReliefAnswer swap = answer;

            answer = other;
            other = swap;
            relief_free(g_steal_pointer(&relief));
            relief = g_steal_pointer(&wide);
        }
        relief_plan_free(other.plan);
    }
    decision.resource = relief->bottleneck;
    decision.candidates = relief->stay;
    if (answer.plan) {
        fleet_fill(&decision, relief, &answer);
        relief_plan_free(answer.plan);
    }
    fleet_apply(fleet, &decision);
    g_array_append_val(fleet->decisions, decision);
}

void fleet_decide(Fleet *fleet)
{
    for (guint i = 0; i < fleet->sources; i++) {
        decide_source(fleet, fleet->source_at[i]);
    }
}

static FleetDecision *decision_for(Fleet *fleet, guint source)
{
    FleetDecision decision = {.source = source, .level = RELIEF_SOME,
                              .highest = place_state_highest(fleet->world->state, source)};

    for (guint i = 0; i < fleet->decisions->len; i++) {
        if (g_array_index(fleet->decisions, FleetDecision, i).source == source) {
            return &g_array_index(fleet->decisions, FleetDecision, i);
        }
    }
    decision.resource = place_state_utilisation(fleet->world->state, source, RESOURCE_CPU) >= decision.highest
                            ? RESOURCE_CPU
                            : RESOURCE_MEMORY;
    decision.vms = g_new(guint, fleet->problem->vms_length);
    decision.to = g_new(guint, fleet->problem->vms_length);
    fleet->rank_of[source] = fleet->decisions->len; /* its order counts now */
    g_array_append_val(fleet->decisions, decision);
    return &g_array_index(fleet->decisions, FleetDecision, fleet->decisions->len - 1);
}

void fleet_take(Fleet *fleet, const PlaceResult *result)
{
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);
        FleetDecision *decision = decision_for(fleet, move->source);

        decision->vms[decision->length] = move->vm;
        decision->to[decision->length++] = move->destination;
    }
    for (guint i = 0; i < fleet->sources; i++) {
        decision_for(fleet, fleet->source_at[i]); /* also those from which nothing leaves */
    }
    for (guint i = 0; i < fleet->decisions->len; i++) {
        fleet_apply(fleet, &g_array_index(fleet->decisions, FleetDecision, i));
    }
}

/* A decision as a plan of the Relief that has its destinations, so that it can be compared. */
ReliefAnswer fleet_answer_of(const Fleet *fleet, const FleetDecision *decision, Relief **relief)
{
    g_autofree guint *choice = g_new(guint, decision->length + 1);
    g_autofree guint *hosts = g_new(guint, decision->length + 1);
    guint hosts_length = 0;
    ReliefAnswer answer = {.level = has_movers(fleet) ? RELIEF_BELOW : RELIEF_SAFE, .is_proven = decision->is_proven};

    for (guint i = 0; i < decision->length; i++) {
        choice[i] = 0;
        while (choice[i] < hosts_length && hosts[choice[i]] != decision->to[i]) {
            choice[i]++;
        }
        if (choice[i] == hosts_length) {
            hosts[hosts_length++] = decision->to[i];
        }
    }
    *relief = relief_for(fleet, decision->source, hosts, hosts_length);
    answer.plan = relief_plan_new(*relief);
    for (guint u = 0; u < (*relief)->units; u++) {
        guint vm = (*relief)->vms[(*relief)->unit_vm[(*relief)->unit_first[u]]];

        for (guint i = 0; i < decision->length; i++) {
            if (decision->vms[i] == vm) {
                relief_put(*relief, answer.plan, u, choice[i]);
            }
        }
    }
    for (guint u = 0; u < (*relief)->units; u++) {
        if ((*relief)->stance[u] == RELIEF_MUST_LEAVE && answer.plan->to[u] == (*relief)->stay) {
            answer.level = RELIEF_SOME;
        }
    }
    while (!relief_is_feasible(*relief, answer.plan, answer.level)) {
        answer.level++;
    }
    return answer;
}

gboolean fleet_has_bound_guests(const Fleet *fleet, guint source)
{
    const PlaceState *state = fleet->world->state;
    guint there = 0;

    for (guint i = state->first_vm[source]; i < state->first_vm[source + 1]; i++) {
        there += state->host_of[state->vm_at[i]] == source;
    }
    for (guint i = 0; state->vms_on[source] > there && i < fleet->decisions->len; i++) {
        const FleetDecision *decision = &g_array_index(fleet->decisions, FleetDecision, i);

        for (guint k = 0; k < decision->length; k++) {
            guint vm = decision->vms[k];

            if (decision->to[k] == source && state->rule_first[vm + 1] > state->rule_first[vm]) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static gboolean refine_one(Fleet *fleet, FleetDecision *decision)
{
    g_autoptr(Relief) old_relief = NULL;
    g_autoptr(Relief) new_relief = NULL;
    ReliefAnswer before, after;
    gboolean has_improved;

    if (fleet_has_bound_guests(fleet, decision->source)) {
        return FALSE;
    }
    fleet_undo(fleet, decision);
    before = fleet_answer_of(fleet, decision, &old_relief);
    after = fleet_look(fleet, decision->source, fleet_candidates_wanted(fleet), &new_relief);
    has_improved = is_better(fleet, new_relief, &after, old_relief, &before);
    decision->level = before.level;
    if (has_improved) {
        fleet_fill(decision, new_relief, &after);
    }
    fleet_apply(fleet, decision);
    relief_plan_free(before.plan);
    relief_plan_free(after.plan);
    return has_improved;
}

void fleet_refine(Fleet *fleet, guint rounds)
{
    gboolean has_improved = TRUE;

    for (guint round = 0; round < rounds && has_improved; round++) {
        has_improved = FALSE;
        for (guint i = 0; i < fleet->decisions->len; i++) {
            has_improved = refine_one(fleet, &g_array_index(fleet->decisions, FleetDecision, i)) || has_improved;
        }
        has_improved = fleet_refine_pairs(fleet) || has_improved;
    }
}

void fleet_fewest(Fleet *fleet, double within)
{
    for (guint i = 0; within > 0 && i < fleet->decisions->len; i++) {
        FleetDecision *decision = &g_array_index(fleet->decisions, FleetDecision, i);
        g_autoptr(Relief) old_relief = NULL;
        g_autoptr(Relief) relief = NULL;
        ReliefAnswer before, answer;

        if (decision->length < 2 || fleet_has_bound_guests(fleet, decision->source)) {
            continue;
        }
        fleet_undo(fleet, decision);
        before = fleet_answer_of(fleet, decision, &old_relief);
        answer = fleet_look(fleet, decision->source, fleet_candidates_wanted(fleet), &relief);
        relief_solve_fewest(relief, &fleet->effort, within, &fleet->rng, &answer);
        if (answer.plan && answer.level <= before.level && answer.plan->vms_leaving < before.plan->vms_leaving &&
            answer.plan->cost <= before.plan->cost + within * ABS(before.plan->cost)) {
            fleet_fill(decision, relief, &answer);
        }
        fleet_apply(fleet, decision);
        relief_plan_free(before.plan);
        relief_plan_free(answer.plan);
    }
}
