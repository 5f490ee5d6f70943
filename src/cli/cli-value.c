/* SPDX-License-Identifier: Apache-2.0
 *
 * How the option tables read the kinds of values that they share; see cli-table.h. */
#include "base/error.h"
#include "base/units.h"
#include "cli/cli-table.h"

gboolean cli_value_fail(GError **error, const char *text, const char *wanted)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "'%s' is not %s", text, wanted);
    return FALSE;
}

gboolean cli_value_duration(const char *text, gint64 *duration_ns, GError **error)
{
    gint64 parsed_ns = 0;

    if (!duration_parse(text, &parsed_ns, error)) {
        return FALSE;
    }
    if (parsed_ns <= 0) {
        return cli_value_fail(error, text, "a duration above 0");
    }
    *duration_ns = parsed_ns;
    return TRUE;
}
