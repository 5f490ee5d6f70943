/* SPDX-License-Identifier: Apache-2.0
 *
 * Plots: lines over a common axis, as SVG.
 *
 *     PlotLine line = {"all hosts", hours, kilowatts, length, PLOT_STEPS};
 *     Plot plot = {.title = "Power", .x_title = "hours", .y_title = "kW", .lines = &line, .lines_length = 1};
 *     g_autofree char *svg = plot_svg(&plot);
 *
 * The text is the same for the same numbers on every machine, needs no fonts and stands alone as a file or inside HTML,
 * where it takes the colour of the text around it.  Why it is written here and not by a library:
 * docs/decisions/0009-plots.md.
 *
 * Ticks lie at 1, 2 or 5 times a power of ten (an axis of hours: at parts of a day).  A line of more points than the
 * plot has columns is thinned to what would be seen: of each column first, lowest, highest and last point (Jugel 2014,
 * "M4"), so that no peak gets lost.  NAN is a gap. */
#pragma once

#include <glib.h>

typedef enum PlotStyle {
    PLOT_STRAIGHT, /* from point to point */
    PLOT_STEPS,    /* level until the next point: counts */
} PlotStyle;

typedef struct PlotLine {
    const char *name; /* for the legend, which is drawn when there are two lines or more */
    const double *x;  /* ascending */
    const double *y;
    gsize length;
    PlotStyle style;
} PlotLine;

typedef struct Plot {
    const char *title;
    const char *x_title; /* "hours" makes ticks at parts of a day */
    const char *y_title;
    const PlotLine *lines;
    guint lines_length;
    const double *const *low;  /* [lines_length][length] the spread around each line, drawn as a pale band; */
    const double *const *high; /* both or none of the two.  Where an edge is NAN, there is none */
} Plot;

/* The caller owns the text. */
char *plot_svg(const Plot *plot);
