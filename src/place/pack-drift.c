/* SPDX-License-Identifier: Apache-2.0
 *
 * One host more emptied, when no move has room by itself; see pack-fleet.h.
 *
 * Theory of operation.  As pack-anneal.c: units of closed hosts are put on open ones wherever rules allow, and hosts
 * may be too full meanwhile; a unit goes elsewhere or two change places; what lowers the sum of what is too much is done,
 * what raises it is not.  Drift among equally full states is what finds the way, but here it has a price: every unit
 * that is not at home has to be moved.  So a step that leaves the excess as it is and has more moved by d MiB is done with
 * probability exp(-d / T), and T falls from units of mean size to nearly nothing.  Where nothing is too full any more the
 * search goes on, to bring units home, and the state with the least moved is kept.
 *
 * Rules and CPUs are never broken on the way, only room is. */
#include "place/pack-fleet.h"

#include <math.h>

#define HOT        2.0  /* the first temperature, in units of mean size */
#define COLD       0.02 /* the last one */
#define STEPS      128u
#define HOME_SHARE 64u  /* of 256 tries send a unit home */
#define SWAP_SHARE 128u /* of 256 tries exchange two units */
#define LOOK_EVERY 64u  /* tries, at whether this is the best so far */
#define TRIES      64u  /* to find any host that rules allow */
#define TINY       1e-12

typedef struct Drift {
    PackFleet *fleet;
    Rng *rng;
    guint *free_units; /* those that may move */
    guint free_length;
    guint *hosts;      /* those that may receive */
    guint hosts_length;
    guint excessive;   /* of 'hosts', too full */
    double moved_mib;
    double temperature; /* MiB */
    PackPlaces *best;
} Drift;

static gboolean takes(const PackFleet *fleet, guint host)
{
    return fleet->is_open[host] && !fleet->is_full[host];
}

static void list_free(Drift *drift)
{
    PackFleet *fleet = drift->fleet;

    drift->free_units = g_new(guint, fleet->units->length + 1);
    drift->hosts = g_new(guint, fleet->problem->hosts_length + 1);
    for (guint u = 0; u < fleet->units->length; u++) {
        gboolean must_stay = fleet->options->is_at_once && !fleet->is_fixed[u] && fleet->is_open[fleet->home[u]];

        if (!fleet->is_fixed[u] && !must_stay) {
            drift->free_units[drift->free_length++] = u;
            drift->moved_mib += pack_fleet_where(fleet, u) != fleet->home[u] ? fleet->mib[u] : 0;
        }
    }
    for (guint h = 0; h < fleet->problem->hosts_length; h++) {
        if (takes(fleet, h)) {
            drift->hosts[drift->hosts_length++] = h;
        }
    }
}

static double away_mib(const PackFleet *fleet, guint unit, guint host)
{
    return host == fleet->home[unit] ? 0 : fleet->mib[unit];
}

/* Units on hosts that were closed go to open ones, with no look at room.  FALSE: rules leave one nowhere to go. */
static gboolean crowd(Drift *drift)
{
    PackFleet *fleet = drift->fleet;

    for (guint i = 0; i < drift->free_length; i++) {
        guint unit = drift->free_units[i];
        guint host = pack_fleet_where(fleet, unit);
        guint to = host;

        for (guint k = 0; k < TRIES && !fleet->is_open[host] && to == host; k++) {
            guint any = drift->hosts[rng_below(drift->rng, drift->hosts_length)];

            to = pack_fleet_may(fleet, unit, any) ? any : host;
        }
        if (!fleet->is_open[to]) {
            return FALSE;
        }
        if (to != host) {
            drift->moved_mib += away_mib(fleet, unit, to) - away_mib(fleet, unit, host);
            pack_fleet_put(fleet, unit, to);
        }
    }
    for (guint i = 0; i < drift->hosts_length; i++) {
        drift->excessive += pack_fleet_excess(fleet, drift->hosts[i]) > 0;
    }
    return TRUE;
}

static double excess_of(const PackFleet *fleet, guint host, guint *excessive)
{
    double excess = fleet->is_full[host] ? 0 : pack_fleet_excess(fleet, host); /* such hosts only lose */

    *excessive += excess > 0;
    return excess;
}

static gboolean accepts(const Drift *drift, double more_excess, double more_mib)
{
    if (fabs(more_excess) > TINY) {
        return more_excess < 0;
    }
    return more_mib <= 0 || rng_unit(drift->rng) < exp(-more_mib / drift->temperature);
}

