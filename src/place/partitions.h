/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions of a group of VMs into connected blocks.
 *
 * Seed 003 section 2.2: VMs with the same connection go to the same host, so a block may only hold VMs that are
 * connected with each other through members of the block; with edges 3-4 and 4-5, {3,5}{4} is none.  On a path of n VMs
 * there are 2^(n-1) such partitions, on a complete graph as many as Bell's number, and only connected ones are made.
 *
 * A block is a mask: bit i is the VM with index i of the group. */
#pragma once

#include <glib.h>

#define PARTITION_VMS_MAX 64

/* Called for each partition; the blocks are ordered by their lowest VM.  FALSE ends the work. */
typedef gboolean (*PartitionFunc)(const guint64 *blocks, guint blocks_length, gpointer user);

/* Every partition of VMs 0 .. length - 1 into connected blocks, once.  neighbours[i]: who VM i talks to, as a mask.
 * Returns FALSE when 'func' did. */
gboolean partitions_each(const guint64 *neighbours, guint length, PartitionFunc func, gpointer user);

/* A few partitions instead of all, for groups that are too large: first every VM alone, then again and again the two
 * blocks with the most traffic between them as one, until nothing is left that talks.  mib_per_s[i * length + j];
 * neighbours that exchange nothing (a TOGETHER rule) are merged after all that do.  At most 'length' partitions. */
gboolean partitions_coarsen(const guint64 *neighbours, const double *mib_per_s, guint length, PartitionFunc func,
                            gpointer user);

/* Whether the VMs in 'mask' are connected within it.  The empty mask is. */
gboolean partition_is_connected(const guint64 *neighbours, guint64 mask);

/* The VMs that can be reached from those in 'start' within 'mask'. */
guint64 partition_reach(const guint64 *neighbours, guint64 start, guint64 mask);
