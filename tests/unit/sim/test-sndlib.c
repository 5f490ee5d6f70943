/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/sndlib.c: the networks in data/sndlib, every one in the folder that SNDLIB_DIR names, and errors with their line.
 */
#include "sim/sndlib.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

#define MBIT (1e6 / 8 / 0x1p20)

static Sndlib *load(const char *name)
{
    g_autofree char *path = g_build_filename(DATA_DIR, "sndlib", name, NULL);
    g_autoptr(GError) error = NULL;
    Sndlib *sndlib = sndlib_load(path, &error);

    g_assert_no_error(error);
    return sndlib;
}

static void test_abilene(void)
{
    g_autoptr(Sndlib) sndlib = load("abilene.txt");
    g_autoptr(Topology) topology = sndlib_topology(sndlib, 2, MBIT, 0, NULL);
    int seattle = sndlib_find_node(sndlib, "STTLng"), atlanta = sndlib_find_node(sndlib, "ATLAM5");
    const SndlibNode *node = &g_array_index(sndlib->nodes, SndlibNode, seattle);
    const SndlibLink *link = &g_array_index(sndlib->links, SndlibLink, 2);
    const SndlibDemand *demand = &g_array_index(sndlib->demands, SndlibDemand, 0);

    g_assert_cmpuint(sndlib->nodes->len, ==, 12);
    g_assert_cmpuint(sndlib->links->len, ==, 15);
    g_assert_cmpuint(sndlib->demands->len, ==, 132);
    g_assert_cmpfloat(node->longitude, ==, -122.30);
    g_assert_cmpfloat(node->latitude, ==, 47.60);
    g_assert_cmpfloat(link->installed, ==, 2480);
    g_assert_cmpfloat(link->module, ==, 40000);
    g_assert_cmpuint(demand->dst, ==, seattle);
    g_assert_cmpfloat(demand->value, ==, 3580);
    g_assert_cmpint(sndlib_find_node(sndlib, "Springfield"), ==, -1);
    g_assert_cmpuint(topology_places(topology), ==, 24);
    /* Seattle - Denver - Kansas City - Indianapolis - Atlanta - ATLAM5, and a host's link at both ends. */
    g_assert_cmpuint(topology_distance(topology, 2 * seattle, 2 * atlanta + 1), ==, 5 + 2);
    g_assert_cmpfloat_with_epsilon(topology_link_mib_per_s(topology, 2 * (24 + 2)), 42480 * MBIT, 1e-9);
}

static void test_polska(void)
{
    g_autoptr(Sndlib) sndlib = load("polska.txt");

    g_assert_cmpuint(sndlib->nodes->len, ==, 12);
    g_assert_cmpuint(sndlib->links->len, ==, 18);
    g_assert_cmpuint(sndlib->demands->len, ==, 66);
    g_assert_cmpfloat(g_array_index(sndlib->links, SndlibLink, 0).installed, ==, 0);
    g_assert_cmpfloat(g_array_index(sndlib->links, SndlibLink, 0).module, ==, 622); /* the larger of two */
}

