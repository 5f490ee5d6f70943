/* SPDX-License-Identifier: Apache-2.0
 *
 * What moving costs: equations 1 to 9 of seed 003, and the third term of VMMAGS (2017).
 *
 * Cost_mig and Cost_E are sums over VMs and are looked up in a table made once per problem; Cost_com depends on where
 * each one goes. */
#pragma once

#include "place/state.h"

typedef struct PlaceCosts {
    double *migration_s; /* [vms] T_mig_i with its source's bandwidth alone (TRANSFER_SERIAL) */
    double *downtime_s;  /* [vms] */
    double *sent_mib;    /* [vms] */
    guint farthest;      /* the largest distance in the topology */
} PlaceCosts;

PlaceCosts *place_costs_new(const PlaceProblem *problem, const PlaceOptions *options);
void place_costs_free(PlaceCosts *costs);

/* T_mig_i when 'sharers' migrations share the source's bandwidth. */
PassesCost place_cost_of(const PlaceProblem *problem, const PlaceOptions *options, guint vm, guint sharers);

/* Raw costs of one candidate (group, partition, destinations). */
typedef struct PlaceRaw {
    double migration_s;
    double energy;
    double communication;
} PlaceRaw;

/* The reference of NORM_REF for a source host: all VMs that were on it, moved serially; communication: all their
 * edges at the largest distance of the topology, or at 1 when there are none. */
PlaceRaw place_reference(const PlaceState *state, const PlaceCosts *costs, guint source);

/* The same for VMs that are named; all of them start on one host. */
PlaceRaw place_reference_of(const PlaceProblem *problem, const PlaceCosts *costs, const guint *vms, guint vms_length);

/* The largest distance between two places of the topology.  Quadratic in the places of a graph, so ask once. */
guint place_farthest(const PlaceProblem *problem);

/* Equation 9 or its extension: the raw costs, each divided by its reference (where that is 0, by 1), weighted. */
double place_integrate(const PlaceOptions *options, const PlaceRaw *raw, const PlaceRaw *reference);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlaceCosts, place_costs_free)
