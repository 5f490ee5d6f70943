/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/segments.c against a comparison byte by byte that is too simple to be wrong. */
#include "wire/segments.h"

#include "base/rng.h"

#include <string.h>

#define PAGE_MAX WIRE_PAGE_BYTES_MAX

static SegmentsRule rule_of(guint32 page_bytes)
{
    return (SegmentsRule){page_bytes, 4, WIRE_SEGMENTS_MAX, page_bytes / 4 * 3};
}

/* What the destination does, without its checks. */
static void read_back(const Segments *segments, const SegmentsRule *rule, const guint8 *from, guint8 *copy)
{
    if (segments->form == SEGMENTS_WORDS) {
        const guint8 *word = from + rule->page_bytes / 64;

        for (guint i = 0; i < rule->page_bytes / 8; i++) {
            if (from[i / 8] >> (i % 8) & 1) {
                memcpy(copy + i * 8, word, 8);
                word += 8;
            }
        }
        g_assert_cmpuint((guint)(word - from), ==, segments->wire_bytes);
    } else if (segments->form == SEGMENTS_LIST) {
        const guint8 *content = from + segments->wire_bytes;

        for (guint i = 0; i < segments->length; i++) {
            content -= segments->list[i].length;
        }
        for (guint i = 0; i < segments->length; i++) {
            memcpy(copy + segments->list[i].offset, content, segments->list[i].length);
            content += segments->list[i].length;
        }
    }
}

/* Runs of words that hold a changed byte, each from its first to its last changed byte; runs with a gap of at most
 * gap_merge_bytes joined. */
static GArray *simple_list(const SegmentsRule *rule, const guint8 *page, const guint8 *base, guint32 *dirty_bytes)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(Segment));
    gint64 run_word = -2;
    gint64 begin = -1;
    gint64 end = -1;

    *dirty_bytes = 0;
    for (guint32 i = 0; i <= rule->page_bytes; i++) {
        gboolean is_changed = i < rule->page_bytes && page[i] != base[i];

        if (begin >= 0 && (i == rule->page_bytes || (is_changed && i / 8 > run_word + 1))) { /* the run is over */
            Segment *last = list->len > 0 ? &g_array_index(list, Segment, list->len - 1) : NULL;
            Segment run = {(guint32)begin, (guint32)(end - begin)};

            *dirty_bytes += run.length;
            if (last && run.offset - last->offset - last->length <= rule->gap_merge_bytes) {
                last->length = run.offset + run.length - last->offset;
            } else {
                g_array_append_val(list, run);
            }
            begin = -1;
        }
        if (is_changed) {
            begin = begin < 0 ? i : begin;
            end = i + 1;
            run_word = i / 8;
        }
    }
    return list;
}

static guint varint_bytes(guint64 value)
{
    return value < 128 ? 1 : 1 + varint_bytes(value / 128);
}

