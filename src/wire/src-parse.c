/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcParse: feeding, flushing, tokens.  What the bytes mean is in src-parse-sections.c (what stands between sections),
 * src-parse-ram.c (records of ram) and src-parse-hunt.c (the way back).
 *
 * Theory of operation
 *
 *     magic | configuration | commands | START ram: table, EOS | footer | PART ram: records, EOS | footer | ...
 *
 * At every moment one *phase* is expected.  A phase's function looks at the bytes and says one of three things: it
 * needs more of them; it takes an *item*; or something else is expected here (another phase is asked, nothing is
 * taken).  An item is a head that lies whole before us (at most PARSE_HEAD_BYTES_MAX, so waiting for it is bounded) and
 * a number of bytes to *skip* that go verbatim whenever they come.  Only a page's record must lie whole before us with
 * its content to become a token.
 *
 * Always true: an item's bytes are given out in order, each once, whatever it was taken for.  So no mistake in here can
 * change the stream; it can only cost compression.
 *
 * Not everything has a length: device state (FULL) and iterables other than ram have none.  In them we *hunt*:
 * verbatim, until a footer with the right section's id is followed by a likely head.  Such bytes may occur by chance in
 * what we hunt in; then nonsense is parsed as records until a record names memory that does not exist, which is soon,
 * and we hunt again.  After the end of ram in pre-copy only device state follows, and it is not worth looking at.
 *
 * A *flush* (QEMU is silent) may cut anything.  The bytes are given out, and those that were not understood yet are
 * kept in 'partial', so that what follows is seen with its beginning: 'cut' tells the phases that the bytes go verbatim
 * anyway.
 *
 * Not done: multifd's packets and the sections that post-copy packs up are not looked into.  A stream that is resumed
 * after a broken post-copy has no header and no table; it goes verbatim. */
#include "wire/src-parse-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int src_parse_new(SrcParse **parser, const SrcParseConfig *config)
{
    uint32_t page_bytes = config->page_bytes;
    SrcParse *made;

    *parser = NULL;
    if (page_bytes < WIRE_PAGE_BYTES_MIN || page_bytes > WIRE_PAGE_BYTES_MAX || (page_bytes & (page_bytes - 1)) != 0 ||
        (config->channel != SRC_CHANNEL_MAIN && config->channel != SRC_CHANNEL_PREEMPT)) {
        return -EINVAL;
    }
    made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return -ENOMEM;
    }
    made->config = *config;
    made->page_mask = page_bytes - 1;
    made->page_shift = (unsigned)__builtin_ctz(page_bytes);
    made->block = PARSE_NO_BLOCK;
    made->phase = PHASE_MAGIC;
    if (config->capabilities & SRC_CAPABILITY_MAPPED_RAM) { /* pages lie at places in a file; not ours */
        parse_verbatim(made, SRC_STREAM_OPAQUE);
    } else if (config->channel == SRC_CHANNEL_PREEMPT) {
        made->phase = PHASE_RAM;
        made->stats.state = SRC_STREAM_POSTCOPY;
    }
    *parser = made;
    return 0;
}

void src_parse_free(SrcParse *parser)
{
    free(parser);
}

int src_parse_add_block(SrcParse *parser, const SrcBlock *block)
{
    if (parser->config.channel != SRC_CHANNEL_PREEMPT || block->name_bytes == 0) {
        return -EINVAL;
    }
    if (parser->blocks_length == WIRE_BLOCKS_MAX) {
        return -ENOSPC;
    }
    parser->blocks[parser->blocks_length++] = *block;
    return 0;
}

ParseResult parse_verbatim(SrcParse *parser, SrcStreamState state)
{
    parser->phase = PHASE_VERBATIM;
    parser->stats.state = state;
    return PARSE_AGAIN;
}

ParseResult parse_doubt(SrcParse *parser)
{
    parser->stats.doubts++;
    parser->section_open = parser->phase == PHASE_RAM || parser->phase == PHASE_TABLE;
    parser->open_section = parser->ram_section;
    parser->block = PARSE_NO_BLOCK;
    parser->phase = PHASE_HUNT;
    return PARSE_AGAIN;
}

static ParseResult ask_phase(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    switch (parser->phase) {
    case PHASE_RAM:
        return parse_ram(parser, bytes, length, item);
    case PHASE_MAGIC:
        return parse_magic(parser, bytes, length, item);
    case PHASE_CONFIGURATION:
        return parse_configuration(parser, bytes, length, item);
    case PHASE_CAPABILITY:
        return parse_capability(parser, bytes, length, item);
    case PHASE_TOP:
        return parse_top(parser, bytes, length, item);
    case PHASE_TABLE:
        return parse_table(parser, bytes, length, item);
    case PHASE_FOOTER:
        return parse_footer(parser, bytes, length, item);
    case PHASE_HUNT:
        return parse_hunt(parser, bytes, length, item);
    case PHASE_VERBATIM:
        break;
    }
    return length > 0 ? parse_take(item, length) : PARSE_NEED;
}

/* The next item, or false: more bytes are needed. */
static bool next_item(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    ParseResult result;

    do {
        *item = (ParseItem){.kind = SRC_TOKEN_BYTES};
        result = ask_phase(parser, bytes, length, item);
    } while (result == PARSE_AGAIN);
    return result == PARSE_ITEM;
}

static int give_bytes(SrcToken *token, const uint8_t *bytes, size_t length)
{
    *token = (SrcToken){.kind = SRC_TOKEN_BYTES, .bytes = bytes, .length = length};
    return 1;
}

