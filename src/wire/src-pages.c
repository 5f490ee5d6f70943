/* SPDX-License-Identifier: Apache-2.0
 *
 * See src-pages.h. */
#include "wire/src-pages.h"

#include <errno.h>
#include <string.h>

enum { PLACE_UNSENT, PLACE_ZERO, PLACE_FORGOTTEN, PLACE_SLOT }; /* PLACE_SLOT + slot */

static const uint8_t zeros[WIRE_PAGE_BYTES_MAX];

static bool has_hashes(const SrcPagesConfig *config)
{
    return config->copies < config->slots;
}

static uint32_t hashes_length(const SrcPagesConfig *config)
{
    return config->page_bytes / config->hash_block_bytes;
}

static bool take_slots(SrcPages *pages, WireMemory *memory)
{
    const SrcPagesConfig *config = &pages->config;
    uint64_t bytes = config->slots * sizeof *pages->slots;

    if (wire_arena_take(&pages->arenas.slots, memory, bytes, bytes) != 0) {
        return false;
    }
    pages->slots = (SrcSlot *)(void *)pages->arenas.slots.bytes;
    if (!has_hashes(config)) {
        return true;
    }
    bytes = config->slots * hashes_length(config) * sizeof *pages->hashes;
    if (wire_arena_take(&pages->arenas.hashes, memory, bytes, bytes) != 0) {
        return false;
    }
    pages->hashes = (uint64_t *)(void *)pages->arenas.hashes.bytes;
    return true;
}

static bool take_copies(SrcPages *pages, WireMemory *memory)
{
    const SrcPagesConfig *config = &pages->config;
    uint64_t bytes = config->copies * sizeof *pages->copy_slots;

    if (has_hashes(config)) {
        if (wire_arena_take(&pages->arenas.copy_slots, memory, bytes, bytes) != 0) {
            return false;
        }
        pages->copy_slots = (uint32_t *)(void *)pages->arenas.copy_slots.bytes;
    }
    bytes = config->copies * config->page_bytes;
    if (wire_arena_take(&pages->arenas.copies, memory, bytes, bytes) != 0) {
        return false;
    }
    pages->copies = pages->arenas.copies.bytes;
    return true;
}

static bool take(SrcPages *pages)
{
    const SrcPagesConfig *config = &pages->config;

    if (wire_arena_take(&pages->arenas.pages, config->memory, config->pages * sizeof *pages->pages,
                        WIRE_MEMORY_TABLE_BYTES) != 0) {
        return false;
    }
    pages->pages = (SrcPage *)(void *)pages->arenas.pages.bytes;
    return (config->slots == 0 || take_slots(pages, config->memory)) &&
           (config->copies == 0 || take_copies(pages, config->memory));
}

int src_pages_init(SrcPages *pages, const SrcPagesConfig *config)
{
    int status = 0;

    memset(pages, 0, sizeof *pages);
    if (config->slots > UINT32_MAX - PLACE_SLOT || config->copies > config->slots) {
        return -EINVAL;
    }
    pages->config = *config;
    pages->pass = 1;
    if (has_hashes(config)) {
        status = src_hashes_init(&pages->hasher, config->hash_block_bytes, config->key);
    }
    if (status == 0 && !take(pages)) {
        status = -ENOMEM;
    }
    pages->config.key = NULL; /* ours no longer */
    if (status != 0) {
        src_pages_clear(pages);
    }
    return status;
}

void src_pages_clear(SrcPages *pages)
{
    wire_arena_give(&pages->arenas.pages);
    wire_arena_give(&pages->arenas.slots);
    wire_arena_give(&pages->arenas.copies);
    wire_arena_give(&pages->arenas.copy_slots);
    wire_arena_give(&pages->arenas.hashes);
    explicit_bzero(pages, sizeof *pages);
}

