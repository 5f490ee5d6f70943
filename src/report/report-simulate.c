/* SPDX-License-Identifier: Apache-2.0
 *
 * One simulated day as text, JSON and CSV; see report-simulate.h. */
#include "report/report-simulate.h"

#include "report/simulate-text.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

#define SIMULATOR "godwit"

char *report_simulate_text(const SimulateReport *report, const ReportStyle *style)
{
    Table *table = table_new(style);
    GString *text = g_string_new(NULL);
    g_autofree char *workload = text_clean(report->workload);

    g_string_append_printf(text, "%s: %u hosts, %u VMs, policy %s, placer %s, mode %s, seed %" G_GUINT64_FORMAT "\n",
                           workload, report->hosts, report->vms, report->policy, report->placer, report->mode,
                           report->seed);
    table_column(table, "figure", TABLE_LEFT);
    table_column(table, "value", TABLE_RIGHT);
    table_column(table, "what it is", TABLE_LEFT);
    table_may_drop(table);
    for (guint i = 0; i < report->numbers_length; i++) {
        const SimulateNumber *number = &report->numbers[i];

        table_cell(table, INK_HEADING, number->name);
        if (isfinite(number->value)) {
            table_cellf(table, INK_PLAIN, "%.*f", (int)number->decimals, number->value);
        } else {
            table_cell(table, INK_DIM, "-");
        }
        table_cell(table, INK_DIM, number->help);
    }
    g_autofree char *rows = table_end(table);
    g_string_append(text, rows);
    if (report->has_timing) {
        g_string_append_printf(text, "%.3f s, %.3f s of CPU\n", report->wall_s, report->cpu_s);
    }
    return g_string_free(text, FALSE);
}

static void add_string(GString *json, const char *name, const char *value)
{
    g_string_append_printf(json, "%s  \"%s\": ", json->len > 2 ? ",\n" : "", name);
    simulate_json_string(json, value);
}

static void add_number(GString *json, const char *name, double value, guint decimals)
{
    g_string_append_printf(json, "%s  \"%s\": ", json->len > 2 ? ",\n" : "", name);
    simulate_json_number(json, value, decimals);
}

char *report_simulate_json(const SimulateReport *report)
{
    GString *json = g_string_new("{\n");

    add_string(json, "simulator", SIMULATOR);
    add_string(json, "order", report->order);
    add_string(json, "workload", report->workload);
    add_number(json, "hosts", report->hosts, 0);
    add_number(json, "vms", report->vms, 0);
    add_string(json, "policy", report->policy);
    for (guint i = 0; i < report->numbers_length; i++) {
        add_number(json, report->numbers[i].name, report->numbers[i].value, report->numbers[i].decimals);
    }
    add_string(json, "mode", report->mode);
    add_string(json, "placer", report->placer);
    add_string(json, "defects", report->defects);
    g_string_append_printf(json, ",\n  \"seed\": %" G_GUINT64_FORMAT, report->seed);
    if (report->has_timing) {
        add_number(json, "wall_s", report->wall_s, 3);
        add_number(json, "cpu_s", report->cpu_s, 3);
    }
    g_string_append(json, "\n}\n");
    return g_string_free(json, FALSE);
}

char *report_simulate_csv(const SimulateReport *report)
{
    GString *head = g_string_new("simulator,order,workload,hosts,vms,policy");
    g_autoptr(GString) line = g_string_new(SIMULATOR ",");

    simulate_csv_string(line, report->order);
    g_string_append_c(line, ',');
    simulate_csv_string(line, report->workload);
    g_string_append_printf(line, ",%u,%u,", report->hosts, report->vms);
    simulate_csv_string(line, report->policy);
    for (guint i = 0; i < report->numbers_length; i++) {
        g_string_append_printf(head, ",%s", report->numbers[i].name);
        g_string_append_c(line, ',');
        simulate_csv_number(line, report->numbers[i].value, report->numbers[i].decimals);
    }
    g_string_append(head, ",mode,placer,defects,seed\n");
    g_string_append_printf(line, ",%s,%s,", report->mode, report->placer);
    simulate_csv_string(line, report->defects);
    g_string_append_printf(line, ",%" G_GUINT64_FORMAT "\n", report->seed);
    g_string_append(head, line->str);
    return g_string_free(head, FALSE);
}

char *report_simulate_series_csv(const SimulateReport *report)
{
    GString *csv = g_string_new(NULL);

    for (guint i = 0; i < report->columns_length; i++) {
        g_string_append_printf(csv, "%s%s", i ? "," : "", report->columns[i].name);
    }
    g_string_append_c(csv, '\n');
    for (guint row = 0; row < report->rows; row++) {
        for (guint i = 0; i < report->columns_length; i++) {
            g_string_append(csv, i ? "," : "");
            simulate_csv_double(csv, report->columns[i].values[row]);
        }
        g_string_append_c(csv, '\n');
    }
    return g_string_free(csv, FALSE);
}

static void add_name(GString *csv, const SimulateReport *report, SimulateNameFunc name_of, guint index)
{
    g_autofree char *name = name_of ? name_of(report->names_user, index) : g_strdup_printf("%u", index);

    g_string_append_c(csv, ',');
    simulate_csv_string(csv, name);
}

char *report_simulate_moves_csv(const SimulateReport *report)
{
    GString *csv = g_string_new("time_s,duration_s,bytes,vm,from,to\n");

    for (guint i = 0; i < report->moves_length; i++) {
        const SimulateMove *move = &report->moves[i];

        g_string_append_printf(csv, "%.2f,%.3f,%.0f", move->time_s, move->duration_s, move->bytes);
        add_name(csv, report, report->vm_name, move->vm);
        add_name(csv, report, report->host_name, move->src);
        add_name(csv, report, report->host_name, move->dst);
        g_string_append_c(csv, '\n');
    }
    return g_string_free(csv, FALSE);
}
