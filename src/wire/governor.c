/* SPDX-License-Identifier: Apache-2.0
 *
 * The governor; see governor.h.
 *
 * Theory of operation.  QEMU (migration_iteration_run and migration_update_counters, the same from 8.2 to 10.0) goes
 * over its dirty bitmap; whenever the pages that are left are below a threshold it fetches the guest's dirty log once
 * more, and if all that is dirty then is still below, it stops the guest:
 *
 *     dirty pages * page bytes  <  threshold  =  downtime-limit * avail-switchover-bandwidth
 *
 * Without the parameter the second factor is what its socket took in the last 100 ms: page bytes swallowed by a relay
 * that compresses, which promises too much as soon as the last pages compress worse than those before.  The threshold
 * is reckoned anew every 100 ms from both parameters, so either steers it while the migration runs; hence
 * switchover_bytes_per_s (for who speaks QMP) and downtime_limit_scale (for who speaks to libvirt, which sets the
 * bandwidth at the start only).
 *
 * Raw bytes are QEMU's measure, seconds of pause are ours.  What a pause has left for memory is the budget
 *
 *     budget = limit - fixed - round trip - queue                       (the queue holds what QEMU thinks is sent)
 *
 * and a pass k over pages that were sent before tells the price of the guest's present writing,
 *
 *     raw_k  = its pages * page bytes                                   what QEMU counts
 *     w_k    = its bytes on the wire                                    the working set of seed 002, in bytes
 *     cost_k = max(w_k / link, its duration)                            s; encoder, codec and destination count, too;
 *                                                                       the time that QEMU had nothing to say does not
 *
 * The threshold is the larger one of two sums, both safe:
 *
 *     plain   min(link, lowest raw rate of the last passes) * budget    every page at its full price.  The pass that
 *             goes on counts as one; before it has shown anything UNPROVEN_BYTES_PER_S stands for its rate.  A rate
 *             that the link did not set is one of processors that others use, too: it is trusted by SHARED_TRUST, and
 *             so is the cost of a pass
 *     known   raw_k + what the rest of the budget carries at full price  where pass k fits: cost_k <= budget
 *
 * 'known' takes the lowest of the last LOOK_BACK passes.  It is not raw-to-wire ratio times plain, although that is
 * the same for a pass that just fits: what is not dirty writing of the kind that was measured may be anything, so it
 * is reckoned at full price, and a burst of incompressible pages on top of a sparse working set keeps the limit.  For
 * the same reason a pass that does not fit raises nothing: of its pages the dearest may be those that the guest
 * dirties first.  Nothing of the first pass raises anything: first-time pages compress, and say nothing about those
 * that are written again and again.
 *
 * The next pass is what was dirtied during this one.  The pages (and bytes) dirtied within t are a concave function
 * of t for a guest that goes on as it does, so costs fall from pass to pass towards a fixed point and never rise.  If
 * that lies above the budget no number of passes helps.  It is near when costs stop falling, hence: a pre-copy cannot
 * converge when the last passes do not fit and would, shrinking at the pace of the last three, need more than
 * PATIENCE further ones. Two passes decide when they are CLEARLY above the budget and do not shrink at all: the first
 * of them was dirtied during the long first pass, so the second could only be as large if the whole working set is
 * dirtied within one pass.  A guest may change its mind: the verdict is made anew after every pass. */
#include "wire/governor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PAGE_BYTES_USUAL 4096
#define QUEUE_S          0.010     /* of wire, that may be on the way when the guest stops */
#define BUDGET_SHARE_MIN 0.10      /* of the limit: QEMU gets a threshold also where the fixed parts eat it all */
#define LOOK_BACK        3         /* passes that are believed to be like the next one */
#define RESENT_SHARE     0.5       /* of a pass: the first one has some pages twice, and is none of these */
/* What QEMUs and relays are trusted to carry before a pass has shown it: on a fast link they are the limit, and QEMU
 * would stop the guest in the middle of the first pass for all that is left of it. */
#define UNPROVEN_BYTES_PER_S 100e6
#define LINK_IS_LIMIT    0.85      /* of the link was used */
#define SHARED_TRUST     0.75
#define EVIDENCE_BYTES   (4 << 20) /* raw; a shorter pass says nothing about a rate */
#define SAME_KIND        1.10      /* the next pass may be so much larger than one that was measured */
#define FULL_PRICE       0.90      /* of the rest of the budget is given away */
#define RATIO_MAX        64.0      /* raw bytes that a byte of the link is ever trusted to be */
#define PATIENCE         30.0      /* passes */
#define TOLERANCE_S      0.020     /* by which a pause may be longer than the limit */
#define MISSES           1.05      /* cost against the budget from which a pass counts as not fitting for good */
#define CLEARLY          1.5       /* ... from which two passes are enough */
#define MIB              1048576.0

void governor_init(GovernorState *state, const GovernorConfig *config)
{
    memset(state, 0, sizeof(*state));
    state->config = *config;
    if (state->config.page_bytes == 0) {
        state->config.page_bytes = PAGE_BYTES_USUAL;
    }
}

