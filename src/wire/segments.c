/* SPDX-License-Identifier: Apache-2.0
 *
 * See segments.h.
 *
 * Theory of operation.  A kernel compares two pages and gives a bit for each word of 8 bytes (512 for a page of 4 KiB:
 * one cache line).  Everything after that works on those bits and is bounded whatever a guest has written:
 *
 *     bits     0001110000001000...      runs of ones, found with two bit scans each
 *     run      words 3-5                ends made exact with one bit scan in the first and one in the last word
 *     list     joined with the run before when the gap is small; the (segments_max + 1)th segment ends the walk
 *     words    what is taken then needs no walk: its size is known from the number of ones
 *
 * Inside a run nothing is looked at.  Bytes that did not change there cost themselves; looking would mean the byte-wise
 * comparison that is many times slower where changes are strewn over a page, and saves 2 % where structures change.  So
 * gaps below 8 bytes are always merged where they lie in one run. */
#include "wire/segments.h"

#include <endian.h>
#include <string.h>

#include "wire/wire-operations.h"

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof word);
    return le64toh(word);
}

static uint32_t varint_bytes(uint32_t value)
{
    return value < 0x80 ? 1 : value < 0x4000 ? 2 : 3;
}

static uint8_t *put_varint(uint8_t *at, uint32_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

/* The first word from 'from' on whose bit is 'wanted'; 'words' when there is none. */
static uint32_t mask_next(const uint64_t *mask, uint32_t words, uint32_t from, int wanted)
{
    uint64_t flip = wanted ? 0 : ~UINT64_C(0);
    uint32_t group = from / 64;
    uint64_t bits;

    if (from >= words) {
        return words;
    }
    bits = (mask[group] ^ flip) & (~UINT64_C(0) << (from % 64));
    while (bits == 0) {
        if (++group == words / 64) {
            return words;
        }
        bits = mask[group] ^ flip;
    }
    return group * 64 + (uint32_t)__builtin_ctzll(bits);
}

/* The run of changed words [first, end) to the byte. */
static Segment run_exact(const uint8_t *page, const uint8_t *base, uint32_t first, uint32_t end)
{
    uint32_t begin_byte = first * WIRE_WORD_BYTES;
    uint32_t last_byte = (end - 1) * WIRE_WORD_BYTES;
    uint32_t cut_before = 0;
    uint32_t cut_after = 0;

    if (base) {
        cut_before = (uint32_t)__builtin_ctzll(word_at(page + begin_byte) ^ word_at(base + begin_byte)) / 8;
        cut_after = (uint32_t)__builtin_clzll(word_at(page + last_byte) ^ word_at(base + last_byte)) / 8;
    }
    begin_byte += cut_before;
    return (Segment){begin_byte, end * WIRE_WORD_BYTES - cut_after - begin_byte};
}

/* How many runs of ones there are: each has one first word. */
static uint32_t mask_runs(const uint64_t *mask, uint32_t length)
{
    uint64_t before = 0;
    uint32_t runs = 0;

    for (uint32_t i = 0; i < length; i++) {
        runs += (uint32_t)__builtin_popcountll(mask[i] & ~(mask[i] << 1 | before));
        before = mask[i] >> 63;
    }
    return runs;
}

/* Makes the list; false when there are more than segments_max. */
static int list_make(Segments *segments, const SegmentsRule *rule, const uint8_t *page, const uint8_t *base)
{
    uint32_t words = rule->page_bytes / WIRE_WORD_BYTES;
    uint32_t end = 0; /* of the last segment, in bytes */

    segments->length = 0;
    segments->dirty_bytes = 0;
    for (uint32_t first = mask_next(segments->mask, words, 0, 1); first < words;) {
        uint32_t after = mask_next(segments->mask, words, first, 0);
        Segment run = run_exact(page, base, first, after);

        segments->dirty_bytes += run.length;
        if (segments->length > 0 && run.offset - end <= rule->gap_merge_bytes) {
            Segment *before = &segments->list[segments->length - 1];

            before->length = run.offset + run.length - before->offset;
        } else if (segments->length == rule->segments_max) {
            return 0;
        } else {
            segments->list[segments->length++] = run;
        }
        end = run.offset + run.length;
        first = mask_next(segments->mask, words, after, 1);
    }
    return 1;
}

static uint32_t list_bytes(const Segments *segments)
{
    uint32_t bytes = varint_bytes(segments->length);
    uint32_t end = 0;

    for (uint32_t i = 0; i < segments->length; i++) {
        const Segment *segment = &segments->list[i];

        bytes += varint_bytes(segment->offset - end) + varint_bytes(segment->length) + segment->length;
        end = segment->offset + segment->length;
    }
    return bytes;
}

/* Whether a list can be worth its walk: neighbouring runs are a word apart, so small gaps join none of them; and the
 * ends of a run hide at most 14 bytes that did not change. */
static int list_is_possible(const Segments *segments, const SegmentsRule *rule, uint32_t words)
{
    uint32_t runs = mask_runs(segments->mask, SEGMENTS_MASK_LENGTH(rule->page_bytes));

    return (runs <= rule->segments_max || rule->gap_merge_bytes >= WIRE_WORD_BYTES) &&
           words * WIRE_WORD_BYTES <= rule->bytes_max + runs * 2 * (WIRE_WORD_BYTES - 1);
}

static void form_choose(Segments *segments, const SegmentsRule *rule, uint32_t words, const uint8_t *page,
                        const uint8_t *base)
{
    uint32_t words_bytes = rule->page_bytes / 64 + words * WIRE_WORD_BYTES;
    uint32_t list = words > 0 && list_is_possible(segments, rule, words) && list_make(segments, rule, page, base)
                        ? list_bytes(segments)
                        : UINT32_MAX;

    if (words > 0 && list <= words_bytes && list <= rule->bytes_max) {
        segments->form = SEGMENTS_LIST;
        segments->wire_bytes = list;
        return;
    }
    segments->length = 0;
    segments->dirty_bytes = words * WIRE_WORD_BYTES;
    if (words == 0) {
        segments->form = SEGMENTS_NONE;
        segments->wire_bytes = 0;
    } else if (words_bytes <= rule->bytes_max) {
        segments->form = SEGMENTS_WORDS;
        segments->wire_bytes = words_bytes;
    } else {
        segments->form = SEGMENTS_FULL;
        segments->wire_bytes = rule->page_bytes;
    }
}

void segments_find(Segments *segments, const SegmentsRule *rule, const uint8_t *page, const uint8_t *base)
{
    form_choose(segments, rule, segments_kernel()->mask(segments->mask, page, base, rule->page_bytes), page, base);
}

void segments_find_masked(Segments *segments, const SegmentsRule *rule)
{
    uint32_t words = 0;

    for (uint32_t i = 0; i < SEGMENTS_MASK_LENGTH(rule->page_bytes); i++) {
        words += (uint32_t)__builtin_popcountll(segments->mask[i]);
    }
    form_choose(segments, rule, words, NULL, NULL);
}

/* memcpy, but most segments are a word or two. */
static inline void copy_short(uint8_t *to, const uint8_t *from, uint32_t length)
{
    uint64_t first, last;

    if (length < 8 || length > 16) {
        memcpy(to, from, length);
        return;
    }
    memcpy(&first, from, 8);
    memcpy(&last, from + length - 8, 8);
    memcpy(to, &first, 8);
    memcpy(to + length - 8, &last, 8);
}

static uint8_t *list_write(const Segments *segments, const uint8_t *page, uint8_t *at)
{
    uint32_t end = 0;

    at = put_varint(at, segments->length);
    for (uint32_t i = 0; i < segments->length; i++) {
        at = put_varint(at, segments->list[i].offset - end);
        at = put_varint(at, segments->list[i].length);
        end = segments->list[i].offset + segments->list[i].length;
    }
    for (uint32_t i = 0; i < segments->length; i++) {
        copy_short(at, page + segments->list[i].offset, segments->list[i].length);
        at += segments->list[i].length;
    }
    return at;
}

static uint8_t *words_write(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *at)
{
    for (uint32_t group = 0; group < SEGMENTS_MASK_LENGTH(rule->page_bytes); group++) {
        uint64_t bits = htole64(segments->mask[group]);

        memcpy(at, &bits, sizeof bits);
        at += sizeof bits;
    }
    return segments_kernel()->pack(segments->mask, page, rule->page_bytes, at);
}

uint32_t segments_write(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *at)
{
    uint8_t *end =
        segments->form == SEGMENTS_LIST ? list_write(segments, page, at) : words_write(segments, rule, page, at);

    return (uint32_t)(end - at);
}

void segments_apply(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *copy)
{
    if (segments->form == SEGMENTS_FULL) {
        memcpy(copy, page, rule->page_bytes);
    } else if (segments->form == SEGMENTS_LIST) {
        for (uint32_t i = 0; i < segments->length; i++) {
            copy_short(copy + segments->list[i].offset, page + segments->list[i].offset, segments->list[i].length);
        }
    } else if (segments->form == SEGMENTS_WORDS) {
        for (uint32_t block = 0; block < rule->page_bytes / 64; block++) { /* the words between are equal anyway */
            if (segments->mask[block / 8] >> (block % 8 * 8) & 0xff) {
                memcpy(copy + block * 64, page + block * 64, 64);
            }
        }
    }
}
