/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of Algorithm 2 share; for group-*.c only. */
#pragma once

#include "place/group-select.h"

/* VMs 0 .. length - 1 and who of them talks to whom, with room to walk it. */
typedef struct GroupGraph {
    guint length;
    guint *first; /* [length + 1] */
    guint *peer;
    gboolean *is_unseen; /* to be set by whoever asks */
    guint *stack;
} GroupGraph;

/* 'vms' in any order; number i of the graph is the i-th of them by size. */
GroupGraph *group_graph_new(const Traffic *traffic, const guint *vms, guint vms_length);
void group_graph_free(GroupGraph *graph);

/* VMs in the largest component, or those that talk, among those marked unseen; the marks are cleared. */
guint group_graph_connected(GroupGraph *graph, DocVariant variant);

typedef struct GroupCandidate {
    guint64 group;
    double bound; /* no scheme of it costs less */
} GroupCandidate;

/* One overloaded host. */
typedef struct GroupHost {
    const PlaceState *state;
    guint host;
    Ccms *ccms;
    guint vms_length;      /* on the host */
    guint *vms;            /* ascending */
    guint length;          /* of these in the Ccms: all, if they are no more than CCMS_VMS_MAX */
    guint *chosen;         /* [length] their indices in the problem, ascending */
    guint64 movable;       /* not pinned, nor bound by a rule to one that is */
    guint place_on_host[CCMS_VMS_MAX]; /* of each that is chosen: its place in 'vms' */
    GroupGraph *graph;                 /* of all 'vms' */
    guint least_size;                  /* no smaller group leaves what is connected enough */
    guint64 neighbours[CCMS_VMS_MAX];  /* by traffic alone */
    guint64 unit[CCMS_VMS_MAX];       /* those that move with it, itself too */
    Resource bottleneck;
    double least;          /* demand of the bottleneck that has to leave */
    double most;           /* that may leave */
    GArray *candidates;    /* GroupCandidate */
    gboolean is_complete;
} GroupHost;

/* Appends every candidate of a small host. */
void group_enumerate(GroupHost *host);

/* Appends some of a large one: by increasing size, two sizes beyond the first that gave any, and grown ones. */
void group_sample(GroupHost *host);

/* Appends 'group' if it is a candidate.  'leaving': its demand. */
void group_consider(GroupHost *host, guint64 group, const double *leaving);

/* Whether 'group' takes nobody along without those a rule binds to it. */
gboolean group_is_whole(const GroupHost *host, guint64 group);
