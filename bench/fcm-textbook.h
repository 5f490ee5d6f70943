/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzy c-means as it is commonly written: memberships by pow() of ratios of distances, the matrix U in memory, one
 * loop per formula, any m.  What fcm.c is compared with: by the benchmark for speed, by the tests for being right. */
#pragma once

#include <glib.h>
#include <math.h>

#include "classify/fcm.h"

static inline double textbook_distance(double read, double written, const FcmCentres *centres, int i)
{
    double dx = read - centres->read[i];
    double dy = written - centres->written[i];

    return sqrt(dx * dx + dy * dy);
}

/* Equation (1) for all samples; on a centre, shared equally by the centres there. */
static inline void textbook_memberships(const double *reads, const double *writes, gsize length,
                                        const FcmCentres *centres, double m, double *const u[FCM_CLUSTERS])
{
    for (gsize j = 0; j < length; j++) {
        double d[FCM_CLUSTERS];
        int zeros = 0;

        for (int i = 0; i < FCM_CLUSTERS; i++) {
            d[i] = textbook_distance(reads[j], writes[j], centres, i);
            zeros += d[i] == 0;
        }
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            double sum = 0;

            for (int k = 0; k < FCM_CLUSTERS && zeros == 0; k++) {
                sum += pow(d[i] / d[k], 2 / (m - 1));
            }
            u[i][j] = zeros == 0 ? 1 / sum : d[i] == 0 ? 1.0 / zeros : 0;
        }
    }
}

/* J for the given U and centres. */
static inline double textbook_objective(const double *reads, const double *writes, gsize length,
                                        const FcmCentres *centres, double m, double *const u[FCM_CLUSTERS])
{
    double objective = 0;

    for (int i = 0; i < FCM_CLUSTERS; i++) {
        for (gsize j = 0; j < length; j++) {
            double d = textbook_distance(reads[j], writes[j], centres, i);

            objective += pow(u[i][j], m) * d * d;
        }
    }
    return objective;
}

/* Equation (2). */
static inline void textbook_centres(const double *reads, const double *writes, gsize length, FcmCentres *centres,
                                    double m, double *const u[FCM_CLUSTERS])
{
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        double weight = 0, read = 0, written = 0;

        for (gsize j = 0; j < length; j++) {
            double w = pow(u[i][j], m);

            weight += w;
            read += w * reads[j];
            written += w * writes[j];
        }
        if (weight > 0) {
            centres->read[i] = read / weight;
            centres->written[i] = written / weight;
        }
    }
}

/* One iteration; returns J. */
static inline double textbook_iterate(const double *reads, const double *writes, gsize length, FcmCentres *centres,
                                      double m, double *const u[FCM_CLUSTERS])
{
    double objective;

    textbook_memberships(reads, writes, length, centres, m, u);
    objective = textbook_objective(reads, writes, length, centres, m, u);
    textbook_centres(reads, writes, length, centres, m, u);
    return objective;
}
