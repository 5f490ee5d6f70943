/* SPDX-License-Identifier: Apache-2.0
 *
 * VMs that can only move as one; see move-units.h. */
#include "place/move-units.h"

/* The unit for VMs that run on 'home' among those made since 'begin', or a new one. */
static guint unit_on(MoveUnits *units, guint begin, guint home)
{
    for (guint u = begin; u < units->length; u++) {
        if (units->home[u] == home) {
            return u;
        }
    }
    units->home[units->length] = home;
    return units->length++;
}

/* Sorts the VMs into the rows of their units. */
static void fill_rows(MoveUnits *units, const guint *vms, guint vms_length)
{
    g_autofree guint *filled = g_new0(guint, units->length + 1);

    for (guint i = 0; i < vms_length; i++) {
        units->first[units->unit_of[vms[i]] + 1]++;
    }
    for (guint u = 0; u < units->length; u++) {
        units->first[u + 1] += units->first[u];
    }
    for (guint i = 0; i < vms_length; i++) {
        guint unit = units->unit_of[vms[i]];

        units->vm[units->first[unit] + filled[unit]++] = vms[i];
    }
}

MoveUnits *move_units_new(const PlaceProblem *problem, const guint *vms, guint vms_length)
{
    MoveUnits *units = g_new0(MoveUnits, 1);
    g_autoptr(PlaceUnits) bound = place_units_new(problem, vms, vms_length);

    units->first = g_new0(guint, vms_length + 1);
    units->vm = g_new(guint, vms_length + 1);
    units->home = g_new(guint, vms_length + 1);
    units->unit_of = g_new(guint, problem->vms_length + 1);
    for (guint v = 0; v < problem->vms_length; v++) {
        units->unit_of[v] = PLACE_NOWHERE;
    }
    for (guint b = 0; b < bound->length; b++) {
        guint begin = units->length;

        for (guint i = bound->first[b]; i < bound->first[b + 1]; i++) {
            units->unit_of[bound->vms[i]] = unit_on(units, begin, problem->vms[bound->vms[i]].host);
        }
    }
    fill_rows(units, vms, vms_length);
    return units;
}

void move_units_free(MoveUnits *units)
{
    if (!units) {
        return;
    }
    g_free(units->first);
    g_free(units->vm);
    g_free(units->unit_of);
    g_free(units->home);
    g_free(units);
}
