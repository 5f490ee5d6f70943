/* SPDX-License-Identifier: Apache-2.0
 *
 * Real hosts or simulated ones; see where.h. */
#include "cli/where.h"
#include "base/error.h"

static SimFleet *open_fleet(const CliOptions *options, GError **error)
{
    gboolean has_seed = g_hash_table_contains(options->given, "seed");

    if (options->inventory_path) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                    "--inventory and --fleet exclude each other: the one names real hosts, the other simulated ones");
        return NULL;
    }
    return sim_fleet_load(options->fleet_path, has_seed ? &options->campaign.observe.seed : NULL, error);
}

gboolean where_open(Where *where, const CliOptions *options, GError **error)
{
    if (options->fleet_path) {
        where->fleet = open_fleet(options, error);
        where->inventory = where->fleet ? inventory_of_fleet(where->fleet) : NULL;
        where->campaign =
            where->fleet ? campaign_new_simulated(where->inventory, where->fleet, &options->campaign, error) : NULL;
    } else {
        where->inventory = inventory_load(options->inventory_path, error);
        where->campaign = where->inventory ? campaign_new(where->inventory, &options->campaign, error) : NULL;
    }
    return where->campaign != NULL;
}

void where_clear(Where *where)
{
    campaign_free(where->campaign);
    inventory_free(where->inventory);
    sim_fleet_free(where->fleet);
    *where = (Where){0};
}

void where_tell(const Where *where, Progress *progress)
{
    if (where->fleet) {
        g_autofree char *text = g_strdup_printf("simulated fleet '%s', seed %" G_GUINT64_FORMAT ", in virtual time",
                                                where->fleet->scenario->name, world_seed(where->fleet->world));

        progress_step(progress, text);
    }
}
