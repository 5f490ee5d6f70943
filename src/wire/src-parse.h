/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcParse: finds the pages in QEMU's migration stream (7.2 to 11.1), at the source.
 *
 * The parser is a hint.  Whatever comes in, the tokens' bytes in order are the bytes that came in; what it does not
 * understand is SRC_TOKEN_BYTES, and a wrong guess costs compression, never data.
 *
 * The caller holds the bytes that came from QEMU and were not yet consumed:
 *
 *     while ((got = src_parse_next(parser, bytes + at, length - at, &token)) == 1) {
 *         ... token.bytes == bytes + at ...
 *         at += token.length;
 *     }                                  // 0: keep the rest (below SRC_PARSE_NEED_BYTES_MAX), read more, call again
 *
 * and when QEMU says nothing more for a moment (or has closed), src_parse_flush gives the rest as SRC_TOKEN_BYTES, so
 * that a wrong guess never waits for bytes that will not come.  A flush costs at most the record it cuts: the parser
 * remembers where it stood.  Which pages are found does not depend on how the bytes were cut into reads; how BYTES are
 * cut does. Tokens point into the caller's buffer.  One thread.
 *
 * Source of the format: QEMU's migration/savevm.c and migration/ram.c, 7.2 to 11.1; theory of operation: src-parse.c.
 */
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

/* What a connection carries; the relay knows it from QEMU's capabilities and the order of connections. */
typedef enum SrcChannelKind {
    SRC_CHANNEL_MAIN,    /* the stream with its sections; also right for multifd's channels, which go verbatim */
    SRC_CHANNEL_PREEMPT, /* of postcopy-preempt: page records and nothing else; see src_parse_add_block */
} SrcChannelKind;

typedef struct SrcParseConfig {
    uint32_t capabilities; /* of SrcCapability */
    uint32_t page_bytes;   /* of the target: 4096 on x86; a power of two */
    SrcChannelKind channel;
} SrcParseConfig;

/* Where the stream is.  A hint as everything here: after a false way back it may be ahead of the truth, so what ends a
 * migration must not rest on it alone. */
typedef enum SrcStreamState {
    SRC_STREAM_HEADER,     /* before the first section */
    SRC_STREAM_SETUP,      /* START of ram seen */
    SRC_STREAM_LIVE,       /* passes over memory */
    SRC_STREAM_SWITCHOVER, /* SWITCHOVER_START or END of ram seen: the guest stands still */
    SRC_STREAM_DEVICE,     /* device state of a pre-copy: verbatim from here to the end */
    SRC_STREAM_POSTCOPY,   /* PACKAGED seen, or a PREEMPT channel: the guest runs at the destination, or soon will */
    SRC_STREAM_OPAQUE,     /* not QEMU's main stream, or of another page size than told: verbatim for good */
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
    uint64_t pages, zero_pages; /* tokens made */
    uint64_t other_pages;       /* records that went as BYTES: packed by QEMU, cut by a flush, of an unknown block */
    uint64_t wraps;          /* times a page came that lies before the last one: a hint that QEMU began another pass */
    uint64_t doubtful_bytes; /* of ram or unknown iterables, that went verbatim because they were not understood */
    uint64_t doubts;         /* times something was met in ram or between sections that should not be there */
    uint64_t resyncs;        /* times the way back was found, after a doubt or an unknown iterable */
    bool switchover_start_seen; /* the command (QEMU 10.0 and later) */
    bool ram_end_seen;          /* the last section of ram has begun */
} SrcParseStats;

typedef struct SrcParse SrcParse;

/* 0, -EINVAL or -ENOMEM; everything is taken here.  src_parse_free: NULL is fine. */
int src_parse_new(SrcParse **parser, const SrcParseConfig *config);
void src_parse_free(SrcParse *parser);

/* Tells a parser of a PREEMPT channel of a block that the main channel's parser has seen (src_parse_block): only the
 * main channel has the table.  Pages of blocks that it was not told of are BYTES.  0, -EINVAL or -ENOSPC
 * (WIRE_BLOCKS_MAX). */
int src_parse_add_block(SrcParse *parser, const SrcBlock *block);

/* 1: 'token' was made and its length bytes are consumed; 0: more bytes are needed. */
int src_parse_next(SrcParse *parser, const uint8_t *bytes, size_t length, SrcToken *token);

/* Takes all 'length' (>= 1) bytes as SRC_TOKEN_BYTES although a record is not complete: call after src_parse_next said
 * 0. */
void src_parse_flush(SrcParse *parser, const uint8_t *bytes, size_t length, SrcToken *token);

uint32_t src_parse_blocks(const SrcParse *parser);
const SrcBlock *src_parse_block(const SrcParse *parser, uint32_t block); /* valid for good once a token named it */
const SrcParseStats *src_parse_stats(const SrcParse *parser);
