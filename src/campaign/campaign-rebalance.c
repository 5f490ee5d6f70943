/* SPDX-License-Identifier: Apache-2.0
 *
 * From a fleet to the few moves that bring it into its safe range; see campaign-rebalance.h. */
#include "campaign/campaign-rebalance.h"
#include "base/error.h"
#include "base/log.h"
#include "campaign/campaign-private.h"
#include "decide/decide.h"

#include <math.h>

#define DEFAULT_WINDOW_NS (30 * NS_PER_S)

void rebalance_job_init(RebalanceJob *job)
{
    *job = (RebalanceJob){.window_ns = DEFAULT_WINDOW_NS};
    rebalance_rules_init(&job->rules);
}

void rebalance_plan_free(RebalancePlan *made)
{
    if (made) {
        plan_free(made->plan);
        g_ptr_array_unref(made->hosts);
        g_free(made->note);
        g_free(made);
    }
}

/* What one round works with. */
typedef struct Round {
    Campaign *campaign;
    const RebalanceJob *job;
    RebalancePlan *made;
    GPtrArray *configs; /* HostConfig of the hosts that answered, borrowed */
    GPtrArray *facts;   /* HostFacts, likewise in order */
    LoadWindow *loads;
    GPtrArray *profiles; /* Profile of the VMs that were observed; NULL: none yet */
    FleetProblem *fleet;
    Rebalance *decision;
} Round;

static void round_clear_decision(Round *round)
{
    g_clear_pointer(&round->decision, rebalance_free);
    g_clear_pointer(&round->fleet, fleet_problem_free);
}

static void round_clear(Round *round)
{
    round_clear_decision(round);
    g_clear_pointer(&round->made, rebalance_plan_free);
    g_clear_pointer(&round->configs, g_ptr_array_unref);
    g_clear_pointer(&round->facts, g_ptr_array_unref);
    g_clear_pointer(&round->loads, load_window_free);
    g_clear_pointer(&round->profiles, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Round, round_clear)

/* ---- watching ---- */

static gboolean name_hosts(Round *round, GPtrArray *names, GError **error)
{
    GPtrArray *all = round->campaign->inventory->hosts;

    for (guint i = 0; !round->job->hosts && i < all->len; i++) {
        g_ptr_array_add(names, ((const HostConfig *)g_ptr_array_index(all, i))->name);
    }
    for (guint i = 0; round->job->hosts && round->job->hosts[i]; i++) {
        const HostConfig *config = inventory_resolve(round->campaign->inventory, round->job->hosts[i], error);

        if (!config) {
            return FALSE;
        }
        if (!g_ptr_array_find_with_equal_func(names, config->name, g_str_equal, NULL)) {
            g_ptr_array_add(names, config->name);
        }
    }
    if (names->len < 2) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                    "rebalancing needs two hosts at least, and there %s; name them with --hosts or in the inventory",
                    names->len ? "is one" : "is none");
        return FALSE;
    }
    return TRUE;
}

typedef struct Pause {
    gboolean is_over;
} Pause;

static void on_over(gpointer user)
{
    ((Pause *)user)->is_over = TRUE;
}

gboolean campaign_pause(Campaign *campaign, gint64 duration_ns)
{
    Pause pause = {FALSE};
    guint timer = campaign->clock->at(campaign->clock, campaign->clock->now_ns(campaign->clock) + duration_ns, on_over,
                                      &pause);

    if (!campaign_wait(campaign, &pause.is_over, TRUE)) {
        campaign->clock->cancel(campaign->clock, timer);
        return FALSE;
    }
    return TRUE;
}

static gboolean stopped(GError **error)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_CANCELLED, "stopped while watching load; nothing was touched");
    return FALSE;
}

