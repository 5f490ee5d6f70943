/* SPDX-License-Identifier: Apache-2.0
 *
 * Line charts as SVG; see plot.h. */
#include "report/plot.h"

#include <math.h>
#include <string.h>

#define WIDTH      720.0
#define HEIGHT     280.0
#define LEFT       64.0
#define RIGHT      16.0
#define TOP        40.0
#define BOTTOM     44.0
#define COLUMNS    (WIDTH - LEFT - RIGHT)
#define ROWS       (HEIGHT - TOP - BOTTOM)
#define Y_TICKS    5
#define X_TICKS    8
#define MANY       2 /* points per column from which a line is thinned */
#define LEGEND_ROW 14.0

/* Told apart by most people who see few colours (Okabe and Ito 2008). */
static const char *const COLOURS[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"};

typedef struct Axis {
    double low;
    double high;
    double step;
} Axis;

/* 1, 2 or 5 times a power of ten, and at least 'least'. */
static double round_step(double least)
{
    double power = pow(10, floor(log10(least)));

    return least <= power ? power : least <= 2 * power ? 2 * power : least <= 5 * power ? 5 * power : 10 * power;
}

/* Parts of a day, in hours. */
static double hour_step(double least)
{
    static const double STEPS[] = {1. / 60, 1. / 12, 1. / 4, 1. / 2, 1, 2, 3, 6, 12, 24, 48, 168};

    for (gsize i = 0; i < G_N_ELEMENTS(STEPS); i++) {
        if (STEPS[i] >= least * 0.999) {
            return STEPS[i];
        }
    }
    return round_step(least);
}

static void widen(double value, double *low, double *high)
{
    if (isfinite(value)) {
        *low = MIN(*low, value);
        *high = MAX(*high, value);
    }
}

static Axis x_axis(const Plot *plot)
{
    Axis axis = {INFINITY, -INFINITY, 0};

    for (guint i = 0; i < plot->lines_length; i++) {
        for (gsize p = 0; p < plot->lines[i].length; p++) {
            widen(plot->lines[i].x[p], &axis.low, &axis.high);
        }
    }
    if (!(axis.low < axis.high)) { /* nothing, or one point */
        axis.low = isfinite(axis.low) ? axis.low : 0;
        axis.high = axis.low + 1;
    }
    double least = (axis.high - axis.low) / X_TICKS;
    axis.step = g_strcmp0(plot->x_title, "hours") == 0 ? hour_step(least) : round_step(least);
    if (axis.low > 0 && axis.low < axis.step) {
        axis.low = 0; /* a series that begins after its first interval */
    }
    return axis;
}

/* Begins at 0, unless all values are far above it or some below. */
static Axis y_axis(const Plot *plot)
{
    Axis axis = {INFINITY, -INFINITY, 0};

    for (guint i = 0; i < plot->lines_length; i++) {
        for (gsize p = 0; p < plot->lines[i].length; p++) {
            widen(plot->lines[i].y[p], &axis.low, &axis.high);
            if (plot->low) {
                widen(plot->low[i][p], &axis.low, &axis.high);
                widen(plot->high[i][p], &axis.low, &axis.high);
            }
        }
    }
    if (!isfinite(axis.low)) {
        axis.low = axis.high = 0;
    }
    if (axis.low > 0 && axis.low < 0.8 * axis.high) {
        axis.low = 0;
    }
    if (axis.high <= axis.low) {
        axis.high = axis.low + (axis.low == 0 ? 1 : fabs(axis.low) * 0.1);
    }
    axis.step = round_step((axis.high - axis.low) / Y_TICKS);
    axis.low = floor(axis.low / axis.step) * axis.step;
    axis.high = ceil(axis.high / axis.step * (1 - 1e-12)) * axis.step;
    return axis;
}

static double x_of(const Axis *axis, double value)
{
    return LEFT + COLUMNS * (value - axis->low) / (axis->high - axis->low);
}

static double y_of(const Axis *axis, double value)
{
    return TOP + ROWS * (1 - (value - axis->low) / (axis->high - axis->low));
}

/* Numbers are written with points, as SVG wants them: LC_NUMERIC is never set (main.c). */
static void add_escaped(GString *svg, const char *text)
{
    g_autofree char *escaped = g_markup_escape_text(text ? text : "", -1);

    g_string_append(svg, escaped);
}

static void add_text(GString *svg, double x, double y, const char *attributes, const char *text)
{
    g_string_append_printf(svg, "<text x='%.1f' y='%.1f' %s>", x, y, attributes);
    add_escaped(svg, text);
    g_string_append(svg, "</text>\n");
}

/* The value of tick 'number', rounded so that 3 * 0.1 is told as 0.3. */
static void tick_text(const Axis *axis, double value, char *text, gsize size)
{
    double rounded = round(value / axis->step) * axis->step;

    g_snprintf(text, (gulong)size, "%.6g", fabs(rounded) < axis->step * 1e-9 ? 0 : rounded);
}

static void add_grid(GString *svg, const Axis *x, const Axis *y)
{
    char text[32];

    for (double value = y->low; value <= y->high + y->step / 2; value += y->step) {
        double at = y_of(y, value);

        g_string_append_printf(svg, "<path d='M%.1f %.1fH%.1f' stroke='currentColor' stroke-opacity='0.15'/>\n", LEFT,
                               at, WIDTH - RIGHT);
        tick_text(y, value, text, sizeof text);
        add_text(svg, LEFT - 6, at + 4, "text-anchor='end'", text);
    }
    for (double value = ceil(x->low / x->step - 1e-9) * x->step; value <= x->high + x->step * 1e-9; value += x->step) {
        double at = x_of(x, value);

        g_string_append_printf(svg, "<path d='M%.1f %.1fv4' stroke='currentColor'/>\n", at, HEIGHT - BOTTOM);
        tick_text(x, value, text, sizeof text);
        add_text(svg, at, HEIGHT - BOTTOM + 16, "text-anchor='middle'", text);
    }
    g_string_append_printf(svg, "<path d='M%.1f %.1fV%.1fH%.1f' stroke='currentColor' fill='none'/>\n", LEFT, TOP,
                           HEIGHT - BOTTOM, WIDTH - RIGHT);
}

/* The pen that draws one line: whether it is down, and where. */
typedef struct Pen {
    GString *svg;
    const Axis *x;
    const Axis *y;
    PlotStyle style;
    gboolean is_down;
} Pen;

static void pen_to(Pen *pen, double x, double y)
{
    if (!isfinite(x) || !isfinite(y)) {
        pen->is_down = FALSE;
        return;
    }
    double at_x = x_of(pen->x, x);
    double at_y = y_of(pen->y, y);

    if (!pen->is_down) {
        g_string_append_printf(pen->svg, "M%.1f %.1f", at_x, at_y);
    } else if (pen->style == PLOT_STEPS) {
        g_string_append_printf(pen->svg, "H%.1fV%.1f", at_x, at_y);
    } else {
        g_string_append_printf(pen->svg, "L%.1f %.1f", at_x, at_y);
    }
    pen->is_down = TRUE;
}

/* Draws what is seen of the points from 'first' to before 'end', which share a column. */
static void draw_column(Pen *pen, const PlotLine *line, gsize first, gsize end)
{
    gsize lowest = first;
    gsize highest = first;

    for (gsize i = first; i < end; i++) {
        if (!isfinite(line->y[i])) { /* a gap is seen, whatever the rest */
            for (gsize p = first; p < end; p++) {
                pen_to(pen, line->x[p], line->y[p]);
            }
            return;
        }
        lowest = line->y[i] < line->y[lowest] ? i : lowest;
        highest = line->y[i] > line->y[highest] ? i : highest;
    }
    gsize seen[] = {first, MIN(lowest, highest), MAX(lowest, highest), end - 1};
    for (gsize i = 0; i < G_N_ELEMENTS(seen); i++) {
        if (i == 0 || seen[i] != seen[i - 1]) {
            pen_to(pen, line->x[seen[i]], line->y[seen[i]]);
        }
    }
}

static void add_line(GString *svg, const PlotLine *line, const Axis *x, const Axis *y, const char *colour)
{
    Pen pen = {svg, x, y, line->style, FALSE};
    gboolean is_thinned = (double)line->length > MANY * COLUMNS;

    g_string_append_printf(svg, "<path fill='none' stroke='%s' stroke-width='1.5' stroke-linejoin='round' d='", colour);
    for (gsize i = 0; i < line->length;) {
        gsize end = i + 1;

        if (is_thinned) {
            double column = floor(x_of(x, line->x[i]));
            while (end < line->length && floor(x_of(x, line->x[end])) == column) {
                end++;
            }
        }
        draw_column(&pen, line, i, end);
        i = end;
    }
    g_string_append(svg, "'/>\n");
}

/* Points 'first' to before 'end': along the upper edge, back along the lower one. */
static void add_band_piece(GString *svg, const Plot *plot, guint line, gsize first, gsize end, const Axis *x,
                           const Axis *y, const char *colour)
{
    const double *at = plot->lines[line].x;

    g_string_append_printf(svg, "<path fill='%s' fill-opacity='0.15' d='", colour);
    for (gsize p = first; p < end; p++) {
        g_string_append_printf(svg, "%c%.1f %.1f", p == first ? 'M' : 'L', x_of(x, at[p]),
                               y_of(y, plot->high[line][p]));
    }
    for (gsize p = end; p > first; p--) {
        g_string_append_printf(svg, "L%.1f %.1f", x_of(x, at[p - 1]), y_of(y, plot->low[line][p - 1]));
    }
    g_string_append(svg, "Z'/>\n");
}

static gboolean has_edges(const Plot *plot, guint line, gsize point)
{
    return isfinite(plot->low[line][point]) && isfinite(plot->high[line][point]);
}

static void add_band(GString *svg, const Plot *plot, guint line, const Axis *x, const Axis *y, const char *colour)
{
    gsize length = plot->lines[line].length;

    for (gsize first = 0, end = 0; first < length; first = end + 1) {
        for (end = first; end < length && has_edges(plot, line, end); end++) {
        }
        if (end > first) {
            add_band_piece(svg, plot, line, first, end, x, y, colour);
        }
    }
}

static void add_legend(GString *svg, const Plot *plot)
{
    double at = LEFT + 8;

    for (guint i = 0; plot->lines_length > 1 && i < plot->lines_length; i++) {
        g_string_append_printf(svg, "<path d='M%.1f %.1fh18' stroke='%s' stroke-width='3'/>\n", at,
                               TOP - LEGEND_ROW / 2, COLOURS[i % G_N_ELEMENTS(COLOURS)]);
        add_text(svg, at + 23, TOP - LEGEND_ROW / 2 + 4, "", plot->lines[i].name);
        at += 23 + 7.0 * (double)g_utf8_strlen(plot->lines[i].name, -1) + 16;
    }
}

char *plot_svg(const Plot *plot)
{
    GString *svg = g_string_new(NULL);
    Axis x = x_axis(plot);
    Axis y = y_axis(plot);
    g_autofree char *turned = g_strdup_printf("text-anchor='middle' transform='rotate(-90 14 %.1f)'", TOP + ROWS / 2);

    g_string_append_printf(svg,
                           "<svg xmlns='http://www.w3.org/2000/svg' width='%.0f' height='%.0f' viewBox='0 0 %.0f %.0f' "
                           "font-family='sans-serif' font-size='11' fill='currentColor' role='img'>\n<title>",
                           WIDTH, HEIGHT, WIDTH, HEIGHT);
    add_escaped(svg, plot->title);
    g_string_append(svg, "</title>\n");
    add_text(svg, LEFT, 16, "font-size='14'", plot->title);
    add_grid(svg, &x, &y);
    add_text(svg, LEFT + COLUMNS / 2, HEIGHT - 8, "text-anchor='middle'", plot->x_title);
    add_text(svg, 14, TOP + ROWS / 2, turned, plot->y_title);
    for (guint i = 0; plot->low && i < plot->lines_length; i++) {
        add_band(svg, plot, i, &x, &y, COLOURS[i % G_N_ELEMENTS(COLOURS)]);
    }
    for (guint i = 0; i < plot->lines_length; i++) {
        add_line(svg, &plot->lines[i], &x, &y, COLOURS[i % G_N_ELEMENTS(COLOURS)]);
    }
    add_legend(svg, plot);
    g_string_append(svg, "</svg>\n");
    return g_string_free(svg, FALSE);
}
