/* SPDX-License-Identifier: Apache-2.0
 *
 * Profile -> Classification; see classify.h.
 *
 * THEORY OF OPERATION
 *
 * Seed 000 section 3.1, with an answer for each case on which the paper is silent.  VMs fall into groups, and only
 * the last one is clustered:
 *
 *     not observed (no tracker, or no period)     unknown
 *     only its writes were measured               write from WRITES_ALONE on, else unknown: no direction to compare
 *     R = W = 0                                   idle: no direction to compare, nothing to send again
 *     fewer than three others                     fewer samples than clusters: nearest reference direction
 *     three or more, but none reads / none writes all "write" / all "read": one direction is no clustering problem
 *     three or more                               fuzzy c-means (fcm.c), class of the largest membership
 *
 * The reference directions are those of the initial centres: (Rmax, 0), (0, Wmax), (Rmax, Wmax).  A single VM lies on
 * the third and is therefore always mixed: there is nothing to compare it with, and its own two smoothed rates decide.
 *
 * Two largest memberships nearer than TIE make "mixed", again so that the smoothed rates decide.  Identical VMs have
 * 1/3 each and are all mixed.
 *
 * A cluster is called by its initial centre; should the iteration have carried the centres past each other, they are
 * called anew by the share of reads, R / (R + W): largest read, middle mixed, smallest write.
 *
 * Features.  The paper clusters raw rates, where Euclidean distance makes intensity count more than direction: its own
 * VM4 (one read to three writes, 2 MB) comes out mixed beside a VM of 8 MB, although its Table 1 says write.  Vectors
 * of length 1, in keeping with the cosine of the initial centres, give Table 1; they are the default.  With them, a
 * VM's class does not change when its rates are multiplied by a factor of its own; with raw rates it does not change
 * when those of all VMs are multiplied by the same factor.
 *
 * Directions that differ by rounding only, as those of (1, 3) and (0.1, 0.3), are made equal first.  Where two initial
 * centres coincide they then stay together, and their VMs are mixed; an ulp between them would instead grow in the
 * iteration until it decided the classes.
 *
 * The order of VMs plays no part, except that fcm_initial_centres breaks ties by it. */
#include "classify/classify.h"
#include "base/error.h"
#include "classify/fcm.h"

#include <math.h>

NAMED_ENUM_DEFINE(Features, features, FEATURES)

/* Memberships or cosines nearer than this are equal. */
#define TIE 1e-9

/* Coordinates of unit vectors nearer than this are equal. */
#define SAME_DIRECTION 1e-12

/* 2 MiB/s, above which a VM whose reads nobody measured is taken to be write-intensive: that much is what libvirt's
 * dirty-rate calculation can tell from noise, and what a pre-copy must send again in every second. */
#define WRITES_ALONE_PAGES_PER_S 512

/* The VMs that take part in clustering: plain arrays, and where each came from. */
typedef struct Samples {
    gsize length;
    double *reads;
    double *writes;
    Classification **targets; /* borrowed */
} Samples;

void classify_options_init(ClassifyOptions *options)
{
    *options = (ClassifyOptions){.features = FEATURES_UNIT, .alpha = 0.3};
}

static Samples *samples_new(gsize room)
{
    Samples *samples = g_new0(Samples, 1);

    samples->reads = g_new(double, room);
    samples->writes = g_new(double, room);
    samples->targets = g_new(Classification *, room);
    return samples;
}

static void samples_free(Samples *samples)
{
    g_free(samples->reads);
    g_free(samples->writes);
    g_free(samples->targets);
    g_free(samples);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Samples, samples_free)

static void samples_add(Samples *samples, Classification *target)
{
    samples->reads[samples->length] = target->mean_read_pages_per_s;
    samples->writes[samples->length] = target->mean_written_pages_per_s;
    samples->targets[samples->length] = target;
    samples->length++;
}

static double largest(const double *values, gsize length)
{
    double result = 0;

    for (gsize j = 0; j < length; j++) {
        result = fmax(result, values[j]);
    }
    return result;
}

static gboolean check_rate(const Profile *profile, const char *what, double pages_per_s, GError **error)
{
    if (isfinite(pages_per_s) && pages_per_s >= 0) {
        return TRUE;
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                "VM %s: a %s rate of %g pages/s cannot be; measure it again, or choose a policy that needs no "
                "measurement",
                profile->vm, what, pages_per_s);
    return FALSE;
}

