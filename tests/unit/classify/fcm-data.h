/* SPDX-License-Identifier: Apache-2.0
 *
 * Samples and comparisons for the tests of fuzzy c-means. */
#pragma once

#include <glib.h>
#include <math.h>

#include "classify/fcm-kernel.h"

typedef struct Data {
    gsize length;
    double *reads;
    double *writes;
    double *u[FCM_CLUSTERS]; /* room for the textbook */
} Data;

static const FcmOptions OPTIONS = {.max_iterations = 300, .tolerance = 1e-6};
static const FcmCentres CORNERS = {{1, 0.01, 0.7}, {0.02, 1, 0.7}};

static inline Data *data_new(gsize length)
{
    Data *data = g_new0(Data, 1);

    data->length = length;
    data->reads = g_new0(double, length);
    data->writes = g_new0(double, length);
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        data->u[i] = g_new0(double, length);
    }
    return data;
}

static inline void data_free(Data *data)
{
    g_free(data->reads);
    g_free(data->writes);
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        g_free(data->u[i]);
    }
    g_free(data);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Data, data_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FcmResult, fcm_result_clear)

/* Uniform in [0, 1)^2, from a seed. */
static inline Data *data_random(gsize length, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
    Data *data = data_new(length);

    for (gsize j = 0; j < length; j++) {
        data->reads[j] = g_rand_double(rand);
        data->writes[j] = g_rand_double(rand);
    }
    return data;
}

static inline Data *data_from(const double (*pairs)[2], gsize length)
{
    Data *data = data_new(length);

    for (gsize j = 0; j < length; j++) {
        data->reads[j] = pairs[j][0];
        data->writes[j] = pairs[j][1];
    }
    return data;
}

static inline void assert_near(double value, double expected, double tolerance)
{
    if (!(fabs(value - expected) <= tolerance)) {
        g_assert_cmpfloat(value, ==, expected); /* fails, and says by how much */
    }
}

static inline void assert_relative(double value, double expected, double tolerance)
{
    assert_near(value, expected, tolerance * fmax(fabs(expected), 1e-300));
}

static inline void assert_centres_near(const FcmCentres *centres, const FcmCentres *expected, double tolerance)
{
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        assert_near(centres->read[i], expected->read[i], tolerance);
        assert_near(centres->written[i], expected->written[i], tolerance);
    }
}

static inline void run_with(const FcmKernel *kernel, const Data *data, FcmResult *result)
{
    FcmCentres centres;

    fcm_initial_centres(data->reads, data->writes, data->length, &centres);
    fcm_run_with(kernel, data->reads, data->writes, data->length, &centres, &OPTIONS, NULL, result);
}

#define EACH_KERNEL(kernel) for (const FcmKernel *const *kernel = fcm_kernels(); *kernel; kernel++)
