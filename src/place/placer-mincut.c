/* SPDX-License-Identifier: Apache-2.0
 *
 * Min-cut grouping: what leaves a host is a group that talks little with those who stay; with METIS.
 *
 * RELIEVE, per source, most overloaded first: the group is grown greedily and partitioned by METIS, both are polished,
 * and the better one is taken (mincut.h says how they are judged).  EVACUATE: the group is all movers of a host.  Then
 * the group falls into its connected parts; each goes as one block to the destination where it costs least.  A block
 * that fits nowhere is halved by METIS, again and again; a single unit that fits nowhere stays, and a relief looks for
 * another group without it. */
#include "place/mincut.h"
#include "place/rival.h"

#include <math.h>
#include <string.h>

typedef struct Mincut {
    Rival *rival;
    gboolean *is_stuck; /* [units] it found no destination */
    guint *node_of;     /* [units] in the graph at hand */
} Mincut;

/* Traffic of 'unit' with the units of the graph and with everybody else. */
static void add_traffic(const Mincut *mincut, CutGraph *graph, guint node, guint unit)
{
    const MoveUnits *units = mincut->rival->units;
    const Traffic *traffic = mincut->rival->problem->traffic;

    for (guint i = units->first[unit]; i < units->first[unit + 1]; i++) {
        guint vm = units->vm[i];

        for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
            guint peer = units->unit_of[traffic->peer[e]];
            guint other = peer != PLACE_NOWHERE ? mincut->node_of[peer] : PLACE_NOWHERE;

            if (other == PLACE_NOWHERE) {
                graph->outside[node] += traffic->mib_per_s[e];
            } else if (other != node) {
                graph->weight[(gsize)node * graph->length + other] += traffic->mib_per_s[e];
            }
        }
    }
}

static CutGraph *graph_of(Mincut *mincut, const guint *units, guint length)
{
    Rival *rival = mincut->rival;
    CutGraph *graph = cut_graph_new(length);

    for (guint n = 0; n < length; n++) {
        mincut->node_of[units[n]] = n;
        memcpy(graph->load[n], rival->unit_demand + (gsize)RESOURCE_COUNT * units[n], sizeof graph->load[n]);
        graph->stays[n] = mincut->is_stuck[units[n]];
    }
    for (guint n = 0; n < length && rival->problem->traffic; n++) {
        add_traffic(mincut, graph, n, units[n]);
    }
    for (guint n = 0; n < length; n++) {
        mincut->node_of[units[n]] = PLACE_NOWHERE;
    }
    return graph;
}

/* The load window of a host that is to come back into the safe range. */
static void set_window(const Rival *rival, guint host, CutGraph *graph)
{
    double fullest = -1;

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double capacity = rival->problem->hosts[host].capacity[r];
        double demand = rival->state->demand[host][r];

        graph->need[r] = demand - rival->options->safe_high * capacity;
        if (demand / capacity > fullest) {
            fullest = demand / capacity;
            graph->fullest = (Resource)r;
            graph->most = demand - rival->options->safe_low * capacity;
        }
    }
}

static gboolean is_better(const CutGraph *graph, const gboolean *a, const gboolean *b)
{
    double difference = cut_shortfall(graph, a) - cut_shortfall(graph, b);

    if (fabs(difference) < 1e-9) {
        difference = cut_overshoot(graph, a) - cut_overshoot(graph, b);
    }
    return fabs(difference) < 1e-9 ? cut_value(graph, a) < cut_value(graph, b) - 1e-9 : difference < 0;
}

/* The group that is to leave; leaves[length]. */
static void find_group(const Mincut *mincut, const CutGraph *graph, gboolean *leaves)
{
    g_autofree gboolean *by_metis = g_new0(gboolean, graph->length + 1);

    cut_grow(graph, leaves);
    cut_refine(graph, leaves);
    cut_metis(graph, mincut->rival->options->seed, by_metis);
    cut_refine(graph, by_metis);
    if (is_better(graph, by_metis, leaves)) {
        memcpy(leaves, by_metis, sizeof *leaves * graph->length);
    }
}

static double change_of_block(Rival *rival, const guint *units, guint length, guint host)
{
    double change = 0;

    for (guint i = 0; i < length; i++) {
        change += rival_shift(rival, units[i], host);
    }
    for (guint i = 0; i < length; i++) {
        rival_put(rival, units[i], rival->units->home[units[i]]);
    }
    return change;
}

/* The destination where the block costs least, or PLACE_NOWHERE. */
static guint host_for_block(Rival *rival, const guint *units, guint length)
{
    g_autoptr(GArray) vms = g_array_new(FALSE, FALSE, sizeof(guint));
    guint best = PLACE_NOWHERE;
    double best_change = INFINITY;

    for (guint i = 0; i < length; i++) {
        guint first = rival->units->first[units[i]];

        g_array_append_vals(vms, rival->units->vm + first, rival->units->first[units[i] + 1] - first);
    }
    for (guint i = 0; i < rival->destinations_length; i++) {
        guint host = rival->destinations[i];

        if (host != rival->units->home[units[0]] &&
            place_state_fits_all(rival->state, (const guint *)(gpointer)vms->data, vms->len, host)) {
            double change = change_of_block(rival, units, length, host);

            if (change < best_change - 1e-12) {
                best_change = change;
                best = host;
            }
        }
    }
    return best;
}

