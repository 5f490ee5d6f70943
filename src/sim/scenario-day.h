/* SPDX-License-Identifier: Apache-2.0
 *
 * ScenarioDay: a Scenario as what day_run wants: a fleet, the loads of its VMs, and a policy.
 *
 *     ScenarioTraces *traces = scenario_traces_new();               may serve many days, in several threads
 *     ScenarioDay *day = scenario_day_new(scenario, traces, &error);
 *     day->config.seed, day->config.policy ...                      may still be changed
 *     result = day_run(&day->config, NULL, NULL, &error);
 *     scenario_day_free(day);
 *
 * VMs that follow the same row of a trace, or the same made-up load without noise, share one row in memory.  When all
 * VMs follow one PlanetLab file, its whole per cents are used as they are, so that a scenario can be the peer's own
 * experiment to the bit; otherwise loads are sampled as floats at the scenario's interval, or every 300 s where a file
 * is among them. */
#pragma once

#include "sim/day.h"
#include "sim/scenario.h"

/* Files of traces, each read once.  Any thread may ask. */
typedef struct ScenarioTraces ScenarioTraces;
ScenarioTraces *scenario_traces_new(void);
void scenario_traces_free(ScenarioTraces *traces);

typedef struct ScenarioDay {
    DayFleet fleet; /* config.fleet points to it */
    DayConfig config;
    guint32 *initial; /* [vms] where they are at the beginning; NULL: the day places them itself */
    Trace *own_trace; /* NULL when the fleet follows a file's as it is */
    PowerCurve *powers;
    DayHostType *host_types;
    DayVmType *vm_types;
    guint8 *host_type;
    guint8 *vm_type;
    guint32 *vm_row;
    float *vm_dirty_mib_per_s;
} ScenarioDay;

/* Borrows 'scenario' and 'traces', which must outlive it. */
ScenarioDay *scenario_day_new(const Scenario *scenario, ScenarioTraces *traces, GError **error);
void scenario_day_free(ScenarioDay *day);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScenarioTraces, scenario_traces_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ScenarioDay, scenario_day_free)
