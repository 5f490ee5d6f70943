/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the VMs of an evacuation or migration go: the placer that the operator chose, on the problem made from facts.
 *
 * Destinations may be filled to the last byte that the inventory allows, unless the operator gave a safe range: a host
 * that must be empty by two in the morning is not kept for a rule about comfort. */
#include "campaign/campaign-private.h"
#include "base/error.h"
#include "base/indices.h"

/* Which destinations can run whose CPU.  Hosts whose libvirt describes them in the same words are asked once. */
typedef struct CpuQuestion {
    gboolean *is_refused;
    gboolean has_come;
} CpuQuestion;

static void on_cpu(const GError *error, gpointer user)
{
    CpuQuestion *question = user;

    /* a host that cannot say is not refused for it: the checks before the start ask again and tell */
    *question->is_refused = g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED) ||
                            g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED);
    question->has_come = TRUE;
}

static gboolean can_run(Campaign *campaign, const char *host, const Vm *vm)
{
    gboolean is_refused = FALSE;
    CpuQuestion question = {&is_refused, FALSE};

    campaign->driver->check_cpu(campaign->driver, host, vm->cpu_xml, vm->domain_type, on_cpu, &question);
    campaign_wait(campaign, &question.has_come, FALSE);
    return !is_refused;
}

/* Takes the bit of one kind of guest CPU from the hosts that cannot run it. */
static void learn_cpu(Campaign *campaign, FleetProblem *fleet, const Vm *vm, guint64 bit)
{
    g_autoptr(GHashTable) answers = g_hash_table_new(g_str_hash, g_str_equal); /* capabilities -> 1 no, 2 yes */

    for (guint h = 0; h < fleet->problem.hosts_length; h++) {
        const HostFacts *facts = g_ptr_array_index(fleet->facts, h);
        const char *words = facts->capabilities_xml ? facts->capabilities_xml : facts->name;
        guint answer = GPOINTER_TO_UINT(g_hash_table_lookup(answers, words));

        if (!fleet->hosts[h].may_receive) {
            continue;
        }
        if (answer == 0) {
            answer = can_run(campaign, facts->name, vm) ? 2 : 1;
            g_hash_table_insert(answers, (gpointer)words, GUINT_TO_POINTER(answer));
        }
        if (answer == 1) {
            fleet->hosts[h].cpu_classes &= ~bit;
        }
    }
}

void campaign_learn_cpus(Campaign *campaign, FleetProblem *fleet, const guint *vms, guint vms_length)
{
    g_autoptr(GHashTable) bits = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL); /* CPU -> number */

    for (guint i = 0; i < vms_length; i++) {
        const Vm *vm = fleet->vms[vms[i]];
        g_autofree char *key = vm->cpu_xml ? g_strdup_printf("%s %s", vm->domain_type, vm->cpu_xml) : NULL;
        guint number;

        if (!key) {
            continue;
        }
        if (!g_hash_table_contains(bits, key)) {
            number = g_hash_table_size(bits);
            if (number >= 64) {
                continue; /* more kinds than bits: the checks before the start will tell */
            }
            learn_cpu(campaign, fleet, vm, G_GUINT64_CONSTANT(1) << number);
            g_hash_table_insert(bits, g_strdup(key), GUINT_TO_POINTER(number));
        }
        number = GPOINTER_TO_UINT(g_hash_table_lookup(bits, key));
        fleet->place_vms[vms[i]].cpu_class = G_GUINT64_CONSTANT(1) << number;
    }
}

/* The source first, then the destinations. */
static FleetProblem *make_problem(Campaign *campaign, const Draft *draft, GError **error)
{
    g_autoptr(GPtrArray) configs = g_ptr_array_new();
    g_autoptr(GPtrArray) facts = g_ptr_array_new();
    FleetMeasures measures = {draft->loads, draft->profiles, campaign->options.traffic_path, campaign->fleet};

    g_ptr_array_add(configs, (gpointer)draft->source);
    g_ptr_array_add(facts, draft->source_facts);
    for (guint i = 0; i < draft->destinations->len; i++) {
        g_ptr_array_add(configs, g_ptr_array_index(draft->destinations, i));
        g_ptr_array_add(facts, g_ptr_array_index(draft->facts, i));
    }
    FleetProblem *fleet = fleet_problem_new(campaign->inventory, configs, facts, &measures, error);
    if (fleet) {
        fleet->hosts[0].may_receive = FALSE;
        fleet->hosts[0].is_source = TRUE;
    }
    return fleet;
}

static gboolean all_placed(const FleetProblem *fleet, const PlaceResult *result, GError **error)
{
    if (result->left_over->len > 0) {
        g_autofree char *why = fleet_problem_reasons_text(fleet, result);

        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                    "%u of the VMs cannot be placed: %s; name more destinations, make room there, or move fewer VMs",
                    result->left_over->len, why);
        return FALSE;
    }
    return TRUE;
}

PlaceOptions campaign_place_options(const Campaign *campaign)
{
    PlaceOptions options = campaign->options.place;

    options.spare_hosts = MAX(options.spare_hosts, campaign->inventory->spare_hosts);
    if (!campaign->options.has_safe_range) {
        options.safe_high = 1;
    }
    return options;
}

gboolean campaign_place(Campaign *campaign, Draft *draft, GError **error)
{
    PlaceOptions options = campaign_place_options(campaign);
    const Grouping *placer = grouping_find(campaign->options.placer, error);
    g_autoptr(FleetProblem) fleet = placer ? make_problem(campaign, draft, error) : NULL;
    g_autofree guint *movers = g_new0(guint, MAX(draft->vms->len, 1));
    PlaceTask task = {PLACE_EVACUATE, movers, draft->vms->len};

    if (!fleet) {
        return FALSE;
    }
    for (guint i = 0; i < draft->vms->len; i++) {
        movers[i] = fleet_problem_find_vm(fleet, ((const Vm *)g_ptr_array_index(draft->vms, i))->name);
    }
    indices_sort(movers, draft->vms->len);
    campaign_learn_cpus(campaign, fleet, movers, draft->vms->len);
    g_autoptr(PlaceResult) result = place_run(placer, &fleet->problem, &task, &options, error);
    if (!result || !all_placed(fleet, result, error)) {
        return FALSE;
    }
    draft->placed = g_new0(guint, MAX(draft->vms->len, 1));
    draft->placements = g_ptr_array_new_full(draft->vms->len, g_free);
    for (guint i = 0; i < draft->vms->len; i++) {
        guint vm = fleet_problem_find_vm(fleet, ((const Vm *)g_ptr_array_index(draft->vms, i))->name);

        for (guint m = 0; m < result->moves->len; m++) {
            const PlaceMove *move = &g_array_index(result->moves, PlaceMove, m);

            if (move->vm == vm) {
                draft->placed[i] = move->destination - 1;
                g_ptr_array_add(draft->placements, g_strdup(move->why));
            }
        }
    }
    return TRUE;
}
