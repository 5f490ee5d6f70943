/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/mincut*.c against the exact minimum cut with a load window, found by going through all sets. */
#include "base/rng.h"
#include "place/mincut.h"

#include <math.h>

static CutGraph *random_graph(guint length, Rng *rng)
{
    CutGraph *graph = cut_graph_new(length);
    double total[RESOURCE_COUNT] = {0};
    double share = rng_range(rng, 0.2, 0.45);

    for (guint i = 0; i < length; i++) {
        for (guint j = 0; j < i; j++) {
            double weight = rng_unit(rng) < 0.4 ? rng_range(rng, 1, 20) : 0;

            graph->weight[i * length + j] = graph->weight[j * length + i] = weight;
        }
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            graph->load[i][r] = rng_range(rng, 0.5, 2);
            total[r] += graph->load[i][r];
        }
        graph->outside[i] = rng_below(rng, 2) ? rng_range(rng, 0, 10) : 0;
        graph->stays[i] = rng_below(rng, 10) == 0;
    }
    graph->need[RESOURCE_CPU] = share * total[RESOURCE_CPU];
    graph->need[RESOURCE_MEMORY] = 0.1 * total[RESOURCE_MEMORY];
    graph->most = (share + 0.2) * total[RESOURCE_CPU];
    return graph;
}

/* The least cut of all sets in the window; INFINITY: there is none.  A Gray code, so that a set costs one node. */
static double exact_cut(const CutGraph *graph)
{
    g_autofree gboolean *leaves = g_new0(gboolean, graph->length + 1);
    double load[RESOURCE_COUNT] = {0};
    double best = INFINITY;
    double cut = 0;

    for (guint64 step = 1; step < (guint64)1 << graph->length; step++) {
        guint node = (guint)g_bit_nth_lsf(step, -1);
        gboolean is_allowed = TRUE;

        for (guint j = 0; j < graph->length; j++) {
            cut += leaves[node] == leaves[j] ? graph->weight[node * graph->length + j]
                                             : -graph->weight[node * graph->length + j];
        }
        leaves[node] = !leaves[node];
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            load[r] += leaves[node] ? graph->load[node][r] : -graph->load[node][r];
            is_allowed &= load[r] >= graph->need[r] - 1e-9;
        }
        for (guint i = 0; i < graph->length; i++) {
            is_allowed &= !(leaves[i] && graph->stays[i]);
        }
        if (is_allowed && load[graph->fullest] <= graph->most + 1e-9) {
            best = MIN(best, cut);
        }
    }
    return best;
}

typedef void (*Begin)(const CutGraph *graph, gboolean *leaves);

static void begin_metis(const CutGraph *graph, gboolean *leaves)
{
    cut_metis(graph, 42, leaves);
}

/* Within the window whenever there is a set in it, and the cut near the least. */
static void assert_near_exact(Begin begin, double mean_limit)
{
    double sum = 0;
    guint cases = 0;

    for (guint64 seed = 1; seed <= 60; seed++) {
        Rng rng = rng_new(seed);
        g_autoptr(CutGraph) graph = random_graph(5 + rng_below(&rng, 8), &rng);
        g_autofree gboolean *leaves = g_new0(gboolean, graph->length);
        double exact = exact_cut(graph);

        begin(graph, leaves);
        cut_refine(graph, leaves);
        for (guint i = 0; i < graph->length; i++) {
            g_assert_false(leaves[i] && graph->stays[i]);
        }
        if (isfinite(exact) && exact > 0) {
            g_assert_cmpfloat(cut_shortfall(graph, leaves), ==, 0);
            g_assert_cmpfloat(cut_overshoot(graph, leaves), ==, 0);
            g_assert_cmpfloat(cut_value(graph, leaves), >=, exact - 1e-9);
            sum += cut_value(graph, leaves) / exact;
            cases++;
        }
    }
    g_assert_cmpuint(cases, >, 30);
    g_assert_cmpfloat(sum / cases, <=, mean_limit);
}

static void test_grown_groups_are_near_the_exact_cut(void)
{
    assert_near_exact(cut_grow, 1.1);
}

static void test_metis_groups_are_near_the_exact_cut(void)
{
    assert_near_exact(begin_metis, 1.1);
}

