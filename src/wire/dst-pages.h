/* SPDX-License-Identifier: Apache-2.0
 *
 * DstPages: what the destination keeps of each page: a state, and a slot with the content of those that are STORED
 * (docs/wire-format.md). It has no policy: the source says what is stored and what is forgotten.
 *
 *     places   one number for each page of all blocks: UNSENT, ZERO, FORGOTTEN, or the slot it is stored in
 *     slots    contents, page_bytes each; taken in rising order at first, later those that were given back, last first
 *
 * All is taken at start; wire-memory.h keeps memory ready ahead of the slots.  One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/wire-memory.h"

typedef struct DstPages {
    uint32_t page_bytes;
    uint64_t pages, slots;
    uint32_t *places;     /* [pages] */
    uint8_t *data;        /* [slots * page_bytes] */
    uint32_t *free_slots; /* [slots] a stack */
    uint64_t free_length;
    uint64_t slots_touched; /* ever used */
    uint64_t slots_used;    /* now */
    struct {
        WireArena places, data, free_slots;
    } arenas; /* behind these three */
} DstPages;

/* 'pages' and 'slots' 0: nothing is known of any page, ever.  'memory' may be NULL.  0, -EINVAL (more slots than can be numbered) or -ENOMEM. */
int dst_pages_init(DstPages *dst, uint64_t pages, uint64_t slots, uint32_t page_bytes, WireMemory *memory);
void dst_pages_clear(DstPages *dst);

/* Memory of a slot with what belongs to it, and of a page's place. */
#define DST_PAGES_SLOT_BYTES(page_bytes) ((uint64_t)(page_bytes) + sizeof(uint32_t))
#define DST_PAGES_PLACE_BYTES            sizeof(uint32_t)

/* What a change to the page is made to: its content when STORED, zeros when UNSENT or ZERO, NULL when FORGOTTEN. */
const uint8_t *dst_pages_base(const DstPages *dst, uint64_t index);

/* Its content in its slot; NULL when not STORED. */
uint8_t *dst_pages_stored(const DstPages *dst, uint64_t index);

/* A slot for a page that is not STORED, which it is from now on; the caller fills it.  NULL: none is left. */
uint8_t *dst_pages_store(DstPages *dst, uint64_t index);

/* The page is FORGOTTEN or ZERO from now on; its slot is free. */
void dst_pages_forget(DstPages *dst, uint64_t index);
void dst_pages_zero(DstPages *dst, uint64_t index);
