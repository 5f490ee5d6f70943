/* SPDX-License-Identifier: Apache-2.0
 *
 * DayIndex: finds the host that a plain scan over all active hosts would find, without looking at all of them. */
#pragma once

#include "sim/day-private.h"

typedef struct DayIndex DayIndex;

/* day->index for the plans as they are now, when the config wants one or there are hosts enough; NULL otherwise. */
void day_index_begin(Day *day);
void day_index_end(Day *day);

/* During the first placement: 'host' has changed; an index is made as soon as it is worth while. */
void day_index_grow(Day *day, guint32 host);

/* The plan of 'host' has changed. */
void day_index_place(DayIndex *index, guint32 host);

/* day_consider for every active host that could be preferred. */
void day_index_search(DayIndex *index, guint32 vm, DayBest *best);
