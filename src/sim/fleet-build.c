/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario becomes a simulated fleet. */
#include "base/error.h"
#include "base/units.h"
#include "sim/fleet-private.h"

static void add_hosts(const Scenario *scenario, World *world)
{
    for (guint h = 0; h < scenario->hosts_length; h++) {
        const ScenarioHostType *type = &scenario->host_types[scenario->hosts[h].type];
        g_autofree char *name = scenario_host_name(scenario, h);

        world_add_host(world, &(WorldHostSpec){.name = name,
                                               .cpus = type->cores,
                                               .memory_bytes = type->memory_bytes,
                                               .link_bytes_per_s = type->nic_bytes_per_s,
                                               .has_no_agent = !type->has_agent,
                                               .has_no_postcopy = !type->has_postcopy});
    }
}

static WorldLoad load_of(const Scenario *scenario, guint vm)
{
    const ScenarioVmType *type = &scenario->vm_types[scenario->vms[vm].type];

    return (WorldLoad){.written_mib_per_s = (double)scenario->vms[vm].dirty_bytes_per_s / (double)MIB,
                       .write_set_mib = (double)type->working_set_bytes / (double)MIB,
                       .read_mib_per_s = (double)type->read_bytes_per_s / (double)MIB,
                       .read_set_mib = (double)type->read_set_bytes / (double)MIB,
                       .dirty_bytes_per_page = type->dirty_bytes_per_page,
                       .overwritten_share = type->overwritten_share};
}

static gboolean add_vm(const Scenario *scenario, World *world, guint vm, guint host, FleetWorkloads *workloads,
                       GError **error)
{
    const ScenarioVmType *type = &scenario->vm_types[scenario->vms[vm].type];
    g_autofree char *name = scenario_vm_name(scenario, vm);
    WorldLoad load = load_of(scenario, vm);

    load.busy_cores = fleet_workload(workloads, vm, &load) * type->vcpus;
    return world_add_vm(world, host,
                        &(WorldVmSpec){.name = name,
                                       .ram_bytes = type->memory_bytes,
                                       .vcpus = type->vcpus,
                                       .is_paused = scenario->vm_groups[scenario->vms[vm].group].is_paused,
                                       .load = load},
                        error) != WORLD_NONE;
}

static gboolean add_vms(const Scenario *scenario, World *world, GPtrArray *paces, GError **error)
{
    g_autoptr(FleetWorkloads) workloads = fleet_workloads_new(scenario, paces, error);
    g_autofree guint *places = workloads ? fleet_place(scenario, error) : NULL;

    for (guint v = 0; places && v < scenario->vms_length; v++) {
        if (!add_vm(scenario, world, v, places[v], workloads, error)) {
            g_prefix_error(error, "%s: ", scenario->path);
            return FALSE;
        }
    }
    return places != NULL;
}

/* ---- traffic ---- */

static int find_vm(const char *name, gpointer user)
{
    return scenario_find_vm(user, name);
}

static Traffic *traffic_of(const Scenario *scenario, GError **error)
{
    Rng rng = rng_stream(scenario->seed, SCENARIO_STREAM_TRAFFIC);
    g_autofree char *text = NULL;

    if (!scenario->traffic_path) {
        return traffic_generate(scenario->vms_length, &scenario->traffic_model, &rng);
    }
    if (!g_file_get_contents(scenario->traffic_path, &text, NULL, error)) {
        return NULL;
    }
    return traffic_parse(text, scenario->traffic_path, scenario->vms_length, find_vm, (gpointer)scenario, FALSE, error);
}

gboolean sim_fleet_traffic(const SimFleet *fleet, Traffic **traffic, GError **error)
{
    *traffic = fleet->scenario && fleet->scenario->has_traffic ? traffic_of(fleet->scenario, error) : NULL;
    return *traffic || !fleet->scenario || !fleet->scenario->has_traffic;
}

static gboolean add_traffic(const Scenario *scenario, World *world, GError **error)
{
    g_autoptr(Traffic) traffic = scenario->has_traffic ? traffic_of(scenario, error) : NULL;

    for (guint v = 0; traffic && v < traffic->vms; v++) {
        for (guint e = traffic->first[v]; e < traffic->first[v + 1]; e++) {
            if (traffic->peer[e] > v) {
                world_add_traffic(world, v, traffic->peer[e], traffic->mib_per_s[e]);
            }
        }
    }
    return traffic || !scenario->has_traffic;
}

/* ---- faults ---- */

static WorldFaultKind kind_of(ScenarioFaultKind kind)
{
    switch (kind) {
    case SCENARIO_FAULT_HOST:
        return WORLD_FAULT_HOST;
    case SCENARIO_FAULT_LINK:
        return WORLD_FAULT_LINK;
    case SCENARIO_FAULT_SLOW_LINK:
        return WORLD_FAULT_SLOW_LINK;
    case SCENARIO_FAULT_AGENT:
        return WORLD_FAULT_AGENT;
    case SCENARIO_FAULT_VM:
        break;
    }
    return WORLD_FAULT_VM;
}

static void add_faults(const Scenario *scenario, World *world)
{
    for (guint i = 0; i < scenario->faults_length; i++) {
        const ScenarioFault *fault = &scenario->faults[i];

        world_add_fault(world, &(WorldFault){.kind = kind_of(fault->kind),
                                             .target = fault->target,
                                             .at_ns = fault->at_ns,
                                             .until_ns = fault->until_ns == G_MAXINT64 ? 0 : fault->until_ns,
                                             .mib_per_s = (double)fault->rate_bytes_per_s / (double)MIB});
    }
}

/* ---- the fleet ---- */

static void limit_hosts(const SimFleet *fleet)
{
    for (guint h = 0; h < fleet->hosts->len; h++) {
        const Scenario *scenario = fleet->scenario;
        const ScenarioHostType *type = &scenario->host_types[scenario->hosts[h].type];
        HostConfig *config = g_ptr_array_index(fleet->hosts, h);

        config->keep_free_bytes = type->keep_free_bytes;
        config->max_incoming = type->max_incoming;
        config->max_outgoing = type->max_outgoing;
    }
}

SimFleet *sim_fleet_from_scenario(Scenario *taken, GError **error)
{
    g_autoptr(Scenario) scenario = taken;
    Topology *topology = scenario_topology(scenario, error);
    Clock *clock;
    WorldRules rules;
    SimFleet *fleet;

    if (!topology) {
        return NULL;
    }
    world_rules_init(&rules);
    rules.seed = scenario->seed;
    rules.round_trip_ns = scenario->topology.round_trip_ns;
    clock = clock_virtual_new();
    World *world = world_new(clock, topology, &rules);
    g_autoptr(GPtrArray) paces = g_ptr_array_new_with_free_func(g_free);

    add_hosts(scenario, world);
    if (!add_vms(scenario, world, paces, error) || !add_traffic(scenario, world, error)) {
        world_free(world);
        clock->close(clock);
        return NULL;
    }
    add_faults(scenario, world);
    fleet = sim_fleet_new(clock, world);
    fleet->scenario = g_steal_pointer(&scenario);
    fleet->paces = g_steal_pointer(&paces);
    limit_hosts(fleet);
    return fleet;
}

SimFleet *sim_fleet_load(const char *path, const guint64 *seed, GError **error)
{
    Scenario *scenario = scenario_load(path, error);

    if (scenario && seed) {
        scenario_set_seed(scenario, *seed);
    }
    return scenario ? sim_fleet_from_scenario(scenario, error) : NULL;
}
