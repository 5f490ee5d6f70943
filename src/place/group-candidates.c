/* SPDX-License-Identifier: Apache-2.0
 *
 * Which groups Algorithm 2 looks at; see group-select.h and group-parts.h.
 *
 * Up to exact_vms VMs on a host: all 2^n, in Gray code's order, so that each differs from the one before by one VM and
 * its demand is had by one addition.
 *
 * More: 2^n is out of reach, so, as the seed's pruning has it, by increasing size, and no further than two sizes beyond
 * the first that gave a candidate.  VMs are taken in order of cost per relief, the cheapest first, and a branch is left
 * when even the largest VMs to come cannot relieve the host, or the smallest relieve it too much; what remains may
 * still be millions, so the number of steps is limited and cheap groups are met first.  Beside these, from each VM a
 * group is grown that stays connected where it can: small sizes of a crowded host may all be far too small. */
#include "place/group-parts.h"

#define STEPS_MAX      100000 /* of the search by size, per host */
#define CANDIDATES_MAX 5000
#define SIZES_BEYOND   2

static const double *demand_of(const GroupHost *host, guint i)
{
    return host->state->problem->vms[host->chosen[i]].demand;
}

static guint list_movable(const GroupHost *host, guint *movable)
{
    guint length = 0;

    for (guint64 rest = host->movable; rest; rest &= rest - 1) {
        movable[length++] = (guint)__builtin_ctzll(rest);
    }
    return length;
}

void group_enumerate(GroupHost *host)
{
    guint movable[CCMS_VMS_MAX];
    guint length = list_movable(host, movable);
    double leaving[RESOURCE_COUNT] = {0};
    guint64 group = 0;

    g_assert(length < 32);
    for (guint64 step = 1; step < (guint64)1 << length; step++) {
        guint i = movable[__builtin_ctzll(step)]; /* the bit that Gray code turns at this step */
        double sign = group >> i & 1 ? -1 : 1;

        group ^= (guint64)1 << i;
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            leaving[r] += sign * demand_of(host, i)[r];
        }
        group_consider(host, group, leaving);
    }
}

typedef struct Sampler {
    GroupHost *host;
    guint length;
    guint order[CCMS_VMS_MAX];                          /* cheapest relief first */
    double largest[CCMS_VMS_MAX + 1][CCMS_VMS_MAX + 1]; /* [i][k] the k largest demands of order[i ..] */
    double smallest[CCMS_VMS_MAX + 1][CCMS_VMS_MAX + 1];
    guint steps;
} Sampler;

static int compare_doubles(gconstpointer a, gconstpointer b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;

    return left < right ? -1 : left > right;
}

static void sum_extremes(Sampler *sampler, guint i)
{
    guint length = sampler->length - i;
    double sorted[CCMS_VMS_MAX];

    for (guint k = 0; k < length; k++) {
        sorted[k] = demand_of(sampler->host, sampler->order[i + k])[sampler->host->bottleneck];
    }
    qsort(sorted, length, sizeof *sorted, compare_doubles);
    sampler->largest[i][0] = 0;
    sampler->smallest[i][0] = 0;
    for (guint k = 1; k <= length; k++) {
        sampler->largest[i][k] = sampler->largest[i][k - 1] + sorted[length - k];
        sampler->smallest[i][k] = sampler->smallest[i][k - 1] + sorted[k - 1];
    }
}

/* What one VM costs for each unit of relief, as far as that is known before it has a destination. */
static double price_of(const GroupHost *host, guint i, const CcmsSearch *search)
{
    double relief = demand_of(host, i)[host->bottleneck];

    return relief > 0 ? ccms_lower_bound(host->ccms, (guint64)1 << i, search) / relief : G_MAXDOUBLE;
}

static void sampler_init(Sampler *sampler, GroupHost *host)
{
    double prices[CCMS_VMS_MAX];
    g_autofree CcmsSearch *search = g_new0(CcmsSearch, 1);
    PlaceRaw none = {0};

    ccms_search_init(search, &none);
    sampler->host = host;
    sampler->steps = 0;
    sampler->length = list_movable(host, sampler->order);
    for (guint n = 0; n < sampler->length; n++) {
        guint i = sampler->order[n];
        double price = price_of(host, i, search);
        guint at = n;

        for (; at > 0 && prices[at - 1] > price; at--) {
            prices[at] = prices[at - 1];
            sampler->order[at] = sampler->order[at - 1];
        }
        prices[at] = price;
        sampler->order[at] = i;
    }
    for (guint i = 0; i <= sampler->length; i++) {
        sum_extremes(sampler, i);
    }
}

