/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/migrate/gang.c, gang-member.c and gang-steer.c in virtual time, on a world without faults. */
#include "gang-world.h"
#include "model/share.h"

#include <math.h>

#define PAYLOAD_RATE ((guint64)(125000000 * SHARE_PAYLOAD)) /* of the 1 Gbit/s links */

static void test_moves_each_vm_its_way(void)
{
    static const Algorithm algorithms[] = {ALGORITHM_PRE_COPY, ALGORITHM_POST_COPY, ALGORITHM_HYBRID};
    g_autoptr(World) world = world_new(POLICY_PAPER);

    for (guint i = 0; i < 3; i++) {
        world_add(world, i % 2 ? "b" : "c", algorithms[i], i ? BUSY_VM : QUIET_VM);
    }
    world_run(world);
    for (guint i = 0; i < 3; i++) {
        const Outcome *outcome = world_outcome(world, i);

        g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
        g_assert_cmpint(outcome->fault, ==, FAULT_NONE);
        g_assert_cmpint(outcome->algorithm, ==, algorithms[i]);
        g_assert_cmpstr(outcome->now_at, ==, i % 2 ? "b" : "c");
        g_assert_null(outcome->message);
        g_assert_cmpint(driver_null_vm_state(world->driver, "a", outcome->vm), ==, VM_STATE_ABSENT);
        g_assert_cmpint(driver_null_vm_state(world->driver, i % 2 ? "b" : "c", outcome->vm), ==, VM_STATE_RUNNING);
        g_assert_cmpfloat(outcome->total_time_s, >, 3);
        g_assert_cmpint(outcome->switched_ns, >, outcome->begun_ns);
        g_assert_cmpuint(outcome->bytes, >=, 512 * MIB);
    }
}

/* QEMU's figure for post-copy says nothing, so there is none; pre-copy's is libvirt's. */
static void test_downtime_is_unknown_after_postcopy(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    world_add(world, "b", ALGORITHM_POST_COPY, QUIET_VM);
    world_run(world);
    g_assert_cmpfloat(world_outcome(world, 0)->downtime_ms, >=, 0);
    g_assert_cmpfloat(world_outcome(world, 0)->downtime_ms, <=, 300);
    g_assert_true(isnan(world_outcome(world, 1)->downtime_ms));
}

static void test_postcopy_begins_in_the_first_pass_and_hybrid_after_it(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_add(world, "b", ALGORITHM_POST_COPY, BUSY_VM);
    world_add(world, "c", ALGORITHM_HYBRID, BUSY_VM);
    world_run(world);
    g_assert_cmpuint(world_outcome(world, 0)->passes, ==, 1);
    g_assert_cmpuint(world_outcome(world, 1)->passes, ==, 2);
}

/* ---- bandwidth ---- */

static void look_at_shares(World *world)
{
    guint running = 0;

    for (guint i = 0; i < gang_length(world->gang); i++) {
        Phase phase = gang_progress(world->gang, i)->phase;

        running += phase > PHASE_WAITING && phase < PHASE_DONE;
    }
    for (guint i = 0; i < gang_length(world->gang) && running; i++) {
        const GangProgress *progress = gang_progress(world->gang, i);

        if (progress->phase == PHASE_PERFORM && world->ticks) {
            /* An event may have changed 'running' just now; then the division follows it. */
            g_assert_cmpuint(progress->bandwidth_bytes_per_s, >=, PAYLOAD_RATE / (running + 1));
            g_assert_cmpuint(progress->bandwidth_bytes_per_s, <=, PAYLOAD_RATE);
        }
    }
}

