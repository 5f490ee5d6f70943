/* SPDX-License-Identifier: Apache-2.0
 *
 * One period of a live observation: how each VM of a host touches its memory and what would be chosen for it now; see
 * report.h.
 *
 * Both sparklines of all VMs have one scale, so that heights can be compared down the table. */
#include "report/report.h"
#include "base/json.h"
#include "base/units.h"
#include "report/report-json.h"
#include "report/table.h"

#include <math.h>

#define WIDEST_SPARKLINE 20u
#define OTHER_COLUMNS    92u /* what the table takes beside its two sparklines */

static double highest_rate(GPtrArray *profiles)
{
    double highest = 0;

    for (guint i = 0; i < profiles->len; i++) {
        const Profile *profile = g_ptr_array_index(profiles, i);

        for (gsize period = 0; period < profile->periods; period++) {
            highest = fmax(highest, fmax(profile->read_pages_per_s[period], profile->written_pages_per_s[period]));
        }
    }
    return highest;
}

static guint sparkline_width(GPtrArray *profiles, const ReportStyle *style)
{
    gsize periods = 1;
    guint room = style->columns > OTHER_COLUMNS ? (style->columns - OTHER_COLUMNS) / 2 : 0;

    for (guint i = 0; i < profiles->len; i++) {
        periods = MAX(periods, ((const Profile *)g_ptr_array_index(profiles, i))->periods);
    }
    guint widest = style->columns == 0 ? WIDEST_SPARKLINE : CLAMP(room, 5, WIDEST_SPARKLINE);
    return (guint)MIN(periods, widest);
}

/* Where nothing saw accesses, the series of reads holds zeros that mean nothing. */
static gboolean knows_reads(const Profile *profile)
{
    return profile->access_tracker != NULL;
}

static double latest(const double *series, gsize periods)
{
    return periods > 0 ? series[periods - 1] : NAN;
}

/* "4 KiB", or "2 MiB/4 KiB" where accesses and writes are seen at different grains. */
static char *grain_text(const Profile *profile)
{
    g_autofree char *access = size_format(profile->access_grain_bytes);
    g_autofree char *write = size_format(profile->write_grain_bytes);

    if (profile->access_grain_bytes == 0 && profile->write_grain_bytes == 0) {
        return g_strdup("-");
    }
    if (profile->access_grain_bytes == 0 || profile->access_grain_bytes == profile->write_grain_bytes) {
        return g_strdup(write);
    }
    return profile->write_grain_bytes == 0 ? g_strdup(access) : g_strdup_printf("%s/%s", access, write);
}

static char *memberships_text(const Classification *classification)
{
    const double *membership = classification->membership;

    if (isnan(membership[0])) {
        return g_strdup("-");
    }
    return g_strdup_printf("%.2f %.2f %.2f", membership[0], membership[1], membership[2]);
}

static void add_row(Table *table, const Profile *profile, const Choice *choice, guint width, double top,
                    const ReportStyle *style)
{
    const Classification *classification = choice->classification;
    gsize periods = profile->periods;
    double working_set = classification->working_set_bytes;

    table_cell(table, INK_HEADING, profile->vm);
    table_cell_take(table, INK_PLAIN,
                    text_number(knows_reads(profile) ? latest(profile->read_pages_per_s, periods) : NAN));
    table_cell_take(table, INK_GOOD,
                    text_sparkline(profile->read_pages_per_s, knows_reads(profile) ? periods : 0, width, top, style));
    table_cell_take(table, INK_PLAIN, text_number(latest(profile->written_pages_per_s, periods)));
    table_cell_take(table, INK_BAD, text_sparkline(profile->written_pages_per_s, periods, width, top, style));
    table_cell(table, INK_PLAIN, vm_class_name(classification->vm_class));
    table_cell_take(table, INK_PLAIN, memberships_text(classification));
    table_cell_take(table, INK_PLAIN, isnan(working_set) ? g_strdup("-") : size_format((guint64)working_set));
    table_cell_take(table, INK_PLAIN, text_number(classification->dirty_bytes_per_page));
    table_cell_take(table, INK_PLAIN, grain_text(profile));
    table_cell(table, INK_ACCENT, algorithm_name(choice->algorithm));
    if (profile->fate != PROFILE_FATE_COMPLETE || profile->note) {
        g_autofree char *note = g_strdup_printf(
            "%s: %s%s%s", profile->vm, profile->fate == PROFILE_FATE_COMPLETE ? "" : profile_fate_name(profile->fate),
            profile->fate != PROFILE_FATE_COMPLETE && profile->note ? "; " : "", profile->note ? profile->note : "");
        table_note(table, note);
    }
}

