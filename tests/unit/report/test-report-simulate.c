/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-simulate*.c and simulate-text.c. */
#include "report/report-simulate.h"

#include "base/json.h"
#include "samples.h"
#include "schema-check.h"
#include "sim/day.h"

#include <math.h>
#include <string.h>

static double time_s[] = {300, 600, 900};
static double energy_j[] = {360000, 720000, 0};
static double load[] = {0.5, 0.75, NAN};
static const SimulateColumn COLUMNS[] = {{"time_s", "s", time_s}, {"energy_j", "J", energy_j}, {"load", "share", load}};
static const SimulateNumber NUMBERS[] = {
    {"energy_kwh", 2, 163.481, "energy"}, {"migrations", 0, 27859, "migrations started"}, {"esv", 5, NAN, "product"}};
static const SimulateMove MOVES[] = {{300.1, 13.92, 912261120, 7, 1, 0}};

static char *name_of(gconstpointer user, guint index)
{
    return g_strdup_printf("%s%u", (const char *)user, index);
}

static SimulateReport sample(void)
{
    return (SimulateReport){.order = "sorted",
                            .workload = "a <day>, \"hot\"",
                            .hosts = 40,
                            .vms = 50,
                            .policy = "lr_mmt_1.2",
                            .mode = "physical",
                            .placer = "power",
                            .defects = "none",
                            .seed = G_MAXUINT64,
                            .numbers = NUMBERS,
                            .numbers_length = G_N_ELEMENTS(NUMBERS),
                            .columns = COLUMNS,
                            .columns_length = G_N_ELEMENTS(COLUMNS),
                            .rows = 3,
                            .moves = MOVES,
                            .moves_length = 1,
                            .vm_name = name_of,
                            .names_user = "n"};
}

static void json_has_the_columns_of_the_reference_first(void)
{
    SimulateReport report = sample();
    g_autoptr(GError) error = NULL;
    g_autofree char *text = report_simulate_json(&report);
    JsonObject *object = json_parse_object(text, -1, "report", &error);

    g_assert_no_error(error);
    g_autoptr(GList) names = json_object_get_members(object);
    static const char *const WANTED[] = {"simulator", "order",  "workload",   "hosts",
                                         "vms",       "policy", "energy_kwh", "migrations"};
    for (guint i = 0; i < G_N_ELEMENTS(WANTED); i++) {
        g_assert_cmpstr(g_list_nth_data(names, i), ==, WANTED[i]);
    }
    g_assert_cmpstr(json_object_get_string_member(object, "workload"), ==, report.workload);
    g_assert_cmpint(json_object_get_int_member(object, "migrations"), ==, 27859);
    g_assert_true(json_object_get_null_member(object, "esv"));
    g_assert_nonnull(strstr(text, "\"energy_kwh\": 163.48,\n"));
    g_assert_nonnull(strstr(text, "\"seed\": 18446744073709551615\n"));
    g_assert_false(json_object_has_member(object, "wall_s"));
    report.has_timing = TRUE;
    g_autofree char *timed = report_simulate_json(&report);
    g_assert_nonnull(strstr(timed, "\"cpu_s\": 0.000\n"));
    json_object_unref(object);
}

static void add_number(const char *name, guint decimals, double value, const char *help, gpointer numbers)
{
    SimulateNumber number = {name, decimals, value, help};

    g_array_append_val((GArray *)numbers, number);
}

/* The figures are those that a day has, so that the schema cannot lag behind. */
static void json_fits_its_schema(void)
{
    static const DayTotals TOTALS;
    g_autoptr(GArray) numbers = g_array_new(FALSE, FALSE, sizeof(SimulateNumber));
    SimulateReport report = sample();
    g_autoptr(GError) error = NULL;

    day_totals_each(&TOTALS, add_number, numbers);
    report.numbers = (const SimulateNumber *)(const void *)numbers->data;
    report.numbers_length = numbers->len;
    report.seed = 7;
    for (guint with_timing = 0; with_timing < 2; with_timing++) {
        report.has_timing = with_timing;
        g_autofree char *text = report_simulate_json(&report);
        g_autoptr(JsonNode) node = json_from_string(text, &error);

        g_assert_no_error(error);
        assert_fits_schema("simulate", node);
    }
}

static void csv_quotes_what_must_be_quoted(void)
{
    SimulateReport report = sample();
    g_autofree char *csv = report_simulate_csv(&report);

    g_assert_cmpstr(csv, ==,
                    "simulator,order,workload,hosts,vms,policy,energy_kwh,migrations,esv,mode,placer,defects,seed\n"
                    "godwit,sorted,\"a <day>, \"\"hot\"\"\",40,50,lr_mmt_1.2,163.48,27859,,physical,power,none,"
                    "18446744073709551615\n");
}

static void series_and_moves_are_lines(void)
{
    SimulateReport report = sample();
    g_autofree char *series = report_simulate_series_csv(&report);
    g_autofree char *moves = report_simulate_moves_csv(&report);

    g_assert_cmpstr(series, ==, "time_s,energy_j,load\n300,360000,0.5\n600,720000,0.75\n900,0,\n");
    g_assert_cmpstr(moves, ==, "time_s,duration_s,bytes,vm,from,to\n300.10,13.920,912261120,n7,1,0\n");
}