/* Four that start together share the source's link; the one that is four times as large has it alone in the end. */
static void test_shares_are_divided_anew(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm large = {.ram_bytes = 2 * GIB, .dirty_bytes_per_s = 0};
    NullVm small = {.ram_bytes = 512 * MIB, .dirty_bytes_per_s = 0};
    double alone_s = 5 * 512.0 * (double)MIB / (double)PAYLOAD_RATE; /* all bytes through one link that is never idle */

    world->on_tick = look_at_shares;
    world_add(world, "b", ALGORITHM_PRE_COPY, &large);
    world_add(world, "b", ALGORITHM_PRE_COPY, &small);
    world_add(world, "c", ALGORITHM_PRE_COPY, &small);
    world_run(world);
    g_assert_cmpuint(gang_progress(world->gang, 0)->bandwidth_bytes_per_s, ==, PAYLOAD_RATE);
    g_assert_cmpfloat(world->result->elapsed_s, >, alone_s);
    g_assert_cmpfloat(world->result->elapsed_s, <,
                      alone_s * 1.2 + 1); /* without dividing anew it would be 3.2 times 2 GiB */
    g_assert_cmpfloat(world_outcome(world, 1)->total_time_s, >, 3 * 512.0 * (double)MIB / (double)PAYLOAD_RATE);
}

static void test_the_options_bandwidth_replaces_the_link(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm vm = {.ram_bytes = 512 * MIB, .dirty_bytes_per_s = 0};

    world->plan->options.bandwidth_bytes_per_s = 50000000;
    world_add(world, "b", ALGORITHM_PRE_COPY, &vm);
    world_run(world);
    g_assert_cmpfloat(world_outcome(world, 0)->total_time_s, >, 512.0 * (double)MIB / 50e6);
}

/* ---- places and waves ---- */

static void test_no_more_than_the_places(void)
{
    for (guint limit = 1; limit <= 3; limit++) {
        g_autoptr(World) world = world_new(POLICY_PAPER);

        world->plan->options.max_outgoing = limit;
        world_host(world, "c")->max_incoming = 1;
        for (guint i = 0; i < 7; i++) {
            world_add(world, i % 2 ? "b" : "c", ALGORITHM_PRE_COPY, QUIET_VM);
        }
        world_run(world);
        g_assert_cmpuint(gang_outcome_count(world->result, OUTCOME_MIGRATED), ==, 7);
        g_assert_cmpuint(driver_null_most_jobs(world->driver, "a", TRUE), ==, limit);
        g_assert_cmpuint(driver_null_most_jobs(world->driver, "c", FALSE), ==, 1);
    }
}

static void test_a_wave_waits_for_the_one_before(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    for (guint i = 0; i < 4; i++) {
        world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM)->wave = i / 2;
    }
    world_run(world);
    for (guint late = 2; late < 4; late++) {
        for (guint early = 0; early < 2; early++) {
            g_assert_cmpint(world_outcome(world, late)->begun_ns, >=, world_outcome(world, early)->ended_ns);
        }
    }
}

/* ---- stuck ---- */

static const Outcome *run_stuck(World *world, StuckAction action)
{
    world->plan->options.on_stuck = action;
    world->plan->options.stuck_after_ns = 20 * NS_PER_S;
    world_add(world, "b", ALGORITHM_PRE_COPY, BUSY_VM);
    world_run(world);
    return world_outcome(world, 0);
}

static void test_stuck_switches_where_the_policy_permits(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    const Outcome *outcome = run_stuck(world, STUCK_ACTION_POLICY);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->algorithm, ==, ALGORITHM_HYBRID);
    g_assert_nonnull(strstr(outcome->message, "switched to post-copy, as the policy permits"));
    g_assert_cmpfloat(outcome->total_time_s, >, 20);
}

static void test_stuck_is_aborted_where_the_policy_does_not_permit(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);
    const Outcome *outcome = run_stuck(world, STUCK_ACTION_POLICY);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_FAILED);
    g_assert_cmpint(outcome->fault, ==, FAULT_NOT_CONVERGED);
    g_assert_cmpstr(outcome->now_at, ==, "a");
    g_assert_nonnull(strstr(outcome->message, "since the policy does not permit post-copy"));
    g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_RUNNING);
    g_assert_cmpint(driver_null_vm_state(world->driver, "b", "vm1"), ==, VM_STATE_ABSENT);
}

