/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this room share: the Campaign itself and how it waits.
 *
 *     campaign.c        life, waiting, asking hosts, checking, stopping
 *     campaign-plan.c   from a job to a Plan
 *     campaign-consolidate.c  from a fleet to the Plan that empties hosts
 *     campaign-observe.c  the step of it that watches memory
 *     campaign-place.c  the step of it that finds destinations
 *     campaign-relay.c  the step of it that says whose memory goes through relays
 *     campaign-rebalance.c  from a fleet to a Plan of few moves
 *     campaign-run.c    a Plan run to its end, and the guests asked for their own account of it
 *     campaign-play.c   a Plan played in virtual time
 *     campaign-watch.c  live observation
 */
#pragma once

#include "campaign/campaign.h"
#include "campaign/fleet-problem.h"
#include "campaign/move-history.h"

struct Campaign {
    Inventory *inventory; /* borrowed */
    CampaignOptions options;
    CampaignCallbacks callbacks;
    SimFleet *fleet; /* NULL: real hosts; else clock, driver and relays are the fleet's.  Borrowed */
    guint64 turns;
    Clock *clock;
    Driver *driver;
    RelayProvider *relays;
    MoveHistory *history; /* NULL: not opened yet, or it cannot be */
    gboolean is_history_tried;
    Gang *running;      /* while campaign_run works */
    gboolean is_stopped; /* the operator said so */
};

/* Runs the main loop until '*done' or, when 'is_stoppable', until the operator stops.  FALSE when stopped. */
gboolean campaign_wait(Campaign *campaign, const gboolean *done, gboolean is_stoppable);

/* One turn of the main loop, or the next event of virtual time. */
void campaign_turn(Campaign *campaign);

/* Tells the caller what is being done now. */
void campaign_say(Campaign *campaign, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* The facts of one host, asked now; NULL with an error. */
HostFacts *campaign_ask_host(Campaign *campaign, const char *host, GError **error);

/* DirtyRateFunc on top of the driver; 'user' is the Campaign. */
void campaign_dirty_rate(const char *host, const char *vm, gint64 window_ns, DirtyRateDone done, gpointer done_user,
                         gpointer user);

/* A new one that samples by agents, or the simulated fleet's memory.  The caller frees. */
Observer *campaign_observer(Campaign *campaign);

/* The simulated guests' own account of their migrations. */
void campaign_ask_simulated_guests(const SimFleet *fleet, GangOutcome *gang);

/* A plan of a simulated fleet has nothing of our time or chance in it: the same seed gives the same bytes. */
void campaign_stamp(const Campaign *campaign, Plan *plan);

/* 'host' with the agent's command filled in.  The caller frees. */
HostConfig *campaign_host_with_agent(const HostConfig *host);

/* What a plan is made from; each member is filled by one step of campaign_plan. */
typedef struct Draft {
    const HostConfig *source;
    GPtrArray *destinations; /* HostConfig, borrowed */
    GPtrArray *facts;        /* HostFacts of the destinations */
    HostFacts *source_facts;
    LoadWindow *loads;       /* of all of them, while the VMs are observed */
    GPtrArray *vms;          /* Vm, borrowed from source_facts */
    GPtrArray *profiles;     /* Profile, one per VM */
    GPtrArray *choices;      /* Choice, one per VM */
    guint *placed;           /* index into destinations, one per VM */
    GPtrArray *placements;   /* char *, why there, one per VM */
} Draft;

/* Fills 'placed' and 'placements'. */
gboolean campaign_place(Campaign *campaign, Draft *draft, GError **error);

/* Asks which destinations can run the CPUs of these VMs, and says so in the problem. */
void campaign_learn_cpus(Campaign *campaign, FleetProblem *fleet, const guint *vms, guint vms_length);

/* As the operator gave them, for jobs that fill hosts up unless a safe range was given. */
PlaceOptions campaign_place_options(const Campaign *campaign);

/* Observes VM i on host i (HostConfig).  Profiles in the order of the VMs; NULL with an error when the operator stopped
 * it. */
GPtrArray *campaign_observe(Campaign *campaign, GPtrArray *hosts, GPtrArray *vms, GError **error);

/* The profiles of VMs that nobody measured, so that later steps need no special case. */
GPtrArray *campaign_unmeasured_profiles(GPtrArray *vms);

/* The history of moves, opened when it is first needed; NULL, after a warning, when it cannot be. */
MoveHistory *campaign_history(Campaign *campaign);

/* The time that the history counts in. */
gint64 campaign_wall_ns(const Campaign *campaign);

/* Order, waves and bandwidth of the steps of a new plan, and which of them go through relays.  'loads' says how busy the
 * hosts are; NULL: nobody watched. */
void campaign_schedule(Campaign *campaign, Plan *plan, const LoadWindow *loads);

/* The last part of that. */
void campaign_choose_relays(Campaign *campaign, Plan *plan, const LoadWindow *loads);
