/* SPDX-License-Identifier: Apache-2.0
 *
 * VMs on the fewest hosts; see pack.h.
 *
 * Construct, then try one host fewer as long as that succeeds, until the lower bound is reached or a target has used up
 * its moves.  Going down one by one costs little (all but the last targets are easy) and leaves the best packing so far
 * at every moment; each search begins with the packing before it, of which only the VMs of one host are out of place. */
#include "place/pack-private.h"
#include "base/error.h"

#include <string.h>

#define MOVES_PER_VM 100000u
#define MOST_MOVES   G_GUINT64_CONSTANT(200000000)

void pack_options_init(PackOptions *options)
{
    *options = (PackOptions){.seed = 1, .effort = 100};
}

void pack_result_free(PackResult *result)
{
    if (result) {
        g_free(result->host_of);
        g_free(result);
    }
}

static int compare_hosts(gconstpointer a, gconstpointer b, gpointer user)
{
    const PackState *state = user;
    const PackHost *left = a;
    const PackHost *right = b;
    double left_size = (double)left->cpu * state->scale.cpu + (double)left->memory * state->scale.memory;
    double right_size = (double)right->cpu * state->scale.cpu + (double)right->memory * state->scale.memory;

    return left_size > right_size ? -1 : left_size < right_size;
}

typedef struct NumberedHost {
    PackHost host; /* first, for compare_hosts */
    guint number;
} NumberedHost;

/* Slots by decreasing size, those of equal size as they were given (the sort is stable). */
static void open_largest_first(PackState *state, const PackProblem *problem)
{
    g_autofree NumberedHost *hosts = g_new(NumberedHost, MAX(problem->hosts_length, 1));

    for (guint i = 0; i < problem->hosts_length; i++) {
        hosts[i] = (NumberedHost){problem->hosts[i], i};
    }
    g_qsort_with_data(hosts, (int)problem->hosts_length, sizeof *hosts, compare_hosts, state);
    state->is_nested = TRUE;
    for (guint i = 0; i < problem->hosts_length; i++) {
        state->slot_host[i] = hosts[i].number;
        state->capacities[i] = (PackPair){(double)hosts[i].host.cpu, (double)hosts[i].host.memory};
        state->is_nested = state->is_nested && (i == 0 || (hosts[i - 1].host.cpu >= hosts[i].host.cpu &&
                                                           hosts[i - 1].host.memory >= hosts[i].host.memory));
    }
}

static PackPair scale_of(const PackProblem *problem)
{
    PackPair sum = {0, 0};

    for (guint i = 0; i < problem->hosts_length; i++) {
        sum.cpu += (double)problem->hosts[i].cpu;
        sum.memory += (double)problem->hosts[i].memory;
    }
    return (PackPair){sum.cpu > 0 ? problem->hosts_length / sum.cpu : 1,
                      sum.memory > 0 ? problem->hosts_length / sum.memory : 1};
}

PackState *pack_state_new(const PackProblem *problem)
{
    PackState *state = g_new0(PackState, 1);

    state->vms_length = problem->vms_length;
    state->slots_length = problem->hosts_length;
    state->needs = g_new(PackPair, MAX(problem->vms_length, 1));
    state->slot_of = g_new(guint, MAX(problem->vms_length, 1));
    state->capacities = g_new(PackPair, MAX(problem->hosts_length, 1));
    state->slot_host = g_new(guint, MAX(problem->hosts_length, 1));
    state->loads = g_new(PackPair, MAX(problem->hosts_length, 1));
    state->scale = scale_of(problem);
    open_largest_first(state, problem);
    for (guint i = 0; i < problem->vms_length; i++) {
        state->needs[i] = (PackPair){(double)problem->vms[i].cpu, (double)problem->vms[i].memory};
        state->mean_need += (state->needs[i].cpu * state->scale.cpu + state->needs[i].memory * state->scale.memory) /
                            problem->vms_length;
    }
    pack_state_reset(state, NULL);
    return state;
}

void pack_state_free(PackState *state)
{
    if (state) {
        g_free(state->needs);
        g_free(state->slot_of);
        g_free(state->capacities);
        g_free(state->slot_host);
        g_free(state->loads);
        g_free(state);
    }
}

void pack_state_reset(PackState *state, const guint *slot_of)
{
    memset(state->loads, 0, state->slots_length * sizeof *state->loads);
    state->open = 0;
    for (guint vm = 0; vm < state->vms_length; vm++) {
        state->slot_of[vm] = PACK_UNPLACED;
        if (slot_of && slot_of[vm] != PACK_UNPLACED) {
            pack_put(state, vm, slot_of[vm]);
            state->open = MAX(state->open, slot_of[vm] + 1);
        }
    }
}

