/* SPDX-License-Identifier: Apache-2.0
 *
 * See src-duplicates.h. */
#include "wire/src-duplicates.h"

#include <string.h>

#include "wire/wire-xxh3.h"

int src_duplicates_init(SrcDuplicates *duplicates, uint64_t slots, uint64_t key, WireMemory *memory)
{
    memset(duplicates, 0, sizeof *duplicates);
    duplicates->buckets = slots * SRC_DUPLICATES_SLOT_BYTES / (SRC_DUPLICATES_WAYS * sizeof(SrcDuplicate)) + 1;
    duplicates->key = key;
    uint64_t bytes = duplicates->buckets * SRC_DUPLICATES_WAYS * sizeof(SrcDuplicate);
    int status = wire_arena_take(&duplicates->arena, memory, bytes, WIRE_MEMORY_TABLE_BYTES);

    if (status == 0) {
        wire_arena_reach(&duplicates->arena, bytes); /* it is used all over */
    }

    duplicates->table = (SrcDuplicate *)(void *)duplicates->arena.bytes;
    return status;
}

void src_duplicates_clear(SrcDuplicates *duplicates)
{
    wire_arena_give(&duplicates->arena);
    memset(duplicates, 0, sizeof *duplicates);
}

uint64_t src_duplicates_hash(const SrcDuplicates *duplicates, const uint8_t *page, uint32_t page_bytes)
{
    return XXH3_64bits_withSeed(page, page_bytes, duplicates->key);
}

static SrcDuplicate *bucket_of(const SrcDuplicates *duplicates, uint64_t hash)
{
    uint64_t bucket = ((hash >> 32) * duplicates->buckets) >> 32;

    return duplicates->table + bucket * SRC_DUPLICATES_WAYS;
}

uint32_t src_duplicates_find(const SrcDuplicates *duplicates, uint64_t hash)
{
    const SrcDuplicate *bucket = bucket_of(duplicates, hash);

    for (unsigned i = 0; i < SRC_DUPLICATES_WAYS; i++) {
        if (bucket[i].slot != 0 && bucket[i].tag == (uint32_t)hash) {
            return bucket[i].slot - 1;
        }
    }
    return SRC_DUPLICATES_NONE;
}

void src_duplicates_add(SrcDuplicates *duplicates, uint64_t hash, uint32_t slot)
{
    SrcDuplicate *bucket = bucket_of(duplicates, hash);
    unsigned at = (unsigned)(hash >> 29) % SRC_DUPLICATES_WAYS; /* the one to lose when all are taken: by chance */

    for (unsigned i = 0; i < SRC_DUPLICATES_WAYS; i++) {
        if (bucket[i].slot == 0 || bucket[i].tag == (uint32_t)hash) {
            at = i;
            break;
        }
    }
    bucket[at] = (SrcDuplicate){(uint32_t)hash, slot + 1};
}
