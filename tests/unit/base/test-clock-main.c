/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/base/clock-main.c on a real main loop.  Nothing here says how long something may take: timers are waited
 * for, and only what must not have happened before is asserted. */
#include "base/clock.h"
#include "base/units.h"

typedef struct Watch {
    Clock *clock;
    guint fired;
    gint64 fired_ns;
    guint to_cancel;
    GMainLoop *loop;
} Watch;

static void note(gpointer user)
{
    Watch *watch = user;

    watch->fired++;
    watch->fired_ns = watch->clock->now_ns(watch->clock);
}

static void note_and_quit(gpointer user)
{
    note(user);
    g_main_loop_quit(((Watch *)user)->loop);
}

static void cancel_other(gpointer user)
{
    Watch *watch = user;

    watch->clock->cancel(watch->clock, watch->to_cancel);
}

static void watch_init(Watch *watch)
{
    *watch = (Watch){.clock = clock_main_new(), .loop = g_main_loop_new(NULL, FALSE)};
}

static void watch_clear(Watch *watch)
{
    watch->clock->close(watch->clock);
    g_main_loop_unref(watch->loop);
}

static void test_time_is_monotonic(void)
{
    Clock *clock = clock_main_new();
    gint64 last_ns = monotonic_ns();

    for (int i = 0; i < 1000; i++) {
        gint64 now_ns = clock->now_ns(clock);

        g_assert_cmpint(now_ns, >=, last_ns);
        last_ns = now_ns;
    }
    clock->close(clock);
}

static void test_timer_fires_once_and_not_early(void)
{
    Watch watch;
    watch_init(&watch);
    gint64 when_ns = monotonic_ns() + 20 * NS_PER_MS;

    g_assert_cmpuint(watch.clock->at(watch.clock, when_ns, note_and_quit, &watch), !=, 0);
    g_main_loop_run(watch.loop);
    g_assert_cmpint(watch.fired_ns, >=, when_ns - NS_PER_MS); /* GLib counts in microseconds, poll in milliseconds */
    while (g_main_context_iteration(NULL, FALSE)) {
    }
    g_assert_cmpuint(watch.fired, ==, 1);
    watch_clear(&watch);
}

static void test_passed_time_fires_at_the_next_turn(void)
{
    Watch watch;
    watch_init(&watch);

    watch.clock->at(watch.clock, 1, note_and_quit, &watch);
    watch.clock->at(watch.clock, -5, note, &watch);
    g_assert_cmpuint(watch.fired, ==, 0); /* never from inside the call */
    while (watch.fired < 2) {
        g_main_context_iteration(NULL, TRUE);
    }
    watch_clear(&watch);
}

static void test_earlier_timer_fires_first(void)
{
    Watch early;
    Watch late;
    watch_init(&early);
    watch_init(&late);
    gint64 now_ns = monotonic_ns();

    late.clock->at(late.clock, now_ns + 15 * NS_PER_MS, note_and_quit, &late);
    early.clock->at(early.clock, now_ns + 1 * NS_PER_MS, note, &early);
    g_main_loop_run(late.loop);
    g_assert_cmpuint(early.fired, ==, 1);
    g_assert_cmpint(early.fired_ns, <=, late.fired_ns);
    watch_clear(&early);
    watch_clear(&late);
}

static void test_cancelled_timer_stays_silent(void)
{
    Watch watch;
    Watch silent;
    watch_init(&watch);
    watch_init(&silent);
    gint64 now_ns = monotonic_ns();
    guint id = silent.clock->at(silent.clock, now_ns + NS_PER_MS, note, &silent);

    silent.clock->cancel(silent.clock, id);
    silent.clock->cancel(silent.clock, id);
    silent.clock->cancel(silent.clock, 0);
    silent.to_cancel = silent.clock->at(silent.clock, now_ns + 2 * NS_PER_MS, note, &silent);
    silent.clock->at(silent.clock, now_ns, cancel_other, &silent); /* from inside another timer */
    watch.clock->at(watch.clock, now_ns + 10 * NS_PER_MS, note_and_quit, &watch);
    g_main_loop_run(watch.loop);
    g_assert_cmpuint(silent.fired, ==, 0);
    watch_clear(&watch);
    watch_clear(&silent);
}

static void test_timers_left_at_close_are_dropped(void)
{
    Watch watch;
    Watch dropped;
    watch_init(&watch);
    watch_init(&dropped);

    dropped.clock->at(dropped.clock, monotonic_ns(), note, &dropped);
    watch_clear(&dropped);
    watch.clock->at(watch.clock, monotonic_ns() + 5 * NS_PER_MS, note_and_quit, &watch);
    g_main_loop_run(watch.loop);
    g_assert_cmpuint(dropped.fired, ==, 0);
    watch_clear(&watch);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock-main/time-is-monotonic", test_time_is_monotonic);
    g_test_add_func("/clock-main/timer-fires-once-and-not-early", test_timer_fires_once_and_not_early);
    g_test_add_func("/clock-main/passed-time-fires-at-the-next-turn", test_passed_time_fires_at_the_next_turn);
    g_test_add_func("/clock-main/earlier-timer-fires-first", test_earlier_timer_fires_first);
    g_test_add_func("/clock-main/cancelled-timer-stays-silent", test_cancelled_timer_stays_silent);
    g_test_add_func("/clock-main/timers-left-at-close-are-dropped", test_timers_left_at_close_are_dropped);
    return g_test_run();
}
