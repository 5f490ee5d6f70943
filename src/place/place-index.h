/* SPDX-License-Identifier: Apache-2.0
 *
 * PlaceIndex: finds destinations with room near a host, among ten thousand, without looking at them all.
 *
 *     g_autoptr(PlaceIndex) index = place_index_new(state);
 *     place_index_take_out(index, host);              it is no destination (for now)
 *     guint near = place_index_next(index, place_index_rank(index, source), 1, demand, reserved);
 *     place_index_update(index, host);                after anything moved there or away
 *
 * Hosts that may receive are lined up by their place in the topology, which for trees is by rack, pod and so on: near in
 * line is mostly near in links.  A tree over the line keeps for each stretch the most room of any host in it, per
 * resource; a search skips stretches where nobody has enough.  Every operation is logarithmic in the number of hosts. */
#pragma once

#include "place/state.h"

typedef struct PlaceIndex PlaceIndex;

PlaceIndex *place_index_new(const PlaceState *state);
void place_index_free(PlaceIndex *index);

void place_index_take_out(PlaceIndex *index, guint host);
void place_index_put_back(PlaceIndex *index, guint host);

/* The state's sums of 'host' have changed. */
void place_index_update(PlaceIndex *index, guint host);

/* Where a host stands in line; also of hosts that may not receive. */
guint place_index_rank(const PlaceIndex *index, guint host);

/* The first host from 'rank' on, in direction +1 or -1, that has room for that much below safe_high and of what may be
 * reserved; PLACE_NOWHERE when there is none.  Room is all that is asked; rules are place_state_fits's business. */
guint place_index_next(const PlaceIndex *index, guint rank, int direction, const double *demand, const double *reserved);

/* The host with the most room of a resource; PLACE_NOWHERE: none has any. */
guint place_index_roomiest(const PlaceIndex *index, Resource resource);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PlaceIndex, place_index_free)
