/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests what all rivals of GBM-VMM share (src/place/rival*.c): whatever the problem, place_run believes them; the same
 * seed gives the same answer; what can be relieved or emptied is. */
#include "rival-brute.h"

static const char *const NAMES[] = {"fpa", "efpa", "aco", "pabfd", "pabfd-fixed", "sercon", "mincut", "local-search"};

static const WorldShape SHAPE = {.hosts = 8,
                                 .vms_min = 4,
                                 .vms_max = 10,
                                 .edge_share = 0.4,
                                 .rules = 6,
                                 .pinned_share = 0.1,
                                 .cpu_classes = 2,
                                 .fill_low = 0.2,
                                 .fill_high = 0.75};

static gboolean can(const char *name, PlaceTaskKind kind)
{
    return (grouping_find(name, NULL)->tasks & (1u << kind)) != 0;
}

static void quick(PlaceOptions *options, guint64 seed)
{
    place_options_init(options);
    options->effort = 10;
    options->seed = seed;
    options->objective = seed % 4 ? OBJECTIVE_FULL : OBJECTIVE_SEED;
    options->transfer = seed % 5 ? TRANSFER_SERIAL : TRANSFER_PARALLEL;
}

/* EVACUATE: all VMs of host 0. */
static PlaceTask task_for(World *world, PlaceTaskKind kind, guint *movers)
{
    PlaceTask task = {.kind = kind, .movers = movers};

    for (guint h = 1; h < world->problem.hosts_length && kind == PLACE_EVACUATE; h++) {
        world->hosts[h].is_source = FALSE;
    }
    for (guint v = 0; v < world->problem.vms_length && kind == PLACE_EVACUATE; v++) {
        if (world->vms[v].host == 0) {
            movers[task.movers_length++] = v;
        }
    }
    return task;
}

static void test_place_run_believes_them(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        for (guint64 seed = 1; seed <= 24; seed++) {
            PlaceTaskKind kind = (PlaceTaskKind)(seed % 3);
            guint movers[WORLD_VMS];
            PlaceOptions options;
            World world;

            if (can(NAMES[i], kind)) {
                g_autoptr(PlaceResult) result = NULL;
                PlaceTask task;

                world_random(&world, &SHAPE, seed);
                quick(&options, seed);
                task = task_for(&world, kind, movers);
                result = rival_run(NAMES[i], &world.problem, &task, &options);
                for (guint m = 0; m < result->moves->len; m++) {
                    g_assert_cmpuint(strlen(g_array_index(result->moves, PlaceMove, m).why), >, 10);
                }
                world_clear(&world);
            }
        }
    }
}

static void test_same_seed_same_answer(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        for (guint64 seed = 1; seed <= 6; seed++) {
            PlaceTask task = {.kind = seed % 2 && can(NAMES[i], PLACE_CONSOLIDATE) ? PLACE_CONSOLIDATE : PLACE_RELIEVE};
            g_autoptr(PlaceResult) once = NULL;
            g_autoptr(PlaceResult) again = NULL;
            PlaceOptions options;
            World world;

            world_random(&world, &SHAPE, seed);
            quick(&options, seed);
            once = rival_run(NAMES[i], &world.problem, &task, &options);
            again = rival_run(NAMES[i], &world.problem, &task, &options);
            g_assert_cmpuint(once->moves->len, ==, again->moves->len);
            for (guint m = 0; m < once->moves->len; m++) {
                const PlaceMove *a = &g_array_index(once->moves, PlaceMove, m);
                const PlaceMove *b = &g_array_index(again->moves, PlaceMove, m);

                g_assert_cmpuint(a->vm, ==, b->vm);
                g_assert_cmpuint(a->destination, ==, b->destination);
                g_assert_cmpstr(a->why, ==, b->why);
            }
            world_clear(&world);
        }
    }
}

/* Plenty of room and no rules: nothing may be left over. */
static void test_what_can_be_done_is_done(void)
{
    WorldShape shape = {.hosts = 6, .vms_min = 5, .vms_max = 9, .edge_share = 0.4, .fill_low = 0.1, .fill_high = 0.4};

    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        for (guint64 seed = 1; seed <= 20; seed++) {
            guint movers[WORLD_VMS];
            g_autoptr(PlaceResult) result = NULL;
            PlaceOptions options;
            PlaceTask task;
            World world;

            world_random(&world, &shape, seed);
            quick(&options, seed);
            task = task_for(&world, seed % 2 ? PLACE_EVACUATE : PLACE_RELIEVE, movers);
            result = rival_run(NAMES[i], &world.problem, &task, &options);
            g_assert_cmpuint(result->left_over->len, ==, 0);
            g_assert_cmpuint(result->reasons->len, ==, 0);
            g_assert_cmpuint(result->totals.overloaded_after, ==, 0);
            world_clear(&world);
        }
    }
}

