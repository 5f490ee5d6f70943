/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit consolidate: VMs on the fewest hosts. */
#include "base/json.h"
#include "campaign/campaign-pack.h"
#include "cli/job.h"
#include "cli/live.h"
#include "cli/verbs.h"
#include "report/report-packing.h"
#include "report/text.h"

#define BAR_COLUMNS 30u

static const CliSpec SPEC = {
    .verb = "consolidate",
    .usage = "--hosts HOST,HOST[,HOST...] [OPTION...]\n"
             "       godwit consolidate --instances FILE [OPTION...]",
    .summary = "Brings VMs together on the fewest hosts",
    .details = "Empties as many of these hosts as can be emptied, whole ones only, with the fewest bytes moved.  What "
               "moves is observed, checked and migrated as in an evacuation.  A HOST is a name of the inventory or a "
               "libvirt URI.\n"
               "With --instances nothing is moved: every instance of a file in the format of the VM placement benchmark "
               "is packed, and shown is how many hosts are used, how few there must be, and how long it took.",
    .groups = (CLI_GROUPS_PLANNING | CLI_GROUP_HOSTS | CLI_GROUP_PACK | CLI_GROUP_RUN) &
              ~(guint)(CLI_GROUP_FROM | CLI_GROUP_TO),
};

static void show_progress(guint done, guint total, gpointer user)
{
    Live *live = user;
    ReportStyle style = terminal_style(stderr, FALSE);
    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *bar = text_bar((double)done / total, BAR_COLUMNS, &style);

    g_ptr_array_add(lines, g_strdup_printf("%s %u of %u packed", bar, done, total));
    live_draw(live, lines);
}

static int pack_instances(const CliOptions *options)
{
    guint64 seed = options->campaign.observe.seed;
    g_autoptr(GError) error = NULL;
    g_autoptr(Live) live = live_new(stderr);
    g_autoptr(GPtrArray) packings =
        campaign_pack(options->instances_path, seed, options->effort, show_progress, live, &error);

    live_erase(live);
    if (!packings) {
        return cli_failure(&SPEC, error);
    }
    if (options->is_json) {
        g_autoptr(JsonNode) node = report_packing_json(packings, seed, options->effort);
        g_autofree char *text = json_to_text(node, FALSE);
        g_print("%s\n", text);
    } else {
        ReportStyle style = terminal_style(stdout, options->without_colours);
        g_autofree char *text = report_packing_text(packings, &style);
        g_print("%s", text);
    }
    return 0;
}

static int consolidate_hosts(CliOptions *options)
{
    g_autoptr(GError) error = NULL;

    if (!g_hash_table_contains(options->given, "placer")) {
        options->campaign.placer = "pack";
    }
    options->campaign.place.seed = options->campaign.observe.seed;
    g_autoptr(Job) job = job_open(options, &error);
    return job ? job_do_consolidation(job, (const char *const *)options->hosts->pdata, options->is_dry_run)
               : cli_failure(&SPEC, error);
}

int cmd_consolidate(int argc, char **argv)
{
    int status = 0;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    if (options->arguments->len > 0) {
        return cli_usage_error(&SPEC, "there is no argument '%s'", (char *)g_ptr_array_index(options->arguments, 0));
    }
    if (!options->instances_path) {
        return options->hosts->len > 1
                   ? consolidate_hosts(options)
                   : cli_usage_error(&SPEC, "say with --hosts which hosts, two at least, or with --instances which file");
    }
    const char *idle = options->report_path
                           ? "save-report"
                           : cli_options_given(options, CLI_GROUPS_PLANNING & ~(guint)(CLI_GROUP_SEED | CLI_GROUP_OUTPUT));
    idle = options->hosts->len > 0 ? "hosts" : idle;
    return idle ? cli_usage_error(&SPEC, "--%s has no place beside --instances", idle) : pack_instances(options);
}
