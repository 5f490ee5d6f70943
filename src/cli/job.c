/* SPDX-License-Identifier: Apache-2.0
 *
 * The course of a job; see job.h.
 *
 * Signals: SIGINT, SIGTERM and SIGHUP ask the campaign to stop, which takes as long as it takes: pre-copies are
 * cancelled and post-copies finished.  Asking again only repeats what is being done, because a migration that nobody
 * looks after any more is what this program is there to avoid.  (SIGKILL still ends it; the hosts know the truth, and
 * `godwit hosts` asks them.) */
#include "cli/job.h"
#include "base/error.h"
#include "base/json.h"
#include "cli/live.h"
#include "cli/progress.h"
#include "cli/where.h"
#include "report/report-rebalance.h"
#include "report/report.h"

#include <glib-unix.h>

struct Job {
    const CliOptions *options;
    Where where;
    Progress *progress;
    Gang *gang; /* while one runs */
    const RebalancePlan *rebalance; /* what the plan came from, while it is done; NULL: something else */
    gboolean is_stopping;
    guint signal_sources[3];
};

static void on_step(const char *text, gpointer user)
{
    progress_step(((Job *)user)->progress, text);
}

static void on_observed(double done_share, gpointer user)
{
    progress_observed(((Job *)user)->progress, done_share);
}

static void on_progress(Gang *gang, int changed, gpointer user)
{
    Job *job = user;

    job->gang = gang;
    progress_gang(job->progress, gang, changed);
}

static gboolean on_signal(gpointer user)
{
    Job *job = user;
    g_autofree char *text = job->gang ? progress_stop_text(job->gang) : g_strdup("stopping: nothing was touched yet");
    g_autofree char *again = g_strdup_printf("already %s", text);

    progress_say(job->progress, job->is_stopping ? again : text);
    job->is_stopping = TRUE;
    campaign_stop(job->where.campaign);
    return G_SOURCE_CONTINUE;
}

Job *job_open(const CliOptions *options, GError **error)
{
    static const int SIGNALS[] = {SIGINT, SIGTERM, SIGHUP};
    g_autoptr(Job) job = g_new0(Job, 1);

    job->options = options;
    if (!where_open(&job->where, options, error)) {
        return NULL;
    }
    CampaignCallbacks callbacks = {on_step, on_observed, on_progress, job};
    campaign_set_callbacks(job->where.campaign, &callbacks);
    job->progress = progress_new(options);
    where_tell(&job->where, job->progress);
    for (guint i = 0; i < G_N_ELEMENTS(SIGNALS); i++) {
        job->signal_sources[i] = g_unix_signal_add(SIGNALS[i], on_signal, job);
    }
    return g_steal_pointer(&job);
}

void job_close(Job *job)
{
    if (job) {
        for (guint i = 0; i < G_N_ELEMENTS(job->signal_sources); i++) {
            g_clear_handle_id(&job->signal_sources[i], g_source_remove);
        }
        progress_free(job->progress);
        where_clear(&job->where);
        g_free(job);
    }
}

/* Standard output, at once: what follows on standard error must come after it. */
static void show_text(const char *text)
{
    fputs(text, stdout);
    fflush(stdout);
}

static void show_json(const Job *job, JsonNode *node)
{
    if (job->rebalance) {
        report_verdicts_add_json(node, job->rebalance->hosts, job->rebalance->note);
    }
    g_autofree char *text = json_to_text(node, TRUE);
    g_autofree char *line = g_strconcat(text, "\n", NULL);

    show_text(line);
}

static void show_plan(const Job *job, const Plan *plan)
{
    ReportStyle style = terminal_style(stdout, job->options->without_colours);
    g_autofree char *text = report_plan_text(plan, &style);

    if (job->rebalance) {
        g_autofree char *verdicts = report_verdicts_text(job->rebalance->hosts, job->rebalance->note, &style);

        show_text(verdicts);
        show_text("\n");
    }
    show_text(text);
}

/* A dry run plays what would be run.  That a host does not answer any more is told; the plan is there all the same. */
static Prediction *play(Job *job, const Plan *plan)
{
    g_autoptr(GError) error = NULL;
    Prediction *prediction = campaign_play(job->where.campaign, plan, &error);

    if (!prediction) {
        g_autofree char *text = g_strdup_printf("no prediction: %s", error->message);
        progress_say(job->progress, text);
    }
    return prediction;
}

static void show_prediction(const Job *job, const Plan *plan, const Prediction *prediction)
{
    ReportStyle style = terminal_style(stdout, job->options->without_colours);
    g_autofree char *text = report_prediction_text(prediction, plan, &style);

    show_text("\n");
    show_text(text);
}

/* A dry run ends here, and so does a plan that must not run. */
static int end_with_plan(Job *job, const Plan *plan, GPtrArray *problems, gboolean is_dry)
{
    ReportStyle style = terminal_style(stdout, job->options->without_colours);
    g_autofree char *list = problems->len ? report_problems_text(problems, &style) : NULL;
    g_autoptr(JsonNode) node = is_dry ? report_plan_json(plan, problems) : report_problems_json(problems);
    g_autoptr(Prediction) prediction =
        is_dry && problems->len == 0 && plan->steps->len > 0 ? play(job, plan) : NULL;

    progress_end(job->progress);
    if (prediction && job->options->is_json) {
        json_object_set_member(json_node_get_object(node), "prediction", report_prediction_json(prediction, plan));
    } else if (prediction) {
        show_prediction(job, plan, prediction);
    }
    if (job->options->is_json) {
        show_json(job, node);
    } else if (list) {
        show_text("\n");
        show_text(list);
    } else {
        show_text("\nAll checks passed; nothing was touched.\n");
    }
    if (problems->len == 0) {
        return 0;
    }
    g_autoptr(GError) error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_REFUSED, "%u problem%s found; nothing was touched",
                                          problems->len, problems->len == 1 ? "" : "s");
    return cli_failure(job->options->spec, error);
}

