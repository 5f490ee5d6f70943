/* SPDX-License-Identifier: Apache-2.0
 *
 * A running gang as lines of text: for a log, and for a terminal; see report.h.  The drawing itself (cursor, rows) is
 * the command line's. */
#include "report/report.h"
#include "base/units.h"
#include "report/report-relay.h"
#include "report/text.h"

#include <math.h>

#define NARROWEST_BAR   8u
#define WIDEST_BAR      40u
#define ASSUMED_COLUMNS 80u
#define NUMBER_COLUMNS  56u /* "  BAR 100 %  post-copy 117.2 MiB/s  298.7 MiB left, 12 s" without the bar */

static gboolean is_moving(const ReportProgress *progress)
{
    return progress->phase != PHASE_WAITING && progress->phase != PHASE_DONE;
}

/* Memory moves, and how much of it is known: before the first statistics there are no numbers to tell. */
static gboolean carries_memory(const ReportProgress *progress)
{
    return (progress->phase == PHASE_PERFORM || progress->phase == PHASE_POSTCOPY) &&
           (progress->bytes_remaining > 0 || progress->done_share > 0);
}

/* Rounded down, so that 100 means done; the small number is for sums like 0.42 + 0.42 that miss by a hair. */
static int percent(double share)
{
    return isnan(share) ? 0 : (int)(CLAMP(share, 0, 1) * 100 + 1e-6);
}

/* An estimate is told in whole seconds; more would be a promise.  NULL when nobody knows. */
static char *eta_text(gint64 eta_ns)
{
    gint64 seconds = (eta_ns + NS_PER_S - 1) / NS_PER_S;

    if (eta_ns < 0) {
        return NULL;
    }
    return seconds < 100 ? g_strdup_printf("%d s", (int)seconds) : duration_format(seconds * NS_PER_S);
}

/* "117.2 MiB/s, 210 MiB left, about 3 s"; what is not known is left out. */
static char *numbers_text(guint64 bytes_per_s, guint64 bytes_remaining, gint64 eta_ns)
{
    g_autofree char *rate = rate_format(bytes_per_s);
    g_autofree char *left = size_format(bytes_remaining);
    g_autofree char *eta = eta_text(eta_ns);

    return g_strdup_printf("%s%s%s left%s%s", bytes_per_s ? rate : "", bytes_per_s ? ", " : "", left,
                           eta ? ", about " : "", eta ? eta : "");
}

/* The same in columns, for bars below one another. */
static char *columns_text(const char *first, guint64 bytes_per_s, guint64 bytes_remaining, gint64 eta_ns)
{
    g_autofree char *rate = bytes_per_s ? rate_format(bytes_per_s) : g_strdup("-");
    g_autofree char *left = size_format(bytes_remaining);
    g_autofree char *eta = eta_text(eta_ns);

    return g_strdup_printf("%-9s %11s %10s left%s%s", first, rate, left, eta ? ", " : "", eta ? eta : "");
}

/* What a finished one is told as: "migrated in 14.2 s, downtime 33 ms, 612.3 MiB moved", "failed: ...". */
static char *ending_text(const Outcome *outcome)
{
    const char *kind = outcome_kind_name(outcome->kind);

    if (outcome->kind != OUTCOME_MIGRATED) {
        return outcome->message ? g_strdup_printf("%s: %s", kind, outcome->message) : g_strdup(kind);
    }
    g_autofree char *time = duration_format((gint64)(outcome->total_time_s * (double)NS_PER_S));
    g_autofree char *moved = size_format(outcome->bytes);
    g_autofree char *pause =
        isnan(outcome->downtime_ms) ? NULL : duration_format((gint64)(outcome->downtime_ms * (double)NS_PER_MS));
    return g_strdup_printf("%s in %s%s%s, %s moved", kind, time, pause ? ", downtime " : "", pause ? pause : "", moved);
}

