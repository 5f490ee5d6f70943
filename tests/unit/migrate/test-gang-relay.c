/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/migrate/gang-relay.c, and what gang-steer.c and gang-member.c make of a relay's word, in virtual time. */
#include "gang-world.h"

#include "model/share.h"

#include <math.h>

#define PAYLOAD_RATE ((guint64)(125000000 * SHARE_PAYLOAD)) /* of the 1 Gbit/s links */
#define HOPELESS     "writes 100 MiB/s that do not compress, the link carries 90 MiB/s"

/* A VM whose plan wants a relay. */
static PlanStep *add_relayed(World *world, Algorithm algorithm, const NullVm *like)
{
    PlanStep *step = world_add(world, "b", algorithm, like);

    choice_set_way(step->choice, WAY_RELAY, g_strdup("for the test"));
    step->choice->relay_memory_bytes = 64 * MIB;
    return step;
}

/* One that never converges on its own within the test's patience: its passes stay long at any rate. */
#define STUBBORN_VM                                                                                                    \
    (&(NullVm){.ram_bytes = 16 * GIB, .dirty_bytes_per_s = 8 * GIB, .working_set_bytes = 8 * GIB})

static void assert_says(const char *text, const char *words)
{
    if (!text || !strstr(text, words)) {
        g_test_message("'%s' lacks '%s'", text ? text : "(nothing)", words);
        g_test_fail();
    }
}

/* The gang wants nothing more of any relay when it is done. */
static const Outcome *run(World *world)
{
    world_run(world);
    g_assert_cmpuint(relay_null_open(world->relays), ==, 0);
    return world_outcome(world, 0);
}

static void test_goes_through_the_relay(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    add_relayed(world, ALGORITHM_PRE_COPY, QUIET_VM);
    relay_null_script(world->relays, &(NullRelayScript){.completes_ns = 700 * NS_PER_MS});
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->way, ==, WAY_RELAY);
    g_assert_cmpuint(outcome->attempts, ==, 1);
    g_assert_null(outcome->message);
    g_assert_cmpstr(driver_null_relay_socket(world->driver, "vm1"), ==, "/null/relay.sock");
    /* QEMU has no limit; the relay paces, and what it sent is what was sent */
    g_assert_cmpuint(relay_null_last_rate(world->relays), ==, PAYLOAD_RATE);
    g_assert_cmpuint(outcome->bytes, ==, outcome->relay.wire_bytes);
    g_assert_cmpuint(outcome->relay.wire_bytes, <, outcome->relay.stream_bytes);
}

static void test_nobody_asks_for_a_relay_that_is_not_planned(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    world_add(world, "b", ALGORITHM_PRE_COPY, QUIET_VM);
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->way, ==, WAY_PLAIN);
    g_assert_cmpuint(relay_null_started(world->relays), ==, 0);
    g_assert_null(driver_null_relay_socket(world->driver, "vm1"));
}

static void test_goes_plain_when_it_cannot_be_started(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    add_relayed(world, ALGORITHM_PRE_COPY, QUIET_VM);
    relay_null_script(world->relays, &(NullRelayScript){.refusal = "there is no agent on b"});
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->fault, ==, FAULT_NONE);
    g_assert_cmpint(outcome->way, ==, WAY_PLAIN);
    g_assert_cmpuint(outcome->attempts, ==, 1);
    g_assert_cmpstr(outcome->message, ==, "went without a relay: there is no agent on b");
    g_assert_null(driver_null_relay_socket(world->driver, "vm1"));
    g_assert_cmpuint(outcome->bytes, >=, 512 * MIB);
}

/* ---- cannot converge ---- */

static const Outcome *run_hopeless(World *world)
{
    relay_null_script(world->relays, &(NullRelayScript){.cannot_converge_ns = 1 * NS_PER_S, .reason = HOPELESS});
    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    const Outcome *outcome = run(world);
    assert_says(outcome->message, HOPELESS);
    /* at once, not after the five minutes that a plain pre-copy gets; post-copy then takes its time */
    g_assert_cmpfloat(outcome->total_time_s, <, 60);
    return outcome;
}

