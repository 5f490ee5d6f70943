/* SPDX-License-Identifier: Apache-2.0
 *
 * The gang: runs all migrations of a Plan together, one state machine per VM (machine.c), and never lets the failure
 * of one stop the others.
 *
 *     Gang *gang = gang_new(plan, driver, clock, on_progress, on_done, user);
 *     gang_start(gang);                 then run the main loop; on_done comes exactly once
 *     gang_stop(gang);                  at Ctrl-C: pre-copies are cancelled, post-copies are finished, then on_done
 *     gang_free(gang);
 *
 * Bandwidth: the migrations that use a host's link share its rate equally (seed 000 section 4.1), and the shares are
 * divided anew whenever one starts or ends.  Places: options->max_outgoing and max_incoming per host bound how many
 * run at once; the others wait in PHASE_WAITING.
 *
 * What the machine promises, for every VM: the source VM is sacred until the switchover is certain; a pre-copy that
 * does not converge gets what options->on_stuck says; when a job has ended, for whatever reason, both hosts are asked
 * for the truth and leftovers at the destination are removed; the Outcome says who is to blame.
 *
 * Main loop only. */
#pragma once

#include "migrate/driver.h"
#include "migrate/relay-pair.h"
#include "model/outcome.h"

typedef struct Gang Gang;

/* How one migration stands right now.  Strings are borrowed from the plan. */
typedef struct GangProgress {
    const PlanStep *step;
    Phase phase;
    Algorithm algorithm;
    JobStats stats;
    guint64 bandwidth_bytes_per_s; /* its share now; 0: no limit */
    gint64 begun_ns;               /* 0: not yet */
    double done_share;             /* 0..1, of the bytes known so far */
    gint64 eta_ns;                 /* from now; -1 unknown */
    const Outcome *outcome;        /* once PHASE_DONE */
    const RelayFigures *relay;     /* of the relays that carry it; NULL: none do, or they have said nothing yet */
    const char *remark;            /* the latest thing worth telling ("switched to post-copy: ..."); may be NULL */
} GangProgress;

/* 'changed' is the index in the plan of the migration that has news, or -1 for the regular tick (twice a second) in
 * which the statistics of all are fresh. */
typedef void (*GangProgressFunc)(Gang *gang, int changed, gpointer user);
typedef void (*GangDoneFunc)(GangOutcome *outcome /* taken */, gpointer user);

/* 'hosts': HostConfig of all hosts in the plan.  Everything is borrowed for the gang's life. */
Gang *gang_new(const Plan *plan, GPtrArray *hosts, Driver *driver, Clock *clock, GangProgressFunc on_progress,
               GangDoneFunc on_done, gpointer user);

/* Whether 'step' is, or may become, a post-copy in this plan. */
gboolean gang_may_postcopy(const Plan *plan, const PlanStep *step);

/* Before gang_start: who starts the relays that steps of the plan want; NULL, the default: nobody, all go without. */
void gang_set_relays(Gang *gang, RelayProvider *relays);
void gang_start(Gang *gang);

/* The operator wants to stop.  Calling it again changes nothing. */
void gang_stop(Gang *gang);
guint gang_length(const Gang *gang);
const GangProgress *gang_progress(Gang *gang, guint index);
void gang_free(Gang *gang);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Gang, gang_free)
