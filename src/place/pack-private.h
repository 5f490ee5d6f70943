/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the packer share: the problem as plain arrays of doubles, hosts in the order in which they are
 * opened.
 *
 *     pack.c         life, checks, the descent from one number of hosts to the next
 *     pack-bound.c   lower bounds
 *     pack-greedy.c  construction
 *     pack-anneal.c  the search for a packing on a given number of hosts
 *
 * Demands and capacities are whole numbers below 2^53, so sums and comparisons of these doubles are exact. */
#pragma once

#include "base/rng.h"
#include "place/pack.h"

#define PACK_UNPLACED G_MAXUINT

/* A demand, a load or a capacity. */
typedef struct PackPair {
    double cpu;
    double memory;
} PackPair;

/* A slot is a place in the order of opening; the first 'open' ones are in use.  Which host stands in which slot may
 * change while it is searched (slot_host), the capacities go with it. */
typedef struct PackState {
    guint vms_length;
    guint slots_length;
    PackPair *needs;      /* [vms] */
    PackPair *capacities; /* [slots] */
    guint *slot_host;     /* [slots] index into the problem's hosts */
    PackPair scale;       /* load * scale: in hosts of mean size */
    gboolean is_nested;   /* each host holds whatever a later one holds: the first k are the best k */
    double mean_need;     /* of a VM, cpu and memory summed, in hosts of mean size */

    guint *slot_of;       /* [vms] the packing */
    PackPair *loads;      /* [slots] */
    guint open;
} PackState;

PackState *pack_state_new(const PackProblem *problem);
void pack_state_free(PackState *state);

/* Forgets the packing and computes loads anew from 'slot_of', or PACK_UNPLACED for all when that is NULL. */
void pack_state_reset(PackState *state, const guint *slot_of);

static inline gboolean pack_fits(const PackState *state, guint vm, guint slot)
{
    const PackPair *need = &state->needs[vm];
    const PackPair *load = &state->loads[slot];
    const PackPair *capacity = &state->capacities[slot];

    return load->cpu + need->cpu <= capacity->cpu && load->memory + need->memory <= capacity->memory;
}

static inline void pack_put(PackState *state, guint vm, guint slot)
{
    state->slot_of[vm] = slot;
    state->loads[slot].cpu += state->needs[vm].cpu;
    state->loads[slot].memory += state->needs[vm].memory;
}

static inline void pack_take(PackState *state, guint vm)
{
    PackPair *load = &state->loads[state->slot_of[vm]];

    load->cpu -= state->needs[vm].cpu;
    load->memory -= state->needs[vm].memory;
    state->slot_of[vm] = PACK_UNPLACED;
}

/* Leaves the best construction in 'state'; FALSE when no order places all VMs (what is left over stays PACK_UNPLACED).
 */
gboolean pack_greedy(PackState *state);

/* Looks for a packing on the first 'open' slots, beginning with what 'state' holds; at most 'moves' moves, whose number
 * is taken from '*moves'.  FALSE when none was found; 'state' is then no packing. */
gboolean pack_anneal(PackState *state, guint open, Rng *rng, guint64 *moves);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackState, pack_state_free)
