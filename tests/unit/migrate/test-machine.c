/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/migrate/machine.c: phases only go forward, and the small policies. */
#include "migrate/machine.h"
#include "base/error.h"
#include "base/units.h"

static void test_goes_forward_and_may_skip(void)
{
    Machine machine = {"vm1", PHASE_WAITING};
    g_autoptr(GError) error = NULL;

    g_assert_true(machine_advance(&machine, PHASE_BEGIN, &error));
    g_assert_true(machine_advance(&machine, PHASE_BEGIN, &error));
    g_assert_true(machine_advance(&machine, PHASE_FINISH, &error));
    g_assert_no_error(error);
    g_assert_cmpint(machine.phase, ==, PHASE_FINISH);
}

static void test_refuses_to_go_back(void)
{
    for (Phase from = PHASE_BEGIN; from <= PHASE_DONE; from++) {
        for (Phase to = PHASE_WAITING; to < from; to++) {
            Machine machine = {"vm1", from};
            g_autoptr(GError) error = NULL;

            g_assert_false(machine_advance(&machine, to, &error));
            g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_PROTOCOL);
            g_assert_cmpint(machine.phase, ==, from);
        }
    }
}

static void test_never_cancels_once_in_postcopy(void)
{
    for (Phase phase = PHASE_POSTCOPY; phase <= PHASE_DONE; phase++) {
        Machine machine = {"vm1", phase};

        g_assert_false(machine_may(&machine, ACT_CANCEL));
        g_assert_false(machine_may(&machine, ACT_POSTCOPY));
        g_assert_false(machine_may(&machine, ACT_FORCE));
    }
}

static void test_cleans_up_only_when_the_job_is_over(void)
{
    for (Phase phase = PHASE_WAITING; phase <= PHASE_DONE; phase++) {
        Machine machine = {"vm1", phase};

        g_assert_cmpint(machine_may(&machine, ACT_CLEAN_UP), ==, phase == PHASE_CONFIRM);
        g_assert_cmpint(machine_may(&machine, ACT_DROP), ==, phase <= PHASE_BEGIN);
    }
}

static const StuckView STUCK = {.on_stuck = STUCK_ACTION_POLICY,
                                .policy_permits_postcopy = TRUE,
                                .can_postcopy = TRUE,
                                .stuck_after_ns = 10 * NS_PER_S,
                                .running_ns = 10 * NS_PER_S,
                                .passes = 3};

static void test_is_stuck_by_time_or_by_passes(void)
{
    StuckView view = STUCK;

    g_assert_cmpint(stuck_decide(view), ==, STUCK_SWITCH);
    view.running_ns--;
    g_assert_cmpint(stuck_decide(view), ==, STUCK_GO_ON);
    view.stuck_passes = 3;
    g_assert_cmpint(stuck_decide(view), ==, STUCK_GO_ON);
    view.passes = 4;
    g_assert_cmpint(stuck_decide(view), ==, STUCK_SWITCH);
    view.stuck_passes = 0;
    view.stuck_after_ns = 0;
    view.running_ns = G_MAXINT64;
    g_assert_cmpint(stuck_decide(view), ==, STUCK_GO_ON);
}

static void test_does_about_stuck_what_was_said(void)
{
    static const struct {
        StuckAction action;
        gboolean permits;
        gboolean can;
        StuckStep step;
        const char *words;
    } cases[] = {
        {STUCK_ACTION_POLICY, TRUE, TRUE, STUCK_SWITCH, "as the policy permits"},
        {STUCK_ACTION_POLICY, FALSE, TRUE, STUCK_CANCEL, "the policy does not permit"},
        {STUCK_ACTION_POLICY, TRUE, FALSE, STUCK_CANCEL, "cannot do post-copy"},
        {STUCK_ACTION_POST_COPY, FALSE, TRUE, STUCK_SWITCH, "as --on-stuck says"},
        {STUCK_ACTION_POST_COPY, FALSE, FALSE, STUCK_CANCEL, "that --on-stuck asks for"},
        {STUCK_ACTION_FORCE, FALSE, FALSE, STUCK_FORCE, "above its downtime limit"},
        {STUCK_ACTION_ABORT, TRUE, TRUE, STUCK_CANCEL, "as --on-stuck says"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        StuckView view = STUCK;
        g_autofree char *words = NULL;

        view.on_stuck = cases[i].action;
        view.policy_permits_postcopy = cases[i].permits;
        view.can_postcopy = cases[i].can;
        g_assert_cmpint(stuck_decide(view), ==, cases[i].step);
        words = stuck_words(view, cases[i].step);
        g_assert_nonnull(strstr(words, cases[i].words));
        g_assert_nonnull(strstr(words, "10.0"));
    }
}

static void test_the_stricter_limit_of_places_counts(void)
{
    g_assert_cmpuint(place_limit(0, 0), ==, 0);
    g_assert_cmpuint(place_limit(3, 0), ==, 3);
    g_assert_cmpuint(place_limit(0, 4), ==, 4);
    g_assert_cmpuint(place_limit(3, 4), ==, 3);
    g_assert_true(place_is_free(1000, 0));
    g_assert_true(place_is_free(2, 3));
    g_assert_false(place_is_free(3, 3));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/machine/goes-forward-and-may-skip", test_goes_forward_and_may_skip);
    g_test_add_func("/machine/refuses-to-go-back", test_refuses_to_go_back);
    g_test_add_func("/machine/never-cancels-once-in-postcopy", test_never_cancels_once_in_postcopy);
    g_test_add_func("/machine/cleans-up-only-when-the-job-is-over", test_cleans_up_only_when_the_job_is_over);
    g_test_add_func("/stuck/is-stuck-by-time-or-by-passes", test_is_stuck_by_time_or_by_passes);
    g_test_add_func("/stuck/does-what-was-said", test_does_about_stuck_what_was_said);
    g_test_add_func("/places/the-stricter-limit-counts", test_the_stricter_limit_of_places_counts);
    return g_test_run();
}