/* All that can be said about the segments of these two pages. */
static SegmentsForm check(const SegmentsRule *rule, const guint8 *page, const guint8 *base)
{
    static guint8 wire[2 * PAGE_MAX], copy[PAGE_MAX], applied[PAGE_MAX];
    Segments segments;
    guint32 dirty_bytes;
    g_autoptr(GArray) list = simple_list(rule, page, base, &dirty_bytes);
    guint32 words = 0;
    guint32 bytes = varint_bytes(list->len);
    guint32 end = 0;

    for (guint32 i = 0; i < rule->page_bytes; i += 8) {
        words += memcmp(page + i, base + i, 8) != 0;
    }
    for (guint i = 0; i < list->len; i++) {
        const Segment *segment = &g_array_index(list, Segment, i);

        bytes += varint_bytes(segment->offset - end) + varint_bytes(segment->length) + segment->length;
        end = segment->offset + segment->length;
    }
    segments_find(&segments, rule, page, base);
    guint32 words_bytes = rule->page_bytes / 64 + 8 * words;
    gboolean is_list = list->len <= rule->segments_max && bytes <= words_bytes;
    SegmentsForm form = words == 0                                          ? SEGMENTS_NONE
                        : (is_list ? bytes : words_bytes) > rule->bytes_max ? SEGMENTS_FULL
                        : is_list                                           ? SEGMENTS_LIST
                                                                            : SEGMENTS_WORDS;
    g_assert_cmpint(segments.form, ==, form);
    g_assert_cmpuint(segments.dirty_bytes, ==, form == SEGMENTS_LIST ? dirty_bytes : words * 8);
    memcpy(copy, base, rule->page_bytes);
    memcpy(applied, base, rule->page_bytes);
    segments_apply(&segments, rule, page, applied);
    g_assert_cmpmem(applied, rule->page_bytes, page, rule->page_bytes);
    if (form == SEGMENTS_LIST || form == SEGMENTS_WORDS) {
        g_assert_cmpuint(segments.wire_bytes, ==, is_list ? bytes : words_bytes);
        g_assert_cmpuint(segments_write(&segments, rule, page, wire), ==, segments.wire_bytes);
        read_back(&segments, rule, wire, copy);
        g_assert_cmpmem(copy, rule->page_bytes, page, rule->page_bytes);
    }
    if (form == SEGMENTS_LIST) {
        g_assert_cmpmem(segments.list, segments.length * sizeof(Segment), list->data, list->len * sizeof(Segment));
    }
    return form;
}

static void test_single_changes(void)
{
    SegmentsRule rule = rule_of(4096);
    guint8 base[4096] = {0};
    guint8 page[4096] = {0};

    g_assert_cmpint(check(&rule, page, base), ==, SEGMENTS_NONE); /* rewriting equal bytes */
    for (guint at = 0; at < 4096; at++) {                         /* the last byte of the page too */
        page[at] = 1;
        g_assert_cmpint(check(&rule, page, base), ==, SEGMENTS_LIST);
        page[at] = 0;
    }
}

static void test_two_changes_at_any_distance(void)
{
    guint8 base[1024] = {0};
    guint8 page[1024] = {0};

    for (guint gap_merge = 0; gap_merge <= 64; gap_merge += gap_merge < 8 ? 1 : 8) {
        SegmentsRule rule = rule_of(1024);

        rule.gap_merge_bytes = gap_merge;
        for (guint first = 0; first < 16; first++) {
            for (guint distance = 1; distance < 100; distance++) {
                page[first] = page[first + distance] = 1;
                check(&rule, page, base);
                page[first] = page[first + distance] = 0;
            }
        }
    }
}

/* n words far from each other: closed-form sizes.  A list has 1 byte of length, for each segment a gap (2 bytes from
 * 128 on) and a length, and 8 bytes; words have a bitmap of 64 bytes. */
static void test_closed_form_sizes(void)
{
    SegmentsRule rule = rule_of(4096);

    for (guint n = 1; n <= 256; n++) {
        guint8 base[4096] = {0};
        guint8 page[4096] = {0};
        Segments segments;

        for (guint i = 0; i < n; i++) {
            memset(page + i * 16, 0xff, 8);
        }
        check(&rule, page, base);
        segments_find(&segments, &rule, page, base);
        g_assert_cmpint(segments.form, ==, n <= 63 && 1 + 10 * n <= 64 + 8 * n ? SEGMENTS_LIST : SEGMENTS_WORDS);
        g_assert_cmpuint(segments.wire_bytes, ==, segments.form == SEGMENTS_LIST ? 1 + 10 * n : 64 + 8 * n);
        g_assert_cmpuint(segments.dirty_bytes, ==, 8 * n);
    }
    for (guint n = 1; n < 4096; n += 7) { /* one run */
        guint8 base[4096] = {0};
        guint8 page[4096] = {0};
        Segments segments;

        memset(page + 4096 - n, 0xff, n);
        check(&rule, page, base);
        segments_find(&segments, &rule, page, base);
        guint bytes = 1 + varint_bytes(4096 - n) + varint_bytes(n) + n;
        g_assert_cmpint(segments.form, ==, bytes <= 3072 ? SEGMENTS_LIST : SEGMENTS_FULL);
        g_assert_cmpuint(segments.wire_bytes, ==, bytes <= 3072 ? bytes : 4096);
    }
}

