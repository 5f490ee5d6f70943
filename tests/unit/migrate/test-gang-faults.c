/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests the gang, the truth and the leftovers against faults: every call of the provider fails once, hosts die, lose
 * their libvirtd, links are cut, guests stop, each at every moment of the migration.  After every event the world
 * checks that no VM has two running copies or none (gang-world.h), and in the end every outcome must say what is so. */
#include "gang-world.h"
#include "base/error.h"

static const Algorithm ALGORITHMS_ALL[] = {ALGORITHM_PRE_COPY, ALGORITHM_POST_COPY, ALGORITHM_HYBRID};

/* One that finds many passes to do, and a second VM that must not be touched by what befalls the first. */
static World *new_world(Algorithm algorithm)
{
    World *world = world_new(POLICY_PAPER);
    NullVm lively = {.ram_bytes = 512 * MIB, .dirty_bytes_per_s = 40 * MIB, .working_set_bytes = 128 * MIB};

    world_add(world, "b", algorithm, &lively);
    world_add(world, "c", ALGORITHM_PRE_COPY, QUIET_VM);
    return world;
}

/* What an outcome says must be what the world is. */
static void check_outcome(World *world, guint index)
{
    static const char *const hosts[] = {"a", "b", "c"};
    const Outcome *outcome = world_outcome(world, index);

    if (world->was_done[index]) {
        return;
    }
    if (outcome->now_at) {
        g_assert_cmpint(driver_null_vm_state(world->driver, outcome->now_at, outcome->vm), ==, outcome->state);
    }
    if (outcome->kind == OUTCOME_MIGRATED) {
        g_assert_cmpstr(outcome->now_at, ==, outcome->destination);
        g_assert_cmpint(driver_null_vm_state(world->driver, outcome->source, outcome->vm), ==, VM_STATE_ABSENT);
    } else if (outcome->kind == OUTCOME_FAILED || outcome->kind == OUTCOME_CANCELLED) {
        g_assert_cmpstr(outcome->now_at, ==, outcome->source);
        g_assert_nonnull(outcome->message);
    } else if (outcome->kind == OUTCOME_LOST || outcome->kind == OUTCOME_VM_STOPPED) {
        g_assert_null(outcome->now_at);
        for (guint i = 0; i < G_N_ELEMENTS(hosts); i++) {
            g_assert_cmpint(driver_null_vm_state(world->driver, hosts[i], outcome->vm), !=, VM_STATE_RUNNING);
        }
    }
    g_assert_cmpint(outcome->kind == OUTCOME_MIGRATED, ==, outcome->kind == OUTCOME_MIGRATED && outcome->now_at);
}

static void check_all(World *world)
{
    for (guint i = 0; i < world->result->outcomes->len; i++) {
        check_outcome(world, i);
        g_assert_false(driver_null_is_incoming(world->driver, "b", world_outcome(world, i)->vm));
    }
}

/* ---- every call fails once ---- */

static guint run_with_failing_call(Algorithm algorithm, guint number, GodwitError code, gboolean leaves_leftovers)
{
    g_autoptr(World) world = new_world(algorithm);
    guint calls;

    driver_null_fail_call(world->driver, number, code);
    driver_null_leave_leftovers(world->driver, leaves_leftovers);
    world_run(world);
    check_all(world);
    for (guint i = 0; i < 2; i++) {
        const Outcome *outcome = world_outcome(world, i);
        gboolean has_moved = outcome->kind == OUTCOME_MIGRATED;

        /* One call that fails costs a VM its migration at most, never its life. */
        g_assert_true(has_moved || outcome->kind == OUTCOME_FAILED || outcome->kind == OUTCOME_NOT_STARTED);
        g_assert_cmpint(driver_null_vm_state(world->driver, has_moved ? outcome->destination : "a", outcome->vm), ==,
                        VM_STATE_RUNNING);
    }
    g_assert_cmpuint(gang_outcome_count(world->result, OUTCOME_MIGRATED), >=, 1);
    calls = driver_null_calls(world->driver);
    return calls;
}

