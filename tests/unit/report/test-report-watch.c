/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-watch.c. */
#include "report/report.h"
#include "report/text.h"
#include "samples.h"
#include "schema-check.h"

static void table_shows_rates_grain_and_choice(void)
{
    g_autoptr(GPtrArray) profiles = sample_profiles();
    g_autoptr(GPtrArray) choices = sample_choices();
    ReportStyle unicode = {FALSE, TRUE, 0};
    g_autofree char *text = report_watch_text("h1", 3, profiles, choices, &unicode);

    g_assert_nonnull(strstr(text, "h1, period 3: 2 VMs"));
    g_assert_nonnull(strstr(text, "400  ▃▅▆█"));
    g_assert_nonnull(strstr(text, "50.0  ▂▂▂▂"));
    g_assert_nonnull(strstr(text, "0.90 0.05 0.05"));
    g_assert_nonnull(strstr(text, "2 MiB/4 KiB  pre-copy"));
    g_assert_nonnull(strstr(text, "vm2: started-late; reads not measured"));
}

static void plain_style_is_ascii(void)
{
    g_autoptr(GPtrArray) profiles = sample_profiles();
    g_autoptr(GPtrArray) choices = sample_choices();
    g_autofree char *text = report_watch_text("h1", 1, profiles, choices, &PLAIN);

    g_assert_true(g_str_is_ascii(text));
    g_assert_null(strchr(text, '\033'));
}

static void narrow_terminals_get_narrower_lines(void)
{
    g_autoptr(GPtrArray) profiles = sample_profiles();
    g_autoptr(GPtrArray) choices = sample_choices();
    ReportStyle narrow = {FALSE, TRUE, 80};
    g_autofree char *text = report_watch_text("h1", 1, profiles, choices, &narrow);

    g_assert_nonnull(strstr(text, "would be"));
    g_assert_null(strstr(text, "grain"));
}

static void json_is_one_line_that_fits_the_schema(void)
{
    g_autoptr(GPtrArray) profiles = sample_profiles();
    g_autoptr(GPtrArray) choices = sample_choices();
    g_autoptr(JsonNode) node = report_watch_json("h1", 1, profiles, choices);
    g_autofree char *text = json_to_string(node, FALSE);

    assert_fits_schema("watch", node);
    g_assert_null(strchr(text, '\n'));
}

static void reads_that_nobody_saw_are_unknown(void)
{
    g_autoptr(GPtrArray) profiles = sample_profiles();
    g_autoptr(GPtrArray) choices = sample_choices();
    g_autofree char *text = report_watch_text("h1", 1, profiles, choices, &PLAIN);
    g_autoptr(JsonNode) node = report_watch_json("h1", 1, profiles, choices);
    JsonArray *vms = json_object_get_array_member(json_node_get_object(node), "vms");
    JsonObject *unseen = json_array_get_object_element(vms, 1);

    g_assert_nonnull(strstr(text, "vm2          -"));
    g_assert_true(json_object_get_null_member(unseen, "read_pages_per_s"));
    g_assert_cmpuint(json_array_get_length(json_object_get_array_member(unseen, "read_series")), ==, 0);
    g_assert_cmpfloat(json_object_get_double_member(unseen, "written_pages_per_s"), ==, 50);
}

static void a_host_without_vms_is_said_to_have_none(void)
{
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    g_autofree char *text = report_watch_text("h2", 1, none, none, &PLAIN);
    g_autoptr(JsonNode) node = report_watch_json("h2", 1, none, none);

    g_assert_cmpstr(text, ==, "h2, period 1: 0 VMs\nno VM runs there\n");
    assert_fits_schema("watch", node);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-watch/table-shows-rates-grain-and-choice", table_shows_rates_grain_and_choice);
    g_test_add_func("/report-watch/plain-style-is-ascii", plain_style_is_ascii);
    g_test_add_func("/report-watch/narrow-terminals-get-narrower-lines", narrow_terminals_get_narrower_lines);
    g_test_add_func("/report-watch/json-is-one-line-that-fits-the-schema", json_is_one_line_that_fits_the_schema);
    g_test_add_func("/report-watch/a-host-without-vms-is-said-to-have-none", a_host_without_vms_is_said_to_have_none);
    g_test_add_func("/report-watch/reads-that-nobody-saw-are-unknown", reads_that_nobody_saw_are_unknown);
    return g_test_run();
}
