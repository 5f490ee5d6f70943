/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/classify/fcm-kernels.c and fcm-exact.c: all instruction sets give the same numbers, and those are right at
 * the edges of what a double can hold. */
#include "bench/fcm-textbook.h"
#include "classify/fcm-exact.h"
#include "fcm-data.h"

static void test_kernels_agree(void)
{
    g_autoptr(Data) data = data_random(3 * FCM_BLOCK + 11, 7);
    g_auto(FcmResult) expected = {0};
    FcmCentres expected_centres = CORNERS;
    const FcmOptions once = {.max_iterations = 1, .tolerance = 1e-6};
    double objective = 0;
    guint tested = 0;

    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) result = {0};
        FcmCentres centres = CORNERS;
        double own = fcm_iterate_with(*kernel, data->reads, data->writes, data->length, &centres);

        fcm_run_with(*kernel, data->reads, data->writes, data->length, &CORNERS, &once, NULL, &result);
        g_test_message("kernel %s, %" G_GSIZE_FORMAT " lanes", (*kernel)->name, (*kernel)->lanes);
        if (tested++ == 0) {
            expected = result;
            result = (FcmResult){0};
            expected_centres = centres;
            objective = own;
            continue;
        }
        assert_relative(own, objective, 1e-12);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            assert_relative(centres.read[i], expected_centres.read[i], 1e-12);
            assert_relative(centres.written[i], expected_centres.written[i], 1e-12);
            for (gsize j = 0; j < data->length; j++) {
                assert_relative(result.membership[i][j], expected.membership[i][j], 1e-12);
            }
        }
    }
}

static void test_every_kernel_of_this_processor_is_there(void)
{
    guint expected = 1;
    guint length = 0;

#if defined(__x86_64__)
    expected += __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    expected +=
        __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
#endif
    EACH_KERNEL(kernel)
    {
        length++;
    }
    g_assert_cmpuint(length, ==, expected);
    g_assert_cmpstr(fcm_kernels()[length - 1]->name, ==, "baseline");
}

static void test_sample_on_a_centre_belongs_to_it(void)
{
    for (int k = 0; k < FCM_CLUSTERS; k++) {
        g_autoptr(Data) data = data_random(64, 11);
        const FcmOptions once = {.max_iterations = 1, .tolerance = 0};

        data->reads[21] = CORNERS.read[k];
        data->writes[21] = CORNERS.written[k];
        EACH_KERNEL(kernel)
        {
            g_auto(FcmResult) result = {0};

            fcm_run_with(*kernel, data->reads, data->writes, data->length, &CORNERS, &once, NULL, &result);
            for (int i = 0; i < FCM_CLUSTERS; i++) {
                g_assert_cmpfloat(result.membership[i][21], ==, i == k ? 1 : 0);
            }
        }
    }
}

static void test_coincident_centres_share_a_sample(void)
{
    static const FcmCentres PAIR = {{0.5, 0.2, 0.5}, {0.5, 0.9, 0.5}};
    g_autoptr(Data) data = data_random(64, 12);
    const FcmOptions once = {.max_iterations = 1, .tolerance = 0};

    data->reads[33] = data->writes[33] = 0.5;
    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) result = {0};
        FcmCentres centres = PAIR;
        double objective = fcm_iterate_with(*kernel, data->reads, data->writes, data->length, &centres);

        fcm_run_with(*kernel, data->reads, data->writes, data->length, &PAIR, &once, NULL, &result);
        g_assert_cmpfloat(result.membership[0][33], ==, 0.5);
        g_assert_cmpfloat(result.membership[1][33], ==, 0);
        g_assert_cmpfloat(result.membership[2][33], ==, 0.5);
        g_assert_true(isfinite(objective));
        g_assert_cmpfloat(centres.read[0], ==, centres.read[2]);
        g_assert_cmpfloat(centres.written[0], ==, centres.written[2]);
    }
}

