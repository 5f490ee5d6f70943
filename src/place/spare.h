/* SPDX-License-Identifier: Apache-2.0
 *
 * Spare: N+k.  Whether any k hosts may fail and their VMs still find room on the others.
 *
 * Room here is what may be reserved on hosts that may receive; the safe range does not count while hosts are down, nor
 * do rules; CPU classes do.  VMs of the failed hosts are placed largest first, each on the first host that has room, in
 * the order of free room; when that does not work out the answer is no, although much shuffling might help.  So a yes is
 * certain. */
#pragma once

#include "place/grouping.h"

#define SPARE_SETS_MAX 20000 /* sets of k hosts that are tried; more are refused */

/* GODWIT_ERROR_UNSUPPORTED when k of so many hosts are too many sets. */
gboolean place_spare_check(const PlaceProblem *problem, guint spare_hosts, GError **error);

/* 'host_of'[vms]: where every VM is.  When not, and 'what' is not NULL, it says which hosts' failure leaves which VM
 * without room; the caller frees it. */
gboolean place_spare_holds(const PlaceProblem *problem, const guint *host_of, guint spare_hosts, char **what);
