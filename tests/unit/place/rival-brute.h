/* SPDX-License-Identifier: Apache-2.0
 *
 * The best of all answers to a tiny problem, by trying each one: what searches and the MIP are compared with.
 *
 * An answer is worth its integrated cost plus what is still wrong afterwards, reckoned here from the moves alone. */
#pragma once

#include "place-world.h"
#include "place/rival.h"

typedef struct BruteMove {
    guint vm;
    guint destination;
} BruteMove;

static BruteMove brute_script[WORLD_VMS];
static guint brute_length;

static inline gboolean brute_place(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                                   PlaceResult *result, GError **error)
{
    for (guint i = 0; i < brute_length; i++) {
        place_result_add_move(result, problem, brute_script[i].vm, brute_script[i].destination, 0, i,
                              g_strdup("tried"));
    }
    return TRUE;
}

static const Grouping BRUTE = {"brute", "for tests", 7, brute_place};

static inline double brute_load(const PlaceProblem *problem, const PlaceResult *result, guint host, int resource)
{
    double demand = problem->hosts[host].base_demand[resource];

    for (guint v = 0; v < problem->vms_length; v++) {
        guint there = problem->vms[v].host;

        for (guint i = 0; result && i < result->moves->len; i++) {
            const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

            there = move->vm == v ? move->destination : there;
        }
        demand += there == host ? problem->vms[v].demand[resource] : 0;
    }
    return demand / problem->hosts[host].capacity[resource];
}

/* What rival_penalty says of a host, without the degree of connection. */
static inline double brute_penalty(const PlaceProblem *problem, const PlaceOptions *options, const PlaceResult *result,
                                   guint host)
{
    double cpu = brute_load(problem, NULL, host, RESOURCE_CPU);
    double memory = brute_load(problem, NULL, host, RESOURCE_MEMORY);
    double low_load = brute_load(problem, result, host, memory > cpu ? RESOURCE_MEMORY : RESOURCE_CPU);
    double load =
        MAX(brute_load(problem, result, host, RESOURCE_CPU), brute_load(problem, result, host, RESOURCE_MEMORY));
    double penalty = 0;

    if (MAX(cpu, memory) <= options->safe_high + 1e-9) {
        return 0;
    }
    if (load > options->safe_high + 1e-9) {
        penalty += RIVAL_ABOVE + RIVAL_ABOVE_SHARE * (load - options->safe_high);
    }
    if (low_load < options->safe_low - 1e-9) {
        penalty += RIVAL_BELOW + RIVAL_BELOW_SHARE * (options->safe_low - low_load);
    }
    return penalty;
}

static inline double brute_value(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                                 const PlaceResult *result)
{
    double value = result->totals.integrated;

    for (guint h = 0; h < problem->hosts_length && task->kind == PLACE_RELIEVE; h++) {
        value += problem->hosts[h].is_source ? brute_penalty(problem, options, result, h) : 0;
    }
    return task->kind == PLACE_EVACUATE ? value + RIVAL_ABOVE * result->left_over->len : value;
}

/* Moves for answer number 'number': a digit per mover, 0 for staying. */
static inline void brute_write(const PlaceProblem *problem, const guint *movers, guint length, guint64 number)
{
    brute_length = 0;
    for (guint i = 0; i < length; i++, number /= problem->hosts_length) {
        guint digit = (guint)(number % problem->hosts_length);
        guint home = problem->vms[movers[i]].host;

        if (digit > 0) {
            brute_script[brute_length].vm = movers[i];
            brute_script[brute_length++].destination = digit <= home ? digit - 1 : digit;
        }
    }
}

/* Whether nobody is to go to a host that is itself above the range: no rival does that. */
static inline gboolean brute_is_plain(const PlaceProblem *problem, const PlaceOptions *options)
{
    for (guint i = 0; i < brute_length; i++) {
        if (brute_penalty(problem, options, NULL, brute_script[i].destination) > 0) {
            return FALSE;
        }
    }
    return TRUE;
}

/* The least value of all answers that place_run lets pass.  RELIEVE: VMs of marked, overloaded hosts may move. */
static inline double brute_best(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options)
{
    guint movers[WORLD_VMS];
    guint length = 0;
    guint64 answers = 1;
    double best = INFINITY;

    for (guint v = 0; v < problem->vms_length && task->kind == PLACE_RELIEVE; v++) {
        guint home = problem->vms[v].host;

        if (problem->hosts[home].is_source && brute_penalty(problem, options, NULL, home) > 0) {
            movers[length++] = v;
        }
    }
    for (guint i = 0; i < task->movers_length && task->kind == PLACE_EVACUATE; i++) {
        movers[length++] = task->movers[i];
    }
    for (guint i = 0; i < length; i++) {
        answers *= problem->hosts_length;
    }
    for (guint64 number = 0; number < answers; number++) {
        g_autoptr(PlaceResult) result = NULL;

        brute_write(problem, movers, length, number);
        result = brute_is_plain(problem, options) ? place_run(&BRUTE, problem, task, options, NULL) : NULL;
        best = result ? MIN(best, brute_value(problem, task, options, result)) : best;
    }
    return best;
}

/* The answer of the placer 'name', which must not fail. */
static inline PlaceResult *rival_run(const char *name, const PlaceProblem *problem, const PlaceTask *task,
                                     const PlaceOptions *options)
{
    g_autoptr(GError) error = NULL;
    const Grouping *placer = grouping_find(name, &error);
    PlaceResult *result;

    g_assert_no_error(error);
    result = place_run(placer, problem, task, options, &error);
    g_assert_no_error(error);
    return result;
}
