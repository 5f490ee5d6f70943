/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files behind pack-moves.h share: a fleet of units while it is thought about which hosts are emptied.
 *
 *     pack-fleet.c   the fleet, what may be where
 *     pack-empty.c   one host after the other, each move with room at once
 *     pack-drift.c   one host more, by the drift of pack-anneal.c with a price on moving
 *     pack-moves.c   the course of it, and the order of moves
 *
 * A unit is what TOGETHER rules bind (units.h).  An open host may have VMs: it has some at the beginning and is not
 * being emptied. */
#pragma once

#include "base/rng.h"
#include "place/state.h"
#include "place/place-units.h"

typedef struct PackFleet {
    const PlaceProblem *problem;
    const PlaceOptions *options;
    PlaceUnits *units;
    guint *home;            /* [units] where it runs now; PLACE_NOWHERE: on several hosts, against its rule */
    double *mib;            /* [units] to be sent when it moves */
    gboolean *is_fixed;     /* [units] pinned, or on several hosts */
    guint *home_first;      /* [hosts + 1] rows of 'home_unit' */
    guint *home_unit;       /* [units] by home */
    gboolean *can_be_emptied; /* [hosts] has VMs, and all may leave */
    gboolean *is_full;      /* [hosts] above a limit at the beginning: may stay so, and gets nothing more */
    double *leave_mib;      /* [hosts] of all its units */
    guint *by_cost;         /* [emptiable] hosts that can be emptied, least leave_mib first */
    guint emptiable;
    /* ------- changes while it is thought */
    PlaceState *state;
    gboolean *is_open;      /* [hosts] */
    guint closed;           /* hosts that were open and are not */
} PackFleet;

PackFleet *pack_fleet_new(const PlaceProblem *problem, const PlaceOptions *options);
void pack_fleet_free(PackFleet *fleet);

static inline guint pack_fleet_where(const PackFleet *fleet, guint unit)
{
    return fleet->state->host_of[fleet->units->vms[fleet->units->first[unit]]];
}

void pack_fleet_put(PackFleet *fleet, guint unit, guint host);

/* Rules, CPU, pinned, whether the host receives: all but room. */
gboolean pack_fleet_may(const PackFleet *fleet, guint unit, guint host);
gboolean pack_fleet_fits(const PackFleet *fleet, guint unit, guint host);

/* By how much a host is too full, as a share of itself; 0: it is not. */
double pack_fleet_excess(const PackFleet *fleet, guint host);

/* What a host has left, as a share of itself, summed over resources. */
double pack_fleet_room(const PackFleet *fleet, guint host);

/* Where all units are, to come back to. */
typedef struct PackPlaces {
    guint *host_of;    /* [units] */
    gboolean *is_open; /* [hosts] */
    guint closed;
    double moved_mib;
} PackPlaces;

PackPlaces *pack_places_new(const PackFleet *fleet);
void pack_places_free(PackPlaces *places);
void pack_places_restore(const PackPlaces *places, PackFleet *fleet);

/* guint: the units that are elsewhere, in an order in which each has room when its turn comes; NULL: going through them
 * again and again finds none.  The caller unrefs. */
GArray *pack_places_order(const PackPlaces *places, const PackFleet *fleet);

/* Closes 'host' if all its units find room at once, with at most one unit of the receiving host making way for each;
 * else FALSE and nothing is changed. */
gboolean pack_empty(PackFleet *fleet, guint host);

/* Looks for places on the open hosts for all units of closed ones, with little moved; at most 'moves' are tried.  FALSE
 * when none were found: the fleet is then in disorder, see pack_places_restore. */
gboolean pack_drift(PackFleet *fleet, Rng *rng, guint64 moves);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackFleet, pack_fleet_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackPlaces, pack_places_free)
