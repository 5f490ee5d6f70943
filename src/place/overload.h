/* SPDX-License-Identifier: Apache-2.0
 *
 * Which VMs leave an overloaded host when one leaves after the other: those with the least migration time first, until
 * the host is back below the upper end of the safe range (MMT, Beloglazov and Buyya 2012).
 *
 * The way of all placers that move single VMs (FPA-VMM, PABFD, Sercon); GBM-VMM, which chooses a group as a whole, is
 * measured against it. */
#pragma once

#include "place/rival.h"

/* Takes units away from every source of a RELIEVE until each is within the range or has nobody left that could leave,
 * and appends them to 'leaving' (guint).  Passed over are units that fit nowhere even now, and such that take nothing
 * off what there is too much of. */
void overload_take(Rival *rival, GArray *leaving);

/* What must find a place: overload_take, or with EVACUATE all movers; taken away, largest first by CPU, then memory.
 * Those that fit on no destination even when all are away are brought home and left out. */
GArray *overload_leaving(Rival *rival);
