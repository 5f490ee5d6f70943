/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit simulate --sweep: every scenario with every policy and every seed.
 *
 * The runs are numbered scenario by scenario, policy by policy, seed by seed; sweep.h shares them among threads and
 * processes.  What is printed depends on their outcomes only, so it is the same however many there were. */
#include "cli/cmd-simulate.h"

#include "base/error.h"
#include "cli/live.h"
#include "sim/scenario-placer.h"
#include "sim/sweep.h"

#include <stdio.h>
#include <string.h>

#define SEEDS_MAX   100000u
#define RUNS_MAX    10000000u
#define THREADS_MAX 4096u

typedef struct SweepPlan {
    GPtrArray *subjects; /* SimulateSubject */
    GArray *seeds;       /* guint64; empty: each subject's own */
    char **policies;     /* NULL: each subject's own */
    GArray *numbers;     /* SimulateNumber: names of the figures */
    Progress *progress;  /* NULL: another process tells it */
    gboolean is_terminal;
} SweepPlan;

static guint seeds_of(const SweepPlan *plan)
{
    return MAX(plan->seeds->len, 1);
}

static guint policies_of(const SweepPlan *plan)
{
    return plan->policies ? g_strv_length(plan->policies) : 1;
}

static const SimulateSubject *subject_of(const SweepPlan *plan, guint run)
{
    return g_ptr_array_index(plan->subjects, run / (seeds_of(plan) * policies_of(plan)));
}

static const char *policy_of(const SweepPlan *plan, guint run)
{
    return plan->policies ? plan->policies[run / seeds_of(plan) % policies_of(plan)] : subject_of(plan, run)->policy;
}

static guint64 seed_of(const SweepPlan *plan, guint run)
{
    return plan->seeds->len ? g_array_index(plan->seeds, guint64, run % plan->seeds->len) : subject_of(plan, run)->seed;
}

/* Numbers from 'low' to 'high', like "1-20" or "7". */
static gboolean add_seeds(GArray *seeds, const char *text, GError **error)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 2);
    guint64 low = 0;
    guint64 high = 0;

    if (!simulate_count_parse("seeds", ends[0] ?: "", 0, G_MAXINT64, &low, error) ||
        !simulate_count_parse("seeds", ends[0] && ends[1] ? ends[1] : ends[0], low, G_MAXINT64, &high, error)) {
        return FALSE;
    }
    if (high - low >= SEEDS_MAX - seeds->len) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "--seeds: more than %u", SEEDS_MAX);
        return FALSE;
    }
    for (guint64 seed = low; seed <= high; seed++) {
        g_array_append_val(seeds, seed);
    }
    return TRUE;
}

