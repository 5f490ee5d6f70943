/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-plan.c. */
#include "base/json.h"
#include "base/units.h"
#include "report/report.h"
#include "samples.h"
#include "schema-check.h"

static GPtrArray *two_problems(void)
{
    GPtrArray *problems = g_ptr_array_new_with_free_func((GDestroyNotify)plan_problem_free);

    g_ptr_array_add(problems, plan_problem_new("vm2", "h3", "its disk vda is not there", "share the storage"));
    g_ptr_array_add(problems, plan_problem_new(NULL, "h2", "memory is short", "name another destination"));
    return problems;
}

static void text_has_a_row_and_a_reason_per_vm(void)
{
    g_autoptr(Plan) plan = sample_plan();
    g_autofree char *text = report_plan_text(plan, &PLAIN);

    g_assert_true(g_str_is_ascii(text));
    g_assert_nonnull(strstr(text, "policy paper, 3 VMs in 1 wave"));
    g_assert_nonnull(strstr(text, "vm1  read      90/5/5"));
    g_assert_nonnull(strstr(text, "30 MiB/s"));
    g_assert_nonnull(strstr(text, "no limit"));
    g_assert_nonnull(strstr(text, "    because vm2 is write"));
    g_assert_null(strstr(text, "wave  VM"));
}

static void waves_are_shown_when_there_are_several(void)
{
    g_autoptr(Plan) plan = sample_plan();

    plan_step_at(plan, 2)->wave = 1;
    g_autofree char *text = report_plan_text(plan, &PLAIN);
    g_assert_nonnull(strstr(text, "wave  VM"));
    g_assert_nonnull(strstr(text, "\n   2  vm3"));
}

static void one_reason_for_all_is_said_once(void)
{
    g_autoptr(Plan) plan = sample_plan();
    guint count = 0;

    for (guint i = 0; i < plan->steps->len; i++) {
        Choice *choice = plan_step_at(plan, i)->choice;
        g_free(choice->reason);
        choice->reason = g_strdup("policy says so");
    }
    g_autofree char *text = report_plan_text(plan, &PLAIN);
    for (const char *at = text; (at = strstr(at, "policy says so")); at++) {
        count++;
    }
    g_assert_cmpuint(count, ==, 1);
}

static void what_happens_to_a_stuck_pre_copy_is_said(void)
{
    static const struct {
        StuckAction action;
        const char *words;
    } CASES[] = {{STUCK_ACTION_POLICY, "becomes post-copy where the destination can"},
                 {STUCK_ACTION_FORCE, "guest is stopped and the rest copied"},
                 {STUCK_ACTION_POST_COPY, "given up where the destination cannot"},
                 {STUCK_ACTION_ABORT, "runs on at the source"}};
    g_autoptr(Plan) plan = sample_plan();

    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        plan->options.on_stuck = CASES[i].action;
        g_autofree char *text = report_plan_text(plan, &PLAIN);
        g_assert_nonnull(strstr(text, CASES[i].words));
    }
    plan->options.on_stuck = STUCK_ACTION_POLICY;
    plan->policy = POLICY_PRE_COPY;
    g_autofree char *strict = report_plan_text(plan, &PLAIN);
    g_assert_nonnull(strstr(strict, "since the policy permits no post-copy"));
    plan->options.stuck_after_ns = 0;
    plan->options.stuck_passes = 7;
    g_autofree char *passes = report_plan_text(plan, &PLAIN);
    g_assert_nonnull(strstr(passes, "not converged after 7 passes"));
    plan->options.stuck_passes = 0;
    g_autofree char *never = report_plan_text(plan, &PLAIN);
    g_assert_null(strstr(never, "not converged"));
}

static void problems_come_with_place_and_cure(void)
{
    g_autoptr(GPtrArray) problems = two_problems();
    g_autofree char *text = report_problems_text(problems, &PLAIN);
    g_autoptr(JsonNode) node = report_problems_json(problems);

    g_assert_cmpstr(text, ==,
                    "2 problems; nothing was touched:\n"
                    "  1. vm2, h3: its disk vda is not there\n"
                    "     cure: share the storage\n"
                    "  2. h2: memory is short\n"
                    "     cure: name another destination\n");
    assert_fits_schema("problems", node);
}

static void json_is_the_plan_and_its_problems(void)
{
    g_autoptr(Plan) plan = sample_plan();
    g_autoptr(GPtrArray) problems = two_problems();
    g_autoptr(JsonNode) bare = plan_to_json(plan);
    g_autoptr(JsonNode) node = report_plan_json(plan, problems);
    JsonObject *root = json_node_get_object(node);

    assert_fits_schema("plan", bare);
    assert_fits_schema("plan", node);
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(root, "problems")), ==, 2);
    json_object_remove_member(root, "problems");
    g_assert_true(json_node_equal(bare, node));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-plan/text-has-a-row-and-a-reason-per-vm", text_has_a_row_and_a_reason_per_vm);
    g_test_add_func("/report-plan/waves-are-shown-when-there-are-several", waves_are_shown_when_there_are_several);
    g_test_add_func("/report-plan/one-reason-for-all-is-said-once", one_reason_for_all_is_said_once);
    g_test_add_func("/report-plan/what-happens-to-a-stuck-pre-copy-is-said", what_happens_to_a_stuck_pre_copy_is_said);
    g_test_add_func("/report-plan/problems-come-with-place-and-cure", problems_come_with_place_and_cure);
    g_test_add_func("/report-plan/json-is-the-plan-and-its-problems", json_is_the_plan_and_its_problems);
    return g_test_run();
}
