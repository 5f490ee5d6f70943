/* SPDX-License-Identifier: Apache-2.0
 *
 * A simulated day as plots and as a page with plots in it; see report-simulate.h. */
#include "report/report-simulate.h"

#include "report/plot.h"

#include <math.h>
#include <string.h>

#define S_PER_HOUR 3600.0
#define W_PER_KW   1000.0
#define LINES_MAX  2

typedef struct PlotSpec {
    const char *name;
    const char *title;
    const char *y_title;
    struct {
        const char *column;
        const char *legend;
        PlotStyle style;
    } lines[LINES_MAX];
} PlotSpec;

/* "power" is no column: it is the energy of an interval over its length. */
static const PlotSpec PLOTS[] = {
    {"energy", "Power drawn by all hosts", "kW", {{"power", "power", PLOT_STEPS}}},
    {"load", "CPU asked for, of the CPU of the hosts that are on", "share", {{"load", "load", PLOT_STRAIGHT}}},
    {"response-time", "Mean response time", "ms", {{"response_ms", "response time", PLOT_STRAIGHT}}},
    {"migrations",
     "Migrations",
     "migrations",
     {{"started", "started in the interval", PLOT_STEPS}, {"running", "running at its end", PLOT_STEPS}}},
    {"hosts", "Hosts", "hosts", {{"hosts_on", "on", PLOT_STEPS}, {"overloaded", "overloaded", PLOT_STEPS}}},
};

static const double *find_column(const SimulateReport *report, const char *name)
{
    for (guint i = 0; name && i < report->columns_length; i++) {
        if (g_str_equal(report->columns[i].name, name)) {
            return report->columns[i].values;
        }
    }
    return NULL;
}

/* kW over each interval; the first begins at 0.  The caller frees. */
static double *power_of(const SimulateReport *report)
{
    const double *time_s = find_column(report, "time_s");
    const double *energy_j = find_column(report, "energy_j");
    double *power = g_new0(double, report->rows + 1);

    for (guint i = 0; time_s && energy_j && i < report->rows; i++) {
        double length_s = time_s[i] - (i ? time_s[i - 1] : 0);

        power[i] = length_s > 0 ? energy_j[i] / length_s / W_PER_KW : NAN;
    }
    return power;
}

static void plot_free(gpointer data)
{
    SimulatePlot *plot = data;

    g_free(plot->name);
    g_free(plot->svg);
    g_free(plot);
}

static SimulatePlot *make_plot(const SimulateReport *report, const PlotSpec *spec, const double *hours,
                               const double *power)
{
    PlotLine lines[LINES_MAX];
    Plot plot = {.title = spec->title, .x_title = "hours", .y_title = spec->y_title, .lines = lines};

    for (guint i = 0; i < LINES_MAX && spec->lines[i].column; i++) {
        gboolean is_power = g_str_equal(spec->lines[i].column, "power");
        const double *values = is_power ? power : find_column(report, spec->lines[i].column);

        if (values) {
            lines[plot.lines_length++] =
                (PlotLine){spec->lines[i].legend, hours, values, report->rows, spec->lines[i].style};
        }
    }
    if (plot.lines_length == 0) {
        return NULL;
    }
    SimulatePlot *made = g_new0(SimulatePlot, 1);
    made->name = g_strdup(spec->name);
    made->svg = plot_svg(&plot);
    return made;
}

GPtrArray *report_simulate_plots(const SimulateReport *report)
{
    GPtrArray *plots = g_ptr_array_new_with_free_func(plot_free);
    const double *time_s = find_column(report, "time_s");
    g_autofree double *hours = g_new0(double, report->rows + 1);
    g_autofree double *power = power_of(report);

    for (guint i = 0; time_s && i < report->rows; i++) {
        hours[i] = time_s[i] / S_PER_HOUR;
    }
    for (gsize i = 0; i < G_N_ELEMENTS(PLOTS); i++) {
        SimulatePlot *plot = make_plot(report, &PLOTS[i], hours, power);

        if (plot) {
            g_ptr_array_add(plots, plot);
        }
    }
    return plots;
}

static void add_escaped(GString *html, const char *before, const char *text, const char *after)
{
    g_autofree char *escaped = g_markup_escape_text(text, -1);

    g_string_append_printf(html, "%s%s%s", before, escaped, after);
}

static void add_row(GString *html, const SimulateNumber *number)
{
    add_escaped(html, "<tr><th>", number->name, "</th>");
    if (isfinite(number->value)) {
        g_string_append_printf(html, "<td class='n'>%.*f</td>", (int)number->decimals, number->value);
    } else {
        g_string_append(html, "<td class='n'>-</td>");
    }
    add_escaped(html, "<td>", number->help, "</td></tr>\n");
}

char *report_simulate_html(const SimulateReport *report, GPtrArray *plots)
{
    GString *html = g_string_new("<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n");

    add_escaped(html, "<title>", report->workload, " - godwit simulate</title>\n");
    g_string_append(html, "<style>:root{color-scheme:light dark}"
                          "body{font-family:sans-serif;max-width:50em;margin:2em auto;padding:0 1em}"
                          "svg{display:block;max-width:100%;height:auto;margin:1.5em 0}"
                          "table{border-collapse:collapse}th,td{text-align:left;padding:.15em 1em .15em 0;"
                          "border-bottom:1px solid #8884;font-weight:normal}"
                          ".n{text-align:right;font-variant-numeric:tabular-nums}</style></head><body>\n");
    add_escaped(html, "<h1>", report->workload, "</h1>\n");
    g_string_append_printf(html, "<p>%u hosts, %u VMs, policy ", report->hosts, report->vms);
    add_escaped(html, "<b>", report->policy, "</b>, placer ");
    add_escaped(html, "", report->placer, ", mode ");
    add_escaped(html, "", report->mode, report->defects[0] ? ", defects " : "");
    add_escaped(html, "", report->defects, "");
    g_string_append_printf(html, ", seed <b>%" G_GUINT64_FORMAT "</b></p>\n", report->seed);
    for (guint i = 0; i < plots->len; i++) {
        g_string_append(html, ((const SimulatePlot *)g_ptr_array_index(plots, i))->svg);
    }
    g_string_append(html, "<table>\n");
    for (guint i = 0; i < report->numbers_length; i++) {
        add_row(html, &report->numbers[i]);
    }
    g_string_append(html, "</table>\n</body></html>\n");
    return g_string_free(html, FALSE);
}