static void test_hopeless_becomes_post_copy_where_the_policy_permits(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);
    const Outcome *outcome = run_hopeless(world);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->algorithm, ==, ALGORITHM_HYBRID);
    assert_says(outcome->message, "switched to post-copy, as the policy permits");
}

static void test_hopeless_is_aborted_where_the_policy_does_not(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);
    const Outcome *outcome = run_hopeless(world);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_FAILED);
    g_assert_cmpint(outcome->fault, ==, FAULT_NOT_CONVERGED);
    g_assert_cmpstr(outcome->now_at, ==, "a");
    g_assert_cmpuint(outcome->attempts, ==, 1); /* what does not converge through a relay is not tried without */
    assert_says(outcome->message, "cancelled, the VM runs on at the source");
}

static void test_hopeless_is_forced_on_the_operators_word(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    world->plan->options.on_stuck = STUCK_ACTION_FORCE;
    const Outcome *outcome = run_hopeless(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_true(outcome->was_forced);
    /* the relay must not close the socket of a switchover that the operator wants */
    g_assert_cmpint(relay_null_last_limit_ns(world->relays), >, 1000 * NS_PER_S);
}

static void test_hopeless_is_throttled_where_qemu_may(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world->plan->options.auto_converge = TRUE;
    world->plan->options.stuck_after_ns = 20 * NS_PER_S;
    relay_null_script(world->relays, &(NullRelayScript){.cannot_converge_ns = 1 * NS_PER_S, .reason = HOPELESS});
    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    const Outcome *outcome = run(world);
    g_assert_cmpfloat(outcome->total_time_s, >, 20); /* it was given its time */
    assert_says(outcome->message, "did not converge within 20.0 s");
}

/* ---- the downtime promise ---- */

static void test_switchover_rate_moves_the_limit(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    world->plan->options.stuck_after_ns = 40 * NS_PER_S;
    /* QEMU may reckon with ten times the share: 300 ms become 3 s */
    relay_null_script(world->relays, &(NullRelayScript){.switchover_bytes_per_s = 10.0 * (double)PAYLOAD_RATE});
    run(world);
    gint64 limit_ns = driver_null_downtime_limit_ns(world->driver, "vm1");
    g_assert_cmpint(limit_ns, >=, 3000 * NS_PER_MS);
    g_assert_cmpint(limit_ns, <, 3100 * NS_PER_MS); /* the share was told in whole MiB/s */
}

static void test_unknown_link_begins_with_next_to_nothing(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    world_host(world, "a")->link_bytes_per_s = world_host(world, "b")->link_bytes_per_s = 0;
    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    world->plan->options.stuck_after_ns = 20 * NS_PER_S;
    relay_null_script(world->relays, &(NullRelayScript){.switchover_bytes_per_s = 50.0 * (double)MIB});
    run(world);
    g_assert_cmpint(driver_null_downtime_limit_ns(world->driver, "vm1"), ==, 50 * 300 * NS_PER_MS);
}

/* ---- relays that break ---- */

static void forgive_going_back(World *world)
{
    world->went_back = FALSE;
}

static void test_broken_relay_is_followed_by_a_plain_migration(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    world->on_tick = forgive_going_back;
    world->plan->options.bandwidth_bytes_per_s = 300 * MIB;
    add_relayed(world, ALGORITHM_PRE_COPY,
                &(NullVm){.ram_bytes = 8 * GIB, .dirty_bytes_per_s = 8 * MIB, .working_set_bytes = 64 * MIB});
    relay_null_script(world->relays, &(NullRelayScript){.breaks_ns = 2 * NS_PER_S});
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpuint(outcome->attempts, ==, 2);
    g_assert_cmpint(outcome->way, ==, WAY_PLAIN);
    g_assert_cmpuint(relay_null_started(world->relays), ==, 1);
    g_assert_cmpuint(outcome->bytes, >, 8 * GIB + 300 * MIB); /* the first attempt's count too */
    g_assert_cmpfloat(outcome->total_time_s, >, 2 + 8 * 1024.0 / 300);
    assert_says(outcome->message, "relay on a: was ended by signal 9");
    assert_says(outcome->message, "begun again without one");
}

/* At the switchover the relay saw that the pause was going to break its limit. */
static void test_a_relay_that_gives_up_is_followed_by_post_copy(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    world->on_tick = forgive_going_back;
    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    relay_null_script(world->relays, &(NullRelayScript){.gives_up_ns = 2 * NS_PER_S});
    world_start(world);
    while (!relay_null_started(world->relays) || relay_null_open(world->relays)) {
        g_assert_true(world_step(world));
    }
    relay_null_script(world->relays, &(NullRelayScript){0}); /* the second pair does well */
    world_finish(world);
    const Outcome *outcome = world_outcome(world, 0);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->algorithm, ==, ALGORITHM_POST_COPY);
    g_assert_cmpuint(outcome->attempts, ==, 2);
    g_assert_cmpint(outcome->way, ==, WAY_RELAY);
    g_assert_cmpuint(relay_null_started(world->relays), ==, 2);
    assert_says(outcome->message, "relay on a: the pause would be too long");
    assert_says(outcome->message, "begun again as post-copy");
}