static gboolean check_sums(const PackProblem *problem, GError **error)
{
    guint64 cpu = 0;
    guint64 memory = 0;
    gboolean is_small = TRUE;

    for (guint i = 0; i < problem->vms_length + problem->hosts_length && is_small; i++) {
        gboolean is_vm = i < problem->vms_length;
        guint64 next_cpu = is_vm ? problem->vms[i].cpu : problem->hosts[i - problem->vms_length].cpu;
        guint64 next_memory = is_vm ? problem->vms[i].memory : problem->hosts[i - problem->vms_length].memory;

        is_small = next_cpu < PACK_LARGEST_SUM - cpu && next_memory < PACK_LARGEST_SUM - memory;
        cpu += next_cpu;
        memory += next_memory;
    }
    if (!is_small) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "what the VMs need and the hosts have sums to 2^53 or more; use a larger unit");
    }
    return is_small;
}

static gboolean check_each_fits(const PackState *state, const PackProblem *problem, GError **error)
{
    for (guint vm = 0; vm < state->vms_length; vm++) {
        guint slot = 0;

        while (slot < state->slots_length && (state->needs[vm].cpu > state->capacities[slot].cpu ||
                                              state->needs[vm].memory > state->capacities[slot].memory)) {
            slot++;
        }
        if (slot == state->slots_length) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                        "VM %u (cpu %" G_GUINT64_FORMAT ", memory %" G_GUINT64_FORMAT ") is larger than every host", vm,
                        problem->vms[vm].cpu, problem->vms[vm].memory);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_possible(const PackState *state, const PackProblem *problem, guint bound, GError **error)
{
    if (!check_each_fits(state, problem, error)) {
        return FALSE;
    }
    if (bound > problem->hosts_length) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                    "the %u VMs need more than the %u hosts have; give more or larger hosts", problem->vms_length,
                    problem->hosts_length);
        return FALSE;
    }
    return TRUE;
}

static void keep(PackResult *result, const PackState *state)
{
    g_autofree guint8 *is_used = g_new0(guint8, MAX(state->slots_length, 1));

    result->hosts_used = 0;
    for (guint vm = 0; vm < state->vms_length; vm++) {
        guint slot = state->slot_of[vm];

        result->host_of[vm] = state->slot_host[slot];
        result->hosts_used += is_used[slot] == 0;
        is_used[slot] = 1;
    }
}

/* The moves that one target may take. */
static guint64 budget(const PackState *state, const PackOptions *options)
{
    guint64 usual = MIN((guint64)MOVES_PER_VM * state->vms_length, MOST_MOVES);

    return usual * options->effort / 100;
}

static gboolean search(PackState *state, guint open, const PackOptions *options, Rng *rng, PackResult *result)
{
    guint64 moves = budget(state, options);
    gboolean is_found = pack_anneal(state, open, rng, &moves);

    result->moves += moves;
    if (is_found) {
        keep(result, state);
    }
    return is_found;
}

/* From what the construction left to a packing on as few hosts as can be found. */
static gboolean descend(PackState *state, const PackOptions *options, PackResult *result, GError **error)
{
    Rng rng = rng_new(options->seed);

    if (pack_greedy(state)) {
        keep(result, state);
        result->hosts_constructed = result->hosts_used;
    } else if (!search(state, state->slots_length, options, &rng, result)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                    "no way was found to put the %u VMs on the %u hosts; give more hosts or more effort",
                    state->vms_length, state->slots_length);
        return FALSE;
    }
    while (result->hosts_used > result->lower_bound && options->effort > 0 &&
           search(state, state->open - 1, options, &rng, result)) {
    }
    return TRUE;
}

PackResult *pack(const PackProblem *problem, const PackOptions *options, GError **error)
{
    g_autoptr(PackResult) result = g_new0(PackResult, 1);

    result->vms_length = problem->vms_length;
    result->host_of = g_new0(guint, MAX(problem->vms_length, 1));
    result->hosts_constructed = G_MAXUINT;
    if (!check_sums(problem, error)) {
        return NULL;
    }
    g_autoptr(PackState) state = pack_state_new(problem);
    result->lower_bound = pack_lower_bound(problem);
    if (!check_possible(state, problem, result->lower_bound, error) || !descend(state, options, result, error)) {
        return NULL;
    }
    return g_steal_pointer(&result);
}

char *pack_check(const PackProblem *problem, const guint *host_of)
{
    for (guint host = 0; host < problem->hosts_length; host++) {
        guint64 cpu = 0;
        guint64 memory = 0;

        for (guint vm = 0; vm < problem->vms_length; vm++) {
            cpu += host_of[vm] == host ? problem->vms[vm].cpu : 0;
            memory += host_of[vm] == host ? problem->vms[vm].memory : 0;
        }
        if (cpu > problem->hosts[host].cpu || memory > problem->hosts[host].memory) {
            return g_strdup_printf("host %u has %" G_GUINT64_FORMAT " cpu and %" G_GUINT64_FORMAT
                                   " memory, and is given %" G_GUINT64_FORMAT " and %" G_GUINT64_FORMAT,
                                   host, problem->hosts[host].cpu, problem->hosts[host].memory, cpu, memory);
        }
    }
    for (guint vm = 0; vm < problem->vms_length; vm++) {
        if (host_of[vm] >= problem->hosts_length) {
            return g_strdup_printf("VM %u is on no host", vm);
        }
    }
    return NULL;
}