bool src_pages_sent(SrcPages *pages, uint64_t index)
{
    SrcPage *page = &pages->pages[index];
    bool is_resent = page->pass != 0;

    pages->fresh_of = NULL;
    if (page->pass == pages->pass) {
        pages->pass++;
        pages->slot_rest = pages->copy_rest = 0;
    }
    page->pass = pages->pass;
    if (is_resent && page->place >= PLACE_SLOT) {
        pages->slots[page->place - PLACE_SLOT].pass = pages->pass;
    }
    return is_resent;
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

/* The copy of what is in a slot; NULL when there are only hashes. */
static uint8_t *copy_of(const SrcPages *pages, uint32_t slot)
{
    uint64_t copy = slot;

    if (has_hashes(&pages->config)) {
        if (pages->slots[slot].copy == 0) {
            return NULL;
        }
        copy = pages->slots[slot].copy - 1;
    }
    return pages->copies + copy * pages->config.page_bytes;
}

static uint64_t *hashes_of(const SrcPages *pages, uint32_t slot)
{
    return pages->hashes + (uint64_t)slot * hashes_length(&pages->config);
}

/* Hashes of the page in work. */
static const uint64_t *fresh(SrcPages *pages, const uint8_t *content)
{
    if (pages->fresh_of != content) {
        src_hashes_page(&pages->hasher, content, pages->config.page_bytes, pages->fresh);
        pages->fresh_of = content;
    }
    return pages->fresh;
}

/* The mask of words of the blocks whose hashes changed. */
static void changes_by_hash(SrcPages *pages, uint32_t slot, const uint8_t *content, const SegmentsRule *rule,
                            Segments *changes)
{
    uint32_t words = pages->config.hash_block_bytes / 8;
    uint64_t block_mask = (UINT64_C(1) << words) - 1;
    const uint64_t *now = fresh(pages, content);
    const uint64_t *before = hashes_of(pages, slot);

    for (uint32_t group = 0, block = 0; group < SEGMENTS_MASK_LENGTH(pages->config.page_bytes); group++) {
        uint64_t bits = 0;

        for (uint32_t word = 0; word < 64; word += words, block++) {
            bits |= (now[block] != before[block] ? block_mask : 0) << word;
        }
        changes->mask[group] = bits;
    }
    segments_find_masked(changes, rule);
}

void src_pages_changes(SrcPages *pages, uint64_t index, const uint8_t *content, const SegmentsRule *rule,
                       Segments *changes)
{
    uint32_t place = pages->pages[index].place;

    if (place == PLACE_FORGOTTEN) {
        changes->form = SEGMENTS_FULL;
        changes->wire_bytes = changes->dirty_bytes = pages->config.page_bytes;
    } else if (place < PLACE_SLOT) {
        segments_find(changes, rule, content, zeros);
    } else if (copy_of(pages, place - PLACE_SLOT)) {
        segments_find(changes, rule, content, copy_of(pages, place - PLACE_SLOT));
    } else {
        changes_by_hash(pages, place - PLACE_SLOT, content, rule, changes);
    }
}

/* Slots that were never used are used now. */
static void slots_reach(SrcPages *pages)
{
    const SrcPagesConfig *config = &pages->config;

    wire_arena_reach(&pages->arenas.slots, pages->slots_touched * sizeof *pages->slots);
    if (has_hashes(config)) {
        wire_arena_reach(&pages->arenas.hashes, pages->slots_touched * hashes_length(config) * sizeof *pages->hashes);
    } else {
        wire_arena_reach(&pages->arenas.copies, pages->slots_touched * config->page_bytes);
    }
}

/* A slot that nobody is in. */
static bool slot_take(SrcPages *pages, uint32_t *slot)
{
    if (pages->free_slot != 0) {
        *slot = pages->free_slot - 1;
        pages->free_slot = pages->slots[*slot].copy;
    } else if (pages->slots_touched < pages->config.slots) {
        *slot = (uint32_t)pages->slots_touched++;
        slots_reach(pages);
    } else {
        return false;
    }
    pages->slots_used++;
    return true;
}

/* The slot's copy, if it has one of its own, is free. */
static void copy_give(SrcPages *pages, uint32_t slot)
{
    uint32_t copy = pages->slots[slot].copy;

    if (has_hashes(&pages->config) && copy != 0) {
        pages->copy_slots[copy - 1] = pages->free_copy;
        pages->free_copy = copy;
        pages->slots[slot].copy = 0;
    }
}

static void place_set(SrcPages *pages, uint64_t index, uint32_t place)
{
    SrcPage *page = &pages->pages[index];

    if (page->place >= PLACE_SLOT) {
        uint32_t slot = page->place - PLACE_SLOT;

        copy_give(pages, slot);
        pages->slots[slot] = (SrcSlot){.index = SRC_SLOT_FREE, .copy = pages->free_slot};
        pages->free_slot = slot + 1;
        pages->slots_used--;
    }
    page->place = place;
}

/* Sent again in this pass or the one before. */
static bool is_busy(const SrcPages *pages, const SrcSlot *slot)
{
    return slot->pass != 0 && pages->pass - slot->pass < 2;
}

/* Forgets a page that is not busy; called when all slots are taken. */
static bool evict(SrcPages *pages, uint64_t *victim)
{
    if (pages->slot_rest > 0) {
        pages->slot_rest--;
        return false;
    }
    for (uint64_t look = 0; look < SRC_PAGES_LOOK && look < pages->config.slots; look++) {
        const SrcSlot *slot = &pages->slots[pages->slot_hand];

        pages->slot_hand = pages->slot_hand + 1 == pages->config.slots ? 0 : pages->slot_hand + 1;
        if (!is_busy(pages, slot)) {
            *victim = slot->index;
            place_set(pages, slot->index, PLACE_FORGOTTEN);
            return true;
        }
    }
    pages->slot_rest = SRC_PAGES_LOOK;
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

/* Takes the copy of a page that is not busy, which is known by its hashes from now on. */
static bool copy_evict(SrcPages *pages)
{
    if (pages->copy_rest > 0) {
        pages->copy_rest--;
        return false;
    }
    for (uint64_t look = 0; look < SRC_PAGES_LOOK && look < pages->config.copies; look++) {
        uint32_t slot = pages->copy_slots[pages->copy_hand];

        pages->copy_hand = pages->copy_hand + 1 == pages->config.copies ? 0 : pages->copy_hand + 1;
        if (!is_busy(pages, &pages->slots[slot])) {
            src_hashes_page(&pages->hasher, copy_of(pages, slot), pages->config.page_bytes, hashes_of(pages, slot));
            copy_give(pages, slot);
            return true;
        }
    }
    pages->copy_rest = SRC_PAGES_LOOK;
    return false;
}

/* Gives the slot a copy if there is one for it. */
static bool copy_take(SrcPages *pages, uint32_t slot)
{
    uint32_t copy;

    if (pages->free_copy == 0 && pages->copies_touched < pages->config.copies) {
        copy = (uint32_t)++pages->copies_touched;
        wire_arena_reach(&pages->arenas.copies, pages->copies_touched * pages->config.page_bytes);
    } else {
        if (pages->free_copy == 0 && !copy_evict(pages)) {
            return false;
        }
        copy = pages->free_copy;
        pages->free_copy = pages->copy_slots[copy - 1];
    }
    pages->copy_slots[copy - 1] = slot;
    pages->slots[slot].copy = copy;
    return true;
}

void src_pages_update(SrcPages *pages, uint64_t index, const uint8_t *content, const SegmentsRule *rule,
                      const Segments *changes)
{
    uint32_t slot = src_pages_slot(pages, index);
    uint8_t *copy = copy_of(pages, slot);

    if (copy && changes) {
        segments_apply(changes, rule, content, copy);
    } else if (copy || (pages->slots[slot].pass != 0 && copy_take(pages, slot))) {
        memcpy(copy_of(pages, slot), content, pages->config.page_bytes);
    } else {
        memcpy(hashes_of(pages, slot), fresh(pages, content), hashes_length(&pages->config) * sizeof *pages->hashes);
    }
}

bool src_pages_slot_has(SrcPages *pages, uint32_t slot, const uint8_t *content)
{
    const uint8_t *copy;

    if (slot >= pages->slots_touched || pages->slots[slot].index == SRC_SLOT_FREE) {
        return false;
    }
    copy = copy_of(pages, slot);
    return copy ? memcmp(copy, content, pages->config.page_bytes) == 0
                : memcmp(hashes_of(pages, slot), fresh(pages, content),
                         hashes_length(&pages->config) * sizeof *pages->hashes) == 0;
}

void src_pages_forget(SrcPages *pages, uint64_t index)
{
    place_set(pages, index, PLACE_FORGOTTEN);
}

void src_pages_zero(SrcPages *pages, uint64_t index)
{
    place_set(pages, index, PLACE_ZERO);
}
