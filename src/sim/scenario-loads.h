/* SPDX-License-Identifier: Apache-2.0
 *
 * The CPU loads of a scenario's VMs as one Trace and the row of each VM; used by scenario-day.c. */
#pragma once

#include "sim/scenario-day.h"

/* The trace of a file; borrowed from 'traces', which keeps it.  GODWIT_ERROR_INPUT names file and line. */
const Trace *scenario_traces_get(ScenarioTraces *traces, const ScenarioWorkload *workload, GError **error);

/* Sets day->fleet.trace and day->vm_row, and day->own_trace where loads must be sampled. */
gboolean scenario_loads_fill(const Scenario *scenario, ScenarioTraces *traces, ScenarioDay *day, GError **error);
