/* SPDX-License-Identifier: Apache-2.0
 *
 * Units: VMs that TOGETHER rules bind to each other move as one or not at all.
 *
 *     g_autoptr(PlaceUnits) units = place_units_new(problem, task->movers, task->movers_length);
 *     for (guint u = 0; u < units->length; u++)
 *         place_state_fits_all(state, units->vms + units->first[u], units->first[u + 1] - units->first[u], host)
 *
 * A placer that moves VMs one by one and gives up on one of them would otherwise leave half of such a set behind, which
 * place_run refuses.  A VM bound to one that is not among the given VMs is still a unit; place_state_fits_all knows that
 * it can only go where the other one is. */
#pragma once

#include "place/problem.h"

typedef struct PlaceUnits {
    guint length;
    guint *first; /* [length + 1] */
    guint *vms;   /* [first[length]] ascending within a unit; units by their first VM */
} PlaceUnits;

/* 'vms' ascending. */
PlaceUnits *place_units_new(const PlaceProblem *problem, const guint *vms, guint vms_length);
void place_units_free(PlaceUnits *units);

/* The sum of what is reserved by (is_demand: demanded by) the VMs of a unit. */
double place_unit_size(const PlaceUnits *units, const PlaceProblem *problem, guint unit, Resource resource,
                       gboolean is_demand);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlaceUnits, place_units_free)
