/* SPDX-License-Identifier: Apache-2.0
 *
 * Fuzzy c-means: initial centres and the iteration; see fcm.h.
 *
 * THEORY OF OPERATION
 *
 * Seed 000 (Cui, Lin, Liu, Gao, Wang, 2016) section 3.1.  For samples x_j = (R_j, W_j), centres c_i and m = 2,
 *
 *     minimise  J(U, c) = sum_ij mu_ij^2 d_ij^2      subject to  sum_i mu_ij = 1
 *     (1)  mu_ij = [ sum_k (d_ij / d_kj)^2 ]^-1      the best U for given centres
 *     (2)  c_i   = sum_j mu_ij^2 x_j / sum_j mu_ij^2  the best centres for given U
 *
 * taken in turn, so J cannot rise.  Iteration k makes U_k from the centres of iteration k - 1 and new centres from
 * U_k; it is the last one when max |U_k - U_(k-1)| < tolerance.
 *
 *     reads  [x x x x|x x x x|...]  \  one pass, FCM_BLOCK samples at a time:      10 sums      new centres
 *     writes [x x x x|x x x x|...]  /  d, mu, mu^2, mu^2 x  in registers only  --------------->   (2), J
 *
 * What is kept: two arrays in, the ten sums, the last two sets of centres.  U is not kept, because U is a function of
 * the centres: a pass reads 16 bytes per sample and writes none, where an iteration that stores U reads and compares
 * and writes 48 bytes more.  U is written once, at the end, if there is anybody to read it.
 *
 * The test for convergence is exact all the same.  One sample whose membership moved by the tolerance or more proves
 * that the iteration must go on, so the sample that proved it last time (the witness) is asked first; all samples are
 * compared only when the witness has come to rest, and the comparison ends at the next witness.  A run makes such a
 * full comparison once or twice.
 *
 * Numbers at the edge.  The passes run in kernels (fcm-kernel-body.h) that multiply squared distances and give up on a
 * block when a product leaves the range of doubles; such a block, and what is left over at the end that fills no
 * vector, is done by fcm-exact.c.  Rates far from 1 altogether (1e-300, 1e300) are first scaled by a power of two,
 * which changes no digit.
 *
 * The order of the samples does not matter beyond rounding (sums are formed in another order), except where
 * fcm_initial_centres meets equally good samples: then the first wins.
 *
 * Alternatives that were not better (docs/decisions/0003-fcm-vectorised.md has the numbers): d^2 as |x|^2 - 2 x c +
 * |c|^2, which is no faster and loses all digits when a sample is near a centre; three divisions, or an approximate
 * reciprocal with two Newton steps, instead of one division; an array of structs; U in memory.
 *
 * Deviations from the paper: equation (3) is corrected (fcm.h).  A centre to which no sample belongs stays where it was
 * (the sum of weights in (2) is 0); a sample that lies on q centres belongs to each by 1/q.  The paper is silent on
 * both. */
#include "classify/fcm.h"
#include "classify/fcm-exact.h"
#include "classify/fcm-kernel.h"

#include <math.h>
#include <string.h>

/* Cosines nearer than this are equal: they differ by rounding only, as those of (1, 3) and (0.1, 0.3). */
#define COSINE_TIE 1e-12

/* Largest rate outside [2^-SCALE_FREE, 2^SCALE_FREE]: scale.  Within, fourth powers stay far from the limits. */
#define SCALE_FREE 64

/* Scales (a, b) to length 1.  FALSE for the zero vector. */
static gboolean to_unit_length(double *a, double *b)
{
    double larger = fmax(fabs(*a), fabs(*b));

    if (larger == 0) {
        return FALSE;
    }
    *a /= larger;
    *b /= larger;

    double length = sqrt(*a * *a + *b * *b);

    *a /= length;
    *b /= length;
    return TRUE;
}

double fcm_cosine(double a1, double b1, double a2, double b2)
{
    if (!to_unit_length(&a1, &b1) || !to_unit_length(&a2, &b2)) {
        return 0;
    }
    return a1 * a2 + b1 * b2;
}

