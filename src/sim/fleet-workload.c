/* SPDX-License-Identifier: Apache-2.0
 *
 * What the CPUs of a simulated fleet's VMs do: the very samples that a simulated day of the same scenario and seed has
 * (scenario-loads.h), as the pace of each VM: sample over mean.  VMs that follow the same row share it. */
#include "base/units.h"
#include "sim/fleet-private.h"
#include "sim/scenario-loads.h"

typedef struct Row {
    double mean_share;
    float *pace; /* [samples] borrowed from 'paces'; NULL: steady */
} Row;

struct FleetWorkloads {
    ScenarioTraces *traces;
    ScenarioDay day;  /* its trace and rows only */
    GHashTable *rows; /* number of the row -> Row */
    GPtrArray *paces; /* float *, for whoever outlives this */
};

FleetWorkloads *fleet_workloads_new(const Scenario *scenario, GPtrArray *paces, GError **error)
{
    g_autoptr(FleetWorkloads) workloads = g_new0(FleetWorkloads, 1);

    workloads->traces = scenario_traces_new();
    workloads->rows = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    workloads->paces = paces;
    return scenario_loads_fill(scenario, workloads->traces, &workloads->day, error) ? g_steal_pointer(&workloads)
                                                                                    : NULL;
}

void fleet_workloads_free(FleetWorkloads *workloads)
{
    if (workloads) {
        g_hash_table_unref(workloads->rows);
        g_free(workloads->day.vm_row);
        trace_free(workloads->day.own_trace);
        scenario_traces_free(workloads->traces);
        g_free(workloads);
    }
}

static Row *make_row(const FleetWorkloads *workloads, guint number)
{
    const Trace *trace = workloads->day.fleet.trace;
    Row *row = g_new0(Row, 1);
    gboolean is_steady = TRUE;

    for (guint i = 0; i < trace->samples; i++) {
        row->mean_share += trace_share(trace, number, i) / trace->samples;
        is_steady &= trace_share(trace, number, i) == trace_share(trace, number, 0);
    }
    if (is_steady || row->mean_share <= 0) {
        return row;
    }
    row->pace = g_new0(float, trace->samples);
    for (guint i = 0; i < trace->samples; i++) {
        row->pace[i] = (float)(trace_share(trace, number, i) / row->mean_share);
    }
    g_ptr_array_add(workloads->paces, row->pace);
    return row;
}

double fleet_workload(FleetWorkloads *workloads, guint vm, WorldLoad *load)
{
    const Trace *trace = workloads->day.fleet.trace;
    guint number = workloads->day.vm_row[vm];
    Row *row = g_hash_table_lookup(workloads->rows, GUINT_TO_POINTER(number + 1));

    if (!row) {
        row = make_row(workloads, number);
        g_hash_table_insert(workloads->rows, GUINT_TO_POINTER(number + 1), row);
    }
    load->intensity = row->pace;
    load->intensity_length = trace->samples;
    load->intensity_ns = (gint64)(trace->interval_s * (double)NS_PER_S);
    return row->mean_share;
}
