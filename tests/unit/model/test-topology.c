/* SPDX-License-Identifier: Apache-2.0
 *
 * model/topology*.c: every kind is laid out as a graph, link by link; distances must be those of a breadth-first search
 * in it, routes must be ways in it. */
#include "model/topology.h"
#include "base/error.h"
#include "base/rng.h"

#include <math.h>
#include <string.h>

static guint nodes_of(const Topology *topology)
{
    return topology_places(topology) + topology_switches(topology);
}

/* Hops from 'start' to every node over the links as topology_link_ends tells them. */
static guint *search(const Topology *topology, guint start)
{
    guint nodes = nodes_of(topology), links = topology_links(topology);
    guint *hops = g_new(guint, nodes);
    gboolean moved = TRUE;

    memset(hops, 0xff, nodes * sizeof *hops);
    hops[start] = 0;
    for (guint length = 0; moved; length++) {
        moved = FALSE;
        for (guint link = 0; link < links; link++) {
            guint from = 0, to = 0;

            topology_link_ends(topology, link, &from, &to);
            if (hops[from] == length && hops[to] == G_MAXUINT) {
                hops[to] = length + 1;
                moved = TRUE;
            }
        }
    }
    return hops;
}

static void check_route(const Topology *topology, guint a, guint b, guint64 flow)
{
    g_autoptr(GArray) links = g_array_new(FALSE, FALSE, sizeof(guint));
    guint at = a;

    topology_route(topology, a, b, flow, links);
    g_assert_cmpuint(links->len, ==, topology_distance(topology, a, b));
    for (guint i = 0; i < links->len; i++) {
        guint from = 0, to = 0;

        topology_link_ends(topology, g_array_index(links, guint, i), &from, &to);
        g_assert_cmpuint(from, ==, at);
        at = to;
    }
    g_assert_cmpuint(at, ==, b);
}

static void check_ends(const Topology *topology)
{
    for (guint link = 0; link < topology_links(topology); link++) {
        guint from = 0, to = 0, back_from = 0, back_to = 0;

        topology_link_ends(topology, link, &from, &to);
        topology_link_ends(topology, link ^ 1, &back_from, &back_to);
        g_assert_cmpuint(from, ==, back_to);
        g_assert_cmpuint(to, ==, back_from);
        g_assert_cmpuint(from, <, nodes_of(topology));
        g_assert_cmpuint(from, !=, to);
    }
}

/* From some places, all distances and routes. */
static void check_ways(const Topology *topology)
{
    guint places = topology_places(topology);
    Rng rng = rng_new(places);

    check_ends(topology);
    for (guint i = 0; i < 6; i++) {
        guint a = i == 0 ? 0 : i == 1 ? places - 1 : rng_below(&rng, places);
        g_autofree guint *hops = search(topology, a);

        for (guint b = 0; b < places; b++) {
            g_assert_cmpuint(topology_distance(topology, a, b), ==, hops[b]);
            check_route(topology, a, b, rng_u64(&rng));
        }
    }
}

/* The links that leave each node. */
static guint *degrees(const Topology *topology)
{
    guint *degree = g_new0(guint, nodes_of(topology));

    for (guint link = 0; link < topology_links(topology); link++) {
        guint from = 0, to = 0;

        topology_link_ends(topology, link, &from, &to);
        degree[from]++;
    }
    return degree;
}

static void assert_degrees(const Topology *topology, guint host_degree, guint switch_degree)
{
    g_autofree guint *degree = degrees(topology);

    for (guint node = 0; node < nodes_of(topology); node++) {
        g_assert_cmpuint(degree[node], ==, node < topology_places(topology) ? host_degree : switch_degree);
    }
}

static void test_flat(void)
{
    g_autoptr(Topology) topology = topology_flat(9);

    check_ways(topology);
    assert_degrees(topology, 1, 9);
    g_assert_cmpuint(topology_distance(topology, 3, 4), ==, 2);
}

static void test_fat_tree(void)
{
    static const guint TABLE[][2] = {{2, 2}, {4, 16}, {8, 128}, {10, 250}, {12, 432}, {14, 686}, {16, 1024}};

    for (gsize i = 0; i < G_N_ELEMENTS(TABLE); i++) {
        guint k = TABLE[i][0];
        g_autoptr(Topology) topology = topology_fat_tree(k, NULL);

        g_assert_cmpuint(topology_places(topology), ==, TABLE[i][1]);
        g_assert_cmpuint(topology_switches(topology), ==, 5 * k * k / 4);
        assert_degrees(topology, 1, k);
        check_ways(topology);
    }
    g_autoptr(Topology) eight = topology_fat_tree(8, NULL);
    g_assert_cmpuint(topology_distance(eight, 5, 5), ==, 0);
    g_assert_cmpuint(topology_distance(eight, 0, 3), ==, 2);
    g_assert_cmpuint(topology_distance(eight, 0, 4), ==, 4);
    g_assert_cmpuint(topology_distance(eight, 0, 15), ==, 4);
    g_assert_cmpuint(topology_distance(eight, 0, 16), ==, 6);
}

