/* SPDX-License-Identifier: Apache-2.0
 *
 * model/postcopy.c: limits that can be reckoned by hand, a page by page simulation, and the switch from pre-copy. */
#include "model/passes.h"
#include "base/rng.h"

#include <math.h>

static void test_quiet_guest(void)
{
    PostcopyVm vm;

    postcopy_vm_init(&vm, 2000, 128);
    PostcopyCost cost = postcopy_run(&vm);
    g_assert_cmpfloat_with_epsilon(cost.downtime_s, 4 / 128.0 + 0.020, 1e-12);
    g_assert_cmpfloat_with_epsilon(cost.total_s, cost.downtime_s + 2000 / 128.0, 1e-9);
    g_assert_cmpfloat_with_epsilon(cost.sent_mib, 2004, 1e-6);
    g_assert_cmpfloat(cost.faults, ==, 0);
    g_assert_cmpfloat(cost.stalled_s, ==, 0);
}

/* Faults that cost nothing, of a working set that is a small part of memory: the sum over f e^(-a t) (1 - t / T). */
static void test_free_faults(void)
{
    PostcopyVm vm;

    postcopy_vm_init(&vm, 1024, 64);
    vm.page_mib = 1e-6; /* so that its time on the link is nothing */
    vm.round_trip_s = 0;
    vm.touched_pages_per_s = 2000;
    vm.touched_mib = 8000 * vm.page_mib;
    double a = 2000 / 8000.0, end_s = 1024 / 64.0;
    double expected = 2000 * (1 / a - (1 - exp(-a * end_s)) / (a * a * end_s));
    g_assert_cmpfloat_with_epsilon(postcopy_run(&vm).faults, expected, 0.003 * expected);
    vm.touched_pages_per_s = 1; /* so few that they do not run out */
    g_assert_cmpfloat_with_epsilon(postcopy_run(&vm).faults, end_s / 2, 0.003 * end_s / 2);
}

static void test_working_set_bounds_faults(void)
{
    PostcopyVm vm;

    postcopy_vm_init(&vm, 1024, 64);
    vm.touched_pages_per_s = 1e9;
    vm.touched_mib = 8;
    PostcopyCost cost = postcopy_run(&vm);
    g_assert_cmpfloat(cost.faults, <=, 2048);
    g_assert_cmpfloat(cost.faults, >, 1900);
    g_assert_cmpfloat(cost.stalled_s, <, cost.total_s);
    vm.touched_mib = 0;
    g_assert_cmpfloat(postcopy_run(&vm).faults, ==, 0);
}

typedef struct Pages {
    guint faults;
    double stalled_s;
    double total_s;
} Pages;

/* Every page by itself: the link sends the next missing page in order, a touch of a missing page goes first. */
static Pages page_by_page(const PostcopyVm *vm, guint64 seed)
{
    guint pages = (guint)(vm->memory_mib / vm->page_mib);
    guint used = (guint)(vm->touched_mib / vm->page_mib);
    g_autofree guint8 *here = g_new0(guint8, pages);
    g_autofree guint8 *was_touched = g_new0(guint8, used);
    g_autofree guint *place = g_new(guint, pages); /* of the working set in memory: anywhere */
    double page_s = vm->page_mib / vm->bandwidth_mib_per_s, fault_s = vm->round_trip_s + page_s;
    double time_s = 0, touch_s = 0, link_s = 0;
    guint missing = pages, next = 0;
    Rng rng = rng_new(seed);
    Pages sum = {0};

    for (guint i = 0; i < pages; i++) {
        place[i] = i;
    }
    rng_shuffle(&rng, place, pages);
    touch_s = -log(1 - rng_unit(&rng)) / vm->touched_pages_per_s;
    while (missing > 0) {
        time_s = fmin(link_s + page_s, touch_s);
        if (link_s + page_s <= touch_s) {
            while (here[next]) {
                next++;
            }
            here[next] = 1;
            missing--;
            link_s += page_s;
            continue;
        }
        guint which = rng_below(&rng, used);
        double pause_s = 0;
        if (!was_touched[which]) {
            was_touched[which] = 1;
            if (!here[place[which]]) {
                gboolean overwritten = rng_unit(&rng) < vm->overwritten_share;

                here[place[which]] = 1;
                missing--;
                sum.faults += !overwritten;
                pause_s = overwritten ? 0 : fault_s;
                link_s += overwritten ? 0 : page_s;
            }
        }
        sum.stalled_s += pause_s;
        touch_s += pause_s - log(1 - rng_unit(&rng)) / vm->touched_pages_per_s;
    }
    sum.total_s = time_s;
    return sum;
}

static void check_against_pages(double touches_per_s, double touched_mib, double overwritten_share)
{
    PostcopyVm vm;

    postcopy_vm_init(&vm, 64, 32);
    vm.touched_pages_per_s = touches_per_s;
    vm.touched_mib = touched_mib;
    vm.overwritten_share = overwritten_share;
    PostcopyCost cost = postcopy_run(&vm);
    Pages pages = page_by_page(&vm, 7);
    g_assert_cmpfloat_with_epsilon(cost.faults, pages.faults, 0.05 * pages.faults + 5);
    g_assert_cmpfloat_with_epsilon(cost.stalled_s, pages.stalled_s, 0.05 * pages.stalled_s + 0.01);
    g_assert_cmpfloat_with_epsilon(cost.total_s - cost.downtime_s, pages.total_s, 0.02 * pages.total_s + 0.01);
}

static void test_page_by_page(void)
{
    check_against_pages(500, 64, 0);
    check_against_pages(500, 8, 0);
    check_against_pages(20000, 16, 0);
    check_against_pages(20000, 64, 0);
    check_against_pages(5000, 32, 0.5);
    check_against_pages(20000, 64, 1);
}

static void test_hybrid_switches(void)
{
    PassesVm vm = {.memory_mib = 2000, .dirty_mib_per_s = 200, .working_set_mib = 600, .bandwidth_mib_per_s = 100};
    PassesRules rules;
    PostcopyVm rest;

    passes_rules_init(&rules);
    postcopy_vm_init(&rest, 2000, 100);
    HybridCost cost = hybrid_run(&vm, &rules, 1, &rest);
    g_assert_true(cost.switched);
    g_assert_cmpfloat_with_epsilon(cost.downtime_s, 4 / 100.0 + 0.020, 1e-12);
    g_assert_cmpfloat_with_epsilon(cost.total_s, 20 + cost.downtime_s + 6, 1e-9);
    g_assert_cmpfloat_with_epsilon(cost.sent_mib, 2000 + 4 + 600, 1e-6);
    vm.dirty_mib_per_s = 2; /* 40 MiB are left after the first pass */
    cost = hybrid_run(&vm, &rules, 5, &rest);
    PassesCost plain = passes_run(&vm, &rules);
    g_assert_false(cost.switched);
    g_assert_cmpfloat(cost.total_s, ==, plain.total_s);
    g_assert_cmpfloat(cost.downtime_s, ==, plain.downtime_s);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/postcopy/quiet-guest-takes-the-link's-time", test_quiet_guest);
    g_test_add_func("/postcopy/free-faults-have-a-closed-form", test_free_faults);
    g_test_add_func("/postcopy/working-set-bounds-faults", test_working_set_bounds_faults);
    g_test_add_func("/postcopy/agrees-with-page-by-page", test_page_by_page);
    g_test_add_func("/postcopy/hybrid-switches-when-it-must", test_hybrid_switches);
    return g_test_run();
}
