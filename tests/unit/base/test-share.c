/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/model/share.c. */
#include "model/share.h"

/* 0.93 of a link is payload. */
static void test_narrower_link_decides(void)
{
    g_assert_cmpuint(equal_share(100, 4, 100, 1, 0), ==, 23);
    g_assert_cmpuint(equal_share(100, 1, 100, 5, 0), ==, 18);
    g_assert_cmpuint(equal_share(1000, 2, 30, 1, 0), ==, 27);
}

static void test_unknown_rate_bounds_nothing(void)
{
    g_assert_cmpuint(equal_share(0, 3, 90, 3, 0), ==, 27);
    g_assert_cmpuint(equal_share(90, 3, 0, 9, 0), ==, 27);
    g_assert_cmpuint(equal_share(0, 1, 0, 1, 0), ==, 0);
}

static void test_limit_replaces_both_rates(void)
{
    g_assert_cmpuint(equal_share(100, 2, 10, 1, 60), ==, 30);
    g_assert_cmpuint(equal_share(0, 2, 0, 1, 60), ==, 30);
}

static void test_share_is_never_the_word_for_no_limit(void)
{
    g_assert_cmpuint(equal_share(3, 100, 3, 100, 0), ==, 1); /* 0 would mean "as fast as you can" */
    g_assert_cmpuint(equal_share(100, 0, 100, 0, 0), ==, 93);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/share/narrower-link-decides", test_narrower_link_decides);
    g_test_add_func("/share/unknown-rate-bounds-nothing", test_unknown_rate_bounds_nothing);
    g_test_add_func("/share/limit-replaces-both-rates", test_limit_replaces_both_rates);
    g_test_add_func("/share/share-is-never-the-word-for-no-limit", test_share_is_never_the_word_for_no_limit);
    return g_test_run();
}
