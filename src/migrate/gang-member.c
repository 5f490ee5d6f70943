/* SPDX-License-Identifier: Apache-2.0
 *
 * One VM of the gang: from its place to its outcome.
 *
 *     member_begin       both hosts are asked once more: the same VM, here and not there (promise 5)
 *     choose_disks       only when disks are copied: which ones
 *     prepare_job        where a relay is wanted: it is started first (gang-relay.c)
 *     member_start_job   the driver migrates; its events come to member_on_event
 *     on_job_ended       whatever libvirt says, both hosts are asked for the truth (truth.h)
 *     on_verdict         a broken post-copy is taken up again, a pre-copy whose relay broke, or whose several connections
 *                        never carried anything, is begun again without; everything else is the outcome */
#include "migrate/gang-private.h"

#include <math.h>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

gboolean member_runs(const Member *member)
{
    return member->machine.phase > PHASE_WAITING && member->machine.phase < PHASE_DONE;
}

gboolean member_is_done(const Member *member)
{
    return member->machine.phase == PHASE_DONE;
}

void member_clear(Member *member)
{
    truth_cancel(member->truth);
    storage_survey_cancel(member->survey);
    g_clear_pointer(&member->copy_disks, g_ptr_array_unref);
    outcome_free(member->outcome);
    g_free(member->refusal);
    relay_forget(member);
    g_free(member->job_error);
    g_free(member->relay_socket);
    g_free(member->relay_words);
    g_free(member->why_postcopy);
    g_free(member->remark);
}

void member_remark(Member *member, char *remark)
{
    log_info("VM %s: %s", member->step->vm, remark);
    g_free(member->remark);
    member->remark = remark;
    member->progress.remark = remark;
    gang_tell(member);
}

static void reach(Member *member, Phase phase)
{
    g_autoptr(GError) error = NULL;
    Phase before = member->machine.phase;

    if (!machine_advance(&member->machine, phase, &error)) {
        log_warning("%s", error->message);
        return;
    }
    places_follow(member, before);
    gang_tell(member);
}

/* ---- the end ---- */

Way member_way(const Member *member)
{
    return member->is_relayed ? WAY_RELAY : member->is_multifd ? WAY_MULTIFD : WAY_PLAIN;
}

/* What the link carried for the job that ran last. */
static guint64 bytes_of(const Member *member)
{
    const RelayFigures *relay = &member->relay_figures;

    return member->is_relayed && relay->is_known ? relay->wire_bytes : member->progress.stats.bytes_sent;
}

static void fill_figures(Member *member, Outcome *outcome)
{
    const JobStats *stats = &member->progress.stats;

    outcome->begun_ns = member->progress.begun_ns;
    outcome->ended_ns = member->ended_ns;
    outcome->switched_ns = member->switched_ns;
    outcome->total_time_s = (double)(member->ended_ns - member->progress.begun_ns) / (double)NS_PER_S;
    outcome->downtime_ms = stats->downtime_ms;
    outcome->passes = stats->passes;
    outcome->was_forced = member->is_forced;
    outcome->attempts = member->attempts_before + 1;
    outcome->way = member_way(member);
    outcome->relay = member->relay_figures;
    outcome->bytes = member->bytes_before + bytes_of(member);
}

static void finish(Member *member, Outcome *outcome)
{
    Gang *gang = member->gang;

    relay_forget(member);
    outcome->algorithm = member->progress.algorithm;
    if (member->progress.begun_ns) {
        fill_figures(member, outcome);
    }
    member->outcome = outcome;
    member->progress.outcome = outcome;
    member->progress.eta_ns = -1;
    if (outcome->kind == OUTCOME_MIGRATED) {
        member->progress.done_share = 1;
    }
    reach(member, PHASE_DONE);
    gang_go_on(gang);
}

void member_refuse(Member *member, Fault fault, char *message)
{
    Outcome *outcome = outcome_new(member->step);

    outcome->kind = OUTCOME_NOT_STARTED;
    outcome->fault = fault;
    outcome->message = message;
    finish(member, outcome);
}