static gboolean read_lists(const CliSimulate *simulate, SweepPlan *plan, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(simulate->seeds ?: "", ",", -1);
    DayPolicy ignored;

    for (char **part = parts; *part; part++) {
        if (!add_seeds(plan->seeds, g_strstrip(*part), error)) {
            return FALSE;
        }
    }
    plan->policies = simulate->policies ? g_strsplit(simulate->policies, ",", -1) : NULL;
    for (char **policy = plan->policies; policy && *policy; policy++) {
        if (!day_policy_parse(g_strstrip(*policy), &ignored, error)) {
            g_prefix_error(error, "--policies: ");
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean read_subjects(const CliOptions *options, ScenarioTraces *traces, SweepPlan *plan, GError **error)
{
    guint length = options->simulate.cloudsim_path ? 1 : options->arguments->len;

    for (guint i = 0; i < length; i++) {
        const char *path = options->simulate.cloudsim_path ?: g_ptr_array_index(options->arguments, i);
        SimulateSubject *subject = simulate_subject_new(&options->simulate, path, traces, error);

        if (!subject) {
            return FALSE;
        }
        g_ptr_array_add(plan->subjects, subject);
    }
    return TRUE;
}

/* One run; in a thread of the sweep. */
static gboolean play(guint run, double *values, gpointer user, GError **error)
{
    const SweepPlan *plan = user;
    g_autoptr(SimulateCase) one =
        simulate_case_new(subject_of(plan, run), policy_of(plan, run), seed_of(plan, run), error);
    g_autoptr(ScenarioPlacer) placer =
        one ? scenario_placer_new(one->placer, one->scenario, &one->config, error) : NULL;
    g_autoptr(DayResult) result = placer ? day_run(&one->config, NULL, NULL, error) : NULL;

    if (!result) {
        return FALSE;
    }
    g_autoptr(GArray) numbers = simulate_numbers(&result->totals);
    for (guint i = 0; i < numbers->len; i++) {
        values[i] = g_array_index(numbers, SimulateNumber, i).value;
    }
    return TRUE;
}

static void on_outcome(guint done, guint runs, const SweepOutcome *latest, gpointer user)
{
    const SweepPlan *plan = user;

    if (!plan->progress) {
        return;
    }
    g_autofree char *line =
        g_strdup_printf("%u of %u: %s %s, seed %" G_GUINT64_FORMAT "%s%s", done, runs,
                        subject_of(plan, latest->run)->name, policy_of(plan, latest->run), seed_of(plan, latest->run),
                        latest->error ? " failed: " : "", latest->error ?: "");
    if (!plan->is_terminal || latest->error) {
        progress_step(plan->progress, line);
    }
    if (plan->is_terminal) {
        progress_observed(plan->progress, (double)done / runs);
    }
}

static guint failures_of(const GPtrArray *outcomes)
{
    guint failures = 0;

    for (guint i = 0; i < outcomes->len; i++) {
        failures += ((const SweepOutcome *)g_ptr_array_index(outcomes, i))->error != NULL;
    }
    return failures;
}

static gboolean write_files(const char *directory, const SimulateSweep *sweep, const char *json, GError **error)
{
    g_autofree char *csv = report_sweep_csv(sweep);
    g_autofree char *runs = report_sweep_runs_csv(sweep);

    return simulate_out_make(directory, error) && simulate_out_write(directory, "sweep.json", json, error) &&
           simulate_out_write(directory, "sweep.csv", csv, error) &&
           simulate_out_write(directory, "runs.csv", runs, error);
}

static int tell(const CliSpec *spec, const CliOptions *options, const SweepPlan *plan, const GPtrArray *outcomes)
{
    g_autofree SimulateSweepRun *runs = g_new0(SimulateSweepRun, outcomes->len + 1);
    SimulateSweep sweep = {(const SimulateNumber *)(const void *)plan->numbers->data, plan->numbers->len, runs,
                           outcomes->len};
    /* mpirun gives its first process a terminal of its own making, which nobody looks at */
    ReportStyle style =
        sweep_launcher() ? (ReportStyle){FALSE, FALSE, 0} : terminal_style(stdout, options->without_colours);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i < outcomes->len; i++) {
        const SweepOutcome *outcome = g_ptr_array_index(outcomes, i);

        runs[i] = (SimulateSweepRun){subject_of(plan, i)->name, policy_of(plan, i), seed_of(plan, i), outcome->error,
                                     outcome->values};
    }
    g_autofree char *json = report_sweep_json(&sweep);
    g_autofree char *text = options->is_json ? NULL : report_sweep_text(&sweep, &style);
    fputs(text ?: json, stdout);
    fflush(stdout);
    if (options->simulate.out_path && !write_files(options->simulate.out_path, &sweep, json, &error)) {
        return cli_failure(spec, error);
    }
    guint failures = failures_of(outcomes);
    if (failures > 0) {
        error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_FAILED, "%u of %u runs failed", failures, outcomes->len);
        return cli_failure(spec, error);
    }
    return 0;
}

static int run_plan(const CliSpec *spec, const CliOptions *options, SweepPlan *plan)
{
    g_autoptr(GError) error = NULL;
    guint64 threads = 0;
    guint rank = 0;
    guint64 runs = (guint64)plan->subjects->len * seeds_of(plan) * policies_of(plan);
    const SweepRanks *ranks = sweep_launcher() ? sweep_ranks_load(&error) : NULL;

    if (error) {
        return cli_failure(spec, error);
    }
    if (runs > RUNS_MAX) {
        return cli_usage_error(spec, "more than %u runs", RUNS_MAX);
    }
    if (options->simulate.threads &&
        !simulate_count_parse("threads", options->simulate.threads, 1, THREADS_MAX, &threads, &error)) {
        return cli_failure(spec, error);
    }
    SweepConfig config = {.runs = (guint)runs,
                          .values = plan->numbers->len,
                          .threads = (guint)threads,
                          .run = play,
                          .progress = on_outcome,
                          .user = plan,
                          .ranks = ranks};
    g_autoptr(GPtrArray) outcomes = sweep_run(&config, &rank, &error);
    if (plan->progress) {
        progress_end(plan->progress);
    }
    if (!outcomes) {
        return cli_failure(spec, error);
    }
    return rank == 0 ? tell(spec, options, plan, outcomes) : 0;
}

int simulate_sweep(const CliSpec *spec, const CliOptions *options)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(ScenarioTraces) traces = scenario_traces_new();
    g_autoptr(Progress) progress = sweep_launched_rank() == 0 ? progress_new(options) : NULL;
    g_autoptr(Live) live = live_new(stderr);
    SweepPlan plan = {.subjects = g_ptr_array_new_with_free_func((GDestroyNotify)simulate_subject_free),
                      .seeds = g_array_new(FALSE, FALSE, sizeof(guint64)),
                      .numbers = simulate_numbers(NULL),
                      .progress = progress,
                      .is_terminal = live_is_terminal(live)};
    int status = 0;

    if (!read_lists(&options->simulate, &plan, &error)) {
        status = cli_usage_error(spec, "%s", error->message);
    } else if (!read_subjects(options, traces, &plan, &error)) {
        status = cli_failure(spec, error);
    } else {
        status = run_plan(spec, options, &plan);
    }

    g_ptr_array_unref(plan.subjects);
    g_array_unref(plan.seeds);
    g_array_unref(plan.numbers);
    g_strfreev(plan.policies);
    return status;
}
