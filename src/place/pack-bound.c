/* SPDX-License-Identifier: Apache-2.0
 *
 * How few hosts are certainly too few; see pack.h.
 *
 * Theory of operation.  Each bound gives VMs a weight and each host the most weight that it can hold, such that no
 * packing can put more on it.  Then the hosts that hold most, taken until they hold the weight of all VMs, are a bound.
 * Each resource is looked at alone; the result is the largest found.
 *
 *   volume     weight = demand; a host holds its capacity.  (Peake et al. 2022 report gaps above this one.)
 *   rounding   weight = floor(demand / q); a host holds floor(capacity / q), because a sum of floors is at most the
 *              floor of the sum.  With q just above half a host it counts the VMs of which no two fit together.
 *   L2         Martello and Toth (1990, section 8.3), for hosts of one size C and a threshold t <= C / 2: above C - t
 *              a VM counts as a full host, from t on as what it is, below t as nothing.  A host with a large one has
 *              room only for those that count nothing.
 *
 * All q and t that are demands of a VM are tried, or evenly spaced ones of them when there are very many. */
#include "place/pack-private.h"

#include <math.h>

#define THRESHOLDS 512u /* that are tried per resource at most */

/* One resource, both arrays in decreasing order. */
typedef struct Axis {
    double *needs;
    guint needs_length;
    double *capacities;
    guint capacities_length;
} Axis;

static int compare_decreasing(gconstpointer a, gconstpointer b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left > right ? -1 : left < right;
}

static void axis_init(Axis *axis, const PackProblem *problem, gboolean is_memory)
{
    *axis = (Axis){g_new(double, MAX(problem->vms_length, 1)), problem->vms_length,
                   g_new(double, MAX(problem->hosts_length, 1)), problem->hosts_length};
    for (guint i = 0; i < problem->vms_length; i++) {
        axis->needs[i] = (double)(is_memory ? problem->vms[i].memory : problem->vms[i].cpu);
    }
    for (guint i = 0; i < problem->hosts_length; i++) {
        axis->capacities[i] = (double)(is_memory ? problem->hosts[i].memory : problem->hosts[i].cpu);
    }
    qsort(axis->needs, axis->needs_length, sizeof(double), compare_decreasing);
    qsort(axis->capacities, axis->capacities_length, sizeof(double), compare_decreasing);
}

static void axis_clear(Axis *axis)
{
    g_free(axis->needs);
    g_free(axis->capacities);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Axis, axis_clear)

/* Hosts until floor(capacity / unit) sums to 'weight'; one more than there are when it never does. */
static guint hosts_for(const Axis *axis, double weight, double unit)
{
    guint hosts = 0;

    while (weight > 0 && hosts < axis->capacities_length) {
        weight -= unit > 0 ? floor(axis->capacities[hosts] / unit) : axis->capacities[hosts];
        hosts++;
    }
    return weight > 0 ? axis->capacities_length + 1 : hosts;
}

static guint volume_bound(const Axis *axis)
{
    double sum = 0;

    for (guint i = 0; i < axis->needs_length; i++) {
        sum += axis->needs[i];
    }
    return hosts_for(axis, sum, 0);
}

static guint rounding_bound(const Axis *axis, double unit)
{
    double sum = 0;

    for (guint i = 0; i < axis->needs_length && axis->needs[i] >= unit; i++) {
        sum += floor(axis->needs[i] / unit);
    }
    return hosts_for(axis, sum, unit);
}

static guint l2_bound(const Axis *axis, double threshold)
{
    double capacity = axis->capacities[0];
    guint large = 0;
    double rest = 0;

    for (guint i = 0; i < axis->needs_length && axis->needs[i] >= threshold; i++) {
        if (axis->needs[i] > capacity - threshold) {
            large++;
        } else {
            rest += axis->needs[i];
        }
    }
    return large + (guint)ceil(rest / capacity);
}

static guint axis_bound(const Axis *axis)
{
    guint best = volume_bound(axis);
    gboolean is_uniform = axis->capacities[0] == axis->capacities[axis->capacities_length - 1];
    guint step = MAX(axis->needs_length / THRESHOLDS, 1);

    for (guint i = 0; i < axis->needs_length && axis->needs[i] > 0; i += step) {
        guint rounded = rounding_bound(axis, axis->needs[i]);
        guint mixed = is_uniform && 2 * axis->needs[i] <= axis->capacities[0] ? l2_bound(axis, axis->needs[i]) : 0;

        best = MAX(best, MAX(rounded, mixed));
    }
    return best;
}

guint pack_lower_bound(const PackProblem *problem)
{
    g_auto(Axis) cpu = {0};
    g_auto(Axis) memory = {0};

    if (problem->vms_length == 0) {
        return 0;
    }
    if (problem->hosts_length == 0) {
        return 1;
    }
    axis_init(&cpu, problem, FALSE);
    axis_init(&memory, problem, TRUE);
    return MAX(MAX(axis_bound(&cpu), axis_bound(&memory)), 1);
}
