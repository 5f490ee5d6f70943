/* SPDX-License-Identifier: Apache-2.0
 *
 * pack: VMs on the fewest hosts.
 *
 *     PackProblem problem = {vms, vms_length, hosts, hosts_length};
 *     PackOptions options;
 *     pack_options_init(&options);
 *     g_autoptr(PackResult) result = pack(&problem, &options, &error);
 *     result->host_of[3]          index of the host of VM 3
 *     result->hosts_used          how many hosts have a VM
 *     result->lower_bound         no packing has fewer: when equal, this one is proven best
 *
 * Every VM needs CPU and memory, every host has so much of both; hosts may differ.  Demands and capacities are whole
 * numbers in any unit that VMs and hosts share (vCPUs, thousandths of a core; MiB, bytes), because "exactly full" must
 * be exact.  This is two-dimensional vector packing (Garey, Graham, Johnson and Yao 1976), called VM placement by those
 * who published the instances that bench/pack-bench measures it on (Peake et al. 2022).
 *
 * Nothing is said about where VMs run now; for a fleet with VMs in place, where each move costs, see pack-moves.h.
 *
 * Pure: the same problem and options give the same result.  There is no clock in it: how long it looks is given in
 * moves (effort), and it stops at once when the lower bound is reached. */
#pragma once

#include <glib.h>

/* What fits into a double exactly: sums of demands are kept below it. */
#define PACK_LARGEST_SUM ((guint64)1 << 53)

typedef struct PackVm {
    guint64 cpu;
    guint64 memory;
} PackVm;

typedef struct PackHost {
    guint64 cpu;
    guint64 memory;
} PackHost;

/* Arrays are borrowed. */
typedef struct PackProblem {
    const PackVm *vms;
    guint vms_length;
    const PackHost *hosts;
    guint hosts_length;
} PackProblem;

typedef struct PackOptions {
    guint64 seed;
    guint effort; /* per cent of the usual number of moves before one host fewer is given up; 0: construction only; 100 */
} PackOptions;

typedef struct PackResult {
    guint *host_of;          /* [vms] index into the hosts */
    guint vms_length;
    guint hosts_used;
    guint hosts_constructed; /* as the construction left it, before the search; G_MAXUINT: it did not place all VMs */
    guint lower_bound;
    guint64 moves;           /* that the search tried */
} PackResult;

void pack_options_init(PackOptions *options);

/* GODWIT_ERROR_REFUSED when a VM fits no host, when the bound says that the hosts are too few, or when no packing on
 * all hosts was found (which is no proof that there is none); GODWIT_ERROR_INPUT when sums leave PACK_LARGEST_SUM.
 * VMs and hosts are named by their index. */
PackResult *pack(const PackProblem *problem, const PackOptions *options, GError **error);
void pack_result_free(PackResult *result);

/* The largest of the bounds of pack-bound.c: no packing uses fewer hosts.  More than hosts_length: there is none at
 * all. */
guint pack_lower_bound(const PackProblem *problem);

/* What is wrong with 'host_of' as a packing of 'problem', in words; NULL when nothing is.  Shares no code with what
 * packs. */
char *pack_check(const PackProblem *problem, const guint *host_of);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PackResult, pack_result_free)
