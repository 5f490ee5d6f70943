/* SPDX-License-Identifier: Apache-2.0
 *
 * The Campaign's life, and what all of its jobs need: waiting on the main loop, asking hosts, checking a plan.
 * See campaign.h for the use and campaign-private.h for the neighbours. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "base/units.h"
#include "base/log.h"
#include "campaign/relay-agents.h"
#include "migrate/precheck.h"

#include <stdarg.h>

#define TURNS_PER_LOOK 64

void campaign_options_init(CampaignOptions *options)
{
    *options = (CampaignOptions){.policy = POLICY_PAPER};
    migrate_options_init(&options->migrate);
    observe_options_init(&options->observe);
    classify_options_init(&options->classify);
    place_options_init(&options->place);
    options->placer = groupings()[0]->name;
}

Campaign *campaign_new(Inventory *inventory, const CampaignOptions *options, GError **error)
{
    if (!observe_options_check(&options->observe, error)) {
        return NULL;
    }
    Driver *driver = driver_libvirt_new(inventory->hosts, error);
    if (!driver) {
        return NULL;
    }
    Campaign *campaign = g_new0(Campaign, 1);

    campaign->inventory = inventory;
    campaign->options = *options;
    campaign->clock = clock_main_new();
    campaign->driver = driver;
    campaign->relays = relay_agents_new(inventory, campaign->clock);
    return campaign;
}

Campaign *campaign_new_simulated(Inventory *inventory, SimFleet *fleet, const CampaignOptions *options, GError **error)
{
    if (!observe_options_check(&options->observe, error)) {
        return NULL;
    }
    Campaign *campaign = g_new0(Campaign, 1);

    campaign->inventory = inventory;
    campaign->options = *options;
    campaign->fleet = fleet;
    campaign->clock = fleet->clock;
    campaign->driver = fleet->driver;
    campaign->relays = fleet->relays;
    return campaign;
}

void campaign_free(Campaign *campaign)
{
    if (campaign) {
        move_history_free(campaign->history);
        if (!campaign->fleet) {
            campaign->relays->close(campaign->relays);
            campaign->driver->close(campaign->driver);
            campaign->clock->close(campaign->clock);
        }
        g_free(campaign);
    }
}

void campaign_set_callbacks(Campaign *campaign, const CampaignCallbacks *callbacks)
{
    campaign->callbacks = *callbacks;
}

void campaign_say(Campaign *campaign, const char *format, ...)
{
    va_list arguments;

    if (campaign->callbacks.on_step) {
        va_start(arguments, format);
        g_autofree char *text = g_strdup_vprintf(format, arguments);
        va_end(arguments);
        campaign->callbacks.on_step(text, campaign->callbacks.user);
    }
}

/* In virtual time the main loop only brings signals, which may wait for some events. */
void campaign_turn(Campaign *campaign)
{
    if (!campaign->fleet) {
        g_main_context_iteration(NULL, TRUE);
        return;
    }
    if (campaign->turns++ % TURNS_PER_LOOK == 0) {
        g_main_context_iteration(NULL, FALSE);
    }
    sim_fleet_turn(campaign->fleet);
}

gboolean campaign_wait(Campaign *campaign, const gboolean *done, gboolean is_stoppable)
{
    while (!*done && !(is_stoppable && campaign->is_stopped)) {
        campaign_turn(campaign);
    }
    return *done;
}

void campaign_stop(Campaign *campaign)
{
    campaign->is_stopped = TRUE;
    if (campaign->running) {
        gang_stop(campaign->running);
    }
    g_main_context_wakeup(NULL);
}

/* One question to one host. */
typedef struct HostAnswer {
    HostFacts *facts;
    GError *error;
    gboolean has_come;
} HostAnswer;

static void on_host_answer(HostFacts *facts, const GError *error, gpointer user)
{
    HostAnswer *answer = user;

    answer->facts = facts;
    answer->error = error ? g_error_copy(error) : NULL;
    answer->has_come = TRUE;
}

HostFacts *campaign_ask_host(Campaign *campaign, const char *host, GError **error)
{
    HostAnswer answer = {0};

    campaign->driver->query_host(campaign->driver, host, on_host_answer, &answer);
    campaign_wait(campaign, &answer.has_come, FALSE);
    if (answer.error) {
        g_propagate_error(error, answer.error);
    }
    return answer.facts;
}