static void test_a_relay_that_gives_up_ends_it_where_post_copy_is_not_permitted(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    relay_null_script(world->relays, &(NullRelayScript){.gives_up_ns = 2 * NS_PER_S});
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_FAILED);
    g_assert_cmpint(outcome->fault, ==, FAULT_NOT_CONVERGED);
    g_assert_cmpuint(outcome->attempts, ==, 1);
    g_assert_cmpstr(outcome->now_at, ==, "a");
}

/* The operator wants to stop, so nothing is begun again. */
static void stop_when_broken(World *world)
{
    world->went_back = FALSE;
    if (relay_null_started(world->relays) && !relay_null_open(world->relays)) {
        gang_stop(world->gang);
    }
}

static void test_broken_relay_and_stop_stays_at_the_source(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    world->on_tick = stop_when_broken;
    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    relay_null_script(world->relays, &(NullRelayScript){.breaks_ns = 2 * NS_PER_S});
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, !=, OUTCOME_MIGRATED);
    g_assert_cmpuint(outcome->attempts, ==, 1);
    g_assert_cmpstr(outcome->now_at, ==, "a");
}

static void test_unwatched_relay_goes_on(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    add_relayed(world, ALGORITHM_PRE_COPY,
                &(NullVm){.ram_bytes = 4 * GIB, .dirty_bytes_per_s = MIB, .working_set_bytes = 8 * MIB});
    relay_null_script(world->relays, &(NullRelayScript){.unwatched_ns = 1 * NS_PER_S});
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->way, ==, WAY_RELAY);
    assert_says(outcome->message, "agent on a: ended: its relay goes on unwatched");
}

static void stop_at_once(World *world)
{
    gang_stop(world->gang);
}

static void test_stop_while_the_relay_starts(void)
{
    g_autoptr(World) world = world_new(POLICY_PRE_COPY);

    add_relayed(world, ALGORITHM_PRE_COPY, QUIET_VM);
    world->on_tick = stop_at_once; /* with the first news: it begins */
    const Outcome *outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_NOT_STARTED);
    g_assert_cmpint(outcome->fault, ==, FAULT_OPERATOR);
    g_assert_null(driver_null_relay_socket(world->driver, "vm1"));
}

