/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit plan: what evacuate or migrate would do, as data; and checking such a plan later. */
#include "cli/job.h"
#include "cli/verbs.h"

static const CliSpec SPEC = {
    .verb = "plan",
    .usage = "evacuate HOST --to HOST[,HOST...] [OPTION...]\n"
             "       godwit plan migrate VM... --from HOST --to HOST[,HOST...] [OPTION...]\n"
             "       godwit plan --check FILE [OPTION...]",
    .summary = "Shows what an evacuation or migration would do, and moves nothing",
    .details =
        "The VMs are observed and classified, algorithms and destinations are chosen and everything is checked.  "
        "With --save the plan can be looked at, edited, checked again and run: godwit migrate --plan FILE.\n"
        "A HOST is a name of the inventory or a libvirt URI.",
    .groups = CLI_GROUPS_PLANNING | CLI_GROUP_CHECK,
};

static int check_saved(const CliOptions *options)
{
    const char *idle =
        cli_options_given(options, CLI_GROUP_POLICY | CLI_GROUP_OBSERVE | CLI_GROUP_MIGRATE | CLI_GROUP_PLAN |
                                   CLI_GROUP_SEED);
    g_autoptr(GError) error = NULL;

    if (options->arguments->len > 0) {
        return cli_usage_error(&SPEC, "--check reads a plan that is there; leave out '%s'",
                               (char *)g_ptr_array_index(options->arguments, 0));
    }
    if (idle) {
        return cli_usage_error(&SPEC, "--%s has no place beside --check; edit the plan or plan anew", idle);
    }
    g_autoptr(Job) job = job_open(options, &error);
    return job ? job_do_saved(job, options->plan_path, (const char *const *)options->to->pdata, TRUE)
               : cli_failure(&SPEC, error);
}

/* Fills 'what' from the words after `plan`; 0, or 2 when a mistake was told. */
static int read_what(const CliOptions *options, CampaignJob *what)
{
    const char *const *words = (const char *const *)options->arguments->pdata;
    guint names = options->arguments->len > 0 ? options->arguments->len - 1 : 0;

    if (!words[0] || (!g_str_equal(words[0], "evacuate") && !g_str_equal(words[0], "migrate"))) {
        return cli_usage_error(&SPEC, "say what to plan: evacuate or migrate, not '%s'", words[0] ? words[0] : "");
    }
    *what = (CampaignJob){.destinations = (const char *const *)options->to->pdata};
    if (g_str_equal(words[0], "evacuate")) {
        if (names != 1 || options->from) {
            return cli_usage_error(&SPEC, "evacuate takes the one host to empty, and no --from");
        }
        what->source = words[1];
    } else {
        if (names == 0 || !options->from) {
            return cli_usage_error(&SPEC, "migrate takes the names of VMs, and with --from the host they leave");
        }
        what->source = options->from;
        what->vms = words + 1;
    }
    return options->to->len > 0 ? 0 : cli_usage_error(&SPEC, "say with --to where the VMs may go");
}

int cmd_plan(int argc, char **argv)
{
    int status = 0;
    CampaignJob what = {0};
    g_autoptr(GError) error = NULL;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    if (options->plan_path) {
        return check_saved(options);
    }
    status = read_what(options, &what);
    if (status != 0) {
        return status;
    }
    g_autoptr(Job) job = job_open(options, &error);
    return job ? job_do(job, &what, TRUE) : cli_failure(&SPEC, error);
}
