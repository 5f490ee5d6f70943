/* SPDX-License-Identifier: Apache-2.0
 *
 * Min cut with METIS; see mincut.h.
 *
 * METIS takes whole numbers, so loads and rates are scaled to thousandths.  Nodes that may not leave are not in its
 * graph: it cannot hold nodes in place.  Its balance is a wish, not a promise; cut_refine brings the answer into the
 * window. */
#include "place/mincut.h"

#include <math.h>
#include <string.h>

#include <metis.h>

#define SCALE 1000

/* A graph in METIS's form: rows of neighbours. */
typedef struct MetisGraph {
    idx_t length;
    idx_t constraints;
    guint *node_of; /* [length] in the CutGraph */
    idx_t *first;   /* [length + 1] */
    idx_t *neighbour;
    idx_t *edge;
    idx_t *weight; /* [length][constraints] */
    idx_t *part;   /* [length] */
} MetisGraph;

static void metis_graph_clear(MetisGraph *metis)
{
    g_free(metis->node_of);
    g_free(metis->first);
    g_free(metis->neighbour);
    g_free(metis->edge);
    g_free(metis->weight);
    g_free(metis->part);
}

static double largest_weight(const CutGraph *graph)
{
    double largest = 0;

    for (gsize i = 0; i < (gsize)graph->length * graph->length; i++) {
        largest = MAX(largest, graph->weight[i]);
    }
    return largest;
}

static void fill_edges(MetisGraph *metis, const CutGraph *graph)
{
    double largest = largest_weight(graph);
    idx_t edges = 0;

    for (idx_t i = 0; i < metis->length; i++) {
        for (idx_t j = 0; j < metis->length; j++) {
            double weight = graph->weight[(gsize)metis->node_of[i] * graph->length + metis->node_of[j]];

            if (i != j && weight > 0) {
                metis->neighbour[edges] = j;
                metis->edge[edges++] = 1 + (idx_t)(SCALE * weight / largest);
            }
        }
        metis->first[i + 1] = edges;
    }
}

static void metis_graph_init(MetisGraph *metis, const CutGraph *graph, const double *total)
{
    gsize cells = (gsize)graph->length * graph->length + 1;

    *metis = (MetisGraph){.constraints = RESOURCE_COUNT};
    metis->node_of = g_new(guint, graph->length + 1);
    metis->first = g_new0(idx_t, graph->length + 1);
    metis->neighbour = g_new(idx_t, cells);
    metis->edge = g_new(idx_t, cells);
    metis->weight = g_new(idx_t, (gsize)graph->length * RESOURCE_COUNT + 1);
    metis->part = g_new0(idx_t, graph->length + 1);
    for (guint i = 0; i < graph->length; i++) {
        if (graph->stays[i]) {
            continue;
        }
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            metis->weight[metis->length * RESOURCE_COUNT + r] =
                1 + (idx_t)(total[r] > 0 ? SCALE * graph->load[i][r] / total[r] : 0);
        }
        metis->node_of[metis->length++] = i;
    }
    fill_edges(metis, graph);
}

/* Part 1 is to have share[r] of each resource, give or take 'slack' of that.  Without an answer part 1 is empty. */
static void partition(MetisGraph *metis, const double *share, double slack, guint64 seed)
{
    idx_t parts = 2;
    idx_t cut = 0;
    idx_t options[METIS_NOPTIONS];
    real_t targets[2 * RESOURCE_COUNT];
    real_t balance[RESOURCE_COUNT];

    METIS_SetDefaultOptions(options);
    options[METIS_OPTION_SEED] = (idx_t)(seed & 0x7fffffff);
    options[METIS_OPTION_NUMBERING] = 0;
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        targets[r] = (real_t)(1 - share[r]);
        targets[RESOURCE_COUNT + r] = (real_t)share[r];
        balance[r] = (real_t)(1 + slack);
    }
    if (METIS_PartGraphRecursive(&metis->length, &metis->constraints, metis->first, metis->neighbour, metis->weight,
                                 NULL, metis->edge, &parts, targets, balance, options, &cut, metis->part) != METIS_OK) {
        memset(metis->part, 0, sizeof *metis->part * (gsize)metis->length);
    }
}

static void sum_loads(const CutGraph *graph, double *total)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        total[r] = 0;
        for (guint i = 0; i < graph->length; i++) {
            total[r] += graph->stays[i] ? 0 : graph->load[i][r];
        }
    }
}

static void take_part(const MetisGraph *metis, guint length, gboolean *leaves)
{
    memset(leaves, 0, sizeof *leaves * length);
    for (idx_t i = 0; i < metis->length; i++) {
        leaves[metis->node_of[i]] = metis->part[i] == 1;
    }
}

void cut_metis(const CutGraph *graph, guint64 seed, gboolean *leaves)
{
    double total[RESOURCE_COUNT];
    double share[RESOURCE_COUNT];
    double most = 0;
    double wanted = 0;
    MetisGraph metis;

    sum_loads(graph, total);
    most = MIN(graph->most, total[graph->fullest]);
    wanted = (MAX(graph->need[graph->fullest], 0) + MAX(most, graph->need[graph->fullest])) / 2;
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double least = total[r] > 0 ? graph->need[r] / total[r] : 0;
        double middle = total[graph->fullest] > 0 ? wanted / total[graph->fullest] : 0.5;

        share[r] = CLAMP(MAX(least, middle), 0.02, 0.98); /* METIS wants something for either part */
    }
    metis_graph_init(&metis, graph, total);
    if (metis.length > 1) {
        partition(&metis, share, wanted > 0 ? CLAMP((most - wanted) / wanted, 0.02, 1) : 0.1, seed);
    }
    take_part(&metis, graph->length, leaves);
    metis_graph_clear(&metis);
}

void cut_halve(const CutGraph *graph, guint64 seed, gboolean *half)
{
    static const double HALF[RESOURCE_COUNT] = {0.5, 0.5};
    double total[RESOURCE_COUNT];
    MetisGraph metis;
    idx_t ones = 0;

    sum_loads(graph, total);
    metis_graph_init(&metis, graph, total);
    if (metis.length > 1) {
        partition(&metis, HALF, 0.3, seed);
        for (idx_t i = 0; i < metis.length; i++) {
            ones += metis.part[i];
        }
        if (ones == 0 || ones == metis.length) { /* few heavy nodes: METIS may give up; then by count */
            for (idx_t i = 0; i < metis.length; i++) {
                metis.part[i] = i < metis.length / 2;
            }
        }
    }
    take_part(&metis, graph->length, half);
    metis_graph_clear(&metis);
}