/* What was remarked, what the job ended with, what the judge adds; NULL when there is nothing to say. */
static char *words_of(const Member *member, const Verdict *verdict)
{
    g_autoptr(GPtrArray) parts = g_ptr_array_new();
    gboolean is_expected = verdict->kind == OUTCOME_CANCELLED ||
                           (member->cancel_reason != FAULT_UNKNOWN && verdict->fault == member->cancel_reason);

    if (verdict->kind == OUTCOME_CANCELLED) {
        g_ptr_array_add(parts, (gpointer) "cancelled by the operator; it runs on at the source");
    }
    if (member->why_postcopy && g_strcmp0(member->why_postcopy, member->remark) != 0) {
        g_ptr_array_add(parts, member->why_postcopy);
    }
    if (member->remark) {
        g_ptr_array_add(parts, member->remark);
    }
    if (member->relay_words) {
        g_ptr_array_add(parts, member->relay_words);
    }
    if (member->job_error && !is_expected) {
        g_ptr_array_add(parts, member->job_error);
    }
    if (verdict->words) {
        g_ptr_array_add(parts, (gpointer)verdict->words);
    }
    g_ptr_array_add(parts, NULL);
    return parts->len > 1 ? g_strjoinv("; ", (char **)parts->pdata) : NULL;
}

static void conclude(Member *member, const Verdict *verdict)
{
    Outcome *outcome = outcome_new(member->step);

    outcome->kind = verdict->kind;
    outcome->fault = verdict->fault;
    outcome->now_at = g_strdup(verdict->now_at);
    outcome->state = verdict->state;
    outcome->message = words_of(member, verdict);
    finish(member, outcome);
}

/* ---- a broken post-copy ---- */

void member_recover_job(Member *member)
{
    Gang *gang = member->gang;
    MigrationRequest request = {.step = member->step,
                                .options = &gang->plan->options,
                                .bandwidth_bytes_per_s = steer_share(gang, member),
                                .may_postcopy = TRUE};

    relay_fill_request(member, &request);
    gang->pending++;
    member->job = gang->driver->recover_postcopy(gang->driver, &request, member_on_event, member);
}

/* Through fresh relays, whose memory of pages is empty, where it went through relays before. */
static void recover(gpointer data)
{
    Member *member = data;

    member->timer = 0;
    member->is_broken_asked = FALSE;
    member->relay_broke = FALSE;
    member->moved_ns = 0;
    member->moved_bytes = 0;
    member->stalled_ns = 0;
    g_clear_pointer(&member->job_error, g_free);
    if (relay_is_wanted(member)) {
        relay_begin(member);
    } else {
        member_recover_job(member);
    }
}

/* Both hosts live, so the stream can be joined again. */
static gboolean may_recover(const Member *member, const TruthView *view, const Verdict *verdict)
{
    return verdict->kind == OUTCOME_POSTCOPY_BROKEN && member->recoveries < RECOVERIES_MAX &&
           !member->is_beyond_recovery && view->source.has_answered && view->destination.has_answered;
}

/* Both hosts say that the VM runs at the source as before, and nobody wants it to stay there. */
static gboolean may_begin_again(const Member *member, const TruthView *view, const Verdict *verdict)
{
    return verdict->kind == OUTCOME_FAILED && member->attempts_before == 0 && !member->gang->is_stopping &&
           view->source.has_answered && view->destination.has_answered;
}

/* As new, but for the time that has passed and the bytes that were sent. */
static void begin_again(Member *member, char *remark)
{
    GangProgress *progress = &member->progress;

    member->bytes_before += bytes_of(member);
    member->attempts_before++;
    member->is_relayed = member->relay_broke = member->relay_gave_up = member->is_hopeless = FALSE;
    member->is_multifd = FALSE;
    relay_figures_init(&member->relay_figures);
    progress->relay = NULL;
    progress->stats = (JobStats){.downtime_ms = NAN};
    progress->algorithm = member->step->choice->algorithm;
    progress->done_share = 0;
    progress->eta_ns = -1;
    member->is_postcopy_asked = member->wants_postcopy = member->is_forced = FALSE;
    member->wants_cancel = member->is_cancel_asked = FALSE;
    member->cancel_reason = member->blame = FAULT_UNKNOWN;
    member->first_pass_ns = member->moved_ns = member->stalled_ns = 0;
    member->moved_bytes = member->most_left_bytes = 0;
    g_clear_pointer(&member->job_error, g_free);
    g_clear_pointer(&member->why_postcopy, g_free);
    g_clear_pointer(&member->copy_disks, g_ptr_array_unref);
    machine_begin_again(&member->machine);
    member_remark(member, remark);
    member_begin(member);
}

