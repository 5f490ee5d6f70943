/* SPDX-License-Identifier: Apache-2.0
 *
 * Made-up page records of a made-up guest, for tests of the encoder and the decoder: QEMU's stream without QEMU. */
#pragma once

#include "base/rng.h"
#include "wire/src-parse.h"
#include "wire/wire-blocks.h"

#include <string.h>

#define STREAM_BLOCKS 2

typedef struct PageStream {
    Rng rng;
    guint32 page_bytes;
    guint64 pages; /* of each block */
    SrcBlock blocks[STREAM_BLOCKS];
    WireBlocks named; /* the same, for heads */
    guint8 *memory;   /* [STREAM_BLOCKS * pages * page_bytes] of the guest */
    guint8 record[WIRE_RECORD_HEAD_BYTES_MAX + WIRE_PAGE_BYTES_MAX];
    guint32 last_block;
} PageStream;

static inline guint8 *page_stream_memory(PageStream *stream, guint32 block, guint64 page)
{
    return stream->memory + (block * stream->pages + page) * stream->page_bytes;
}

static inline void page_stream_init(PageStream *stream, guint64 seed, guint32 page_bytes, guint64 pages)
{
    static const char *const names[STREAM_BLOCKS] = {"pc.ram", "/rom@etc/acpi/tables"};

    memset(stream, 0, sizeof *stream);
    stream->rng = rng_new(seed);
    stream->page_bytes = page_bytes;
    stream->pages = pages;
    stream->memory = g_malloc0(STREAM_BLOCKS * pages * page_bytes);
    stream->last_block = G_MAXUINT32;
    g_assert_cmpint(wire_blocks_init(&stream->named, STREAM_BLOCKS * pages * page_bytes, page_bytes), ==, 0);
    for (guint i = 0; i < STREAM_BLOCKS; i++) {
        g_strlcpy(stream->blocks[i].name, names[i], sizeof stream->blocks[i].name);
        stream->blocks[i].name_bytes = (guint8)strlen(names[i]);
        stream->blocks[i].pages = pages;
        g_assert_cmpint(wire_blocks_add(&stream->named, names[i], stream->blocks[i].name_bytes, pages), ==, 0);
    }
}

static inline void page_stream_clear(PageStream *stream)
{
    g_free(stream->memory);
}

/* The record that QEMU would send for this page now; 'as_zero': as a zero record. */
static inline SrcToken page_stream_token(PageStream *stream, guint32 block, guint64 page, gboolean as_zero)
{
    gboolean has_name = block != stream->last_block;
    gsize head = wire_record_head(stream->record, &stream->named, block, page,
                                  as_zero ? WIRE_RECORD_ZERO : WIRE_RECORD_PAGE, has_name);
    gsize content = as_zero ? 1 : stream->page_bytes;

    stream->last_block = block;
    if (as_zero) {
        stream->record[head] = 0;
    } else {
        memcpy(stream->record + head, page_stream_memory(stream, block, page), stream->page_bytes);
    }
    return (SrcToken){.kind = as_zero ? SRC_TOKEN_ZERO : SRC_TOKEN_PAGE,
                      .bytes = stream->record,
                      .length = head + content,
                      .content = as_zero ? NULL : stream->record + head,
                      .block = block,
                      .page = page,
                      .has_name = has_name};
}

/* One of the things that guests do to a page, and some that only an adversary does. */
static inline void page_stream_write(PageStream *stream, guint32 block, guint64 page)
{
    guint8 *bytes = page_stream_memory(stream, block, page);
    guint32 size = stream->page_bytes;
    guint length = 0;

    switch (rng_below(&stream->rng, 11)) {
    case 0: /* one word */
        memset(bytes + rng_below(&stream->rng, size / 8) * 8, (int)rng_below(&stream->rng, 256), 8);
        break;
    case 1: /* last byte */
        bytes[size - 1]++;
        break;
    case 2: /* first byte */
        bytes[0]++;
        break;
    case 3: /* some bytes anywhere */
        length = rng_below(&stream->rng, 20);
        break;
    case 4: /* about as many as there may be segments */
        length = 55 + rng_below(&stream->rng, 30);
        break;
    case 5: /* many */
        length = size / 4;
        break;
    case 6: /* all */
        for (guint32 i = 0; i < size; i += 8) {
            guint64 word = rng_u64(&stream->rng);

            memcpy(bytes + i, &word, 8);
        }
        break;
    case 7: /* equal to another page */
        memmove(bytes,
                page_stream_memory(stream, rng_below(&stream->rng, STREAM_BLOCKS),
                                   rng_below(&stream->rng, (guint)stream->pages)),
                size);
        break;
    case 8: /* zeros */
        memset(bytes, 0, size);
        break;
    case 9: /* every other word */
        for (guint32 i = rng_below(&stream->rng, 2) * 8; i < size; i += 16) {
            bytes[i]++;
        }
        break;
    default: /* nothing, or a run */
        length = rng_below(&stream->rng, size);
        memset(bytes + rng_below(&stream->rng, size - length), (int)rng_below(&stream->rng, 256), length);
        length = 0;
    }
    for (guint i = 0; i < length; i++) {
        bytes[rng_below(&stream->rng, size)]++;
    }
}
