/* SPDX-License-Identifier: Apache-2.0
 *
 * Pre-copy: what a migration by passes costs; see passes.h.  postcopy.c has the other half.
 *
 * Theory of operation.  One transition (passes_next) is the only home of the rules; passes_run plays it with a
 * bandwidth that stays, a simulator with one that changes.  The closed form shares nothing with it, so that each can be
 * the test of the other.
 *
 * The two readings of the downtime differ in what happens to the first pass that is no larger than the threshold:
 * "last" stops the guest for it, "rest" sends it too while the guest runs (is_final tells) and stops the guest for what
 * was written meanwhile.  A limit that strikes stops the guest for the pass that would have been next, in both. */
#include "model/passes.h"
#include "base/error.h"

#include <math.h>

NAMED_ENUM_DEFINE(DowntimeReading, downtime_reading, DOWNTIME_READINGS)
NAMED_ENUM_DEFINE(PassesEnd, passes_end, PASSES_ENDS)

#define STALLED_MAX 2

void passes_rules_init(PassesRules *rules)
{
    *rules = (PassesRules){.threshold_mib = 100,
                           .resume_s = 0.020,
                           .passes_max = 30,
                           .traffic_max = 3,
                           .progress_min = 0.98,
                           .downtime = DOWNTIME_REST};
}

/* n_i of equation 2: the first pass that is at most the threshold.  The logarithm may miss by one where a pass equals
 * the threshold; the powers decide. */
static guint passes_to_threshold(double memory_mib, double threshold_mib, double lambda)
{
    double n;

    if (memory_mib <= threshold_mib) {
        return 0;
    }
    if (lambda <= 0) { /* the limit of ever smaller rates: a first pass and a second, empty one */
        return 1;
    }
    n = fmax(0, ceil(log(threshold_mib / memory_mib) / log(lambda)));
    while (n >= 1 && memory_mib * pow(lambda, n - 1) <= threshold_mib) {
        n--;
    }
    while (memory_mib * pow(lambda, n) > threshold_mib) {
        n++;
    }
    return (guint)fmin(n, G_MAXUINT);
}

double passes_sum_s(double memory_mib, double bandwidth_mib_per_s, double lambda, guint resent_passes)
{
    double first_s = memory_mib / bandwidth_mib_per_s;

    if (lambda == 1) {
        return (resent_passes + 1.0) * first_s;
    }
    return first_s * (1 - pow(lambda, resent_passes + 1.0)) / (1 - lambda);
}

gboolean passes_closed_form(const PassesVm *vm, const PassesRules *rules, PassesCost *cost, GError **error)
{
    double lambda = vm->dirty_mib_per_s / vm->bandwidth_mib_per_s;
    double rest_s;

    if (!(vm->bandwidth_mib_per_s > 0) || !(lambda < 1)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "%g MiB/s are written and %g MiB/s can be sent: passes do not get shorter, the closed form has no "
                    "sum; reckon pass by pass, or give it more bandwidth",
                    vm->dirty_mib_per_s, vm->bandwidth_mib_per_s);
        return FALSE;
    }
    if (lambda > 0 && vm->memory_mib > rules->threshold_mib && !(rules->threshold_mib > 0)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "a threshold of %g MiB is never reached by ever shorter passes; it must be above 0",
                    rules->threshold_mib);
        return FALSE;
    }
    guint n = passes_to_threshold(vm->memory_mib, rules->threshold_mib, lambda);

    if (lambda <= 0 && rules->downtime == DOWNTIME_REST) {
        n = 0; /* seed 003: nothing written, nothing sent again */
    }
    *cost = (PassesCost){.resent_passes = n, .end = PASSES_CONVERGED};
    cost->passes_s = passes_sum_s(vm->memory_mib, vm->bandwidth_mib_per_s, lambda, n);
    cost->rest_mib = vm->memory_mib * pow(lambda, rules->downtime == DOWNTIME_REST ? n + 1.0 : n);
    rest_s = cost->rest_mib / vm->bandwidth_mib_per_s;
    cost->downtime_s = rest_s + rules->resume_s;
    cost->total_s = cost->passes_s + rules->resume_s + (rules->downtime == DOWNTIME_REST ? rest_s : 0);
    cost->sent_mib = vm->bandwidth_mib_per_s * (cost->total_s - rules->resume_s);
    return TRUE;
}

void passes_begin(PassesState *state, const PassesVm *vm, const PassesRules *rules)
{
    *state = (PassesState){.rules = rules,
                           .memory_mib = vm->memory_mib,
                           .dirty_mib_per_s = vm->dirty_mib_per_s,
                           .working_set_mib = fmin(vm->working_set_mib, vm->memory_mib),
                           .pass_mib = vm->memory_mib,
                           .end = PASSES_CONVERGED};
    state->is_final = vm->memory_mib <= rules->threshold_mib;
    state->guest_stops = state->is_final && rules->downtime == DOWNTIME_LAST;
}

static gboolean stop_guest(PassesState *state, PassesEnd end)
{
    state->end = end;
    state->guest_stops = TRUE;
    return FALSE;
}

gboolean passes_next(PassesState *state, double duration_s)
{
    const PassesRules *rules = state->rules;
    double dirty_mib = fmin(state->dirty_mib_per_s * duration_s, state->working_set_mib);

    g_assert(!state->guest_stops);
    state->sent_mib += state->pass_mib;
    state->passes_done++;
    state->stalled = dirty_mib >= rules->progress_min * state->pass_mib ? state->stalled + 1 : 0;
    state->pass_mib = dirty_mib;
    if (state->is_final || dirty_mib <= 0) {
        return stop_guest(state, PASSES_CONVERGED);
    }
    if (dirty_mib <= rules->threshold_mib) {
        state->is_final = TRUE;
        return rules->downtime == DOWNTIME_LAST ? stop_guest(state, PASSES_CONVERGED) : TRUE;
    }
    if (state->passes_done >= rules->passes_max) {
        return stop_guest(state, PASSES_CAP);
    }
    if (state->sent_mib > rules->traffic_max * state->memory_mib) {
        return stop_guest(state, PASSES_TRAFFIC);
    }
    if (state->stalled >= STALLED_MAX) {
        return stop_guest(state, PASSES_NO_PROGRESS);
    }
    return TRUE;
}

PassesCost passes_run(const PassesVm *vm, const PassesRules *rules)
{
    double bandwidth_mib_per_s = vm->bandwidth_mib_per_s;
    PassesCost cost = {0};
    PassesState state;

    g_assert(bandwidth_mib_per_s > 0);
    passes_begin(&state, vm, rules);
    while (!state.guest_stops) {
        double pass_s = state.pass_mib / bandwidth_mib_per_s;

        cost.passes_s += pass_s;
        passes_next(&state, pass_s);
    }
    double rest_s = state.pass_mib / bandwidth_mib_per_s;

    cost.rest_mib = state.pass_mib;
    cost.sent_mib = state.sent_mib + state.pass_mib;
    cost.downtime_s = rest_s + rules->resume_s;
    cost.total_s = cost.passes_s + rest_s + rules->resume_s;
    cost.end = state.end;
    if (rules->downtime == DOWNTIME_LAST) { /* T_i counts the pass that the guest stands still for */
        cost.passes_s += rest_s;
        cost.resent_passes = state.passes_done;
    } else {
        cost.resent_passes = state.passes_done - 1;
    }
    return cost;
}
