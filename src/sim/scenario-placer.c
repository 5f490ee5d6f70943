/* SPDX-License-Identifier: Apache-2.0
 *
 * From the state of a day to a PlaceProblem, and from its answer to moves; see scenario-placer.h.
 *
 * CPU is told in units of 1000 MIPS, since cores of different hosts differ in speed.  What a host has promised to VMs
 * that are still on their way to it is its base load: they are in no list of VMs yet.  Hosts that are off are offered
 * only when those that are on do not do, because a placer knows nothing of what waking one costs. */
#include "sim/scenario-placer.h"

#include "base/error.h"
#include "place/grouping.h"

#include <math.h>
#include <string.h>

#define MIPS_PER_CORE 1000.0
#define HISTORY       12u /* samples of a VM's load: the last hour */
#define KBIT_PER_MIB  (1048576.0 * 8 / 1000)

struct ScenarioPlacer {
    const Grouping *grouping; /* NULL: "power" */
    PlaceOptions options;
    const DayFleet *fleet;
    Topology *topology; /* may be NULL */
    Traffic *traffic;   /* may be NULL */
    PlaceHost *hosts;
    PlaceVm *vms;
    GPtrArray *names;
    double *nic_kbit_per_s; /* left at each host while a tick's moves are checked */
};

/* The placer called 'name' that can relieve hosts, or NULL with an error that lists those that can. */
static const Grouping *find_reliever(const char *name, GError **error)
{
    g_autoptr(GString) known = g_string_new(SCENARIO_PLACER_POWER);

    for (const Grouping *const *grouping = groupings(); *grouping; grouping++) {
        if (!((*grouping)->tasks & (1u << PLACE_RELIEVE))) {
            continue;
        }
        if (g_str_equal((*grouping)->name, name)) {
            return *grouping;
        }
        g_string_append_printf(known, ", %s", (*grouping)->name);
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is no placer that relieves hosts; it is one of: %s",
                name, known->str);
    return NULL;
}

gboolean scenario_placer_check(const char *name, GError **error)
{
    return g_str_equal(name, SCENARIO_PLACER_POWER) || find_reliever(name, error);
}

static char *keep_name(ScenarioPlacer *placer, char *name)
{
    g_ptr_array_add(placer->names, name);
    return name;
}

static void fill_hosts(ScenarioPlacer *placer, const Scenario *scenario)
{
    const DayFleet *fleet = placer->fleet;

    placer->hosts = g_new0(PlaceHost, fleet->hosts);
    placer->nic_kbit_per_s = g_new0(double, fleet->hosts);
    for (guint h = 0; h < fleet->hosts; h++) {
        const DayHostType *type = &fleet->host_types[fleet->host_type[h]];
        double cores = type->cores * type->mips_per_core / MIPS_PER_CORE;

        placer->hosts[h] = (PlaceHost){
            .name = keep_name(placer, scenario ? scenario_host_name(scenario, h) : g_strdup_printf("h%u", h)),
            .capacity = {cores, type->ram_mib},
            .reservable = {cores, type->ram_mib},
            .link_mib_per_s = type->nic_kbit_per_s / KBIT_PER_MIB,
            .power_w = type->power->watts,
            .place = h,
            .cpu_classes = G_MAXUINT64};
    }
}

static void fill_vms(ScenarioPlacer *placer, const Scenario *scenario, const DaySettings *settings)
{
    const DayFleet *fleet = placer->fleet;

    placer->vms = g_new0(PlaceVm, fleet->vms);
    for (guint v = 0; v < fleet->vms; v++) {
        const DayVmType *type = &fleet->vm_types[fleet->vm_type[v]];

        placer->vms[v] =
            (PlaceVm){.name = keep_name(placer, scenario ? scenario_vm_name(scenario, v) : g_strdup_printf("vm%u", v)),
                      .demand = {0, type->ram_mib},
                      .reserved = {0, type->ram_mib},
                      .memory_mib = type->ram_mib,
                      .working_set_mib = type->ram_mib * settings->working_set};
    }
}

static double mean_history(const DayView *view, guint vm)
{
    double shares[HISTORY];
    double sum = 0;
    guint length = day_view_vm_history(view, vm, shares, HISTORY);

    for (guint i = 0; i < length; i++) {
        sum += shares[i];
    }
    return length ? sum / length : 0;
}

