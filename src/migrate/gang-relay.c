/* SPDX-License-Identifier: Apache-2.0
 *
 * The relays of the gang's migrations: asked for before a job starts, steered while it runs, heard out when it ends.
 *
 * Theory of operation.  A member whose choice wants a relay asks the provider for a pair and starts its job when the
 * pair is ready, or without one when it cannot be had; that is told once and is no fault.  While the job runs
 *
 *     the share of the link     goes to the relay, which paces the wire; QEMU itself has no limit
 *     the downtime promise      QEMU stops the guest when what is left, in raw pages, fits downtime limit x bandwidth.
 *                               That bandwidth is fixed at the start (libvirt cannot change it later), so what the relay
 *                               says it should be now is brought in through the limit
 *     "cannot converge"         gets at once what --on-stuck says (gang-steer.c)
 *     a relay that breaks       ends a pre-copy: the VM runs on at the source, and is tried again without, once
 *     a relay that gives up     since the pause was going to break its limit: likewise, and where --on-stuck and the
 *                               policy permit post-copy it is tried again as that, once
 *
 * When the job has ended its relays are heard out for RELAY_LAST_WORD_NS, for their final figures and for whom to blame. */
#include "migrate/gang-private.h"

#include <math.h>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

#define RELAY_LAST_WORD_NS (2 * NS_PER_S)
#define LIMIT_CHANGE_LEAST 0.05 /* of the limit that QEMU has now; less is not worth an order */
#define FORCED_LIMIT_NS    (2000 * NS_PER_S)

static void add_words(Member *member, char *words)
{
    g_autofree char *before = member->relay_words;

    log_info("VM %s: %s", member->step->vm, words);
    member->relay_words = before ? g_strdup_printf("%s; %s", before, words) : g_strdup(words);
    g_free(words);
}

gboolean relay_is_wanted(const Member *member)
{
    return member->step->choice->way == WAY_RELAY && member->gang->relays && !member->goes_plain;
}

gboolean relay_carries(const Member *member)
{
    static const char *const BEFORE[] = {"waiting", "hello", "setup", NULL};

    return !member->is_relayed || !member->relay ||
           (member->relay_figures.is_known && !g_strv_contains(BEFORE, member->relay_figures.state));
}

void relay_forget(Member *member)
{
    Gang *gang = member->gang;

    gang->clock->cancel(gang->clock, member->last_word_timer);
    member->last_word_timer = 0;
    if (member->relay) {
        gang->relays->forget(g_steal_pointer(&member->relay));
    }
}

/* ---- what the relays say ---- */

static void on_limit(const GError *error, gpointer user)
{
    Member *member = user;

    if (!gang_took(member->gang)) {
        return;
    }
    member->is_limit_asked = FALSE;
    if (error) {
        log_debug("VM %s: its downtime limit stays as it was: %s", member->step->vm, error->message);
        member->applied_limit_ns = 0; /* said again with the next figures */
    }
}

/* Downtime limit x the bandwidth that QEMU was told = downtime limit of the operator x the bandwidth that is true. */
static void follow_switchover_rate(Member *member)
{
    Gang *gang = member->gang;
    double rate = member->relay_figures.switchover_bytes_per_s;
    double limit_ns;

    if (isnan(rate) || !member->job || member->machine.phase != PHASE_PERFORM || member->is_limit_asked ||
        member->is_forced || member->is_postcopy_asked) {
        return;
    }
    limit_ns = (double)gang->plan->options.downtime_limit_ns * rate / (double)member->switchover_bytes_per_s;
    limit_ns = fmin(limit_ns, (double)FORCED_LIMIT_NS);
    if (fabs(limit_ns - (double)member->applied_limit_ns) <= LIMIT_CHANGE_LEAST * (double)member->applied_limit_ns) {
        return;
    }
    member->is_limit_asked = TRUE;
    member->applied_limit_ns = (gint64)limit_ns;
    gang->pending++;
    gang->driver->set_downtime_limit(member->job, member->applied_limit_ns, on_limit, member);
}

static void take_figures(Member *member, const RelayFigures *figures)
{
    if (figures && figures->is_known) {
        member->relay_figures = *figures;
        member->progress.relay = &member->relay_figures;
    }
}

/* The migration begins, or is taken up again, with a pair or without. */
static void go_on_with_job(Member *member)
{
    if (member->machine.phase == PHASE_POSTCOPY) {
        member_recover_job(member);
    } else if (member_is_still_wanted(member)) {
        member_start_job(member);
    }
}

