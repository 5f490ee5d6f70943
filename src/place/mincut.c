/* SPDX-License-Identifier: Apache-2.0
 *
 * Min cut with a load window: growing a group and polishing it; see mincut.h.
 *
 * A set is judged by three numbers, the first that differs decides: what is lacking of the window, what is too much,
 * the cut.  A pass of cut_refine does the best move (in, out, or a swap) among nodes not yet touched in this pass, even
 * when it makes things worse, until all are touched; then it goes back to the best set that it went through (Kernighan
 * and Lin 1970; single moves: Fiduccia and Mattheyses 1982).  Passes end when one brings nothing. */
#include "place/mincut.h"

#include <math.h>
#include <string.h>

#define TINY     1e-9
#define PATIENCE 64 /* a pass ends after so many steps that brought nothing */

CutGraph *cut_graph_new(guint length)
{
    CutGraph *graph = g_new0(CutGraph, 1);

    graph->length = length;
    graph->weight = g_new0(double, (gsize)length *length + 1);
    graph->outside = g_new0(double, length + 1);
    graph->load = g_malloc0_n(length + 1, sizeof *graph->load);
    graph->stays = g_new0(gboolean, length + 1);
    graph->most = INFINITY;
    return graph;
}

void cut_graph_free(CutGraph *graph)
{
    if (graph) {
        g_free(graph->weight);
        g_free(graph->outside);
        g_free(graph->load);
        g_free(graph->stays);
        g_free(graph);
    }
}

/* A set while it changes. */
typedef struct Cut {
    const CutGraph *graph;
    gboolean *leaves;
    double total[RESOURCE_COUNT]; /* of all nodes */
    double load[RESOURCE_COUNT];  /* of those that leave */
    double value;
    double *gain; /* [length] by how much the cut falls when the node changes sides */
} Cut;

typedef struct Verdict {
    double shortfall;
    double overshoot;
    double value;
} Verdict;

static gboolean is_better(Verdict a, Verdict b)
{
    if (fabs(a.shortfall - b.shortfall) > TINY) {
        return a.shortfall < b.shortfall;
    }
    if (fabs(a.overshoot - b.overshoot) > TINY) {
        return a.overshoot < b.overshoot;
    }
    return a.value < b.value - TINY;
}

/* Of the set if its load were 'load' and its cut 'value'. */
static Verdict judge(const Cut *cut, const double *load, double value)
{
    const CutGraph *graph = cut->graph;
    Verdict verdict = {.value = value};

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double lacking = graph->need[r] - load[r];

        if (lacking > TINY * cut->total[r] && cut->total[r] > 0) {
            verdict.shortfall += lacking / cut->total[r];
        }
    }
    if (load[graph->fullest] > graph->most + TINY * cut->total[graph->fullest]) {
        verdict.overshoot = (load[graph->fullest] - graph->most) / cut->total[graph->fullest];
    }
    return verdict;
}

static double weight_of(const CutGraph *graph, guint a, guint b)
{
    return graph->weight[(gsize)a * graph->length + b];
}

static void cut_begin(Cut *cut, const CutGraph *graph, gboolean *leaves)
{
    *cut = (Cut){.graph = graph, .leaves = leaves, .gain = g_new0(double, graph->length + 1)};
    for (guint i = 0; i < graph->length; i++) {
        for (guint j = 0; j < graph->length; j++) {
            cut->gain[i] += leaves[i] == leaves[j] ? -weight_of(graph, i, j) : weight_of(graph, i, j);
            cut->value += leaves[i] && !leaves[j] ? weight_of(graph, i, j) : 0;
        }
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            cut->total[r] += graph->load[i][r];
            cut->load[r] += leaves[i] ? graph->load[i][r] : 0;
        }
    }
}

static void cut_end(Cut *cut)
{
    g_free(cut->gain);
}

static void cut_flip(Cut *cut, guint node)
{
    const CutGraph *graph = cut->graph;

    cut->value -= cut->gain[node];
    cut->gain[node] = -cut->gain[node];
    cut->leaves[node] = !cut->leaves[node];
    for (guint j = 0; j < graph->length; j++) {
        if (j != node) {
            double weight = weight_of(graph, node, j);

            cut->gain[j] += cut->leaves[j] == cut->leaves[node] ? -2 * weight : 2 * weight;
        }
    }
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        cut->load[r] += cut->leaves[node] ? graph->load[node][r] : -graph->load[node][r];
    }
}

/* What the set would be after 'a', and 'b' unless it is PLACE_NOWHERE, changed sides. */
static Verdict judge_flip(const Cut *cut, guint a, guint b)
{
    const CutGraph *graph = cut->graph;
    double value = cut->value - cut->gain[a];
    double load[RESOURCE_COUNT];

    if (b != PLACE_NOWHERE) {
        value -= cut->gain[b];
        value += cut->leaves[a] != cut->leaves[b] ? 2 * weight_of(graph, a, b) : -2 * weight_of(graph, a, b);
    }
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        load[r] = cut->load[r] + (cut->leaves[a] ? -graph->load[a][r] : graph->load[a][r]);
        if (b != PLACE_NOWHERE) {
            load[r] += cut->leaves[b] ? -graph->load[b][r] : graph->load[b][r];
        }
    }
    return judge(cut, load, value);
}

