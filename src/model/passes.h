/* SPDX-License-Identifier: Apache-2.0
 *
 * What a migration costs: the recurrences that deciding, placing and simulating share.
 *
 * Pre-copy sends the memory, then again and again what was written during the pass before, until little enough is left
 * to stop the guest for (Clark 2005; Liu 2011; seed 003 equations 1 to 5).  Two ways to reckon it:
 *
 *   passes_closed_form   the geometric series of the seed; only for a dirty rate below the bandwidth
 *   passes_run           pass by pass with the limits that real hypervisors have: always defined
 *
 * Where no limit strikes both give the same.  Sizes are MiB, rates MiB/s, times s.  Pure. */
#pragma once

#include <glib.h>

#include "base/named.h"

/* Which pass is the downtime: see seed 003 equation 4. */
#define DOWNTIME_READINGS(X)                                                                                           \
    X(DOWNTIME_REST, "rest") /* what is left after the last pass: T_d = v_{n+1} / B.  The seed's words; default */     \
    X(DOWNTIME_LAST, "last") /* the last pass itself: T_d = T_n, already inside T.  Liu 2011 */
NAMED_ENUM_DECLARE(DowntimeReading, downtime_reading, DOWNTIME_READINGS)

#define PASSES_ENDS(X)                                                                                                 \
    X(PASSES_CONVERGED, "converged")     /* the rest is at most the threshold */                                       \
    X(PASSES_CAP, "pass-limit")          /* passes_max reached */                                                      \
    X(PASSES_TRAFFIC, "traffic-limit")   /* more than traffic_max times the memory was sent */                         \
    X(PASSES_NO_PROGRESS, "no-progress") /* two passes running that were hardly shorter than the one before */
NAMED_ENUM_DECLARE(PassesEnd, passes_end, PASSES_ENDS)

typedef struct PassesRules {
    double threshold_mib;        /* mem_th: stop and copy when no more than this is left; 100 */
    double resume_s;             /* T_resume: starting the guest at the destination; 0.020 */
    guint passes_max;            /* n_max; 30 */
    double traffic_max;          /* in memories; 3 (Xen); INFINITY: none */
    double progress_min;         /* a pass of more than this share of the one before is no progress; 0.98; INFINITY: never */
    DowntimeReading downtime;
} PassesRules;

void passes_rules_init(PassesRules *rules);

typedef struct PassesVm {
    double memory_mib;         /* mem_i */
    double dirty_mib_per_s;    /* r_i */
    double working_set_mib;    /* W_i: the most that one pass can find dirty; INFINITY: the geometric model */
    double bandwidth_mib_per_s; /* B_i > 0 */
} PassesVm;

typedef struct PassesCost {
    guint resent_passes;  /* n_i: passes after the first */
    double passes_s;      /* T_i */
    double downtime_s;    /* T_down_i = T_d + T_resume */
    double total_s;       /* T_mig_i, equation 5 */
    double sent_mib;      /* data_i */
    double rest_mib;      /* what was left when the guest was stopped */
    PassesEnd end;
} PassesCost;

/* Equations 1 to 5.  GODWIT_ERROR_INPUT when the dirty rate is not below the bandwidth: the series has no sum then. */
gboolean passes_closed_form(const PassesVm *vm, const PassesRules *rules, PassesCost *cost, GError **error);

/* Pass by pass; min(r t, W) is dirty after a pass of length t. */
PassesCost passes_run(const PassesVm *vm, const PassesRules *rules);

/* The same as a state that somebody else's clock drives, for simulating with a bandwidth that changes meanwhile:
 *
 *     passes_begin(&state, &vm, &rules);           state.pass_mib is to be sent
 *     while (passes_next(&state, duration_s)) ..   duration_s: what that pass really took; the next is state.pass_mib
 *     stop the guest; send state.pass_mib          state.end says why */
typedef struct PassesState {
    const PassesRules *rules; /* borrowed */
    double memory_mib;
    double dirty_mib_per_s;   /* may be changed between passes: throttling */
    double working_set_mib;
    double pass_mib;
    double sent_mib;          /* in passes that have ended */
    guint passes_done;
    guint stalled;            /* passes without progress, running */
    PassesEnd end;
} PassesState;

void passes_begin(PassesState *state, const PassesVm *vm, const PassesRules *rules);
gboolean passes_next(PassesState *state, double duration_s);

/* Post-copy: the guest stops for its device state only, then runs at the destination while memory follows; pages that
 * it needs first are fetched on demand.  Seed 000 section 3.2; Hines 2009. */
typedef struct PostcopyVm {
    double memory_mib;
    double bandwidth_mib_per_s;
    double device_mib;          /* device state; 4 */
    double touched_pages_per_s; /* distinct pages read or written for the first time, when all is missing */
    double touched_mib;         /* the most that can be touched: the working set; bounds the faults */
    double overwritten_share;   /* of touched pages, those written as a whole before they are read: never fetched; 0 */
    double round_trip_s;        /* of the link; 0.0002 */
    double page_mib;            /* 4 KiB */
    double resume_s;
} PostcopyVm;

typedef struct PostcopyCost {
    double downtime_s;
    double total_s;
    double sent_mib;
    double faults;      /* expected demand fetches */
    double stalled_s;   /* what the guest waits for them, summed */
} PostcopyCost;

PostcopyCost postcopy_run(const PostcopyVm *vm);
