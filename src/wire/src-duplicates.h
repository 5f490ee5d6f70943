/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcDuplicates: where a stored page with a given content may be.
 *
 * A table of buckets, one cache line each: the upper half of a keyed XXH3-64 of a content finds the bucket, the lower
 * half is the tag beside the slot.  It only proposes: a slot may hold something else by now, or a tag fit by chance;
 * the caller compares.  A full bucket loses one entry for each that comes.  A guest does not know the key, so it cannot
 * aim at one bucket; one tag is at most once in a bucket, so a page costs one comparison at most.
 *
 * One thread. */
#pragma once

#include "wire/wire-memory.h"

typedef struct SrcDuplicate {
    uint32_t tag;
    uint32_t slot; /* + 1; 0: empty */
} SrcDuplicate;

#define SRC_DUPLICATES_WAYS 8

typedef struct SrcDuplicates {
    SrcDuplicate *table; /* [buckets * SRC_DUPLICATES_WAYS] */
    uint64_t buckets;
    uint64_t key;
    WireArena arena; /* of the table */
} SrcDuplicates;

/* Memory for each slot: 3 entries for 2 slots, so that buckets seldom overflow. */
#define SRC_DUPLICATES_SLOT_BYTES 12

/* 'memory' may be NULL.  0 or -ENOMEM. */
int src_duplicates_init(SrcDuplicates *duplicates, uint64_t slots, uint64_t key, WireMemory *memory);
void src_duplicates_clear(SrcDuplicates *duplicates);

uint64_t src_duplicates_hash(const SrcDuplicates *duplicates, const uint8_t *page, uint32_t page_bytes);

#define SRC_DUPLICATES_NONE UINT32_MAX

/* The slot that may hold this content, or SRC_DUPLICATES_NONE. */
uint32_t src_duplicates_find(const SrcDuplicates *duplicates, uint64_t hash);

/* The content with this hash is in 'slot' now. */
void src_duplicates_add(SrcDuplicates *duplicates, uint64_t hash, uint32_t slot);
