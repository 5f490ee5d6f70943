/* SPDX-License-Identifier: Apache-2.0
 *
 * The options that say how destinations are found; see cli-options.h and place/grouping.h. */
#include "base/error.h"
#include "cli/cli-table.h"

#include <math.h>

/* 'length' numbers in [0, limit] with commas between. */
static gboolean parse_numbers(const char *text, double *values, guint length, double limit)
{
    g_auto(GStrv) words = g_strsplit(text, ",", -1);

    if (g_strv_length(words) != length) {
        return FALSE;
    }
    for (guint i = 0; i < length; i++) {
        char *end = NULL;

        values[i] = g_ascii_strtod(words[i], &end);
        if (end == words[i] || *end || !(values[i] >= 0) || values[i] > limit) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean set_placer(CliOptions *options, const char *text, GError **error)
{
    const Grouping *placer = grouping_find(text, error);

    options->campaign.placer = placer ? placer->name : NULL;
    return placer != NULL;
}

static gboolean set_preset(CliOptions *options, const char *text, GError **error)
{
    options->campaign.has_safe_range = TRUE;
    return place_options_preset(&options->campaign.place, text, error);
}

static gboolean set_objective(CliOptions *options, const char *text, GError **error)
{
    return objective_parse(text, &options->campaign.place.objective, error);
}

static gboolean set_norm(CliOptions *options, const char *text, GError **error)
{
    return norm_parse(text, &options->campaign.place.norm, error);
}

static gboolean set_gamma(CliOptions *options, const char *text, GError **error)
{
    return parse_numbers(text, &options->campaign.place.gamma, 1, 1) || cli_value_fail(error, text, "a number from 0 to 1");
}

static gboolean set_weights(CliOptions *options, const char *text, GError **error)
{
    double *weights = options->campaign.place.weights;

    return (parse_numbers(text, weights, 3, 1) && fabs(weights[0] + weights[1] + weights[2] - 1) < 1e-6) ||
           cli_value_fail(error, text, "three numbers with commas between that sum to 1: migration, energy, communication");
}

static gboolean set_safe_range(CliOptions *options, const char *text, GError **error)
{
    double range[2];

    if (!parse_numbers(text, range, 2, 1) || range[0] >= range[1]) {
        return cli_value_fail(error, text, "LOW,HIGH with 0 <= LOW < HIGH <= 1, for instance 0.5,0.8");
    }
    options->campaign.place.safe_low = range[0];
    options->campaign.place.safe_high = range[1];
    return options->campaign.has_safe_range = TRUE;
}

static gboolean set_theta(CliOptions *options, const char *text, GError **error)
{
    return parse_numbers(text, &options->campaign.place.theta, 1, 1) || cli_value_fail(error, text, "a number from 0 to 1");
}

static gboolean set_traffic(CliOptions *options, const char *text, GError **error)
{
    g_free(options->traffic_path);
    options->traffic_path = g_strdup(text);
    options->campaign.traffic_path = options->traffic_path;
    return text[0] || cli_value_fail(error, text, "a name: it is empty");
}

static gboolean set_spare_hosts(CliOptions *options, const char *text, GError **error)
{
    guint64 hosts = 0;

    if (!g_ascii_string_to_unsigned(text, 10, 0, 1000, &hosts, NULL)) {
        return cli_value_fail(error, text, "a whole number from 0 to 1000");
    }
    options->campaign.place.spare_hosts = (guint)hosts;
    return TRUE;
}

const CliOption CLI_PLACE_OPTIONS[] = {
    {CLI_GROUP_PLACE, 0, "placer", "NAME", "which placer finds destinations (godwit); godwit-placers(7) has them all",
     set_placer},
    {CLI_GROUP_PLACE, 0, "preset", "NAME", "the paper's parameters: experiment or example, with -seed for its objective",
     set_preset},
    {CLI_GROUP_PLACE, 0, "objective", "full|seed", "with communication, or the paper's two terms (full)",
     set_objective},
    {CLI_GROUP_PLACE, 0, "norm", "ref|minmax", "what costs are divided by before they are added (ref)", set_norm},
    {CLI_GROUP_PLACE, 0, "gamma", "NUMBER", "weight of the migration cost in the objective seed (0.5)", set_gamma},
    {CLI_GROUP_PLACE, 0, "weights", "M,E,C", "of migration, energy and communication in the objective full (a third each)",
     set_weights},
    {CLI_GROUP_PLACE, 0, "safe-range", "LOW,HIGH",
     "the utilisation that a host should have (0.5,0.8; a destination of an evacuation may be filled unless this is given)",
     set_safe_range},
    {CLI_GROUP_PLACE, 0, "theta", "NUMBER", "the least degree of connection of the VMs that stay (0.4)", set_theta},
    {CLI_GROUP_PLACE, 0, "traffic", "FILE", "who talks to whom: lines 'VM VM RATE' (default: as the inventory says)",
     set_traffic},
    {CLI_GROUP_PLACE, 0, "spare-hosts", "N", "so many hosts may fail afterwards and their VMs still find room (0)",
     set_spare_hosts},
};
const guint CLI_PLACE_OPTIONS_LENGTH = G_N_ELEMENTS(CLI_PLACE_OPTIONS);