static gboolean check_profile(const Profile *profile, GError **error)
{
    if (!check_rate(profile, "read", profile->mean_read_pages_per_s, error) ||
        !check_rate(profile, "write", profile->mean_written_pages_per_s, error)) {
        return FALSE;
    }
    for (gsize t = 0; t < profile->periods; t++) {
        if (!check_rate(profile, "read", profile->read_pages_per_s[t], error) ||
            !check_rate(profile, "write", profile->written_pages_per_s[t], error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean is_observed(const Profile *profile)
{
    return profile->fate != PROFILE_FATE_UNOBSERVED && profile->periods > 0;
}

/* What the Profile says, without a class yet. */
static Classification *describe(const Profile *profile, double alpha)
{
    Classification *result = classification_new(profile->vm);

    result->dirty_bytes_per_page = profile->dirty_bytes_per_page;
    result->working_set_bytes = profile->working_set_bytes;
    result->write_set_bytes = profile->write_set_bytes;
    result->used_share = profile->used_share;
    result->compressed_share = profile->compressed_share;
    if (is_observed(profile)) {
        result->mean_written_pages_per_s = profile->mean_written_pages_per_s;
        result->smoothed_written_pages_per_s =
            smooth_exponential(profile->written_pages_per_s, profile->periods, alpha);
    }
    if (is_observed(profile) && !profile->reads_unknown) {
        result->mean_read_pages_per_s = profile->mean_read_pages_per_s;
        result->smoothed_read_pages_per_s = smooth_exponential(profile->read_pages_per_s, profile->periods, alpha);
    }
    return result;
}

/* The class of the largest of three values; "mixed" when the two largest are equal. */
static VmClass class_of_largest(const double values[CLUSTERS])
{
    int best = 0;

    for (int i = 1; i < CLUSTERS; i++) {
        best = values[i] > values[best] ? i : best;
    }
    for (int i = 0; i < CLUSTERS; i++) {
        if (i != best && values[best] - values[i] <= TIE) {
            return VM_CLASS_MIXED;
        }
    }
    return (VmClass)best;
}

/* MODELS' case n < c: too few to cluster. */
static void classify_by_direction(const Samples *samples, double read_max, double written_max)
{
    for (gsize j = 0; j < samples->length; j++) {
        double read = samples->reads[j];
        double written = samples->writes[j];
        const double cosines[CLUSTERS] = {
            [VM_CLASS_READ] = fcm_cosine(read, written, read_max, 0),
            [VM_CLASS_WRITE] = fcm_cosine(read, written, 0, written_max),
            [VM_CLASS_MIXED] = fcm_cosine(read, written, read_max, written_max),
        };

        samples->targets[j]->vm_class = class_of_largest(cosines);
    }
}

static void classify_all_as(const Samples *samples, VmClass vm_class)
{
    for (gsize j = 0; j < samples->length; j++) {
        samples->targets[j]->vm_class = vm_class;
    }
}

static void scale_to_unit_length(Samples *samples)
{
    for (gsize j = 0; j < samples->length; j++) {
        double larger = fmax(samples->reads[j], samples->writes[j]); /* first, so that no square overflows */
        double read = samples->reads[j] / larger;
        double written = samples->writes[j] / larger;
        double length = sqrt(read * read + written * written);

        samples->reads[j] = read / length;
        samples->writes[j] = written / length;
    }
}

/* Grows with the angle: from -1 for a VM that only reads to 1 for one that only writes. */
static double slant(const Samples *samples, gsize j)
{
    return samples->writes[j] - samples->reads[j];
}

static int compare_slants(gconstpointer a, gconstpointer b, gpointer user)
{
    double left = slant(user, *(const gsize *)a);
    double right = slant(user, *(const gsize *)b);

    return (left > right) - (left < right);
}

/* Of unit vectors; the one that reads most speaks for its neighbours. */
static void merge_equal_directions(Samples *samples)
{
    g_autofree gsize *order = g_new(gsize, samples->length);
    gsize first = 0;

    for (gsize j = 0; j < samples->length; j++) {
        order[j] = j;
    }
    g_qsort_with_data(order, (int)samples->length, sizeof *order, compare_slants, samples);
    for (gsize k = 0; k < samples->length; k++) {
        gsize j = order[k];

        if (k == 0 || slant(samples, j) - slant(samples, first) > SAME_DIRECTION) {
            first = j;
        }
        samples->reads[j] = samples->reads[first];
        samples->writes[j] = samples->writes[first];
    }
}

/* cluster_of[class]: the cluster that deserves the name, by share of reads.  Clusters keep their names when they are
 * in order already, and among equals. */
static void name_clusters(const FcmCentres *centres, int cluster_of[CLUSTERS])
{
    int order[CLUSTERS] = {VM_CLASS_READ, VM_CLASS_MIXED, VM_CLASS_WRITE};
    double share[CLUSTERS];

    for (int i = 0; i < CLUSTERS; i++) {
        double larger = fmax(centres->read[i], centres->written[i]);
        double read = larger > 0 ? centres->read[i] / larger : 0.5;
        double written = larger > 0 ? centres->written[i] / larger : 0.5;

        share[i] = read / (read + written);
    }
    for (int end = CLUSTERS - 1; end > 0; end--) {
        for (int i = 0; i < end; i++) {
            if (share[order[i]] < share[order[i + 1]]) {
                int swapped = order[i];

                order[i] = order[i + 1];
                order[i + 1] = swapped;
            }
        }
    }
    cluster_of[VM_CLASS_READ] = order[0];
    cluster_of[VM_CLASS_MIXED] = order[1];
    cluster_of[VM_CLASS_WRITE] = order[2];
}

static void classify_by_clusters(const Samples *samples)
{
    const FcmOptions options = {.max_iterations = 300, .tolerance = 1e-6};
    FcmCentres centres;
    FcmResult result;
    int cluster_of[CLUSTERS];

    fcm_initial_centres(samples->reads, samples->writes, samples->length, &centres);
    fcm_run(samples->reads, samples->writes, samples->length, &centres, &options, NULL, &result);
    name_clusters(&result.centres, cluster_of);
    for (gsize j = 0; j < samples->length; j++) {
        Classification *target = samples->targets[j];

        for (int i = 0; i < CLUSTERS; i++) {
            target->membership[i] = result.membership[cluster_of[i]][j];
        }
        target->vm_class = class_of_largest(target->membership);
    }
    fcm_result_clear(&result);
}

static void classify_samples(Samples *samples, Features features)
{
    double read_max = largest(samples->reads, samples->length);
    double written_max = largest(samples->writes, samples->length);

    if (samples->length < CLUSTERS) {
        classify_by_direction(samples, read_max, written_max);
    } else if (read_max == 0) {
        classify_all_as(samples, VM_CLASS_WRITE);
    } else if (written_max == 0) {
        classify_all_as(samples, VM_CLASS_READ);
    } else {
        if (features == FEATURES_UNIT) {
            scale_to_unit_length(samples);
            merge_equal_directions(samples);
        }
        classify_by_clusters(samples);
    }
}

GPtrArray *classify(GPtrArray *profiles, const ClassifyOptions *options, GError **error)
{
    g_autoptr(GPtrArray) result = g_ptr_array_new_with_free_func((GDestroyNotify)classification_free);
    g_autoptr(Samples) samples = samples_new(profiles->len);

    for (guint i = 0; i < profiles->len; i++) {
        const Profile *profile = g_ptr_array_index(profiles, i);
        Classification *classification = describe(profile, options->alpha);

        g_ptr_array_add(result, classification);
        if (!is_observed(profile)) {
            continue;
        }
        if (!check_profile(profile, error)) {
            return NULL;
        }
        if (profile->reads_unknown) {
            classification->vm_class = profile->mean_written_pages_per_s >= WRITES_ALONE_PAGES_PER_S
                                           ? VM_CLASS_WRITE
                                           : VM_CLASS_UNKNOWN;
        } else if (profile->mean_read_pages_per_s == 0 && profile->mean_written_pages_per_s == 0) {
            classification->vm_class = VM_CLASS_IDLE;
        } else {
            samples_add(samples, classification);
        }
    }
    classify_samples(samples, options->features);
    return g_steal_pointer(&result);
}
