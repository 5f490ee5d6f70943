/* SPDX-License-Identifier: Apache-2.0
 *
 * Many simulated days side by side; see report-simulate.h.
 *
 * Runs of the same scenario and policy are a set; its median and spread are over its seeds, those that failed left out.
 */
#include "report/report-simulate.h"

#include "base/stats.h"
#include "report/simulate-text.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

/* The figures of the table for people; the files have all. */
static const char *const LEADING[] = {"energy_kwh", "migrations", "slav_pct", "response_ms_mean", "moved_gib"};

typedef struct Set {
    const SimulateSweepRun *runs;
    guint length;
    guint failed;
} Set;

/* The set that begins at run 'first'. */
static Set set_at(const SimulateSweep *sweep, guint first)
{
    Set set = {&sweep->runs[first], 0, 0};

    while (first + set.length < sweep->runs_length &&
           g_str_equal(set.runs[set.length].scenario, set.runs[0].scenario) &&
           g_str_equal(set.runs[set.length].policy, set.runs[0].policy)) {
        set.failed += set.runs[set.length].error != NULL;
        set.length++;
    }
    return set;
}

typedef struct Spread {
    double median;
    double low; /* least, most and quartiles */
    double high;
    double q1;
    double q3;
} Spread;

static Spread spread_of(const Set *set, guint number)
{
    g_autofree double *values = g_new(double, set->length);
    gsize length = 0;

    for (guint i = 0; i < set->length; i++) {
        if (!set->runs[i].error) {
            values[length++] = set->runs[i].values[number];
        }
    }
    return (Spread){stats_median(values, length), stats_min(values, length), stats_max(values, length),
                    stats_quantile(values, length, 0.25), stats_quantile(values, length, 0.75)};
}

static int find_number(const SimulateSweep *sweep, const char *name)
{
    for (guint i = 0; i < sweep->numbers_length; i++) {
        if (g_str_equal(sweep->numbers[i].name, name)) {
            return (int)i;
        }
    }
    return -1;
}

static void add_spread_cell(Table *table, const Spread *spread, guint decimals)
{
    if (isnan(spread->median)) {
        table_cell(table, INK_DIM, "-");
    } else if (spread->low == spread->high) {
        table_cellf(table, INK_PLAIN, "%.*f", (int)decimals, spread->median);
    } else {
        table_cellf(table, INK_PLAIN, "%.*f (%.*f..%.*f)", (int)decimals, spread->median, (int)decimals, spread->low,
                    (int)decimals, spread->high);
    }
}

static void add_set_row(Table *table, const SimulateSweep *sweep, const Set *set)
{
    table_cell(table, INK_HEADING, set->runs[0].scenario);
    table_cell(table, INK_HEADING, set->runs[0].policy);
    table_cellf(table, INK_PLAIN, "%u", set->length - set->failed);
    for (gsize i = 0; i < G_N_ELEMENTS(LEADING); i++) {
        int number = find_number(sweep, LEADING[i]);

        if (number >= 0) {
            Spread spread = spread_of(set, (guint)number);
            add_spread_cell(table, &spread, sweep->numbers[number].decimals);
        }
    }
    for (guint i = 0; i < set->length; i++) {
        if (set->runs[i].error) {
            g_autofree char *note =
                g_strdup_printf("seed %" G_GUINT64_FORMAT " failed: %s", set->runs[i].seed, set->runs[i].error);
            table_note(table, note);
        }
    }
}

char *report_sweep_text(const SimulateSweep *sweep, const ReportStyle *style)
{
    Table *table = table_new(style);

    table_column(table, "scenario", TABLE_LEFT);
    table_column(table, "policy", TABLE_LEFT);
    table_column(table, "runs", TABLE_RIGHT);
    for (gsize i = 0; i < G_N_ELEMENTS(LEADING); i++) {
        if (find_number(sweep, LEADING[i]) >= 0) {
            table_column(table, LEADING[i], TABLE_RIGHT);
        }
    }
    for (guint first = 0; first < sweep->runs_length;) {
        Set set = set_at(sweep, first);

        add_set_row(table, sweep, &set);
        first += set.length;
    }
    return table_end(table);
}

static void add_seeds(GString *json, const Set *set, gboolean are_failed)
{
    gboolean is_first = TRUE;

    for (guint i = 0; i < set->length; i++) {
        const SimulateSweepRun *run = &set->runs[i];

        if ((run->error != NULL) != are_failed) {
            continue;
        }
        g_string_append(json, is_first ? "" : ", ");
        is_first = FALSE;
        if (!are_failed) {
            g_string_append_printf(json, "%" G_GUINT64_FORMAT, run->seed);
            continue;
        }
        g_string_append_printf(json, "{\"seed\": %" G_GUINT64_FORMAT ", \"error\": ", run->seed);
        simulate_json_string(json, run->error);
        g_string_append_c(json, '}');
    }
}

