/* SPDX-License-Identifier: Apache-2.0
 *
 * What the kinds of Topology share; only topology*.c include it.
 *
 * Theory of operation.  Hosts and switches are nodes: places first, then switches, level by level upwards.  A cable
 * joins a lower node and an upper one; cables of hosts come first.  Cable c is the directed links 2c (up) and 2c + 1
 * (down), so that a link's way back is link ^ 1.  Regular kinds keep nothing but their parameters: distance, route and
 * ends are reckoned from the digits of the numbers, and a hundred thousand hosts cost as much as two. */
#pragma once

#include "model/topology.h"

/* One kind.  'distance' and 'route' are never asked with a = b. */
typedef struct TopologyKindOps {
    guint (*distance)(const Topology *topology, guint a, guint b);
    void (*route)(const Topology *topology, guint a, guint b, guint64 flow, GArray *links);
    void (*cable_ends)(const Topology *topology, guint cable, guint *lower, guint *upper);
} TopologyKindOps;

typedef struct TopologyGraph TopologyGraph;

struct Topology {
    TopologyKind kind;
    const TopologyKindOps *ops;
    guint places;
    guint switches;
    guint host_cables; /* those that end at a host */
    guint cables;
    double host_mib_per_s;
    double switch_mib_per_s;
    guint a, b, c;        /* the kind's own parameters, named where they are set */
    TopologyGraph *graph; /* TOPOLOGY_GRAPH only */
};

Topology *topology_alloc(TopologyKind kind, const TopologyKindOps *ops);
void topology_graph_free(TopologyGraph *graph);
double topology_graph_edge_mib_per_s(const TopologyGraph *graph, guint edge); /* NAN: it brought none */

/* Scrambled bits of 'flow': picks among equal ways.  Different salts give independent picks. */
guint64 topology_scramble(guint64 flow, guint64 salt);

static inline void topology_go_up(GArray *links, guint cable)
{
    guint link = 2 * cable;

    g_array_append_val(links, link);
}

static inline void topology_go_down(GArray *links, guint cable)
{
    guint link = 2 * cable + 1;

    g_array_append_val(links, link);
}
