/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/decide/decide.c: the tree of seed 000's figure 3, and that each choice says why. */
#include "decide/decide.h"

#include <math.h>

static Classification *classification_of(VmClass vm_class, double membership, double reads, double writes)
{
    Classification *result = classification_new("vm");

    result->vm_class = vm_class;
    if (vm_class < CLUSTERS) {
        for (int i = 0; i < CLUSTERS; i++) {
            result->membership[i] = (1 - membership) / 2;
        }
        result->membership[vm_class] = membership;
    }
    result->mean_read_pages_per_s = result->smoothed_read_pages_per_s = reads;
    result->mean_written_pages_per_s = result->smoothed_written_pages_per_s = writes;
    return result;
}

/* Takes 'classification'; the caller frees the choice. */
static Choice *decide_one(Policy policy, Classification *classification)
{
    g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func((GDestroyNotify)classification_free);
    g_autoptr(GPtrArray) choices = NULL;

    g_ptr_array_add(given, classification);
    choices = decide(policy, given);
    g_assert_cmpuint(choices->len, ==, 1);
    return choice_copy(g_ptr_array_index(choices, 0));
}

static void assert_says(const Choice *choice, const char *words)
{
    if (!strstr(choice->reason, words)) {
        g_test_message("'%s' lacks '%s'", choice->reason, words);
        g_test_fail();
    }
}

static void assert_algorithm(const Choice *choice, Algorithm expected)
{
    g_assert_cmpstr(algorithm_name(choice->algorithm), ==, algorithm_name(expected));
}

static void test_read_is_pre_copied(void)
{
    g_autoptr(Choice) choice = decide_one(POLICY_PAPER, classification_of(VM_CLASS_READ, 0.97, 20480, 12));

    assert_algorithm(choice, ALGORITHM_PRE_COPY);
    assert_says(choice, "read-intensive (membership 0.97)");
    assert_says(choice, "reads 20480 pages/s against 12 written");
}

static void test_write_is_post_copied_and_says_so(void)
{
    g_autoptr(Choice) choice = decide_one(POLICY_PAPER, classification_of(VM_CLASS_WRITE, 0.98, 310, 20480));

    assert_algorithm(choice, ALGORITHM_POST_COPY);
    assert_says(choice, "write-intensive (membership 0.98): writes 20480 pages/s against 310 read");
    assert_says(choice, "pre-copy would send the same pages again and again");
    assert_says(choice, "post-copy sends each once");
    assert_says(choice, "cannot go back");
}

static void test_mixed_goes_by_smoothed_rates(void)
{
    Classification *classification = classification_of(VM_CLASS_MIXED, 0.6, 100, 900);
    g_autoptr(Choice) falling = NULL;
    g_autoptr(Choice) rising = NULL;

    classification->smoothed_read_pages_per_s = 500; /* the means say the contrary and must not count */
    classification->smoothed_written_pages_per_s = 400;
    falling = decide_one(POLICY_PAPER, classification_copy(classification));
    assert_algorithm(falling, ALGORITHM_PRE_COPY);
    assert_says(falling, "it will read 500 pages/s against 400 written");
    classification->smoothed_written_pages_per_s = 501;
    rising = decide_one(POLICY_PAPER, classification);
    assert_algorithm(rising, ALGORITHM_POST_COPY);
    assert_says(rising, "it will write 501 pages/s against 500 read");
    assert_says(rising, "cannot go back");
}

static void test_equal_rates_are_pre_copied(void)
{
    g_autoptr(Choice) choice = decide_one(POLICY_PAPER, classification_of(VM_CLASS_MIXED, 0.6, 300, 300));

    assert_algorithm(choice, ALGORITHM_PRE_COPY);
    assert_says(choice, "safer");
}

static void test_mixed_without_series_is_pre_copied(void)
{
    g_autoptr(Choice) choice = decide_one(POLICY_PAPER, classification_of(VM_CLASS_MIXED, 0.6, NAN, 300));

    assert_algorithm(choice, ALGORITHM_PRE_COPY);
    assert_says(choice, "without a series");
}