static void test_stuck_is_forced_on_the_operators_word_only(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);
    const Outcome *outcome = run_stuck(world, STUCK_ACTION_FORCE);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_true(outcome->was_forced);
    g_assert_cmpfloat(outcome->downtime_ms, >, 300);
    g_assert_nonnull(strstr(outcome->message, "as --on-stuck says"));
}

static void test_stuck_goes_to_postcopy_when_told(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);
    const Outcome *outcome = run_stuck(world, STUCK_ACTION_POST_COPY);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->algorithm, ==, ALGORITHM_HYBRID);
    g_assert_nonnull(strstr(outcome->message, "switched to post-copy, as --on-stuck says"));
}

static void test_stuck_by_passes(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    world->plan->options.stuck_after_ns = 0;
    world->plan->options.stuck_passes = 4;
    world_add(world, "b", ALGORITHM_PRE_COPY, BUSY_VM);
    world_run(world);
    g_assert_cmpint(world_outcome(world, 0)->fault, ==, FAULT_NOT_CONVERGED);
    g_assert_cmpuint(world_outcome(world, 0)->passes, ==, 5);
    g_assert_nonnull(strstr(world_outcome(world, 0)->message, "4 passes"));
}

/* ---- stop ---- */

static void test_stop_cancels_finishes_and_does_not_begin(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world->plan->options.max_outgoing = 2;
    world_add(world, "b", ALGORITHM_PRE_COPY, BUSY_VM);
    world_add(world, "b", ALGORITHM_POST_COPY, BUSY_VM);
    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    world_start(world);
    while (gang_progress(world->gang, 1)->phase != PHASE_POSTCOPY) {
        g_assert_true(world_step(world));
    }
    gang_stop(world->gang);
    gang_stop(world->gang); /* changes nothing */
    world_finish(world);
    g_assert_cmpint(world_outcome(world, 0)->kind, ==, OUTCOME_CANCELLED);
    g_assert_cmpint(world_outcome(world, 0)->fault, ==, FAULT_OPERATOR);
    g_assert_cmpstr(world_outcome(world, 0)->now_at, ==, "a");
    g_assert_cmpint(world_outcome(world, 1)->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(world_outcome(world, 2)->kind, ==, OUTCOME_NOT_STARTED);
    g_assert_cmpint(world_outcome(world, 2)->fault, ==, FAULT_OPERATOR);
    g_assert_cmpint(world_outcome(world, 2)->begun_ns, ==, 0);
    g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_RUNNING);
    g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm3"), ==, VM_STATE_RUNNING);
}

/* Whenever it comes: each VM runs, is where the outcome says, and what was in post-copy has arrived. */
static void test_stop_at_any_time(void)
{
    for (guint events = 0; events < 400; events += 3) {
        g_autoptr(World) world = world_new(POLICY_PAPER);
        gboolean was_postcopy;

        world_add(world, "b", ALGORITHM_POST_COPY, BUSY_VM);
        world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
        world_start(world);
        for (guint i = 0; i < events && world_step(world); i++) {
            ;
        }
        if (world->result) {
            return;
        }
        was_postcopy = gang_progress(world->gang, 0)->phase >= PHASE_POSTCOPY;
        gang_stop(world->gang);
        world_finish(world);
        for (guint i = 0; i < 2; i++) {
            const Outcome *outcome = world_outcome(world, i);
            gboolean has_moved = outcome->kind == OUTCOME_MIGRATED;

            g_assert_cmpint(driver_null_vm_state(world->driver, has_moved ? "b" : "a", outcome->vm), ==,
                            VM_STATE_RUNNING);
            g_assert_cmpint(driver_null_vm_state(world->driver, has_moved ? "a" : "b", outcome->vm), ==,
                            VM_STATE_ABSENT);
            g_assert_true(has_moved || outcome->kind == OUTCOME_CANCELLED || outcome->kind == OUTCOME_NOT_STARTED);
        }
        g_assert_true(!was_postcopy || world_outcome(world, 0)->kind == OUTCOME_MIGRATED);
    }
    g_assert_not_reached(); /* the loop has seen the end */
}