/* The VMs have moved by now: a report that cannot be written is told, and the rest goes on. */
static gboolean save_report(const Job *job, JsonNode *node)
{
    g_autofree char *text = json_to_text(node, TRUE);
    g_autofree char *line = g_strconcat(text, "\n", NULL);
    g_autoptr(GError) error = NULL;

    if (!g_file_set_contents(job->options->report_path, line, -1, &error)) {
        g_prefix_error(&error, "saving the report: ");
        cli_failure(job->options->spec, error);
        return FALSE;
    }
    return TRUE;
}

static int report_outcome(Job *job, const GangOutcome *outcome)
{
    guint missed = outcome->outcomes->len - gang_outcome_count(outcome, OUTCOME_MIGRATED);
    g_autoptr(JsonNode) node = report_gang_json(outcome);
    gboolean is_saved = !job->options->report_path || save_report(job, node);

    if (job->options->is_json) {
        show_json(job, node);
    } else {
        ReportStyle style = terminal_style(stdout, job->options->without_colours);
        g_autofree char *text = report_gang_text(outcome, &style);
        show_text("\n");
        show_text(text);
    }
    if (missed == 0) {
        return is_saved ? 0 : 1;
    }
    g_autoptr(GError) error =
        g_error_new(GODWIT_ERROR, GODWIT_ERROR_FAILED, "%u of %u VM%s did not migrate; the report says why", missed,
                    outcome->outcomes->len, outcome->outcomes->len == 1 ? "" : "s");
    return cli_failure(job->options->spec, error);
}

static int run_plan(Job *job, const Plan *plan)
{
    g_autoptr(GangOutcome) outcome = NULL;

    if (plan->steps->len == 0) {
        outcome = gang_outcome_new(plan->id, plan->policy);
    } else {
        outcome = campaign_run(job->where.campaign, plan);
        job->gang = NULL;
        progress_end(job->progress);
    }
    return report_outcome(job, outcome);
}

/* FALSE with an error when the plan could not be saved or checked, or the operator wants to stop. */
static gboolean check_plan(Job *job, const Plan *plan, GPtrArray **problems, GError **error)
{
    if (job->options->save_path && !plan_save(plan, job->options->save_path, error)) {
        return FALSE;
    }
    progress_end(job->progress);
    if (!job->options->is_json) {
        show_plan(job, plan);
    }
    *problems = campaign_check(job->where.campaign, plan, error);
    if (*problems && job->is_stopping) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_CANCELLED, "stopped; nothing was touched");
        return FALSE;
    }
    return *problems != NULL;
}

static int do_plan(Job *job, const Plan *plan, gboolean is_dry)
{
    g_autoptr(GPtrArray) problems = NULL;
    g_autoptr(GError) error = NULL;

    if (!check_plan(job, plan, &problems, &error)) {
        progress_end(job->progress);
        return cli_failure(job->options->spec, error);
    }
    return problems->len > 0 || is_dry ? end_with_plan(job, plan, problems, is_dry) : run_plan(job, plan);
}

int job_do(Job *job, const CampaignJob *what, gboolean is_dry)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Plan) plan = campaign_plan(job->where.campaign, what, &error);

    if (!plan) {
        progress_end(job->progress);
        return cli_failure(job->options->spec, error);
    }
    return do_plan(job, plan, is_dry);
}

int job_do_consolidation(Job *job, const char *const *hosts, gboolean is_dry)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Plan) plan = campaign_plan_consolidation(job->where.campaign, hosts, &error);

    if (!plan) {
        progress_end(job->progress);
        return cli_failure(job->options->spec, error);
    }
    return do_plan(job, plan, is_dry);
}

int job_do_saved(Job *job, const char *path, const char *const *hosts, gboolean is_dry)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Plan) plan = plan_load(path, &error);

    for (guint i = 0; plan && hosts[i]; i++) {
        if (!inventory_resolve(job->where.inventory, hosts[i], &error)) {
            return cli_failure(job->options->spec, error);
        }
    }
    return plan ? do_plan(job, plan, is_dry) : cli_failure(job->options->spec, error);
}

static int rebalance_once(Job *job, gboolean is_dry)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(RebalancePlan) made = campaign_rebalance(job->where.campaign, &job->options->rebalance, &error);
    int status;

    if (!made) {
        progress_end(job->progress);
        return cli_failure(job->options->spec, error);
    }
    job->rebalance = made;
    status = do_plan(job, made->plan, is_dry);
    job->rebalance = NULL;
    return status;
}

int job_rebalance(Job *job, gboolean is_dry)
{
    guint64 rounds = job->options->every_ns ? job->options->count : 1;
    int status = 0;

    for (guint64 round = 1;; round++) {
        int ended = rebalance_once(job, is_dry);

        status = MAX(status, ended); /* one that failed is told, and the next may do better */
        if (round == rounds || job->is_stopping ||
            !campaign_pause(job->where.campaign, job->options->every_ns)) {
            return status;
        }
    }
}
