/* SPDX-License-Identifier: Apache-2.0
 *
 * See segments.h.
 *
 * Theory of operation.  A kernel compares two pages and gives a bit for each word of 8 bytes (512 for a page of 4 KiB: one
 * cache line).  Everything after that works on those bits and is bounded whatever a guest has written:
 *
 *     bits     0001110000001000...      runs of ones, found with two bit scans each
 *     run      words 3-5                ends made exact with one bit scan in the first and one in the last word
 *     list     joined with the run before when the gap is small; the (segments_max + 1)th segment ends the walk
 *     words    what is taken then needs no walk: its size is known from the number of ones
 *
 * Inside a run nothing is looked at.  Bytes that did not change there cost themselves; looking would mean the byte-wise
 * comparison that is 10 times slower in its worst case and saves less than 3 % in the best of our loads.  So gaps below 8 bytes
 * are always merged where they lie in one run. */
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

static void form_choose(Segments *segments, const SegmentsRule *rule, uint32_t words, const uint8_t *page,
                        const uint8_t *base)
{
    uint32_t words_bytes = rule->page_bytes / 64 + words * WIRE_WORD_BYTES;

    segments->form = SEGMENTS_NONE;
    segments->length = 0;
    segments->dirty_bytes = 0;
    segments->wire_bytes = 0;
    if (words == 0) {
        return;
    }
    segments->form = SEGMENTS_WORDS;
    segments->wire_bytes = words_bytes;
    if (list_make(segments, rule, page, base)) {
        uint32_t bytes = list_bytes(segments);

        if (bytes <= words_bytes) {
            segments->form = SEGMENTS_LIST;
            segments->wire_bytes = bytes;
        }
    } else {
        segments->dirty_bytes = words * WIRE_WORD_BYTES;
    }
    if (segments->wire_bytes > rule->bytes_max) {
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
        memcpy(at, page + segments->list[i].offset, segments->list[i].length);
        at += segments->list[i].length;
    }
    return at;
}

static uint8_t *words_write(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *at)
{
    uint32_t groups = SEGMENTS_MASK_LENGTH(rule->page_bytes);

    for (uint32_t group = 0; group < groups; group++) {
        uint64_t bits = htole64(segments->mask[group]);

        memcpy(at, &bits, sizeof bits);
        at += sizeof bits;
    }
    for (uint32_t group = 0; group < groups; group++) {
        for (uint64_t bits = segments->mask[group]; bits != 0; bits &= bits - 1) {
            uint32_t word = group * 64 + (uint32_t)__builtin_ctzll(bits);

            memcpy(at, page + word * WIRE_WORD_BYTES, WIRE_WORD_BYTES);
            at += WIRE_WORD_BYTES;
        }
    }
    return at;
}

uint32_t segments_write(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *at)
{
    uint8_t *end = segments->form == SEGMENTS_LIST ? list_write(segments, page, at) : words_write(segments, rule, page, at);

    return (uint32_t)(end - at);
}

void segments_apply(const Segments *segments, const SegmentsRule *rule, const uint8_t *page, uint8_t *copy)
{
    if (segments->form == SEGMENTS_FULL) {
        memcpy(copy, page, rule->page_bytes);
    } else if (segments->form == SEGMENTS_LIST) {
        for (uint32_t i = 0; i < segments->length; i++) {
            memcpy(copy + segments->list[i].offset, page + segments->list[i].offset, segments->list[i].length);
        }
    } else if (segments->form == SEGMENTS_WORDS) {
        for (uint32_t group = 0; group < SEGMENTS_MASK_LENGTH(rule->page_bytes); group++) {
            for (uint64_t bits = segments->mask[group]; bits != 0; bits &= bits - 1) {
                uint32_t word = group * 64 + (uint32_t)__builtin_ctzll(bits);

                memcpy(copy + word * WIRE_WORD_BYTES, page + word * WIRE_WORD_BYTES, WIRE_WORD_BYTES);
            }
        }
    }
}
