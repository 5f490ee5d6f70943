/* SPDX-License-Identifier: Apache-2.0
 *
 * Safety properties of the day, checked after every event when the config asks for it:
 *
 *   - every VM that is there runs on exactly one host, and stands on no list but that host's and its destination's;
 *   - a host is active exactly when its list is not empty;
 *   - no host gives more MIPS than it has;
 *   - what is promised of a host's RAM and network is the sum over its list, and no more than there is (unless
 *     promises are forgotten). */
#include <math.h>

#include "base/error.h"
#include "sim/day-private.h"

static gboolean broken(GError **error, const Day *day, const char *format, ...) G_GNUC_PRINTF(3, 4);

static gboolean broken(GError **error, const Day *day, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "the simulation broke a rule at %.3f s: %s", day->now_s,
                what);
    return FALSE;
}

static gboolean check_host(const Day *day, guint32 host, guint8 *seen, GError **error)
{
    const DayList *list = &day->lists[host];
    const DayHostType *type = day_type_of_host(day, host);
    double ram_mib = type->ram_mib, nic_kbit_per_s = type->nic_kbit_per_s;
    double capacity = day->capacity[day->plans[host].type];

    if (list->planned != list->length || (list->length > 0) != (day->active_slot[host] != DAY_NONE)) {
        return broken(error, day, "host %u: %u VMs, %u planned, %s", host, list->length, list->planned,
                      day->active_slot[host] != DAY_NONE ? "active" : "not active");
    }
    for (guint32 i = 0; i < list->length; i++) {
        guint32 vm = list->vms[i];

        ram_mib -= day_type_of_vm(day, vm)->ram_mib;
        nic_kbit_per_s -= day_type_of_vm(day, vm)->nic_kbit_per_s;
        if ((day->vm_flags[vm] & DAY_VM_GONE) != 0) {
            return broken(error, day, "VM %u is gone, but on host %u", vm, host);
        }
        if (day->vm_host[vm] == host) {
            seen[vm]++;
        } else if ((day->vm_flags[vm] & DAY_VM_MOVING) == 0) {
            return broken(error, day, "VM %u is on the list of host %u, but runs on %u", vm, host, day->vm_host[vm]);
        }
    }
    if (day->used[host] > capacity * (1 + 1e-9) && !day->exact) {
        return broken(error, day, "host %u gives %g MIPS of %g", host, day->used[host], capacity);
    }
    if (day->promises_count &&
        (ram_mib < 0 || nic_kbit_per_s < 0 || fabs(ram_mib - (double)day->ram_free[host]) > 0.5)) {
        return broken(error, day, "host %u: %g MiB and %g kbit/s are free, %g MiB by the ledger", host, ram_mib,
                      nic_kbit_per_s, (double)day->ram_free[host]);
    }
    return TRUE;
}

gboolean day_check(const Day *day, GError **error)
{
    g_autofree guint8 *seen = g_malloc0(MAX(day->fleet->vms, 1));

    for (guint32 host = 0; host < day->fleet->hosts; host++) {
        if (!check_host(day, host, seen, error)) {
            return FALSE;
        }
    }
    for (guint32 vm = 0; vm < day->fleet->vms; vm++) {
        guint wanted = (day->vm_flags[vm] & DAY_VM_GONE) != 0 ? 0 : 1;

        if (seen[vm] != wanted) {
            return broken(error, day, "VM %u runs on %u hosts", vm, seen[vm]);
        }
    }
    return TRUE;
}
