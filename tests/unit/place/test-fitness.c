/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/fitness.c: what is kept move by move is what place_run adds up in the end. */
#include "place-world.h"
#include "place/fitness.h"
#include "place/grouping-parts.h"

static const WorldShape SHAPE = {
    .hosts = 6, .vms_min = 2, .vms_max = 6, .edge_share = 0.6, .fill_low = 0.1, .fill_high = 0.5};

/* The integrated cost as grouping-totals.c has it. */
static double reckoned(const World *world, const PlaceOptions *options, const PlaceState *state)
{
    g_autoptr(PlaceResult) result = place_result_new();

    for (guint v = 0; v < world->problem.vms_length; v++) {
        guint host = state->host_of[v];

        if (host != PLACE_NOWHERE && host != world->vms[v].host) {
            place_result_add_move(result, &world->problem, v, host, world->vms[v].host, v, NULL);
        }
    }
    grouping_totals(&world->problem, options, result);
    return result->totals.integrated;
}

static void test_sum_of_shifts_is_the_objective(void)
{
    for (guint64 seed = 1; seed <= 40; seed++) {
        Rng rng = rng_new(seed);
        PlaceOptions options;
        World world;
        double cost = 0;

        place_options_init(&options);
        options.objective = seed % 3 ? OBJECTIVE_FULL : OBJECTIVE_SEED;
        options.weights[2] = seed % 2 ? 0.5 : 0.1;
        world_random(&world, &SHAPE, seed);
        {
            g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);
            g_autoptr(PlaceCosts) costs = place_costs_new(&world.problem, &options);
            g_autoptr(Fitness) fitness = fitness_new(state, costs);

            for (guint step = 0; step < 200; step++) {
                guint vm = rng_below(&rng, world.problem.vms_length);
                guint host = rng_below(&rng, SHAPE.hosts + 1);
                double promised;

                host = host == SHAPE.hosts ? PLACE_NOWHERE : host;
                promised = fitness_change(fitness, vm, host);
                g_assert_cmpfloat_with_epsilon(fitness_shift(fitness, vm, host), promised, 1e-12);
                cost += promised;
            }
            g_assert_cmpfloat_with_epsilon(cost, fitness_total(fitness), 1e-9);
            g_assert_cmpfloat_with_epsilon(cost, reckoned(&world, &options, state), 1e-9);
        }
        world_clear(&world);
    }
}

static void test_going_home_costs_nothing(void)
{
    PlaceOptions options;
    World world;

    place_options_init(&options);
    world_random(&world, &SHAPE, 7);
    {
        g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);
        g_autoptr(PlaceCosts) costs = place_costs_new(&world.problem, &options);
        g_autoptr(Fitness) fitness = fitness_new(state, costs);
        double cost = fitness_shift(fitness, 0, 3);

        g_assert_cmpfloat(cost, >, 0);
        cost += fitness_shift(fitness, 0, world.vms[0].host);
        g_assert_cmpfloat_with_epsilon(cost, 0, 1e-12);
    }
    world_clear(&world);
}

static void test_excess_is_a_share_of_capacity(void)
{
    PlaceOptions options;
    World world;

    place_options_init(&options);
    world_init(&world, 2, 16, 16000);
    world_add_vm(&world, 0, 14.4, 1000);
    world_add_vm(&world, 1, 12.8, 1000);
    world_end(&world);
    {
        g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);

        g_assert_cmpfloat_with_epsilon(fitness_excess(state, 0), 0.1, 1e-12);
        g_assert_cmpfloat(fitness_excess(state, 1), ==, 0);
    }
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fitness/sum-of-shifts-is-the-objective", test_sum_of_shifts_is_the_objective);
    g_test_add_func("/fitness/going-home-costs-nothing", test_going_home_costs_nothing);
    g_test_add_func("/fitness/excess-is-a-share-of-capacity", test_excess_is_a_share_of_capacity);
    return g_test_run();
}
