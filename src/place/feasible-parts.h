/* SPDX-License-Identifier: Apache-2.0
 *
 * What feasible.c and feasible-search.c share. */
#pragma once

#include "place/feasible.h"

#define RULE_FACTS (1u << FACT_APART | 1u << FACT_TOGETHER)

static inline gboolean exceeds(double value, double limit)
{
    return value > limit + 1e-7 * MAX(1, limit);
}

static inline double need_of(const PlaceVm *vm, guint8 facts, int resource, gboolean is_reserved)
{
    gboolean counts = facts & 1u << (resource == RESOURCE_CPU ? FACT_CPU : FACT_MEMORY);

    return !counts ? 0 : is_reserved ? vm->reserved[resource] : vm->demand[resource];
}

/* Resources whose fact does not count are not looked at, even where a host is already too full. */
static inline gboolean has_room(const double *room, const double *room_reserved, const PlaceVm *vm, guint8 facts)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        gboolean counts = facts & 1u << (r == RESOURCE_CPU ? FACT_CPU : FACT_MEMORY);

        if (counts && (exceeds(vm->demand[r], room[r]) || exceeds(vm->reserved[r], room_reserved[r]))) {
            return FALSE;
        }
    }
    return TRUE;
}
