/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/partitions.c: the seed's example, known counts, and all restricted growth strings on random graphs. */
#include "place/partitions.h"
#include "base/rng.h"

#include <string.h>

#define VMS_MAX 12

static gboolean append(const guint64 *blocks, guint blocks_length, gpointer user)
{
    GString *text = user;

    for (guint b = 0; b < blocks_length; b++) {
        g_string_append_c(text, '{');
        for (guint i = 0; i < 64; i++) {
            if (blocks[b] >> i & 1) {
                g_string_append_printf(text, "%u", i + 3);
            }
        }
        g_string_append_c(text, '}');
    }
    g_string_append_c(text, '\n');
    return TRUE;
}

/* VM3 - VM4 - VM5: of the five partitions {3,5}{4} is refused. */
static void test_seed_example(void)
{
    static const guint64 NEIGHBOURS[] = {1 << 1, 1 << 0 | 1 << 2, 1 << 1};
    g_autoptr(GString) text = g_string_new(NULL);
    g_auto(GStrv) lines = NULL;

    g_assert_true(partitions_each(NEIGHBOURS, 3, append, text));
    lines = g_strsplit(g_strchomp(text->str), "\n", 0);
    g_assert_cmpuint(g_strv_length(lines), ==, 4);
    g_assert_true(g_strv_contains((const char *const *)lines, "{3}{4}{5}"));
    g_assert_true(g_strv_contains((const char *const *)lines, "{34}{5}"));
    g_assert_true(g_strv_contains((const char *const *)lines, "{3}{45}"));
    g_assert_true(g_strv_contains((const char *const *)lines, "{345}"));
    g_assert_false(partition_is_connected(NEIGHBOURS, 1 << 0 | 1 << 2));
    g_assert_true(partition_is_connected(NEIGHBOURS, 1 << 0 | 1 << 1));
}

static gboolean count(const guint64 *blocks, guint blocks_length, gpointer user)
{
    ++*(guint *)user;
    return TRUE;
}

static guint count_of(const guint64 *neighbours, guint length)
{
    guint number = 0;

    g_assert_true(partitions_each(neighbours, length, count, &number));
    return number;
}

static void test_complete_graph_gives_bell_numbers(void)
{
    static const guint BELL[] = {1, 2, 5, 15, 52, 203, 877, 4140, 21147, 115975, 678570};

    for (guint n = 1; n <= G_N_ELEMENTS(BELL); n++) {
        guint64 neighbours[VMS_MAX];

        for (guint i = 0; i < n; i++) {
            neighbours[i] = (((guint64)1 << n) - 1) & ~((guint64)1 << i);
        }
        g_assert_cmpuint(count_of(neighbours, n), ==, BELL[n - 1]);
    }
}

static void test_path_gives_powers_of_two(void)
{
    for (guint n = 1; n <= VMS_MAX; n++) {
        guint64 neighbours[VMS_MAX] = {0};

        for (guint i = 0; i + 1 < n; i++) {
            neighbours[i] |= (guint64)1 << (i + 1);
            neighbours[i + 1] |= (guint64)1 << i;
        }
        g_assert_cmpuint(count_of(neighbours, n), ==, 1u << (n - 1));
    }
}

static void test_without_edges_only_single_vms(void)
{
    static const guint64 NONE[40];

    g_assert_cmpuint(count_of(NONE, 40), ==, 1);
    g_assert_cmpuint(count_of(NONE, 0), ==, 1);
}

static void random_graph(guint64 *neighbours, guint n, double share, Rng *rng)
{
    memset(neighbours, 0, n * sizeof *neighbours);
    for (guint a = 0; a < n; a++) {
        for (guint b = a + 1; b < n; b++) {
            if (rng_unit(rng) < share) {
                neighbours[a] |= (guint64)1 << b;
                neighbours[b] |= (guint64)1 << a;
            }
        }
    }
}

