/* SPDX-License-Identifier: Apache-2.0
 *
 * The detectors: is a host overloaded?  Beloglazov and Buyya 2012, section 4, in the peer's reading.
 *
 *   thr   asked / capacity above a threshold
 *   mad   the threshold is 1 - s * the median absolute deviation of the host's last loads
 *   iqr   the same with their interquartile range
 *   lr    s * the load predicted by a regression over the last ten loads reaches 1, where the time to predict is that
 * of the longest migration from here, in whole intervals lrr   the same, robust
 *
 * A host's past loads are those of the VMs that it has now: histories move with their VMs.  Trailing zeros (before any
 * of them ran) do not count.  Until there are ten samples (lr, lrr) or twelve (mad, iqr) it is thr at 0.7.
 *
 * The search for hosts asks "with this VM, too?" for thousands of pairs, so there is a short way.  Least squares is
 * linear in the values: the host's mean and slope are the sums of its VMs'.  That differs from the peer's only by
 * rounding; within MARGIN of the threshold the peer's own computation is made.  For mad and iqr the sums of loads are
 * kept per host and one VM is added. */
#include <math.h>
#include <string.h>

#include "sim/day-private.h"
#include "sim/day-regress.h"

#define REGRESSED 10 /* loads that lr looks at */
#define ENOUGH    12 /* loads that mad and iqr want */
#define FALLBACK  0.7
#define MARGIN    1e-9
#define MEAN_X    ((REGRESSED + 1) / 2.0)

static gboolean regresses(const Day *day)
{
    return day->config->policy.detector == DAY_DETECTOR_LR || day->config->policy.detector == DAY_DETECTOR_LRR;
}

/* Adds what 'vm' weighs in the last loads of 'host', newest first. */
static void add_loads(const Day *day, guint32 host, guint32 vm, double *loads, guint limit)
{
    double mips = day_type_of_vm(day, vm)->mips;
    double capacity = day->capacity[day->plans[host].type];
    guint length = MIN(day->history, limit);

    for (guint i = 0; i < length; i++) {
        loads[i] += day_past_share(day, vm, i) * mips / capacity;
    }
}

/* Loads without the zeros at the old end; the newest counts even when it is zero. */
static guint trimmed(const double *loads)
{
    guint length = DAY_HISTORY;

    while (length > 1 && loads[length - 1] == 0) {
        length--;
    }
    return length;
}

static void sort_doubles(double *values, guint length)
{
    for (guint i = 1; i < length; i++) {
        double value = values[i];
        guint j = i;

        for (; j > 0 && values[j - 1] > value; j--) {
            values[j] = values[j - 1];
        }
        values[j] = value;
    }
}

static double median_sorted(const double *values, guint length)
{
    double position = 0.5 * (length + 1);
    guint below = (guint)floor(position);
    double part = position - below;

    return values[below - 1] + part * (values[MIN(below, length - 1)] - values[below - 1]);
}

static double median_absolute_deviation(const double *loads, guint length)
{
    double work[DAY_HISTORY];

    memcpy(work, loads, length * sizeof *work);
    sort_doubles(work, length);
    double median = median_sorted(work, length);

    for (guint i = 0; i < length; i++) {
        work[i] = fabs(median - loads[i]);
    }
    sort_doubles(work, length);
    return median_sorted(work, length);
}

static double interquartile_range(const double *loads, guint length)
{
    double work[DAY_HISTORY];
    guint first = (guint)floor(0.25 * (length + 1) + 0.5) - 1;
    guint third = (guint)floor(0.75 * (length + 1) + 0.5) - 1;

    memcpy(work, loads, length * sizeof *work);
    sort_doubles(work, length);
    return work[third] - work[first];
}

static gboolean above_adaptive(const Day *day, const double *loads, double load)
{
    const DayPolicy *policy = &day->config->policy;
    guint length = trimmed(loads);

    if (length < ENOUGH) {
        return load > FALLBACK;
    }
    double spread = policy->detector == DAY_DETECTOR_MAD ? median_absolute_deviation(loads, length)
                                                         : interquartile_range(loads, length);
    return load > 1 - policy->parameter * spread;
}

/* Whole intervals that the longest migration from here takes. */
static double migration_intervals(const Day *day, guint32 host, double ram_max_mib)
{
    double mib_per_s = day_type_of_host(day, host)->nic_kbit_per_s / (2 * 8000);

    return ceil(ram_max_mib / mib_per_s / day->config->interval_s);
}