static void go_plain(Member *member)
{
    member->goes_plain = TRUE;
    begin_again(member, member->is_multifd
                            ? g_strdup_printf("not over several connections (%s): begun again without", member->job_error)
                            : g_strdup("its relay broke: begun again without one"));
}

/* Refused by one of the hosts, before any memory moved: QEMU may have been built without zstd. */
static gboolean was_multifd_refused(const Member *member)
{
    return member->is_multifd && !member->job_succeeded && !member->first_pass_ns &&
           member->cancel_reason == FAULT_UNKNOWN && member->job_error;
}

/* Asked for as soon as the first pass has begun. */
static void go_postcopy(Member *member)
{
    static const char WORDS[] = "begun again as post-copy, since its pause was going to break the downtime limit";

    begin_again(member, g_strdup(WORDS));
    member->why_postcopy = g_strdup(WORDS);
    member->progress.algorithm = ALGORITHM_POST_COPY;
    member->wants_postcopy = TRUE;
}

static void on_verdict(const TruthView *view, const Verdict *verdict, gpointer user)
{
    Member *member = user;
    Gang *gang = member->gang;

    member->truth = NULL;
    if ((member->relay_broke || was_multifd_refused(member)) && may_begin_again(member, view, verdict)) {
        go_plain(member);
        return;
    }
    if (member->relay_gave_up && steer_may_postcopy_instead(member) && may_begin_again(member, view, verdict)) {
        go_postcopy(member);
        return;
    }
    if (may_recover(member, view, verdict)) {
        gint64 pause_ns = RECOVER_PAUSE_NS << member->recoveries++;

        member_remark(member, g_strdup_printf("its post-copy broke; taken up again (%u of %u)", member->recoveries,
                                              RECOVERIES_MAX));
        member->timer = gang->clock->at(gang->clock, gang_now(gang) + pause_ns, recover, member);
        return;
    }
    reach(member, PHASE_CONFIRM);
    conclude(member, verdict);
}

/* ---- the job ---- */

/* A relay that broke, or that kept the downtime limit by ending it, explains what QEMU and libvirt saw of it. */
static Fault final_blame(const Member *member)
{
    gboolean is_vague = member->blame == FAULT_UNKNOWN || member->blame == FAULT_QEMU || member->blame == FAULT_LINK;

    if (member->job_succeeded || !is_vague) {
        return member->blame;
    }
    return member->relay_broke                              ? FAULT_RELAY
           : member->cancel_reason == FAULT_NOT_CONVERGED ? FAULT_NOT_CONVERGED
                                                            : member->blame;
}

void member_ask_truth(Member *member)
{
    TruthView known = {
        .job_succeeded = member->job_succeeded,
        .used_postcopy = member->machine.phase == PHASE_POSTCOPY || member->progress.stats.is_postcopy,
        .was_paused = member->was_paused,
        .blame = final_blame(member),
    };

    member->truth = truth_begin(member->gang->driver, member->gang->clock, member->step, &known, on_verdict, member);
}

/* Whom to accuse: what we did ourselves explains an end that we asked for; else what the driver saw. */
static Fault blame_for(const Member *member, const JobEvent *event)
{
    gboolean is_ours = g_error_matches(event->error, GODWIT_ERROR, GODWIT_ERROR_CANCELLED) ||
                       g_error_matches(event->error, GODWIT_ERROR, GODWIT_ERROR_TIMEOUT);

    if (member->cancel_reason != FAULT_UNKNOWN && (is_ours || event->blame == FAULT_UNKNOWN)) {
        return member->cancel_reason;
    }
    return event->blame != FAULT_UNKNOWN ? event->blame : member->blame;
}

