/* SPDX-License-Identifier: Apache-2.0
 *
 * Exponential smoothing: the rate to be expected when the migration runs.
 *
 * Seed 000 section 3.2, equations (4) and (5).  Their subscript p is printed as if it counted time; what is meant is
 *
 *     S_0 = mean(r)      S_t = alpha r_t + (1 - alpha) S_(t-1)      R_p = S_n
 *
 * which unrolls to the paper's equation (6): r_i weighs alpha (1 - alpha)^(n - i), the mean (1 - alpha)^n. */
#include "classify/classify.h"
#include "base/stats.h"

double smooth_exponential(const double *series, gsize length, double alpha)
{
    double smoothed = stats_mean(series, length);

    for (gsize t = 0; t < length; t++) {
        smoothed = alpha * series[t] + (1 - alpha) * smoothed;
    }
    return smoothed;
}
