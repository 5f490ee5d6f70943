/* SPDX-License-Identifier: Apache-2.0
 *
 * A fleet of units while it is packed; see pack-fleet.h. */
#include "place/pack-fleet.h"

#include <string.h>

static void describe_unit(PackFleet *fleet, guint unit)
{
    const PlaceProblem *problem = fleet->problem;
    guint first = fleet->units->first[unit];

    fleet->home[unit] = problem->vms[fleet->units->vms[first]].host;
    for (guint i = first; i < fleet->units->first[unit + 1]; i++) {
        const PlaceVm *vm = &problem->vms[fleet->units->vms[i]];

        fleet->mib[unit] += vm->memory_mib;
        fleet->is_fixed[unit] = fleet->is_fixed[unit] || vm->is_pinned;
        if (fleet->home[unit] != vm->host) {
            fleet->home[unit] = PLACE_NOWHERE;
        }
    }
    fleet->is_fixed[unit] = fleet->is_fixed[unit] || fleet->home[unit] == PLACE_NOWHERE;
}

static void sort_units_by_home(PackFleet *fleet)
{
    g_autofree guint *filled = g_new0(guint, fleet->problem->hosts_length + 1);

    fleet->home_first = g_new0(guint, fleet->problem->hosts_length + 2);
    fleet->home_unit = g_new(guint, fleet->units->length + 1);
    for (guint u = 0; u < fleet->units->length; u++) {
        if (fleet->home[u] != PLACE_NOWHERE) {
            fleet->home_first[fleet->home[u] + 1]++;
        }
    }
    for (guint h = 0; h < fleet->problem->hosts_length; h++) {
        fleet->home_first[h + 1] += fleet->home_first[h];
    }
    for (guint u = 0; u < fleet->units->length; u++) {
        if (fleet->home[u] != PLACE_NOWHERE) {
            fleet->home_unit[fleet->home_first[fleet->home[u]] + filled[fleet->home[u]]++] = u;
        }
    }
}

/* As place_state_fits judges, with its slack for sums of doubles. */
static double above(double value, double limit)
{
    return value > limit + 1e-9 * MAX(1, limit) ? value - limit : 0;
}

double pack_fleet_excess(const PackFleet *fleet, guint host)
{
    const PlaceHost *row = &fleet->problem->hosts[host];
    double excess = 0;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        excess += above(fleet->state->demand[host][r], row->capacity[r] * fleet->options->safe_high) / row->capacity[r];
        excess += above(fleet->state->reserved[host][r], row->reservable[r]) / row->capacity[r];
    }
    return excess;
}

/* A VM that is pinned, or bound to one elsewhere, keeps its host on. */
static void describe_hosts(PackFleet *fleet)
{
    const PlaceProblem *problem = fleet->problem;

    for (guint h = 0; h < problem->hosts_length; h++) {
        fleet->is_open[h] = fleet->can_be_emptied[h] = fleet->state->vms_on[h] > 0;
        fleet->is_full[h] = pack_fleet_excess(fleet, h) > 0;
    }
    for (guint u = 0; u < fleet->units->length; u++) {
        for (guint i = fleet->units->first[u]; i < fleet->units->first[u + 1]; i++) {
            guint host = problem->vms[fleet->units->vms[i]].host;

            fleet->can_be_emptied[host] = fleet->can_be_emptied[host] && !fleet->is_fixed[u];
            fleet->leave_mib[host] += problem->vms[fleet->units->vms[i]].memory_mib;
        }
    }
}

