/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit rebalance: bring overloaded hosts back into their safe range, with few moves; once, or again and again. */
#include "cli/job.h"
#include "cli/verbs.h"

static const CliSpec SPEC = {
    .verb = "rebalance",
    .usage = "[--hosts HOST,HOST[,HOST...]] [OPTION...]",
    .summary = "Evens out load: groups of VMs leave overloaded hosts, few moves, each explained",
    .details =
        "The load of all hosts is watched for a while.  From a host that is above its safe range for most of that time a "
        "group of VMs leaves that costs least to move and talks least to those that stay; short bursts move nobody, and "
        "a VM that has just moved stays, unless its host is in danger.  What is done, and what is not, is explained per "
        "host.\n"
        "A HOST is a name of the inventory or a libvirt URI.",
    .groups = (CLI_GROUPS_PLANNING | CLI_GROUP_RUN | CLI_GROUP_HOSTS | CLI_GROUP_REBALANCE) & ~(guint)(CLI_GROUP_FROM | CLI_GROUP_TO),
};

int cmd_rebalance(int argc, char **argv)
{
    int status = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    if (options->arguments->len > 0) {
        return cli_usage_error(&SPEC, "name hosts with --hosts, not '%s'",
                               (char *)g_ptr_array_index(options->arguments, 0));
    }
    if (options->count > 0 && options->every_ns == 0) {
        return cli_usage_error(&SPEC, "--rounds says how often; say with --every how long between");
    }
    if (options->is_json && options->every_ns > 0 && options->count != 1) {
        return cli_usage_error(&SPEC, "--json is one document; leave out --every, or say --rounds 1");
    }
    options->rebalance.hosts = options->hosts->len ? (const char *const *)options->hosts->pdata : NULL;
    g_autoptr(Job) job = job_open(options, &error);
    return job ? job_rebalance(job, options->is_dry_run) : cli_failure(&SPEC, error);
}
