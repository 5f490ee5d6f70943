/* SPDX-License-Identifier: Apache-2.0
 *
 * model/passes.c: the series of seed 003 by its closed form and pass by pass, and each limit by itself. */
#include "model/passes.h"
#include "base/error.h"
#include "base/rng.h"

#include <math.h>

static void assert_near(double value, double expected, double relative)
{
    g_assert_cmpfloat_with_epsilon(value, expected, relative * fmax(1e-12, fabs(expected)));
}

static PassesVm geometric(double memory_mib, double dirty_mib_per_s, double bandwidth_mib_per_s)
{
    return (PassesVm){.memory_mib = memory_mib,
                      .dirty_mib_per_s = dirty_mib_per_s,
                      .working_set_mib = INFINITY,
                      .bandwidth_mib_per_s = bandwidth_mib_per_s};
}

static PassesRules unlimited(DowntimeReading reading)
{
    PassesRules rules;

    passes_rules_init(&rules);
    rules.passes_max = G_MAXUINT;
    rules.traffic_max = INFINITY;
    rules.progress_min = INFINITY;
    rules.downtime = reading;
    return rules;
}

typedef struct Vector {
    double dirty, bandwidth;
    guint n;
    double passes_s, last_s, rest_s, sent_mib;
} Vector;

/* 2000 MiB, threshold 100 MiB; 119.21 MiB/s is 1 Gbit/s, 11.92 a tenth of it. */
static const Vector VECTORS[] = {
    {100, 128, 13, 69.17, 0.631, 0.493, 8854},
    {100, 1e9 / 8 / 0x1p20, 18, 100.42, 0.710, 0.595, 11971},
    {50, 128, 4, 25.41, 0.364, 0.142, 3252},
    {1e8 / 8 / 0x1p20, 1e9 / 8 / 0x1p20, 2, 18.62, 0.168, 0.017, 2220},
};

static void test_vectors(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(VECTORS); i++) {
        const Vector *v = &VECTORS[i];
        PassesVm vm = geometric(2000, v->dirty, v->bandwidth);
        PassesRules rest = unlimited(DOWNTIME_REST);
        PassesRules last = unlimited(DOWNTIME_LAST);
        PassesCost cost;

        g_assert_true(passes_closed_form(&vm, &last, &cost, NULL));
        g_assert_cmpuint(cost.resent_passes, ==, v->n);
        g_assert_cmpfloat_with_epsilon(cost.passes_s, v->passes_s, 0.005);
        g_assert_cmpfloat_with_epsilon(cost.downtime_s, v->last_s + 0.020, 0.0005);
        g_assert_cmpfloat_with_epsilon(cost.total_s, v->passes_s + 0.020, 0.005);
        g_assert_cmpfloat_with_epsilon(cost.sent_mib, v->sent_mib, 0.5);
        g_assert_true(passes_closed_form(&vm, &rest, &cost, NULL));
        g_assert_cmpuint(cost.resent_passes, ==, v->n);
        g_assert_cmpfloat_with_epsilon(cost.passes_s, v->passes_s, 0.005);
        g_assert_cmpfloat_with_epsilon(cost.downtime_s, v->rest_s + 0.020, 0.0006);
        g_assert_cmpfloat_with_epsilon(cost.total_s, v->passes_s + v->rest_s + 0.020, 0.006);
    }
}

static void assert_same_cost(const PassesCost *a, const PassesCost *b)
{
    g_assert_cmpuint(a->resent_passes, ==, b->resent_passes);
    assert_near(a->passes_s, b->passes_s, 1e-9);
    assert_near(a->downtime_s, b->downtime_s, 1e-9);
    assert_near(a->total_s, b->total_s, 1e-9);
    assert_near(a->sent_mib, b->sent_mib, 1e-9);
    assert_near(a->rest_mib, b->rest_mib, 1e-9);
    g_assert_cmpint(a->end, ==, b->end);
}

