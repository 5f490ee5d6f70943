/* SPDX-License-Identifier: Apache-2.0
 *
 * What is still wrong with a host that is being relieved; see rival.h. */
#include "place/rival.h"

static guint find_root(guint *parents, guint vm)
{
    while (parents[vm] != vm) {
        parents[vm] = parents[parents[vm]];
        vm = parents[vm];
    }
    return vm;
}

static gboolean is_remaining(const Rival *rival, guint vm, guint source)
{
    return rival->problem->vms[vm].host == source && rival->state->host_of[vm] == source;
}

/* Joins 'vm' with those it talks to that also remain; whether there is one. */
static gboolean join_peers(Rival *rival, guint vm, guint source)
{
    const Traffic *traffic = rival->problem->traffic;
    gboolean is_any = FALSE;

    for (guint e = traffic ? traffic->first[vm] : 0; traffic && e < traffic->first[vm + 1]; e++) {
        if (is_remaining(rival, traffic->peer[e], source)) {
            rival->scratch[find_root(rival->scratch, vm)] = find_root(rival->scratch, traffic->peer[e]);
            is_any = TRUE;
        }
    }
    return is_any;
}

/* The size of the largest set that was joined. */
static guint largest_component(Rival *rival, guint source)
{
    const PlaceState *state = rival->state;
    guint largest = 0;

    for (guint i = state->first_vm[source]; i < state->first_vm[source + 1]; i++) {
        guint size = 0;

        if (!is_remaining(rival, state->vm_at[i], source) || rival->scratch[state->vm_at[i]] != state->vm_at[i]) {
            continue;
        }
        for (guint j = state->first_vm[source]; j < state->first_vm[source + 1]; j++) {
            guint vm = state->vm_at[j];

            size += is_remaining(rival, vm, source) && find_root(rival->scratch, vm) == state->vm_at[i];
        }
        largest = MAX(largest, size);
    }
    return largest;
}

double rival_doc(Rival *rival, guint source)
{
    const PlaceState *state = rival->state;
    guint remaining = 0;
    guint talking = 0;

    for (guint i = state->first_vm[source]; i < state->first_vm[source + 1]; i++) {
        rival->scratch[state->vm_at[i]] = state->vm_at[i];
    }
    for (guint i = state->first_vm[source]; i < state->first_vm[source + 1]; i++) {
        if (is_remaining(rival, state->vm_at[i], source)) {
            remaining++;
            talking += join_peers(rival, state->vm_at[i], source);
        }
    }
    if (remaining <= 1) {
        return 1;
    }
    return (double)(rival->options->doc == DOC_DEGREE ? talking : largest_component(rival, source)) / remaining;
}

double rival_penalty(Rival *rival, guint source, gboolean has_doc)
{
    double above = fitness_excess(rival->state, source);
    double below = rival->options->safe_low - place_state_utilisation(rival->state, source, rival->fullest[source]);
    double loose = has_doc && rival->options->theta > 0 ? rival->options->theta - rival_doc(rival, source) : 0;

    return (above > 0 ? RIVAL_ABOVE + RIVAL_ABOVE_SHARE * above : 0) +
           (below > 1e-9 ? RIVAL_BELOW + RIVAL_BELOW_SHARE * below : 0) +
           (loose > 1e-9 ? RIVAL_LOOSE + RIVAL_LOOSE_SHARE * loose : 0);
}
