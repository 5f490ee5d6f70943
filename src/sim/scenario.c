/* SPDX-License-Identifier: Apache-2.0
 *
 * A scenario as a whole: loading it, its seed, and its end; see scenario.h.  The groups are read in scenario-read.c. */
#include "sim/scenario-private.h"

#include "base/error.h"

#include <string.h>

NAMED_ENUM_DEFINE(ScenarioMode, scenario_mode, SCENARIO_MODES)
NAMED_ENUM_DEFINE(ScenarioPlacement, scenario_placement, SCENARIO_PLACEMENTS)
NAMED_ENUM_DEFINE(ScenarioRuleKind, scenario_rule_kind, SCENARIO_RULES)
NAMED_ENUM_DEFINE(ScenarioFaultKind, scenario_fault_kind, SCENARIO_FAULTS)

gboolean scenario_wrong(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *message = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error_literal(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, message);
    return FALSE;
}

/* GKeyFile joins groups of the same name and takes the last of equal keys; here both are mistakes. */
static gboolean check_doubles(const char *text, GError **error)
{
    g_autoptr(GHashTable) seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    g_autofree char *group = g_strdup("");

    for (guint i = 0; lines[i]; i++) {
        char *line = g_strstrip(lines[i]);
        char *equals = strchr(line, '=');

        if (line[0] == '[') {
            g_free(group);
            group = g_strdup(line);
            if (!g_hash_table_add(seen, g_strdup(line))) {
                return scenario_wrong(error, "line %u: %s is there twice", i + 1, line);
            }
        } else if (line[0] != '#' && equals) {
            *equals = '\0';
            if (!g_hash_table_add(seen, g_strdup_printf("%s %s", group, g_strchomp(line)))) {
                return scenario_wrong(error, "line %u: %s %s is there twice", i + 1, group, line);
            }
        }
    }
    return TRUE;
}

Scenario *scenario_parse(const char *text, const char *path, GError **error)
{
    g_autoptr(Scenario) scenario = g_new0(Scenario, 1);
    g_autoptr(GKeyFile) file = g_key_file_new();
    g_autoptr(GError) cause = NULL;

    scenario->path = g_strdup(path);
    if (!check_doubles(text, &cause) || !g_key_file_load_from_data(file, text, (gsize)-1, 0, &cause) ||
        !scenario_read(scenario, file, &cause)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "scenario %s: %s", path, cause->message);
        return NULL;
    }
    scenario_draw(scenario);
    return g_steal_pointer(&scenario);
}

Scenario *scenario_load(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) cause = NULL;

    if (!g_file_get_contents(path, &text, NULL, &cause)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "scenario %s: %s", path, cause->message);
        return NULL;
    }
    return scenario_parse(text, path, error);
}

void scenario_draw(Scenario *scenario)
{
    Rng rng = rng_stream(scenario->seed, SCENARIO_STREAM_DIRTY);

    for (guint i = 0; i < scenario->vms_length; i++) {
        const ScenarioVmType *type = &scenario->vm_types[scenario->vms[i].type];

        scenario->vms[i].dirty_bytes_per_s = type->dirty_bytes_per_s[rng_below(&rng, type->dirty_length)];
    }
}

void scenario_set_seed(Scenario *scenario, guint64 seed)
{
    scenario->seed = seed;
    scenario_draw(scenario);
}

static void free_types(Scenario *scenario)
{
    for (guint i = 0; i < scenario->host_types_length; i++) {
        g_free(scenario->host_types[i].name);
        g_free(scenario->host_types[i].power_name);
    }
    for (guint i = 0; i < scenario->vm_types_length; i++) {
        g_free(scenario->vm_types[i].name);
        g_free(scenario->vm_types[i].dirty_bytes_per_s);
    }
    g_free(scenario->host_types);
    g_free(scenario->vm_types);
}

static void free_groups(Scenario *scenario)
{
    for (guint i = 0; i < scenario->host_groups_length; i++) {
        g_free(scenario->host_groups[i].name);
    }
    for (guint i = 0; i < scenario->vm_groups_length; i++) {
        g_free(scenario->vm_groups[i].group.name);
        scenario_workload_clear(&scenario->vm_groups[i].workload);
    }
    g_free(scenario->host_groups);
    g_free(scenario->vm_groups);
    g_free(scenario->hosts);
    g_free(scenario->vms);
}

void scenario_free(Scenario *scenario)
{
    if (!scenario) {
        return;
    }
    free_types(scenario);
    free_groups(scenario);
    for (guint i = 0; i < scenario->rules_length; i++) {
        g_free(scenario->rules[i].name);
        g_free(scenario->rules[i].vms);
        g_free(scenario->rules[i].hosts);
    }
    for (guint i = 0; i < scenario->faults_length; i++) {
        g_free(scenario->faults[i].name);
    }
    g_free(scenario->rules);
    g_free(scenario->faults);
    g_free(scenario->topology.path);
    g_free(scenario->traffic_path);
    g_free(scenario->policy.policy);
    g_free(scenario->policy.placer);
    g_free(scenario->policy.defects);
    g_free(scenario->path);
    g_free(scenario->name);
    g_free(scenario->description);
    g_free(scenario);
}
