/* SPDX-License-Identifier: Apache-2.0
 *
 * model/relay-passes.c: against the closed form of the series, against plain pre-copy where they must agree, and what
 * dirty bytes inside pages change. */
#include "model/relay-passes.h"
#include "base/rng.h"

#include <math.h>

static void assert_near(double value, double expected, double relative)
{
    g_assert_cmpfloat_with_epsilon(value, expected, relative * fmax(1e-12, fabs(expected)));
}

static PassesRules rules_of(double threshold_mib)
{
    PassesRules rules;

    passes_rules_init(&rules);
    rules.threshold_mib = threshold_mib;
    rules.passes_max = 1000;
    rules.traffic_max = INFINITY;
    rules.progress_min = INFINITY;
    rules.downtime = DOWNTIME_LAST;
    return rules;
}

/* Nothing but the link is waited for, and b stays. */
static RelayCosts ideal(double first_share)
{
    RelayCosts costs;

    relay_costs_init(&costs);
    costs.first_share = first_share;
    costs.first_mib_per_s = costs.again_mib_per_s = INFINITY;
    costs.writes_move = FALSE;
    return costs;
}

/* lambda = d (b + h) / B, the first pass being first_share of the memory: the series of seed 003 with other numbers. */
static void test_closed_form(void)
{
    Rng rng = rng_new(2);

    for (guint i = 0; i < 1000; i++) {
        RelayCosts costs = ideal(rng_range(&rng, 0.3, 1));
        double memory = rng_range(&rng, 200, 8000), bandwidth = rng_range(&rng, 10, 1000);
        double b = rng_range(&rng, 8, 4000), lambda = rng_range(&rng, 0.05, 0.95);
        double page = b + 16;
        double pages_per_s = lambda * bandwidth * 0x1p20 / page;
        PassesVm series = {memory * costs.first_share, lambda * bandwidth, INFINITY, bandwidth};
        RelayVm vm = {{memory, pages_per_s * 4096 / 0x1p20, INFINITY, bandwidth}, b};
        PassesRules rules = rules_of(memory * rng_range(&rng, 0.001, 0.1));
        PassesCost expected;

        /* all of the memory is the only bound on dirty pages: where it strikes there is no closed form */
        if (vm.pages.dirty_mib_per_s * series.memory_mib / bandwidth > memory) {
            continue;
        }
        g_assert_true(passes_closed_form(&series, &rules, &expected, NULL));
        RelayCost cost = relay_passes_run(&vm, &costs, &rules);

        g_assert_cmpint(cost.end, ==, PASSES_CONVERGED);
        g_assert_cmpuint(cost.resent_passes, ==, expected.resent_passes);
        assert_near(cost.total_s, expected.total_s, 1e-9);
        assert_near(cost.downtime_s, expected.downtime_s, 1e-9);
        assert_near(cost.wire_mib, expected.sent_mib, 1e-9);
        assert_near(cost.rest_wire_mib, expected.rest_mib, 1e-9);
        assert_near(cost.rest_pages_mib * page / 4096, cost.rest_wire_mib, 1e-9);
    }
}

/* Pages that change as a whole, no compression, no header to speak of: it is a plain pre-copy. */
static void test_whole_pages_are_plain(void)
{
    RelayCosts costs = ideal(1);
    PassesRules rules = rules_of(10);
    RelayVm vm = {{2000, 60, 500, 100}, 4096};

    costs.header_bytes = 0;
    PassesCost plain = passes_run(&vm.pages, &rules);
    RelayCost cost = relay_passes_run(&vm, &costs, &rules);

    assert_near(cost.total_s, plain.total_s, 1e-12);
    assert_near(cost.stream_mib, plain.sent_mib, 1e-12);
    g_assert_cmpuint(cost.resent_passes, ==, plain.resent_passes);
}

