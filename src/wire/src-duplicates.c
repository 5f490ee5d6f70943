/* SPDX-License-Identifier: Apache-2.0
 *
 * See src-duplicates.h. */
#include "wire/src-duplicates.h"

#include <errno.h>
#include <string.h>

#include "wire/wire-memory.h"
#include "wire/wire-xxh3.h"

static uint64_t table_bytes(const SrcDuplicates *duplicates)
{
    return duplicates->buckets * SRC_DUPLICATES_WAYS * sizeof(SrcDuplicate);
}

int src_duplicates_init(SrcDuplicates *duplicates, uint64_t slots, uint64_t key)
{
    memset(duplicates, 0, sizeof *duplicates);
    duplicates->buckets = slots * SRC_DUPLICATES_SLOT_BYTES / (SRC_DUPLICATES_WAYS * sizeof(SrcDuplicate)) + 1;
    duplicates->key = key;
    duplicates->table = wire_memory_take(table_bytes(duplicates), 1);
    return duplicates->table ? 0 : -ENOMEM;
}

void src_duplicates_clear(SrcDuplicates *duplicates)
{
    wire_memory_give(duplicates->table, table_bytes(duplicates));
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
