/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit simulate: a day of a simulated data centre, or a sweep of many. */
#include "cli/cmd-simulate.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/units.h"
#include "cli/live.h"
#include "cli/verbs.h"
#include "sim/scenario-placer.h"
#include "sim/sweep.h"

#include <stdio.h>
#include <sys/resource.h>

#define REDRAW_NS (NS_PER_S / 10)
#define TELL_NS   (10 * NS_PER_S) /* between two lines where there is no terminal */

static const CliSpec SPEC = {
    .verb = "simulate",
    .usage = "SCENARIO [OPTION...]\n"
             "       godwit simulate --cloudsim TRACE [--hosts N] [OPTION...]\n"
             "       godwit simulate --sweep SCENARIO... [--seeds LIST] [--policies LIST] [OPTION...]",
    .summary = "Plays a day of a simulated data centre",
    .details =
        "A SCENARIO is a file with hosts, VMs and what they do: man godwit-scenario.  VMs follow their loads, and a "
        "policy moves them away from overloaded hosts and empties underused ones; energy, load, response time and "
        "migrations are told.\n"
        "A sweep plays every scenario with every policy and every seed and tells medians and spreads.",
    .groups = CLI_GROUP_SIMULATE | CLI_GROUP_SWEEP | CLI_GROUP_OUTPUT,
};

/* Whom a run tells how far it is. */
typedef struct Watcher {
    Progress *progress;
    const char *name;
    gboolean is_terminal;
    gint64 next_ns;
} Watcher;

static gboolean on_tick(double time_s, double limit_s, const DayTick *tick, gpointer user)
{
    Watcher *watcher = user;
    gint64 now_ns = monotonic_ns();

    if (now_ns >= watcher->next_ns) {
        double share = time_s / limit_s;

        watcher->next_ns = now_ns + (watcher->is_terminal ? REDRAW_NS : TELL_NS);
        if (watcher->is_terminal) {
            progress_observed(watcher->progress, share);
        } else {
            g_autofree char *line = g_strdup_printf("%s: %.0f %%", watcher->name, 100 * share);
            progress_step(watcher->progress, line);
        }
    }
    return TRUE;
}

static double cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

static int tell(const CliOptions *options, const SimulateCase *one, const DayResult *result, double wall_s,
                double used_s)
{
    SimulateTold told;
    g_autoptr(GError) error = NULL;
    gboolean is_written = TRUE;
    ReportStyle style = terminal_style(stdout, options->without_colours);

    simulate_told_fill(&told, one, result);
    told.report.has_timing = options->simulate.has_timing;
    told.report.wall_s = wall_s;
    told.report.cpu_s = used_s;
    g_autofree char *text =
        options->is_json ? report_simulate_json(&told.report) : report_simulate_text(&told.report, &style);
    fputs(text, stdout);
    if (options->simulate.out_path) {
        is_written = simulate_out_all(options->simulate.out_path, one, &told.report, result, &error);
    }
    simulate_told_clear(&told);
    return is_written ? 0 : cli_failure(&SPEC, error);
}

static DayResult *play(const CliOptions *options, SimulateCase *one, GError **error)
{
    g_autoptr(Progress) progress = progress_new(options);
    g_autofree char *line = g_strdup_printf("playing %s with %s", one->subject->name, one->policy);
    g_autoptr(Live) live = live_new(stderr);
    Watcher watcher = {progress, one->subject->name, live_is_terminal(live), monotonic_ns() + REDRAW_NS};

    if (!watcher.is_terminal) {
        watcher.next_ns = monotonic_ns() + TELL_NS;
    }
    progress_step(progress, line);
    g_autoptr(ScenarioPlacer) placer = scenario_placer_new(one->placer, one->scenario, &one->config, error);
    if (!placer) {
        return NULL;
    }
    DayResult *result = day_run(&one->config, on_tick, &watcher, error);
    progress_end(progress);
    return result;
}

