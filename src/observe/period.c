/* SPDX-License-Identifier: Apache-2.0
 *
 * PeriodRecord; see period.h. */
#include "observe/period.h"
#include "base/error.h"
#include "base/json.h"

#include <math.h>

void period_record_init(PeriodRecord *record)
{
#define PERIOD_CLEAR(name) record->name = NAN;
    PERIOD_NUMBERS(PERIOD_CLEAR)
}

void period_record_write(const PeriodRecord *record, JsonBuilder *builder)
{
#define PERIOD_WRITE(name) json_add_double_or_null(builder, #name, record->name);
    PERIOD_NUMBERS(PERIOD_WRITE)
}

static gboolean read_number(double *value, JsonObject *object, const char *member, const char *what, GError **error)
{
    JsonNode *node = json_object_get_member(object, member);

    if (node && JSON_NODE_HOLDS_NULL(node)) {
        *value = NAN;
        return TRUE;
    }
    if (!json_read_double(object, member, what, value, error)) {
        return FALSE;
    }
    if (*value < 0 && !g_str_equal(member, "lateness")) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: '%s' is %g, which is below 0", what, member, *value);
        return FALSE;
    }
    return TRUE;
}

gboolean period_record_read(PeriodRecord *record, JsonObject *object, const char *what, GError **error)
{
    period_record_init(record);
#define PERIOD_READ(name) read_number(&record->name, object, #name, what, error) &&
    return PERIOD_NUMBERS(PERIOD_READ) TRUE;
}