static void test_any_call_may_fail(void)
{
    static const GodwitError codes[] = {GODWIT_ERROR_FAILED, GODWIT_ERROR_UNREACHABLE, GODWIT_ERROR_UNSUPPORTED};

    for (gsize a = 0; a < G_N_ELEMENTS(ALGORITHMS_ALL); a++) {
        for (gsize c = 0; c < G_N_ELEMENTS(codes); c++) {
            guint calls = run_with_failing_call(ALGORITHMS_ALL[a], 0, codes[c], FALSE);

            g_assert_cmpuint(calls, >, 10);
            for (guint n = 1; n <= calls; n++) {
                run_with_failing_call(ALGORITHMS_ALL[a], n, codes[c], n % 2);
            }
        }
    }
}

/* ---- something happens at every moment ---- */

typedef void (*FaultFunc)(World *world);

/* Runs the migration again and again, with 'fault' after one event more each time, and 'mend' 'later_ns' after it. */
static void strike_everywhere(Algorithm algorithm, FaultFunc fault, FaultFunc mend, gint64 later_ns, FaultFunc check)
{
    gboolean is_over = FALSE;

    for (guint events = 0; !is_over; events++) {
        g_autoptr(World) world = new_world(algorithm);
        gint64 mend_ns;

        world_start(world);
        for (guint i = 0; i < events && world_step(world); i++) {
            ;
        }
        is_over = world->result != NULL;
        for (guint i = 0; i < gang_length(world->gang); i++) {
            world->was_done[i] = gang_progress(world->gang, i)->phase == PHASE_DONE;
        }
        fault(world);
        mend_ns = world->clock->now_ns(world->clock) + later_ns;
        while (mend && !world->result && clock_virtual_next_ns(world->clock) < mend_ns && world_step(world)) {
            ;
        }
        if (mend) {
            mend(world);
        }
        world_finish(world);
        if (!is_over) {
            for (guint i = 0; i < 2; i++) {
                check_outcome(world, i);
            }
            check(world);
        }
    }
}

static void kill_destination(World *world)
{
    driver_null_set_host(world->driver, "b", NULL_HOST_DEAD);
}

static void kill_source(World *world)
{
    driver_null_set_host(world->driver, "a", NULL_HOST_DEAD);
}

static void stop_source_libvirtd(World *world)
{
    driver_null_set_host(world->driver, "a", NULL_HOST_NO_LIBVIRTD);
}

static void start_source_libvirtd(World *world)
{
    driver_null_set_host(world->driver, "a", NULL_HOST_UP);
}

static void stop_destination_libvirtd(World *world)
{
    driver_null_set_host(world->driver, "b", NULL_HOST_NO_LIBVIRTD);
}

static void start_destination_libvirtd(World *world)
{
    driver_null_set_host(world->driver, "b", NULL_HOST_UP);
}

static void cut_link(World *world)
{
    driver_null_set_link(world->driver, "b", FALSE);
}

static void mend_link(World *world)
{
    driver_null_set_link(world->driver, "b", TRUE);
}

static void stop_guest(World *world)
{
    driver_null_stop_vm(world->driver, "vm1");
}

static void expect_other_moved(World *world)
{
    g_assert_cmpint(world_outcome(world, 1)->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpstr(world_outcome(world, 1)->now_at, ==, "c");
}

/* The VM runs on at the source, unless its memory was on both hosts already; the blame is the destination's. */
static void expect_destination_blamed(World *world)
{
    const Outcome *outcome = world_outcome(world, 0);

    expect_other_moved(world);
    switch (outcome->kind) {
    case OUTCOME_FAILED:
        g_assert_cmpint(outcome->fault, ==, FAULT_DESTINATION_HOST);
        g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_RUNNING);
        break;
    case OUTCOME_NOT_STARTED:
        g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_RUNNING);
        break;
    case OUTCOME_LOST:
        g_assert_cmpint(outcome->fault, ==, FAULT_DESTINATION_HOST);
        g_assert_cmpint(outcome->algorithm, !=, ALGORITHM_PRE_COPY);
        break;
    case OUTCOME_HOST_LOST: /* it had arrived just before */
        g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_ABSENT);
        break;
    default:
        g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    }
}

