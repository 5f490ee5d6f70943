/* SPDX-License-Identifier: Apache-2.0
 *
 * VMs that move as one; see units.h. */
#include "place/place-units.h"

static guint find_root(guint *parent, guint v)
{
    while (parent[v] != v) {
        parent[v] = parent[parent[v]];
        v = parent[v];
    }
    return v;
}

static void join(guint *parent, guint a, guint b)
{
    guint root_a = find_root(parent, a);
    guint root_b = find_root(parent, b);

    parent[MAX(root_a, root_b)] = MIN(root_a, root_b); /* the root is the first VM of its unit */
}

/* [vms of the problem]: the index in 'vms', or PLACE_NOWHERE. */
static guint *index_of(const PlaceProblem *problem, const guint *vms, guint vms_length)
{
    guint *index = g_new(guint, problem->vms_length + 1);

    for (guint v = 0; v < problem->vms_length; v++) {
        index[v] = PLACE_NOWHERE;
    }
    for (guint i = 0; i < vms_length; i++) {
        index[vms[i]] = i;
    }
    return index;
}

static void join_by_rules(const PlaceProblem *problem, const guint *index, guint *parent)
{
    for (guint r = 0; r < problem->rules_length; r++) {
        const PlaceRule *rule = &problem->rules[r];
        guint first = PLACE_NOWHERE;

        for (guint i = 0; rule->kind == PLACE_RULE_TOGETHER && i < rule->vms_length; i++) {
            guint here = index[rule->vms[i]];

            if (here != PLACE_NOWHERE && first != PLACE_NOWHERE) {
                join(parent, first, here);
            }
            first = first == PLACE_NOWHERE ? here : first;
        }
    }
}

PlaceUnits *place_units_new(const PlaceProblem *problem, const guint *vms, guint vms_length)
{
    PlaceUnits *units = g_new0(PlaceUnits, 1);
    g_autofree guint *index = index_of(problem, vms, vms_length);
    g_autofree guint *parent = g_new(guint, vms_length + 1);
    g_autofree guint *unit_of = g_new(guint, vms_length + 1); /* of a root */
    g_autofree guint *filled = g_new0(guint, vms_length + 1);

    units->first = g_new0(guint, vms_length + 2);
    units->vms = g_new(guint, vms_length + 1);
    for (guint i = 0; i < vms_length; i++) {
        parent[i] = i;
    }
    join_by_rules(problem, index, parent);
    for (guint i = 0; i < vms_length; i++) {
        guint root = find_root(parent, i);

        if (root == i) {
            unit_of[i] = units->length++;
        }
        units->first[unit_of[root] + 1]++;
    }
    for (guint u = 0; u < units->length; u++) {
        units->first[u + 1] += units->first[u];
    }
    for (guint i = 0; i < vms_length; i++) {
        guint unit = unit_of[find_root(parent, i)];

        units->vms[units->first[unit] + filled[unit]++] = vms[i];
    }
    return units;
}

void place_units_free(PlaceUnits *units)
{
    if (!units) {
        return;
    }
    g_free(units->first);
    g_free(units->vms);
    g_free(units);
}

double place_unit_size(const PlaceUnits *units, const PlaceProblem *problem, guint unit, Resource resource,
                       gboolean is_demand)
{
    double sum = 0;

    for (guint i = units->first[unit]; i < units->first[unit + 1]; i++) {
        const PlaceVm *vm = &problem->vms[units->vms[i]];

        sum += is_demand ? vm->demand[resource] : vm->reserved[resource];
    }
    return sum;
}