static void test_bytes_in_a_page(void)
{
    RelayCosts costs;

    relay_costs_init(&costs);
    assert_near(relay_changed_bytes(&costs, 8, 1), 8, 1e-9);
    assert_near(relay_changed_bytes(&costs, 8, 0.5), 8, 1e-9);
    assert_near(relay_changed_bytes(&costs, 8, 25), 4096 * (1 - pow(1 - 8 / 4096.0, 25)), 1e-9);
    assert_near(relay_changed_bytes(&costs, 9000, 1), 4096, 1e-9);
    costs.writes_move = FALSE;
    assert_near(relay_changed_bytes(&costs, 8, 25), 8, 1e-9);
    assert_near(relay_page_bytes(&costs, 8), 24, 1e-9);
    assert_near(relay_page_bytes(&costs, 4096), 4104, 1e-9); /* never more than the page */
    costs.kept_share = 0.25;
    assert_near(relay_page_bytes(&costs, 8), 0.25 * 24 + 0.75 * 4104, 1e-9);
    costs.again_share = 0.5;
    assert_near(relay_page_bytes(&costs, 4096), 2052, 1e-9);
    assert_near(relay_again_wire_mib(&costs, 8, 0, 0), 0, 1e-9);
}

/* A word in each of 16384 pages per 400 ms on 12.5 MB/s: plain pre-copy never ends, this takes little more than the
 * first pass. */
static void test_sparse_converges(void)
{
    double link = 12.5e6 / 0x1p20;
    RelayVm vm = {{150, 160, 64, link}, 8};
    PassesRules rules = rules_of(0.27 * link);
    RelayCosts costs;

    relay_costs_init(&costs);
    RelayCost cost = relay_passes_run(&vm, &costs, &rules);

    g_assert_cmpint(cost.end, ==, PASSES_CONVERGED);
    g_assert_cmpuint(cost.resent_passes, <=, 3);
    g_assert_cmpfloat(cost.downtime_s, <, 0.3);
    g_assert_cmpfloat(cost.wire_mib, <, 0.75 * 150 + 5);
    rules.passes_max = 30;
    g_assert_cmpint(passes_run(&vm.pages, &rules).end, ==, PASSES_CAP);
}

/* 8 MiB of noise rewritten all the time against 3.4 MB: it says so. */
static void test_rewriting_does_not(void)
{
    double link = 12.5e6 / 0x1p20;
    RelayVm vm = {{150, 100, 8, link}, 4096};
    PassesRules rules = rules_of(0.27 * link);
    RelayCosts costs;

    rules.passes_max = 30;
    relay_costs_init(&costs);
    RelayCost cost = relay_passes_run(&vm, &costs, &rules);

    g_assert_cmpint(cost.end, ==, PASSES_CAP);
    assert_near(cost.rest_wire_mib, 8 * 4104 / 4096.0, 1e-9);
    assert_near(cost.downtime_s, cost.rest_wire_mib / link + 0.020, 1e-9);
}

/* Comparing pages takes its time, and that is a pass's length when the wire has little to do. */
static void test_comparing_bounds_a_pass(void)
{
    RelayVm vm = {{1000, 5000, 512, 1000}, 1};
    PassesRules rules = rules_of(0.01);
    RelayCosts costs;

    rules.passes_max = 3;
    relay_costs_init(&costs);
    costs.writes_move = FALSE;
    RelayCost cost = relay_passes_run(&vm, &costs, &rules);

    assert_near(cost.rest_pages_mib, 512, 1e-9);
    assert_near(cost.downtime_s, 512 * 256 * 2e-6 + 0.020, 1e-9);
}

static void test_costs_never_fall_with_dirt(void)
{
    double last_s = 0;
    RelayCosts costs;
    PassesRules rules = rules_of(3);

    relay_costs_init(&costs);
    rules.passes_max = 30;
    for (double b = 1; b <= 4096; b *= 2) {
        RelayVm vm = {{400, 40, 100, 12}, b};
        RelayCost cost = relay_passes_run(&vm, &costs, &rules);

        g_assert_cmpfloat(cost.total_s, >=, last_s);
        last_s = cost.total_s;
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay-passes/are-the-closed-form-where-there-is-one", test_closed_form);
    g_test_add_func("/relay-passes/are-plain-passes-for-whole-pages", test_whole_pages_are_plain);
    g_test_add_func("/relay-passes/bytes-of-a-page", test_bytes_in_a_page);
    g_test_add_func("/relay-passes/sparse-writes-converge", test_sparse_converges);
    g_test_add_func("/relay-passes/rewriting-does-not", test_rewriting_does_not);
    g_test_add_func("/relay-passes/comparing-bounds-a-pass", test_comparing_bounds_a_pass);
    g_test_add_func("/relay-passes/more-dirt-never-costs-less", test_costs_never_fall_with_dirt);
    return g_test_run();
}
