/* SPDX-License-Identifier: Apache-2.0
 *
 * What an answer costs, reckoned the same way whichever placer gave it; see PlaceTotals in grouping.h.
 *
 * The integrated cost is a sum over source hosts, each divided by its own reference.  An edge between two moved VMs is
 * counted once in 'communication', and in the integrated cost once for each host that one of its ends leaves. */
#include "place/cost.h"
#include "place/grouping-parts.h"

#include <math.h>

typedef struct Tally {
    const PlaceProblem *problem;
    const PlaceOptions *options;
    PlaceResult *result;
    PlaceCosts *costs;
    guint *host_of;      /* [vms] after the moves */
    guint *block_size;   /* [moves] how many VMs are in the move's block */
    PlaceRaw *raw;       /* [hosts] of the VMs that leave it */
    double *leaving_s;   /* [hosts] time that its moves take */
    double *arriving_s;
    guint *vms_after;    /* [hosts] */
    guint *vms_before;
    gboolean *is_moved;  /* [vms] */
} Tally;

static const PlaceMove *move_at(const Tally *tally, guint index)
{
    return &g_array_index(tally->result->moves, PlaceMove, index);
}

static void tally_init(Tally *tally, const PlaceProblem *problem, const PlaceOptions *options, PlaceResult *result)
{
    guint hosts = problem->hosts_length + 1;

    *tally = (Tally){.problem = problem, .options = options, .result = result};
    tally->costs = place_costs_new(problem, options);
    tally->host_of = g_new0(guint, problem->vms_length + 1);
    tally->is_moved = g_new0(gboolean, problem->vms_length + 1);
    tally->block_size = g_new0(guint, result->moves->len + 1);
    tally->raw = g_new0(PlaceRaw, hosts);
    tally->leaving_s = g_new0(double, hosts);
    tally->arriving_s = g_new0(double, hosts);
    tally->vms_after = g_new0(guint, hosts);
    tally->vms_before = g_new0(guint, hosts);
    for (guint v = 0; v < problem->vms_length; v++) {
        tally->host_of[v] = problem->vms[v].host;
        tally->vms_before[problem->vms[v].host]++;
    }
    for (guint i = 0; i < result->moves->len; i++) {
        tally->host_of[move_at(tally, i)->vm] = move_at(tally, i)->destination;
        tally->is_moved[move_at(tally, i)->vm] = TRUE;
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        tally->vms_after[tally->host_of[v]]++;
    }
}

static void tally_clear(Tally *tally)
{
    place_costs_free(tally->costs);
    g_free(tally->host_of);
    g_free(tally->is_moved);
    g_free(tally->block_size);
    g_free(tally->raw);
    g_free(tally->leaving_s);
    g_free(tally->arriving_s);
    g_free(tally->vms_after);
    g_free(tally->vms_before);
}

static int compare_blocks(gconstpointer a, gconstpointer b, gpointer user)
{
    const Tally *tally = user;
    const PlaceMove *left = move_at(tally, *(const guint *)a);
    const PlaceMove *right = move_at(tally, *(const guint *)b);

    if (left->group != right->group) {
        return left->group < right->group ? -1 : 1;
    }
    if (left->block != right->block) {
        return left->block < right->block ? -1 : 1;
    }
    return 0;
}

static gboolean is_parallel(const Tally *tally)
{
    return tally->options->transfer == TRANSFER_PARALLEL;
}

/* Moves [from, to) of 'order' are one block: one after the other, or at once with a share of the bandwidth each. */
static void add_block(Tally *tally, const guint *order, guint from, guint to)
{
    PlaceTotals *totals = &tally->result->totals;
    const PlaceMove *first = move_at(tally, order[from]);
    double sum_s = 0;
    double longest_s = 0;

    for (guint i = from; i < to; i++) {
        const PlaceMove *move = move_at(tally, order[i]);
        PassesCost cost =
            place_cost_of(tally->problem, tally->options, move->vm, is_parallel(tally) ? to - from : 1);

        sum_s += cost.total_s;
        longest_s = MAX(longest_s, cost.total_s);
        tally->raw[move->source].migration_s += cost.total_s;
        tally->raw[move->source].energy += tally->problem->vms[move->vm].mean_load;
        totals->sent_mib += cost.sent_mib;
        totals->sent_mib_hops += cost.sent_mib * place_distance(tally->problem, move->source, move->destination);
    }
    tally->leaving_s[first->source] += is_parallel(tally) ? longest_s : sum_s;
    tally->arriving_s[first->destination] += is_parallel(tally) ? longest_s : sum_s;
}

static void add_blocks(Tally *tally)
{
    guint length = tally->result->moves->len;
    g_autofree guint *order = g_new(guint, length + 1);

    for (guint i = 0; i < length; i++) {
        order[i] = i;
    }
    g_qsort_with_data(order, (int)length, sizeof *order, compare_blocks, tally);
    for (guint from = 0, to; from < length; from = to) {
        for (to = from + 1; to < length && compare_blocks(&order[from], &order[to], tally) == 0; to++) {
        }
        add_block(tally, order, from, to);
    }
}

