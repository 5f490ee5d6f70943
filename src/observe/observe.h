/* SPDX-License-Identifier: Apache-2.0
 *
 * Observing many VMs on many hosts at once, from the controller.
 *
 *     Observer *observer = observer_new(clock, &options);
 *     observer_add(observer, host, dirty_rate, user, vm);   ... for each VM
 *     observer_start(observer, on_done, user);              then run the main loop
 *
 * Per host, `godwit agent` is started by its command and asked to sample the VMs there (agent-client.c).  Where there
 * is no agent, or it dies, speaks another version or talks garbage, that is reported once, in one sentence, and the
 * VMs of this host are observed through DirtyRate instead: writes only.  A VM that starts, stops or migrates away
 * meanwhile is said so in its Profile's fate; the others go on.
 *
 * Main loop only. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "model/host.h"
#include "model/profile.h"

typedef struct ObserveOptions {
    gint64 scan_ns;    /* S, 50 ms */
    gint64 period_ns;  /* P, 1 s */
    gint64 window_ns;  /* T, 10 s */
    double cpu_budget; /* share of one core per host, 0.01 */
    guint64 seed;
    gboolean use_agent; /* FALSE: only DirtyRate */
} ObserveOptions;

void observe_options_init(ObserveOptions *options);
gboolean observe_options_check(const ObserveOptions *options, GError **error);

typedef struct Observer Observer;

/* One period of one VM as it came in: for the live table.  The profile so far, borrowed. */
typedef void (*ObserverPeriodFunc)(const char *host, const Profile *profile, gpointer user);

/* All windows are complete: profiles in the order in which the VMs were added, one for each, never NULL. */
typedef void (*ObserverDoneFunc)(GPtrArray *profiles, gpointer user);

/* Asks the hypervisor itself how fast 'vm' dirties memory during 'window_ns'; the answer comes once, on the main loop,
 * never from inside this call, and also when the observer was freed meanwhile.  Provided by the caller (the libvirt
 * driver has one), since stages do not know each other. */
typedef void (*DirtyRateDone)(double written_pages_per_s, guint64 page_bytes, const GError *error, gpointer user);
typedef void (*DirtyRateFunc)(const char *host, const char *vm, gint64 window_ns, DirtyRateDone done,
                              gpointer done_user, gpointer user);

/* Sampling in this very process instead of asking agents: what an agent does on its host, done for all hosts here.  For
 * simulated fleets, whose memory is here. */
typedef struct LocalSampling {
    /* Opens the trackers of 'vm'.  NULL with GODWIT_ERROR_LOST when it is not on 'host' any more; with another error it
     * is measured by DirtyRate.  The caller owns the result. */
    struct Sampler *(*open)(const char *host, const Vm *vm, const ObserveOptions *options, gpointer user,
                            GError **error);

    /* FALSE with an error when nobody can sample on 'host' (any more): asked before the first window and then once per
     * period. */
    gboolean (*may_sample)(const char *host, gpointer user, GError **error);

    /* CPU time that was spent; of no meaning where time is virtual: then it never grows. */
    gint64 (*cpu_time)(void);
    gpointer user;
} LocalSampling;

Observer *observer_new(Clock *clock, const ObserveOptions *options, DirtyRateFunc dirty_rate, gpointer user);
void observer_add(Observer *observer, const HostConfig *host, const Vm *vm);
void observer_set_local(Observer *observer, const LocalSampling *local); /* before observer_start; copied */
void observer_set_period_func(Observer *observer, ObserverPeriodFunc func, gpointer user);

/* 'endless' goes on period after period with a sliding window until observer_free (watch). */
void observer_start(Observer *observer, gboolean endless, ObserverDoneFunc done, gpointer user);
void observer_free(Observer *observer);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Observer, observer_free)
