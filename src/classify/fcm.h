/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzy c-means (Bezdek 1981) as seed 000 section 3.1 improves it: m = 2, c = 3, initial centres by cosine similarity to
 * (Rmax, 0), (0, Wmax) and (Rmax, Wmax).  The numeric core; who may be clustered at all is classify.c's business.
 *
 * Samples are two plain arrays, reads and writes, of 'length' items each (structure of arrays, so that the inner loop
 * runs on whole vector registers).  Pure: no clock, no allocation but the result. */
#pragma once

#include <glib.h>

#define FCM_CLUSTERS 3 /* read, write, mixed */

typedef struct FcmCentres {
    double read[FCM_CLUSTERS];
    double written[FCM_CLUSTERS];
} FcmCentres;

typedef struct FcmOptions {
    guint max_iterations; /* 300 */
    double tolerance;     /* largest change of a membership that counts as converged: 1e-6 */
} FcmOptions;

typedef struct FcmResult {
    FcmCentres centres;
    double *membership[FCM_CLUSTERS]; /* [length] each, owned */
    guint iterations;
    gboolean has_converged;
    double objective; /* J(U, c) of the last iteration */
} FcmResult;

/* Seed 000 section 3.1, steps 1 to 4 (MODELS step 3): picks three different samples.  length >= 3. */
void fcm_initial_centres(const double *reads, const double *writes, gsize length, FcmCentres *centres);

/* Equations (1) and (2) until converged, from 'centres', for finite rates of any size.  'objectives', when not NULL,
 * receives the J of every iteration and must have room for max_iterations; a J too large for a double is infinite.
 * 'result' is overwritten, whatever it held. */
void fcm_run(const double *reads, const double *writes, gsize length, const FcmCentres *centres,
             const FcmOptions *options, double *objectives, FcmResult *result);
void fcm_result_clear(FcmResult *result);

/* One iteration without storing memberships: centres in, centres out; returns J.  What the benchmark times.  Rates and
 * centres up to 1e290. */
double fcm_iterate(const double *reads, const double *writes, gsize length, FcmCentres *centres);

/* cos of the angle between (a1, b1) and (a2, b2); 0 when one of them is the zero vector.  Equation (3), corrected. */
double fcm_cosine(double a1, double b1, double a2, double b2);
