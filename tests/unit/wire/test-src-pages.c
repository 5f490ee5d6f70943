/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/src-pages.c: who is remembered when there is room for few, and src-hashes.c and src-duplicates.c
 * beside it. */
#include "wire/src-pages.h"
#include "wire/src-duplicates.h"

#include "base/rng.h"

#include <string.h>

#define PAGE 4096u

static const SegmentsRule rule = {PAGE, 4, WIRE_SEGMENTS_MAX, PAGE / 4 * 3};
static const guint8 key[32] = {1, 2, 3};

static void pages_init(SrcPages *pages, guint64 slots, guint64 copies, guint block_bytes)
{
    SrcPagesConfig config = {.pages = 1000,
                             .slots = slots,
                             .copies = copies,
                             .page_bytes = PAGE,
                             .hash_block_bytes = block_bytes,
                             .key = key};

    g_assert_cmpint(src_pages_init(pages, &config), ==, 0);
}

/* A page whose content is told by two numbers. */
static const guint8 *content_of(guint index, guint version)
{
    static guint8 content[PAGE];

    memset(content, (int)(index + 1), PAGE);
    memcpy(content + 1000, &version, sizeof version);
    return content;
}

/* What the encoder does with a page.  Returns the page forgotten for it; SRC_SLOT_FREE none. */
static guint64 send(SrcPages *pages, guint index, guint version)
{
    const guint8 *content = content_of(index, version);
    gboolean is_resent = src_pages_sent(pages, index);
    gboolean was_stored = src_pages_is_stored(pages, index);
    Segments changes;
    guint64 victim;

    src_pages_changes(pages, index, content, &rule, &changes);
    if (src_pages_store(pages, index, is_resent, &victim)) {
        src_pages_update(pages, index, content, &rule, was_stored ? &changes : NULL);
        g_assert_true(src_pages_slot_has(pages, src_pages_slot(pages, index), content));
    } else {
        src_pages_forget(pages, index);
    }
    return victim;
}

static SegmentsForm form_of(SrcPages *pages, guint index, guint version)
{
    Segments changes;

    pages->fresh_of = NULL; /* content_of has one place for all */
    src_pages_changes(pages, index, content_of(index, version), &rule, &changes);
    return changes.form;
}

static void test_first_sends_forget_nobody(void)
{
    SrcPages pages;

    pages_init(&pages, 10, 10, 64);
    for (guint i = 0; i < 30; i++) {
        g_assert_cmpuint(send(&pages, i, 0), ==, SRC_SLOT_FREE);
        g_assert_cmpint(src_pages_is_stored(&pages, i), ==, i < 10);
    }
    g_assert_cmpuint(pages.pass, ==, 1);
    src_pages_clear(&pages);
}

static void test_pages_sent_again_take_cold_slots(void)
{
    SrcPages pages;
    guint forgotten = 0;

    pages_init(&pages, 10, 10, 64);
    for (guint i = 0; i < 30; i++) {
        send(&pages, i, 0);
    }
    for (guint pass = 1; pass <= 5; pass++) {
        for (guint i = 20; i < 26; i++) { /* six that are written again and again */
            forgotten += send(&pages, i, pass) != SRC_SLOT_FREE;
        }
    }
    g_assert_cmpuint(forgotten, ==, 6);
    for (guint i = 20; i < 26; i++) {
        g_assert_true(src_pages_is_stored(&pages, i));
        g_assert_cmpint(form_of(&pages, i, 5), ==, SEGMENTS_NONE);
        g_assert_cmpint(form_of(&pages, i, 6), ==, SEGMENTS_LIST);
    }
    src_pages_clear(&pages);
}

/* Passes over more than there is room for: an LRU would have none of them when it is asked. */
static void test_busy_pages_are_kept_against_others(void)
{
    SrcPages pages;
    guint hits = 0;

    pages_init(&pages, 10, 10, 64);
    for (guint pass = 0; pass < 8; pass++) {
        for (guint i = 0; i < 40; i++) {
            hits += pass >= 4 && src_pages_is_stored(&pages, i);
            send(&pages, i, pass);
        }
    }
    g_assert_cmpuint(hits, ==, 4 * 10);
    g_assert_cmpuint(pages.slots_used, ==, 10);
    src_pages_clear(&pages);
}

