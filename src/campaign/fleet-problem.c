/* SPDX-License-Identifier: Apache-2.0
 *
 * Facts, loads, profiles and rules made into a PlaceProblem; see fleet-problem.h. */
#include "campaign/fleet-problem.h"
#include "base/error.h"
#include "base/indices.h"
#include "base/units.h"
#include "model/profile.h"
#include "model/share.h"
#include "sim/power.h"

#include <math.h>
#include <string.h>

static double mib(guint64 bytes)
{
    return (double)bytes / (double)MIB;
}

/* ---- hosts ---- */

/* Eleven watts with commas or spaces between, or the name of a server that was measured.  The result is owned by
 * 'strings' when it was made. */
static const double *read_power(FleetProblem *fleet, const HostConfig *config, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(config->power, ", ", -1);
    double *watts;
    guint points = 0;

    if (!g_ascii_isdigit(config->power[0])) {
        const PowerCurve *curve = power_curve_find(config->power, error);

        g_prefix_error(error, "host %s: power: ", config->name);
        return curve ? curve->watts : NULL;
    }
    watts = g_new0(double, POWER_POINTS);
    g_ptr_array_add(fleet->strings, watts);
    for (char **word = words; *word; word++) {
        char *end = NULL;
        double value = g_ascii_strtod(*word, &end);

        if ((*word)[0] && (*end || !(value >= 0) || points == POWER_POINTS)) {
            points = 0;
            break;
        }
        if ((*word)[0]) {
            watts[points++] = value;
        }
    }
    if (points != POWER_POINTS) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "host %s: power: '%s' is neither a server's name nor %d numbers of watts", config->name,
                    config->power, POWER_POINTS);
        return NULL;
    }
    return watts;
}

static gboolean fill_host(FleetProblem *fleet, const Inventory *inventory, guint index, GError **error)
{
    const HostConfig *config = g_ptr_array_index(fleet->configs, index);
    const HostFacts *facts = g_ptr_array_index(fleet->facts, index);
    guint64 vms_bytes = host_facts_vm_ram_bytes(facts);
    guint64 taken_bytes = MIN(vms_bytes + facts->memory_free_bytes, facts->memory_bytes);
    guint64 free_bytes =
        facts->memory_free_bytes > config->keep_free_bytes ? facts->memory_free_bytes - config->keep_free_bytes : 0;
    PlaceHost *host = &fleet->hosts[index];

    *host = (PlaceHost){.name = config->name,
                        .capacity = {facts->cpus, mib(facts->memory_bytes)},
                        .reservable = {inventory->vcpus_per_cpu * facts->cpus, mib(vms_bytes + free_bytes)},
                        .base_demand = {0, mib(facts->memory_bytes - taken_bytes)},
                        .link_mib_per_s = SHARE_PAYLOAD * mib(config->link_bytes_per_s),
                        .place = index,
                        .cpu_classes = G_MAXUINT64,
                        .may_receive = TRUE};
    if (config->power) {
        host->power_w = read_power(fleet, config, error);
        return host->power_w != NULL;
    }
    return TRUE;
}

/* Names of what hosts stand in, numbered as they come; a host without one stands alone. */
static guint number_of(GHashTable *numbers, const char *name, guint alone)
{
    g_autofree char *key = name ? g_strdup_printf("=%s", name) : g_strdup_printf("alone %u", alone);
    gpointer number = NULL;

    if (!g_hash_table_lookup_extended(numbers, key, NULL, &number)) {
        number = GUINT_TO_POINTER(g_hash_table_size(numbers));
        g_hash_table_insert(numbers, g_steal_pointer(&key), number);
    }
    return GPOINTER_TO_UINT(number);
}

typedef struct Stand {
    guint pod;
    guint rack; /* within the pod */
    guint slot; /* within the rack */
} Stand;

