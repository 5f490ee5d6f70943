/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit hosts: the fleet and what runs where. */
#include "base/error.h"
#include "base/json.h"
#include "cli/live.h"
#include "cli/job.h"
#include "cli/verbs.h"
#include "cli/where.h"
#include "report/report.h"

static const CliSpec SPEC = {
    .verb = "hosts",
    .usage = "[HOST...] [OPTION...]",
    .summary = "Shows the hosts and what runs where",
    .details = "Without HOST, all hosts of the inventory are asked.  A HOST is a name of the inventory or a libvirt "
               "URI.  The exit status is 1 when one of them does not answer.",
    .groups = CLI_GROUP_WHERE | CLI_GROUP_OUTPUT,
};

/* Leaves in the inventory only the hosts that were named, or all. */
static gboolean choose_hosts(const CliOptions *options, Inventory *inventory, GError **error)
{
    g_autoptr(GPtrArray) wanted = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);

    if (options->arguments->len == 0) {
        if (inventory->hosts->len > 0) {
            return TRUE;
        }
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND,
                    "there is no host in the inventory; write one (man godwit-inventory) or give a libvirt URI");
        return FALSE;
    }
    for (guint i = 0; i < options->arguments->len; i++) {
        const HostConfig *host = inventory_resolve(inventory, g_ptr_array_index(options->arguments, i), error);

        if (!host) {
            return FALSE;
        }
        g_ptr_array_add(wanted, host_config_copy(host));
    }
    g_ptr_array_unref(inventory->hosts);
    inventory->hosts = g_steal_pointer(&wanted);
    return TRUE;
}

static guint count_errors(GPtrArray *errors, const char **first)
{
    guint count = 0;

    for (guint i = errors->len; i-- > 0;) {
        if (g_ptr_array_index(errors, i)) {
            *first = g_ptr_array_index(errors, i);
            count++;
        }
    }
    return count;
}

static int show_hosts(const CliOptions *options, Inventory *inventory, Campaign *campaign)
{
    g_autoptr(GPtrArray) facts = NULL;
    g_autoptr(GPtrArray) errors = NULL;
    const char *first = NULL;
    ReportStyle style = terminal_style(stdout, options->without_colours);

    campaign_query_hosts(campaign, &facts, &errors);
    g_autoptr(JsonNode) node = report_hosts_json(facts, inventory->hosts, errors);
    g_autofree char *text =
        options->is_json ? json_to_text(node, TRUE) : report_hosts_text(facts, inventory->hosts, errors, &style);
    g_print("%s%s", text, options->is_json ? "\n" : "");
    guint silent = count_errors(errors, &first);
    if (silent > 0) {
        fflush(stdout);
        g_autoptr(GError) error =
            silent == 1 ? g_error_new(GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "1 of %u hosts does not answer: %s",
                                      errors->len, first)
                        : g_error_new(GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "%u of %u hosts do not answer; first: %s",
                                      silent, errors->len, first);
        return cli_failure(&SPEC, error);
    }
    return 0;
}

int cmd_hosts(int argc, char **argv)
{
    int status = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    g_auto(Where) where = {0};

    if (!where_open(&where, options, &error) || !choose_hosts(options, where.inventory, &error)) {
        return cli_failure(&SPEC, error);
    }
    return show_hosts(options, where.inventory, where.campaign);
}
