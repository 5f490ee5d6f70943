/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit migrate: move some VMs, or run a plan that was saved. */
#include "cli/job.h"
#include "cli/verbs.h"

static const CliSpec SPEC = {
    .verb = "migrate",
    .usage = "VM... --from HOST --to HOST[,HOST...] [OPTION...]\n       godwit migrate --plan FILE [OPTION...]",
    .summary = "Moves some VMs of a host to others, or does what a saved plan says",
    .details = "Each VM is observed and classified, gets the algorithm that suits it, and all move together.  Nothing "
               "is touched before all checks have passed, and a VM whose migration fails runs on where it was.\n"
               "A HOST is a name of the inventory or a libvirt URI.  With --plan, policy and limits are those of the "
               "plan; --from and --to may give the URIs of hosts that are in no inventory.",
    .groups = CLI_GROUPS_PLANNING | CLI_GROUP_RUN | CLI_GROUP_FILE,
};

/* --from and --to together, for job_do_saved. */
static GPtrArray *all_hosts(const CliOptions *options)
{
    GPtrArray *hosts = g_ptr_array_new_null_terminated(1, NULL, TRUE);

    if (options->from) {
        g_ptr_array_add(hosts, options->from);
    }
    for (guint i = 0; i < options->to->len; i++) {
        g_ptr_array_add(hosts, g_ptr_array_index(options->to, i));
    }
    return hosts;
}

static int migrate_saved(const CliOptions *options)
{
    const char *idle =
        cli_options_given(options, CLI_GROUP_POLICY | CLI_GROUP_OBSERVE | CLI_GROUP_MIGRATE | CLI_GROUP_PLAN |
                                   CLI_GROUP_SEED);
    g_autoptr(GPtrArray) hosts = all_hosts(options);
    g_autoptr(GError) error = NULL;

    if (options->arguments->len > 0) {
        return cli_usage_error(&SPEC, "the plan says which VMs to move; leave out '%s'",
                               (char *)g_ptr_array_index(options->arguments, 0));
    }
    if (idle) {
        return cli_usage_error(&SPEC, "--%s has no place beside --plan; edit the plan or plan anew", idle);
    }
    g_autoptr(Job) job = job_open(options, &error);
    return job ? job_do_saved(job, options->plan_path, (const char *const *)hosts->pdata, options->is_dry_run)
               : cli_failure(&SPEC, error);
}

static int migrate_named(const CliOptions *options)
{
    g_autoptr(GError) error = NULL;

    if (options->arguments->len == 0) {
        return cli_usage_error(&SPEC, "name the VMs to move, or a plan with --plan");
    }
    if (!options->from) {
        return cli_usage_error(&SPEC, "say with --from which host the VMs leave");
    }
    if (options->to->len == 0) {
        return cli_usage_error(&SPEC, "say with --to where the VMs may go");
    }
    CampaignJob what = {.source = options->from,
                        .vms = (const char *const *)options->arguments->pdata,
                        .destinations = (const char *const *)options->to->pdata};
    g_autoptr(Job) job = job_open(options, &error);
    return job ? job_do(job, &what, options->is_dry_run) : cli_failure(&SPEC, error);
}

int cmd_migrate(int argc, char **argv)
{
    int status = 0;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    return options->plan_path ? migrate_saved(options) : migrate_named(options);
}
