/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/classify/smooth.c with the vectors computed by hand and with the unrolled form, equation (6). */
#include "classify/classify.h"

#include <math.h>

static void test_rising_series(void)
{
    static const double RISING[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

    g_assert_cmpfloat_with_epsilon(smooth_exponential(RISING, 10, 0.3), 7.887938945, 1e-9);
}

static void test_alternating_series(void)
{
    static const double ALTERNATING[] = {9, 1, 9, 1, 9, 1, 9, 1, 9, 1};

    g_assert_cmpfloat_with_epsilon(smooth_exponential(ALTERNATING, 10, 0.3), 4.314057076, 1e-9);
}

static double unrolled(const double *series, gsize length, double alpha)
{
    double mean = 0;
    double sum = 0;

    for (gsize i = 0; i < length; i++) {
        mean += series[i] / (double)length;
        sum += alpha * pow(1 - alpha, (double)(length - 1 - i)) * series[i];
    }
    return sum + pow(1 - alpha, (double)length) * mean;
}

static void test_recursion_is_equation_6(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);

    for (gsize length = 1; length < 60; length++) {
        double series[60];
        double alpha = g_rand_double(rand);

        for (gsize i = 0; i < length; i++) {
            series[i] = g_rand_double_range(rand, 0, 1e5);
        }
        g_assert_cmpfloat_with_epsilon(smooth_exponential(series, length, alpha), unrolled(series, length, alpha),
                                       1e-7);
    }
}

static void test_limits_of_alpha(void)
{
    static const double SERIES[] = {4, 8, 6};

    g_assert_cmpfloat(smooth_exponential(SERIES, 3, 1), ==, 6);
    g_assert_cmpfloat(smooth_exponential(SERIES, 3, 0), ==, 6);
    g_assert_cmpfloat(smooth_exponential(SERIES, 2, 1), ==, 8);
    g_assert_cmpfloat(smooth_exponential(SERIES, 2, 0), ==, 6);
}

static void test_constant_series_stays(void)
{
    static const double SERIES[] = {7, 7, 7, 7};

    g_assert_cmpfloat_with_epsilon(smooth_exponential(SERIES, 4, 0.3), 7, 1e-12);
}

static void test_empty_series_is_unknown(void)
{
    g_assert_true(isnan(smooth_exponential(NULL, 0, 0.3)));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smooth/rising-series-of-the-models-page", test_rising_series);
    g_test_add_func("/smooth/alternating-series-of-the-models-page", test_alternating_series);
    g_test_add_func("/smooth/recursion-is-equation-6", test_recursion_is_equation_6);
    g_test_add_func("/smooth/alpha-1-is-the-last-value-and-alpha-0-the-mean", test_limits_of_alpha);
    g_test_add_func("/smooth/constant-series-stays", test_constant_series_stays);
    g_test_add_func("/smooth/empty-series-is-unknown", test_empty_series_is_unknown);
    return g_test_run();
}
