/* SPDX-License-Identifier: Apache-2.0
 *
 * Emptying underused hosts, so that they can be switched off (Beloglazov and Buyya 2012, section 4): hosts in rising
 * order of load; each is emptied onto other hosts that are on, wholly or not at all.
 *
 * A host that has been tried is no destination any more, whether it could be emptied or not; a host chosen as a
 * destination is not tried. */
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
            day->plans[host].excluded |= DAY_EXCLUDED_OFF;
        } else if ((day->plans[host].excluded & DAY_EXCLUDED_OVERLOADED) == 0 && day->load[host] < 1) {
            hosts[(*length)++] = (Underused){day->load[host], host};
        }
    }
    qsort(hosts, *length, sizeof *hosts, compare_loads);
    return hosts;
}

static guint leavers(const Day *day, guint32 host, guint32 *vms)
{
    const DayList *list = &day->lists[host];
    guint length = 0;

    for (guint32 i = 0; i < list->planned; i++) {
        if ((day->vm_flags[list->vms[i]] & DAY_VM_MOVING) == 0) {
            vms[length++] = list->vms[i];
        }
    }
    return length;
}

/* Plans all of vms[0..length) elsewhere, or nothing. */
static gboolean plan_all(Day *day, const guint32 *vms, guint length)
{
    guint undo_mark = day->undo->len;
    guint moves_mark = day->moves->len;

    for (guint i = 0; i < length; i++) {
        guint32 host = day_find_host(day, vms[i]);

        if (host == DAY_NONE) {
            day_plan_undo(day, undo_mark);
            g_array_set_size(day->moves, moves_mark);
            return FALSE;
        }
        DayMove move = {.vm = vms[i], .dst = host};

        g_array_append_val(day->moves, move);
        day_plan_add(day, vms[i], host);
    }
    for (guint i = moves_mark; i < day->moves->len; i++) {
        day->plans[g_array_index(day->moves, DayMove, i).dst].excluded |= DAY_EXCLUDED_TARGET;
    }
    return TRUE;
}

void day_empty_underused(Day *day)
{
    guint n_hosts = 0;
    g_autofree Underused *hosts = underused_hosts(day, &n_hosts);
    g_autofree guint32 *vms = NULL;
    guint room = 0;

    day->may_wake = FALSE;
    for (guint i = 0; i < n_hosts; i++) {
        guint32 host = hosts[i].host;

        if ((day->plans[host].excluded & DAY_EXCLUDED_TARGET) != 0 || !may_be_emptied(day, host)) {
            continue;
        }
        day_plan_note_trial(day, host);
        day->plans[host].excluded |= DAY_EXCLUDED_TRIED;
        if (day->lists[host].planned > room) {
            room = day->lists[host].planned * 2;
            vms = g_renew(guint32, vms, room);
        }
        guint length = leavers(day, host, vms);

        day_sort_by_demand(day, vms, length);
        plan_all(day, vms, length);
    }
}
