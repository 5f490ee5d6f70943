/* SPDX-License-Identifier: Apache-2.0
 *
 * A second decoder of operations, written from docs/wire-format.md alone and too simple to be fast: the fuzz target
 * compares the real one with it.  Pages are kept in a list that is searched from its beginning. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCE_STREAM_BYTES_MAX (64u * 1024)
#define REFERENCE_PAGES_MAX        8192
#define REFERENCE_BLOCKS_MAX       256
#define REFERENCE_PAGE_BYTES_MAX   4096

typedef enum ReferenceState { REFERENCE_UNSENT, REFERENCE_ZERO, REFERENCE_STORED, REFERENCE_FORGOTTEN } ReferenceState;

typedef struct ReferencePage {
    uint64_t block, page;
    ReferenceState state;
    uint8_t content[REFERENCE_PAGE_BYTES_MAX]; /* STORED */
} ReferencePage;

typedef struct ReferenceBlock {
    uint8_t name_bytes, name[255];
    uint64_t pages;
} ReferenceBlock;

typedef struct Reference {
    uint32_t page_bytes;
    uint64_t slots;     /* that may be STORED */
    uint64_t pages_max; /* of all blocks */
    uint64_t stored, pages_defined;
    ReferenceBlock blocks[REFERENCE_BLOCKS_MAX];
    unsigned blocks_length;
    ReferencePage *pages[REFERENCE_PAGES_MAX];
    unsigned pages_length;
    bool has_last;
    uint64_t last_block, last_page;
    uint8_t stream[REFERENCE_STREAM_BYTES_MAX];
    size_t stream_bytes;
} Reference;

typedef enum ReferenceResult {
    REFERENCE_RIGHT,    /* 'stream' is what the payload yields */
    REFERENCE_WRONG,    /* the format forbids it */
    REFERENCE_FULL,     /* more STORED than slots */
    REFERENCE_TOO_MUCH, /* more than this decoder holds; says nothing about the payload */
} ReferenceResult;

Reference *reference_new(uint32_t page_bytes, uint64_t slots, uint64_t pages_max);
void reference_free(Reference *reference);

/* One frame's payload. */
ReferenceResult reference_decode(Reference *reference, const uint8_t *bytes, size_t length);
