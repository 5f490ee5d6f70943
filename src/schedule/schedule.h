/* SPDX-License-Identifier: Apache-2.0
 *
 * schedule: order, waves and bandwidth of a Plan's steps.
 *
 * Strategy `parallel` of seeds 000 and 001: everything at once with equal shares of each link.  One wave; the limits
 * on concurrent migrations per host are kept by the gang as places become free, so the order of the steps is the order
 * in which they get a place: largest memory first, which ends the whole earliest when places are few.  Pure. */
#pragma once

#include <glib.h>

#include "model/plan.h"

/* Link rates by host; 0 or absent: unknown. */
typedef guint64 (*LinkRateFunc)(const char *host, gpointer user);

/* Sorts the steps, sets wave and bandwidth share (model/share.h) of each. */
void schedule_parallel(Plan *plan, LinkRateFunc link_rate, gpointer user);
