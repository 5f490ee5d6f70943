/* SPDX-License-Identifier: Apache-2.0
 *
 * From a Scenario to a DayConfig; see scenario-day.h. */
#include "sim/scenario-day.h"

#include "base/error.h"
#include "base/units.h"
#include "sim/scenario-loads.h"
#include "sim/scenario-private.h"

#include <string.h>

#define BITS_PER_KBIT 1000.0

static double kbit_of(guint64 bytes_per_s)
{
    return (double)bytes_per_s * 8 / BITS_PER_KBIT;
}

static void fill_host_types(const Scenario *scenario, ScenarioDay *day)
{
    day->powers = g_new0(PowerCurve, scenario->host_types_length);
    day->host_types = g_new0(DayHostType, scenario->host_types_length);
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
                          .cores = type->cores,
                          .mips_per_core = type->mips_per_core,
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

        day->vm_types[i] = (DayVmType){.name = type->name,
                                       .mips = type->vcpus * type->mips_per_vcpu,
                                       .ram_mib = (double)type->memory_bytes / (double)MIB,
                                       .nic_kbit_per_s = kbit_of(type->nic_bytes_per_s)};
    }
    day->vm_type = g_new(guint8, scenario->vms_length);
    for (guint i = 0; i < scenario->vms_length; i++) {
        day->vm_type[i] = (guint8)scenario->vms[i].type;
    }
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
    day_config_init(&day->config, scenario->mode == SCENARIO_CLOUDSIM ? DAY_MODE_CLOUDSIM : DAY_MODE_PHYSICAL,
                    &day->fleet);
    day->config.interval_s = (double)scenario->interval_ns / (double)NS_PER_S;
    day->config.limit_s = (double)scenario->duration_ns / (double)NS_PER_S;
    day->config.settings = scenario->physics;
    day->config.seed = scenario->seed;
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
        g_free(day);
    }
}
