/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/world-relay.c and relay-sim.c: the real gang moves simulated VMs through simulated relays.  Times,
 * bytes and pauses are those of model/relay-passes.h, the downtime limit holds, and who cannot converge is told early. */
#include "sim-run.h"
#include "sim/relay-sim.h"

#include <math.h>

#define LINK_MIB_PER_S 12.0

/* A word in each of many pages, faster than the link; plain pre-copy never ends. */
#define SPARSE_VM                                                                                                      \
    (&(WorldVmSpec){.ram_bytes = 384 * MIB,                                                                            \
                    .used_bytes = 150 * MIB,                                                                           \
                    .load = {.written_mib_per_s = 160, .write_set_mib = 64, .dirty_bytes_per_page = 8}})
/* 8 MiB of noise, again and again. */
#define REWRITING_VM                                                                                                   \
    (&(WorldVmSpec){.ram_bytes = 384 * MIB,                                                                            \
                    .used_bytes = 150 * MIB,                                                                           \
                    .load = {.written_mib_per_s = 100, .write_set_mib = 8, .dirty_bytes_per_page = 4096}})

typedef struct RelayRun {
    SimRun *run;
    RelayProvider *relays;
} RelayRun;

static RelayRun relay_run_new(Policy policy, Algorithm algorithm, const WorldVmSpec *spec, gboolean uses_relay)
{
    RelayRun made = {.run = sim_run_new(3, policy, 3)};
    SimRun *run = made.run;

    run->plan->options.bandwidth_bytes_per_s = (guint64)LINK_MIB_PER_S * MIB;
    run->plan->options.stuck_after_ns = 60 * NS_PER_S;
    run->plan->options.on_stuck = STUCK_ACTION_ABORT;
    sim_run_add(run, "a", "b", algorithm, spec);
    choice_set_way(plan_step_at(run->plan, 0)->choice, uses_relay ? WAY_RELAY : WAY_PLAIN, g_strdup("for the test"));
    made.relays = relay_sim_new(run->world);
    return made;
}

static const Outcome *relay_run_start_and_finish(RelayRun *made)
{
    SimRun *run = made->run;

    sim_run_start(run);
    gang_set_relays(run->gang, made->relays);
    sim_run_finish(run);
    return sim_run_outcome(run, 0);
}

static void relay_run_free(RelayRun *made)
{
    g_clear_pointer(&made->run->gang, gang_free);
    made->relays->close(made->relays);
    sim_run_free(made->run);
}

static void test_sparse_converges_with_it_only(void)
{
    for (guint with = 0; with < 2; with++) {
        RelayRun made = relay_run_new(POLICY_PRE_COPY, ALGORITHM_PRE_COPY, SPARSE_VM, with);
        const Outcome *outcome = relay_run_start_and_finish(&made);

        g_test_message("%s: %s, %.1f s, gap %.0f ms, %" G_GUINT64_FORMAT " bytes: %s",
                       with ? "with" : "without", outcome_kind_name(outcome->kind), outcome->total_time_s,
                       world_vm_gap_ms(made.run->world, 0), outcome->bytes, outcome->message ? outcome->message : "");
        g_assert_cmpint(outcome->way, ==, with ? WAY_RELAY : WAY_PLAIN);
        g_assert_cmpint(outcome->kind, ==, with ? OUTCOME_MIGRATED : OUTCOME_FAILED);
        if (with) {
            g_assert_cmpfloat(world_vm_gap_ms(made.run->world, 0), <=, 320);
            g_assert_cmpfloat((double)outcome->relay.wire_bytes, <, 0.75 * 150 * (double)MIB + 6 * (double)MIB);
            g_assert_cmpuint(outcome->relay.stream_bytes, >, 150 * MIB);
        }
        relay_run_free(&made);
    }
}

/* What deciding reckons with and what is played are the same. */
static void test_is_what_the_model_says(void)
{
    WorldVmSpec spec = {.ram_bytes = 600 * MIB,
                        .load = {.written_mib_per_s = 30, .write_set_mib = 600, .dirty_bytes_per_page = 400}};
    RelayRun made = relay_run_new(POLICY_PRE_COPY, ALGORITHM_PRE_COPY, &spec, TRUE);
    RelayVm vm = {{600, 30, 600, LINK_MIB_PER_S}, 400};
    RelayCosts costs;
    PassesRules rules;
    const Outcome *outcome;
    RelayCost cost;

    relay_costs_init(&costs);
    passes_rules_init(&rules);
    rules.threshold_mib = 0.27 * LINK_MIB_PER_S;
    rules.traffic_max = rules.progress_min = INFINITY;
    rules.downtime = DOWNTIME_LAST;
    cost = relay_passes_run(&vm, &costs, &rules);
    outcome = relay_run_start_and_finish(&made);
    g_test_message("model %.2f s, %.1f MiB, %u passes; played %.2f s, %.1f MiB", cost.total_s, cost.wire_mib,
                   cost.resent_passes, outcome->total_time_s, (double)outcome->relay.wire_bytes / (double)MIB);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpfloat(fabs(outcome->total_time_s - cost.total_s), <, 0.05 * cost.total_s);
    g_assert_cmpfloat(fabs((double)outcome->relay.wire_bytes / (double)MIB - cost.wire_mib), <, 0.03 * cost.wire_mib);
    relay_run_free(&made);
}

