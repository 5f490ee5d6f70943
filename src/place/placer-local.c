/* SPDX-License-Identifier: Apache-2.0
 *
 * Local search: relocate, swap and empty-host moves on the integrated objective, iterated.
 *
 * Theory of operation of RELIEVE and EVACUATE (local-consolidate.c has the other task).  A solution says for every unit
 * of a source where it is: at home, or on a destination of its short list (candidates.h).  Its value is the integrated
 * cost plus what is still wrong with the sources (rival_penalty), which is worth more than any cost; kept up to date
 * move by move, never reckoned from nothing.
 *
 *     begin      who leaves by least migration time, each to where it costs least
 *     descend    a queue of units: for each its relocations, its swaps with others of its host, and gathering it and
 *                those it talks to on one destination; the first that improves is done at once ("early accept") and
 *                those it touched join the queue
 *     kick       a few units of one or two sources are put anywhere, or all of them home, then descend from them; if
 *                the value is not lower than before the kick all is put back
 *
 * The work is limited by counting tries, not by time, so that the answer is the same everywhere. */
#include "place/candidates.h"
#include "place/local-consolidate.h"
#include "place/overload.h"

#include "base/rng.h"

static const struct {
    guint tries_per_source; /* at effort 100 */
    guint tries_min;
    guint tries_max;
    guint kicked_min; /* units of a source put elsewhere at once */
    guint kicked_max;
    guint restart; /* one kick of so many brings all home instead */
    guint swaps;   /* partners that one unit looks at */
    guint samples; /* roomy hosts that a group looks at */
} LOCAL = {50000, 100000, 6000000, 2, 4, 4, 24, 24};

#define TINY      1e-9 /* an improvement is more than this */
#define GROUP_MAX 8    /* units that are gathered on one host */

typedef struct Local {
    Rival *rival;
    Candidates *candidates;
    Rng rng;
    double value;
    guint64 tries_left;
    guint *queue; /* [units] ring */
    guint queue_first;
    guint queue_length;
    gboolean *is_queued;
    guint *kept; /* [units] where those of kicked sources were before */
} Local;

static void local_init(Local *local, Rival *rival)
{
    guint64 tries = CLAMP((guint64)LOCAL.tries_per_source * rival->sources_length, LOCAL.tries_min, LOCAL.tries_max);

    *local = (Local){.rival = rival, .tries_left = MAX(tries * rival->options->effort / 100, 1)};
    local->rng = rng_stream(rival->options->seed, 3);
    local->candidates = candidates_new(rival);
    local->queue = g_new(guint, rival->units->length + 1);
    local->is_queued = g_new0(gboolean, rival->units->length + 1);
    local->kept = g_new(guint, rival->units->length + 1);
}

static void local_clear(Local *local)
{
    candidates_free(local->candidates);
    g_free(local->queue);
    g_free(local->is_queued);
    g_free(local->kept);
}

static void enqueue(Local *local, guint unit)
{
    if (!local->is_queued[unit]) {
        local->queue[(local->queue_first + local->queue_length++) % local->rival->units->length] = unit;
        local->is_queued[unit] = TRUE;
    }
}

static guint dequeue(Local *local)
{
    guint unit = local->queue[local->queue_first];

    local->queue_first = (local->queue_first + 1) % local->rival->units->length;
    local->queue_length--;
    local->is_queued[unit] = FALSE;
    return unit;
}

/* What is wrong with the home of 'unit' now, or with its being there. */
static double penalty_of(const Local *local, guint unit)
{
    Rival *rival = local->rival;

    if (rival->task->kind == PLACE_RELIEVE) {
        return rival_penalty(rival, rival->units->home[unit], TRUE);
    }
    return rival_where(rival, unit) == rival->units->home[unit] ? RIVAL_ABOVE : 0;
}

/* May 'unit' be on 'host' as things are?  It is nowhere, or elsewhere. */
static gboolean may_be(const Local *local, guint unit, guint host)
{
    return host == local->rival->units->home[unit] || rival_fits(local->rival, unit, host);
}

/* Moves 'unit' if that lowers the value, or in any case when 'is_forced'. */
static gboolean try_relocate(Local *local, guint unit, guint host, gboolean is_forced)
{
    Rival *rival = local->rival;
    guint here = rival_where(rival, unit);
    guint home = rival->units->home[unit];
    double change;

    if (host == here || !may_be(local, unit, host)) {
        return FALSE;
    }
    local->tries_left -= MIN(local->tries_left, 1);
    change = here == home || host == home ? -penalty_of(local, unit) : 0;
    change += rival_shift(rival, unit, host);
    change += here == home || host == home ? penalty_of(local, unit) : 0;
    if (change < -TINY || is_forced) {
        local->value += change;
        return TRUE;
    }
    rival_put(rival, unit, here);
    return FALSE;
}

