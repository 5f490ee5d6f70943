/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcParse: finds the pages in QEMU's migration stream (7.2 to 10.x), at the source.
 *
 * The parser is a hint.  Whatever comes in, the tokens' bytes in order are the bytes that came in; what it does not
 * understand is SRC_TOKEN_BYTES, and a wrong guess costs compression, never data.
 *
 * The caller holds the bytes that came from QEMU and were not yet consumed:
 *
 *     while ((got = src_parse_next(parser, bytes + at, length - at, &token)) == 1) {
 *         ... token.bytes == bytes + at ...
 *         at += token.length;
 *     }                                  // 0: keep the rest (fewer than SRC_PARSE_NEED_BYTES_MAX), read more, call again
 *
 * and when QEMU says nothing more for a moment (or has closed), src_parse_flush gives the rest as SRC_TOKEN_BYTES, so that a wrong
 * guess never waits for bytes that will not come.  Tokens point into the caller's buffer.  One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/wire-limits.h"

#define SRC_PARSE_NEED_BYTES_MAX (WIRE_PAGE_BYTES_MAX + 512)

/* QEMU's migration capabilities that change the stream; from whoever steers QEMU, never guessed. */
typedef enum SrcCapability {
    SRC_CAPABILITY_XBZRLE = 1 << 0,
    SRC_CAPABILITY_POSTCOPY_RAM = 1 << 1,
    SRC_CAPABILITY_POSTCOPY_PREEMPT = 1 << 2,
    SRC_CAPABILITY_MULTIFD = 1 << 3,
    SRC_CAPABILITY_COMPRESS = 1 << 4,
    SRC_CAPABILITY_IGNORE_SHARED = 1 << 5, /* x-ignore-shared */
    SRC_CAPABILITY_MAPPED_RAM = 1 << 6,
    SRC_CAPABILITY_DIRTY_BITMAPS = 1 << 7,
    SRC_CAPABILITY_RETURN_PATH = 1 << 8,
    SRC_CAPABILITY_SWITCHOVER_ACK = 1 << 9,
} SrcCapability;

typedef struct SrcParseConfig {
    uint32_t capabilities; /* of SrcCapability */
    uint32_t page_bytes;   /* of the target: 4096 on x86 */
} SrcParseConfig;

/* Where the stream is. */
typedef enum SrcStreamState {
    SRC_STREAM_HEADER,  /* before the first section */
    SRC_STREAM_SETUP,   /* START of ram seen */
    SRC_STREAM_LIVE,    /* passes over memory */
    SRC_STREAM_SWITCHOVER, /* SWITCHOVER_START or END of ram seen: the guest stands still */
    SRC_STREAM_DEVICE,  /* device state of a pre-copy: verbatim from here to the end */
    SRC_STREAM_POSTCOPY, /* PACKAGED seen: the guest is being handed over or runs at the destination */
    SRC_STREAM_OPAQUE,  /* not understood: verbatim for good */
} SrcStreamState;

typedef enum SrcTokenKind {
    SRC_TOKEN_BYTES, /* anything */
    SRC_TOKEN_PAGE,  /* a whole record of a page with its content */
    SRC_TOKEN_ZERO,  /* a whole record of a zero page */
} SrcTokenKind;

typedef struct SrcToken {
    SrcTokenKind kind;
    const uint8_t *bytes; /* all of it, as it came; length >= 1 */
    size_t length;
    /* PAGE and ZERO: exactly the record that docs/wire-format.md describes; anything else is BYTES. */
    const uint8_t *content; /* PAGE: [page_bytes], lies in 'bytes' */
    uint32_t block;         /* index into src_parse_block */
    uint64_t page;          /* number within the block; below its 'pages' */
    bool has_name;          /* the record names its block */
} SrcToken;

typedef struct SrcBlock {
    char name[WIRE_NAME_BYTES_MAX + 1];
    uint8_t name_bytes;
    uint64_t pages; /* of target size, by the block's length in the stream */
} SrcBlock;

typedef struct SrcParseStats {
    SrcStreamState state;
    uint64_t pages, zero_pages;
    uint64_t doubtful_bytes; /* of ram or unknown iterables, that went verbatim because they were not understood */
    uint64_t resyncs;
} SrcParseStats;

typedef struct SrcParse SrcParse;

/* 0, -EINVAL or -ENOMEM; everything is taken here. */
int src_parse_new(SrcParse **parser, const SrcParseConfig *config);
void src_parse_free(SrcParse *parser);

/* 1: 'token' was made and its length bytes are consumed; 0: more bytes are needed. */
int src_parse_next(SrcParse *parser, const uint8_t *bytes, size_t length, SrcToken *token);

/* Takes all 'length' (>= 1) bytes as SRC_TOKEN_BYTES although a record is not complete. */
void src_parse_flush(SrcParse *parser, const uint8_t *bytes, size_t length, SrcToken *token);

uint32_t src_parse_blocks(const SrcParse *parser);
const SrcBlock *src_parse_block(const SrcParse *parser, uint32_t block); /* valid for good once a token named it */
const SrcParseStats *src_parse_stats(const SrcParse *parser);
