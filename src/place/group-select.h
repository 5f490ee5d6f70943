/* SPDX-License-Identifier: Apache-2.0
 *
 * Which VMs leave an overloaded host: Algorithm 2 of seed 003.
 *
 *     GroupChoice choice;
 *     if (group_select(state, costs, host, &choice))
 *         ccms_apply(choice.ccms, &choice.scheme, state);
 *     group_choice_clear(&choice);
 *
 * A group is a candidate when the host is in the safe range without it (checkAvailable) and what remains is connected
 * enough (DoC >= theta).  If there is no such group, or none for which there is room, every single VM is one.  The
 * cheapest scheme of all candidates wins. */
#pragma once

#include "place/ccms.h"

typedef struct GroupChoice {
    Ccms *ccms; /* whose numbering 'scheme' uses */
    CcmsScheme scheme;
    gboolean is_single;    /* no group would do: a single VM, and the host may still be above the range */
    gboolean is_complete;  /* all groups and all their partitions were looked at */
    guint candidates;      /* groups in the safe range and connected enough */
    guint schemes;         /* of these, with partition and hosts, that were reckoned */
    Resource bottleneck;   /* the fullest resource before */
    double before;         /* its utilisation */
    double after;
} GroupChoice;

/* FALSE: no VM of 'host' can go anywhere.  'choice' is to be cleared in any case. */
gboolean group_select(const PlaceState *state, const PlaceCosts *costs, guint host, GroupChoice *choice);
void group_choice_clear(GroupChoice *choice);

/* checkAvailable: with 'leaving' gone no resource of 'host' is above safe_high, and the one that is fullest now is not
 * below safe_low.  (Were the lower bound for every resource, a host with little memory in use could never be
 * relieved.) */
gboolean group_is_available(const PlaceState *state, guint host, const double *leaving);

/* DoC: how connected 'vms' are among themselves, 0..1; none and a single one are 1.  DOC_COMPONENT: the share of them
 * in the largest connected component; DOC_DEGREE: the share that talks to another one of them. */
double group_connection(const PlaceProblem *problem, DocVariant variant, const guint *vms, guint vms_length);
