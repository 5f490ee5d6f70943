/* SPDX-License-Identifier: Apache-2.0
 *
 * CCMS, "calculate cost and migration scheme": Algorithm 1 of seed 003.
 *
 * Given a group of VMs that is to leave, it tries the group's partitions into connected blocks, finds a host for each
 * block, and reckons what that costs.  A Ccms holds what stays the same while many groups are tried at the same moment:
 *
 *     g_autoptr(Ccms) ccms = ccms_new(state, costs, vms, vms_length, hosts, hosts_length);
 *     ccms_try(ccms, group, &search);          group: bits are places in 'vms'; search keeps the cheapest
 *     ccms_apply(ccms, &search.best, state);
 *
 * 'state' is not changed by trying.  It must not be changed by others while a Ccms is used. */
#pragma once

#include "place/cost.h"
#include "place/partitions.h"

#define CCMS_VMS_MAX PARTITION_VMS_MAX

typedef struct Ccms Ccms;

/* 'vms': those that may be in groups, at most CCMS_VMS_MAX, ascending; 'hosts': where they may go.  Both are copied. */
Ccms *ccms_new(const PlaceState *state, const PlaceCosts *costs, const guint *vms, guint vms_length,
               const guint *hosts, guint hosts_length);
void ccms_free(Ccms *ccms);
const guint *ccms_vms(const Ccms *ccms); /* those given to ccms_new */

/* A group, its partition, where each block goes, and what that costs. */
typedef struct CcmsScheme {
    guint64 group;
    guint blocks_length; /* 0: none was found */
    guint64 blocks[CCMS_VMS_MAX];
    guint hosts[CCMS_VMS_MAX]; /* of each block */
    PlaceRaw raw;
    double cost; /* integrated */
} CcmsScheme;

/* What to look for among the schemes that are tried, and what was found. */
typedef struct CcmsSearch {
    PlaceRaw base;      /* subtracted before dividing: the least of each term (NORM_MINMAX) or 0 (NORM_REF) */
    PlaceRaw scale;     /* divides */
    gboolean is_range;  /* the first pass of NORM_MINMAX: nothing is chosen, only 'least' and 'most' are filled */
    PlaceRaw least;     /* of all schemes that were tried */
    PlaceRaw most;
    guint schemes;      /* feasible ones that were tried */
    guint partitions;   /* all that were tried */
    guint partitions_max; /* ends the work when reached */
    CcmsScheme best;
} CcmsSearch;

void ccms_search_init(CcmsSearch *search, const PlaceRaw *reference);

/* After a pass with is_range: the second one, normalised by what the first has found. */
void ccms_search_normalise(CcmsSearch *search);

/* Algorithm 1 for one group.  Up to exact_group VMs all partitions are tried, then those of partitions_coarsen.  With
 * NORM_REF a partition is left as soon as it cannot become the cheapest. */
void ccms_try(Ccms *ccms, guint64 group, CcmsSearch *search);

/* No scheme of 'group' costs less than this, by 'search'. */
double ccms_lower_bound(Ccms *ccms, guint64 group, const CcmsSearch *search);

/* checkConnected: whether the VMs of 'block' are connected, by traffic or a TOGETHER rule. */
gboolean ccms_is_connected(const Ccms *ccms, guint64 block);

/* Connected components of all VMs of the Ccms that are in 'mask': the one that holds the lowest. */
guint64 ccms_component(const Ccms *ccms, guint64 mask);

/* MiB/s between members of two masks. */
double ccms_between(const Ccms *ccms, guint64 a, guint64 b);

/* MiB/s between members of 'a' and all VMs that are not in the Ccms. */
double ccms_outside(const Ccms *ccms, guint64 a);

/* Moves the VMs of 'scheme' in 'state'. */
void ccms_apply(const Ccms *ccms, const CcmsScheme *scheme, PlaceState *state);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Ccms, ccms_free)
