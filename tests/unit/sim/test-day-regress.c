/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/day-regress.c. */
#include "sim/day-regress.h"

#include <math.h>

#include "base/rng.h"

static void test_line_through_points_on_a_line(void)
{
    double values[10];

    for (guint i = 0; i < 10; i++) {
        values[i] = 0.3 + 0.05 * (i + 1);
    }
    Line fits[] = {line_fit(values, 10), line_fit_local(values, 10, FALSE), line_fit_local(values, 10, TRUE)};

    for (gsize i = 0; i < G_N_ELEMENTS(fits); i++) {
        g_assert_cmpfloat_with_epsilon(fits[i].intercept, 0.3, 1e-12);
        g_assert_cmpfloat_with_epsilon(fits[i].slope, 0.05, 1e-12);
    }
}

/* The normal equations, solved by hand for 1, 2, 4 at 1, 2, 3. */
static void test_least_squares(void)
{
    Line line = line_fit((double[]){1, 2, 4}, 3);

    g_assert_cmpfloat_with_epsilon(line.slope, 1.5, 1e-14);
    g_assert_cmpfloat_with_epsilon(line.intercept, -2.0 / 3, 1e-14);
}

static void test_new_points_weigh_more(void)
{
    /* flat, then rising at the end: the local fit must see the rise more */
    double values[] = {0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.3, 0.4, 0.5};

    g_assert_cmpfloat(line_fit_local(values, 10, FALSE).slope, >, line_fit(values, 10).slope * 1.5);
}

static void test_robust_ignores_an_outlier(void)
{
    for (guint outlier = 0; outlier < 9; outlier++) {
        double values[10];

        for (guint i = 0; i < 10; i++) {
            values[i] = 0.3 + 0.02 * (i + 1) + 0.001 * (i % 3);
        }
        values[outlier] += 0.3;
        Line plain = line_fit_local(values, 10, FALSE);
        Line robust = line_fit_local(values, 10, TRUE);
        double there = 0.3 + 0.02 * 11;

        g_test_message("%u: %g against %g", outlier, robust.intercept + robust.slope * 11 - there,
                       plain.intercept + plain.slope * 11 - there);
        g_assert_cmpfloat(fabs(robust.intercept + robust.slope * 11 - there), <, 0.01);
        g_assert_cmpfloat(fabs(robust.intercept + robust.slope * 11 - there), <=,
                          fabs(plain.intercept + plain.slope * 11 - there) + 0.002);
    }
}

static void test_determination_of_a_combination(void)
{
    double series[2 * 12], target[12], result = 0;
    Rng rng = rng_new(3);

    for (guint i = 0; i < 12; i++) {
        series[i] = rng_unit(&rng);
        series[12 + i] = rng_unit(&rng);
        target[i] = 0.1 + 2 * series[i] - series[12 + i];
    }
    g_assert_true(determination(target, series, 2, 12, &result));
    g_assert_cmpfloat_with_epsilon(result, 1, 1e-12);
}

/* With one predictor it is the squared correlation. */
static void test_determination_is_squared_correlation(void)
{
    Rng rng = rng_new(4);

    for (guint round = 0; round < 50; round++) {
        double x[20], y[20], result = 0;
        double mx = 0, my = 0, xx = 0, yy = 0, xy = 0;

        for (guint i = 0; i < 20; i++) {
            x[i] = rng_unit(&rng);
            y[i] = x[i] + rng_unit(&rng) * round / 10;
            mx += x[i] / 20;
            my += y[i] / 20;
        }
        for (guint i = 0; i < 20; i++) {
            xx += (x[i] - mx) * (x[i] - mx);
            yy += (y[i] - my) * (y[i] - my);
            xy += (x[i] - mx) * (y[i] - my);
        }
        g_assert_true(determination(y, x, 1, 20, &result));
        g_assert_cmpfloat_with_epsilon(result, xy * xy / (xx * yy), 1e-10);
    }
}

static void test_determination_needs_samples(void)
{
    double series[] = {1, 2, 3, 3, 1, 2}, target[] = {1, 2, 2}, result = 0;

    g_assert_false(determination(target, series, 0, 3, &result));
    g_assert_true(determination(target, series, 2, 3, &result));
    g_assert_false(determination(target, series, 2, 2, &result));
    g_assert_false(determination(target, (double[]){0, 0, 0}, 1, 3, &result));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/day-regress/points-on-a-line", test_line_through_points_on_a_line);
    g_test_add_func("/day-regress/least-squares", test_least_squares);
    g_test_add_func("/day-regress/new-points-weigh-more", test_new_points_weigh_more);
    g_test_add_func("/day-regress/robust-ignores-an-outlier", test_robust_ignores_an_outlier);
    g_test_add_func("/day-regress/determination-of-a-combination", test_determination_of_a_combination);
    g_test_add_func("/day-regress/determination-is-squared-correlation", test_determination_is_squared_correlation);
    g_test_add_func("/day-regress/determination-needs-samples", test_determination_needs_samples);
    return g_test_run();
}
