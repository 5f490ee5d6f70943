/* SPDX-License-Identifier: Apache-2.0
 *
 * Sizes, rates and durations; see units.h. */
#include "base/units.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

typedef struct Unit {
    const char *suffix;
    double factor;
} Unit;

static const Unit SIZE_UNITS[] = {
    {"", 1},        {"B", 1},       {"K", 0x1p10},  {"KiB", 0x1p10}, {"M", 0x1p20}, {"MiB", 0x1p20}, {"G", 0x1p30},
    {"GiB", 0x1p30}, {"T", 0x1p40}, {"TiB", 0x1p40}, {"kB", 1e3},     {"MB", 1e6},   {"GB", 1e9},     {NULL, 0},
};

static const Unit RATE_UNITS[] = {
    {"", 1},           {"B/s", 1},        {"KiB/s", 0x1p10}, {"MiB/s", 0x1p20}, {"GiB/s", 0x1p30}, {"kB/s", 1e3},
    {"MB/s", 1e6},     {"GB/s", 1e9},     {"bit", 0.125},    {"kbit", 125},     {"mbit", 125e3},   {"gbit", 125e6},
    {"Kbit/s", 125},   {"Mbit/s", 125e3}, {"Gbit/s", 125e6}, {NULL, 0},
};

static const Unit DURATION_UNITS[] = {
    {"", 1e9}, {"ns", 1}, {"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}, {NULL, 0},
};

/* Reads a number and one of 'units'; the result lies in [0, 2^63). */
static gboolean quantity_parse(const char *text, const Unit *units, const char *what, const char *example,
                               double *result, GError **error)
{
    char *end = NULL;
    double number = text ? g_ascii_strtod(text, &end) : 0;
    gboolean starts_well = text && (g_ascii_isdigit(text[0]) || text[0] == '.') && end != text;

    while (starts_well && *end == ' ') {
        end++;
    }
    for (const Unit *unit = units; starts_well && unit->suffix; unit++) {
        if (g_str_equal(unit->suffix, end)) {
            *result = number * unit->factor;
            if (isfinite(*result) && *result < 0x1p63) {
                return TRUE;
            }
            break;
        }
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is not a %s; write it like %s", text ? text : "", what,
                example);
    return FALSE;
}

gboolean size_parse(const char *text, guint64 *size_bytes, GError **error)
{
    double value = 0;

    if (!quantity_parse(text, SIZE_UNITS, "size", "512M, 8MiB or 4096", &value, error)) {
        return FALSE;
    }
    *size_bytes = (guint64)value;
    return TRUE;
}

gboolean rate_parse(const char *text, guint64 *bytes_per_s, GError **error)
{
    double value = 0;

    if (!quantity_parse(text, RATE_UNITS, "rate", "1gbit, 100mbit or 30MiB/s", &value, error)) {
        return FALSE;
    }
    *bytes_per_s = (guint64)value;
    return TRUE;
}

gboolean duration_parse(const char *text, gint64 *duration_ns, GError **error)
{
    double value = 0;

    if (!quantity_parse(text, DURATION_UNITS, "duration", "300ms, 10s or 2min", &value, error)) {
        return FALSE;
    }
    *duration_ns = (gint64)value;
    return TRUE;
}

/* 'value' with three figures at least and the largest of the binary prefixes that leaves it at 1 or more. */
static char *binary_format(double value, const char *suffix)
{
    static const char *const PREFIXES[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi"};
    gsize prefix = 0;

    while (value >= 1024 && prefix + 1 < G_N_ELEMENTS(PREFIXES)) {
        value /= 1024;
        prefix++;
    }
    if (value == floor(value) && value < 1e6) {
        return g_strdup_printf("%.0f %sB%s", value, PREFIXES[prefix], suffix);
    }
    return g_strdup_printf(value < 10 ? "%.2f %sB%s" : "%.1f %sB%s", value, PREFIXES[prefix], suffix);
}

char *size_format(guint64 size_bytes)
{
    return binary_format((double)size_bytes, "");
}

char *rate_format(guint64 bytes_per_s)
{
    return binary_format((double)bytes_per_s, "/s");
}

char *duration_format(gint64 duration_ns)
{
    double seconds = (double)duration_ns / (double)NS_PER_S;

    if (duration_ns < NS_PER_S) {
        return g_strdup_printf("%.0f ms", seconds * 1e3);
    }
    if (seconds < 100) {
        return g_strdup_printf("%.*f s", seconds < 10 ? 2 : 1, seconds);
    }
    return g_strdup_printf("%d min %02d s", (int)seconds / 60, (int)seconds % 60);
}
