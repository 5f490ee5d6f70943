/* SPDX-License-Identifier: Apache-2.0
 *
 * model/traffic.c and traffic-model.c. */
#include "model/traffic.h"
#include "base/error.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows ascend, both directions are there with one rate. */
static void check_rows(const Traffic *traffic)
{
    g_assert_cmpuint(traffic->first[0], ==, 0);
    for (guint v = 0; v < traffic->vms; v++) {
        for (guint e = traffic->first[v]; e < traffic->first[v + 1]; e++) {
            g_assert_cmpuint(traffic->peer[e], !=, v);
            g_assert_cmpuint(traffic->peer[e], <, traffic->vms);
            g_assert_true(e == traffic->first[v] || traffic->peer[e - 1] < traffic->peer[e]);
            g_assert_cmpfloat(traffic->mib_per_s[e], >, 0);
            g_assert_cmpfloat(traffic_between(traffic, traffic->peer[e], v), ==, traffic->mib_per_s[e]);
        }
    }
}

static void test_rows(void)
{
    TrafficBuilder *builder = traffic_builder_new(5);

    traffic_builder_add(builder, 3, 1, 2.5);
    traffic_builder_add(builder, 1, 3, 4);
    traffic_builder_add(builder, 1, 0, 1);
    traffic_builder_add(builder, 2, 2, 9);
    traffic_builder_add(builder, 0, 4, 0);
    traffic_builder_add(builder, 0, 4, NAN);
    g_autoptr(Traffic) traffic = traffic_builder_end(builder);
    check_rows(traffic);
    g_assert_cmpuint(traffic->first[5], ==, 4);
    g_assert_cmpfloat(traffic_between(traffic, 1, 3), ==, 6.5);
    g_assert_cmpfloat(traffic_between(traffic, 0, 1), ==, 1);
    g_assert_cmpfloat(traffic_between(traffic, 0, 4), ==, 0);
    g_assert_cmpfloat(traffic_between(traffic, 2, 2), ==, 0);
}

static void test_against_a_matrix(void)
{
    enum { VMS = 40 };
    g_autofree double *matrix = g_new0(double, VMS * VMS);
    TrafficBuilder *builder = traffic_builder_new(VMS);
    Rng rng = rng_new(2);

    for (guint i = 0; i < 700; i++) {
        guint a = rng_below(&rng, VMS), b = rng_below(&rng, VMS);
        double rate = (double)rng_below(&rng, 8); /* whole: sums are exact in any order */

        traffic_builder_add(builder, a, b, rate);
        matrix[a * VMS + b] += a == b ? 0 : rate;
        matrix[b * VMS + a] += a == b ? 0 : rate;
    }
    g_autoptr(Traffic) traffic = traffic_builder_end(builder);
    check_rows(traffic);
    for (guint i = 0; i < VMS * VMS; i++) {
        g_assert_cmpfloat(traffic_between(traffic, i / VMS, i % VMS), ==, matrix[i]);
    }
}

static void test_nobody(void)
{
    g_autoptr(Traffic) traffic = traffic_builder_end(traffic_builder_new(0));

    g_assert_cmpuint(traffic->first[0], ==, 0);
}

static void test_model(void)
{
    TrafficModel model;
    Rng rng = rng_new(11);
    double sum = 0, squares = 0;

    traffic_model_init(&model);
    g_autoptr(Traffic) traffic = traffic_generate(6000, &model, &rng);
    check_rows(traffic);
    guint directed = traffic->first[6000], far = 0;
    for (guint v = 0; v < 6000; v++) {
        for (guint e = traffic->first[v]; e < traffic->first[v + 1]; e++) {
            sum += traffic->mib_per_s[e];
            squares += traffic->mib_per_s[e] * traffic->mib_per_s[e];
            far += abs((int)traffic->peer[e] - (int)v) >= 6;
        }
    }
    double mean = sum / directed;
    g_assert_cmpfloat_with_epsilon(mean, 10, 0.05);
    g_assert_cmpfloat_with_epsilon(sqrt(squares / directed - mean * mean), 1, 0.05);
    /* Groups of 2..6, mean 4, have E n(n - 1) / 2 = 7 pairs: 0.75 * 7 / 4 = 1.31 edges per VM. */
    g_assert_cmpfloat_with_epsilon(directed / 2.0 / 6000, 1.3125 + 0.01, 0.05);
    g_assert_cmpuint(far, >, 60); /* strays: 60 expected, both directions of each */
    g_assert_cmpuint(far, <, 200);
}

static void test_same_seed_same_traffic(void)
{
    TrafficModel model;
    Rng one = rng_new(4), two = rng_new(4);

    traffic_model_init(&model);
    g_autoptr(Traffic) a = traffic_generate(300, &model, &one);
    g_autoptr(Traffic) b = traffic_generate(300, &model, &two);
    g_assert_cmpmem(a->first, 301 * sizeof(guint), b->first, 301 * sizeof(guint));
    g_assert_cmpmem(a->mib_per_s, a->first[300] * sizeof(double), b->mib_per_s, b->first[300] * sizeof(double));
}

/* The last application has as many VMs as are left. */
static void test_any_number_of_vms(void)
{
    TrafficModel model;
    Rng rng = rng_new(6);

    traffic_model_init(&model);
    for (guint vms = 0; vms < 200; vms++) {
        g_autoptr(Traffic) traffic = traffic_generate(vms, &model, &rng);

        check_rows(traffic);
    }
}

static int find_letter(const char *name, gpointer user)
{
    return strlen(name) == 1 && name[0] >= 'a' && name[0] <= 'd' ? name[0] - 'a' : -1;
}

static void test_file(void)
{
    const char *text = "# who talks\n a b 10MiB/s\n\nb\tc 80mbit # both ways\r\nd z 1MiB/s\na b 1048576\n";
    g_autoptr(GError) error = NULL;
    g_autoptr(Traffic) traffic = traffic_parse(text, "talk.txt", 4, find_letter, NULL, TRUE, &error);

    g_assert_no_error(error);
    check_rows(traffic);
    g_assert_cmpfloat(traffic_between(traffic, 0, 1), ==, 11);
    g_assert_cmpfloat_with_epsilon(traffic_between(traffic, 2, 1), 1e7 / 0x1p20, 1e-12);
    g_assert_cmpuint(traffic->first[4], ==, 4);
}

static void test_file_errors(void)
{
    static const char *const CASES[][2] = {
        {"a b 1MiB/s\nd z 1MiB/s\n", "talk.txt: line 2: *VM 'z'*"},
        {"a b\n", "talk.txt: line 1: *2 words*"},
        {"a b 1MiB/s 3\n", "talk.txt: line 1: *4 words*"},
        {"\n\na b fast\n", "talk.txt: line 3: *'fast'*"},
        {"a b -3\n", "talk.txt: line 1: *'-3'*"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(traffic_parse(CASES[i][0], "talk.txt", 4, find_letter, NULL, FALSE, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_true(g_pattern_match_simple(CASES[i][1], error->message));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/traffic/rows-are-sorted-and-symmetric", test_rows);
    g_test_add_func("/traffic/agrees-with-a-matrix", test_against_a_matrix);
    g_test_add_func("/traffic/nobody", test_nobody);
    g_test_add_func("/traffic/model-has-its-moments", test_model);
    g_test_add_func("/traffic/any-number-of-vms", test_any_number_of_vms);
    g_test_add_func("/traffic/same-seed-same-traffic", test_same_seed_same_traffic);
    g_test_add_func("/traffic/file", test_file);
    g_test_add_func("/traffic/file-errors-say-where", test_file_errors);
    return g_test_run();
}
