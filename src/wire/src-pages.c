/* SPDX-License-Identifier: Apache-2.0
 *
 * See src-pages.h. */
#include "wire/src-pages.h"

#include <errno.h>
#include <string.h>

#include "wire/wire-memory.h"

enum { PLACE_UNSENT, PLACE_ZERO, PLACE_FORGOTTEN, PLACE_SLOT }; /* PLACE_SLOT + slot */

static const uint8_t zeros[WIRE_PAGE_BYTES_MAX];

int src_pages_init(SrcPages *pages, uint64_t pages_length, uint64_t slots_length, uint32_t page_bytes)
{
    memset(pages, 0, sizeof *pages);
    if (slots_length > UINT32_MAX - PLACE_SLOT) {
        return -EINVAL;
    }
    pages->page_bytes = page_bytes;
    pages->pages_length = pages_length;
    pages->slots_length = slots_length;
    pages->pass = 1;
    pages->pages = wire_memory_take(pages_length * sizeof *pages->pages, 0);
    if (slots_length > 0) {
        pages->slots = wire_memory_take(slots_length * sizeof *pages->slots, 0);
        pages->copies = wire_memory_take(slots_length * page_bytes, 1);
    }
    if (!pages->pages || (slots_length > 0 && (!pages->slots || !pages->copies))) {
        src_pages_clear(pages);
        return -ENOMEM;
    }
    return 0;
}

void src_pages_clear(SrcPages *pages)
{
    wire_memory_give(pages->pages, pages->pages_length * sizeof *pages->pages);
    wire_memory_give(pages->slots, pages->slots_length * sizeof *pages->slots);
    wire_memory_give(pages->copies, pages->slots_length * pages->page_bytes);
    memset(pages, 0, sizeof *pages);
}

bool src_pages_sent(SrcPages *pages, uint64_t index)
{
    SrcPage *page = &pages->pages[index];
    bool is_resent = page->pass != 0;

    if (page->pass == pages->pass) {
        pages->pass++;
    }
    page->pass = pages->pass;
    if (is_resent && page->place >= PLACE_SLOT) {
        pages->slots[page->place - PLACE_SLOT].pass = pages->pass;
    }
    return is_resent;
}

static uint8_t *copy_of(const SrcPages *pages, uint32_t slot)
{
    return pages->copies + (uint64_t)slot * pages->page_bytes;
}

const uint8_t *src_pages_base(const SrcPages *pages, uint64_t index)
{
    uint32_t place = pages->pages[index].place;

    return place >= PLACE_SLOT ? copy_of(pages, place - PLACE_SLOT) : place == PLACE_FORGOTTEN ? NULL : zeros;
}

bool src_pages_is_stored(const SrcPages *pages, uint64_t index)
{
    return pages->pages[index].place >= PLACE_SLOT;
}

bool src_pages_is_zero(const SrcPages *pages, uint64_t index)
{
    return pages->pages[index].place <= PLACE_ZERO;
}

uint32_t src_pages_slot(const SrcPages *pages, uint64_t index)
{
    return pages->pages[index].place - PLACE_SLOT;
}

/* A slot that nobody is in. */
static bool slot_take(SrcPages *pages, uint32_t *slot)
{
    if (pages->free_head != 0) {
        *slot = pages->free_head - 1;
        pages->free_head = pages->slots[*slot].next_free;
    } else if (pages->slots_touched < pages->slots_length) {
        *slot = (uint32_t)pages->slots_touched++;
    } else {
        return false;
    }
    pages->slots_used++;
    return true;
}

static void place_set(SrcPages *pages, uint64_t index, uint32_t place)
{
    SrcPage *page = &pages->pages[index];

    if (page->place >= PLACE_SLOT) {
        uint32_t slot = page->place - PLACE_SLOT;

        pages->slots[slot].index = SRC_SLOT_FREE;
        pages->slots[slot].next_free = pages->free_head;
        pages->free_head = slot + 1;
        pages->slots_used--;
    }
    page->place = place;
}

/* Forgets a page that is not busy; called when all slots are taken. */
static bool evict(SrcPages *pages, uint64_t *victim)
{
    for (unsigned look = 0; look < SRC_PAGES_LOOK && look < pages->slots_length; look++) {
        SrcSlot *slot = &pages->slots[pages->hand];

        pages->hand = pages->hand + 1 == pages->slots_length ? 0 : pages->hand + 1;
        if (slot->pass == 0 || pages->pass - slot->pass >= 2) {
            *victim = slot->index;
            place_set(pages, slot->index, PLACE_FORGOTTEN);
            return true;
        }
    }
    return false;
}

bool src_pages_store(SrcPages *pages, uint64_t index, bool is_resent, uint64_t *victim)
{
    uint32_t slot;

    *victim = SRC_SLOT_FREE;
    if (src_pages_is_stored(pages, index)) {
        return true;
    }
    if (!slot_take(pages, &slot) && (!is_resent || !evict(pages, victim) || !slot_take(pages, &slot))) {
        return false;
    }
    pages->slots[slot] = (SrcSlot){.index = index, .pass = is_resent ? pages->pass : 0};
    pages->pages[index].place = slot + PLACE_SLOT;
    return true;
}

void src_pages_update(SrcPages *pages, uint64_t index, const uint8_t *page, const Segments *changes,
                      const SegmentsRule *rule)
{
    uint8_t *copy = copy_of(pages, src_pages_slot(pages, index));

    if (changes) {
        segments_apply(changes, rule, page, copy);
    } else {
        memcpy(copy, page, pages->page_bytes);
    }
}

const uint8_t *src_pages_slot_copy(const SrcPages *pages, uint32_t slot)
{
    return slot < pages->slots_touched && pages->slots[slot].index != SRC_SLOT_FREE ? copy_of(pages, slot) : NULL;
}

void src_pages_forget(SrcPages *pages, uint64_t index)
{
    place_set(pages, index, PLACE_FORGOTTEN);
}

void src_pages_zero(SrcPages *pages, uint64_t index)
{
    place_set(pages, index, PLACE_ZERO);
}