/* Whether the sample certainly makes no larger cosine with the unit vector than the one whose square is 'bound': the
 * comparison squared, so without root and division.  Says FALSE when squares would leave the range of doubles. */
static gboolean is_certainly_farther(double read, double written, double unit_read, double unit_written, double bound)
{
    double dot = read * unit_read + written * unit_written;
    double square = read * read + written * written;

    return dot * dot <= bound * square && square > 1e-250 && square < 1e250;
}

static gboolean is_among(gsize index, const gsize *indices, guint length)
{
    for (guint k = 0; k < length; k++) {
        if (indices[k] == index) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The first sample whose direction is nearest to (read, written), leaving out those in 'taken'. */
static gsize find_nearest_direction(const double *reads, const double *writes, gsize length, double read,
                                    double written, const gsize *taken, guint taken_length)
{
    gsize best = length;
    double best_cosine = -INFINITY;
    double bound = -INFINITY;

    to_unit_length(&read, &written);
    for (gsize j = 0; j < length; j++) {
        if (is_certainly_farther(reads[j], writes[j], read, written, bound)) {
            continue;
        }
        double cosine = fcm_cosine(reads[j], writes[j], read, written);

        if (cosine > best_cosine + COSINE_TIE && !is_among(j, taken, taken_length)) {
            best = j;
            best_cosine = cosine;
            bound = (cosine + COSINE_TIE) * (cosine + COSINE_TIE);
        }
    }
    return best;
}

static double largest(const double *values, gsize length)
{
    double result = 0;

    for (gsize j = 0; j < length; j++) {
        result = values[j] > result ? values[j] : result;
    }
    return result;
}

void fcm_initial_centres(const double *reads, const double *writes, gsize length, FcmCentres *centres)
{
    const double read_max = largest(reads, length);
    const double written_max = largest(writes, length);
    const double references[FCM_CLUSTERS][2] = {{read_max, 0}, {0, written_max}, {read_max, written_max}};
    gsize taken[FCM_CLUSTERS];

    g_assert(length >= FCM_CLUSTERS);
    for (guint i = 0; i < FCM_CLUSTERS; i++) {
        taken[i] = find_nearest_direction(reads, writes, length, references[i][0], references[i][1], taken, i);
        centres->read[i] = reads[taken[i]];
        centres->written[i] = writes[taken[i]];
    }
}

/* How many of the 'length' samples from 'begin' on make the next block; 0 when they do not fill a vector. */
static gsize block_length(const FcmKernel *kernel, gsize begin, gsize length)
{
    return MIN((length - begin) / kernel->lanes * kernel->lanes, FCM_BLOCK);
}

static void sum_all(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                    const FcmCentres *centres, FcmSums *sums)
{
    gsize begin = 0;

    for (gsize block; (block = block_length(kernel, begin, length)) > 0; begin += block) {
        if (!kernel->sum(reads + begin, writes + begin, block, centres, sums)) {
            fcm_exact_sum(reads + begin, writes + begin, block, centres, sums);
        }
    }
    fcm_exact_sum(reads + begin, writes + begin, length - begin, centres, sums);
}

static void store_all(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                      const FcmCentres *centres, double *const membership[FCM_CLUSTERS])
{
    gsize begin = 0;

    for (gsize block; (block = block_length(kernel, begin, length)) > 0; begin += block) {
        double *const part[FCM_CLUSTERS] = {membership[0] + begin, membership[1] + begin, membership[2] + begin};

        if (!kernel->store(reads + begin, writes + begin, block, centres, part)) {
            fcm_exact_store(reads + begin, writes + begin, block, centres, part);
        }
    }
    double *const rest[FCM_CLUSTERS] = {membership[0] + begin, membership[1] + begin, membership[2] + begin};
    fcm_exact_store(reads + begin, writes + begin, length - begin, centres, rest);
}

/* A sample of which a membership differs by 'tolerance' or more, or 'length'. */
static gsize find_moved(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                        const FcmCentres *before, const FcmCentres *after, double tolerance)
{
    gsize begin = 0;

    for (gsize block; (block = block_length(kernel, begin, length)) > 0; begin += block) {
        if (!kernel->is_still(reads + begin, writes + begin, block, before, after, tolerance)) {
            gsize moved = fcm_exact_find_moved(reads + begin, writes + begin, block, before, after, tolerance);

            if (moved < block) {
                return begin + moved;
            }
        }
    }
    return begin + fcm_exact_find_moved(reads + begin, writes + begin, length - begin, before, after, tolerance);
}

/* Equation (2). */
static void move_centres(FcmCentres *centres, const FcmSums *sums)
{
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        if (sums->weight[i] > 0) {
            centres->read[i] = sums->read[i] / sums->weight[i];
            centres->written[i] = sums->written[i] / sums->weight[i];
        }
    }
}

double fcm_iterate_with(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                        FcmCentres *centres)
{
    FcmSums sums = {0};

    sum_all(kernel, reads, writes, length, centres, &sums);
    move_centres(centres, &sums);
    return sums.objective;
}

double fcm_iterate(const double *reads, const double *writes, gsize length, FcmCentres *centres)
{
    return fcm_iterate_with(fcm_kernels()[0], reads, writes, length, centres);
}

/* The loop of fcm_run, for samples that need no scaling. */
static void run_unscaled(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                         const FcmOptions *options, double *objectives, FcmResult *result)
{
    FcmCentres used = result->centres; /* those that U_k is made from */
    gsize witness = length;

    while (result->iterations < options->max_iterations && !result->has_converged) {
        FcmCentres used_before = used;

        used = result->centres;
        result->objective = fcm_iterate_with(kernel, reads, writes, length, &result->centres);
        if (objectives) {
            objectives[result->iterations] = result->objective;
        }
        if (result->iterations > 0 &&
            (witness == length || fcm_exact_find_moved(reads + witness, writes + witness, 1, &used_before, &used,
                                                       options->tolerance) == 1)) {
            witness = find_moved(kernel, reads, writes, length, &used_before, &used, options->tolerance);
            result->has_converged = witness == length;
        }
        result->iterations++;
    }
    store_all(kernel, reads, writes, length, &used, result->membership);
}

/* 'values' times 2^'exponent'; the caller frees. */
static double *scaled_copy(const double *values, gsize length, int exponent)
{
    double *copy = g_new(double, length);

    for (gsize j = 0; j < length; j++) {
        copy[j] = ldexp(values[j], exponent);
    }
    return copy;
}

static void scale_centres(FcmCentres *centres, int exponent)
{
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        centres->read[i] = ldexp(centres->read[i], exponent);
        centres->written[i] = ldexp(centres->written[i], exponent);
    }
}

