/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/power.c. */
#include "sim/power.h"

#include <string.h>

static void test_points_of_the_table(void)
{
    gsize length = 0;
    const PowerCurve *curves = power_curves(&length);

    g_assert_cmpuint(length, ==, 7);
    for (gsize i = 0; i < length; i++) {
        for (guint point = 0; point < POWER_POINTS; point++) {
            g_assert_cmpfloat_with_epsilon(power_watts(&curves[i], point / 10.0), curves[i].watts[point], 1e-9);
            g_assert_true(point == 0 || curves[i].watts[point] > curves[i].watts[point - 1]);
        }
    }
}

static void test_straight_between_points(void)
{
    const PowerCurve *curve = power_curve_find("G5", NULL);

    g_assert_cmpfloat_with_epsilon(power_watts(curve, 0.05), (93.7 + 97) / 2, 1e-9);
    g_assert_cmpfloat_with_epsilon(power_watts(curve, 0.475), 110 + 0.75 * 6, 1e-9);
}

static void test_outside_is_the_end(void)
{
    const PowerCurve *curve = power_curve_find("X5675", NULL);

    g_assert_cmpfloat(power_watts(curve, -1), ==, 58.4);
    g_assert_cmpfloat(power_watts(curve, 1.5), ==, 222);
}

static void test_unknown_server(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(power_curve_find("G6", &error));
    g_assert_cmpstr(error->message, ==,
                    "no server called 'G6' has a power curve; there are G3, G4, G5, X3470, X3480, X5670, X5675");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/power/points-of-the-table", test_points_of_the_table);
    g_test_add_func("/power/straight-between-points", test_straight_between_points);
    g_test_add_func("/power/outside-is-the-end", test_outside_is_the_end);
    g_test_add_func("/power/unknown-server", test_unknown_server);
    return g_test_run();
}
