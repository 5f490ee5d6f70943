/* SPDX-License-Identifier: Apache-2.0
 *
 * What a caller's placer sees of a tick, and the check of what it says; see day.h.
 *
 * The caller knows VMs by its own numbers; inside they may be in another order (day-order.c), so numbers are
 * translated both ways here. */
#include "sim/day-view.h"

#include "base/error.h"
#include "sim/day-order.h"

struct DayView {
    Day *day;
    GArray *vms; /* guint32: the last answer of day_view_host_vms */
};

static guint32 inner(const DayView *view, guint vm)
{
    return day_order_inner(view->day->order, vm);
}

double day_view_time_s(const DayView *view)
{
    return view->day->now_s;
}

const DayFleet *day_view_fleet(const DayView *view)
{
    return view->day->config->fleet;
}

const guint32 *day_view_host_vms(const DayView *view, guint host, guint *n_vms)
{
    const DayList *list = &view->day->lists[host];

    g_array_set_size(view->vms, 0);
    for (guint32 i = 0; i < list->length; i++) {
        if (view->day->vm_host[list->vms[i]] == host) {
            guint32 outer = day_order_outer(view->day->order, list->vms[i]);

            g_array_append_val(view->vms, outer);
        }
    }
    *n_vms = view->vms->len;
    return (const guint32 *)(gconstpointer)view->vms->data;
}

double day_view_host_demand_mips(const DayView *view, guint host)
{
    return view->day->plans[host].used;
}

double day_view_host_capacity_mips(const DayView *view, guint host)
{
    return view->day->capacity[view->day->plans[host].type];
}

double day_view_host_free_ram_mib(const DayView *view, guint host)
{
    return (double)view->day->ram_free[host];
}

double day_view_host_free_nic_kbit_per_s(const DayView *view, guint host)
{
    return (double)view->day->nic_free[host];
}

gboolean day_view_host_is_on(const DayView *view, guint host)
{
    return view->day->lists[host].length > 0;
}

gboolean day_view_host_is_overloaded(const DayView *view, guint host)
{
    return (view->day->plans[host].excluded & DAY_EXCLUDED_OVERLOADED) != 0;
}

double day_view_vm_demand_mips(const DayView *view, guint vm)
{
    return view->day->vm_asked[inner(view, vm)];
}

gboolean day_view_vm_is_movable(const DayView *view, guint vm)
{
    return view->day->vm_flags[inner(view, vm)] == 0;
}

double day_view_vm_dirty_mib_per_s(const DayView *view, guint vm)
{
    return day_dirty_mib_per_s(view->day, inner(view, vm));
}

guint day_view_vm_history(const DayView *view, guint vm, double *shares, guint limit)
{
    guint length = MIN(limit, view->day->history);

    for (guint i = 0; i < length; i++) {
        shares[i] = day_past_share(view->day, inner(view, vm), i);
    }
    return length;
}

/* Why the move is wrong, or NULL. */
static const char *what_is_wrong(const Day *day, const DayMove *move, guint32 vm)
{
    const DayVmType *type = day_type_of_vm(day, vm);
    const DayPlan *dst = &day->plans[move->dst];

    if (day->vm_flags[vm] != 0) {
        return "the VM is in migration, or no longer there";
    }
    if ((day->plans[day->vm_host[vm]].excluded & DAY_EXCLUDED_OVERLOADED) == 0) {
        return "its host is not overloaded";
    }
    if ((dst->excluded & DAY_EXCLUDED_OVERLOADED) != 0) {
        return "the destination is overloaded itself";
    }
    if (dst->ram_free_mib < (float)type->ram_mib || dst->nic_free_kbit_per_s < (float)type->nic_kbit_per_s) {
        return "the destination lacks RAM or network";
    }
    return NULL;
}

static gboolean plan_move(Day *day, const DayMove *move, guint8 *moved, GError **error)
{
    const char *wrong = NULL;
    guint32 vm = 0;

    if (move->vm >= day->fleet->vms || move->dst >= day->fleet->hosts) {
        wrong = "there is no such VM or host";
    } else {
        vm = day_order_inner(day->order, move->vm);
        wrong = moved[vm] != 0 ? "it is moved twice" : what_is_wrong(day, move, vm);
    }
    if (wrong != NULL) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "the placer moves VM %u to host %u at %.0f s, but %s",
                    move->vm, move->dst, day->now_s, wrong);
        return FALSE;
    }
    DayMove mine = {.vm = vm, .dst = move->dst};

    moved[vm] = 1;
    g_array_append_val(day->moves, mine);
    day_plan_add(day, vm, move->dst);
    day->plans[move->dst].excluded |= DAY_EXCLUDED_TARGET;
    return TRUE;
}

gboolean day_place_by_caller(Day *day, GError **error)
{
    g_autoptr(GArray) moves = g_array_new(FALSE, FALSE, sizeof(DayMove));
    g_autoptr(GArray) vms = g_array_new(FALSE, FALSE, sizeof(guint32));
    DayView view = {.day = day, .vms = vms};

    day_find_overloaded(day);
    if (day->n_overloaded == 0) {
        return TRUE;
    }
    if (!day->config->place(&view, day->overloaded, day->n_overloaded, moves, day->config->place_data, error)) {
        return FALSE;
    }
    g_autofree guint8 *moved = g_malloc0(day->fleet->vms);

    for (guint i = 0; i < moves->len; i++) {
        if (!plan_move(day, &g_array_index(moves, DayMove, i), moved, error)) {
            return FALSE;
        }
    }
    return TRUE;
}