static void on_ready(Member *member, const char *socket_path)
{
    member->is_relayed = TRUE;
    g_free(member->relay_socket);
    member->relay_socket = g_strdup(socket_path);
    go_on_with_job(member);
}

static void on_refused(Member *member, const GError *error)
{
    member->goes_plain = TRUE;
    add_words(member, g_strdup_printf("went without a relay: %s", error ? error->message : "it ended at once"));
    go_on_with_job(member);
}

/* The relay has closed QEMU's socket already; cancelling makes sure of it, and says why the migration ends. */
static void on_broken(Member *member, const RelayEvent *event)
{
    member->relay_broke = event->fault == FAULT_RELAY;
    member->relay_gave_up = event->fault == FAULT_NOT_CONVERGED;
    add_words(member, g_strdup(event->error->message));
    if (member->cancel_reason != FAULT_UNKNOWN) {
        return;
    }
    if (member->job) {
        steer_cancel(member, event->fault);
    }
    member->cancel_reason = event->fault;
}

static void on_pair_ended(Member *member, const RelayEvent *event)
{
    gboolean was_ready = member->is_relayed;

    member->relay = NULL;
    if (!was_ready) {
        on_refused(member, event->error);
        return;
    }
    take_figures(member, event->figures);
    if (event->error && event->fault != FAULT_UNKNOWN) {
        on_broken(member, event);
    }
    if (member->last_word_timer) {
        relay_forget(member);
        member_ask_truth(member);
    }
}

static void on_relay_event(const RelayEvent *event, gpointer user)
{
    Member *member = user;

    switch (event->kind) {
    case RELAY_EVENT_READY:
        on_ready(member, event->socket_path);
        break;
    case RELAY_EVENT_STATUS:
        take_figures(member, event->figures);
        follow_switchover_rate(member);
        steer_wanted_postcopy(member);
        break;
    case RELAY_EVENT_CANNOT_CONVERGE:
        steer_hopeless(member, event->reason);
        break;
    case RELAY_EVENT_UNWATCHED:
        add_words(member, g_strdup_printf("%s: its relay goes on unwatched", event->error->message));
        break;
    case RELAY_EVENT_ENDED:
        on_pair_ended(member, event);
        break;
    }
}

/* ---- what is asked of them ---- */

static guint64 link_of(const Member *member)
{
    const HostConfig *source = member->source->config;
    const HostConfig *destination = member->destination->config;
    guint64 one = source ? source->link_bytes_per_s : 0;
    guint64 other = destination ? destination->link_bytes_per_s : 0;

    return one && other ? MIN(one, other) : MAX(one, other);
}

void relay_begin(Member *member)
{
    Gang *gang = member->gang;
    RelayRequest request = {.step = member->step,
                            .options = &gang->plan->options,
                            .rate_bytes_per_s = steer_share(gang, member),
                            .link_bytes_per_s = link_of(member),
                            .may_postcopy = member->may_postcopy};

    relay_forget(member);
    member->is_relayed = FALSE;
    member->relay = gang->relays->start(gang->relays, &request, on_relay_event, member);
}

void relay_fill_request(Member *member, MigrationRequest *request)
{
    if (!member->is_relayed) {
        return;
    }
    request->relay_socket = member->relay_socket;
    if (member->machine.phase != PHASE_POSTCOPY) {
        /* Where the link is unknown QEMU reckons with next to nothing until the relay has measured it. */
        member->switchover_bytes_per_s = MAX(request->bandwidth_bytes_per_s / MIB, 1) * MIB;
        member->applied_limit_ns = member->gang->plan->options.downtime_limit_ns;
        request->switchover_bytes_per_s = member->switchover_bytes_per_s;
    }
}

void relay_set_rate(Member *member, guint64 bytes_per_s)
{
    if (member->relay) {
        member->gang->relays->set_rate(member->relay, bytes_per_s);
    }
}

void relay_lift_limit(Member *member)
{
    if (member->relay) {
        member->gang->relays->set_downtime_limit(member->relay, FORCED_LIMIT_NS);
    }
}

static void on_last_word(gpointer data)
{
    Member *member = data;

    member->last_word_timer = 0;
    member_ask_truth(member);
}

gboolean relay_hear_out(Member *member)
{
    Gang *gang = member->gang;

    if (member->relay) {
        member->last_word_timer =
            gang->clock->at(gang->clock, gang_now(gang) + RELAY_LAST_WORD_NS, on_last_word, member);
    }
    return member->relay != NULL;
}