void campaign_query_hosts(Campaign *campaign, GPtrArray **facts, GPtrArray **errors)
{
    GPtrArray *hosts = campaign->inventory->hosts;
    g_autofree HostAnswer *answers = g_new0(HostAnswer, MAX(hosts->len, 1));

    *facts = g_ptr_array_new_with_free_func((GDestroyNotify)host_facts_free);
    *errors = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; i < hosts->len; i++) {
        const HostConfig *host = g_ptr_array_index(hosts, i);
        campaign->driver->query_host(campaign->driver, host->name, on_host_answer, &answers[i]);
    }
    for (guint i = 0; i < hosts->len; i++) {
        campaign_wait(campaign, &answers[i].has_come, FALSE);
        g_ptr_array_add(*facts, answers[i].facts);
        g_ptr_array_add(*errors, answers[i].error ? g_strdup(answers[i].error->message) : NULL);
        g_clear_error(&answers[i].error);
    }
}

typedef struct CheckAnswer {
    GPtrArray *problems;
    gboolean has_come;
} CheckAnswer;

static void on_checked(GPtrArray *problems, gpointer user)
{
    CheckAnswer *answer = user;

    answer->problems = problems;
    answer->has_come = TRUE;
}

GPtrArray *campaign_check(Campaign *campaign, const Plan *plan, GError **error)
{
    CheckAnswer answer = {0};

    for (guint i = 0; i < plan->steps->len; i++) {
        const PlanStep *step = plan_step_at(plan, i);

        if (!inventory_resolve(campaign->inventory, step->source, error) ||
            !inventory_resolve(campaign->inventory, step->destination, error)) {
            g_prefix_error(error, "step %u of the plan (%s): ", i + 1, step->vm);
            return NULL;
        }
    }
    campaign_say(campaign, "checking %u %s", plan->steps->len, plan->steps->len == 1 ? "step" : "steps");
    precheck_plan(plan, campaign->inventory->hosts, campaign->inventory->vcpus_per_cpu, campaign->driver, on_checked,
                  &answer);
    campaign_wait(campaign, &answer.has_come, FALSE);
    return answer.problems;
}

typedef struct RateCall {
    DirtyRateDone done;
    gpointer user;
} RateCall;

static void on_dirty_rate(double dirty_pages_per_s, guint64 page_bytes, const GError *error, gpointer user)
{
    g_autofree RateCall *call = user;

    call->done(dirty_pages_per_s, page_bytes, error, call->user);
}

void campaign_dirty_rate(const char *host, const char *vm, gint64 window_ns, DirtyRateDone done, gpointer done_user,
                         gpointer user)
{
    Campaign *campaign = user;
    RateCall *call = g_new0(RateCall, 1);

    *call = (RateCall){done, done_user};
    campaign->driver->dirty_rate(campaign->driver, host, vm, window_ns, on_dirty_rate, call);
}

Observer *campaign_observer(Campaign *campaign)
{
    Observer *observer = observer_new(campaign->clock, &campaign->options.observe, campaign_dirty_rate, campaign);

    if (campaign->fleet) {
        observer_set_local(observer, &campaign->fleet->sampling);
    }
    return observer;
}

void campaign_stamp(const Campaign *campaign, Plan *plan)
{
    if (campaign->fleet) {
        gint64 now_s = campaign->clock->now_ns(campaign->clock) / NS_PER_S;
        g_autoptr(GDateTime) when = g_date_time_new_from_unix_utc(now_s); /* virtual time began in 1970 */

        g_free(plan->id);
        g_free(plan->created);
        plan->id = g_strdup_printf("seed-%" G_GUINT64_FORMAT "-%" G_GINT64_FORMAT "s",
                                   world_seed(campaign->fleet->world), now_s);
        plan->created = g_date_time_format(when, "%Y-%m-%dT%H:%M:%SZ");
    }
}

gint64 campaign_wall_ns(const Campaign *campaign)
{
    return campaign->fleet ? campaign->clock->now_ns(campaign->clock) : g_get_real_time() * 1000;
}

MoveHistory *campaign_history(Campaign *campaign)
{
    if (!campaign->is_history_tried) {
        g_autoptr(GError) error = NULL;

        campaign->is_history_tried = TRUE;
        campaign->history = campaign->fleet ? move_history_new()
                                            : move_history_open(NULL, campaign_wall_ns(campaign), &error);
        if (error) {
            log_warning("%s", error->message);
        }
    }
    return campaign->history;
}

HostConfig *campaign_host_with_agent(const HostConfig *host)
{
    HostConfig *copy = host_config_copy(host);

    g_free(copy->agent_command);
    copy->agent_command = inventory_agent_command(host);
    return copy;
}
