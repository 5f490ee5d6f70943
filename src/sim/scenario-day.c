/* SPDX-License-Identifier: Apache-2.0
 *
 * From a Scenario to a DayConfig; see scenario-day.h. */
#include "sim/scenario-day.h"

#include "base/error.h"
#include "base/units.h"
#include "sim/fleet-private.h"
#include "sim/scenario-loads.h"
#include "sim/scenario-private.h"

#include <string.h>

#define BITS_PER_KBIT 1000.0

static double kbit_of(guint64 bytes_per_s)
{
    return (double)bytes_per_s * 8 / BITS_PER_KBIT;
}

/* A VM of a day has one CPU, which must fit into one core of its host. */
static gboolean has_wide_vms(const Scenario *scenario)
{
    for (guint i = 0; i < scenario->vm_types_length; i++) {
        if (scenario->vm_types[i].vcpus > 1) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Where VMs have several vCPUs, a VM is one CPU as fast as all of them, and a host one core as fast as all of its. */
static void fill_host_types(const Scenario *scenario, ScenarioDay *day)
{
    day->powers = g_new0(PowerCurve, scenario->host_types_length);
    day->host_types = g_new0(DayHostType, scenario->host_types_length);
    gboolean are_merged = has_wide_vms(scenario);

    for (guint i = 0; i < scenario->host_types_length; i++) {
        const ScenarioHostType *type = &scenario->host_types[i];
        guint64 nic = type->nic_bytes_per_s ?: scenario->topology.host_link_bytes_per_s;

        day->powers[i] = (PowerCurve){.id = type->name,
                                      .model = type->power_name ?: "",
                                      .cpu = "",
                                      .cores = type->cores,
                                      .mhz_per_core = type->mips_per_core,
                                      .ram_gib = (double)type->memory_bytes / (double)GIB};
        memcpy(day->powers[i].watts, type->power_watts, sizeof day->powers[i].watts);
        day->host_types[i] =
            (DayHostType){.name = type->name,
                          .cores = are_merged ? 1 : type->cores,
                          .mips_per_core = type->mips_per_core * (are_merged ? type->cores : 1),
                          .ram_mib = (double)(type->memory_bytes - type->keep_free_bytes) / (double)MIB,
                          .nic_kbit_per_s = kbit_of(nic),
                          .power = &day->powers[i]};
    }
    day->host_type = g_new(guint8, scenario->hosts_length);
    for (guint i = 0; i < scenario->hosts_length; i++) {
        day->host_type[i] = (guint8)scenario->hosts[i].type;
    }
}

static void fill_vm_types(const Scenario *scenario, ScenarioDay *day)
{
    day->vm_types = g_new0(DayVmType, scenario->vm_types_length);
    for (guint i = 0; i < scenario->vm_types_length; i++) {
        const ScenarioVmType *type = &scenario->vm_types[i];

        day->vm_types[i] =
            (DayVmType){.name = type->name,
                        .mips = type->vcpus * type->mips_per_vcpu,
                        .ram_mib = (double)type->memory_bytes / (double)MIB,
                        .nic_kbit_per_s = kbit_of(type->nic_bytes_per_s),
                        .working_set_mib = type->has_working_set ? (double)type->working_set_bytes / (double)MIB : 0};
    }
    day->vm_type = g_new(guint8, scenario->vms_length);
    for (guint i = 0; i < scenario->vms_length; i++) {
        day->vm_type[i] = (guint8)scenario->vms[i].type;
    }
}

static double mean_share(const Trace *trace, guint row)
{
    double sum = 0;

    for (guint i = 0; i < trace->samples; i++) {
        sum += trace_share(trace, row, i);
    }
    return sum / trace->samples;
}

/* A VM writes as its type says at its mean CPU use, and faster or slower in proportion, as in a simulated fleet; a day
 * wants the rate at full use. */
static void fill_dirty(const Scenario *scenario, ScenarioDay *day)
{
    g_autofree double *means = g_new(double, day->fleet.trace->vms);

    for (guint row = 0; row < day->fleet.trace->vms; row++) {
        means[row] = mean_share(day->fleet.trace, row);
    }
    day->vm_dirty_mib_per_s = g_new(float, scenario->vms_length);
    for (guint i = 0; i < scenario->vms_length; i++) {
        double mean = means[day->vm_row[i]];
        double dirty = (double)scenario->vms[i].dirty_bytes_per_s / (double)MIB;
        gboolean is_told = scenario->vm_types[scenario->vms[i].type].has_dirty;

        day->vm_dirty_mib_per_s[i] = !is_told ? -1.0F : mean > 0 ? (float)(dirty / mean) : 0.0F;
    }
    day->fleet.vm_dirty_mib_per_s = day->vm_dirty_mib_per_s;
}

static gboolean fill_policy(const Scenario *scenario, DayConfig *config, GError **error)
{
    if (!day_policy_parse(scenario->policy.policy, &config->policy, error)) {
        g_prefix_error(error, "[policy] policy: ");
        return FALSE;
    }
    if (scenario->mode == SCENARIO_CLOUDSIM || !scenario->policy.defects[0]) {
        return TRUE;
    }
    if (!day_defects_parse(scenario->policy.defects, &config->defects, error)) {
        g_prefix_error(error, "[policy] defects: ");
        return FALSE;
    }
    return TRUE;
}

/* Only when all VMs are left to the policy does the day place them itself. */
static gboolean fill_initial(const Scenario *scenario, ScenarioDay *day, GError **error)
{
    gboolean is_free = TRUE;

    for (guint i = 0; i < scenario->vm_groups_length; i++) {
        is_free = is_free && scenario->vm_groups[i].placement == PLACEMENT_POWER;
    }
    if (!is_free) {
        day->initial = fleet_place(scenario, error);
        day->config.initial = day->initial;
    }
    return is_free || day->initial != NULL;
}

/* What the day does not play must not be passed over in silence. */
static gboolean check_playable(const Scenario *scenario, GError **error)
{
    if (scenario->host_types_length > G_MAXUINT8 || scenario->vm_types_length > G_MAXUINT8) {
        return scenario_wrong(error, "more than %u types of %s", G_MAXUINT8,
                              scenario->host_types_length > G_MAXUINT8 ? "hosts" : "VMs");
    }
    if (scenario->faults_length > 0) {
        return scenario_wrong(error,
                              "[fault %s]: a day has no faults; take them out, or play the scenario with --fleet",
                              scenario->faults[0].name);
    }
    if (scenario->rules_length > 0) {
        return scenario_wrong(error,
                              "[rule %s]: a day keeps no rules; take them out, or play the scenario with --fleet",
                              scenario->rules[0].name);
    }
    return TRUE;
}

ScenarioDay *scenario_day_new(const Scenario *scenario, ScenarioTraces *traces, GError **error)
{
    g_autoptr(ScenarioDay) day = g_new0(ScenarioDay, 1);
    g_autoptr(GError) cause = NULL;

    if (!check_playable(scenario, &cause) || !scenario_loads_fill(scenario, traces, day, &cause)) {
        g_set_error(error, cause->domain, cause->code, "scenario %s: %s", scenario->path, cause->message);
        return NULL;
    }
    fill_host_types(scenario, day);
    fill_vm_types(scenario, day);
    day->fleet.host_types = day->host_types;
    day->fleet.n_host_types = scenario->host_types_length;
    day->fleet.hosts = scenario->hosts_length;
    day->fleet.host_type = day->host_type;
    day->fleet.vm_types = day->vm_types;
    day->fleet.n_vm_types = scenario->vm_types_length;
    day->fleet.vms = scenario->vms_length;
    day->fleet.vm_type = day->vm_type;
    day->fleet.vm_row = day->vm_row;
    fill_dirty(scenario, day);
    day_config_init(&day->config, scenario->mode == SCENARIO_CLOUDSIM ? DAY_MODE_CLOUDSIM : DAY_MODE_PHYSICAL,
                    &day->fleet);
    day->config.interval_s = (double)scenario->interval_ns / (double)NS_PER_S;
    day->config.limit_s = (double)scenario->duration_ns / (double)NS_PER_S;
    day->config.settings = scenario->physics;
    day->config.seed = scenario->seed;
    if (!fill_initial(scenario, day, error)) {
        return NULL;
    }
    if (!fill_policy(scenario, &day->config, &cause)) {
        g_set_error(error, cause->domain, cause->code, "scenario %s: %s", scenario->path, cause->message);
        return NULL;
    }
    return g_steal_pointer(&day);
}

void scenario_day_free(ScenarioDay *day)
{
    if (day) {
        trace_free(day->own_trace);
        g_free(day->initial);
        g_free(day->powers);
        g_free(day->host_types);
        g_free(day->vm_types);
        g_free(day->host_type);
        g_free(day->vm_type);
        g_free(day->vm_row);
        g_free(day->vm_dirty_mib_per_s);
        g_free(day);
    }
}
