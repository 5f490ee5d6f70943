/* SPDX-License-Identifier: Apache-2.0
 *
 * Degree of connection: how much of what remains on a host still talks to each other; see group-select.h. */
#include "place/group-parts.h"
#include "base/indices.h"

#include <string.h>

GroupGraph *group_graph_new(const Traffic *traffic, const guint *vms, guint vms_length)
{
    GroupGraph *graph = g_new0(GroupGraph, 1);
    g_autofree guint *sorted = g_new(guint, vms_length + 1);
    g_autoptr(GArray) peers = g_array_new(FALSE, FALSE, sizeof(guint));

    graph->length = vms_length;
    graph->first = g_new0(guint, vms_length + 1);
    graph->is_unseen = g_new0(gboolean, vms_length + 1);
    graph->stack = g_new(guint, vms_length + 1);
    memcpy(sorted, vms, vms_length * sizeof *sorted);
    indices_sort(sorted, vms_length);
    for (guint i = 0; i < vms_length; i++) {
        for (guint e = traffic ? traffic->first[sorted[i]] : 0; traffic && e < traffic->first[sorted[i] + 1]; e++) {
            const guint *found =
                bsearch(&traffic->peer[e], sorted, vms_length, sizeof *sorted, index_compare);

            if (found) {
                guint j = (guint)(found - sorted);
                g_array_append_val(peers, j);
            }
        }
        graph->first[i + 1] = peers->len;
    }
    graph->peer = (guint *)(void *)g_array_free(g_steal_pointer(&peers), FALSE);
    return graph;
}

void group_graph_free(GroupGraph *graph)
{
    if (graph) {
        g_free(graph->first);
        g_free(graph->peer);
        g_free(graph->is_unseen);
        g_free(graph->stack);
        g_free(graph);
    }
}

/* How many are reached from 'from' through VMs not seen yet, all of which count as seen then. */
static guint graph_reach(GroupGraph *graph, guint from)
{
    guint waiting = 0;
    guint reached = 0;

    graph->stack[waiting++] = from;
    graph->is_unseen[from] = FALSE;
    while (waiting > 0) {
        guint vm = graph->stack[--waiting];

        reached++;
        for (guint e = graph->first[vm]; e < graph->first[vm + 1]; e++) {
            if (graph->is_unseen[graph->peer[e]]) {
                graph->is_unseen[graph->peer[e]] = FALSE;
                graph->stack[waiting++] = graph->peer[e];
            }
        }
    }
    return reached;
}

guint group_graph_connected(GroupGraph *graph, DocVariant variant)
{
    guint largest = 1;
    guint talking = 0;

    for (guint i = 0; i < graph->length; i++) {
        if (graph->is_unseen[i]) {
            guint reached = graph_reach(graph, i);

            largest = MAX(largest, reached);
            talking += reached > 1 ? reached : 0;
        }
    }
    return variant == DOC_COMPONENT ? largest : talking;
}

double group_connection(const PlaceProblem *problem, DocVariant variant, const guint *vms, guint vms_length)
{
    GroupGraph *graph;
    guint connected;

    if (vms_length <= 1) {
        return 1;
    }
    graph = group_graph_new(problem->traffic, vms, vms_length);
    for (guint i = 0; i < vms_length; i++) {
        graph->is_unseen[i] = TRUE;
    }
    connected = group_graph_connected(graph, variant);
    group_graph_free(graph);
    return (double)connected / vms_length;
}
