/* SPDX-License-Identifier: Apache-2.0
 *
 * The judge: from what both hosts say, what to do next and what became of the VM.  Pure; see truth.h.
 *
 * Theory of operation.  Each host's word is reduced to one of few (Standing); the pair decides.  Rows are the source,
 * columns the destination; "again" asks until the bound is reached and judges then.
 *
 *                 absent          waits (incoming)   stands           runs             broken         silent
 *     absent      vm-stopped (2)  again, vm-stopped  resume, migrated MIGRATED         post-copy-broken  again,
 * host-lost moving      again           again              again            again            again          again
 *     stands      resume, failed  remove, then as    again (1)        MIGRATED (3)     post-copy-broken  again,
 * host-lost runs        FAILED          absent             again (1)        again (1)        again          FAILED
 *     broken      lost            again              post-copy-broken post-copy-broken post-copy-broken  (4)
 *     silent      again, host-lost  again, host-lost again, host-lost MIGRATED         (4)            host-lost
 *
 *     (1) should not be; asked again, since the two hosts are not asked in the same instant; then told as it is
 *     (2) "lost" when the migration was in post-copy: the memory was on both
 *     (3) the source's copy is a husk that must never run; told
 *     (4) lost when the silent machine is known to be dead, else post-copy-broken: the link may come back
 *
 * "Broken" is a copy in post-copy that has not all of its memory.  While a migration runs at the source nothing is
 * settled.  Rejected: believing libvirt's success without asking; it is what is wrong after a crash. */
#include "migrate/truth.h"

#define FAILED_DEEDS_MAX 3

typedef enum Standing { SILENT, ABSENT, WAITS, STANDS, RUNS, BROKEN, MOVING, CRASHED } Standing;

static Standing standing_of(const HostWord *word)
{
    if (!word->has_answered) {
        return SILENT;
    }
    if (word->truth.is_migrating_out) {
        return MOVING;
    }
    if (word->truth.is_incoming) {
        return WAITS;
    }
    switch (word->truth.state) {
    case VM_STATE_RUNNING:
        return RUNS;
    case VM_STATE_PAUSED:
        return STANDS;
    case VM_STATE_POSTCOPY:
    case VM_STATE_POSTCOPY_FAILED:
        return BROKEN;
    case VM_STATE_CRASHED:
        return CRASHED;
    case VM_STATE_ABSENT:
        break;
    }
    return ABSENT;
}

/* What the pair asks for while both hosts answer. */
static TruthStep next_of_pair(const TruthView *view, Standing source, Standing destination)
{
    gboolean is_held = source == RUNS || source == STANDS;

    if (source == MOVING || destination == MOVING) {
        return TRUTH_ASK_AGAIN;
    }
    if (destination == WAITS) {
        return is_held ? TRUTH_REMOVE_INCOMING : TRUTH_ASK_AGAIN;
    }
    if (is_held && destination == STANDS) {
        return TRUTH_ASK_AGAIN;
    }
    if (source == RUNS && (destination == RUNS || destination == BROKEN)) {
        return TRUTH_ASK_AGAIN;
    }
    if (source == STANDS && destination == ABSENT && !view->was_paused) {
        return TRUTH_RESUME_SOURCE;
    }
    if (source == ABSENT && destination == STANDS && !view->was_paused) {
        return TRUTH_RESUME_DESTINATION;
    }
    /* A post-copy that libvirt has just finished may still be called one. */
    if (source == ABSENT && destination == BROKEN && view->destination.truth.state == VM_STATE_POSTCOPY) {
        return TRUTH_ASK_AGAIN;
    }
    return TRUTH_SETTLED;
}

TruthStep truth_next(const TruthView *view)
{
    Standing source = standing_of(&view->source);
    Standing destination = standing_of(&view->destination);
    TruthStep step;

    if (view->is_out_of_time) {
        return TRUTH_SETTLED;
    }
    if (source == SILENT || destination == SILENT) {
        gboolean is_clear = view->job_succeeded && destination == RUNS;

        return is_clear ? TRUTH_SETTLED : TRUTH_ASK_AGAIN;
    }
    step = next_of_pair(view, source, destination);
    if (step != TRUTH_ASK_AGAIN && step != TRUTH_SETTLED && view->failed_deeds >= FAILED_DEEDS_MAX) {
        return TRUTH_SETTLED;
    }
    return step;
}

/* A silent host is to blame before everybody else; one that came back was only without its libvirtd. */
static Fault fault_of(const TruthView *view)
{
    if (!view->source.has_answered) {
        return view->source.liveness == LIVENESS_ALIVE ? FAULT_SOURCE_LIBVIRTD : FAULT_SOURCE_HOST;
    }
    if (!view->destination.has_answered) {
        return view->destination.liveness == LIVENESS_ALIVE ? FAULT_DESTINATION_LIBVIRTD : FAULT_DESTINATION_HOST;
    }
    if (view->blame != FAULT_UNKNOWN) {
        return view->blame;
    }
    if (view->source.was_silent) {
        return FAULT_SOURCE_LIBVIRTD;
    }
    return view->destination.was_silent ? FAULT_DESTINATION_LIBVIRTD : FAULT_UNKNOWN;
}

