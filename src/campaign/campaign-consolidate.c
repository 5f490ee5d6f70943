/* SPDX-License-Identifier: Apache-2.0
 *
 * From a fleet to the Plan that empties hosts: ask hosts, place, observe who moves, classify, decide, schedule.
 *
 * Places are found from reservations alone (vCPUs and memory), because only those hold while the load changes; the VMs
 * that will move are observed afterwards, and no others.
 *
 * All migrations of a plan run at once, and one of them may fail: so nothing is sent where there is room only after
 * others have left.  The placer is told (is_at_once); of one that does not care, hosts whose emptying would need it are
 * left alone. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "base/units.h"
#include "decide/decide.h"
#include "place/state.h"

typedef struct Emptying {
    GPtrArray *configs; /* HostConfig, borrowed */
    GPtrArray *facts;   /* HostFacts */
    FleetProblem *fleet;
    GArray *moves;      /* PlaceMove, borrowed from 'result' */
    PlaceResult *result;
    GPtrArray *vms;     /* Vm, one per move */
    GPtrArray *sources; /* HostConfig, one per move */
    GPtrArray *choices; /* Choice, one per move */
} Emptying;

static void emptying_clear(Emptying *emptying)
{
    g_clear_pointer(&emptying->configs, g_ptr_array_unref);
    g_clear_pointer(&emptying->moves, g_array_unref);
    g_clear_pointer(&emptying->result, place_result_free);
    g_clear_pointer(&emptying->fleet, fleet_problem_free);
    g_clear_pointer(&emptying->facts, g_ptr_array_unref);
    g_clear_pointer(&emptying->vms, g_ptr_array_unref);
    g_clear_pointer(&emptying->sources, g_ptr_array_unref);
    g_clear_pointer(&emptying->choices, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Emptying, emptying_clear)

static gboolean ask_hosts(Campaign *campaign, const char *const *hosts, Emptying *emptying, GError **error)
{
    emptying->configs = g_ptr_array_new();
    emptying->facts = g_ptr_array_new_with_free_func((GDestroyNotify)host_facts_free);
    for (guint i = 0; hosts[i]; i++) {
        const HostConfig *config = inventory_resolve(campaign->inventory, hosts[i], error);

        if (!config) {
            return FALSE;
        }
        if (!g_ptr_array_find(emptying->configs, config, NULL)) {
            g_ptr_array_add(emptying->configs, (gpointer)config);
        }
    }
    campaign_say(campaign, "asking %u %s", emptying->configs->len, emptying->configs->len == 1 ? "host" : "hosts");
    for (guint i = 0; i < emptying->configs->len; i++) {
        const HostConfig *config = g_ptr_array_index(emptying->configs, i);
        HostFacts *facts = campaign_ask_host(campaign, config->name, error);

        if (!facts) {
            return FALSE;
        }
        g_ptr_array_add(emptying->facts, facts);
    }
    return TRUE;
}

/* The VMs of 'host' that move to 'destination'. */
static GArray *vms_between(const PlaceResult *result, guint host, guint destination)
{
    GArray *vms = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        if (move->source == host && move->destination == destination) {
            g_array_append_val(vms, move->vm);
        }
    }
    return vms;
}

/* Whether all VMs of 'host' move, and have room beside everybody who is there now and who has come so far; puts them
 * there. */
static gboolean empty_host(const Emptying *emptying, PlaceState *state, guint host)
{
    const PlaceProblem *problem = &emptying->fleet->problem;
    guint leaving = 0;

    for (guint destination = 0; destination < problem->hosts_length; destination++) {
        g_autoptr(GArray) vms = vms_between(emptying->result, host, destination);
        const guint *indices = (const guint *)(void *)vms->data;

        if (vms->len > 0 && !place_state_fits_all(state, indices, vms->len, destination)) {
            return FALSE;
        }
        for (guint i = 0; i < vms->len; i++) {
            place_state_move(state, indices[i], destination);
        }
        leaving += vms->len;
    }
    return leaving > 0 && state->vms_on[host] == 0;
}

static void put_back(const Emptying *emptying, PlaceState *state, guint host)
{
    for (guint v = 0; v < emptying->fleet->problem.vms_length; v++) {
        if (emptying->fleet->problem.vms[v].host == host && state->host_of[v] != host) {
            place_state_move(state, v, host);
        }
    }
}

/* Whole hosts that are emptied with the room that there is now; the moves that do it. */
static void keep_whole_hosts(const PlaceOptions *options, Emptying *emptying)
{
    const PlaceProblem *problem = &emptying->fleet->problem;
    g_autoptr(PlaceState) state = place_state_new(problem, options);

    emptying->moves = g_array_new(FALSE, FALSE, sizeof(PlaceMove));
    for (guint host = 0; host < problem->hosts_length; host++) {
        if (!empty_host(emptying, state, host)) {
            put_back(emptying, state, host);
        }
    }
    for (guint i = 0; i < emptying->result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(emptying->result->moves, PlaceMove, i);

        if (state->host_of[move->vm] == move->destination) {
            g_array_append_val(emptying->moves, *move);
        }
    }
}

