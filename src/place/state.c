/* SPDX-License-Identifier: Apache-2.0
 *
 * Where every VM would be while a placer thinks; see state.h.
 *
 * Sums are kept by adding and taking away, so after a million moves they are off by some 1e-10 of their size.  A limit
 * is therefore met when it is exceeded by no more than SLACK of itself: a host filled to exactly 0.8 is within 0.8. */
#include "place/state.h"

#define SLACK 1e-9

static void rules_by_vm(PlaceState *state)
{
    const PlaceProblem *problem = state->problem;
    g_autofree guint *filled = g_new0(guint, problem->vms_length + 1);

    state->rule_first = g_new0(guint, problem->vms_length + 1);
    for (guint r = 0; r < problem->rules_length; r++) {
        for (guint i = 0; i < problem->rules[r].vms_length; i++) {
            state->rule_first[problem->rules[r].vms[i] + 1]++;
        }
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        state->rule_first[v + 1] += state->rule_first[v];
    }
    state->rule_of = g_new(guint, state->rule_first[problem->vms_length] + 1);
    for (guint r = 0; r < problem->rules_length; r++) {
        for (guint i = 0; i < problem->rules[r].vms_length; i++) {
            guint vm = problem->rules[r].vms[i];

            state->rule_of[state->rule_first[vm] + filled[vm]++] = r;
        }
    }
}

static void vms_by_host(PlaceState *state)
{
    const PlaceProblem *problem = state->problem;
    g_autofree guint *filled = g_new0(guint, problem->hosts_length + 1);

    state->first_vm = g_new0(guint, problem->hosts_length + 1);
    state->vm_at = g_new(guint, problem->vms_length + 1);
    for (guint h = 0; h < problem->hosts_length; h++) {
        state->first_vm[h + 1] = state->first_vm[h] + state->vms_on[h];
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        guint host = problem->vms[v].host;

        state->vm_at[state->first_vm[host] + filled[host]++] = v;
    }
}

static void add(PlaceState *state, guint vm, guint host, int sign)
{
    const PlaceVm *row = &state->problem->vms[vm];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        state->demand[host][r] += sign * row->demand[r];
        state->reserved[host][r] += sign * row->reserved[r];
    }
    state->vms_on[host] += (guint)sign;
}

PlaceState *place_state_new(const PlaceProblem *problem, const PlaceOptions *options)
{
    PlaceState *state = g_new0(PlaceState, 1);

    state->problem = problem;
    state->options = options;
    state->host_of = g_new(guint, problem->vms_length + 1);
    state->demand = g_malloc0_n(problem->hosts_length + 1, sizeof(*state->demand));
    state->reserved = g_malloc0_n(problem->hosts_length + 1, sizeof(*state->reserved));
    state->vms_on = g_new0(guint, problem->hosts_length + 1);
    for (guint h = 0; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            state->demand[h][r] = problem->hosts[h].base_demand[r];
            state->reserved[h][r] = problem->hosts[h].base_reserved[r];
        }
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        state->host_of[v] = problem->vms[v].host;
        add(state, v, problem->vms[v].host, 1);
    }
    rules_by_vm(state);
    vms_by_host(state);
    return state;
}

void place_state_free(PlaceState *state)
{
    if (!state) {
        return;
    }
    g_free(state->host_of);
    g_free(state->demand);
    g_free(state->reserved);
    g_free(state->vms_on);
    g_free(state->rule_first);
    g_free(state->rule_of);
    g_free(state->first_vm);
    g_free(state->vm_at);
    g_free(state);
}

double place_state_utilisation(const PlaceState *state, guint host, Resource resource)
{
    return state->demand[host][resource] / state->problem->hosts[host].capacity[resource];
}

double place_state_highest(const PlaceState *state, guint host)
{
    double highest = 0;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        highest = MAX(highest, place_state_utilisation(state, host, (Resource)r));
    }
    return highest;
}

