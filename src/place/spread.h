/* SPDX-License-Identifier: Apache-2.0
 *
 * Spread: of several placements that cost the same, the one that fills destinations evenly.
 *
 *     place_spread(problem, options, result);      after an evacuation was placed
 *
 * When VMs talk to nobody, or to those that come along, every destination at the same distance costs the same, and a
 * search that looks at costs alone piles them up on one host.  This moves them apart, as far as that costs nothing: VMs
 * that a rule keeps together, or that talk and were sent to the same host, stay together. */
#pragma once

#include "place/grouping.h"

/* Changes destinations in 'result->moves' and says so in their 'why'; number and order of the moves stay. */
void place_spread(const PlaceProblem *problem, const PlaceOptions *options, PlaceResult *result);
