/* SPDX-License-Identifier: Apache-2.0
 *
 * model/plan.c and plan-json.c: a plan survives the trip to a file and back, and a plan that a person has damaged is
 * refused with the place and the member. */
#include "model/plan.h"
#include "base/error.h"
#include "base/json.h"
#include "base/units.h"

#include <math.h>
#include <glib/gstdio.h>
#include <string.h>

static Plan *sample_plan(void)
{
    MigrateOptions options;

    migrate_options_init(&options);
    options.downtime_limit_ns = 30 * NS_PER_MS;
    options.on_stuck = STUCK_ACTION_FORCE;
    options.copy_storage = COPY_STORAGE_INC;
    Plan *plan = plan_new(POLICY_PAPER, &options);
    Classification *measured = classification_new("vm1");
    measured->vm_class = VM_CLASS_WRITE;
    measured->membership[0] = 0.01;
    measured->membership[1] = 0.9;
    measured->membership[2] = 0.09;
    measured->mean_read_pages_per_s = 12.5;
    measured->mean_written_pages_per_s = 40960;
    PlanStep *step = plan_add_step(plan, "vm1", "u-1", "h1", "h2",
                                   choice_new(measured, ALGORITHM_POST_COPY, g_strdup("writes a \"lot\"")));
    choice_set_way(step->choice, WAY_RELAY, g_strdup("few bytes change"));
    step->choice->relay_memory_bytes = 256 * MIB;
    step->ram_bytes = 512 * MIB;
    step->vcpus = 2;
    step->placement = g_strdup("nearest");
    step->wave = 1;
    step->bandwidth_bytes_per_s = 31250000;
    plan_add_step(plan, "vm2", "u-2", "h1", "h3",
                  choice_new(classification_new("vm2"), ALGORITHM_PRE_COPY, g_strdup("not measured")));
    return plan;
}

static char *sample_text(void)
{
    g_autoptr(Plan) plan = sample_plan();
    g_autoptr(JsonNode) node = plan_to_json(plan);

    return json_to_text(node, TRUE);
}

static void test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = sample_text();
    g_autoptr(Plan) plan = plan_from_json(text, -1, "plan", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(plan->steps->len, ==, 2);
    g_assert_cmpint(plan->options.downtime_limit_ns, ==, 30 * NS_PER_MS);
    g_assert_cmpint(plan->options.on_stuck, ==, STUCK_ACTION_FORCE);
    g_assert_cmpint(plan->options.copy_storage, ==, COPY_STORAGE_INC);
    const PlanStep *step = plan_step_at(plan, 0);
    g_assert_cmpstr(step->choice->reason, ==, "writes a \"lot\"");
    g_assert_cmpstr(step->placement, ==, "nearest");
    g_assert_cmpint(step->choice->way, ==, WAY_RELAY);
    g_assert_cmpstr(step->choice->way_reason, ==, "few bytes change");
    g_assert_cmpuint(step->choice->relay_memory_bytes, ==, 256 * MIB);
    g_assert_cmpint(plan_step_at(plan, 1)->choice->way, ==, WAY_PLAIN);
    g_assert_null(plan_step_at(plan, 1)->choice->way_reason);
    g_assert_cmpint(step->choice->algorithm, ==, ALGORITHM_POST_COPY);
    g_assert_cmpint(step->choice->classification->vm_class, ==, VM_CLASS_WRITE);
    g_assert_cmpfloat(step->choice->classification->membership[1], ==, 0.9);
    g_assert_cmpuint(step->bandwidth_bytes_per_s, ==, 31250000);
    g_assert_true(isnan(plan_step_at(plan, 1)->choice->classification->membership[0]));
    g_assert_cmpuint(plan_waves(plan), ==, 2);

    g_autoptr(JsonNode) again_node = plan_to_json(plan);
    g_autofree char *again = json_to_text(again_node, TRUE);
    g_assert_cmpstr(again, ==, text);
}

/* Replaces 'from' by 'to' in a good plan; the result must be refused with a message that holds 'expected'. */
static void refuses(const char *from, const char *to, const char *expected)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = sample_text();
    g_autoptr(GString) damaged = g_string_new(text);

    g_assert_nonnull(strstr(text, from));
    g_string_replace(damaged, from, to, 1);
    g_autoptr(Plan) plan = plan_from_json(damaged->str, -1, "p.json", &error);
    g_assert_null(plan);
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
    if (!strstr(error->message, expected)) {
        g_error("'%s' does not say '%s'", error->message, expected);
    }
}

static void test_refuses_damage(void)
{
    refuses("\"godwit_plan\" : 1", "\"godwit_plan\" : 2", "p.json has format 2");
    refuses("\"vm\" : \"vm1\"", "\"vm\" : \"\"", "p.json, step 1: 'vm' must not be empty");
    refuses("\"destination\" : \"h2\"", "\"destination\" : \"h1\"", "source and destination are both 'h1'");
    refuses("\"algorithm\" : \"post-copy\"", "\"algorithm\" : \"teleport\"", "'teleport' is no algorithm");
    refuses("\"uuid\" : \"u-2\"", "\"uuid\" : \"u-1\"", "step 2: VM 'vm2' has a step already");
    refuses("\"wave\" : 1", "\"wave\" : -1", "'wave' must be a whole number");
    refuses("\"vcpus\" : 2", "\"vcpuz\" : 2", "unknown member 'vcpuz'");
    refuses("\"ram_bytes\" : 536870912", "\"ram_bytes\" : \"much\"", "'ram_bytes' must be a whole number");
    refuses("\"on_stuck\" : \"force\"", "\"on_stuck\" : \"pray\"", "'pray' is no stuck action");
    refuses("\"way\" : \"relay\"", "\"way\" : \"bicycle\"", "'bicycle' is no way");
    refuses("\"relay\" : \"auto\"", "\"relay\" : \"maybe\"", "'maybe' is no relay mode");
    refuses("\"tls\" : false", "\"tls\" : 0", "'tls' must be true or false");
    refuses("{", "", "is not JSON");
}

static void test_every_truncation_is_refused(void)
{
    g_autofree char *text = sample_text();

    for (gsize length = 0; length + 1 < strlen(text); length += 7) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Plan) plan = plan_from_json(text, (gssize)length, "cut", &error);

        g_assert_null(plan);
        g_assert_nonnull(error);
    }
}

static void test_saved_plan_loads(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *directory = g_dir_make_tmp("godwit-plan-XXXXXX", &error);
    g_autofree char *path = g_build_filename(directory, "plan.json", NULL);
    g_autoptr(Plan) plan = sample_plan();

    g_assert_true(plan_save(plan, path, &error));
    g_autoptr(Plan) loaded = plan_load(path, &error);
    g_assert_no_error(error);
    g_assert_cmpstr(loaded->id, ==, plan->id);
    g_assert_cmpint(g_unlink(path), ==, 0);
    g_assert_cmpint(g_rmdir(directory), ==, 0);
    g_autoptr(Plan) missing = plan_load(path, &error);
    g_assert_null(missing);
    g_assert_nonnull(strstr(error->message, "loading the plan"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/plan/survives-the-trip-to-json-and-back", test_round_trip);
    g_test_add_func("/plan/refuses-damage-and-names-the-member", test_refuses_damage);
    g_test_add_func("/plan/refuses-every-truncation", test_every_truncation_is_refused);
    g_test_add_func("/plan/loads-what-was-saved", test_saved_plan_loads);
    return g_test_run();
}
