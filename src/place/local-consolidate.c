/* SPDX-License-Identifier: Apache-2.0
 *
 * Local search that empties hosts.
 *
 * Theory of operation.  Every step is a trial: moves are written to a log, and a trial that does not reach its goal is
 * undone from there.
 *
 *     empty-host   all units of a host, largest first, each to where it fits most tightly among the hosts that are on;
 *                  one that fits nowhere may take the place of a smaller one that fits elsewhere (swap)
 *     leap         all units of the n hosts with the least on them at once, for the largest n that works: small
 *                  pieces that went first would take the gaps that large ones need
 *     pass         empty-host for every host, until a pass empties none; at first without swaps
 *     kick         a few units anywhere, then empty-host for one of those with the least on them; kept when it is empty
 *     polish       units that moved go home when their home stays on, or to where they cost less
 *
 * Hosts with a base load or a pinned VM would stay on and are only filled.  A host that is off is never switched on.
 * The work is limited by counting fit tests. */
#include "place/local-consolidate.h"

#include <math.h>

#include "base/rng.h"

static const struct {
    guint64 tests;    /* at effort 100 */
    guint kicked_min; /* units */
    guint kicked_max;
    guint least_loaded; /* a kick tries one of so many hosts, by what is on them */
    guint roomiest;     /* hosts that a swap looks at */
} PACKER = {5000000, 2, 5, 6, 12};

typedef struct Step {
    guint unit;
    guint from;
} Step;

typedef struct Packer {
    Rival *rival;
    Rng rng;
    guint64 tests_left;
    GArray *log;          /* Step since the last solution that was kept */
    guint *first_on;      /* [hosts] the units that are there now, as a list; PLACE_NOWHERE ends it */
    guint *next_on;       /* [units] */
    guint *previous_on;   /* [units] */
    gboolean *may_be_off; /* [hosts] */
    gboolean *is_closed;  /* [hosts] nobody goes there for now */
} Packer;

static void unlink_unit(Packer *packer, guint unit, guint host)
{
    guint next = packer->next_on[unit];
    guint previous = packer->previous_on[unit];

    if (previous == PLACE_NOWHERE) {
        packer->first_on[host] = next;
    } else {
        packer->next_on[previous] = next;
    }
    if (next != PLACE_NOWHERE) {
        packer->previous_on[next] = previous;
    }
}

static void link_unit(Packer *packer, guint unit, guint host)
{
    guint next = packer->first_on[host];

    packer->next_on[unit] = next;
    packer->previous_on[unit] = PLACE_NOWHERE;
    if (next != PLACE_NOWHERE) {
        packer->previous_on[next] = unit;
    }
    packer->first_on[host] = unit;
}

static void put(Packer *packer, guint unit, guint host)
{
    unlink_unit(packer, unit, rival_where(packer->rival, unit));
    rival_put(packer->rival, unit, host);
    link_unit(packer, unit, host);
}

static void do_step(Packer *packer, guint unit, guint host)
{
    Step step = {unit, rival_where(packer->rival, unit)};

    put(packer, unit, host);
    g_array_append_val(packer->log, step);
}

static void undo_to(Packer *packer, guint length)
{
    while (packer->log->len > length) {
        Step step = g_array_index(packer->log, Step, packer->log->len - 1);

        put(packer, step.unit, step.from);
        g_array_set_size(packer->log, packer->log->len - 1);
    }
}

static void packer_init(Packer *packer, Rival *rival)
{
    const PlaceProblem *problem = rival->problem;

    *packer = (Packer){.rival = rival, .tests_left = PACKER.tests * rival->options->effort / 100};
    packer->rng = rng_stream(rival->options->seed, 4);
    packer->log = g_array_new(FALSE, FALSE, sizeof(Step));
    packer->first_on = g_new(guint, problem->hosts_length + 1);
    packer->next_on = g_new(guint, rival->units->length + 1);
    packer->previous_on = g_new(guint, rival->units->length + 1);
    packer->may_be_off = g_new0(gboolean, problem->hosts_length + 1);
    packer->is_closed = g_new0(gboolean, problem->hosts_length + 1);
    for (guint h = 0; h < problem->hosts_length; h++) {
        packer->first_on[h] = PLACE_NOWHERE;
        packer->may_be_off[h] = rival_can_be_emptied(rival, h);
    }
    for (guint u = 0; u < rival->units->length; u++) {
        link_unit(packer, u, rival->units->home[u]);
    }
}

