/* SPDX-License-Identifier: Apache-2.0
 *
 * Topologies whose hosts hang in racks under an edge switch: three-tier, fat-tree and VL2; see topology.h.
 *
 * A way between two hosts climbs to the lowest switch above both and descends: 2 links within a rack, 4 within a pod, 6
 * otherwise.  Which of the equal switches it climbs to is drawn from the flow.
 *
 *     fat-tree, k ports, h = k / 2             three-tier             VL2, h = D_A / 2
 *       core      h x h: core (a, c) is          1                      h intermediates, each joined with
 *                 joined with aggregate a                               every aggregate
 *                 of every pod
 *       pods      k, h aggregates each           q, 1 aggregate         D_I / 2, 2 aggregates each
 *       racks     h per pod, joined with         r per pod              h per pod, joined with both
 *                 all its aggregates
 *       hosts     h per rack                     any number             20 per rack
 *
 * VL2 (Greenberg 2009) asks only that a rack's two aggregates differ; racks that share one here share both, which
 * makes pods of it. */
#include "model/topology-private.h"
#include "base/error.h"

#define PORTS_MAX 1024 /* numbers of links stay below 2^31 */
#define VL2_HOSTS_PER_RACK 20

/* Of every tree: a = hosts per rack, b = racks per pod. */
static guint rack_of(const Topology *topology, guint place)
{
    return place / topology->a;
}

static guint pod_of(const Topology *topology, guint place)
{
    return place / (topology->a * topology->b);
}

static guint tree_distance(const Topology *topology, guint a, guint b)
{
    if (rack_of(topology, a) == rack_of(topology, b)) {
        return 2;
    }
    return pod_of(topology, a) == pod_of(topology, b) ? 4 : 6;
}

/* Three-tier.  Cables: host, rack's uplink, pod's uplink. */

static void three_tier_route(const Topology *topology, guint a, guint b, guint64 flow, GArray *links)
{
    guint hosts = topology->places, racks = hosts / topology->a;
    guint length = tree_distance(topology, a, b);

    topology_go_up(links, a);
    if (length > 2) {
        topology_go_up(links, hosts + rack_of(topology, a));
        if (length > 4) {
            topology_go_up(links, hosts + racks + pod_of(topology, a));
            topology_go_down(links, hosts + racks + pod_of(topology, b));
        }
        topology_go_down(links, hosts + rack_of(topology, b));
    }
    topology_go_down(links, b);
}

static void three_tier_cable_ends(const Topology *topology, guint cable, guint *lower, guint *upper)
{
    guint hosts = topology->places, racks = hosts / topology->a, pods = racks / topology->b;

    *lower = cable; /* nodes are numbered like the cables that lead up from them */
    if (cable < hosts) {
        *upper = hosts + rack_of(topology, cable);
    } else if (cable < hosts + racks) {
        *upper = hosts + racks + (cable - hosts) / topology->b;
    } else {
        *upper = hosts + racks + pods;
    }
}

static const TopologyKindOps THREE_TIER = {tree_distance, three_tier_route, three_tier_cable_ends};

Topology *topology_three_tier(guint hosts_per_rack, guint racks_per_pod, guint pods, GError **error)
{
    guint64 hosts = (guint64)hosts_per_rack * racks_per_pod;

    if (hosts == 0 || pods == 0 || hosts > G_MAXINT32 / 4 || hosts * pods > G_MAXINT32 / 4) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "three-tier of %u hosts per rack, %u racks per pod, %u pods: each must be 1 or more, and no more than "
                    "%d hosts in all",
                    hosts_per_rack, racks_per_pod, pods, G_MAXINT32 / 4);
        return NULL;
    }
    Topology *topology = topology_alloc(TOPOLOGY_THREE_TIER, &THREE_TIER);
    topology->a = hosts_per_rack;
    topology->b = racks_per_pod;
    topology->places = (guint)hosts * pods;
    topology->switches = racks_per_pod * pods + pods + 1;
    topology->host_cables = topology->places;
    topology->cables = topology->places + racks_per_pod * pods + pods;
    return topology;
}

/* Fat-tree and VL2.  c = aggregates per pod; cables: host, rack to aggregate (rack * c + aggregate), aggregate up
 * (aggregate * h + i).  Nodes: hosts, racks, aggregates, tops. */

typedef struct Clos {
    guint racks;
    guint aggregates;
    guint uplinks; /* per aggregate */
} Clos;