static void test_idle_and_unknown_are_pre_copied(void)
{
    g_autoptr(Choice) idle = decide_one(POLICY_PAPER, classification_of(VM_CLASS_IDLE, 0, 0, 0));
    g_autoptr(Choice) unknown = decide_one(POLICY_PAPER, classification_of(VM_CLASS_UNKNOWN, 0, NAN, NAN));

    assert_algorithm(idle, ALGORITHM_PRE_COPY);
    assert_says(idle, "idle: touched 0 pages/s");
    assert_algorithm(unknown, ALGORITHM_PRE_COPY);
    assert_says(unknown, "not measured");
    g_assert_null(strstr(unknown->reason, "nan"));
}

static void test_fixed_policies_choose_one_algorithm(void)
{
    static const struct {
        Policy policy;
        Algorithm algorithm;
    } ROWS[] = {{POLICY_PRE_COPY, ALGORITHM_PRE_COPY},
                {POLICY_POST_COPY, ALGORITHM_POST_COPY},
                {POLICY_HYBRID, ALGORITHM_HYBRID}};

    for (guint k = 0; k < G_N_ELEMENTS(ROWS); k++) {
        for (int vm_class = 0; vm_class <= VM_CLASS_UNKNOWN; vm_class++) {
            double rate = vm_class == VM_CLASS_UNKNOWN ? NAN : 250;
            g_autoptr(Choice) choice =
                decide_one(ROWS[k].policy, classification_of((VmClass)vm_class, 0.5, rate, rate));

            assert_algorithm(choice, ROWS[k].algorithm);
            assert_says(choice, policy_name(ROWS[k].policy));
            g_assert_null(strstr(choice->reason, "nan"));
            g_assert_cmpint(strstr(choice->reason, "250") != NULL, ==, vm_class != VM_CLASS_UNKNOWN);
            g_assert_cmpint(strstr(choice->reason, "cannot go back") != NULL, ==,
                            ROWS[k].algorithm != ALGORITHM_PRE_COPY);
        }
    }
}

static void test_order_and_content_are_kept(void)
{
    g_autoptr(GPtrArray) given = g_ptr_array_new_with_free_func((GDestroyNotify)classification_free);
    g_autoptr(GPtrArray) choices = NULL;

    for (int i = 0; i < 5; i++) {
        Classification *classification = classification_of((VmClass)i, 0.9, 10 + i, 20 + i);

        g_free(classification->vm);
        classification->vm = g_strdup_printf("vm%d", i);
        g_ptr_array_add(given, classification);
    }
    choices = decide(POLICY_PAPER, given);
    g_assert_cmpuint(choices->len, ==, 5);
    for (int i = 0; i < 5; i++) {
        const Choice *choice = g_ptr_array_index(choices, i);
        const Classification *original = g_ptr_array_index(given, i);

        g_assert_cmpstr(choice->classification->vm, ==, original->vm);
        g_assert_true(choice->classification != original);
        g_assert_cmpfloat(choice->classification->mean_read_pages_per_s, ==, 10 + i);
        g_assert_true(choice->classification->vm_class == (VmClass)i);
        g_assert_null(strchr(choice->reason, '\n'));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/decide/read-intensive-is-pre-copied", test_read_is_pre_copied);
    g_test_add_func("/decide/write-intensive-is-post-copied-and-says-so", test_write_is_post_copied_and_says_so);
    g_test_add_func("/decide/mixed-goes-by-smoothed-rates", test_mixed_goes_by_smoothed_rates);
    g_test_add_func("/decide/equal-rates-are-pre-copied", test_equal_rates_are_pre_copied);
    g_test_add_func("/decide/mixed-without-series-is-pre-copied", test_mixed_without_series_is_pre_copied);
    g_test_add_func("/decide/idle-and-unknown-are-pre-copied", test_idle_and_unknown_are_pre_copied);
    g_test_add_func("/decide/fixed-policies-choose-one-algorithm", test_fixed_policies_choose_one_algorithm);
    g_test_add_func("/decide/order-and-content-are-kept", test_order_and_content_are_kept);
    return g_test_run();
}
