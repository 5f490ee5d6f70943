/* SPDX-License-Identifier: Apache-2.0
 *
 * The plots: every metric over the number of VMs, one file per topology; figure 3, response time over time. */
#include "gbm.h"
#include "base/stats.h"
#include "report/plot.h"

#include <math.h>

static gboolean write_plot(const GbmRuns *runs, const char *name, const Plot *plot, GError **error)
{
    g_autofree char *path = g_build_filename(runs->config->out, name, NULL);
    g_autofree char *svg = plot_svg(plot);

    return g_file_set_contents(path, svg, -1, error);
}

/* One line per placer; 'y' is [placers][points]. */
static gboolean write_lines(const GbmRuns *runs, const char *name, Plot *plot, const double *x, const double *y,
                            guint points, GError **error)
{
    guint placers = runs->config->placers_length;
    g_autofree PlotLine *lines = g_new0(PlotLine, placers);

    for (guint p = 0; p < placers; p++) {
        lines[p] = (PlotLine){runs->config->placers[p]->name, x, y + (gsize)p * points, points, PLOT_STRAIGHT};
    }
    plot->lines = lines;
    plot->lines_length = placers;
    return write_plot(runs, name, plot, error);
}

static gboolean plot_metric(const GbmRuns *runs, guint topology, guint metric, GError **error)
{
    const GbmConfig *config = runs->config;
    const GbmMetric *row = &GBM_METRIC[metric];
    g_autofree double *x = g_new(double, config->vms_length);
    g_autofree double *y = g_new(double, config->vms_length * config->placers_length);
    g_autofree char *name = g_strdup_printf("%s-topology%u.svg", row->column, topology + 1);
    g_autofree char *title = g_strdup_printf("%s, topology %u (fat-tree k = %u), median of %u seeds", row->title,
                                             topology + 1, config->ports[topology], config->seeds);
    Plot plot = {.title = title, .x_title = "VMs", .y_title = row->unit};

    for (guint v = 0; v < config->vms_length; v++) {
        x[v] = config->vms[v];
        for (guint p = 0; p < config->placers_length; p++) {
            y[p * config->vms_length + v] = gbm_runs_median(runs, topology, v, p, metric);
        }
    }
    return write_lines(runs, name, &plot, x, y, config->vms_length, error);
}

/* The largest number of VMs that topology 1 holds. */
static int figure_3_vms(const GbmRuns *runs)
{
    int largest = -1;

    for (guint i = 0; i < runs->runs->len; i++) {
        const GbmRun *run = &g_array_index(runs->runs, GbmRun, i);

        largest = run->topology == 0 ? MAX(largest, (int)run->vms) : largest;
    }
    return largest;
}

static double curve_median(const GbmRuns *runs, guint vms, guint placer, guint point)
{
    g_autofree double *values = g_new(double, runs->runs->len + 1);
    gsize length = 0;

    for (guint i = 0; i < runs->runs->len; i++) {
        const GbmRun *run = &g_array_index(runs->runs, GbmRun, i);

        if (run->topology == 0 && run->vms == vms && run->placer == placer && !isnan(run->curve_overloaded_ms[point])) {
            values[length++] = run->curve_overloaded_ms[point];
        }
    }
    return stats_median(values, length);
}

static gboolean plot_figure_3(const GbmRuns *runs, GError **error)
{
    const GbmConfig *config = runs->config;
    int vms = figure_3_vms(runs);
    double x[GBM_CURVE_POINTS];
    g_autofree double *y = g_new(double, GBM_CURVE_POINTS * config->placers_length);
    g_autofree char *title = NULL;
    Plot plot = {.x_title = "seconds (decision at 50)", .y_title = "ms"};

    if (vms < 0) {
        return TRUE;
    }
    title =
        g_strdup_printf("Figure 3: response of the hosts that were overloaded, topology 1, %u VMs", config->vms[vms]);
    plot.title = title;
    for (guint i = 0; i < GBM_CURVE_POINTS; i++) {
        x[i] = i * GBM_CURVE_STEP_S;
        for (guint p = 0; p < config->placers_length; p++) {
            y[p * GBM_CURVE_POINTS + i] = curve_median(runs, (guint)vms, p, i);
        }
    }
    return write_lines(runs, "figure3.svg", &plot, x, y, GBM_CURVE_POINTS, error);
}

gboolean gbm_plots_write(const GbmRuns *runs, GError **error)
{
    for (guint topology = 0; topology < runs->config->ports_length; topology++) {
        for (guint metric = 0; metric < gbm_metrics(); metric++) {
            if (!plot_metric(runs, topology, metric, error)) {
                return FALSE;
            }
        }
    }
    return plot_figure_3(runs, error);
}