/* Whether two units of one source change places: each goes where the other is. */
static gboolean try_swap(Local *local, guint a, guint b)
{
    Rival *rival = local->rival;
    guint here_a = rival_where(rival, a);
    guint here_b = rival_where(rival, b);
    double change;
    gboolean is_possible;

    if (here_a == here_b) {
        return FALSE;
    }
    local->tries_left -= MIN(local->tries_left, 1);
    change = -penalty_of(local, a) - (rival->task->kind == PLACE_RELIEVE ? 0 : penalty_of(local, b));
    change += rival_shift(rival, a, PLACE_NOWHERE);
    is_possible = may_be(local, b, here_a);
    if (is_possible) {
        change += rival_shift(rival, b, here_a);
        is_possible = may_be(local, a, here_b);
    }
    if (is_possible) {
        change += rival_shift(rival, a, here_b) + penalty_of(local, a);
        change += rival->task->kind == PLACE_RELIEVE ? 0 : penalty_of(local, b);
        if (change < -TINY) {
            local->value += change;
            return TRUE;
        }
    }
    rival_put(rival, a, here_a);
    rival_put(rival, b, here_b);
    return FALSE;
}

static gboolean improve_by_relocating(Local *local, guint unit)
{
    const guint *hosts = local->candidates->host + (gsize)CANDIDATES_MAX * unit;

    if (try_relocate(local, unit, local->rival->units->home[unit], FALSE)) {
        return TRUE;
    }
    for (guint c = 0; c < local->candidates->length[unit]; c++) {
        if (try_relocate(local, unit, hosts[c], FALSE)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* With every other unit of its host, or from a random one on when there are many. */
static gboolean improve_by_swapping(Local *local, guint unit)
{
    const Rival *rival = local->rival;
    guint home = rival->units->home[unit];
    guint first = rival->unit_first[home];
    guint length = rival->unit_first[home + 1] - first;
    guint offset = length > LOCAL.swaps ? rng_below(&local->rng, length) : 0;

    for (guint i = 0; i < MIN(length, LOCAL.swaps); i++) {
        guint other = rival->unit_at[first + (offset + i) % length];

        if (other != unit && try_swap(local, unit, other)) {
            enqueue(local, other);
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean is_member(const guint *members, guint length, guint unit)
{
    for (guint i = 0; i < length; i++) {
        if (members[i] == unit) {
            return TRUE;
        }
    }
    return FALSE;
}

/* 'unit' and those of its host that it talks to and that are away, too; how many. */
static guint gather(const Local *local, guint unit, guint *members)
{
    const Rival *rival = local->rival;
    const Traffic *traffic = rival->problem->traffic;
    guint vm = rival->units->vm[rival->units->first[unit]];
    guint home = rival->units->home[unit];
    guint length = 1;

    members[0] = unit;
    for (guint e = traffic->first[vm]; e < traffic->first[vm + 1] && length < GROUP_MAX; e++) {
        guint peer = rival->units->unit_of[traffic->peer[e]];

        if (peer != PLACE_NOWHERE && rival->units->home[peer] == home &&
            rival_where(rival, peer) != home && !is_member(members, length, peer)) {
            members[length++] = peer;
        }
    }
    return length;
}

/* Moves all of 'members' to 'host' if that lowers the value.  'before' is where they are. */
static gboolean try_group(Local *local, const guint *members, guint length, guint host)
{
    Rival *rival = local->rival;
    guint before[GROUP_MAX];
    double change = 0;
    guint placed = 0;

    local->tries_left -= MIN(local->tries_left, length);
    change -= penalty_of(local, members[0]); /* of the others it does not change: they are away, and stay so */
    for (guint i = 0; i < length; i++) {
        before[i] = rival_where(rival, members[i]);
        change += rival_shift(rival, members[i], PLACE_NOWHERE);
    }
    while (placed < length && rival_fits(rival, members[placed], host)) {
        change += rival_shift(rival, members[placed++], host);
    }
    if (placed == length && change + penalty_of(local, members[0]) < -TINY) {
        local->value += change + penalty_of(local, members[0]);
        return TRUE;
    }
    for (guint i = 0; i < length; i++) {
        rival_put(rival, members[i], before[i]);
    }
    return FALSE;
}

static gboolean improve_by_gathering(Local *local, guint unit)
{
    const guint *hosts = local->candidates->host + (gsize)CANDIDATES_MAX * unit;
    guint members[GROUP_MAX];
    guint length = local->rival->fitness->has_traffic ? gather(local, unit, members) : 1;

    for (guint c = 0; length > 1 && c < local->candidates->length[unit]; c++) {
        if (try_group(local, members, length, hosts[c])) {
            return TRUE;
        }
    }
    for (guint i = 0; length > 1 && i < LOCAL.samples; i++) { /* the lists are made for one: a group needs more room */
        guint roomy = (local->rival->destinations_length + 1) / 2;
        guint sample = local->rival->destinations_length - 1 - rng_below(&local->rng, roomy);

        if (try_group(local, members, length, local->rival->destinations[sample])) {
            return TRUE;
        }
    }
    return FALSE;
}

static void descend(Local *local)
{
    while (local->queue_length > 0) {
        guint unit = dequeue(local);

        if (local->tries_left > 0 && (improve_by_relocating(local, unit) || improve_by_swapping(local, unit) ||
                                      improve_by_gathering(local, unit))) {
            const Rival *rival = local->rival;
            guint home = rival->units->home[unit];
            guint length = rival->unit_first[home + 1] - rival->unit_first[home];

            for (guint i = 0; i < MIN(length, LOCAL.swaps); i++) { /* what was good for them may not be any more */
                enqueue(local, rival->unit_at[rival->unit_first[home] + i]);
            }
            enqueue(local, unit);
        }
    }
}

static double value_from_nothing(const Local *local)
{
    Rival *rival = local->rival;
    double value = fitness_total(rival->fitness);

    for (guint s = 0; s < rival->sources_length && rival->task->kind == PLACE_RELIEVE; s++) {
        value += rival_penalty(rival, rival->sources[s], TRUE);
    }
    for (guint u = 0; u < rival->units->length && rival->task->kind == PLACE_EVACUATE; u++) {
        value += penalty_of(local, u);
    }
    return value;
}

static void begin(Local *local)
{
    Rival *rival = local->rival;
    g_autoptr(GArray) leaving = overload_leaving(rival);

    for (guint i = 0; i < leaving->len; i++) {
        guint unit = g_array_index(leaving, guint, i);
        guint host = rival_cheapest(rival, unit);

        rival_put(rival, unit, host != PLACE_NOWHERE ? host : rival->units->home[unit]);
    }
    for (guint u = 0; u < rival->units->length; u++) {
        g_clear_pointer(&rival->notes[u], g_free); /* they leave for other reasons in the end */
        enqueue(local, u);
    }
    local->value = value_from_nothing(local);
    descend(local);
}

/* Puts one unit of 'source' somewhere else. */
static void kick_one(Local *local, guint source)
{
    const Rival *rival = local->rival;
    guint length = rival->unit_first[source + 1] - rival->unit_first[source];
    guint unit = rival->unit_at[rival->unit_first[source] + rng_below(&local->rng, length)];
    guint choice = rng_below(&local->rng, local->candidates->length[unit] + 1);
    guint host = choice == local->candidates->length[unit]
                     ? rival->units->home[unit]
                     : local->candidates->host[(gsize)CANDIDATES_MAX * unit + choice];

    if (try_relocate(local, unit, host, TRUE)) {
        enqueue(local, unit);
    }
}

/* All of 'source' home again, or a few units anywhere. */
static void kick_source(Local *local, guint source)
{
    const Rival *rival = local->rival;
    guint first = rival->unit_first[source];
    guint length = rival->unit_first[source + 1] - first;
    guint kicks = LOCAL.kicked_min + rng_below(&local->rng, LOCAL.kicked_max - LOCAL.kicked_min + 1);

    if (rng_below(&local->rng, LOCAL.restart) == 0) {
        for (guint i = 0; i < length; i++) {
            try_relocate(local, rival->unit_at[first + i], source, TRUE);
            enqueue(local, rival->unit_at[first + i]);
        }
        return;
    }
    for (guint i = 0; i < kicks; i++) {
        kick_one(local, source);
    }
}

static void keep_source(Local *local, guint source)
{
    const Rival *rival = local->rival;

    for (guint i = rival->unit_first[source]; i < rival->unit_first[source + 1]; i++) {
        local->kept[rival->unit_at[i]] = rival_where(rival, rival->unit_at[i]);
    }
}

static void restore_source(Local *local, guint source)
{
    Rival *rival = local->rival;

    for (guint i = rival->unit_first[source]; i < rival->unit_first[source + 1]; i++) {
        rival_put(rival, rival->unit_at[i], local->kept[rival->unit_at[i]]);
    }
}

/* One source, and another one every second time: they may stand in each other's way. */
static void kick(Local *local, guint source)
{
    guint other = local->rival->sources[rng_below(&local->rng, local->rival->sources_length)];
    double value = local->value;
    gboolean is_pair = other != source && rng_below(&local->rng, 2);

    keep_source(local, source);
    if (is_pair) {
        keep_source(local, other);
        kick_source(local, other);
    }
    kick_source(local, source);
    local->tries_left -= MIN(local->tries_left, 1); /* a kick that moved nothing was a try too */
    descend(local);
    if (local->value < value - TINY) {
        return;
    }
    restore_source(local, source);
    if (is_pair) {
        restore_source(local, other);
    }
    local->value = value;
}

static void search(Rival *rival)
{
    Local local;

    local_init(&local, rival);
    begin(&local);
    for (guint s = 0; local.tries_left > 0; s++) {
        kick(&local, rival->sources[s % rival->sources_length]);
    }
    local_clear(&local);
}

static gboolean place_local(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                            PlaceResult *result, GError **error)
{
    g_autoptr(Rival) rival = rival_new(problem, task, options);

    if (task->kind == PLACE_CONSOLIDATE) {
        local_consolidate(rival);
    } else if (rival->units->length > 0) {
        search(rival);
    }
    rival_finish(rival, result);
    return TRUE;
}

const Grouping PLACER_LOCAL = {
    .name = "local-search",
    .summary = "iterated local search on the integrated cost: relocate, swap, empty a host",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE | 1 << PLACE_CONSOLIDATE,
    .place = place_local,
};
