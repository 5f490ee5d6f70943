/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/classify/fcm.c: against the paper's numbers, against the textbook form of the algorithm
 * (bench/fcm-textbook.h) and for the properties it must have.  test-fcm-kernels.c has the edges.  Every kernel of this
 * processor takes part. */
#include "bench/fcm-textbook.h"
#include "fcm-data.h"

static void test_cosine(void)
{
    assert_near(fcm_cosine(3, 4, 4, 3), 24.0 / 25, 1e-15);
    assert_near(fcm_cosine(1, 0, 0, 1), 0, 1e-15);
    assert_near(fcm_cosine(2, 6, 1, 3), 1, 1e-15);
    g_assert_cmpfloat(fcm_cosine(0, 0, 1, 1), ==, 0);
    g_assert_cmpfloat(fcm_cosine(1, 1, 0, 0), ==, 0);
    assert_near(fcm_cosine(3e300, 4e300, 4e-300, 3e-300), 24.0 / 25, 1e-15);
}

static void test_initial_centres_are_best_directions(void)
{
    static const double PAIRS[][2] = {{50, 50}, {1, 0.1}, {0.1, 1}, {90, 10}, {10, 100}};
    g_autoptr(Data) data = data_from(PAIRS, 5);
    FcmCentres centres;

    fcm_initial_centres(data->reads, data->writes, data->length, &centres);
    /* 1:0.1 is nearer to the axis than 90:10, 0.1:1 as near as 10:100 and first; (90, 100) is nearest to 50:50. */
    assert_centres_near(&centres, &(FcmCentres){{1, 0.1, 50}, {0.1, 1, 50}}, 0);
}

static void test_initial_centres_are_three_samples(void)
{
    static const double PAIRS[][2] = {{1, 3}, {0.1, 0.3}, {2, 6}, {0.7, 2.1}};
    g_autoptr(Data) data = data_from(PAIRS, 4);
    FcmCentres centres;

    fcm_initial_centres(data->reads, data->writes, data->length, &centres);
    assert_centres_near(&centres, &(FcmCentres){{1, 0.1, 2}, {3, 0.3, 6}}, 0);
}

static gsize textbook_nearest(const Data *data, double read, double written, const gboolean *taken)
{
    gsize best = data->length;

    for (gsize j = 0; j < data->length; j++) {
        if (!taken[j] &&
            (best == data->length || fcm_cosine(data->reads[j], data->writes[j], read, written) >
                                         fcm_cosine(data->reads[best], data->writes[best], read, written))) {
            best = j;
        }
    }
    return best;
}

static void test_initial_centres_agree_with_a_search(void)
{
    for (guint32 seed = 0; seed < 200; seed++) {
        g_autoptr(Data) data = data_random(3 + seed, seed);
        g_autofree gboolean *taken = g_new0(gboolean, data->length);
        double read_max = 0, written_max = 0;
        FcmCentres centres;

        for (gsize j = 0; j < data->length; j++) {
            read_max = fmax(read_max, data->reads[j]);
            written_max = fmax(written_max, data->writes[j]);
        }
        fcm_initial_centres(data->reads, data->writes, data->length, &centres);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            gsize best = textbook_nearest(data, i == 1 ? 0 : read_max, i == 0 ? 0 : written_max, taken);

            taken[best] = TRUE;
            g_assert_cmpfloat(centres.read[i], ==, data->reads[best]);
            g_assert_cmpfloat(centres.written[i], ==, data->writes[best]);
        }
    }
}

static void test_paper_with_unit_vectors(void)
{
    static const double PAIRS[][2] = {
        {1, 0}, {0, 1}, {M_SQRT1_2, M_SQRT1_2}, {0.31622776601683794, 0.9486832980505138}};
    static const FcmCentres EXPECTED = {{0.9996, 0.1384, 0.6993}, {0.0005, 0.9775, 0.7117}};
    g_autoptr(Data) data = data_from(PAIRS, 4);

    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) result = {0};

        run_with(*kernel, data, &result);
        g_assert_true(result.has_converged);
        g_assert_cmpuint(result.iterations, ==, 15);
        assert_centres_near(&result.centres, &EXPECTED, 0.5e-4);
        assert_near(result.membership[1][3], 0.845, 0.5e-3);
        assert_near(result.membership[2][3], 0.135, 0.5e-3);
    }
}

