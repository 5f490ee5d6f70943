/* SPDX-License-Identifier: Apache-2.0
 *
 * A plan that was played: when each VM would be where it should, how long it would stand still, what would be sent, and
 * how much memory each host would need at most, step by step. */
#include "base/json.h"
#include "base/units.h"
#include "report/report-json.h"
#include "report/report.h"
#include "report/table.h"

#include <math.h>
#include <string.h>

#define MEMORY_ROWS_MOST  40u /* more steps than that: only waves are shown, JSON has them all */
#define MEMORY_HOSTS_MOST 8u

static const Outcome *outcome_of(const Prediction *prediction, guint step)
{
    return g_ptr_array_index(prediction->outcome->outcomes, step);
}

/* Seconds from the beginning until a moment of the virtual clock; NAN: it never came. */
static double since_start_s(const Prediction *prediction, gint64 when_ns)
{
    return when_ns > 0 ? (double)(when_ns - prediction->start_ns) / (double)NS_PER_S : (double)NAN;
}

static char *seconds_text(double seconds)
{
    return isnan(seconds) ? g_strdup("-") : duration_format((gint64)(seconds * (double)NS_PER_S));
}

/* ---- text ---- */

static void add_vm_row(Table *table, const Prediction *prediction, const Outcome *outcome)
{
    gboolean is_fine = outcome->kind == OUTCOME_MIGRATED;

    table_cell(table, INK_HEADING, outcome->vm);
    table_cell(table, outcome->algorithm == outcome->choice->algorithm ? INK_ACCENT : INK_WARN,
               algorithm_name(outcome->algorithm));
    table_cell(table, INK_PLAIN, outcome->source);
    table_cell(table, INK_PLAIN, outcome->destination);
    table_cell_take(table, INK_PLAIN, seconds_text(since_start_s(prediction, outcome->begun_ns)));
    table_cell_take(table, INK_PLAIN, seconds_text(since_start_s(prediction, outcome->ended_ns)));
    table_cell_take(table, INK_PLAIN, seconds_text(outcome->guest_gap_ms / 1000));
    table_cell_take(table, INK_PLAIN, size_format(outcome->bytes));
    table_cell(table, is_fine ? INK_GOOD : INK_BAD, outcome_kind_name(outcome->kind));
    if (outcome->message && !is_fine) {
        table_note(table, outcome->message);
    }
}

static char *vms_text(const Prediction *prediction, const ReportStyle *style)
{
    Table *table = table_new(style);

    table_column(table, "VM", TABLE_LEFT);
    table_column(table, "algorithm", TABLE_LEFT);
    table_column(table, "from", TABLE_LEFT);
    table_may_drop(table);
    table_column(table, "to", TABLE_LEFT);
    table_column(table, "begins", TABLE_RIGHT);
    table_column(table, "ends", TABLE_RIGHT);
    table_column(table, "downtime", TABLE_RIGHT);
    table_column(table, "sent", TABLE_RIGHT);
    table_column(table, "outcome", TABLE_LEFT);
    for (guint i = 0; i < prediction->outcome->outcomes->len; i++) {
        add_vm_row(table, prediction, outcome_of(prediction, i));
    }
    return table_end(table);
}

static void add_memory_row(Table *table, char *label /* taken */, char *when /* taken */, const guint64 *bytes,
                           const guint64 *most, guint hosts)
{
    table_cell_take(table, INK_HEADING, label);
    table_cell_take(table, INK_DIM, when);
    for (guint h = 0; h < hosts; h++) {
        table_cell_take(table, most && bytes[h] > most[h] ? INK_BAD : INK_PLAIN, size_format(bytes[h]));
    }
}

static guint wave_of(const Prediction *prediction, const Plan *plan, guint row)
{
    return plan_step_at(plan, ((const PredictedStep *)g_ptr_array_index(prediction->steps, row))->step)->wave;
}

