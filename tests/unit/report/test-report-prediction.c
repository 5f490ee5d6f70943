/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-prediction.c and src/model/prediction.c. */
#include "base/json.h"
#include "base/units.h"
#include "report/report.h"
#include "samples.h"
#include "schema-check.h"

/* The sample plan played: vm1 and vm2 migrate, vm3 does not; h2 would need more than it has. */
static Prediction *sample_prediction(const Plan *plan)
{
    Prediction *prediction = prediction_new(plan);
    Outcome *first;

    prediction->seed = 12;
    prediction->start_ns = 5 * NS_PER_S;
    prediction->outcome = sample_gang();
    first = g_ptr_array_index(prediction->outcome->outcomes, 0);
    for (guint i = 0; i < prediction->outcome->outcomes->len; i++) {
        Outcome *outcome = g_ptr_array_index(prediction->outcome->outcomes, i);

        outcome->begun_ns = 6 * NS_PER_S;
        outcome->ended_ns = 17500 * NS_PER_MS;
    }
    first->guest_gap_ms = 40;
    for (guint i = 0; i < prediction->hosts_length; i++) {
        prediction->memory_bytes[i] = 4 * GIB;
        prediction->start_bytes[i] = (i == 0) * 3 * GIB;
        prediction->end_bytes[i] = (i != 0) * GIB;
    }
    for (guint i = 0; i < plan->steps->len; i++) {
        guint64 *peaks = g_new0(guint64, prediction->hosts_length + 1);

        peaks[0] = (3 - i) * GIB;
        peaks[1] = (i + 3) * GIB;
        prediction_add_step(prediction, i, 12.5 + i, peaks);
    }
    prediction_add_note(prediction, g_strdup("something was assumed"));
    prediction_update(prediction);
    return prediction;
}

static void sums_are_of_the_steps(void)
{
    g_autoptr(Plan) plan = sample_plan();
    g_autoptr(Prediction) prediction = sample_prediction(plan);

    g_assert_cmpfloat(prediction->finish_s, ==, 14.5);
    g_assert_cmpuint(prediction->peak_bytes[0], ==, 3 * GIB);
    g_assert_cmpuint(prediction->peak_bytes[1], ==, 5 * GIB);
    g_assert_cmpint(prediction_find_host(prediction, plan_step_at(plan, 0)->source), ==, 0);
    g_assert_cmpint(prediction_find_host(prediction, "nobody"), ==, -1);
}

static void text_has_vms_sums_and_memory(void)
{
    g_autoptr(Plan) plan = sample_plan();
    g_autoptr(Prediction) prediction = sample_prediction(plan);
    g_autofree char *text = report_prediction_text(prediction, plan, &PLAIN);

    g_test_message("%s", text);
    g_assert_true(g_str_is_ascii(text));
    g_assert_nonnull(strstr(text, "played in virtual time, seed 12"));
    g_assert_nonnull(strstr(text, "1.00 s  12.5 s     40 ms"));
    g_assert_nonnull(strstr(text, "finish    14.5 s from the start"));
    g_assert_nonnull(strstr(text, "2 of 3 migrate"));
    g_assert_nonnull(strstr(text, "at most"));
    g_assert_nonnull(strstr(text, "5 GiB"));
    g_assert_nonnull(strstr(text, "something was assumed"));
}

static void many_steps_are_shown_by_wave(void)
{
    g_autoptr(Plan) plan = sample_plan();
    g_autoptr(Prediction) prediction = sample_prediction(plan);

    for (guint i = 0; i < 60; i++) {
        guint64 *peaks = g_new0(guint64, prediction->hosts_length + 1);

        peaks[0] = i * MIB;
        prediction_add_step(prediction, 0, 20 + i, peaks);
    }
    g_autofree char *text = report_prediction_text(prediction, plan, &PLAIN);

    g_assert_nonnull(strstr(text, "wave 1"));
    g_assert_null(strstr(text, "vm3    "));
}

static void json_is_as_the_schema_says(void)
{
    g_autoptr(Plan) plan = sample_plan();
    g_autoptr(Prediction) prediction = sample_prediction(plan);
    g_autoptr(GPtrArray) problems = g_ptr_array_new();
    g_autoptr(JsonNode) node = report_plan_json(plan, problems);
    JsonObject *object = json_node_get_object(node);
    JsonObject *host;

    json_object_set_member(object, "prediction", report_prediction_json(prediction, plan));
    assert_fits_schema("plan", node);
    object = json_object_get_object_member(object, "prediction");
    g_assert_cmpint(json_object_get_int_member(object, "seed"), ==, 12);
    host = json_array_get_object_element(json_object_get_array_member(object, "hosts"), 1);
    g_assert_cmpint(json_object_get_int_member(host, "peak_bytes"), ==, (gint64)(5 * GIB));
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(object, "steps")), ==, 3);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-prediction/sums-are-of-the-steps", sums_are_of_the_steps);
    g_test_add_func("/report-prediction/text-has-vms-sums-and-memory", text_has_vms_sums_and_memory);
    g_test_add_func("/report-prediction/many-steps-are-shown-by-wave", many_steps_are_shown_by_wave);
    g_test_add_func("/report-prediction/json-is-as-the-schema-says", json_is_as_the_schema_says);
    return g_test_run();
}
