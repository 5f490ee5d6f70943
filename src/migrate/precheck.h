/* SPDX-License-Identifier: Apache-2.0
 *
 * Pre-checks: everything that can be known to go wrong, found before anything moves.
 *
 * Asks the hosts through the Driver and holds the answers against the whole plan: hosts reachable (also from each
 * other); the planned VM is there, running, the same one, and not already at its destination; memory and vCPUs fit
 * with all planned arrivals counted and departures not before they are certain; CPU compatible; each writable disk is
 * visible at the destination or is copied, and when it is copied, the target exists there with room enough; post-copy
 * possible on both ends where a step needs it; nothing else is migrating the VM.
 *
 * All problems are collected, each with its cure; nothing is touched. */
#pragma once

#include "migrate/driver.h"

/* 'problems': PlanProblem, taken by the callee; empty when the plan may run. */
typedef void (*PrecheckFunc)(GPtrArray *problems, gpointer user);

/* All borrowed until 'done', which comes exactly once (at once for a plan without steps).  'vcpus_per_cpu' bounds the
 * vCPUs that may run on a destination, per CPU of it. */
void precheck_plan(const Plan *plan, GPtrArray *hosts, double vcpus_per_cpu, Driver *driver, PrecheckFunc done,
                   gpointer user);
