/* SPDX-License-Identifier: Apache-2.0
 *
 * Any graph as a Topology; see topology.h.
 *
 * Distances between nodes are a table, filled by a breadth-first search from every node when the graph is made: two
 * bytes per pair, 128 MiB for the largest.  A route walks down the table: at each node, one of the neighbours that are
 * one closer, drawn from flow and node. */
#include "model/topology-private.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

#define NODES_MAX 8192
#define FAR G_MAXUINT16

typedef struct Neighbour {
    guint node;
    guint edge;
} Neighbour;

struct TopologyGraph {
    guint nodes;
    guint hosts_per_node;
    guint edges;
    guint (*ends)[2];       /* [edges] */
    double *edge_mib_per_s; /* [edges], or NULL */
    guint *first;           /* [nodes + 1] into 'neighbours' */
    Neighbour *neighbours;  /* [2 * edges] */
    guint16 *hops;          /* [nodes * nodes] */
};

void topology_graph_free(TopologyGraph *graph)
{
    if (graph) {
        g_free(graph->ends);
        g_free(graph->edge_mib_per_s);
        g_free(graph->first);
        g_free(graph->neighbours);
        g_free(graph->hops);
        g_free(graph);
    }
}

double topology_graph_edge_mib_per_s(const TopologyGraph *graph, guint edge)
{
    return graph->edge_mib_per_s ? graph->edge_mib_per_s[edge] : NAN;
}

static guint hops_between(const TopologyGraph *graph, guint a, guint b)
{
    return graph->hops[(gsize)a * graph->nodes + b];
}

static guint node_of(const TopologyGraph *graph, guint place)
{
    return graph->hosts_per_node ? place / graph->hosts_per_node : place;
}

static guint graph_distance(const Topology *topology, guint a, guint b)
{
    const TopologyGraph *graph = topology->graph;

    return hops_between(graph, node_of(graph, a), node_of(graph, b)) + (graph->hosts_per_node ? 2 : 0);
}

/* One of the neighbours of 'at' that are closer to 'goal'. */
static const Neighbour *next_hop(const TopologyGraph *graph, guint at, guint goal, guint64 flow)
{
    const Neighbour *chosen = NULL;
    guint64 best = 0;

    for (guint i = graph->first[at]; i < graph->first[at + 1]; i++) {
        const Neighbour *neighbour = &graph->neighbours[i];
        guint64 lot = topology_scramble(flow, neighbour->edge); /* the largest lot wins */

        if (hops_between(graph, neighbour->node, goal) < hops_between(graph, at, goal) && (!chosen || lot > best)) {
            chosen = neighbour;
            best = lot;
        }
    }
    return chosen;
}

static void graph_route(const Topology *topology, guint a, guint b, guint64 flow, GArray *links)
{
    const TopologyGraph *graph = topology->graph;
    guint goal = node_of(graph, b);

    if (graph->hosts_per_node) {
        topology_go_up(links, a);
    }
    for (guint at = node_of(graph, a); at != goal;) {
        const Neighbour *next = next_hop(graph, at, goal, flow);
        guint cable = topology->host_cables + next->edge;

        if (graph->ends[next->edge][0] == at) {
            topology_go_up(links, cable);
        } else {
            topology_go_down(links, cable);
        }
        at = next->node;
    }
    if (graph->hosts_per_node) {
        topology_go_down(links, b);
    }
}

static void graph_cable_ends(const Topology *topology, guint cable, guint *lower, guint *upper)
{
    const TopologyGraph *graph = topology->graph;
    guint nodes_at = graph->hosts_per_node ? topology->places : 0;

    if (cable < topology->host_cables) {
        *lower = cable;
        *upper = nodes_at + node_of(graph, cable);
    } else {
        *lower = nodes_at + graph->ends[cable - topology->host_cables][0];
        *upper = nodes_at + graph->ends[cable - topology->host_cables][1];
    }
}

static const TopologyKindOps GRAPH = {graph_distance, graph_route, graph_cable_ends};