static void packer_clear(Packer *packer)
{
    g_array_unref(packer->log);
    g_free(packer->first_on);
    g_free(packer->next_on);
    g_free(packer->previous_on);
    g_free(packer->may_be_off);
    g_free(packer->is_closed);
}

static gboolean fits(Packer *packer, guint unit, guint host)
{
    packer->tests_left -= MIN(packer->tests_left, 1);
    return rival_fits(packer->rival, unit, host);
}

/* What would be left of the fullest resource of 'host' with 'unit' there. */
static double rest_with(const Rival *rival, guint unit, guint host)
{
    double fullest = 0;

    for (guint r = 0; r < RESOURCE_COUNT; r++) {
        double demand = rival->state->demand[host][r] + rival->unit_demand[RESOURCE_COUNT * unit + r];

        fullest = MAX(fullest, demand / rival->problem->hosts[host].capacity[r]);
    }
    return rival->options->safe_high - fullest;
}

/* The host that is on where 'unit' fits most tightly, other than 'avoid' and where it is; PLACE_NOWHERE: none. */
static guint tightest(Packer *packer, guint unit, guint avoid)
{
    const Rival *rival = packer->rival;
    guint here = rival_where(rival, unit);
    guint best = PLACE_NOWHERE;
    double least = INFINITY;

    for (guint i = 0; i < rival->destinations_length; i++) {
        guint host = rival->destinations[i];
        double rest;

        if (host == avoid || host == here || packer->is_closed[host] || rival_is_off(rival, host)) {
            continue;
        }
        rest = rest_with(rival, unit, host);
        if (rest > -1e-9 && rest < least && fits(packer, unit, host)) {
            least = rest;
            best = host;
        }
    }
    return best;
}

/* Fills 'hosts' with destinations that are on, those with the most room first. */
static guint roomiest(const Packer *packer, guint avoid, guint *hosts)
{
    const Rival *rival = packer->rival;
    double rests[16];
    guint length = 0;

    g_assert(PACKER.roomiest <= G_N_ELEMENTS(rests));
    for (guint i = 0; i < rival->destinations_length; i++) {
        guint host = rival->destinations[i];
        double rest = rival->options->safe_high - place_state_highest(rival->state, host);
        guint at = length;

        if (host == avoid || rival_is_off(rival, host)) {
            continue;
        }
        if (length == PACKER.roomiest) {
            if (rest <= rests[length - 1]) {
                continue;
            }
            at--;
        }
        for (; at > 0 && rests[at - 1] < rest; at--) {
            rests[at] = rests[at - 1];
            hosts[at] = hosts[at - 1];
        }
        rests[at] = rest;
        hosts[at] = host;
        length = MIN(length + 1, PACKER.roomiest);
    }
    return length;
}

/* 'unit' takes the place of 'other' on its host, which goes elsewhere; FALSE: nothing was changed. */
static gboolean replace(Packer *packer, guint unit, guint other, guint avoid)
{
    Rival *rival = packer->rival;
    guint host = rival_where(rival, other);
    guint elsewhere;
    gboolean is_enough;

    if (rival_size(rival, other) >= rival_size(rival, unit)) {
        return FALSE;
    }
    rival_put(rival, other, PLACE_NOWHERE);
    is_enough = fits(packer, unit, host);
    rival_put(rival, other, host);
    elsewhere = is_enough ? tightest(packer, other, avoid) : PLACE_NOWHERE;
    if (elsewhere == PLACE_NOWHERE) {
        return FALSE;
    }
    do_step(packer, other, elsewhere);
    if (fits(packer, unit, host)) { /* a rule may have changed its mind */
        do_step(packer, unit, host);
        return TRUE;
    }
    undo_to(packer, packer->log->len - 1);
    return FALSE;
}

