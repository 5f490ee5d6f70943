/* SPDX-License-Identifier: Apache-2.0
 *
 * Checked reading of JSON; see json.h. */
#include "base/json.h"
#include "base/error.h"

#include <math.h>

/* The member's node when its type is right, else NULL with an error. */
static JsonNode *checked_member(JsonObject *object, const char *member, const char *what, const char *kind,
                                gboolean (*is_right)(JsonNode *), GError **error)
{
    JsonNode *node = json_object_get_member(object, member);

    if (!node) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: '%s' is missing", what, member);
        return NULL;
    }
    if (!is_right(node)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: '%s' must be %s", what, member, kind);
        return NULL;
    }
    return node;
}

static gboolean is_string(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING;
}

static gboolean is_integer(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64;
}

static gboolean is_unsigned(JsonNode *node)
{
    return is_integer(node) && json_node_get_int(node) >= 0;
}

static gboolean is_number(JsonNode *node)
{
    return is_integer(node) || (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_DOUBLE &&
                                isfinite(json_node_get_double(node)));
}

static gboolean is_boolean(JsonNode *node)
{
    return JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_BOOLEAN;
}

static gboolean is_array(JsonNode *node)
{
    return JSON_NODE_HOLDS_ARRAY(node);
}

static gboolean is_object(JsonNode *node)
{
    return JSON_NODE_HOLDS_OBJECT(node);
}

#define JSON_GETTER(name, Type, kind, is_right, get)                                                                   \
    gboolean name(JsonObject *object, const char *member, const char *what, Type *value, GError **error)               \
    {                                                                                                                  \
        JsonNode *node = checked_member(object, member, what, kind, is_right, error);                                  \
        if (!node) {                                                                                                   \
            return FALSE;                                                                                              \
        }                                                                                                              \
        *value = get(node);                                                                                            \
        return TRUE;                                                                                                   \
    }

JSON_GETTER(json_read_string, const char *, "a string", is_string, json_node_get_string)
JSON_GETTER(json_read_double, double, "a number", is_number, json_node_get_double)
JSON_GETTER(json_read_uint, guint64, "a whole number, 0 or more", is_unsigned, (guint64)json_node_get_int)
JSON_GETTER(json_read_int, gint64, "a whole number", is_integer, json_node_get_int)
JSON_GETTER(json_read_bool, gboolean, "true or false", is_boolean, json_node_get_boolean)
JSON_GETTER(json_read_array, JsonArray *, "an array", is_array, json_node_get_array)
JSON_GETTER(json_read_object, JsonObject *, "an object", is_object, json_node_get_object)

JsonObject *json_parse_object(const char *text, gssize text_bytes, const char *what, GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) cause = NULL;

    if (!json_parser_load_from_data(parser, text, text_bytes, &cause)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s is not JSON: %s", what, cause->message);
        return NULL;
    }
    JsonNode *root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s is JSON, but not an object", what);
        return NULL;
    }
    return json_node_dup_object(root);
}

char *json_to_text(JsonNode *node, gboolean pretty)
{
    return json_to_string(node, pretty);
}

void json_add_double_or_null(JsonBuilder *builder, const char *name, double value)
{
    json_builder_set_member_name(builder, name);
    if (isnan(value)) {
        json_builder_add_null_value(builder);
    } else {
        json_builder_add_double_value(builder, value);
    }
}

void json_add_string_or_null(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    if (value) {
        json_builder_add_string_value(builder, value);
    } else {
        json_builder_add_null_value(builder);
    }
}