static void test_paper_with_raw_rates(void)
{
    static const double PAIRS[][2] = {{2048, 0}, {0, 2048}, {256, 256}, {128, 384}};
    g_autoptr(Data) data = data_from(PAIRS, 4);

    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) result = {0};

        run_with(*kernel, data, &result);
        assert_near(result.membership[2][3], 0.995, 0.5e-3);
        assert_near(result.membership[0][0], 1, 1e-6);
        assert_near(result.membership[1][1], 1, 1e-6);
    }
}

static void test_memberships_sum_to_one(void)
{
    static const gsize LENGTHS[] = {3, 7, 8, 9, 64, 1000, FCM_BLOCK, FCM_BLOCK + 13, 2 * FCM_BLOCK + 1};

    for (guint k = 0; k < G_N_ELEMENTS(LENGTHS); k++) {
        g_autoptr(Data) data = data_random(LENGTHS[k], k);

        EACH_KERNEL(kernel)
        {
            g_auto(FcmResult) result = {0};

            run_with(*kernel, data, &result);
            for (gsize j = 0; j < data->length; j++) {
                double sum = 0;

                for (int i = 0; i < FCM_CLUSTERS; i++) {
                    g_assert_cmpfloat(result.membership[i][j], >=, 0);
                    sum += result.membership[i][j];
                }
                assert_near(sum, 1, 1e-14);
            }
        }
    }
}

static void test_objective_never_rises(void)
{
    for (guint32 seed = 0; seed < 50; seed++) {
        g_autoptr(Data) data = data_random(3 + 41 * seed, seed);
        double objectives[300];

        EACH_KERNEL(kernel)
        {
            g_auto(FcmResult) result = {0};

            fcm_run_with(*kernel, data->reads, data->writes, data->length, &CORNERS, &OPTIONS, objectives, &result);
            for (guint k = 1; k < result.iterations; k++) {
                g_assert_cmpfloat(objectives[k], <=, objectives[k - 1] * (1 + 1e-13));
            }
            g_assert_cmpfloat(objectives[result.iterations - 1], ==, result.objective);
            g_assert_cmpfloat(result.objective, >, 0);
        }
    }
}

static void test_iteration_agrees_with_textbook(void)
{
    static const gsize LENGTHS[] = {3, 8, 17, 1000, FCM_BLOCK + 5};

    for (guint k = 0; k < G_N_ELEMENTS(LENGTHS); k++) {
        g_autoptr(Data) data = data_random(LENGTHS[k], 100 + k);
        FcmCentres expected = CORNERS;
        double objective = textbook_iterate(data->reads, data->writes, data->length, &expected, 2, data->u);

        EACH_KERNEL(kernel)
        {
            FcmCentres centres = CORNERS;

            assert_relative(fcm_iterate_with(*kernel, data->reads, data->writes, data->length, &centres), objective,
                            1e-12);
            assert_centres_near(&centres, &expected, 1e-12);
        }
    }
}

/* Also proves that the shortcut of asking a witness never changes when the run ends. */
static void test_run_agrees_with_textbook(void)
{
    for (guint32 seed = 0; seed < 60; seed++) {
        g_autoptr(Data) data = data_random(3 + 7 * seed, 1000 + seed);
        g_autoptr(Data) before = data_new(data->length);
        g_auto(FcmResult) result = {0};
        FcmCentres centres = CORNERS;
        double change = INFINITY;
        guint iterations = 0;

        for (; iterations < OPTIONS.max_iterations && change >= OPTIONS.tolerance; iterations++) {
            textbook_iterate(data->reads, data->writes, data->length, &centres, 2, data->u);
            change = iterations == 0 ? INFINITY : 0;
            for (int i = 0; i < FCM_CLUSTERS; i++) {
                for (gsize j = 0; j < data->length; j++) {
                    change = fmax(change, fabs(data->u[i][j] - before->u[i][j]));
                    before->u[i][j] = data->u[i][j];
                }
            }
        }
        fcm_run(data->reads, data->writes, data->length, &CORNERS, &OPTIONS, NULL, &result);
        g_assert_cmpuint(result.iterations, ==, iterations);
        assert_centres_near(&result.centres, &centres, 1e-10);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            for (gsize j = 0; j < data->length; j++) {
                assert_near(result.membership[i][j], data->u[i][j], 1e-9);
            }
        }
    }
}

