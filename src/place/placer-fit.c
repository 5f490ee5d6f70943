/* SPDX-License-Identifier: Apache-2.0
 *
 * Placer `fit`: which VM goes to which destination when a host is evacuated, by memory alone.
 *
 * Large VMs first, because they fit in few places and small ones fill the gaps that are left; each to the destination
 * that keeps the largest share of its memory free, so that hosts of different size fill evenly.  Greedy: a set of VMs
 * that could be packed with much shuffling may be refused, but nothing is ever promised twice.
 *
 * A VM that fits nowhere does not end the work: the others are still placed, and all that did not fit are named.
 */
#include "place/state.h"
#include "place/place-units.h"

typedef struct Fit {
    const PlaceProblem *problem;
    PlaceUnits *units;
    PlaceState *state;
} Fit;

static int compare_units(gconstpointer a, gconstpointer b, gpointer user)
{
    const Fit *fit = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    for (int r = RESOURCE_COUNT - 1; r >= 0; r--) { /* memory first */
        double difference = place_unit_size(fit->units, fit->problem, left, (Resource)r, FALSE) -
                            place_unit_size(fit->units, fit->problem, right, (Resource)r, FALSE);

        if (difference != 0) {
            return difference > 0 ? -1 : 1;
        }
    }
    return left < right ? -1 : left > right;
}

/* Of the memory of 'host' what would be free with 'unit' on it, in 0..1. */
static double share_left(const Fit *fit, guint unit, guint host)
{
    const PlaceHost *there = &fit->problem->hosts[host];
    double left_mib = there->reservable[RESOURCE_MEMORY] - fit->state->reserved[host][RESOURCE_MEMORY] -
                      place_unit_size(fit->units, fit->problem, unit, RESOURCE_MEMORY, FALSE);

    return left_mib / there->capacity[RESOURCE_MEMORY];
}

static gboolean unit_fits(const Fit *fit, guint unit, guint host)
{
    const guint *vms = fit->units->vms + fit->units->first[unit];
    guint length = fit->units->first[unit + 1] - fit->units->first[unit];

    for (guint i = 0; i < length; i++) {
        if (fit->problem->vms[vms[i]].host == host || fit->problem->vms[vms[i]].is_pinned) {
            return FALSE;
        }
    }
    return place_state_fits_all(fit->state, vms, length, host);
}

static guint find_roomiest(const Fit *fit, guint unit)
{
    guint best = PLACE_NOWHERE;
    double best_share = -1;

    for (guint h = 0; h < fit->problem->hosts_length; h++) {
        if (unit_fits(fit, unit, h) && share_left(fit, unit, h) > best_share) {
            best = h;
            best_share = share_left(fit, unit, h);
        }
    }
    return best;
}

static void place_unit(const Fit *fit, guint unit, guint group, PlaceResult *result)
{
    guint host = find_roomiest(fit, unit);
    double share = host == PLACE_NOWHERE ? 0 : share_left(fit, unit, host);

    for (guint i = fit->units->first[unit]; host != PLACE_NOWHERE && i < fit->units->first[unit + 1]; i++) {
        place_state_move(fit->state, fit->units->vms[i], host);
        place_result_add_move(result, fit->problem, fit->units->vms[i], host, group, 0,
                              g_strdup_printf("%s keeps the largest share of its memory free, %.0f %%",
                                              fit->problem->hosts[host].name, 100 * share));
    }
}

static gboolean fit_place(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                          PlaceResult *result, GError **error)
{
    g_autoptr(PlaceState) state = place_state_new(problem, options);
    g_autoptr(PlaceUnits) units = place_units_new(problem, task->movers, task->movers_length);
    g_autofree guint *order = g_new(guint, units->length + 1);
    Fit fit = {problem, units, state};

    for (guint u = 0; u < units->length; u++) {
        order[u] = u;
    }
    g_qsort_with_data(order, (int)units->length, sizeof *order, compare_units, &fit);
    for (guint u = 0; u < units->length; u++) {
        place_unit(&fit, order[u], u, result);
    }
    return TRUE;
}

const Grouping PLACER_FIT = {
    .name = "fit",
    .summary = "largest VM first, to the host that keeps the largest share of its memory free",
    .tasks = 1u << PLACE_EVACUATE,
    .place = fit_place,
};
