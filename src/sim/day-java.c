/* SPDX-License-Identifier: Apache-2.0
 *
 * See day-java.h.  The rules are those of Java 8 and later: String.hashCode is a polynomial in 31; a table's place is
 * the low bits of the hash mixed with its high half; entries of one place are in the order of insertion.  (Places with
 * eight or more entries would become trees in large tables; lists of VMs are far from that.) */
#include "sim/day-java.h"

#include <stdlib.h>

#define RANDOM_MULTIPLIER 0x5deece66dULL
#define RANDOM_MASK       ((1ULL << 48) - 1)

guint8 java_hash_bits(guint8 bits, guint entries)
{
    while (entries > 3u << (bits - 2)) {
        bits++;
    }
    return bits;
}

static guint32 hash_of(guint32 vm)
{
    char digits[16];
    guint length = 0;
    guint32 hash = '2' * 31 + '-';

    do {
        digits[length++] = (char)('0' + vm % 10);
        vm /= 10;
    } while (vm > 0);
    while (length > 0) {
        hash = hash * 31 + (guint32)digits[--length];
    }
    return hash ^ (hash >> 16);
}

typedef struct Entry {
    guint32 place;
    guint32 put; /* when */
    guint32 vm;
} Entry;

static int compare_entries(const void *a, const void *b)
{
    const Entry *left = a;
    const Entry *right = b;

    if (left->place != right->place) {
        return left->place < right->place ? -1 : 1;
    }
    return (left->put > right->put) - (left->put < right->put);
}

void java_hash_order(guint8 bits, guint32 *vms, guint length)
{
    guint32 mask = (1u << bits) - 1;
    Entry few[64];
    g_autofree Entry *many = length > G_N_ELEMENTS(few) ? g_new(Entry, length) : NULL;
    Entry *entries = many != NULL ? many : few;

    for (guint i = 0; i < length; i++) {
        entries[i] = (Entry){hash_of(vms[i]) & mask, i, vms[i]};
    }
    qsort(entries, length, sizeof *entries, compare_entries);
    for (guint i = 0; i < length; i++) {
        vms[i] = entries[i].vm;
    }
}

guint64 java_random_seed(guint64 seed)
{
    return (seed ^ RANDOM_MULTIPLIER) & RANDOM_MASK;
}

static gint32 random_bits(guint64 *state, guint bits)
{
    *state = (*state * RANDOM_MULTIPLIER + 0xb) & RANDOM_MASK;
    return (gint32)(*state >> (48 - bits));
}

guint java_random_below(guint64 *state, guint limit)
{
    gint32 bits = random_bits(state, 31);
    gint32 range = (gint32)limit;

    if ((limit & (limit - 1)) == 0) {
        return (guint)(((gint64)range * bits) >> 31);
    }
    gint32 value = bits % range;

    while ((gint32)((guint32)bits - (guint32)value + (guint32)(range - 1)) < 0) {
        bits = random_bits(state, 31);
        value = bits % range;
    }
    return (guint)value;
}