/* A power of two changes no digit, so the results must be the same to the last bit. */
/* Tiny, small, usual and huge rates side by side: blocks in which products of distances vanish or overflow. */
/* One iteration without scaling, with centres so close or so far that only the exact path is right. */
static void test_common_factor_changes_nothing(void)
{
    static const double FACTORS[] = {1e-9, 0.37, 3, 1e4, 7e12};

    for (guint k = 0; k < G_N_ELEMENTS(FACTORS); k++) {
        g_autoptr(Data) data = data_random(300, 16);
        g_auto(FcmResult) expected = {0};
        g_auto(FcmResult) result = {0};

        run_with(fcm_kernels()[0], data, &expected);
        for (gsize j = 0; j < data->length; j++) {
            data->reads[j] *= FACTORS[k];
            data->writes[j] *= FACTORS[k];
        }
        run_with(fcm_kernels()[0], data, &result);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            for (gsize j = 0; j < data->length; j++) {
                assert_near(result.membership[i][j], expected.membership[i][j], 1e-9);
            }
        }
    }
}

static void test_order_does_not_matter(void)
{
    g_autoptr(Data) data = data_random(FCM_BLOCK + 77, 17);
    g_autoptr(Data) reversed = data_new(data->length);

    for (gsize j = 0; j < data->length; j++) {
        reversed->reads[j] = data->reads[data->length - 1 - j];
        reversed->writes[j] = data->writes[data->length - 1 - j];
    }
    EACH_KERNEL(kernel)
    {
        g_auto(FcmResult) expected = {0};
        g_auto(FcmResult) result = {0};

        run_with(*kernel, data, &expected);
        run_with(*kernel, reversed, &result);
        assert_centres_near(&result.centres, &expected.centres, 1e-10);
        for (int i = 0; i < FCM_CLUSTERS; i++) {
            for (gsize j = 0; j < data->length; j++) {
                assert_near(result.membership[i][j], expected.membership[i][data->length - 1 - j], 1e-9);
            }
        }
    }
}

static void test_run_stops_at_its_limit(void)
{
    g_autoptr(Data) data = data_random(500, 18);
    const FcmOptions options = {.max_iterations = 4, .tolerance = 0};
    g_auto(FcmResult) result = {0};
    FcmCentres centres = CORNERS;
    double objectives[4];

    fcm_run(data->reads, data->writes, data->length, &CORNERS, &options, objectives, &result);
    g_assert_false(result.has_converged);
    g_assert_cmpuint(result.iterations, ==, 4);
    for (int k = 0; k < 4; k++) {
        g_assert_cmpfloat(fcm_iterate(data->reads, data->writes, data->length, &centres), ==, objectives[k]);
    }
    assert_centres_near(&result.centres, &centres, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fcm/cosine-is-the-corrected-equation-3", test_cosine);
    g_test_add_func("/fcm/initial-centres-have-the-best-directions", test_initial_centres_are_best_directions);
    g_test_add_func("/fcm/initial-centres-are-three-samples-ties-by-index", test_initial_centres_are_three_samples);
    g_test_add_func("/fcm/initial-centres-agree-with-a-plain-search", test_initial_centres_agree_with_a_search);
    g_test_add_func("/fcm/unit-vectors-of-the-paper-converge-in-15-iterations", test_paper_with_unit_vectors);
    g_test_add_func("/fcm/raw-rates-of-the-paper-make-vm4-mixed", test_paper_with_raw_rates);
    g_test_add_func("/fcm/memberships-sum-to-one", test_memberships_sum_to_one);
    g_test_add_func("/fcm/objective-never-rises", test_objective_never_rises);
    g_test_add_func("/fcm/iteration-agrees-with-the-textbook", test_iteration_agrees_with_textbook);
    g_test_add_func("/fcm/run-agrees-with-the-textbook", test_run_agrees_with_textbook);
    g_test_add_func("/fcm/common-factor-changes-nothing", test_common_factor_changes_nothing);
    g_test_add_func("/fcm/order-of-samples-does-not-matter", test_order_does_not_matter);
    g_test_add_func("/fcm/run-stops-at-its-limit", test_run_stops_at_its_limit);
    return g_test_run();
}
