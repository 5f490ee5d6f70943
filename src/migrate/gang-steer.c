/* SPDX-License-Identifier: Apache-2.0
 *
 * What is said to running migrations: their shares of bandwidth, the switch to post-copy, what is done about one that
 * does not converge, whose link is dead, or that the operator stops.
 *
 * Every order may be refused (a job may end, or QEMU may not be there yet): an order that still makes sense is given
 * again at the next pass or tick.  One order of a kind is under way at a time. */
#include "migrate/gang-private.h"

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "model/share.h"

#define POSTCOPY_REFUSALS_MAX 10

/* ---- bandwidth: seed 000 section 4.1, equal shares ---- */

guint64 steer_share(Gang *gang, const Member *member)
{
    const GangHost *source = member->source;
    const GangHost *destination = member->destination;

    return equal_share(source->config ? source->config->link_bytes_per_s : 0, source->running->len,
                       destination->config ? destination->config->link_bytes_per_s : 0, destination->running->len,
                       gang->plan->options.bandwidth_bytes_per_s);
}

static void on_bandwidth(const GError *error, gpointer user)
{
    Member *member = user;

    member->is_bandwidth_asked = FALSE;
    if (error) {
        log_debug("VM %s: its bandwidth stays as it was: %s", member->step->vm, error->message);
        member->applied_bytes_per_s = G_MAXUINT64; /* unknown: said again at the next tick */
    }
    gang_took(member->gang);
}

static void apply_share(Member *member)
{
    Gang *gang = member->gang;
    guint64 share = member->progress.bandwidth_bytes_per_s;

    if (member->is_relayed) {
        if (share != member->applied_bytes_per_s) {
            member->applied_bytes_per_s = share;
            relay_set_rate(member, share);
        }
        return;
    }
    if (member->job && share != member->applied_bytes_per_s && !member->is_bandwidth_asked &&
        machine_may(&member->machine, ACT_STEER)) {
        member->is_bandwidth_asked = TRUE;
        member->applied_bytes_per_s = share;
        gang->pending++;
        gang->driver->set_bandwidth(member->job, share, on_bandwidth, member);
    }
}

static void divide_among(Gang *gang, const GPtrArray *members)
{
    for (guint i = 0; i < members->len; i++) {
        Member *member = g_ptr_array_index(members, i);

        member->progress.bandwidth_bytes_per_s = steer_share(gang, member);
        apply_share(member);
    }
}

static void forget_changed(Gang *gang)
{
    for (guint i = 0; i < gang->changed->len; i++) {
        ((GangHost *)g_ptr_array_index(gang->changed, i))->is_changed = FALSE;
    }
    g_ptr_array_set_size(gang->changed, 0);
}

void steer_divide(Gang *gang)
{
    divide_among(gang, gang->running);
}

void steer_divide_changed(Gang *gang)
{
    for (guint i = 0; i < gang->changed->len; i++) {
        divide_among(gang, ((const GangHost *)g_ptr_array_index(gang->changed, i))->running);
    }
    forget_changed(gang);
}

/* ---- post-copy ---- */

gboolean gang_may_postcopy(const Plan *plan, const PlanStep *step)
{
    const MigrateOptions *options = &plan->options;
    gboolean may_be_stuck = options->stuck_after_ns > 0 || options->stuck_passes > 0 || step->choice->way == WAY_RELAY;

    if (step->choice->algorithm != ALGORITHM_PRE_COPY) {
        return TRUE;
    }
    /* QEMU has no post-copy over several connections; the word of plan or operator for those is the stronger one. */
    if (options->parallel_connections > 1 || step->choice->way == WAY_MULTIFD) {
        return FALSE;
    }
    return may_be_stuck && (options->on_stuck == STUCK_ACTION_POST_COPY ||
                            (options->on_stuck == STUCK_ACTION_POLICY && policy_permits_postcopy(plan->policy)));
}

static void on_postcopy(const GError *error, gpointer user)
{
    Member *member = user;

    if (!gang_took(member->gang)) {
        return;
    }
    if (!error || !member->job) {
        return;
    }
    member->is_postcopy_asked = FALSE;
    member->wants_postcopy = ++member->postcopy_refusals < POSTCOPY_REFUSALS_MAX;
    log_debug("VM %s: no post-copy yet: %s", member->step->vm, error->message);
    if (!member->wants_postcopy) {
        member_remark(member, g_strdup_printf("goes on as pre-copy: post-copy was refused (%s)", error->message));
    }
}

