/* SPDX-License-Identifier: Apache-2.0
 *
 * From the gang's callbacks to lines; see progress.h.  The lines themselves are made in report/report-progress.c. */
#include "cli/progress.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "cli/live.h"
#include "report/text.h"

#define PLAIN_INTERVAL_NS     (2 * NS_PER_S)
#define OBSERVING_BAR_COLUMNS 30u

/* What was told about one VM last. */
typedef struct Told {
    Phase phase;
    const char *remark;
    gint64 when_ns;
    gboolean is_anything;
} Told;

struct Progress {
    Live *live;
    ReportStyle style;
    gboolean without_colours;
    gboolean is_quiet;
    GArray *told; /* Told, one per VM of the gang */
};

static void on_log_line(const char *line, gpointer user)
{
    live_say(((Progress *)user)->live, line);
}

Progress *progress_new(const CliOptions *options)
{
    Progress *progress = g_new0(Progress, 1);

    progress->live = live_new(stderr);
    progress->without_colours = options->without_colours;
    progress->is_quiet = options->is_json && !live_is_terminal(progress->live) && options->verbosity == 0;
    progress->told = g_array_new(FALSE, TRUE, sizeof(Told));
    log_set_sink(on_log_line, progress);
    return progress;
}

void progress_free(Progress *progress)
{
    if (progress) {
        log_set_sink(NULL, NULL);
        live_free(progress->live);
        g_array_unref(progress->told);
        g_free(progress);
    }
}

void progress_say(Progress *progress, const char *text)
{
    g_autofree char *clean = text_clean(text);

    live_say(progress->live, clean);
}

void progress_step(Progress *progress, const char *text)
{
    if (!progress->is_quiet) {
        progress_end(progress);
        progress_say(progress, text);
    }
}

void progress_end(Progress *progress)
{
    live_erase(progress->live);
}

void progress_observed(Progress *progress, double done_share)
{
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    ReportStyle style = terminal_style(stderr, progress->without_colours);
    g_autofree char *bar = text_bar(done_share, OBSERVING_BAR_COLUMNS, &style);
    g_autofree char *inked = text_ink(bar, INK_ACCENT, &style);

    g_ptr_array_add(lines, g_strdup_printf("  %s %3d %%", inked, (int)(100 * CLAMP(done_share, 0, 1))));
    live_draw(progress->live, lines);
}

static ReportProgress standing(const GangProgress *state)
{
    return (ReportProgress){
        .vm = state->step->vm,
        .remark = state->remark,
        .relay = state->relay,
        .phase = state->phase,
        .algorithm = state->algorithm,
        .done_share = state->done_share,
        .ram_bytes = state->step->ram_bytes,
        .bytes_sent = state->stats.bytes_sent,
        .bytes_remaining = state->stats.bytes_remaining,
        .bytes_per_s = state->stats.bytes_per_s,
        .passes = state->stats.passes,
        .eta_ns = state->eta_ns,
        .outcome = state->outcome,
    };
}

static void draw_gang(Progress *progress, Gang *gang)
{
    guint length = gang_length(gang);
    g_autofree ReportProgress *all = g_new0(ReportProgress, MAX(length, 1));
    ReportStyle style = terminal_style(stderr, progress->without_colours);

    for (guint i = 0; i < length; i++) {
        all[i] = standing(gang_progress(gang, i));
    }
    g_autoptr(GPtrArray) lines = report_progress_lines(all, length, live_rows(progress->live), &style);
    live_draw(progress->live, lines);
}

/* A change of phase or a new remark is told at once; numbers of a VM that moves, every PLAIN_INTERVAL_NS. */
static gboolean is_due(const Told *told, const GangProgress *state, gint64 now_ns)
{
    gboolean moves = state->phase == PHASE_PERFORM || state->phase == PHASE_POSTCOPY;

    if (!told->is_anything) {
        return state->phase != PHASE_WAITING;
    }
    return told->phase != state->phase || told->remark != state->remark ||
           (moves && now_ns - told->when_ns >= PLAIN_INTERVAL_NS);
}

static void tell_gang(Progress *progress, Gang *gang)
{
    gint64 now_ns = monotonic_ns();

    g_array_set_size(progress->told, gang_length(gang));
    for (guint i = 0; i < gang_length(gang); i++) {
        const GangProgress *state = gang_progress(gang, i);
        Told *told = &g_array_index(progress->told, Told, i);

        if (is_due(told, state, now_ns)) {
            ReportProgress now = standing(state);
            g_autofree char *line = report_progress_plain(&now);

            live_say(progress->live, line);
            *told = (Told){state->phase, state->remark, now_ns, TRUE};
        }
    }
}

void progress_gang(Progress *progress, Gang *gang, int changed)
{
    if (live_is_terminal(progress->live)) {
        draw_gang(progress, gang);
    } else if (!progress->is_quiet) {
        tell_gang(progress, gang);
    }
}

static void append_count(GString *text, guint count, const char *fate)
{
    if (count > 0) {
        g_string_append_printf(text, "%s %u %s", g_str_has_suffix(text->str, ":") ? "" : ",", count, fate);
    }
}

char *progress_stop_text(Gang *gang)
{
    guint cancelled = 0;
    guint finished = 0;
    guint waiting = 0;

    for (guint i = 0; i < gang_length(gang); i++) {
        switch (gang_progress(gang, i)->phase) {
        case PHASE_WAITING:
            waiting++;
            break;
        case PHASE_BEGIN:
        case PHASE_PREPARE:
        case PHASE_PERFORM:
            cancelled++;
            break;
        case PHASE_POSTCOPY:
        case PHASE_FINISH:
        case PHASE_CONFIRM:
            finished++;
            break;
        case PHASE_DONE:
            break;
        }
    }
    GString *text = g_string_new("stopping:");
    append_count(text, cancelled, "cancelled (running on at the source)");
    append_count(text, finished, "finished (past the switchover)");
    append_count(text, waiting, "not started");
    g_string_append(text, "; the report follows");
    return g_string_free(text, FALSE);
}