/* ---- before the start ---- */

static void test_refuses_a_vm_that_is_not_the_planned_one(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    world_plan(world, "gone", "uuid-of-nobody", "b", ALGORITHM_PRE_COPY);
    world_run(world);
    g_assert_cmpint(world_outcome(world, 0)->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(world_outcome(world, 1)->kind, ==, OUTCOME_NOT_STARTED);
    g_assert_cmpint(world_outcome(world, 1)->fault, ==, FAULT_REFUSED);
}

static void test_a_paused_vm_stays_paused(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    NullVm paused = *QUIET_VM;

    paused.is_paused = TRUE;
    world_add(world, "b", ALGORITHM_PRE_COPY, &paused);
    world_add(world, "b", ALGORITHM_POST_COPY, &paused);
    world_run(world);
    for (guint i = 0; i < 2; i++) {
        g_assert_cmpint(world_outcome(world, i)->kind, ==, OUTCOME_MIGRATED);
        g_assert_cmpint(world_outcome(world, i)->algorithm, ==, ALGORITHM_PRE_COPY);
        g_assert_cmpint(driver_null_vm_state(world->driver, "b", world_outcome(world, i)->vm), ==, VM_STATE_PAUSED);
    }
    g_assert_nonnull(strstr(world_outcome(world, 1)->message, "the VM is paused"));
}

static void test_an_empty_plan_is_done(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world_run(world);
    g_assert_cmpuint(world->result->outcomes->len, ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gang/moves-each-vm-its-way", test_moves_each_vm_its_way);
    g_test_add_func("/gang/downtime-is-unknown-after-postcopy", test_downtime_is_unknown_after_postcopy);
    g_test_add_func("/gang/postcopy-begins-in-the-first-pass-and-hybrid-after-it",
                    test_postcopy_begins_in_the_first_pass_and_hybrid_after_it);
    g_test_add_func("/gang/shares-are-divided-anew", test_shares_are_divided_anew);
    g_test_add_func("/gang/the-options-bandwidth-replaces-the-link", test_the_options_bandwidth_replaces_the_link);
    g_test_add_func("/gang/no-more-than-the-places", test_no_more_than_the_places);
    g_test_add_func("/gang/a-wave-waits-for-the-one-before", test_a_wave_waits_for_the_one_before);
    g_test_add_func("/gang/stuck-switches-where-the-policy-permits", test_stuck_switches_where_the_policy_permits);
    g_test_add_func("/gang/stuck-is-aborted-where-the-policy-does-not-permit",
                    test_stuck_is_aborted_where_the_policy_does_not_permit);
    g_test_add_func("/gang/stuck-is-forced-on-the-operators-word-only",
                    test_stuck_is_forced_on_the_operators_word_only);
    g_test_add_func("/gang/stuck-goes-to-postcopy-when-told", test_stuck_goes_to_postcopy_when_told);
    g_test_add_func("/gang/stuck-by-passes", test_stuck_by_passes);
    g_test_add_func("/gang/stop-cancels-finishes-and-does-not-begin", test_stop_cancels_finishes_and_does_not_begin);
    g_test_add_func("/gang/stop-at-any-time", test_stop_at_any_time);
    g_test_add_func("/gang/refuses-a-vm-that-is-not-the-planned-one", test_refuses_a_vm_that_is_not_the_planned_one);
    g_test_add_func("/gang/a-paused-vm-stays-paused", test_a_paused_vm_stays_paused);
    g_test_add_func("/gang/an-empty-plan-is-done", test_an_empty_plan_is_done);
    return g_test_run();
}
