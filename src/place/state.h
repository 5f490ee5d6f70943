/* SPDX-License-Identifier: Apache-2.0
 *
 * PlaceState: where every VM would be while a placer thinks, with the sums per host kept up to date.
 *
 *     g_autoptr(PlaceState) state = place_state_new(problem, options);
 *     if (place_state_fits(state, vm, host))
 *         place_state_move(state, vm, host);
 *
 * One home for "is there room" and "is it allowed", so that all placers obey the same rules.  A move costs the VM's
 * rules and nothing else, so it is fit for inner loops. */
#pragma once

#include "place/grouping.h"

typedef struct PlaceState {
    const PlaceProblem *problem;
    const PlaceOptions *options;
    guint *host_of;                      /* [vms] PLACE_NOWHERE: taken away, not yet placed */
    double (*demand)[RESOURCE_COUNT];    /* [hosts] with base */
    double (*reserved)[RESOURCE_COUNT];  /* [hosts] with base */
    guint *vms_on;                       /* [hosts] how many VMs are there now */
    guint *rule_first;                   /* [vms + 1] */
    guint *rule_of;                      /* [..] the rules that name a VM */
    guint *first_vm;                     /* [hosts + 1] rows of 'vm_at': who was there at the beginning */
    guint *vm_at;                        /* [vms] */
} PlaceState;

PlaceState *place_state_new(const PlaceProblem *problem, const PlaceOptions *options);
void place_state_free(PlaceState *state);

double place_state_utilisation(const PlaceState *state, guint host, Resource resource);
double place_state_highest(const PlaceState *state, guint host); /* over the resources */
gboolean place_state_is_overloaded(const PlaceState *state, guint host);

/* Whether 'vm' may be on 'host' at all, whatever else is there: receives, CPU, pinned. */
gboolean place_state_may(const PlaceState *state, guint vm, guint host);

/* availableResource of seed 003: after adding it no resource of 'host' is above safe_high, nor above what may be
 * reserved, and no rule is broken by it.  'vm' must not be on 'host'. */
gboolean place_state_fits(const PlaceState *state, guint vm, guint host);

/* The same for several that come together. */
gboolean place_state_fits_all(const PlaceState *state, const guint *vms, guint vms_length, guint host);

/* 'host' may be PLACE_NOWHERE. */
void place_state_move(PlaceState *state, guint vm, guint host);

/* MiB/s times links between 'vm', if it were on 'host', and all it talks to where they are now (or, being nowhere,
 * where they were). */
double place_state_communication(const PlaceState *state, guint vm, guint host);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlaceState, place_state_free)
