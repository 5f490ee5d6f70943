/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/base/json.c: what somebody else wrote is checked member by member. */
#include "base/json.h"
#include "base/error.h"

#include <math.h>
#include <string.h>

static const char TEXT[] = "{\"word\": \"godwit\", \"half\": 0.5, \"three\": 3, \"minus\": -4, \"yes\": true,"
                           " \"list\": [1, 2], \"inner\": {\"a\": 1}, \"nothing\": null, \"huge\": 1e999}";

static JsonObject *parse(const char *text)
{
    g_autoptr(GError) error = NULL;
    JsonObject *object = json_parse_object(text, -1, "test", &error);

    g_assert_no_error(error);
    return object;
}

static void test_right_members_are_read(void)
{
    g_autoptr(JsonObject) object = parse(TEXT);
    g_autoptr(GError) error = NULL;
    const char *word = NULL;
    double number = 0;
    guint64 count = 0;
    gint64 integer = 0;
    gboolean flag = FALSE;
    JsonArray *array = NULL;
    JsonObject *inner = NULL;

    g_assert_true(json_read_string(object, "word", "test", &word, &error));
    g_assert_cmpstr(word, ==, "godwit");
    g_assert_true(json_read_double(object, "half", "test", &number, &error));
    g_assert_cmpfloat(number, ==, 0.5);
    g_assert_true(json_read_double(object, "three", "test", &number, &error)); /* a whole number is a number */
    g_assert_cmpfloat(number, ==, 3);
    g_assert_true(json_read_uint(object, "three", "test", &count, &error));
    g_assert_cmpuint(count, ==, 3);
    g_assert_true(json_read_int(object, "minus", "test", &integer, &error));
    g_assert_cmpint(integer, ==, -4);
    g_assert_true(json_read_bool(object, "yes", "test", &flag, &error));
    g_assert_true(flag);
    g_assert_true(json_read_array(object, "list", "test", &array, &error));
    g_assert_cmpuint(json_array_get_length(array), ==, 2);
    g_assert_true(json_read_object(object, "inner", "test", &inner, &error));
    g_assert_true(json_object_has_member(inner, "a"));
    g_assert_no_error(error);
}

/* Whether each reader accepts 'member'; one bit per reader, in the order below. */
static guint accepted_by(JsonObject *object, const char *member, GError *errors[7])
{
    const char *word = NULL;
    double number = 0;
    guint64 count = 0;
    gint64 integer = 0;
    gboolean flag = FALSE;
    JsonArray *array = NULL;
    JsonObject *inner = NULL;

    return (guint)(json_read_string(object, member, "plan, step 3", &word, &errors[0]) << 0 |
                   json_read_double(object, member, "plan, step 3", &number, &errors[1]) << 1 |
                   json_read_uint(object, member, "plan, step 3", &count, &errors[2]) << 2 |
                   json_read_int(object, member, "plan, step 3", &integer, &errors[3]) << 3 |
                   json_read_bool(object, member, "plan, step 3", &flag, &errors[4]) << 4 |
                   json_read_array(object, member, "plan, step 3", &array, &errors[5]) << 5 |
                   json_read_object(object, member, "plan, step 3", &inner, &errors[6]) << 6);
}

static void test_wrong_types_are_refused(void)
{
    static const struct {
        const char *member;
        guint accepted;
    } ROWS[] = {{"word", 1 << 0},           {"half", 1 << 1}, {"three", 1 << 1 | 1 << 2 | 1 << 3},
                {"minus", 1 << 1 | 1 << 3}, {"yes", 1 << 4},  {"list", 1 << 5},
                {"inner", 1 << 6},          {"nothing", 0},   {"absent", 0}};
    g_autoptr(JsonObject) object = parse(TEXT);

    for (guint k = 0; k < G_N_ELEMENTS(ROWS); k++) {
        g_test_message("member %s", ROWS[k].member);
        GError *errors[7] = {NULL};

        g_assert_cmpuint(accepted_by(object, ROWS[k].member, errors), ==, ROWS[k].accepted);
        for (guint reader = 0; reader < 7; reader++) {
            g_assert_true((errors[reader] == NULL) == (ROWS[k].accepted >> reader & 1));
            g_clear_error(&errors[reader]);
        }
    }
}

static void test_number_too_large_is_refused(void)
{
    g_autoptr(JsonObject) object = parse("{\"huge\": 1e999}");
    double number = 77;

    g_assert_false(json_read_double(object, "huge", "test", &number, NULL));
    g_assert_cmpfloat(number, ==, 77);
}

static void test_errors_say_what_and_where(void)
{
    static const char *const KINDS[] = {"a string",       "a number",      "a whole number, 0 or more",
                                        "a whole number", "true or false", "an array",
                                        "an object"};
    g_autoptr(JsonObject) object = parse(TEXT);
    GError *wrong[7] = {NULL};
    GError *missing[7] = {NULL};

    accepted_by(object, "nothing", wrong);
    accepted_by(object, "absent", missing);
    for (guint k = 0; k < 7; k++) {
        g_autofree char *expected = g_strdup_printf("plan, step 3: 'nothing' must be %s", KINDS[k]);

        g_assert_error(wrong[k], GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_cmpstr(wrong[k]->message, ==, expected);
        g_assert_cmpstr(missing[k]->message, ==, "plan, step 3: 'absent' is missing");
        g_error_free(wrong[k]);
        g_error_free(missing[k]);
    }
}

static void test_only_objects_are_parsed(void)
{
    static const char *const BAD[] = {"", "{", "[1]", "3", "null", "\"text\"", "{\"a\": }", "nonsense", "{\"a\": 1} x"};

    for (guint k = 0; k < G_N_ELEMENTS(BAD); k++) {
        g_autoptr(GError) error = NULL;

        g_test_message("text '%s'", BAD[k]);
        g_assert_null(json_parse_object(BAD[k], -1, "the plan", &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_true(g_str_has_prefix(error->message, "the plan is "));
    }
}

static void test_length_bounds_the_text(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonObject) object = json_parse_object("{\"a\": 1}garbage", 8, "test", &error);

    g_assert_no_error(error);
    g_assert_true(json_object_has_member(object, "a"));
}

static void test_absent_values_are_null(void)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(JsonNode) node = NULL;
    g_autofree char *text = NULL;

    json_builder_begin_object(builder);
    json_add_double_or_null(builder, "known", 1.5);
    json_add_double_or_null(builder, "unknown", NAN);
    json_add_string_or_null(builder, "named", "x");
    json_add_string_or_null(builder, "nameless", NULL);
    json_builder_end_object(builder);
    node = json_builder_get_root(builder);
    text = json_to_text(node, FALSE);
    g_assert_cmpstr(text, ==, "{\"known\":1.5,\"unknown\":null,\"named\":\"x\",\"nameless\":null}");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/right-members-are-read", test_right_members_are_read);
    g_test_add_func("/json/wrong-types-are-refused", test_wrong_types_are_refused);
    g_test_add_func("/json/number-too-large-is-refused", test_number_too_large_is_refused);
    g_test_add_func("/json/errors-say-what-and-where", test_errors_say_what_and_where);
    g_test_add_func("/json/only-objects-are-parsed", test_only_objects_are_parsed);
    g_test_add_func("/json/length-bounds-the-text", test_length_bounds_the_text);
    g_test_add_func("/json/absent-values-are-null", test_absent_values_are_null);
    return g_test_run();
}
