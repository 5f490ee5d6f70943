/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/base/rng.c. */
#include "base/rng.h"

#include <math.h>

#define DRAWS 200000

static void test_same_seed_same_numbers(void)
{
    Rng a = rng_new(7);
    Rng b = rng_new(7);
    Rng other = rng_new(8);
    Rng stream = rng_stream(7, 1);
    guint equal_to_other = 0;
    guint equal_to_stream = 0;

    for (guint i = 0; i < 100; i++) {
        guint64 value = rng_u64(&a);

        g_assert_cmpuint(value, ==, rng_u64(&b));
        equal_to_other += value == rng_u64(&other);
        equal_to_stream += value == rng_u64(&stream);
    }
    g_assert_cmpuint(equal_to_other + equal_to_stream, ==, 0);
}

/* The reference: xoshiro256++ from the state 1, 2, 3, 4. */
static void test_is_xoshiro256plusplus(void)
{
    Rng rng = {{1, 2, 3, 4}};

    g_assert_cmpuint(rng_u64(&rng), ==, 41943041);
    g_assert_cmpuint(rng_u64(&rng), ==, 58720359);
    g_assert_cmpuint(rng_u64(&rng), ==, 3588806011781223);
    g_assert_cmpuint(rng_u64(&rng), ==, 3591011842654386);
}

static void test_below_is_even(void)
{
    Rng rng = rng_new(1);
    guint counts[7] = {0};

    for (guint i = 0; i < 7 * 10000; i++) {
        counts[rng_below(&rng, 7)]++;
    }
    for (guint i = 0; i < 7; i++) { /* five standard deviations of a binomial */
        g_assert_cmpfloat(fabs((double)counts[i] - 10000), <, 5 * sqrt(10000 * 6.0 / 7));
    }
}

static void test_normal_has_mean_and_deviation(void)
{
    Rng rng = rng_new(2);
    double sum = 0;
    double squares = 0;

    for (guint i = 0; i < DRAWS; i++) {
        double value = rng_normal(&rng, 10, 2);

        sum += value;
        squares += value * value;
    }
    double mean = sum / DRAWS;
    g_assert_cmpfloat(fabs(mean - 10), <, 5 * 2 / sqrt(DRAWS));
    g_assert_cmpfloat(fabs(sqrt(squares / DRAWS - mean * mean) - 2), <, 0.02);
}

/* For the exponent 1.5 the numerator's deviation is 0.6966; half of all steps are shorter than the median of
 * |u| / |v|^(2/3), and the tail is heavy: some steps are longer than ten. */
static void test_levy_has_a_heavy_tail(void)
{
    Rng rng = rng_new(3);
    guint is_short = 0;
    guint is_long = 0;

    for (guint i = 0; i < DRAWS; i++) {
        double step = fabs(rng_levy(&rng, 1.5));

        is_short += step < 1;
        is_long += step > 10;
    }
    g_assert_cmpuint(is_short, >, DRAWS / 2);
    g_assert_cmpuint(is_long, >, DRAWS / 200);
    g_assert_cmpuint(is_long, <, DRAWS / 20);
}

static void test_shuffle_keeps_all(void)
{
    Rng rng = rng_new(4);
    guint items[50];
    guint64 seen = 0;

    for (guint i = 0; i < 50; i++) {
        items[i] = i;
    }
    rng_shuffle(&rng, items, 50);
    for (guint i = 0; i < 50; i++) {
        seen |= G_GUINT64_CONSTANT(1) << items[i];
    }
    g_assert_cmpuint(seen, ==, (G_GUINT64_CONSTANT(1) << 50) - 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rng/same-seed-same-numbers", test_same_seed_same_numbers);
    g_test_add_func("/rng/is-xoshiro256plusplus", test_is_xoshiro256plusplus);
    g_test_add_func("/rng/below-is-even", test_below_is_even);
    g_test_add_func("/rng/normal-has-mean-and-deviation", test_normal_has_mean_and_deviation);
    g_test_add_func("/rng/levy-has-a-heavy-tail", test_levy_has_a_heavy_tail);
    g_test_add_func("/rng/shuffle-keeps-all", test_shuffle_keeps_all);
    return g_test_run();
}
