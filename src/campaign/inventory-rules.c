/* SPDX-License-Identifier: Apache-2.0
 *
 * What every placement keeps: the groups [rule NAME] of the inventory; see inventory.h.
 *
 * A rule names VMs that may not exist now; those are no mistake, because VMs come and go and the rule stays. */
#include "campaign/inventory.h"
#include "base/error.h"

#include <string.h>

NAMED_ENUM_DEFINE(FleetRuleKind, fleet_rule_kind, FLEET_RULES)

void fleet_rule_free(FleetRule *rule)
{
    if (rule) {
        g_free(rule->name);
        g_strfreev(rule->vms);
        g_free(rule);
    }
}

static gboolean fail(const char *group, GError **error, const char *what)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "[%s] %s", group, what);
    return FALSE;
}

/* The names between commas, each once. */
static char **split_names(const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    g_autoptr(GHashTable) seen = g_hash_table_new(g_str_hash, g_str_equal);

    for (char **part = parts; *part; part++) {
        if (g_strstrip(*part)[0] && g_hash_table_add(seen, *part)) {
            g_strv_builder_add(names, *part);
        }
    }
    return g_strv_builder_end(names);
}

gboolean inventory_read_rule(Inventory *inventory, GKeyFile *file, const char *group, GError **error)
{
    g_auto(GStrv) keys = g_key_file_get_keys(file, group, NULL, NULL);
    FleetRuleKind kind = FLEET_PINNED;
    g_autofree char *name = g_strstrip(g_strdup(group + strlen("rule ")));

    if (!keys || !keys[0] || keys[1] || !fleet_rule_kind_parse(keys[0], &kind, NULL)) {
        return fail(group, error, "needs exactly one of the keys 'apart', 'together' and 'pinned': names of VMs");
    }
    g_autofree char *text = g_key_file_get_string(file, group, keys[0], error);
    g_auto(GStrv) vms = text ? split_names(text) : NULL;

    if (!vms) {
        return FALSE;
    }
    if (g_strv_length(vms) < (kind == FLEET_PINNED ? 1 : 2)) {
        return fail(group, error,
                    kind == FLEET_PINNED ? "pinned: name one VM at least" : "name two VMs at least, with commas between");
    }
    FleetRule *rule = g_new0(FleetRule, 1);

    *rule = (FleetRule){g_steal_pointer(&name), kind, g_steal_pointer(&vms)};
    g_ptr_array_add(inventory->rules, rule);
    return TRUE;
}