static void test_both_ways_agree(void)
{
    Rng rng = rng_new(3);

    for (guint i = 0; i < 20000; i++) {
        PassesRules rules = unlimited(i % 2 ? DOWNTIME_REST : DOWNTIME_LAST);
        double bandwidth = rng_range(&rng, 1, 1000);
        PassesVm vm = geometric(rng_range(&rng, 10, 64000), bandwidth * rng_range(&rng, 0, 0.98), bandwidth);
        vm.dirty_mib_per_s *= i % 10 > 0; /* some that write nothing */
        PassesCost closed;

        rules.threshold_mib = rng_range(&rng, 1, 200);
        g_assert_true(passes_closed_form(&vm, &rules, &closed, NULL));
        PassesCost run = passes_run(&vm, &rules);
        assert_same_cost(&run, &closed);
    }
}

static void test_sum_is_the_sum(void)
{
    static const double LAMBDAS[] = {0, 0.1, 0.5, 0.99, 1, 1.01, 1.56};

    for (gsize i = 0; i < G_N_ELEMENTS(LAMBDAS); i++) {
        double sum = 0;

        for (guint n = 0; n < 31; n++) {
            sum += 2000 / 128.0 * pow(LAMBDAS[i], n);
            assert_near(passes_sum_s(2000, 128, LAMBDAS[i], n), sum, 1e-11);
        }
    }
    assert_near(passes_sum_s(2000, 128, 1, 4), 5 * 2000 / 128.0, 1e-15);
}