static void test_identical_samples_belong_to_all_alike(void)
{
    g_autoptr(Data) data = data_new(21);

    for (gsize j = 0; j < data->length; j++) {
        data->reads[j] = 0.3;
        data->writes[j] = 0.1;
    }
    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) result = {0};

        run_with(*kernel, data, &result);
        g_assert_true(result.has_converged);
        g_assert_cmpfloat(result.objective, <, 1e-30);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            for (gsize j = 0; j < data->length; j++) {
                assert_near(result.membership[i][j], 1.0 / 3, 1e-15);
            }
        }
    }
}

static void test_centre_without_samples_stays(void)
{
    g_autoptr(Data) data = data_new(16);

    for (gsize j = 0; j < data->length; j++) {
        data->reads[j] = CORNERS.read[1];
        data->writes[j] = CORNERS.written[1];
    }
    EACH_KERNEL(kernel)
    {
        FcmCentres centres = CORNERS;

        g_assert_cmpfloat(fcm_iterate_with(*kernel, data->reads, data->writes, data->length, &centres), ==, 0);
        assert_centres_near(&centres, &CORNERS, 1e-15);
    }
}

static void test_extreme_rates_are_scaled(void)
{
    static const int EXPONENTS[] = {-980, -300, -65, -10, 10, 65, 300, 500, 1000};
    g_autoptr(Data) data = data_random(200, 13);
    g_autoptr(Data) scaled = data_new(200);

    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) expected = {0};

        run_with(*kernel, data, &expected);
        for (guint k = 0; k < G_N_ELEMENTS(EXPONENTS); k++) {
            g_auto(FcmResult) result = {0};

            for (gsize j = 0; j < data->length; j++) {
                scaled->reads[j] = ldexp(data->reads[j], EXPONENTS[k]);
                scaled->writes[j] = ldexp(data->writes[j], EXPONENTS[k]);
            }
            run_with(*kernel, scaled, &result);
            g_assert_cmpuint(result.iterations, ==, expected.iterations);
            g_assert_cmpfloat(result.objective, ==, ldexp(expected.objective, 2 * EXPONENTS[k]));
            for (int i = 0; i < FCM_CLUSTERS; i++) {
                assert_relative(ldexp(result.centres.read[i], -EXPONENTS[k]), expected.centres.read[i], 1e-15);
                for (gsize j = 0; j < data->length; j++) {
                    assert_near(result.membership[i][j], expected.membership[i][j], 1e-15);
                }
            }
        }
    }
}

static void test_mixed_magnitudes_give_finite_shares(void)
{
    static const double MAGNITUDES[] = {1e-300, 1e-160, 1e-80, 1, 1e80, 1e160, 1e300};
    g_autoptr(Data) data = data_random(70, 14);

    for (gsize j = 0; j < data->length; j++) {
        data->reads[j] *= MAGNITUDES[j % G_N_ELEMENTS(MAGNITUDES)];
        data->writes[j] *= MAGNITUDES[j % G_N_ELEMENTS(MAGNITUDES)];
    }
    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) result = {0};

        run_with(*kernel, data, &result);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            g_assert_true(isfinite(result.centres.read[i]) && isfinite(result.centres.written[i]));
        }
        for (gsize j = 0; j < data->length; j++) {
            assert_near(result.membership[0][j] + result.membership[1][j] + result.membership[2][j], 1, 1e-14);
        }
    }
}

