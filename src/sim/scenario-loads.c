/* SPDX-License-Identifier: Apache-2.0
 *
 * From workloads to rows of samples; see scenario-loads.h.
 *
 * Each VM has a *source*: a row of a file, or the made-up load of its group.  Without noise VMs of the same source
 * share its row; with noise each VM has a row of its own, since noise is drawn per VM.  First the sources are numbered,
 * then the rows are filled, VM by VM in order, so that the numbers drawn depend on the seed alone. */
#include "sim/scenario-loads.h"

#include "base/error.h"
#include "base/units.h"

#include <math.h>
#include <string.h>

struct ScenarioTraces {
    GMutex mutex;
    GHashTable *by_path; /* char * -> Trace * */
};

ScenarioTraces *scenario_traces_new(void)
{
    ScenarioTraces *traces = g_new0(ScenarioTraces, 1);

    g_mutex_init(&traces->mutex);
    traces->by_path = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)trace_free);
    return traces;
}

void scenario_traces_free(ScenarioTraces *traces)
{
    if (traces) {
        g_hash_table_unref(traces->by_path);
        g_mutex_clear(&traces->mutex);
        g_free(traces);
    }
}

/* Of Bitbrains' two files the scenario names that of the use; that of the VMs has "vms" in its place. */
static Trace *read_bitbrains(const char *usage_path, GError **error)
{
    g_autofree char *directory = g_path_get_dirname(usage_path);
    g_autofree char *base = g_path_get_basename(usage_path);
    GString *name = g_string_new(base);

    g_string_replace(name, "usage", "vms", 1);
    g_autofree char *vms_name = g_string_free(name, FALSE);
    g_autofree char *vms_path = g_build_filename(directory, vms_name, NULL);
    if (g_str_equal(vms_name, base)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "%s: of Bitbrains' two files the one with 'usage' in its name is wanted", usage_path);
        return NULL;
    }
    return trace_read_bitbrains(vms_path, usage_path, error);
}

const Trace *scenario_traces_get(ScenarioTraces *traces, const ScenarioWorkload *workload, GError **error)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&traces->mutex);
    Trace *trace = g_hash_table_lookup(traces->by_path, workload->path);

    if (!trace) {
        trace = workload->kind == WORKLOAD_PLANETLAB ? trace_read_planetlab(workload->path, error)
                                                     : read_bitbrains(workload->path, error);
        if (trace) {
            g_hash_table_insert(traces->by_path, g_strdup(workload->path), trace);
        }
    }
    return trace;
}

static gboolean is_from_file(const ScenarioWorkload *workload)
{
    return workload->path != NULL;
}

/* What one group of VMs follows. */
typedef struct GroupLoad {
    const ScenarioWorkload *workload;
    const Trace *trace; /* NULL: made up */
    guint *order;       /* of the trace's rows; NULL: as in the file */
    guint first_row;    /* in the trace that is being made */
} GroupLoad;

static guint source_row(const GroupLoad *load, guint member)
{
    guint row = (guint)(((guint64)load->workload->first_row + member) % load->trace->vms);

    return load->order ? load->order[row] : row;
}

static void group_loads_free(GroupLoad *loads, guint length)
{
    for (guint i = 0; i < length; i++) {
        g_free(loads[i].order);
    }
    g_free(loads);
}

/* Opens the files and shuffles.  NULL on failure. */
static GroupLoad *group_loads_new(const Scenario *scenario, ScenarioTraces *traces, GError **error)
{
    GroupLoad *loads = g_new0(GroupLoad, scenario->vm_groups_length);
    Rng rng = rng_stream(scenario->seed, SCENARIO_STREAM_ORDER);

    for (guint i = 0; i < scenario->vm_groups_length; i++) {
        loads[i].workload = &scenario->vm_groups[i].workload;
        if (!is_from_file(loads[i].workload)) {
            continue;
        }
        loads[i].trace = scenario_traces_get(traces, loads[i].workload, error);
        if (!loads[i].trace) {
            group_loads_free(loads, scenario->vm_groups_length);
            return NULL;
        }
        if (loads[i].workload->is_shuffled) {
            loads[i].order = g_new(guint, loads[i].trace->vms);
            for (guint row = 0; row < loads[i].trace->vms; row++) {
                loads[i].order[row] = row;
            }
            rng_shuffle(&rng, loads[i].order, loads[i].trace->vms);
        }
    }
    return loads;
}

/* The PlanetLab file that all VMs follow as it is, or NULL. */
static const Trace *only_trace(const Scenario *scenario, const GroupLoad *loads)
{
    for (guint i = 0; i < scenario->vm_groups_length; i++) {
        if (loads[i].trace != loads[0].trace || loads[i].workload->kind != WORKLOAD_PLANETLAB ||
            loads[i].workload->noise_share > 0 || scenario->vm_groups[i].is_paused) {
            return NULL;
        }
    }
    return loads[0].trace;
}