static void test_no_sum_is_an_error(void)
{
    PassesRules rules = unlimited(DOWNTIME_REST);
    static const double DIRTY[] = {128, 200, INFINITY, NAN};

    for (gsize i = 0; i < G_N_ELEMENTS(DIRTY); i++) {
        g_autoptr(GError) error = NULL;
        PassesVm vm = geometric(2000, DIRTY[i], 128);
        PassesCost cost;

        g_assert_false(passes_closed_form(&vm, &rules, &cost, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
    }
    g_autoptr(GError) error = NULL;
    PassesVm vm = geometric(2000, 1, 128);
    PassesCost cost;
    rules.threshold_mib = 0;
    g_assert_false(passes_closed_form(&vm, &rules, &cost, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
}

static void test_nothing_written(void)
{
    PassesVm vm = geometric(2000, 0, 128);
    PassesRules rest = unlimited(DOWNTIME_REST);
    PassesCost cost = passes_run(&vm, &rest);

    g_assert_cmpuint(cost.resent_passes, ==, 0);
    assert_near(cost.total_s, 2000 / 128.0 + 0.020, 1e-12);
    assert_near(cost.downtime_s, 0.020, 1e-12);
    assert_near(cost.sent_mib, 2000, 1e-12);
}

static void test_memory_within_threshold(void)
{
    PassesVm vm = geometric(64, 32, 128);
    PassesRules rest = unlimited(DOWNTIME_REST);
    PassesRules last = unlimited(DOWNTIME_LAST);
    PassesCost cost = passes_run(&vm, &rest);

    g_assert_cmpuint(cost.resent_passes, ==, 0);
    assert_near(cost.passes_s, 0.5, 1e-12);
    assert_near(cost.downtime_s, 0.5 * 0.25 + 0.020, 1e-12);
    cost = passes_run(&vm, &last);
    g_assert_cmpuint(cost.resent_passes, ==, 0);
    assert_near(cost.downtime_s, 0.5 + 0.020, 1e-12);
    assert_near(cost.total_s, 0.5 + 0.020, 1e-12);
}

static void test_as_fast_as_the_link(void)
{
    PassesVm vm = geometric(2000, 128, 128);
    PassesRules rules;

    passes_rules_init(&rules);
    PassesCost cost = passes_run(&vm, &rules);
    g_assert_cmpint(cost.end, ==, PASSES_NO_PROGRESS); /* the second pass and the third are as long as the first */
    g_assert_cmpuint(cost.resent_passes, ==, 1);
    assert_near(cost.rest_mib, 2000, 1e-12);
    assert_near(cost.sent_mib, 6000, 1e-12);
}

static void test_working_set_bounds_a_pass(void)
{
    PassesVm vm = geometric(2000, 1000, 128);
    PassesRules rules;

    passes_rules_init(&rules);
    vm.working_set_mib = 80;
    PassesCost cost = passes_run(&vm, &rules);
    g_assert_cmpint(cost.end, ==, PASSES_CONVERGED);
    assert_near(cost.sent_mib, 2000 + 80 + 80, 1e-12);
    assert_near(cost.rest_mib, 80, 1e-12);
    vm.working_set_mib = 500;
    cost = passes_run(&vm, &rules);
    g_assert_cmpint(cost.end, ==, PASSES_NO_PROGRESS); /* 2000 500 500 500 */
    assert_near(cost.sent_mib, 2000 + 3 * 500, 1e-12);
    vm.working_set_mib = 1e6; /* more than there is */
    cost = passes_run(&vm, &rules);
    assert_near(cost.rest_mib, 2000, 1e-12);
}

static void test_limits(void)
{
    PassesVm vm = geometric(2000, 0.95 * 128, 128);
    PassesRules rules = unlimited(DOWNTIME_REST);

    rules.passes_max = 5;
    PassesCost cost = passes_run(&vm, &rules);
    g_assert_cmpint(cost.end, ==, PASSES_CAP);
    g_assert_cmpuint(cost.resent_passes, ==, 4);
    assert_near(cost.rest_mib, 2000 * pow(0.95, 5), 1e-12);
    rules.passes_max = 30;
    rules.traffic_max = 3;
    cost = passes_run(&vm, &rules);
    g_assert_cmpint(cost.end, ==, PASSES_TRAFFIC);
    g_assert_cmpuint(cost.resent_passes, ==, 3); /* 1 + 0.95 + 0.90 + 0.86 memories is the first sum above 3 */
    assert_near(cost.sent_mib, 2000 * (1 - pow(0.95, 5)) / 0.05, 1e-12);
    rules.traffic_max = INFINITY;
    rules.progress_min = 0.9;
    cost = passes_run(&vm, &rules);
    g_assert_cmpint(cost.end, ==, PASSES_NO_PROGRESS);
    g_assert_cmpuint(cost.resent_passes, ==, 1);
}

static void test_throttled_between_passes(void)
{
    PassesVm vm = geometric(1000, 200, 100);
    PassesRules rules;
    PassesState state;

    passes_rules_init(&rules);
    passes_begin(&state, &vm, &rules);
    g_assert_false(state.guest_stops);
    g_assert_true(passes_next(&state, 10));
    assert_near(state.pass_mib, 1000, 1e-12);
    state.dirty_mib_per_s = 20;
    g_assert_true(passes_next(&state, 10));
    assert_near(state.pass_mib, 200, 1e-12);
    g_assert_true(passes_next(&state, 1)); /* a faster link for once: 20 MiB, the last */
    g_assert_true(state.is_final);
    g_assert_false(passes_next(&state, 0.2));
    g_assert_true(state.guest_stops);
    assert_near(state.pass_mib, 4, 1e-12);
    assert_near(state.sent_mib, 2220, 1e-12);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/passes/the-four-vectors", test_vectors);
    g_test_add_func("/passes/closed-form-equals-pass-by-pass", test_both_ways_agree);
    g_test_add_func("/passes/sum-for-every-lambda", test_sum_is_the_sum);
    g_test_add_func("/passes/no-sum-is-an-error", test_no_sum_is_an_error);
    g_test_add_func("/passes/nothing-written", test_nothing_written);
    g_test_add_func("/passes/memory-within-the-threshold", test_memory_within_threshold);
    g_test_add_func("/passes/dirty-rate-equals-bandwidth", test_as_fast_as_the_link);
    g_test_add_func("/passes/working-set-bounds-a-pass", test_working_set_bounds_a_pass);
    g_test_add_func("/passes/each-limit-strikes", test_limits);
    g_test_add_func("/passes/throttled-between-passes", test_throttled_between_passes);
    return g_test_run();
}
