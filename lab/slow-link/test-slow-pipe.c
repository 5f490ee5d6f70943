/* SPDX-License-Identifier: Apache-2.0
 *
 * A slow link's arithmetic in virtual time: rate, queue, delay, sharing. */
#include "slow-pipe.h"

#include <glib.h>

#define MS  1000000ll

static void test_keeps_to_the_rate(void)
{
    SlowPipe pipe;
    int64_t now_ns = 5 * MS, last_ns = 0;

    pipe_init(&pipe, 12500000, 10 * MS, 10 * MS);
    for (int i = 0; i < 1000; i++) {
        now_ns = pipe_room_at_ns(&pipe, now_ns, 6250);
        g_assert_cmpint(pipe_room_bytes(&pipe, now_ns), >=, 6250);
        last_ns = pipe_take(&pipe, now_ns, 6250);
    }
    /* 6.25 MB at 12.5 MB/s, after the start and before the delay */
    g_assert_cmpint(last_ns, ==, 5 * MS + 500 * MS + 10 * MS);
    g_assert_cmpuint(pipe.carried_bytes, ==, 6250000);
}

static void test_queue_is_bounded_in_time(void)
{
    SlowPipe pipe;
    int64_t taken = 0;

    pipe_init(&pipe, 12500000, 0, 10 * MS);
    while (pipe_room_bytes(&pipe, 0) >= 1000) {
        pipe_take(&pipe, 0, 1000);
        taken += 1000;
    }
    g_assert_cmpint(taken, ==, 125000);
    g_assert_cmpint(pipe_room_at_ns(&pipe, 0, 1000), >=, 1000 * 80);
    g_assert_cmpint(pipe_room_at_ns(&pipe, 0, 1000), <=, 1000 * 80 + 1);
    g_assert_cmpint(pipe_room_bytes(&pipe, 10 * MS), ==, 125000);
}

static void test_an_idle_link_saves_nothing_up(void)
{
    SlowPipe pipe;

    pipe_init(&pipe, 1000000, 0, 10 * MS);
    g_assert_cmpint(pipe_take(&pipe, 0, 1000), ==, 1 * MS);
    g_assert_cmpint(pipe_take(&pipe, 100 * MS, 1000), ==, 101 * MS);
}

static void test_unlimited_delays_only(void)
{
    SlowPipe pipe;

    pipe_init(&pipe, 0, 3 * MS, 10 * MS);
    g_assert_cmpint(pipe_take(&pipe, 7, 1 << 30), ==, 7 + 3 * MS);
    g_assert_cmpint(pipe_room_at_ns(&pipe, 9, 1 << 20), ==, 9);
}

static void test_new_rate_holds_for_what_waits(void)
{
    SlowPipe pipe;

    pipe_init(&pipe, 1000000, 0, 10 * MS);
    pipe_take(&pipe, 0, 10000);
    pipe_set_rate(&pipe, 5 * MS, 10000000);         /* 5000 bytes still wait: 0.5 ms */
    g_assert_cmpint(pipe_take(&pipe, 5 * MS, 10000), ==, 5 * MS + MS / 2 + MS);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/slow-pipe/keeps-to-the-rate", test_keeps_to_the_rate);
    g_test_add_func("/slow-pipe/queue-is-bounded-in-time", test_queue_is_bounded_in_time);
    g_test_add_func("/slow-pipe/an-idle-link-saves-nothing-up", test_an_idle_link_saves_nothing_up);
    g_test_add_func("/slow-pipe/without-a-rate-it-only-delays", test_unlimited_delays_only);
    g_test_add_func("/slow-pipe/a-new-rate-holds-for-what-waits", test_new_rate_holds_for_what_waits);
    return g_test_run();
}
