/* SPDX-License-Identifier: Apache-2.0
 *
 * Sercon: server consolidation with few migrations (Murtazaev and Oh 2011).
 *
 * Hosts and VMs are sorted by one score, CPU and memory together.  The least loaded host gives all its VMs, largest
 * first, to the most loaded others that have room; if one VM finds none, all stay and the host is not tried again.
 * What counts is released hosts per migration, so a host is given up at the first VM that does not fit, and a host that
 * took VMs is never emptied afterwards: no VM moves twice.
 *
 * RELIEVE and EVACUATE use the same rule for destinations, the most loaded that has room, for the VMs that leave by
 * least migration time or must leave; there each VM that finds room goes, whatever becomes of the others. */
#include "place/overload.h"

typedef struct Sercon {
    Rival *rival;
    double *score;      /* [hosts] sum of both utilisations, kept up to date */
    guint *order;       /* [destinations] by decreasing score */
    guint *position_of; /* [hosts] in 'order'; PLACE_NOWHERE: no destination */
    gboolean *is_tried; /* [hosts] */
} Sercon;

static double score_of(const Rival *rival, guint host)
{
    return place_state_utilisation(rival->state, host, RESOURCE_CPU) +
           place_state_utilisation(rival->state, host, RESOURCE_MEMORY);
}

static gboolean is_before(const Sercon *sercon, guint a, guint b)
{
    return sercon->score[a] != sercon->score[b] ? sercon->score[a] > sercon->score[b] : a < b;
}

/* Moves 'host', whose load has changed, to its place in the order. */
static void reorder(Sercon *sercon, guint host)
{
    guint length = sercon->rival->destinations_length;
    guint i = sercon->position_of[host];

    sercon->score[host] = score_of(sercon->rival, host);
    if (i == PLACE_NOWHERE) {
        return;
    }
    for (; i > 0 && is_before(sercon, host, sercon->order[i - 1]); i--) {
        sercon->order[i] = sercon->order[i - 1];
        sercon->position_of[sercon->order[i]] = i;
    }
    for (; i + 1 < length && is_before(sercon, sercon->order[i + 1], host); i++) {
        sercon->order[i] = sercon->order[i + 1];
        sercon->position_of[sercon->order[i]] = i;
    }
    sercon->order[i] = host;
    sercon->position_of[host] = i;
}

static int compare_hosts(gconstpointer a, gconstpointer b, gpointer user)
{
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    return left == right ? 0 : is_before(user, left, right) ? -1 : 1;
}

static void sercon_init(Sercon *sercon, Rival *rival)
{
    guint hosts = rival->problem->hosts_length;

    sercon->rival = rival;
    sercon->score = g_new(double, hosts + 1);
    sercon->position_of = g_new(guint, hosts + 1);
    sercon->is_tried = g_new0(gboolean, hosts + 1);
    sercon->order = g_memdup2(rival->destinations, sizeof(guint) * (rival->destinations_length + 1));
    for (guint h = 0; h < hosts; h++) {
        sercon->score[h] = score_of(rival, h);
        sercon->position_of[h] = PLACE_NOWHERE;
    }
    g_qsort_with_data(sercon->order, (int)rival->destinations_length, sizeof(guint), compare_hosts, sercon);
    for (guint i = 0; i < rival->destinations_length; i++) {
        sercon->position_of[sercon->order[i]] = i;
    }
}

static void sercon_clear(Sercon *sercon)
{
    g_free(sercon->score);
    g_free(sercon->position_of);
    g_free(sercon->is_tried);
    g_free(sercon->order);
}

static void put(Sercon *sercon, guint unit, guint host)
{
    guint before = rival_where(sercon->rival, unit);

    rival_put(sercon->rival, unit, host);
    if (before != PLACE_NOWHERE) {
        reorder(sercon, before);
    }
    reorder(sercon, host);
}

/* To the most loaded host that has room; when consolidating an empty host is none. */
static gboolean place_unit(Sercon *sercon, guint unit)
{
    Rival *rival = sercon->rival;
    guint here = rival_where(rival, unit);

    for (guint i = 0; i < rival->destinations_length; i++) {
        guint host = sercon->order[i];
        gboolean is_useless = rival->task->kind == PLACE_CONSOLIDATE && rival_is_off(rival, host);

        if (host != here && !is_useless && rival_fits(rival, unit, host)) {
            rival_note(rival, unit, "the most loaded host with room, load %.2f of 2", sercon->score[host]);
            put(sercon, unit, host);
            return TRUE;
        }
    }
    return FALSE;
}

static void empty_host(Sercon *sercon, guint host)
{
    Rival *rival = sercon->rival;
    guint first = rival->unit_first[host];
    guint length = rival->unit_first[host + 1] - first;
    g_autofree guint *units = g_memdup2(rival->unit_at + first, sizeof(guint) * (length + 1));

    g_qsort_with_data(units, (int)length, sizeof(guint), rival_compare_sizes, rival);
    for (guint i = 0; i < length; i++) {
        if (!place_unit(sercon, units[i])) {
            for (guint j = 0; j < i; j++) {
                put(sercon, units[j], host);
            }
            return;
        }
    }
}

/* The least loaded host that could be switched off and was not tried. */
static guint least_loaded(const Sercon *sercon)
{
    const Rival *rival = sercon->rival;
    guint best = PLACE_NOWHERE;

    for (guint h = 0; h < rival->problem->hosts_length; h++) {
        if (!sercon->is_tried[h] && (best == PLACE_NOWHERE || is_before(sercon, best, h)) &&
            rival_can_be_emptied(rival, h)) {
            best = h;
        }
    }
    return best;
}

static void consolidate(Sercon *sercon)
{
    guint host;

    while ((host = least_loaded(sercon)) != PLACE_NOWHERE) {
        sercon->is_tried[host] = TRUE;
        empty_host(sercon, host);
    }
}

static void place_leaving(Sercon *sercon, GArray *leaving)
{
    g_array_sort_with_data(leaving, rival_compare_sizes, sercon->rival);
    for (guint i = 0; i < leaving->len; i++) {
        place_unit(sercon, g_array_index(leaving, guint, i));
    }
}

static gboolean place_sercon(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                             PlaceResult *result, GError **error)
{
    g_autoptr(Rival) rival = rival_new(problem, task, options);
    g_autoptr(GArray) leaving = task->kind == PLACE_CONSOLIDATE ? NULL : overload_leaving(rival);
    Sercon sercon;

    sercon_init(&sercon, rival);
    if (leaving) {
        place_leaving(&sercon, leaving);
    } else {
        consolidate(&sercon);
    }
    sercon_clear(&sercon);
    rival_finish(rival, result);
    return TRUE;
}

const Grouping PLACER_SERCON = {
    .name = "sercon",
    .summary = "Sercon: the least loaded host gives all its VMs to the most loaded ones, or none",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE | 1 << PLACE_CONSOLIDATE,
    .place = place_sercon,
};
