/* SPDX-License-Identifier: Apache-2.0
 *
 * What a Scenario means in the nouns of model/: its topology; see scenario.h. */
#include "sim/scenario-private.h"

#include "base/error.h"
#include "base/units.h"

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
        scenario_wrong(error, "a graph cannot be read yet");
        return NULL;
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