static gboolean place_by_swap(Packer *packer, guint unit, guint avoid)
{
    guint hosts[16];
    guint length = roomiest(packer, avoid, hosts);

    for (guint i = 0; i < length && packer->tests_left > 0; i++) {
        for (guint other = packer->first_on[hosts[i]]; other != PLACE_NOWHERE; other = packer->next_on[other]) {
            if (replace(packer, unit, other, avoid)) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static gboolean empty_host(Packer *packer, guint host, gboolean may_swap)
{
    g_autoptr(GArray) units = g_array_new(FALSE, FALSE, sizeof(guint));
    guint before = packer->log->len;

    for (guint unit = packer->first_on[host]; unit != PLACE_NOWHERE; unit = packer->next_on[unit]) {
        g_array_append_val(units, unit);
    }
    g_array_sort_with_data(units, rival_compare_sizes, packer->rival);
    for (guint i = 0; i < units->len; i++) {
        guint unit = g_array_index(units, guint, i);
        guint there = tightest(packer, unit, host);

        if (there != PLACE_NOWHERE) {
            do_step(packer, unit, there);
        } else if (!may_swap || !place_by_swap(packer, unit, host)) {
            undo_to(packer, before);
            return FALSE;
        }
    }
    return TRUE;
}

typedef struct Laden {
    guint host;
    double size; /* of all its units */
} Laden;

static int compare_laden(gconstpointer a, gconstpointer b)
{
    const Laden *left = a;
    const Laden *right = b;

    if (left->size != right->size) {
        return left->size < right->size ? -1 : 1;
    }
    return left->host < right->host ? -1 : left->host > right->host;
}

/* Hosts that are on and could be off, those with the least on them first: not the least utilised, which may be large.
 */
static GArray *hosts_to_empty(const Packer *packer)
{
    const Rival *rival = packer->rival;
    GArray *hosts = g_array_new(FALSE, FALSE, sizeof(Laden));

    for (guint h = 0; h < rival->problem->hosts_length; h++) {
        Laden row = {h, 0};

        for (guint u = packer->first_on[h]; u != PLACE_NOWHERE; u = packer->next_on[u]) {
            row.size += rival_size(rival, u);
        }
        if (packer->may_be_off[h] && packer->first_on[h] != PLACE_NOWHERE) {
            g_array_append_val(hosts, row);
        }
    }
    g_array_sort(hosts, compare_laden);
    return hosts;
}

/* All units of the first 'length' hosts at once, largest first, each to the tightest of the other hosts. */
static gboolean empty_many(Packer *packer, const GArray *hosts, guint length)
{
    Rival *rival = packer->rival;
    g_autoptr(GArray) units = g_array_new(FALSE, FALSE, sizeof(guint));
    guint before = packer->log->len;

    for (guint i = 0; i < length; i++) {
        guint host = g_array_index(hosts, Laden, i).host;

        packer->is_closed[host] = TRUE;
        for (guint unit = packer->first_on[host]; unit != PLACE_NOWHERE; unit = packer->next_on[unit]) {
            g_array_append_val(units, unit);
        }
    }
    g_array_sort_with_data(units, rival_compare_sizes, rival);
    for (guint i = 0; i < units->len; i++) {
        guint unit = g_array_index(units, guint, i);
        guint there = tightest(packer, unit, PLACE_NOWHERE);

        if (there == PLACE_NOWHERE) {
            undo_to(packer, before);
            break;
        }
        do_step(packer, unit, there);
    }
    for (guint i = 0; i < length; i++) {
        packer->is_closed[g_array_index(hosts, Laden, i).host] = FALSE;
    }
    return units->len == 0 || packer->log->len > before;
}

/* As many of the hosts as it can at once, by bisection. */
static void leap(Packer *packer)
{
    g_autoptr(GArray) hosts = hosts_to_empty(packer);
    guint low = 0;
    guint high = hosts->len;

    while (low < high) {
        guint middle = low + (high - low + 1) / 2;

        if (empty_many(packer, hosts, middle)) {
            low = middle;
            undo_to(packer, 0);
        } else {
            high = middle - 1;
        }
    }
    empty_many(packer, hosts, low);
    g_array_set_size(packer->log, 0);
}

static gboolean pass(Packer *packer, gboolean may_swap)
{
    g_autoptr(GArray) hosts = hosts_to_empty(packer);
    gboolean is_any = FALSE;

    for (guint i = 0; i < hosts->len && packer->tests_left > 0; i++) {
        is_any |= empty_host(packer, g_array_index(hosts, Laden, i).host, may_swap);
    }
    g_array_set_size(packer->log, 0);
    return is_any;
}

static void kick_units(Packer *packer)
{
    const Rival *rival = packer->rival;
    guint kicks = PACKER.kicked_min + rng_below(&packer->rng, PACKER.kicked_max - PACKER.kicked_min + 1);

    for (guint k = 0; k < kicks; k++) {
        guint unit = rng_below(&packer->rng, rival->units->length);
        guint host = rival->destinations[rng_below(&packer->rng, rival->destinations_length)];

        if (host != rival_where(rival, unit) && !rival_is_off(rival, host) && fits(packer, unit, host)) {
            do_step(packer, unit, host);
        }
    }
}

static void iterate(Packer *packer)
{
    while (packer->tests_left > 0) {
        g_autoptr(GArray) hosts = hosts_to_empty(packer);
        guint choices = MIN(hosts->len, PACKER.least_loaded);
        guint host;

        if (choices < 2) {
            return;
        }
        host = g_array_index(hosts, Laden, rng_below(&packer->rng, choices)).host;
        kick_units(packer);
        packer->tests_left -= MIN(packer->tests_left, hosts->len);
        if (!empty_host(packer, host, TRUE)) {
            undo_to(packer, 0);
        }
        g_array_set_size(packer->log, 0);
    }
}

/* Home, or where it costs less among all hosts that are on. */
static void polish_unit(Packer *packer, guint unit)
{
    Rival *rival = packer->rival;
    guint here = rival_where(rival, unit);
    guint home = rival->units->home[unit];
    guint best = PLACE_NOWHERE;
    double best_change = -1e-9;

    if (!rival_is_off(rival, home) && rival_fits(rival, unit, home)) {
        put(packer, unit, home);
        return;
    }
    for (guint i = 0; i < rival->destinations_length && rival->fitness->has_traffic; i++) {
        guint host = rival->destinations[i];

        if (host != here && !rival_is_off(rival, host) && rival_fits(rival, unit, host)) {
            double change = rival_change(rival, unit, host);

            if (change < best_change) {
                best_change = change;
                best = host;
            }
        }
    }
    if (best != PLACE_NOWHERE) {
        put(packer, unit, best);
    }
}

static void polish(Packer *packer)
{
    const Rival *rival = packer->rival;

    for (guint round = 0; round < 2; round++) {
        for (guint u = 0; u < rival->units->length; u++) {
            if (rival_where(rival, u) != rival->units->home[u]) {
                polish_unit(packer, u);
            }
        }
    }
}

void local_consolidate(Rival *rival)
{
    Packer packer;

    packer_init(&packer, rival);
    if (rival->units->length > 0 && rival->destinations_length > 0) {
        leap(&packer);
        while (packer.tests_left > 0 && pass(&packer, FALSE)) {
        }
        while (packer.tests_left > 0 && pass(&packer, TRUE)) {
        }
        iterate(&packer);
        polish(&packer);
    }
    packer_clear(&packer);
}
