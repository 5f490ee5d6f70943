/* SPDX-License-Identifier: Apache-2.0
 *
 * Holds a JSON document against a schema of docs/schema: the part of JSON Schema 2020-12 that those use.  A keyword
 * that is not known here is a failure, so that no schema promises what is not checked. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

/* The first difference, with the path of the value that is wrong, or NULL when 'node' fits. */
char *schema_difference(const char *schema_name, JsonNode *node);

/* Fails the test when 'node' does not fit. */
void assert_fits_schema(const char *schema_name, JsonNode *node);

/* Fails the test when the enum at 'path' (member names, separated by '/') of the schema is not exactly 'names'. */
void assert_schema_enum(const char *schema_name, const char *path, const char *const *names, gsize length);