/* Drops the first 'length' bytes of what was flushed and is understood now. */
static void drop_partial(SrcParse *parser, size_t length)
{
    parser->partial_length -= length;
    memmove(parser->partial, parser->partial + length, parser->partial_length);
}

/* How many of 'length' bytes belong to what is skipped, which is then that much less. */
static size_t eat_skip(SrcParse *parser, size_t length)
{
    size_t eaten = parser->skip < length ? (size_t)parser->skip : length;

    parser->skip -= eaten;
    return eaten;
}

/* After a flush: looks at what was flushed together with what came since.  True: 'length' of the new bytes are
 * understood (0: nothing was flushed any more that is not); false: more are needed. */
static bool join_partial(SrcParse *parser, const uint8_t *bytes, size_t length, size_t *taken)
{
    uint8_t joined[PARSE_HEAD_BYTES_MAX];
    ParseItem item;
    bool got = true;

    *taken = 0;
    parser->cut = true;
    while (parser->partial_length > 0 && got && *taken == 0) {
        size_t flushed = parser->partial_length;
        size_t added = sizeof(joined) - flushed < length ? sizeof(joined) - flushed : length;

        memcpy(joined, parser->partial, flushed);
        memcpy(joined + flushed, bytes, added);
        got = next_item(parser, joined, flushed + added, &item);
        if (got && item.length > flushed) {
            *taken = item.length - flushed;
            parser->partial_length = 0;
            parser->skip = item.skip;
        } else if (got) {
            drop_partial(parser, item.length);
            parser->skip = item.skip;
            drop_partial(parser, eat_skip(parser, parser->partial_length));
        }
    }
    parser->cut = false;
    return got;
}

static int give_item(SrcParse *parser, const uint8_t *bytes, const ParseItem *item, SrcToken *token)
{
    parser->skip = item->skip;
    if (item->kind == SRC_TOKEN_BYTES) {
        return give_bytes(token, bytes, item->length);
    }
    *token = (SrcToken){
        .kind = item->kind,
        .bytes = bytes,
        .length = item->length,
        .content = item->kind == SRC_TOKEN_PAGE ? bytes + item->content_at : NULL,
        .block = parser->block,
        .page = item->page,
        .has_name = (bytes[7] & RAM_CONTINUE) == 0,
    };
    return 1;
}

/* The case that nearly all bytes are: a page of the block that the record before named, whole before us.  parse_ram
 * would take it, too, by a longer way.  True: 'token' is it. */
static inline bool take_next_page(SrcParse *parser, const uint8_t *bytes, size_t length, SrcToken *token)
{
    uint64_t offset, page;

    if (parser->phase != PHASE_RAM || parser->block == PARSE_NO_BLOCK || length < 8 + parser->config.page_bytes) {
        return false;
    }
    offset = parse_be64(bytes);
    page = offset >> parser->page_shift;
    if ((offset & parser->page_mask) != (RAM_PAGE | RAM_CONTINUE) || page >= parser->blocks[parser->block].pages) {
        return false;
    }
    parse_count_page(parser, parser->block, page, SRC_TOKEN_PAGE);
    token->kind = SRC_TOKEN_PAGE;
    token->bytes = bytes;
    token->length = 8 + parser->config.page_bytes;
    token->content = bytes + 8;
    token->block = parser->block;
    token->page = page;
    token->has_name = false;
    return true;
}

int src_parse_next(SrcParse *parser, const uint8_t *bytes, size_t length, SrcToken *token)
{
    ParseItem item;
    size_t taken;

    if (parser->partial_length > 0) {
        if (!join_partial(parser, bytes, length, &taken)) {
            return 0;
        }
        if (taken > 0) {
            return give_bytes(token, bytes, taken);
        }
    }
    if (length == 0) {
        return 0;
    }
    if (parser->skip > 0) {
        return give_bytes(token, bytes, eat_skip(parser, length));
    }
    if (take_next_page(parser, bytes, length, token)) {
        return 1;
    }
    return next_item(parser, bytes, length, &item) ? give_item(parser, bytes, &item, token) : 0;
}

/* Understands as many of the bytes as can be, all of which go verbatim. */
static size_t flush_some(SrcParse *parser, const uint8_t *bytes, size_t length)
{
    ParseItem item;
    size_t at = 0;

    parser->cut = true;
    do {
        at += eat_skip(parser, length - at);
        if (at == length || !next_item(parser, bytes + at, length - at, &item)) {
            break;
        }
        at += item.length;
        parser->skip = item.skip;
    } while (true);
    parser->cut = false;
    return at;
}

void src_parse_flush(SrcParse *parser, const uint8_t *bytes, size_t length, SrcToken *token)
{
    size_t at = 0;

    /* What was flushed before and still is not understood: a head, so these bytes fit behind it. */
    if (parser->partial_length > 0) {
        bool got = join_partial(parser, bytes, length, &at);

        if (!got && parser->partial_length + length <= sizeof(parser->partial)) {
            memcpy(parser->partial + parser->partial_length, bytes, length);
            parser->partial_length += length;
            at = length;
        }
    }
    at += flush_some(parser, bytes + at, length - at);
    if (at < length) {
        memcpy(parser->partial, bytes + at, length - at);
        parser->partial_length = length - at;
    }
    give_bytes(token, bytes, length);
}

uint32_t src_parse_blocks(const SrcParse *parser)
{
    return parser->blocks_length;
}

const SrcBlock *src_parse_block(const SrcParse *parser, uint32_t block)
{
    return block < parser->blocks_length ? &parser->blocks[block] : NULL;
}

const SrcParseStats *src_parse_stats(const SrcParse *parser)
{
    return &parser->stats;
}
