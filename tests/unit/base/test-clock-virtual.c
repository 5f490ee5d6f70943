/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/base/clock-virtual.c: time stands still until it is moved, and timers fire in order. */
#include "base/clock.h"
#include "base/rng.h"

typedef struct Diary {
    Clock *clock;
    GString *text; /* "name@time " for each timer that fired */
    guint to_cancel;
} Diary;

typedef struct Entry {
    Diary *diary;
    const char *name;
} Entry;

static void write_entry(gpointer user)
{
    Entry *entry = user;

    g_string_append_printf(entry->diary->text, "%s@%" G_GINT64_FORMAT " ", entry->name,
                           entry->diary->clock->now_ns(entry->diary->clock));
}

static void write_and_set_more(gpointer user)
{
    static Entry more;
    Entry *entry = user;
    Clock *clock = entry->diary->clock;

    write_entry(user);
    more = (Entry){entry->diary, "more"};
    clock->at(clock, clock->now_ns(clock) + 10, write_entry, &more);
    clock->at(clock, clock->now_ns(clock) - 5, write_entry, &more); /* has passed: now, but not inside this call */
}

static void write_and_cancel(gpointer user)
{
    Entry *entry = user;

    write_entry(user);
    entry->diary->clock->cancel(entry->diary->clock, entry->diary->to_cancel);
}

static void diary_init(Diary *diary)
{
    *diary = (Diary){clock_virtual_new(), g_string_new(NULL), 0};
}

static void diary_end(Diary *diary, const char *expected)
{
    g_assert_cmpstr(diary->text->str, ==, expected);
    diary->clock->close(diary->clock);
    g_string_free(diary->text, TRUE);
}

static void test_time_stands_still(void)
{
    Clock *clock = clock_virtual_new();

    g_assert_cmpint(clock->now_ns(clock), ==, 0);
    g_assert_cmpint(clock->now_ns(clock), ==, 0);
    g_assert_cmpint(clock_virtual_next_ns(clock), ==, -1);
    clock_virtual_run_until(clock, 500);
    g_assert_cmpint(clock->now_ns(clock), ==, 500);
    clock_virtual_run_until(clock, 400); /* never backwards */
    g_assert_cmpint(clock->now_ns(clock), ==, 500);
    clock->close(clock);
}

static void test_timers_fire_in_order(void)
{
    Diary diary;
    diary_init(&diary);
    Clock *clock = diary.clock;
    Entry a = {&diary, "a"}, b = {&diary, "b"}, c = {&diary, "c"}, d = {&diary, "d"};

    clock->at(clock, 30, write_entry, &a);
    clock->at(clock, 10, write_entry, &b);
    clock->at(clock, 30, write_entry, &c);
    clock->at(clock, 31, write_entry, &d);
    g_assert_cmpint(clock_virtual_next_ns(clock), ==, 10);
    g_assert_cmpuint(diary.text->len, ==, 0);
    clock_virtual_run_until(clock, 30);
    g_assert_cmpint(clock_virtual_next_ns(clock), ==, 31);
    diary_end(&diary, "b@10 a@30 c@30 ");
}

static void test_timers_set_meanwhile_take_part(void)
{
    Diary diary;
    diary_init(&diary);
    Entry first = {&diary, "first"};

    diary.clock->at(diary.clock, 100, write_and_set_more, &first);
    clock_virtual_run_until(diary.clock, 110);
    diary_end(&diary, "first@100 more@100 more@110 ");
}

static void test_cancelled_timers_stay_silent(void)
{
    Diary diary;
    diary_init(&diary);
    Clock *clock = diary.clock;
    Entry a = {&diary, "a"}, b = {&diary, "b"}, c = {&diary, "c"};
    guint id = clock->at(clock, 5, write_entry, &a);

    g_assert_cmpuint(id, !=, 0);
    clock->cancel(clock, id);
    clock->cancel(clock, id); /* again is harmless, and so are 0 and a stranger */
    clock->cancel(clock, 0);
    clock->cancel(clock, 4711);
    clock->at(clock, 6, write_and_cancel, &b);
    diary.to_cancel = clock->at(clock, 6, write_entry, &c);
    clock_virtual_run_until(clock, 50);
    diary_end(&diary, "b@6 ");
}

