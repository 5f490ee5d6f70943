/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of Algorithm 1 share; for ccms*.c only. */
#pragma once

#include "place/ccms.h"

/* VMs outside the Ccms that one in it talks to, gathered by host. */
typedef struct CcmsAnchor {
    guint host;
    double mib_per_s;
} CcmsAnchor;

struct Ccms {
    const PlaceState *state;
    const PlaceProblem *problem;
    const PlaceOptions *options;
    const PlaceCosts *costs;
    guint length;
    guint *vms;                 /* [length] */
    guint hosts_length;
    guint *hosts;               /* those that could take at least one of the VMs */
    guint source;               /* of the first VM; of all, in relief */
    Resource bottleneck;        /* the fullest resource of 'source' */
    guint64 neighbours[CCMS_VMS_MAX];
    double *mib_per_s;          /* [length][length] */
    double *outside_mib_per_s;  /* [length] to VMs that are not in the Ccms */
    GArray **anchors;           /* [length] of CcmsAnchor */
    gboolean *is_bound;         /* [length] a TOGETHER rule names it: alone it may fit nowhere although with others it does */
    double *least_base;         /* [length] NAN: not known yet */
    double least_distance;      /* from where a VM is to where it may go, at least */
    GHashTable *lists;          /* block -> CcmsList, see ccms-hosts.c */
    gsize listed;               /* entries in all lists */
};

static inline guint mask_lowest(guint64 mask)
{
    return (guint)__builtin_ctzll(mask);
}

static inline guint mask_count(guint64 mask)
{
    return (guint)__builtin_popcountll(mask);
}

/* The host for blocks[block] of 'scheme', whose blocks before it have theirs; PLACE_NOWHERE when there is none.
 * 'base': its communication there with VMs outside the Ccms. */
guint ccms_choose_host(Ccms *ccms, const CcmsScheme *scheme, guint block, double *base);

/* The least that VM i can have to communicate with VMs outside, wherever it goes; INFINITY when it fits nowhere. */
double ccms_least_base(Ccms *ccms, guint i);

void ccms_lists_free(gpointer list);
