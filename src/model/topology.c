/* SPDX-License-Identifier: Apache-2.0
 *
 * What all kinds of Topology have in common, and the flat one; see topology.h.  topology-trees.c has the kinds whose
 * hosts hang under racks, topology-bcube.c and topology-graph.c the others. */
#include "model/topology-private.h"

#include <math.h>

NAMED_ENUM_DEFINE(TopologyKind, topology_kind, TOPOLOGY_KINDS)

#define DEFAULT_MIB_PER_S 128 /* 1 Gibit/s */

Topology *topology_alloc(TopologyKind kind, const TopologyKindOps *ops)
{
    Topology *topology = g_new0(Topology, 1);

    topology->kind = kind;
    topology->ops = ops;
    topology->host_mib_per_s = DEFAULT_MIB_PER_S;
    topology->switch_mib_per_s = DEFAULT_MIB_PER_S;
    return topology;
}

void topology_free(Topology *topology)
{
    if (topology) {
        topology_graph_free(topology->graph);
        g_free(topology);
    }
}

guint64 topology_scramble(guint64 flow, guint64 salt)
{
    guint64 z = flow + (salt + 1) * 0x9e3779b97f4a7c15ULL; /* the finish of splitmix64 */

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static guint flat_distance(const Topology *topology, guint a, guint b)
{
    return 2;
}

static void flat_route(const Topology *topology, guint a, guint b, guint64 flow, GArray *links)
{
    topology_go_up(links, a);
    topology_go_down(links, b);
}

static void flat_cable_ends(const Topology *topology, guint cable, guint *lower, guint *upper)
{
    *lower = cable;
    *upper = topology->places;
}

static const TopologyKindOps FLAT = {flat_distance, flat_route, flat_cable_ends};

Topology *topology_flat(guint places)
{
    Topology *topology = topology_alloc(TOPOLOGY_FLAT, &FLAT);

    topology->places = places;
    topology->switches = 1;
    topology->host_cables = places;
    topology->cables = places;
    return topology;
}

TopologyKind topology_kind_of(const Topology *topology)
{
    return topology->kind;
}

guint topology_places(const Topology *topology)
{
    return topology->places;
}

guint topology_switches(const Topology *topology)
{
    return topology->switches;
}

guint topology_links(const Topology *topology)
{
    return 2 * topology->cables;
}

guint topology_distance(const Topology *topology, guint a, guint b)
{
    g_assert(a < topology->places && b < topology->places);
    return a == b ? 0 : topology->ops->distance(topology, a, b);
}

void topology_route(const Topology *topology, guint a, guint b, guint64 flow, GArray *links)
{
    g_assert(a < topology->places && b < topology->places);
    if (a != b) {
        topology->ops->route(topology, a, b, flow, links);
    }
}

void topology_link_ends(const Topology *topology, guint link, guint *from, guint *to)
{
    guint lower = 0, upper = 0;

    g_assert(link / 2 < topology->cables);
    topology->ops->cable_ends(topology, link / 2, &lower, &upper);
    *from = link % 2 ? upper : lower;
    *to = link % 2 ? lower : upper;
}

void topology_set_rates(Topology *topology, double host_mib_per_s, double switch_mib_per_s)
{
    topology->host_mib_per_s = host_mib_per_s;
    topology->switch_mib_per_s = switch_mib_per_s;
}

double topology_link_mib_per_s(const Topology *topology, guint link)
{
    guint cable = link / 2;
    double own = NAN;

    g_assert(cable < topology->cables);
    if (cable < topology->host_cables) {
        return topology->host_mib_per_s;
    }
    if (topology->graph) {
        own = topology_graph_edge_mib_per_s(topology->graph, cable - topology->host_cables);
    }
    return isnan(own) ? topology->switch_mib_per_s : own;
}
