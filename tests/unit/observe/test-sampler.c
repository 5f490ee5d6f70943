/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/sampler.c with the scripted tracker (tracker-scripted.c, tested here too) and a clock that is moved
 * by hand. */
#include "base/error.h"
#include "base/units.h"
#include "observe/sampler.h"

#include <math.h>
#include <string.h>

#define S (50 * NS_PER_MS)

static gint64 hand_ns;
static gint64 cpu_ns;

static gint64 hand_now_ns(Clock *clock G_GNUC_UNUSED)
{
    return hand_ns;
}

static gint64 hand_cpu_ns(void)
{
    return cpu_ns;
}

static Clock hand_clock = {.name = "hand", .now_ns = hand_now_ns};

static const TrackerOps *const SCRIPTED[WINDOW_KINDS] = {&TRACKER_SCRIPTED, &TRACKER_SCRIPTED};

static Sampler *scripted_sampler(const char *script)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(tracker_script_set(script, &error));
    hand_ns = cpu_ns = 0;
    Sampler *sampler = sampler_new("vm1", NULL, SCRIPTED, 1, S, &hand_clock, hand_cpu_ns, &error);
    g_assert_no_error(error);
    return sampler;
}

/* Both windows, closed 'length_ns' later. */
static void windows(Sampler *sampler, gint64 length_ns)
{
    g_autoptr(GError) error = NULL;

    g_assert_true(sampler_open_window(sampler, WINDOW_WRITE, 0, &error));
    g_assert_true(sampler_open_window(sampler, WINDOW_ACCESS, 0, &error));
    g_assert_cmpint(sampler_due_ns(sampler), ==, hand_ns + S);
    hand_ns += length_ns;
    g_assert_true(sampler_close_windows(sampler, &error));
    g_assert_cmpint(sampler_due_ns(sampler), ==, 0);
}

/* Twenty windows of 300 accessed and 100 written pages, one after the other: 6000 and 2000 pages/s. */
static void test_rates(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("300 100 6400\n");
    PeriodRecord record;

    for (int i = 0; i < 20; i++) {
        windows(sampler, S);
    }
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, 6000);
    g_assert_cmpfloat(record.written_pages_per_s, ==, 2000);
    g_assert_cmpfloat(record.dirty_bytes_per_page, ==, 64);
    g_assert_cmpfloat(record.access_windows, ==, 20);
    g_assert_cmpfloat(record.write_windows, ==, 20);
    g_assert_cmpfloat(record.lateness, ==, 0);
    g_assert_true(isnan(record.working_set_bytes));
}

/* One window a period gives the same rate as twenty: S counts, not how many windows there were. */
static void test_few_windows_same_rate(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("300 100 6400\n");
    PeriodRecord record;

    windows(sampler, S);
    hand_ns += 19 * S;
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, 6000);
    g_assert_cmpfloat(record.access_windows, ==, 1);
}

static void test_late_windows(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("300 100 6400\n");
    PeriodRecord record;

    windows(sampler, S * 3 / 2); /* taken for S */
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, 6000);
    g_assert_cmpfloat_with_epsilon(record.lateness, 0.5, 1e-9);
    windows(sampler, S * 4); /* by the time that passed */
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, 1500);
    g_assert_cmpfloat_with_epsilon(record.lateness, 3, 1e-9);
}

/* What came late counts only in a period that has nothing better, before it or after it. */
static void test_late_windows_are_left_out(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("500 400 0\n300 100 0\n500 400 0\n300 100 0\n500 400 0\n");
    PeriodRecord record;

    windows(sampler, S * 3 / 2);
    windows(sampler, S);
    windows(sampler, S * 4);
    windows(sampler, S * 6 / 5);
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, 6000);
    g_assert_cmpfloat(record.written_pages_per_s, ==, 2000);
    g_assert_cmpfloat(record.write_windows, ==, 2);
    g_assert_cmpfloat_with_epsilon(record.lateness, 0.1, 1e-9);
    windows(sampler, S * 3 / 2);
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.written_pages_per_s, ==, 8000);
    g_assert_cmpfloat_with_epsilon(record.lateness, 0.5, 1e-9);
}

