/* SPDX-License-Identifier: Apache-2.0
 *
 * Common members; see report-json.h. */
#include "report/report-json.h"
#include "base/json.h"

#include <math.h>

void report_add_string(JsonBuilder *builder, const char *name, const char *value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_string_value(builder, value);
}

void report_add_uint(JsonBuilder *builder, const char *name, guint64 value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_int_value(builder, (gint64)value);
}

void report_add_bool(JsonBuilder *builder, const char *name, gboolean value)
{
    json_builder_set_member_name(builder, name);
    json_builder_add_boolean_value(builder, value);
}

void report_add_memberships(JsonBuilder *builder, const Classification *classification)
{
    json_builder_set_member_name(builder, "memberships");
    if (isnan(classification->membership[0])) {
        json_builder_add_null_value(builder);
        return;
    }
    json_builder_begin_object(builder);
    for (int i = 0; i < CLUSTERS; i++) {
        json_add_double_or_null(builder, vm_class_name((VmClass)i), classification->membership[i]);
    }
    json_builder_end_object(builder);
}
