/* SPDX-License-Identifier: Apache-2.0
 *
 * PABFD: power aware best fit decreasing (Beloglazov and Buyya 2012), the placer of CloudSim's power examples; in two
 * forms that differ in one number.
 *
 *     pabfd         as CloudSim 3.0.3 does it: putting a VM on a host costs power(after) - power(before), and a host
 *                   that is off has power(0) before: its idle power is free, so PABFD does not mind opening hosts
 *     pabfd-fixed   a host that is off has 0 W before: opening it costs its idle power too
 *
 * RELIEVE and EVACUATE: VMs leave by least migration time (overload.h), then by decreasing CPU demand each goes to the
 * host whose power grows least, the first of equals.  CONSOLIDATE is CloudSim's handling of under-loaded hosts: by
 * increasing load, skipping hosts that took VMs of others during this run, each tries to place all its VMs on hosts
 * that are on and were not tried before it; all or nothing.
 *
 * A host without a measured curve counts as 10 W per core at full load, 70 % of that when idle, linear between (the
 * older servers of SPECpower, which CloudSim uses, idle at 70 %). */
#include "place/overload.h"

#include <math.h>

#define WATTS_PER_CORE 10.0
#define IDLE_SHARE     0.7

typedef struct Pabfd {
    Rival *rival;
    gboolean is_opening_charged;
    gboolean is_opening_allowed;
    gboolean *is_excluded; /* [hosts] */
} Pabfd;

static double power_w(const PlaceHost *host, double cores)
{
    double load = CLAMP(cores / host->capacity[RESOURCE_CPU], 0, 1);
    guint step = MIN((guint)(load * 10), 9);
    double peak_w = WATTS_PER_CORE * host->capacity[RESOURCE_CPU];

    if (!host->power_w) {
        return peak_w * (IDLE_SHARE + (1 - IDLE_SHARE) * load);
    }
    return host->power_w[step] + (load * 10 - step) * (host->power_w[step + 1] - host->power_w[step]);
}

static double power_increase_w(const Pabfd *pabfd, guint unit, guint host)
{
    const Rival *rival = pabfd->rival;
    const PlaceHost *row = &rival->problem->hosts[host];
    double cores = rival->state->demand[host][RESOURCE_CPU];
    double after_w = power_w(row, cores + rival->unit_demand[RESOURCE_COUNT * unit + RESOURCE_CPU]);

    if (pabfd->is_opening_charged && rival_is_off(rival, host)) {
        return after_w;
    }
    return after_w - power_w(row, cores);
}

/* The host whose power grows least, or PLACE_NOWHERE; of equals the one with the lowest index. */
static guint best_host(const Pabfd *pabfd, guint unit, double *increase_w)
{
    const Rival *rival = pabfd->rival;
    guint here = rival_where(rival, unit);
    guint best = PLACE_NOWHERE;

    *increase_w = INFINITY;
    for (guint i = 0; i < rival->destinations_length; i++) {
        guint host = rival->destinations[i];
        double watts;

        if (host == here || pabfd->is_excluded[host] || (!pabfd->is_opening_allowed && rival_is_off(rival, host)) ||
            !rival_fits(rival, unit, host)) {
            continue;
        }
        watts = power_increase_w(pabfd, unit, host);
        if (watts < *increase_w || (watts == *increase_w && host < best)) {
            *increase_w = watts;
            best = host;
        }
    }
    return best;
}

static gboolean place_unit(Pabfd *pabfd, guint unit)
{
    double increase_w;
    guint host = best_host(pabfd, unit, &increase_w);

    if (host == PLACE_NOWHERE) {
        return FALSE;
    }
    rival_note(pabfd->rival, unit, "the least increase of power is there, %.2f W%s", increase_w,
               rival_is_off(pabfd->rival, host) ? " (it was off)" : "");
    rival_put(pabfd->rival, unit, host);
    return TRUE;
}

static int compare_cpu(gconstpointer a, gconstpointer b, gpointer user)
{
    const Rival *rival = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;
    double x = rival->unit_demand[RESOURCE_COUNT * left + RESOURCE_CPU];
    double y = rival->unit_demand[RESOURCE_COUNT * right + RESOURCE_CPU];

    if (x != y) {
        return x > y ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

/* Places all units of 'host' on others, or none of them. */
static gboolean empty_host(Pabfd *pabfd, guint host)
{
    Rival *rival = pabfd->rival;
    guint first = rival->unit_first[host];
    guint length = rival->unit_first[host + 1] - first;
    g_autofree guint *units = g_memdup2(rival->unit_at + first, sizeof(guint) * (length + 1));

    g_qsort_with_data(units, (int)length, sizeof(guint), compare_cpu, rival);
    for (guint i = 0; i < length; i++) {
        if (!place_unit(pabfd, units[i])) {
            for (guint j = 0; j < i; j++) {
                rival_put(rival, units[j], host);
            }
            return FALSE;
        }
    }
    return TRUE;
}

/* The host with VMs of its own that has the least CPU load and was not tried; one that took others is not tried. */
static guint least_loaded(const Pabfd *pabfd)
{
    const Rival *rival = pabfd->rival;
    guint best = PLACE_NOWHERE;
    double least = INFINITY;

    for (guint h = 0; h < rival->problem->hosts_length; h++) {
        double load = place_state_utilisation(rival->state, h, RESOURCE_CPU);

        if (load < least && !pabfd->is_excluded[h] && rival_can_be_emptied(rival, h)) {
            least = load;
            best = h;
        }
    }
    return best;
}

static void consolidate(Pabfd *pabfd)
{
    guint host;

    while ((host = least_loaded(pabfd)) != PLACE_NOWHERE) {
        pabfd->is_excluded[host] = TRUE; /* also as a destination for those tried later, as in CloudSim */
        empty_host(pabfd, host);
    }
}

static gboolean place_by_power(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                               PlaceResult *result, gboolean is_opening_charged)
{
    g_autoptr(Rival) rival = rival_new(problem, task, options);
    g_autofree gboolean *is_excluded = g_new0(gboolean, problem->hosts_length + 1);
    Pabfd pabfd = {rival, is_opening_charged, task->kind != PLACE_CONSOLIDATE, is_excluded};

    if (task->kind == PLACE_CONSOLIDATE) {
        consolidate(&pabfd);
    } else {
        g_autoptr(GArray) leaving = overload_leaving(rival);

        for (guint i = 0; i < leaving->len; i++) {
            place_unit(&pabfd, g_array_index(leaving, guint, i));
        }
    }
    rival_finish(rival, result);
    return TRUE;
}

static gboolean place_pabfd(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                            PlaceResult *result, GError **error)
{
    return place_by_power(problem, task, options, result, FALSE);
}

static gboolean place_pabfd_fixed(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                                  PlaceResult *result, GError **error)
{
    return place_by_power(problem, task, options, result, TRUE);
}

const Grouping PLACER_PABFD = {
    .name = "pabfd",
    .summary = "power aware best fit decreasing, as CloudSim has it: the idle power of a newly opened host is free",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE | 1 << PLACE_CONSOLIDATE,
    .place = place_pabfd,
};

const Grouping PLACER_PABFD_FIXED = {
    .name = "pabfd-fixed",
    .summary = "the same, and opening a host costs its idle power",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE | 1 << PLACE_CONSOLIDATE,
    .place = place_pabfd_fixed,
};
