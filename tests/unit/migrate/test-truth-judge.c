/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/migrate/truth-judge.c: its table, and over all pairs of words that nothing is ever resumed or removed
 * that may be, or may become, a second copy. */
#include "base/units.h"
#include "migrate/truth.h"

/* A host's word in one letter: . absent, w waits (incoming), s stands still, r runs, p in post-copy, b broken
 * post-copy, m runs and migrates, c crashed, ? silent. */
static HostWord word_of(const char *host, char letter)
{
    HostWord word = {.host = host, .has_answered = letter != '?', .was_silent = letter == '?'};

    word.truth.is_incoming = letter == 'w';
    word.truth.is_migrating_out = letter == 'm';
    word.truth.state = letter == 's' || letter == 'w'   ? VM_STATE_PAUSED
                       : letter == 'r' || letter == 'm' ? VM_STATE_RUNNING
                       : letter == 'p'                  ? VM_STATE_POSTCOPY
                       : letter == 'b'                  ? VM_STATE_POSTCOPY_FAILED
                       : letter == 'c'                  ? VM_STATE_CRASHED
                                                        : VM_STATE_ABSENT;
    return word;
}

static TruthView view_of(char source, char destination)
{
    return (TruthView){
        .source = word_of("a", source), .destination = word_of("b", destination), .blame = FAULT_UNKNOWN};
}

static void test_next_steps(void)
{
    static const struct {
        const char *pair;
        TruthStep step;
    } cases[] = {
        {"r.", TRUTH_SETTLED},         {".r", TRUTH_SETTLED},
        {"..", TRUTH_SETTLED},         {"rw", TRUTH_REMOVE_INCOMING},
        {"sw", TRUTH_REMOVE_INCOMING}, {".w", TRUTH_ASK_AGAIN},
        {"s.", TRUTH_RESUME_SOURCE},   {".s", TRUTH_RESUME_DESTINATION},
        {"sr", TRUTH_SETTLED},         {"ss", TRUTH_ASK_AGAIN},
        {"rr", TRUTH_ASK_AGAIN},       {"rs", TRUTH_ASK_AGAIN},
        {"m.", TRUTH_ASK_AGAIN},       {"mw", TRUTH_ASK_AGAIN},
        {"mr", TRUTH_ASK_AGAIN},       {"?r", TRUTH_ASK_AGAIN},
        {"r?", TRUTH_ASK_AGAIN},       {"s?", TRUTH_ASK_AGAIN},
        {"??", TRUTH_ASK_AGAIN},       {"bb", TRUTH_SETTLED},
        {"bp", TRUTH_SETTLED},         {".p", TRUTH_ASK_AGAIN},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        TruthView view = view_of(cases[i].pair[0], cases[i].pair[1]);

        g_test_message("%s", cases[i].pair);
        g_assert_cmpint(truth_next(&view), ==, cases[i].step);
    }
}

static void test_verdicts(void)
{
    static const struct {
        const char *pair;
        OutcomeKind kind;
        const char *now_at;
    } cases[] = {
        {".r", OUTCOME_MIGRATED, "b"},
        {"sr", OUTCOME_MIGRATED, "b"},
        {"?r", OUTCOME_MIGRATED, "b"},
        {"r.", OUTCOME_FAILED, "a"},
        {"r?", OUTCOME_FAILED, "a"},
        {"rw", OUTCOME_FAILED, "a"},
        {"s.", OUTCOME_FAILED, "a"},
        {"m.", OUTCOME_FAILED, "a"},
        {"rr", OUTCOME_FAILED, NULL},
        {"s?", OUTCOME_HOST_LOST, NULL},
        {"?.", OUTCOME_HOST_LOST, NULL},
        {".?", OUTCOME_HOST_LOST, NULL},
        {"??", OUTCOME_HOST_LOST, NULL},
        {"ss", OUTCOME_HOST_LOST, NULL},
        {"?w", OUTCOME_HOST_LOST, NULL},
        {"..", OUTCOME_VM_STOPPED, NULL},
        {"c.", OUTCOME_VM_STOPPED, "a"},
        {".w", OUTCOME_VM_STOPPED, NULL},
        {"bb", OUTCOME_POSTCOPY_BROKEN, "b"},
        {"bp", OUTCOME_POSTCOPY_BROKEN, "b"},
        {"b?", OUTCOME_POSTCOPY_BROKEN, NULL},
        {"?b", OUTCOME_POSTCOPY_BROKEN, "b"},
        {"b.", OUTCOME_LOST, NULL},
        {".b", OUTCOME_LOST, NULL},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        TruthView view = view_of(cases[i].pair[0], cases[i].pair[1]);
        Verdict verdict = truth_judge(&view);

        g_test_message("%s", cases[i].pair);
        g_assert_cmpint(verdict.kind, ==, cases[i].kind);
        g_assert_cmpstr(verdict.now_at, ==, cases[i].now_at);
    }
}

