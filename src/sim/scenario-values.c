/* SPDX-License-Identifier: Apache-2.0
 *
 * Values of a scenario that are more than one word: workloads, power curves, loads; see scenario-private.h. */
#include "sim/scenario-private.h"

#include "base/error.h"
#include "base/units.h"
#include "sim/power.h"

#include <math.h>
#include <string.h>

#define PAPER_LOOP_BYTES_PER_S GIB /* a loop over some MiB runs at the speed of memory: all of it within a scan */

NAMED_ENUM_DEFINE(ScenarioWorkloadKind, scenario_workload_kind, SCENARIO_WORKLOADS)

char *scenario_path(const char *directory, const char *name)
{
    return g_path_is_absolute(name) ? g_strdup(name) : g_build_filename(directory, name, NULL);
}

char **scenario_list_parse(const char *text, GError **error)
{
    g_auto(GStrv) names = g_strsplit(text, ",", -1);

    for (guint i = 0; names[i]; i++) {
        g_strstrip(names[i]);
        if (!names[i][0]) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is no list of names: one is empty", text);
            return NULL;
        }
    }
    if (!names[0]) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "there is no name");
        return NULL;
    }
    return g_steal_pointer(&names);
}

/* The words of 'text', blanks between them; the caller frees. */
static char **words_of(const char *text)
{
    g_auto(GStrv) all = g_strsplit_set(text, " \t", -1);
    GStrvBuilder *builder = g_strv_builder_new();

    for (guint i = 0; all[i]; i++) {
        if (all[i][0]) {
            g_strv_builder_add(builder, all[i]);
        }
    }
    char **words = g_strv_builder_end(builder);
    g_strv_builder_unref(builder);
    return words;
}

static gboolean watts_parse(char **words, ScenarioHostType *type, GError **error)
{
    for (guint i = 0; i < SCENARIO_POWER_POINTS; i++) {
        char *end = NULL;

        type->power_watts[i] = g_ascii_strtod(words[i], &end);
        if (end == words[i] || *end || !isfinite(type->power_watts[i]) || type->power_watts[i] < 0) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is no number of watts", words[i]);
            return FALSE;
        }
        if (i > 0 && type->power_watts[i] < type->power_watts[i - 1]) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "power falls from %s to %s W with more load",
                        words[i - 1], words[i]);
            return FALSE;
        }
    }
    return TRUE;
}

gboolean scenario_power_parse(const char *text, ScenarioHostType *type, GError **error)
{
    g_auto(GStrv) words = words_of(text);
    guint length = g_strv_length(words);

    if (length == SCENARIO_POWER_POINTS) {
        return watts_parse(words, type, error);
    }
    if (length != 1) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "'%s' is neither a server of SPECpower nor %u numbers of watts", text, SCENARIO_POWER_POINTS);
        return FALSE;
    }
    const PowerCurve *curve = power_curve_find(words[0], error);
    if (!curve) {
        return FALSE;
    }
    type->power_name = g_strdup(words[0]);
    memcpy(type->power_watts, curve->watts, sizeof type->power_watts);
    return TRUE;
}

static gboolean wrong_workload(const char *text, const char *wanted, GError **error)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' should be like '%s'", text, wanted);
    return FALSE;
}

static gboolean step_parse(const char *text, ScenarioStep *step, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ":", 2);

    if (g_strv_length(parts) != 2) {
        return wrong_workload(text, "2h:80%", error);
    }
    return duration_parse(g_strstrip(parts[0]), &step->at_ns, error) &&
           scenario_share_parse(g_strstrip(parts[1]), &step->share, error);
}

static gboolean steps_parse(const char *text, ScenarioWorkload *workload, GError **error)
{
    g_auto(GStrv) parts = scenario_list_parse(text, error);

    if (!parts) {
        return FALSE;
    }
    workload->steps_length = g_strv_length(parts);
    workload->steps = g_new0(ScenarioStep, workload->steps_length);
    for (guint i = 0; i < workload->steps_length; i++) {
        if (!step_parse(parts[i], &workload->steps[i], error)) {
            return FALSE;
        }
        if (i > 0 && workload->steps[i].at_ns <= workload->steps[i - 1].at_ns) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "step '%s' is not after the one before it", parts[i]);
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean sine_parse(char **words, ScenarioWorkload *workload, GError **error)
{
    if (!scenario_share_parse(words[1], &workload->mean_share, error) ||
        !scenario_share_parse(words[2], &workload->amplitude_share, error) ||
        !duration_parse(words[3], &workload->period_ns, error)) {
        return FALSE;
    }
    if (workload->period_ns == 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "a period of 0");
        return FALSE;
    }
    return TRUE;
}

static gboolean trace_path_parse(const char *name, const char *directory, ScenarioWorkload *workload, GError **error)
{
    workload->path = scenario_path(directory, name);
    if (!g_file_test(workload->path, G_FILE_TEST_IS_REGULAR)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "there is no file %s", workload->path);
        return FALSE;
    }
    return TRUE;
}

