/* SPDX-License-Identifier: Apache-2.0
 *
 * Which VMs leave an overloaded host one after the other; see overload.h. */
#include "place/overload.h"

/* Whether anything that 'host' has too much of would become less. */
static gboolean is_relief(const Rival *rival, guint unit, guint host)
{
    for (guint r = 0; r < RESOURCE_COUNT; r++) {
        if (place_state_utilisation(rival->state, host, (Resource)r) > rival->options->safe_high &&
            rival->unit_demand[RESOURCE_COUNT * unit + r] > 0) {
            return TRUE;
        }
    }
    return FALSE;
}

static gboolean could_leave(Rival *rival, guint unit)
{
    guint home = rival->units->home[unit];
    gboolean is_possible;

    rival_put(rival, unit, PLACE_NOWHERE);
    is_possible = rival_fits_somewhere(rival, unit);
    rival_put(rival, unit, home);
    return is_possible;
}

static guint next_to_leave(Rival *rival, guint host, const gboolean *is_passed)
{
    guint best = PLACE_NOWHERE;

    for (guint i = rival->unit_first[host]; i < rival->unit_first[host + 1]; i++) {
        guint unit = rival->unit_at[i];

        if (rival_where(rival, unit) == host && !is_passed[unit] && is_relief(rival, unit, host) &&
            (best == PLACE_NOWHERE || rival->unit_migration_s[unit] < rival->unit_migration_s[best])) {
            best = unit;
        }
    }
    return best;
}

static void take_from(Rival *rival, guint host, gboolean *is_passed, GArray *leaving)
{
    while (place_state_is_overloaded(rival->state, host)) {
        guint unit = next_to_leave(rival, host, is_passed);

        if (unit == PLACE_NOWHERE) {
            return;
        }
        if (could_leave(rival, unit)) {
            rival_put(rival, unit, PLACE_NOWHERE);
            rival_note(rival, unit, "the least migration time there, %.1f s", rival->unit_migration_s[unit]);
            g_array_append_val(leaving, unit);
        } else {
            is_passed[unit] = TRUE;
        }
    }
}

void overload_take(Rival *rival, GArray *leaving)
{
    g_autofree gboolean *is_passed = g_new0(gboolean, rival->units->length + 1);

    for (guint s = 0; s < rival->sources_length; s++) {
        take_from(rival, rival->sources[s], is_passed, leaving);
    }
}

static int compare_sizes(gconstpointer a, gconstpointer b, gpointer user)
{
    const Rival *rival = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    for (guint r = 0; r < RESOURCE_COUNT; r++) {
        double x = rival->unit_demand[RESOURCE_COUNT * left + r];
        double y = rival->unit_demand[RESOURCE_COUNT * right + r];

        if (x != y) {
            return x > y ? -1 : 1;
        }
    }
    return left < right ? -1 : left > right;
}

/* Brings home those that fit nowhere. */
static void drop_hopeless(Rival *rival, GArray *leaving)
{
    guint kept = 0;

    for (guint i = 0; i < leaving->len; i++) {
        guint unit = g_array_index(leaving, guint, i);

        if (rival_fits_somewhere(rival, unit)) {
            g_array_index(leaving, guint, kept++) = unit;
        } else {
            rival_put(rival, unit, rival->units->home[unit]);
        }
    }
    g_array_set_size(leaving, kept);
}

GArray *overload_leaving(Rival *rival)
{
    GArray *leaving = g_array_new(FALSE, FALSE, sizeof(guint));

    if (rival->task->kind == PLACE_RELIEVE) {
        overload_take(rival, leaving);
    } else {
        for (guint u = 0; u < rival->units->length; u++) {
            rival_put(rival, u, PLACE_NOWHERE);
            g_array_append_val(leaving, u);
        }
        drop_hopeless(rival, leaving);
    }
    g_array_sort_with_data(leaving, compare_sizes, rival);
    return leaving;
}
