/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading JSON that somebody else wrote: each getter checks presence and type and says which member of what is wrong.
 *
 * Writing is JsonBuilder's work, with two helpers for values that may be absent.  A getter that fails leaves *value untouched. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* 'what' names the object in messages, for instance "plan, step 3". */
gboolean json_read_string(JsonObject *object, const char *member, const char *what, const char **value,
                          GError **error);
gboolean json_read_double(JsonObject *object, const char *member, const char *what, double *value, GError **error);
gboolean json_read_uint(JsonObject *object, const char *member, const char *what, guint64 *value, GError **error);
gboolean json_read_int(JsonObject *object, const char *member, const char *what, gint64 *value, GError **error);
gboolean json_read_bool(JsonObject *object, const char *member, const char *what, gboolean *value, GError **error);
gboolean json_read_array(JsonObject *object, const char *member, const char *what, JsonArray **value, GError **error);
gboolean json_read_object(JsonObject *object, const char *member, const char *what, JsonObject **value,
                          GError **error);

/* Parses 'text' (its length in bytes, or -1) into an object that the caller unrefs with json_object_unref. */
JsonObject *json_parse_object(const char *text, gssize text_bytes, const char *what, GError **error);

/* The text of 'node', on one line or indented.  The caller frees. */
char *json_to_text(JsonNode *node, gboolean pretty);

/* Adds member 'name' with a number, or with null when 'value' is NAN: JSON has no NAN. */
void json_add_double_or_null(JsonBuilder *builder, const char *name, double value);

/* Adds member 'name' with a string, or with null when 'value' is NULL. */
void json_add_string_or_null(JsonBuilder *builder, const char *name, const char *value);
