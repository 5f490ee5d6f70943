/* SPDX-License-Identifier: Apache-2.0
 *
 * The search of the packer: all VMs on k hosts, or give up; see pack-private.h.
 *
 * Theory of operation.  All VMs are always somewhere on the k open hosts, and hosts may be too full meanwhile.  What is
 * too much, summed over hosts and both resources in units of a mean host, is the energy; a packing is found when it is
 * nothing.  Two moves: a VM goes to another host, or two VMs change places.  Both cost four additions and a few
 * comparisons, so tens of millions are tried per second; what does not raise the energy is done.
 *
 * Why this and not a search among packings, with some VMs left over: when k is just enough, almost every host must be
 * almost exactly full.  Hosts that are not too full cost nothing here whatever they look like, so exchanges between
 * them are free and the packing drifts through all its equally good forms until one of them lets the last bit in.
 * Neighbourhood searches of the kind published for these instances walk down and must be shaken loose.
 *
 * That drift alone solves all published instances, several times faster than with heat (docs/decisions/0007).  But it can
 * be caught: with few VMs, or none to spare, every way out leads uphill.  So what drift has not solved is annealed
 * (Kirkpatrick et al. 1983): a move that raises the energy by d is done with probability exp(-d / T), and T falls
 * geometrically from a tenth of a VM of mean size to a fiftieth of that in each cycle.  Cycles begin where the last one
 * ended, and each is twice as long.
 *
 * Hosts of different kinds, neither of which holds all that the other holds: then which k hosts are open is part of the
 * search, and a third move lets two hosts change places: each gets the VMs of the other, or a closed one gets them.
 *
 * Always true: slot_of and loads agree; 'excess' is the number of hosts that are too full, counted exactly; the energy is
 * only ever looked at as a difference, so no rounding adds up. */
#include "place/pack-private.h"

#include <math.h>

#define DRIFT_MOVES   8192u  /* without heat, per VM */
#define HOT_SHARE     0.1    /* the first temperature, in VMs of mean size */
#define COOLING       0.02   /* the last one, as a share of the first */
#define FIRST_MOVES   64u    /* of the first cycle, per VM */
#define STEPS         256u   /* in which the temperature falls in one cycle */
#define LOGARITHMS    4096u
#define SWAP_SHARE    128u   /* of 256 moves are exchanges of two VMs */
#define HOST_SHARE    4u     /* of 256 moves are exchanges of two hosts, where that may help */

typedef struct Anneal {
    PackState *state;
    Rng rng;
    guint open;
    guint excess;                   /* hosts that are too full */
    double temperature;
    double logarithms[LOGARITHMS];  /* -ln of numbers evenly spread over (0, 1) */
} Anneal;

static inline double over(const PackState *state, PackPair load, PackPair capacity)
{
    return MAX(load.cpu - capacity.cpu, 0) * state->scale.cpu +
           MAX(load.memory - capacity.memory, 0) * state->scale.memory;
}

static inline gboolean is_over(PackPair load, PackPair capacity)
{
    return load.cpu > capacity.cpu || load.memory > capacity.memory;
}

static inline gboolean accepts(const Anneal *anneal, double rise, guint chance)
{
    return rise <= 0 || rise < anneal->temperature * anneal->logarithms[chance % LOGARITHMS];
}

/* The loads of two slots, when they become 'load_a' and 'load_b' and that is acceptable. */
static inline gboolean settle(Anneal *anneal, guint a, guint b, PackPair load_a, PackPair load_b, guint chance)
{
    PackState *state = anneal->state;
    PackPair capacity_a = state->capacities[a];
    PackPair capacity_b = state->capacities[b];
    PackPair old_a = state->loads[a];
    PackPair old_b = state->loads[b];
    double rise = over(state, load_a, capacity_a) + over(state, load_b, capacity_b) - over(state, old_a, capacity_a) -
                  over(state, old_b, capacity_b);

    if (!accepts(anneal, rise, chance)) {
        return FALSE;
    }
    anneal->excess += (guint)is_over(load_a, capacity_a) + (guint)is_over(load_b, capacity_b);
    anneal->excess -= (guint)is_over(old_a, capacity_a) + (guint)is_over(old_b, capacity_b);
    state->loads[a] = load_a;
    state->loads[b] = load_b;
    return TRUE;
}

/* [0, limit) from 32 random bits; the bias is below limit / 2^32 and does not matter here. */
static inline guint scaled(guint32 bits, guint limit)
{
    return (guint)((guint64)bits * limit >> 32);
}

static inline void try_shift(Anneal *anneal, guint vm, guint to, guint chance)
{
    PackState *state = anneal->state;
    guint from = state->slot_of[vm];
    PackPair need = state->needs[vm];
    PackPair left = {state->loads[from].cpu - need.cpu, state->loads[from].memory - need.memory};
    PackPair grown = {state->loads[to].cpu + need.cpu, state->loads[to].memory + need.memory};

    if (from != to && settle(anneal, from, to, left, grown, chance)) {
        state->slot_of[vm] = to;
    }
}

