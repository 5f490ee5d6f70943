/* SPDX-License-Identifier: Apache-2.0
 *
 * The Tracker of a simulated guest: sees what its two processes touch (WorldLoad), with the flaws of a real tracker.
 *
 *     Sampler *sampler = tracker_sim_sampler(world, "vm1", "h1", scan_ns, seed, &error);
 *
 * Counts have an error of WorldRules.flaw_share, drawn by the world's seed, and each window costs CPU time of the
 * budget like a real one (TRACKER_SIM_COST_NS), so that many VMs on a host are looked at less often. */
#pragma once

#include "observe/sampler.h"
#include "sim/world.h"

#define TRACKER_SIM_COST_NS ((gint64)100000)

extern const TrackerOps TRACKER_SIM;

/* A sampler with this tracker for both kinds of windows.  GODWIT_ERROR_LOST when the VM does not run on 'host'.  The
 * world is borrowed for its life. */
Sampler *tracker_sim_sampler(World *world, const char *vm, const char *host, gint64 scan_ns, guint64 seed,
                             GError **error);

/* Where time is virtual, nothing is spent but what the windows charge. */
gint64 tracker_sim_cpu_ns(void);
