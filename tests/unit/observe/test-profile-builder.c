/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/profile-builder.c and src/observe/period.c: from the agent's records to a profile. */
#include "base/error.h"
#include "base/json.h"
#include "observe/profile-builder.h"

#include <math.h>
#include <string.h>

static PeriodRecord record(double accessed, double written)
{
    PeriodRecord result;

    period_record_init(&result);
    result.accessed_pages_per_s = accessed;
    result.written_pages_per_s = written;
    result.written_pages_variance = isnan(written) ? NAN : 100;
    result.dirty_bytes_per_page = isnan(written) ? NAN : 8;
    result.access_windows = isnan(accessed) ? 0 : 1;
    result.write_windows = isnan(written) ? 0 : 1;
    result.cost_cpu_share = 0.002;
    return result;
}

static ProfileBuilder *builder_of(gsize periods, const double (*pairs)[2], gsize length)
{
    ProfileBuilder *builder = profile_builder_new("vm1", periods);

    profile_builder_set_trackers(builder, "clear-refs", "content");
    for (gsize i = 0; i < length; i++) {
        PeriodRecord one = record(pairs[i][0], pairs[i][1]);
        profile_builder_add(builder, &one);
    }
    return builder;
}

static void test_reads_are_the_rest(void)
{
    static const double PAIRS[][2] = {{100, 40}, {100, 100}, {100, 130}, {100, 0}};
    g_autoptr(ProfileBuilder) builder = builder_of(4, PAIRS, 4);
    g_autoptr(Profile) profile = profile_builder_make(builder);

    g_assert_cmpint(profile->fate, ==, PROFILE_FATE_COMPLETE);
    g_assert_cmpuint(profile->periods, ==, 4);
    g_assert_cmpfloat(profile->read_pages_per_s[0], ==, 60);
    g_assert_cmpfloat(profile->read_pages_per_s[1], ==, 0);
    g_assert_cmpfloat(profile->read_pages_per_s[2], ==, 0); /* never below 0 */
    g_assert_cmpfloat(profile->read_pages_per_s[3], ==, 100);
    g_assert_cmpfloat(profile->mean_read_pages_per_s, ==, 32.5); /* one chance for noise to cancel out before the 0 */
    g_assert_cmpfloat(profile->mean_written_pages_per_s, ==, 67.5);
    g_assert_cmpfloat(profile->dirty_bytes_per_page, ==, 8);
    g_assert_cmpstr(profile->access_tracker, ==, "clear-refs");
    g_assert_cmpfloat_with_epsilon(profile->cost_cpu_share, 0.002, 1e-12);
    g_assert_null(profile->note);
}

/* A period that rests on one window says as little as one window, and one without windows says nothing. */
static void test_windows_weigh_alike(void)
{
    g_autoptr(ProfileBuilder) builder = builder_of(4, NULL, 0);
    PeriodRecord records[] = {record(600, 500), record(NAN, NAN), record(NAN, NAN), record(600, 100)};

    records[3].access_windows = records[3].write_windows = 9;
    records[3].dirty_bytes_per_page = 16;
    for (gsize i = 0; i < G_N_ELEMENTS(records); i++) {
        profile_builder_add(builder, &records[i]);
    }
    g_autoptr(Profile) profile = profile_builder_make(builder);

    g_assert_cmpfloat(profile->written_pages_per_s[2], ==, 500);
    g_assert_cmpfloat(profile->mean_written_pages_per_s, ==, 140); /* (1 * 500 + 9 * 100) / 10 */
    g_assert_cmpfloat(profile->mean_read_pages_per_s, ==, 460);
    g_assert_cmpfloat_with_epsilon(profile->dirty_bytes_per_page, (500 * 8 + 900 * 16) / 1400.0, 1e-9);
    /* 400^2 / (1 + 1/9), for one window; of 10 windows a tenth */
    g_assert_cmpfloat_with_epsilon(profile->written_pages_error, sqrt(400.0 * 400.0 * 0.9 / 10), 1e-9);
}

static void test_error_of_steady_load(void)
{
    static const double PAIRS[][2] = {{100, 60}, {100, 60}, {100, 60}, {100, 60}};
    g_autoptr(ProfileBuilder) builder = builder_of(4, PAIRS, 4);
    g_autoptr(Profile) profile = profile_builder_make(builder);

    g_assert_cmpfloat(profile->written_pages_error, ==, 5); /* sqrt(4 * 100) / 4: what was not looked at */
}

