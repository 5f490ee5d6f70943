/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-gang.c. */
#include "base/units.h"
#include "report/report.h"
#include "samples.h"
#include "schema-check.h"

#include <math.h>

/* The members that are promised, in their order; others may follow. */
static void assert_begins_with(JsonObject *object, const char *members)
{
    g_auto(GStrv) wanted = g_strsplit(members, ",", -1);
    g_autoptr(GList) found = json_object_get_members(object);
    GList *at = found;

    for (guint i = 0; wanted[i]; i++, at = at->next) {
        g_assert_nonnull(at);
        g_assert_cmpstr(at->data, ==, wanted[i]);
    }
}

static void json_has_the_promised_members_in_order(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonObject *root = json_node_get_object(node);
    JsonArray *vms = json_object_get_array_member(root, "vms");

    assert_fits_schema("report", node);
    assert_begins_with(root, "id,policy,vms,gang");
    assert_begins_with(json_object_get_object_member(root, "gang"),
                       "total_time_s,total_downtime_ms,time_product,bytes");
    g_assert_cmpuint(json_array_get_length(vms), ==, 3);
    assert_begins_with(json_array_get_object_element(vms, 0),
                       "name,source,destination,class,algorithm,reason,outcome,total_time_s,downtime_ms,"
                       "guest_gap_ms,bytes,passes");
}

static void json_holds_what_happened(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonArray *vms = json_object_get_array_member(json_node_get_object(node), "vms");
    JsonObject *first = json_array_get_object_element(vms, 0);
    JsonObject *last = json_array_get_object_element(vms, 2);

    g_assert_cmpstr(json_object_get_string_member(first, "outcome"), ==, "migrated");
    g_assert_cmpfloat(json_object_get_double_member(first, "downtime_ms"), ==, 33);
    g_assert_cmpint(json_object_get_int_member(first, "passes"), ==, 4);
    g_assert_cmpstr(json_object_get_string_member(last, "outcome"), ==, "failed");
    g_assert_cmpstr(json_object_get_string_member(last, "fault"), ==, "link");
    g_assert_cmpstr(json_object_get_string_member(last, "now_at"), ==, "h1");
    g_assert_true(json_object_get_null_member(last, "memberships"));
}

static void gang_figures_are_the_papers(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    Outcome *second = g_ptr_array_index(gang->outcomes, 1);

    second->downtime_ms = 7;
    gang_outcome_update(gang);
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonObject *figures = json_object_get_object_member(json_node_get_object(node), "gang");
    g_assert_cmpfloat(json_object_get_double_member(figures, "total_time_s"), ==, 20);
    g_assert_cmpfloat(json_object_get_double_member(figures, "total_downtime_ms"), ==, 40);
    g_assert_cmpfloat(json_object_get_double_member(figures, "time_product"), ==, 800);
    g_assert_cmpint(json_object_get_int_member(figures, "unknown_downtimes"), ==, 0);
}

static void unknown_numbers_are_null(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    Outcome *last = g_ptr_array_index(gang->outcomes, 2);

    last->kind = OUTCOME_NOT_STARTED;
    last->begun_ns = 0;
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonArray *vms = json_object_get_array_member(json_node_get_object(node), "vms");
    JsonObject *figures = json_object_get_object_member(json_node_get_object(node), "gang");
    g_assert_true(json_object_get_null_member(json_array_get_object_element(vms, 1), "downtime_ms"));
    g_assert_true(json_object_get_null_member(json_array_get_object_element(vms, 2), "total_time_s"));
    g_assert_cmpint(json_object_get_int_member(figures, "unknown_downtimes"), ==, 1);
    assert_fits_schema("report", node);
}

static void an_expected_downtime_is_no_downtime(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    Outcome *last = g_ptr_array_index(gang->outcomes, 2);

    last->downtime_ms = 300;
    last->switched_ns = 0;
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonArray *vms = json_object_get_array_member(json_node_get_object(node), "vms");
    g_assert_true(json_object_get_null_member(json_array_get_object_element(vms, 2), "downtime_ms"));
}

