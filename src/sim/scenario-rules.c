/* SPDX-License-Identifier: Apache-2.0
 *
 * Rules and faults of a scenario: what names hosts and VMs; see scenario-private.h. */
#include "sim/scenario-private.h"

#include "base/error.h"
#include "base/units.h"

static guint *sorted_indices(GArray *indices, guint *length)
{
    scenario_indices_sort(indices);
    *length = indices->len;
    return (guint *)(void *)g_array_free(g_array_ref(indices), FALSE);
}

gboolean scenario_rule_fill(const Scenario *scenario, const ScenarioRuleRecord *record, ScenarioRule *rule,
                            GError **error)
{
    g_autoptr(GArray) vms = scenario_find_vms(scenario, record->vms, error);

    if (!vms) {
        g_prefix_error(error, "vms: ");
        return FALSE;
    }
    rule->vms = sorted_indices(vms, &rule->vms_length);
    if ((record->kind == RULE_PINNED) != (record->hosts[0] != '\0')) {
        return scenario_wrong(error, "hosts: %s",
                              record->hosts[0] ? "only a rule 'pinned' names hosts" : "pinned to which?");
    }
    if (record->kind == RULE_PINNED) {
        g_autoptr(GArray) hosts = scenario_find_hosts(scenario, record->hosts, error);

        if (!hosts) {
            g_prefix_error(error, "hosts: ");
            return FALSE;
        }
        rule->hosts = sorted_indices(hosts, &rule->hosts_length);
    } else if (rule->vms_length < 2) {
        return scenario_wrong(error, "vms: one VM alone is %s of what?", scenario_rule_kind_name(record->kind));
    }
    return TRUE;
}

gboolean scenario_fault_fill(const Scenario *scenario, const ScenarioFaultRecord *record, ScenarioFault *fault,
                             GError **error)
{
    gboolean strikes_vm = fault->kind == SCENARIO_FAULT_VM;
    int target = strikes_vm ? scenario_find_vm(scenario, record->target) : scenario_find_host(scenario, record->target);

    if (target < 0) {
        return scenario_wrong(error, "target: there is no %s '%s'", strikes_vm ? "VM" : "host", record->target);
    }
    fault->target = (guint)target;
    fault->until_ns = G_MAXINT64;
    if (record->until[0] && !duration_parse(record->until, &fault->until_ns, error)) {
        g_prefix_error(error, "until: ");
        return FALSE;
    }
    if (fault->until_ns <= fault->at_ns) {
        return scenario_wrong(error, "until: not after 'at'");
    }
    if ((fault->kind == SCENARIO_FAULT_SLOW_LINK) != (fault->rate_bytes_per_s > 0)) {
        return scenario_wrong(error, "rate: %s",
                              fault->rate_bytes_per_s > 0 ? "only a slow-link has one" : "how slow?");
    }
    return TRUE;
}
