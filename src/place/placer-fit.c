/* SPDX-License-Identifier: Apache-2.0
 *
 * Placer `fit`: which VM goes to which destination when a host is evacuated, by memory alone.
 *
 * Large VMs first, because they fit in few places and small ones fill the gaps that are left; each to the destination
 * that keeps the largest share of its memory free, so that hosts of different size fill evenly.  Greedy: a set of VMs
 * that could be packed with much shuffling may be refused, but nothing is ever promised twice.
 *
 * A VM that fits nowhere does not end the work: the others are still placed, and all that did not fit are named.
 *
 * place_by_fit (place.h) is the same rule for callers that have no PlaceProblem.
 */
#include "base/error.h"
#include "base/units.h"
#include "place/place.h"
#include "place/state.h"
#include "place/units.h"

/* What is left on each destination while VMs are being placed. */
typedef struct Room {
    guint64 memory_bytes; /* that may still be promised */
    double vcpus;
} Room;

static Room room_of(const FitHost *host, double vcpus_per_cpu)
{
    double vcpus = vcpus_per_cpu * host->cpus - host->vcpus_taken;

    return (Room){
        .memory_bytes =
            host->memory_free_bytes > host->keep_free_bytes ? host->memory_free_bytes - host->keep_free_bytes : 0,
        .vcpus = MAX(vcpus, 0),
    };
}

static gboolean has_room(const Room *room, const FitVm *vm)
{
    return room->memory_bytes >= vm->ram_bytes && room->vcpus >= vm->vcpus;
}

static int compare_vms(gconstpointer a, gconstpointer b, gpointer user)
{
    const FitVm *vms = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    if (vms[left].ram_bytes != vms[right].ram_bytes) {
        return vms[left].ram_bytes > vms[right].ram_bytes ? -1 : 1;
    }
    if (vms[left].vcpus != vms[right].vcpus) {
        return vms[left].vcpus > vms[right].vcpus ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

/* Indices of 'vms', those that are hardest to place first. */
static guint *placing_order(const FitVm *vms, guint vms_length)
{
    guint *order = g_new(guint, vms_length);

    for (guint i = 0; i < vms_length; i++) {
        order[i] = i;
    }
    g_qsort_with_data(order, (int)vms_length, sizeof *order, compare_vms, (gpointer)vms);
    return order;
}

/* The destination for 'vm', or 'hosts_length' when none has room. */
static guint find_destination(const FitVm *vm, const FitHost *hosts, const Room *rooms, guint hosts_length)
{
    guint best = hosts_length;
    double best_share = -1;

    for (guint h = 0; h < hosts_length; h++) {
        if (has_room(&rooms[h], vm)) {
            guint64 left_bytes = rooms[h].memory_bytes - vm->ram_bytes;
            double share = (double)left_bytes / (double)MAX(hosts[h].memory_bytes, 1);

            if (share > best_share) {
                best = h;
                best_share = share;
            }
        }
    }
    return best;
}

/* Adds one clause: what 'vm' needs and what each destination has left. */
static void append_shortage(GString *text, const FitVm *vm, const FitHost *hosts, const Room *rooms,
                            guint hosts_length)
{
    g_autofree char *needed = size_format(vm->ram_bytes);

    g_string_append_printf(text, "%s%s needs %s and %u vCPU%s", text->len ? "; " : "", vm->name, needed, vm->vcpus,
                           vm->vcpus == 1 ? "" : "s");
    for (guint h = 0; h < hosts_length; h++) {
        gboolean lacks_memory = rooms[h].memory_bytes < vm->ram_bytes;
        gboolean lacks_vcpus = rooms[h].vcpus < vm->vcpus;
        g_autofree char *left = size_format(rooms[h].memory_bytes);

        g_string_append_printf(text, "%s%s has only ", h ? ", " : " (", hosts[h].name);
        if (lacks_memory) {
            g_string_append_printf(text, "%s of memory", left);
        }
        if (lacks_vcpus) {
            g_string_append_printf(text, "%s%.0f vCPUs", lacks_memory ? " and " : "", rooms[h].vcpus);
        }
    }
    g_string_append(text, hosts_length ? " left)" : "");
}

gboolean place_by_fit(const FitVm *vms, guint vms_length, const FitHost *hosts, guint hosts_length,
                      double vcpus_per_cpu, guint *destinations, GError **error)
{
    g_autofree guint *order = placing_order(vms, vms_length);
    g_autofree Room *rooms = g_new(Room, hosts_length);
    g_autoptr(GString) shortages = g_string_new(NULL);

    for (guint h = 0; h < hosts_length; h++) {
        rooms[h] = room_of(&hosts[h], vcpus_per_cpu);
    }
    for (guint i = 0; i < vms_length; i++) {
        const FitVm *vm = &vms[order[i]];
        guint h = find_destination(vm, hosts, rooms, hosts_length);

        destinations[order[i]] = h;
        if (h < hosts_length) {
            rooms[h].memory_bytes -= vm->ram_bytes;
            rooms[h].vcpus -= vm->vcpus;
        } else {
            append_shortage(shortages, vm, hosts, rooms, hosts_length);
        }
    }
    if (shortages->len > 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                    "no destination has room: %s; name more destinations, make room there, or move fewer VMs",
                    shortages->str);
        return FALSE;
    }
    return TRUE;
}

/* The rest is the same rule as a row of the table of placers, for whole units. */

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
