/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/model/outcome.c: the paper's three figures for a gang. */
#include "model/outcome.h"
#include "base/units.h"

#include <math.h>

static Outcome *add(GangOutcome *gang, const char *vm, OutcomeKind kind, double total_time_s, double downtime_ms)
{
    PlanStep step = {.vm = (char *)vm, .source = (char *)"h1", .destination = (char *)"h2"};
    g_autoptr(Choice) choice = choice_new(classification_new(vm), ALGORITHM_POST_COPY, g_strdup("test"));
    Outcome *outcome;

    step.choice = choice;
    outcome = outcome_new(&step);
    outcome->kind = kind;
    outcome->total_time_s = total_time_s;
    outcome->downtime_ms = downtime_ms;
    outcome->bytes = 1000;
    g_ptr_array_add(gang->outcomes, outcome);
    return outcome;
}

static void test_new_outcome_promises_nothing(void)
{
    g_autoptr(GangOutcome) gang = gang_outcome_new("id", POLICY_PAPER);
    Outcome *outcome = add(gang, "vm1", OUTCOME_MIGRATED, 0, NAN);

    g_assert_cmpstr(outcome->vm, ==, "vm1");
    g_assert_cmpstr(outcome->source, ==, "h1");
    g_assert_cmpstr(outcome->destination, ==, "h2");
    g_assert_null(outcome->now_at);
    g_assert_cmpint(outcome->algorithm, ==, ALGORITHM_POST_COPY);
    g_assert_true(isnan(outcome->guest_gap_ms) && isnan(outcome->work_lost_s));
}

/* Table 2 of seed 000, the adaptive row: 58 s and 200 ms make 11600. */
static void test_three_figures_of_the_paper(void)
{
    g_autoptr(GangOutcome) gang = gang_outcome_new("id", POLICY_PAPER);

    add(gang, "vm1", OUTCOME_MIGRATED, 58, 33);
    add(gang, "vm2", OUTCOME_MIGRATED, 20, 33);
    add(gang, "vm3", OUTCOME_MIGRATED, 31, 101);
    add(gang, "vm4", OUTCOME_MIGRATED, 19, 33);
    gang_outcome_update(gang);
    g_assert_cmpfloat(gang->total_time_s, ==, 58);
    g_assert_cmpfloat(gang->total_downtime_ms, ==, 200);
    g_assert_cmpfloat(gang->time_product, ==, 11600);
    g_assert_cmpuint(gang->bytes, ==, 4000);
}

static void test_only_migrated_vms_count(void)
{
    g_autoptr(GangOutcome) gang = gang_outcome_new("id", POLICY_PAPER);

    add(gang, "moved", OUTCOME_MIGRATED, 10, 5);
    add(gang, "failed", OUTCOME_FAILED, 900, 700);
    add(gang, "waiting", OUTCOME_NOT_STARTED, 900, 700);
    gang_outcome_update(gang);
    g_assert_cmpfloat(gang->total_time_s, ==, 10);
    g_assert_cmpfloat(gang->total_downtime_ms, ==, 5);
    g_assert_cmpuint(gang->bytes, ==, 3000); /* what was sent was sent */
    g_assert_cmpuint(gang_outcome_count(gang, OUTCOME_MIGRATED), ==, 1);
    g_assert_cmpuint(gang_outcome_count(gang, OUTCOME_LOST), ==, 0);
}

static void test_guests_gap_stands_in_for_downtime(void)
{
    g_autoptr(GangOutcome) gang = gang_outcome_new("id", POLICY_PAPER);

    add(gang, "known", OUTCOME_MIGRATED, 1, 7)->guest_gap_ms = 900;
    add(gang, "gap", OUTCOME_MIGRATED, 1, NAN)->guest_gap_ms = 40;
    add(gang, "neither", OUTCOME_MIGRATED, 1, NAN);
    gang_outcome_update(gang);
    g_assert_cmpfloat(gang->total_downtime_ms, ==, 47);
}

static void test_elapsed_time_spans_all_that_began(void)
{
    g_autoptr(GangOutcome) gang = gang_outcome_new("id", POLICY_PAPER);
    Outcome *first = add(gang, "first", OUTCOME_FAILED, 0, NAN);
    Outcome *last = add(gang, "last", OUTCOME_MIGRATED, 0, NAN);

    add(gang, "never", OUTCOME_NOT_STARTED, 0, NAN);
    first->begun_ns = 10 * NS_PER_S;
    first->ended_ns = 12 * NS_PER_S;
    last->begun_ns = 11 * NS_PER_S;
    last->ended_ns = 17 * NS_PER_S;
    gang_outcome_update(gang);
    gang_outcome_update(gang); /* sums do not grow when they are made again */
    g_assert_cmpfloat(gang->elapsed_s, ==, 7);
    g_assert_cmpuint(gang->bytes, ==, 3000);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outcome/new-outcome-promises-nothing", test_new_outcome_promises_nothing);
    g_test_add_func("/outcome/three-figures-of-the-paper", test_three_figures_of_the_paper);
    g_test_add_func("/outcome/only-migrated-vms-count", test_only_migrated_vms_count);
    g_test_add_func("/outcome/guests-gap-stands-in-for-downtime", test_guests_gap_stands_in_for_downtime);
    g_test_add_func("/outcome/elapsed-time-spans-all-that-began", test_elapsed_time_spans_all_that_began);
    return g_test_run();
}
