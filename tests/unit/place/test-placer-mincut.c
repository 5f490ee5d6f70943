/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/placer-mincut.c: which group leaves, and how it is divided when it fits nowhere as a whole. */
#include "rival-brute.h"

/* Two teams of three on h1, 2.4 cores each: one of them has to go, whole. */
static void add_teams(World *world)
{
    for (guint i = 0; i < 6; i++) {
        world_add_vm(world, 0, 2.4, 1000);
    }
    for (guint team = 0; team < 2; team++) {
        world_talk(world, 3 * team, 3 * team + 1, 10);
        world_talk(world, 3 * team + 1, 3 * team + 2, 10);
        world_talk(world, 3 * team, 3 * team + 2, 10);
    }
    world_talk(world, 0, 3, 1);
}

static PlaceResult *relieve(World *world)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    PlaceOptions options;

    place_options_init(&options);
    options.safe_low = 0.4;
    world_end(world);
    return rival_run("mincut", &world->problem, &task, &options);
}

static void test_team_leaves_as_a_whole(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    world_init(&world, 4, 16, 16000);
    add_teams(&world);
    result = relieve(&world);
    g_assert_cmpuint(result->moves->len, ==, 3);
    for (guint i = 1; i < 3; i++) {
        const PlaceMove *first = &g_array_index(result->moves, PlaceMove, 0);
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        g_assert_cmpuint(move->vm / 3, ==, first->vm / 3);
        g_assert_cmpuint(move->destination, ==, first->destination);
        g_assert_cmpuint(move->block, ==, first->block);
    }
    world_clear(&world);
}

/* The other hosts have room for two and for one: the team is divided, and still all of it leaves. */
static void test_group_is_divided_when_it_must_be(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    world_init(&world, 3, 16, 16000);
    add_teams(&world);
    world_add_vm(&world, 1, 8, 1000);
    world_add_vm(&world, 2, 10, 1000);
    result = relieve(&world);
    g_assert_cmpuint(result->totals.overloaded_after, ==, 0);
    g_assert_cmpuint(result->left_over->len, ==, 0);
    world_clear(&world);
}

/* All of one team must leave: one block. */
static void test_evacuated_team_stays_together(void)
{
    static const guint MOVERS[] = {0, 1, 2};
    PlaceTask task = {PLACE_EVACUATE, MOVERS, 3};
    g_autoptr(PlaceResult) result = NULL;
    PlaceOptions options;
    World world;

    place_options_init(&options);
    world_init(&world, 4, 16, 16000);
    add_teams(&world);
    for (guint h = 1; h < 4; h++) {
        world.hosts[h].is_source = FALSE;
    }
    world_end(&world);
    result = rival_run("mincut", &world.problem, &task, &options);
    g_assert_cmpuint(result->moves->len, ==, 3);
    g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 0).destination, ==,
                     g_array_index(result->moves, PlaceMove, 2).destination);
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/placer-mincut/team-leaves-as-a-whole", test_team_leaves_as_a_whole);
    g_test_add_func("/placer-mincut/group-is-divided-when-it-must-be", test_group_is_divided_when_it_must_be);
    g_test_add_func("/placer-mincut/evacuated-team-stays-together", test_evacuated_team_stays_together);
    return g_test_run();
}
