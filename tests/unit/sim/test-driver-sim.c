/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/driver-sim.c with the real gang on it: every call of the driver fails once; hosts die, lose their
 * libvirtd, links are cut, guests end, each at every moment of a migration.  The world checks itself after every event
 * (sim-run.h), and what an outcome says must be what the world is at that moment. */
#include "sim-run.h"

static const Algorithm ALGORITHMS_ALL[] = {ALGORITHM_PRE_COPY, ALGORITHM_POST_COPY, ALGORITHM_HYBRID};

/* One that finds many passes to do, and a second VM that must not be touched by what befalls the first. */
static SimRun *new_run(Algorithm algorithm)
{
    SimRun *run = sim_run_new(3, POLICY_PAPER, 1);

    sim_run_add(run, "a", "b", algorithm,
                &(WorldVmSpec){.ram_bytes = 512 * MIB,
                               .load = {.written_mib_per_s = 40, .write_set_mib = 128, .read_mib_per_s = 10}});
    sim_run_add(run, "a", "c", ALGORITHM_PRE_COPY, QUIET_VM);
    return run;
}

static void check_outcome(SimRun *run, const Outcome *outcome)
{
    guint vm = world_find_vm(run->world, outcome->vm);
    guint source = world_find_host(run->world, outcome->source);

    if (outcome->now_at) {
        g_assert_cmpint(world_vm_state(run->world, vm, world_find_host(run->world, outcome->now_at)), ==,
                        outcome->state);
    }
    if (outcome->kind == OUTCOME_MIGRATED) {
        g_assert_cmpstr(outcome->now_at, ==, outcome->destination);
    } else if (outcome->kind == OUTCOME_FAILED || outcome->kind == OUTCOME_CANCELLED) {
        g_assert_cmpstr(outcome->now_at, ==, outcome->source);
        g_assert_nonnull(outcome->message);
        g_assert_cmpint(world_vm_state(run->world, vm, source), !=, VM_STATE_ABSENT);
    } else if (outcome->kind == OUTCOME_LOST || outcome->kind == OUTCOME_VM_STOPPED) {
        g_assert_null(outcome->now_at);
        g_assert_cmpint(world_vm_state(run->world, vm, world_find_host(run->world, outcome->destination)), !=,
                        VM_STATE_RUNNING);
    }
}

/* ---- every call fails once ---- */

