/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/plot.c. */
#include "report/plot.h"

#include <math.h>
#include <string.h>

#define POINTS 20000

static guint count(const char *text, const char *part)
{
    guint found = 0;

    for (const char *at = strstr(text, part); at; at = strstr(at + 1, part)) {
        found++;
    }
    return found;
}

static char *plot_of(const double *x, const double *y, gsize length, PlotStyle style, const char *x_title)
{
    PlotLine line = {"power", x, y, length, style};
    Plot plot = {.title = "Power & <peace>", .x_title = x_title, .y_title = "kW", .lines = &line, .lines_length = 1};

    return plot_svg(&plot);
}

/* The path of the first line: the only element with a fill of none and a width. */
static char *path_of(const char *svg)
{
    const char *begin = strstr(svg, "stroke-linejoin='round' d='");

    g_assert_nonnull(begin);
    begin += strlen("stroke-linejoin='round' d='");
    return g_strndup(begin, strcspn(begin, "'"));
}

static void is_well_formed_xml(void)
{
    const double x[] = {0, 1, 2};
    const double y[] = {1, 3, 2};
    g_autofree char *svg = plot_of(x, y, 3, PLOT_STRAIGHT, "t");
    g_autoptr(GError) error = NULL;
    GMarkupParser ignore = {0};
    GMarkupParseContext *context = g_markup_parse_context_new(&ignore, 0, NULL, NULL);

    g_assert_true(g_markup_parse_context_parse(context, svg, -1, &error));
    g_assert_true(g_markup_parse_context_end_parse(context, &error));
    g_markup_parse_context_free(context);
    g_assert_nonnull(strstr(svg, "<title>Power &amp; &lt;peace&gt;</title>"));
    g_assert_null(strstr(svg, "nan"));
}

/* The plot is 640 wide from 64 on, 196 high from 40 on; the axis of 1..3 is 0..3 in steps of 1. */
static void points_lie_where_the_axes_say(void)
{
    const double x[] = {0, 1, 2};
    const double y[] = {0, 3, 1.5};
    g_autofree char *straight = plot_of(x, y, 3, PLOT_STRAIGHT, "t");
    g_autofree char *path = path_of(straight);
    g_autofree char *steps = plot_of(x, y, 3, PLOT_STEPS, "t");
    g_autofree char *steps_path = path_of(steps);

    g_assert_cmpstr(path, ==, "M64.0 236.0L384.0 40.0L704.0 138.0");
    g_assert_cmpstr(steps_path, ==, "M64.0 236.0H384.0V40.0H704.0V138.0");
    for (guint i = 0; i <= 3; i++) {
        g_autofree char *tick = g_strdup_printf(">%u</text>", i);
        g_assert_nonnull(strstr(straight, tick));
    }
}

static void a_day_has_ticks_every_three_hours(void)
{
    const double x[] = {0.083, 24};
    const double y[] = {1, 1};
    g_autofree char *svg = plot_of(x, y, 2, PLOT_STRAIGHT, "hours");

    g_assert_cmpuint(count(svg, "v4'"), ==, 9);
    g_assert_nonnull(strstr(svg, ">21</text>"));
    g_assert_nonnull(strstr(svg, ">24</text>"));
}

static void gaps_are_gaps(void)
{
    const double x[] = {0, 1, 2, 3, 4};
    const double y[] = {1, 2, NAN, 2, 1};
    g_autofree char *svg = plot_of(x, y, 5, PLOT_STRAIGHT, "t");
    g_autofree char *path = path_of(svg);

    g_assert_cmpuint(count(path, "M"), ==, 2);
    g_assert_cmpuint(count(path, "L"), ==, 2);
}

static void nothing_to_plot_is_an_empty_plot(void)
{
    const double x[] = {1};
    const double y[] = {5};
    g_autofree char *none = plot_of(NULL, NULL, 0, PLOT_STRAIGHT, "t");
    g_autofree char *one = plot_of(x, y, 1, PLOT_STRAIGHT, "t");
    g_autofree char *path = path_of(none);

    g_assert_cmpstr(path, ==, "");
    g_assert_null(strstr(none, "inf"));
    g_assert_null(strstr(one, "nan"));
}

