/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-godwit.c, fleet*.c: against the exact optimum, against GBM-VMM, and on fleets. */
#include "base/error.h"
#include "place/exact.h"
#include "tests/unit/place/place-cases.h"

#include <string.h>

#define HOSTS_PER_PRESET 130 /* of four presets: more than 500 hosts */

static const PlaceTask RELIEVE = {.kind = PLACE_RELIEVE};

static PlaceResult *run(const char *name, const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options)
{
    g_autoptr(GError) error = NULL;
    const Grouping *placer = grouping_find(name, &error);
    PlaceResult *result = NULL;

    g_assert_no_error(error);
    result = place_run(placer, problem, task, options, &error);
    g_assert_no_error(error);
    return result;
}

static PlaceOptions options_of(guint preset)
{
    PlaceOptions options;

    place_options_init(&options);
    g_assert_true(place_options_preset(&options, place_preset_name(preset), NULL));
    return options;
}

static void test_near_the_optimum(void)
{
    Rng rng = rng_new(1);

    for (guint preset = 0; place_preset_name(preset); preset++) {
        PlaceOptions options = options_of(preset);
        double sum_gap = 0, max_gap = 0;
        guint counted = 0, relieved = 0;

        for (guint i = 0; i < HOSTS_PER_PRESET; i++) {
            CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 2 + rng_below(&rng, 11), .vms_per_other = 3,
                               .others = 3 + rng_below(&rng, 4), .with_rules = i % 4 == 0};
            g_autoptr(Case) it = case_new(&shape, &options, &rng);
            g_autoptr(PlaceResult) exact = run("exact", &it->problem, &RELIEVE, &options);
            g_autoptr(PlaceResult) ours = run("godwit", &it->problem, &RELIEVE, &options);

            g_assert_cmpuint(ours->totals.overloaded_after, ==, exact->totals.overloaded_after);
            if (!exact->totals.overloaded_after && exact->totals.integrated > 0) {
                double gap = ours->totals.integrated / exact->totals.integrated - 1;

                sum_gap += gap;
                max_gap = MAX(max_gap, gap);
                counted++;
            }
            relieved += !ours->totals.overloaded_after;
        }
        g_test_message("%s: mean gap %.4f %%, largest %.4f %%, %u hosts", place_preset_name(preset),
                       100 * sum_gap / counted, 100 * max_gap, counted);
        g_assert_cmpuint(relieved, >, HOSTS_PER_PRESET / 2);
        g_assert_cmpfloat(sum_gap / counted, <, 0.01);
    }
}

static void never_worse(guint preset, guint overloaded, guint cases, Rng *rng)
{
    PlaceOptions options = options_of(preset);
    guint better = 0;

    for (guint i = 0; i < cases; i++) {
        CaseShape shape = {.overloaded = overloaded, .vms_per_overloaded = 3 + rng_below(rng, 6), .vms_per_other = 3,
                           .others = 3 + rng_below(rng, 5), .with_rules = i % 4 == 0};
        g_autoptr(Case) it = case_new(&shape, &options, rng);
        g_autoptr(PlaceResult) gbm = run("gbm", &it->problem, &RELIEVE, &options);
        g_autoptr(PlaceResult) ours = run("godwit", &it->problem, &RELIEVE, &options);

        g_assert_cmpuint(ours->totals.overloaded_after, <=, gbm->totals.overloaded_after);
        if (ours->totals.overloaded_after == 0 && gbm->totals.overloaded_after == 0) {
            g_assert_cmpfloat(ours->totals.integrated, <=, gbm->totals.integrated + 1e-9);
            better += ours->totals.integrated < gbm->totals.integrated - 1e-9;
        }
    }
    g_test_message("%s, %u overloaded: better than gbm in %u of %u", place_preset_name(preset), overloaded, better, cases);
}

static void test_never_worse_than_gbm(void)
{
    Rng rng = rng_new(2);

    for (guint preset = 0; place_preset_name(preset); preset++) {
        never_worse(preset, 1, HOSTS_PER_PRESET, &rng);
        never_worse(preset, 4, 20, &rng);
    }
}

static void test_fleet(void)
{
    Rng rng = rng_new(3);
    PlaceOptions options = options_of(0);
    CaseShape shape = {.overloaded = 30, .vms_per_overloaded = 10, .others = 150, .vms_per_other = 8, .with_rules = TRUE};
    g_autoptr(Case) it = case_new(&shape, &options, &rng);
    g_autoptr(PlaceResult) first = run("godwit", &it->problem, &RELIEVE, &options);
    g_autoptr(PlaceResult) second = run("godwit", &it->problem, &RELIEVE, &options);

    g_assert_cmpuint(first->totals.overloaded_before, ==, 30);
    g_assert_cmpuint(first->totals.overloaded_after, <=, 2); /* VMs that are pinned or picky */
    g_assert_cmpuint(first->left_over->len, ==, first->totals.overloaded_after);
    g_assert_cmpuint(first->moves->len, ==, second->moves->len);
    for (guint i = 0; i < first->moves->len; i++) {
        const PlaceMove *a = &g_array_index(first->moves, PlaceMove, i);
        const PlaceMove *b = &g_array_index(second->moves, PlaceMove, i);

        g_assert_cmpuint(a->vm, ==, b->vm);
        g_assert_cmpuint(a->destination, ==, b->destination);
        g_assert_cmpstr(a->why, ==, b->why);
        g_assert_nonnull(strstr(a->why, it->hosts[a->source].name));
        g_assert_nonnull(strstr(a->why, it->hosts[a->destination].name));
    }
}