/* 'unit' to 'to' and, unless it is PLACE_NOWHERE, 'other' from there to where 'unit' was. */
static void try_move(Drift *drift, guint unit, guint to, guint other)
{
    PackFleet *fleet = drift->fleet;
    guint from = pack_fleet_where(fleet, unit);
    guint excessive_before = 0;
    guint excessive_after = 0;
    double mib = away_mib(fleet, unit, to) - away_mib(fleet, unit, from);
    double excess;

    if (other != PLACE_NOWHERE) {
        mib += away_mib(fleet, other, from) - away_mib(fleet, other, to);
    }
    excess = -excess_of(fleet, from, &excessive_before) - excess_of(fleet, to, &excessive_before);
    pack_fleet_put(fleet, unit, PLACE_NOWHERE);
    if (other != PLACE_NOWHERE) {
        pack_fleet_put(fleet, other, PLACE_NOWHERE);
    }
    gboolean is_allowed = pack_fleet_may(fleet, unit, to) &&
                          (other == PLACE_NOWHERE || (takes(fleet, from) && pack_fleet_may(fleet, other, from)));
    pack_fleet_put(fleet, unit, to);
    if (other != PLACE_NOWHERE) {
        pack_fleet_put(fleet, other, from);
    }
    excess += excess_of(fleet, from, &excessive_after) + excess_of(fleet, to, &excessive_after);
    if (is_allowed && accepts(drift, excess, mib)) {
        drift->excessive += excessive_after - excessive_before;
        drift->moved_mib += mib;
        return;
    }
    pack_fleet_put(fleet, unit, from);
    if (other != PLACE_NOWHERE) {
        pack_fleet_put(fleet, other, to);
    }
}

static void try_any(Drift *drift)
{
    PackFleet *fleet = drift->fleet;
    guint kind = rng_below(drift->rng, 256);
    guint unit = drift->free_units[rng_below(drift->rng, drift->free_length)];
    guint from = pack_fleet_where(fleet, unit);

    if (kind < SWAP_SHARE) {
        guint other = drift->free_units[rng_below(drift->rng, drift->free_length)];
        guint to = pack_fleet_where(fleet, other);

        if (to != from && takes(fleet, to)) {
            try_move(drift, unit, to, other);
        }
        return;
    }
    guint to = kind < SWAP_SHARE + HOME_SHARE ? fleet->home[unit]
                                              : drift->hosts[rng_below(drift->rng, drift->hosts_length)];
    if (to != from && takes(fleet, to)) {
        try_move(drift, unit, to, PLACE_NOWHERE);
    }
}

/* Only what can be carried out: VMs that would have to change places with each other are no answer. */
static void keep_best(Drift *drift)
{
    if (drift->excessive > 0 || (drift->best && drift->moved_mib >= drift->best->moved_mib - TINY)) {
        return;
    }
    PackPlaces *places = pack_places_new(drift->fleet);
    g_autoptr(GArray) order = pack_places_order(places, drift->fleet);

    if (!order) {
        pack_places_free(places);
        return;
    }
    pack_places_free(drift->best);
    drift->best = places;
}

static void search(Drift *drift, guint64 moves)
{
    double mean_mib = 0;

    for (guint i = 0; i < drift->free_length; i++) {
        mean_mib += drift->fleet->mib[drift->free_units[i]] / drift->free_length;
    }
    for (guint step = 0; step < STEPS; step++) {
        drift->temperature = mean_mib * HOT * pow(COLD / HOT, (double)step / STEPS) + TINY;
        for (guint64 i = 0; i < moves / STEPS; i++) {
            gboolean was_excessive = drift->excessive > 0;

            try_any(drift);
            if ((was_excessive && drift->excessive == 0) || i % LOOK_EVERY == 0) {
                keep_best(drift);
            }
        }
        keep_best(drift);
    }
}

gboolean pack_drift(PackFleet *fleet, Rng *rng, guint64 moves)
{
    Drift drift = {.fleet = fleet, .rng = rng};

    list_free(&drift);
    if (drift.free_length > 0 && drift.hosts_length > 0 && crowd(&drift)) {
        keep_best(&drift);
        search(&drift, moves);
    }
    if (drift.best) {
        pack_places_restore(drift.best, fleet);
    }
    gboolean is_found = drift.best != NULL;
    pack_places_free(drift.best);
    g_free(drift.free_units);
    g_free(drift.hosts);
    return is_found;
}
