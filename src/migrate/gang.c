/* SPDX-License-Identifier: Apache-2.0
 *
 * The gang as a whole; see gang.h.
 *
 * Theory of operation.  A step waits until its wave has come and both its hosts have a place (gang-places.c); then it
 * begins, and its place is given back when its outcome is known, that is, when the truth is.  Whenever a member begins
 * or ends, gang_go_on looks for the next ones and divides the links that they use anew.
 *
 * A tick twice a second asks the running jobs for statistics and tells the owner when all have answered, or at the next
 * tick when one does not. */
#include "migrate/gang-private.h"

#include <math.h>

#include "base/units.h"

gint64 gang_now(const Gang *gang)
{
    return gang->clock->now_ns(gang->clock);
}

const HostConfig *gang_host(const Gang *gang, const char *name)
{
    return g_hash_table_lookup(gang->hosts, name);
}

void gang_tell(Member *member)
{
    Gang *gang = member->gang;

    member->progress.phase = member->machine.phase;
    if (!gang->is_freed && !gang->is_finished && gang->on_progress) {
        gang->on_progress(gang, (int)member->index, gang->user);
    }
}

/* ---- the end ---- */

/* Freed by their owners while answers were still to come; a driver that is closed then never gives them, and they stay.
 */
static GSList *orphans;

static void gang_destroy(Gang *gang)
{
    orphans = g_slist_remove(orphans, gang);
    for (guint i = 0; i < gang->length; i++) {
        member_clear(&gang->members[i]);
    }
    places_clear(gang);
    g_free(gang->members);
    g_hash_table_unref(gang->hosts);
    g_free(gang);
}

static void finish(Gang *gang)
{
    GangOutcome *outcome = gang_outcome_new(gang->plan->id, gang->plan->policy);

    for (guint i = 0; i < gang->length; i++) {
        g_ptr_array_add(outcome->outcomes, g_steal_pointer(&gang->members[i].outcome));
        gang->members[i].progress.outcome = g_ptr_array_index(outcome->outcomes, i);
    }
    gang_outcome_update(outcome);
    gang->is_finished = TRUE;
    gang->on_done(outcome, gang->user);
}

static void on_end_timer(gpointer data)
{
    Gang *gang = data;

    gang->end_timer = 0;
    finish(gang);
}

/* Not from inside a driver's or the owner's call: by a timer.  Answers that are still to come are waited for a little.
 */
static void finish_soon(Gang *gang)
{
    gint64 wait_ns = gang->pending ? LAST_ANSWERS_NS : 0;

    gang->clock->cancel(gang->clock, gang->tick_timer);
    gang->tick_timer = 0;
    gang->clock->cancel(gang->clock, gang->end_timer);
    gang->end_timer = gang->clock->at(gang->clock, gang_now(gang) + wait_ns, on_end_timer, gang);
}

gboolean gang_took(Gang *gang)
{
    gang->pending--;
    if (gang->is_freed) {
        if (gang->pending == 0) {
            gang_destroy(gang);
        }
        return FALSE;
    }
    if (gang->end_timer && gang->pending == 0) {
        finish_soon(gang);
    }
    return TRUE;
}

void gang_go_on(Gang *gang)
{
    if (gang->is_freed || gang->is_finished) {
        return;
    }
    places_begin_next(gang);
    steer_divide_changed(gang);
    if (places_all_done(gang) && !gang->end_timer) {
        finish_soon(gang);
    }
}

/* ---- the tick ---- */

static void tell_tick(Gang *gang)
{
    if (gang->on_progress && !gang->is_finished) {
        gang->on_progress(gang, -1, gang->user);
    }
}

/* What is gone of the most that was ever left: zero pages count as left and are never sent. */
static double share_done(Member *member, const JobStats *stats)
{
    double share;

    member->most_left_bytes = MAX(member->most_left_bytes, stats->bytes_remaining);
    share = member->most_left_bytes ? 1 - (double)stats->bytes_remaining / (double)member->most_left_bytes : 0;
    return CLAMP(share, member->progress.done_share, 0.999); /* a pre-copy's rest may grow; the bar does not go back */
}

/* From what is left and how fast it goes; unknown while a guest dirties memory faster than that. */
static gint64 time_left_ns(const JobStats *stats, double bytes_per_s)
{
    double dirty_bytes_per_s = (double)stats->dirty_pages_per_s * (double)stats->page_bytes;
    double net_bytes_per_s = stats->is_postcopy ? bytes_per_s : bytes_per_s - dirty_bytes_per_s;

    if (net_bytes_per_s <= 0) {
        return -1;
    }
    return (gint64)((double)stats->bytes_remaining / net_bytes_per_s * (double)NS_PER_S);
}

static void note_stats(Member *member, const JobStats *stats)
{
    GangProgress *progress = &member->progress;
    gint64 now_ns = gang_now(member->gang);
    guint64 moved_bytes = stats->bytes_sent > member->moved_bytes ? stats->bytes_sent - member->moved_bytes : 0;
    double seconds = (double)(now_ns - member->moved_ns) / (double)NS_PER_S;
    double measured = member->moved_ns && seconds > 0 ? (double)moved_bytes / seconds : 0;

    if (stats->bytes_sent == 0 && stats->bytes_remaining == 0) {
        return; /* a job that has just begun, or just failed: libvirt counts nothing */
    }
    /* QEMU's own figure counts its bursts, and says KiB/s between two of them: what has moved since the last look is told
     * instead, with some memory. */
    if (member->moved_ns && (moved_bytes || seconds > 1)) {
        member->smoothed_bytes_per_s += 0.5 * (measured - member->smoothed_bytes_per_s);
    }
    progress->stats = *stats;
    progress->stats.bytes_per_s = (guint64)member->smoothed_bytes_per_s;
    if (moved_bytes || !member->moved_ns) {
        steer_note_moved(member);
        member->moved_ns = now_ns;
        member->moved_bytes = stats->bytes_sent;
    }
    progress->done_share = share_done(member, stats);
    progress->eta_ns = time_left_ns(&progress->stats, (double)progress->stats.bytes_per_s);
}

