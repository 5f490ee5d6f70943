/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/base/units.c: what people write, what they see, and what is refused. */
#include "base/units.h"
#include "base/error.h"

#include <string.h>

typedef struct Row {
    const char *text;
    guint64 value;
} Row;

static void test_sizes(void)
{
    static const Row ROWS[] = {
        {"0", 0},          {"4096", 4096},        {"512M", 512 * MIB},
        {"8MiB", 8 * MIB}, {"1.5G", 3 * GIB / 2}, {"1T", 1024 * GIB},
        {"2KiB", 2048},    {"4K", 4096},          {"3kB", 3000},
        {"2MB", 2000000},  {"1GB", 1000000000},   {"7 MiB", 7 * MIB},
        {".5K", 512},      {"12B", 12},
    };

    for (guint k = 0; k < G_N_ELEMENTS(ROWS); k++) {
        g_autoptr(GError) error = NULL;
        guint64 value = 77;

        g_assert_true(size_parse(ROWS[k].text, &value, &error));
        g_assert_no_error(error);
        g_assert_cmpuint(value, ==, ROWS[k].value);
    }
}

static void test_rates(void)
{
    static const Row ROWS[] = {
        {"0", 0},     {"1gbit", 125000000},   {"100mbit", 12500000}, {"8kbit", 1000},
        {"16bit", 2}, {"1Gbit/s", 125000000}, {"30MiB/s", 30 * MIB}, {"12.5MB/s", 12500000},
        {"5", 5},
    };

    for (guint k = 0; k < G_N_ELEMENTS(ROWS); k++) {
        g_autoptr(GError) error = NULL;
        guint64 value = 77;

        g_assert_true(rate_parse(ROWS[k].text, &value, &error));
        g_assert_cmpuint(value, ==, ROWS[k].value);
    }
}

static void test_durations(void)
{
    static const Row ROWS[] = {
        {"300ms", 300000000}, {"10s", 10000000000}, {"2min", 120000000000}, {"1.5s", 1500000000}, {"3", 3000000000},
        {"50us", 50000},      {"9ns", 9},           {"1h", 3600000000000},
    };

    for (guint k = 0; k < G_N_ELEMENTS(ROWS); k++) {
        g_autoptr(GError) error = NULL;
        gint64 value = 77;

        g_assert_true(duration_parse(ROWS[k].text, &value, &error));
        g_assert_cmpint(value, ==, (gint64)ROWS[k].value);
    }
}

static void test_nonsense_is_refused(void)
{
    static const char *const BAD[] = {
        "",      " ",   "M",   "-1",    "-5M",   "+3M", "5 apples", "5MM",
        "1e400", "nan", "inf", "0x10q", "12 34", "5M ", "1e30T",    "99999999999999999999999"};

    for (guint k = 0; k <= G_N_ELEMENTS(BAD); k++) {
        const char *text = k < G_N_ELEMENTS(BAD) ? BAD[k] : NULL;
        g_autoptr(GError) size_error = NULL;
        g_autoptr(GError) rate_error = NULL;
        g_autoptr(GError) duration_error = NULL;
        guint64 value = 77;
        gint64 duration_ns = 77;

        g_assert_false(size_parse(text, &value, &size_error));
        g_assert_false(rate_parse(text, &value, &rate_error));
        g_assert_false(duration_parse(text, &duration_ns, &duration_error));
        g_assert_error(size_error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_error(rate_error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_error(duration_error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_cmpuint(value, ==, 77); /* untouched */
        g_assert_cmpint(duration_ns, ==, 77);
    }
}

static void test_errors_show_how(void)
{
    g_autoptr(GError) error = NULL;
    guint64 value = 0;

    g_assert_false(size_parse("five", &value, &error));
    g_assert_nonnull(strstr(error->message, "'five'"));
    g_assert_nonnull(strstr(error->message, "512M"));
}

static void test_units_of_one_kind_are_not_another(void)
{
    guint64 value = 0;
    gint64 duration_ns = 0;

    g_assert_false(size_parse("5ms", &value, NULL));
    g_assert_false(size_parse("1gbit", &value, NULL));
    g_assert_false(rate_parse("512M", &value, NULL));
    g_assert_false(duration_parse("5M", &duration_ns, NULL));
}

static void assert_text(char *text, const char *expected)
{
    g_assert_cmpstr(text, ==, expected);
    g_free(text);
}

static void test_formats(void)
{
    assert_text(size_format(0), "0 B");
    assert_text(size_format(512 * MIB), "512 MiB");
    assert_text(size_format(3 * GIB / 2), "1.50 GiB");
    assert_text(rate_format(122880000), "117.2 MiB/s");
    assert_text(duration_format(33 * NS_PER_MS), "33 ms");
    assert_text(duration_format(1420 * NS_PER_MS), "1.42 s");
    assert_text(duration_format(58 * NS_PER_S), "58.0 s");
    assert_text(duration_format(187 * NS_PER_S), "3 min 07 s");
}

static void test_whole_sizes_survive_the_round_trip(void)
{
    for (guint bits = 0; bits < 60; bits++) {
        g_autofree char *text = size_format((guint64)1 << bits);
        guint64 value = 0;

        if (bits < 50) { /* there is a prefix Pi for people, none for the parser */
            g_assert_true(size_parse(text, &value, NULL));
            g_assert_cmpuint(value, ==, (guint64)1 << bits);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/units/sizes-are-read", test_sizes);
    g_test_add_func("/units/rates-are-read-in-bits-and-bytes", test_rates);
    g_test_add_func("/units/durations-are-read", test_durations);
    g_test_add_func("/units/nonsense-is-refused-and-changes-nothing", test_nonsense_is_refused);
    g_test_add_func("/units/errors-show-what-and-how", test_errors_show_how);
    g_test_add_func("/units/units-of-one-kind-are-not-another", test_units_of_one_kind_are_not_another);
    g_test_add_func("/units/formats-are-for-people", test_formats);
    g_test_add_func("/units/whole-sizes-survive-the-round-trip", test_whole_sizes_survive_the_round_trip);
    return g_test_run();
}