/* All of a line but the name and the bar. */
static char *standing_text(const ReportProgress *progress)
{
    if (progress->phase == PHASE_DONE && progress->outcome) {
        return ending_text(progress->outcome);
    }
    if (!carries_memory(progress)) {
        return g_strdup(phase_name(progress->phase));
    }
    g_autofree char *numbers = numbers_text(progress->bytes_per_s, progress->bytes_remaining, progress->eta_ns);
    return g_strdup_printf("%s %d %% %s", phase_name(progress->phase), percent(progress->done_share), numbers);
}

char *report_progress_plain(const ReportProgress *progress)
{
    g_autofree char *standing = standing_text(progress);
    gboolean has_remark = progress->remark && progress->phase != PHASE_DONE;
    g_autofree char *relay = carries_memory(progress) ? report_relay_live(progress->relay) : NULL;
    g_autofree char *line = g_strdup_printf("%s: %s%s%s%s%s", progress->vm, standing, relay ? "; relay: " : "",
                                            relay ? relay : "", has_remark ? "; " : "",
                                            has_remark ? progress->remark : "");
    return text_clean(line);
}

static Ink phase_ink(const ReportProgress *progress)
{
    switch (progress->phase) {
    case PHASE_WAITING:
        return INK_DIM;
    case PHASE_POSTCOPY:
        return INK_WARN;
    case PHASE_DONE:
        return progress->outcome && progress->outcome->kind != OUTCOME_MIGRATED ? INK_BAD : INK_GOOD;
    default:
        return INK_ACCENT;
    }
}

typedef struct Layout {
    guint name_columns;
    guint bar_columns;
    guint columns;
} Layout;

/* Names keep a quarter of the line at most; the bar takes what the numbers (NUMBER_COLUMNS) leave. */
static Layout make_layout(const ReportProgress *progress, guint length, const ReportStyle *style)
{
    Layout layout = {.columns = style->columns ? style->columns : ASSUMED_COLUMNS};

    layout.name_columns = text_width("all VMs");
    for (guint i = 0; i < length; i++) {
        layout.name_columns = MAX(layout.name_columns, text_width(progress[i].vm));
    }
    layout.name_columns = MIN(layout.name_columns, MAX(layout.columns / 4, 8));
    guint taken = layout.name_columns + NUMBER_COLUMNS;
    layout.bar_columns =
        layout.columns > taken + NARROWEST_BAR ? MIN(layout.columns - taken, WIDEST_BAR) : NARROWEST_BAR;
    return layout;
}

/* "name  BAR  words", clipped to the terminal. */
static char *make_line(const char *name, double share, const char *words, Ink ink, const Layout *layout,
                       const ReportStyle *style)
{
    g_autofree char *clean_name = text_clean(name);
    g_autofree char *short_name = text_clip(clean_name, layout->name_columns);
    g_autofree char *bold_name = text_ink(short_name, INK_HEADING, style);
    g_autofree char *bar = text_bar(share, layout->bar_columns, style);
    g_autofree char *inked_bar = text_ink(bar, ink, style);
    g_autofree char *clean_words = text_clean(words);
    g_autofree char *line =
        g_strdup_printf("%s%*s  %s %3d %%  %s", bold_name, (int)(layout->name_columns - text_width(short_name)), "",
                        inked_bar, percent(share), clean_words);
    return text_clip(line, layout->columns);
}

static char *vm_line(const ReportProgress *progress, const Layout *layout, const ReportStyle *style)
{
    const char *phase = phase_name(progress->phase);
    g_autofree char *words = NULL;

    if (progress->phase == PHASE_DONE && progress->outcome) {
        words = ending_text(progress->outcome);
    } else if (carries_memory(progress)) {
        words = columns_text(phase, progress->bytes_per_s, progress->bytes_remaining, progress->eta_ns);
    } else {
        words = g_strdup(phase);
    }
    g_autofree char *relay = carries_memory(progress) ? report_relay_live(progress->relay) : NULL;
    gboolean has_remark = progress->remark && !progress->outcome;
    g_autofree char *all = g_strdup_printf("%s%s%s%s%s", words, has_remark ? "; " : "",
                                           has_remark ? progress->remark : "", relay ? "; " : "", relay ? relay : "");
    return make_line(progress->vm, progress->done_share, all, phase_ink(progress), layout, style);
}