static int compare_costs(gconstpointer a, gconstpointer b, gpointer user)
{
    const PackFleet *fleet = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    if (fleet->leave_mib[left] != fleet->leave_mib[right]) {
        return fleet->leave_mib[left] < fleet->leave_mib[right] ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

PackFleet *pack_fleet_new(const PlaceProblem *problem, const PlaceOptions *options)
{
    PackFleet *fleet = g_new0(PackFleet, 1);
    g_autofree guint *all = g_new(guint, problem->vms_length + 1);

    for (guint v = 0; v < problem->vms_length; v++) {
        all[v] = v;
    }
    *fleet = (PackFleet){.problem = problem,
                         .options = options,
                         .units = place_units_new(problem, all, problem->vms_length),
                         .state = place_state_new(problem, options)};
    fleet->home = g_new0(guint, fleet->units->length + 1);
    fleet->mib = g_new0(double, fleet->units->length + 1);
    fleet->is_fixed = g_new0(gboolean, fleet->units->length + 1);
    fleet->can_be_emptied = g_new0(gboolean, problem->hosts_length + 1);
    fleet->is_full = g_new0(gboolean, problem->hosts_length + 1);
    fleet->leave_mib = g_new0(double, problem->hosts_length + 1);
    fleet->is_open = g_new0(gboolean, problem->hosts_length + 1);
    fleet->by_cost = g_new0(guint, problem->hosts_length + 1);
    for (guint u = 0; u < fleet->units->length; u++) {
        describe_unit(fleet, u);
    }
    sort_units_by_home(fleet);
    describe_hosts(fleet);
    for (guint h = 0; h < problem->hosts_length; h++) {
        if (fleet->can_be_emptied[h]) {
            fleet->by_cost[fleet->emptiable++] = h;
        }
    }
    g_qsort_with_data(fleet->by_cost, (int)fleet->emptiable, sizeof(guint), compare_costs, fleet);
    return fleet;
}

void pack_fleet_free(PackFleet *fleet)
{
    if (fleet) {
        place_units_free(fleet->units);
        place_state_free(fleet->state);
        g_free(fleet->home);
        g_free(fleet->mib);
        g_free(fleet->is_fixed);
        g_free(fleet->home_first);
        g_free(fleet->home_unit);
        g_free(fleet->can_be_emptied);
        g_free(fleet->is_full);
        g_free(fleet->leave_mib);
        g_free(fleet->by_cost);
        g_free(fleet->is_open);
        g_free(fleet);
    }
}

void pack_fleet_put(PackFleet *fleet, guint unit, guint host)
{
    for (guint i = fleet->units->first[unit]; i < fleet->units->first[unit + 1]; i++) {
        place_state_move(fleet->state, fleet->units->vms[i], host);
    }
}

/* APART rules alone: what TOGETHER binds is one unit. */
static gboolean has_enemy(const PackFleet *fleet, guint unit, guint vm, guint host)
{
    const PlaceState *state = fleet->state;
    const guint *own = fleet->units->vms + fleet->units->first[unit];
    guint own_length = fleet->units->first[unit + 1] - fleet->units->first[unit];

    for (guint i = state->rule_first[vm]; i < state->rule_first[vm + 1]; i++) {
        const PlaceRule *rule = &fleet->problem->rules[state->rule_of[i]];

        for (guint j = 0; rule->kind == PLACE_RULE_APART && j < rule->vms_length; j++) {
            gboolean is_own = FALSE;

            for (guint k = 0; k < own_length; k++) {
                is_own = is_own || own[k] == rule->vms[j];
            }
            if (!is_own && state->host_of[rule->vms[j]] == host) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

gboolean pack_fleet_may(const PackFleet *fleet, guint unit, guint host)
{
    for (guint i = fleet->units->first[unit]; i < fleet->units->first[unit + 1]; i++) {
        guint vm = fleet->units->vms[i];

        if (!place_state_may(fleet->state, vm, host) || has_enemy(fleet, unit, vm, host)) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean pack_fleet_fits(const PackFleet *fleet, guint unit, guint host)
{
    return place_state_fits_all(fleet->state, fleet->units->vms + fleet->units->first[unit],
                                fleet->units->first[unit + 1] - fleet->units->first[unit], host);
}

double pack_fleet_room(const PackFleet *fleet, guint host)
{
    const PlaceHost *row = &fleet->problem->hosts[host];
    double room = 0;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double by_demand = row->capacity[r] * fleet->options->safe_high - fleet->state->demand[host][r];
        double by_reserved = row->reservable[r] - fleet->state->reserved[host][r];

        room += MIN(by_demand, by_reserved) / row->capacity[r];
    }
    return room;
}

PackPlaces *pack_places_new(const PackFleet *fleet)
{
    PackPlaces *places = g_new0(PackPlaces, 1);

    places->host_of = g_new(guint, fleet->units->length + 1);
    places->is_open = g_memdup2(fleet->is_open, (fleet->problem->hosts_length + 1) * sizeof(gboolean));
    places->closed = fleet->closed;
    for (guint u = 0; u < fleet->units->length; u++) {
        places->host_of[u] = pack_fleet_where(fleet, u);
        places->moved_mib += !fleet->is_fixed[u] && places->host_of[u] != fleet->home[u] ? fleet->mib[u] : 0;
    }
    return places;
}

void pack_places_free(PackPlaces *places)
{
    if (places) {
        g_free(places->host_of);
        g_free(places->is_open);
        g_free(places);
    }
}

/* From the beginning, so that rounding of many moves is forgotten too. */
void pack_places_restore(const PackPlaces *places, PackFleet *fleet)
{
    place_state_free(fleet->state);
    fleet->state = place_state_new(fleet->problem, fleet->options);
    for (guint u = 0; u < fleet->units->length; u++) {
        if (!fleet->is_fixed[u] && places->host_of[u] != fleet->home[u]) {
            pack_fleet_put(fleet, u, places->host_of[u]);
        }
    }
    memcpy(fleet->is_open, places->is_open, fleet->problem->hosts_length * sizeof(gboolean));
    fleet->closed = places->closed;
}

GArray *pack_places_order(const PackPlaces *places, const PackFleet *fleet)
{
    g_autoptr(PlaceState) now = place_state_new(fleet->problem, fleet->options);
    g_autoptr(GArray) order = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autofree guint *pending = g_new(guint, fleet->units->length + 1);
    guint length = 0;
    guint before;

    for (guint u = 0; u < fleet->units->length; u++) {
        if (!fleet->is_fixed[u] && places->host_of[u] != fleet->home[u]) {
            pending[length++] = u;
        }
    }
    do {
        guint kept = 0;

        before = length;
        for (guint i = 0; i < length; i++) {
            const guint *vms = fleet->units->vms + fleet->units->first[pending[i]];
            guint vms_length = fleet->units->first[pending[i] + 1] - fleet->units->first[pending[i]];
            guint host = places->host_of[pending[i]];

            if (!place_state_fits_all(now, vms, vms_length, host)) {
                pending[kept++] = pending[i];
                continue;
            }
            for (guint k = 0; k < vms_length; k++) {
                place_state_move(now, vms[k], host);
            }
            g_array_append_val(order, pending[i]);
        }
        length = kept;
    } while (length > 0 && length < before);
    return length == 0 ? g_steal_pointer(&order) : NULL;
}
