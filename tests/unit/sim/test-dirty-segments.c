/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/dirty-segments.c against a map of bytes that is too simple to be wrong, and by replaying rounds of
 * writes on a second copy of memory. */
#include "base/rng.h"
#include "sim/dirty-segments.h"

#include <string.h>

#define PAGES 12
#define BYTES (PAGES * DIRTY_PAGE_BYTES)

typedef struct Write {
    guint address, length;
} Write;

/* Short and long ones, empty ones, over the end of pages, at the very end. */
static Write draw(Rng *rng)
{
    guint length = rng_below(rng, 8) == 0 ? rng_below(rng, 6000) : rng_below(rng, 40);

    if (rng_below(rng, 10) == 0) {
        return (Write){BYTES - length, length};
    }
    return (Write){rng_below(rng, BYTES - length + 1), length};
}

static const DirtyPage *find(const DirtySegments *dirty, guint page)
{
    for (guint i = 0; i < dirty_segments_length(dirty); i++) {
        if (dirty_segments_at(dirty, i)->page == page) {
            return dirty_segments_at(dirty, i);
        }
    }
    return NULL;
}

/* Bytes that 'page' says are dirty. */
static guint covered(const DirtyPage *page, guint8 map[DIRTY_PAGE_BYTES])
{
    guint bytes = 0;

    memset(map, page->is_full, DIRTY_PAGE_BYTES);
    for (guint i = 0; i < page->segments_length; i++) {
        memset(map + page->segments[i].offset, 1, page->segments[i].length);
    }
    for (guint b = 0; b < DIRTY_PAGE_BYTES; b++) {
        bytes += map[b];
    }
    return bytes;
}

static void check_page(const DirtySegments *dirty, const DirtyRules *rules, guint number, const guint8 *written)
{
    const DirtyPage *page = find(dirty, number);
    guint8 map[DIRTY_PAGE_BYTES];
    guint headers = DIRTY_COUNT_BYTES, bytes;

    if (!page) {
        for (guint b = 0; b < DIRTY_PAGE_BYTES; b++) {
            g_assert_cmpuint(written[b], ==, 0);
        }
        return;
    }
    bytes = covered(page, map);
    for (guint b = 0; b < DIRTY_PAGE_BYTES; b++) {
        g_assert_true(map[b] || !written[b]); /* nothing is lost */
    }
    g_assert_cmpuint(page->segments_length, <=, rules->segments_max);
    for (guint i = 0; i < page->segments_length; i++) {
        const DirtySegment *segment = &page->segments[i];

        headers += DIRTY_SEGMENT_HEADER_BYTES;
        g_assert_cmpuint(segment->length, >=, 1);
        g_assert_true(written[segment->offset] && written[segment->offset + segment->length - 1]);
        g_assert_true(i == 0 || segment->offset > segment[-1].offset + segment[-1].length + rules->gap_bytes);
    }
    g_assert_cmpuint(dirty_page_wire_bytes(page), ==,
                     DIRTY_PAGE_HEADER_BYTES + (page->is_full ? DIRTY_PAGE_BYTES : MIN(headers + bytes, 4096)));
    g_assert_true(page->is_full || headers + bytes < rules->full_bytes);
}

static void test_against_a_map(void)
{
    static const DirtyRules all[] = {{4, 16, 4096}, {0, 64, 1 << 20}, {64, 4, 4096}, {16, 1, 4096}, {4, 16, 2048}};

    for (gsize r = 0; r < G_N_ELEMENTS(all); r++) {
        g_autoptr(DirtySegments) dirty = dirty_segments_new(PAGES, &all[r]);
        Rng rng = rng_new(r + 1);

        for (guint round = 0; round < 60; round++) {
            g_autofree guint8 *written = g_new0(guint8, BYTES);

            for (guint i = rng_below(&rng, 200); i > 0; i--) {
                Write write = draw(&rng);

                memset(written + write.address, 1, write.length);
                dirty_segments_record(dirty, write.address, write.length);
            }
            for (guint page = 0; page < PAGES; page++) {
                check_page(dirty, &all[r], page, written + page * DIRTY_PAGE_BYTES);
            }
            dirty_segments_clear(dirty);
            g_assert_cmpuint(dirty_segments_length(dirty), ==, 0);
        }
    }
}