static double predicted(const Day *day, guint32 host, const double *loads, double ram_max_mib)
{
    double oldest_first[REGRESSED];
    const DayPolicy *policy = &day->config->policy;

    for (guint i = 0; i < REGRESSED; i++) {
        oldest_first[i] = loads[REGRESSED - 1 - i];
    }
    Line line = day_has(day, DAY_DEFECT_UNWEIGHTED_REGRESSION)
                    ? line_fit(oldest_first, REGRESSED)
                    : line_fit_local(oldest_first, REGRESSED, policy->detector == DAY_DETECTOR_LRR);
    double use = line.intercept + line.slope * (REGRESSED + migration_intervals(day, host, ram_max_mib));

    return use * policy->parameter;
}

/* The whole computation: loads from the VMs of 'vms' and, unless DAY_NONE, one more. */
static gboolean overloaded_slowly(Day *day, guint32 host, const guint32 *vms, guint length, guint32 more)
{
    double loads[DAY_HISTORY] = {0};
    double asked = 0, ram_max_mib = 0;
    guint count = length + (more != DAY_NONE);
    gboolean seasoned = FALSE;
    guint past = 0;

    if (regresses(day)) {
        past = REGRESSED;
    } else if (day->config->policy.detector != DAY_DETECTOR_THR) {
        past = DAY_HISTORY;
    }

    for (guint i = 0; i < count; i++) {
        guint32 vm = i < length ? vms[i] : more;

        asked += day->vm_asked[vm];
        ram_max_mib = MAX(ram_max_mib, day_type_of_vm(day, vm)->ram_mib);
        seasoned = seasoned || (regresses(day) && day->vm_seasoned[vm]);
        add_loads(day, host, vm, loads, past);
    }
    double load = asked / day->capacity[day->plans[host].type];

    switch (day->config->policy.detector) {
    case DAY_DETECTOR_NPA:
    case DAY_DETECTOR_DVFS:
        return FALSE;
    case DAY_DETECTOR_THR:
        return load > day->config->policy.parameter;
    case DAY_DETECTOR_MAD:
    case DAY_DETECTOR_IQR:
        return above_adaptive(day, loads, load);
    case DAY_DETECTOR_LR:
    case DAY_DETECTOR_LRR:
        if (!seasoned) {
            return load > FALLBACK;
        }
        return predicted(day, host, loads, ram_max_mib) >= 1;
    }
    g_assert_not_reached();
}

gboolean day_overloaded_list(Day *day, guint32 host, const guint32 *vms, guint length)
{
    return overloaded_slowly(day, host, vms, length, DAY_NONE);
}

static const double *planned_loads(Day *day, guint32 host)
{
    DayPlan *plan = &day->plans[host];
    double *loads = day->loads + (gsize)host * DAY_HISTORY;

    if (!plan->history_valid) {
        memset(loads, 0, DAY_HISTORY * sizeof *loads);
        for (guint32 i = 0; i < day->lists[host].planned; i++) {
            add_loads(day, host, day->lists[host].vms[i], loads, DAY_HISTORY);
        }
        plan->history_valid = TRUE;
    }
    return loads;
}

/* lr and lrr by sums; '*clear' is FALSE when the answer is too near to call. */
static gboolean overloaded_by_sums(const Day *day, guint32 host, guint32 vm, gboolean *clear)
{
    const DayPlan *plan = &day->plans[host];
    double capacity = day->capacity[plan->type];
    double asked = plan->asked, mean = plan->mean, slope = plan->slope;
    double ram_max_mib = plan->ram_max_mib;
    gboolean seasoned = plan->seasoned;

    if (vm != DAY_NONE) {
        const DayVmType *type = day_type_of_vm(day, vm);
        double weight = type->mips / capacity;

        asked += day->vm_asked[vm];
        mean += day->vm_mean[vm] * weight;
        slope += day->vm_slope[vm] * weight;
        ram_max_mib = MAX(ram_max_mib, type->ram_mib);
        seasoned = seasoned || day->vm_seasoned[vm];
    }
    *clear = TRUE;
    if (!seasoned) {
        return asked / capacity > FALLBACK;
    }
    double ahead = REGRESSED + migration_intervals(day, host, ram_max_mib) - MEAN_X;
    double use = (mean + slope * ahead) * day->config->policy.parameter;

    *clear = fabs(use - 1) > MARGIN;
    return use >= 1;
}

