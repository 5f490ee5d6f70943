/* SPDX-License-Identifier: Apache-2.0
 *
 * What makes a fleet of a scenario: fleet-build.c (hosts, VMs, traffic, faults), fleet-place.c (where VMs are at the
 * beginning) and fleet-workload.c (what their CPUs do). */
#pragma once

#include "sim/sim-fleet.h"

/* Which host each VM begins on.  GODWIT_ERROR_INPUT when one fits nowhere.  The caller frees. */
guint *fleet_place(const Scenario *scenario, GError **error);

/* What the CPUs of a scenario's VMs do.  The samples go to 'paces' (float *), which must outlive the VMs that follow
 * them. */
typedef struct FleetWorkloads FleetWorkloads;
FleetWorkloads *fleet_workloads_new(const Scenario *scenario, GPtrArray *paces, GError **error);
void fleet_workloads_free(FleetWorkloads *workloads);

/* Fills in the intensity of 'load'; returns the VM's mean use of its vCPUs, 0..1. */
double fleet_workload(FleetWorkloads *workloads, guint vm, WorldLoad *load);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FleetWorkloads, fleet_workloads_free)
