/* SPDX-License-Identifier: Apache-2.0
 *
 * Members that several of the reports' JSON documents have; used inside report/ only. */
#pragma once

#include <json-glib/json-glib.h>

#include "model/choice.h"

void report_add_string(JsonBuilder *builder, const char *name, const char *value);
void report_add_uint(JsonBuilder *builder, const char *name, guint64 value);
void report_add_bool(JsonBuilder *builder, const char *name, gboolean value);

/* "memberships": {"read","write","mixed"}, or null for a VM that was not clustered. */
void report_add_memberships(JsonBuilder *builder, const Classification *classification);