static inline void try_swap(Anneal *anneal, guint vm, guint other, guint chance)
{
    PackState *state = anneal->state;
    guint a = state->slot_of[vm];
    guint b = state->slot_of[other];
    double cpu = state->needs[other].cpu - state->needs[vm].cpu;
    double memory = state->needs[other].memory - state->needs[vm].memory;
    PackPair load_a = {state->loads[a].cpu + cpu, state->loads[a].memory + memory};
    PackPair load_b = {state->loads[b].cpu - cpu, state->loads[b].memory - memory};

    if (a != b && (cpu != 0 || memory != 0) && settle(anneal, a, b, load_a, load_b, chance)) {
        state->slot_of[vm] = b;
        state->slot_of[other] = a;
    }
}

/* Host and VMs stay as they are; what changes is who stands where. */
static void try_hosts(Anneal *anneal, guint slot, guint other, guint chance)
{
    PackState *state = anneal->state;
    PackPair capacity = state->capacities[slot];
    PackPair offered = state->capacities[other];
    PackPair load = state->loads[slot];
    PackPair other_load = state->loads[other]; /* of a closed one: nothing */
    double rise = over(state, load, offered) + over(state, other_load, capacity) - over(state, load, capacity) -
                  over(state, other_load, offered);

    if (slot == other || !accepts(anneal, rise, chance)) {
        return;
    }
    guint host = state->slot_host[slot];
    anneal->excess += (guint)is_over(load, offered) + (guint)is_over(other_load, capacity);
    anneal->excess -= (guint)is_over(load, capacity) + (guint)is_over(other_load, offered);
    state->capacities[slot] = offered;
    state->capacities[other] = capacity;
    state->slot_host[slot] = state->slot_host[other];
    state->slot_host[other] = host;
}

static void try_move(Anneal *anneal)
{
    PackState *state = anneal->state;
    guint64 where = rng_u64(&anneal->rng);
    guint64 how = rng_u64(&anneal->rng);
    guint chance = (guint)(how >> 8);
    guint kind = (guint)(how >> 56);
    guint vm = scaled((guint32)where, state->vms_length);

    if (!state->is_nested && kind >= 256 - HOST_SHARE) {
        try_hosts(anneal, scaled((guint32)where, anneal->open), scaled((guint32)(where >> 32), state->slots_length),
                  chance);
    } else if (kind < SWAP_SHARE) {
        try_swap(anneal, vm, scaled((guint32)(where >> 32), state->vms_length), chance);
    } else {
        try_shift(anneal, vm, scaled((guint32)(where >> 32), anneal->open), chance);
    }
}

/* Those that are not on the first 'open' slots go there, wherever that may be. */
static void crowd_together(Anneal *anneal)
{
    PackState *state = anneal->state;

    for (guint vm = 0; vm < state->vms_length; vm++) {
        if (state->slot_of[vm] >= anneal->open) {
            if (state->slot_of[vm] != PACK_UNPLACED) {
                pack_take(state, vm);
            }
            pack_put(state, vm, rng_below(&anneal->rng, anneal->open));
        }
    }
    anneal->excess = 0;
    for (guint slot = 0; slot < anneal->open; slot++) {
        anneal->excess += (guint)is_over(state->loads[slot], state->capacities[slot]);
    }
}

/* Without heat; tells how many moves it took. */
static guint64 drift(Anneal *anneal, guint64 moves)
{
    guint64 done = 0;

    anneal->temperature = 0;
    for (; done < moves && anneal->excess > 0; done++) {
        try_move(anneal);
    }
    return done;
}

/* One fall of the temperature; tells how many moves it took. */
static guint64 cool(Anneal *anneal, guint64 moves)
{
    double hot = HOT_SHARE * anneal->state->mean_need;
    guint64 done = 0;

    for (guint step = 0; step < STEPS && anneal->excess > 0; step++) {
        guint64 until = moves * (step + 1) / STEPS;

        anneal->temperature = hot * pow(COOLING, (double)step / STEPS);
        for (; done < until && anneal->excess > 0; done++) {
            try_move(anneal);
        }
    }
    return done;
}

gboolean pack_anneal(PackState *state, guint open, Rng *rng, guint64 *moves)
{
    g_autofree Anneal *anneal = g_new0(Anneal, 1);
    guint64 cycle = (guint64)FIRST_MOVES * state->vms_length;
    guint64 left = *moves;

    anneal->state = state;
    anneal->open = open;
    anneal->rng = rng_new(rng_u64(rng));
    for (guint i = 0; i < LOGARITHMS; i++) {
        anneal->logarithms[i] = -log((i + 0.5) / LOGARITHMS);
    }
    state->open = open;
    crowd_together(anneal);
    left -= drift(anneal, MIN((guint64)DRIFT_MOVES * state->vms_length, left));
    while (anneal->excess > 0 && left > 0) {
        left -= cool(anneal, left < 3 * cycle ? left : cycle); /* no stump of a cycle at the end */
        cycle *= 2;
    }
    *moves -= left;
    return anneal->excess == 0;
}
