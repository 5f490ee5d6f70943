/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of enums; see named.h. */
#include "base/named.h"
#include "base/error.h"

const char *named_enum_name(const char *const *names, int value)
{
    int length = (int)g_strv_length((gchar **)names);
    return value >= 0 && value < length ? names[value] : "?";
}

int named_enum_find(const char *const *names, const char *what, const char *text, GError **error)
{
    for (int i = 0; text && names[i]; i++) {
        if (g_str_equal(names[i], text)) {
            return i;
        }
    }
    g_autofree char *noun = g_strdelimit(g_strdup(what), "_", ' ');
    g_autofree char *choices = g_strjoinv(", ", (gchar **)names);
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is no %s; it is one of: %s", text ? text : "", noun,
                choices);
    return -1;
}
