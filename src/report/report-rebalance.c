/* SPDX-License-Identifier: Apache-2.0
 *
 * Verdicts on hosts; see report-rebalance.h. */
#include "report/report-rebalance.h"
#include "base/json.h"
#include "report/table.h"

#include <math.h>

#define CALM_SHOWN 20u /* in a larger fleet calm hosts are only counted */

static Ink verdict_ink(const HostVerdict *verdict)
{
    if (g_str_equal(verdict->verdict, "calm") || g_str_equal(verdict->verdict, "burst")) {
        return INK_DIM;
    }
    if (verdict->is_danger || g_str_equal(verdict->verdict, "stuck") || g_str_equal(verdict->verdict, "unreachable")) {
        return INK_BAD;
    }
    return g_str_equal(verdict->verdict, "relieved") ? INK_GOOD : INK_WARN;
}

static char *share_text(double share)
{
    return isnan(share) ? g_strdup("-") : g_strdup_printf("%.2f", share);
}

static void add_row(Table *table, const HostVerdict *verdict)
{
    table_cell(table, INK_HEADING, verdict->host);
    table_cell(table, verdict_ink(verdict), verdict->verdict);
    table_cell(table, INK_PLAIN, verdict->resource ? verdict->resource : "-");
    table_cell_take(table, INK_PLAIN, share_text(verdict->now));
    table_cell_take(table, INK_PLAIN, share_text(verdict->mean));
    table_cell_take(table, INK_PLAIN, share_text(verdict->share_above));
    if (verdict->why) {
        table_note(table, verdict->why);
    }
}

char *report_verdicts_text(GPtrArray *hosts, const char *note, const ReportStyle *style)
{
    Table *table = table_new(style);
    guint calm = 0;

    table_column(table, "host", TABLE_LEFT);
    table_column(table, "verdict", TABLE_LEFT);
    table_column(table, "fullest", TABLE_LEFT);
    table_column(table, "now", TABLE_RIGHT);
    table_column(table, "mean", TABLE_RIGHT);
    table_column(table, "time above", TABLE_RIGHT);
    for (guint i = 0; i < hosts->len; i++) {
        const HostVerdict *verdict = g_ptr_array_index(hosts, i);

        if (hosts->len > CALM_SHOWN && g_str_equal(verdict->verdict, "calm")) {
            calm++;
        } else {
            add_row(table, verdict);
        }
    }
    g_autofree char *rows = table_end(table);
    g_autofree char *counted = calm ? g_strdup_printf("%u more hosts are calm.\n", calm) : g_strdup("");
    g_autofree char *wrapped = note ? text_wrap(note, 0, style->columns) : g_strdup("");
    return g_strconcat(rows, counted, wrapped, NULL);
}

void report_verdicts_add_json(JsonNode *node, GPtrArray *hosts, const char *note)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    JsonObject *object = json_node_get_object(node);

    json_builder_begin_array(builder);
    for (guint i = 0; i < hosts->len; i++) {
        const HostVerdict *verdict = g_ptr_array_index(hosts, i);

        json_builder_begin_object(builder);
        json_add_string_or_null(builder, "host", verdict->host);
        json_add_string_or_null(builder, "verdict", verdict->verdict);
        json_add_string_or_null(builder, "resource", verdict->resource);
        json_add_double_or_null(builder, "now", verdict->now);
        json_add_double_or_null(builder, "mean", verdict->mean);
        json_add_double_or_null(builder, "share_above", verdict->share_above);
        json_builder_set_member_name(builder, "danger");
        json_builder_add_boolean_value(builder, verdict->is_danger);
        json_add_string_or_null(builder, "why", verdict->why);
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
    json_object_set_member(object, "hosts", json_builder_get_root(builder));
    if (note) {
        json_object_set_string_member(object, "note", note);
    } else {
        json_object_set_null_member(object, "note");
    }
}
