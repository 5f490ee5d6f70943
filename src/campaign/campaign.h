/* SPDX-License-Identifier: Apache-2.0
 *
 * Campaign: the stages put together for one job.
 *
 *     observe -> classify -> decide -> place -> schedule (a Plan) -> precheck -> gang -> outcome
 *
 *     g_autoptr(Campaign) campaign = campaign_new(inventory, &options, &error);
 *     Plan *plan = campaign_plan(campaign, &job, &error);          asks hosts, observes, chooses
 *     GPtrArray *problems = campaign_check(campaign, plan, &error); changes nothing
 *     GangOutcome *outcome = campaign_run(campaign, plan);          moves the VMs
 *
 * These calls run the main loop until they have their answer; the callbacks below are called meanwhile, and
 * campaign_stop may be called from them or from a signal source. */
#pragma once

#include "campaign/inventory.h"
#include "classify/classify.h"
#include "migrate/gang.h"
#include "model/plan.h"
#include "model/prediction.h"
#include "observe/observe.h"
#include "place/grouping.h"
#include "sim/sim-fleet.h"

typedef struct CampaignOptions {
    Policy policy;
    MigrateOptions migrate;
    ObserveOptions observe;
    gboolean must_observe; /* also for policies that do not need it */
    ClassifyOptions classify;
    const char *placer; /* name in the table of placers; borrowed */
    PlaceOptions place;
    gboolean has_safe_range;    /* the operator gave one; else destinations may be filled */
    const char *traffic_path;   /* who talks to whom; NULL: as the inventory says; borrowed */
} CampaignOptions;

void campaign_options_init(CampaignOptions *options);

/* What to move: some VMs of one host, or all that run there. */
typedef struct CampaignJob {
    const char *source;             /* name or URI */
    const char *const *vms;         /* NULL-terminated names; NULL: all that run there (evacuate) */
    const char *const *destinations; /* NULL-terminated names or URIs, one at least */
} CampaignJob;

typedef struct CampaignCallbacks {
    /* What is being done now, in words, for people ("observing 4 VMs on h1 for 10 s"). */
    void (*on_step)(const char *text, gpointer user);
    /* Share of the observation that is over, 0..1, once per period. */
    void (*on_observed)(double done_share, gpointer user);
    /* The gang has news; see gang.h. */
    void (*on_progress)(Gang *gang, int changed, gpointer user);
    gpointer user;
} CampaignCallbacks;

typedef struct Campaign Campaign;

Campaign *campaign_new(Inventory *inventory, const CampaignOptions *options, GError **error);

/* The same on a simulated fleet, in virtual time: every call works as on real hosts, and takes none of our time but what
 * it reckons.  Both are borrowed; 'inventory' is inventory_of_fleet's, perhaps with fewer hosts. */
Campaign *campaign_new_simulated(Inventory *inventory, SimFleet *fleet, const CampaignOptions *options, GError **error);
void campaign_set_callbacks(Campaign *campaign, const CampaignCallbacks *callbacks);

/* Asks every host of the inventory.  'facts' gets a HostFacts or NULL per host, 'errors' a message or NULL per host;
 * both in the order of the inventory, both owned by the caller. */
void campaign_query_hosts(Campaign *campaign, GPtrArray **facts, GPtrArray **errors);

/* NULL with an error when a VM is not there, nothing fits, or a rate is impossible. */
Plan *campaign_plan(Campaign *campaign, const CampaignJob *job, GError **error);

/* The plan that empties as many of these hosts as can be emptied at once, by whole hosts (place/pack-moves.h); no steps
 * when there is none.  'hosts': NULL-terminated names or URIs. */
Plan *campaign_plan_consolidation(Campaign *campaign, const char *const *hosts, GError **error);

/* PlanProblem; empty when the plan may run.  NULL with an error when the plan names a host that is not in the inventory. */
GPtrArray *campaign_check(Campaign *campaign, const Plan *plan, GError **error);

/* Plays the plan in virtual time, in a world made of what the hosts say (they are only asked) and of what the plan says
 * of its VMs.  NULL with an error when a host does not answer. */
Prediction *campaign_predict(Campaign *campaign, const Plan *plan, GError **error);

/* The same for real hosts; a simulated fleet plays it itself, faults included, and has then run it. */
Prediction *campaign_play(Campaign *campaign, const Plan *plan, GError **error);

/* Runs the plan to its end. */
GangOutcome *campaign_run(Campaign *campaign, const Plan *plan);

/* Stops whatever runs: an observation ends at once (campaign_plan returns GODWIT_ERROR_CANCELLED), a gang as gang_stop
 * says. */
void campaign_stop(Campaign *campaign);

/* Live observation of all VMs of one host until campaign_stop: 'func' once per period, with the sliding window of each
 * VM and what would be chosen for it now.  VMs that come and go are picked up. */
typedef void (*CampaignWatchFunc)(GPtrArray *profiles /* Profile */, GPtrArray *choices /* Choice, same order */,
                                  gpointer user);
gboolean campaign_watch(Campaign *campaign, const char *host, CampaignWatchFunc func, gpointer user, GError **error);
void campaign_free(Campaign *campaign);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Campaign, campaign_free)
