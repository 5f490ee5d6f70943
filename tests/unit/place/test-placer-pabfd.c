/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-pabfd.c: the peer's defect is there in one form and not in the other. */
#include "rival-brute.h"

/* Idle 90 W, steep above; and idle 160 W, flat above: a server that wastes. */
static const double STEEP_W[11] = {90, 96, 102, 108, 114, 120, 126, 132, 138, 144, 150};
static const double FLAT_W[11] = {160, 162, 164, 166, 168, 170, 172, 174, 176, 178, 180};

/* h1 is overloaded, h2 is on and half full, h3 is off and uses much when idle, little more when busy. */
static void fixture_init(World *world)
{
    world_init(world, 3, 16, 16000);
    world_add_vm(world, 0, 7, 2000);
    world_add_vm(world, 0, 4, 1000);
    world_add_vm(world, 0, 3, 500);
    world_add_vm(world, 1, 8, 2000);
    for (guint h = 0; h < 3; h++) {
        world->hosts[h].power_w = h == 2 ? FLAT_W : STEEP_W;
        world->hosts[h].is_source = h == 0;
    }
    world_end(world);
}

static guint destination_of(const char *name)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    g_autoptr(PlaceResult) result = NULL;
    PlaceOptions options;
    World world;
    guint host;

    place_options_init(&options);
    fixture_init(&world);
    result = rival_run(name, &world.problem, &task, &options);
    g_assert_cmpuint(result->moves->len, ==, 1); /* vm3 has the least memory, so the least migration time */
    g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 0).vm, ==, 2);
    host = g_array_index(result->moves, PlaceMove, 0).destination;
    world_clear(&world);
    return host;
}

static void test_peer_opens_an_idle_host(void)
{
    g_assert_cmpuint(destination_of("pabfd"), ==, 2); /* 3.75 W there against 11.25 W, idle power not counted */
}

static void test_fixed_one_does_not(void)
{
    g_assert_cmpuint(destination_of("pabfd-fixed"), ==, 1);
}

/* h1 is nearly empty and only h3 has room for its VM; h4 is off and stays off. */
static void test_consolidation_empties_hosts(void)
{
    static const char *const NAMES[] = {"pabfd", "pabfd-fixed", "sercon", "aco", "local-search"};

    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        PlaceTask task = {.kind = PLACE_CONSOLIDATE};
        g_autoptr(PlaceResult) result = NULL;
        PlaceOptions options;
        World world;

        place_options_init(&options);
        options.effort = 10;
        world_init(&world, 4, 16, 16000);
        world_add_vm(&world, 0, 1.5, 1000);
        world_add_vm(&world, 1, 11.5, 1000);
        world_add_vm(&world, 2, 7, 3000);
        world_end(&world);
        result = rival_run(NAMES[i], &world.problem, &task, &options);
        g_assert_cmpuint(result->totals.hosts_on_before, ==, 3);
        g_assert_cmpuint(result->totals.hosts_on_after, ==, 2);
        g_assert_cmpuint(result->moves->len, ==, 1);
        g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 0).destination, ==, 2);
        world_clear(&world);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-pabfd/peer-opens-an-idle-host", test_peer_opens_an_idle_host);
    g_test_add_func("/placer-pabfd/fixed-one-does-not", test_fixed_one_does_not);
    g_test_add_func("/placer-pabfd/consolidation-empties-hosts", test_consolidation_empties_hosts);
    return g_test_run();
}
