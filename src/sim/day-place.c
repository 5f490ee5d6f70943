/* SPDX-License-Identifier: Apache-2.0
 *
 * PABFD, power-aware best fit decreasing (Beloglazov and Buyya 2012, algorithm 2): VMs in falling order of demand, each
 * to the host whose power rises least.
 *
 * A host is suitable when one core is enough for the VM, when it has the MIPS (and, where promises count, RAM and
 * network), and when it would not be overloaded with it; an empty host is not asked the last.  All empty hosts of one
 * type are alike, so only the first of each is looked at.
 *
 * Power curves have straight stretches, where a VM costs the same on every host: in the peer rounding decides there,
 * then the lowest index.  In the physical mode what differs by less than a milliwatt is equal, and the fullest host is
 * taken, so that others can be emptied. */
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "sim/day-index.h"
#include "sim/day-java.h"
#include "sim/day-view.h"

#define CLOSE_MIPS 1e-6 /* nearer than this, rounding decides whether a VM fits */

/* What the peer has left on 'host': it computes that anew, in the order of its hash table, whenever it has tried a VM
 * there, and had it in the order of the list before. */
static double free_as_the_peer(Day *day, guint32 host, double asked)
{
    const DayPlan *plan = &day->plans[host];
    const DayList *list = &day->lists[host];
    gboolean tried = list->planned > list->length || day->least_asked <= plan->free;
    double core = day->core[plan->type];
    double left = day->capacity[plan->type];
    g_autofree guint32 *order = g_memdup2(list->vms, list->planned * sizeof *order);

    if (!tried || list->planned == 0 || plan->free == 0) {
        return plan->free;
    }
    java_hash_order(day->hash_bits[host], order, list->planned);
    for (guint32 i = 0; i < list->planned; i++) {
        left -= MIN(day->vm_asked[order[i]], core);
    }
    return left;
}

static inline gboolean has_mips(Day *day, guint32 host, double asked)
{
    const DayPlan *plan = &day->plans[host];

    if (day->core[plan->type] < asked) {
        return FALSE;
    }
    if (day->exact && fabs(plan->free - asked) < CLOSE_MIPS) {
        return free_as_the_peer(day, host, asked) >= asked;
    }
    return plan->free >= asked;
}

static inline gboolean has_promises(const Day *day, guint32 host, const DayVmType *type)
{
    const DayPlan *plan = &day->plans[host];

    return !day->promises_count ||
           (plan->ram_free_mib >= (float)type->ram_mib && plan->nic_free_kbit_per_s >= (float)type->nic_kbit_per_s);
}

static inline gboolean preferred(const DayBest *candidate, const DayBest *best)
{
    if (candidate->watts_more != best->watts_more) {
        return candidate->watts_more < best->watts_more;
    }
    if (candidate->load != best->load) {
        return candidate->load > best->load;
    }
    return candidate->host < best->host;
}

void day_consider(Day *day, guint32 host, guint32 vm, DayBest *best)
{
    const DayPlan *plan = &day->plans[host];
    double asked = day->vm_asked[vm];
    double capacity = day->capacity[plan->type];

    if ((plan->excluded & ~DAY_EXCLUDED_TARGET) != 0 || !has_mips(day, host, asked) ||
        !has_promises(day, host, day_type_of_vm(day, vm))) {
        return;
    }
    double load = (plan->used + asked) / capacity;
    double watts_more = power_watts(day->fleet->host_types[plan->type].power, load) - plan->watts;
    DayBest candidate = {.host = host, .watts_more = watts_more};

    if (!day_has(day, DAY_DEFECT_ROUNDING_DECIDES)) {
        candidate.watts_more = day_milliwatts(watts_more);
        candidate.load = plan->used / capacity;
    }
    if (preferred(&candidate, best) && (plan->used == 0 || !day_overloaded(day, host, vm))) {
        *best = candidate;
    }
}

guint32 day_find_host(Day *day, guint32 vm)
{
    DayBest best = {.host = DAY_NONE, .watts_more = DBL_MAX};

    day->result->totals.placements++;
    if (day->index != NULL) {
        day_index_search(day->index, vm, &best);
    } else {
        for (guint32 i = 0; i < day->n_active; i++) {
            day_consider(day, day->active[i], vm, &best);
        }
    }
    for (guint type = 0; day->may_wake && type < day->fleet->n_host_types; type++) {
        guint32 host = day_first_off(day, type);

        if (host != DAY_NONE) {
            day_consider(day, host, vm, &best);
        }
    }
    day->least_asked = MIN(day->least_asked, day->vm_asked[vm]);
    return best.host;
}

typedef struct Demand {
    double mips;
    guint32 vm;
    guint place;
} Demand;

static int compare_demands(const void *a, const void *b)
{
    const Demand *left = a;
    const Demand *right = b;

    if (left->mips != right->mips) {
        return left->mips > right->mips ? -1 : 1;
    }
    return (left->place > right->place) - (left->place < right->place);
}

void day_sort_by_demand(const Day *day, guint32 *vms, guint length)
{
    Demand few[32];
    g_autofree Demand *many = length > G_N_ELEMENTS(few) ? g_new(Demand, length) : NULL;
    Demand *demands = many != NULL ? many : few;

    for (guint i = 0; i < length; i++) {
        demands[i] = (Demand){day->vm_asked[vms[i]], vms[i], i};
    }
    qsort(demands, length, sizeof *demands, compare_demands);
    for (guint i = 0; i < length; i++) {
        vms[i] = demands[i].vm;
    }
}

static int compare_hosts(const void *a, const void *b)
{
    guint32 left = *(const guint32 *)a;
    guint32 right = *(const guint32 *)b;

    return (left > right) - (left < right);
}

void day_find_overloaded(Day *day)
{
    day->n_overloaded = 0;
    for (guint32 i = 0; i < day->n_active; i++) {
        if (day_overloaded(day, day->active[i], DAY_NONE)) {
            day->overloaded[day->n_overloaded++] = day->active[i];
        }
    }
    qsort(day->overloaded, day->n_overloaded, sizeof *day->overloaded, compare_hosts);
    for (guint32 i = 0; i < day->n_overloaded; i++) {
        day_plan_exclude(day, day->overloaded[i], DAY_EXCLUDED_OVERLOADED);
    }
}

void day_relieve(Day *day)
{
    g_autoptr(GArray) leaving = g_array_new(FALSE, FALSE, sizeof(guint32));

    day_find_overloaded(day);
    for (guint32 i = 0; i < day->n_overloaded; i++) {
        day_select(day, day->overloaded[i], leaving);
    }
    day_sort_by_demand(day, (guint32 *)(gpointer)leaving->data, leaving->len);
    day->may_wake = TRUE;
    for (guint i = 0; i < leaving->len; i++) {
        guint32 vm = g_array_index(leaving, guint32, i);
        guint32 host = day_find_host(day, vm);

        if (host != DAY_NONE) {
            DayMove move = {.vm = vm, .dst = host};

            g_array_append_val(day->moves, move);
            day_plan_add(day, vm, host);
            if (!day_has(day, DAY_DEFECT_STALE_TARGETS)) {
                day->plans[host].excluded |= DAY_EXCLUDED_TARGET;
            }
        }
    }
}
