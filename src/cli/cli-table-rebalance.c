/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of rebalancing; see cli-options.h and place/rebalance.h. */
#include "base/error.h"
#include "base/units.h"
#include "cli/cli-table.h"

#include <math.h>

static gboolean set_load_window(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->rebalance.window_ns, error);
}

static gboolean set_every(CliOptions *options, const char *text, GError **error)
{
    return cli_value_duration(text, &options->every_ns, error);
}

static gboolean set_hold(CliOptions *options, const char *text, GError **error)
{
    gint64 hold_ns = 0;

    if (!duration_parse(text, &hold_ns, error)) {
        return FALSE;
    }
    options->rebalance.rules.hold_s = (double)hold_ns / (double)NS_PER_S;
    return hold_ns >= 0 || cli_value_fail(error, text, "a duration, 0 or more");
}

static gboolean set_share(const char *text, double *share, GError **error)
{
    char *end = NULL;

    *share = g_ascii_strtod(text, &end);
    return (end != text && !*end && *share >= 0 && *share <= 1) || cli_value_fail(error, text, "a number from 0 to 1");
}

static gboolean set_margin(CliOptions *options, const char *text, GError **error)
{
    return set_share(text, &options->rebalance.rules.margin, error);
}

static gboolean set_danger(CliOptions *options, const char *text, GError **error)
{
    return set_share(text, &options->rebalance.rules.danger, error);
}

static gboolean set_time_above(CliOptions *options, const char *text, GError **error)
{
    return set_share(text, &options->rebalance.rules.share_min, error);
}

static gboolean set_rounds(CliOptions *options, const char *text, GError **error)
{
    return g_ascii_string_to_unsigned(text, 10, 1, G_MAXUINT32, &options->count, NULL) ||
           cli_value_fail(error, text, "a whole number, 1 or more");
}

const CliOption CLI_REBALANCE_OPTIONS[] = {
    {CLI_GROUP_REBALANCE, 0, "load-window", "TIME", "how long load is watched before anything is decided (30s)",
     set_load_window},
    {CLI_GROUP_REBALANCE, 0, "time-above", "SHARE",
     "of that time that a host must be above its safe range before VMs leave it (0.6)", set_time_above},
    {CLI_GROUP_REBALANCE, 0, "margin", "SHARE",
     "how far below the top of its range a host is brought, and a destination stays (0.05)", set_margin},
    {CLI_GROUP_REBALANCE, 0, "hold", "TIME", "how long a VM that has moved stays where it is (30min)", set_hold},
    {CLI_GROUP_REBALANCE, 0, "danger", "SHARE", "the load at which a host is relieved whatever is held (0.95)",
     set_danger},
    {CLI_GROUP_REBALANCE, 0, "every", "TIME", "go on: rebalance again after so long, until Ctrl-C or --rounds",
     set_every},
    {CLI_GROUP_REBALANCE, 0, "rounds", "N", "end after N rounds", set_rounds},
};
const guint CLI_REBALANCE_OPTIONS_LENGTH = G_N_ELEMENTS(CLI_REBALANCE_OPTIONS);