/* The largest that the bitmask takes: two cliques of 10 with weak edges between, and a window that one of them fits. */
static void test_two_cliques_are_told_apart(void)
{
    g_autoptr(CutGraph) graph = cut_graph_new(20);
    g_autofree gboolean *leaves = g_new0(gboolean, 20);

    for (guint i = 0; i < 20; i++) {
        for (guint j = 0; j < 20; j++) {
            graph->weight[i * 20 + j] = i == j ? 0 : i % 2 == j % 2 ? 10 : i + j == 9 ? 1 : 0;
        }
        graph->load[i][RESOURCE_CPU] = graph->load[i][RESOURCE_MEMORY] = 1;
    }
    graph->need[RESOURCE_CPU] = 9;
    graph->most = 11;
    g_assert_cmpfloat_with_epsilon(exact_cut(graph), 5, 1e-9);
    cut_metis(graph, 1, leaves);
    cut_refine(graph, leaves);
    g_assert_cmpfloat_with_epsilon(cut_value(graph, leaves), 5, 1e-9);
    cut_grow(graph, leaves);
    cut_refine(graph, leaves);
    g_assert_cmpfloat_with_epsilon(cut_value(graph, leaves), 5, 1e-9);
}

static void test_refining_never_hurts(void)
{
    for (guint64 seed = 1; seed <= 100; seed++) {
        Rng rng = rng_new(seed);
        g_autoptr(CutGraph) graph = random_graph(2 + rng_below(&rng, 30), &rng);
        g_autofree gboolean *leaves = g_new0(gboolean, graph->length);
        double before[3];
        double after[3];

        for (guint i = 0; i < graph->length; i++) {
            leaves[i] = !graph->stays[i] && rng_below(&rng, 2);
        }
        before[0] = cut_shortfall(graph, leaves);
        before[1] = cut_overshoot(graph, leaves);
        before[2] = cut_value(graph, leaves);
        cut_refine(graph, leaves);
        after[0] = cut_shortfall(graph, leaves);
        after[1] = cut_overshoot(graph, leaves);
        after[2] = cut_value(graph, leaves);
        for (guint i = 0; i < 3; i++) {
            g_assert_cmpfloat(after[i], <=, before[i] + 1e-9);
            if (after[i] < before[i] - 1e-9) {
                break;
            }
        }
    }
}

static void test_halves_have_a_node_each(void)
{
    for (guint length = 2; length < 40; length++) {
        Rng rng = rng_new(length);
        g_autoptr(CutGraph) graph = random_graph(length, &rng);
        g_autofree gboolean *half = g_new0(gboolean, length);
        guint ones = 0;

        memset(graph->stays, 0, sizeof(gboolean) * length);
        if (length % 3 == 0) {
            graph->load[0][RESOURCE_CPU] = 1000; /* one that outweighs all */
        }
        cut_halve(graph, length, half);
        for (guint i = 0; i < length; i++) {
            ones += half[i] != 0;
        }
        g_assert_cmpuint(ones, >, 0);
        g_assert_cmpuint(ones, <, length);
    }
}

static void test_small_graphs(void)
{
    for (guint length = 0; length < 3; length++) {
        g_autoptr(CutGraph) graph = cut_graph_new(length);
        g_autofree gboolean *leaves = g_new0(gboolean, length + 1);

        for (guint i = 0; i < length; i++) {
            graph->load[i][RESOURCE_CPU] = 1;
        }
        graph->need[RESOURCE_CPU] = 1;
        cut_grow(graph, leaves);
        cut_refine(graph, leaves);
        cut_metis(graph, 1, leaves);
        cut_refine(graph, leaves);
        g_assert_cmpfloat(cut_shortfall(graph, leaves), ==, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/mincut/grown-groups-are-near-the-exact-cut", test_grown_groups_are_near_the_exact_cut);
    g_test_add_func("/mincut/metis-groups-are-near-the-exact-cut", test_metis_groups_are_near_the_exact_cut);
    g_test_add_func("/mincut/two-cliques-are-told-apart", test_two_cliques_are_told_apart);
    g_test_add_func("/mincut/refining-never-hurts", test_refining_never_hurts);
    g_test_add_func("/mincut/halves-have-a-node-each", test_halves_have_a_node_each);
    g_test_add_func("/mincut/small-graphs", test_small_graphs);
    return g_test_run();
}
