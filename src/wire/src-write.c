/* SPDX-License-Identifier: Apache-2.0
 *
 * See src-write.h. */
#include "wire/src-write.h"

#include <string.h>

#include "wire/frame.h"

void src_write_begin(SrcWriter *writer, uint8_t *payload, size_t length)
{
    writer->begin = payload;
    writer->at = payload;
    writer->end = payload + length;
    writer->zero_first = NULL;
}

size_t src_write_left(const SrcWriter *writer)
{
    return (size_t)(writer->end - writer->at);
}

static void put_first(SrcWriter *writer, unsigned first)
{
    *writer->at++ = (uint8_t)first;
    writer->zero_first = NULL;
}

void src_write_number(SrcWriter *writer, uint64_t number)
{
    writer->at += wire_varint_write(writer->at, number);
}

void src_write_bytes(SrcWriter *writer, const uint8_t *bytes, size_t length)
{
    memcpy(writer->at, bytes, length);
    writer->at += length;
}

void src_write_literal(SrcWriter *writer, const uint8_t *bytes, size_t length)
{
    put_first(writer, WIRE_OPERATION_LITERAL);
    src_write_number(writer, length);
    src_write_bytes(writer, bytes, length);
}

void src_write_block(SrcWriter *writer, const WireBlocks *blocks, uint32_t block)
{
    const WireBlock *of = &blocks->list[block];

    put_first(writer, WIRE_OPERATION_BLOCK);
    src_write_number(writer, block);
    *writer->at++ = of->name_bytes;
    src_write_bytes(writer, of->name, of->name_bytes);
    src_write_number(writer, blocks->page_bytes);
    src_write_number(writer, of->pages);
}

void src_write_forget(SrcWriter *writer, uint32_t block, uint64_t page)
{
    put_first(writer, WIRE_OPERATION_FORGET);
    src_write_number(writer, block);
    src_write_number(writer, page);
}

void src_write_share(SrcWriter *writer, uint64_t id)
{
    put_first(writer, WIRE_OPERATION_SHARE);
    src_write_number(writer, id);
}

void src_write_page(SrcWriter *writer, WireOperation kind, unsigned flags, uint32_t block, uint64_t page)
{
    bool is_next = writer->has_last && block == writer->last_block && page == writer->last_page + 1;

    put_first(writer, kind | flags | (is_next ? WIRE_OPERATION_NEXT : 0u));
    if (!is_next) {
        src_write_number(writer, block);
        src_write_number(writer, page);
    }
    writer->has_last = true;
    writer->last_block = block;
    writer->last_page = page;
}

void src_write_zero(SrcWriter *writer, bool has_name, uint32_t block, uint64_t page)
{
    uint8_t *first = writer->zero_first;

    if (first && !has_name && block == writer->last_block && page == writer->last_page + 1) {
        *first = (uint8_t)((*first & ~WIRE_OPERATION_KIND) | WIRE_OPERATION_ZERO_RUN);
        writer->at = writer->zero_count;
        src_write_number(writer, ++writer->zeros);
        writer->last_page = page;
        return;
    }
    first = writer->at;
    src_write_page(writer, WIRE_OPERATION_ZERO, has_name ? WIRE_OPERATION_NAME : 0, block, page);
    writer->zero_first = first;
    writer->zero_count = writer->at;
    writer->zeros = 1;
}