static void ask_postcopy(Member *member)
{
    Gang *gang = member->gang;

    if (!member->job || !member->may_postcopy || member->is_postcopy_asked || member->wants_cancel ||
        !machine_may(&member->machine, ACT_POSTCOPY)) {
        return;
    }
    if (!relay_carries(member)) {
        member->wants_postcopy = TRUE; /* as soon as the relay says that it does */
        return;
    }
    member->wants_postcopy = FALSE;
    member->is_postcopy_asked = TRUE;
    gang->pending++;
    gang->driver->switch_to_postcopy(member->job, on_postcopy, member);
}

/* ---- cancel ---- */

static void on_cancel(const GError *error, gpointer user)
{
    Member *member = user;

    if (!gang_took(member->gang)) {
        return;
    }
    member->is_cancel_asked = FALSE;
    if (error) {
        log_debug("VM %s: not cancelled yet: %s", member->step->vm, error->message);
    } else {
        member->wants_cancel = FALSE; /* its end is on the way */
    }
}

static void ask_cancel(Member *member)
{
    Gang *gang = member->gang;

    /* Who decides in finish is QEMU: a cancel that comes too late has no effect there. */
    MachineAct act = member->cancel_reason == FAULT_LINK ? ACT_RESCUE : ACT_CANCEL;

    if (!member->job || !member->wants_cancel || member->is_cancel_asked || member->is_postcopy_asked ||
        !machine_may(&member->machine, act)) {
        return;
    }
    member->is_cancel_asked = TRUE;
    gang->pending++;
    gang->driver->cancel(member->job, on_cancel, member);
}

void steer_cancel(Member *member, Fault reason)
{
    if (!machine_may(&member->machine, reason == FAULT_LINK ? ACT_RESCUE : ACT_CANCEL | ACT_DROP)) {
        return; /* it is finished, not cancelled */
    }
    member->wants_cancel = TRUE;
    member->cancel_reason = reason;
    ask_cancel(member);
}

/* ---- a pre-copy that does not converge ---- */

static void on_force(const GError *error, gpointer user)
{
    Member *member = user;

    if (!gang_took(member->gang)) {
        return;
    }
    member->is_forced = !error;
    if (error) {
        log_debug("VM %s: not forced yet: %s", member->step->vm, error->message);
    }
}

static void force(Member *member)
{
    Gang *gang = member->gang;

    member->is_forced = TRUE;
    relay_lift_limit(member);
    gang->pending++;
    gang->driver->force(member->job, on_force, member);
}

static StuckView view_of(const Member *member)
{
    const MigrateOptions *options = &member->gang->plan->options;

    return (StuckView){
        .on_stuck = options->on_stuck,
        .policy_permits_postcopy = policy_permits_postcopy(member->gang->plan->policy),
        .can_postcopy = member->may_postcopy && member->postcopy_refusals < POSTCOPY_REFUSALS_MAX,
        .stuck_after_ns = options->stuck_after_ns,
        .stuck_passes = options->stuck_passes,
        /* Disks are copied before the first pass and take as long as they take. */
        .running_ns = member->first_pass_ns ? gang_now(member->gang) - member->first_pass_ns : 0,
        .passes = member->progress.stats.passes,
    };
}

static void do_about_stuck(Member *member, StuckStep step, char *words)
{
    if (step == STUCK_SWITCH) {
        g_free(member->why_postcopy);
        member->why_postcopy = g_strdup(words);
    }
    member_remark(member, words);
    switch (step) {
    case STUCK_FORCE:
        force(member);
        break;
    case STUCK_SWITCH:
        member->progress.algorithm = ALGORITHM_HYBRID;
        ask_postcopy(member);
        break;
    case STUCK_CANCEL:
        steer_cancel(member, FAULT_NOT_CONVERGED);
        break;
    case STUCK_GO_ON:
        break;
    }
}

/* Nothing was done about it yet that ends it one way or the other. */
static gboolean is_open(const Member *member)
{
    return !member->wants_cancel && !member->is_cancel_asked && !member->is_forced && !member->is_postcopy_asked &&
           member->cancel_reason == FAULT_UNKNOWN && member->machine.phase == PHASE_PERFORM;
}

