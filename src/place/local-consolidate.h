/* SPDX-License-Identifier: Apache-2.0
 *
 * Local search for consolidation: the fewest hosts first, then the least cost; see local-consolidate.c. */
#pragma once

#include "place/rival.h"

/* Leaves the state of 'rival' (PLACE_CONSOLIDATE) as it should be. */
void local_consolidate(Rival *rival);