/* A three-tier tree that is as wide as the widest rack and pod; most places in it may be empty. */
static gboolean stand_hosts(FleetProblem *fleet, GError **error)
{
    g_autoptr(GHashTable) pods = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) racks = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) racks_of = g_hash_table_new(NULL, NULL); /* pod -> racks in it */
    g_autoptr(GHashTable) hosts_of = g_hash_table_new(NULL, NULL); /* rack -> hosts in it */
    g_autofree guint *rack_in_pod = g_new0(guint, fleet->configs->len + 1);
    g_autofree Stand *stands = g_new0(Stand, fleet->configs->len + 1);
    guint widest_rack = 1;
    guint widest_pod = 1;

    for (guint h = 0; h < fleet->configs->len; h++) {
        const HostConfig *config = g_ptr_array_index(fleet->configs, h);
        guint pod = number_of(pods, config->pod ? config->pod : "", h);
        g_autofree char *full = config->rack ? g_strdup_printf("%u %s", pod, config->rack) : NULL;
        guint known = g_hash_table_size(racks);
        guint rack = number_of(racks, full, h);

        if (rack == known) {
            guint before = GPOINTER_TO_UINT(g_hash_table_lookup(racks_of, GUINT_TO_POINTER(pod)));

            rack_in_pod[rack] = before;
            g_hash_table_insert(racks_of, GUINT_TO_POINTER(pod), GUINT_TO_POINTER(before + 1));
            widest_pod = MAX(widest_pod, before + 1);
        }
        guint slot = GPOINTER_TO_UINT(g_hash_table_lookup(hosts_of, GUINT_TO_POINTER(rack)));

        g_hash_table_insert(hosts_of, GUINT_TO_POINTER(rack), GUINT_TO_POINTER(slot + 1));
        widest_rack = MAX(widest_rack, slot + 1);
        stands[h] = (Stand){pod, rack_in_pod[rack], slot};
    }
    fleet->topology = topology_three_tier(widest_rack, widest_pod, MAX(g_hash_table_size(pods), 1), error);
    for (guint h = 0; fleet->topology && h < fleet->configs->len; h++) {
        fleet->hosts[h].place = (stands[h].pod * widest_pod + stands[h].rack) * widest_rack + stands[h].slot;
    }
    return fleet->topology != NULL;
}