static void watch_convergence(Member *member)
{
    StuckView view = view_of(member);
    StuckStep step = stuck_decide(view);

    if (step != STUCK_GO_ON && is_open(member)) {
        do_about_stuck(member, step, stuck_words(view, step));
    }
}

gboolean steer_may_postcopy_instead(const Member *member)
{
    return stuck_answer(view_of(member)) == STUCK_SWITCH;
}

/* QEMU slows a guest that dirties memory too fast, if it may: then the arithmetic changes, and the usual limits count. */
void steer_hopeless(Member *member, const char *reason)
{
    StuckView view = view_of(member);
    StuckStep step = stuck_answer(view);

    if (member->is_hopeless || !member->job || !is_open(member)) {
        return;
    }
    member->is_hopeless = TRUE;
    if (member->gang->plan->options.auto_converge) {
        member_remark(member, g_strdup_printf("%s: going on, QEMU slows the guest, as --auto-converge says", reason));
    } else {
        do_about_stuck(member, step, stuck_words_because(reason, view, step));
    }
}

/* ---- a link that is dead ---- */

static void on_broken(const GError *error, gpointer user)
{
    Member *member = user;

    if (!gang_took(member->gang) || !member->job) {
        return;
    }
    if (g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED)) {
        member_remark(member, g_strdup_printf("its post-copy stands still, waiting for the link (%s)", error->message));
    } else if (error) {
        member->is_broken_asked = FALSE;
        log_debug("VM %s: post-copy not ended yet: %s", member->step->vm, error->message);
    } else {
        member->blame = FAULT_LINK;
    }
}

static void give_up_stalled(Member *member)
{
    Gang *gang = member->gang;
    g_autofree char *limit = duration_format(STALL_LIMIT_NS);

    member->stalled_ns = member->stalled_ns ? member->stalled_ns : member->moved_ns;
    member->moved_ns = gang_now(gang); /* once per STALL_LIMIT_NS */
    if (machine_may(&member->machine, ACT_RESCUE) && member->cancel_reason == FAULT_UNKNOWN) {
        member_remark(member, g_strdup_printf("no byte moved for %s: cancelled", limit));
        steer_cancel(member, FAULT_LINK);
    } else if (member->machine.phase == PHASE_POSTCOPY && !member->is_broken_asked) {
        member_remark(member, g_strdup_printf("no byte moved for %s in post-copy", limit));
        member->is_broken_asked = TRUE;
        gang->pending++;
        gang->driver->break_postcopy(member->job, on_broken, member);
    }
}

void steer_note_moved(Member *member)
{
    if (member->stalled_ns) {
        g_autofree char *pause = duration_format(gang_now(member->gang) - member->stalled_ns);

        member->stalled_ns = 0;
        member_remark(member, g_strdup_printf("no byte moved for %s; then it went on by itself", pause));
    }
}

static void watch_link(Member *member)
{
    Phase phase = member->machine.phase;

    if (phase >= PHASE_PERFORM && phase <= PHASE_FINISH && member->moved_ns &&
        gang_now(member->gang) - member->moved_ns >= STALL_LIMIT_NS) {
        give_up_stalled(member);
    }
}

/* ---- when ---- */

/* Post-copy begins at once with the first pass, hybrid when the first pass is over. */
static guint64 pass_for_postcopy(const Member *member)
{
    switch (member->step->choice->algorithm) {
    case ALGORITHM_POST_COPY:
        return 1;
    case ALGORITHM_HYBRID:
        return 2;
    case ALGORITHM_PRE_COPY:
        break;
    }
    return G_MAXUINT64;
}

void steer_on_pass(Member *member)
{
    guint64 passes = member->progress.stats.passes;

    if (passes >= pass_for_postcopy(member) || member->wants_postcopy) {
        ask_postcopy(member);
    }
    watch_convergence(member);
    apply_share(member);
    ask_cancel(member);
}

void steer_wanted_postcopy(Member *member)
{
    if (member->wants_postcopy) {
        ask_postcopy(member);
    }
}

void steer_on_tick(Member *member)
{
    if (!member->job) {
        return;
    }
    steer_wanted_postcopy(member);
    watch_convergence(member);
    watch_link(member);
    ask_cancel(member);
}