static void test_rewriting_is_told_early(void)
{
    RelayRun made = relay_run_new(POLICY_PRE_COPY, ALGORITHM_PRE_COPY, REWRITING_VM, TRUE);
    const Outcome *outcome = relay_run_start_and_finish(&made);

    g_test_message("%.1f s: %s", outcome->total_time_s, outcome->message);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_FAILED);
    g_assert_nonnull(strstr(outcome->message, "8.0 MiB on the wire"));
    g_assert_null(strstr(outcome->message, "relay on")); /* which is not to blame */
    g_assert_cmpfloat(outcome->total_time_s, <, 15); /* first pass 9.4 s, then two of 0.7 s; --stuck-after is 60 s */
    g_assert_cmpfloat(world_vm_gap_ms(made.run->world, 0), ==, 0);
    relay_run_free(&made);
}

static void test_post_copy_sends_less(void)
{
    double bytes[2];

    for (guint with = 0; with < 2; with++) {
        RelayRun made = relay_run_new(POLICY_POST_COPY, ALGORITHM_POST_COPY, SPARSE_VM, with);
        const Outcome *outcome = relay_run_start_and_finish(&made);

        g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
        bytes[with] = (double)(with ? outcome->relay.wire_bytes : outcome->bytes);
        relay_run_free(&made);
    }
    g_assert_cmpfloat(fabs(bytes[1] / bytes[0] - 0.75), <, 0.05);
}

/* Little memory for pages: most of the set is sent whole again. */
static void test_little_memory(void)
{
    RelayRun made = relay_run_new(POLICY_PRE_COPY, ALGORITHM_PRE_COPY, SPARSE_VM, TRUE);
    const Outcome *outcome;

    choice_set_way(plan_step_at(made.run->plan, 0)->choice, WAY_RELAY, g_strdup("for the test"));
    plan_step_at(made.run->plan, 0)->choice->relay_memory_bytes = 16 * MIB;
    outcome = relay_run_start_and_finish(&made);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_FAILED);
    relay_run_free(&made);
}

static void test_no_agent_no_relay(void)
{
    RelayRun made = relay_run_new(POLICY_PRE_COPY, ALGORITHM_PRE_COPY, QUIET_VM, TRUE);
    const Outcome *outcome;

    world_add_fault(made.run->world, &(WorldFault){WORLD_FAULT_AGENT, 1, NS_PER_S, 0, 0});
    outcome = relay_run_start_and_finish(&made);
    g_assert_cmpint(outcome->kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(outcome->way, ==, WAY_PLAIN);
    g_assert_nonnull(strstr(outcome->message, "went without a relay: agent on b"));
    relay_run_free(&made);
}

/* Hosts, links, agents and guests that fail at any moment: sim-run.h looks at the world after every event. */
static void test_faults_at_any_moment(void)
{
    static const WorldFaultKind kinds[] = {WORLD_FAULT_HOST, WORLD_FAULT_LIBVIRTD, WORLD_FAULT_AGENT,
                                           WORLD_FAULT_LINK, WORLD_FAULT_VM};
    static const Algorithm algorithms[] = {ALGORITHM_PRE_COPY, ALGORITHM_POST_COPY, ALGORITHM_HYBRID};

    for (gsize a = 0; a < G_N_ELEMENTS(algorithms); a++) {
        for (gsize k = 0; k < G_N_ELEMENTS(kinds); k++) {
            for (gint64 at = 1; at < 14; at++) {
                RelayRun made = relay_run_new(POLICY_PAPER, algorithms[a], SPARSE_VM, TRUE);
                guint target = kinds[k] == WORLD_FAULT_VM ? 0 : (guint)(at % 2);

                world_add_fault(made.run->world,
                                &(WorldFault){kinds[k], target, NS_PER_S + at * 900 * NS_PER_MS,
                                              NS_PER_S + (at + 5) * 900 * NS_PER_MS, 0});
                relay_run_start_and_finish(&made);
                relay_run_free(&made);
            }
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay-sim/sparse-writes-converge-with-it-only", test_sparse_converges_with_it_only);
    g_test_add_func("/relay-sim/is-what-the-model-says", test_is_what_the_model_says);
    g_test_add_func("/relay-sim/rewriting-is-told-early", test_rewriting_is_told_early);
    g_test_add_func("/relay-sim/post-copy-sends-less", test_post_copy_sends_less);
    g_test_add_func("/relay-sim/little-memory-keeps-little", test_little_memory);
    g_test_add_func("/relay-sim/without-an-agent-it-goes-without", test_no_agent_no_relay);
    g_test_add_func("/relay-sim/faults-at-any-moment", test_faults_at_any_moment);
    return g_test_run();
}
