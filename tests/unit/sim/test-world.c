/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/world*.c: how memory moves against the recurrences it is made of, shares of links, traffic of VMs,
 * throttling, deltas, faults, and that a broken property is found and named. */
#include "sim-run.h"

#include <math.h>

#include "base/rng.h"
#include "model/passes.h"
#include "sim/world-private.h" /* to break what must always be true */

#define LINK_MIB_PER_S 128.0

static void assert_near(double value, double expected, double share)
{
    if (fabs(value - expected) > share * fabs(expected) + 1e-12) {
        g_test_message("%.9f is not %.9f", value, expected);
        g_assert_cmpfloat(value, ==, expected);
    }
}

static double seconds_of(const Outcome *outcome)
{
    return (double)(outcome->ended_ns - outcome->begun_ns) / (double)NS_PER_S;
}

/* ---- pre-copy ---- */

/* With a rate that nobody shares, the world is the recurrence of the model. */
static void test_precopy_is_the_recurrence(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);
    double payload = 0.93 * LINK_MIB_PER_S; /* what the gang gives out */
    PassesRules rules;
    PassesVm vm = {.memory_mib = 2000, .dirty_mib_per_s = 60, .working_set_mib = 500, .bandwidth_mib_per_s = payload};
    PassesCost cost;

    passes_rules_init(&rules);
    rules.passes_max = G_MAXUINT;
    rules.traffic_max = rules.progress_min = INFINITY;
    rules.downtime = DOWNTIME_LAST;
    rules.threshold_mib = payload * 0.3;
    cost = passes_run(&vm, &rules);
    sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY,
                &(WorldVmSpec){.ram_bytes = 2000 * MIB, .load = {.written_mib_per_s = 60, .write_set_mib = 500}});
    sim_run(run);
    const Outcome *outcome = sim_run_outcome(run, 0);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    assert_near((double)outcome->bytes / (double)MIB, cost.sent_mib, 1e-6);
    assert_near(outcome->downtime_ms / 1000, cost.downtime_s, 1e-6);
    assert_near(seconds_of(outcome), cost.total_s + 0.2, 1e-2); /* and what it takes to begin */
    assert_near(world_vm_gap_ms(run->world, 0), outcome->downtime_ms, 1e-9);
    assert_near(world_sent_mib(run->world), cost.sent_mib, 1e-6);
}

static void test_zero_pages_are_not_sent(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);

    sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, &(WorldVmSpec){.ram_bytes = 4 * GIB, .used_bytes = 100 * MIB});
    sim_run(run);
    g_assert_cmpuint(sim_run_outcome(run, 0)->bytes, ==, 100 * MIB);
}

static void test_paused_vm_stays_paused(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);
    WorldVmSpec paused = *BUSY_VM;

    paused.is_paused = TRUE;
    sim_run_add(run, "a", "b", ALGORITHM_POST_COPY, &paused);
    sim_run(run);
    g_assert_cmpint(sim_run_outcome(run, 0)->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(world_vm_state(run->world, 0, 1), ==, VM_STATE_PAUSED);
    g_assert_cmpuint(sim_run_outcome(run, 0)->bytes, ==, 512 * MIB);
}

/* A guest that writes faster than the link goes only with its speed cut. */
static void test_auto_converge_slows_the_guest(void)
{
    double lost_s[2];

    for (guint with = 0; with < 2; with++) {
        g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);

        run->plan->options.auto_converge = with;
        run->plan->options.on_stuck = STUCK_ACTION_ABORT;
        run->plan->options.stuck_after_ns = 600 * NS_PER_S;
        sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, BUSY_VM);
        sim_run(run);
        g_assert_cmpint(sim_run_outcome(run, 0)->kind, ==, with ? OUTCOME_MIGRATED : OUTCOME_FAILED);
        lost_s[with] = world_vm_lost_s(run->world, 0);
    }
    g_assert_cmpfloat(lost_s[0], <, 0.001);
    g_assert_cmpfloat(lost_s[1], >, 1);
}