static void test_random_changes(void)
{
    Rng rng = rng_new(11);
    g_autofree guint8 *base = g_malloc(PAGE_MAX);
    g_autofree guint8 *page = g_malloc(PAGE_MAX);
    guint forms[SEGMENTS_FULL + 1] = {0};

    for (guint round = 0; round < 3000; round++) {
        SegmentsRule rule = rule_of(1024u << (round % 20 == 0 ? rng_below(&rng, 7) : rng_below(&rng, 3)));
        guint changes = rng_below(&rng, 1u << rng_below(&rng, 12));

        rule.gap_merge_bytes = rng_below(&rng, 2) == 0 ? 4 : rng_below(&rng, 70);
        rule.segments_max = rng_below(&rng, 2) == 0 ? WIRE_SEGMENTS_MAX : 1 + rng_below(&rng, WIRE_SEGMENTS_MAX);
        for (guint i = 0; i < rule.page_bytes; i += 8) {
            guint64 word = rng_u64(&rng);

            memcpy(base + i, &word, 8);
        }
        memcpy(page, base, rule.page_bytes);
        for (guint i = 0; i < changes; i++) { /* they overlap, touch, and some write what was there */
            guint length = rng_below(&rng, 1u << rng_below(&rng, 7));
            guint at = rng_below(&rng, rule.page_bytes - length);

            memset(page + at, (int)rng_below(&rng, 256), length);
        }
        forms[check(&rule, page, base)]++;
    }
    for (guint i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_assert_cmpuint(forms[i], >, 20);
    }
}

static void test_kernels_agree(void)
{
    Rng rng = rng_new(3);
    guint8 base[4096 + 8], page[4096 + 8];
    guint kernels = 0;

    for (guint k = 0; k < segments_kernels_length; k++) {
        if (!segments_kernels[k].is_supported()) {
            continue;
        }
        kernels++;
        for (guint round = 0; round < 500; round++) {
            guint64 mask[8];
            guint32 words = 0;
            guint shift = rng_below(&rng, 8); /* records do not begin at words */

            memset(base, 0x5a, sizeof base);
            memset(page, 0x5a, sizeof page);
            for (guint i = rng_below(&rng, 3000); i > 0; i--) { /* some blocks change in all words */
                page[shift + rng_below(&rng, 4096)]++;
            }
            guint32 counted = segments_kernels[k].mask(mask, page + shift, base + shift, 4096);
            for (guint i = 0; i < 512; i++) {
                gboolean is_changed = memcmp(page + shift + i * 8, base + shift + i * 8, 8) != 0;

                words += is_changed;
                g_assert_cmpint(mask[i / 64] >> (i % 64) & 1, ==, is_changed);
            }
            g_assert_cmpuint(counted, ==, words);
            guint8 packed[4096 + SEGMENTS_WRITE_SLACK];
            guint8 *end = segments_kernels[k].pack(mask, page + shift, 4096, packed);
            g_assert_cmpuint((guint)(end - packed), ==, words * 8);
            for (guint i = 0, at = 0; i < 512; i++) {
                if (mask[i / 64] >> (i % 64) & 1) {
                    g_assert_cmpmem(packed + at, 8, page + shift + i * 8, 8);
                    at += 8;
                }
            }
        }
    }
    g_assert_cmpuint(kernels, >=, 1);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/segments/single-changes", test_single_changes);
    g_test_add_func("/segments/two-changes-at-any-distance", test_two_changes_at_any_distance);
    g_test_add_func("/segments/closed-form-sizes", test_closed_form_sizes);
    g_test_add_func("/segments/random-changes", test_random_changes);
    g_test_add_func("/segments/kernels-agree", test_kernels_agree);
    return g_test_run();
}