/* Brings host 'h' and its VMs up to date.  Only VMs of overloaded hosts are asked for their history. */
static void look_at_host(ScenarioPlacer *placer, const DayView *view, guint h)
{
    PlaceHost *host = &placer->hosts[h];
    guint length = 0;
    const guint32 *vms = day_view_host_vms(view, h, &length);
    double mips = 0;
    double ram_mib = 0;

    host->is_source = day_view_host_is_overloaded(view, h);
    for (guint i = 0; i < length; i++) {
        PlaceVm *vm = &placer->vms[vms[i]];

        vm->host = h;
        vm->demand[RESOURCE_CPU] = day_view_vm_demand_mips(view, vms[i]) / MIPS_PER_CORE;
        vm->dirty_mib_per_s = day_view_vm_dirty_mib_per_s(view, vms[i]);
        vm->is_pinned = !host->is_source || !day_view_vm_is_movable(view, vms[i]);
        vm->mean_load = host->is_source ? mean_history(view, vms[i]) : 0;
        mips += day_view_vm_demand_mips(view, vms[i]);
        ram_mib += vm->memory_mib;
    }
    host->base_demand[RESOURCE_CPU] = MAX(0, day_view_host_demand_mips(view, h) - mips) / MIPS_PER_CORE;
    double promised_mib = host->capacity[RESOURCE_MEMORY] - day_view_host_free_ram_mib(view, h);
    host->base_demand[RESOURCE_MEMORY] = host->base_reserved[RESOURCE_MEMORY] = MAX(0, promised_mib - ram_mib);
    placer->nic_kbit_per_s[h] = day_view_host_free_nic_kbit_per_s(view, h);
}

/* Adds the moves of 'result' that the network has promised room for; a VM left out stays for the next tick. */
static void add_moves(ScenarioPlacer *placer, const PlaceResult *result, GArray *moves)
{
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);
        double nic = placer->fleet->vm_types[placer->fleet->vm_type[move->vm]].nic_kbit_per_s;
        DayMove day_move = {move->vm, move->destination};

        if (placer->nic_kbit_per_s[move->destination] >= nic) {
            placer->nic_kbit_per_s[move->destination] -= nic;
            g_array_append_val(moves, day_move);
        }
    }
}

static PlaceResult *ask(ScenarioPlacer *placer, const DayView *view, gboolean may_wake, GError **error)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    PlaceProblem problem = {.hosts = placer->hosts,
                            .hosts_length = placer->fleet->hosts,
                            .vms = placer->vms,
                            .vms_length = placer->fleet->vms,
                            .traffic = placer->traffic,
                            .topology = placer->topology};

    for (guint h = 0; h < placer->fleet->hosts; h++) {
        placer->hosts[h].may_receive = !placer->hosts[h].is_source && (may_wake || day_view_host_is_on(view, h));
    }
    return place_run(placer->grouping, &problem, &task, &placer->options, error);
}

static gboolean relieve(const DayView *view, const guint32 *overloaded, guint n_overloaded, GArray *moves,
                        gpointer user_data, GError **error)
{
    ScenarioPlacer *placer = user_data;

    for (guint h = 0; h < placer->fleet->hosts; h++) {
        look_at_host(placer, view, h);
    }
    g_autoptr(PlaceResult) result = ask(placer, view, FALSE, error);
    if (result && result->left_over->len > 0) {
        g_clear_pointer(&result, place_result_free);
        result = ask(placer, view, TRUE, error);
    }
    if (!result) {
        return FALSE;
    }
    add_moves(placer, result, moves);
    return TRUE;
}

static gboolean fill_surroundings(ScenarioPlacer *placer, const Scenario *scenario, GError **error)
{
    if (!scenario) {
        return TRUE;
    }
    placer->options.safe_low = scenario->policy.range_low;
    placer->options.safe_high = scenario->policy.range_high;
    placer->options.theta = scenario->policy.theta;
    placer->options.gamma = scenario->policy.gamma;
    placer->topology = scenario_topology(scenario, error);
    placer->traffic = placer->topology && scenario->has_traffic ? scenario_traffic(scenario, error) : NULL;
    return placer->topology && (placer->traffic || !scenario->has_traffic);
}

ScenarioPlacer *scenario_placer_new(const char *name, const Scenario *scenario, DayConfig *config, GError **error)
{
    g_autoptr(ScenarioPlacer) placer = g_new0(ScenarioPlacer, 1);

    placer->names = g_ptr_array_new_with_free_func(g_free);
    if (g_str_equal(name, SCENARIO_PLACER_POWER)) {
        return g_steal_pointer(&placer);
    }
    placer->grouping = find_reliever(name, error);
    placer->fleet = config->fleet;
    place_options_init(&placer->options);
    placer->options.seed = config->seed;
    if (!placer->grouping || !fill_surroundings(placer, scenario, error)) {
        g_prefix_error(error, "placer: ");
        return NULL;
    }
    fill_hosts(placer, scenario);
    fill_vms(placer, scenario, &config->settings);
    config->place = relieve;
    config->place_data = placer;
    return g_steal_pointer(&placer);
}

void scenario_placer_free(ScenarioPlacer *placer)
{
    if (placer) {
        topology_free(placer->topology);
        traffic_free(placer->traffic);
        g_free(placer->hosts);
        g_free(placer->vms);
        g_free(placer->nic_kbit_per_s);
        g_ptr_array_unref(placer->names);
        g_free(placer);
    }
}
