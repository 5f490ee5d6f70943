/* SPDX-License-Identifier: Apache-2.0
 *
 * Fleet: many source hosts, one after the other, then again: the work of our own placer.
 *
 *     g_autoptr(Fleet) fleet = fleet_new(problem, task, options);
 *     fleet_decide(fleet);          every source in turn
 *     fleet_refine(fleet, rounds);  each again, beside what the others do now
 *     fleet_finish(fleet, result);
 *
 * Theory of operation.  A source host is a small problem of its own (relief.h) once its destinations are few.  They are
 * chosen through an index: where those are that its VMs talk to, near hosts with room for all that must leave or for one
 * VM, the roomiest of all.  So a decision costs the same in a fleet of ten hosts and of ten thousand.  In a small fleet
 * all hosts are candidates.
 *
 * Sources are relieved in decreasing overload.  A source is a destination only for those after it, and only once it is
 * below the limit.  So there is always an order in which each move has room: the sources', first to last.
 *
 * What a decision costs depends on where the others put their VMs, so a second look at each source, with all others as
 * they are, finds what was overlooked; a new plan is taken only when it is better, so the sum over all sources falls.
 * Where room is short two sources compete for one destination; such pairs are decided together, in either order. */
#pragma once

#include "place/place-index.h"
#include "place/relief-search.h"

typedef struct FleetDecision {
    guint source;
    ReliefLevel level;
    gboolean is_proven;   /* among its candidates nothing is cheaper */
    guint candidates;     /* destinations that were looked at */
    double highest;       /* utilisation of the source's fullest resource before */
    Resource resource;
    guint length;         /* VMs that leave */
    guint *vms;
    guint *to;
} FleetDecision;

typedef struct Fleet {
    const PlaceProblem *problem;
    const PlaceTask *task;
    const PlaceOptions *options;
    ReliefWorld *world;
    PlaceIndex *index;
    GArray *decisions;    /* FleetDecision, in the order in which sources are relieved */
    ReliefEffort effort;  /* for one source */
    Rng rng;
    guint *rank_of;       /* [hosts] in which order sources are relieved; PLACE_NOWHERE: no source */
    double *weight;       /* [hosts] scratch, all 0 between uses */
    gboolean *is_listed;  /* [hosts] scratch, all FALSE between uses */
    gboolean is_cost_first; /* refining: a cheaper plan is better even when a dearer one would be safe */
    guint sources;
    guint *source_at;     /* [sources] by rank */
} Fleet;

/* RELIEVE or EVACUATE. */
Fleet *fleet_new(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options);
void fleet_free(Fleet *fleet);

void fleet_decide(Fleet *fleet);

/* Takes over the moves of 'result' as if they were its own decisions. */
void fleet_take(Fleet *fleet, const PlaceResult *result);

void fleet_refine(Fleet *fleet, guint rounds);

/* Fewer moves where that costs at most 'within' more per source. */
void fleet_fewest(Fleet *fleet, double within);

/* Moves with their reasons; where a source stays above or a VM finds no room, why. */
void fleet_finish(Fleet *fleet, PlaceResult *result);

/* Destinations worth looking at for a source: at most 'want'.  'hosts' has room for so many. */
guint fleet_candidates(Fleet *fleet, guint source, guint want, guint *hosts);
guint fleet_candidates_wanted(const Fleet *fleet);

/* Steps of the work, for fleet-*.c: the best plan found among candidates, a decision as a plan that can be compared, and
 * putting VMs there and back.  The caller frees the plan and the relief. */
ReliefAnswer fleet_look(Fleet *fleet, guint source, guint want, Relief **relief);
ReliefAnswer fleet_answer_of(const Fleet *fleet, const FleetDecision *decision, Relief **relief);
void fleet_fill(FleetDecision *decision, const Relief *relief, const ReliefAnswer *answer);
void fleet_apply(Fleet *fleet, const FleetDecision *decision);
void fleet_undo(Fleet *fleet, const FleetDecision *decision);

/* Whether VMs of other sources that came to 'source' are subject to rules: then who stays there is no longer free, and
 * it must not be decided again. */
gboolean fleet_has_bound_guests(const Fleet *fleet, guint source);

/* Decides pairs of sources that share a destination, or of which one is stuck, anew; TRUE: something got better. */
gboolean fleet_refine_pairs(Fleet *fleet);

/* Why the VMs of one block move: see fleet-why.c.  The caller frees the text. */
char *fleet_why(const Fleet *fleet, const FleetDecision *decision, const guint *block, guint block_length,
                guint destination);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Fleet, fleet_free)