static void test_timer_in_the_past_fires_at_the_next_turn(void)
{
    Diary diary;
    diary_init(&diary);
    Entry late = {&diary, "late"};

    clock_virtual_run_until(diary.clock, 1000);
    diary.clock->at(diary.clock, 3, write_entry, &late);
    g_assert_cmpuint(diary.text->len, ==, 0);
    g_assert_cmpint(clock_virtual_next_ns(diary.clock), ==, 1000);
    clock_virtual_run_until(diary.clock, 1000);
    diary_end(&diary, "late@1000 ");
}

static void test_timers_left_at_close_are_dropped(void)
{
    Diary diary;
    diary_init(&diary);
    Entry never = {&diary, "never"};

    diary.clock->at(diary.clock, 3, write_entry, &never);
    diary_end(&diary, "");
}

static void test_ranks_decide_within_an_instant(void)
{
    Diary diary;
    diary_init(&diary);
    Clock *clock = diary.clock;
    Entry timer = {&diary, "timer"}, answer = {&diary, "answer"}, world = {&diary, "world"}, fault = {&diary, "fault"};

    clock->at(clock, 7, write_entry, &timer);
    clock_virtual_at(clock, 7, CLOCK_RANK_ANSWER, write_entry, &answer);
    clock_virtual_at(clock, 7, CLOCK_RANK_WORLD, write_entry, &world);
    clock_virtual_at(clock, 7, CLOCK_RANK_FAULT, write_entry, &fault);
    clock->at(clock, 6, write_entry, &timer);
    while (clock_virtual_step(clock)) {
        ;
    }
    g_assert_cmpuint(clock_virtual_fired(clock), ==, 5);
    diary_end(&diary, "timer@6 fault@7 world@7 answer@7 timer@7 ");
}

#define MANY 2000

typedef struct Expectation {
    GArray *fired; /* guint, numbers in the order in which they fired */
    guint number;
} Expectation;

static void note_number(gpointer user)
{
    const Expectation *self = user;

    g_array_append_val(self->fired, self->number);
}

/* Against a list that is looked through from its beginning. */
static void test_many_timers_as_a_plain_list_would(void)
{
    Clock *clock = clock_virtual_new();
    Rng rng = rng_new(1);
    g_autofree Expectation *entries = g_new0(Expectation, MANY);
    g_autofree gint64 *due = g_new0(gint64, MANY); /* time * 5 + rank; -1 cancelled or fired */
    g_autofree guint *ids = g_new0(guint, MANY);
    g_autoptr(GArray) fired = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; i < MANY; i++) {
        guint rank = rng_below(&rng, 5);
        gint64 when = rng_below(&rng, 500);

        entries[i] = (Expectation){fired, i};
        due[i] = when * 5 + rank;
        ids[i] = clock_virtual_at(clock, when, (ClockRank)rank, note_number, &entries[i]);
    }
    for (guint i = 0; i < MANY; i += 3) {
        guint victim = rng_below(&rng, MANY);

        clock->cancel(clock, ids[victim]);
        due[victim] = -1;
    }
    while (clock_virtual_step(clock)) {
        ;
    }
    for (guint f = 0; f < fired->len; f++) {
        guint first = MANY;

        for (guint i = 0; i < MANY; i++) {
            first = due[i] >= 0 && (first == MANY || due[i] < due[first]) ? i : first;
        }
        g_assert_cmpuint(g_array_index(fired, guint, f), ==, first);
        due[first] = -1;
    }
    for (guint i = 0; i < MANY; i++) {
        g_assert_cmpint(due[i], ==, -1);
    }
    clock->close(clock);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/clock-virtual/time-stands-still-until-it-is-moved", test_time_stands_still);
    g_test_add_func("/clock-virtual/timers-fire-by-time-then-by-order-of-setting", test_timers_fire_in_order);
    g_test_add_func("/clock-virtual/timers-set-meanwhile-take-part", test_timers_set_meanwhile_take_part);
    g_test_add_func("/clock-virtual/cancelled-timers-stay-silent", test_cancelled_timers_stay_silent);
    g_test_add_func("/clock-virtual/timer-in-the-past-fires-at-the-next-turn",
                    test_timer_in_the_past_fires_at_the_next_turn);
    g_test_add_func("/clock-virtual/timers-left-at-close-are-dropped", test_timers_left_at_close_are_dropped);
    g_test_add_func("/clock-virtual/ranks-decide-within-an-instant", test_ranks_decide_within_an_instant);
    g_test_add_func("/clock-virtual/many-timers-as-a-plain-list-would", test_many_timers_as_a_plain_list_would);
    return g_test_run();
}
