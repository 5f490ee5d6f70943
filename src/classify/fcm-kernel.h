/* SPDX-License-Identifier: Apache-2.0
 *
 * What fcm.c asks of the machine: the three passes over the samples, once for each instruction set.
 *
 * A kernel works on one block, a whole number of its vectors and at most FCM_BLOCK samples.  It is fast because it
 * leaves out what almost never happens: when a number in the block came near the edge of what a double can hold, it
 * returns FALSE, its outputs for that block are void, and the caller does the block with the functions of fcm-exact.h.
 *
 * Only fcm.c, its test and its benchmark include this header.  Pure. */
#pragma once

#include "classify/fcm.h"

#define FCM_BLOCK 4096

/* What one pass over samples gathers for equation (2) and for the objective. */
typedef struct FcmSums {
    double weight[FCM_CLUSTERS];  /* sum of mu^2 */
    double read[FCM_CLUSTERS];    /* sum of mu^2 R */
    double written[FCM_CLUSTERS]; /* sum of mu^2 W */
    double objective;             /* sum of mu^2 d^2 */
} FcmSums;

typedef struct FcmKernel {
    const char *name; /* "avx512", "avx2", "baseline" */
    gsize lanes;      /* samples per vector */

    /* Whether this processor can run the kernel; asked before any other member is called. */
    gboolean (*is_supported)(void);

    /* Adds the block to 'sums', or leaves them alone and returns FALSE. */
    gboolean (*sum)(const double *reads, const double *writes, gsize length, const FcmCentres *centres, FcmSums *sums);

    /* Writes the memberships of the block. */
    gboolean (*store)(const double *reads, const double *writes, gsize length, const FcmCentres *centres,
                      double *const membership[FCM_CLUSTERS]);

    /* TRUE: no membership of the block differs by 'tolerance' or more between 'before' and 'after'.
     * FALSE: one may; look closer. */
    gboolean (*is_still)(const double *reads, const double *writes, gsize length, const FcmCentres *before,
                         const FcmCentres *after, double tolerance);
} FcmKernel;

/* The kernels this processor can run, best first, NULL at the end; "baseline" is always among them. */
const FcmKernel *const *fcm_kernels(void);

/* fcm_iterate and fcm_run with a kernel of the caller's choice. */
double fcm_iterate_with(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                        FcmCentres *centres);
void fcm_run_with(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                  const FcmCentres *centres, const FcmOptions *options, double *objectives, FcmResult *result);
