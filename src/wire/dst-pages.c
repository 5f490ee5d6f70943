/* SPDX-License-Identifier: Apache-2.0
 *
 * See dst-pages.h. */
#include "wire/dst-pages.h"

#include <errno.h>
#include <string.h>

#include "wire/wire-limits.h"

enum { PLACE_UNSENT, PLACE_ZERO, PLACE_FORGOTTEN, PLACE_SLOT }; /* PLACE_SLOT + slot */

static const uint8_t zeros[WIRE_PAGE_BYTES_MAX];

static int take(DstPages *dst, WireMemory *memory)
{
    if (dst->pages == 0) {
        return dst->slots == 0 ? 0 : -EINVAL;
    }
    uint64_t data_bytes = dst->slots * dst->page_bytes;
    int status = wire_arena_take(&dst->arenas.places, memory, dst->pages * sizeof *dst->places, WIRE_MEMORY_TABLE_BYTES);

    if (status == 0 && dst->slots > 0) {
        status = wire_arena_take(&dst->arenas.data, memory, data_bytes, data_bytes);
    }
    if (status == 0 && dst->slots > 0) { /* few are ever given back */
        status = wire_arena_take(&dst->arenas.free_slots, NULL, dst->slots * sizeof *dst->free_slots, 0);
    }
    dst->places = (uint32_t *)(void *)dst->arenas.places.bytes;
    dst->data = dst->arenas.data.bytes;
    dst->free_slots = (uint32_t *)(void *)dst->arenas.free_slots.bytes;
    return status;
}

int dst_pages_init(DstPages *dst, uint64_t pages, uint64_t slots, uint32_t page_bytes, WireMemory *memory)
{
    memset(dst, 0, sizeof *dst);
    if (slots > UINT32_MAX - PLACE_SLOT) {
        return -EINVAL;
    }
    dst->page_bytes = page_bytes;
    dst->pages = pages;
    dst->slots = slots;
    int status = take(dst, memory);

    if (status != 0) {
        dst_pages_clear(dst);
    }
    return status;
}

void dst_pages_clear(DstPages *dst)
{
    wire_arena_give(&dst->arenas.places);
    wire_arena_give(&dst->arenas.data);
    wire_arena_give(&dst->arenas.free_slots);
    memset(dst, 0, sizeof *dst);
}

static uint32_t place_of(const DstPages *dst, uint64_t index)
{
    return dst->pages > 0 ? dst->places[index] : PLACE_FORGOTTEN;
}

const uint8_t *dst_pages_base(const DstPages *dst, uint64_t index)
{
    uint32_t place = place_of(dst, index);

    return place >= PLACE_SLOT ? dst_pages_stored(dst, index) : place == PLACE_FORGOTTEN ? NULL : zeros;
}

uint8_t *dst_pages_stored(const DstPages *dst, uint64_t index)
{
    uint32_t place = place_of(dst, index);

    return place >= PLACE_SLOT ? dst->data + (uint64_t)(place - PLACE_SLOT) * dst->page_bytes : NULL;
}

uint8_t *dst_pages_store(DstPages *dst, uint64_t index)
{
    uint64_t slot;

    if (dst->free_length > 0) {
        slot = dst->free_slots[--dst->free_length];
    } else if (dst->slots_touched < dst->slots) {
        slot = dst->slots_touched++;
        wire_arena_reach(&dst->arenas.data, dst->slots_touched * dst->page_bytes);
    } else {
        return NULL;
    }
    dst->slots_used++;
    dst->places[index] = (uint32_t)slot + PLACE_SLOT;
    return dst->data + slot * dst->page_bytes;
}

static void place_set(DstPages *dst, uint64_t index, uint32_t place)
{
    uint32_t before = place_of(dst, index);

    if (before >= PLACE_SLOT) {
        dst->free_slots[dst->free_length++] = before - PLACE_SLOT;
        dst->slots_used--;
    }
    if (dst->pages > 0) {
        dst->places[index] = place;
    }
}

void dst_pages_forget(DstPages *dst, uint64_t index)
{
    place_set(dst, index, PLACE_FORGOTTEN);
}

void dst_pages_zero(DstPages *dst, uint64_t index)
{
    place_set(dst, index, PLACE_ZERO);
}
