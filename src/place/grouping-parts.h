/* SPDX-License-Identifier: Apache-2.0
 *
 * The steps of place_run; for grouping-*.c and their tests only. */
#pragma once

#include "place/grouping.h"

/* Puts the moves into an order in which each has room and breaks no rule at the moment it is done, keeping theirs where
 * it will do.  GODWIT_ERROR_FAILED naming the move and what it breaks when there is none. */
gboolean grouping_check(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                        PlaceResult *result, GError **error);

/* Fills left_over from the moves, whatever the placer wrote there. */
void grouping_left_over(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                        PlaceResult *result);

void grouping_totals(const PlaceProblem *problem, const PlaceOptions *options, PlaceResult *result);