/* The whole collection when it is there: each must be read and be connected. */
static void test_folder(void)
{
    static const struct {
        const char *name;
        guint nodes, links, demands;
    } KNOWN[] = {{"abilene.txt", 12, 15, 132},
                 {"geant.txt", 22, 36, 462},
                 {"germany50.txt", 50, 88, 662},
                 {"nobel-germany.txt", 17, 26, 121},
                 {"polska.txt", 12, 18, 66}};
    const char *given = g_getenv("SNDLIB_DIR");
    g_autofree char *folder = given ? g_strdup(given) : g_build_filename(DATA_DIR, "sndlib", NULL);
    guint found = 0;

    for (gsize i = 0; i < G_N_ELEMENTS(KNOWN); i++) {
        g_autofree char *path = g_build_filename(folder, KNOWN[i].name, NULL);
        g_autoptr(GError) error = NULL;

        if (!g_file_test(path, G_FILE_TEST_EXISTS)) {
            continue;
        }
        g_autoptr(Sndlib) sndlib = sndlib_load(path, &error);
        g_assert_no_error(error);
        g_autoptr(Topology) topology = sndlib_topology(sndlib, 1, MBIT, 128, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(sndlib->nodes->len, ==, KNOWN[i].nodes);
        g_assert_cmpuint(sndlib->links->len, ==, KNOWN[i].links);
        g_assert_cmpuint(sndlib->demands->len, ==, KNOWN[i].demands);
        found++;
    }
    g_test_message("%u networks in %s", found, folder);
    g_assert_cmpuint(found, >=, 2);
}

#define HEAD  "?SNDlib native format; type: network; version: 1.0\n# a comment\n"
#define NODES "NODES (\n a ( 1 2 )\n b\n)\n" /* lines 3 to 6 */

static void test_small_things(void)
{
    const char *text = HEAD "META (\n origin = (nobody), 2004\n)\n" NODES
                            "LINKS ( l ( a b ) 0 0 0 0 ( ) m ( a b ) 5.5 0 0 0 ( 1 1 3 1 2 1 ) )\n"
                            "DEMANDS (\n d ( b a ) 1 7.25 3\n)\nADMISSIBLE_PATHS ( x ( p ( l ) ) )\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(Sndlib) sndlib = sndlib_parse(text, "small", &error);

    g_assert_no_error(error);
    g_autoptr(Topology) topology = sndlib_topology(sndlib, 0, 2, 99, NULL);
    g_assert_cmpuint(topology_places(topology), ==, 2);
    g_assert_cmpfloat(topology_link_mib_per_s(topology, 0), ==, 99);
    g_assert_cmpfloat(topology_link_mib_per_s(topology, 2), ==, 17);
    g_assert_cmpfloat(g_array_index(sndlib->demands, SndlibDemand, 0).value, ==, 7.25);
    g_assert_cmpuint(g_array_index(sndlib->demands, SndlibDemand, 0).src, ==, 1);
}

static void test_errors_say_where(void)
{
    static const char *const CASES[][2] = {
        {"", "net: line 1: *not SNDlib's native format*"},
        {"?SNDlib native format; type: network\n", "net: line 2: *no NODES*"},
        {HEAD "NODES\n a\n", "net: line 4: '(' is wanted, here is 'a'"},
        {HEAD NODES "ROADS ( )", "net: line 7: *here is 'ROADS'"},
        {HEAD NODES "NODES ( )", "net: line 7: *section 'NODES' already"},
        {HEAD "NODES (\n a\n a\n)\n", "net: line 5: *node 'a' already"},
        {HEAD "NODES (\n a ( 1 )\n)\n", "net: line 4: *latitude, here is ')'"},
        {HEAD "NODES (\n a ( 1 2 3 )\n)\n", "net: line 4: ')' is wanted, here is '3'"},
        {HEAD "NODES (\n a\n", "net: line 5: a node is wanted, here is the end of the file"},
        {HEAD NODES "LINKS (\n l ( a c ) 0 0 0 0 ( )\n)", "net: line 8: there is no node 'c'"},
        {HEAD NODES "LINKS (\n l ( a a ) 0 0 0 0 ( )\n)", "net: line 8: from 'a' to itself"},
        {HEAD NODES "LINKS (\n l ( a b ) -1 0 0 0 ( )\n)", "net: line 8: the pre-installed capacity is '-1'*"},
        {HEAD NODES "LINKS (\n l ( a b ) 1 0 0 0\n)", "net: line 9: '(' is wanted, here is ')'"},
        {HEAD NODES "LINKS (\n l ( a b ) 1 0 0 0 ( 1 )\n)", "net: line 8: *module's cost, here is ')'"},
        {HEAD NODES "LINKS (\n l ( a b ) much 0 0 0 ( )\n)", "net: line 8: a number*here is 'much'"},
        {HEAD NODES "DEMANDS (\n d ( a b ) 1 nan UNLIMITED\n)", "net: line 8: a number*here is 'nan'"},
        {HEAD NODES "DEMANDS (\n d ( a b ) 1 2\n)", "net: line 9: *longest path, here is ')'"},
        {HEAD NODES "ADMISSIBLE_PATHS (\n d ( x ( l )\n", "net: line 9: *end of the file*"},
        {HEAD "META (\n a = b\n", "net: line *: META has no end*"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(sndlib_parse(CASES[i][0], "net", &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        if (!g_pattern_match_simple(CASES[i][1], error->message)) {
            g_error("wanted \"%s\", got \"%s\"", CASES[i][1], error->message);
        }
    }
}

/* Every beginning of a real file is either refused with a message or, after the last section, good. */
static void test_cut_anywhere(void)
{
    g_autofree char *path = g_build_filename(DATA_DIR, "sndlib", "polska.txt", NULL);
    g_autofree char *text = NULL;
    gsize length = 0;

    g_assert_true(g_file_get_contents(path, &text, &length, NULL));
    for (gsize cut = 0; cut < length; cut += 37) {
        g_autofree char *start = g_strndup(text, cut);
        g_autoptr(GError) error = NULL;
        g_autoptr(Sndlib) sndlib = sndlib_parse(start, "cut", &error);

        g_assert_true((sndlib == NULL) == (error != NULL));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sndlib/abilene", test_abilene);
    g_test_add_func("/sndlib/polska", test_polska);
    g_test_add_func("/sndlib/all-that-are-given", test_folder);
    g_test_add_func("/sndlib/what-the-grammar-leaves-open", test_small_things);
    g_test_add_func("/sndlib/errors-say-where", test_errors_say_where);
    g_test_add_func("/sndlib/cut-anywhere", test_cut_anywhere);
    return g_test_run();
}