/* 360 kJ in 300 s are 1.2 kW, then 2.4 kW: the axis ends at 2.5. */
static void energy_is_plotted_as_power(void)
{
    SimulateReport report = sample();
    g_autoptr(GPtrArray) plots = report_simulate_plots(&report);
    const SimulatePlot *energy = g_ptr_array_index(plots, 0);

    g_assert_cmpuint(plots->len, ==, 2); /* there are columns for two only */
    g_assert_cmpstr(energy->name, ==, "energy");
    g_assert_nonnull(strstr(energy->svg, ">2.5</text>"));
    g_assert_cmpstr(((const SimulatePlot *)g_ptr_array_index(plots, 1))->name, ==, "load");
}

static void html_is_escaped_and_has_the_plots(void)
{
    SimulateReport report = sample();
    g_autoptr(GPtrArray) plots = report_simulate_plots(&report);
    g_autofree char *html = report_simulate_html(&report, plots);

    g_assert_nonnull(strstr(html, "<h1>a &lt;day&gt;, &quot;hot&quot;</h1>"));
    g_assert_nonnull(strstr(html, ((const SimulatePlot *)g_ptr_array_index(plots, 1))->svg));
    g_assert_nonnull(strstr(html, "<td class='n'>163.48</td>"));
    g_assert_null(strstr(html, "nan"));
    g_assert_nonnull(strstr(html, "18446744073709551615"));
}

static void text_names_the_seed_and_all_figures(void)
{
    SimulateReport report = sample();
    g_autofree char *text = report_simulate_text(&report, &PLAIN);

    g_assert_nonnull(strstr(text, "seed 18446744073709551615\n"));
    g_assert_nonnull(strstr(text, "27859"));
    g_assert_nonnull(strstr(text, "esv"));
    g_assert_null(strstr(text, "nan"));
}

static const double A1[] = {10, 4, 1};
static const double A2[] = {30, 8, 1};
static const double A3[] = {20, 6, 1};
static const SimulateSweepRun RUNS[] = {{"day", "a", 1, NULL, A1},
                                        {"day", "a", 2, NULL, A2},
                                        {"day", "a", 3, NULL, A3},
                                        {"day", "b", 1, "no host, \"at all\"", NULL},
                                        {"day", "b", 2, NULL, A2}};
static const SimulateSweep SWEEP = {NUMBERS, 3, RUNS, G_N_ELEMENTS(RUNS)};

static void sweep_has_medians_and_spreads(void)
{
    g_autofree char *text = report_sweep_text(&SWEEP, &PLAIN);
    g_autofree char *csv = report_sweep_csv(&SWEEP);

    g_assert_nonnull(strstr(text, "20.00 (10.00..30.00)"));
    g_assert_nonnull(strstr(text, "seed 1 failed: no host"));
    g_assert_nonnull(strstr(csv, "\nday,a,3,0,20,10,30,6,4,8,1,1,1\n"));
    g_assert_nonnull(strstr(csv, "\nday,b,1,1,30,30,30,8,8,8,1,1,1\n"));
}

static void sweep_lists_every_run(void)
{
    g_autofree char *csv = report_sweep_runs_csv(&SWEEP);

    g_assert_cmpstr(csv, ==,
                    "scenario,policy,seed,error,energy_kwh,migrations,esv\nday,a,1,,10.00,4,1.00000\n"
                    "day,a,2,,30.00,8,1.00000\nday,a,3,,20.00,6,1.00000\n"
                    "day,b,1,\"no host, \"\"at all\"\"\",,,\nday,b,2,,30.00,8,1.00000\n");
}

static void sweep_json_fits_its_schema(void)
{
    g_autofree char *text = report_sweep_json(&SWEEP);
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonNode) node = json_from_string(text, &error);

    g_assert_no_error(error);
    assert_fits_schema("simulate-sweep", node);
    JsonObject *set =
        json_array_get_object_element(json_object_get_array_member(json_node_get_object(node), "sets"), 0);
    JsonObject *energy = json_object_get_object_member(json_object_get_object_member(set, "figures"), "energy_kwh");
    g_assert_cmpfloat(json_object_get_double_member(energy, "q1"), ==, 15);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-simulate/json-has-the-columns-of-the-reference-first",
                    json_has_the_columns_of_the_reference_first);
    g_test_add_func("/report-simulate/json-fits-its-schema", json_fits_its_schema);
    g_test_add_func("/report-simulate/csv-quotes-what-must-be-quoted", csv_quotes_what_must_be_quoted);
    g_test_add_func("/report-simulate/series-and-moves-are-lines", series_and_moves_are_lines);
    g_test_add_func("/report-simulate/energy-is-plotted-as-power", energy_is_plotted_as_power);
    g_test_add_func("/report-simulate/html-is-escaped-and-has-the-plots", html_is_escaped_and_has_the_plots);
    g_test_add_func("/report-simulate/text-names-the-seed-and-all-figures", text_names_the_seed_and_all_figures);
    g_test_add_func("/report-simulate/sweep-has-medians-and-spreads", sweep_has_medians_and_spreads);
    g_test_add_func("/report-simulate/sweep-lists-every-run", sweep_lists_every_run);
    g_test_add_func("/report-simulate/sweep-json-fits-its-schema", sweep_json_fits_its_schema);
    return g_test_run();
}
