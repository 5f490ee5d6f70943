/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/base/named.c, and that every named enum of the model reads what it writes. */
#include "base/named.h"
#include "base/error.h"
#include "model/outcome.h"

#include <string.h>

static void check_all(int length, const char *const *names, gboolean (*parse)(const char *, int *, GError **))
{
    for (int i = 0; i < length; i++) {
        int parsed = -1;

        g_assert_true(parse(names[i], &parsed, NULL));
        g_assert_cmpint(parsed, ==, i);
        for (int k = 0; k < i; k++) {
            g_assert_cmpstr(names[k], !=, names[i]);
        }
    }
}

#define CHECK_NAMED(Type, prefix, LIST)                                                                                \
    static gboolean prefix##_parse_int(const char *text, int *value, GError **error)                                   \
    {                                                                                                                  \
        Type typed = (Type)0;                                                                                          \
        gboolean is_good = prefix##_parse(text, &typed, error);                                                        \
        *value = (int)typed;                                                                                           \
        return is_good;                                                                                                \
    }                                                                                                                  \
    static void test_##prefix(void)                                                                                    \
    {                                                                                                                  \
        static const Type VALUES[] = {LIST(NAMED_ENUM_MEMBER)};                                                        \
        const char *names[G_N_ELEMENTS(VALUES)];                                                                       \
        for (guint i = 0; i < G_N_ELEMENTS(VALUES); i++) {                                                             \
            names[i] = prefix##_name(VALUES[i]);                                                                       \
        }                                                                                                              \
        check_all(G_N_ELEMENTS(VALUES), names, prefix##_parse_int);                                                    \
    }

CHECK_NAMED(VmClass, vm_class, VM_CLASSES)
CHECK_NAMED(Algorithm, algorithm, ALGORITHMS)
CHECK_NAMED(Policy, policy, POLICIES)
CHECK_NAMED(VmState, vm_state, VM_STATES)
CHECK_NAMED(Phase, phase, PHASES)
CHECK_NAMED(OutcomeKind, outcome_kind, OUTCOME_KINDS)
CHECK_NAMED(Fault, fault, FAULTS)
CHECK_NAMED(StuckAction, stuck_action, STUCK_ACTIONS)
CHECK_NAMED(CopyStorage, copy_storage, COPY_STORAGES)

static void test_out_of_range_has_a_mark(void)
{
    g_assert_cmpstr(policy_name((Policy)99), ==, "?");
    g_assert_cmpstr(policy_name((Policy)-1), ==, "?");
    g_assert_cmpstr(policy_name(POLICY_HYBRID), ==, "hybrid");
}

static void test_error_lists_the_right_names(void)
{
    static const char *const WRONG[] = {"papers", "", "PAPER", "pape", NULL};

    for (guint k = 0; k < G_N_ELEMENTS(WRONG); k++) {
        g_autoptr(GError) error = NULL;
        Policy policy = POLICY_HYBRID;

        g_assert_false(policy_parse(WRONG[k], &policy, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_nonnull(strstr(error->message, "policy; it is one of: paper, pre-copy, post-copy, hybrid"));
        g_assert_cmpint(policy, ==, POLICY_HYBRID); /* untouched */
    }
}

static void test_error_speaks_words_not_identifiers(void)
{
    g_autoptr(GError) error = NULL;
    VmClass vm_class = VM_CLASS_READ;

    g_assert_false(vm_class_parse("lazy", &vm_class, &error));
    g_assert_nonnull(strstr(error->message, "'lazy' is"));
    g_assert_nonnull(strstr(error->message, "vm class; it is one of: read, "));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/named/vm-class-reads-what-it-writes", test_vm_class);
    g_test_add_func("/named/algorithm-reads-what-it-writes", test_algorithm);
    g_test_add_func("/named/policy-reads-what-it-writes", test_policy);
    g_test_add_func("/named/vm-state-reads-what-it-writes", test_vm_state);
    g_test_add_func("/named/phase-reads-what-it-writes", test_phase);
    g_test_add_func("/named/outcome-kind-reads-what-it-writes", test_outcome_kind);
    g_test_add_func("/named/fault-reads-what-it-writes", test_fault);
    g_test_add_func("/named/stuck-action-reads-what-it-writes", test_stuck_action);
    g_test_add_func("/named/copy-storage-reads-what-it-writes", test_copy_storage);
    g_test_add_func("/named/value-out-of-range-has-a-mark", test_out_of_range_has_a_mark);
    g_test_add_func("/named/error-lists-the-right-names", test_error_lists_the_right_names);
    g_test_add_func("/named/error-speaks-words-not-identifiers", test_error_speaks_words_not_identifiers);
    return g_test_run();
}
