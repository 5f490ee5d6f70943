/* SPDX-License-Identifier: Apache-2.0
 *
 * How a host's MIPS are shared among its VMs.
 *
 * A VM has one CPU, so it gets no more than one core.  While all that is asked for fits, every VM gets what it asks
 * for; when it does not, all are scaled alike.  A VM in migration runs at its source, at 90 per cent, and costs the
 * whole; at its destination it costs 10 per cent (settings.migration_load in the physical mode).
 *
 * The peer hands out MIPS VM by VM in the list's order, and what is left decides whether the next one fits; when one
 * does not, it scales all by the sum taken in the order of a hash table and cuts each to whole MIPS.  Both orders are
 * kept. */
#include <math.h>

#include "sim/day-java.h"
#include "sim/day-private.h"

static inline gboolean comes_in(const Day *day, guint32 host, guint32 vm)
{
    return (day->vm_flags[vm] & DAY_VM_MOVING) != 0 && day->vm_host[vm] != host;
}

/* All VMs of the list when they ask for more than there is: what each gets is left in vm_given (or in '*incoming' for
 * those that come in, as their sum). */
static void share_scarce(Day *day, guint32 host, double *given)
{
    const DayList *list = &day->lists[host];
    double core = day->core[day->plans[host].type];
    double capacity = day->capacity[day->plans[host].type];
    double in_part = day->config->settings.migration_load;
    double needed = 0;
    g_autofree guint32 *order = g_memdup2(list->vms, list->length * sizeof *order);

    if (day->exact) {
        java_hash_order(day->hash_bits[host], order, list->length);
    }
    for (guint32 i = 0; i < list->length; i++) {
        double mips = MIN(day->vm_asked[order[i]], core);
        needed += comes_in(day, host, order[i]) ? mips * in_part : mips;
    }
    double scale = capacity / needed;

    for (guint32 i = 0; i < list->length; i++) {
        guint32 vm = list->vms[i];
        double mips = MIN(day->vm_asked[vm], core);

        if ((day->vm_flags[vm] & DAY_VM_MOVING) == 0) {
            mips *= scale;
        } else if (day->vm_host[vm] == host) {
            mips *= scale;
            mips *= 1 - in_part;
        } else {
            mips *= in_part;
            mips *= scale;
        }
        given[i] = day_has(day, DAY_DEFECT_FLOORED_SHARES) ? floor(mips) : mips;
    }
}

static gboolean share_plenty(const Day *day, guint32 host, double *given, double *left)
{
    const DayList *list = &day->lists[host];
    double core = day->core[day->plans[host].type];
    double in_part = day->config->settings.migration_load;
    double free = day->capacity[day->plans[host].type];

    for (guint32 i = 0; i < list->length; i++) {
        guint32 vm = list->vms[i];
        double mips = MIN(day->vm_asked[vm], core);
        double takes = mips;

        given[i] = mips;
        if ((day->vm_flags[vm] & DAY_VM_MOVING) != 0) {
            gboolean in = day->vm_host[vm] != host;

            takes = in ? mips * in_part : mips;
            given[i] = in ? takes : mips * (1 - in_part);
        }
        if (free < takes) {
            return FALSE;
        }
        free -= takes;
    }
    *left = free;
    return TRUE;
}

void day_host_update(Day *day, guint32 host)
{
    const DayList *list = &day->lists[host];
    double few[64];
    g_autofree double *many = list->length > G_N_ELEMENTS(few) ? g_new(double, list->length) : NULL;
    double *given = many != NULL ? many : few;
    double left = 0;
    double out_part = 1 - day->config->settings.migration_load;
    double used = 0, asked = 0;

    if (!share_plenty(day, host, given, &left)) {
        share_scarce(day, host, given);
        left = 0;
    }
    for (guint32 i = 0; i < list->length; i++) {
        guint32 vm = list->vms[i];
        double takes = given[i];

        if (!comes_in(day, host, vm)) {
            day->vm_given[vm] = given[i];
            if ((day->vm_flags[vm] & DAY_VM_MOVING) != 0) {
                takes /= out_part;
            }
        }
        used += takes;
        asked += day->vm_asked[vm];
    }
    DayPlan *plan = &day->plans[host];
    double load = used / day->capacity[plan->type];

    if (load > 1 && load < 1.01) {
        load = 1;
    } else if (load > 1) {
        day->result->totals.clamped_power++;
        load = 1;
    }
    plan->free = left;
    day->used[host] = used;
    day->asked[host] = asked;
    day->load[host] = load;
    day->watts[host] = list->length == 0 ? 0 : power_watts(day->fleet->host_types[plan->type].power, load);
}