void fcm_run_with(const FcmKernel *kernel, const double *reads, const double *writes, gsize length,
                  const FcmCentres *centres, const FcmOptions *options, double *objectives, FcmResult *result)
{
    int exponent = 0;

    *result = (FcmResult){.centres = *centres};
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        result->membership[i] = g_new(double, length);
    }
    frexp(fmax(largest(reads, length), largest(writes, length)), &exponent);
    if (ABS(exponent) <= SCALE_FREE) {
        run_unscaled(kernel, reads, writes, length, options, objectives, result);
        return;
    }

    g_autofree double *scaled_reads = scaled_copy(reads, length, -exponent);
    g_autofree double *scaled_writes = scaled_copy(writes, length, -exponent);

    scale_centres(&result->centres, -exponent);
    run_unscaled(kernel, scaled_reads, scaled_writes, length, options, objectives, result);
    scale_centres(&result->centres, exponent);
    result->objective = ldexp(result->objective, 2 * exponent);
    for (guint k = 0; objectives && k < result->iterations; k++) {
        objectives[k] = ldexp(objectives[k], 2 * exponent);
    }
}

void fcm_run(const double *reads, const double *writes, gsize length, const FcmCentres *centres,
             const FcmOptions *options, double *objectives, FcmResult *result)
{
    fcm_run_with(fcm_kernels()[0], reads, writes, length, centres, options, objectives, result);
}

void fcm_result_clear(FcmResult *result)
{
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        g_free(result->membership[i]);
    }
    *result = (FcmResult){0};
}
