/* SPDX-License-Identifier: Apache-2.0
 *
 * What the CPUs of a simulated fleet's VMs do: one sample per interval of the scenario, each VM with the noise
 * that the seed adds. */
#include "base/error.h"
#include "base/rng.h"
#include "base/units.h"
#include "sim/fleet-private.h"

#include <math.h>

#define SAMPLES_MAX 4096u

struct FleetWorkloads {
    const Scenario *scenario;
};

FleetWorkloads *fleet_workloads_new(const Scenario *scenario)
{
    FleetWorkloads *workloads = g_new0(FleetWorkloads, 1);

    workloads->scenario = scenario;
    return workloads;
}

void fleet_workloads_free(FleetWorkloads *workloads)
{
    g_free(workloads);
}

/* ---- formulas ---- */

static double share_at(const ScenarioWorkload *workload, gint64 at_ns)
{
    double share = workload->mean_share;

    if (workload->kind == WORKLOAD_SINE) {
        share += workload->amplitude_share * sin(2 * G_PI * (double)at_ns / (double)workload->period_ns);
    }
    for (guint i = 0; workload->kind == WORKLOAD_STEPS && i < workload->steps_length; i++) {
        if (i == 0 || workload->steps[i].at_ns <= at_ns) {
            share = workload->steps[i].share;
        }
    }
    return share;
}

static guint samples_of(const Scenario *scenario)
{
    gint64 samples = (scenario->duration_ns + scenario->interval_ns - 1) / scenario->interval_ns;

    return (guint)CLAMP(samples, 1, SAMPLES_MAX);
}

static float *samples_from(FleetWorkloads *workloads, guint vm, guint *length, GError **error)
{
    const Scenario *scenario = workloads->scenario;
    const ScenarioWorkload *workload = &scenario->vm_groups[scenario->vms[vm].group].workload;
    float *samples;

    if (workload->path) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "workload: a fleet cannot follow a trace; use constant, sine or steps");
        return NULL;
    }
    *length = samples_of(scenario);
    samples = g_new0(float, *length);
    for (guint i = 0; i < *length; i++) {
        samples[i] = (float)share_at(workload, i * scenario->interval_ns);
    }
    return samples;
}

/* ---- together ---- */

gboolean fleet_workload(FleetWorkloads *workloads, guint vm, double *mean_share, float **intensity, guint *length,
                        GError **error)
{
    const Scenario *scenario = workloads->scenario;
    const ScenarioWorkload *workload = &scenario->vm_groups[scenario->vms[vm].group].workload;
    Rng rng = rng_stream(scenario->seed, ((guint64)SCENARIO_STREAM_NOISE << 32) + vm);
    double sum = 0;

    *intensity = NULL;
    *length = 0;
    *mean_share = workload->mean_share;
    if (workload->kind == WORKLOAD_CONSTANT && workload->noise_share <= 0) {
        return TRUE;
    }
    g_autofree float *samples = samples_from(workloads, vm, length, error);

    if (!samples) {
        return FALSE;
    }
    for (guint i = 0; i < *length; i++) {
        double noise = workload->noise_share > 0 ? rng_normal(&rng, 0, workload->noise_share) : 0;

        samples[i] = (float)CLAMP((double)samples[i] + noise, 0, 1);
        sum += (double)samples[i];
    }
    *mean_share = sum / *length;
    for (guint i = 0; i < *length && sum > 0; i++) {
        samples[i] = (float)((double)samples[i] / *mean_share);
    }
    *intensity = sum > 0 ? g_steal_pointer(&samples) : NULL;
    return TRUE;
}
