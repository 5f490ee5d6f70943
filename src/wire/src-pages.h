/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcPages: what the source knows about what the destination knows of each page: the dictionary of docs/wire-format.md and, of
 * stored pages, enough to find what changed since.
 *
 *     pages    one entry for each page of all blocks: its place (UNSENT, ZERO, FORGOTTEN or a slot), and the last pass in which it was sent
 *     slots    the pages that the destination has stored; who is in it, and in which pass that page was last sent again
 *     copies   the content of a slot
 *
 * All is taken at start, as address space; memory is used as it is touched, and the sum of the sizes is within the budget.
 *
 * Who gets a slot when all are taken?  A page that is sent for the first time: nobody knows whether it will ever be sent again,
 * so it goes without (that also keeps one pass over a large guest from washing everything out).  A page that is sent again is
 * one that the guest writes, so it takes the slot of one that was not sent again in this pass nor the one before, found by a
 * hand that goes round as in CLOCK.  When a whole look (SRC_PAGES_LOOK slots) finds only pages that are as busy, it goes without: passes
 * are cyclic, and an LRU that always gave way would have forgotten each page just before it is needed.
 *
 * One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/segments.h"

typedef struct SrcPage {
    uint32_t place;
    uint32_t pass; /* in which it was sent last; 0 never */
} SrcPage;

typedef struct SrcSlot {
    uint64_t index; /* of the page; SRC_SLOT_FREE */
    uint32_t pass;  /* in which it was sent again last; 0 never */
    uint32_t next_free;
} SrcSlot;

#define SRC_SLOT_FREE UINT64_MAX
#define SRC_PAGES_LOOK 64

typedef struct SrcPages {
    uint32_t page_bytes;
    uint64_t pages_length;
    uint64_t slots_length;
    SrcPage *pages;  /* [pages_length] */
    SrcSlot *slots;  /* [slots_length] */
    uint8_t *copies; /* [slots_length * page_bytes] */
    uint64_t slots_touched, slots_used;
    uint32_t free_head; /* slot + 1 */
    uint64_t hand;
    uint32_t pass;   /* the current one, from 1 */
} SrcPages;

#define SRC_PAGES_ENTRY_BYTES sizeof(SrcPage)
#define SRC_PAGES_SLOT_BYTES(page_bytes) (sizeof(SrcSlot) + (uint64_t)(page_bytes))

/* 0, -EINVAL, -ENOMEM. */
int src_pages_init(SrcPages *pages, uint64_t pages_length, uint64_t slots_length, uint32_t page_bytes);
void src_pages_clear(SrcPages *pages);

/* The page is being sent.  True when it was sent before; begins a new pass when that was in the current one. */
bool src_pages_sent(SrcPages *pages, uint64_t index);

/* What changes are told against: the copy of a stored page, zeros when UNSENT or ZERO, NULL when FORGOTTEN. */
const uint8_t *src_pages_base(const SrcPages *pages, uint64_t index);

bool src_pages_is_stored(const SrcPages *pages, uint64_t index);
bool src_pages_is_zero(const SrcPages *pages, uint64_t index); /* or UNSENT */

/* The slot of a stored page. */
uint32_t src_pages_slot(const SrcPages *pages, uint64_t index);

/* Makes the page STORED if it is not; 'is_resent' as src_pages_sent said.  False: no slot for it.  *victim: the page that had to be
 * forgotten for it, SRC_SLOT_FREE: none.  The content is told with src_pages_update. */
bool src_pages_store(SrcPages *pages, uint64_t index, bool is_resent, uint64_t *victim);

/* The stored page's content is 'page' now.  'changes' from the base that it had, NULL: all of it. */
void src_pages_update(SrcPages *pages, uint64_t index, const uint8_t *page, const Segments *changes,
                      const SegmentsRule *rule);

/* The content of a slot; NULL when nobody is in it. */
const uint8_t *src_pages_slot_copy(const SrcPages *pages, uint32_t slot);

void src_pages_forget(SrcPages *pages, uint64_t index);
void src_pages_zero(SrcPages *pages, uint64_t index);