static guint run_with_failing_call(Algorithm algorithm, guint number, GodwitError code, gboolean leaves_leftovers)
{
    g_autoptr(SimRun) run = new_run(algorithm);

    driver_sim_fail_call(run->driver, number, code);
    world_leave_leftovers(run->world, leaves_leftovers);
    sim_run(run);
    for (guint i = 0; i < 2; i++) {
        const Outcome *outcome = sim_run_outcome(run, i);
        gboolean has_moved = outcome->kind == OUTCOME_MIGRATED;

        check_outcome(run, outcome);
        /* One call that fails costs a VM its migration at most, never its life. */
        g_assert_true(has_moved || outcome->kind == OUTCOME_FAILED || outcome->kind == OUTCOME_NOT_STARTED);
        g_assert_cmpint(
            world_vm_state(run->world, i, has_moved ? world_find_host(run->world, outcome->destination) : 0), ==,
            VM_STATE_RUNNING);
        g_assert_false(world_vm_is_incoming(run->world, i, 1) || world_vm_is_incoming(run->world, i, 2));
    }
    g_assert_cmpuint(gang_outcome_count(run->result, OUTCOME_MIGRATED), >=, 1);
    return driver_sim_calls(run->driver);
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

/* Runs the migration again and again, with 'fault' after one event more each time. */
static void strike_everywhere(WorldFault fault, gint64 later_ns, const OutcomeKind *may_be, guint length)
{
    for (gsize a = 0; a < G_N_ELEMENTS(ALGORITHMS_ALL); a++) {
        gboolean is_over = FALSE;

        for (guint events = 0; !is_over; events++) {
            g_autoptr(SimRun) run = new_run(ALGORITHMS_ALL[a]);
            gboolean is_allowed = FALSE;
            gboolean was_done;

            sim_run_start(run);
            for (guint i = 0; i < events && sim_run_step(run); i++) {
                ;
            }
            is_over = run->result != NULL;
            was_done = gang_progress(run->gang, 0)->phase == PHASE_DONE;
            fault.at_ns = run->clock->now_ns(run->clock);
            fault.until_ns = later_ns ? fault.at_ns + later_ns : 0;
            world_add_fault(run->world, &fault);
            sim_run_finish(run);
            if (!is_over && !was_done) {
                const Outcome *outcome = sim_run_outcome(run, 0);

                check_outcome(run, outcome);
                for (guint i = 0; i < length; i++) {
                    is_allowed |= may_be[i] == outcome->kind;
                }
                if (!is_allowed) {
                    g_test_message("%s after %u events: %s, %s", algorithm_name(ALGORITHMS_ALL[a]), events,
                                   outcome_kind_name(outcome->kind), outcome->message);
                }
                g_assert_true(is_allowed);
            }
        }
    }
}

static void test_dead_destination(void)
{
    static const OutcomeKind kinds[] = {OUTCOME_FAILED, OUTCOME_NOT_STARTED, OUTCOME_LOST, OUTCOME_HOST_LOST};

    strike_everywhere((WorldFault){.kind = WORLD_FAULT_HOST, .target = 1}, 0, kinds, G_N_ELEMENTS(kinds));
}

static void test_dead_source(void)
{
    static const OutcomeKind kinds[] = {OUTCOME_MIGRATED, OUTCOME_NOT_STARTED, OUTCOME_LOST, OUTCOME_HOST_LOST};

    strike_everywhere((WorldFault){.kind = WORLD_FAULT_HOST, .target = 0}, 0, kinds, G_N_ELEMENTS(kinds));
}

static void test_source_libvirtd_comes_back(void)
{
    static const OutcomeKind kinds[] = {OUTCOME_MIGRATED, OUTCOME_NOT_STARTED, OUTCOME_FAILED};

    strike_everywhere((WorldFault){.kind = WORLD_FAULT_LIBVIRTD, .target = 0}, 20 * NS_PER_S, kinds,
                      G_N_ELEMENTS(kinds));
}

static void test_destination_libvirtd_comes_back(void)
{
    static const OutcomeKind kinds[] = {OUTCOME_MIGRATED, OUTCOME_NOT_STARTED, OUTCOME_FAILED};

    strike_everywhere((WorldFault){.kind = WORLD_FAULT_LIBVIRTD, .target = 1}, 20 * NS_PER_S, kinds,
                      G_N_ELEMENTS(kinds));
}

static void test_link_comes_back(void)
{
    static const OutcomeKind kinds[] = {OUTCOME_MIGRATED};

    strike_everywhere((WorldFault){.kind = WORLD_FAULT_LINK, .target = 1}, 10 * NS_PER_S, kinds, G_N_ELEMENTS(kinds));
}

static void test_link_stays_cut(void)
{
    static const OutcomeKind kinds[] = {OUTCOME_FAILED, OUTCOME_MIGRATED /* all was there */, OUTCOME_POSTCOPY_BROKEN};

    strike_everywhere((WorldFault){.kind = WORLD_FAULT_LINK, .target = 1}, 0, kinds, G_N_ELEMENTS(kinds));
}

static void test_guest_ends(void)
{
    static const OutcomeKind kinds[] = {OUTCOME_VM_STOPPED, OUTCOME_NOT_STARTED, OUTCOME_LOST};

    strike_everywhere((WorldFault){.kind = WORLD_FAULT_VM, .target = 0}, 0, kinds, G_N_ELEMENTS(kinds));
}

/* ---- single answers ---- */

typedef struct Answer {
    GError *error;
    guint vms;
    double rate;
    guint loads;
    guint64 cpu_time_ns;
    gboolean has_come;
} Answer;

static void on_facts(HostFacts *facts, const GError *error, gpointer user)
{
    Answer *answer = user;

    answer->error = error ? g_error_copy(error) : NULL;
    answer->vms = facts ? facts->vms->len : 0;
    answer->has_come = TRUE;
    if (facts) {
        host_facts_free(facts);
    }
}

static void on_rate(double dirty_pages_per_s, guint64 page_bytes, const GError *error, gpointer user)
{
    ((Answer *)user)->rate = dirty_pages_per_s * (double)page_bytes;
    ((Answer *)user)->has_come = error == NULL;
}

static void on_loads(const VmLoad *loads, guint length, gint64 when_ns G_GNUC_UNUSED, const GError *error,
                     gpointer user)
{
    g_assert_no_error(error);
    ((Answer *)user)->loads = length;
    ((Answer *)user)->cpu_time_ns = loads[0].cpu_time_ns;
}

static void test_answers_take_their_time(void)
{
    g_autoptr(SimRun) run = new_run(ALGORITHM_PRE_COPY);
    Answer answer = {0};
    gint64 before_ns = run->clock->now_ns(run->clock);

    run->driver->query_host(run->driver, "a", on_facts, &answer);
    g_assert_false(answer.has_come);
    while (!answer.has_come) {
        g_assert_true(clock_virtual_step(run->clock));
    }
    g_assert_cmpuint(answer.vms, ==, 2);
    g_assert_cmpint(run->clock->now_ns(run->clock), ==, before_ns + 2 * NS_PER_MS);
}

static void test_silent_hosts_are_given_up(void)
{
    g_autoptr(SimRun) run = new_run(ALGORITHM_PRE_COPY);
    Answer answer = {0};

    world_add_fault(run->world, &(WorldFault){.kind = WORLD_FAULT_HOST, .target = 1});
    clock_virtual_step(run->clock);
    run->driver->query_host(run->driver, "b", on_facts, &answer);
    while (!answer.has_come) {
        g_assert_true(clock_virtual_step(run->clock));
    }
    g_assert_error(answer.error, GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE);
    g_assert_cmpint(run->clock->now_ns(run->clock), ==, 6 * NS_PER_S);
    g_clear_error(&answer.error);
}

static void test_dirty_rate_counts_different_pages(void)
{
    g_autoptr(SimRun) run = new_run(ALGORITHM_PRE_COPY);
    Answer answer = {0};

    run->driver->dirty_rate(run->driver, "a", "vm1", NS_PER_S, on_rate, &answer);
    clock_virtual_run_until(run->clock, 4 * NS_PER_S);
    g_assert_true(answer.has_come);
    g_assert_cmpfloat_with_epsilon(answer.rate, 40.0 * (double)MIB, 5000);
    answer.has_come = FALSE;
    run->driver->dirty_rate(run->driver, "a", "vm1", 10 * NS_PER_S, on_rate, &answer); /* its set is smaller */
    clock_virtual_run_until(run->clock, 20 * NS_PER_S);
    g_assert_cmpfloat_with_epsilon(answer.rate, 12.8 * (double)MIB, 5000);
}

static void test_loads_count_cpu_time(void)
{
    g_autoptr(SimRun) run = new_run(ALGORITHM_PRE_COPY);
    Answer answer = {0};

    sim_run_add(run, "b", NULL, ALGORITHM_PRE_COPY, BUSY_VM);
    clock_virtual_run_until(run->clock, 7 * NS_PER_S);
    run->driver->query_loads(run->driver, "b", on_loads, &answer);
    clock_virtual_run_until(run->clock, 8 * NS_PER_S);
    g_assert_cmpuint(answer.loads, ==, 1);
    g_assert_cmpuint(answer.cpu_time_ns, ==, (guint64)(7 * NS_PER_S + 2 * NS_PER_MS));
}

static void test_closing_drops_what_is_open(void)
{
    g_autoptr(SimRun) run = new_run(ALGORITHM_PRE_COPY);
    Answer answer = {0};

    run->driver->query_host(run->driver, "a", on_facts, &answer);
    run->driver->close(run->driver);
    run->driver = driver_sim_new(run->world);
    clock_virtual_run_until(run->clock, 10 * NS_PER_S);
    g_assert_false(answer.has_come);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/driver-sim/any-call-may-fail", test_any_call_may_fail);
    g_test_add_func("/driver-sim/destination-dies-at-any-moment", test_dead_destination);
    g_test_add_func("/driver-sim/source-dies-at-any-moment", test_dead_source);
    g_test_add_func("/driver-sim/source-libvirtd-restarts-at-any-moment", test_source_libvirtd_comes_back);
    g_test_add_func("/driver-sim/destination-libvirtd-restarts-at-any-moment", test_destination_libvirtd_comes_back);
    g_test_add_func("/driver-sim/link-is-cut-for-a-while-at-any-moment", test_link_comes_back);
    g_test_add_func("/driver-sim/link-is-cut-for-good-at-any-moment", test_link_stays_cut);
    g_test_add_func("/driver-sim/guest-ends-at-any-moment", test_guest_ends);
    g_test_add_func("/driver-sim/answers-take-their-time", test_answers_take_their_time);
    g_test_add_func("/driver-sim/silent-hosts-are-given-up", test_silent_hosts_are_given_up);
    g_test_add_func("/driver-sim/dirty-rate-counts-different-pages", test_dirty_rate_counts_different_pages);
    g_test_add_func("/driver-sim/loads-count-cpu-time", test_loads_count_cpu_time);
    g_test_add_func("/driver-sim/closing-drops-what-is-open", test_closing_drops_what_is_open);
    return g_test_run();
}
