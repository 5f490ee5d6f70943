/* SPDX-License-Identifier: Apache-2.0
 *
 * The plots, medians with a band from quartile to quartile: every metric over the number of VMs, one file per topology
 * in which two sizes or more fit; figure 3, response time over time. */
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

enum { LOWER, MIDDLE, UPPER, EDGES };

static const double QUANTILES[EDGES] = {0.25, 0.5, 0.75};

/* One line per placer with a band from quartile to quartile. */
typedef struct Curves {
    guint placers;
    guint points;
    double *x;        /* [points] */
    double *y[EDGES]; /* [placers * points] */
} Curves;

static Curves curves_new(guint placers, guint points)
{
    Curves curves = {placers, points, g_new(double, points), {NULL, NULL, NULL}};

    for (guint edge = 0; edge < EDGES; edge++) {
        curves.y[edge] = g_new(double, (gsize)placers *points);
    }
    return curves;
}

static void curves_clear(Curves *curves)
{
    g_free(curves->x);
    for (guint edge = 0; edge < EDGES; edge++) {
        g_free(curves->y[edge]);
    }
}

static void set_point(Curves *curves, guint placer, guint point, const double *values, gsize length)
{
    for (guint edge = 0; edge < EDGES; edge++) {
        curves->y[edge][placer * curves->points + point] = stats_quantile(values, length, QUANTILES[edge]);
    }
}

static gboolean write_curves(const GbmRuns *runs, const char *name, Plot *plot, const Curves *curves, GError **error)
{
    g_autofree PlotLine *lines = g_new0(PlotLine, curves->placers);
    g_autofree const double **low = g_new0(const double *, curves->placers);
    g_autofree const double **high = g_new0(const double *, curves->placers);

    for (guint p = 0; p < curves->placers; p++) {
        gsize at = (gsize)p * curves->points;

        lines[p] = (PlotLine){.name = runs->config->placers[p]->name,
                              .x = curves->x,
                              .y = curves->y[MIDDLE] + at,
                              .length = curves->points,
                              .style = PLOT_STRAIGHT};
        low[p] = curves->y[LOWER] + at;
        high[p] = curves->y[UPPER] + at;
    }
    plot->lines = lines;
    plot->lines_length = curves->placers;
    plot->low = low;
    plot->high = high;
    return write_plot(runs, name, plot, error);
}

static gboolean plot_metric(const GbmRuns *runs, guint topology, guint metric, GError **error)
{
    const GbmConfig *config = runs->config;
    const GbmMetric *row = &GBM_METRIC[metric];
    Curves curves = curves_new(config->placers_length, config->vms_length);
    g_autofree char *name = g_strdup_printf("%s-topology%u.svg", row->column, topology + 1);
    g_autofree char *title = g_strdup_printf("%s, topology %u (fat-tree k = %u), median and quartiles of %u seeds",
                                             row->title, topology + 1, config->ports[topology], config->seeds);
    Plot plot = {.title = title, .x_title = "VMs", .y_title = row->unit};

    for (guint v = 0; v < config->vms_length; v++) {
        curves.x[v] = config->vms[v];
        for (guint p = 0; p < config->placers_length; p++) {
            gsize length = 0;
            g_autofree double *values = gbm_runs_values(runs, topology, v, p, metric, &length);

            set_point(&curves, p, v, values, length);
        }
    }
    gboolean ok = write_curves(runs, name, &plot, &curves, error);
    curves_clear(&curves);
    return ok;
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

static void set_figure_3_point(const GbmRuns *runs, guint vms, guint placer, guint point, Curves *curves)
{
    g_autofree double *values = g_new(double, runs->runs->len + 1);
    gsize length = 0;

    for (guint i = 0; i < runs->runs->len; i++) {
        const GbmRun *run = &g_array_index(runs->runs, GbmRun, i);

        if (run->topology == 0 && run->vms == vms && run->placer == placer && !isnan(run->curve_overloaded_ms[point])) {
            values[length++] = run->curve_overloaded_ms[point];
        }
    }
    set_point(curves, placer, point, values, length);
}

static gboolean plot_figure_3(const GbmRuns *runs, GError **error)
{
    const GbmConfig *config = runs->config;
    int vms = figure_3_vms(runs);

    if (vms < 0) {
        return TRUE;
    }
    Curves curves = curves_new(config->placers_length, GBM_CURVE_POINTS);
    g_autofree char *title =
        g_strdup_printf("Figure 3: response of the hosts that were overloaded, topology 1, %u VMs", config->vms[vms]);
    Plot plot = {.title = title, .x_title = "seconds (decision at 50)", .y_title = "ms"};

    for (guint i = 0; i < GBM_CURVE_POINTS; i++) {
        curves.x[i] = i * GBM_CURVE_STEP_S;
        for (guint p = 0; p < config->placers_length; p++) {
            set_figure_3_point(runs, (guint)vms, p, i, &curves);
        }
    }
    gboolean ok = write_curves(runs, "figure3.svg", &plot, &curves, error);
    curves_clear(&curves);
    return ok;
}

/* A line needs two sizes. */
static gboolean has_sizes(const GbmRuns *runs, guint topology)
{
    guint sizes = 0;

    for (guint v = 0; v < runs->config->vms_length; v++) {
        sizes += !isnan(gbm_runs_median(runs, topology, v, 0, 0));
    }
    return sizes > 1;
}

gboolean gbm_plots_write(const GbmRuns *runs, GError **error)
{
    for (guint topology = 0; topology < runs->config->ports_length; topology++) {
        for (guint metric = 0; has_sizes(runs, topology) && metric < gbm_metrics(); metric++) {
            if (!plot_metric(runs, topology, metric, error)) {
                return FALSE;
            }
        }
    }
    return plot_figure_3(runs, error);
}