static void test_deltas_make_passes_smaller(void)
{
    guint64 bytes[2];

    for (guint with = 0; with < 2; with++) {
        g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);

        run->plan->options.compressed = with;
        sim_run_add(
            run, "a", "b", ALGORITHM_PRE_COPY,
            &(WorldVmSpec){.ram_bytes = 1 * GIB,
                           .load = {.written_mib_per_s = 50, .write_set_mib = 200, .dirty_bytes_per_page = 400}});
        sim_run(run);
        g_assert_cmpint(sim_run_outcome(run, 0)->kind, ==, OUTCOME_MIGRATED);
        bytes[with] = sim_run_outcome(run, 0)->bytes;
    }
    g_assert_cmpuint(bytes[1], <, bytes[0]);
    g_assert_cmpuint(bytes[1], >=, 1 * GIB);
}

static void test_intensity_follows_the_hour(void)
{
    static const float nothing_then_much[] = {0, 1};
    WorldVm vm = {.load = {.written_mib_per_s = 10,
                           .write_set_mib = 1000,
                           .intensity = nothing_then_much,
                           .intensity_length = 2,
                           .intensity_ns = 10 * NS_PER_S}};

    g_assert_cmpfloat(world_written_mib(&vm, 0, 10 * NS_PER_S), ==, 0);
    g_assert_cmpfloat(world_written_mib(&vm, 5 * NS_PER_S, 15 * NS_PER_S), ==, 50);
    g_assert_cmpfloat(world_written_mib(&vm, 25 * NS_PER_S, 45 * NS_PER_S), ==, 100);
    g_assert_cmpfloat(world_written_mib(&vm, 0, 1000 * NS_PER_S), ==, 1000); /* its set */
}

/* ---- post-copy ---- */

static void test_postcopy_stands_still_for_devices_only(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_POST_COPY, 1);

    sim_run_add(run, "a", "b", ALGORITHM_POST_COPY, BUSY_VM);
    sim_run(run);
    const Outcome *outcome = sim_run_outcome(run, 0);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(world_vm_state(run->world, 0, 1), ==, VM_STATE_RUNNING);
    g_assert_cmpint(world_vm_state(run->world, 0, 0), ==, VM_STATE_ABSENT);
    assert_near(world_vm_gap_ms(run->world, 0), 1000 * 4 / (0.93 * LINK_MIB_PER_S) + 20, 1e-6);
    g_assert_cmpfloat(world_vm_lost_s(run->world, 0), >,
                      world_vm_gap_ms(run->world, 0) / 1000); /* it waits for pages */
    g_assert_cmpuint(outcome->bytes, <, 530 * MIB);
}

static void test_hybrid_sends_one_pass_first(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_HYBRID, 1);

    sim_run_add(run, "a", "b", ALGORITHM_HYBRID, BUSY_VM);
    sim_run(run);
    g_assert_cmpint(sim_run_outcome(run, 0)->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpuint(sim_run_outcome(run, 0)->bytes, >, (512 + 250) * MIB);
    g_assert_cmpuint(sim_run_outcome(run, 0)->bytes, <, (512 + 280) * MIB);
}

/* ---- the network ---- */

static void test_two_share_a_link(void)
{
    g_autoptr(SimRun) run = sim_run_new(3, POLICY_PRE_COPY, 1);

    sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, &(WorldVmSpec){.ram_bytes = 1 * GIB});
    sim_run_add(run, "a", "c", ALGORITHM_PRE_COPY, &(WorldVmSpec){.ram_bytes = 1 * GIB});
    sim_run(run);
    for (guint i = 0; i < 2; i++) {
        assert_near(seconds_of(sim_run_outcome(run, i)), 2 * 1024 / (0.93 * LINK_MIB_PER_S), 0.02);
    }
}

static void test_traffic_of_vms_comes_first(void)
{
    g_autoptr(SimRun) run = sim_run_new(3, POLICY_PRE_COPY, 1);

    sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, &(WorldVmSpec){.ram_bytes = 1 * GIB});
    guint talker = sim_run_add(run, "a", NULL, ALGORITHM_PRE_COPY, QUIET_VM);
    guint peer = sim_run_add(run, "c", NULL, ALGORITHM_PRE_COPY, QUIET_VM);
    world_add_traffic(run->world, talker, peer, 2 * 64);
    sim_run(run);
    assert_near(seconds_of(sim_run_outcome(run, 0)), 1024 / 64.0, 0.02);
}