/* Each step, or where there are too many each wave: the most that was needed since the row above. */
static void add_memory_rows(Table *table, const Prediction *prediction, const Plan *plan, guint hosts)
{
    gboolean by_wave = prediction->steps->len > MEMORY_ROWS_MOST;
    g_autofree guint64 *most = g_new0(guint64, hosts + 1);

    for (guint i = 0; i < prediction->steps->len; i++) {
        const PredictedStep *step = g_ptr_array_index(prediction->steps, i);
        guint wave = wave_of(prediction, plan, i);
        gboolean is_last = i + 1 == prediction->steps->len || wave_of(prediction, plan, i + 1) != wave;

        for (guint h = 0; h < hosts; h++) {
            most[h] = MAX(most[h], step->peak_bytes[h]);
        }
        if (!by_wave || is_last) {
            add_memory_row(table,
                           by_wave ? g_strdup_printf("wave %u", wave + 1)
                                   : g_strdup(outcome_of(prediction, step->step)->vm),
                           seconds_text(step->at_s), most, prediction->memory_bytes, hosts);
            memset(most, 0, hosts * sizeof *most);
        }
    }
}

static char *memory_text(const Prediction *prediction, const Plan *plan, const ReportStyle *style)
{
    guint hosts = MIN(prediction->hosts_length, MEMORY_HOSTS_MOST);
    Table *table = table_new(style);

    table_column(table, "until", TABLE_LEFT);
    table_column(table, "", TABLE_RIGHT);
    for (guint h = 0; h < hosts; h++) {
        table_column(table, prediction->hosts[h], TABLE_RIGHT);
    }
    add_memory_row(table, g_strdup("the beginning"), g_strdup(""), prediction->start_bytes, NULL, hosts);
    add_memory_rows(table, prediction, plan, hosts);
    add_memory_row(table, g_strdup("the end"), g_strdup(""), prediction->end_bytes, prediction->memory_bytes, hosts);
    add_memory_row(table, g_strdup("at most"), g_strdup(""), prediction->peak_bytes, prediction->memory_bytes, hosts);
    add_memory_row(table, g_strdup("there is"), g_strdup(""), prediction->memory_bytes, NULL, hosts);
    return table_end(table);
}

static void append_note(GString *text, const char *note, const ReportStyle *style)
{
    g_autofree char *wrapped = text_wrap(note, 2, style->columns);

    g_string_append(text, wrapped);
}

char *report_prediction_text(const Prediction *prediction, const Plan *plan, const ReportStyle *style)
{
    g_autofree char *heading = text_ink("Prediction", INK_HEADING, style);
    g_autofree char *memory_heading = text_ink("Memory that the VMs of each host need at most", INK_HEADING, style);
    g_autofree char *vms = vms_text(prediction, style);
    g_autofree char *memory = memory_text(prediction, plan, style);
    g_autofree char *finish = seconds_text(prediction->finish_s);
    g_autofree char *downtime = seconds_text(prediction->downtime_ms / 1000);
    g_autofree char *sent = size_format(prediction->outcome->bytes);
    guint migrated = gang_outcome_count(prediction->outcome, OUTCOME_MIGRATED);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s: the plan played in virtual time, seed %" G_GUINT64_FORMAT "\n\n%s\n", heading,
                           prediction->seed, vms);
    g_string_append_printf(text, "  finish    %s from the start\n  downtime  %s (the sum)\n  sent      %s\n", finish,
                           downtime, sent);
    g_string_append_printf(text, "  VMs       %u of %u migrate\n\n%s\n\n%s", migrated,
                           prediction->outcome->outcomes->len, memory_heading, memory);
    if (prediction->hosts_length > MEMORY_HOSTS_MOST) {
        g_autofree char *more =
            g_strdup_printf("%u hosts more: --json has them all", prediction->hosts_length - MEMORY_HOSTS_MOST);
        append_note(text, more, style);
    }
    for (guint i = 0; i < prediction->notes->len; i++) {
        append_note(text, g_ptr_array_index(prediction->notes, i), style);
    }
    return g_string_free(text, FALSE);
}

