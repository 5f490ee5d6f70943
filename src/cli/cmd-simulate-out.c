/* SPDX-License-Identifier: Apache-2.0
 *
 * What `godwit simulate` writes; see cmd-simulate.h.  Nothing here depends on the clock or the machine, so that the
 * same seed gives the same bytes. */
#include "cli/cmd-simulate.h"

#include "base/error.h"

#include <errno.h>
#include <math.h>

static void add_number(const char *name, guint decimals, double value, const char *help, gpointer numbers)
{
    SimulateNumber number = {name, decimals, value, help};

    g_array_append_val((GArray *)numbers, number);
}

GArray *simulate_numbers(const DayTotals *totals)
{
    static const DayTotals NOTHING;
    GArray *numbers = g_array_new(FALSE, FALSE, sizeof(SimulateNumber));

    day_totals_each(totals ?: &NOTHING, add_number, numbers);
    return numbers;
}

#define COLUMN(member, unit, help) {#member, unit, NULL},
#define OFFSET(member, unit, help) G_STRUCT_OFFSET(DayTick, member),
static const SimulateColumn COLUMNS[] = {DAY_SERIES(COLUMN)};
static const gsize OFFSETS[] = {DAY_SERIES(OFFSET)};

static SimulateColumn *columns_of(const DayResult *result)
{
    SimulateColumn *columns = g_memdup2(COLUMNS, sizeof COLUMNS);

    for (gsize i = 0; i < G_N_ELEMENTS(COLUMNS); i++) {
        columns[i].values = g_new0(double, result->ticks->len + 1);
        for (guint row = 0; row < result->ticks->len; row++) {
            columns[i].values[row] = G_STRUCT_MEMBER(double, &g_array_index(result->ticks, DayTick, row), OFFSETS[i]);
        }
    }
    return columns;
}

static SimulateMove *moves_of(const DayResult *result)
{
    SimulateMove *moves = g_new0(SimulateMove, result->migrations->len + 1);

    for (guint i = 0; i < result->migrations->len; i++) {
        const DayMigration *migration = &g_array_index(result->migrations, DayMigration, i);

        moves[i] = (SimulateMove){migration->time_s, migration->duration_s, migration->bytes,
                                  migration->vm,     migration->src,        migration->dst};
    }
    return moves;
}

static char *name_of_vm(gconstpointer scenario, guint vm)
{
    return scenario_vm_name(scenario, vm);
}

static char *name_of_host(gconstpointer scenario, guint host)
{
    return scenario_host_name(scenario, host);
}

void simulate_told_fill(SimulateTold *told, const SimulateCase *one, const DayResult *result)
{
    *told = (SimulateTold){
        .numbers = simulate_numbers(&result->totals), .columns = columns_of(result), .moves = moves_of(result)};
    told->report = (SimulateReport){
        .order = one->order,
        .workload = one->subject->name,
        .hosts = one->config.fleet->hosts,
        .vms = one->config.fleet->vms,
        .policy = one->policy,
        .mode = day_mode_name(one->config.mode),
        .placer = one->placer,
        .defects = one->defects,
        .seed = one->config.seed,
        .numbers = (const SimulateNumber *)(const void *)told->numbers->data,
        .numbers_length = told->numbers->len,
        .columns = told->columns,
        .columns_length = G_N_ELEMENTS(COLUMNS),
        .rows = result->ticks->len,
        .moves = told->moves,
        .moves_length = result->migrations->len,
        .vm_name = one->scenario ? name_of_vm : NULL,
        .host_name = one->scenario ? name_of_host : NULL,
        .names_user = one->scenario,
    };
}

void simulate_told_clear(SimulateTold *told)
{
    for (gsize i = 0; told->columns && i < G_N_ELEMENTS(COLUMNS); i++) {
        g_free(told->columns[i].values);
    }
    g_clear_pointer(&told->numbers, g_array_unref);
    g_clear_pointer(&told->columns, g_free);
    g_clear_pointer(&told->moves, g_free);
}