/* Two that talk meet on one host: from then on the link is free. */
static void test_traffic_moves_with_its_vms(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);
    guint mover = sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, QUIET_VM);
    guint peer = sim_run_add(run, "b", NULL, ALGORITHM_PRE_COPY, QUIET_VM);

    world_add_traffic(run->world, mover, peer, 10);
    g_assert_cmpuint(flows_count(run->world->flows), ==, 2);
    sim_run(run);
    g_assert_cmpuint(flows_count(run->world->flows), ==, 0);
}

static void test_cut_link_stops_and_a_whole_one_goes_on(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);

    sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, &(WorldVmSpec){.ram_bytes = 1 * GIB});
    world_add_fault(
        run->world,
        &(WorldFault){.kind = WORLD_FAULT_LINK, .target = 1, .at_ns = 4 * NS_PER_S, .until_ns = 14 * NS_PER_S});
    sim_run(run);
    g_assert_cmpint(sim_run_outcome(run, 0)->kind, ==, OUTCOME_MIGRATED);
    assert_near(seconds_of(sim_run_outcome(run, 0)), 10 + 0.2 + 1024 / (0.93 * LINK_MIB_PER_S), 0.01);
}

static void test_slow_link_is_slow(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);

    sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, &(WorldVmSpec){.ram_bytes = 1 * GIB});
    world_add_fault(run->world, &(WorldFault){.kind = WORLD_FAULT_SLOW_LINK, .target = 0, .mib_per_s = 8});
    sim_run(run);
    assert_near(seconds_of(sim_run_outcome(run, 0)), 128, 0.01);
}

/* ---- memory ---- */

static void test_memory_is_counted_at_both_ends(void)
{
    g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 1);

    sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, QUIET_VM);
    sim_run_add(run, "b", NULL, ALGORITHM_PRE_COPY, QUIET_VM);
    g_assert_cmpuint(world_host_promised_bytes(run->world, 1), ==, 512 * MIB);
    sim_run(run);
    g_assert_cmpuint(world_host_promised_bytes(run->world, 0), ==, 0);
    g_assert_cmpuint(world_host_promised_bytes(run->world, 1), ==, 1024 * MIB);
    g_assert_cmpuint(world_host_peak_bytes(run->world, 0), ==, 512 * MIB);
    world_reset_peaks(run->world);
    g_assert_cmpuint(world_host_peak_bytes(run->world, 0), ==, 0);
}

static void test_vm_that_does_not_fit_is_refused(void)
{
    g_autoptr(SimRun) run = sim_run_new(1, POLICY_PRE_COPY, 1);
    g_autoptr(GError) error = NULL;

    g_assert_cmpuint(world_add_vm(run->world, 0, &(WorldVmSpec){.name = "big", .ram_bytes = 65 * GIB}, &error), ==,
                     WORLD_NONE);
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
    g_assert_nonnull(strstr(error->message, "64 GiB left"));
    g_clear_error(&error);
    g_assert_cmpuint(world_add_vm(run->world, 0, &(WorldVmSpec){.name = "small", .ram_bytes = GIB}, &error), ==, 0);
    g_assert_cmpuint(world_add_vm(run->world, 0, &(WorldVmSpec){.name = "small", .ram_bytes = GIB}, &error), ==,
                     WORLD_NONE);
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
}

/* ---- what must always be true ---- */

static void break_one_copy(World *world)
{
    world_add_copy(world, world_host(world, 1), world_vm(world, 0), VM_STATE_RUNNING);
}

static void break_no_copy(World *world)
{
    world_set_copy(world, world_copy_at(world_vm(world, 0), world_host(world, 0)), VM_STATE_PAUSED, FALSE);
}

static void break_memory(World *world)
{
    world_host(world, 0)->memory_bytes = MIB;
    world_touch_host(world, world_host(world, 0));
}

static void break_link(World *world)
{
    world->expected_mib[0] += 1;
}

static void break_time(World *world)
{
    world->checked_ns += NS_PER_S;
}

