/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-fit.c: the rule by example, and that a single VM is refused only where it fits nowhere.  That
 * constraints are kept is tested for all placers in test-placers.c. */
#include "place-world.h"

#include <string.h>

/* Host h1 is emptied of 'vms' VMs; h2 and h3 are empty. */
static void fixture_init(World *world, const double *memory_mib, guint vms)
{
    world_init(world, 3, 64, 16384);
    world->hosts[0].capacity[RESOURCE_MEMORY] = 65536;
    world->hosts[0].reservable[RESOURCE_MEMORY] = 65536;
    for (guint i = 0; i < vms; i++) {
        world_add_vm(world, 0, 1, memory_mib[i]);
    }
    world->hosts[1].is_source = FALSE;
    world->hosts[2].is_source = FALSE;
}

/* destinations[vm], PLACE_NOWHERE for those left over. */
static void evacuate(World *world, guint *destinations)
{
    static const guint MOVERS[] = {0, 1, 2, 3, 4, 5, 6, 7};
    guint on_first = 0;
    PlaceTask task = {PLACE_EVACUATE, MOVERS, 0};
    g_autoptr(PlaceResult) result = NULL;
    g_autoptr(GError) error = NULL;
    PlaceOptions options;

    place_options_init(&options);
    options.safe_high = 1;
    world_end(world);
    while (on_first < world->problem.vms_length && world->vms[on_first].host == 0) {
        destinations[on_first++] = PLACE_NOWHERE;
    }
    task.movers_length = on_first;
    result = place_run(grouping_find("fit", NULL), &world->problem, &task, &options, &error);
    g_assert_no_error(error);
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        destinations[move->vm] = move->destination;
    }
    world_clear(world);
}

static void test_memory_fills_evenly(void)
{
    guint destinations[4];
    World world;

    /* h3 has 1 GiB less.  4 -> h2 (12, 15); 3 -> h3 (12, 12); 2 -> h2, the first of two equals (10, 12); 1 -> h3. */
    fixture_init(&world, (const double[]){1024, 4096, 2048, 3072}, 4);
    world.hosts[2].base_reserved[RESOURCE_MEMORY] = 1024;
    evacuate(&world, destinations);
    g_assert_cmpuint(destinations[1], ==, 1);
    g_assert_cmpuint(destinations[3], ==, 2);
    g_assert_cmpuint(destinations[2], ==, 1);
    g_assert_cmpuint(destinations[0], ==, 2);
}

static void test_share_counts_not_bytes(void)
{
    guint destination;
    World world;

    fixture_init(&world, (const double[]){1024}, 1);
    world.hosts[1].capacity[RESOURCE_MEMORY] = 65536;
    world.hosts[1].reservable[RESOURCE_MEMORY] = 16384; /* a quarter of it, and more than the small one has */
    world.hosts[2].capacity[RESOURCE_MEMORY] = 8192;
    world.hosts[2].reservable[RESOURCE_MEMORY] = 6144;
    evacuate(&world, &destination);
    g_assert_cmpuint(destination, ==, 2);
}

static void test_memory_kept_free_is_kept(void)
{
    for (guint extra = 0; extra < 2; extra++) {
        guint destination;
        World world;

        fixture_init(&world, (const double[]){4096}, 1);
        world.hosts[1].reservable[RESOURCE_MEMORY] = 4096 - extra;
        world.hosts[2].may_receive = FALSE;
        evacuate(&world, &destination);
        g_assert_cmpuint(destination, ==, extra ? PLACE_NOWHERE : 1);
    }
}

static void test_cores_are_limited(void)
{
    for (guint extra = 0; extra < 2; extra++) {
        guint destination;
        World world;

        fixture_init(&world, (const double[]){1024}, 1);
        world.hosts[1].reservable[RESOURCE_CPU] = 1 - 0.01 * extra;
        world.hosts[2].may_receive = FALSE;
        evacuate(&world, &destination);
        g_assert_cmpuint(destination, ==, extra ? PLACE_NOWHERE : 1);
    }
}

/* One that fits nowhere does not keep the others. */
static void test_others_are_still_placed(void)
{
    guint destinations[3];
    World world;

    fixture_init(&world, (const double[]){1024, 30000, 2048}, 3);
    evacuate(&world, destinations);
    g_assert_cmpuint(destinations[0], !=, PLACE_NOWHERE);
    g_assert_cmpuint(destinations[1], ==, PLACE_NOWHERE);
    g_assert_cmpuint(destinations[2], !=, PLACE_NOWHERE);
}

/* The largest come first, whatever their number. */
static void test_order_does_not_matter(void)
{
    for (guint64 seed = 1; seed <= 200; seed++) {
        Rng rng = rng_new(seed);
        guint vms = 1 + rng_below(&rng, 7);
        double memory_mib[8];
        double turned_mib[8];
        guint destinations[8];
        guint turned[8];
        World world;

        for (guint i = 0; i < vms; i++) {
            memory_mib[i] = 512 * (1 + rng_below(&rng, 16)) + i; /* no ties */
        }
        for (guint i = 0; i < vms; i++) {
            turned_mib[i] = memory_mib[vms - 1 - i];
        }
        fixture_init(&world, memory_mib, vms);
        evacuate(&world, destinations);
        fixture_init(&world, turned_mib, vms);
        evacuate(&world, turned);
        for (guint i = 0; i < vms; i++) {
            g_assert_cmpuint(turned[vms - 1 - i], ==, destinations[i]);
        }
    }
}

/* VMs that must be together go as one or stay as one. */
static void test_bound_vms_move_as_one(void)
{
    for (guint extra = 0; extra < 2; extra++) {
        guint destinations[3];
        World world;

        fixture_init(&world, (const double[]){8192, 8192 + extra, 1024}, 3);
        world_rule(&world, PLACE_RULE_TOGETHER, 0, 1);
        evacuate(&world, destinations);
        g_assert_cmpuint(destinations[0], ==, destinations[1]);
        g_assert_cmpint(destinations[0] == PLACE_NOWHERE, ==, extra > 0);
        g_assert_cmpuint(destinations[2], !=, PLACE_NOWHERE);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-fit/memory-fills-evenly", test_memory_fills_evenly);
    g_test_add_func("/placer-fit/share-of-memory-counts-not-bytes", test_share_counts_not_bytes);
    g_test_add_func("/placer-fit/memory-kept-free-is-kept", test_memory_kept_free_is_kept);
    g_test_add_func("/placer-fit/cores-are-limited", test_cores_are_limited);
    g_test_add_func("/placer-fit/others-are-still-placed", test_others_are_still_placed);
    g_test_add_func("/placer-fit/order-of-vms-does-not-matter", test_order_does_not_matter);
    g_test_add_func("/placer-fit/bound-vms-move-as-one", test_bound_vms_move_as_one);
    return g_test_run();
}
