/* SPDX-License-Identifier: Apache-2.0
 *
 * Sndlib: wide-area networks from files in SNDlib's native format (Orlowski, Wessäly, Pióro, Tomaszewski 2010), as a
 * Topology with hosts on its nodes, and what the nodes send each other.
 *
 * Of the file, NODES, LINKS and DEMANDS are read, META and ADMISSIBLE_PATHS are passed over.  A link's capacity is its
 * pre-installed capacity plus its largest module, in the unit of the file (Mbit/s in most).  A link without any
 * capacity carries 0; sndlib_topology asks what to take then.  Costs and routing units are read past.  Whatever else the
 * format's grammar does not allow is an error with its line. */
#pragma once

#include <glib.h>

#include "model/topology.h"

typedef struct SndlibNode {
    char *name;
    double longitude; /* degrees; or x in any unit */
    double latitude;
} SndlibNode;

typedef struct SndlibLink {
    char *name;
    guint ends[2]; /* nodes */
    double installed; /* pre-installed capacity */
    double module;    /* the largest module; 0 when there is none */
} SndlibLink;

typedef struct SndlibDemand {
    char *name;
    guint src;
    guint dst;
    double value;
} SndlibDemand;

typedef struct Sndlib {
    GArray *nodes;   /* SndlibNode */
    GArray *links;   /* SndlibLink */
    GArray *demands; /* SndlibDemand */
} Sndlib;

/* 'what' names the text in errors.  GODWIT_ERROR_INPUT with what and line. */
Sndlib *sndlib_parse(const char *text, const char *what, GError **error);
Sndlib *sndlib_load(const char *path, GError **error);
void sndlib_free(Sndlib *sndlib);

/* The node called 'name', or -1. */
int sndlib_find_node(const Sndlib *sndlib, const char *name);

/* Its graph with 'hosts_per_node' hosts at each node (place = node * hosts_per_node + i).  A unit of capacity is
 * 'mib_per_s_per_unit' (Mbit/s: 1e6 / 8 / 2^20); a link without capacity gets 'default_mib_per_s'. */
Topology *sndlib_topology(const Sndlib *sndlib, guint hosts_per_node, double mib_per_s_per_unit,
                          double default_mib_per_s, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Sndlib, sndlib_free)