static void a_gang_that_failed_has_no_figures(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();

    for (guint i = 0; i < gang->outcomes->len; i++) {
        ((Outcome *)g_ptr_array_index(gang->outcomes, i))->kind = OUTCOME_FAILED;
    }
    gang_outcome_update(gang);
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonObject *figures = json_object_get_object_member(json_node_get_object(node), "gang");
    g_autofree char *text = report_gang_text(gang, &PLAIN);
    g_assert_true(json_object_get_null_member(figures, "total_time_s"));
    g_assert_true(json_object_get_null_member(figures, "time_product"));
    g_assert_null(strstr(text, "time product"));
    assert_fits_schema("report", node);
}

static void relays_have_figures_and_their_absence_a_reason(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    Outcome *first = g_ptr_array_index(gang->outcomes, 0);
    Outcome *second = g_ptr_array_index(gang->outcomes, 1);

    first->way = WAY_RELAY;
    first->attempts = second->attempts = 1;
    first->relay.is_known = TRUE;
    first->relay.stream_bytes = 148 * MIB;
    first->relay.wire_bytes = 37 * MIB;
    g_strlcpy(first->relay.codec, "zstd-1", sizeof first->relay.codec);
    choice_set_way(second->choice, WAY_PLAIN, g_strdup("the plain way: the link is fast"));
    g_autofree char *text = report_gang_text(gang, &PLAIN);
    g_assert_nonnull(strstr(text, "vm1: migrated; through a relay: 37 MiB on the wire for 148 MiB of QEMU's stream "
                                  "(25 %), codec zstd-1"));
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonArray *vms = json_object_get_array_member(json_node_get_object(node), "vms");
    JsonObject *relay = json_object_get_object_member(json_array_get_object_element(vms, 0), "relay");
    g_assert_cmpint(json_object_get_int_member(relay, "wire_bytes"), ==, 37 * MIB);
    g_assert_true(json_object_get_null_member(relay, "working_set_bytes"));
    g_assert_true(json_object_get_null_member(json_array_get_object_element(vms, 1), "relay"));
    g_assert_cmpstr(json_object_get_string_member(json_array_get_object_element(vms, 1), "way_reason"), ==,
                    "the plain way: the link is fast");
    assert_fits_schema("report", node);
}

static void text_tells_figures_and_failures(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    g_autofree char *text = report_gang_text(gang, &PLAIN);

    g_assert_true(g_str_is_ascii(text));
    g_assert_nonnull(strstr(text, "total time      20.00 s"));
    g_assert_nonnull(strstr(text, "total downtime  33 ms (the sum; not complete, see below)"));
    g_assert_nonnull(strstr(text, "time product    660.0 s*ms"));
    g_assert_nonnull(strstr(text, "2 migrated, 1 failed."));
    g_assert_nonnull(strstr(text, "vm3: failed (link): the link to h2 broke in pass 3; it is running at h1"));
    g_assert_nonnull(strstr(text, "The downtime of 1 VM is known to nobody."));
}

static void colours_change_nothing_else(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    ReportStyle coloured = {TRUE, FALSE, 0};
    g_autofree char *text = report_gang_text(gang, &PLAIN);
    g_autofree char *inked = report_gang_text(gang, &coloured);
    g_autoptr(GRegex) colour = g_regex_new("\033\\[[0-9;]*m", 0, 0, NULL);
    g_autofree char *washed = g_regex_replace_literal(colour, inked, -1, 0, "", 0, NULL);

    g_assert_cmpstr(inked, !=, text);
    g_assert_cmpstr(washed, ==, text);
}

static void an_empty_gang_is_said_to_be_empty(void)
{
    g_autoptr(GangOutcome) gang = gang_outcome_new("none", POLICY_PAPER);
    g_autoptr(JsonNode) node = report_gang_json(gang);
    g_autofree char *text = report_gang_text(gang, &PLAIN);

    g_assert_nonnull(strstr(text, "No VM was to be moved."));
    assert_fits_schema("report", node);
}