static void test_broken_post_copy_is_recovered_through_fresh_relays(void)
{
    g_autoptr(World) world = world_new(POLICY_POST_COPY);

    add_relayed(world, ALGORITHM_POST_COPY,
                &(NullVm){.ram_bytes = 4 * GIB, .dirty_bytes_per_s = MIB, .working_set_bytes = 8 * MIB});
    world_start(world);
    while (gang_progress(world->gang, 0)->phase < PHASE_POSTCOPY) {
        g_assert_true(world_step(world));
    }
    driver_null_set_link(world->driver, "b", FALSE);
    while (!gang_progress(world->gang, 0)->remark || !strstr(gang_progress(world->gang, 0)->remark, "taken up again")) {
        g_assert_true(world_step(world));
    }
    driver_null_set_link(world->driver, "b", TRUE);
    world_finish(world);
    g_assert_cmpint(world_outcome(world, 0)->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpuint(relay_null_started(world->relays), >=, 2);
    g_assert_cmpuint(relay_null_open(world->relays), ==, 0);
}

/* Before the relays carry anything all of it would lie in a socket's buffer: the guest is not given away to that. */
static void test_post_copy_waits_for_the_relays(void)
{
    g_autoptr(World) world = world_new(POLICY_POST_COPY);
    const Outcome *outcome;

    relay_null_script(world->relays, &(NullRelayScript){.live_ns = 5 * NS_PER_S});
    add_relayed(world, ALGORITHM_POST_COPY, STUBBORN_VM);
    outcome = run(world);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->switched_ns - outcome->begun_ns, >, 5 * NS_PER_S);
    g_assert_cmpint(outcome->switched_ns - outcome->begun_ns, <, 6 * NS_PER_S);
}

/* Whatever is remarked later: the report says why a pre-copy became a post-copy. */
static void test_why_it_became_post_copy_is_not_forgotten(void)
{
    g_autoptr(World) world = world_new(POLICY_PAPER);

    relay_null_script(world->relays, &(NullRelayScript){.cannot_converge_ns = 1 * NS_PER_S, .reason = HOPELESS});
    add_relayed(world, ALGORITHM_PRE_COPY, STUBBORN_VM);
    world_start(world);
    while (gang_progress(world->gang, 0)->phase < PHASE_POSTCOPY) {
        g_assert_true(world_step(world));
    }
    driver_null_set_link(world->driver, "b", FALSE);
    while (!strstr(gang_progress(world->gang, 0)->remark, "taken up again")) {
        g_assert_true(world_step(world));
    }
    driver_null_set_link(world->driver, "b", TRUE);
    world_finish(world);
    const Outcome *outcome = world_outcome(world, 0);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    assert_says(outcome->message, HOPELESS ": switched to post-copy, as the policy permits; ");
}

/* ---- over several connections, compressed by QEMU ---- */

static World *world_with_multifd(Policy policy, Algorithm algorithm, const NullVm *like)
{
    World *world = world_new(policy);
    PlanStep *step = world_add(world, "b", algorithm, like);

    choice_set_way(step->choice, WAY_MULTIFD, g_strdup("for the test"));
    step->choice->connections = 2;
    return world;
}

static void test_several_connections_need_no_relay(void)
{
    g_autoptr(World) world = world_with_multifd(POLICY_PAPER, ALGORITHM_PRE_COPY, QUIET_VM);
    const Outcome *outcome = run(world);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->way, ==, WAY_MULTIFD);
    g_assert_cmpuint(relay_null_started(world->relays), ==, 0);
    g_assert_null(outcome->message);
}

/* QEMU has no post-copy over several connections: a plan that wants both, by an editor's hand, gets the post-copy. */
static void test_several_connections_give_way_to_post_copy(void)
{
    g_autoptr(World) world = world_with_multifd(POLICY_PAPER, ALGORITHM_HYBRID, QUIET_VM);
    const Outcome *outcome = run(world);

    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->way, ==, WAY_PLAIN);
}