static void test_three_tier(void)
{
    g_autoptr(Topology) topology = topology_three_tier(3, 4, 2, NULL);
    g_autoptr(Topology) bare = topology_three_tier(1, 1, 1, NULL);

    g_assert_cmpuint(topology_places(topology), ==, 24);
    g_assert_cmpuint(topology_switches(topology), ==, 8 + 2 + 1);
    check_ways(topology);
    check_ways(bare);
    g_assert_cmpuint(topology_distance(topology, 0, 2), ==, 2);
    g_assert_cmpuint(topology_distance(topology, 0, 3), ==, 4);
    g_assert_cmpuint(topology_distance(topology, 0, 12), ==, 6);
}

static void test_vl2(void)
{
    g_autoptr(Topology) topology = topology_vl2(6, 8, NULL);
    g_autofree guint *degree = degrees(topology);
    guint racks = 6 * 8 / 4, at = topology_places(topology);

    g_assert_cmpuint(topology_places(topology), ==, 20 * racks);
    g_assert_cmpuint(topology_switches(topology), ==, racks + 8 + 6 / 2);
    for (guint i = 0; i < racks; i++) {
        g_assert_cmpuint(degree[at++], ==, 22); /* hosts and two uplinks */
    }
    for (guint i = 0; i < 8; i++) {
        g_assert_cmpuint(degree[at++], ==, 6);
    }
    for (guint i = 0; i < 3; i++) {
        g_assert_cmpuint(degree[at++], ==, 8);
    }
    check_ways(topology);
    g_assert_cmpuint(topology_distance(topology, 0, 19), ==, 2);
    g_assert_cmpuint(topology_distance(topology, 0, 20), ==, 4); /* a pod: D_A / 2 racks */
    g_assert_cmpuint(topology_distance(topology, 0, 60), ==, 6);
}

static void test_bcube(void)
{
    static const guint TABLE[][3] = {{4, 0, 4}, {4, 1, 16}, {3, 2, 27}, {2, 4, 32}};

    for (gsize i = 0; i < G_N_ELEMENTS(TABLE); i++) {
        guint n = TABLE[i][0], l = TABLE[i][1], places = TABLE[i][2];
        g_autoptr(Topology) topology = topology_bcube(n, l, NULL);

        g_assert_cmpuint(topology_places(topology), ==, places);
        g_assert_cmpuint(topology_switches(topology), ==, (l + 1) * places / n);
        assert_degrees(topology, l + 1, n);
        check_ways(topology);
    }
    g_autoptr(Topology) topology = topology_bcube(4, 1, NULL);
    g_assert_cmpuint(topology_distance(topology, 0, 3), ==, 2); /* 00 and 03 */
    g_assert_cmpuint(topology_distance(topology, 0, 8), ==, 2); /* 00 and 20 */
    g_assert_cmpuint(topology_distance(topology, 0, 9), ==, 4); /* 00 and 21 */
}

/* A ring with random chords: connected, with several shortest ways. */
static Topology *random_graph(Rng *rng, guint hosts_per_node)
{
    guint nodes = 3 + rng_below(rng, 30), edges = nodes + rng_below(rng, 2 * nodes);
    g_autofree guint(*ends)[2] = g_malloc(edges * sizeof *ends);

    for (guint e = 0; e < edges; e++) {
        ends[e][0] = e < nodes ? e : rng_below(rng, nodes);
        ends[e][1] = e < nodes ? (e + 1) % nodes : (ends[e][0] + 1 + rng_below(rng, nodes - 1)) % nodes;
    }
    return topology_graph(nodes, (const guint(*)[2])ends, NULL, edges, hosts_per_node, NULL);
}

static void test_graphs(void)
{
    Rng rng = rng_new(5);

    for (guint i = 0; i < 40; i++) {
        g_autoptr(Topology) topology = random_graph(&rng, i % 4);

        check_ways(topology);
    }
}

