/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzy c-means one sample at a time, right for every pair of finite rates.  Slow; see fcm.c for who needs it.  Pure.
 */
#pragma once

#include "classify/fcm-kernel.h"

/* Equation (1) for the sample (read, written).  Returns its part of the objective. */
double fcm_exact_membership(double read, double written, const FcmCentres *centres, double membership[FCM_CLUSTERS]);

/* The members of FcmKernel, for any length and without a way to fail. */
void fcm_exact_sum(const double *reads, const double *writes, gsize length, const FcmCentres *centres, FcmSums *sums);
void fcm_exact_store(const double *reads, const double *writes, gsize length, const FcmCentres *centres,
                     double *const membership[FCM_CLUSTERS]);

/* The first sample of which a membership differs by 'tolerance' or more, or 'length'. */
gsize fcm_exact_find_moved(const double *reads, const double *writes, gsize length, const FcmCentres *before,
                           const FcmCentres *after, double tolerance);
