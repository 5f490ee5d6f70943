/* SPDX-License-Identifier: Apache-2.0
 *
 * MoveUnits: the units of place/units.h as the searches of the rivals need them: which unit a VM is in, and where it
 * runs.
 *
 *     g_autoptr(MoveUnits) units = move_units_new(problem, vms, vms_length);
 *     for (guint i = units->first[u]; i < units->first[u + 1]; i++)
 *         units->vm[i]
 *
 * A unit is on one host.  VMs that a rule binds although they run on different hosts are units of their own, and find
 * each other through what place_state_fits allows.  Read only after it was made. */
#pragma once

#include "place/place-units.h"

typedef struct MoveUnits {
    guint length;
    guint *first;   /* [length + 1] rows of 'vm' */
    guint *vm;      /* [vms given] */
    guint *unit_of; /* [vms of the problem] PLACE_NOWHERE: in none */
    guint *home;    /* [length] the host where its VMs run */
} MoveUnits;

/* 'vms' ascending. */
MoveUnits *move_units_new(const PlaceProblem *problem, const guint *vms, guint vms_length);
void move_units_free(MoveUnits *units);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MoveUnits, move_units_free)
