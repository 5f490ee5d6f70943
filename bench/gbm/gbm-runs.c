/* SPDX-License-Identifier: Apache-2.0
 *
 * Every cell of the experiment once per seed; see gbm.h.  Placers take turns within a world, so that whatever else the
 * machine does meets all of them. */
#include "gbm.h"
#include "base/error.h"
#include "base/stats.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define GBM_METRIC_ROW(member, column, title, unit, digits)                                                            \
    {column, title, unit, digits, G_STRUCT_OFFSET(GbmValues, member)},

const GbmMetric GBM_METRIC[] = {GBM_METRICS(GBM_METRIC_ROW)};

guint gbm_metrics(void)
{
    return G_N_ELEMENTS(GBM_METRIC);
}

double gbm_value(const GbmValues *values, guint metric)
{
    return G_STRUCT_MEMBER(double, values, GBM_METRIC[metric].offset);
}

int gbm_metric_find(const char *column)
{
    for (guint i = 0; i < gbm_metrics(); i++) {
        if (g_str_equal(GBM_METRIC[i].column, column)) {
            return (int)i;
        }
    }
    g_error("there is no metric '%s'", column);
}

static double cpu_time_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static gboolean measure(const GbmWorld *world, const GbmConfig *config, GbmRun *run, GError **error)
{
    const Grouping *placer = config->placers[run->placer];
    PlaceTask task = {.kind = PLACE_RELIEVE};
    PlaceOptions options;
    g_autoptr(PlaceResult) result = NULL;
    double began_s;

    place_options_init(&options);
    options.objective = config->objective;
    options.bandwidth_mib_per_s = config->link_mib_per_s;
    options.seed = run->seed;
    began_s = cpu_time_s();
    result = place_run(placer, &world->problem, &task, &options, error);
    if (!result) {
        g_prefix_error(error, "%s, %u VMs, seed %" G_GUINT64_FORMAT ": ", placer->name, world->problem.vms_length,
                       run->seed);
        return FALSE;
    }
    const PlaceTotals *totals = &result->totals;
    guint relieved = totals->overloaded_before - MIN(totals->overloaded_after, totals->overloaded_before);
    run->hosts = world->problem.hosts_length;
    run->overloaded = totals->overloaded_before;
    run->values = (GbmValues){
        .migration_s = totals->migration_s,
        .integrated = totals->integrated,
        .moves = totals->moves,
        .gib_hops = totals->sent_mib_hops / 1024,
        .decision_s = cpu_time_s() - began_s,
        .relieved_share = totals->overloaded_before ? 100.0 * relieved / totals->overloaded_before : 100,
        .communication = totals->communication_all,
    };
    return gbm_play(world, &options, result, run, error);
}

static gboolean run_world(GbmRuns *runs, guint topology, guint vms, guint64 seed, GError **error)
{
    const GbmConfig *config = runs->config;
    g_auto(GbmWorld) world = {0};

    if (!gbm_world_init(&world, config, config->ports[topology], config->vms[vms], seed, error)) {
        return FALSE;
    }
    for (guint i = 0; i < config->placers_length; i++) {
        guint placer = (i + (guint)seed) % config->placers_length;
        GbmRun run = {.topology = topology, .vms = vms, .placer = placer, .seed = seed};

        if (!measure(&world, config, &run, error)) {
            return FALSE;
        }
        g_array_append_val(runs->runs, run);
    }
    return TRUE;
}

/* For a person who watches. */
G_GNUC_PRINTF(1, 2) static void show_progress(const char *format, ...)
{
    va_list arguments;

    if (isatty(STDERR_FILENO)) {
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
    }
}

static gboolean run_cell(GbmRuns *runs, guint topology, guint vms, GError **error)
{
    const GbmConfig *config = runs->config;

    for (guint64 seed = 1; seed <= config->seeds; seed++) {
        g_autoptr(GError) local = NULL;

        show_progress("\rtopology %u (k = %u), %u VMs, seed %" G_GUINT64_FORMAT " of %u    ", topology + 1,
                      config->ports[topology], config->vms[vms], seed, config->seeds);
        if (run_world(runs, topology, vms, seed, &local)) {
            continue;
        }
        if (!g_error_matches(local, GODWIT_ERROR, GODWIT_ERROR_REFUSED)) {
            show_progress("\n");
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        GbmGap gap = {topology, vms, g_strdup(local->message)};
        g_array_append_val(runs->gaps, gap);
        break; /* whether they fit does not depend on the seed */
    }
    return TRUE;
}

static void clear_gap(gpointer data)
{
    g_free(((GbmGap *)data)->why);
}

GbmRuns *gbm_runs(const GbmConfig *config, GError **error)
{
    g_autoptr(GbmRuns) runs = g_new0(GbmRuns, 1);

    runs->config = config;
    runs->runs = g_array_new(FALSE, FALSE, sizeof(GbmRun));
    runs->gaps = g_array_new(FALSE, FALSE, sizeof(GbmGap));
    g_array_set_clear_func(runs->gaps, clear_gap);
    for (guint topology = 0; topology < config->ports_length; topology++) {
        for (guint vms = 0; vms < config->vms_length; vms++) {
            if (!run_cell(runs, topology, vms, error)) {
                return NULL;
            }
        }
    }
    show_progress("\n");
    return g_steal_pointer(&runs);
}

void gbm_runs_free(GbmRuns *runs)
{
    if (runs) {
        g_array_unref(runs->runs);
        g_array_unref(runs->gaps);
        g_free(runs);
    }
}

double *gbm_runs_values(const GbmRuns *runs, guint topology, guint vms, guint placer, guint metric, gsize *length)
{
    double *values = g_new(double, runs->runs->len + 1);

    *length = 0;
    for (guint i = 0; i < runs->runs->len; i++) {
        const GbmRun *run = &g_array_index(runs->runs, GbmRun, i);

        if (run->topology == topology && run->vms == vms && run->placer == placer) {
            values[(*length)++] = gbm_value(&run->values, metric);
        }
    }
    return values;
}

static const GbmRun *find_run(const GbmRuns *runs, guint topology, guint vms, guint placer, guint64 seed)
{
    for (guint i = 0; i < runs->runs->len; i++) {
        const GbmRun *run = &g_array_index(runs->runs, GbmRun, i);

        if (run->topology == topology && run->vms == vms && run->placer == placer && run->seed == seed) {
            return run;
        }
    }
    return NULL;
}

GbmDuel gbm_runs_duel(const GbmRuns *runs, guint topology, guint vms, guint placer, guint other, guint metric)
{
    GbmDuel duel = {0, 0, 0};

    for (guint64 seed = 1; seed <= runs->config->seeds; seed++) {
        const GbmRun *one = find_run(runs, topology, vms, placer, seed);
        const GbmRun *two = find_run(runs, topology, vms, other, seed);

        if (one && two) {
            double difference = gbm_value(&one->values, metric) - gbm_value(&two->values, metric);

            duel.below += difference < 0;
            duel.above += difference > 0;
            duel.equal += difference == 0;
        }
    }
    return duel;
}

double gbm_runs_median(const GbmRuns *runs, guint topology, guint vms, guint placer, guint metric)
{
    gsize length = 0;
    g_autofree double *values = gbm_runs_values(runs, topology, vms, placer, metric, &length);

    return stats_median(values, length);
}
