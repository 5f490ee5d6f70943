/* SPDX-License-Identifier: Apache-2.0
 *
 * A finished gang: per VM, and the paper's three figures for all together (seed 000, section 4): total time is that of
 * the VM that took longest, total downtime the sum over the VMs, and the time product of both is equation (7).
 *
 * The figures of the gang are those of the VMs that migrated.  When none did there are no figures, and where a VM's
 * downtime is known to nobody, the sum says that it is not complete. */
#include "report/report.h"
#include "base/json.h"
#include "base/units.h"
#include "report/report-json.h"
#include "report/report-relay.h"
#include "report/table.h"

#include <math.h>

static gboolean has_begun(const Outcome *outcome)
{
    return outcome->begun_ns > 0;
}

/* What QEMU calls downtime before a switchover is only what it expected. */
static double downtime_ms(const Outcome *outcome)
{
    return outcome->kind == OUTCOME_MIGRATED || outcome->switched_ns > 0 ? outcome->downtime_ms : NAN;
}

static guint unknown_downtimes(const GangOutcome *gang)
{
    guint count = 0;

    for (guint i = 0; i < gang->outcomes->len; i++) {
        const Outcome *outcome = g_ptr_array_index(gang->outcomes, i);

        count += outcome->kind == OUTCOME_MIGRATED && isnan(outcome->downtime_ms) && isnan(outcome->guest_gap_ms);
    }
    return count;
}

static Ink kind_ink(OutcomeKind kind)
{
    switch (kind) {
    case OUTCOME_MIGRATED:
        return INK_GOOD;
    case OUTCOME_CANCELLED:
    case OUTCOME_NOT_STARTED:
    case OUTCOME_VM_STOPPED:
        return INK_WARN;
    default:
        return INK_BAD;
    }
}

static char *seconds_text(const Outcome *outcome)
{
    return has_begun(outcome) ? duration_format((gint64)(outcome->total_time_s * (double)NS_PER_S)) : g_strdup("-");
}

static char *ms_text(double ms)
{
    return isnan(ms) ? g_strdup("-") : duration_format((gint64)(ms * (double)NS_PER_MS));
}

static void add_row(Table *table, const Outcome *outcome)
{
    gboolean is_changed = outcome->algorithm != outcome->choice->algorithm;

    table_cell(table, INK_HEADING, outcome->vm);
    table_cell(table, INK_PLAIN, vm_class_name(outcome->choice->classification->vm_class));
    table_cell(table, is_changed ? INK_WARN : INK_ACCENT, algorithm_name(outcome->algorithm));
    table_cell(table, kind_ink(outcome->kind), outcome_kind_name(outcome->kind));
    table_cell(table, INK_PLAIN, outcome->source);
    table_cell(table, INK_PLAIN, outcome->destination);
    table_cell_take(table, INK_PLAIN, seconds_text(outcome));
    table_cell_take(table, INK_PLAIN, ms_text(downtime_ms(outcome)));
    table_cell_take(table, INK_PLAIN, ms_text(outcome->guest_gap_ms));
    table_cell_take(table, INK_PLAIN, has_begun(outcome) ? size_format(outcome->bytes) : g_strdup("-"));
    table_cell_take(table, INK_PLAIN,
                    has_begun(outcome) ? g_strdup_printf("%" G_GUINT64_FORMAT, outcome->passes) : g_strdup("-"));
}

static char *rows_text(const GangOutcome *gang, const ReportStyle *style)
{
    Table *table = table_new(style);

    table_column(table, "VM", TABLE_LEFT);
    table_column(table, "class", TABLE_LEFT);
    table_column(table, "algorithm", TABLE_LEFT);
    table_column(table, "outcome", TABLE_LEFT);
    table_column(table, "from", TABLE_LEFT);
    table_may_drop(table);
    table_column(table, "to", TABLE_LEFT);
    table_may_drop(table);
    table_column(table, "time", TABLE_RIGHT);
    table_column(table, "downtime", TABLE_RIGHT);
    table_column(table, "guest gap", TABLE_RIGHT);
    table_column(table, "moved", TABLE_RIGHT);
    table_column(table, "passes", TABLE_RIGHT);
    for (guint i = 0; i < gang->outcomes->len; i++) {
        add_row(table, g_ptr_array_index(gang->outcomes, i));
    }
    return table_end(table);
}

