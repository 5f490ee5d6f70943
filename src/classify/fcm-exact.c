/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzy c-means one sample at a time; see fcm-exact.h.
 *
 * Equation (1) with m = 2 is written relative to the nearest centre:
 *
 *     r_i = (d_nearest / d_i)^2, at most 1          mu_i = r_i / (r_0 + r_1 + r_2)
 *
 * so that no intermediate value leaves [0, 3] however near or far the centres are, and the sample's part of the
 * objective is d_nearest^2 / (r_0 + r_1 + r_2).  Distances come from hypot(), which squares nothing that could
 * overflow.  On a centre (d_nearest = 0) the membership is shared equally by the centres that lie there. */
#include "classify/fcm-exact.h"

#include <math.h>

static double share_among_coincident(const double distance[FCM_CLUSTERS], double membership[FCM_CLUSTERS])
{
    int coincident = 0;

    for (int i = 0; i < FCM_CLUSTERS; i++) {
        coincident += distance[i] == 0;
    }
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        membership[i] = distance[i] == 0 ? 1.0 / coincident : 0;
    }
    return 0;
}

double fcm_exact_membership(double read, double written, const FcmCentres *centres, double membership[FCM_CLUSTERS])
{
    double distance[FCM_CLUSTERS];
    double nearest = INFINITY;
    double total = 0;

    for (int i = 0; i < FCM_CLUSTERS; i++) {
        distance[i] = hypot(read - centres->read[i], written - centres->written[i]);
        nearest = fmin(nearest, distance[i]);
    }
    if (nearest == 0) {
        return share_among_coincident(distance, membership);
    }
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        double ratio = nearest / distance[i];

        membership[i] = ratio * ratio;
        total += membership[i];
    }
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        membership[i] /= total;
    }
    return nearest * nearest / total;
}

void fcm_exact_sum(const double *reads, const double *writes, gsize length, const FcmCentres *centres, FcmSums *sums)
{
    for (gsize j = 0; j < length; j++) {
        double membership[FCM_CLUSTERS];

        sums->objective += fcm_exact_membership(reads[j], writes[j], centres, membership);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            double weight = membership[i] * membership[i];

            sums->weight[i] += weight;
            sums->read[i] += weight * reads[j];
            sums->written[i] += weight * writes[j];
        }
    }
}

void fcm_exact_store(const double *reads, const double *writes, gsize length, const FcmCentres *centres,
                     double *const membership[FCM_CLUSTERS])
{
    for (gsize j = 0; j < length; j++) {
        double one[FCM_CLUSTERS];

        fcm_exact_membership(reads[j], writes[j], centres, one);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            membership[i][j] = one[i];
        }
    }
}

gsize fcm_exact_find_moved(const double *reads, const double *writes, gsize length, const FcmCentres *before,
                           const FcmCentres *after, double tolerance)
{
    for (gsize j = 0; j < length; j++) {
        double was[FCM_CLUSTERS];
        double is[FCM_CLUSTERS];

        fcm_exact_membership(reads[j], writes[j], before, was);
        fcm_exact_membership(reads[j], writes[j], after, is);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            if (fabs(is[i] - was[i]) >= tolerance) {
                return j;
            }
        }
    }
    return length;
}
