/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-mip.c and its parts. */
#include "base/error.h"
#include "rival-brute.h"

static const WorldShape TINY_SHAPE = {.hosts = 4,
                                      .vms_min = 2,
                                      .vms_max = 4,
                                      .edge_share = 0.6,
                                      .rules = 3,
                                      .pinned_share = 0.1,
                                      .cpu_classes = 2,
                                      .fill_low = 0.3,
                                      .fill_high = 0.75};

static void assert_equal(double a, double b)
{
    g_assert_cmpfloat_with_epsilon(a, b, 1e-6 * (1 + fabs(b)));
}

static void test_relief_is_the_best_of_all(void)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    PlaceOptions options;

    place_options_init(&options);
    options.theta = 0;
    for (guint64 seed = 1; seed <= 60; seed++) {
        World world;
        g_autoptr(PlaceResult) result = NULL;

        world_random(&world, &TINY_SHAPE, seed);
        options.objective = seed % 3 ? OBJECTIVE_FULL : OBJECTIVE_SEED;
        result = rival_run("mip", &world.problem, &task, &options);
        assert_equal(brute_value(&world.problem, &task, &options, result), brute_best(&world.problem, &task, &options));
        world_clear(&world);
    }
}

static void test_evacuation_is_the_best_of_all(void)
{
    PlaceOptions options;

    place_options_init(&options);
    for (guint64 seed = 1; seed <= 60; seed++) {
        World world;
        guint movers[8];
        PlaceTask task = {.kind = PLACE_EVACUATE, .movers = movers};
        g_autoptr(PlaceResult) result = NULL;

        world_random(&world, &TINY_SHAPE, seed);
        for (guint h = 1; h < TINY_SHAPE.hosts; h++) {
            world.hosts[h].is_source = FALSE;
        }
        for (guint v = 0; v < world.problem.vms_length && world.vms[v].host == 0; v++) {
            movers[task.movers_length++] = v;
        }
        result = rival_run("mip", &world.problem, &task, &options);
        assert_equal(brute_value(&world.problem, &task, &options, result), brute_best(&world.problem, &task, &options));
        world_clear(&world);
    }
}

static void test_two_hosts_are_relieved_at_once(void)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    PlaceOptions options;

    place_options_init(&options);
    options.theta = 0;
    for (guint64 seed = 1; seed <= 20; seed++) {
        WorldShape shape = TINY_SHAPE;
        World world;
        g_autoptr(PlaceResult) result = NULL;

        shape.vms_max = 3;
        world_random(&world, &shape, seed);
        for (guint v = 0; v < world.problem.vms_length; v++) {
            world.vms[v].demand[RESOURCE_CPU] *= world.vms[v].host == 1 ? 1.5 : 1;
            world.vms[v].is_pinned = FALSE;
        }
        result = rival_run("mip", &world.problem, &task, &options);
        assert_equal(brute_value(&world.problem, &task, &options, result), brute_best(&world.problem, &task, &options));
        world_clear(&world);
    }
}

static void test_large_cases_are_refused(void)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    const Grouping *placer = grouping_find("mip", NULL);
    g_autoptr(PlaceResult) result = NULL;
    g_autoptr(GError) error = NULL;
    PlaceOptions options;
    World world;

    place_options_init(&options);
    world_init(&world, 20, 16, 32000);
    for (guint v = 0; v < 20; v++) {
        world_add_vm(&world, 0, 0.75, 100);
    }
    world_end(&world);
    result = place_run(placer, &world.problem, &task, &options, &error);
    g_assert_null(result);
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "fewer hosts"));
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-mip/relief-is-the-best-of-all", test_relief_is_the_best_of_all);
    g_test_add_func("/placer-mip/evacuation-is-the-best-of-all", test_evacuation_is_the_best_of_all);
    g_test_add_func("/placer-mip/two-hosts-are-relieved-at-once", test_two_hosts_are_relieved_at_once);
    g_test_add_func("/placer-mip/large-cases-are-refused", test_large_cases_are_refused);
    return g_test_run();
}