static void test_zero_pages_give_their_slot(void)
{
    SrcPages pages;

    pages_init(&pages, 1, 1, 64);
    send(&pages, 3, 0);
    g_assert_true(src_pages_is_stored(&pages, 3));
    src_pages_zero(&pages, 3);
    g_assert_true(src_pages_is_zero(&pages, 3));
    send(&pages, 4, 0);
    g_assert_true(src_pages_is_stored(&pages, 4));
    g_assert_cmpint(form_of(&pages, 3, 0), ==, SEGMENTS_FULL);
    g_assert_false(src_pages_slot_has(&pages, 0, content_of(3, 0)));
    src_pages_clear(&pages);
}

/* Hashes find every change; copies, which six pages that are written again get, find it to the byte. */
static void test_copies_go_to_pages_sent_again(void)
{
    for (guint block_bytes = 64; block_bytes <= 128; block_bytes *= 2) {
        SrcPages pages;
        Segments changes;

        pages_init(&pages, 30, 4, block_bytes);
        for (guint i = 0; i < 30; i++) {
            send(&pages, i, 1);
        }
        pages.fresh_of = NULL;
        src_pages_changes(&pages, 5, content_of(5, 2), &rule, &changes);
        g_assert_cmpuint(changes.dirty_bytes, ==, block_bytes);
        for (guint pass = 2; pass < 6; pass++) {
            for (guint i = 0; i < 6; i++) {
                send(&pages, i, pass);
            }
        }
        g_assert_cmpuint(pages.copies_touched, ==, 4);
        for (guint i = 0; i < 30; i++) {
            guint version = i < 6 ? 5 : 1;

            g_assert_cmpint(form_of(&pages, i, version), ==, SEGMENTS_NONE);
            pages.fresh_of = NULL;
            src_pages_changes(&pages, i, content_of(i, version ^ 16), &rule, &changes);
            g_assert_cmpint(changes.form, ==, SEGMENTS_LIST);
            g_assert_cmpuint(changes.dirty_bytes, ==, i < 4 ? 1 : block_bytes);
        }
        for (guint i = 20; i < 24; i++) { /* others are busy now, pages 0 to 3 no longer */
            for (guint pass = 6; pass < 10; pass++) {
                send(&pages, i, pass);
            }
        }
        for (guint i = 0; i < 24; i++) {
            if (i < 6 || i >= 20) {
                g_assert_cmpint(form_of(&pages, i, i < 6 ? 5 : 9), ==,
                                SEGMENTS_NONE); /* hashed when the copy was taken away */
            }
        }
        src_pages_clear(&pages);
    }
}

/* Pages in a random order with random content, against copies of everything. */
static void test_never_misses_a_change(void)
{
    Rng rng = rng_new(9);
    guint8 *truth = g_malloc0(100 * PAGE);
    gboolean known[100] = {FALSE};

    for (guint kind = 0; kind < 3; kind++) {
        SrcPages pages;

        memset(truth, 0, 100 * PAGE);
        memset(known, 1, sizeof known);
        pages_init(&pages, 40, kind == 0 ? 40 : 10, kind == 1 ? 64 : 128);
        for (guint step = 0; step < 4000; step++) {
            guint index = rng_below(&rng, 100);
            guint8 *before = truth + index * PAGE;
            guint8 content[PAGE], copy[PAGE];
            Segments changes;
            guint64 victim;

            memcpy(content, before, PAGE);
            for (guint i = rng_below(&rng, 40); i > 0; i--) {
                content[rng_below(&rng, PAGE)]++;
            }
            gboolean is_resent = src_pages_sent(&pages, index);
            gboolean was_stored = src_pages_is_stored(&pages, index);
            src_pages_changes(&pages, index, content, &rule, &changes);
            g_assert_true(known[index] || changes.form == SEGMENTS_FULL);
            memcpy(copy, before, PAGE);
            segments_apply(&changes, &rule, content, copy);
            g_assert_cmpmem(copy, PAGE, content, PAGE);
            known[index] = src_pages_store(&pages, index, is_resent, &victim);
            if (victim != SRC_SLOT_FREE) {
                known[victim] = FALSE;
            }
            if (known[index]) {
                src_pages_update(&pages, index, content, &rule, was_stored ? &changes : NULL);
            } else {
                src_pages_forget(&pages, index);
            }
            memcpy(before, content, PAGE);
        }
        src_pages_clear(&pages);
    }
    g_free(truth);
}