static Verdict at(const TruthView *view, OutcomeKind kind, const HostWord *word, const char *words)
{
    return (Verdict){kind, fault_of(view), word ? word->host : NULL, word ? word->truth.state : VM_STATE_ABSENT, words};
}

static OutcomeKind failed_kind(const TruthView *view)
{
    return view->blame == FAULT_OPERATOR ? OUTCOME_CANCELLED : OUTCOME_FAILED;
}

/* It is gone, or not whole, on both. */
static Verdict judge_broken(const TruthView *view, Standing source, Standing destination)
{
    gboolean is_dead = (source == SILENT && view->source.liveness == LIVENESS_DEAD) ||
                       (destination == SILENT && view->destination.liveness == LIVENESS_DEAD);

    if (is_dead || destination == ABSENT ||
        (source == ABSENT && view->destination.truth.state == VM_STATE_POSTCOPY_FAILED)) {
        return at(view, OUTCOME_LOST, NULL, "part of its memory is gone; start it anew from its disk");
    }
    return at(view, OUTCOME_POSTCOPY_BROKEN, destination == BROKEN ? &view->destination : NULL,
              "its memory is on both hosts; it can go on when they reach each other again");
}

static Verdict judge_destination_runs(const TruthView *view, Standing source)
{
    Verdict verdict = at(view, OUTCOME_MIGRATED, &view->destination, NULL);

    if (source == RUNS) {
        return at(view, OUTCOME_FAILED, NULL, "BOTH hosts say that they run it; stop one of them by hand, at once");
    }
    if (source == STANDS || source == CRASHED) {
        verdict.words = "a copy that stands still is left at the source; it must never run: destroy it there";
    } else if (source == SILENT) {
        verdict.words = "the source does not answer; when it does, make sure that it does not start the VM";
    } else if (source == MOVING) {
        verdict.words = "the source still counts it as migrating";
    } else {
        verdict.fault = FAULT_NONE;
    }
    return verdict;
}

static Verdict judge_source_holds(const TruthView *view, Standing source, Standing destination)
{
    if (source == MOVING) {
        return at(view, OUTCOME_FAILED, &view->source,
                  "its migration still goes on, without us; watch it with virsh domjobinfo");
    }
    if (source == RUNS) {
        return at(view, failed_kind(view), &view->source,
                  destination == SILENT   ? "what is left of it at the destination is not known"
                  : destination == ABSENT ? NULL
                                          : "something of it is left at the destination and could not be removed");
    }
    if (destination == ABSENT) {
        return at(view, failed_kind(view), &view->source,
                  view->was_paused ? NULL : "it stands still there and could not be resumed");
    }
    return at(view, OUTCOME_HOST_LOST, NULL,
              destination == SILENT ? "it stands still at the source and is not resumed: the destination may run it"
                                    : "both hosts have a copy that stands still; none is resumed");
}

Verdict truth_judge(const TruthView *view)
{
    Standing source = standing_of(&view->source);
    Standing destination = standing_of(&view->destination);

    if (source == BROKEN || destination == BROKEN) {
        return source == RUNS ? judge_source_holds(view, source, destination) : judge_broken(view, source, destination);
    }
    if (destination == RUNS) {
        return judge_destination_runs(view, source);
    }
    if (source == RUNS || source == STANDS || source == MOVING) {
        return judge_source_holds(view, source, destination);
    }
    if (source == SILENT || destination == SILENT) {
        return at(view, OUTCOME_HOST_LOST, NULL,
                  destination == WAITS ? "it may run at the source, which does not answer; the copy that waits at the "
                                         "destination never ran: remove it there when the source is settled"
                                       : "it may run on the host that does not answer");
    }
    if (destination == STANDS) {
        Verdict verdict = at(view, OUTCOME_MIGRATED, &view->destination,
                             view->was_paused ? NULL : "it stands still there and could not be resumed");

        verdict.fault = view->was_paused ? FAULT_NONE : verdict.fault;
        return verdict;
    }
    if (source == CRASHED || destination == CRASHED) {
        return at(view, OUTCOME_VM_STOPPED, source == CRASHED ? &view->source : &view->destination,
                  "the guest crashed");
    }
    if (view->used_postcopy) {
        return at(view, OUTCOME_LOST, NULL, "it ended in post-copy, with its memory on both hosts");
    }
    return at(view, OUTCOME_VM_STOPPED, NULL, "it ended while it was migrated");
}
