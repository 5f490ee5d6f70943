/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcPages: what the source knows about what the destination knows of each page: the dictionary of docs/wire-format.md
 * and, of stored pages, enough to find what changed since.
 *
 *     pages     one entry for each page of all blocks: its place (UNSENT, ZERO, FORGOTTEN or a slot), and the last pass
 * in which it |       was sent
 *       v
 *     slots     the pages that the destination has stored: who is in it, and in which pass that page was last sent
 * again
 *       |
 *       +--> copies   the content; all slots have one (WIRE_PAGE_MEMORY_FULL), or only those of pages that were sent
 * again
 *       +--> hashes   of the blocks of the content, where there is no copy (WIRE_PAGE_MEMORY_HASH; src-hashes.h)
 *
 * All is taken at start, and the sum of the sizes is within the budget; wire-memory.h keeps memory ready ahead of the
 * slots and copies that are handed out for the first time, which are those behind the last.
 *
 * Who gets a slot when all are taken?  A page that is sent for the first time: nobody knows whether it will ever be
 * sent again, so it goes without (that also keeps one pass over a large guest from washing everything out).  A page
 * that is sent again is one that the guest writes, so it takes the slot of one that was not sent again in this pass nor
 * the one before, found by a hand that goes round as in CLOCK.  When a whole look (SRC_PAGES_LOOK slots) finds only
 * pages that are as busy, it goes without: passes are cyclic, and an LRU that always gave way would have forgotten each
 * page just before it is needed.  After a look in vain the next SRC_PAGES_LOOK pages of this pass go without one:
 * looking costs a cache miss each, and a guest can make all pages busy.
 *
 * Copies, where not every slot has one, are given in the same way; one that is taken away is hashed first.
 *
 * One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/segments.h"
#include "wire/src-hashes.h"
#include "wire/wire-memory.h"

typedef struct SrcPage {
    uint32_t place;
    uint32_t pass; /* in which it was sent last; 0 never */
} SrcPage;

typedef struct SrcSlot {
    uint64_t index; /* of the page; SRC_SLOT_FREE */
    uint32_t pass;  /* in which it was sent again last; 0 never */
    uint32_t copy;  /* + 1; 0: none.  Of a free slot: the next free one, + 1 */
} SrcSlot;

#define SRC_SLOT_FREE  UINT64_MAX
#define SRC_PAGES_LOOK 64

typedef struct SrcPagesConfig {
    uint64_t pages, slots;
    uint64_t copies; /* equal to slots: full page memory, no hashes */
    uint32_t page_bytes;
    uint32_t hash_block_bytes; /* 64 or 128 */
    const uint8_t *key;        /* [32] */
    WireMemory *memory;        /* outlives the pages; NULL: no memory is made ready ahead */
} SrcPagesConfig;

typedef struct SrcPages {
    SrcPagesConfig config;
    SrcPage *pages;       /* [pages] */
    SrcSlot *slots;       /* [slots] */
    uint8_t *copies;      /* [copies * page_bytes] */
    uint32_t *copy_slots; /* [copies] whose it is; of a free one: the next free, + 1.  Not for full page memory */
    uint64_t *hashes;     /* [slots * page_bytes / hash_block_bytes]; not for full page memory */
    struct {
        WireArena pages, slots, copies, copy_slots, hashes;
    } arenas; /* behind these five */
    SrcHashes hasher;
    uint64_t fresh[WIRE_PAGE_BYTES_MAX / 64]; /* hashes of the page in work, once they were needed */
    const uint8_t *fresh_of;
    uint64_t slots_touched, slots_used, slot_hand;
    uint64_t copies_touched, copy_hand;
    unsigned slot_rest, copy_rest; /* pages that go without a look */
    uint32_t free_slot, free_copy; /* + 1 */
    uint32_t pass;                 /* the current one, from 1 */
} SrcPages;

/* What each page, slot and copy takes: for budgets. */
#define SRC_PAGES_PAGE_BYTES                            sizeof(SrcPage)
#define SRC_PAGES_SLOT_BYTES                            sizeof(SrcSlot)
#define SRC_PAGES_HASHES_BYTES(page_bytes, block_bytes) ((uint64_t)(page_bytes) / (block_bytes) * sizeof(uint64_t))
#define SRC_PAGES_COPY_BYTES(page_bytes)                ((uint64_t)(page_bytes) + sizeof(uint32_t))

/* 0, -EINVAL, -ENOMEM. */
int src_pages_init(SrcPages *pages, const SrcPagesConfig *config);
void src_pages_clear(SrcPages *pages);

/* The page is being sent.  True when it was sent before; begins a new pass when that
 * was in the current one. */
bool src_pages_sent(SrcPages *pages, uint64_t index);

bool src_pages_is_stored(const SrcPages *pages, uint64_t index);
bool src_pages_is_zero(const SrcPages *pages, uint64_t index); /* or UNSENT */

/* What changed from what the destination has; all of it (SEGMENTS_FULL) when that is not known. */
void src_pages_changes(SrcPages *pages, uint64_t index, const uint8_t *content, const SegmentsRule *rule,
                       Segments *changes);

/* Makes the page STORED if it is not; 'is_resent' as src_pages_sent said.  False: no slot for it.  *victim: the page
 * that had to be forgotten for it, SRC_SLOT_FREE: none.  src_pages_update has to follow. */
bool src_pages_store(SrcPages *pages, uint64_t index, bool is_resent, uint64_t *victim);

/* The stored page has 'content' now.  'changes' as src_pages_changes found them; NULL: all of it. */
void src_pages_update(SrcPages *pages, uint64_t index, const uint8_t *content, const SegmentsRule *rule,
                      const Segments *changes);

/* The slot of a stored page; and whether the page in a slot has 'content' (by its hashes where there is no copy). */
uint32_t src_pages_slot(const SrcPages *pages, uint64_t index);
bool src_pages_slot_has(SrcPages *pages, uint32_t slot, const uint8_t *content);

void src_pages_forget(SrcPages *pages, uint64_t index);
void src_pages_zero(SrcPages *pages, uint64_t index);