/* All together: shares are weighed by memory, rates are added, and the time left is that of the slowest. */
static char *total_line(const ReportProgress *progress, guint length, const Layout *layout, const ReportStyle *style)
{
    double weight = 0;
    double done = 0;
    guint64 bytes_per_s = 0;
    guint64 bytes_remaining = 0;
    gint64 eta_ns = -1;
    guint finished = 0;
    gboolean has_numbers = FALSE;

    for (guint i = 0; i < length; i++) {
        double ram = (double)MAX(progress[i].ram_bytes, 1);

        weight += ram;
        done += ram * (progress[i].phase == PHASE_DONE ? 1
                       : isnan(progress[i].done_share) ? 0
                                                       : progress[i].done_share);
        finished += progress[i].phase == PHASE_DONE;
        if (carries_memory(&progress[i])) {
            has_numbers = TRUE;
            bytes_per_s += progress[i].bytes_per_s;
            bytes_remaining += progress[i].bytes_remaining;
            eta_ns = MAX(eta_ns, progress[i].eta_ns);
        }
    }
    g_autofree char *ended = g_strdup_printf("%u/%u", finished, length);
    g_autofree char *words = has_numbers ? columns_text(ended, bytes_per_s, bytes_remaining, eta_ns) : g_strdup(ended);
    return make_line("all VMs", weight > 0 ? done / weight : 0, words, INK_PLAIN, layout, style);
}

/* "... and 12 more: 8 waiting, 4 done" */
static char *rest_line(const ReportProgress *progress, guint length, const gboolean *is_shown, const Layout *layout)
{
    static const char *const NAMES[] = {PHASES(NAMED_ENUM_NAME)};
    g_autoptr(GString) line = g_string_new(NULL);
    guint hidden = 0;

    for (guint phase = 0; phase < G_N_ELEMENTS(NAMES); phase++) {
        guint count = 0;

        for (guint i = 0; i < length; i++) {
            count += !is_shown[i] && progress[i].phase == (Phase)phase;
        }
        if (count > 0) {
            g_string_append_printf(line, "%s%u %s", line->len ? ", " : "", count, NAMES[phase]);
        }
        hidden += count;
    }
    g_autofree char *whole = g_strdup_printf("... and %u more: %s", hidden, line->str);
    return text_clip(whole, layout->columns);
}

/* Marks up to 'room' VMs: those that move first, then those that wait, in the order of the plan. */
static void choose_shown(const ReportProgress *progress, guint length, guint room, gboolean *is_shown)
{
    for (guint i = 0; i < length && room > 0; i++) {
        is_shown[i] = is_moving(&progress[i]);
        room -= is_shown[i];
    }
    for (guint i = 0; i < length && room > 0; i++) {
        if (!is_shown[i] && progress[i].phase == PHASE_WAITING) {
            is_shown[i] = TRUE;
            room--;
        }
    }
}

GPtrArray *report_progress_lines(const ReportProgress *progress, guint length, guint rows, const ReportStyle *style)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    Layout layout = make_layout(progress, length, style);
    g_autofree gboolean *is_shown = g_new0(gboolean, MAX(length, 1));
    gboolean all_fit = length + 1 <= rows;

    if (!all_fit) {
        choose_shown(progress, length, rows - MIN(rows, 2), is_shown);
    }
    for (guint i = 0; i < length; i++) {
        if (all_fit || is_shown[i]) {
            g_ptr_array_add(lines, vm_line(&progress[i], &layout, style));
        }
    }
    if (!all_fit) {
        g_ptr_array_add(lines, rest_line(progress, length, is_shown, &layout));
    }
    g_ptr_array_add(lines, total_line(progress, length, &layout, style));
    return lines;
}