static void on_stats(const JobStats *stats, const GError *error, gpointer user)
{
    Member *member = user;
    Gang *gang = member->gang;

    member->is_stats_asked = FALSE;
    if (!gang_took(gang)) {
        return;
    }
    if (stats && member->job) {
        note_stats(member, stats);
    }
    if (--gang->stats_waiting == 0) {
        tell_tick(gang);
    }
}

static void ask_stats(Member *member)
{
    Gang *gang = member->gang;
    Phase phase = member->machine.phase;
    Phase first = member->copy_disks && member->copy_disks->len ? PHASE_PREPARE : PHASE_PERFORM; /* disks go first */

    if (member->job && !member->is_stats_asked && phase >= first && phase <= PHASE_CONFIRM) {
        member->is_stats_asked = TRUE;
        gang->pending++;
        gang->stats_waiting++;
        gang->driver->query_stats(member->job, on_stats, member);
    }
}

static void on_tick(gpointer data)
{
    Gang *gang = data;
    gboolean is_late = gang->stats_waiting > 0;

    gang->tick_timer = gang->clock->at(gang->clock, gang_now(gang) + TICK_NS, on_tick, gang);
    for (guint i = 0; i < gang->running->len; i++) {
        Member *member = g_ptr_array_index(gang->running, i);

        steer_on_tick(member);
        ask_stats(member);
    }
    steer_divide(gang);
    if (is_late || gang->stats_waiting == 0) {
        tell_tick(gang);
    }
}

/* ---- the interface ---- */

Gang *gang_new(const Plan *plan, GPtrArray *hosts, Driver *driver, Clock *clock, GangProgressFunc on_progress,
               GangDoneFunc on_done, gpointer user)
{
    Gang *gang = g_new0(Gang, 1);

    gang->plan = plan;
    gang->hosts = g_hash_table_new(g_str_hash, g_str_equal);
    gang->driver = driver;
    gang->clock = clock;
    gang->on_progress = on_progress;
    gang->on_done = on_done;
    gang->user = user;
    gang->length = plan->steps->len;
    gang->members = g_new0(Member, MAX(gang->length, 1));
    for (guint i = 0; i < hosts->len; i++) {
        const HostConfig *host = g_ptr_array_index(hosts, i);

        g_hash_table_insert(gang->hosts, host->name, (gpointer)host);
    }
    for (guint i = 0; i < gang->length; i++) {
        Member *member = &gang->members[i];

        member->gang = gang;
        member->index = i;
        member->step = plan_step_at(plan, i);
        member->machine = (Machine){.vm = member->step->vm, .phase = PHASE_WAITING};
        member->blame = member->cancel_reason = FAULT_UNKNOWN;
        relay_figures_init(&member->relay_figures);
        member->progress = (GangProgress){.step = member->step,
                                          .phase = PHASE_WAITING,
                                          .eta_ns = -1,
                                          .algorithm = member->step->choice->algorithm,
                                          .stats.downtime_ms = NAN};
    }
    places_init(gang);
    return gang;
}

void gang_set_relays(Gang *gang, RelayProvider *relays)
{
    gang->relays = relays;
}

void gang_start(Gang *gang)
{
    gang->tick_timer = gang->clock->at(gang->clock, gang_now(gang) + TICK_NS, on_tick, gang);
    gang_go_on(gang);
}

void gang_stop(Gang *gang)
{
    if (gang->is_stopping || gang->is_finished) {
        return;
    }
    gang->is_stopping = TRUE;
    for (guint i = 0; i < gang->length; i++) {
        Member *member = &gang->members[i];

        if (member->machine.phase == PHASE_WAITING) {
            member_refuse(member, FAULT_OPERATOR, g_strdup("stopped by the operator before it began"));
        } else {
            steer_cancel(member, FAULT_OPERATOR);
        }
    }
    gang_go_on(gang);
}

guint gang_length(const Gang *gang)
{
    return gang->length;
}

const GangProgress *gang_progress(Gang *gang, guint index)
{
    g_assert(index < gang->length);
    return &gang->members[index].progress;
}

void gang_free(Gang *gang)
{
    if (!gang) {
        return;
    }
    gang->is_freed = TRUE;
    gang->clock->cancel(gang->clock, gang->tick_timer);
    gang->clock->cancel(gang->clock, gang->end_timer);
    for (guint i = 0; i < gang->length; i++) {
        gang->clock->cancel(gang->clock, gang->members[i].timer);
        relay_forget(&gang->members[i]);
        g_clear_pointer(&gang->members[i].truth, truth_cancel);
    }
    if (gang->pending == 0) {
        gang_destroy(gang);
    } else {
        orphans = g_slist_prepend(orphans, gang);
    }
}
