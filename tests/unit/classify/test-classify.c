/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/classify/classify.c: Table 1 of seed 000, every case on which the paper is silent, and what must not
 * matter. */
#include "classify/classify.h"
#include "base/error.h"

#include <math.h>

typedef double Rates[2]; /* reads, writes */

/* The loads of seed 000 section 4.1, as pages: 8 MB read, 8 MB written, 2 MB half and half, 2 MB 1:3. */
static const Rates PAPER[] = {{2048, 0}, {0, 2048}, {256, 256}, {128, 384}};

static Profile *profile_of(const char *vm, double reads, double writes)
{
    Profile *profile = profile_new(vm, 10);

    for (gsize t = 0; t < profile->periods; t++) {
        profile->read_pages_per_s[t] = reads;
        profile->written_pages_per_s[t] = writes;
    }
    profile_update_means(profile);
    return profile;
}

static GPtrArray *profiles_of(const Rates *rates, guint length)
{
    GPtrArray *profiles = g_ptr_array_new_with_free_func((GDestroyNotify)profile_free);

    for (guint i = 0; i < length; i++) {
        g_autofree char *vm = g_strdup_printf("vm%u", i + 1);

        g_ptr_array_add(profiles, profile_of(vm, rates[i][0], rates[i][1]));
    }
    return profiles;
}

static GPtrArray *classify_profiles(GPtrArray *profiles, Features features)
{
    g_autoptr(GError) error = NULL;
    ClassifyOptions options;
    GPtrArray *result;

    classify_options_init(&options);
    options.features = features;
    result = classify(profiles, &options, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result->len, ==, profiles->len);
    return result;
}

static GPtrArray *classify_rates(const Rates *rates, guint length, Features features)
{
    g_autoptr(GPtrArray) profiles = profiles_of(rates, length);

    return classify_profiles(profiles, features);
}

static const Classification *at(GPtrArray *classifications, guint index)
{
    return g_ptr_array_index(classifications, index);
}

static void assert_class(GPtrArray *classifications, guint index, VmClass expected)
{
    g_assert_cmpstr(vm_class_name(at(classifications, index)->vm_class), ==, vm_class_name(expected));
}

static void assert_not_clustered(GPtrArray *classifications, guint index)
{
    for (int i = 0; i < CLUSTERS; i++) {
        g_assert_true(isnan(at(classifications, index)->membership[i]));
    }
}

static void test_table_1_with_unit_features(void)
{
    g_autoptr(GPtrArray) result = classify_rates(PAPER, 4, FEATURES_UNIT);

    assert_class(result, 0, VM_CLASS_READ);
    assert_class(result, 1, VM_CLASS_WRITE);
    assert_class(result, 2, VM_CLASS_MIXED);
    assert_class(result, 3, VM_CLASS_WRITE);
    g_assert_cmpfloat_with_epsilon(at(result, 3)->membership[VM_CLASS_WRITE], 0.845, 0.5e-3);
    g_assert_cmpfloat_with_epsilon(at(result, 3)->membership[VM_CLASS_MIXED], 0.135, 0.5e-3);
}

static void test_raw_features_make_vm4_mixed(void)
{
    g_autoptr(GPtrArray) result = classify_rates(PAPER, 4, FEATURES_RAW);

    assert_class(result, 0, VM_CLASS_READ);
    assert_class(result, 1, VM_CLASS_WRITE);
    assert_class(result, 2, VM_CLASS_MIXED);
    assert_class(result, 3, VM_CLASS_MIXED);
    g_assert_cmpfloat_with_epsilon(at(result, 3)->membership[VM_CLASS_MIXED], 0.995, 0.5e-3);
}

