/* SPDX-License-Identifier: Apache-2.0
 *
 * The order in which VMs are taken.  Ties go to the first, and lists begin in the order of placement, so a result
 * depends on it.  To be free of the order in a file, VMs are taken by what they are: larger first (MIPS, RAM), then by
 * the name of their row in the trace, by shift, and only at last by number.  With the defect file-order they stay as
 * they are. */
#pragma once

#include "sim/day.h"

typedef struct DayOrder DayOrder;

/* NULL keeps the caller's order. */
DayOrder *day_order_new(const DayFleet *fleet);
void day_order_free(DayOrder *order);

/* The fleet with VMs in the new order; hosts and types are the caller's. */
const DayFleet *day_order_fleet(const DayOrder *order);

/* From the caller's numbers and back; with NULL both give what they take. */
guint32 day_order_inner(const DayOrder *order, guint32 vm);
guint32 day_order_outer(const DayOrder *order, guint32 vm);

/* Puts the VMs of a result back into the caller's numbers. */
void day_order_restore(const DayOrder *order, DayResult *result);
