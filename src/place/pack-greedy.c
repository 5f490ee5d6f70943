/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the packer begins: VMs by decreasing size, each into the open host with the least room left after it (best fit
 * decreasing), a new one only when it fits in none.  Vectors have no one size (Panigrahy et al. 2011), so three are
 * tried, each in units of a host of mean size, and the one that opens fewest hosts is kept:
 *
 *   sum       cpu + memory
 *   largest   max(cpu, memory)
 *   scarce    cpu and memory weighted by how much of each all VMs together want */
#include "place/pack-private.h"

#include <string.h>

typedef enum SizeKind { SIZE_SUM, SIZE_LARGEST, SIZE_SCARCE, SIZE_KINDS } SizeKind;

typedef struct Sized {
    double size;
    guint vm;
} Sized;

static int compare_sized(gconstpointer a, gconstpointer b)
{
    const Sized *left = a;
    const Sized *right = b;

    if (left->size != right->size) {
        return left->size > right->size ? -1 : 1;
    }
    return left->vm < right->vm ? -1 : 1;
}

static PackPair weights_of(const PackState *state, SizeKind kind)
{
    PackPair weights = state->scale;

    if (kind == SIZE_SCARCE) {
        PackPair sum = {0, 0};

        for (guint i = 0; i < state->vms_length; i++) {
            sum.cpu += state->needs[i].cpu;
            sum.memory += state->needs[i].memory;
        }
        weights.cpu *= sum.cpu * state->scale.cpu;
        weights.memory *= sum.memory * state->scale.memory;
    }
    return weights;
}

static Sized *sorted_vms(const PackState *state, SizeKind kind, PackPair weights)
{
    Sized *order = g_new(Sized, MAX(state->vms_length, 1));

    for (guint i = 0; i < state->vms_length; i++) {
        double cpu = state->needs[i].cpu * weights.cpu;
        double memory = state->needs[i].memory * weights.memory;

        order[i] = (Sized){kind == SIZE_LARGEST ? MAX(cpu, memory) : cpu + memory, i};
    }
    qsort(order, state->vms_length, sizeof *order, compare_sized);
    return order;
}

/* The open slot with least room left after 'vm'; PACK_UNPLACED: none has room. */
static guint best_slot(const PackState *state, guint vm, PackPair weights)
{
    guint best = PACK_UNPLACED;
    double least = 0;

    for (guint slot = 0; slot < state->open; slot++) {
        double room = (state->capacities[slot].cpu - state->loads[slot].cpu) * weights.cpu +
                      (state->capacities[slot].memory - state->loads[slot].memory) * weights.memory;

        if ((best == PACK_UNPLACED || room < least) && pack_fits(state, vm, slot)) {
            best = slot;
            least = room;
        }
    }
    return best;
}

/* The next host that 'vm' fits on is opened: the slots between are brought behind it. */
static guint open_slot(PackState *state, guint vm)
{
    for (guint slot = state->open; slot < state->slots_length; slot++) {
        if (pack_fits(state, vm, slot)) {
            PackPair capacity = state->capacities[slot];
            guint host = state->slot_host[slot];

            memmove(&state->capacities[state->open + 1], &state->capacities[state->open],
                    (slot - state->open) * sizeof capacity);
            memmove(&state->slot_host[state->open + 1], &state->slot_host[state->open],
                    (slot - state->open) * sizeof host);
            state->capacities[state->open] = capacity;
            state->slot_host[state->open] = host;
            return state->open++;
        }
    }
    return PACK_UNPLACED;
}

static gboolean construct(PackState *state, SizeKind kind)
{
    PackPair weights = weights_of(state, kind);
    g_autofree Sized *order = sorted_vms(state, kind, weights);
    gboolean is_complete = TRUE;

    pack_state_reset(state, NULL);
    for (guint i = 0; i < state->vms_length; i++) {
        guint slot = best_slot(state, order[i].vm, weights);

        slot = slot == PACK_UNPLACED ? open_slot(state, order[i].vm) : slot;
        if (slot == PACK_UNPLACED) {
            is_complete = FALSE;
        } else {
            pack_put(state, order[i].vm, slot);
        }
    }
    return is_complete;
}

/* 'hosts' and 'capacities' are the slots as they were before anything was opened. */
static gboolean construct_anew(PackState *state, SizeKind kind, const guint *hosts, const PackPair *capacities)
{
    memcpy(state->slot_host, hosts, state->slots_length * sizeof *hosts);
    memcpy(state->capacities, capacities, state->slots_length * sizeof *capacities);
    return construct(state, kind);
}

gboolean pack_greedy(PackState *state)
{
    g_autofree guint *hosts = g_memdup2(state->slot_host, state->slots_length * sizeof *hosts);
    g_autofree PackPair *capacities = g_memdup2(state->capacities, state->slots_length * sizeof *capacities);
    SizeKind best = SIZE_SUM;
    guint best_open = G_MAXUINT;
    gboolean is_complete = FALSE;

    if (state->slots_length == 0) {
        return state->vms_length == 0;
    }
    for (SizeKind kind = SIZE_SUM; kind < SIZE_KINDS; kind++) {
        if (construct_anew(state, kind, hosts, capacities) && state->open < best_open) {
            best = kind;
            best_open = state->open;
            is_complete = TRUE;
        }
    }
    construct_anew(state, best, hosts, capacities);
    return is_complete;
}