static int simulate_one(const CliOptions *options, const char *path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ScenarioTraces) traces = scenario_traces_new();
    g_autoptr(SimulateSubject) subject = simulate_subject_new(&options->simulate, path, traces, &error);
    g_autoptr(SimulateCase) one = subject ? simulate_case_new(subject, NULL, subject->seed, &error) : NULL;

    if (!one) {
        return cli_failure(&SPEC, error);
    }
    one->config.keep_migrations = one->config.keep_events = options->simulate.out_path != NULL;
    gint64 begun_ns = monotonic_ns();
    double begun_cpu_s = cpu_s();
    g_autoptr(DayResult) result = play(options, one, &error);
    double used_s = cpu_s() - begun_cpu_s;
    double wall_s = (double)(monotonic_ns() - begun_ns) / (double)NS_PER_S;
    return result ? tell(options, one, result, wall_s, used_s) : cli_failure(&SPEC, error);
}

/* What is wrong on the command line is told as such, before any file is read. */
static gboolean check_words(const CliSimulate *simulate, GError **error)
{
    DayPolicy policy;
    DayMode mode;
    guint32 defects;
    DaySettings settings;

    day_settings_init(&settings);
    for (guint i = 0; simulate->settings && i < simulate->settings->len; i++) {
        if (!simulate_setting_parse(g_ptr_array_index(simulate->settings, i), &settings, error)) {
            return FALSE;
        }
    }
    if (simulate->policy && !day_policy_parse(simulate->policy, &policy, error)) {
        g_prefix_error(error, "--policy: ");
        return FALSE;
    }
    if (simulate->mode && !day_mode_parse(simulate->mode, &mode, error)) {
        g_prefix_error(error, "--mode: ");
        return FALSE;
    }
    if (simulate->placer && !scenario_placer_check(simulate->placer, error)) {
        g_prefix_error(error, "--placer: ");
        return FALSE;
    }
    if (simulate->defects && !day_defects_parse(simulate->defects, &defects, error)) {
        g_prefix_error(error, "--defects: ");
        return FALSE;
    }
    return TRUE;
}

static int check_usage(const CliOptions *options)
{
    const CliSimulate *simulate = &options->simulate;
    g_autoptr(GError) error = NULL;
    const char *idle = simulate->is_sweep ? NULL : cli_options_given(options, CLI_GROUP_SWEEP);

    if (!check_words(simulate, &error)) {
        return cli_usage_error(&SPEC, "%s", error->message);
    }
    if (idle) {
        return cli_usage_error(&SPEC, "--%s is for sweeps: add --sweep", idle);
    }
    if (simulate->hosts && !simulate->cloudsim_path) {
        return cli_usage_error(&SPEC, "--hosts is for --cloudsim; a scenario has its hosts");
    }
    if (simulate->cloudsim_path && options->arguments->len > 0) {
        return cli_usage_error(&SPEC, "a scenario or --cloudsim, not both: leave out '%s'",
                               (const char *)g_ptr_array_index(options->arguments, 0));
    }
    if (!simulate->cloudsim_path &&
        (options->arguments->len == 0 || (options->arguments->len > 1 && !simulate->is_sweep))) {
        return cli_usage_error(&SPEC, options->arguments->len == 0 ? "which scenario?"
                                                                   : "one scenario at a time; more take --sweep");
    }
    if (simulate->is_sweep && simulate->has_timing) {
        return cli_usage_error(&SPEC, "--timing is for one run");
    }
    if (!simulate->is_sweep && sweep_launcher()) {
        return cli_usage_error(&SPEC, "mpirun started several processes, and this is one run: add --sweep");
    }
    return 0;
}

int cmd_simulate(int argc, char **argv)
{
    int status = 0;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    status = check_usage(options);
    if (status != 0) {
        return status;
    }
    if (options->simulate.is_sweep) {
        return simulate_sweep(&SPEC, options);
    }
    return simulate_one(options, options->simulate.cloudsim_path ?: g_ptr_array_index(options->arguments, 0));
}
