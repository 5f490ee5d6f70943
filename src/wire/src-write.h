/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcWriter: writes operations (docs/wire-format.md) into the payload of a frame.  It knows how they are laid out, not
 * why one is chosen; room is the caller's: src_write_left before, SRC_WRITE_PAGE_ROOM or the like.  One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire-blocks.h"
#include "wire/wire-operations.h"

typedef struct SrcWriter {
    uint8_t *begin, *at, *end;
    bool has_last; /* a page operation came before, maybe in an earlier frame */
    uint32_t last_block;
    uint64_t last_page;
    uint8_t *zero_first; /* the last operation when it is of zeros: its first byte, where its count is, and how many */
    uint8_t *zero_count;
    uint64_t zeros;
} SrcWriter;

/* One page operation can need: BLOCK, FORGET, its own head, a SHARE; and its content. */
#define SRC_WRITE_PAGE_ROOM(page_bytes) (1024 + (size_t)(page_bytes))
#define SRC_WRITE_LITERAL_HEAD          4 /* 1, and a varint below 2^21 */

/* Begins an empty payload; what page came last is remembered. */
void src_write_begin(SrcWriter *writer, uint8_t *payload, size_t length);

size_t src_write_left(const SrcWriter *writer);

void src_write_literal(SrcWriter *writer, const uint8_t *bytes,
                       size_t length); /* 1 .. src_write_left - SRC_WRITE_LITERAL_HEAD */
void src_write_block(SrcWriter *writer, const WireBlocks *blocks, uint32_t block);
void src_write_forget(SrcWriter *writer, uint32_t block, uint64_t page);

void src_write_share(SrcWriter *writer, uint64_t id);

/* First byte and position of a page operation with content; flags: WIRE_OPERATION_NAME and _KEEP. */
void src_write_page(SrcWriter *writer, WireOperation kind, unsigned flags, uint32_t block, uint64_t page);
void src_write_number(SrcWriter *writer, uint64_t number);
void src_write_bytes(SrcWriter *writer, const uint8_t *bytes, size_t length);

/* A zero record; becomes part of the run before it where it can. */
void src_write_zero(SrcWriter *writer, bool has_name, uint32_t block, uint64_t page);
