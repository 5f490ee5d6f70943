/* SPDX-License-Identifier: Apache-2.0
 *
 * From the command line to a DayConfig; see cmd-simulate.h.
 *
 * What holds is looked for in this order: the command line, the scenario, the defaults of the day. */
#include "cli/cmd-simulate.h"

#include "base/error.h"
#include "sim/scenario-loads.h"
#include "sim/scenario-placer.h"

#include <string.h>

#define CLOUDSIM_HOSTS 800u

gboolean simulate_count_parse(const char *option, const char *text, guint64 low, guint64 high, guint64 *value,
                              GError **error)
{
    if (!g_ascii_string_to_unsigned(text, 10, low, high, value, NULL)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                    "--%s: '%s' is not a whole number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, option, text,
                    low, high);
        return FALSE;
    }
    return TRUE;
}

/* "planetlab-20110303.txt" is the workload 20110303. */
static char *workload_name(const char *path)
{
    g_autofree char *base = g_path_get_basename(path);
    const char *from = g_str_has_prefix(base, "planetlab-") ? base + strlen("planetlab-") : base;
    const char *end = strrchr(from, '.');

    return end && end > from ? g_strndup(from, (gsize)(end - from)) : g_strdup(from);
}

static gboolean fill_cloudsim(SimulateSubject *subject, GError **error)
{
    guint64 hosts = CLOUDSIM_HOSTS;

    if (subject->options->hosts &&
        !simulate_count_parse("hosts", subject->options->hosts, 1, SCENARIO_HOSTS_MAX, &hosts, error)) {
        return FALSE;
    }
    subject->hosts = (guint)hosts;
    subject->name = workload_name(subject->path);
    subject->policy = g_strdup(subject->options->policy ?: "lr_mmt_1.2");
    return TRUE;
}

static gboolean fill_scenario(SimulateSubject *subject, GError **error)
{
    g_autoptr(Scenario) scenario = scenario_load(subject->path, error);

    if (!scenario) {
        return FALSE;
    }
    subject->name = g_strdup(scenario->name);
    subject->policy = g_strdup(subject->options->policy ?: scenario->policy.policy);
    subject->seed = scenario->seed;
    return TRUE;
}

SimulateSubject *simulate_subject_new(const CliSimulate *options, const char *path, ScenarioTraces *traces,
                                      GError **error)
{
    g_autoptr(SimulateSubject) subject = g_new0(SimulateSubject, 1);

    subject->options = options;
    subject->traces = traces;
    subject->is_cloudsim = options->cloudsim_path != NULL;
    subject->path = g_strdup(path);
    subject->seed = 1;
    if (!(subject->is_cloudsim ? fill_cloudsim(subject, error) : fill_scenario(subject, error))) {
        return NULL;
    }
    if (options->seed && !simulate_count_parse("seed", options->seed, 0, G_MAXUINT64, &subject->seed, error)) {
        return NULL;
    }
    return g_steal_pointer(&subject);
}

void simulate_subject_free(SimulateSubject *subject)
{
    if (subject) {
        g_free(subject->path);
        g_free(subject->name);
        g_free(subject->policy);
        g_free(subject);
    }
}

static gboolean is_sorted(const Trace *trace)
{
    for (guint i = 1; i < trace->vms; i++) {
        if (strcmp(trace->names[i - 1], trace->names[i]) > 0) {
            return FALSE;
        }
    }
    return TRUE;
}

static gboolean case_of_cloudsim(SimulateCase *one, GError **error)
{
    const SimulateSubject *subject = one->subject;
    ScenarioWorkload workload = {.kind = WORKLOAD_PLANETLAB, .path = subject->path};
    const Trace *trace = scenario_traces_get(subject->traces, &workload, error);

    if (!trace) {
        return FALSE;
    }
    one->fleet = day_fleet_cloudsim(trace, subject->hosts);
    one->order = is_sorted(trace) ? "sorted" : "file";
    day_config_init(&one->config, DAY_MODE_CLOUDSIM, one->fleet);
    return TRUE;
}