static void add_spread_member(GString *json, const char *name, double value, guint decimals, const char *end)
{
    g_string_append_printf(json, "\"%s\": ", name);
    simulate_json_number(json, value, decimals);
    g_string_append(json, end);
}

static void add_set_object(GString *json, const SimulateSweep *sweep, const Set *set)
{
    g_string_append(json, "    {\n      \"scenario\": ");
    simulate_json_string(json, set->runs[0].scenario);
    g_string_append(json, ",\n      \"policy\": ");
    simulate_json_string(json, set->runs[0].policy);
    g_string_append(json, ",\n      \"seeds\": [");
    add_seeds(json, set, FALSE);
    g_string_append(json, "],\n      \"failed\": [");
    add_seeds(json, set, TRUE);
    g_string_append(json, "],\n      \"figures\": {\n");
    for (guint i = 0; i < sweep->numbers_length; i++) {
        Spread spread = spread_of(set, i);
        guint decimals = sweep->numbers[i].decimals + (sweep->numbers[i].decimals == 0); /* medians of counts: x.5 */

        g_string_append_printf(json, "        \"%s\": {", sweep->numbers[i].name);
        add_spread_member(json, "median", spread.median, decimals, ", ");
        add_spread_member(json, "min", spread.low, decimals, ", ");
        add_spread_member(json, "q1", spread.q1, decimals, ", ");
        add_spread_member(json, "q3", spread.q3, decimals, ", ");
        add_spread_member(json, "max", spread.high, decimals, i + 1 < sweep->numbers_length ? "},\n" : "}\n");
    }
    g_string_append(json, "      }\n    }");
}

char *report_sweep_json(const SimulateSweep *sweep)
{
    GString *json = g_string_new("{\n  \"sets\": [\n");

    for (guint first = 0; first < sweep->runs_length;) {
        Set set = set_at(sweep, first);

        add_set_object(json, sweep, &set);
        first += set.length;
        g_string_append(json, first < sweep->runs_length ? ",\n" : "\n");
    }
    g_string_append(json, "  ]\n}\n");
    return g_string_free(json, FALSE);
}

char *report_sweep_csv(const SimulateSweep *sweep)
{
    GString *csv = g_string_new("scenario,policy,runs,failed");

    for (guint i = 0; i < sweep->numbers_length; i++) {
        const char *name = sweep->numbers[i].name;

        g_string_append_printf(csv, ",%s_median,%s_min,%s_max", name, name, name);
    }
    g_string_append_c(csv, '\n');
    for (guint first = 0; first < sweep->runs_length;) {
        Set set = set_at(sweep, first);

        simulate_csv_string(csv, set.runs[0].scenario);
        g_string_append_c(csv, ',');
        simulate_csv_string(csv, set.runs[0].policy);
        g_string_append_printf(csv, ",%u,%u", set.length - set.failed, set.failed);
        for (guint i = 0; i < sweep->numbers_length; i++) {
            Spread spread = spread_of(&set, i);
            double values[] = {spread.median, spread.low, spread.high};

            for (gsize k = 0; k < G_N_ELEMENTS(values); k++) {
                g_string_append_c(csv, ',');
                simulate_csv_double(csv, values[k]);
            }
        }
        g_string_append_c(csv, '\n');
        first += set.length;
    }
    return g_string_free(csv, FALSE);
}

char *report_sweep_runs_csv(const SimulateSweep *sweep)
{
    GString *csv = g_string_new("scenario,policy,seed,error");

    for (guint i = 0; i < sweep->numbers_length; i++) {
        g_string_append_printf(csv, ",%s", sweep->numbers[i].name);
    }
    g_string_append_c(csv, '\n');
    for (guint r = 0; r < sweep->runs_length; r++) {
        const SimulateSweepRun *run = &sweep->runs[r];

        simulate_csv_string(csv, run->scenario);
        g_string_append_c(csv, ',');
        simulate_csv_string(csv, run->policy);
        g_string_append_printf(csv, ",%" G_GUINT64_FORMAT ",", run->seed);
        simulate_csv_string(csv, run->error ? run->error : "");
        for (guint i = 0; i < sweep->numbers_length; i++) {
            g_string_append_c(csv, ',');
            if (!run->error) {
                simulate_csv_number(csv, run->values[i], sweep->numbers[i].decimals);
            }
        }
        g_string_append_c(csv, '\n');
    }
    return g_string_free(csv, FALSE);
}