/* Each call of the driver fails once: where it is the start that does, another one follows without. */
static void test_several_connections_that_are_refused(void)
{
    guint begun_again = 0;

    for (guint call = 1; call <= 8; call++) {
        g_autoptr(World) world = world_with_multifd(POLICY_PAPER, ALGORITHM_PRE_COPY, QUIET_VM);

        driver_null_fail_call(world->driver, call, GODWIT_ERROR_FAILED);
        world->on_tick = forgive_going_back;
        const Outcome *outcome = run(world);
        if (outcome->attempts == 2) {
            begun_again++;
            g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
            g_assert_cmpint(outcome->way, ==, WAY_PLAIN);
            assert_says(outcome->message, "not over several connections (");
        }
    }
    g_assert_cmpuint(begun_again, ==, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/gang-relay/a-planned-relay-carries-the-memory", test_goes_through_the_relay);
    g_test_add_func("/gang-relay/nobody-asks-for-one-that-is-not-planned",
                    test_nobody_asks_for_a_relay_that_is_not_planned);
    g_test_add_func("/gang-relay/goes-plain-when-it-cannot-be-started", test_goes_plain_when_it_cannot_be_started);
    g_test_add_func("/gang-relay/hopeless-becomes-post-copy-where-the-policy-permits",
                    test_hopeless_becomes_post_copy_where_the_policy_permits);
    g_test_add_func("/gang-relay/hopeless-is-aborted-where-the-policy-does-not",
                    test_hopeless_is_aborted_where_the_policy_does_not);
    g_test_add_func("/gang-relay/hopeless-is-forced-on-the-operators-word",
                    test_hopeless_is_forced_on_the_operators_word);
    g_test_add_func("/gang-relay/hopeless-is-throttled-where-qemu-may", test_hopeless_is_throttled_where_qemu_may);
    g_test_add_func("/gang-relay/the-true-rate-moves-qemus-limit", test_switchover_rate_moves_the_limit);
    g_test_add_func("/gang-relay/an-unknown-link-begins-with-next-to-nothing",
                    test_unknown_link_begins_with_next_to_nothing);
    g_test_add_func("/gang-relay/a-broken-relay-is-followed-by-a-plain-migration",
                    test_broken_relay_is_followed_by_a_plain_migration);
    g_test_add_func("/gang-relay/one-that-gives-up-is-followed-by-post-copy",
                    test_a_relay_that_gives_up_is_followed_by_post_copy);
    g_test_add_func("/gang-relay/one-that-gives-up-ends-it-where-post-copy-is-not-permitted",
                    test_a_relay_that_gives_up_ends_it_where_post_copy_is_not_permitted);
    g_test_add_func("/gang-relay/a-broken-relay-and-a-stop-stay-at-the-source",
                    test_broken_relay_and_stop_stays_at_the_source);
    g_test_add_func("/gang-relay/an-unwatched-relay-goes-on", test_unwatched_relay_goes_on);
    g_test_add_func("/gang-relay/a-stop-while-the-relay-starts-touches-nothing", test_stop_while_the_relay_starts);
    g_test_add_func("/gang-relay/a-broken-post-copy-is-recovered-through-fresh-relays",
                    test_broken_post_copy_is_recovered_through_fresh_relays);
    g_test_add_func("/gang-relay/post-copy-waits-for-the-relays", test_post_copy_waits_for_the_relays);
    g_test_add_func("/gang-relay/why-it-became-post-copy-is-not-forgotten", test_why_it_became_post_copy_is_not_forgotten);
    g_test_add_func("/gang-relay/several-connections-need-no-relay", test_several_connections_need_no_relay);
    g_test_add_func("/gang-relay/several-connections-give-way-to-post-copy", test_several_connections_give_way_to_post_copy);
    g_test_add_func("/gang-relay/several-connections-that-are-refused", test_several_connections_that_are_refused);
    return g_test_run();
}