/* The lists in the schema are written by hand; the program's are made from one table. */
static void schema_knows_every_word(void)
{
    static const char *const KINDS[] = {OUTCOME_KINDS(NAMED_ENUM_NAME)};
    static const char *const FAULT_NAMES[] = {FAULTS(NAMED_ENUM_NAME)};
    static const char *const STATES[] = {VM_STATES(NAMED_ENUM_NAME)};
    static const char *const CLASSES[] = {VM_CLASSES(NAMED_ENUM_NAME)};
    static const char *const ALGORITHM_NAMES[] = {ALGORITHMS(NAMED_ENUM_NAME)};
    static const char *const POLICY_NAMES[] = {POLICIES(NAMED_ENUM_NAME)};
    static const char *const FATES[] = {PROFILE_FATES(NAMED_ENUM_NAME)};

    assert_schema_enum("report", "properties/policy", POLICY_NAMES, G_N_ELEMENTS(POLICY_NAMES));
    assert_schema_enum("report", "properties/vms/items/properties/outcome", KINDS, G_N_ELEMENTS(KINDS));
    assert_schema_enum("report", "properties/vms/items/properties/fault", FAULT_NAMES, G_N_ELEMENTS(FAULT_NAMES));
    assert_schema_enum("report", "properties/vms/items/properties/state", STATES, G_N_ELEMENTS(STATES));
    assert_schema_enum("report", "properties/vms/items/properties/class", CLASSES, G_N_ELEMENTS(CLASSES));
    assert_schema_enum("report", "properties/vms/items/properties/algorithm", ALGORITHM_NAMES,
                       G_N_ELEMENTS(ALGORITHM_NAMES));
    assert_schema_enum("plan", "properties/policy", POLICY_NAMES, G_N_ELEMENTS(POLICY_NAMES));
    assert_schema_enum("plan", "properties/steps/items/properties/class", CLASSES, G_N_ELEMENTS(CLASSES));
    assert_schema_enum("hosts", "properties/hosts/items/properties/vms/items/properties/state", STATES,
                       G_N_ELEMENTS(STATES));
    assert_schema_enum("watch", "properties/vms/items/properties/fate", FATES, G_N_ELEMENTS(FATES));
}

/* The checker itself must be able to say no. */
static void schema_check_finds_differences(void)
{
    g_autoptr(GangOutcome) gang = sample_gang();
    g_autoptr(JsonNode) node = report_gang_json(gang);
    JsonObject *root = json_node_get_object(node);

    json_object_set_string_member(root, "policy", "magic");
    g_autofree char *wrong_word = schema_difference("report", node);
    g_assert_nonnull(strstr(wrong_word, "/policy is none of the values"));
    json_object_set_string_member(root, "policy", "paper");
    json_object_set_int_member(root, "id", 3);
    g_autofree char *wrong_type = schema_difference("report", node);
    g_assert_nonnull(strstr(wrong_type, "/id is of the wrong type"));
    json_object_remove_member(root, "id");
    g_autofree char *missing = schema_difference("report", node);
    g_assert_nonnull(strstr(missing, "lacks id"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-gang/json-has-the-promised-members-in-order", json_has_the_promised_members_in_order);
    g_test_add_func("/report-gang/json-holds-what-happened", json_holds_what_happened);
    g_test_add_func("/report-gang/gang-figures-are-the-papers", gang_figures_are_the_papers);
    g_test_add_func("/report-gang/unknown-numbers-are-null", unknown_numbers_are_null);
    g_test_add_func("/report-gang/an-expected-downtime-is-no-downtime", an_expected_downtime_is_no_downtime);
    g_test_add_func("/report-gang/a-gang-that-failed-has-no-figures", a_gang_that_failed_has_no_figures);
    g_test_add_func("/report-gang/text-tells-figures-and-failures", text_tells_figures_and_failures);
    g_test_add_func("/report-gang/relays-have-figures-and-their-absence-a-reason",
                    relays_have_figures_and_their_absence_a_reason);
    g_test_add_func("/report-gang/colours-change-nothing-else", colours_change_nothing_else);
    g_test_add_func("/report-gang/an-empty-gang-is-said-to-be-empty", an_empty_gang_is_said_to_be_empty);
    g_test_add_func("/report-gang/schema-knows-every-word", schema_knows_every_word);
    g_test_add_func("/report-gang/schema-check-finds-differences", schema_check_finds_differences);
    return g_test_run();
}