/* vm1 of 8 cores must leave h1; h2 has 4 cores left: nobody can help. */
static void test_what_cannot_be_done_is_left_over(void)
{
    static const guint MOVERS[] = {0};

    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        PlaceTask task = {PLACE_EVACUATE, MOVERS, 1};
        g_autoptr(PlaceResult) result = NULL;
        PlaceOptions options;
        World world;

        quick(&options, 1);
        world_init(&world, 2, 16, 16000);
        world_add_vm(&world, 0, 8, 2000);
        world_add_vm(&world, 1, 8.8, 2000);
        world.hosts[1].is_source = FALSE;
        world_end(&world);
        result = rival_run(NAMES[i], &world.problem, &task, &options);
        g_assert_cmpuint(result->moves->len, ==, 0);
        g_assert_cmpuint(result->left_over->len, ==, 1);
        world_clear(&world);
    }
}

/* vm1 and vm2 stay together: single-minded placers would leave both. */
static void test_bound_vms_leave_as_one(void)
{
    static const guint MOVERS[] = {0, 1};

    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        PlaceTask task = {PLACE_EVACUATE, MOVERS, 2};
        g_autoptr(PlaceResult) result = NULL;
        PlaceOptions options;
        World world;

        quick(&options, 1);
        world_init(&world, 3, 16, 16000);
        world_add_vm(&world, 0, 4, 2000);
        world_add_vm(&world, 0, 4, 2000);
        world_add_vm(&world, 1, 8, 2000);
        world_rule(&world, PLACE_RULE_TOGETHER, 0, 1);
        world.hosts[1].is_source = world.hosts[2].is_source = FALSE;
        world_end(&world);
        result = rival_run(NAMES[i], &world.problem, &task, &options);
        g_assert_cmpuint(result->left_over->len, ==, 0);
        g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 0).destination, ==, 2);
        g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 1).destination, ==, 2);
        world_clear(&world);
    }
}

static void test_nothing_to_do_is_nothing_done(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        PlaceTask task = {.kind = PLACE_RELIEVE};
        g_autoptr(PlaceResult) result = NULL;
        PlaceOptions options;
        World world;

        quick(&options, 1);
        world_init(&world, 2, 16, 16000);
        world_add_vm(&world, 0, 8, 2000);
        world_end(&world);
        result = rival_run(NAMES[i], &world.problem, &task, &options);
        g_assert_cmpuint(result->moves->len, ==, 0);
        g_assert_cmpuint(result->left_over->len, ==, 0);
        world_clear(&world);
    }
}

/* One host, above the range, nowhere to go; and no VM at all. */
static void test_degenerate_fleets(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        PlaceTask task = {.kind = PLACE_RELIEVE};
        g_autoptr(PlaceResult) full = NULL;
        g_autoptr(PlaceResult) empty = NULL;
        PlaceOptions options;
        World world;

        quick(&options, 1);
        world_init(&world, 1, 16, 16000);
        world_end(&world);
        empty = rival_run(NAMES[i], &world.problem, &task, &options);
        g_assert_cmpuint(empty->moves->len, ==, 0);
        world_clear(&world);
        world_init(&world, 1, 16, 16000);
        world_add_vm(&world, 0, 15, 2000);
        world_end(&world);
        full = rival_run(NAMES[i], &world.problem, &task, &options);
        g_assert_cmpuint(full->left_over->len, ==, 1);
        world_clear(&world);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rivals/place-run-believes-them", test_place_run_believes_them);
    g_test_add_func("/rivals/same-seed-same-answer", test_same_seed_same_answer);
    g_test_add_func("/rivals/what-can-be-done-is-done", test_what_can_be_done_is_done);
    g_test_add_func("/rivals/what-cannot-be-done-is-left-over", test_what_cannot_be_done_is_left_over);
    g_test_add_func("/rivals/bound-vms-leave-as-one", test_bound_vms_leave_as_one);
    g_test_add_func("/rivals/nothing-to-do-is-nothing-done", test_nothing_to_do_is_nothing_done);
    g_test_add_func("/rivals/degenerate-fleets", test_degenerate_fleets);
    return g_test_run();
}
