/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcParse: inside a section of ram: the table of blocks and the records of pages.  After QEMU's migration/ram.c.
 *
 *     be64 offset | flags   [u8 length, name of the block: unless CONTINUE]   content
 *
 * The flags lie in the bits of the offset that are below the target's page size. */
#include "wire/src-parse-private.h"

#include <string.h>

#define RECORD_HEAD_BYTES   8
#define XBZRLE_HEAD_BYTES   3 /* u8 flag, be16 length */
#define COMPRESS_HEAD_BYTES 4

static uint32_t find_block(const SrcParse *parser, const uint8_t *name, uint8_t name_bytes)
{
    for (uint32_t i = 0; i < parser->blocks_length; i++) {
        const SrcBlock *block = &parser->blocks[i];

        if (block->name_bytes == name_bytes && memcmp(block->name, name, name_bytes) == 0) {
            return i;
        }
    }
    return PARSE_NO_BLOCK;
}

/* The head of a page's record, whatever its content. */
typedef struct RecordHead {
    uint64_t page;
    uint32_t block; /* PARSE_NO_BLOCK: one that we do not know */
    size_t length;
} RecordHead;

static ParseLikely record_head(const SrcParse *parser, const uint8_t *bytes, size_t length, RecordHead *head)
{
    uint64_t offset = parse_be64(bytes);

    head->page = offset >> parser->page_shift;
    head->block = parser->block;
    head->length = RECORD_HEAD_BYTES;
    if ((offset & RAM_CONTINUE) == 0) {
        if (length < RECORD_HEAD_BYTES + 1) {
            return LIKELY_NEED;
        }
        head->length += 1 + (size_t)bytes[RECORD_HEAD_BYTES];
        if (length < head->length) {
            return LIKELY_NEED;
        }
        head->block = find_block(parser, bytes + RECORD_HEAD_BYTES + 1, bytes[RECORD_HEAD_BYTES]);
    }
    if (head->block == PARSE_NO_BLOCK) {
        bool may_be_unknown = parser->blocks_length == WIRE_BLOCKS_MAX || parser->config.channel == SRC_CHANNEL_PREEMPT;

        return may_be_unknown ? LIKELY_YES : LIKELY_NO;
    }
    return head->page < parser->blocks[head->block].pages ? LIKELY_YES : LIKELY_NO;
}

/* What follows from a head that is not whole, or cannot be one. */
static ParseResult unlikely(SrcParse *parser, ParseLikely likely)
{
    return likely == LIKELY_NEED ? PARSE_NEED : parse_doubt(parser);
}

/* Takes the record as bytes: 'length' of it lie before us, 'skip' more follow. */
static ParseResult take_other(SrcParse *parser, const RecordHead *head, ParseItem *item, size_t length, uint64_t skip)
{
    parser->stats.other_pages++;
    parser->block = head->block;
    item->skip = skip;
    return parse_take(item, length);
}

static ParseResult take_page(SrcParse *parser, const RecordHead *head, ParseItem *item, SrcTokenKind kind,
                             size_t content_bytes)
{
    parse_count_page(parser, head->block, head->page, kind);
    parser->block = head->block;
    item->kind = kind;
    item->content_at = head->length;
    item->page = head->page;
    return parse_take(item, head->length + content_bytes);
}

/* A page as it is, or one of zeros: a byte that says of what it is full, which is always 0. */
static ParseResult page_record(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item,
                               SrcTokenKind kind)
{
    size_t content_bytes = kind == SRC_TOKEN_PAGE ? parser->config.page_bytes : 1;
    RecordHead head;

    ParseLikely likely = record_head(parser, bytes, length, &head);

    if (likely != LIKELY_YES) {
        return unlikely(parser, likely);
    }
    if (parser->cut || head.block == PARSE_NO_BLOCK) {
        return take_other(parser, &head, item, head.length, content_bytes);
    }
    if (length < head.length + content_bytes) {
        return PARSE_NEED;
    }
    if (kind == SRC_TOKEN_ZERO && bytes[head.length] != 0) {
        return parse_doubt(parser);
    }
    return take_page(parser, &head, item, kind, content_bytes);
}

/* A page that QEMU compressed: by xbzrle against what it sent before, or by zlib (before 9.1). */
static ParseResult packed_record(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item, bool is_xbzrle)
{
    size_t more_bytes = is_xbzrle ? XBZRLE_HEAD_BYTES : COMPRESS_HEAD_BYTES;
    RecordHead head;
    uint64_t packed_bytes;

    ParseLikely likely = record_head(parser, bytes, length, &head);

    if (likely != LIKELY_YES) {
        return unlikely(parser, likely);
    }
    if (length < head.length + more_bytes) {
        return PARSE_NEED;
    }
    packed_bytes = is_xbzrle ? parse_be16(bytes + head.length + 1) : parse_be32(bytes + head.length);
    if (packed_bytes > 2 * (uint64_t)parser->config.page_bytes) {
        return parse_doubt(parser);
    }
    return take_other(parser, &head, item, head.length + more_bytes, packed_bytes);
}

static ParseResult end_of_records(SrcParse *parser, ParseItem *item)
{
    if (parser->config.channel == SRC_CHANNEL_PREEMPT) {
        parse_verbatim(parser, SRC_STREAM_POSTCOPY);
    } else {
        parser->phase = PHASE_FOOTER;
    }
    return parse_take(item, RECORD_HEAD_BYTES);
}

