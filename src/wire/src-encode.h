/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcEncode: turns tokens of the parser into operations (docs/wire-format.md), at the source.  Here is the heart of
 * seed 002: of a page that was sent before only the dirty segments inside it are sent.
 *
 * It keeps what the destination knows of each page (the dictionary) within a memory budget taken at start, and decides
 * what is stored and forgotten there.  One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"
#include "wire/src-parse.h"

typedef enum WireFilter {
    WIRE_FILTER_ZERO = 1 << 0,      /* zero records as operations, runs of them; all-zero pages against a zero base */
    WIRE_FILTER_SAME = 1 << 1,      /* pages that did not change since they were sent */
    WIRE_FILTER_SEGMENTS = 1 << 2,  /* dirty segments inside pages */
    WIRE_FILTER_DUPLICATE = 1 << 3, /* pages equal to another one of this VM */
    WIRE_FILTER_SHARED = 1 << 4,    /* pages equal to one of another VM of the gang */
} WireFilter;
#define WIRE_FILTERS_DEFAULT (WIRE_FILTER_ZERO | WIRE_FILTER_SAME | WIRE_FILTER_SEGMENTS | WIRE_FILTER_DUPLICATE)
/* Those that need page memory. */
#define WIRE_FILTERS_WITH_SLOTS (WIRE_FILTER_SAME | WIRE_FILTER_SEGMENTS | WIRE_FILTER_DUPLICATE)

typedef enum WirePageMemory {
    WIRE_PAGE_MEMORY_FULL, /* a copy of every page that the destination stores */
    WIRE_PAGE_MEMORY_HASH, /* 64-bit keyed hashes of its blocks; full copies of pages that were sent again */
} WirePageMemory;

typedef struct SrcEncodeConfig {
    uint32_t filters; /* of WireFilter */
    WirePageMemory page_memory;
    uint32_t hash_block_bytes; /* 64 or 128 */
    uint32_t page_bytes;       /* of the target */
    uint64_t ram_bytes;        /* of the guest, all blocks; bounds the tables */
    uint64_t memory_bytes_max; /* for everything that is kept here */
    uint64_t slots_max;        /* what the destination granted */
    uint32_t gap_merge_bytes;  /* segments with at most this gap become one (4) */
    uint32_t segments_max;     /* of a page, before words are used (WIRE_SEGMENTS_MAX at most) */
    uint8_t hash_key[32];      /* random, never leaves this process */
    bool is_forgetful;         /* no dictionary, and no page memory: pages go whole */
    struct GangStore *gang;    /* of WIRE_FILTER_SHARED; outlives the encoder; NULL: nothing is shared across VMs */
    struct WireMemory *memory; /* outlives the encoder; NULL: no memory is made ready ahead */
} SrcEncodeConfig;

/* Fills in what the format and the measurements suggest for a guest of 'ram_bytes'. */
void src_encode_config_init(SrcEncodeConfig *config, uint64_t ram_bytes);

/* Picks the page memory that is best for the budget (docs/decisions/0012): copies when there is room for one of each
 * page, else hashes of 64-byte blocks when there is room for those, else of 128-byte blocks. */
void src_encode_config_fit(SrcEncodeConfig *config);

/* Whether the budget is below what the tables need (8 bytes for each page of the guest): then is_forgetful has to be set, and
 * the destination told.  What is kept even so, to know which pages are sent again: a bit for each. */
bool src_encode_is_forgetful(const SrcEncodeConfig *config);
uint64_t src_encode_memory_least(const SrcEncodeConfig *config);

/* How many slots a budget of memory_bytes_max is good for, before the destination is asked. */
uint64_t src_encode_slots_for(const SrcEncodeConfig *config);

typedef struct SrcEncodeStats {
    uint64_t pages_raw, pages_segments, pages_words, pages_same, pages_duplicate, pages_zero, pages_shared;
    uint64_t literal_bytes;
    uint64_t pages_resent;       /* PAGE and ZERO tokens of pages that had been sent before */
    uint64_t resent_dirty_bytes; /* changed bytes inside them, before any compression: the working set of seed 002 */
    uint64_t resent_raw_bytes;   /* operations made for them */
    uint64_t pages_stored, pages_forgotten, slots;
    uint64_t memory_bytes; /* taken */
    /* Passes: a pass ends when a page comes that was already sent in it. */
    uint64_t passes; /* that ended */
} SrcEncodeStats;

typedef struct SrcEncode SrcEncode;

/* 0, -EINVAL, or -ENOMEM (also when the budget is below what the tables need). */
int src_encode_new(SrcEncode **encode, const SrcEncodeConfig *config);
void src_encode_free(SrcEncode *encode);

/* Begins a frame: empty payload, no stream bytes. */
void src_encode_begin(SrcEncode *encode, WireFrame *frame);

/* Adds 'token', a page of 'block' (NULL for SRC_TOKEN_BYTES), to the frame that was begun.  1: done; 0: it does not fit
 * any more, the frame must be finished and the token given again with a new one.  *taken: how many of its bytes are in
 * the frame now: all after 1; none after 0, but a token of SRC_TOKEN_BYTES may have been taken in part. */
int src_encode_token(SrcEncode *encode, const SrcBlock *block, const SrcToken *token, size_t *taken);

/* The same for a token of 'parser'. */
static inline int src_encode_add(SrcEncode *encode, const SrcParse *parser, const SrcToken *token, size_t *taken)
{
    return src_encode_token(encode, token->kind == SRC_TOKEN_BYTES ? NULL : src_parse_block(parser, token->block),
                            token, taken);
}

/* Bytes of operations that are in the frame now. */
uint32_t src_encode_raw_bytes(const SrcEncode *encode);

/* Ends the frame: its header's type, codec (none), raw_bytes, stream_bytes, sequence and hash are set.  Returns false
 * when it is empty and nothing needs sending (the sequence number is not used up then). */
bool src_encode_finish(SrcEncode *encode, uint64_t sequence);

/* CREDIT came for 'sequence': what was shared up to there may be referred to by others of the gang. */
void src_encode_credit(SrcEncode *encode, uint64_t sequence);

const SrcEncodeStats *src_encode_stats(const SrcEncode *encode);
