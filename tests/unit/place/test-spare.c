/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/spare.c: a yes is checked by trying every way to place the VMs of the failed hosts; a no is compared
 * with that where sizes are equal, so that the order of placing cannot matter. */
#include "place/spare.h"
#include "base/error.h"
#include "place-world.h"

#include <string.h>

static void host_of_now(const World *world, guint *host_of)
{
    for (guint v = 0; v < world->problem.vms_length; v++) {
        host_of[v] = world->vms[v].host;
    }
}

/* Whether the VMs from 'v' on that were on hosts in 'down' find room, trying everything. */
static gboolean survives_plainly(const World *world, guint down, guint v, double left[][RESOURCE_COUNT])
{
    const PlaceProblem *problem = &world->problem;

    while (v < problem->vms_length && !(down >> world->vms[v].host & 1)) {
        v++;
    }
    if (v == problem->vms_length) {
        return TRUE;
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        const PlaceVm *vm = &world->vms[v];
        gboolean is_found = FALSE;

        if ((down >> h & 1) || !world->hosts[h].may_receive ||
            (vm->cpu_class && !(world->hosts[h].cpu_classes & vm->cpu_class)) || vm->reserved[0] > left[h][0] + 1e-9 ||
            vm->reserved[1] > left[h][1] + 1e-9) {
            continue;
        }
        left[h][0] -= vm->reserved[0];
        left[h][1] -= vm->reserved[1];
        is_found = survives_plainly(world, down, v + 1, left);
        left[h][0] += vm->reserved[0];
        left[h][1] += vm->reserved[1];
        if (is_found) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean holds_plainly(const World *world, guint k)
{
    for (guint down = 0; down < 1u << world->problem.hosts_length; down++) {
        double left[WORLD_HOSTS][RESOURCE_COUNT];

        if ((guint)__builtin_popcount(down) != k) {
            continue;
        }
        for (guint h = 0; h < world->problem.hosts_length; h++) {
            memcpy(left[h], world->hosts[h].reservable, sizeof left[h]);
        }
        for (guint v = 0; v < world->problem.vms_length; v++) {
            left[world->vms[v].host][0] -= world->vms[v].reserved[0];
            left[world->vms[v].host][1] -= world->vms[v].reserved[1];
        }
        if (!survives_plainly(world, down, 0, left)) {
            return FALSE;
        }
    }
    return TRUE;
}

static void test_against_every_way(void)
{
    guint yes = 0;
    guint no = 0;

    for (guint64 seed = 1; seed <= 400; seed++) {
        const WorldShape shape = {.hosts = 4, .vms_min = 1, .vms_max = 3, .cpu_classes = seed % 3 ? 0 : 2,
                                  .fill_low = 0.1, .fill_high = 0.7};
        gboolean is_even = seed % 2;
        guint k = 1 + (guint)(seed % 2);
        guint host_of[WORLD_VMS];
        g_autofree char *what = NULL;
        gboolean holds;
        World world;

        world_random(&world, &shape, seed);
        for (guint v = 0; v < world.problem.vms_length && is_even; v++) {
            world.vms[v].reserved[0] = 4;
            world.vms[v].reserved[1] = 6000;
            world.vms[v].cpu_class = 0;
        }
        host_of_now(&world, host_of);
        holds = place_spare_holds(&world.problem, host_of, k, &what);
        g_assert_cmpint(holds, ==, what == NULL);
        g_assert_true(!holds || holds_plainly(&world, k));
        g_assert_true(!is_even || holds == holds_plainly(&world, k));
        yes += holds;
        no += !holds;
        world_clear(&world);
    }
    g_assert_cmpuint(yes, >, 40);
    g_assert_cmpuint(no, >, 40);
}

static void test_says_who_would_be_stranded(void)
{
    g_autofree char *what = NULL;
    guint host_of[2];
    World world;

    world_init(&world, 2, 16, 16000);
    world_add_vm(&world, 0, 2, 9000);
    world_add_vm(&world, 1, 2, 8000);
    world_end(&world);
    host_of_now(&world, host_of);
    g_assert_false(place_spare_holds(&world.problem, host_of, 1, &what));
    g_assert_cmpstr(what, ==,
                    "when h1 fails, VM vm1 (9000 MiB, 2.00 cores reserved) finds no room on the others");
    g_assert_true(place_spare_holds(&world.problem, host_of, 0, NULL));
    world_clear(&world);
}

static void test_too_many_sets_are_refused(void)
{
    g_autoptr(GError) error = NULL;
    World world;

    world_init(&world, 32, 16, 16000);
    world_end(&world);
    g_assert_true(place_spare_check(&world.problem, 1, NULL));
    g_assert_true(place_spare_check(&world.problem, 3, NULL));
    g_assert_false(place_spare_check(&world.problem, 5, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "any 5 of 32 hosts are 201376 sets"));
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/spare/agrees-with-every-way", test_against_every_way);
    g_test_add_func("/spare/says-who-would-be-stranded", test_says_who_would_be_stranded);
    g_test_add_func("/spare/too-many-sets-are-refused", test_too_many_sets_are_refused);
    return g_test_run();
}
