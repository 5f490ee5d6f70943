/* SPDX-License-Identifier: Apache-2.0
 *
 * Fitness: what a placement costs, kept up to date move by move.
 *
 * The searches of the rivals try millions of moves; this gives the change of the integrated objective (cost.h,
 * NORM_REF: summed over source hosts, each in units of its own reference) that one move makes, in time proportional to
 * those the VM talks to, without allocating.
 *
 *     Fitness *fitness = fitness_new(state, costs);
 *     cost += fitness_shift(fitness, vm, host);       moves it in 'state'
 *
 * A VM that is not on the host where it runs has moved.  What it costs:
 *   - its migration and its energy: a sum over moved VMs, the same wherever they go (with each one alone on its link);
 *   - its traffic times the links between, for every edge with a moved end; an edge whose ends both moved counts once
 *     when they come from one host and once for each host otherwise, as the objective does.
 * A VM that is nowhere counts as one that has not moved. */
#pragma once

#include "place/cost.h"

typedef struct Fitness {
    PlaceState *state;    /* borrowed */
    double *fixed;        /* [vms] what moving it costs, wherever it goes */
    double *per_mib_link; /* [hosts] what 1 MiB/s over one link costs for a VM that came from there */
    gboolean has_traffic; /* whether communication counts at all */
} Fitness;

Fitness *fitness_new(PlaceState *state, const PlaceCosts *costs);
void fitness_free(Fitness *fitness);

/* How the cost would change if 'vm' went to 'host' (PLACE_NOWHERE: away). */
double fitness_change(const Fitness *fitness, guint vm, guint host);

/* Moves it and returns the same. */
double fitness_shift(Fitness *fitness, guint vm, guint host);

/* From nothing, in the order of VMs: what the sum of all shifts must be. */
double fitness_total(const Fitness *fitness);

/* By how much the fullest resource of 'host' is above the safe range, as a share of its capacity; 0: it is not.  Worth
 * FITNESS_PENALTY in the searches that allow it on the way. */
double fitness_excess(const PlaceState *state, guint host);
#define FITNESS_PENALTY 10.0

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fitness, fitness_free)