static void on_job_ended(Member *member, const JobEvent *event)
{
    member->job = NULL;
    member->ended_ns = gang_now(member->gang);
    member->job_succeeded = event->error == NULL;
    member->blame = event->error ? blame_for(member, event) : FAULT_UNKNOWN;
    member->job_error = g_strdup(event->error ? event->error->message : NULL);
    /* libvirt's figures of a job that failed are zero; then the last that were seen stand. */
    if (event->stats && event->stats->bytes_sent >= member->progress.stats.bytes_sent) {
        member->progress.stats = *event->stats;
    }
    /* A recovery that cannot be, or that the destination's libvirtd did not survive, is not tried again. */
    member->is_beyond_recovery |=
        g_error_matches(event->error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED) ||
        (member->recoveries > 0 && event->error && event->blame == FAULT_DESTINATION_LIBVIRTD);
    log_info("VM %s: its migration ended (%s)", member->step->vm, event->error ? event->error->message : "well");
    /* A post-copy that broke stays one until both hosts have said that nothing can be taken up again. */
    if (member->job_succeeded || member->machine.phase != PHASE_POSTCOPY) {
        reach(member, PHASE_CONFIRM);
    }
    if (!relay_hear_out(member)) {
        member_ask_truth(member);
    }
}

static void on_pass(Member *member, guint64 passes)
{
    member->progress.stats.passes = MAX(member->progress.stats.passes, passes);
    if (!member->first_pass_ns) {
        member->first_pass_ns = member->moved_ns = gang_now(member->gang);
    }
    steer_on_pass(member);
    gang_tell(member);
}

void member_on_event(const JobEvent *event, gpointer user)
{
    Member *member = user;

    if (event->kind == JOB_EVENT_ENDED && !gang_took(member->gang)) {
        return;
    }
    if (member->gang->is_freed) {
        return;
    }
    switch (event->kind) {
    case JOB_EVENT_PHASE:
        reach(member, MAX(event->phase, member->recoveries ? PHASE_POSTCOPY : PHASE_BEGIN));
        if (event->phase == PHASE_POSTCOPY) {
            member->progress.stats.is_postcopy = TRUE;
        }
        break;
    case JOB_EVENT_PASS:
        on_pass(member, event->passes);
        break;
    case JOB_EVENT_SWITCHED:
        member->switched_ns = gang_now(member->gang);
        break;
    case JOB_EVENT_POSTCOPY_FAILED:
        member_remark(member, g_strdup("its post-copy broke: the guest stands still"));
        break;
    case JOB_EVENT_ENDED:
        on_job_ended(member, event);
        break;
    }
}

static void choose_algorithm(Member *member)
{
    if (member->was_paused && member->progress.algorithm != ALGORITHM_PRE_COPY) {
        member->progress.algorithm = ALGORITHM_PRE_COPY;
        member_remark(member, g_strdup_printf("pre-copy instead of %s: the VM is paused",
                                              algorithm_name(member->step->choice->algorithm)));
    }
}

void member_start_job(Member *member)
{
    Gang *gang = member->gang;
    MigrationRequest request = {
        .step = member->step,
        .options = &gang->plan->options,
        .bandwidth_bytes_per_s = steer_share(gang, member),
        .may_postcopy = member->may_postcopy,
        .copy_disks = member->copy_disks,
    };

    member->progress.bandwidth_bytes_per_s = member->applied_bytes_per_s = request.bandwidth_bytes_per_s;
    relay_fill_request(member, &request);
    if (member->step->choice->way == WAY_MULTIFD && !member->goes_plain && !member->may_postcopy) {
        request.compressed_connections = MAX(member->step->choice->connections, 2);
    }
    member->is_multifd = request.compressed_connections > 0;
    if (!member->progress.begun_ns) {
        member->progress.begun_ns = gang_now(gang);
    }
    choose_algorithm(member);
    gang->pending++;
    member->job = gang->driver->start(gang->driver, &request, member_on_event, member);
}

/* With a relay or without. */
static void prepare_job(Member *member)
{
    if (relay_is_wanted(member)) {
        relay_begin(member);
    } else {
        member_start_job(member);
    }
}

/* ---- before the start ---- */

static void note_refusal(Member *member, Fault fault, char *message)
{
    if (member->refusal) {
        g_free(message);
        return;
    }
    member->refusal = message;
    member->refusal_fault = fault;
}

gboolean member_is_still_wanted(Member *member)
{
    if (member->wants_cancel) {
        member_refuse(member, FAULT_OPERATOR, g_strdup("stopped by the operator before it began"));
    } else if (member->refusal) {
        member_refuse(member, member->refusal_fault, g_steal_pointer(&member->refusal));
    } else {
        return TRUE;
    }
    return FALSE;
}

