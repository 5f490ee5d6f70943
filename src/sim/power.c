/* SPDX-License-Identifier: Apache-2.0
 *
 * The power curves of seven servers; see power.h.  Published SPECpower_ssj2008 results of 2009 to 2011 (spec.org), in
 * the rounding in which CloudSim carries them; the same numbers are in data/cloudsim/README.md. */
#include "sim/power.h"

#include "base/error.h"

static const PowerCurve CURVES[] = {
    {"G3",
     "HP ProLiant ML110 G3",
     "Pentium D 930",
     2,
     3000,
     4,
     {105, 112, 118, 125, 131, 137, 147, 153, 157, 164, 169}},
    {"G4", "HP ProLiant ML110 G4", "Xeon 3040", 2, 1860, 4, {86, 89.4, 92.6, 96, 99.5, 102, 106, 108, 112, 114, 117}},
    {"G5", "HP ProLiant ML110 G5", "Xeon 3075", 2, 2660, 4, {93.7, 97, 101, 105, 110, 116, 121, 125, 129, 133, 135}},
    {"X3470",
     "IBM System x3250 M3",
     "Xeon X3470",
     4,
     2933,
     8,
     {41.6, 46.7, 52.3, 57.9, 65.4, 73, 80.7, 89.5, 99.6, 105, 113}},
    {"X3480",
     "IBM System x3250 M3",
     "Xeon X3480",
     4,
     3067,
     8,
     {42.3, 46.7, 49.7, 55.4, 61.8, 69.3, 76.1, 87, 96.1, 106, 113}},
    {"X5670",
     "IBM System x3550 M3",
     "2 x Xeon X5670",
     12,
     2933,
     12,
     {66, 107, 120, 131, 143, 156, 173, 191, 211, 229, 247}},
    {"X5675",
     "IBM System x3550 M3",
     "2 x Xeon X5675",
     12,
     3067,
     16,
     {58.4, 98, 109, 118, 128, 140, 153, 170, 189, 205, 222}},
};

const PowerCurve *power_curves(gsize *length)
{
    *length = G_N_ELEMENTS(CURVES);
    return CURVES;
}

const PowerCurve *power_curve_find(const char *id, GError **error)
{
    g_autoptr(GString) ids = g_string_new(NULL);

    for (gsize i = 0; i < G_N_ELEMENTS(CURVES); i++) {
        if (g_str_equal(CURVES[i].id, id)) {
            return &CURVES[i];
        }
        g_string_append_printf(ids, "%s%s", i > 0 ? ", " : "", CURVES[i].id);
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "no server called '%s' has a power curve; there are %s", id,
                ids->str);
    return NULL;
}