static Clos clos_of(const Topology *topology)
{
    Clos clos = {.racks = topology->places / topology->a};

    clos.aggregates = clos.racks / topology->b * topology->c;
    clos.uplinks = topology->b; /* half of an aggregate's ports go down, half up, in both kinds */
    return clos;
}

static guint rack_cable(const Topology *topology, guint place, guint aggregate)
{
    return topology->places + rack_of(topology, place) * topology->c + aggregate;
}

static guint top_cable(const Topology *topology, const Clos *clos, guint place, guint aggregate, guint uplink)
{
    guint which = pod_of(topology, place) * topology->c + aggregate;

    return topology->places + clos->racks * topology->c + which * clos->uplinks + uplink;
}

static void clos_route(const Topology *topology, guint a, guint b, guint64 flow, GArray *links)
{
    guint length = tree_distance(topology, a, b);
    guint rise = (guint)(topology_scramble(flow, 0) % topology->c);
    guint fall = topology->kind == TOPOLOGY_VL2 && length > 4 ? (guint)(topology_scramble(flow, 1) % topology->c) : rise;

    topology_go_up(links, a);
    if (length > 2) {
        topology_go_up(links, rack_cable(topology, a, rise));
        if (length > 4) {
            Clos clos = clos_of(topology);
            guint uplink = (guint)(topology_scramble(flow, 2) % clos.uplinks);

            topology_go_up(links, top_cable(topology, &clos, a, rise, uplink));
            topology_go_down(links, top_cable(topology, &clos, b, fall, uplink));
        }
        topology_go_down(links, rack_cable(topology, b, fall));
    }
    topology_go_down(links, b);
}

static void clos_cable_ends(const Topology *topology, guint cable, guint *lower, guint *upper)
{
    Clos clos = clos_of(topology);
    guint racks_at = topology->places, aggregates_at = racks_at + clos.racks;

    if (cable < topology->places) {
        *lower = cable;
        *upper = racks_at + rack_of(topology, cable);
        return;
    }
    cable -= topology->places;
    if (cable < clos.racks * topology->c) {
        guint rack = cable / topology->c;

        *lower = racks_at + rack;
        *upper = aggregates_at + rack / topology->b * topology->c + cable % topology->c;
        return;
    }
    cable -= clos.racks * topology->c;
    guint aggregate = cable / clos.uplinks, uplink = cable % clos.uplinks;
    guint plane = topology->kind == TOPOLOGY_FAT_TREE ? aggregate % topology->c : 0;
    *lower = aggregates_at + aggregate;
    *upper = aggregates_at + clos.aggregates + plane * clos.uplinks + uplink;
}

static const TopologyKindOps CLOS = {tree_distance, clos_route, clos_cable_ends};

static Topology *clos_new(TopologyKind kind, guint hosts_per_rack, guint half, guint pods, guint aggregates_per_pod,
                          guint tops)
{
    Topology *topology = topology_alloc(kind, &CLOS);
    guint racks = half * pods;

    topology->a = hosts_per_rack;
    topology->b = half;
    topology->c = aggregates_per_pod;
    topology->places = hosts_per_rack * racks;
    topology->switches = racks + pods * aggregates_per_pod + tops;
    topology->host_cables = topology->places;
    topology->cables = topology->places + racks * aggregates_per_pod + pods * aggregates_per_pod * half;
    return topology;
}

static gboolean ports_are_good(const char *what, guint ports, GError **error)
{
    if (ports < 2 || ports % 2 || ports > PORTS_MAX) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s of %u: it must be even, 2 to %d", what, ports,
                    PORTS_MAX);
        return FALSE;
    }
    return TRUE;
}

Topology *topology_fat_tree(guint ports, GError **error)
{
    guint half = ports / 2;

    if (!ports_are_good("fat-tree with switch ports", ports, error)) {
        return NULL;
    }
    return clos_new(TOPOLOGY_FAT_TREE, half, half, ports, half, half * half);
}

Topology *topology_vl2(guint aggregation_ports, guint intermediate_ports, GError **error)
{
    guint half = aggregation_ports / 2;

    if (!ports_are_good("VL2 with aggregation ports", aggregation_ports, error) ||
        !ports_are_good("VL2 with intermediate ports", intermediate_ports, error)) {
        return NULL;
    }
    return clos_new(TOPOLOGY_VL2, VL2_HOSTS_PER_RACK, half, intermediate_ports / 2, 2, half);
}
