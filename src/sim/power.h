/* SPDX-License-Identifier: Apache-2.0
 *
 * PowerCurve: what a server draws at a given load, as measured by the SPECpower_ssj2008 benchmark at 0, 10, ... 100 per
 * cent; between two of these points the curve is a straight line.
 *
 *     const PowerCurve *curve = power_curve_find("G5", &error);
 *     double watts = power_watts(curve, 0.35);
 *
 * The table is constant data: nothing is owned, any thread may read it. */
#pragma once

#include <glib.h>

#define POWER_POINTS 11

typedef struct PowerCurve {
    const char *id;    /* "G4": what scenarios call it */
    const char *model; /* "HP ProLiant ML110 G4" */
    const char *cpu;
    guint cores;
    double mhz_per_core; /* a MIPS of the simulator is one MHz of one core */
    double ram_gib;
    double watts[POWER_POINTS]; /* at load 0, 0.1, ... 1 */
} PowerCurve;

/* The servers measured, in the order of the table; '*length' items. */
const PowerCurve *power_curves(gsize *length);

/* The curve called 'id'; NULL with an error that lists the ids there are. */
const PowerCurve *power_curve_find(const char *id, GError **error);

/* Watts at 'load' in [0, 1]; a load outside is taken as the nearest end.  A host that is off draws nothing: that is the
 * caller's knowledge, load 0 means idle.  Same operations in the same order as CloudSim 3.0.3, so equal to the bit. */
static inline double power_watts(const PowerCurve *curve, double load)
{
    double at = CLAMP(load, 0.0, 1.0);
    double tenths = at * 10;
    int below = (int)tenths;
    int above = below + (tenths > below);
    double slope = (curve->watts[above] - curve->watts[below]) / 10;

    return curve->watts[below] + slope * (at - (double)below / 10) * 100;
}
