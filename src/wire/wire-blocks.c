/* SPDX-License-Identifier: Apache-2.0
 *
 * See wire-blocks.h. */
#include "wire/wire-blocks.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

int wire_blocks_init(WireBlocks *blocks, uint64_t ram_bytes, uint32_t page_bytes)
{
    if (page_bytes < WIRE_PAGE_BYTES_MIN || page_bytes > WIRE_PAGE_BYTES_MAX || (page_bytes & (page_bytes - 1)) != 0 ||
        ram_bytes / page_bytes > WIRE_PAGES_MAX) {
        return -EINVAL;
    }
    memset(blocks, 0, sizeof *blocks);
    blocks->page_bytes = page_bytes;
    blocks->pages_max = (ram_bytes + WIRE_RAM_EXTRA_BYTES) / page_bytes;
    return 0;
}

int wire_blocks_add(WireBlocks *blocks, const void *name, uint8_t name_bytes, uint64_t pages)
{
    WireBlock *block = &blocks->list[blocks->length];

    if (name_bytes == 0 || pages == 0) {
        return -EINVAL;
    }
    if (blocks->length == WIRE_BLOCKS_MAX || pages > blocks->pages_max - blocks->pages) {
        return -ENOSPC;
    }
    block->first = blocks->pages;
    block->pages = pages;
    block->name_bytes = name_bytes;
    memcpy(block->name, name, name_bytes);
    blocks->pages += pages;
    blocks->length++;
    return 0;
}

size_t wire_record_head(uint8_t *at, const WireBlocks *blocks, uint32_t block, uint64_t page, unsigned flag,
                        bool has_name)
{
    const WireBlock *of = &blocks->list[block];
    uint64_t head = htobe64(page * blocks->page_bytes + flag + (has_name ? 0 : WIRE_RECORD_CONTINUE));

    memcpy(at, &head, sizeof head);
    if (!has_name) {
        return sizeof head;
    }
    at[sizeof head] = of->name_bytes;
    memcpy(at + sizeof head + 1, of->name, of->name_bytes);
    return sizeof head + 1 + of->name_bytes;
}

uint32_t wire_blocks_find(const WireBlocks *blocks, uint64_t index)
{
    uint32_t block = 0;

    while (index - blocks->list[block].first >= blocks->list[block].pages) {
        block++;
    }
    return block;
}
