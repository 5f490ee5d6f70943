/* SPDX-License-Identifier: Apache-2.0
 *
 * The bench at which the rivals of GBM-VMM work; see rival.h.  The answer is written down in rival-finish.c. */
#include "place/rival.h"

#include <math.h>

static gboolean is_taking_part(const Rival *rival, guint vm)
{
    return rival->task->kind == PLACE_CONSOLIDATE || rival->is_source[rival->problem->vms[vm].host];
}

typedef struct Loaded {
    guint host;
    double value;
} Loaded;

/* Ascending by value, then by host. */
static int compare_loaded(gconstpointer a, gconstpointer b)
{
    const Loaded *left = a;
    const Loaded *right = b;

    if (left->value != right->value) {
        return left->value < right->value ? -1 : 1;
    }
    return left->host < right->host ? -1 : left->host > right->host;
}

static guint *hosts_in_order(GArray *loaded)
{
    guint *hosts = g_new(guint, loaded->len + 1);

    g_array_sort(loaded, compare_loaded);
    for (guint i = 0; i < loaded->len; i++) {
        hosts[i] = g_array_index(loaded, Loaded, i).host;
    }
    return hosts;
}

static void find_fullest(Rival *rival)
{
    rival->fullest = g_new(Resource, rival->problem->hosts_length + 1);
    for (guint h = 0; h < rival->problem->hosts_length; h++) {
        rival->fullest[h] = RESOURCE_CPU;
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            if (place_state_utilisation(rival->state, h, (Resource)r) >
                place_state_utilisation(rival->state, h, rival->fullest[h])) {
                rival->fullest[h] = (Resource)r;
            }
        }
    }
}

static void find_sources(Rival *rival)
{
    const PlaceProblem *problem = rival->problem;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Loaded));

    rival->is_source = g_new0(gboolean, problem->hosts_length + 1);
    if (rival->task->kind == PLACE_EVACUATE) {
        for (guint i = 0; i < rival->task->movers_length; i++) {
            rival->is_source[problem->vms[rival->task->movers[i]].host] = TRUE;
        }
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        Loaded row = {h, 0};

        if (rival->task->kind == PLACE_RELIEVE && problem->hosts[h].is_source &&
            place_state_is_overloaded(rival->state, h)) {
            row.value = -place_state_highest(rival->state, h);
            rival->is_source[h] = TRUE;
        }
        if (rival->is_source[h]) {
            g_array_append_val(found, row);
        }
    }
    rival->sources = hosts_in_order(found);
    rival->sources_length = found->len;
}

static void find_destinations(Rival *rival)
{
    const PlaceProblem *problem = rival->problem;
    g_autoptr(GArray) found = g_array_new(FALSE, FALSE, sizeof(Loaded));

    for (guint h = 0; h < problem->hosts_length; h++) {
        const PlaceHost *host = &problem->hosts[h];
        gboolean is_leaving = rival->task->kind == PLACE_EVACUATE ? host->is_source : rival->is_source[h];
        Loaded row = {h, rival->options->safe_high - place_state_highest(rival->state, h)};

        if (host->may_receive && !is_leaving && !place_state_is_overloaded(rival->state, h)) {
            g_array_append_val(found, row);
            for (int r = 0; r < RESOURCE_COUNT; r++) {
                rival->largest[r] = MAX(rival->largest[r], host->capacity[r]);
            }
        }
    }
    rival->destinations = hosts_in_order(found);
    rival->destinations_length = found->len;
    rival->destination_room = g_new(double, found->len + 1);
    for (guint i = 0; i < found->len; i++) {
        rival->destination_room[i] = g_array_index(found, Loaded, i).value;
    }
}

static MoveUnits *find_units(const Rival *rival)
{
    const PlaceProblem *problem = rival->problem;
    g_autofree guint *vms = NULL;
    guint length = 0;

    if (rival->task->kind == PLACE_EVACUATE) {
        return move_units_new(problem, rival->task->movers, rival->task->movers_length);
    }
    vms = g_new(guint, problem->vms_length + 1);
    for (guint v = 0; v < problem->vms_length; v++) {
        if (is_taking_part(rival, v)) {
            vms[length++] = v;
        }
    }
    return move_units_new(problem, vms, length);
}