static gboolean watch_loads(Round *round, GPtrArray *names, GError **error)
{
    Campaign *campaign = round->campaign;
    gint64 period_ns = campaign->options.observe.period_ns;
    g_autofree char *window = duration_format(round->job->window_ns);

    campaign_say(campaign, "watching the load of %u hosts for %s", names->len, window);
    round->loads = load_window_new(campaign->driver, campaign->clock, period_ns);
    for (guint i = 0; i < names->len; i++) {
        load_window_add_host(round->loads, g_ptr_array_index(names, i));
    }
    load_window_start(round->loads);
    for (gint64 done_ns = 0; done_ns < round->job->window_ns; done_ns += period_ns) {
        if (!campaign_pause(campaign, MIN(period_ns, round->job->window_ns - done_ns))) {
            return stopped(error);
        }
        if (campaign->callbacks.on_observed) {
            double share = (double)(done_ns + period_ns) / (double)round->job->window_ns;

            campaign->callbacks.on_observed(MIN(share, 1), campaign->callbacks.user);
        }
    }
    load_window_stop(round->loads);
    return TRUE;
}

/* Asks the hosts; one that does not answer is neither source nor destination. */
static void ask_hosts(Round *round, GPtrArray *names)
{
    round->configs = g_ptr_array_new();
    round->facts = g_ptr_array_new_with_free_func((GDestroyNotify)host_facts_free);
    for (guint i = 0; i < names->len; i++) {
        const char *name = g_ptr_array_index(names, i);
        HostVerdict *verdict = g_new0(HostVerdict, 1);
        g_autoptr(GError) error = NULL;
        HostFacts *facts = campaign_ask_host(round->campaign, name, &error);

        verdict->host = g_strdup(name);
        g_ptr_array_add(round->made->hosts, verdict);
        if (!facts) {
            *verdict = (HostVerdict){verdict->host, "unreachable", NULL, NAN, NAN, NAN, FALSE, g_strdup(error->message)};
            log_warning("%s; it is left out", error->message);
            continue;
        }
        g_ptr_array_add(round->configs, (gpointer)inventory_resolve(round->campaign->inventory, name, NULL));
        g_ptr_array_add(round->facts, facts);
    }
}

/* ---- deciding ---- */

/* The samples of every VM, aligned at their ends; a VM that came late is taken to have been as it was first seen. */
typedef struct Rows {
    guint length;
    double **rows; /* [vms], NULL where nothing is known */
    guint vms;
} Rows;

static void rows_clear(Rows *rows)
{
    for (guint v = 0; v < rows->vms; v++) {
        g_free(rows->rows[v]);
    }
    g_free(rows->rows);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Rows, rows_clear)

static void fill_rows(const Round *round, Rows *rows)
{
    rows->vms = round->fleet->problem.vms_length;
    rows->rows = g_new0(double *, MAX(rows->vms, 1));
    for (guint v = 0; v < rows->vms; v++) {
        guint length = 0;

        load_window_cores(round->loads, round->fleet->vms[v]->uuid, &length);
        rows->length = MAX(rows->length, length);
    }
    for (guint v = 0; v < rows->vms; v++) {
        guint length = 0;
        const double *cores = load_window_cores(round->loads, round->fleet->vms[v]->uuid, &length);

        if (length > 0) {
            rows->rows[v] = g_new0(double, rows->length);
            for (guint i = 0; i < rows->length; i++) {
                guint missing = rows->length - length;

                rows->rows[v][i] = cores[i < missing ? 0 : i - missing];
            }
        }
    }
}

static RebalancePast *past_moves(const Round *round, guint *length)
{
    MoveHistory *history = campaign_history(round->campaign);
    RebalancePast *past = g_new0(RebalancePast, history ? MAX(history->moves->len, 1) : 1);

    for (guint i = 0; history && i < history->moves->len; i++) {
        const PastMove *move = &g_array_index(history->moves, PastMove, i);
        guint vm = fleet_problem_find_vm(round->fleet, move->vm);

        if (vm != PLACE_NOWHERE && g_str_equal(round->fleet->vms[vm]->uuid, move->uuid)) {
            past[(*length)++] = (RebalancePast){vm, fleet_problem_find_host(round->fleet, move->source),
                                                fleet_problem_find_host(round->fleet, move->destination),
                                                (double)move->when_ns / (double)NS_PER_S};
        }
    }
    return past;
}