/* A load that comes and goes has a larger error than one that grows from and to the same. */
static void test_error_of_changing_loads(void)
{
    static const double TO_AND_FRO[][2] = {{900, 0}, {900, 800}, {900, 0}, {900, 800}};
    static const double GROWING[][2] = {{900, 0}, {900, 200}, {900, 600}, {900, 800}};
    g_autoptr(ProfileBuilder) first = builder_of(4, TO_AND_FRO, 4);
    g_autoptr(ProfileBuilder) second = builder_of(4, GROWING, 4);
    g_autoptr(Profile) to_and_fro = profile_builder_make(first);
    g_autoptr(Profile) growing = profile_builder_make(second);

    g_assert_cmpfloat(to_and_fro->mean_written_pages_per_s, ==, growing->mean_written_pages_per_s);
    g_assert_cmpfloat_with_epsilon(to_and_fro->written_pages_error, sqrt(3 * 640000 / 2.0 / 3 / 4), 1e-9);
    g_assert_cmpfloat_with_epsilon(growing->written_pages_error, sqrt((40000 + 160000 + 40000) / 2.0 / 3 / 4), 1e-9);
}

static void test_gaps(void)
{
    const double pairs[][2] = {{NAN, 10}, {50, NAN}, {NAN, 30}, {80, NAN}};
    g_autoptr(ProfileBuilder) builder = builder_of(4, pairs, 4);
    g_autoptr(Profile) profile = profile_builder_make(builder);
    static const double READS[] = {40, 40, 20, 50};
    static const double WRITES[] = {10, 10, 30, 30};

    for (gsize i = 0; i < 4; i++) {
        g_assert_cmpfloat(profile->read_pages_per_s[i], ==, READS[i]);
        g_assert_cmpfloat(profile->written_pages_per_s[i], ==, WRITES[i]);
    }
    g_assert_nonnull(strstr(profile->note, "2 scans in 4 periods"));
}

static void test_window_slides(void)
{
    static const double PAIRS[][2] = {{1, 0}, {2, 0}, {3, 0}, {4, 0}, {5, 0}};
    g_autoptr(ProfileBuilder) builder = builder_of(3, PAIRS, 5);
    g_autoptr(Profile) profile = profile_builder_make(builder);

    g_assert_cmpuint(profile->periods, ==, 3);
    g_assert_cmpfloat(profile->read_pages_per_s[0], ==, 3);
    g_assert_cmpfloat(profile->read_pages_per_s[2], ==, 5);
}

static void test_unknown_reads(void)
{
    const double pairs[][2] = {{NAN, 10}, {NAN, 20}};
    g_autoptr(ProfileBuilder) builder = builder_of(2, pairs, 2);
    g_autoptr(Profile) profile = profile_builder_make(builder);

    g_assert_null(profile->access_tracker);
    g_assert_cmpint(profile->fate, ==, PROFILE_FATE_COMPLETE);
    g_assert_cmpfloat(profile->mean_read_pages_per_s, ==, 0);
    g_assert_cmpfloat(profile->mean_written_pages_per_s, ==, 15);
}

static void test_unknown_writes(void)
{
    const double pairs[][2] = {{10, NAN}};
    g_autoptr(ProfileBuilder) builder = builder_of(2, pairs, 1);
    g_autoptr(Profile) profile = profile_builder_make(builder);

    g_assert_null(profile->write_tracker);
    g_assert_cmpint(profile->fate, ==, PROFILE_FATE_UNOBSERVED);
}

static void test_nothing_came(void)
{
    g_autoptr(ProfileBuilder) builder = builder_of(2, NULL, 0);
    g_autoptr(Profile) profile = profile_builder_make(builder);

    g_assert_cmpuint(profile->periods, ==, 0);
    g_assert_cmpint(profile->fate, ==, PROFILE_FATE_UNOBSERVED);
    g_assert_cmpfloat(profile->mean_read_pages_per_s, ==, 0);
}