static void test_each_broken_property_is_found_and_named(void)
{
    static const struct {
        void (*break_it)(World *world);
        const char *words;
    } CASES[] = {{break_one_copy, "one copy: VM vm1 runs on 2 hosts"},
                 {break_no_copy, "one copy: VM vm1 runs nowhere"},
                 {break_memory, "memory: 512 MiB is promised on host a"},
                 {break_link, "link: 0 carried"},
                 {break_time, "time: it was"}};

    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autoptr(SimRun) run = sim_run_new(2, POLICY_PRE_COPY, 4711);

        sim_run_add(run, "a", NULL, ALGORITHM_PRE_COPY, QUIET_VM);
        world_check_all(run->world);
        g_assert_null(world_broken(run->world));
        world_note(run->world, "a test", "vm1");
        CASES[i].break_it(run->world);
        world_check(run->world);
        if (CASES[i].break_it == break_link) { /* found when all is looked at */
            world_check_all(run->world);
        }
        g_assert_nonnull(world_broken(run->world));
        g_test_message("%s", world_broken(run->world));
        g_assert_nonnull(strstr(world_broken(run->world), CASES[i].words));
        g_assert_nonnull(strstr(world_broken(run->world), "seed 4711: at 1.000000 s"));
        g_assert_nonnull(strstr(world_broken(run->world), "(a test, vm1)"));
    }
}

static void test_same_seed_same_world(void)
{
    guint64 events[2], bytes[2];
    char *uuid[2] = {NULL, NULL};

    for (guint i = 0; i < 2; i++) {
        g_autoptr(SimRun) run = sim_run_new(3, POLICY_PRE_COPY, 99);
        g_autoptr(GError) error = NULL;

        world_add_vm(run->world, 0, &(WorldVmSpec){.name = "named", .ram_bytes = GIB}, &error);
        uuid[i] = g_strdup(world_vm(run->world, 0)->uuid);
        sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, BUSY_VM);
        sim_run_add(run, "a", "c", ALGORITHM_HYBRID, BUSY_VM);
        sim_run(run);
        events[i] = run->events;
        bytes[i] = run->result->bytes;
    }
    g_assert_cmpuint(events[0], ==, events[1]);
    g_assert_cmpuint(bytes[0], ==, bytes[1]);
    g_assert_cmpstr(uuid[0], ==, uuid[1]);
    g_assert_true(g_uuid_string_is_valid(uuid[0]));
    g_free(uuid[0]);
    g_free(uuid[1]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/world/pre-copy-is-the-recurrence-of-the-model", test_precopy_is_the_recurrence);
    g_test_add_func("/world/zero-pages-are-not-sent", test_zero_pages_are_not_sent);
    g_test_add_func("/world/a-paused-vm-stays-paused", test_paused_vm_stays_paused);
    g_test_add_func("/world/auto-converge-slows-the-guest", test_auto_converge_slows_the_guest);
    g_test_add_func("/world/deltas-make-passes-smaller", test_deltas_make_passes_smaller);
    g_test_add_func("/world/intensity-follows-the-hour", test_intensity_follows_the_hour);
    g_test_add_func("/world/post-copy-stands-still-for-devices-only", test_postcopy_stands_still_for_devices_only);
    g_test_add_func("/world/hybrid-sends-one-pass-first", test_hybrid_sends_one_pass_first);
    g_test_add_func("/world/two-share-a-link", test_two_share_a_link);
    g_test_add_func("/world/traffic-of-vms-comes-first", test_traffic_of_vms_comes_first);
    g_test_add_func("/world/traffic-moves-with-its-vms", test_traffic_moves_with_its_vms);
    g_test_add_func("/world/a-cut-link-stops-and-a-whole-one-goes-on", test_cut_link_stops_and_a_whole_one_goes_on);
    g_test_add_func("/world/a-slow-link-is-slow", test_slow_link_is_slow);
    g_test_add_func("/world/memory-is-counted-at-both-ends", test_memory_is_counted_at_both_ends);
    g_test_add_func("/world/a-vm-that-does-not-fit-is-refused", test_vm_that_does_not_fit_is_refused);
    g_test_add_func("/world/each-broken-property-is-found-and-named", test_each_broken_property_is_found_and_named);
    g_test_add_func("/world/same-seed-same-world", test_same_seed_same_world);
    return g_test_run();
}