static gboolean has_stands(const FleetProblem *fleet)
{
    for (guint h = 0; h < fleet->configs->len; h++) {
        const HostConfig *config = g_ptr_array_index(fleet->configs, h);

        if (config->rack || config->pod) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean fill_hosts(FleetProblem *fleet, const Inventory *inventory, GError **error)
{
    fleet->hosts = g_new0(PlaceHost, MAX(fleet->configs->len, 1));
    for (guint h = 0; h < fleet->configs->len; h++) {
        if (!fill_host(fleet, inventory, h, error)) {
            return FALSE;
        }
    }
    return !has_stands(fleet) || stand_hosts(fleet, error);
}

/* ---- VMs ---- */

static const Profile *find_profile(GPtrArray *profiles, const char *vm)
{
    for (guint i = 0; profiles && i < profiles->len; i++) {
        const Profile *profile = g_ptr_array_index(profiles, i);

        if (g_str_equal(profile->vm, vm)) {
            return profile;
        }
    }
    return NULL;
}

static void fill_writes(PlaceVm *place, const Profile *profile)
{
    place->working_set_mib = INFINITY;
    if (profile && profile->periods > 0) {
        place->dirty_mib_per_s = profile->mean_written_pages_per_s * (double)profile->page_bytes / (double)MIB;
        if (profile->working_set_bytes > 0) { /* NAN when unknown */
            place->working_set_mib = profile->working_set_bytes / (double)MIB;
        }
    }
}

static void fill_demand(PlaceVm *place, const Vm *vm, const LoadWindow *loads)
{
    double cores = loads ? load_window_mean_cores(loads, vm->uuid) : NAN;
    guint64 used_bytes = loads ? load_window_memory_bytes(loads, vm->uuid) : 0;
    double used_mib = used_bytes ? MIN(mib(used_bytes), mib(vm->ram_bytes)) : mib(vm->ram_bytes);

    place->demand[RESOURCE_CPU] = isnan(cores) ? 0 : cores;
    place->demand[RESOURCE_MEMORY] = used_mib;
    if (!isnan(cores)) {
        double cpu = MIN(cores / MAX(vm->vcpus, 1), 1);

        place->mean_load = LOAD_CPU_WEIGHT * cpu + (1 - LOAD_CPU_WEIGHT) * used_mib / MAX(mib(vm->ram_bytes), 1);
    }
}

static void fill_vms(FleetProblem *fleet, const FleetMeasures *measures)
{
    guint length = 0;
    guint index = 0;

    for (guint h = 0; h < fleet->facts->len; h++) {
        length += ((const HostFacts *)g_ptr_array_index(fleet->facts, h))->vms->len;
    }
    fleet->place_vms = g_new0(PlaceVm, MAX(length, 1));
    fleet->vms = g_new0(const Vm *, MAX(length, 1));
    for (guint h = 0; h < fleet->facts->len; h++) {
        const HostFacts *facts = g_ptr_array_index(fleet->facts, h);

        for (guint i = 0; i < facts->vms->len; i++, index++) {
            const Vm *vm = g_ptr_array_index(facts->vms, i);
            PlaceVm *place = &fleet->place_vms[index];

            *place = (PlaceVm){.name = vm->name,
                               .host = h,
                               .reserved = {vm->vcpus, mib(vm->ram_bytes)},
                               .memory_mib = mib(vm->ram_bytes),
                               .is_pinned = vm->unmovable_why != NULL,
                               .pinned_why = vm->unmovable_why};
            fill_demand(place, vm, measures->loads);
            fill_writes(place, find_profile(measures->profiles, vm->name));
            fleet->vms[index] = vm;
            g_hash_table_insert(fleet->vm_index, vm->name, GUINT_TO_POINTER(index + 1));
        }
    }
    fleet->problem.vms_length = length;
}

/* ---- rules and traffic ---- */

/* The VMs of a rule that are here now, ascending. */
static GArray *present_vms(const FleetProblem *fleet, const FleetRule *rule)
{
    GArray *vms = g_array_new(FALSE, FALSE, sizeof(guint));

    for (char **name = rule->vms; *name; name++) {
        guint vm = fleet_problem_find_vm(fleet, *name);

        if (vm != PLACE_NOWHERE) {
            g_array_append_val(vms, vm);
        }
    }
    g_array_sort(vms, index_compare);
    return vms;
}

static void pin(FleetProblem *fleet, const FleetRule *rule, GArray *vms)
{
    for (guint i = 0; i < vms->len; i++) {
        PlaceVm *vm = &fleet->place_vms[g_array_index(vms, guint, i)];
        char *why = g_strdup_printf("pinned by rule '%s' of the inventory", rule->name);

        vm->is_pinned = TRUE;
        vm->pinned_why = why;
        g_ptr_array_add(fleet->strings, why);
    }
}

static void fill_rules(FleetProblem *fleet, const Inventory *inventory)
{
    fleet->rules = g_new0(PlaceRule, MAX(inventory->rules->len, 1));
    for (guint i = 0; i < inventory->rules->len; i++) {
        const FleetRule *rule = g_ptr_array_index(inventory->rules, i);
        g_autoptr(GArray) vms = present_vms(fleet, rule);

        if (rule->kind == FLEET_PINNED) {
            pin(fleet, rule, vms);
        } else if (vms->len >= 2) {
            guint length = vms->len;
            guint *indices = (guint *)(gpointer)g_array_free(g_steal_pointer(&vms), FALSE);

            g_ptr_array_add(fleet->strings, indices);
            fleet->rules[fleet->problem.rules_length++] = (PlaceRule){
                .kind = rule->kind == FLEET_APART ? PLACE_RULE_APART : PLACE_RULE_TOGETHER,
                .name = rule->name,
                .vms = indices,
                .vms_length = length,
            };
        }
    }
}

static int find_talker(const char *name, gpointer user)
{
    guint vm = fleet_problem_find_vm(user, name);

    return vm == PLACE_NOWHERE ? -1 : (int)vm;
}

/* A file speaks of the whole fleet; VMs that are not on these hosts are left out. */
static gboolean fill_traffic(FleetProblem *fleet, const char *path, GError **error)
{
    g_autofree char *text = NULL;

    if (!path) {
        return TRUE;
    }
    if (!g_file_get_contents(path, &text, NULL, error)) {
        g_prefix_error(error, "traffic: ");
        return FALSE;
    }
    traffic_free(fleet->traffic);
    fleet->traffic = traffic_parse(text, path, fleet->problem.vms_length, find_talker, fleet, TRUE, error);
    return fleet->traffic != NULL;
}

/* A simulated fleet's scenario knows what an inventory would have to be told: network, power and traffic. */
static gboolean know_simulated(FleetProblem *fleet, const SimFleet *simulated, GError **error)
{
    const Scenario *scenario = simulated->scenario;
    g_autoptr(Traffic) traffic = NULL;

    if (!scenario) {
        return TRUE;
    }
    topology_free(fleet->topology);
    fleet->topology = scenario_topology(scenario, error);
    if (!fleet->topology || !sim_fleet_traffic(simulated, &traffic, error)) {
        return FALSE;
    }
    for (guint h = 0; h < fleet->configs->len; h++) {
        guint known = (guint)scenario_find_host(scenario, fleet->hosts[h].name);

        fleet->hosts[h].place = known;
        fleet->hosts[h].power_w = scenario->host_types[scenario->hosts[known].type].power_watts;
    }
    TrafficBuilder *builder = traffic_builder_new(fleet->problem.vms_length);
    for (guint v = 0; traffic && v < traffic->vms; v++) {
        g_autofree char *name = scenario_vm_name(scenario, v);
        guint vm = fleet_problem_find_vm(fleet, name);

        for (guint e = traffic->first[v]; vm != PLACE_NOWHERE && e < traffic->first[v + 1]; e++) {
            g_autofree char *peer_name = traffic->peer[e] > v ? scenario_vm_name(scenario, traffic->peer[e]) : NULL;
            guint peer = peer_name ? fleet_problem_find_vm(fleet, peer_name) : PLACE_NOWHERE;

            if (peer != PLACE_NOWHERE) {
                traffic_builder_add(builder, vm, peer, traffic->mib_per_s[e]);
            }
        }
    }
    fleet->traffic = traffic_builder_end(builder);
    return TRUE;
}

/* ---- the whole ---- */

FleetProblem *fleet_problem_new(const Inventory *inventory, GPtrArray *configs, GPtrArray *facts,
                                const FleetMeasures *measures, GError **error)
{
    g_autoptr(FleetProblem) fleet = g_new0(FleetProblem, 1);

    g_assert(configs->len == facts->len);
    fleet->configs = g_ptr_array_ref(configs);
    fleet->facts = g_ptr_array_ref(facts);
    fleet->strings = g_ptr_array_new_with_free_func(g_free);
    fleet->vm_index = g_hash_table_new(g_str_hash, g_str_equal);
    if (!fill_hosts(fleet, inventory, error)) {
        return NULL;
    }
    fill_vms(fleet, measures);
    fill_rules(fleet, inventory);
    if (measures->simulated && !know_simulated(fleet, measures->simulated, error)) {
        return NULL;
    }
    if (!fill_traffic(fleet, measures->traffic_path ? measures->traffic_path : inventory->traffic_path, error)) {
        return NULL;
    }
    fleet->problem.hosts = fleet->hosts;
    fleet->problem.hosts_length = configs->len;
    fleet->problem.vms = fleet->place_vms;
    fleet->problem.rules = fleet->rules;
    fleet->problem.topology = fleet->topology;
    fleet->problem.traffic = fleet->traffic;
    return place_problem_check(&fleet->problem, error) ? g_steal_pointer(&fleet) : NULL;
}

void fleet_problem_free(FleetProblem *fleet)
{
    if (fleet) {
        g_ptr_array_unref(fleet->configs);
        g_ptr_array_unref(fleet->facts);
        g_ptr_array_unref(fleet->strings);
        g_hash_table_unref(fleet->vm_index);
        g_free(fleet->hosts);
        g_free(fleet->place_vms);
        g_free(fleet->vms);
        g_free(fleet->rules);
        topology_free(fleet->topology);
        traffic_free(fleet->traffic);
        g_free(fleet);
    }
}

guint fleet_problem_find_host(const FleetProblem *fleet, const char *name)
{
    for (guint h = 0; h < fleet->problem.hosts_length; h++) {
        if (g_str_equal(fleet->hosts[h].name, name)) {
            return h;
        }
    }
    return PLACE_NOWHERE;
}

guint fleet_problem_find_vm(const FleetProblem *fleet, const char *name)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(fleet->vm_index, name)) - 1;
}

char *fleet_problem_reasons_text(const FleetProblem *fleet, const PlaceResult *result)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < result->reasons->len; i++) {
        const PlaceReason *reason = &g_array_index(result->reasons, PlaceReason, i);

        g_string_append(text, i ? "; " : "");
        if (reason->vm != PLACE_NOWHERE) {
            g_string_append_printf(text, "%s: ", fleet->place_vms[reason->vm].name);
        }
        if (reason->host != PLACE_NOWHERE) {
            g_string_append_printf(text, "%s: ", fleet->hosts[reason->host].name);
        }
        g_string_append(text, reason->what);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}
