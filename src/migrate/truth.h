/* SPDX-License-Identifier: Apache-2.0
 *
 * The truth: after a migration has ended, by whatever cause, where is the VM?  Nothing is believed from memory; both
 * hosts are asked, and asked again while they do not answer or are not done.
 *
 * Two halves.  The judge (truth-judge.c) is pure: from what both hosts said it tells what to do next and, in the end,
 * what became of the VM.  The asker (truth.c) asks, waits, does what the judge says and asks again:
 *
 *     truth_begin(driver, clock, step, &view, done, user)     'done' gets the verdict, exactly once, in bounded time
 *
 * What may be done here to a VM, and when (never otherwise):
 *
 *     remove the waiting QEMU at the destination    the source answered, has the VM, and no migration runs there
 *     resume the source's copy                      it stands still, was running before, no migration runs there, and
 * the destination answered that it has none resume the destination's copy                 it has arrived and stands
 * still, was running before, and the source answered that it has none
 *
 * So two running copies never come from here.  A host that says nothing may run the VM: then nothing is resumed.
 *
 * Bounds: a host that does not answer is asked for TRUTH_SILENT_LIMIT_NS; a migration that goes on without us
 * (peer-to-peer, when the connection to the source was lost) is watched for TRUTH_RUNNING_LIMIT_NS.  After that the
 * verdict says what is known and what is not. */
#pragma once

#include "migrate/driver.h"
#include "base/clock.h"

#define TRUTH_SILENT_LIMIT_NS  (60 * NS_PER_S)
#define TRUTH_RUNNING_LIMIT_NS (15 * 60 * NS_PER_S)

typedef enum Liveness { LIVENESS_UNKNOWN, LIVENESS_ALIVE, LIVENESS_DEAD } Liveness;

/* What one host said. */
typedef struct HostWord {
    const char *host;      /* borrowed */
    gboolean has_answered; /* the last time it was asked */
    gboolean was_silent;   /* at least once */
    Liveness liveness;     /* of a silent host's machine, when it was probed */
    VmTruth truth;
} HostWord;

/* All that the judge knows. */
typedef struct TruthView {
    HostWord source;
    HostWord destination;
    gboolean job_succeeded;  /* libvirt said that all went well */
    gboolean used_postcopy;  /* the migration was in post-copy */
    gboolean was_paused;     /* before it began */
    gboolean is_out_of_time; /* a bound was reached: judge from what is known */
    guint failed_deeds;      /* of removing or resuming */
    Fault blame;             /* whom driver and gang accuse; FAULT_UNKNOWN: nobody */
} TruthView;

typedef enum TruthStep {
    TRUTH_SETTLED,
    TRUTH_ASK_AGAIN,
    TRUTH_REMOVE_INCOMING,
    TRUTH_RESUME_SOURCE,
    TRUTH_RESUME_DESTINATION,
} TruthStep;

typedef struct Verdict {
    OutcomeKind kind;
    Fault fault;
    const char *now_at; /* borrowed from the view; NULL: nobody knows, or nowhere */
    VmState state;      /* there */
    const char *words;  /* static; more to say than kind and fault do, or NULL */
} Verdict;

/* Pure. */
TruthStep truth_next(const TruthView *view);
Verdict truth_judge(const TruthView *view);

typedef struct Truth Truth;
typedef void (*TruthFunc)(const TruthView *view, const Verdict *verdict, gpointer user);

/* 'step' is borrowed until 'done'; of 'known' the members after 'destination' are taken over. */
Truth *truth_begin(Driver *driver, Clock *clock, const PlanStep *step, const TruthView *known, TruthFunc done,
                   gpointer user);

/* Without calling 'done'.  After 'done' the Truth is gone by itself. */
void truth_cancel(Truth *truth);
