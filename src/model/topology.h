/* SPDX-License-Identifier: Apache-2.0
 *
 * Topology: how hosts are wired, and how far they are from each other.
 *
 *     g_autoptr(Topology) topology = topology_fat_tree(8, &error);     128 places for hosts
 *     topology_distance(topology, 0, 5)                                links on the way: 0, 2, 4 or 6
 *     topology_route(topology, 0, 5, flow, &links)                     which links, for sharing them
 *
 * A host has a place, 0 .. places - 1; several hosts never share one.  Links are full duplex: each direction is a link
 * of its own with its own capacity.  Where a topology has several shortest ways, 'flow' picks one of them, always the
 * same for the same flow (equal-cost multi-path by hash).
 *
 * Sources: fat-tree Al-Fares 2008; VL2 Greenberg 2009; BCube Guo 2009; distances in links as in seed 003 section 3.2,
 * its "parameter k" read as the fat-tree's.  Plain data after it was made: any thread may read it. */
#pragma once

#include <glib.h>

#include "base/named.h"

#define TOPOLOGY_KINDS(X)                                                                                              \
    X(TOPOLOGY_FLAT, "flat")             /* one switch that never limits: every two hosts are 2 links apart */         \
    X(TOPOLOGY_FAT_TREE, "fat-tree")     /* k ports: k^3/4 hosts */                                                    \
    X(TOPOLOGY_THREE_TIER, "three-tier") /* racks of hosts, pods of racks, one core */                                 \
    X(TOPOLOGY_VL2, "vl2")               /* aggregation ports D_A, intermediate ports D_I: 20 hosts per rack */        \
    X(TOPOLOGY_BCUBE, "bcube")           /* n ports, levels 0..l: n^(l+1) hosts */                                     \
    X(TOPOLOGY_GRAPH, "graph")           /* any graph; hosts are its nodes or sit beside them */
NAMED_ENUM_DECLARE(TopologyKind, topology_kind, TOPOLOGY_KINDS)

typedef struct Topology Topology;

/* 'places' hosts on one switch. */
Topology *topology_flat(guint places);
Topology *topology_fat_tree(guint ports, GError **error);
Topology *topology_three_tier(guint hosts_per_rack, guint racks_per_pod, guint pods, GError **error);
Topology *topology_vl2(guint aggregation_ports, guint intermediate_ports, GError **error);
Topology *topology_bcube(guint ports, guint levels, GError **error);

/* A graph of 'nodes' switches with undirected edges (pairs of node indices); 'hosts_per_node' hosts hang on each node
 * by a link of their own; 0: the nodes are the hosts.  Edge capacities: edge_mib_per_s[edges], or NULL.
 * GODWIT_ERROR_INPUT when it is not connected or has more than 8192 nodes. */
Topology *topology_graph(guint nodes, const guint (*edges)[2], const double *edge_mib_per_s, guint edges_length,
                         guint hosts_per_node, GError **error);
void topology_free(Topology *topology);

TopologyKind topology_kind_of(const Topology *topology);
guint topology_places(const Topology *topology);
guint topology_switches(const Topology *topology);
guint topology_links(const Topology *topology); /* directed */

/* The number of links between two places; 0 for the same.  Constant time, but for graphs the first call fills a
 * table (made when the graph is made). */
guint topology_distance(const Topology *topology, guint a, guint b);

/* The two ends of a link as nodes: places first, then switches.  The way back is link ^ 1. */
void topology_link_ends(const Topology *topology, guint link, guint *from, guint *to);

/* Appends the directed links from 'a' to 'b' to 'links' (guint), topology_distance of them. */
void topology_route(const Topology *topology, guint a, guint b, guint64 flow, GArray *links);

/* Every host link carries 'host_mib_per_s' each way; links between switches 'switch_mib_per_s', except where a graph
 * brought its own.  Default: 1 Gibit/s, 128 MiB/s, everywhere (seed 003 section 3.2). */
void topology_set_rates(Topology *topology, double host_mib_per_s, double switch_mib_per_s);
double topology_link_mib_per_s(const Topology *topology, guint link);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Topology, topology_free)
