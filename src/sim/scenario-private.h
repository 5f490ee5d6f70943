/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of scenario*.c share: values that are more than one word, and names.  Errors here name neither file
 * nor group nor key; scenario.c puts these before. */
#pragma once

#include "sim/scenario-keys.h"

/* Sets the error and returns FALSE. */
gboolean scenario_wrong(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Fills 'scenario', which has its path only, from 'file'. */
gboolean scenario_read(Scenario *scenario, GKeyFile *file, GError **error);

/* What the records of a rule and a fault say. */
gboolean scenario_rule_fill(const Scenario *scenario, const ScenarioRuleRecord *record, ScenarioRule *rule,
                            GError **error);
gboolean scenario_fault_fill(const Scenario *scenario, const ScenarioFaultRecord *record, ScenarioFault *fault,
                             GError **error);

/* "G4", or 11 numbers: sets power_name or leaves it NULL, and fills power_watts. */
gboolean scenario_power_parse(const char *text, ScenarioHostType *type, GError **error);

/* What a workload says; 'directory' is that of the scenario. */
gboolean scenario_workload_parse(const char *text, const char *directory, ScenarioWorkload *workload, GError **error);
void scenario_workload_clear(ScenarioWorkload *workload);

/* Fills in what 'load' and 'dirty' mean, and the defaults that depend on the memory; checks that all fits. */
gboolean scenario_vm_type_complete(ScenarioVmTypeRecord *record, GError **error);

/* "0.5-0.8". */
gboolean scenario_range_parse(const char *text, double *low, double *high, GError **error);

/* The path that 'name' means in a file of 'directory'. */
char *scenario_path(const char *directory, const char *name);

/* Whether NAME may name a group of hosts or VMs, or a type: letters, digits and . _ - */
gboolean scenario_name_check(const char *name, GError **error);

/* The names between commas, without blanks around them; an error when one is empty. */
char **scenario_list_parse(const char *text, GError **error);

/* Member 'number' of 'group', which is called 'name'; -1 when it has none of that name. */
int scenario_group_find(const ScenarioGroup *group, const char *name);
char *scenario_group_member(const ScenarioGroup *group, guint member);

/* Whether two groups have a member of the same name. */
gboolean scenario_groups_clash(const ScenarioGroup *a, const ScenarioGroup *b);

/* The hosts or VMs (guint) that a list of names and patterns means, as listed; an error names what is not there. */
GArray *scenario_find_hosts(const Scenario *scenario, const char *text, GError **error);
GArray *scenario_find_vms(const Scenario *scenario, const char *text, GError **error);

/* Ascending, and none twice. */
void scenario_indices_sort(GArray *indices);

/* Draws what the seed decides. */
void scenario_draw(Scenario *scenario);
