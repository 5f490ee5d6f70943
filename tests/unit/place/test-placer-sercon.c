/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-sercon.c. */
#include "rival-brute.h"

static PlaceResult *consolidate(World *world)
{
    PlaceTask task = {.kind = PLACE_CONSOLIDATE};
    PlaceOptions options;

    place_options_init(&options);
    world_end(world);
    return rival_run("sercon", &world->problem, &task, &options);
}

/* h1 has vm1 and vm2; the other hosts have room for vm1 only: nothing moves. */
static void test_all_or_nothing(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    world_init(&world, 3, 16, 16000);
    world_add_vm(&world, 0, 2, 500);
    world_add_vm(&world, 0, 3, 500);
    world_add_vm(&world, 1, 10, 2000);
    world_add_vm(&world, 2, 11.9, 2000);
    result = consolidate(&world);
    g_assert_cmpuint(result->moves->len, ==, 0);
    world_clear(&world);
}

/* The same with a little more room on h3: both leave, each to the fullest host that takes it. */
static void test_fullest_host_first(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    world_init(&world, 4, 16, 16000);
    world_add_vm(&world, 0, 1, 500);
    world_add_vm(&world, 0, 2, 500);
    world_add_vm(&world, 1, 10, 2000);
    world_add_vm(&world, 2, 11.5, 2000);
    world_add_vm(&world, 3, 6, 2000);
    result = consolidate(&world);
    g_assert_cmpuint(result->totals.hosts_on_after, ==, 3);
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        g_assert_cmpuint(move->source, ==, 0);
        g_assert_cmpuint(move->destination, ==, move->vm == 1 ? 1 : 2);
    }
    world_clear(&world);
}

/* A host that took VMs is not emptied afterwards: nobody moves twice, and whoever moved emptied a host. */
static void test_every_move_empties_a_host(void)
{
    WorldShape shape = {
        .hosts = 10, .vms_min = 1, .vms_max = 4, .edge_share = 0.2, .rules = 3, .fill_low = 0.1, .fill_high = 0.6};

    for (guint64 seed = 1; seed <= 30; seed++) {
        g_autoptr(PlaceResult) result = NULL;
        gboolean is_left[WORLD_HOSTS] = {0};
        World world;

        world_random(&world, &shape, seed);
        traffic_free(world.traffic);
        result = consolidate(&world);
        for (guint i = 0; i < result->moves->len; i++) {
            is_left[g_array_index(result->moves, PlaceMove, i).source] = TRUE;
        }
        for (guint i = 0; i < result->moves->len; i++) {
            g_assert_false(is_left[g_array_index(result->moves, PlaceMove, i).destination]);
        }
        for (guint h = 0; h < shape.hosts; h++) {
            g_assert_true(!is_left[h] || brute_load(&world.problem, result, h, RESOURCE_CPU) == 0);
        }
        world_clear(&world);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-sercon/all-or-nothing", test_all_or_nothing);
    g_test_add_func("/placer-sercon/fullest-host-first", test_fullest_host_first);
    g_test_add_func("/placer-sercon/every-move-empties-a-host", test_every_move_empties_a_host);
    return g_test_run();
}
