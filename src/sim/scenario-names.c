/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of hosts and VMs, which are made from those of their groups and never stored; see scenario-private.h.
 *
 * The members of [vms web] are web1, web2, .. without zeros in front.  So a name is looked up by cutting the name of
 * each group off its front, and two groups clash exactly when the first member of one belongs to the other: if "web1"
 * is a group beside "web", the smallest number that both could make is that of its first member, web11. */
#include "sim/scenario-private.h"

#include "base/error.h"
#include "base/indices.h"

#include <string.h>

gboolean scenario_name_check(const char *name, GError **error)
{
    gsize length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");

    if (!name[0] || name[length]) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "'%s' is no name; use letters, digits, and . _ - between them", name);
        return FALSE;
    }
    return TRUE;
}

char *scenario_group_member(const ScenarioGroup *group, guint member)
{
    return group->is_single ? g_strdup(group->name) : g_strdup_printf("%s%u", group->name, member + 1);
}

int scenario_group_find(const ScenarioGroup *group, const char *name)
{
    guint64 number = 0;

    if (group->is_single) {
        return g_str_equal(group->name, name) ? 0 : -1;
    }
    if (!g_str_has_prefix(name, group->name)) {
        return -1;
    }
    const char *digits = name + strlen(group->name);
    if (digits[0] == '0' || !g_ascii_string_to_unsigned(digits, 10, 1, group->count, &number, NULL)) {
        return -1;
    }
    return (int)number - 1;
}

gboolean scenario_groups_clash(const ScenarioGroup *a, const ScenarioGroup *b)
{
    g_autofree char *first_of_a = scenario_group_member(a, 0);
    g_autofree char *first_of_b = scenario_group_member(b, 0);

    return scenario_group_find(a, first_of_b) >= 0 || scenario_group_find(b, first_of_a) >= 0;
}

char *scenario_host_name(const Scenario *scenario, guint host)
{
    const ScenarioGroup *group = &scenario->host_groups[scenario->hosts[host].group];

    return scenario_group_member(group, host - group->first);
}

char *scenario_vm_name(const Scenario *scenario, guint vm)
{
    const ScenarioGroup *group = &scenario->vm_groups[scenario->vms[vm].group].group;

    return scenario_group_member(group, vm - group->first);
}

int scenario_find_host(const Scenario *scenario, const char *name)
{
    for (guint i = 0; i < scenario->host_groups_length; i++) {
        int member = scenario_group_find(&scenario->host_groups[i], name);

        if (member >= 0) {
            return (int)scenario->host_groups[i].first + member;
        }
    }
    return -1;
}

int scenario_find_vm(const Scenario *scenario, const char *name)
{
    for (guint i = 0; i < scenario->vm_groups_length; i++) {
        int member = scenario_group_find(&scenario->vm_groups[i].group, name);

        if (member >= 0) {
            return (int)scenario->vm_groups[i].group.first + member;
        }
    }
    return -1;
}

void scenario_indices_sort(GArray *indices)
{
    guint kept = 0;

    g_array_sort(indices, index_compare);
    for (guint i = 0; i < indices->len; i++) {
        guint index = g_array_index(indices, guint, i);

        if (kept == 0 || g_array_index(indices, guint, kept - 1) != index) {
            g_array_index(indices, guint, kept++) = index;
        }
    }
    g_array_set_size(indices, kept);
}

/* Adds every member whose name fits to 'indices'; the names of hosts and of VMs are made by 'name_of'. */
static void add_matches(const Scenario *scenario, const char *pattern, guint length,
                        char *(*name_of)(const Scenario *, guint), GArray *indices)
{
    g_autoptr(GPatternSpec) spec = g_pattern_spec_new(pattern);

    for (guint i = 0; i < length; i++) {
        g_autofree char *name = name_of(scenario, i);

        if (g_pattern_spec_match_string(spec, name)) {
            g_array_append_val(indices, i);
        }
    }
}

typedef struct Directory {
    const char *what;
    guint length;
    char *(*name_of)(const Scenario *scenario, guint index);
    int (*find)(const Scenario *scenario, const char *name);
} Directory;

static GArray *find_all(const Scenario *scenario, const Directory *directory, const char *text, GError **error)
{
    g_auto(GStrv) names = scenario_list_parse(text, error);
    g_autoptr(GArray) indices = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint i = 0; names && names[i]; i++) {
        guint before = indices->len;
        int found = directory->find(scenario, names[i]);

        if (found >= 0) {
            g_array_append_val(indices, found);
        } else if (strpbrk(names[i], "*?")) {
            add_matches(scenario, names[i], directory->length, directory->name_of, indices);
        }
        if (indices->len == before) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "there is no %s '%s'", directory->what, names[i]);
            return NULL;
        }
    }
    return names ? g_steal_pointer(&indices) : NULL;
}

GArray *scenario_find_hosts(const Scenario *scenario, const char *text, GError **error)
{
    Directory directory = {"host", scenario->hosts_length, scenario_host_name, scenario_find_host};

    return find_all(scenario, &directory, text, error);
}

GArray *scenario_find_vms(const Scenario *scenario, const char *text, GError **error)
{
    Directory directory = {"VM", scenario->vms_length, scenario_vm_name, scenario_find_vm};

    return find_all(scenario, &directory, text, error);
}
