/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-local.c and local-consolidate.c. */
#include "rival-brute.h"

static const WorldShape TINY_SHAPE = {.hosts = 4,
                                      .vms_min = 3,
                                      .vms_max = 4,
                                      .edge_share = 0.6,
                                      .rules = 2,
                                      .pinned_share = 0.1,
                                      .fill_low = 0.3,
                                      .fill_high = 0.75};

static void quick(PlaceOptions *options, guint64 seed)
{
    place_options_init(options);
    options->theta = 0; /* plain enumeration knows nothing of it */
    options->effort = 5;
    options->seed = seed;
}

/* On fixed seeds: 28 of 30 are the best of all answers, none is more than 20 % above it. */
static void test_relief_is_nearly_always_the_best(void)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    guint best_found = 0;

    for (guint64 seed = 1; seed <= 30; seed++) {
        g_autoptr(PlaceResult) result = NULL;
        PlaceOptions options;
        World world;
        double value;
        double best;

        quick(&options, seed);
        world_random(&world, &TINY_SHAPE, seed);
        result = rival_run("local-search", &world.problem, &task, &options);
        value = brute_value(&world.problem, &task, &options, result);
        best = brute_best(&world.problem, &task, &options);
        g_assert_cmpfloat(value, >=, best - 1e-9);
        g_assert_cmpfloat(value, <=, best * 1.2 + 1e-9);
        best_found += value <= best + 1e-9;
        world_clear(&world);
    }
    g_assert_cmpuint(best_found, >=, 28);
}

/* Larger ones against the MIP. */
static void test_relief_is_near_the_mip(void)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    WorldShape shape = {
        .hosts = 5, .vms_min = 6, .vms_max = 9, .edge_share = 0.4, .rules = 3, .fill_low = 0.3, .fill_high = 0.75};
    double sum = 0;
    guint cases = 0;

    for (guint64 seed = 1; seed <= 12; seed++) {
        g_autoptr(PlaceResult) exact = NULL;
        g_autoptr(PlaceResult) found = NULL;
        PlaceOptions options;
        World world;

        quick(&options, seed);
        world_random(&world, &shape, seed);
        exact = rival_run("mip", &world.problem, &task, &options);
        found = rival_run("local-search", &world.problem, &task, &options);
        if (exact->moves->len > 0) {
            sum += brute_value(&world.problem, &task, &options, found) /
                   brute_value(&world.problem, &task, &options, exact);
            cases++;
        }
        world_clear(&world);
    }
    g_assert_cmpuint(cases, >=, 8);
    g_assert_cmpfloat(sum / cases, <=, 1.01);
    g_assert_cmpfloat(sum / cases, >=, 1 - 1e-6);
}

/* Never behind Sercon in hosts that can be switched off. */
static void test_consolidation_is_no_worse_than_sercon(void)
{
    PlaceTask task = {.kind = PLACE_CONSOLIDATE};
    WorldShape shape = {
        .hosts = 20, .vms_min = 2, .vms_max = 4, .edge_share = 0.2, .rules = 4, .fill_low = 0.1, .fill_high = 0.6};
    guint sum[2] = {0};

    for (guint64 seed = 1; seed <= 15; seed++) {
        g_autoptr(PlaceResult) sercon = NULL;
        g_autoptr(PlaceResult) local = NULL;
        PlaceOptions options;
        World world;

        quick(&options, seed);
        world_random(&world, &shape, seed);
        sercon = rival_run("sercon", &world.problem, &task, &options);
        local = rival_run("local-search", &world.problem, &task, &options);
        g_assert_cmpuint(local->totals.hosts_on_after, <=, sercon->totals.hosts_on_after);
        sum[0] += sercon->totals.hosts_on_after;
        sum[1] += local->totals.hosts_on_after;
        world_clear(&world);
    }
    g_assert_cmpuint(sum[1], <, sum[0]);
}

/* h1's vm1 needs 5 cores; h2 has 4 left, h3 has 3 left; vm3 of 3 cores on h2 has to make room by going to h3. */
static void test_swap_makes_room(void)
{
    PlaceTask task = {.kind = PLACE_CONSOLIDATE};
    g_autoptr(PlaceResult) result = NULL;
    PlaceOptions options;
    World world;

    quick(&options, 1);
    world_init(&world, 3, 16, 16000);
    world_add_vm(&world, 0, 5, 500);
    world_add_vm(&world, 1, 5.8, 500);
    world_add_vm(&world, 1, 3, 500);
    world_add_vm(&world, 2, 9.8, 500);
    world_end(&world);
    result = rival_run("local-search", &world.problem, &task, &options);
    g_assert_cmpuint(result->totals.hosts_on_after, ==, 2);
    g_assert_cmpuint(result->moves->len, ==, 2);
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-local/relief-is-nearly-always-the-best", test_relief_is_nearly_always_the_best);
    g_test_add_func("/placer-local/relief-is-near-the-mip", test_relief_is_near_the_mip);
    g_test_add_func("/placer-local/consolidation-is-no-worse-than-sercon", test_consolidation_is_no_worse_than_sercon);
    g_test_add_func("/placer-local/swap-makes-room", test_swap_makes_room);
    return g_test_run();
}