static gboolean case_of_scenario(SimulateCase *one, guint64 seed, GError **error)
{
    one->scenario = scenario_load(one->subject->path, error);
    if (!one->scenario) {
        return FALSE;
    }
    scenario_set_seed(one->scenario, seed);
    one->day = scenario_day_new(one->scenario, one->subject->traces, error);
    if (!one->day) {
        return FALSE;
    }
    one->config = one->day->config;
    one->order = "scenario";
    return TRUE;
}

/* Naming defects of CloudSim's experiment asks for the physical mode, which is where they can be chosen. */
static gboolean set_defects(SimulateCase *one, GError **error)
{
    const CliSimulate *options = one->subject->options;

    if (options->mode && !day_mode_parse(options->mode, &one->config.mode, error)) {
        return FALSE;
    }
    if (options->mode) {
        one->config.defects = 0;
    }
    if (!options->defects) {
        return TRUE;
    }
    if (!options->mode && one->subject->is_cloudsim) {
        one->config.mode = DAY_MODE_PHYSICAL;
    }
    if (one->config.mode == DAY_MODE_CLOUDSIM) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE,
                    "--defects: mode cloudsim has all of them; choose with --mode physical");
        return FALSE;
    }
    return day_defects_parse(options->defects, &one->config.defects, error);
}

gboolean simulate_setting_parse(const char *text, DaySettings *settings, GError **error)
{
    const char *equals = strchr(text, '=');
    char *end = NULL;
    double value = equals ? g_ascii_strtod(equals + 1, &end) : 0;

    if (!equals || end == equals + 1 || *end) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "--set: '%s' should be like hold_s=3600", text);
        return FALSE;
    }
    g_autofree char *name = g_strndup(text, (gsize)(equals - text));
    if (!day_settings_set(settings, name, value, error)) {
        g_prefix_error(error, "--set: ");
        return FALSE;
    }
    return TRUE;
}

static gboolean apply_settings(SimulateCase *one, GError **error)
{
    const GPtrArray *settings = one->subject->options->settings;

    for (guint i = 0; settings && i < settings->len; i++) {
        if (!simulate_setting_parse(g_ptr_array_index(settings, i), &one->config.settings, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

static char *defects_text(const DayConfig *config)
{
    guint32 defects = config->mode == DAY_MODE_CLOUDSIM ? (guint32)DAY_DEFECT_ALL : config->defects;
    GString *text = g_string_new(NULL);

    if (defects == 0 || defects == DAY_DEFECT_ALL) {
        g_string_append(text, defects == 0 ? "none" : "all");
    }
    for (guint i = 0; i < DAY_DEFECT_COUNT && defects != DAY_DEFECT_ALL; i++) {
        if (defects & (1u << i)) {
            g_string_append_printf(text, "%s%s", text->len ? "," : "", day_defect_name(i));
        }
    }
    return g_string_free(text, FALSE);
}

static gboolean set_policy(SimulateCase *one, const char *policy, GError **error)
{
    if (!day_policy_parse(policy, &one->config.policy, error)) {
        g_prefix_error(error, "policy: ");
        return FALSE;
    }
    one->policy = day_policy_name(&one->config.policy);
    return TRUE;
}

SimulateCase *simulate_case_new(const SimulateSubject *subject, const char *policy, guint64 seed, GError **error)
{
    g_autoptr(SimulateCase) one = g_new0(SimulateCase, 1);

    one->subject = subject;
    if (!(subject->is_cloudsim ? case_of_cloudsim(one, error) : case_of_scenario(one, seed, error)) ||
        !set_defects(one, error) || !apply_settings(one, error) || !set_policy(one, policy ?: subject->policy, error)) {
        return NULL;
    }
    one->config.seed = seed;
    one->config.keep_migrations = FALSE;
    one->config.keep_events = FALSE;
    one->defects = defects_text(&one->config);
    one->placer = subject->options->placer ?: one->scenario ? one->scenario->policy.placer : SCENARIO_PLACER_POWER;
    return g_steal_pointer(&one);
}

void simulate_case_free(SimulateCase *one)
{
    if (one) {
        scenario_day_free(one->day);
        scenario_free(one->scenario);
        day_fleet_free(one->fleet);
        g_free(one->policy);
        g_free(one->defects);
        g_free(one);
    }
}
