/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of this room share: the Campaign itself and how it waits.
 *
 *     campaign.c        life, waiting, asking hosts, checking, stopping
 *     campaign-plan.c   from a job to a Plan
 *     campaign-run.c    a Plan run to its end, and the guests asked for their own account of it
 *     campaign-watch.c  live observation
 */
#pragma once

#include "campaign/campaign.h"

struct Campaign {
    Inventory *inventory; /* borrowed */
    CampaignOptions options;
    CampaignCallbacks callbacks;
    SimFleet *fleet; /* NULL: real hosts; else clock and driver are the fleet's.  Borrowed */
    guint64 turns;
    Clock *clock;
    Driver *driver;
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

/* A plan of a simulated fleet has nothing of our time or chance in it: the same seed gives the same bytes. */
void campaign_stamp(const Campaign *campaign, Plan *plan);

/* 'host' with the agent's command filled in.  The caller frees. */
HostConfig *campaign_host_with_agent(const HostConfig *host);
