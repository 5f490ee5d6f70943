/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/base/stats.c. */
#include "base/stats.h"

#include <math.h>
#include <string.h>

static void test_empty_array_gives_nan(void)
{
    g_assert_true(isnan(stats_mean(NULL, 0)));
    g_assert_true(isnan(stats_median(NULL, 0)));
    g_assert_true(isnan(stats_quantile(NULL, 0, 0.9)));
    g_assert_true(isnan(stats_min(NULL, 0)));
    g_assert_true(isnan(stats_max(NULL, 0)));
}

static void test_mean(void)
{
    static const double VALUES[] = {1, 2, 6};

    g_assert_cmpfloat(stats_mean(VALUES, 3), ==, 3);
    g_assert_cmpfloat(stats_mean(VALUES, 1), ==, 1);
}

static void test_median_of_odd_and_even(void)
{
    static const double VALUES[] = {9, 1, 5, 2};

    g_assert_cmpfloat(stats_median(VALUES, 3), ==, 5);
    g_assert_cmpfloat(stats_median(VALUES, 4), ==, 3.5);
    g_assert_cmpfloat(stats_median(VALUES, 1), ==, 9);
}

static void test_input_stays_as_it_is(void)
{
    const double before[] = {9, 1, 5, 2};
    double values[4];

    memcpy(values, before, sizeof values);
    stats_median(values, 4);
    g_assert_cmpmem(values, sizeof values, before, sizeof before);
}

static void test_quantiles_interpolate(void)
{
    static const double VALUES[] = {40, 10, 30, 20, 50};

    g_assert_cmpfloat(stats_quantile(VALUES, 5, 0), ==, 10);
    g_assert_cmpfloat(stats_quantile(VALUES, 5, 0.25), ==, 20);
    g_assert_cmpfloat_with_epsilon(stats_quantile(VALUES, 5, 0.9), 46, 1e-12);
    g_assert_cmpfloat(stats_quantile(VALUES, 5, 1), ==, 50);
    g_assert_cmpfloat(stats_min(VALUES, 5), ==, 10);
    g_assert_cmpfloat(stats_max(VALUES, 5), ==, 50);
}

static void test_quantiles_rise(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(3);
    double values[37];
    double last = -INFINITY;

    for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
        values[i] = g_rand_double_range(rand, -100, 100);
    }
    for (int percent = 0; percent <= 100; percent++) {
        double quantile = stats_quantile(values, G_N_ELEMENTS(values), percent / 100.0);

        g_assert_cmpfloat(quantile, >=, last);
        last = quantile;
    }
    g_assert_cmpfloat(last, ==, stats_max(values, G_N_ELEMENTS(values)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/stats/empty-array-gives-nan", test_empty_array_gives_nan);
    g_test_add_func("/stats/mean-is-sum-by-length", test_mean);
    g_test_add_func("/stats/median-of-odd-and-even-lengths", test_median_of_odd_and_even);
    g_test_add_func("/stats/input-stays-as-it-is", test_input_stays_as_it_is);
    g_test_add_func("/stats/quantiles-interpolate", test_quantiles_interpolate);
    g_test_add_func("/stats/quantiles-rise", test_quantiles_rise);
    return g_test_run();
}
