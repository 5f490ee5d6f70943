/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/move-units.c. */
#include "place-world.h"
#include "place/move-units.h"

/* vm1, vm2, vm4 on h1, vm3 on h2; vm1 with vm3 and vm3 with vm4: bound through another host. */
static void test_units_are_on_one_host(void)
{
    static const guint VMS[] = {0, 1, 2, 3};
    g_autoptr(MoveUnits) units = NULL;
    World world;

    world_init(&world, 2, 16, 16000);
    world_add_vm(&world, 0, 1, 100);
    world_add_vm(&world, 0, 1, 100);
    world_add_vm(&world, 1, 1, 100);
    world_add_vm(&world, 0, 1, 100);
    world_rule(&world, PLACE_RULE_TOGETHER, 0, 2);
    world_rule(&world, PLACE_RULE_TOGETHER, 2, 3);
    world_end(&world);
    units = move_units_new(&world.problem, VMS, 4);
    g_assert_cmpuint(units->length, ==, 3);
    g_assert_cmpuint(units->unit_of[0], ==, units->unit_of[3]);
    g_assert_cmpuint(units->unit_of[0], !=, units->unit_of[2]);
    g_assert_cmpuint(units->home[units->unit_of[2]], ==, 1);
    g_assert_cmpuint(units->home[units->unit_of[0]], ==, 0);
    for (guint u = 0; u < units->length; u++) {
        for (guint i = units->first[u]; i < units->first[u + 1]; i++) {
            g_assert_cmpuint(units->unit_of[units->vm[i]], ==, u);
        }
    }
    world_clear(&world);
}

static void test_who_is_not_named_is_in_no_unit(void)
{
    static const guint VMS[] = {1};
    g_autoptr(MoveUnits) units = NULL;
    World world;

    world_init(&world, 1, 16, 16000);
    world_add_vm(&world, 0, 1, 100);
    world_add_vm(&world, 0, 1, 100);
    world_rule(&world, PLACE_RULE_TOGETHER, 0, 1);
    world_end(&world);
    units = move_units_new(&world.problem, VMS, 1);
    g_assert_cmpuint(units->length, ==, 1);
    g_assert_cmpuint(units->unit_of[0], ==, PLACE_NOWHERE);
    g_assert_cmpuint(units->vm[0], ==, 1);
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/move-units/units-are-on-one-host", test_units_are_on_one_host);
    g_test_add_func("/move-units/who-is-not-named-is-in-no-unit", test_who_is_not_named_is_in_no_unit);
    return g_test_run();
}