static Table *watch_table(const ReportStyle *style)
{
    Table *table = table_new(style);

    table_column(table, "VM", TABLE_LEFT);
    table_column(table, "R pages/s", TABLE_RIGHT);
    table_column(table, "", TABLE_LEFT);
    table_column(table, "W pages/s", TABLE_RIGHT);
    table_column(table, "", TABLE_LEFT);
    table_column(table, "class", TABLE_LEFT);
    table_column(table, "R    W    M", TABLE_LEFT);
    table_column(table, "working set", TABLE_RIGHT);
    table_column(table, "B/page", TABLE_RIGHT);
    table_may_drop(table);
    table_column(table, "grain", TABLE_RIGHT);
    table_may_drop(table);
    table_column(table, "would be", TABLE_LEFT);
    return table;
}

char *report_watch_text(const char *host, guint period, GPtrArray *profiles, GPtrArray *choices,
                        const ReportStyle *style)
{
    g_autofree char *title = text_ink(host, INK_HEADING, style);
    Table *table = watch_table(style);
    guint width = sparkline_width(profiles, style);
    double top = highest_rate(profiles);

    for (guint i = 0; i < profiles->len; i++) {
        add_row(table, g_ptr_array_index(profiles, i), g_ptr_array_index(choices, i), width, top, style);
    }
    g_autofree char *rows = table_end(table);
    return g_strdup_printf("%s, period %u: %u VM%s\n%s", title, period, profiles->len, profiles->len == 1 ? "" : "s",
                           profiles->len ? rows : "no VM runs there\n");
}

static void add_series(JsonBuilder *builder, const char *name, const double *series, gsize periods)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    for (gsize i = 0; i < periods; i++) {
        if (isnan(series[i])) {
            json_builder_add_null_value(builder);
        } else {
            json_builder_add_double_value(builder, series[i]);
        }
    }
    json_builder_end_array(builder);
}

static void add_rates(JsonBuilder *builder, const Profile *profile, const Classification *classification)
{
    gsize periods = profile->periods;
    gsize read_periods = knows_reads(profile) ? periods : 0;

    json_add_double_or_null(builder, "read_pages_per_s", latest(profile->read_pages_per_s, read_periods));
    json_add_double_or_null(builder, "written_pages_per_s", latest(profile->written_pages_per_s, periods));
    add_series(builder, "read_series", profile->read_pages_per_s, read_periods);
    add_series(builder, "written_series", profile->written_pages_per_s, periods);
    json_add_double_or_null(builder, "mean_read_pages_per_s",
                            knows_reads(profile) ? profile->mean_read_pages_per_s : NAN);
    json_add_double_or_null(builder, "mean_written_pages_per_s", profile->mean_written_pages_per_s);
    json_add_double_or_null(builder, "written_pages_error", profile->written_pages_error);
    json_add_double_or_null(builder, "smoothed_read_pages_per_s",
                            knows_reads(profile) ? classification->smoothed_read_pages_per_s : NAN);
    json_add_double_or_null(builder, "smoothed_written_pages_per_s", classification->smoothed_written_pages_per_s);
}

static void add_vm(JsonBuilder *builder, const Profile *profile, const Choice *choice)
{
    const Classification *classification = choice->classification;

    json_builder_begin_object(builder);
    report_add_string(builder, "name", profile->vm);
    report_add_string(builder, "fate", profile_fate_name(profile->fate));
    json_add_string_or_null(builder, "note", profile->note);
    add_rates(builder, profile, classification);
    report_add_string(builder, "class", vm_class_name(classification->vm_class));
    report_add_memberships(builder, classification);
    json_add_double_or_null(builder, "working_set_bytes", classification->working_set_bytes);
    json_add_double_or_null(builder, "dirty_bytes_per_page", classification->dirty_bytes_per_page);
    report_add_uint(builder, "page_bytes", profile->page_bytes);
    report_add_uint(builder, "access_grain_bytes", profile->access_grain_bytes);
    report_add_uint(builder, "write_grain_bytes", profile->write_grain_bytes);
    json_add_string_or_null(builder, "access_tracker", profile->access_tracker);
    json_add_string_or_null(builder, "write_tracker", profile->write_tracker);
    json_add_double_or_null(builder, "cost_cpu_share", profile->cost_cpu_share);
    report_add_string(builder, "algorithm", algorithm_name(choice->algorithm));
    json_add_string_or_null(builder, "reason", choice->reason);
    json_builder_end_object(builder);
}

JsonNode *report_watch_json(const char *host, guint period, GPtrArray *profiles, GPtrArray *choices)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    report_add_string(builder, "host", host);
    report_add_uint(builder, "period", period);
    json_builder_set_member_name(builder, "vms");
    json_builder_begin_array(builder);
    for (guint i = 0; i < profiles->len; i++) {
        add_vm(builder, g_ptr_array_index(profiles, i), g_ptr_array_index(choices, i));
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