static void on_survey(const DiskSurvey *disks, guint length, const GError *error, gpointer user)
{
    Member *member = user;

    member->survey = NULL;
    if (error) {
        note_refusal(member, FAULT_UNKNOWN, g_strdup_printf("its disks: %s", error->message));
    }
    member->copy_disks = g_ptr_array_new_with_free_func(g_free);
    for (guint i = 0; !error && i < length; i++) {
        if (disks[i].place != DISK_PLACE_SHARED && !disks[i].disk->is_shareable) {
            g_ptr_array_add(member->copy_disks, g_strdup(disks[i].disk->target));
        }
    }
    if (member_is_still_wanted(member)) {
        prepare_job(member);
    }
}

static void on_source_facts(HostFacts *taken, const GError *error, gpointer user)
{
    g_autoptr(HostFacts) facts = taken;
    Member *member = user;
    const Vm *vm = facts ? host_facts_find_vm(facts, member->step->vm) : NULL;

    if (!gang_took(member->gang)) {
        return;
    }
    if (!vm) {
        note_refusal(member, error ? FAULT_SOURCE_HOST : FAULT_REFUSED,
                     g_strdup(error ? error->message : "it does not run at the source any more"));
    }
    if (member_is_still_wanted(member)) {
        member->survey = storage_survey_begin(member->gang->driver, member->step->source, member->step->destination,
                                              vm->disks, on_survey, member);
    }
}

static void go_on_after_checks(Member *member)
{
    Gang *gang = member->gang;

    if (!member_is_still_wanted(member)) {
        return;
    }
    if (gang->plan->options.copy_storage == COPY_STORAGE_NONE) {
        prepare_job(member);
        return;
    }
    gang->pending++;
    gang->driver->query_host(gang->driver, member->step->source, on_source_facts, member);
}

static void check_source(Member *member, const VmTruth *truth)
{
    const PlanStep *step = member->step;

    if (truth->state != VM_STATE_RUNNING && truth->state != VM_STATE_PAUSED) {
        note_refusal(member, FAULT_REFUSED,
                     g_strdup_printf("the VM that was planned is %s on %s now; plan again", vm_state_name(truth->state),
                                     step->source));
    } else if (truth->is_migrating_out || truth->is_incoming) {
        note_refusal(member, FAULT_REFUSED,
                     g_strdup_printf("it is already migrating %s %s; wait for that, then plan again",
                                     truth->is_incoming ? "to" : "from", step->source));
    }
    member->was_paused = truth->state == VM_STATE_PAUSED;
    if (member->was_paused) {
        member->may_postcopy = FALSE; /* libvirt refuses it, and there is nothing that a pre-copy would send twice */
    }
}

static void took_check(Member *member)
{
    if (--member->checks_waiting == 0) {
        go_on_after_checks(member);
    }
}

static void on_source_truth(const VmTruth *truth, const GError *error, gpointer user)
{
    Member *member = user;

    if (!gang_took(member->gang)) {
        return;
    }
    if (truth) {
        check_source(member, truth);
    } else {
        note_refusal(member, FAULT_SOURCE_HOST, g_strdup(error->message));
    }
    took_check(member);
}

static void on_destination_truth(const VmTruth *truth, const GError *error, gpointer user)
{
    Member *member = user;

    if (!gang_took(member->gang)) {
        return;
    }
    if (!truth) {
        note_refusal(member, FAULT_DESTINATION_HOST, g_strdup(error->message));
    } else if (truth->state != VM_STATE_ABSENT) {
        note_refusal(member, FAULT_REFUSED,
                     g_strdup_printf("it is %s on %s already; end or remove that copy first",
                                     truth->is_incoming ? "arriving" : vm_state_name(truth->state),
                                     member->step->destination));
    }
    took_check(member);
}

void member_begin(Member *member)
{
    Gang *gang = member->gang;
    Driver *driver = gang->driver;

    member->may_postcopy = gang_may_postcopy(gang->plan, member->step);
    reach(member, PHASE_BEGIN);
    member->checks_waiting = 2;
    gang->pending += 2;
    driver->ask_truth(driver, member->step->source, member->step->uuid, on_source_truth, member);
    driver->ask_truth(driver, member->step->destination, member->step->uuid, on_destination_truth, member);
}