static void test_destination_dies(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ALGORITHMS_ALL); i++) {
        strike_everywhere(ALGORITHMS_ALL[i], kill_destination, NULL, 0, expect_destination_blamed);
    }
}

static void expect_nothing_claimed_of_the_dead(World *world)
{
    for (guint i = 0; i < 2; i++) {
        const Outcome *outcome = world_outcome(world, i);

        if (outcome->kind == OUTCOME_MIGRATED) {
            continue;
        }
        g_assert_true(outcome->kind == OUTCOME_HOST_LOST || outcome->kind == OUTCOME_LOST ||
                      outcome->kind == OUTCOME_NOT_STARTED);
        g_assert_cmpint(outcome->fault, ==, FAULT_SOURCE_HOST);
        g_assert_null(outcome->now_at);
    }
}

static void test_source_dies(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ALGORITHMS_ALL); i++) {
        strike_everywhere(ALGORITHMS_ALL[i], kill_source, NULL, 0, expect_nothing_claimed_of_the_dead);
    }
}

/* Peer-to-peer goes on without us; when the libvirtd is back both hosts are asked and nothing was lost. */
static void expect_both_live(World *world)
{
    for (guint i = 0; i < 2; i++) {
        const Outcome *outcome = world_outcome(world, i);

        g_assert_true(outcome->kind == OUTCOME_MIGRATED || outcome->kind == OUTCOME_FAILED ||
                      outcome->kind == OUTCOME_NOT_STARTED);
        g_assert_cmpint(driver_null_vm_state(
                            world->driver, outcome->kind == OUTCOME_MIGRATED ? outcome->destination : "a", outcome->vm),
                        ==, VM_STATE_RUNNING);
    }
}

static void test_source_libvirtd_dies_and_returns(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ALGORITHMS_ALL); i++) {
        strike_everywhere(ALGORITHMS_ALL[i], stop_source_libvirtd, start_source_libvirtd, 20 * NS_PER_S,
                          expect_both_live);
    }
}

static void expect_honest_about_silence(World *world)
{
    for (guint i = 0; i < 2; i++) {
        const Outcome *outcome = world_outcome(world, i);

        if (outcome->kind != OUTCOME_MIGRATED && outcome->kind != OUTCOME_NOT_STARTED) {
            g_assert_cmpint(outcome->fault, ==, FAULT_SOURCE_LIBVIRTD); /* the machine lives: it was probed */
        }
    }
}

static void test_source_libvirtd_dies_for_good(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ALGORITHMS_ALL); i++) {
        strike_everywhere(ALGORITHMS_ALL[i], stop_source_libvirtd, NULL, 0, expect_honest_about_silence);
    }
}

/* What waits in vain at the destination when its libvirtd is back is removed. */
static void expect_no_leftover(World *world)
{
    const Outcome *outcome = world_outcome(world, 0);

    expect_other_moved(world);
    g_assert_false(driver_null_is_incoming(world->driver, "b", "vm1"));
    if (outcome->kind == OUTCOME_FAILED) {
        g_assert_cmpint(outcome->fault, ==, FAULT_DESTINATION_LIBVIRTD);
        g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_RUNNING);
        g_assert_cmpint(driver_null_vm_state(world->driver, "b", "vm1"), ==, VM_STATE_ABSENT);
    }
}

static void test_destination_libvirtd_dies_and_returns(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ALGORITHMS_ALL); i++) {
        strike_everywhere(ALGORITHMS_ALL[i], stop_destination_libvirtd, start_destination_libvirtd, 20 * NS_PER_S,
                          expect_no_leftover);
    }
}

/* Longer than STALL_LIMIT_NS: a pre-copy is cancelled for it, a post-copy broken off and taken up again. */
static void expect_link_blamed_or_recovered(World *world)
{
    const Outcome *outcome = world_outcome(world, 0);

    expect_other_moved(world);
    if (outcome->kind == OUTCOME_FAILED) {
        g_assert_cmpint(outcome->fault, ==, FAULT_LINK);
        g_assert_cmpint(driver_null_vm_state(world->driver, "a", "vm1"), ==, VM_STATE_RUNNING);
    } else {
        g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    }
}