/* ---- JSON ---- */

static void add_vm(JsonBuilder *builder, const Prediction *prediction, const Outcome *outcome)
{
    json_builder_begin_object(builder);
    report_add_string(builder, "vm", outcome->vm);
    report_add_string(builder, "algorithm", algorithm_name(outcome->algorithm));
    report_add_string(builder, "outcome", outcome_kind_name(outcome->kind));
    json_add_string_or_null(builder, "message", outcome->message);
    json_add_double_or_null(builder, "begin_s", since_start_s(prediction, outcome->begun_ns));
    json_add_double_or_null(builder, "finish_s", since_start_s(prediction, outcome->ended_ns));
    json_add_double_or_null(builder, "downtime_ms", outcome->guest_gap_ms);
    json_add_double_or_null(builder, "work_lost_s", outcome->work_lost_s);
    report_add_uint(builder, "bytes", outcome->bytes);
    report_add_uint(builder, "passes", outcome->passes);
    json_builder_end_object(builder);
}

static void add_bytes(JsonBuilder *builder, const char *name, const guint64 *bytes, guint length)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (guint i = 0; i < length; i++) {
        json_builder_add_int_value(builder, (gint64)bytes[i]);
    }
    json_builder_end_array(builder);
}

static void add_hosts(JsonBuilder *builder, const Prediction *prediction)
{
    json_builder_set_member_name(builder, "hosts");
    json_builder_begin_array(builder);
    for (guint h = 0; h < prediction->hosts_length; h++) {
        json_builder_begin_object(builder);
        report_add_string(builder, "name", prediction->hosts[h]);
        report_add_uint(builder, "memory_bytes", prediction->memory_bytes[h]);
        report_add_uint(builder, "start_bytes", prediction->start_bytes[h]);
        report_add_uint(builder, "peak_bytes", prediction->peak_bytes[h]);
        report_add_uint(builder, "end_bytes", prediction->end_bytes[h]);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

static void add_steps(JsonBuilder *builder, const Prediction *prediction, const Plan *plan)
{
    json_builder_set_member_name(builder, "steps");
    json_builder_begin_array(builder);
    for (guint i = 0; i < prediction->steps->len; i++) {
        const PredictedStep *step = g_ptr_array_index(prediction->steps, i);

        json_builder_begin_object(builder);
        report_add_string(builder, "vm", plan_step_at(plan, step->step)->vm);
        report_add_uint(builder, "wave", plan_step_at(plan, step->step)->wave);
        json_add_double_or_null(builder, "at_s", step->at_s);
        add_bytes(builder, "peak_bytes", step->peak_bytes, prediction->hosts_length);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

JsonNode *report_prediction_json(const Prediction *prediction, const Plan *plan)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    const GPtrArray *outcomes = prediction->outcome->outcomes;

    json_builder_begin_object(builder);
    report_add_uint(builder, "seed", prediction->seed);
    json_add_double_or_null(builder, "finish_s", prediction->finish_s);
    json_add_double_or_null(builder, "downtime_ms", prediction->downtime_ms);
    report_add_uint(builder, "bytes", prediction->outcome->bytes);
    report_add_uint(builder, "migrated", gang_outcome_count(prediction->outcome, OUTCOME_MIGRATED));
    json_builder_set_member_name(builder, "vms");
    json_builder_begin_array(builder);
    for (guint i = 0; i < outcomes->len; i++) {
        add_vm(builder, prediction, g_ptr_array_index(outcomes, i));
    }
    json_builder_end_array(builder);
    add_hosts(builder, prediction);
    add_steps(builder, prediction, plan);
    json_builder_set_member_name(builder, "notes");
    json_builder_begin_array(builder);
    for (guint i = 0; i < prediction->notes->len; i++) {
        json_builder_add_string_value(builder, g_ptr_array_index(prediction->notes, i));
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
