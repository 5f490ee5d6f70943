/* SPDX-License-Identifier: Apache-2.0
 *
 * Emptying underused hosts, so that they can be switched off (Beloglazov and Buyya 2012, section 4): hosts in rising
 * order of load; each is emptied onto other hosts that are on, wholly or not at all.
 *
 * A host that has been tried is no destination any more, whether it could be emptied or not; a host chosen as a
 * destination is not tried.
 *
 * In the physical mode a host keeps its VMs while one of them is held (settings.hold_s), and is emptied only if that
 * pays (settings.payback_s).  Fuller hosts are ever harder to empty, so after settings.empty_failures in a row the rest
 * is not tried: this bounds the work of a tick of a large fleet. */
#include <stdlib.h>

#include "sim/day-private.h"

typedef struct Underused {
    double load;
    guint32 host;
} Underused;

static int compare_loads(const void *a, const void *b)
{
    const Underused *left = a;
    const Underused *right = b;

    if (left->load != right->load) {
        return left->load < right->load ? -1 : 1;
    }
    return (left->host > right->host) - (left->host < right->host);
}

/* Not when the first VM that is on its way comes in, nor when all are on their way. */
static gboolean may_be_emptied(const Day *day, guint32 host)
{
    const DayList *list = &day->lists[host];

    for (guint32 i = 0; i < list->planned; i++) {
        guint32 vm = list->vms[i];

        if ((day->vm_flags[vm] & DAY_VM_MOVING) == 0) {
            return TRUE;
        }
        if (day->vm_host[vm] != host) {
            return FALSE;
        }
    }
    return FALSE;
}

static Underused *underused_hosts(Day *day, guint *length)
{
    Underused *hosts = g_new(Underused, MAX(day->n_active, 1));

    *length = 0;
    for (guint32 i = 0; i < day->n_active; i++) {
        guint32 host = day->active[i];

        if (day->lists[host].length == 0 || (day->exact && day->load[host] == 0)) {
            day_plan_exclude(day, host, DAY_EXCLUDED_OFF);
        } else if ((day->plans[host].excluded & DAY_EXCLUDED_OVERLOADED) == 0 && day->load[host] < 1) {
            hosts[(*length)++] = (Underused){day->load[host], host};
        }
    }
    qsort(hosts, *length, sizeof *hosts, compare_loads);
    return hosts;
}

/* The peer moves on even VMs that are only planned to come here: they are then moved twice. */
static guint leavers(const Day *day, guint32 host, guint32 *vms)
{
    const DayList *list = &day->lists[host];
    guint32 end = day->exact ? list->planned : list->length;
    guint length = 0;

    for (guint32 i = 0; i < end; i++) {
        if ((day->vm_flags[list->vms[i]] & DAY_VM_MOVING) == 0) {
            vms[length++] = list->vms[i];
        }
    }
    return length;
}

static gboolean any_is_held(const Day *day, const guint32 *vms, guint length)
{
    for (guint i = 0; i < length; i++) {
        if ((double)day->vm_held_until_s[vms[i]] > day->now_s) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Does switching 'host' off save more energy, while the settings' time lasts, than its planned moves and waking a host
 * again cost?  A migration costs CPU at both ends while it lasts, and keeps its source on until then. */
static gboolean pays_back(const Day *day, guint32 host, guint undo_mark, guint moves_mark)
{
    const DaySettings *settings = &day->config->settings;
    const PowerCurve *power = day_type_of_host(day, host)->power;
    double capacity = day->capacity[day->plans[host].type];
    double watts_per_mips = (power_watts(power, 1) - power_watts(power, 0)) / capacity;
    double watts_more = 0, cost_j = 0, longest_s = 0;

    for (guint i = undo_mark; i < day->undo->len; i++) {
        const DayUndo *undo = &g_array_index(day->undo, DayUndo, i);
        const DayMove *move = &g_array_index(day->moves, DayMove, moves_mark + i - undo_mark);
        double load = (undo->before.used + day->vm_asked[move->vm]) / day->capacity[undo->before.type];
        double seconds = day_transfer_alone_s(day, move->vm, host, move->dst);

        watts_more += power_watts(day_type_of_host(day, undo->host)->power, load) - undo->before.watts;
        cost_j += seconds * 2 * settings->migration_load * day->vm_asked[move->vm] * watts_per_mips;
        longest_s = MAX(longest_s, seconds);
    }
    double saved_w = day->watts[host] - watts_more;

    if (!day_has(day, DAY_DEFECT_FREE_WAKE_UP)) {
        cost_j += (power_watts(power, 1) - power_watts(power, 0)) * settings->wake_s;
    }
    return saved_w * (settings->payback_s - longest_s) > cost_j;
}

/* Plans all of vms[0..length) of 'host' elsewhere, or nothing. */
static gboolean plan_all(Day *day, guint32 host, const guint32 *vms, guint length)
{
    guint undo_mark = day->undo->len;
    guint moves_mark = day->moves->len;

    for (guint i = 0; i < length; i++) {
        guint32 dst = day_find_host(day, vms[i]);

        if (dst == DAY_NONE) {
            day_plan_undo(day, undo_mark);
            g_array_set_size(day->moves, moves_mark);
            return FALSE;
        }
        DayMove move = {.vm = vms[i], .dst = dst};

        g_array_append_val(day->moves, move);
        day_plan_add(day, vms[i], dst);
    }
    if (!day_has(day, DAY_DEFECT_FREE_MIGRATION) && !pays_back(day, host, undo_mark, moves_mark)) {
        day_plan_undo(day, undo_mark);
        g_array_set_size(day->moves, moves_mark);
        return FALSE;
    }
    for (guint i = moves_mark; i < day->moves->len; i++) {
        day->plans[g_array_index(day->moves, DayMove, i).dst].excluded |= DAY_EXCLUDED_TARGET;
    }
    return TRUE;
}

/* Not while the host, or one of its VMs, is to stay as it is. */
static gboolean is_tried(const Day *day, guint32 host)
{
    return (day->plans[host].excluded & DAY_EXCLUDED_TARGET) == 0 && may_be_emptied(day, host);
}

void day_empty_underused(Day *day)
{
    guint n_hosts = 0;
    g_autofree Underused *hosts = underused_hosts(day, &n_hosts);
    g_autofree guint32 *vms = NULL;
    guint room = 0, failures = 0;
    guint failures_max = day->exact ? G_MAXUINT : (guint)day->config->settings.empty_failures;

    day->may_wake = FALSE;
    for (guint i = 0; i < n_hosts && failures < failures_max; i++) {
        guint32 host = hosts[i].host;

        if (!is_tried(day, host)) {
            continue;
        }
        if (day->lists[host].planned > room) {
            room = day->lists[host].planned * 2;
            vms = g_renew(guint32, vms, room);
        }
        guint length = leavers(day, host, vms);

        if (!day_has(day, DAY_DEFECT_NO_HOLD) && any_is_held(day, vms, length)) {
            continue;
        }
        day_plan_note_trial(day, host);
        day_plan_exclude(day, host, DAY_EXCLUDED_TRIED);
        day_sort_by_demand(day, vms, length);
        failures = plan_all(day, host, vms, length) ? 0 : failures + 1;
    }
}
