/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a fleet of a scenario: fleet-build.c (hosts, VMs, traffic, faults), fleet-place.c (where VMs are at the
 * beginning) and fleet-workload.c (what their CPUs do). */
#pragma once

#include "sim/fleet.h"

/* Which host each VM begins on.  GODWIT_ERROR_INPUT when one fits nowhere.  The caller frees. */
guint *fleet_place(const Scenario *scenario, GError **error);

/* What the CPUs of a scenario's VMs do: kept between VMs. */
typedef struct FleetWorkloads FleetWorkloads;
FleetWorkloads *fleet_workloads_new(const Scenario *scenario);
void fleet_workloads_free(FleetWorkloads *workloads);

/* The VM's mean CPU use and, unless it is steady, its samples over that mean: '*intensity' [length], one per interval,
 * freed by the caller; NULL: steady. */
gboolean fleet_workload(FleetWorkloads *workloads, guint vm, double *mean_share, float **intensity, guint *length,
                        GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FleetWorkloads, fleet_workloads_free)
