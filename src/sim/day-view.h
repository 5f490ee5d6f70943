/* SPDX-License-Identifier: Apache-2.0
 *
 * The caller's placer in a tick; see DayPlaceFunc in day.h. */
#pragma once

#include "sim/day-private.h"

/* Finds the overloaded hosts, asks the placer and plans its moves; FALSE with an error when it failed or one is wrong.
 */
gboolean day_place_by_caller(Day *day, GError **error);