static void append_figures(const GangOutcome *gang, GString *text, const ReportStyle *style)
{
    g_autofree char *heading = text_ink("The gang", INK_HEADING, style);
    g_autofree char *moved = size_format(gang->bytes);
    guint unknown = unknown_downtimes(gang);

    g_string_append_printf(text, "\n%s\n", heading);
    if (gang_outcome_count(gang, OUTCOME_MIGRATED) > 0) {
        g_string_append_printf(text, "  total time      %.2f s (the longest)\n", gang->total_time_s);
        g_string_append_printf(text, "  total downtime  %.0f ms (the sum%s)\n", gang->total_downtime_ms,
                               unknown ? "; not complete, see below" : "");
        g_string_append_printf(text, "  time product    %.1f s*ms\n", gang->time_product);
    }
    g_string_append_printf(text, "  moved           %s in %.2f s\n", moved, gang->elapsed_s);
    if (unknown) {
        g_string_append_printf(text, "  The downtime of %u VM%s is known to nobody.\n", unknown,
                               unknown == 1 ? "" : "s");
    }
}

/* "3 migrated, 1 failed." */
static void append_counts(const GangOutcome *gang, GString *text)
{
    static const char *const NAMES[] = {OUTCOME_KINDS(NAMED_ENUM_NAME)};
    const char *separator = "";

    g_string_append_c(text, '\n');
    for (guint kind = 0; kind < G_N_ELEMENTS(NAMES); kind++) {
        guint count = gang_outcome_count(gang, (OutcomeKind)kind);

        if (count > 0) {
            g_string_append_printf(text, "%s%u %s", separator, count, NAMES[kind]);
            separator = ", ";
        }
    }
    g_string_append(text, *separator ? ".\n" : "No VM was to be moved.\n");
}

/* What did not go as planned, in words: one paragraph per VM. */
static void append_story(const Outcome *outcome, GString *text, const ReportStyle *style)
{
    g_autoptr(GString) story = g_string_new(outcome->vm);
    g_autofree char *relay = report_relay_text(outcome);

    if (outcome->kind == OUTCOME_MIGRATED && !outcome->message && !outcome->was_forced && !relay) {
        return;
    }
    g_string_append_printf(story, ": %s", outcome_kind_name(outcome->kind));
    if (outcome->fault != FAULT_NONE && outcome->fault != FAULT_OPERATOR) {
        g_string_append_printf(story, " (%s)", fault_name(outcome->fault));
    }
    if (outcome->message) {
        g_string_append_printf(story, ": %s", outcome->message);
    }
    if (outcome->was_forced) {
        g_string_append(story, "; it was stopped above the downtime limit, as --on-stuck=force says");
    }
    if (relay) {
        g_string_append_printf(story, "; %s", relay);
    }
    if (outcome->kind != OUTCOME_MIGRATED && outcome->now_at) {
        g_string_append_printf(story, "; it is %s at %s", vm_state_name(outcome->state), outcome->now_at);
    } else if (outcome->kind != OUTCOME_MIGRATED) {
        g_string_append(story, "; no host says that it runs there");
    }
    g_autofree char *wrapped = text_wrap(story->str, 2, style->columns);
    g_string_append(text, wrapped);
}