gboolean simulate_out_make(const char *directory, GError **error)
{
    if (g_mkdir_with_parents(directory, 0777) != 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "--out: cannot make %s: %s", directory,
                    g_strerror(errno));
        return FALSE;
    }
    return TRUE;
}

gboolean simulate_out_write(const char *directory, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);
    g_autoptr(GError) cause = NULL;

    if (!g_file_set_contents(path, text, -1, &cause)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "--out: %s", cause->message);
        return FALSE;
    }
    return TRUE;
}

/* The three files of CloudSim's reference results; indices for names there. */
static char *initial_csv(const SimulateReport *report, const DayResult *result)
{
    GString *csv = g_string_new("vm,host\n");

    for (guint vm = 0; vm < result->vms; vm++) {
        if (report->vm_name) {
            g_autofree char *name = report->vm_name(report->names_user, vm);
            g_autofree char *host = report->host_name(report->names_user, result->initial[vm]);

            g_string_append_printf(csv, "%s,%s\n", name, host);
        } else {
            g_string_append_printf(csv, "%u,%u\n", vm, result->initial[vm]);
        }
    }
    return g_string_free(csv, FALSE);
}

static char *reference_moves_csv(const DayResult *result)
{
    GString *csv = g_string_new("time,vm,from,to\n");

    for (guint i = 0; i < result->migrations->len; i++) {
        const DayMigration *migration = &g_array_index(result->migrations, DayMigration, i);

        g_string_append_printf(csv, "%.2f,%u,%u,%u\n", migration->time_s, migration->vm, migration->src,
                               migration->dst);
    }
    return g_string_free(csv, FALSE);
}

static char *energy_csv(const DayResult *result)
{
    GString *csv = g_string_new("time,joules\n");

    for (guint i = 0; i < result->energy_events->len; i++) {
        const DayEnergyEvent *event = &g_array_index(result->energy_events, DayEnergyEvent, i);

        g_string_append_printf(csv, "%.2f,%.2f\n", event->time_s, event->joules);
    }
    return g_string_free(csv, FALSE);
}

static gboolean write_plots(const char *directory, const SimulateReport *report, GError **error)
{
    g_autoptr(GPtrArray) plots = report_simulate_plots(report);
    g_autofree char *html = report_simulate_html(report, plots);

    for (guint i = 0; i < plots->len; i++) {
        const SimulatePlot *plot = g_ptr_array_index(plots, i);
        g_autofree char *name = g_strconcat(plot->name, ".svg", NULL);

        if (!simulate_out_write(directory, name, plot->svg, error)) {
            return FALSE;
        }
    }
    return simulate_out_write(directory, "report.html", html, error);
}

gboolean simulate_out_all(const char *directory, const SimulateCase *one, const SimulateReport *report,
                          const DayResult *result, GError **error)
{
    SimulateReport untimed = *report;

    untimed.has_timing = FALSE;
    g_autofree char *json = report_simulate_json(&untimed);
    g_autofree char *csv = report_simulate_csv(&untimed);
    g_autofree char *series = report_simulate_series_csv(&untimed);
    g_autofree char *initial = initial_csv(&untimed, result);
    g_autofree char *moves =
        one->subject->is_cloudsim ? reference_moves_csv(result) : report_simulate_moves_csv(&untimed);
    g_autofree char *energy = energy_csv(result);

    return simulate_out_make(directory, error) && simulate_out_write(directory, "summary.json", json, error) &&
           simulate_out_write(directory, "summary.csv", csv, error) &&
           simulate_out_write(directory, "series.csv", series, error) &&
           simulate_out_write(directory, "initial.csv", initial, error) &&
           simulate_out_write(directory, "migrations.csv", moves, error) &&
           simulate_out_write(directory, "energy.csv", energy, error) && write_plots(directory, &untimed, error);
}
