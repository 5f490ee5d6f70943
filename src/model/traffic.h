/* SPDX-License-Identifier: Apache-2.0
 *
 * Traffic: who talks to whom among n VMs, an undirected graph with rates (seed 003 section 2.1: G = (V, E), w(i, j)).
 *
 *     TrafficBuilder *builder = traffic_builder_new(3);
 *     traffic_builder_add(builder, 0, 1, 12.5);           adds up when named twice
 *     g_autoptr(Traffic) traffic = traffic_builder_end(builder);
 *     for (guint e = traffic->first[v]; e < traffic->first[v + 1]; e++)
 *         traffic->peer[e], traffic->mib_per_s[e]
 *
 * Compressed rows: both directions of an edge are stored, peers ascend within a row, nobody is its own peer.  Plain
 * data, read only after it was made. */
#pragma once

#include <glib.h>

#include "base/rng.h"

typedef struct Traffic {
    guint vms;
    guint *first;      /* [vms + 1] */
    guint *peer;       /* [first[vms]] */
    double *mib_per_s; /* [first[vms]] */
} Traffic;

typedef struct TrafficBuilder TrafficBuilder;
TrafficBuilder *traffic_builder_new(guint vms);
/* a = b, and rates that are not above 0, are left out. */
void traffic_builder_add(TrafficBuilder *builder, guint a, guint b, double mib_per_s);
Traffic *traffic_builder_end(TrafficBuilder *builder); /* frees the builder */
void traffic_free(Traffic *traffic);

/* The rate between two VMs; 0 when they do not talk.  Logarithmic in a's peers. */
double traffic_between(const Traffic *traffic, guint a, guint b);

/* The experiments' traffic (seed 003 section 3.2): VMs in application groups of group_min..group_max, an edge inside a
 * group with probability 'edge_share', between groups with 'stray_share' (a few per VM at most), each rate drawn from
 * N(mean, deviation), cut off above 0. */
typedef struct TrafficModel {
    guint group_min;          /* 2 */
    guint group_max;          /* 6 */
    double edge_share;        /* 0.75 */
    double stray_edges_per_vm; /* expected; 0.01 */
    double mean_mib_per_s;    /* 10 */
    double deviation_mib_per_s; /* 1 */
} TrafficModel;

void traffic_model_init(TrafficModel *model);
Traffic *traffic_generate(guint vms, const TrafficModel *model, Rng *rng);

/* Reads lines "VM VM RATE" (rate as in --bandwidth: 10MiB/s, 80mbit), # begins a comment.  'find' gives the index of a
 * name or -1; unknown names are an error that says where, unless 'skip_unknown'. */
typedef int (*TrafficFindFunc)(const char *name, gpointer user);
Traffic *traffic_parse(const char *text, const char *what, guint vms, TrafficFindFunc find, gpointer user,
                       gboolean skip_unknown, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Traffic, traffic_free)
