/* SPDX-License-Identifier: Apache-2.0
 *
 * Packing: what came of packing one instance, VMs on the fewest hosts; place/pack.h makes it, report/ tells it. */
#pragma once

#include <glib.h>

typedef struct Packing {
    char *name;              /* of the instance */
    guint vms;
    guint hosts;             /* that there are */
    guint hosts_used;
    guint hosts_constructed; /* before the search; G_MAXUINT: the construction alone found no place for all */
    guint lower_bound;       /* on the hosts that any packing uses */
    guint64 moves;           /* that the search tried */
    double seconds;          /* that it took */
    guint *host_of;          /* [vms] index of a host in the order of the instance; owned */
} Packing;

void packing_free(Packing *packing);

/* Hosts above the lower bound, in per cent of it. */
double packing_gap_percent(const Packing *packing);
gboolean packing_is_best(const Packing *packing); /* proven: no packing has fewer hosts */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Packing, packing_free)