static void test_link_is_cut_and_mended(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ALGORITHMS_ALL); i++) {
        strike_everywhere(ALGORITHMS_ALL[i], cut_link, mend_link, 45 * NS_PER_S, expect_link_blamed_or_recovered);
        strike_everywhere(ALGORITHMS_ALL[i], cut_link, mend_link, 5 * NS_PER_S, expect_link_blamed_or_recovered);
    }
}

static void expect_link_blamed_or_broken(World *world)
{
    const Outcome *outcome = world_outcome(world, 0);

    expect_other_moved(world);
    g_assert_true(outcome->kind == OUTCOME_MIGRATED || outcome->kind == OUTCOME_FAILED ||
                  outcome->kind == OUTCOME_POSTCOPY_BROKEN);
    if (outcome->kind != OUTCOME_MIGRATED) {
        g_assert_cmpint(outcome->fault, ==, FAULT_LINK);
    }
}

static void test_link_is_cut_for_good(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(ALGORITHMS_ALL); i++) {
        strike_everywhere(ALGORITHMS_ALL[i], cut_link, NULL, 0, expect_link_blamed_or_broken);
    }
}

static guint guests_blamed;
static guint guests_unseen;

static void expect_guest_blamed(World *world)
{
    const Outcome *outcome = world_outcome(world, 0);

    expect_other_moved(world);
    if (outcome->kind == OUTCOME_VM_STOPPED) {
        /* Nobody saw it when no job ran: between check and start, or between its end and the question. */
        g_assert_true(outcome->fault == FAULT_GUEST || outcome->fault == FAULT_UNKNOWN);
        guests_blamed += outcome->fault == FAULT_GUEST;
        guests_unseen += outcome->fault == FAULT_UNKNOWN;
    } else if (!world->was_done[0]) {
        g_assert_true(outcome->kind == OUTCOME_NOT_STARTED || outcome->kind == OUTCOME_LOST);
    }
}

static void test_guest_stops_by_itself(void)
{
    strike_everywhere(ALGORITHM_PRE_COPY, stop_guest, NULL, 0, expect_guest_blamed);
    strike_everywhere(ALGORITHM_POST_COPY, stop_guest, NULL, 0, expect_guest_blamed);
    g_assert_cmpuint(guests_blamed, >, 5 * guests_unseen);
}

/* ---- an owner who goes away in the middle ---- */

static void test_may_be_freed_at_any_time(void)
{
    gboolean is_over = FALSE;

    for (guint events = 0; !is_over; events++) {
        World *world = new_world(ALGORITHM_POST_COPY);

        world_start(world);
        for (guint i = 0; i < events && world_step(world); i++) {
            ;
        }
        is_over = world->result != NULL;
        gang_free(g_steal_pointer(&world->gang));
        for (guint i = 0; i < 2000 && clock_virtual_next_ns(world->clock) >= 0; i++) {
            clock_virtual_run_until(world->clock, clock_virtual_next_ns(world->clock));
        }
        g_assert_cmpstr(driver_null_broken_promise(world->driver), ==, NULL);
        g_assert_true(is_over || !world->result); /* nobody is called any more */
        world_free(world);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gang-faults/any-call-may-fail", test_any_call_may_fail);
    g_test_add_func("/gang-faults/destination-dies", test_destination_dies);
    g_test_add_func("/gang-faults/source-dies", test_source_dies);
    g_test_add_func("/gang-faults/source-libvirtd-dies-and-returns", test_source_libvirtd_dies_and_returns);
    g_test_add_func("/gang-faults/source-libvirtd-dies-for-good", test_source_libvirtd_dies_for_good);
    g_test_add_func("/gang-faults/destination-libvirtd-dies-and-returns", test_destination_libvirtd_dies_and_returns);
    g_test_add_func("/gang-faults/link-is-cut-and-mended", test_link_is_cut_and_mended);
    g_test_add_func("/gang-faults/link-is-cut-for-good", test_link_is_cut_for_good);
    g_test_add_func("/gang-faults/guest-stops-by-itself", test_guest_stops_by_itself);
    g_test_add_func("/gang-faults/may-be-freed-at-any-time", test_may_be_freed_at_any_time);
    return g_test_run();
}
