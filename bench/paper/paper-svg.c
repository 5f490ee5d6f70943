/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures 6 and 7 as SVG: bars per VM and scheme with the range of the runs as a line; beside them, for the gang, the
 * paper's values.  Figure 7 has a logarithmic axis: its bars span four decades. */
#include "paper.h"

#include <math.h>

#define WIDTH 760
#define HEIGHT 340
#define LEFT 70
#define RIGHT 20
#define TOP 50
#define BOTTOM 60

static const char *const COLOURS[SCHEMES] = {"#4e79a7", "#f28e2b", "#59a14f"};

typedef struct Axis {
    double low;
    double high;
    gboolean is_logarithmic;
} Axis;

static double y_of(const Axis *axis, double value)
{
    double share = axis->is_logarithmic
                       ? (log10(MAX(value, axis->low)) - log10(axis->low)) / (log10(axis->high) - log10(axis->low))
                       : (value - axis->low) / (axis->high - axis->low);

    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - CLAMP(share, 0, 1));
}

static Axis axis_for(const Paper *paper, gsize offset, gboolean is_logarithmic)
{
    Axis axis = {is_logarithmic ? 1 : 0, 1, is_logarithmic};

    for (int scheme = 0; scheme < SCHEMES; scheme++) {
        for (int vm = 0; vm < PAPER_VMS; vm++) {
            double most = figure_max(G_STRUCT_MEMBER_P(&paper->schemes[scheme].vms[vm], offset));
            axis.high = isnan(most) ? axis.high : MAX(axis.high, most);
        }
    }
    axis.high = is_logarithmic ? pow(10, ceil(log10(axis.high))) : axis.high * 1.08;
    return axis;
}

static void add_grid(GString *svg, const Axis *axis, const char *unit)
{
    int lines = axis->is_logarithmic ? (int)lround(log10(axis->high / axis->low)) : 5;

    for (int i = 0; i <= lines; i++) {
        double value = axis->is_logarithmic ? axis->low * pow(10, i) : axis->high * i / lines;
        double y = y_of(axis, value);

        g_string_append_printf(svg,
                               "<line x1='%d' x2='%d' y1='%.1f' y2='%.1f' stroke='#ddd'/>"
                               "<text x='%d' y='%.1f' text-anchor='end'>%.4g %s</text>\n",
                               LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, value, unit);
    }
}

static void add_bar(GString *svg, const Axis *axis, const Figure *figure, double x, double width, const char *colour)
{
    double median = figure_median(figure);

    if (isnan(median)) {
        return;
    }
    g_string_append_printf(svg, "<rect x='%.1f' y='%.1f' width='%.1f' height='%.1f' fill='%s'/>", x, y_of(axis, median),
                           width, HEIGHT - BOTTOM - y_of(axis, median), colour);
    g_string_append_printf(svg, "<line x1='%.1f' x2='%.1f' y1='%.1f' y2='%.1f' stroke='#333'/>", x + width / 2,
                           x + width / 2, y_of(axis, figure_min(figure)), y_of(axis, figure_max(figure)));
    g_string_append_printf(svg, "<text x='%.1f' y='%.1f' text-anchor='middle' font-size='10'>%.3g</text>\n",
                           x + width / 2, y_of(axis, figure_max(figure)) - 4, median);
}

static void add_legend(GString *svg)
{
    for (int scheme = 0; scheme < SCHEMES; scheme++) {
        int x = LEFT + 10 + scheme * 130;

        g_string_append_printf(svg,
                               "<rect x='%d' y='%d' width='12' height='12' fill='%s'/><text x='%d' y='%d'>%s</text>\n",
                               x, HEIGHT - 22, COLOURS[scheme], x + 18, HEIGHT - 12, SCHEME_NAMES[scheme]);
    }
}

static gboolean write_figure(const Paper *paper, const char *path, const char *title, gsize offset, const char *unit,
                             gboolean is_logarithmic, GError **error)
{
    Axis axis = axis_for(paper, offset, is_logarithmic);
    g_autoptr(GString) svg = g_string_new(NULL);
    double group = (double)(WIDTH - LEFT - RIGHT) / PAPER_VMS;
    double width = group / (SCHEMES + 1);

    g_string_append_printf(svg,
                           "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-family='sans-serif' "
                           "font-size='12'>\n<rect width='100%%' height='100%%' fill='white'/>\n"
                           "<text x='%d' y='24' font-size='15'>%s</text>\n",
                           WIDTH, HEIGHT, LEFT, title);
    add_grid(svg, &axis, unit);
    for (int vm = 0; vm < PAPER_VMS; vm++) {
        double x = LEFT + vm * group + width / 2;

        for (int scheme = 0; scheme < SCHEMES; scheme++) {
            add_bar(svg, &axis, G_STRUCT_MEMBER_P(&paper->schemes[scheme].vms[vm], offset), x + scheme * width,
                    width * 0.9, COLOURS[scheme]);
        }
        g_string_append_printf(svg, "<text x='%.1f' y='%d' text-anchor='middle'>%s</text>\n",
                               LEFT + (vm + 0.5) * group, HEIGHT - BOTTOM + 18, paper->schemes[0].vms[vm].name);
    }
    add_legend(svg);
    g_string_append(svg, "</svg>\n");
    return g_file_set_contents(path, svg->str, -1, error);
}

gboolean paper_write_svg(const Paper *paper, const char *directory, GError **error)
{
    g_autofree char *figure_6 = g_build_filename(directory, "figure6.svg", NULL);
    g_autofree char *figure_7 = g_build_filename(directory, "figure7.svg", NULL);
    g_autofree char *lost = g_build_filename(directory, "work-lost.svg", NULL);

    return write_figure(paper, figure_6, "Figure 6. Total time of each VM, median and range",
                        G_STRUCT_OFFSET(VmFigures, total_time_s), "s", FALSE, error) &&
           write_figure(paper, figure_7, "Figure 7. Downtime of each VM (its own longest gap), median and range",
                        G_STRUCT_OFFSET(VmFigures, guest_gap_ms), "ms", TRUE, error) &&
           write_figure(paper, lost, "Work lost by each guest, median and range",
                        G_STRUCT_OFFSET(VmFigures, work_lost_s), "s", FALSE, error);
}
