/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the observer share.
 *
 *     observer.c         the observation as a whole; VMs that only the hypervisor itself can measure
 *     observer-agent.c   hosts with an agent
 *     observer-local.c   sampling in this process: simulated fleets */
#pragma once

#include "observe/agent-client.h"
#include "observe/observe.h"
#include "observe/profile-builder.h"
#include "observe/sampler-group.h"

typedef enum SubjectState {
    SUBJECT_WAITING,  /* the agent was not asked yet, or has not answered */
    SUBJECT_SAMPLED,  /* the agent sends periods */
    SUBJECT_ASKED,    /* DirtyRate is at work */
    SUBJECT_FINISHED, /* its profile can be made; never left, but in an endless observation */
} SubjectState;

typedef struct Site Site;

typedef struct Subject {
    Observer *observer;
    Site *site;
    Vm *vm;
    SubjectState state;
    ProfileFate fate; /* STOPPED, STARTED_LATE; COMPLETE: as the builder says */
    char *trouble;    /* why the agent does not measure it; NULL: it does */
    ProfileBuilder *builder;
    struct Ask *ask;
} Subject;

/* One question to DirtyRate on its way; outlives the observer when need be. */
typedef struct Ask {
    Subject *subject; /* NULL: nobody wants to know any more */
} Ask;

struct Site {
    Observer *observer;
    HostConfig *config;
    AgentClient *client; /* NULL: none, or it failed */
    SamplerGroup *group; /* sampling in this process; NULL: no */
    gboolean is_over;    /* the group's, which is freed by 'group_timer' then */
    guint group_timer;
    GPtrArray *subjects; /* borrowed */
    char *trouble;       /* why there is no agent */
};

struct Observer {
    Clock *clock;
    ObserveOptions options;
    DirtyRateFunc dirty_rate;
    gpointer dirty_rate_user;
    ObserverPeriodFunc on_period;
    gpointer on_period_user;
    ObserverDoneFunc on_done;
    gpointer on_done_user;

    GPtrArray *subjects; /* Subject, in the order they were added */
    GPtrArray *sites;    /* Site */
    LocalSampling local; /* without 'open': agents are asked */
    gboolean is_started;
    gboolean is_endless;
    guint timer; /* deferred work: see observer_start and ask_again */
};

/* Last action of whoever calls it: the observer may be freed inside. */
void observer_check_done(Observer *observer);

/* Why the agent does not measure it. */
void subject_set_trouble(Subject *subject, const char *text);

/* The owner gets the profile as it is by now. */
void subject_report(const Subject *subject);

/* Lets the hypervisor itself measure.  The answer may come at once, and with it the end. */
void subject_ask_dirty_rate(Subject *subject);

Subject *site_find_subject(const Site *site, const char *vm);

/* All windows of the site are complete: what was sampled is finished, what was never mentioned goes the other way. */
void site_end_window(Site *site);

/* The host cannot be sampled (any more): all its subjects that are not finished go the other way, and 'why' is told. */
void site_leave(Site *site, const char *why);
void site_fail(Site *site, const GError *error);

/* ---- observer-agent.c ---- */
void site_start_agent(Site *site);
void site_add_to_agent(Site *site, const Subject *subject);

/* ---- observer-local.c ---- */
void site_start_local(Site *site);
void site_add_to_local(Site *site, Subject *subject);
void site_end_local(Site *site);
