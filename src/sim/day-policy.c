/* SPDX-License-Identifier: Apache-2.0
 *
 * The names of the day: policies, modes, defects, settings, totals; see day.h. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "sim/day.h"

NAMED_ENUM_DEFINE(DayDetector, day_detector, DAY_DETECTORS)
NAMED_ENUM_DEFINE(DaySelector, day_selector, DAY_SELECTORS)
NAMED_ENUM_DEFINE(DayMode, day_mode, DAY_MODES)
NAMED_ENUM_DEFINE(DaySearch, day_search, DAY_SEARCHES)

static const double DEFAULT_PARAMETERS[] = {
    [DAY_DETECTOR_THR] = 0.8, [DAY_DETECTOR_MAD] = 2.5, [DAY_DETECTOR_IQR] = 1.5,
    [DAY_DETECTOR_LR] = 1.2,  [DAY_DETECTOR_LRR] = 1.2,
};

static gboolean moves_nothing(DayDetector detector)
{
    return detector == DAY_DETECTOR_NPA || detector == DAY_DETECTOR_DVFS;
}

static gboolean parse_parameter(const char *text, DayDetector detector, double *parameter, GError **error)
{
    char *end = NULL;

    *parameter = g_ascii_strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(*parameter) || *parameter <= 0 || g_ascii_isspace(*text)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "the parameter '%s' is not a number above 0", text);
        return FALSE;
    }
    if (detector == DAY_DETECTOR_THR && *parameter > 1) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "the threshold '%s' is above 1, the whole host", text);
        return FALSE;
    }
    return TRUE;
}

static gboolean parse_policy_parts(char **parts, DayPolicy *policy, GError **error)
{
    guint n_parts = g_strv_length(parts);

    if (!day_detector_parse(n_parts > 0 ? parts[0] : "", &policy->detector, error)) {
        return FALSE;
    }
    policy->selector = DAY_SELECTOR_MMT;
    policy->parameter = moves_nothing(policy->detector) ? 0 : DEFAULT_PARAMETERS[policy->detector];
    if (moves_nothing(policy->detector)) {
        if (n_parts > 1) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                        "%s moves nothing: no selector or parameter goes with it", parts[0]);
            return FALSE;
        }
        return TRUE;
    }
    if (n_parts < 2 || n_parts > 3) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                    "expected DETECTOR_SELECTOR or DETECTOR_SELECTOR_PARAMETER, as in lr_mmt_1.2");
        return FALSE;
    }
    return day_selector_parse(parts[1], &policy->selector, error) &&
           (n_parts == 2 || parse_parameter(parts[2], policy->detector, &policy->parameter, error));
}

gboolean day_policy_parse(const char *text, DayPolicy *policy, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, "_", -1);

    if (!parse_policy_parts(parts, policy, error)) {
        g_prefix_error(error, "policy '%s': ", text);
        return FALSE;
    }
    return TRUE;
}

char *day_policy_name(const DayPolicy *policy)
{
    char number[G_ASCII_DTOSTR_BUF_SIZE];

    if (moves_nothing(policy->detector)) {
        return g_strdup(day_detector_name(policy->detector));
    }
    g_ascii_formatd(number, sizeof number, "%.15g", policy->parameter);
    return g_strdup_printf("%s_%s_%s%s", day_detector_name(policy->detector), day_selector_name(policy->selector),
                           number, strchr(number, '.') == NULL ? ".0" : "");
}

#define DEFECT_NAME(symbol, name, help) name,
#define DEFECT_HELP(symbol, name, help) help,
static const char *const DEFECT_NAMES[] = {DAY_DEFECTS(DEFECT_NAME) NULL};
static const char *const DEFECT_HELPS[] = {DAY_DEFECTS(DEFECT_HELP)};

const char *day_defect_name(guint index)
{
    return named_enum_name(DEFECT_NAMES, (int)index);
}

const char *day_defect_help(guint index)
{
    return index < DAY_DEFECT_COUNT ? DEFECT_HELPS[index] : "?";
}

gboolean day_defects_parse(const char *text, guint32 *defects, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ",", -1);

    *defects = 0;
    if (g_str_equal(text, "none") || g_str_equal(text, "all")) {
        *defects = g_str_equal(text, "all") ? (guint32)DAY_DEFECT_ALL : 0;
        return TRUE;
    }
    for (char **name = names; *name != NULL; name++) {
        int found = named_enum_find(DEFECT_NAMES, "defect", *name, error);

        if (found < 0) {
            return FALSE;
        }
        *defects |= 1u << found;
    }
    return TRUE;
}

void day_settings_init(DaySettings *settings)
{
#define SETTING_DEFAULT(member, value, unit, help) .member = value,
    *settings = (DaySettings){DAY_SETTINGS(SETTING_DEFAULT)};
}

gboolean day_settings_set(DaySettings *settings, const char *name, double value, GError **error)
{
#define SETTING_ENTRY(member, value, unit, help) {#member, unit, &settings->member},
    struct {
        const char *name;
        const char *unit;
        double *place;
    } entries[] = {DAY_SETTINGS(SETTING_ENTRY)};
    g_autoptr(GString) names = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(entries); i++) {
        g_string_append_printf(names, "%s%s", i > 0 ? ", " : "", entries[i].name);
        if (!g_str_equal(entries[i].name, name)) {
            continue;
        }
        if (!isfinite(value) || value < 0 || (g_str_equal(entries[i].unit, "share") && value > 1)) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s is %g; expected a number from 0%s (%s)", name,
                        value, g_str_equal(entries[i].unit, "share") ? " to 1" : " up", entries[i].unit);
            return FALSE;
        }
        *entries[i].place = value;
        return TRUE;
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "there is no setting '%s'; there are %s", name, names->str);
    return FALSE;
}

void day_totals_each(const DayTotals *totals, DayTotalFunc func, gpointer user_data)
{
#define EACH_TOTAL(kind, member, decimals, help) func(#member, decimals, (double)totals->member, help, user_data);
    DAY_TOTALS(EACH_TOTAL)
}