double cut_value(const CutGraph *graph, const gboolean *leaves)
{
    double value = 0;

    for (guint i = 0; i < graph->length; i++) {
        for (guint j = 0; j < graph->length; j++) {
            value += leaves[i] && !leaves[j] ? weight_of(graph, i, j) : 0;
        }
    }
    return value;
}

static Verdict judge_set(const CutGraph *graph, const gboolean *leaves)
{
    Cut cut;
    Verdict verdict;

    cut_begin(&cut, graph, (gboolean *)leaves);
    verdict = judge(&cut, cut.load, cut.value);
    cut_end(&cut);
    return verdict;
}

double cut_shortfall(const CutGraph *graph, const gboolean *leaves)
{
    return judge_set(graph, leaves).shortfall;
}

double cut_overshoot(const CutGraph *graph, const gboolean *leaves)
{
    return judge_set(graph, leaves).overshoot;
}

/* The node to take next: of those that do not overshoot, if there are any, the one with the largest traffic outside and
 * to the group minus that to those who stay.  One that takes nothing off what is lacking is no use. */
static guint next_to_grow(const Cut *cut)
{
    const CutGraph *graph = cut->graph;
    double now = judge(cut, cut->load, cut->value).shortfall;
    double best_over = INFINITY;
    guint best = PLACE_NOWHERE;

    for (guint i = 0; i < graph->length; i++) {
        Verdict after;

        if (graph->stays[i] || cut->leaves[i]) {
            continue;
        }
        after = judge_flip(cut, i, PLACE_NOWHERE);
        if (after.shortfall < now && (after.overshoot < best_over - TINY ||
                                      (after.overshoot < best_over + TINY &&
                                       cut->gain[i] + graph->outside[i] > cut->gain[best] + graph->outside[best]))) {
            best_over = after.overshoot;
            best = i;
        }
    }
    return best;
}

void cut_grow(const CutGraph *graph, gboolean *leaves)
{
    Cut cut;
    guint next;

    memset(leaves, 0, sizeof *leaves * graph->length);
    cut_begin(&cut, graph, leaves);
    while ((next = next_to_grow(&cut)) != PLACE_NOWHERE) {
        cut_flip(&cut, next);
    }
    cut_end(&cut);
}

typedef struct Flip {
    guint a;
    guint b; /* PLACE_NOWHERE: a alone */
} Flip;

static Flip best_flip(const Cut *cut, const gboolean *is_locked, Verdict *verdict)
{
    const CutGraph *graph = cut->graph;
    Flip best = {PLACE_NOWHERE, PLACE_NOWHERE};

    *verdict = (Verdict){INFINITY, INFINITY, INFINITY};
    for (guint i = 0; i < graph->length; i++) {
        Verdict after;

        if (is_locked[i]) {
            continue;
        }
        after = judge_flip(cut, i, PLACE_NOWHERE);
        if (best.a == PLACE_NOWHERE || is_better(after, *verdict)) {
            *verdict = after;
            best = (Flip){i, PLACE_NOWHERE};
        }
        for (guint j = i + 1; j < graph->length; j++) {
            if (is_locked[j] || cut->leaves[i] == cut->leaves[j]) {
                continue;
            }
            after = judge_flip(cut, i, j);
            if (is_better(after, *verdict)) {
                *verdict = after;
                best = (Flip){i, j};
            }
        }
    }
    return best;
}

static void do_flip(Cut *cut, Flip flip)
{
    cut_flip(cut, flip.a);
    if (flip.b != PLACE_NOWHERE) {
        cut_flip(cut, flip.b);
    }
}

/* One pass; TRUE when the set got better. */
static gboolean refine_once(Cut *cut, gboolean *is_locked, Flip *done)
{
    const CutGraph *graph = cut->graph;
    Verdict best = judge(cut, cut->load, cut->value);
    Verdict now;
    guint best_length = 0;
    guint length = 0;

    memcpy(is_locked, graph->stays, sizeof *is_locked * graph->length);
    while (length < best_length + PATIENCE) {
        Flip flip = best_flip(cut, is_locked, &now);

        if (flip.a == PLACE_NOWHERE) {
            break;
        }
        do_flip(cut, flip);
        is_locked[flip.a] = TRUE;
        if (flip.b != PLACE_NOWHERE) {
            is_locked[flip.b] = TRUE;
        }
        done[length++] = flip;
        if (is_better(now, best)) {
            best = now;
            best_length = length;
        }
    }
    while (length > best_length) {
        do_flip(cut, done[--length]);
    }
    return best_length > 0;
}

void cut_refine(const CutGraph *graph, gboolean *leaves)
{
    g_autofree gboolean *is_locked = g_new0(gboolean, graph->length + 1);
    g_autofree Flip *done = g_new(Flip, graph->length + 1);
    Cut cut;

    cut_begin(&cut, graph, leaves);
    while (refine_once(&cut, is_locked, done)) {
    }
    cut_end(&cut);
}