/* The hash by its formula, in another way: sums of 128 bits by hand. */
static void test_hash_is_what_its_head_says(void)
{
    SrcHashes hashes;
    Rng rng = rng_new(4);

    for (guint block_bytes = 64; block_bytes <= 128; block_bytes *= 2) {
        guint8 page[PAGE];
        guint64 out[PAGE / 64];

        for (guint i = 0; i < PAGE; i++) {
            page[i] = (guint8)rng_u64(&rng);
        }
        g_assert_cmpint(src_hashes_init(&hashes, block_bytes, key), ==, 0);
        src_hashes_page(&hashes, page, PAGE, out);
        for (guint block = 0; block < PAGE / block_bytes; block++) {
            SrcHashesWide sum = 0;

            for (guint i = 0; i < block_bytes / 8; i += 2) {
                guint64 m[2];

                memcpy(m, page + block * block_bytes + i * 8, 16);
                sum += (SrcHashesWide)(guint64)(m[0] + hashes.nh[i]) * (guint64)(m[1] + hashes.nh[i + 1]);
            }
            SrcHashesWide fold = hashes.fold[2] + hashes.fold[0] * (guint64)sum + hashes.fold[1] * (guint64)(sum >> 64);
            g_assert_cmpuint(out[block], ==, (guint64)(fold >> 64));
        }
    }
}

static void test_every_bit_and_the_key_count(void)
{
    guint8 page[PAGE] = {0};
    guint64 out[PAGE / 64], changed[PAGE / 64];
    guint8 other_key[32] = {1, 2, 4};
    SrcHashes hashes, other;

    g_assert_cmpint(src_hashes_init(&hashes, 64, key), ==, 0);
    g_assert_cmpint(src_hashes_init(&other, 64, other_key), ==, 0);
    src_hashes_page(&hashes, page, PAGE, out);
    for (guint bit = 0; bit < 64 * 8 * 2; bit++) {
        page[bit / 8] ^= (guint8)(1 << bit % 8);
        src_hashes_page(&hashes, page, PAGE, changed);
        for (guint block = 0; block < PAGE / 64; block++) {
            g_assert_true((out[block] == changed[block]) == (block != bit / 512));
        }
        page[bit / 8] ^= (guint8)(1 << bit % 8);
    }
    src_hashes_page(&other, page, PAGE, changed);
    g_assert_cmpuint(out[0], !=, changed[0]);
}

static void test_duplicates_are_proposed(void)
{
    SrcDuplicates duplicates;
    guint found = 0;
    guint strange = 0;

    g_assert_cmpint(src_duplicates_init(&duplicates, 10000, 77, NULL), ==, 0);
    for (guint round = 0; round < 2; round++) { /* a content is there once */
        for (guint i = 0; i < 10000; i++) {
            src_duplicates_add(&duplicates, src_duplicates_hash(&duplicates, (const guint8 *)&i, sizeof i), i);
        }
    }
    for (guint i = 0; i < 20000; i++) {
        guint32 slot = src_duplicates_find(&duplicates, src_duplicates_hash(&duplicates, (const guint8 *)&i, sizeof i));

        found += slot == i;
        strange += slot != i && slot != SRC_DUPLICATES_NONE;
    }
    g_assert_cmpuint(found, >, 9500); /* full buckets lose a few */
    g_assert_cmpuint(found, <=, 10000);
    g_assert_cmpuint(strange, <, 3); /* tags of 32 bits */
    src_duplicates_clear(&duplicates);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/src-pages/first-sends-forget-nobody", test_first_sends_forget_nobody);
    g_test_add_func("/src-pages/pages-sent-again-take-cold-slots", test_pages_sent_again_take_cold_slots);
    g_test_add_func("/src-pages/busy-pages-are-kept-against-others", test_busy_pages_are_kept_against_others);
    g_test_add_func("/src-pages/zero-pages-give-their-slot", test_zero_pages_give_their_slot);
    g_test_add_func("/src-pages/copies-go-to-pages-sent-again", test_copies_go_to_pages_sent_again);
    g_test_add_func("/src-pages/never-misses-a-change", test_never_misses_a_change);
    g_test_add_func("/src-pages/hash-is-what-its-head-says", test_hash_is_what_its_head_says);
    g_test_add_func("/src-pages/every-bit-and-the-key-count", test_every_bit_and_the_key_count);
    g_test_add_func("/src-pages/duplicates-are-proposed", test_duplicates_are_proposed);
    return g_test_run();
}