static gboolean is_exhausted(const Sampler *sampler)
{
    return sampler->steps >= STEPS_MAX || sampler->host->candidates->len >= CANDIDATES_MAX;
}

/* 'wanted' more VMs out of order[from ..]. */
static void choose_more(Sampler *sampler, guint from, guint wanted, guint64 group, const double *leaving)
{
    const GroupHost *host = sampler->host;
    double here = leaving[host->bottleneck];

    sampler->steps++;
    if (wanted == 0) {
        group_consider(sampler->host, group, leaving);
        return;
    }
    for (guint n = from; n + wanted <= sampler->length && !is_exhausted(sampler); n++) {
        double more[RESOURCE_COUNT];

        if (here + sampler->largest[n][wanted] < host->least || here + sampler->smallest[n][wanted] > host->most) {
            return; /* and what comes later has still less to choose from */
        }
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            more[r] = leaving[r] + demand_of(host, sampler->order[n])[r];
        }
        choose_more(sampler, n + 1, wanted - 1, group | (guint64)1 << sampler->order[n], more);
    }
}

/* The VM to take next: one that talks to the group, or else any; of these the cheapest.  -1: none is left. */
static int pick_next(const Sampler *sampler, guint64 group, gboolean is_connected)
{
    for (guint n = 0; n < sampler->length; n++) {
        guint i = sampler->order[n];

        if (!(group >> i & 1) && (!is_connected || (sampler->host->neighbours[i] & group))) {
            return (int)i;
        }
    }
    return is_connected ? pick_next(sampler, group, FALSE) : -1;
}

/* Every group on the way from 'first' until the host would be below the range. */
static void grow(Sampler *sampler, guint first, gboolean is_connected)
{
    GroupHost *host = sampler->host;
    double leaving[RESOURCE_COUNT] = {0};
    guint64 group = 0;

    for (int next = (int)first; next >= 0; next = pick_next(sampler, group, is_connected)) {
        for (guint64 rest = host->unit[next] & ~group; rest; rest &= rest - 1) {
            for (int r = 0; r < RESOURCE_COUNT; r++) {
                leaving[r] += demand_of(host, (guint)__builtin_ctzll(rest))[r];
            }
        }
        group |= host->unit[next];
        if (leaving[host->bottleneck] > host->most) {
            return;
        }
        group_consider(host, group, leaving);
    }
}

static int compare_groups(gconstpointer a, gconstpointer b)
{
    const GroupCandidate *left = a;
    const GroupCandidate *right = b;

    return left->group < right->group ? -1 : left->group > right->group;
}

static void drop_doubles(GArray *candidates)
{
    guint kept = 0;

    g_array_sort(candidates, compare_groups);
    for (guint i = 0; i < candidates->len; i++) {
        GroupCandidate *rows = (GroupCandidate *)(void *)candidates->data;

        if (kept == 0 || rows[i].group != rows[kept - 1].group) {
            rows[kept++] = rows[i];
        }
    }
    g_array_set_size(candidates, kept);
}

void group_sample(GroupHost *host)
{
    g_autofree Sampler *sampler = g_new0(Sampler, 1);
    const double nothing[RESOURCE_COUNT] = {0};
    guint beyond = 0;

    if (host->least_size >= host->vms_length) {
        return;
    }
    sampler_init(sampler, host);
    for (guint size = host->least_size; size < host->vms_length && size <= sampler->length && beyond <= SIZES_BEYOND;
         size++) {
        choose_more(sampler, 0, size, 0, nothing);
        beyond += host->candidates->len > 0;
        if (is_exhausted(sampler)) {
            break;
        }
    }
    for (guint n = 0; n < sampler->length; n++) {
        grow(sampler, sampler->order[n], TRUE);
        grow(sampler, sampler->order[n], FALSE);
    }
    drop_doubles(host->candidates);
}