static ParseResult start_of_table(SrcParse *parser, uint64_t ram_bytes, ParseItem *item)
{
    parser->table_left_bytes = ram_bytes;
    parser->phase = PHASE_TABLE;
    return parse_take(item, RECORD_HEAD_BYTES);
}

ParseResult parse_ram(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    uint64_t offset, flags;

    if (length < RECORD_HEAD_BYTES) {
        return PARSE_NEED;
    }
    offset = parse_be64(bytes) & ~parser->page_mask;
    flags = parse_be64(bytes) & parser->page_mask;
    switch (flags) {
    case RAM_PAGE:
    case RAM_PAGE | RAM_CONTINUE:
        return page_record(parser, bytes, length, item, SRC_TOKEN_PAGE);
    case RAM_ZERO:
    case RAM_ZERO | RAM_CONTINUE:
        return page_record(parser, bytes, length, item, SRC_TOKEN_ZERO);
    case RAM_XBZRLE:
    case RAM_XBZRLE | RAM_CONTINUE:
        return packed_record(parser, bytes, length, item, true);
    case RAM_COMPRESS:
    case RAM_COMPRESS | RAM_CONTINUE:
        return packed_record(parser, bytes, length, item, false);
    case RAM_EOS:
        return offset == 0 ? end_of_records(parser, item) : parse_doubt(parser);
    case RAM_MULTIFD_FLUSH:
        return offset == 0 ? parse_take(item, RECORD_HEAD_BYTES) : parse_doubt(parser);
    case RAM_MEM_SIZE:
        return start_of_table(parser, offset, item);
    default:
        return parse_doubt(parser);
    }
}

static void learn_block(SrcParse *parser, const uint8_t *name, uint8_t name_bytes, uint64_t block_bytes)
{
    SrcBlock *block;

    if (parser->blocks_length == WIRE_BLOCKS_MAX || find_block(parser, name, name_bytes) != PARSE_NO_BLOCK) {
        return; /* told again: what it was stays valid */
    }
    block = &parser->blocks[parser->blocks_length++];
    memcpy(block->name, name, name_bytes);
    block->name[name_bytes] = 0;
    block->name_bytes = name_bytes;
    block->pages = (block_bytes + parser->page_mask) >> parser->page_shift;
}

/* Bytes of the columns that follow a row: 0 or 8; -1: more bytes are needed to tell.
 *
 * With x-ignore-shared it is the block's address.  With post-copy a block whose pages are not the host's usual ones
 * says their size, and only the loader knows which do.  But what follows a row is another row (a length, not 0) or a
 * record without an offset (EOS, FLUSH), and neither reads as one of the page sizes that ADVISE told.  QEMU refuses the
 * two capabilities together. */
static int row_column_bytes(const SrcParse *parser, const uint8_t *bytes, size_t length)
{
    if (parser->config.capabilities & SRC_CAPABILITY_IGNORE_SHARED) {
        return length >= 8 ? 8 : -1;
    }
    if ((parser->config.capabilities & SRC_CAPABILITY_POSTCOPY_RAM) == 0 || parser->page_sizes == 0) {
        return 0;
    }
    if (length < 8) {
        return -1;
    }
    uint64_t value = parse_be64(bytes);
    return (value & parser->page_sizes) != 0 && (value & (value - 1)) == 0 ? 8 : 0;
}

/* A row: u8 length, name, be64 length of the block, columns. */
ParseResult parse_table(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    size_t head_bytes;
    uint64_t block_bytes;
    int column_bytes;

    if (parser->table_left_bytes == 0) {
        parser->phase = PHASE_RAM;
        return PARSE_AGAIN;
    }
    if (length == 0) {
        return PARSE_NEED;
    }
    head_bytes = 1 + (size_t)bytes[0] + 8;
    if (bytes[0] == 0) {
        return parse_doubt(parser);
    }
    if (length < head_bytes) {
        return PARSE_NEED;
    }
    block_bytes = parse_be64(bytes + head_bytes - 8);
    if (block_bytes == 0 || block_bytes > parser->table_left_bytes) {
        return parse_doubt(parser);
    }
    column_bytes = row_column_bytes(parser, bytes + head_bytes, length - head_bytes);
    if (column_bytes < 0) {
        return PARSE_NEED;
    }
    learn_block(parser, bytes + 1, bytes[0], block_bytes);
    parser->table_left_bytes -= block_bytes;
    return parse_take(item, head_bytes + (size_t)column_bytes);
}

ParseLikely parse_likely_record(const SrcParse *parser, const uint8_t *bytes, size_t length)
{
    RecordHead head;
    uint64_t flags;

    if (length < RECORD_HEAD_BYTES) {
        return LIKELY_NEED;
    }
    flags = parse_be64(bytes) & parser->page_mask & ~(uint64_t)RAM_CONTINUE;
    if (flags != RAM_PAGE && flags != RAM_ZERO && flags != RAM_XBZRLE && flags != RAM_COMPRESS) {
        return parse_be64(bytes) == RAM_EOS ? LIKELY_YES : LIKELY_NO;
    }
    return (parse_be64(bytes) & RAM_CONTINUE) == 0 ? record_head(parser, bytes, length, &head) : LIKELY_NO;
}