static void test_impossible_rates_are_refused(void)
{
    static const double BAD[] = {NAN, INFINITY, -1, -0.001};
    ClassifyOptions options;

    classify_options_init(&options);
    for (guint k = 0; k < 4 * G_N_ELEMENTS(BAD); k++) {
        g_autoptr(GPtrArray) profiles = profiles_of(PAPER, 4);
        Profile *bad = g_ptr_array_index(profiles, 2);
        g_autoptr(GError) error = NULL;
        double *places[] = {&bad->mean_read_pages_per_s, &bad->mean_written_pages_per_s, &bad->read_pages_per_s[9],
                            &bad->written_pages_per_s[0]};

        *places[k / 4] = BAD[k % 4];
        g_assert_null(classify(profiles, &options, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_nonnull(strstr(error->message, "vm3"));
        g_assert_nonnull(strstr(error->message, k / 4 % 2 ? "write" : "read"));
    }
}

/* Without an agent only writes are known: the VM is not clustered, and its reads stay unknown. */
static void test_writes_alone(void)
{
    g_autoptr(GPtrArray) profiles = profiles_of(PAPER, 4);
    Profile *busy = profile_of("busy", 0, 600);
    Profile *quiet = profile_of("quiet", 0, 500);
    g_autoptr(GPtrArray) result = NULL;

    busy->reads_unknown = quiet->reads_unknown = TRUE;
    g_ptr_array_add(profiles, busy);
    g_ptr_array_add(profiles, quiet);
    result = classify_profiles(profiles, FEATURES_UNIT);
    assert_class(result, 4, VM_CLASS_WRITE);
    assert_class(result, 5, VM_CLASS_UNKNOWN); /* below 2 MiB/s */
    assert_not_clustered(result, 4);
    g_assert_true(isnan(at(result, 4)->mean_read_pages_per_s));
    g_assert_cmpfloat(at(result, 4)->mean_written_pages_per_s, ==, 600);
    assert_class(result, 3, VM_CLASS_WRITE); /* the paper's VM4, not disturbed */
}

static void test_unobserved_is_unknown(void)
{
    g_autoptr(GPtrArray) profiles = profiles_of(PAPER, 4);
    Profile *unseen = profile_new("unseen", 10);
    Profile *brief = profile_new("brief", 0);
    g_autoptr(GPtrArray) result = NULL;

    unseen->fate = PROFILE_FATE_UNOBSERVED;
    unseen->read_pages_per_s[3] = NAN; /* nobody looks */
    g_ptr_array_insert(profiles, 0, unseen);
    g_ptr_array_add(profiles, brief);
    result = classify_profiles(profiles, FEATURES_UNIT);
    assert_class(result, 0, VM_CLASS_UNKNOWN);
    assert_class(result, 5, VM_CLASS_UNKNOWN);
    assert_not_clustered(result, 0);
    assert_not_clustered(result, 5);
    g_assert_true(isnan(at(result, 0)->smoothed_read_pages_per_s));
    g_assert_true(isnan(at(result, 5)->mean_read_pages_per_s));
    assert_class(result, 4, VM_CLASS_WRITE); /* the paper's VM4, not disturbed */
    g_assert_cmpfloat_with_epsilon(at(result, 4)->membership[VM_CLASS_WRITE], 0.845, 0.5e-3);
}

static void test_partly_observed_counts(void)
{
    static const ProfileFate FATES[] = {PROFILE_FATE_STARTED_LATE, PROFILE_FATE_STOPPED, PROFILE_FATE_MIGRATED_AWAY};

    for (guint k = 0; k < G_N_ELEMENTS(FATES); k++) {
        g_autoptr(GPtrArray) profiles = profiles_of(PAPER, 4);
        g_autoptr(GPtrArray) result = NULL;

        ((Profile *)g_ptr_array_index(profiles, 0))->fate = FATES[k];
        result = classify_profiles(profiles, FEATURES_UNIT);
        assert_class(result, 0, VM_CLASS_READ);
    }
}

static void test_idle_is_not_clustered(void)
{
    static const Rates WITH_IDLE[] = {{0, 0}, {2048, 0}, {0, 2048}, {0, 0}, {256, 256}, {128, 384}};
    g_autoptr(GPtrArray) result = classify_rates(WITH_IDLE, 6, FEATURES_RAW);
    g_autoptr(GPtrArray) without = classify_rates(PAPER, 4, FEATURES_RAW);

    assert_class(result, 0, VM_CLASS_IDLE);
    assert_class(result, 3, VM_CLASS_IDLE);
    assert_not_clustered(result, 0);
    g_assert_cmpfloat(at(result, 0)->smoothed_written_pages_per_s, ==, 0);
    for (int i = 0; i < CLUSTERS; i++) {
        g_assert_cmpfloat(at(result, 5)->membership[i], ==, at(without, 3)->membership[i]);
    }
}

static void test_one_vm_is_mixed(void)
{
    static const Rates ONES[] = {{100, 5}, {0, 70}, {70, 0}, {3, 3}};

    for (guint k = 0; k < G_N_ELEMENTS(ONES); k++) {
        g_autoptr(GPtrArray) result = classify_rates(&ONES[k], 1, FEATURES_UNIT);

        assert_class(result, 0, VM_CLASS_MIXED);
        assert_not_clustered(result, 0);
    }
}

static void test_two_vms_go_by_direction(void)
{
    static const Rates APART[] = {{100, 5}, {5, 100}};
    static const Rates MIDDLE[] = {{100, 60}, {1, 90}};
    static const Rates ALIKE[] = {{10, 20}, {10, 20}};
    g_autoptr(GPtrArray) apart = classify_rates(APART, 2, FEATURES_UNIT);
    g_autoptr(GPtrArray) middle = classify_rates(MIDDLE, 2, FEATURES_RAW);
    g_autoptr(GPtrArray) alike = classify_rates(ALIKE, 2, FEATURES_UNIT);

    assert_class(apart, 0, VM_CLASS_READ);
    assert_class(apart, 1, VM_CLASS_WRITE);
    assert_not_clustered(apart, 0);
    assert_class(middle, 0, VM_CLASS_MIXED);
    assert_class(middle, 1, VM_CLASS_WRITE);
    assert_class(alike, 0, VM_CLASS_MIXED);
    assert_class(alike, 1, VM_CLASS_MIXED);
}

static void test_one_sided_data_has_one_class(void)
{
    static const Rates READERS[] = {{10, 0}, {2000, 0}, {1, 0}, {0, 0}};
    static const Rates WRITERS[] = {{0, 10}, {0, 2000}, {0, 1}};
    g_autoptr(GPtrArray) readers = classify_rates(READERS, 4, FEATURES_UNIT);
    g_autoptr(GPtrArray) writers = classify_rates(WRITERS, 3, FEATURES_RAW);

    for (guint i = 0; i < 3; i++) {
        assert_class(readers, i, VM_CLASS_READ);
        assert_class(writers, i, VM_CLASS_WRITE);
        assert_not_clustered(readers, i);
    }
    assert_class(readers, 3, VM_CLASS_IDLE);
}

static void test_identical_vms_are_mixed(void)
{
    static const Rates SAME[] = {{7, 3}, {7, 3}, {7, 3}, {7, 3}};
    static const Rates SAME_DIRECTION[] = {{1, 3}, {0.1, 0.3}, {0.7, 2.1}, {10, 30}};

    for (int k = 0; k < 2; k++) {
        g_autoptr(GPtrArray) result = classify_rates(k ? SAME_DIRECTION : SAME, 4, FEATURES_UNIT);

        for (guint i = 0; i < 4; i++) {
            assert_class(result, i, VM_CLASS_MIXED);
            g_assert_cmpfloat_with_epsilon(at(result, i)->membership[VM_CLASS_READ], 1.0 / 3, 1e-12);
        }
    }
}

/* Two initial centres are the same direction, computed from different rates: an ulp must not decide. */
static void test_coincident_centres_make_mixed(void)
{
    static const Rates RATES[] = {{20, 3}, {5, 1}, {1, 1}, {3, 3}, {5, 5}};
    g_autoptr(GPtrArray) result = classify_rates(RATES, 5, FEATURES_UNIT);

    assert_class(result, 0, VM_CLASS_READ);
    for (guint i = 2; i < 5; i++) {
        assert_class(result, i, VM_CLASS_MIXED);
        g_assert_cmpfloat_with_epsilon(at(result, i)->membership[VM_CLASS_WRITE],
                                       at(result, i)->membership[VM_CLASS_MIXED], 1e-9);
    }
}

/* Here the centre that begins as "read" ends with a smaller share of reads than the one that begins as "mixed". */
static void test_clusters_are_named_anew_by_share_of_reads(void)
{
    static const Rates RATES[] = {{3, 3}, {50, 100}, {100, 50}, {20, 2}, {3, 2}, {100, 20}};
    g_autoptr(GPtrArray) result = classify_rates(RATES, 6, FEATURES_RAW);

    assert_class(result, 1, VM_CLASS_WRITE);
    assert_class(result, 2, VM_CLASS_MIXED);
    assert_class(result, 3, VM_CLASS_READ);
    assert_class(result, 5, VM_CLASS_MIXED);
    g_assert_cmpfloat_with_epsilon(at(result, 3)->membership[VM_CLASS_READ], 0.971, 1e-3);
    g_assert_cmpfloat_with_epsilon(at(result, 2)->membership[VM_CLASS_MIXED], 0.936, 1e-3);
}

static void test_rates_are_handed_on(void)
{
    g_autoptr(GPtrArray) profiles = profiles_of(PAPER, 4);
    g_autoptr(GPtrArray) result = NULL;
    Profile *profile = g_ptr_array_index(profiles, 1);

    for (gsize t = 0; t < 10; t++) {
        profile->written_pages_per_s[t] = (double)t + 1;
    }
    profile_update_means(profile);
    profile->dirty_bytes_per_page = 640;
    profile->working_set_bytes = 8e6;
    result = classify_profiles(profiles, FEATURES_UNIT);
    g_assert_cmpstr(at(result, 1)->vm, ==, "vm2");
    g_assert_cmpfloat(at(result, 1)->mean_written_pages_per_s, ==, 5.5);
    g_assert_cmpfloat_with_epsilon(at(result, 1)->smoothed_written_pages_per_s, 7.887938945, 1e-9);
    g_assert_cmpfloat(at(result, 1)->smoothed_read_pages_per_s, ==, 0);
    g_assert_cmpfloat(at(result, 1)->dirty_bytes_per_page, ==, 640);
    g_assert_cmpfloat(at(result, 1)->working_set_bytes, ==, 8e6);
}

#define RANDOM_VMS 40

static void random_rates(Rates *rates, guint32 seed)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(seed);

    for (guint i = 0; i < RANDOM_VMS; i++) {
        rates[i][0] = g_rand_double_range(rand, 0, 20000);
        rates[i][1] = g_rand_double_range(rand, 0, 20000);
    }
}

static void assert_same(const Classification *left, const Classification *right)
{
    g_assert_cmpstr(vm_class_name(left->vm_class), ==, vm_class_name(right->vm_class));
    for (int i = 0; i < CLUSTERS; i++) {
        g_assert_cmpfloat_with_epsilon(left->membership[i], right->membership[i], 1e-8);
    }
}

static void test_order_does_not_matter(void)
{
    for (guint32 seed = 0; seed < 40; seed++) {
        Features features = seed % 2 ? FEATURES_RAW : FEATURES_UNIT;
        Rates rates[RANDOM_VMS];
        Rates turned[RANDOM_VMS];

        random_rates(rates, seed);
        for (guint i = 0; i < RANDOM_VMS; i++) {
            turned[i][0] = rates[(i * 7 + 3) % RANDOM_VMS][0];
            turned[i][1] = rates[(i * 7 + 3) % RANDOM_VMS][1];
        }
        g_autoptr(GPtrArray) result = classify_rates(rates, RANDOM_VMS, features);
        g_autoptr(GPtrArray) other = classify_rates(turned, RANDOM_VMS, features);

        for (guint i = 0; i < RANDOM_VMS; i++) {
            assert_same(at(other, i), at(result, (i * 7 + 3) % RANDOM_VMS));
        }
    }
}

/* Unit features: a factor for each VM.  Raw features: one factor for all. */
static void test_scale_does_not_matter(void)
{
    for (guint32 seed = 0; seed < 40; seed++) {
        g_autoptr(GRand) rand = g_rand_new_with_seed(seed);
        Features features = seed % 2 ? FEATURES_RAW : FEATURES_UNIT;
        double factor = pow(10, g_rand_double_range(rand, -6, 6));
        Rates rates[RANDOM_VMS];
        Rates scaled[RANDOM_VMS];

        random_rates(rates, 100 + seed);
        for (guint i = 0; i < RANDOM_VMS; i++) {
            factor = features == FEATURES_UNIT ? pow(10, g_rand_double_range(rand, -6, 6)) : factor;
            scaled[i][0] = rates[i][0] * factor;
            scaled[i][1] = rates[i][1] * factor;
        }
        g_autoptr(GPtrArray) result = classify_rates(rates, RANDOM_VMS, features);
        g_autoptr(GPtrArray) other = classify_rates(scaled, RANDOM_VMS, features);

        for (guint i = 0; i < RANDOM_VMS; i++) {
            assert_same(at(other, i), at(result, i));
        }
    }
}

static void test_no_vm_gives_no_class(void)
{
    g_autoptr(GPtrArray) result = classify_rates(NULL, 0, FEATURES_UNIT);

    g_assert_cmpuint(result->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/classify/unit-features-give-table-1-of-the-paper", test_table_1_with_unit_features);
    g_test_add_func("/classify/raw-features-make-vm4-mixed", test_raw_features_make_vm4_mixed);
    g_test_add_func("/classify/impossible-rates-are-refused-by-name", test_impossible_rates_are_refused);
    g_test_add_func("/classify/unobserved-vm-is-unknown", test_unobserved_is_unknown);
    g_test_add_func("/classify/writes-alone-are-write-from-2-mib-per-s-on", test_writes_alone);
    g_test_add_func("/classify/partly-observed-vm-counts", test_partly_observed_counts);
    g_test_add_func("/classify/idle-vm-is-not-clustered", test_idle_is_not_clustered);
    g_test_add_func("/classify/one-vm-alone-is-mixed", test_one_vm_is_mixed);
    g_test_add_func("/classify/two-vms-go-by-direction", test_two_vms_go_by_direction);
    g_test_add_func("/classify/one-sided-data-has-one-class", test_one_sided_data_has_one_class);
    g_test_add_func("/classify/identical-vms-are-mixed", test_identical_vms_are_mixed);
    g_test_add_func("/classify/coincident-centres-make-mixed", test_coincident_centres_make_mixed);
    g_test_add_func("/classify/clusters-are-named-anew-by-share-of-reads",
                    test_clusters_are_named_anew_by_share_of_reads);
    g_test_add_func("/classify/rates-are-handed-on", test_rates_are_handed_on);
    g_test_add_func("/classify/order-of-vms-does-not-matter", test_order_does_not_matter);
    g_test_add_func("/classify/scale-does-not-matter-where-it-must-not", test_scale_does_not_matter);
    g_test_add_func("/classify/no-vm-gives-no-class", test_no_vm_gives_no_class);
    return g_test_run();
}
