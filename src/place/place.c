/* SPDX-License-Identifier: Apache-2.0
 *
 * Which VM goes to which destination, by fit; see place.h.
 *
 * Large VMs first, because they fit in few places and small ones fill the gaps that are left; each to the destination
 * that keeps the largest share of its memory free, so that hosts of different size fill evenly.  Greedy: a set of VMs
 * that could be packed with much shuffling may be refused, but nothing is ever promised twice.
 *
 * A VM that fits nowhere does not end the work: the others are still placed, and the error names all that did not fit.
 */
#include "place/place.h"
#include "base/error.h"
#include "base/units.h"

/* What is left on each destination while VMs are being placed. */
typedef struct Room {
    guint64 memory_bytes; /* that may still be promised */
    double vcpus;
} Room;

static Room room_of(const PlaceHost *host, double vcpus_per_cpu)
{
    double vcpus = vcpus_per_cpu * host->cpus - host->vcpus_taken;

    return (Room){
        .memory_bytes =
            host->memory_free_bytes > host->keep_free_bytes ? host->memory_free_bytes - host->keep_free_bytes : 0,
        .vcpus = MAX(vcpus, 0),
    };
}

static gboolean has_room(const Room *room, const PlaceVm *vm)
{
    return room->memory_bytes >= vm->ram_bytes && room->vcpus >= vm->vcpus;
}

static int compare_vms(gconstpointer a, gconstpointer b, gpointer user)
{
    const PlaceVm *vms = user;
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
static guint *placing_order(const PlaceVm *vms, guint vms_length)
{
    guint *order = g_new(guint, vms_length);

    for (guint i = 0; i < vms_length; i++) {
        order[i] = i;
    }
    g_qsort_with_data(order, (int)vms_length, sizeof *order, compare_vms, (gpointer)vms);
    return order;
}

/* The destination for 'vm', or 'hosts_length' when none has room. */
static guint find_destination(const PlaceVm *vm, const PlaceHost *hosts, const Room *rooms, guint hosts_length)
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
static void append_shortage(GString *text, const PlaceVm *vm, const PlaceHost *hosts, const Room *rooms,
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

gboolean place_by_fit(const PlaceVm *vms, guint vms_length, const PlaceHost *hosts, guint hosts_length,
                      double vcpus_per_cpu, guint *destinations, GError **error)
{
    g_autofree guint *order = placing_order(vms, vms_length);
    g_autofree Room *rooms = g_new(Room, hosts_length);
    g_autoptr(GString) shortages = g_string_new(NULL);

    for (guint h = 0; h < hosts_length; h++) {
        rooms[h] = room_of(&hosts[h], vcpus_per_cpu);
    }
    for (guint i = 0; i < vms_length; i++) {
        const PlaceVm *vm = &vms[order[i]];
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