void governor_link(GovernorState *state, double link_bytes_per_s, double rtt_s)
{
    state->link_bytes_per_s = fmax(link_bytes_per_s, 0);
    state->rtt_s = fmax(rtt_s, 0);
}

void governor_pass(GovernorState *state, const GovernorPass *pass)
{
    if (pass->pages == 0) {
        return;
    }
    if (state->passes_length == GOVERNOR_PASSES_KEPT) {
        memmove(state->passes, state->passes + 1, (GOVERNOR_PASSES_KEPT - 1) * sizeof(state->passes[0]));
        state->passes_length--;
    }
    state->passes[state->passes_length++] = *pass;
    state->passes_total++;
    memset(&state->now, 0, sizeof(state->now));
}

void governor_progress(GovernorState *state, const GovernorPass *so_far)
{
    state->now = *so_far;
}

static double fixed_s(const GovernorState *state)
{
    return state->config.fixed_s + state->rtt_s + QUEUE_S;
}

double governor_budget_s(const GovernorState *state)
{
    return state->config.downtime_limit_s - fixed_s(state);
}

static double usable_budget_s(const GovernorState *state)
{
    return fmax(governor_budget_s(state), BUDGET_SHARE_MIN * state->config.downtime_limit_s);
}

static bool is_evidence(const GovernorPass *pass)
{
    return pass->seconds > 0 && pass->stream_bytes >= EVIDENCE_BYTES;
}

/* What is told is believed; else the most that was seen.  0 unknown. */
static double link_of(const GovernorState *state)
{
    double link = state->link_bytes_per_s;

    if (state->config.link_bytes_per_s > 0) {
        return state->config.link_bytes_per_s;
    }
    for (unsigned i = 0; i <= state->passes_length; i++) {
        const GovernorPass *pass = i < state->passes_length ? &state->passes[i] : &state->now;

        if (is_evidence(pass)) {
            link = fmax(link, (double)pass->wire_bytes / pass->seconds);
        }
    }
    return link;
}

/* The rate at which page bytes went all the way, as far as it may be hoped for again. */
static double raw_rate_of(const GovernorPass *pass, double link)
{
    double rate = (double)pass->stream_bytes / pass->seconds;

    return (double)pass->wire_bytes / pass->seconds < LINK_IS_LIMIT * link ? SHARED_TRUST * rate : rate;
}

/* The lowest one of the last passes that were long enough. */
static double raw_rate(const GovernorState *state, double link)
{
    double rate = is_evidence(&state->now) ? raw_rate_of(&state->now, link) : INFINITY;

    for (unsigned i = state->passes_length, seen = 0; i > 0 && seen < LOOK_BACK; i--) {
        const GovernorPass *pass = &state->passes[i - 1];

        if (is_evidence(pass)) {
            rate = fmin(rate, raw_rate_of(pass, link));
            seen++;
        }
    }
    return isinf(rate) ? UNPROVEN_BYTES_PER_S : rate;
}

/* ---- re-sent passes: those whose pages had mostly been sent before ---- */

typedef struct Resent {
    const GovernorPass *passes[LOOK_BACK]; /* newest first */
    double cost_s[LOOK_BACK];
    unsigned length;
} Resent;

static bool is_resent(const GovernorPass *pass)
{
    return pass->pages > 0 && pass->pages_resent >= RESENT_SHARE * (double)pass->pages;
}

static double cost_of(const GovernorPass *pass, double link)
{
    return fmax((double)pass->resent_wire_bytes / link, pass->seconds - pass->waited_s);
}

/* The same with the trust that processors deserve, for a promise. */
static double promised_cost_of(const GovernorPass *pass, double link)
{
    double wire_s = (double)pass->resent_wire_bytes / link;
    double busy_s = pass->seconds - pass->waited_s;

    return fmax(wire_s, wire_s < LINK_IS_LIMIT * busy_s ? busy_s / SHARED_TRUST : busy_s);
}

static Resent look_back(const GovernorState *state, double link)
{
    Resent resent = {.length = 0};

    for (unsigned i = state->passes_length; i > 0 && resent.length < LOOK_BACK; i--) {
        const GovernorPass *pass = &state->passes[i - 1];

        if (is_resent(pass)) {
            resent.passes[resent.length] = pass;
            resent.cost_s[resent.length++] = cost_of(pass, link);
        }
    }
    return resent;
}

/* Raw bytes that a stopped guest may leave, by what the re-sent passes cost; 0: they do not fit, or there was none. */
static double known_bytes(const GovernorState *state, const Resent *resent, double link, double plain_rate)
{
    double budget_s = usable_budget_s(state);
    double least = INFINITY;

    for (unsigned i = 0; i < resent->length; i++) {
        double raw = (double)resent->passes[i]->pages_resent * state->config.page_bytes;
        double cost_s = promised_cost_of(resent->passes[i], link);

        if (cost_s > budget_s) {
            return 0;
        }
        raw *= fmin(SAME_KIND, cost_s > 0 ? budget_s / cost_s : SAME_KIND);
        double left_s = fmax(budget_s - SAME_KIND * cost_s, 0);

        least = fmin(least, raw + FULL_PRICE * left_s * plain_rate);
    }
    return resent->length > 0 ? least : 0;
}

