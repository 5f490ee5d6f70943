/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/cost.c: equations 1 to 9 of seed 003 on known numbers. */
#include "place/cost.h"
#include "place-world.h"

#define assert_near(value, expected, tolerance) g_assert_cmpfloat_with_epsilon(value, expected, tolerance)

typedef struct Vector {
    double dirty_mib_per_s;
    double bandwidth_mib_per_s;
    guint resent_passes;
    double passes_s;
    double rest_s;
    double passes_mib;
} Vector;

/* Memory 2000 MiB, threshold 100 MiB, resume 20 ms; 1 Gbit/s is 119.21 MiB/s, 100 Mbit/s 11.92. */
static const Vector VECTORS[] = {
    {100, 128, 13, 69.17, 0.493, 8854},
    {100, 119.21, 18, 100.42, 0.595, 11971},
    {50, 128, 4, 25.41, 0.142, 3252},
    {11.92, 119.21, 2, 18.62, 0.017, 2220},
};

static void world_of_vector(World *world, PlaceOptions *options, const Vector *vector)
{
    world_init(world, 2, 16, 16000);
    world_add_vm(world, 0, 2, 2000);
    world->hosts[0].link_mib_per_s = vector->bandwidth_mib_per_s;
    world->vms[0].dirty_mib_per_s = vector->dirty_mib_per_s;
    world_end(world);
    place_options_init(options);
    options->passes.traffic_max = INFINITY; /* the series alone, without Xen's limit */
}

static void assert_is_vector(const PassesCost *cost, const Vector *vector)
{
    g_assert_cmpuint(cost->resent_passes, ==, vector->resent_passes);
    assert_near(cost->passes_s, vector->passes_s, 0.011);
    assert_near(cost->downtime_s, vector->rest_s + 0.020, 0.0006);
    assert_near(cost->total_s, vector->passes_s + vector->rest_s + 0.020, 0.012);
    assert_near(cost->passes_s * vector->bandwidth_mib_per_s, vector->passes_mib, 1);
}

static void test_vectors_by_both_ways(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(VECTORS); i++) {
        PlaceOptions options;
        World world;

        world_of_vector(&world, &options, &VECTORS[i]);
        for (int is_closed_form = 0; is_closed_form < 2; is_closed_form++) {
            options.is_closed_form = is_closed_form;
            PassesCost cost = place_cost_of(&world.problem, &options, 0, 1);
            assert_is_vector(&cost, &VECTORS[i]);
        }
        world_clear(&world);
    }
}

static void test_sharers_divide_the_bandwidth(void)
{
    const Vector half = {11.92, 2 * 119.21, 2, 18.62, 0.017, 2220};
    PlaceOptions options;
    PassesCost cost;
    World world;

    world_of_vector(&world, &options, &half);
    cost = place_cost_of(&world.problem, &options, 0, 2);
    assert_near(cost.passes_s, 18.62, 0.011);
    world_clear(&world);
}

/* Two that share 1 Gibit/s and write 100 MiB/s each: lambda is 1.56, where the series has no sum. */
static void test_divergence_is_no_number_out_of_range(void)
{
    const Vector vector = {100, 128, 0, 0, 0, 0};
    PlaceOptions options;
    PassesCost cost;
    World world;

    world_of_vector(&world, &options, &vector);
    options.is_closed_form = TRUE;
    cost = place_cost_of(&world.problem, &options, 0, 2);
    g_assert_cmpfloat(cost.total_s, <, 200);
    g_assert_cmpint(cost.end, !=, PASSES_CONVERGED);
    world_clear(&world);
}

static void test_host_without_rate_takes_the_option(void)
{
    const Vector vector = {50, 0, 4, 25.41, 0.142, 3252};
    PlaceOptions options;
    PassesCost cost;
    World world;

    world_of_vector(&world, &options, &vector);
    cost = place_cost_of(&world.problem, &options, 0, 1);
    assert_near(cost.passes_s, 25.41, 0.011);
    world_clear(&world);
}

static void test_reference_is_all_of_a_host(void)
{
    PlaceOptions options;
    PlaceRaw reference;
    World world;

    place_options_init(&options);
    world_init(&world, 2, 16, 16000);
    world_add_vm(&world, 0, 2, 2000);
    world_add_vm(&world, 0, 2, 2000);
    world_add_vm(&world, 1, 2, 2000);
    world_talk(&world, 0, 1, 10);
    world_talk(&world, 1, 2, 3);
    world_end(&world);

    g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);
    g_autoptr(PlaceCosts) costs = place_costs_new(&world.problem, &options);
    reference = place_reference(state, costs, 0);
    assert_near(reference.migration_s, costs->migration_s[0] + costs->migration_s[1], 1e-9);
    assert_near(reference.energy, 1.0, 1e-9);
    assert_near(reference.communication, 2 * 10 + 2 * 3, 1e-9);
    reference = place_reference(state, costs, 1);
    assert_near(reference.communication, 2 * 3, 1e-9);
    world_clear(&world);
}

static void test_integrated_cost_is_weighted(void)
{
    const PlaceRaw raw = {30, 0.5, 40};
    const PlaceRaw reference = {60, 2, 80};
    const PlaceRaw none = {60, 0, 0};
    PlaceOptions options;

    place_options_init(&options);
    assert_near(place_integrate(&options, &raw, &reference), (0.5 + 0.25 + 0.5) / 3, 1e-12);
    options.objective = OBJECTIVE_SEED;
    options.gamma = 0.9;
    assert_near(place_integrate(&options, &raw, &reference), 0.9 * 0.5 + 0.1 * 0.25, 1e-12);
    assert_near(place_integrate(&options, &raw, &none), 0.9 * 0.5 + 0.1 * 0.5, 1e-12);
}

static void test_farthest_of_a_topology(void)
{
    World world;

    world_init(&world, 2, 16, 16000);
    g_assert_cmpuint(place_farthest(&world.problem), ==, 2);
    world.topology = topology_fat_tree(4, NULL);
    world_end(&world);
    g_assert_cmpuint(place_farthest(&world.problem), ==, 6);
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/cost/known-numbers-by-both-ways", test_vectors_by_both_ways);
    g_test_add_func("/cost/sharers-divide-the-bandwidth", test_sharers_divide_the_bandwidth);
    g_test_add_func("/cost/divergence-is-no-number-out-of-range", test_divergence_is_no_number_out_of_range);
    g_test_add_func("/cost/host-without-rate-takes-the-option", test_host_without_rate_takes_the_option);
    g_test_add_func("/cost/reference-is-all-of-a-host", test_reference_is_all_of_a_host);
    g_test_add_func("/cost/integrated-cost-is-weighted", test_integrated_cost_is_weighted);
    g_test_add_func("/cost/farthest-of-a-topology", test_farthest_of_a_topology);
    return g_test_run();
}