static void test_graph_errors(void)
{
    static const guint APART[][2] = {{0, 1}, {2, 3}}, LOOP[][2] = {{0, 0}}, FAR[][2] = {{0, 7}};
    static const struct {
        const guint (*edges)[2];
        guint length;
        const char *says;
    } CASES[] = {{APART, 2, "*not connected*2 of 4*"}, {LOOP, 1, "*edge 0*0 and 0*"}, {FAR, 1, "*edge 0*0 and 7*"}};

    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(topology_graph(4, CASES[i].edges, NULL, CASES[i].length, 1, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_true(g_pattern_match_simple(CASES[i].says, error->message));
    }
}

static void test_bad_parameters(void)
{
    g_assert_null(topology_fat_tree(7, NULL));
    g_assert_null(topology_fat_tree(0, NULL));
    g_assert_null(topology_fat_tree(4096, NULL));
    g_assert_null(topology_three_tier(0, 1, 1, NULL));
    g_assert_null(topology_three_tier(60000, 60000, 60000, NULL));
    g_assert_null(topology_vl2(6, 7, NULL));
    g_assert_null(topology_bcube(1, 1, NULL));
    g_assert_null(topology_bcube(16, 20, NULL));
    g_autoptr(GError) error = NULL;
    g_assert_null(topology_vl2(5, 6, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
}

/* How many different links the given hop of a route uses over many flows, and how uneven: the largest share. */
static guint spread(const Topology *topology, guint a, guint b, guint hop, double *largest)
{
    g_autoptr(GHashTable) used = g_hash_table_new(NULL, NULL);
    g_autoptr(GArray) links = g_array_new(FALSE, FALSE, sizeof(guint));
    guint flows = 16000, most = 0;

    for (guint64 flow = 0; flow < flows; flow++) {
        g_array_set_size(links, 0);
        topology_route(topology, a, b, flow, links);
        gpointer key = GUINT_TO_POINTER(g_array_index(links, guint, hop));
        guint count = GPOINTER_TO_UINT(g_hash_table_lookup(used, key)) + 1;
        g_hash_table_insert(used, key, GUINT_TO_POINTER(count));
        most = MAX(most, count);
    }
    *largest = (double)most / flows;
    return g_hash_table_size(used);
}

static void test_flows_spread(void)
{
    g_autoptr(Topology) fat = topology_fat_tree(8, NULL);
    g_autoptr(Topology) vl2 = topology_vl2(8, 4, NULL);
    g_autoptr(Topology) bcube = topology_bcube(4, 2, NULL);
    static const guint SQUARE[][2] = {{0, 1}, {1, 2}, {0, 3}, {3, 2}};
    g_autoptr(Topology) square = topology_graph(4, SQUARE, NULL, 4, 0, NULL);
    double largest = 0;

    g_assert_cmpuint(spread(fat, 0, 127, 1, &largest), ==, 4); /* aggregates */
    g_assert_cmpfloat(largest, <, 0.27);
    g_assert_cmpuint(spread(fat, 0, 127, 2, &largest), ==, 16); /* cores */
    g_assert_cmpfloat(largest, <, 0.075);
    g_assert_cmpuint(spread(vl2, 0, 159, 2, &largest), ==, 8); /* 2 aggregates with 4 intermediates each */
    g_assert_cmpuint(spread(bcube, 0, 63, 0, &largest), ==, 3);
    g_assert_cmpuint(spread(square, 0, 2, 0, &largest), ==, 2);
    g_assert_cmpfloat(largest, <, 0.53);
}

static void test_same_flow_same_way(void)
{
    g_autoptr(Topology) topology = topology_fat_tree(8, NULL);
    g_autoptr(GArray) one = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GArray) two = g_array_new(FALSE, FALSE, sizeof(guint));

    topology_route(topology, 1, 100, 77, one);
    topology_route(topology, 1, 100, 77, two);
    g_assert_cmpmem(one->data, one->len * sizeof(guint), two->data, two->len * sizeof(guint));
}

static void test_rates(void)
{
    static const guint PATH[][2] = {{0, 1}, {1, 2}};
    static const double RATES[] = {40, 50};
    g_autoptr(Topology) topology = topology_graph(3, PATH, RATES, 2, 1, NULL);
    g_autoptr(Topology) fat = topology_fat_tree(4, NULL);

    g_assert_cmpfloat(topology_link_mib_per_s(fat, 0), ==, 128);
    topology_set_rates(topology, 100, 200);
    topology_set_rates(fat, 100, 200);
    g_assert_cmpfloat(topology_link_mib_per_s(topology, 0), ==, 100);
    g_assert_cmpfloat(topology_link_mib_per_s(topology, 6), ==, 40);
    g_assert_cmpfloat(topology_link_mib_per_s(topology, 9), ==, 50);
    g_assert_cmpfloat(topology_link_mib_per_s(fat, 31), ==, 100);
    g_assert_cmpfloat(topology_link_mib_per_s(fat, 32), ==, 200);
}

/* A table of a hundred thousand hosts squared would not fit in memory; this takes none at all. */
static void test_hundred_thousand_hosts(void)
{
    g_autoptr(Topology) topology = topology_fat_tree(74, NULL);
    guint places = topology_places(topology);
    Rng rng = rng_new(1);

    g_assert_cmpuint(places, ==, 101306);
    for (guint i = 0; i < 20000; i++) {
        check_route(topology, rng_below(&rng, places), rng_below(&rng, places), i);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/topology/flat", test_flat);
    g_test_add_func("/topology/fat-tree", test_fat_tree);
    g_test_add_func("/topology/three-tier", test_three_tier);
    g_test_add_func("/topology/vl2", test_vl2);
    g_test_add_func("/topology/bcube", test_bcube);
    g_test_add_func("/topology/any-graph", test_graphs);
    g_test_add_func("/topology/graph-errors-say-where", test_graph_errors);
    g_test_add_func("/topology/bad-parameters-are-refused", test_bad_parameters);
    g_test_add_func("/topology/flows-spread-over-equal-ways", test_flows_spread);
    g_test_add_func("/topology/same-flow-same-way", test_same_flow_same_way);
    g_test_add_func("/topology/rates", test_rates);
    g_test_add_func("/topology/a-hundred-thousand-hosts", test_hundred_thousand_hosts);
    return g_test_run();
}
