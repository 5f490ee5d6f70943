/* SPDX-License-Identifier: Apache-2.0
 *
 * WireBlocks: the guest's RAM blocks as both relays number them, and the head of a page record in QEMU's stream.
 *
 * The pages of all blocks are numbered through: the page 'page' of block b has the index list[b].first + page, by which
 * the tables of both ends are indexed. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire-limits.h"

/* Beside the RAM that a guest was told to have there are ROMs, video memory and the like. */
#define WIRE_RAM_EXTRA_BYTES (UINT64_C(1) << 30)

/* Of a record of a page in QEMU's stream (docs/wire-format.md). */
#define WIRE_RECORD_ZERO           0x02
#define WIRE_RECORD_PAGE           0x08
#define WIRE_RECORD_CONTINUE       0x20
#define WIRE_RECORD_HEAD_BYTES_MAX (8 + 1 + WIRE_NAME_BYTES_MAX)

typedef struct WireBlock {
    uint64_t first; /* index of its first page */
    uint64_t pages;
    uint8_t name_bytes;
    uint8_t name[WIRE_NAME_BYTES_MAX];
} WireBlock;

typedef struct WireBlocks {
    uint32_t page_bytes;
    uint32_t length;
    uint64_t pages, pages_max; /* of all blocks */
    WireBlock list[WIRE_BLOCKS_MAX];
} WireBlocks;

/* 0 or -EINVAL: page_bytes is no power of two within the limits, or more RAM than WIRE_PAGES_MAX pages. */
int wire_blocks_init(WireBlocks *blocks, uint64_t ram_bytes, uint32_t page_bytes);

/* The block gets the next number.  0, or -ENOSPC: too many blocks or pages; -EINVAL: no name or no pages. */
int wire_blocks_add(WireBlocks *blocks, const void *name, uint8_t name_bytes, uint64_t pages);

/* Writes the head of a record with 'flag' (WIRE_RECORD_ZERO or _PAGE); returns its bytes, at most
 * WIRE_RECORD_HEAD_BYTES_MAX. */
size_t wire_record_head(uint8_t *at, const WireBlocks *blocks, uint32_t block, uint64_t page, unsigned flag,
                        bool has_name);

/* The block in which the page with this index is; index < pages. */
uint32_t wire_blocks_find(const WireBlocks *blocks, uint64_t index);
