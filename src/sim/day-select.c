/* SPDX-License-Identifier: Apache-2.0
 *
 * The selectors: which VMs leave an overloaded host, one after the other until it is no longer overloaded.  VMs that
 * are in migration already are not asked.  Ties go to the first in the host's list. */
#include <float.h>

#include "sim/day-java.h"
#include "sim/day-private.h"
#include "sim/day-regress.h"

typedef struct Candidates {
    guint32 *vms;
    guint length;
} Candidates;

static guint select_least_ram(const Day *day, const Candidates *candidates)
{
    guint best = 0;

    for (guint i = 1; i < candidates->length; i++) {
        if (day_type_of_vm(day, candidates->vms[i])->ram_mib < day_type_of_vm(day, candidates->vms[best])->ram_mib) {
            best = i;
        }
    }
    return best;
}

static guint select_least_used(const Day *day, const Candidates *candidates)
{
    guint best = 0;
    double least = DBL_MAX;

    for (guint i = 0; i < candidates->length; i++) {
        guint32 vm = candidates->vms[i];
        double share = day->vm_asked[vm] / day_type_of_vm(day, vm)->mips;

        if (share < least) {
            least = share;
            best = i;
        }
    }
    return best;
}

/* The VM whose past is explained best by that of the others; without enough samples, or when one of them is exactly a
 * combination of others, the one with the least RAM. */
static guint select_most_correlated(const Day *day, const Candidates *candidates)
{
    guint samples = MIN(day->history, DAY_HISTORY);
    guint length = candidates->length;
    g_autofree double *series = g_new(double, (gsize)length *samples);
    g_autofree double *others = g_new(double, (gsize)length *samples);
    guint best = 0;
    double most = 0;

    for (guint i = 0; i < length; i++) {
        for (guint j = 0; j < samples; j++) {
            series[(gsize)i * samples + j] = day_past_share(day, candidates->vms[i], j);
        }
    }
    for (guint i = 0; i < length; i++) {
        double explained = 0;
        guint predictors = 0;

        for (guint j = 0; j < length; j++) {
            if (j != i) {
                memcpy(others + (gsize)predictors++ * samples, series + (gsize)j * samples, samples * sizeof *others);
            }
        }
        if (!determination(series + (gsize)i * samples, others, predictors, samples, &explained)) {
            return select_least_ram(day, candidates);
        }
        if (explained > most) {
            most = explained;
            best = i;
        }
    }
    return best;
}

static guint select_random(Day *day, const Candidates *candidates)
{
    return day->exact ? java_random_below(&day->java_random, candidates->length)
                      : rng_below(&day->rng, candidates->length);
}

static guint select_one(Day *day, const Candidates *candidates)
{
    switch (day->config->policy.selector) {
    case DAY_SELECTOR_MMT:
        return select_least_ram(day, candidates);
    case DAY_SELECTOR_MU:
        return select_least_used(day, candidates);
    case DAY_SELECTOR_MC:
        return select_most_correlated(day, candidates);
    case DAY_SELECTOR_RS:
        return select_random(day, candidates);
    }
    g_assert_not_reached();
}

static void take_out(guint32 *vms, guint *length, guint32 vm)
{
    guint kept = 0;

    for (guint i = 0; i < *length; i++) {
        if (vms[i] != vm) {
            vms[kept++] = vms[i];
        }
    }
    *length = kept;
}

void day_select(Day *day, guint32 host, GArray *out)
{
    const DayList *list = &day->lists[host];
    guint left = list->length;
    g_autofree guint32 *there = g_memdup2(list->vms, left * sizeof *there);
    g_autofree guint32 *movable = g_new(guint32, MAX(left, 1));
    Candidates candidates = {.vms = movable};

    for (guint i = 0; i < left; i++) {
        if ((day->vm_flags[there[i]] & DAY_VM_MOVING) == 0) {
            movable[candidates.length++] = there[i];
        }
    }
    while (candidates.length > 0) {
        guint32 vm = candidates.vms[select_one(day, &candidates)];

        g_array_append_val(out, vm);
        take_out(movable, &candidates.length, vm);
        take_out(there, &left, vm);
        if (!day_overloaded_list(day, host, there, left)) {
            break;
        }
    }
}