/* Places the block, or its halves; what fits nowhere is stuck. */
static void place_block(Mincut *mincut, const guint *units, guint length)
{
    Rival *rival = mincut->rival;
    guint host = host_for_block(rival, units, length);
    g_autoptr(CutGraph) graph = NULL;
    g_autofree gboolean *half = NULL;
    g_autofree guint *parts = NULL;
    guint front = 0;
    guint back = length;

    if (host != PLACE_NOWHERE) {
        for (guint i = 0; i < length; i++) {
            rival_put(rival, units[i], host);
            rival->block_of[units[i]] = units[0];
            rival_note(rival, units[i], "one of %u that talk little with those who stay", length);
        }
        return;
    }
    if (length == 1) {
        mincut->is_stuck[units[0]] = TRUE;
        return;
    }
    graph = graph_of(mincut, units, length);
    half = g_new0(gboolean, length);
    parts = g_new(guint, length);
    cut_halve(graph, rival->options->seed, half);
    for (guint i = 0; i < length; i++) {
        parts[half[i] ? front++ : --back] = units[i];
    }
    place_block(mincut, parts, front);
    place_block(mincut, parts + front, length - front);
}

/* Collects what hangs together with 'node' among those that leave; takes it out of 'leaves'. */
static void take_connected(const CutGraph *graph, gboolean *leaves, guint node, const guint *units, GArray *block)
{
    g_autoptr(GArray) nodes = g_array_new(FALSE, FALSE, sizeof(guint));

    leaves[node] = FALSE;
    g_array_append_val(nodes, node);
    for (guint i = 0; i < nodes->len; i++) {
        guint at = g_array_index(nodes, guint, i);

        g_array_append_val(block, units[at]);
        for (guint j = 0; j < graph->length; j++) {
            if (leaves[j] && graph->weight[(gsize)at * graph->length + j] > 0) {
                leaves[j] = FALSE;
                g_array_append_val(nodes, j);
            }
        }
    }
}

static void place_group(Mincut *mincut, const CutGraph *graph, gboolean *leaves, const guint *units)
{
    g_autoptr(GArray) block = g_array_new(FALSE, FALSE, sizeof(guint));

    for (guint n = 0; n < graph->length; n++) {
        if (leaves[n]) {
            g_array_set_size(block, 0);
            take_connected(graph, leaves, n, units, block);
            place_block(mincut, (const guint *)(gpointer)block->data, block->len);
        }
    }
}

/* Units that are still at home on 'host'. */
static guint units_on(const Rival *rival, guint host, guint *units)
{
    guint length = 0;

    for (guint i = rival->unit_first[host]; i < rival->unit_first[host + 1]; i++) {
        if (rival_where(rival, rival->unit_at[i]) == host) {
            units[length++] = rival->unit_at[i];
        }
    }
    return length;
}

/* One group; FALSE when there was none to take. */
static gboolean relieve_once(Mincut *mincut, guint host, guint *units)
{
    guint length = units_on(mincut->rival, host, units);
    g_autoptr(CutGraph) graph = graph_of(mincut, units, length);
    g_autofree gboolean *leaves = g_new0(gboolean, length + 1);
    gboolean is_any = FALSE;

    set_window(mincut->rival, host, graph);
    find_group(mincut, graph, leaves);
    for (guint n = 0; n < length; n++) {
        is_any |= leaves[n];
    }
    place_group(mincut, graph, leaves, units);
    return is_any;
}

static void relieve(Mincut *mincut, guint host)
{
    Rival *rival = mincut->rival;
    g_autofree guint *units = g_new(guint, rival->unit_first[host + 1] - rival->unit_first[host] + 1);

    for (guint i = rival->unit_first[host]; i < rival->unit_first[host + 1]; i++) {
        mincut->is_stuck[rival->unit_at[i]] = !rival_fits_somewhere(rival, rival->unit_at[i]);
    }
    while (place_state_is_overloaded(rival->state, host) && relieve_once(mincut, host, units)) {
    }
}

static void evacuate(Mincut *mincut, guint host)
{
    Rival *rival = mincut->rival;
    g_autofree guint *units = g_new(guint, rival->unit_first[host + 1] - rival->unit_first[host] + 1);
    guint length = units_on(rival, host, units);
    g_autoptr(CutGraph) graph = graph_of(mincut, units, length);
    g_autofree gboolean *leaves = g_new0(gboolean, length + 1);

    for (guint n = 0; n < length; n++) {
        leaves[n] = TRUE;
    }
    place_group(mincut, graph, leaves, units);
}

static gboolean place_mincut(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                             PlaceResult *result, GError **error)
{
    g_autoptr(Rival) rival = rival_new(problem, task, options);
    g_autofree gboolean *is_stuck = g_new0(gboolean, rival->units->length + 1);
    g_autofree guint *node_of = g_new(guint, rival->units->length + 1);
    Mincut mincut = {rival, is_stuck, node_of};

    for (guint u = 0; u < rival->units->length; u++) {
        node_of[u] = PLACE_NOWHERE;
    }
    for (guint s = 0; s < rival->sources_length; s++) {
        if (task->kind == PLACE_RELIEVE) {
            relieve(&mincut, rival->sources[s]);
        } else {
            evacuate(&mincut, rival->sources[s]);
        }
    }
    rival_finish(rival, result);
    return TRUE;
}

const Grouping PLACER_MINCUT = {
    .name = "mincut",
    .summary = "groups that talk little with those who stay: minimum cut with METIS",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE,
    .place = place_mincut,
};
