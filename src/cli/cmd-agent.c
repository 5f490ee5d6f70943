/* SPDX-License-Identifier: Apache-2.0
 *
 * godwit agent: the helper on each host; everything else about it is in agent/. */
#include "agent/agent.h"
#include "cli/cli-options.h"
#include "cli/verbs.h"

static const CliSpec SPEC = {
    .verb = "agent",
    .usage = "",
    .summary = "Looks at the memory of the VMs on this host and starts relays, for a controller on its standard input and output",
    .details =
        "Nobody starts this by hand: the controller does, by ssh or by the command that the inventory names.  It "
        "needs root, ends when its input ends, and speaks the protocol that the manual describes.",
    .groups = CLI_GROUP_AGENT | CLI_GROUP_OUTPUT,
};

int cmd_agent(int argc, char **argv)
{
    int status = 0;
    g_autoptr(CliOptions) options = cli_options_parse(&SPEC, argc, argv, &status);

    if (!options) {
        return status;
    }
    if (options->arguments->len > 0) {
        return cli_usage_error(&SPEC, "it takes no argument '%s'", (char *)g_ptr_array_index(options->arguments, 0));
    }
    AgentOptions how = {.relay_program = options->relay_program, .run_directory = options->run_directory};

    return agent_main(&how);
}
