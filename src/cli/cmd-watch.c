/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit watch: how the VMs of a host touch their memory, live. */
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/cli-options.h"
#include "cli/live.h"
#include "cli/verbs.h"
#include "cli/where.h"
#include "report/report.h"

#include <glib-unix.h>
#include <unistd.h>

static const CliSpec SPEC = {
    .verb = "watch",
    .usage = "HOST [OPTION...]",
    .summary = "Shows live how the VMs of a host touch their memory and what would be chosen for each",
    .details = "Pages read and written per second, as numbers and over the window; class and memberships; working set; "
               "bytes changed inside a written page.  Ends at Ctrl-C.\n"
               "On a terminal the table is drawn in place; otherwise there is one block per period; with --json one "
               "object per period, each on a line.",
    .groups = CLI_GROUP_WHERE | CLI_GROUP_OBSERVE | CLI_GROUP_WATCH | CLI_GROUP_OUTPUT | CLI_GROUP_POLICY |
              CLI_GROUP_SEED,
};

typedef struct Watch {
    const CliOptions *options;
    const char *host;
    Campaign *campaign;
    Live *live;
    guint64 periods;
    gboolean is_simulated;
    gboolean is_broken; /* nobody reads what is written */
} Watch;

static void show_lines(const Watch *watch, GPtrArray *profiles, GPtrArray *choices)
{
    ReportStyle style = terminal_style(stdout, watch->options->without_colours);
    g_autofree char *text = report_watch_text(watch->host, (guint)watch->periods, profiles, choices, &style);

    if (!live_is_terminal(watch->live)) {
        printf("%s\n", text);
        return;
    }
    g_auto(GStrv) split = g_strsplit(g_strchomp(text), "\n", -1);
    g_autoptr(GPtrArray) lines = g_ptr_array_new();
    guint rows = live_rows(watch->live);
    for (guint i = 0; split[i]; i++) {
        g_ptr_array_add(lines, split[i]);
    }
    if (lines->len > rows) {
        g_autofree char *more = g_strdup_printf("... and %u more lines", lines->len - rows + 1);
        g_ptr_array_set_size(lines, (gint)rows - 1);
        g_ptr_array_add(lines, more);
        live_draw(watch->live, lines);
        return;
    }
    live_draw(watch->live, lines);
}

static void on_period(GPtrArray *profiles, GPtrArray *choices, gpointer user)
{
    Watch *watch = user;

    if (watch->is_broken || (watch->options->count > 0 && watch->periods >= watch->options->count)) {
        return; /* the stop is on its way */
    }
    watch->periods++;
    if (watch->options->is_json) {
        g_autoptr(JsonNode) node = report_watch_json(watch->host, (guint)watch->periods, profiles, choices);
        g_autofree char *text = json_to_text(node, FALSE);
        printf("%s\n", text);
    } else {
        show_lines(watch, profiles, choices);
    }
    watch->is_broken = fflush(stdout) != 0;
    if (watch->is_simulated && live_is_terminal(watch->live)) {
        g_usleep((gulong)(watch->options->campaign.observe.period_ns / 1000)); /* virtual time, at a pace to look at */
    }
    if (watch->is_broken || watch->periods == watch->options->count) {
        campaign_stop(watch->campaign);
    }
}

static gboolean on_signal(gpointer user)
{
    campaign_stop(((Watch *)user)->campaign);
    return G_SOURCE_CONTINUE;
}

static void on_log_line(const char *line, gpointer user)
{
    live_say(((Watch *)user)->live, line);
}

/* Watches until the count is reached or a signal comes.  Log lines go above the table when both share a terminal. */
static gboolean watch_host(Watch *watch, GError **error)
{
    guint interrupt = g_unix_signal_add(SIGINT, on_signal, watch);
    guint terminate = g_unix_signal_add(SIGTERM, on_signal, watch);

    if (live_is_terminal(watch->live) && isatty(STDERR_FILENO)) {
        log_set_sink(on_log_line, watch);
    }
    gboolean is_fine = campaign_watch(watch->campaign, watch->host, on_period, watch, error);
    log_set_sink(NULL, NULL);
    g_source_remove(interrupt);
    g_source_remove(terminate);
    return is_fine;
}

int cmd_watch(int argc, char **argv)
{
    int status = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    if (options->arguments->len != 1) {
        return cli_usage_error(&SPEC, "name the one host to watch, not %u", options->arguments->len);
    }
    g_auto(Where) where = {0};
    gboolean is_open = where_open(&where, options, &error);
    g_autoptr(Live) live = live_new(stdout);
    Watch watch = {
        .options = options, .host = g_ptr_array_index(options->arguments, 0), .campaign = where.campaign, .live = live,
        .is_simulated = where.fleet != NULL};
    return is_open && watch_host(&watch, &error) ? 0 : cli_failure(&SPEC, error);
}