static gboolean is_within(double value, double limit)
{
    return value <= limit + SLACK * MAX(1, limit);
}

gboolean place_state_is_overloaded(const PlaceState *state, guint host)
{
    return !is_within(place_state_highest(state, host), state->options->safe_high);
}

gboolean place_state_may(const PlaceState *state, guint vm, guint host)
{
    const PlaceVm *row = &state->problem->vms[vm];
    const PlaceHost *there = &state->problem->hosts[host];

    if (row->host == host) {
        return TRUE;
    }
    return there->may_receive && !row->is_pinned && (!row->cpu_class || (there->cpu_classes & row->cpu_class));
}

static gboolean has_room(const PlaceState *state, const double *demand, const double *reserved, guint host)
{
    const PlaceHost *there = &state->problem->hosts[host];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (!is_within(state->demand[host][r] + demand[r], there->capacity[r] * state->options->safe_high) ||
            !is_within(state->reserved[host][r] + reserved[r], there->reservable[r])) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean is_among(guint vm, const guint *vms, guint vms_length)
{
    for (guint i = 0; i < vms_length; i++) {
        if (vms[i] == vm) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Whether 'rule' would hold if 'vm' were on 'host' beside 'coming'.  A VM that is nowhere breaks nothing yet. */
static gboolean rule_holds(const PlaceState *state, const PlaceRule *rule, guint vm, const guint *coming,
                           guint coming_length, guint host)
{
    for (guint i = 0; i < rule->vms_length; i++) {
        guint other = rule->vms[i];
        gboolean is_there = state->host_of[other] == host || is_among(other, coming, coming_length);

        if (other == vm) {
            continue;
        }
        if (rule->kind == PLACE_RULE_APART ? is_there : !is_there && state->host_of[other] != PLACE_NOWHERE) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean rules_hold(const PlaceState *state, guint vm, const guint *coming, guint coming_length, guint host)
{
    for (guint i = state->rule_first[vm]; i < state->rule_first[vm + 1]; i++) {
        if (!rule_holds(state, &state->problem->rules[state->rule_of[i]], vm, coming, coming_length, host)) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean place_state_fits(const PlaceState *state, guint vm, guint host)
{
    const PlaceVm *row = &state->problem->vms[vm];

    return has_room(state, row->demand, row->reserved, host) && place_state_may(state, vm, host) &&
           rules_hold(state, vm, NULL, 0, host);
}

gboolean place_state_fits_all(const PlaceState *state, const guint *vms, guint vms_length, guint host)
{
    double demand[RESOURCE_COUNT] = {0};
    double reserved[RESOURCE_COUNT] = {0};

    for (guint i = 0; i < vms_length; i++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            demand[r] += state->problem->vms[vms[i]].demand[r];
            reserved[r] += state->problem->vms[vms[i]].reserved[r];
        }
    }
    if (!has_room(state, demand, reserved, host)) {
        return FALSE;
    }
    for (guint i = 0; i < vms_length; i++) {
        if (!place_state_may(state, vms[i], host) || !rules_hold(state, vms[i], vms, vms_length, host)) {
            return FALSE;
        }
    }
    return TRUE;
}

void place_state_move(PlaceState *state, guint vm, guint host)
{
    if (state->host_of[vm] != PLACE_NOWHERE) {
        add(state, vm, state->host_of[vm], -1);
    }
    state->host_of[vm] = host;
    if (host != PLACE_NOWHERE) {
        add(state, vm, host, 1);
    }
}

double place_state_communication(const PlaceState *state, guint vm, guint host)
{
    const Traffic *traffic = state->problem->traffic;
    double sum = 0;

    if (!traffic) {
        return 0;
    }
    for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
        guint peer = traffic->peer[e];
        guint there = state->host_of[peer] != PLACE_NOWHERE ? state->host_of[peer] : state->problem->vms[peer].host;

        sum += traffic->mib_per_s[e] * place_distance(state->problem, host, there);
    }
    return sum;
}