char *report_gang_text(const GangOutcome *gang, const ReportStyle *style)
{
    g_autofree char *title = g_strdup_printf("Report %s", gang->id);
    g_autofree char *inked = text_ink(title, INK_HEADING, style);
    g_autofree char *rows = rows_text(gang, style);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s: policy %s\n", inked, policy_name(gang->policy));
    if (gang->outcomes->len > 0) {
        g_string_append_printf(text, "\n%s", rows);
        append_figures(gang, text, style);
    }
    append_counts(gang, text);
    for (guint i = 0; i < gang->outcomes->len; i++) {
        append_story(g_ptr_array_index(gang->outcomes, i), text, style);
    }
    return g_string_free(text, FALSE);
}

static void add_vm(JsonBuilder *builder, const Outcome *outcome)
{
    const Classification *classification = outcome->choice->classification;

    json_builder_begin_object(builder);
    report_add_string(builder, "name", outcome->vm);
    report_add_string(builder, "source", outcome->source);
    report_add_string(builder, "destination", outcome->destination);
    report_add_string(builder, "class", vm_class_name(classification->vm_class));
    report_add_string(builder, "algorithm", algorithm_name(outcome->algorithm));
    json_add_string_or_null(builder, "reason", outcome->choice->reason);
    report_add_string(builder, "outcome", outcome_kind_name(outcome->kind));
    json_add_double_or_null(builder, "total_time_s", has_begun(outcome) ? outcome->total_time_s : NAN);
    json_add_double_or_null(builder, "downtime_ms", downtime_ms(outcome));
    json_add_double_or_null(builder, "guest_gap_ms", outcome->guest_gap_ms);
    report_add_uint(builder, "bytes", outcome->bytes);
    report_add_uint(builder, "passes", outcome->passes);
    report_add_string(builder, "planned_algorithm", algorithm_name(outcome->choice->algorithm));
    report_add_string(builder, "fault", fault_name(outcome->fault));
    json_add_string_or_null(builder, "message", outcome->message);
    json_add_string_or_null(builder, "now_at", outcome->now_at);
    report_add_string(builder, "state", vm_state_name(outcome->state));
    report_add_bool(builder, "forced", outcome->was_forced);
    json_add_double_or_null(builder, "work_lost_s", outcome->work_lost_s);
    report_add_uint(builder, "attempts", outcome->attempts);
    report_add_relay(builder, outcome);
    report_add_string(builder, "way", way_name(outcome->way));
    json_add_string_or_null(builder, "way_reason", outcome->choice->way_reason);
    report_add_memberships(builder, classification);
    json_add_double_or_null(builder, "smoothed_read_pages_per_s", classification->smoothed_read_pages_per_s);
    json_add_double_or_null(builder, "smoothed_written_pages_per_s", classification->smoothed_written_pages_per_s);
    json_builder_end_object(builder);
}

static void add_gang(JsonBuilder *builder, const GangOutcome *gang)
{
    gboolean has_figures = gang_outcome_count(gang, OUTCOME_MIGRATED) > 0;

    json_builder_begin_object(builder);
    json_add_double_or_null(builder, "total_time_s", has_figures ? gang->total_time_s : NAN);
    json_add_double_or_null(builder, "total_downtime_ms", has_figures ? gang->total_downtime_ms : NAN);
    json_add_double_or_null(builder, "time_product", has_figures ? gang->time_product : NAN);
    report_add_uint(builder, "bytes", gang->bytes);
    json_add_double_or_null(builder, "elapsed_s", gang->elapsed_s);
    report_add_uint(builder, "migrated", gang_outcome_count(gang, OUTCOME_MIGRATED));
    report_add_uint(builder, "unknown_downtimes", unknown_downtimes(gang));
    json_builder_end_object(builder);
}

JsonNode *report_gang_json(const GangOutcome *gang)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    report_add_string(builder, "id", gang->id);
    report_add_string(builder, "policy", policy_name(gang->policy));
    json_builder_set_member_name(builder, "vms");
    json_builder_begin_array(builder);
    for (guint i = 0; i < gang->outcomes->len; i++) {
        add_vm(builder, g_ptr_array_index(gang->outcomes, i));
    }
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "gang");
    add_gang(builder, gang);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
