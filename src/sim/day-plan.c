/* SPDX-License-Identifier: Apache-2.0
 *
 * The plan of one tick: what hosts would carry with the moves decided so far.
 *
 * day_plan_begin copies the state into the plans of all active hosts; day_plan_add puts one VM onto a host's plan and
 * notes what the plan was before; day_plan_undo takes the latest ones back, which gives the very same numbers again;
 * day_plan_end forgets all.  A VM stays on its source's list meanwhile, so it may stand on two lists.
 *
 * The peer really puts a VM onto each host that it tries, and its hash table may grow by that for good; here a host is
 * only looked at.  day_plan_note_trial catches up: a VM as small as the smallest looked for so far must have been tried
 * on every host that had room for it. */
#include "sim/day-index.h"
#include "sim/day-java.h"
#include "sim/day-private.h"

/* In the physical mode a plan sees ahead: VMs on their way count in full where they go. */
static double carried(const Day *day, guint32 host)
{
    const DayList *list = &day->lists[host];
    double core = day->core[day->plans[host].type];
    double sum = 0;

    if (day->exact) {
        return day->used[host];
    }
    for (guint32 i = 0; i < list->length; i++) {
        sum += MIN(day->vm_asked[list->vms[i]], core);
    }
    return sum;
}

void day_plan_begin(Day *day)
{
    g_array_set_size(day->undo, 0);
    g_array_set_size(day->moves, 0);
    day->least_asked = G_MAXDOUBLE;
    for (guint32 i = 0; i < day->n_active; i++) {
        guint32 host = day->active[i];
        DayPlan *plan = &day->plans[host];

        plan->used = carried(day, host);
        if (!day->exact) {
            plan->free = MAX(0.0, day->capacity[plan->type] - plan->used);
        }
        plan->watts = day_has(day, DAY_DEFECT_STALE_POWER)
                          ? day->watts[host]
                          : power_watts(day_type_of_host(day, host)->power, plan->used / day->capacity[plan->type]);
        plan->excluded = 0;
        plan->ram_free_mib = day->ram_free[host];
        plan->nic_free_kbit_per_s = day->nic_free[host];
    }
    day_index_begin(day);
}

void day_plan_exclude(Day *day, guint32 host, guint8 why)
{
    day->plans[host].excluded |= why;
    if (day->index != NULL) {
        day_index_place(day->index, host);
    }
}

void day_plan_note_trial(Day *day, guint32 host)
{
    const DayPlan *plan = &day->plans[host];

    if (day->exact && day->least_asked <= plan->free && day->least_asked <= day->core[plan->type] &&
        (plan->excluded & DAY_EXCLUDED_OVERLOADED) == 0) {
        day->hash_bits[host] = java_hash_bits(day->hash_bits[host], day->lists[host].planned + 1);
    }
}

static void append_planned(Day *day, guint32 host, guint32 vm)
{
    DayList *list = &day->lists[host];

    if (list->planned == list->room) {
        list->room = MAX(8, list->room * 2);
        list->vms = g_renew(guint32, list->vms, list->room);
    }
    list->vms[list->planned++] = vm;
    day->hash_bits[host] = java_hash_bits(day->hash_bits[host], list->planned);
}

void day_plan_add(Day *day, guint32 vm, guint32 host)
{
    DayPlan *plan = &day->plans[host];
    const DayVmType *type = day_type_of_vm(day, vm);
    double mips = MIN(day->vm_asked[vm], day->core[plan->type]);
    double capacity = day->capacity[plan->type];
    DayUndo undo = {.host = host, .before = *plan};

    g_array_append_val(day->undo, undo);
    append_planned(day, host, vm);
    day_activate(day, host);
    plan->used += mips;
    plan->free -= mips;
    plan->asked += day->vm_asked[vm];
    plan->ram_max_mib = MAX(plan->ram_max_mib, (float)type->ram_mib);
    plan->ram_free_mib -= (float)type->ram_mib;
    plan->nic_free_kbit_per_s -= (float)type->nic_kbit_per_s;
    plan->history_valid = FALSE;
    if (day->vm_mean != NULL) {
        plan->mean += day->vm_mean[vm] * type->mips / capacity;
        plan->slope += day->vm_slope[vm] * type->mips / capacity;
        plan->seasoned |= day->vm_seasoned[vm];
    }
    if (!day_has(day, DAY_DEFECT_STALE_POWER)) {
        plan->watts = power_watts(day_type_of_host(day, host)->power, plan->used / capacity);
    }
    if (day->index != NULL) {
        day_index_place(day->index, host);
    }
}

void day_plan_undo(Day *day, guint mark)
{
    while (day->undo->len > mark) {
        const DayUndo *undo = &g_array_index(day->undo, DayUndo, day->undo->len - 1);
        guint32 host = undo->host;

        day_plan_note_trial(day, host);
        day->plans[host] = undo->before;
        day->plans[host].history_valid = FALSE;
        if (--day->lists[host].planned == 0) {
            day_deactivate(day, host);
        }
        if (day->index != NULL) {
            day_index_place(day->index, host);
        }
        g_array_set_size(day->undo, day->undo->len - 1);
    }
}

void day_plan_end(Day *day)
{
    for (guint32 i = 0; i < day->n_active; i++) {
        day_plan_note_trial(day, day->active[i]);
    }
    for (guint i = 0; i < day->undo->len; i++) {
        guint32 host = g_array_index(day->undo, DayUndo, i).host;

        day->lists[host].planned = day->lists[host].length;
        if (day->lists[host].length == 0) {
            day_deactivate(day, host);
        }
    }
    g_array_set_size(day->undo, 0);
    day_index_end(day);
}
