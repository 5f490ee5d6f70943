/* SPDX-License-Identifier: Apache-2.0
 *
 * The inventory of a simulated fleet: its hosts as the operator would have written them down. */
#include "campaign/inventory.h"

static const FleetRuleKind KINDS[] = {
    [RULE_APART] = FLEET_APART, [RULE_TOGETHER] = FLEET_TOGETHER, [RULE_PINNED] = FLEET_PINNED};

static FleetRule *rule_of(const Scenario *scenario, const ScenarioRule *rule)
{
    FleetRule *made = g_new0(FleetRule, 1);

    made->name = g_strdup(rule->name);
    made->kind = KINDS[rule->kind];
    made->vms = g_new0(char *, rule->vms_length + 1);
    for (guint i = 0; i < rule->vms_length; i++) {
        made->vms[i] = scenario_vm_name(scenario, rule->vms[i]);
    }
    return made;
}

Inventory *inventory_of_fleet(const SimFleet *fleet)
{
    Inventory *inventory = inventory_new();
    const Scenario *scenario = fleet->scenario;

    for (guint i = 0; i < fleet->hosts->len; i++) {
        g_ptr_array_add(inventory->hosts, host_config_copy(g_ptr_array_index(fleet->hosts, i)));
    }
    for (guint i = 0; scenario && i < scenario->rules_length; i++) {
        g_ptr_array_add(inventory->rules, rule_of(scenario, &scenario->rules[i]));
    }
    return inventory;
}
