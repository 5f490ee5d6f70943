/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed instances as a table and as JSON; see report-packing.h. */
#include "report/report-packing.h"
#include "base/stats.h"
#include "base/units.h"
#include "report/report-json.h"
#include "report/table.h"

/* Sums and means over all instances. */
typedef struct Summary {
    guint hosts_used;
    guint lower_bound;
    guint proven_best;
    double mean_gap_percent;
    double median_s;
    double max_s;
} Summary;

static Summary summarise(GPtrArray *packings)
{
    g_autofree double *gaps = g_new0(double, packings->len + 1);
    g_autofree double *seconds = g_new0(double, packings->len + 1);
    Summary summary = {0};

    for (guint i = 0; i < packings->len; i++) {
        const Packing *packing = g_ptr_array_index(packings, i);

        summary.hosts_used += packing->hosts_used;
        summary.lower_bound += packing->lower_bound;
        summary.proven_best += packing_is_best(packing) ? 1 : 0;
        gaps[i] = packing_gap_percent(packing);
        seconds[i] = packing->seconds;
    }
    summary.mean_gap_percent = stats_mean(gaps, packings->len);
    summary.median_s = stats_median(seconds, packings->len);
    summary.max_s = stats_max(seconds, packings->len);
    return summary;
}

/* Most of these are shorter than a millisecond, which duration_format does not tell apart. */
static char *seconds_text(double seconds)
{
    return seconds < 0.1 ? g_strdup_printf("%.2f ms", seconds * 1e3)
                         : duration_format((gint64)(seconds * (double)NS_PER_S));
}

static void add_packing(Table *table, const Packing *packing)
{
    gboolean is_best = packing_is_best(packing);

    table_cell(table, INK_HEADING, packing->name);
    table_cellf(table, INK_PLAIN, "%u", packing->vms);
    table_cellf(table, is_best ? INK_GOOD : INK_PLAIN, "%u", packing->hosts_used);
    table_cellf(table, INK_PLAIN, "%u", packing->hosts);
    table_cellf(table, INK_PLAIN, "%u", packing->lower_bound);
    table_cellf(table, INK_PLAIN, "%.2f %%", packing_gap_percent(packing));
    table_cell(table, is_best ? INK_GOOD : INK_DIM, is_best ? "best" : "-");
    table_cell_take(table, INK_PLAIN, seconds_text(packing->seconds));
}

char *report_packing_text(GPtrArray *packings, const ReportStyle *style)
{
    Table *table = table_new(style);
    Summary summary = summarise(packings);
    g_autofree char *median = seconds_text(summary.median_s);
    g_autofree char *longest = seconds_text(summary.max_s);

    table_column(table, "instance", TABLE_LEFT);
    table_column(table, "VMs", TABLE_RIGHT);
    table_column(table, "hosts", TABLE_RIGHT);
    table_column(table, "of", TABLE_RIGHT);
    table_column(table, "at least", TABLE_RIGHT);
    table_column(table, "gap", TABLE_RIGHT);
    table_column(table, "proven", TABLE_LEFT);
    table_column(table, "time", TABLE_RIGHT);
    for (guint i = 0; i < packings->len; i++) {
        add_packing(table, g_ptr_array_index(packings, i));
    }
    g_autofree char *lines = table_end(table);
    return g_strdup_printf("%s\n%u instance%s: %u hosts used, %u at least; mean gap %.2f %%, %u proven best; time per "
                           "instance %s (median), %s (longest)\n",
                           lines, packings->len, packings->len == 1 ? "" : "s", summary.hosts_used, summary.lower_bound,
                           summary.mean_gap_percent, summary.proven_best, median, longest);
}

static void add_double(JsonBuilder *builder, const char *name, double value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_double_value(builder, value);
}

static void add_instance(JsonBuilder *builder, const Packing *packing)
{
    json_builder_begin_object(builder);
    report_add_string(builder, "name", packing->name);
    report_add_uint(builder, "vms", packing->vms);
    report_add_uint(builder, "hosts", packing->hosts);
    report_add_uint(builder, "hosts_used", packing->hosts_used);
    report_add_uint(builder, "lower_bound", packing->lower_bound);
    add_double(builder, "gap_percent", packing_gap_percent(packing));
    report_add_bool(builder, "proven_best", packing_is_best(packing));
    json_builder_set_member_name(builder, "hosts_constructed");
    if (packing->hosts_constructed == G_MAXUINT) {
        json_builder_add_null_value(builder);
    } else {
        json_builder_add_int_value(builder, packing->hosts_constructed);
    }
    report_add_uint(builder, "moves", packing->moves);
    add_double(builder, "seconds", packing->seconds);
    json_builder_set_member_name(builder, "host_of");
    json_builder_begin_array(builder);
    for (guint vm = 0; vm < packing->vms; vm++) {
        json_builder_add_int_value(builder, packing->host_of[vm]);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void add_summary(JsonBuilder *builder, const Summary *summary, guint instances)
{
    json_builder_begin_object(builder);
    report_add_uint(builder, "instances", instances);
    report_add_uint(builder, "hosts_used", summary->hosts_used);
    report_add_uint(builder, "lower_bound", summary->lower_bound);
    add_double(builder, "mean_gap_percent", summary->mean_gap_percent);
    report_add_uint(builder, "proven_best", summary->proven_best);
    add_double(builder, "median_seconds", summary->median_s);
    add_double(builder, "max_seconds", summary->max_s);
    json_builder_end_object(builder);
}

JsonNode *report_packing_json(GPtrArray *packings, guint64 seed, guint effort)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    Summary summary = summarise(packings);

    json_builder_begin_object(builder);
    report_add_uint(builder, "seed", seed);
    report_add_uint(builder, "effort", effort);
    json_builder_set_member_name(builder, "instances");
    json_builder_begin_array(builder);
    for (guint i = 0; i < packings->len; i++) {
        add_instance(builder, g_ptr_array_index(packings, i));
    }
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "summary");
    add_summary(builder, &summary, packings->len);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