static void test_no_window_no_number(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("300 100 6400\n");
    PeriodRecord record;

    hand_ns += NS_PER_S;
    sampler_end_period(sampler, &record);
    g_assert_true(isnan(record.accessed_pages_per_s));
    g_assert_true(isnan(record.written_pages_per_s));
    g_assert_cmpfloat(record.access_windows, ==, 0);
    g_assert_cmpfloat(record.cost_cpu_share, ==, 0);
}

static void test_periods_are_apart(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("300 100 0\n300 100 0\n40 0 0\n40 0 0\n");
    PeriodRecord record;

    windows(sampler, S);
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, 6000);
    windows(sampler, S); /* each tracker is at its second line */
    windows(sampler, S);
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, (300 + 40) * 10);
}

static void test_working_set(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("300 0 0\n900 0 0\n");
    g_autoptr(GError) error = NULL;
    PeriodRecord record;

    g_assert_true(sampler_open_window(sampler, WINDOW_ACCESS, 0, &error));
    hand_ns += S;
    g_assert_true(sampler_close_windows(sampler, &error));
    hand_ns += NS_PER_S - S;
    g_assert_true(sampler_measure_working_set(sampler, &error));
    sampler_end_period(sampler, &record);
    g_assert_cmpfloat(record.working_set_bytes, ==, 900 * 4096);
    g_assert_cmpfloat(record.accessed_pages_per_s, ==, 6000); /* the second look is no window */
}

static void test_gone(void)
{
    g_autoptr(Sampler) sampler = scripted_sampler("gone\n");
    g_autoptr(GError) error = NULL;

    g_assert_true(sampler_open_window(sampler, WINDOW_ACCESS, 0, &error));
    g_assert_false(sampler_close_windows(sampler, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST);
}

/* One tracker missing is a limit, both missing an error. */
static void test_missing_trackers(void)
{
    const TrackerOps *const writes_only[WINDOW_KINDS] = {&TRACKER_SCRIPTED, NULL};
    const TrackerOps *const none[WINDOW_KINDS] = {NULL, NULL};
    g_autoptr(GError) error = NULL;

    g_assert_true(tracker_script_set("1 1 1\n", NULL));
    g_autoptr(Sampler) sampler = sampler_new("vm1", NULL, writes_only, 1, S, &hand_clock, hand_cpu_ns, &error);
    g_assert_no_error(error);
    g_assert_null(sampler_tracker_name(sampler, WINDOW_ACCESS));
    g_assert_cmpstr(sampler_tracker_name(sampler, WINDOW_WRITE), ==, "scripted");
    g_assert_cmpstr(sampler_note(sampler), ==, "reads not measured: no tracker works on this host");
    g_assert_cmpint(sampler_expected_ns(sampler, WINDOW_ACCESS), ==, G_MAXINT64);
    g_assert_null(sampler_new("vm1", NULL, none, 1, S, &hand_clock, hand_cpu_ns, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED);
}

static void test_bad_scripts(void)
{
    static const char *const BAD[] = {"1 2", "1 2 3 4", "a b c", "1 2 -3", "1 2 nan", "gone away"};

    for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *text = g_strconcat("# fine\n1 2 3\n", BAD[i], "\n", NULL);

        g_assert_false(tracker_script_set(text, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_nonnull(strstr(error->message, "line 3"));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sampler/gives-pages-per-second", test_rates);
    g_test_add_func("/sampler/gives-the-same-rate-from-few-windows", test_few_windows_same_rate);
    g_test_add_func("/sampler/says-how-late-windows-were", test_late_windows);
    g_test_add_func("/sampler/leaves-out-late-windows-where-others-were-timely", test_late_windows_are_left_out);
    g_test_add_func("/sampler/gives-no-number-without-a-window", test_no_window_no_number);
    g_test_add_func("/sampler/keeps-periods-apart", test_periods_are_apart);
    g_test_add_func("/sampler/measures-the-working-set", test_working_set);
    g_test_add_func("/sampler/says-that-the-process-is-gone", test_gone);
    g_test_add_func("/sampler/names-what-it-cannot-measure", test_missing_trackers);
    g_test_add_func("/sampler/refuses-bad-scripts", test_bad_scripts);
    return g_test_run();
}