static void fill_neighbours(TopologyGraph *graph)
{
    g_autofree guint *at = g_new0(guint, graph->nodes + 1);

    graph->first = g_new0(guint, graph->nodes + 1);
    graph->neighbours = g_new(Neighbour, 2 * (gsize)graph->edges + 1);
    for (guint e = 0; e < graph->edges; e++) {
        graph->first[graph->ends[e][0] + 1]++;
        graph->first[graph->ends[e][1] + 1]++;
    }
    for (guint n = 0; n < graph->nodes; n++) {
        graph->first[n + 1] += graph->first[n];
        at[n] = graph->first[n];
    }
    for (guint e = 0; e < graph->edges; e++) {
        guint a = graph->ends[e][0], b = graph->ends[e][1];

        graph->neighbours[at[a]++] = (Neighbour){b, e};
        graph->neighbours[at[b]++] = (Neighbour){a, e};
    }
}

/* Fills the row of 'start'; the number of nodes it reaches. */
static guint search_from(TopologyGraph *graph, guint start, guint *queue)
{
    guint16 *row = graph->hops + (gsize)start * graph->nodes;
    guint length = 1;

    memset(row, 0xff, graph->nodes * sizeof *row); /* FAR */
    row[start] = 0;
    queue[0] = start;
    for (guint done = 0; done < length; done++) {
        guint node = queue[done];

        for (guint i = graph->first[node]; i < graph->first[node + 1]; i++) {
            guint peer = graph->neighbours[i].node;

            if (row[peer] == FAR) {
                row[peer] = (guint16)(row[node] + 1);
                queue[length++] = peer;
            }
        }
    }
    return length;
}

static gboolean fill_hops(TopologyGraph *graph, GError **error)
{
    g_autofree guint *queue = g_new(guint, graph->nodes);

    graph->hops = g_new(guint16, (gsize)graph->nodes * graph->nodes);
    for (guint start = 0; start < graph->nodes; start++) {
        guint reached = search_from(graph, start, queue);

        if (reached < graph->nodes) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                        "the graph is not connected: from node %u only %u of %u nodes are reached", start, reached,
                        graph->nodes);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean check_graph(guint nodes, const guint (*edges)[2], const double *edge_mib_per_s, guint edges_length,
                            guint hosts_per_node, GError **error)
{
    if (nodes < 1 || nodes > NODES_MAX || hosts_per_node > G_MAXUINT16) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "a graph of %u nodes with %u hosts each: 1 to %d nodes, at most %d hosts each", nodes,
                    hosts_per_node, NODES_MAX, G_MAXUINT16);
        return FALSE;
    }
    for (guint e = 0; e < edges_length; e++) {
        if (edges[e][0] >= nodes || edges[e][1] >= nodes || edges[e][0] == edges[e][1]) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                        "edge %u joins nodes %u and %u: two different ones below %u are needed", e, edges[e][0],
                        edges[e][1], nodes);
            return FALSE;
        }
        if (edge_mib_per_s && !(edge_mib_per_s[e] >= 0)) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "edge %u has capacity %g; it must be 0 or more", e,
                        edge_mib_per_s[e]);
            return FALSE;
        }
    }
    return TRUE;
}

Topology *topology_graph(guint nodes, const guint (*edges)[2], const double *edge_mib_per_s, guint edges_length,
                         guint hosts_per_node, GError **error)
{
    if (!check_graph(nodes, edges, edge_mib_per_s, edges_length, hosts_per_node, error)) {
        return NULL;
    }
    g_autoptr(Topology) topology = topology_alloc(TOPOLOGY_GRAPH, &GRAPH);
    TopologyGraph *graph = g_new0(TopologyGraph, 1);

    topology->graph = graph;
    graph->nodes = nodes;
    graph->hosts_per_node = hosts_per_node;
    graph->edges = edges_length;
    graph->ends = g_memdup2(edges, edges_length * sizeof *edges);
    graph->edge_mib_per_s = g_memdup2(edge_mib_per_s, edges_length * sizeof *edge_mib_per_s);
    fill_neighbours(graph);
    if (!fill_hops(graph, error)) {
        return NULL;
    }
    topology->places = nodes * MAX(hosts_per_node, 1);
    topology->switches = hosts_per_node ? nodes : 0;
    topology->host_cables = hosts_per_node ? topology->places : 0;
    topology->cables = topology->host_cables + edges_length;
    return g_steal_pointer(&topology);
}