static void add_edge(Tally *tally, guint vm, guint peer, double mib_per_s)
{
    PlaceTotals *totals = &tally->result->totals;
    guint vm_host = tally->problem->vms[vm].host;
    guint peer_host = tally->problem->vms[peer].host;
    double cost = mib_per_s * place_distance(tally->problem, tally->host_of[vm], tally->host_of[peer]);

    totals->communication_all += cost;
    if (tally->is_moved[vm] || tally->is_moved[peer]) {
        totals->communication += cost;
    }
    if (tally->is_moved[vm]) {
        tally->raw[vm_host].communication += cost;
    }
    if (tally->is_moved[peer] && (!tally->is_moved[vm] || peer_host != vm_host)) {
        tally->raw[peer_host].communication += cost;
    }
}

static void add_communication(Tally *tally)
{
    const Traffic *traffic = tally->problem->traffic;

    for (guint v = 0; traffic && v < traffic->vms; v++) {
        for (guint e = traffic->first[v]; e < traffic->first[v + 1]; e++) {
            if (traffic->peer[e] > v) {
                add_edge(tally, v, traffic->peer[e], traffic->mib_per_s[e]);
            }
        }
    }
}

/* Between two points of the curve: linear. */
static double power_of(const PlaceHost *host, double demand)
{
    double tenths = CLAMP(demand / host->capacity[RESOURCE_CPU], 0, 1) * 10;
    guint lower = MIN((guint)tenths, 9);

    if (!host->power_w) {
        return NAN;
    }
    return host->power_w[lower] + (tenths - lower) * (host->power_w[lower + 1] - host->power_w[lower]);
}

static gboolean is_on(const PlaceHost *host, guint vms)
{
    return vms > 0 || host->base_demand[RESOURCE_CPU] > 0 || host->base_demand[RESOURCE_MEMORY] > 0;
}

static gboolean is_above_range(const Tally *tally, guint host, const double *demand)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double high = tally->problem->hosts[host].capacity[r] * tally->options->safe_high;

        if (demand[r] > high + 1e-6 * MAX(1, high)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Demand per host of VMs where 'hosts' says (NULL: where they began). */
static double *sum_demand(const PlaceProblem *problem, const guint *hosts)
{
    double *demand = g_new0(double, (gsize)(problem->hosts_length + 1) * RESOURCE_COUNT);

    for (guint h = 0; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            demand[h * RESOURCE_COUNT + (guint)r] = problem->hosts[h].base_demand[r];
        }
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            demand[(hosts ? hosts[v] : problem->vms[v].host) * RESOURCE_COUNT + (guint)r] += problem->vms[v].demand[r];
        }
    }
    return demand;
}

static void add_hosts(Tally *tally)
{
    const PlaceProblem *problem = tally->problem;
    PlaceTotals *totals = &tally->result->totals;
    g_autofree double *before = sum_demand(problem, NULL);
    g_autofree double *after = sum_demand(problem, tally->host_of);

    for (guint h = 0; h < problem->hosts_length; h++) {
        const PlaceHost *host = &problem->hosts[h];

        totals->makespan_s = MAX(totals->makespan_s, MAX(tally->leaving_s[h], tally->arriving_s[h]));
        totals->migration_s += tally->raw[h].migration_s;
        totals->energy += tally->raw[h].energy;
        totals->overloaded_before += is_above_range(tally, h, before + h * RESOURCE_COUNT);
        totals->overloaded_after += is_above_range(tally, h, after + h * RESOURCE_COUNT);
        totals->hosts_on_before += is_on(host, tally->vms_before[h]);
        totals->hosts_on_after += is_on(host, tally->vms_after[h]);
        if (is_on(host, tally->vms_after[h])) {
            totals->power_w += power_of(host, after[h * RESOURCE_COUNT + RESOURCE_CPU]);
        }
    }
}

static void add_integrated(Tally *tally)
{
    const PlaceProblem *problem = tally->problem;
    g_autofree guint *first = g_new0(guint, problem->hosts_length + 1);
    g_autofree guint *vm_at = g_new(guint, problem->vms_length + 1);

    for (guint h = 0; h < problem->hosts_length; h++) {
        first[h + 1] = first[h] + tally->vms_before[h];
    }
    g_autofree guint *filled = g_memdup2(first, (problem->hosts_length + 1) * sizeof *first);
    for (guint v = 0; v < problem->vms_length; v++) {
        vm_at[filled[problem->vms[v].host]++] = v;
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        if (tally->raw[h].migration_s > 0) {
            PlaceRaw reference =
                place_reference_of(problem, tally->costs, vm_at + first[h], first[h + 1] - first[h]);

            tally->result->totals.integrated += place_integrate(tally->options, &tally->raw[h], &reference);
        }
    }
}

void grouping_totals(const PlaceProblem *problem, const PlaceOptions *options, PlaceResult *result)
{
    Tally tally;

    result->totals = (PlaceTotals){.moves = result->moves->len};
    tally_init(&tally, problem, options, result);
    add_blocks(&tally);
    add_communication(&tally);
    add_hosts(&tally);
    add_integrated(&tally);
    tally_clear(&tally);
}