/* Whoever was left behind fits nowhere, as things are after the moves. */
static void check_left_over(const Case *it, const PlaceOptions *options, const PlaceResult *result)
{
    g_autoptr(PlaceState) state = place_state_new(&it->problem, options);

    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        place_state_move(state, move->vm, move->destination);
    }
    for (guint i = 0; i < result->left_over->len; i++) {
        guint vm = g_array_index(result->left_over, guint, i);

        g_assert_cmpuint(result->reasons->len, >, 0);
        for (guint h = 2; h < it->problem.hosts_length; h++) {
            g_assert_false(place_state_fits(state, vm, h));
        }
    }
}

static void test_evacuation(void)
{
    Rng rng = rng_new(4);
    PlaceOptions options = options_of(0);
    guint all = 0, moved = 0;

    for (guint i = 0; i < 60; i++) {
        CaseShape shape = {.overloaded = 2, .vms_per_overloaded = 4 + rng_below(&rng, 12), .others = 12,
                           .vms_per_other = 2, .with_rules = i % 2 == 0};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(GArray) movers = g_array_new(FALSE, FALSE, sizeof(guint));
        g_autoptr(PlaceResult) result = NULL;
        PlaceTask task = {.kind = PLACE_EVACUATE};

        for (guint v = 0; v < 2 * shape.vms_per_overloaded; v++) {
            g_array_append_val(movers, v);
        }
        task.movers = (const guint *)movers->data;
        task.movers_length = movers->len;
        result = run("godwit", &it->problem, &task, &options);
        g_assert_cmpuint(result->moves->len + result->left_over->len, ==, movers->len);
        all += movers->len;
        moved += result->moves->len;
        check_left_over(it, &options, result);
    }
    g_test_message("%u of %u VMs moved", moved, all);
    g_assert_cmpuint(moved, >, all * 8 / 10);
}

/* Hosts that are a third full: more than a third of them can be emptied. */
static void test_consolidation(void)
{
    static const PlaceTask TASK = {.kind = PLACE_CONSOLIDATE};
    Rng rng = rng_new(5);
    PlaceOptions options = options_of(0);
    CaseShape shape = {.others = 12, .vms_per_other = 5};
    g_autoptr(Case) it = NULL;
    g_autoptr(PlaceResult) result = NULL;

    options.safe_high = 0.52; /* case_new loads hosts up to that */
    it = case_new(&shape, &options, &rng);
    options.safe_high = 0.9;
    result = run("godwit", &it->problem, &TASK, &options);
    g_assert_cmpuint(result->totals.hosts_on_before, ==, 12);
    g_assert_cmpuint(result->totals.hosts_on_after, <=, 8);
    g_assert_cmpuint(result->totals.overloaded_after, ==, 0);
    for (guint i = 0; i < result->moves->len; i++) {
        g_assert_nonnull(g_array_index(result->moves, PlaceMove, i).why);
    }
}

static void test_edges(void)
{
    PlaceOptions options = options_of(0);
    PlaceHost hosts[] = {
        {.name = "a", .capacity = {10, 10}, .reservable = {10, 10}, .may_receive = TRUE, .is_source = TRUE},
        {.name = "b", .capacity = {10, 10}, .reservable = {10, 10}, .may_receive = TRUE, .is_source = TRUE}};
    PlaceVm vms[] = {{.name = "v", .host = 0, .demand = {9, 1}, .memory_mib = 100}};
    PlaceProblem problem = {.hosts = hosts, .hosts_length = 2};
    g_autoptr(PlaceResult) empty = run("godwit", &problem, &RELIEVE, &options);
    g_autoptr(PlaceResult) stuck = NULL;
    g_autoptr(PlaceResult) calm = NULL;

    g_assert_cmpuint(empty->moves->len, ==, 0);
    problem.vms = vms;
    problem.vms_length = 1;
    stuck = run("godwit", &problem, &RELIEVE, &options);
    g_assert_cmpuint(stuck->moves->len, ==, 0);
    g_assert_cmpuint(stuck->left_over->len, ==, 1);
    g_assert_cmpuint(stuck->reasons->len, >, 0);
    vms[0].demand[RESOURCE_CPU] = 8;
    calm = run("godwit", &problem, &RELIEVE, &options);
    g_assert_cmpuint(calm->moves->len + calm->left_over->len + calm->reasons->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-godwit/near-the-optimum", test_near_the_optimum);
    if (grouping_find("gbm", NULL)) {
        g_test_add_func("/placer-godwit/never-worse-than-gbm", test_never_worse_than_gbm);
    }
    g_test_add_func("/placer-godwit/fleet", test_fleet);
    g_test_add_func("/placer-godwit/evacuation", test_evacuation);
    g_test_add_func("/placer-godwit/consolidation", test_consolidation);
    g_test_add_func("/placer-godwit/edges", test_edges);
    return g_test_run();
}
