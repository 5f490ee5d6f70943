/* SPDX-License-Identifier: Apache-2.0
 *
 * Segments: what changed inside one page, the "in-page dirty offset segments" of seed 002 (Cheng and Tan 2016).
 *
 *     page   ....aaaa.........bb..........................ccccccccccc....
 *     list       (4,4)        (17,2)                      (45,11)
 *
 * The paper's working set is made of such bytes and no longer of pages.  Only the paper's idea is known, not its
 * numbers; what follows was measured (docs/decisions/0012-segments-inside-pages.md):
 *   - A page's segments are sorted and never touch.  Two of them become one when the gap costs no more than another
 *     segment's own head would (gap_merge_bytes).
 *   - They are found by comparing with the last copy that was sent, in words of 8 bytes; the ends of each are exact to
 * the byte.
 *   - A page with more than segments_max of them is WORDS (a bit for each word, and those that changed): a guest can
 *     make such pages at will, and words cost the same whatever it does.
 *   - What costs more than bytes_max is FULL: the page goes as it is.
 *
 * Pure functions of their arguments; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire/wire-limits.h"

typedef struct SegmentsRule {
    uint32_t page_bytes;
    uint32_t gap_merge_bytes;
    uint32_t segments_max; /* WIRE_SEGMENTS_MAX at most */
    uint32_t bytes_max;    /* of segments_write */
} SegmentsRule;

typedef enum SegmentsForm { SEGMENTS_NONE, SEGMENTS_LIST, SEGMENTS_WORDS, SEGMENTS_FULL } SegmentsForm;

typedef struct Segment {
    uint32_t offset, length; /* in bytes */
} Segment;

#define SEGMENTS_MASK_LENGTH(page_bytes) ((page_bytes) / 512) /* 64-bit numbers, a bit for each word */

typedef struct Segments {
    SegmentsForm form;
    uint32_t dirty_bytes; /* changed: LIST to the byte at both ends of each run of words, else whole words; gaps are not
                             counted */
    uint32_t wire_bytes;  /* LIST, WORDS: what segments_write writes; FULL: page bytes */
    uint32_t length;      /* LIST */
    Segment list[WIRE_SEGMENTS_MAX];
    uint64_t
        mask[SEGMENTS_MASK_LENGTH(WIRE_PAGE_BYTES_MAX)]; /* words that changed: bit i of mask[w] is word 64 w + i */
} Segments;

/* Compares 'page' with 'base', both [rule->page_bytes]. */
void segments_find(Segments *segments, const SegmentsRule *rule, const uint8_t *page, const uint8_t *base);

/* The same when only the mask is known, filled in by the caller (a base of which hashes were kept): ends lie between
 * words. */
void segments_find_masked(Segments *segments, const SegmentsRule *rule);

/* LIST and WORDS: writes what the format has behind the position; returns wire_bytes.  Up to SEGMENTS_WRITE_SLACK bytes
 * behind them may be overwritten, too. */
#define SEGMENTS_WRITE_SLACK 64
uint32_t segments_write(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *at);

/* Makes 'copy', which was the base, equal to 'page'; touches only what changed. */
void segments_apply(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *copy);

/* What touches every byte: kernels for several instruction sets; the best that this processor has is used. */
typedef struct SegmentsKernel {
    const char *name;
    /* Fills mask [SEGMENTS_MASK_LENGTH(page_bytes)]; returns the number of words that differ. */
    uint32_t (*mask)(uint64_t *mask, const uint8_t *page, const uint8_t *base, uint32_t page_bytes);
    /* Writes the words of 'page' whose bit is set, one behind the other, and maybe SEGMENTS_WRITE_SLACK bytes more;
     * returns their end. */
    uint8_t *(*pack)(const uint64_t *mask, const uint8_t *page, uint32_t page_bytes, uint8_t *at);
    int (*is_supported)(void);
} SegmentsKernel;

extern const SegmentsKernel segments_kernels[]; /* best first; the last one is portable */
extern const size_t segments_kernels_length;
const SegmentsKernel *segments_kernel(void);
