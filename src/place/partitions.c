/* SPDX-License-Identifier: Apache-2.0
 *
 * Partitions into connected blocks; see partitions.h.
 *
 * Theory of operation.  The lowest VM that has no block yet starts one, and the block grows by connected extensions:
 * at each step a VM beside it is either taken in or ruled out for good, and every choice leads to another block.
 * Because a VM once ruled out stays so, no block is met twice:
 *
 *     block {v}          beside: a, b
 *       a in  -> block {v,a}    beside: b and whoever a talks to
 *       a out -> block {v}      beside: b               (a can never come back into this block)
 *
 * When nobody is left beside it the block is complete, and the rest is partitioned the same way.  The alternative, all
 * restricted growth strings with those thrown away that are not connected, makes Bell(n) strings for what may be
 * 2^(n-1) partitions: 4,213,597 instead of 2,048 for a path of 12. */
#include "place/partitions.h"

guint64 partition_reach(const guint64 *neighbours, guint64 start, guint64 mask)
{
    guint64 reached = start & mask;
    guint64 fresh = reached;

    while (fresh) {
        guint v = (guint)__builtin_ctzll(fresh);

        fresh &= fresh - 1;
        guint64 more = neighbours[v] & mask & ~reached;
        reached |= more;
        fresh |= more;
    }
    return reached;
}

gboolean partition_is_connected(const guint64 *neighbours, guint64 mask)
{
    return !mask || partition_reach(neighbours, mask & -mask, mask) == mask;
}

typedef struct Walk {
    const guint64 *neighbours;
    PartitionFunc func;
    gpointer user;
    guint64 blocks[PARTITION_VMS_MAX];
} Walk;

static gboolean start_block(Walk *walk, guint blocks_length, guint64 unassigned);

/* 'open': VMs that the block may still take in, without those that were ruled out. */
static gboolean grow_block(Walk *walk, guint blocks_length, guint64 block, guint64 beside, guint64 open,
                           guint64 unassigned)
{
    if (!beside) {
        walk->blocks[blocks_length] = block;
        return start_block(walk, blocks_length + 1, unassigned & ~block);
    }
    guint64 next = beside & -beside;
    guint64 more = walk->neighbours[__builtin_ctzll(next)] & open & ~beside;

    return grow_block(walk, blocks_length, block | next, (beside | more) & ~next, open & ~next & ~more, unassigned) &&
           grow_block(walk, blocks_length, block, beside & ~next, open, unassigned);
}

static gboolean start_block(Walk *walk, guint blocks_length, guint64 unassigned)
{
    if (!unassigned) {
        return walk->func(walk->blocks, blocks_length, walk->user);
    }
    guint64 first = unassigned & -unassigned;
    guint64 beside = walk->neighbours[__builtin_ctzll(first)] & unassigned & ~first;

    return grow_block(walk, blocks_length, first, beside, unassigned & ~first & ~beside, unassigned);
}

static guint64 all_of(guint length)
{
    return length == PARTITION_VMS_MAX ? ~(guint64)0 : ((guint64)1 << length) - 1;
}

gboolean partitions_each(const guint64 *neighbours, guint length, PartitionFunc func, gpointer user)
{
    Walk walk = {.neighbours = neighbours, .func = func, .user = user};

    g_assert(length <= PARTITION_VMS_MAX);
    return start_block(&walk, 0, all_of(length));
}

/* MiB/s between two blocks; -1 when they are no neighbours. */
static double between(const guint64 *neighbours, const double *mib_per_s, guint length, guint64 a, guint64 b)
{
    gboolean are_neighbours = FALSE;
    double sum = 0;

    for (guint64 rest = a; rest; rest &= rest - 1) {
        guint i = (guint)__builtin_ctzll(rest);

        for (guint64 met = neighbours[i] & b; met; met &= met - 1) {
            sum += mib_per_s[i * length + (guint)__builtin_ctzll(met)];
            are_neighbours = TRUE;
        }
    }
    return are_neighbours ? sum : -1;
}

/* Merges the two blocks that exchange most; FALSE when no two are neighbours. */
static gboolean merge(const guint64 *neighbours, const double *mib_per_s, guint length, guint64 *blocks,
                      guint *blocks_length)
{
    double best = -1;
    guint best_a = 0;
    guint best_b = 0;

    for (guint a = 0; a < *blocks_length; a++) {
        for (guint b = a + 1; b < *blocks_length; b++) {
            double sum = between(neighbours, mib_per_s, length, blocks[a], blocks[b]);

            if (sum > best) {
                best = sum;
                best_a = a;
                best_b = b;
            }
        }
    }
    if (best < 0) {
        return FALSE;
    }
    blocks[best_a] |= blocks[best_b];
    (*blocks_length)--;
    for (guint b = best_b; b < *blocks_length; b++) {
        blocks[b] = blocks[b + 1];
    }
    return TRUE;
}

gboolean partitions_coarsen(const guint64 *neighbours, const double *mib_per_s, guint length, PartitionFunc func,
                            gpointer user)
{
    guint64 blocks[PARTITION_VMS_MAX];
    guint blocks_length = length;

    g_assert(length <= PARTITION_VMS_MAX);
    for (guint i = 0; i < length; i++) {
        blocks[i] = (guint64)1 << i;
    }
    do {
        if (!func(blocks, blocks_length, user)) {
            return FALSE;
        }
    } while (merge(neighbours, mib_per_s, length, blocks, &blocks_length));
    return TRUE;
}
