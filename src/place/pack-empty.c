/* SPDX-License-Identifier: Apache-2.0
 *
 * Emptying one host by moves that each have room at once; see pack-fleet.h.
 *
 * Largest unit first, each to the open host with the least room that takes it.  Where none does, one unit of some host
 * makes way for it, the one with the least MiB for which there is room elsewhere.  Only units that are at home make way,
 * so nothing moves twice.  All or nothing: what was moved goes back when one unit stays without a place. */
#include "place/pack-fleet.h"

typedef struct Undo {
    guint unit;
    guint from;
} Undo;

typedef struct Emptying {
    PackFleet *fleet;
    GArray *undo; /* Undo */
} Emptying;

static void put(Emptying *emptying, guint unit, guint host)
{
    Undo undo = {unit, pack_fleet_where(emptying->fleet, unit)};

    g_array_append_val(emptying->undo, undo);
    pack_fleet_put(emptying->fleet, unit, host);
}

static void undo_all(Emptying *emptying)
{
    for (guint i = emptying->undo->len; i-- > 0;) {
        const Undo *undo = &g_array_index(emptying->undo, Undo, i);

        pack_fleet_put(emptying->fleet, undo->unit, undo->from);
    }
}

static guint best_fit(const PackFleet *fleet, guint unit, guint except)
{
    guint best = PLACE_NOWHERE;
    double least = 0;

    for (guint h = 0; h < fleet->problem->hosts_length; h++) {
        if (fleet->is_open[h] && h != except && pack_fleet_fits(fleet, unit, h)) {
            double room = pack_fleet_room(fleet, h);

            if (best == PLACE_NOWHERE || room < least) {
                best = h;
                least = room;
            }
        }
    }
    return best;
}

/* Whether 'unit' fits on 'host' once 'other' has left it. */
static gboolean fits_without(PackFleet *fleet, guint unit, guint host, guint other)
{
    pack_fleet_put(fleet, other, PLACE_NOWHERE);
    gboolean fits = pack_fleet_fits(fleet, unit, host);
    pack_fleet_put(fleet, other, host);
    return fits;
}

/* The unit with the least MiB that can make way for 'unit', and where to; FALSE: none. */
static gboolean find_way(PackFleet *fleet, guint unit, guint *other, guint *other_to)
{
    gboolean is_found = FALSE;

    for (guint u = 0; u < fleet->units->length; u++) {
        guint host = pack_fleet_where(fleet, u);

        if (fleet->is_fixed[u] || host != fleet->home[u] || !fleet->is_open[host] ||
            (is_found && fleet->mib[u] >= fleet->mib[*other]) || !fits_without(fleet, unit, host, u)) {
            continue;
        }
        guint to = best_fit(fleet, u, host);
        if (to != PLACE_NOWHERE) {
            *other = u;
            *other_to = to;
            is_found = TRUE;
        }
    }
    return is_found;
}

static gboolean place_unit(Emptying *emptying, guint unit)
{
    guint host = best_fit(emptying->fleet, unit, PLACE_NOWHERE);
    guint other = 0;
    guint other_to = 0;

    if (host == PLACE_NOWHERE && !emptying->fleet->options->is_at_once &&
        find_way(emptying->fleet, unit, &other, &other_to)) {
        host = pack_fleet_where(emptying->fleet, other);
        put(emptying, other, other_to);
    }
    if (host != PLACE_NOWHERE) {
        put(emptying, unit, host);
    }
    return host != PLACE_NOWHERE;
}

static int compare_sizes(gconstpointer a, gconstpointer b, gpointer user)
{
    const PackFleet *fleet = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    if (fleet->mib[left] != fleet->mib[right]) {
        return fleet->mib[left] > fleet->mib[right] ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

/* VMs that came from elsewhere: they would move twice. */
static gboolean has_guests(const PackFleet *fleet, guint host)
{
    guint own = 0;

    for (guint i = fleet->home_first[host]; i < fleet->home_first[host + 1]; i++) {
        guint unit = fleet->home_unit[i];

        if (pack_fleet_where(fleet, unit) == host) {
            own += fleet->units->first[unit + 1] - fleet->units->first[unit];
        }
    }
    return fleet->state->vms_on[host] > own;
}

gboolean pack_empty(PackFleet *fleet, guint host)
{
    guint length = fleet->home_first[host + 1] - fleet->home_first[host];
    g_autofree guint *units = g_memdup2(fleet->home_unit + fleet->home_first[host], (length + 1) * sizeof(guint));
    g_autoptr(GArray) undo = g_array_new(FALSE, FALSE, sizeof(Undo));
    Emptying emptying = {fleet, undo};
    gboolean is_done = TRUE;

    if (has_guests(fleet, host)) {
        return FALSE;
    }
    g_qsort_with_data(units, (int)length, sizeof(guint), compare_sizes, fleet);
    fleet->is_open[host] = FALSE;
    for (guint i = 0; i < length && is_done; i++) {
        is_done = pack_fleet_where(fleet, units[i]) != host || place_unit(&emptying, units[i]);
    }
    if (!is_done) {
        undo_all(&emptying);
        fleet->is_open[host] = TRUE;
        return FALSE;
    }
    fleet->closed++;
    return TRUE;
}