/* Without merging and with room enough the segments are the map. */
static void test_exact_without_merging(void)
{
    DirtyRules rules = {0, 2100, 1 << 20};
    g_autoptr(DirtySegments) dirty = dirty_segments_new(PAGES, &rules);
    g_autofree guint8 *written = g_new0(guint8, BYTES);
    guint8 map[DIRTY_PAGE_BYTES];
    Rng rng = rng_new(9);

    for (guint i = 0; i < 3000; i++) {
        Write write = {rng_below(&rng, BYTES - 8), rng_below(&rng, 8)};

        memset(written + write.address, 1, write.length);
        dirty_segments_record(dirty, write.address, write.length);
    }
    for (guint page = 0; page < PAGES; page++) {
        covered(find(dirty, page), map);
        g_assert_cmpmem(map, DIRTY_PAGE_BYTES, written + page * DIRTY_PAGE_BYTES, DIRTY_PAGE_BYTES);
    }
}

static void send(const DirtyPage *page, const guint8 *source, guint8 *copy)
{
    gsize base = (gsize)page->page * DIRTY_PAGE_BYTES;

    if (page->is_full) {
        memcpy(copy + base, source + base, DIRTY_PAGE_BYTES);
    }
    for (guint i = 0; i < page->segments_length; i++) {
        gsize at = base + page->segments[i].offset;

        memcpy(copy + at, source + at, page->segments[i].length);
    }
}

/* Seed 002's correctness: all rounds and the last one give the source's memory byte for byte. */
static void test_replayed_rounds_give_the_image(void)
{
    for (guint seed = 0; seed < 20; seed++) {
        g_autofree guint8 *source = g_new0(guint8, BYTES);
        g_autofree guint8 *copy = g_new0(guint8, BYTES);
        Rng rng = rng_new(seed);
        DirtyRules rules;

        dirty_rules_init(&rules);
        g_autoptr(DirtySegments) dirty = dirty_segments_new(PAGES, &rules);

        for (guint round = 0; round < 30; round++) {
            for (guint i = rng_below(&rng, 100); i > 0; i--) {
                Write write = draw(&rng);

                for (guint b = 0; b < write.length; b++) {
                    source[write.address + b] =
                        (guint8)(rng_below(&rng, 4) ? rng_u64(&rng) : source[write.address + b]);
                }
                dirty_segments_record(dirty, write.address, write.length);
            }
            for (guint i = 0; i < dirty_segments_length(dirty); i++) {
                send(dirty_segments_at(dirty, i), source, copy);
            }
            dirty_segments_clear(dirty);
            g_assert_cmpmem(copy, BYTES, source, BYTES);
        }
    }
}

static void test_one_too_many_merges_the_closest(void)
{
    DirtyRules rules;
    const DirtyPage *page;

    dirty_rules_init(&rules);
    g_autoptr(DirtySegments) dirty = dirty_segments_new(1, &rules);
    for (guint i = 0; i < 17; i++) {
        dirty_segments_record(dirty, i * 200 + (i == 7 ? 150 : 0), 8); /* the 8th is near the 9th */
    }
    page = dirty_segments_at(dirty, 0);
    g_assert_cmpuint(page->segments_length, ==, 16);
    g_assert_cmpuint(page->segments[7].offset, ==, 7 * 200 + 150);
    g_assert_cmpuint(page->segments[7].length, ==, 58);
    dirty_segments_record(dirty, 0, 0);
    g_assert_cmpuint(dirty_page_wire_bytes(page), ==, 8 + 2 + 16 * 4 + 15 * 8 + 58);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dirty-segments/lose-nothing-and-keep-their-rules", test_against_a_map);
    g_test_add_func("/dirty-segments/are-exact-without-merging", test_exact_without_merging);
    g_test_add_func("/dirty-segments/replayed-rounds-give-the-image", test_replayed_rounds_give_the_image);
    g_test_add_func("/dirty-segments/one-too-many-merges-the-closest", test_one_too_many_merges_the_closest);
    return g_test_run();
}
