/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/day-java.c with what OpenJDK 17 prints. */
#include "sim/day-java.h"

static void test_table_grows_at_three_quarters(void)
{
    g_assert_cmpuint(java_hash_bits(4, 12), ==, 4);
    g_assert_cmpuint(java_hash_bits(4, 13), ==, 5);
    g_assert_cmpuint(java_hash_bits(5, 3), ==, 5);
    g_assert_cmpuint(java_hash_bits(4, 100), ==, 8);
}

static void assert_order(guint8 bits, guint32 *vms, guint length, const guint32 *expected)
{
    java_hash_order(bits, vms, length);
    for (guint i = 0; i < length; i++) {
        g_assert_cmpuint(vms[i], ==, expected[i]);
    }
}

static void test_order_of_a_table(void)
{
    guint32 small[] = {17, 4, 1051, 230, 9, 10, 99, 100, 555, 42};
    guint32 large[] = {17, 4, 1051, 230, 9, 10, 99, 100, 555, 42, 3, 800, 801, 802};
    static const guint32 small_order[] = {230, 100, 1051, 17, 4, 99, 10, 9, 42, 555};
    static const guint32 large_order[] = {230, 100, 800, 802, 801, 99, 10, 42, 555, 1051, 17, 3, 4, 9};

    assert_order(4, small, G_N_ELEMENTS(small), small_order);
    assert_order(5, large, G_N_ELEMENTS(large), large_order);
}

static void test_random_numbers(void)
{
    guint64 state = java_random_seed(1);
    static const guint expected[] = {0, 0, 1, 1, 4, 4, 0, 5, 1, 0, 0, 1, 3, 3, 0, 2, 7, 3, 0, 0, 2, 3, 0, 5, 4, 2, 7};

    for (gsize i = 0; i < G_N_ELEMENTS(expected); i++) {
        g_assert_cmpuint(java_random_below(&state, (guint)i % 9 + 1), ==, expected[i]);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/day-java/table-grows-at-three-quarters", test_table_grows_at_three_quarters);
    g_test_add_func("/day-java/order-of-a-table", test_order_of_a_table);
    g_test_add_func("/day-java/random-numbers", test_random_numbers);
    return g_test_run();
}