static const Profile *find_profile(const Round *round, const char *vm)
{
    for (guint i = 0; round->profiles && i < round->profiles->len; i++) {
        const Profile *profile = g_ptr_array_index(round->profiles, i);

        if (g_str_equal(profile->vm, vm)) {
            return profile;
        }
    }
    return NULL;
}

static gboolean decide_now(Round *round, GError **error)
{
    Campaign *campaign = round->campaign;
    FleetMeasures measures = {round->loads, round->profiles, campaign->options.traffic_path, campaign->fleet};
    const Grouping *placer = grouping_find(campaign->options.placer, error);
    PlaceOptions options = campaign->options.place;
    g_auto(Rows) rows = {0};
    g_autoptr(GPtrArray) kept = g_ptr_array_new_with_free_func(g_free);
    guint history_length = 0;

    round_clear_decision(round);
    round->fleet = placer ? fleet_problem_new(campaign->inventory, round->configs, round->facts, &measures, error) : NULL;
    if (!round->fleet) {
        return FALSE;
    }
    options.spare_hosts = MAX(options.spare_hosts, campaign->inventory->spare_hosts);
    fill_rows(round, &rows);
    g_autofree RebalanceSamples *windows = g_new0(RebalanceSamples, round->fleet->problem.hosts_length);
    for (guint h = 0; rows.length > 0 && h < round->fleet->problem.hosts_length; h++) {
        double *used = rebalance_host_samples(&round->fleet->problem, h, RESOURCE_CPU,
                                              (const double *const *)rows.rows, rows.length);

        g_ptr_array_add(kept, used);
        windows[h] = (RebalanceSamples){{used, NULL}, rows.length};
    }
    g_autofree RebalancePast *past = past_moves(round, &history_length);
    RebalanceInput input = {.problem = &round->fleet->problem,
                            .windows = windows,
                            .history = past,
                            .history_length = history_length,
                            .now_s = (double)campaign_wall_ns(campaign) / (double)NS_PER_S};
    if (round->profiles) { /* the second time, when it is worth asking */
        g_autoptr(GArray) movers = g_array_new(FALSE, FALSE, sizeof(guint));

        for (guint v = 0; v < round->fleet->problem.vms_length; v++) {
            if (find_profile(round, round->fleet->place_vms[v].name)) {
                g_array_append_val(movers, v);
            }
        }
        campaign_learn_cpus(campaign, round->fleet, (const guint *)(gpointer)movers->data, movers->len);
    }
    round->decision = rebalance_decide(&input, placer, &options, &round->job->rules, error);
    return round->decision != NULL;
}