/* How the costs change from pass to pass, at the newest end: a factor.  NAN: one pass says nothing. */
static double pace_of(const Resent *resent)
{
    unsigned last = resent->length > 0 ? resent->length - 1 : 0;

    if (last == 0 || resent->cost_s[last] <= 0) {
        return NAN;
    }
    return pow(resent->cost_s[0] / resent->cost_s[last], 1.0 / last);
}

/* The limit does not even hold what is not memory. */
static bool limit_is_too_short(const GovernorState *state)
{
    return state->config.fixed_s + state->rtt_s > state->config.downtime_limit_s + TOLERANCE_S;
}

static bool is_hopeless(const Resent *resent, double budget_s)
{
    double pace = pace_of(resent);
    double above = resent->length > 0 ? resent->cost_s[0] / budget_s : 0;

    if (isnan(pace) || above <= MISSES || resent->cost_s[1] <= MISSES * budget_s) {
        return false;
    }
    if (pace < 1 && log(above) / -log(pace) <= PATIENCE) {
        return false;
    }
    return resent->length == LOOK_BACK || above >= CLEARLY;
}

/* ---- the verdict ---- */

static void tell_too_short(GovernorVerdict *verdict, const GovernorState *state)
{
    verdict->cannot_converge = true;
    snprintf(verdict->reason, sizeof(verdict->reason),
             "device state, round trip and start at the destination take %.0f ms of every pause; the downtime limit is "
             "%.0f ms",
             (state->config.fixed_s + state->rtt_s) * 1e3, state->config.downtime_limit_s * 1e3);
}

static void tell_hopeless(GovernorVerdict *verdict, const GovernorState *state, const Resent *resent, double link)
{
    const GovernorPass *pass = resent->passes[0];
    double budget_s = usable_budget_s(state);
    double wire_s = (double)pass->resent_wire_bytes / link;
    double busy_s = pass->seconds - pass->waited_s;

    verdict->cannot_converge = true;
    if (wire_s >= busy_s * 0.5) {
        snprintf(verdict->reason, sizeof(verdict->reason),
                 "one pass dirties %.1f MiB that cost %.1f MiB on the wire; %.4g MB/s carry %.1f MiB in %.0f ms, and "
                 "passes do not get shorter",
                 (double)pass->dirty_bytes / MIB, (double)pass->resent_wire_bytes / MIB, link / 1e6,
                 link * budget_s / MIB, budget_s * 1e3);
    } else {
        snprintf(
            verdict->reason, sizeof(verdict->reason),
            "one pass sends %.1f MiB of pages again, which takes %.0f ms although they cost only %.1f MiB on the wire; "
            "%.0f ms are allowed, and passes do not get shorter",
            (double)pass->resent_stream_bytes / MIB, busy_s * 1e3, (double)pass->resent_wire_bytes / MIB, budget_s * 1e3);
    }
}

/* What was dirtied during the last pass, if the guest goes on as it did. */
static void expect(GovernorVerdict *verdict, const GovernorState *state, const Resent *resent, double link)
{
    double pace = pace_of(resent);
    double shrinks = isnan(pace) ? 1 : fmin(pace, 1);

    if (resent->length == 0) {
        return;
    }
    verdict->working_set_bytes = (double)resent->passes[0]->resent_wire_bytes * shrinks;
    double cost_s = resent->cost_s[0] * shrinks;

    if (is_resent(&state->now)) { /* the next one is at least what it is already */
        verdict->working_set_bytes = fmax(verdict->working_set_bytes, (double)state->now.resent_wire_bytes);
        cost_s = fmax(cost_s, cost_of(&state->now, link));
    }
    verdict->expected_downtime_s = fixed_s(state) + cost_s;
}

GovernorVerdict governor_judge(const GovernorState *state)
{
    GovernorVerdict verdict = {
        .downtime_limit_scale = 1, .working_set_bytes = NAN, .expected_downtime_s = NAN, .reason = ""};
    double link = link_of(state);
    double budget_s = usable_budget_s(state);

    if (!(link > 0) || !(state->config.downtime_limit_s > 0)) {
        return verdict;
    }
    Resent resent = look_back(state, link);
    double plain_rate = fmin(link, raw_rate(state, link));
    double threshold = fmax(plain_rate * budget_s, known_bytes(state, &resent, link, plain_rate));

    threshold = fmin(threshold, RATIO_MAX * link * budget_s);
    verdict.carried_bytes_per_s = plain_rate;
    verdict.switchover_bytes_per_s = threshold / state->config.downtime_limit_s;
    verdict.downtime_limit_scale = verdict.switchover_bytes_per_s / link;
    expect(&verdict, state, &resent, link);
    if (limit_is_too_short(state)) {
        tell_too_short(&verdict, state);
    } else if (is_hopeless(&resent, budget_s)) {
        tell_hopeless(&verdict, state, &resent, link);
    }
    return verdict;
}
