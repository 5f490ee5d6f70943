/* SPDX-License-Identifier: Apache-2.0
 *
 * Rebalancing a fleet: load over a window, a verdict on every host, and a Plan with the fewest moves that help.
 *
 *     g_autoptr(RebalancePlan) made = campaign_rebalance(campaign, &job, &error);
 *     made->plan      may have no step: nothing is to be done, and made->hosts say why
 *
 * The decision is place/rebalance.h; here is what it needs from the world.  It is made twice: first with what is known
 * of all hosts, then, for the hosts that VMs would leave, with their memory observed, since which VM is the cheapest to
 * move depends on how fast it writes.  The Plan is checked and run like any other. */
#pragma once

#include "campaign/campaign.h"
#include "model/host-verdict.h"
#include "place/rebalance.h"

typedef struct RebalanceJob {
    const char *const *hosts; /* NULL-terminated names or URIs; NULL: all of the inventory */
    gint64 window_ns;         /* how long load is watched */
    RebalanceRules rules;
} RebalanceJob;

void rebalance_job_init(RebalanceJob *job);

typedef struct RebalancePlan {
    Plan *plan;
    GPtrArray *hosts; /* HostVerdict, in the order asked */
    char *note;       /* why what is overloaded stays so, in words; NULL: nothing does */
} RebalancePlan;

RebalancePlan *campaign_rebalance(Campaign *campaign, const RebalanceJob *job, GError **error);
void rebalance_plan_free(RebalancePlan *made);

/* Waits, in the campaign's time; FALSE when the operator stopped it. */
gboolean campaign_pause(Campaign *campaign, gint64 duration_ns);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RebalancePlan, rebalance_plan_free)