static void units_by_host(Rival *rival)
{
    const MoveUnits *units = rival->units;
    g_autofree guint *filled = g_new0(guint, rival->problem->hosts_length + 1);

    rival->unit_first = g_new0(guint, rival->problem->hosts_length + 1);
    rival->unit_at = g_new(guint, units->length + 1);
    for (guint u = 0; u < units->length; u++) {
        rival->unit_first[units->home[u] + 1]++;
    }
    for (guint h = 0; h < rival->problem->hosts_length; h++) {
        rival->unit_first[h + 1] += rival->unit_first[h];
    }
    for (guint u = 0; u < units->length; u++) {
        guint home = units->home[u];

        rival->unit_at[rival->unit_first[home] + filled[home]++] = u;
    }
}

static void sum_units(Rival *rival)
{
    const MoveUnits *units = rival->units;

    rival->unit_demand = g_new0(double, RESOURCE_COUNT * units->length + 1);
    rival->unit_migration_s = g_new0(double, units->length + 1);
    for (guint u = 0; u < units->length; u++) {
        for (guint i = units->first[u]; i < units->first[u + 1]; i++) {
            guint vm = units->vm[i];

            rival->unit_migration_s[u] += rival->costs->migration_s[vm];
            for (int r = 0; r < RESOURCE_COUNT; r++) {
                rival->unit_demand[RESOURCE_COUNT * u + (guint)r] += rival->problem->vms[vm].demand[r];
            }
        }
    }
}

Rival *rival_new(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options)
{
    Rival *rival = g_new0(Rival, 1);

    rival->problem = problem;
    rival->task = task;
    rival->options = options;
    rival->state = place_state_new(problem, options);
    rival->costs = place_costs_new(problem, options);
    rival->fitness = fitness_new(rival->state, rival->costs);
    find_fullest(rival);
    find_sources(rival);
    find_destinations(rival);
    rival->units = find_units(rival);
    units_by_host(rival);
    sum_units(rival);
    rival->scratch = g_new0(guint, problem->vms_length + 1);
    rival->notes = g_new0(char *, rival->units->length + 1);
    rival->block_of = g_new(guint, rival->units->length + 1);
    for (guint u = 0; u < rival->units->length; u++) {
        rival->block_of[u] = u;
    }
    return rival;
}

void rival_free(Rival *rival)
{
    if (!rival) {
        return;
    }
    for (guint u = 0; u < rival->units->length; u++) {
        g_free(rival->notes[u]);
    }
    g_free(rival->notes);
    g_free(rival->scratch);
    g_free(rival->block_of);
    g_free(rival->unit_demand);
    g_free(rival->unit_migration_s);
    g_free(rival->unit_first);
    g_free(rival->unit_at);
    g_free(rival->sources);
    g_free(rival->is_source);
    g_free(rival->fullest);
    g_free(rival->destinations);
    g_free(rival->destination_room);
    move_units_free(rival->units);
    fitness_free(rival->fitness);
    place_costs_free(rival->costs);
    place_state_free(rival->state);
    g_free(rival);
}

guint rival_where(const Rival *rival, guint unit)
{
    return rival->state->host_of[rival->units->vm[rival->units->first[unit]]];
}

gboolean rival_fits(const Rival *rival, guint unit, guint host)
{
    const MoveUnits *units = rival->units;
    guint first = units->first[unit];
    guint length = units->first[unit + 1] - first;

    if (host == units->home[unit] && rival->task->kind == PLACE_EVACUATE) {
        return FALSE;
    }
    return length == 1 ? place_state_fits(rival->state, units->vm[first], host)
                       : place_state_fits_all(rival->state, units->vm + first, length, host);
}

/* The least room, as a share of the largest destination, that 'unit' needs anywhere. */
static double least_room(const Rival *rival, guint unit)
{
    double least = 0;

    for (guint r = 0; r < RESOURCE_COUNT; r++) {
        least = MAX(least, rival->unit_demand[RESOURCE_COUNT * unit + r] / rival->largest[r]);
    }
    return least;
}

