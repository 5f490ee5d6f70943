/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Scenario means in the nouns of model/: its network and who talks to whom; see scenario.h. */
#include "sim/scenario-private.h"

#include "base/error.h"
#include "base/units.h"
#include "sim/sndlib.h"

#define BYTES_PER_MBIT 125000.0

/* SNDlib's capacities are taken as Mbit/s. */
static Topology *topology_of_file(const Scenario *scenario, GError **error)
{
    const ScenarioTopology *wanted = &scenario->topology;
    g_autoptr(Sndlib) sndlib = sndlib_load(wanted->path, error);

    return sndlib ? sndlib_topology(sndlib, wanted->hosts_per_node, BYTES_PER_MBIT / (double)MIB,
                                    (double)wanted->switch_link_bytes_per_s / (double)MIB, error)
                  : NULL;
}

static Topology *topology_of_kind(const Scenario *scenario, GError **error)
{
    const ScenarioTopology *wanted = &scenario->topology;

    switch (wanted->kind) {
    case TOPOLOGY_FLAT:
        return topology_flat(scenario->hosts_length);
    case TOPOLOGY_FAT_TREE:
        return topology_fat_tree(wanted->ports, error);
    case TOPOLOGY_THREE_TIER:
        return topology_three_tier(wanted->hosts_per_rack, wanted->racks_per_pod, wanted->pods, error);
    case TOPOLOGY_VL2:
        return topology_vl2(wanted->aggregation_ports, wanted->intermediate_ports, error);
    case TOPOLOGY_BCUBE:
        return topology_bcube(wanted->ports, wanted->levels, error);
    case TOPOLOGY_GRAPH:
        return topology_of_file(scenario, error);
    }
    g_assert_not_reached();
}

Topology *scenario_topology(const Scenario *scenario, GError **error)
{
    const ScenarioTopology *wanted = &scenario->topology;
    g_autoptr(Topology) topology = topology_of_kind(scenario, error);

    if (!topology) {
        g_prefix_error(error, "[topology] ");
        return NULL;
    }
    if (topology_places(topology) < scenario->hosts_length) {
        scenario_wrong(error, "[topology] a %s of this size has room for %u hosts and there are %u",
                       topology_kind_name(wanted->kind), topology_places(topology), scenario->hosts_length);
        return NULL;
    }
    topology_set_rates(topology, (double)wanted->host_link_bytes_per_s / (double)MIB,
                       (double)wanted->switch_link_bytes_per_s / (double)MIB);
    return g_steal_pointer(&topology);
}

static int find_vm(const char *name, gpointer scenario)
{
    return scenario_find_vm(scenario, name);
}

Traffic *scenario_traffic(const Scenario *scenario, GError **error)
{
    Rng rng = rng_stream(scenario->seed, SCENARIO_STREAM_TRAFFIC);
    g_autofree char *text = NULL;

    if (!scenario->has_traffic) {
        return traffic_builder_end(traffic_builder_new(scenario->vms_length));
    }
    if (!scenario->traffic_path) {
        return traffic_generate(scenario->vms_length, &scenario->traffic_model, &rng);
    }
    if (!g_file_get_contents(scenario->traffic_path, &text, NULL, error)) {
        return NULL;
    }
    return traffic_parse(text, scenario->traffic_path, scenario->vms_length, find_vm, (gpointer)scenario, FALSE, error);
}
