/* SPDX-License-Identifier: Apache-2.0
 *
 * Min cut with a load window: which group leaves a host so that little traffic is torn apart.
 *
 * The nodes are what runs on the host, the edges who talks to whom there.  A set 'leaves' is wanted that is heavy
 * enough (at least need[r] of every resource), not too heavy (at most 'most' of the fullest one), and whose cut, the
 * traffic between those that leave and those that stay, is small.  Without the window this is easy; with it, it is the
 * NP-hard bisection problem, so there are two heuristics and a polish for both:
 *
 *     cut_grow(graph, leaves);             from the node with the largest traffic outside minus inside
 *     cut_metis(graph, seed, leaves);      METIS, two parts with target weights (Karypis and Kumar 1998)
 *     cut_refine(graph, leaves);           into the window, then passes of moves and swaps (Kernighan and Lin 1970)
 *
 * Plain data; whoever made the graph owns it. */
#pragma once

#include "place/problem.h"

typedef struct CutGraph {
    guint length;
    double *weight;                 /* [length * length] symmetric, MiB/s; diagonal 0 */
    double *outside;                /* [length] MiB/s with what is not on this host */
    double (*load)[RESOURCE_COUNT]; /* [length] */
    gboolean *stays;                /* [length] it may not leave */
    double need[RESOURCE_COUNT];    /* that must leave at least */
    Resource fullest;               /* resource of 'most' */
    double most;                    /* that may leave at most; INFINITY: all */
} CutGraph;

CutGraph *cut_graph_new(guint length);
void cut_graph_free(CutGraph *graph);

/* Traffic between those that leave and those that stay. */
double cut_value(const CutGraph *graph, const gboolean *leaves);

/* What is lacking, resources summed, each as a share of what all nodes have of it; 0: heavy enough. */
double cut_shortfall(const CutGraph *graph, const gboolean *leaves);
/* What is too much, as such a share; 0: not too heavy. */
double cut_overshoot(const CutGraph *graph, const gboolean *leaves);

/* Fills leaves[length].  When no set is heavy enough everything that may leave does; when none is within the window it
 * is left above, by as little as was found. */
void cut_grow(const CutGraph *graph, gboolean *leaves);

/* Deterministic for a seed.  METIS keeps its random state in the C library's rand() and catches SIGTERM and SIGABRT
 * while it works: one thread at a time. */
void cut_metis(const CutGraph *graph, guint64 seed, gboolean *leaves);

/* Fills half[length] with a balanced half of the nodes, whatever the window; both halves have a node when there are
 * two. */
void cut_halve(const CutGraph *graph, guint64 seed, gboolean *half);

/* Never makes the window worse, nor, where it stays as it was, the cut. */
void cut_refine(const CutGraph *graph, gboolean *leaves);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(CutGraph, cut_graph_free)