/* The first destination that had at least 'room' at the beginning. */
static guint first_with_room(const Rival *rival, double room)
{
    guint low = 0;
    guint high = rival->destinations_length;

    while (low < high) {
        guint middle = low + (high - low) / 2;

        if (rival->destination_room[middle] < room) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

guint rival_best_fit(const Rival *rival, guint unit)
{
    guint here = rival_where(rival, unit);

    for (guint i = first_with_room(rival, least_room(rival, unit) - 1e-9); i < rival->destinations_length; i++) {
        if (rival->destinations[i] != here && rival_fits(rival, unit, rival->destinations[i])) {
            return rival->destinations[i];
        }
    }
    return PLACE_NOWHERE;
}

gboolean rival_fits_somewhere(const Rival *rival, guint unit)
{
    guint here = rival_where(rival, unit);

    for (guint i = rival->destinations_length; i > 0; i--) { /* the emptiest first: it is the likeliest */
        if (rival->destinations[i - 1] != here && rival_fits(rival, unit, rival->destinations[i - 1])) {
            return TRUE;
        }
    }
    return FALSE;
}

double rival_change(Rival *rival, guint unit, guint host)
{
    const MoveUnits *units = rival->units;
    guint first = units->first[unit];
    guint here = rival_where(rival, unit);
    double change = 0;

    if (units->first[unit + 1] == first + 1) {
        return fitness_change(rival->fitness, units->vm[first], host);
    }
    change = rival_shift(rival, unit, host); /* its VMs talk to each other: tried and undone */
    rival_put(rival, unit, here);
    return change;
}

double rival_shift(Rival *rival, guint unit, guint host)
{
    double change = 0;

    for (guint i = rival->units->first[unit]; i < rival->units->first[unit + 1]; i++) {
        change += fitness_shift(rival->fitness, rival->units->vm[i], host);
    }
    return change;
}

void rival_put(Rival *rival, guint unit, guint host)
{
    for (guint i = rival->units->first[unit]; i < rival->units->first[unit + 1]; i++) {
        place_state_move(rival->state, rival->units->vm[i], host);
    }
}

guint rival_cheapest(Rival *rival, guint unit)
{
    guint here = rival_where(rival, unit);
    guint best = PLACE_NOWHERE;
    double best_change = INFINITY;

    for (guint i = first_with_room(rival, least_room(rival, unit) - 1e-9); i < rival->destinations_length; i++) {
        guint host = rival->destinations[i];

        if (host != here && rival_fits(rival, unit, host)) {
            double change = rival_change(rival, unit, host);

            if (change < best_change - 1e-12) {
                best_change = change;
                best = host;
            }
        }
    }
    return best;
}

double rival_size(const Rival *rival, guint unit)
{
    double size = 0;

    for (guint r = 0; r < RESOURCE_COUNT; r++) {
        size += rival->largest[r] > 0 ? rival->unit_demand[RESOURCE_COUNT * unit + r] / rival->largest[r] : 0;
    }
    return size;
}

int rival_compare_sizes(gconstpointer a, gconstpointer b, gpointer user)
{
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;
    double x = rival_size(user, left);
    double y = rival_size(user, right);

    if (x != y) {
        return x > y ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

gboolean rival_is_off(const Rival *rival, guint host)
{
    const PlaceHost *row = &rival->problem->hosts[host];

    return rival->state->vms_on[host] == 0 && row->base_demand[RESOURCE_CPU] == 0 &&
           row->base_demand[RESOURCE_MEMORY] == 0;
}

gboolean rival_can_be_emptied(const Rival *rival, guint host)
{
    const PlaceState *state = rival->state;
    const PlaceHost *row = &rival->problem->hosts[host];
    guint own = state->first_vm[host + 1] - state->first_vm[host];

    if (own == 0 || state->vms_on[host] != own || row->base_demand[RESOURCE_CPU] > 0 ||
        row->base_demand[RESOURCE_MEMORY] > 0 || place_state_is_overloaded(state, host)) {
        return FALSE;
    }
    for (guint i = state->first_vm[host]; i < state->first_vm[host + 1]; i++) {
        if (state->host_of[state->vm_at[i]] != host || rival->problem->vms[state->vm_at[i]].is_pinned) {
            return FALSE;
        }
    }
    return TRUE;
}

void rival_note(Rival *rival, guint unit, const char *format, ...)
{
    va_list arguments;

    g_free(rival->notes[unit]);
    va_start(arguments, format);
    rival->notes[unit] = g_strdup_vprintf(format, arguments);
    va_end(arguments);
}