static gboolean is_left(const Round *round, guint host)
{
    const GArray *moves = round->decision->result->moves;

    for (guint m = 0; m < moves->len; m++) {
        if (g_array_index(moves, PlaceMove, m).source == host) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Observes all VMs of the hosts that some would leave. */
static gboolean observe_sources(Round *round, GError **error)
{
    g_autoptr(GPtrArray) vms = g_ptr_array_new();
    g_autoptr(GPtrArray) hosts = g_ptr_array_new();

    for (guint h = 0; h < round->configs->len; h++) {
        const HostFacts *facts = g_ptr_array_index(round->facts, h);

        for (guint i = 0; is_left(round, h) && i < facts->vms->len; i++) {
            g_ptr_array_add(vms, g_ptr_array_index(facts->vms, i));
            g_ptr_array_add(hosts, g_ptr_array_index(round->configs, h));
        }
    }
    round->profiles = campaign_observe(round->campaign, hosts, vms, error);
    return round->profiles != NULL;
}

/* ---- the plan ---- */

static GPtrArray *profiles_of_movers(const Round *round)
{
    const GArray *moves = round->decision->result->moves;
    g_autoptr(GPtrArray) vms = g_ptr_array_new();
    GPtrArray *profiles;

    for (guint m = 0; m < moves->len; m++) {
        g_ptr_array_add(vms, (gpointer)round->fleet->vms[g_array_index(moves, PlaceMove, m).vm]);
    }
    profiles = campaign_unmeasured_profiles(vms);
    for (guint m = 0; m < vms->len; m++) {
        const Profile *measured = find_profile(round, ((const Vm *)g_ptr_array_index(vms, m))->name);

        if (measured) {
            profile_free(g_ptr_array_index(profiles, m));
            g_ptr_array_index(profiles, m) = profile_copy(measured);
        }
    }
    return profiles;
}

static gboolean make_plan(Round *round, GError **error)
{
    Campaign *campaign = round->campaign;
    const GArray *moves = round->decision->result->moves;
    g_autoptr(GPtrArray) profiles = profiles_of_movers(round);
    g_autoptr(GPtrArray) classifications = classify(profiles, &campaign->options.classify, error);

    if (!classifications) {
        return FALSE;
    }
    g_autoptr(GPtrArray) choices = decide(campaign->options.policy, classifications);
    Plan *plan = plan_new(campaign->options.policy, &campaign->options.migrate);

    round->made->plan = plan;
    for (guint m = 0; m < moves->len; m++) {
        const PlaceMove *move = &g_array_index(moves, PlaceMove, m);
        const Vm *vm = round->fleet->vms[move->vm];
        PlanStep *step = plan_add_step(plan, vm->name, vm->uuid, round->fleet->hosts[move->source].name,
                                       round->fleet->hosts[move->destination].name,
                                       choice_copy(g_ptr_array_index(choices, m)));

        step->ram_bytes = vm->ram_bytes;
        step->vcpus = vm->vcpus;
        step->placement = g_strdup(move->why);
    }
    campaign_schedule(campaign, plan, round->loads);
    return TRUE;
}

static void tell_verdicts(Round *round)
{
    guint h = 0;

    for (guint i = 0; i < round->made->hosts->len; i++) {
        HostVerdict *told = g_ptr_array_index(round->made->hosts, i);

        if (!told->verdict) { /* it answered */
            const RebalanceVerdict *made = &g_array_index(round->decision->verdicts, RebalanceVerdict, h++);

            *told = (HostVerdict){told->host,        rebalance_verdict_kind_name(made->kind),
                                  resource_name(made->resource), made->now, made->mean, made->share_above,
                                  made->is_danger,   g_strdup(made->why)};
        }
    }
    if (round->decision->result->reasons->len > 0) {
        round->made->note = fleet_problem_reasons_text(round->fleet, round->decision->result);
    }
}

static gboolean must_observe(const Round *round)
{
    return round->decision->result->moves->len > 0 &&
           (round->campaign->options.policy == POLICY_PAPER || round->campaign->options.must_observe);
}

RebalancePlan *campaign_rebalance(Campaign *campaign, const RebalanceJob *job, GError **error)
{
    g_auto(Round) round = {.campaign = campaign, .job = job, .made = g_new0(RebalancePlan, 1)};
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    round.made->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_verdict_free);
    if (!name_hosts(&round, names, error) || !watch_loads(&round, names, error)) {
        return NULL;
    }
    ask_hosts(&round, names);
    if (!decide_now(&round, error)) {
        return NULL;
    }
    if (must_observe(&round) && (!observe_sources(&round, error) || !decide_now(&round, error))) {
        return NULL;
    }
    if (!make_plan(&round, error)) {
        return NULL;
    }
    tell_verdicts(&round);
    return g_steal_pointer(&round.made);
}
