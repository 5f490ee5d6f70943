/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcParse: whatever comes in comes out, in order; tokens say the truth about their bytes; and which pages are found
 * does not depend on the reads.
 *
 * Input: u8 options (32: a preempt channel), u8 seed of the reads, then the stream. */
#include "fuzz.h"

#include "wire/src-parse.h"

typedef struct Found {
    uint64_t tokens, sum; /* of pages and zero pages; 'sum' tells where and which they were */
} Found;

static void note(Found *found, const SrcToken *token, size_t at)
{
    if (token->kind != SRC_TOKEN_BYTES) {
        found->tokens++;
        found->sum = (found->sum ^ at ^ (uint64_t)token->kind << 60 ^ (uint64_t)token->block << 40 ^ token->page << 8 ^
                      token->has_name) *
                     UINT64_C(0x100000001b3);
    }
}

static void check_token(const SrcParse *parser, const SrcParseConfig *config, const SrcToken *token,
                        const uint8_t *bytes, size_t length)
{
    const SrcBlock *block = src_parse_block(parser, token->block);
    size_t content_bytes = token->kind == SRC_TOKEN_PAGE ? config->page_bytes : 1;
    uint64_t offset = 0;

    FUZZ_CHECK(token->bytes == bytes && token->length >= 1 && token->length <= length);
    if (token->kind == SRC_TOKEN_BYTES) {
        return;
    }
    FUZZ_CHECK(block != NULL && token->page < block->pages);
    FUZZ_CHECK(token->length == 8 + (token->has_name ? 1u + block->name_bytes : 0) + content_bytes);
    for (unsigned i = 0; i < 8; i++) {
        offset = offset << 8 | bytes[i];
    }
    FUZZ_CHECK(offset == token->page * config->page_bytes + (token->kind == SRC_TOKEN_PAGE ? 0x08 : 0x02) +
                             (token->has_name ? 0 : 0x20));
    FUZZ_CHECK(!token->has_name || memcmp(bytes + 9, block->name, block->name_bytes) == 0);
    FUZZ_CHECK(token->kind == SRC_TOKEN_PAGE ? token->content == bytes + token->length - content_bytes
                                             : bytes[token->length - 1] == 0);
}

/* Reads of a size that 'seed' says, each from memory of its own; flushes now and then when 'flushes'. */
static Found read_stream(const SrcParseConfig *config, const uint8_t *stream, size_t length, uint32_t seed,
                         size_t read_bytes_max, int flushes)
{
    SrcParse *parser;
    Found found = {0};
    size_t at = 0, there = 0;

    FUZZ_CHECK(src_parse_new(&parser, config) == 0);
    if (config->channel == SRC_CHANNEL_PREEMPT) { /* what the main channel's table would have told */
        FUZZ_CHECK(src_parse_add_block(parser, &(SrcBlock){.name = "a", .name_bytes = 1, .pages = 4}) == 0);
        FUZZ_CHECK(src_parse_add_block(parser, &(SrcBlock){.name = "pc.ram", .name_bytes = 6, .pages = 4096}) == 0);
    }
    while (at < length) {
        size_t more = 1 + fuzz_next(&seed) % read_bytes_max;
        SrcToken token;

        there = more < length - there ? there + more : length;
        uint8_t *bytes = fuzz_copy(stream + at, there - at);
        size_t given = 0;
        while (src_parse_next(parser, bytes + given, there - at - given, &token) == 1) {
            check_token(parser, config, &token, bytes + given, there - at - given);
            note(&found, &token, at + given);
            given += token.length;
        }
        FUZZ_CHECK(there - at - given < SRC_PARSE_NEED_BYTES_MAX);
        if (there - at > given && (there == length || (flushes && fuzz_next(&seed) % 4 == 0))) {
            src_parse_flush(parser, bytes + given, there - at - given, &token);
            FUZZ_CHECK(token.kind == SRC_TOKEN_BYTES && token.bytes == bytes + given &&
                       token.length == there - at - given);
            given = there - at;
        }
        at += given;
        free(bytes);
    }
    src_parse_free(parser);
    return found;
}

FUZZ_TARGET
{
    static const uint32_t capabilities[] = {0, SRC_CAPABILITY_POSTCOPY_RAM, SRC_CAPABILITY_IGNORE_SHARED,
                                            SRC_CAPABILITY_MULTIFD | SRC_CAPABILITY_XBZRLE};
    FuzzInput input = {bytes, bytes + length};
    uint8_t options = fuzz_byte(&input);
    uint32_t seed = fuzz_byte(&input) + 1u;
    SrcParseConfig config = {
        .capabilities = capabilities[options & 3],
        .page_bytes = 1024u << (options >> 2 & 3),
        .channel = options & 0x20 ? SRC_CHANNEL_PREEMPT : SRC_CHANNEL_MAIN,
    };

    Found whole = read_stream(&config, input.at, fuzz_left(&input), seed, 1u << 20, 0);
    Found pieces = read_stream(&config, input.at, fuzz_left(&input), seed, options & 0x10 ? 3 : 2000, 0);
    FUZZ_CHECK(whole.tokens == pieces.tokens && whole.sum == pieces.sum);
    Found flushed = read_stream(&config, input.at, fuzz_left(&input), seed, options & 0x10 ? 3 : 2000, 1);
    FUZZ_CHECK(flushed.tokens <= whole.tokens);
    return 0;
}