/* Promise 1, over every pair and every other thing that the judge knows. */
static void test_never_makes_a_second_copy(void)
{
    static const char letters[] = ".wsrpbmc?";

    for (guint pair = 0; pair < 81; pair++) {
        for (guint bits = 0; bits < 16; bits++) {
            char source = letters[pair / 9];
            char destination = letters[pair % 9];
            TruthView view = view_of(source, destination);
            TruthStep step;

            view.job_succeeded = bits & 1;
            view.used_postcopy = bits & 2;
            view.was_paused = bits & 4;
            view.is_out_of_time = bits & 8;
            step = truth_next(&view);
            g_assert_true(step != TRUTH_RESUME_SOURCE || (source == 's' && destination == '.'));
            g_assert_true(step != TRUTH_RESUME_DESTINATION || (source == '.' && destination == 's'));
            g_assert_true(step != TRUTH_REMOVE_INCOMING || (strchr("rs", source) && destination == 'w'));
            g_assert_true(!view.was_paused || (step != TRUTH_RESUME_SOURCE && step != TRUTH_RESUME_DESTINATION));
            g_assert_true(!view.is_out_of_time || step == TRUTH_SETTLED); /* bounded */
        }
    }
}

static void test_deeds_that_fail_are_given_up(void)
{
    TruthView view = view_of('r', 'w');

    view.failed_deeds = 2;
    g_assert_cmpint(truth_next(&view), ==, TRUTH_REMOVE_INCOMING);
    view.failed_deeds = 3;
    g_assert_cmpint(truth_next(&view), ==, TRUTH_SETTLED);
    g_assert_nonnull(strstr(truth_judge(&view).words, "could not be removed"));
}

static void test_tells_a_host_from_its_libvirtd(void)
{
    TruthView view = view_of('r', '?');

    g_assert_cmpint(truth_judge(&view).fault, ==, FAULT_DESTINATION_HOST);
    view.destination.liveness = LIVENESS_ALIVE;
    g_assert_cmpint(truth_judge(&view).fault, ==, FAULT_DESTINATION_LIBVIRTD);
    view = view_of('r', '.');
    view.destination.was_silent = TRUE; /* and came back */
    g_assert_cmpint(truth_judge(&view).fault, ==, FAULT_DESTINATION_LIBVIRTD);
    view = view_of('?', '.');
    view.blame = FAULT_LINK; /* silence weighs more */
    g_assert_cmpint(truth_judge(&view).fault, ==, FAULT_SOURCE_HOST);
    view = view_of('r', '.');
    view.blame = FAULT_OPERATOR;
    g_assert_cmpint(truth_judge(&view).kind, ==, OUTCOME_CANCELLED);
}

static void test_a_paused_vm_that_arrived_is_nobodys_fault(void)
{
    TruthView view = view_of('.', 's');

    view.was_paused = TRUE;
    g_assert_cmpint(truth_next(&view), ==, TRUTH_SETTLED);
    g_assert_cmpint(truth_judge(&view).kind, ==, OUTCOME_MIGRATED);
    g_assert_cmpint(truth_judge(&view).fault, ==, FAULT_NONE);
}

static void test_a_dead_machine_loses_a_postcopy(void)
{
    TruthView view = view_of('b', '?');

    view.destination.liveness = LIVENESS_DEAD;
    g_assert_cmpint(truth_judge(&view).kind, ==, OUTCOME_LOST);
    view = view_of('?', 'b');
    view.source.liveness = LIVENESS_DEAD;
    g_assert_cmpint(truth_judge(&view).kind, ==, OUTCOME_LOST);
    view = view_of('.', '.');
    view.used_postcopy = TRUE;
    g_assert_cmpint(truth_judge(&view).kind, ==, OUTCOME_LOST);
}

static void test_success_needs_the_destinations_word_only(void)
{
    TruthView view = view_of('?', 'r');

    view.job_succeeded = TRUE;
    g_assert_cmpint(truth_next(&view), ==, TRUTH_SETTLED);
    g_assert_cmpint(truth_judge(&view).kind, ==, OUTCOME_MIGRATED);
    g_assert_nonnull(truth_judge(&view).words);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/truth/next-steps", test_next_steps);
    g_test_add_func("/truth/verdicts", test_verdicts);
    g_test_add_func("/truth/never-makes-a-second-copy", test_never_makes_a_second_copy);
    g_test_add_func("/truth/deeds-that-fail-are-given-up", test_deeds_that_fail_are_given_up);
    g_test_add_func("/truth/tells-a-host-from-its-libvirtd", test_tells_a_host_from_its_libvirtd);
    g_test_add_func("/truth/a-paused-vm-that-arrived-is-nobodys-fault", test_a_paused_vm_that_arrived_is_nobodys_fault);
    g_test_add_func("/truth/a-dead-machine-loses-a-postcopy", test_a_dead_machine_loses_a_postcopy);
    g_test_add_func("/truth/success-needs-the-destinations-word-only", test_success_needs_the_destinations_word_only);
    return g_test_run();
}
