/* SPDX-License-Identifier: Apache-2.0
 *
 * A small JSON Schema checker; see schema-check.h. */
#include "schema-check.h"

#include <string.h>

static JsonNode *load_schema(const char *name)
{
    g_autofree char *path = g_strdup_printf("%s/%s.json", SCHEMA_DIR, name);
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;

    json_parser_load_from_file(parser, path, &error);
    g_assert_no_error(error);
    return json_parser_steal_root(parser);
}

static gboolean is_integer(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64;
}

static gboolean is_of_type(JsonNode *node, const char *type)
{
    GType held = JSON_NODE_HOLDS_VALUE(node) ? json_node_get_value_type(node) : G_TYPE_NONE;

    if (g_str_equal(type, "null")) {
        return JSON_NODE_HOLDS_NULL(node);
    } else if (g_str_equal(type, "object")) {
        return JSON_NODE_HOLDS_OBJECT(node);
    } else if (g_str_equal(type, "array")) {
        return JSON_NODE_HOLDS_ARRAY(node);
    } else if (g_str_equal(type, "string")) {
        return held == G_TYPE_STRING;
    } else if (g_str_equal(type, "boolean")) {
        return held == G_TYPE_BOOLEAN;
    } else if (g_str_equal(type, "integer")) {
        return is_integer(node);
    }
    return g_str_equal(type, "number") && (is_integer(node) || held == G_TYPE_DOUBLE);
}

static gboolean is_of_types(JsonNode *node, JsonNode *types)
{
    if (JSON_NODE_HOLDS_VALUE(types)) {
        return is_of_type(node, json_node_get_string(types));
    }
    JsonArray *array = json_node_get_array(types);
    for (guint i = 0; i < json_array_get_length(array); i++) {
        if (is_of_type(node, json_array_get_string_element(array, i))) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean is_among(JsonNode *node, JsonArray *values)
{
    for (guint i = 0; i < json_array_get_length(values); i++) {
        if (json_node_equal(node, json_array_get_element(values, i))) {
            return TRUE;
        }
    }
    return FALSE;
}

static char *difference(JsonNode *schema, JsonNode *node, const char *path);

static char *object_difference(JsonObject *schema, JsonObject *object, const char *path)
{
    JsonArray *required = json_object_get_array_member(schema, "required");
    JsonObject *properties = json_object_get_object_member(schema, "properties");
    JsonNode *others = json_object_get_member(schema, "additionalProperties");
    g_autoptr(GList) members = json_object_get_members(object);

    for (guint i = 0; i < json_array_get_length(required); i++) {
        if (!json_object_has_member(object, json_array_get_string_element(required, i))) {
            return g_strdup_printf("%s lacks %s", path, json_array_get_string_element(required, i));
        }
    }
    for (GList *member = members; member; member = member->next) {
        g_autofree char *below = g_strdup_printf("%s/%s", path, (char *)member->data);

        JsonNode *rules = json_object_get_member(properties, member->data);

        if (!rules && others && JSON_NODE_HOLDS_OBJECT(others)) {
            rules = others;
        }
        if (!rules) {
            return g_strdup_printf("%s is in no schema", below);
        }
        char *found = difference(rules, json_object_get_member(object, member->data), below);
        if (found) {
            return found;
        }
    }
    return NULL;
}

static char *array_difference(JsonNode *items, JsonArray *array, const char *path)
{
    for (guint i = 0; i < json_array_get_length(array); i++) {
        g_autofree char *below = g_strdup_printf("%s/%u", path, i);
        char *found = difference(items, json_array_get_element(array, i), below);

        if (found) {
            return found;
        }
    }
    return NULL;
}

static char *unknown_keyword(JsonObject *rules, const char *path)
{
    static const char *const KNOWN[] = {
        "$schema", "title",   "description",          "type", "required", "properties", "items", "enum", "const",
        "minimum", "maximum", "additionalProperties", NULL};
    g_autoptr(GList) keywords = json_object_get_members(rules);

    for (GList *keyword = keywords; keyword; keyword = keyword->next) {
        if (!g_strv_contains(KNOWN, keyword->data)) {
            return g_strdup_printf("%s: the schema's keyword '%s' is checked by nobody", path, (char *)keyword->data);
        }
    }
    return NULL;
}

static gboolean is_in_range(JsonObject *rules, JsonNode *node)
{
    double value = JSON_NODE_HOLDS_NULL(node) ? 0 : json_node_get_double(node);

    return JSON_NODE_HOLDS_NULL(node) ||
           ((!json_object_has_member(rules, "minimum") || value >= json_object_get_double_member(rules, "minimum")) &&
            (!json_object_has_member(rules, "maximum") || value <= json_object_get_double_member(rules, "maximum")));
}

static char *difference(JsonNode *schema, JsonNode *node, const char *path)
{
    JsonObject *rules = json_node_get_object(schema);
    g_autofree char *shown = json_to_string(node, FALSE);
    char *unknown = unknown_keyword(rules, path);

    if (unknown) {
        return unknown;
    }
    if (json_object_has_member(rules, "type") && !is_of_types(node, json_object_get_member(rules, "type"))) {
        return g_strdup_printf("%s is of the wrong type: %s", path, shown);
    }
    if (json_object_has_member(rules, "enum") && !is_among(node, json_object_get_array_member(rules, "enum"))) {
        return g_strdup_printf("%s is none of the values allowed: %s", path, shown);
    }
    if (json_object_has_member(rules, "const") && !json_node_equal(node, json_object_get_member(rules, "const"))) {
        return g_strdup_printf("%s is not the value allowed: %s", path, shown);
    }
    if ((json_object_has_member(rules, "minimum") || json_object_has_member(rules, "maximum")) &&
        !is_in_range(rules, node)) {
        return g_strdup_printf("%s is out of range: %s", path, shown);
    }
    if (JSON_NODE_HOLDS_OBJECT(node)) {
        return object_difference(rules, json_node_get_object(node), path);
    }
    return JSON_NODE_HOLDS_ARRAY(node)
               ? array_difference(json_object_get_member(rules, "items"), json_node_get_array(node), path)
               : NULL;
}

char *schema_difference(const char *schema_name, JsonNode *node)
{
    g_autoptr(JsonNode) schema = load_schema(schema_name);

    return difference(schema, node, "");
}

void assert_fits_schema(const char *schema_name, JsonNode *node)
{
    g_autofree char *found = schema_difference(schema_name, node);

    if (found) {
        g_error("%s.json: %s", schema_name, found);
    }
}

void assert_schema_enum(const char *schema_name, const char *path, const char *const *names, gsize length)
{
    g_autoptr(JsonNode) schema = load_schema(schema_name);
    g_auto(GStrv) parts = g_strsplit(path, "/", -1);
    JsonObject *object = json_node_get_object(schema);

    for (char **part = parts; *part; part++) {
        g_assert_true(json_object_has_member(object, *part));
        object = json_object_get_object_member(object, *part);
    }
    JsonArray *values = json_object_get_array_member(object, "enum");
    g_assert_cmpuint(json_array_get_length(values), ==, length);
    for (guint i = 0; i < length; i++) {
        g_assert_cmpstr(json_array_get_string_element(values, i), ==, names[i]);
    }
}