/* One point in 20,000 is a peak; the path stays short and has it. */
static void thinning_keeps_peaks(void)
{
    g_autofree double *x = g_new(double, POINTS);
    g_autofree double *y = g_new(double, POINTS);

    for (guint i = 0; i < POINTS; i++) {
        x[i] = i;
        y[i] = 1 + 0.1 * sin(i);
    }
    y[12345] = 10;
    g_autofree char *svg = plot_of(x, y, POINTS, PLOT_STRAIGHT, "t");
    g_autofree char *path = path_of(svg);
    g_assert_cmpuint(count(path, "L"), <, 4 * 642);
    g_assert_nonnull(strstr(path, " 40.0L")); /* the top of the plot */
    y[12345] = 1;
    g_autofree char *flat = plot_of(x, y, POINTS, PLOT_STRAIGHT, "t");
    g_autofree char *flat_path = path_of(flat);
    g_assert_cmpuint(count(path, " 40.0"), ==, 1);
}

static void two_lines_have_a_legend(void)
{
    const double x[] = {0, 1};
    const double y[] = {0, 1};
    PlotLine lines[] = {{"lr_mmt_1.2", x, y, 2, PLOT_STRAIGHT}, {"dvfs", y, x, 2, PLOT_STRAIGHT}};
    Plot two = {.title = "Energy", .x_title = "t", .y_title = "kWh", .lines = lines, .lines_length = 2};
    Plot one = {.title = "Energy", .x_title = "t", .y_title = "kWh", .lines = lines, .lines_length = 1};
    g_autofree char *with = plot_svg(&two);
    g_autofree char *without = plot_svg(&one);

    g_assert_nonnull(strstr(with, ">dvfs</text>"));
    g_assert_null(strstr(without, ">lr_mmt_1.2</text>"));
}

/* The axis of 0..4 has 49 per unit; the middle point has no band. */
static void a_band_has_both_edges_and_gaps(void)
{
    const double x[] = {0, 1, 2, 3};
    const double y[] = {1, 1, 1, 1};
    const double low[] = {0, 0, NAN, 0};
    const double high[] = {4, 2, 2, 2};
    const double *const lows[] = {low};
    const double *const highs[] = {high};
    PlotLine line = {"median", x, y, 4, PLOT_STRAIGHT};
    Plot plot = {.title = "Spread",
                 .x_title = "t",
                 .y_title = "s",
                 .lines = &line,
                 .lines_length = 1,
                 .low = lows,
                 .high = highs};
    g_autofree char *svg = plot_svg(&plot);

    g_assert_cmpuint(count(svg, "fill-opacity='0.15' d="), ==, 2);
    g_assert_nonnull(strstr(svg, "d='M64.0 40.0L277.3 138.0L277.3 236.0L64.0 236.0Z'"));
    g_assert_null(strstr(svg, "nan"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plot/is-well-formed-xml", is_well_formed_xml);
    g_test_add_func("/plot/points-lie-where-the-axes-say", points_lie_where_the_axes_say);
    g_test_add_func("/plot/a-day-has-ticks-every-three-hours", a_day_has_ticks_every_three_hours);
    g_test_add_func("/plot/gaps-are-gaps", gaps_are_gaps);
    g_test_add_func("/plot/nothing-to-plot-is-an-empty-plot", nothing_to_plot_is_an_empty_plot);
    g_test_add_func("/plot/thinning-keeps-peaks", thinning_keeps_peaks);
    g_test_add_func("/plot/two-lines-have-a-legend", two_lines_have_a_legend);
    g_test_add_func("/plot/a-band-has-both-edges-and-gaps", a_band_has_both_edges_and_gaps);
    return g_test_run();
}
