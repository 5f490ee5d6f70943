/* SPDX-License-Identifier: Apache-2.0
 *
 * Rival: the bench at which the rivals of GBM-VMM work.
 *
 * What FPA, ACO, PABFD, Sercon, min cut, local search and the MIP have in common: who may move, who may receive, where
 * everybody is while they think, and how the answer is written down.
 *
 *     g_autoptr(Rival) rival = rival_new(problem, task, options);
 *     ... rival_shift(rival, unit, host) ...
 *     rival_finish(rival, result);
 *
 * RELIEVE:     'sources' are the marked hosts above the safe range, most overloaded first; 'units' all that runs on
 * them. EVACUATE:    'units' are the movers; 'sources' the hosts they run on, in the order of hosts; a host with movers
 * that is not itself to be emptied may receive others. CONSOLIDATE: 'units' is everything; there are no sources.
 *
 * 'destinations' are the hosts that may receive: never one that is relieved or emptied, never one that is above the
 * safe range.  So with RELIEVE any order of moves is a good one; rival_finish finds one for the others.
 *
 * Members up to the line are made by rival_new and stay; those below change while a placer works. */
#pragma once

#include "place/fitness.h"
#include "place/move-units.h"

typedef struct Rival {
    const PlaceProblem *problem;
    const PlaceTask *task;
    const PlaceOptions *options;
    PlaceCosts *costs;
    MoveUnits *units;
    guint *unit_first; /* [hosts + 1] rows of 'unit_at': the units that run on a host at the beginning */
    guint *unit_at;
    guint *sources;
    guint sources_length;
    gboolean *is_source; /* [hosts] */
    guint *destinations; /* ascending by what is free on their fullest resource: the best fit comes first */
    guint destinations_length;
    double *destination_room;       /* [destinations_length] that room, as a share of capacity, at the beginning */
    double largest[RESOURCE_COUNT]; /* capacity of the largest destination */
    double *unit_demand;            /* [units][RESOURCE_COUNT] */
    Resource *fullest;              /* [hosts] the resource with the highest utilisation at the beginning */
    double *unit_migration_s;       /* [units] */
    /* ------- */
    PlaceState *state;
    Fitness *fitness;
    guint *block_of; /* [units] which go together as one block: any number, the same for all of a block */
    guint *scratch;  /* [vms] */
    char **notes;    /* [units] NULL, or what the placer has to say about this move; owned */
} Rival;

Rival *rival_new(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options);
void rival_free(Rival *rival);

/* Where a unit is now; PLACE_NOWHERE: taken away. */
guint rival_where(const Rival *rival, guint unit);

/* Whether 'unit' fits on a host.  It must not be there already, and a mover of EVACUATE never fits where it runs. */
gboolean rival_fits(const Rival *rival, guint unit, guint host);

/* Whether 'unit' would fit on any destination as things are. */
gboolean rival_fits_somewhere(const Rival *rival, guint unit);

/* How the cost would change; moving it, and the change. */
double rival_change(Rival *rival, guint unit, guint host);
double rival_shift(Rival *rival, guint unit, guint host);

/* Moves it without asking what that costs. */
void rival_put(Rival *rival, guint unit, guint host);

/* The destination with the least room that still takes it (room as it was at the beginning); PLACE_NOWHERE: none. */
guint rival_best_fit(const Rival *rival, guint unit);

/* The destination where it costs least, the better fit of two that cost the same; PLACE_NOWHERE: none has room. */
guint rival_cheapest(Rival *rival, guint unit);

/* Its demand of both resources as shares of the largest destination, summed: what "large" means in sorting. */
double rival_size(const Rival *rival, guint unit);

/* GCompareDataFunc of units, the largest by rival_size first, then by index; 'user' is the Rival. */
int rival_compare_sizes(gconstpointer a, gconstpointer b, gpointer user);

/* RELIEVE, for searches that weigh what a group may be: what is still wrong with 'source', more than any plan can cost,
 * so that being above the safe range is avoided first, and then falling below it (on the resource that was fullest) and
 * leaving behind what is not connected enough (when 'has_doc'). */
double rival_penalty(Rival *rival, guint source, gboolean has_doc);
#define RIVAL_ABOVE       100.0  /* for being above */
#define RIVAL_ABOVE_SHARE 1000.0 /* and per share of capacity */
#define RIVAL_BELOW       10.0
#define RIVAL_BELOW_SHARE 10.0
#define RIVAL_LOOSE       10.0 /* for a degree of connection less than theta */
#define RIVAL_LOOSE_SHARE 10.0

/* Degree of connection of those that run on 'source' and are still there (seed 003 section 2.3); 1 for none or one. */
double rival_doc(Rival *rival, guint source);

/* No VM, and no base load. */
gboolean rival_is_off(const Rival *rival, guint host);

/* CONSOLIDATE: whether emptying 'host' would switch it off: it has VMs, all of them its own and none pinned, no base
 * load, and is not above the safe range. */
gboolean rival_can_be_emptied(const Rival *rival, guint host);

/* Says something more about the move of 'unit'; replaces what was said before. */
void rival_note(Rival *rival, guint unit, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Appends the moves from where VMs run to where 'state' has them, in an order that never overfills a host; what was
 * left undone, and why, place_run finds out by itself. */
void rival_finish(Rival *rival, PlaceResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Rival, rival_free)
