/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit relay choose: which way a migration's memory would take, by figures on the command line.  The question that
 * every plan asks itself (campaign/campaign-relay.c), for people and for programs. */
#include "base/json.h"
#include "base/units.h"
#include "cli/cli-options.h"
#include "cli/live.h"
#include "cli/verbs.h"
#include "decide/way-choice.h"
#include "report/table.h"
#include "report/text.h"

#include <math.h>
#include <stdio.h>

static const CliSpec SPEC = {
    .verb = "relay choose",
    .usage = "--ram SIZE --link RATE --dirty-pages N [OPTION...]",
    .summary = "Says which way the memory of a migration would take, and how long each is expected to take",
    .details = "The ways are plain (QEMU's own stream), relay (a pair of relays) and multifd (QEMU's own over several "
               "connections, compressed).  A plan with --relay auto asks the same question for each VM, with what was "
               "observed; here the figures are told.",
    .groups = CLI_GROUP_WAY | CLI_GROUP_OUTPUT,
};

static WayView view_of(const CliWay *way)
{
    return (WayView){.mode = RELAY_MODE_AUTO,
                     .algorithm = way->algorithm,
                     .ram_bytes = way->ram_bytes,
                     .link_bytes_per_s = way->link_bytes_per_s,
                     .downtime_limit_ns = way->downtime_limit_ns,
                     .dirty_pages_per_s = way->dirty_pages_per_s,
                     .dirty_bytes_per_page = way->dirty_bytes_per_page,
                     .working_set_bytes = way->working_set_bytes,
                     .used_share = way->used_share,
                     .compressed_share = way->compressed_share,
                     .source_free_cpus = way->source_free_cpus,
                     .destination_free_cpus = way->destination_free_cpus,
                     .memory_bytes = way->has_memory ? way->memory_bytes : 2 * way->ram_bytes};
}

static const char *find_mistake(const CliOptions *options)
{
    const CliWay *way = &options->way;

    if (options->arguments->len > 1) {
        return "it takes options only";
    }
    if (way->ram_bytes == 0) {
        return "how much memory has the guest (--ram)?";
    }
    if (way->link_bytes_per_s == 0) {
        return "what does the link carry (--link)?";
    }
    if (isnan(way->dirty_pages_per_s)) {
        return "how many pages does the guest write per second (--dirty-pages)?";
    }
    return NULL;
}

/* Seconds; null: it does not converge, or is not possible ('converges' tells which). */
static void add_expected(JsonBuilder *builder, Way way, double total_s)
{
    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "way");
    json_builder_add_string_value(builder, way_name(way));
    json_builder_set_member_name(builder, "possible");
    json_builder_add_boolean_value(builder, !isnan(total_s));
    json_builder_set_member_name(builder, "converges");
    json_builder_add_boolean_value(builder, isfinite(total_s));
    json_add_double_or_null(builder, "total_s", isfinite(total_s) ? total_s : NAN);
    json_builder_end_object(builder);
}

static char *verdict_json(const WayVerdict *verdict)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "way");
    json_builder_add_string_value(builder, way_name(verdict->way));
    json_builder_set_member_name(builder, "connections");
    json_builder_add_int_value(builder, verdict->connections);
    json_builder_set_member_name(builder, "reason");
    json_builder_add_string_value(builder, verdict->reason);
    json_builder_set_member_name(builder, "expected");
    json_builder_begin_array(builder);
    for (int way = 0; way < WAYS_LENGTH; way++) {
        add_expected(builder, (Way)way, verdict->total_s[way]);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    return json_to_text(node, TRUE);
}

static char *time_text(double total_s)
{
    if (isnan(total_s)) {
        return g_strdup("-");
    }
    return isinf(total_s) ? g_strdup("no end") : duration_format((gint64)(total_s * (double)NS_PER_S));
}

static char *verdict_text(const WayVerdict *verdict, const ReportStyle *style)
{
    Table *table = table_new(style);
    g_autofree char *reason = text_wrap(verdict->reason, 0, style->columns);

    table_column(table, "way", TABLE_LEFT);
    table_column(table, "expected time", TABLE_RIGHT);
    for (int way = 0; way < WAYS_LENGTH; way++) {
        table_cell(table, (Way)way == verdict->way ? INK_GOOD : INK_PLAIN, way_name((Way)way));
        table_cell_take(table, INK_PLAIN, time_text(verdict->total_s[way]));
    }
    g_autofree char *rows = table_end(table);
    return g_strdup_printf("%s\n%s", rows, reason);
}

int cmd_relay_choose(int argc, char **argv)
{
    int status = 0;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    const char *mistake = find_mistake(options);
    if (mistake) {
        return cli_usage_error(&SPEC, "%s", mistake);
    }
    WayView view = view_of(&options->way);
    WayVerdict verdict = way_choose(&view, NULL);
    ReportStyle style = terminal_style(stdout, options->without_colours);
    g_autofree char *text = options->is_json ? verdict_json(&verdict) : verdict_text(&verdict, &style);

    g_print("%s%s", text, options->is_json ? "\n" : "");
    g_free(verdict.reason);
    return 0;
}
