/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit evacuate: empty a host. */
#include "cli/job.h"
#include "cli/verbs.h"

static const CliSpec SPEC = {
    .verb = "evacuate",
    .usage = "HOST --to HOST[,HOST...] [OPTION...]",
    .summary = "Moves all VMs that run on a host to others",
    .details = "Each VM is observed and classified, gets the algorithm that suits it, and all move together.  Nothing "
               "is touched before all checks have passed, and a VM whose migration fails runs on where it was.\n"
               "A HOST is a name of the inventory or a libvirt URI.",
    .groups = (CLI_GROUPS_PLANNING | CLI_GROUP_RUN) & ~(guint)CLI_GROUP_FROM,
};

int cmd_evacuate(int argc, char **argv)
{
    int status = 0;
    g_autoptr(GError) error = NULL;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    if (options->arguments->len != 1) {
        return cli_usage_error(&SPEC, "name the one host to empty, not %u", options->arguments->len);
    }
    if (options->to->len == 0) {
        return cli_usage_error(&SPEC, "say with --to where the VMs may go");
    }
    CampaignJob what = {.source = g_ptr_array_index(options->arguments, 0),
                        .destinations = (const char *const *)options->to->pdata};
    g_autoptr(Job) job = job_open(options, &error);
    return job ? job_do(job, &what, options->is_dry_run) : cli_failure(&SPEC, error);
}