static void tell(Campaign *campaign, const Emptying *emptying)
{
    const PlaceProblem *problem = &emptying->fleet->problem;
    g_autofree guint *left = g_new0(guint, problem->hosts_length + 1);
    g_autoptr(GString) names = g_string_new(NULL);
    guint64 bytes = 0;
    guint emptied = 0;

    for (guint v = 0; v < problem->vms_length; v++) {
        left[problem->vms[v].host]++;
    }
    for (guint i = 0; i < emptying->moves->len; i++) {
        const PlaceMove *move = &g_array_index(emptying->moves, PlaceMove, i);

        bytes += emptying->fleet->vms[move->vm]->ram_bytes;
        if (--left[move->source] == 0) {
            g_string_append_printf(names, "%s%s", emptied++ ? ", " : "", problem->hosts[move->source].name);
        }
    }
    g_autofree char *size = size_format(bytes);
    if (emptied == 0) {
        campaign_say(campaign, "none of the %u hosts can be emptied", problem->hosts_length);
    } else {
        campaign_say(campaign, "%u of %u hosts can be emptied: %s; %u %s with %s move", emptied, problem->hosts_length,
                     names->str, emptying->moves->len, emptying->moves->len == 1 ? "VM" : "VMs", size);
    }
}

static gboolean find_moves(Campaign *campaign, Emptying *emptying, GError **error)
{
    PlaceOptions options = campaign_place_options(campaign);
    const Grouping *placer = grouping_find(campaign->options.placer, error);

    options.is_at_once = TRUE;
    FleetMeasures measures = {NULL, NULL, campaign->options.traffic_path, campaign->fleet};
    PlaceTask task = {PLACE_CONSOLIDATE, NULL, 0};

    emptying->fleet = placer ? fleet_problem_new(campaign->inventory, emptying->configs, emptying->facts, &measures, error)
                             : NULL;
    if (!emptying->fleet) {
        return FALSE;
    }
    g_autofree guint *all = g_new(guint, emptying->fleet->problem.vms_length + 1);
    for (guint v = 0; v < emptying->fleet->problem.vms_length; v++) {
        all[v] = v;
    }
    campaign_learn_cpus(campaign, emptying->fleet, all, emptying->fleet->problem.vms_length);
    emptying->result = place_run(placer, &emptying->fleet->problem, &task, &options, error);
    if (!emptying->result) {
        return FALSE;
    }
    keep_whole_hosts(&options, emptying);
    tell(campaign, emptying);
    return TRUE;
}

static void list_vms(Emptying *emptying)
{
    emptying->vms = g_ptr_array_new();
    emptying->sources = g_ptr_array_new();
    for (guint i = 0; i < emptying->moves->len; i++) {
        const PlaceMove *move = &g_array_index(emptying->moves, PlaceMove, i);

        g_ptr_array_add(emptying->vms, (gpointer)emptying->fleet->vms[move->vm]);
        g_ptr_array_add(emptying->sources, g_ptr_array_index(emptying->configs, move->source));
    }
}

static gboolean choose(Campaign *campaign, Emptying *emptying, GError **error)
{
    gboolean is_needed = campaign->options.policy == POLICY_PAPER || campaign->options.must_observe;
    g_autoptr(GPtrArray) profiles = is_needed && emptying->vms->len > 0
                                        ? campaign_observe(campaign, emptying->sources, emptying->vms, error)
                                        : campaign_unmeasured_profiles(emptying->vms);
    g_autoptr(GPtrArray) classifications = profiles ? classify(profiles, &campaign->options.classify, error) : NULL;

    if (!classifications) {
        return FALSE;
    }
    emptying->choices = decide(campaign->options.policy, classifications);
    return TRUE;
}

static Plan *make_plan(Campaign *campaign, const Emptying *emptying)
{
    Plan *plan = plan_new(campaign->options.policy, &campaign->options.migrate);

    for (guint i = 0; i < emptying->moves->len; i++) {
        const PlaceMove *move = &g_array_index(emptying->moves, PlaceMove, i);
        const Vm *vm = g_ptr_array_index(emptying->vms, i);
        PlanStep *step = plan_add_step(plan, vm->name, vm->uuid, emptying->fleet->problem.hosts[move->source].name,
                                       emptying->fleet->problem.hosts[move->destination].name,
                                       choice_copy(g_ptr_array_index(emptying->choices, i)));

        step->ram_bytes = vm->ram_bytes;
        step->vcpus = vm->vcpus;
        step->placement = g_strdup(move->why);
    }
    campaign_schedule(campaign, plan, NULL);
    return plan;
}

Plan *campaign_plan_consolidation(Campaign *campaign, const char *const *hosts, GError **error)
{
    g_auto(Emptying) emptying = {0};

    if (!ask_hosts(campaign, hosts, &emptying, error) || !find_moves(campaign, &emptying, error)) {
        return NULL;
    }
    list_vms(&emptying);
    return choose(campaign, &emptying, error) ? make_plan(campaign, &emptying) : NULL;
}