static void test_limits_are_told(void)
{
    g_autoptr(ProfileBuilder) builder = builder_of(2, NULL, 0);
    PeriodRecord one = record(10, 5);

    one.lateness = 0.4;
    one.huge_share = 0.73;
    one.access_grain_bytes = 2097152;
    profile_builder_set_note(builder, "first");
    profile_builder_add(builder, &one);
    g_autoptr(Profile) profile = profile_builder_make(builder);
    g_assert_true(g_str_has_prefix(profile->note, "first; "));
    g_assert_nonnull(strstr(profile->note, "40 % late"));
    g_assert_nonnull(strstr(profile->note, "73 % of the memory"));
    g_assert_cmpuint(profile->access_grain_bytes, ==, 2097152);
}

/* Without an agent reads are not known, and little writing is nothing known. */
static void test_dirty_rate(void)
{
    g_autoptr(ProfileBuilder) builder = profile_builder_new("vm1", 10);

    profile_builder_set_dirty_rate(builder, 5120, 4096);
    g_autoptr(Profile) much = profile_builder_make(builder);
    g_assert_cmpint(much->fate, ==, PROFILE_FATE_COMPLETE);
    g_assert_cmpuint(much->periods, ==, 10);
    g_assert_cmpfloat(much->mean_written_pages_per_s, ==, 5120);
    g_assert_null(much->access_tracker);
    g_assert_cmpstr(much->write_tracker, ==, "dirty-rate");
    g_assert_nonnull(strstr(much->note, "reads not measured"));

    profile_builder_set_dirty_rate(builder, 256, 4096);
    g_autoptr(Profile) little = profile_builder_make(builder);
    g_assert_cmpint(little->fate, ==, PROFILE_FATE_UNOBSERVED);
}

static void test_record_survives_the_wire(void)
{
    PeriodRecord sent = record(51200.25, NAN), received;
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autoptr(GError) error = NULL;

    sent.lateness = -0.01;
    json_builder_begin_object(json);
    period_record_write(&sent, json);
    json_builder_end_object(json);
    g_autoptr(JsonNode) root = json_builder_get_root(json);
    g_autofree char *text = json_to_text(root, FALSE);
    g_autoptr(JsonObject) object = json_parse_object(text, -1, "it", NULL);
    g_assert_true(period_record_read(&received, object, "it", &error));
    g_assert_no_error(error);
#define SAME(name) g_assert_true(sent.name == received.name || (isnan(sent.name) && isnan(received.name)));
    PERIOD_NUMBERS(SAME)
}

static void test_bad_records(void)
{
    static const char *const BAD[] = {"{}", "{\"accessed_pages_per_s\":\"many\"}", "{\"accessed_pages_per_s\":-1}",
                                      "{\"accessed_pages_per_s\":[1]}"};

    for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
        g_autoptr(JsonObject) object = json_parse_object(BAD[i], -1, "it", NULL);
        g_autoptr(GError) error = NULL;
        PeriodRecord received;

        g_assert_false(period_record_read(&received, object, "it", &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/profile-builder/takes-reads-for-what-was-not-written", test_reads_are_the_rest);
    g_test_add_func("/profile-builder/weighs-windows-alike", test_windows_weigh_alike);
    g_test_add_func("/profile-builder/states-the-error-of-a-steady-load", test_error_of_steady_load);
    g_test_add_func("/profile-builder/states-a-larger-error-where-a-load-comes-and-goes", test_error_of_changing_loads);
    g_test_add_func("/profile-builder/fills-gaps-with-the-nearest", test_gaps);
    g_test_add_func("/profile-builder/slides", test_window_slides);
    g_test_add_func("/profile-builder/says-that-reads-are-unknown", test_unknown_reads);
    g_test_add_func("/profile-builder/is-unobserved-without-writes", test_unknown_writes);
    g_test_add_func("/profile-builder/is-unobserved-without-anything", test_nothing_came);
    g_test_add_func("/profile-builder/tells-its-limits", test_limits_are_told);
    g_test_add_func("/profile-builder/believes-the-dirty-rate-as-far-as-it-goes", test_dirty_rate);
    g_test_add_func("/period/survives-the-wire", test_record_survives_the_wire);
    g_test_add_func("/period/refuses-what-is-no-record", test_bad_records);
    return g_test_run();
}
