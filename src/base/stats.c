/* SPDX-License-Identifier: Apache-2.0
 *
 * Small statistics; see stats.h. */
#include "base/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return (left > right) - (left < right);
}

double stats_mean(const double *values, gsize length)
{
    double sum = 0;

    for (gsize i = 0; i < length; i++) {
        sum += values[i];
    }
    return length > 0 ? sum / (double)length : NAN;
}

double stats_quantile(const double *values, gsize length, double quantile)
{
    if (length == 0) {
        return NAN;
    }
    g_autofree double *sorted = g_memdup2(values, length * sizeof *values);
    double position = quantile * (double)(length - 1);
    gsize below = (gsize)floor(position);
    gsize above = MIN(below + 1, length - 1);

    qsort(sorted, length, sizeof *sorted, compare_doubles);
    return sorted[below] + (position - (double)below) * (sorted[above] - sorted[below]);
}

double stats_median(const double *values, gsize length)
{
    return stats_quantile(values, length, 0.5);
}

double stats_min(const double *values, gsize length)
{
    return stats_quantile(values, length, 0);
}

double stats_max(const double *values, gsize length)
{
    return stats_quantile(values, length, 1);
}
