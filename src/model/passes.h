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
    double progress_min;         /* a pass of at least this share of the one before is no progress; 0.98; INFINITY: none such */
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
    guint resent_passes;  /* n_i: passes after the first; DOWNTIME_LAST counts the one that stops the guest */
    double passes_s;      /* T_i */
    double downtime_s;    /* T_down_i = T_d + T_resume */
    double total_s;       /* T_mig_i, equation 5 */
    double sent_mib;      /* data_i */
    double rest_mib;      /* what was left when the guest was stopped */
    PassesEnd end;
} PassesCost;

/* Equations 1 to 5.  GODWIT_ERROR_INPUT when the dirty rate is not below the bandwidth: the series has no sum then. */
gboolean passes_closed_form(const PassesVm *vm, const PassesRules *rules, PassesCost *cost, GError **error);

/* T_i of equation 1 as such, for any lambda = r / B, 1 among them: the sum of 'resent_passes' + 1 passes. */
double passes_sum_s(double memory_mib, double bandwidth_mib_per_s, double lambda, guint resent_passes);

/* Pass by pass; min(r t, W) is dirty after a pass of length t, and never more than the memory.  The bandwidth must be
 * above 0.  When several limits strike at once 'end' is the first of PASSES_ENDS. */
PassesCost passes_run(const PassesVm *vm, const PassesRules *rules);

/* The same as a state that somebody else's clock drives, for simulating with a bandwidth that changes meanwhile:
 *
 *     passes_begin(&state, &vm, &rules);
 *     while (!state.guest_stops) {
 *         send state.pass_mib while the guest runs
 *         passes_next(&state, duration_s);         duration_s: what that really took
 *     }
 *     stop the guest, send state.pass_mib          state.end says why
 *
 * passes_next tells whether another pass follows, !guest_stops.  guest_stops before the first pass: the whole memory is
 * within the threshold (DOWNTIME_LAST only). */
typedef struct PassesState {
    const PassesRules *rules; /* borrowed */
    double memory_mib;
    double dirty_mib_per_s;   /* may be changed between passes: throttling */
    double working_set_mib;
    double pass_mib;
    double sent_mib;          /* in passes that have ended */
    guint passes_done;
    guint stalled;            /* passes without progress, running */
    gboolean is_final;        /* pass_mib is within the threshold: the last pass, whatever it leaves */
    gboolean guest_stops;     /* pass_mib is what the guest is stopped for */
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

/* A guest that touches nothing, with the values named above. */
void postcopy_vm_init(PostcopyVm *vm, double memory_mib, double bandwidth_mib_per_s);
PostcopyCost postcopy_run(const PostcopyVm *vm);

/* Hybrid: at most 'passes' (1 at least) of pre-copy, then post-copy of what is left; when the passes converge before, it
 * stays a pre-copy.  'postcopy' says how the guest touches memory; its memory and bandwidth are taken from 'vm' and the
 * passes.  Pessimistic: what the guest touches is taken to be what is left. */
typedef struct HybridCost {
    double downtime_s;
    double total_s;
    double sent_mib;
    gboolean switched;     /* to post-copy */
    PassesCost precopy;    /* as if the guest had been stopped where it switched */
    PostcopyCost postcopy; /* zeros when not switched */
} HybridCost;

HybridCost hybrid_run(const PassesVm *vm, const PassesRules *rules, guint passes, const PostcopyVm *postcopy);