static void test_iteration_survives_any_magnitude(void)
{
    static const double MAGNITUDES[] = {1e-290, 1e-120, 1e-60, 1, 1e60, 1e120, 1e150};
    g_autoptr(Data) data = data_random(100, 15);
    FcmCentres expected = CORNERS;
    double objective = textbook_iterate(data->reads, data->writes, data->length, &expected, 2, data->u);

    for (guint k = 0; k < G_N_ELEMENTS(MAGNITUDES); k++) {
        double magnitude = MAGNITUDES[k];
        g_autoptr(Data) scaled = data_new(data->length);

        for (gsize j = 0; j < data->length; j++) {
            scaled->reads[j] = data->reads[j] * magnitude;
            scaled->writes[j] = data->writes[j] * magnitude;
        }
        EACH_KERNEL(kernel)
        {
            FcmCentres centres = CORNERS;
            double own;

            for (int i = 0; i < FCM_CLUSTERS; i++) {
                centres.read[i] *= magnitude;
                centres.written[i] *= magnitude;
            }
            own = fcm_iterate_with(*kernel, scaled->reads, scaled->writes, scaled->length, &centres);
            if (magnitude > 1e-150) {
                assert_relative(own / magnitude / magnitude, objective, 1e-12);
            }
            for (int i = 0; i < FCM_CLUSTERS; i++) {
                assert_relative(centres.read[i] / magnitude, expected.read[i], 1e-12);
                assert_relative(centres.written[i] / magnitude, expected.written[i], 1e-12);
            }
        }
    }
}

/* From rates that no kernel can handle to rates that all can: what a kernel does not give back must be right in every
 * digit, also the small memberships of samples that are near one centre. */
static void test_trusted_blocks_are_exact(void)
{
    g_autoptr(Data) data = data_random(8, 21);
    guint trusted = 0;
    guint returned = 0;

    for (int exponent = -300; exponent <= -100; exponent++) {
        FcmCentres centres = CORNERS;
        g_autoptr(Data) scaled = data_new(data->length);

        for (int i = 0; i < FCM_CLUSTERS; i++) {
            centres.read[i] = ldexp(centres.read[i], exponent);
            centres.written[i] = ldexp(centres.written[i], exponent);
        }
        for (gsize j = 0; j < data->length; j++) {
            scaled->reads[j] = ldexp(1 + data->reads[j] / 100, exponent);
            scaled->writes[j] = ldexp(0.02 + data->writes[j] / 100, exponent);
        }
        EACH_KERNEL(kernel)
        {
            FcmSums sums = {0};
            FcmSums expected = {0};

            if (!(*kernel)->sum(scaled->reads, scaled->writes, data->length, &centres, &sums)) {
                returned++;
                continue;
            }
            trusted++;
            fcm_exact_sum(scaled->reads, scaled->writes, data->length, &centres, &expected);
            for (int i = 0; i < FCM_CLUSTERS; i++) {
                assert_relative(sums.weight[i], expected.weight[i], 1e-12);
            }
        }
    }
    g_assert_cmpuint(trusted, >, 50); /* both kinds were really tried */
    g_assert_cmpuint(returned, >, 50);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fcm-kernels/kernels-agree-within-1e-12", test_kernels_agree);
    g_test_add_func("/fcm-kernels/every-kernel-of-this-processor-is-tested",
                    test_every_kernel_of_this_processor_is_there);
    g_test_add_func("/fcm-kernels/sample-on-a-centre-belongs-to-it", test_sample_on_a_centre_belongs_to_it);
    g_test_add_func("/fcm-kernels/coincident-centres-share-a-sample", test_coincident_centres_share_a_sample);
    g_test_add_func("/fcm-kernels/identical-samples-belong-to-all-alike", test_identical_samples_belong_to_all_alike);
    g_test_add_func("/fcm-kernels/centre-without-samples-stays", test_centre_without_samples_stays);
    g_test_add_func("/fcm-kernels/extreme-rates-are-scaled-without-loss", test_extreme_rates_are_scaled);
    g_test_add_func("/fcm-kernels/mixed-magnitudes-give-finite-shares", test_mixed_magnitudes_give_finite_shares);
    g_test_add_func("/fcm-kernels/iteration-survives-any-magnitude", test_iteration_survives_any_magnitude);
    g_test_add_func("/fcm-kernels/trusted-blocks-are-exact", test_trusted_blocks_are_exact);
    return g_test_run();
}