static double steps_at(const ScenarioWorkload *workload, double time_s)
{
    double share = workload->steps[0].share;

    for (guint i = 0; i < workload->steps_length; i++) {
        if ((double)workload->steps[i].at_ns / (double)NS_PER_S <= time_s) {
            share = workload->steps[i].share;
        }
    }
    return share;
}

static double made_up_at(const ScenarioWorkload *workload, double time_s)
{
    switch (workload->kind) {
    case WORKLOAD_SINE:
        return workload->mean_share +
               workload->amplitude_share * sin(2 * G_PI * time_s / ((double)workload->period_ns / (double)NS_PER_S));
    case WORKLOAD_STEPS:
        return steps_at(workload, time_s);
    default:
        return workload->mean_share;
    }
}

/* One row: what VM 'member' of the group asks for, with noise from 'rng'. */
static void fill_row(const GroupLoad *load, guint member, gboolean is_paused, double interval_s, float *row,
                     guint samples, Rng *rng)
{
    guint from = load->trace ? source_row(load, member) : 0;

    for (guint i = 0; i < samples; i++) {
        double share = load->trace ? trace_share(load->trace, from, i % load->trace->samples)
                                   : made_up_at(load->workload, i * interval_s);

        if (load->workload->noise_share > 0) {
            share += rng_normal(rng, 0, load->workload->noise_share);
        }
        row[i] = is_paused ? 0 : (float)CLAMP(share, 0, 1);
    }
}

/* Rows that a group needs: one for each VM with noise, otherwise one for each source. */
static guint rows_of(const GroupLoad *load, guint count)
{
    if (load->workload->noise_share > 0) {
        return count;
    }
    return load->trace ? MIN(count, load->trace->vms) : 1;
}

static Trace *trace_new_float(guint rows, guint samples, double interval_s)
{
    Trace *trace = g_new0(Trace, 1);

    trace->vms = rows;
    trace->samples = samples;
    trace->interval_s = interval_s;
    trace->names = g_new0(char *, (gsize)rows + 1);
    trace->share = g_new(float, (gsize)rows *samples);
    return trace;
}

static Trace *sample_loads(const Scenario *scenario, GroupLoad *loads, guint32 *vm_row)
{
    double interval_s = (double)scenario->interval_ns / (double)NS_PER_S;
    guint64 rows = 0;

    for (guint i = 0; i < scenario->vm_groups_length; i++) {
        loads[i].first_row = (guint)rows;
        rows += rows_of(&loads[i], scenario->vm_groups[i].group.count);
        interval_s = loads[i].trace ? loads[i].trace->interval_s : interval_s;
    }
    double duration_s = (double)scenario->duration_ns / (double)NS_PER_S;
    guint samples = (guint)ceil(duration_s / interval_s) + 1;
    Trace *trace = trace_new_float((guint)rows, samples, interval_s);
    Rng rng = rng_stream(scenario->seed, SCENARIO_STREAM_NOISE);
    for (guint i = 0; i < scenario->vm_groups_length; i++) {
        const ScenarioVmGroup *vms = &scenario->vm_groups[i];
        guint group_rows = rows_of(&loads[i], vms->group.count);

        for (guint row = 0; row < group_rows; row++) {
            guint at = loads[i].first_row + row;

            trace->names[at] = g_strdup_printf("%s%u", vms->group.name, row + 1);
            fill_row(&loads[i], row, vms->is_paused, interval_s, trace->share + (gsize)at * samples, samples, &rng);
        }
        for (guint member = 0; member < vms->group.count; member++) {
            vm_row[vms->group.first + member] = loads[i].first_row + member % group_rows;
        }
    }
    return trace;
}

gboolean scenario_loads_fill(const Scenario *scenario, ScenarioTraces *traces, ScenarioDay *day, GError **error)
{
    GroupLoad *loads = group_loads_new(scenario, traces, error);

    if (!loads) {
        return FALSE;
    }
    day->vm_row = g_new(guint32, scenario->vms_length);
    const Trace *trace = only_trace(scenario, loads);
    if (trace) {
        for (guint i = 0; i < scenario->vms_length; i++) {
            const GroupLoad *load = &loads[scenario->vms[i].group];

            day->vm_row[i] = source_row(load, i - scenario->vm_groups[scenario->vms[i].group].group.first);
        }
    } else {
        trace = day->own_trace = sample_loads(scenario, loads, day->vm_row);
    }
    day->fleet.trace = trace;
    group_loads_free(loads, scenario->vm_groups_length);
    return TRUE;
}
