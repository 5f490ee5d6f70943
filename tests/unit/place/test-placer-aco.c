/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-aco.c. */
#include "rival-brute.h"

/* What the ants' score is made of, for a task: lower is better. */
static double loss(const World *world, const PlaceTask *task, const PlaceOptions *options, const PlaceResult *result)
{
    if (task->kind == PLACE_CONSOLIDATE) {
        return 1000.0 * result->totals.hosts_on_after + result->moves->len;
    }
    return brute_value(&world->problem, task, options, result);
}

/* With one seed, n + 1 iterations begin as n do: the best plan is never lost. */
static void test_score_never_falls(void)
{
    static const PlaceTaskKind KINDS[] = {PLACE_RELIEVE, PLACE_CONSOLIDATE};
    WorldShape shape = {
        .hosts = 12, .vms_min = 3, .vms_max = 6, .edge_share = 0.5, .rules = 3, .fill_low = 0.2, .fill_high = 0.7};
    guint better = 0;

    for (guint64 seed = 1; seed <= 16; seed++) {
        PlaceTask task = {.kind = KINDS[seed % 2]};
        double before = INFINITY;
        double first = 0;
        PlaceOptions options;
        World world;

        place_options_init(&options);
        options.seed = seed;
        options.safe_low = 0; /* the ants do not mind falling below */
        world_random(&world, &shape, seed);
        for (guint effort = 10; effort <= 60; effort += 10) {
            g_autoptr(PlaceResult) result = NULL;
            double now;

            options.effort = effort;
            result = rival_run("aco", &world.problem, &task, &options);
            now = loss(&world, &task, &options, result);
            g_assert_cmpfloat(now, <=, before + 1e-9);
            first = effort == 10 ? now : first;
            before = now;
        }
        better += before < first - 1e-9;
        world_clear(&world);
    }
    g_assert_cmpuint(better, >, 0); /* it is not that nothing ever happens */
}

/* Fixed seeds: within 30 % of the best of all answers in the mean; the ants weigh fit, not traffic. */
static void test_relief_is_near_the_best(void)
{
    WorldShape shape = {.hosts = 4, .vms_min = 3, .vms_max = 5, .edge_share = 0.6, .fill_low = 0.2, .fill_high = 0.6};
    PlaceTask task = {.kind = PLACE_RELIEVE};
    double sum = 0;
    guint cases = 0;

    for (guint64 seed = 1; seed <= 25; seed++) {
        g_autoptr(PlaceResult) result = NULL;
        PlaceOptions options;
        World world;
        double best;

        place_options_init(&options);
        options.seed = seed;
        options.safe_low = 0;
        world_random(&world, &shape, seed);
        result = rival_run("aco", &world.problem, &task, &options);
        best = brute_best(&world.problem, &task, &options);
        if (best > 0 && best < RIVAL_ABOVE) {
            g_assert_cmpuint(result->left_over->len, ==, 0);
            sum += loss(&world, &task, &options, result) / best;
            cases++;
        }
        world_clear(&world);
    }
    g_assert_cmpuint(cases, >, 15);
    g_assert_cmpfloat(sum / cases, <, 1.3);
}

/* A host that cannot be emptied keeps all its VMs. */
static void test_no_useless_moves(void)
{
    WorldShape shape = {.hosts = 12,
                        .vms_min = 1,
                        .vms_max = 4,
                        .edge_share = 0.3,
                        .rules = 3,
                        .pinned_share = 0.1,
                        .fill_low = 0.1,
                        .fill_high = 0.6};
    PlaceTask task = {.kind = PLACE_CONSOLIDATE};

    for (guint64 seed = 1; seed <= 20; seed++) {
        g_autoptr(PlaceResult) result = NULL;
        PlaceOptions options;
        World world;

        place_options_init(&options);
        options.seed = seed;
        options.effort = 20;
        world_random(&world, &shape, seed);
        result = rival_run("aco", &world.problem, &task, &options);
        for (guint i = 0; i < result->moves->len; i++) {
            guint source = g_array_index(result->moves, PlaceMove, i).source;

            g_assert_cmpfloat_with_epsilon(brute_load(&world.problem, result, source, RESOURCE_CPU), 0, 1e-9);
        }
        world_clear(&world);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-aco/score-never-falls", test_score_never_falls);
    g_test_add_func("/placer-aco/relief-is-near-the-best", test_relief_is_near_the_best);
    g_test_add_func("/placer-aco/no-useless-moves", test_no_useless_moves);
    return g_test_run();
}
