/* SPDX-License-Identifier: Apache-2.0
 *
 * Where a verb works: the real hosts of an inventory (--inventory), or a simulated fleet in virtual time (--fleet).
 *
 *     g_auto(Where) where = {0};
 *     if (!where_open(&where, options, &error)) {
 *         return cli_failure(&SPEC, error);
 *     }
 *     campaign_plan(where.campaign, ...); */
#pragma once

#include "cli/cli-options.h"
#include "cli/progress.h"

typedef struct Where {
    SimFleet *fleet; /* NULL: real hosts */
    Inventory *inventory;
    Campaign *campaign;
} Where;

/* Both options at once are a mistake (GODWIT_ERROR_USAGE). */
gboolean where_open(Where *where, const CliOptions *options, GError **error);
void where_clear(Where *where);

/* Says that it is a simulation, and its seed; nothing for real hosts. */
void where_tell(const Where *where, Progress *progress);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Where, where_clear)
