/* SPDX-License-Identifier: Apache-2.0
 *
 * pack-moves: which hosts of a running fleet can be emptied, and with which few moves.
 *
 *     g_autoptr(PackMoves) found = pack_moves_new(&problem, &options);
 *     found->emptied                hosts that nothing runs on afterwards
 *     found->order, found->host_of  the VMs that move, in an order that never overfills a host, and where to
 *
 * Packing (pack.h) with something to lose: VMs are somewhere already, and each move costs.  A host is emptied whole or
 * left alone; most hosts first, then fewest MiB to move.  VMs of hosts that stay may move too, when that makes the room by
 * which one host more is emptied; but a host more is not worth more than what four hosts hold on average.
 *
 * With options.is_at_once all moves may begin at the same moment: only VMs of emptied hosts move, into the room that there
 * is now.
 *
 * What holds: all that place_state_fits asks for (safe_high, reservations, pinned VMs, kinds of CPU, rules), at every
 * step of the order.  A host on which nothing runs is left off; a base load does not keep a host on, a VM that is pinned
 * there does.  Pure: same problem, seed and effort, same answer. */
#pragma once

#include "place/grouping.h"

typedef struct PackMoves {
    guint *host_of; /* [vms] afterwards */
    guint *order;   /* the VMs that move */
    guint order_length;
    guint *emptied; /* ascending */
    guint emptied_length;
    guint used;     /* hosts with VMs now */
    guint bound;    /* no placement that keeps the limits has VMs on fewer hosts; rules are not looked at */
    double moved_mib;
} PackMoves;

/* 'problem' is a checked one (place_problem_check).  Of 'options': safe_high, seed and effort. */
PackMoves *pack_moves_new(const PlaceProblem *problem, const PlaceOptions *options);
void pack_moves_free(PackMoves *moves);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackMoves, pack_moves_free)
