/* SPDX-License-Identifier: Apache-2.0
 *
 * A Plan run to its end by the gang; then the guests are asked for their own account of it.
 *
 * Only the guest knows how long it really stood still and how much of its work was lost.  Where the inventory has a
 * guest_probe, that command is run once per VM that migrated, with {vm}, {since_ns} and {until_ns} (CLOCK_MONOTONIC)
 * replaced inside its words after they were split, so that no name can add words.  It prints a JSON object, of which
 * longest_gap_ms and work_lost_s are taken.  A probe that fails is a warning: the VM has moved all the same. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "base/json.h"
#include "base/log.h"

#include <gio/gio.h>
#include <math.h>

#define PROBE_TIMEOUT_S 10

typedef struct Probe {
    Outcome *outcome;
    GSubprocess *process;
    guint *left; /* of all probes */
} Probe;

static char *fill_word(const char *word, const Outcome *outcome)
{
    g_autofree char *since = g_strdup_printf("%" G_GINT64_FORMAT, outcome->begun_ns);
    g_autofree char *until = g_strdup_printf("%" G_GINT64_FORMAT, outcome->ended_ns);
    GString *filled = g_string_new(word);

    g_string_replace(filled, "{since_ns}", since, 0);
    g_string_replace(filled, "{until_ns}", until, 0);
    g_string_replace(filled, "{vm}", outcome->vm, 0);
    return g_string_free(filled, FALSE);
}

static GSubprocess *start_probe(const char *command, const Outcome *outcome, GError **error)
{
    g_auto(GStrv) words = NULL;

    if (!g_shell_parse_argv(command, NULL, &words, error)) {
        return NULL;
    }
    for (char **word = words; *word; word++) {
        char *filled = fill_word(*word, outcome);

        g_free(*word);
        *word = filled;
    }
    return g_subprocess_newv((const char *const *)words,
                             G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, error);
}

static double number_or_nan(JsonObject *object, const char *member)
{
    double value = NAN;

    json_read_double(object, member, "guest probe", &value, NULL);
    return value;
}

static void on_probed(GObject *source, GAsyncResult *result, gpointer user)
{
    Probe *probe = user;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object = NULL;

    if (g_subprocess_communicate_utf8_finish(G_SUBPROCESS(source), result, &text, NULL, &error)) {
        object = json_parse_object(text ? text : "", -1, "the guest probe's output", &error);
    }
    if (object) {
        probe->outcome->guest_gap_ms = number_or_nan(object, "longest_gap_ms");
        probe->outcome->work_lost_s = number_or_nan(object, "work_lost_s");
    } else {
        log_warning("guest probe for %s: %s", probe->outcome->vm, error->message);
    }
    g_object_unref(probe->process);
    (*probe->left)--;
    g_free(probe);
}

static gboolean on_probe_timeout(gpointer user)
{
    gboolean *is_late = user;

    *is_late = TRUE;
    return G_SOURCE_CONTINUE;
}

/* Asks all guests that migrated, side by side. */
static void probe_guests(Campaign *campaign, GangOutcome *gang)
{
    const char *command = campaign->inventory->guest_probe;
    g_autoptr(GCancellable) cancellable = g_cancellable_new();
    gboolean is_late = FALSE;
    guint left = 0;
    guint timer = g_timeout_add_seconds(PROBE_TIMEOUT_S, on_probe_timeout, &is_late);

    for (guint i = 0; command && i < gang->outcomes->len; i++) {
        Outcome *outcome = g_ptr_array_index(gang->outcomes, i);
        g_autoptr(GError) error = NULL;
        GSubprocess *process =
            outcome->kind == OUTCOME_MIGRATED ? start_probe(command, outcome, &error) : NULL;

        if (error) {
            log_warning("guest probe for %s: %s", outcome->vm, error->message);
        }
        if (process) {
            Probe *probe = g_new0(Probe, 1);

            *probe = (Probe){outcome, process, &left};
            left++;
            g_subprocess_communicate_utf8_async(process, NULL, cancellable, on_probed, probe);
        }
    }
    while (left > 0) {
        g_main_context_iteration(NULL, TRUE);
        if (is_late) {
            g_cancellable_cancel(cancellable);
        }
    }
    g_source_remove(timer);
}

void campaign_ask_simulated_guests(const SimFleet *fleet, GangOutcome *gang)
{
    const World *world = fleet->world;

    for (guint i = 0; i < gang->outcomes->len; i++) {
        Outcome *outcome = g_ptr_array_index(gang->outcomes, i);
        guint vm = world_find_vm(world, outcome->vm);

        if (outcome->kind == OUTCOME_MIGRATED && vm != WORLD_NONE) {
            outcome->guest_gap_ms = world_vm_gap_ms(world, vm);
            outcome->work_lost_s = world_vm_lost_s(world, vm);
        }
    }
}

typedef struct Run {
    Campaign *campaign;
    GangOutcome *outcome;
    gboolean is_done;
} Run;

static void on_progress(Gang *gang, int changed, gpointer user)
{
    Run *run = user;

    if (run->campaign->callbacks.on_progress) {
        run->campaign->callbacks.on_progress(gang, changed, run->campaign->callbacks.user);
    }
}

static void on_done(GangOutcome *outcome, gpointer user)
{
    Run *run = user;

    run->outcome = outcome;
    run->is_done = TRUE;
}

static const char *uuid_of(const Plan *plan, const Outcome *outcome)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(plan, i);

        if (g_str_equal(step->vm, outcome->vm) && g_str_equal(step->source, outcome->source)) {
            return step->uuid;
        }
    }
    return outcome->vm;
}

/* What moved is remembered, so that nobody moves it back a minute later.  The VMs have moved whatever becomes of it. */
static void record_moves(Campaign *campaign, const Plan *plan, const GangOutcome *gang)
{
    MoveHistory *history = campaign_history(campaign);

    for (guint i = 0; history && i < gang->outcomes->len; i++) {
        const Outcome *outcome = g_ptr_array_index(gang->outcomes, i);
        PastMove move = {outcome->vm, (char *)uuid_of(plan, outcome), outcome->source, outcome->destination,
                         campaign_wall_ns(campaign)};
        g_autoptr(GError) error = NULL;

        if (outcome->kind == OUTCOME_MIGRATED && !move_history_add(history, &move, &error)) {
            log_warning("the move of %s is not remembered: %s", outcome->vm, error->message);
        }
    }
}

GangOutcome *campaign_run(Campaign *campaign, const Plan *plan)
{
    Run run = {campaign, NULL, FALSE};
    Gang *gang =
        gang_new(plan, campaign->inventory->hosts, campaign->driver, campaign->clock, on_progress, on_done, &run);

    campaign->running = gang;
    gang_set_relays(gang, campaign->relays);
    gang_start(gang);
    if (campaign->is_stopped) {
        gang_stop(gang);
    }
    campaign_wait(campaign, &run.is_done, FALSE);
    campaign->running = NULL;
    record_moves(campaign, plan, run.outcome);
    if (campaign->fleet) {
        campaign_ask_simulated_guests(campaign->fleet, run.outcome);
    } else {
        probe_guests(campaign, run.outcome);
    }
    gang_outcome_update(run.outcome);
    gang_free(gang);
    return run.outcome;
}
