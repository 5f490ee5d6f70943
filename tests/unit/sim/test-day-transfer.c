/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/day-transfer.c: migrations that share links. */
#include "sim/day-private.h"

#include "model/passes.h"

#define MIB_PER_S (1e6 * 1000 / 8 / 1048576 / 2) /* half of a gigabit link */

typedef struct World {
    Trace *trace;
    DayFleet *fleet;
    DayConfig config;
    Day *day;
    DayTransfers *transfers;
} World;

/* 8 VMs of the four types on hosts 0 to 3, all at 'percent' of their CPU. */
static World *world_new(guint8 percent, guint32 defects)
{
    World *world = g_new0(World, 1);
    guint8 samples[8 * 288];

    memset(samples, percent, sizeof samples);
    world->trace = trace_new_percent(8, 288, samples);
    world->fleet = day_fleet_cloudsim(world->trace, 10);
    day_config_init(&world->config, DAY_MODE_PHYSICAL, world->fleet);
    world->config.defects = defects | DAY_DEFECT_FILE_ORDER;
    world->day = day_new(&world->config);
    for (guint32 vm = 0; vm < 8; vm++) {
        world->day->vm_host[vm] = vm / 2;
    }
    day_move_clock(world->day, 0);
    world->transfers = day_transfers_new(world->day);
    return world;
}

static void world_free(World *world)
{
    day_transfers_free(world->transfers);
    day_free(world->day);
    day_fleet_free(world->fleet);
    trace_free(world->trace);
    g_free(world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

static void start(World *world, guint32 vm, guint32 dst)
{
    day_transfers_add(world->transfers, &(DayMove){.vm = vm, .dst = dst}, vm, 0);
}

static DayArrival next(World *world)
{
    DayArrival arrival;

    g_assert_true(day_transfers_next(world->transfers, 1e6, &arrival));
    return arrival;
}

/* 870 MiB at 20 MiB/s * 50 % dirty: what model/passes.c says for the whole link. */
static void test_alone_it_is_the_model(void)
{
    g_autoptr(World) world = world_new(50, 0);
    PassesRules rules;
    PassesVm vm = {
        .memory_mib = 870, .dirty_mib_per_s = 10, .working_set_mib = 870 / 4.0, .bandwidth_mib_per_s = MIB_PER_S};

    passes_rules_init(&rules);
    PassesCost cost = passes_run(&vm, &rules);

    start(world, 0, 9);
    DayArrival arrival = next(world);

    g_assert_cmpfloat_with_epsilon(arrival.time_s + 0.02, cost.total_s, 1e-6);
    g_assert_cmpfloat_with_epsilon(arrival.downtime_s, cost.downtime_s, 1e-6);
    g_assert_cmpfloat_with_epsilon(arrival.sent_mib, cost.sent_mib, 1e-6);
    g_assert_cmpfloat_with_epsilon(day_transfer_alone_s(world->day, 0, 0, 9), cost.total_s, 1e-9);
}

/* Idle guests: two of 870 MiB from one host at half the rate each. */
static void test_two_share_the_source(void)
{
    g_autoptr(World) world = world_new(0, 0);

    start(world, 0, 8);
    start(world, 1, 9);
    g_assert_cmpfloat_with_epsilon(next(world).time_s, 2 * 870 / MIB_PER_S, 1e-9);
    g_assert_cmpfloat_with_epsilon(next(world).time_s, 2 * 870 / MIB_PER_S, 1e-9);
}

/* 1740 MiB comes in beside 613 MiB; when the small one is there the large one has all. */
static void test_the_rest_runs_faster_when_one_ends(void)
{
    g_autoptr(World) world = world_new(0, 0);

    start(world, 2, 9);
    start(world, 6, 9);
    DayArrival first = next(world), second = next(world);

    g_assert_cmpuint(first.vm, ==, 6);
    g_assert_cmpfloat_with_epsilon(first.time_s, 2 * 613 / MIB_PER_S, 1e-9);
    g_assert_cmpuint(second.vm, ==, 2);
    g_assert_cmpfloat_with_epsilon(second.time_s, (1740 + 613) / MIB_PER_S, 1e-9);
}

static void test_directions_do_not_disturb(void)
{
    g_autoptr(World) world = world_new(0, 0);

    start(world, 0, 1); /* host 0 to 1 */
    start(world, 2, 0); /* and 1 to 0 */
    g_assert_cmpfloat_with_epsilon(next(world).time_s, 870 / MIB_PER_S, 1e-9);
    g_assert_cmpfloat_with_epsilon(next(world).time_s, 1740 / MIB_PER_S, 1e-9);
}

static void test_waits_for_its_destination(void)
{
    g_autoptr(World) world = world_new(0, 0);

    day_transfers_add(world->transfers, &(DayMove){.vm = 0, .dst = 9}, 0, 60);
    DayArrival arrival = next(world);

    g_assert_cmpfloat_with_epsilon(arrival.time_s, 60 + 870 / MIB_PER_S, 1e-9);
    g_assert_cmpfloat(arrival.start_s, ==, 0);
}

static void test_fixed_duration(void)
{
    g_autoptr(World) world = world_new(80, DAY_DEFECT_FIXED_DURATION);

    start(world, 0, 9);
    start(world, 1, 9);
    start(world, 6, 9);
    g_assert_cmpfloat_with_epsilon(next(world).time_s, 613 / 62.5, 1e-9);
    g_assert_cmpfloat_with_epsilon(next(world).time_s, 870 / 62.5, 1e-9);
    g_assert_cmpfloat_with_epsilon(next(world).time_s, 870 / 62.5, 1e-9);
}

/* Whatever starts when: nothing is lost, nothing comes before it could. */
static void test_random_starts(void)
{
    for (guint64 seed = 1; seed <= 100; seed++) {
        g_autoptr(World) world = world_new((guint8)(seed % 101), 0);
        Rng rng = rng_new(seed);
        double until_s = 0, last_s = 0;
        guint ended = 0;

        for (guint32 vm = 0; vm < 8; vm++) {
            DayArrival arrival;

            world->day->now_s = until_s;
            start(world, vm, 4 + rng_below(&rng, 6));
            until_s += rng_range(&rng, 0, 30);
            while (day_transfers_next(world->transfers, until_s, &arrival)) {
                g_assert_cmpfloat(arrival.time_s, >=, last_s);
                last_s = arrival.time_s;
                ended++;
            }
        }
        for (; day_transfers_running(world->transfers) > 0; ended++) {
            DayArrival arrival = next(world);
            double ram_mib = day_type_of_vm(world->day, arrival.vm)->ram_mib;

            g_assert_cmpfloat(arrival.sent_mib, >=, ram_mib * (1 - 1e-12));
            g_assert_cmpfloat(arrival.time_s - arrival.start_s, >=, ram_mib / MIB_PER_S * (1 - 1e-9));
        }
        g_assert_cmpuint(ended, ==, 8);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/day-transfer/alone-it-is-the-model", test_alone_it_is_the_model);
    g_test_add_func("/day-transfer/two-share-the-source", test_two_share_the_source);
    g_test_add_func("/day-transfer/the-rest-runs-faster", test_the_rest_runs_faster_when_one_ends);
    g_test_add_func("/day-transfer/directions-do-not-disturb", test_directions_do_not_disturb);
    g_test_add_func("/day-transfer/waits-for-its-destination", test_waits_for_its_destination);
    g_test_add_func("/day-transfer/fixed-duration", test_fixed_duration);
    g_test_add_func("/day-transfer/random-starts", test_random_starts);
    return g_test_run();
}