/* With real weights only lr stays linear; lrr must look at the residuals. */
static gboolean is_linear(const Day *day)
{
    return day_has(day, DAY_DEFECT_UNWEIGHTED_REGRESSION) || day->config->policy.detector == DAY_DETECTOR_LR;
}

gboolean day_overloaded(Day *day, guint32 host, guint32 vm)
{
    const DayPlan *plan = &day->plans[host];
    const DayList *list = &day->lists[host];
    double capacity = day->capacity[plan->type];
    double load = (vm == DAY_NONE ? plan->asked : plan->asked + day->vm_asked[vm]) / capacity;

    switch (day->config->policy.detector) {
    case DAY_DETECTOR_NPA:
    case DAY_DETECTOR_DVFS:
        return FALSE;
    case DAY_DETECTOR_THR:
        return load > day->config->policy.parameter;
    case DAY_DETECTOR_MAD:
    case DAY_DETECTOR_IQR: {
        if (load > 1) {
            return TRUE; /* no threshold is higher */
        }
        double loads[DAY_HISTORY];

        memcpy(loads, planned_loads(day, host), sizeof loads);
        if (vm != DAY_NONE) {
            add_loads(day, host, vm, loads, DAY_HISTORY);
        }
        return above_adaptive(day, loads, load);
    }
    case DAY_DETECTOR_LR:
    case DAY_DETECTOR_LRR:
        break;
    }
    if (is_linear(day)) {
        gboolean clear = FALSE;
        gboolean overloaded = overloaded_by_sums(day, host, vm, &clear);

        if (clear) {
            return overloaded;
        }
    }
    return overloaded_slowly(day, host, list->vms, list->planned, vm);
}

/* Weights that make mean and slope out of the last ten shares, newest first: the fit is linear in them. */
static void trend_weights(const Day *day, double *mean_weights, double *slope_weights)
{
    for (guint i = 0; i < REGRESSED; i++) {
        double unit[REGRESSED] = {0};

        unit[REGRESSED - 1 - i] = 1;
        Line line = day_has(day, DAY_DEFECT_UNWEIGHTED_REGRESSION) ? line_fit(unit, REGRESSED)
                                                                   : line_fit_local(unit, REGRESSED, FALSE);
        slope_weights[i] = line.slope;
        mean_weights[i] = line.intercept + line.slope * MEAN_X;
    }
}

static gboolean vm_is_seasoned(const Day *day, guint32 vm)
{
    for (guint i = REGRESSED - 1; i < MIN(day->history, DAY_HISTORY); i++) {
        if (day_past_share(day, vm, i) != 0) {
            return TRUE;
        }
    }
    return FALSE;
}

static void trends_of_vms(Day *day)
{
    double mean_weights[REGRESSED], slope_weights[REGRESSED];

    trend_weights(day, mean_weights, slope_weights);
    for (guint32 vm = 0; vm < day->fleet->vms; vm++) {
        double mean = 0, slope = 0;

        if ((day->vm_flags[vm] & DAY_VM_GONE) != 0) {
            continue;
        }
        for (guint i = 0; i < REGRESSED; i++) {
            double share = day_past_share(day, vm, i);
            mean += share * mean_weights[i];
            slope += share * slope_weights[i];
        }
        day->vm_mean[vm] = mean;
        day->vm_slope[vm] = slope;
        day->vm_seasoned[vm] = vm_is_seasoned(day, vm);
    }
}

void day_detect_prepare(Day *day)
{
    gboolean trends = regresses(day) && day->history >= REGRESSED;

    if (trends) {
        trends_of_vms(day);
    }
    for (guint32 i = 0; i < day->n_active; i++) {
        guint32 host = day->active[i];
        const DayList *list = &day->lists[host];
        DayPlan *plan = &day->plans[host];
        double capacity = day->capacity[plan->type];

        plan->mean = plan->slope = plan->asked = 0;
        plan->ram_max_mib = 0;
        plan->seasoned = FALSE;
        plan->history_valid = FALSE;
        for (guint32 j = 0; j < list->length; j++) {
            guint32 vm = list->vms[j];
            const DayVmType *type = day_type_of_vm(day, vm);

            plan->asked += day->vm_asked[vm];
            plan->ram_max_mib = MAX(plan->ram_max_mib, (float)type->ram_mib);
            if (trends) {
                plan->mean += day->vm_mean[vm] * type->mips / capacity;
                plan->slope += day->vm_slope[vm] * type->mips / capacity;
                plan->seasoned |= day->vm_seasoned[vm];
            }
        }
    }
}