/* All restricted growth strings, those with a block that is not connected left out. */
static guint count_plainly(const guint64 *neighbours, guint n, guint i, guint64 *blocks, guint blocks_length)
{
    guint sum = 0;

    if (i == n) {
        for (guint b = 0; b < blocks_length; b++) {
            guint64 seen = blocks[b] & -blocks[b];

            for (guint round = 0; round < n; round++) {
                for (guint v = 0; v < n; v++) {
                    seen |= seen >> v & 1 ? neighbours[v] & blocks[b] : 0;
                }
            }
            if (seen != blocks[b]) {
                return 0;
            }
        }
        return 1;
    }
    for (guint b = 0; b <= blocks_length; b++) {
        guint64 before = b < blocks_length ? blocks[b] : 0;

        blocks[b] = before | (guint64)1 << i;
        sum += count_plainly(neighbours, n, i + 1, blocks, MAX(blocks_length, b + 1));
        blocks[b] = before;
    }
    return sum;
}

typedef struct Seen {
    const guint64 *neighbours;
    guint n;
    GHashTable *keys;
} Seen;

static gboolean is_right_and_new(const guint64 *blocks, guint blocks_length, gpointer user)
{
    Seen *seen = user;
    g_autoptr(GString) key = g_string_new(NULL);
    guint64 all = 0;

    for (guint b = 0; b < blocks_length; b++) {
        g_assert_cmpuint(blocks[b] & all, ==, 0);
        g_assert_true(partition_is_connected(seen->neighbours, blocks[b]));
        g_assert_true(b == 0 || (blocks[b - 1] & -blocks[b - 1]) < (blocks[b] & -blocks[b]));
        all |= blocks[b];
        g_string_append_printf(key, "%" G_GINT64_MODIFIER "x ", blocks[b]);
    }
    g_assert_cmpuint(all, ==, ((guint64)1 << seen->n) - 1);
    g_assert_true(g_hash_table_add(seen->keys, g_strdup(key->str)));
    return TRUE;
}

static void test_random_graphs(void)
{
    Rng rng = rng_new(3);

    for (guint i = 0; i < 200; i++) {
        guint n = 1 + rng_below(&rng, 8);
        guint64 neighbours[8];
        guint64 blocks[9] = {0};
        g_autoptr(GHashTable) keys = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        Seen seen = {neighbours, n, keys};

        random_graph(neighbours, n, rng_unit(&rng), &rng);
        g_assert_true(partitions_each(neighbours, n, is_right_and_new, &seen));
        g_assert_cmpuint(g_hash_table_size(keys), ==, count_plainly(neighbours, n, 0, blocks, 0));
    }
}

static gboolean stop_at_third(const guint64 *blocks, guint blocks_length, gpointer user)
{
    return ++*(guint *)user < 3;
}

static void test_stops_when_told(void)
{
    static const guint64 COMPLETE[] = {14, 13, 11, 7};
    guint number = 0;

    g_assert_false(partitions_each(COMPLETE, 4, stop_at_third, &number));
    g_assert_cmpuint(number, ==, 3);
}

/* 3 -5- 4 -9- 5, 6 -1- 7: the heaviest edge first, one step at a time, and never across components. */
static void test_coarsening_follows_traffic(void)
{
    static const guint64 NEIGHBOURS[] = {2, 5, 2, 16, 8};
    static const double RATES[] = {0, 5, 0, 0, 0, 5, 0, 9, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0};
    g_autoptr(GString) text = g_string_new(NULL);

    g_assert_true(partitions_coarsen(NEIGHBOURS, RATES, 5, append, text));
    g_assert_cmpstr(text->str, ==, "{3}{4}{5}{6}{7}\n{3}{45}{6}{7}\n{345}{6}{7}\n{345}{67}\n");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/partitions/example-of-the-seed", test_seed_example);
    g_test_add_func("/partitions/complete-graph-gives-bell-numbers", test_complete_graph_gives_bell_numbers);
    g_test_add_func("/partitions/path-gives-powers-of-two", test_path_gives_powers_of_two);
    g_test_add_func("/partitions/without-edges-only-single-vms", test_without_edges_only_single_vms);
    g_test_add_func("/partitions/random-graphs-agree-with-growth-strings", test_random_graphs);
    g_test_add_func("/partitions/stops-when-told", test_stops_when_told);
    g_test_add_func("/partitions/coarsening-follows-traffic", test_coarsening_follows_traffic);
    return g_test_run();
}
