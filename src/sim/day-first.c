/* SPDX-License-Identifier: Apache-2.0
 *
 * The first placement, at time 0: VMs one by one in their order, each counted with all the MIPS that it may ever ask
 * for.
 *
 * With a policy that migrates, PABFD chooses; the peer's test for overload then sees the new VM only, since those
 * placed before ask for nothing yet.  Without one (dvfs, npa), the first host that fits is taken. */
#include "base/error.h"
#include "sim/day-index.h"
#include "sim/day-order.h"

static gboolean migrates(const Day *day)
{
    return day->config->policy.detector != DAY_DETECTOR_NPA && day->config->policy.detector != DAY_DETECTOR_DVFS;
}

static gboolean fits(const Day *day, guint32 host, const DayVmType *type)
{
    const DayPlan *plan = &day->plans[host];

    return day->core[plan->type] >= type->mips && plan->free >= type->mips &&
           plan->ram_free_mib >= (float)type->ram_mib && plan->nic_free_kbit_per_s >= (float)type->nic_kbit_per_s;
}

/* 'from' by VM type: hosts before it have no room for that type any more. */
static guint32 first_fit(const Day *day, guint32 vm, guint32 *from)
{
    const DayVmType *type = day_type_of_vm(day, vm);
    guint32 host = *from;

    while (host < day->fleet->hosts && !fits(day, host, type)) {
        host++;
    }
    *from = host;
    return host < day->fleet->hosts ? host : DAY_NONE;
}

static void settle_vm(Day *day, guint32 vm, guint32 host)
{
    const DayVmType *type = day_type_of_vm(day, vm);
    DayPlan *plan;

    day_list_add(day, host, vm);
    day->vm_host[vm] = host;
    day->ram_free[host] -= (float)type->ram_mib;
    day->nic_free[host] -= (float)type->nic_kbit_per_s;
    plan = &day->plans[host];
    plan->used += type->mips;
    plan->free -= type->mips;
    plan->ram_free_mib = day->ram_free[host];
    plan->nic_free_kbit_per_s = day->nic_free[host];
    if (!day_has(day, DAY_DEFECT_STALE_POWER)) {
        plan->watts = power_watts(day_type_of_host(day, host)->power, plan->used / day->capacity[plan->type]);
    }
    day_index_grow(day, host);
}

/* Where the caller has put the VM: its memory must find room there, while CPU may be promised twice. */
static guint32 given_host(const Day *day, guint32 vm)
{
    guint32 host = day->config->initial[day_order_outer(day->order, vm)];

    return host < day->fleet->hosts && day->plans[host].ram_free_mib >= (float)day_type_of_vm(day, vm)->ram_mib
               ? host
               : DAY_NONE;
}

/* 'from' by VM type, for first_fit. */
static guint32 first_host(Day *day, guint32 vm, guint32 *from)
{
    if (day->config->initial != NULL) {
        return given_host(day, vm);
    }
    return migrates(day) ? day_find_host(day, vm) : first_fit(day, vm, &from[day->fleet->vm_type[vm]]);
}

gboolean day_place_first(Day *day, GError **error)
{
    guint32 from[256] = {0};

    day->may_wake = TRUE;
    day->promises_count = TRUE;
    day->least_asked = G_MAXDOUBLE;
    for (guint32 vm = 0; vm < day->fleet->vms; vm++) {
        const DayVmType *type = day_type_of_vm(day, vm);

        day->vm_asked[vm] = type->mips;
        guint32 host = first_host(day, vm, from);

        day->vm_asked[vm] = 0;
        if (host == DAY_NONE) {
            g_set_error(
                error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                "no host has room for VM %u of %u (%s: %g MIPS, %g MiB) at the start: take more or larger hosts",
                vm + 1, day->fleet->vms, type->name, type->mips, type->ram_mib);
            return FALSE;
        }
        settle_vm(day, vm, host);
        day->result->initial[vm] = host;
    }
    day_index_end(day);
    day->promises_count = !day_has(day, DAY_DEFECT_FORGOTTEN_RAM);
    return TRUE;
}

/* The peer looks a little behind the sample, where the next one shows already. */
static gboolean asks_nothing(const Day *day, guint32 vm, const DaySlot *behind)
{
    return (day->vm_flags[vm] & DAY_VM_MOVING) == 0 && day->vm_asked[vm] == 0 &&
           (day->exact || day_share_at(day, vm, behind) == 0);
}

void day_vanish(Day *day)
{
    DaySlot behind = day_slot(day, day->now_s + 0.1);

    for (guint32 i = day->n_active; i-- > 0;) {
        guint32 host = day->active[i];
        const DayList *list = &day->lists[host];

        for (guint32 j = list->length; j-- > 0;) {
            guint32 vm = list->vms[j];

            if (asks_nothing(day, vm, &behind)) {
                const DayVmType *type = day_type_of_vm(day, vm);

                day->vm_flags[vm] |= DAY_VM_GONE;
                day->vm_host[vm] = DAY_NONE;
                day->ram_free[host] += (float)type->ram_mib;
                day->nic_free[host] += (float)type->nic_kbit_per_s;
                day->result->totals.vms_vanished++;
                day_list_remove(day, host, vm);
            }
        }
    }
}
