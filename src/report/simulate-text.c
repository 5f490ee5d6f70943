/* SPDX-License-Identifier: Apache-2.0
 *
 * Values in JSON and CSV; see simulate-text.h. */
#include "report/simulate-text.h"

#include <json-glib/json-glib.h>
#include <math.h>
#include <string.h>

void simulate_json_number(GString *text, double value, guint decimals)
{
    if (!isfinite(value)) {
        g_string_append(text, "null");
    } else {
        g_string_append_printf(text, "%.*f", (int)decimals, value);
    }
}

void simulate_json_string(GString *text, const char *value)
{
    g_autoptr(JsonNode) node = json_node_init_string(json_node_alloc(), value ? value : "");
    g_autofree char *quoted = json_to_string(node, FALSE);

    g_string_append(text, quoted);
}

void simulate_csv_string(GString *text, const char *value)
{
    if (!strpbrk(value, ",\"\r\n")) {
        g_string_append(text, value);
        return;
    }
    g_string_append_c(text, '"');
    for (const char *c = value; *c; c++) {
        if (*c == '"') {
            g_string_append_c(text, '"');
        }
        g_string_append_c(text, *c);
    }
    g_string_append_c(text, '"');
}

void simulate_csv_number(GString *text, double value, guint decimals)
{
    if (isfinite(value)) {
        g_string_append_printf(text, "%.*f", (int)decimals, value);
    }
}

void simulate_csv_double(GString *text, double value)
{
    if (isfinite(value)) {
        g_string_append_printf(text, "%.9g", value);
    }
}