gboolean scenario_workload_parse(const char *text, const char *directory, ScenarioWorkload *workload, GError **error)
{
    g_auto(GStrv) words = words_of(text);
    guint length = g_strv_length(words);

    if (length == 0) {
        return wrong_workload(text, "constant 50%", error);
    }
    if (!scenario_workload_kind_parse(words[0], &workload->kind, error)) {
        return FALSE;
    }
    switch (workload->kind) {
    case WORKLOAD_CONSTANT:
        return length == 2 ? scenario_share_parse(words[1], &workload->mean_share, error)
                           : wrong_workload(text, "constant 50%", error);
    case WORKLOAD_SINE:
        return length == 4 ? sine_parse(words, workload, error) : wrong_workload(text, "sine 40% 30% 24h", error);
    case WORKLOAD_STEPS:
        return length >= 2 ? steps_parse(strstr(text, words[0]) + strlen(words[0]), workload, error)
                           : wrong_workload(text, "steps 0:10%, 2h:80%", error);
    case WORKLOAD_PLANETLAB:
    case WORKLOAD_BITBRAINS:
        return length == 2 ? trace_path_parse(words[1], directory, workload, error)
                           : wrong_workload(text, "planetlab FILE", error);
    }
    g_assert_not_reached();
}

void scenario_workload_clear(ScenarioWorkload *workload)
{
    g_clear_pointer(&workload->path, g_free);
    g_clear_pointer(&workload->steps, g_free);
}

/* The four loads of seed 000 section 4.1: a loop over an area that is read, written, or both. */
static const struct {
    const char *name;
    guint64 area_bytes;
    double written_share;
} PAPER_LOADS[] = {
    {"none", 0, 0},
    {"read", 8 * MIB, 0},
    {"write", 8 * MIB, 1},
    {"mixed", 2 * MIB, 0.5},
    {"mostly-write", 2 * MIB, 0.75},
};

static gboolean load_apply(const char *name, ScenarioVmType *type, guint64 *dirty_bytes_per_s, GError **error)
{
    for (gsize i = 0; i < G_N_ELEMENTS(PAPER_LOADS); i++) {
        guint64 area_bytes = PAPER_LOADS[i].area_bytes;
        double written_share = PAPER_LOADS[i].written_share;

        if (!g_str_equal(PAPER_LOADS[i].name, name)) {
            continue;
        }
        *dirty_bytes_per_s = area_bytes ? (guint64)(written_share * (double)PAPER_LOOP_BYTES_PER_S) : 0;
        type->working_set_bytes = type->working_set_bytes ?: (guint64)(written_share * (double)area_bytes);
        type->read_set_bytes = type->read_set_bytes ?: (guint64)((1 - written_share) * (double)area_bytes);
        if (area_bytes && type->read_bytes_per_s == 0) {
            type->read_bytes_per_s = (guint64)((1 - written_share) * (double)PAPER_LOOP_BYTES_PER_S);
        }
        return TRUE;
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                "load: '%s' is none of the loads: none, read, write, mixed, mostly-write", name);
    return FALSE;
}

static gboolean dirty_parse(const char *text, ScenarioVmType *type, GError **error)
{
    g_auto(GStrv) rates = scenario_list_parse(text, error);

    if (!rates) {
        return FALSE;
    }
    type->dirty_length = g_strv_length(rates);
    g_free(type->dirty_bytes_per_s);
    type->dirty_bytes_per_s = g_new0(guint64, type->dirty_length);
    for (guint i = 0; i < type->dirty_length; i++) {
        if (!rate_parse(rates[i], &type->dirty_bytes_per_s[i], error)) {
            return FALSE;
        }
    }
    return TRUE;
}

gboolean scenario_vm_type_complete(ScenarioVmTypeRecord *record, GError **error)
{
    ScenarioVmType *type = &record->type;

    type->has_dirty = record->dirty[0] || !g_str_equal(record->load, "none");
    type->has_working_set = type->working_set_bytes > 0 || !g_str_equal(record->load, "none");
    type->dirty_length = 1;
    type->dirty_bytes_per_s = g_new0(guint64, 1);
    if (!load_apply(record->load, type, type->dirty_bytes_per_s, error)) {
        return FALSE;
    }
    if (record->dirty[0] && !dirty_parse(record->dirty, type, error)) {
        g_prefix_error(error, "dirty: ");
        return FALSE;
    }
    type->working_set_bytes = type->working_set_bytes ?: type->memory_bytes / 4;
    type->read_set_bytes = type->read_set_bytes ?: type->memory_bytes / 4;
    if (type->memory_bytes == 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "memory: a VM without memory is none");
        return FALSE;
    }
    if (type->working_set_bytes > type->memory_bytes || type->read_set_bytes > type->memory_bytes) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: more than the memory",
                    type->working_set_bytes > type->memory_bytes ? "working_set" : "read_set");
        return FALSE;
    }
    return TRUE;
}

gboolean scenario_range_parse(const char *text, double *low, double *high, GError **error)
{
    g_auto(GStrv) ends = g_strsplit(text, "-", 2);

    if (g_strv_length(ends) != 2) {
        return wrong_workload(text, "0.5-0.8", error);
    }
    if (!scenario_share_parse(g_strstrip(ends[0]), low, error) ||
        !scenario_share_parse(g_strstrip(ends[1]), high, error)) {
        return FALSE;
    }
    if (*low >= *high) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' begins above its end", text);
        return FALSE;
    }
    return TRUE;
}
