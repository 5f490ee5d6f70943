/* SPDX-License-Identifier: Apache-2.0
 *
 * Offset segments inside pages; see dirty-segments.h.
 *
 * Theory of operation.  A table from page to slot, slots in one growing array, each with room for one segment more
 * than it may keep:
 *
 *     slots[page] --> DirtyPage | (3,8) (64,16) (4000,2) ... |
 *
 * A write is put between its neighbours by binary search and swallows those within reach (gap_bytes).  If that was
 * one segment too many, the two with the smallest gap become one.  Offsets are looked for by the end of segments, so
 * that one search finds the first that the write can touch.  Once the segments would cost as much as the page, the
 * page is full and nothing more is kept of it. */
#include "sim/dirty-segments.h"

#include <string.h>

#define NO_SLOT G_MAXUINT32

struct DirtySegments {
    DirtyRules rules;
    guint32 pages;
    guint32 *slots; /* [pages] */
    guint8 *dirty;  /* DirtyPage, 'stride' bytes each */
    gsize stride;
    guint length, allocated;
};

void dirty_rules_init(DirtyRules *rules)
{
    *rules = (DirtyRules){.gap_bytes = 4, .segments_max = 16, .full_bytes = DIRTY_PAGE_BYTES};
}

DirtySegments *dirty_segments_new(guint32 pages, const DirtyRules *rules)
{
    DirtySegments *dirty = g_new0(DirtySegments, 1);

    g_assert(rules->segments_max >= 1);
    dirty->rules = *rules;
    dirty->pages = pages;
    dirty->slots = g_new(guint32, pages);
    memset(dirty->slots, 0xff, pages * sizeof(guint32));
    dirty->stride = sizeof(DirtyPage) + (rules->segments_max + 1) * sizeof(DirtySegment);
    dirty->stride = (dirty->stride + 7) / 8 * 8;
    return dirty;
}

void dirty_segments_free(DirtySegments *dirty)
{
    if (dirty) {
        g_free(dirty->slots);
        g_free(dirty->dirty);
        g_free(dirty);
    }
}

static DirtyPage *slot_at(const DirtySegments *dirty, guint index)
{
    return (DirtyPage *)(void *)(dirty->dirty + index * dirty->stride);
}

static DirtyPage *page_of(DirtySegments *dirty, guint32 page)
{
    DirtyPage *made;

    if (dirty->slots[page] != NO_SLOT) {
        return slot_at(dirty, dirty->slots[page]);
    }
    if (dirty->length == dirty->allocated) {
        dirty->allocated = MAX(64, dirty->allocated * 2);
        dirty->dirty = g_realloc(dirty->dirty, dirty->allocated * dirty->stride);
    }
    dirty->slots[page] = dirty->length;
    made = slot_at(dirty, dirty->length++);
    *made = (DirtyPage){.page = page};
    return made;
}

static guint end_of(DirtySegment segment)
{
    return (guint)segment.offset + segment.length;
}

/* The first segment that ends at 'offset' or later, less 'reach'. */
static guint first_within(const DirtyPage *page, guint offset, guint reach)
{
    guint low = 0, high = page->segments_length;

    while (low < high) {
        guint middle = (low + high) / 2;

        if (end_of(page->segments[middle]) + reach < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* Puts [offset, end) at 'at', in the place of 'swallowed' segments. */
static void replace(DirtyPage *page, guint at, guint swallowed, guint offset, guint end)
{
    DirtySegment *segments = page->segments;

    memmove(&segments[at + 1], &segments[at + swallowed],
            (page->segments_length - at - swallowed) * sizeof(segments[0]));
    segments[at] = (DirtySegment){(guint16)offset, (guint16)(end - offset)};
    page->segments_length = (guint16)(page->segments_length + 1 - swallowed);
}

static void merge_closest(DirtyPage *page)
{
    const DirtySegment *segments = page->segments;
    guint best = 0, best_gap = G_MAXUINT;

    for (guint i = 0; i + 1 < page->segments_length; i++) {
        guint gap = segments[i + 1].offset - end_of(segments[i]);

        if (gap < best_gap) {
            best = i;
            best_gap = gap;
        }
    }
    replace(page, best, 2, segments[best].offset, end_of(segments[best + 1]));
}

static guint segments_bytes(const DirtyPage *page)
{
    guint bytes = DIRTY_COUNT_BYTES;

    for (guint i = 0; i < page->segments_length; i++) {
        bytes += DIRTY_SEGMENT_HEADER_BYTES + page->segments[i].length;
    }
    return bytes;
}

static void record_in(DirtyPage *page, const DirtyRules *rules, guint offset, guint end)
{
    guint at, swallowed = 0;

    if (page->is_full) {
        return;
    }
    at = first_within(page, offset, rules->gap_bytes);
    while (at + swallowed < page->segments_length && page->segments[at + swallowed].offset <= end + rules->gap_bytes) {
        end = MAX(end, end_of(page->segments[at + swallowed]));
        swallowed++;
    }
    if (swallowed > 0) {
        offset = MIN(offset, page->segments[at].offset);
    }
    replace(page, at, swallowed, offset, end);
    if (page->segments_length > rules->segments_max) {
        merge_closest(page);
    }
    if (segments_bytes(page) >= rules->full_bytes) {
        page->is_full = TRUE;
        page->segments_length = 0;
    }
}

void dirty_segments_record(DirtySegments *dirty, guint64 address, guint64 length)
{
    g_assert(address + length <= (guint64)dirty->pages * DIRTY_PAGE_BYTES);
    while (length > 0) {
        guint offset = (guint)(address % DIRTY_PAGE_BYTES);
        guint here = (guint)MIN(length, DIRTY_PAGE_BYTES - offset);

        record_in(page_of(dirty, (guint32)(address / DIRTY_PAGE_BYTES)), &dirty->rules, offset, offset + here);
        address += here;
        length -= here;
    }
}

guint dirty_segments_length(const DirtySegments *dirty)
{
    return dirty->length;
}

const DirtyPage *dirty_segments_at(const DirtySegments *dirty, guint index)
{
    g_assert(index < dirty->length);
    return slot_at(dirty, index);
}

guint dirty_page_wire_bytes(const DirtyPage *page)
{
    guint content = page->is_full ? DIRTY_PAGE_BYTES : MIN(segments_bytes(page), DIRTY_PAGE_BYTES);

    return DIRTY_PAGE_HEADER_BYTES + content;
}

void dirty_segments_clear(DirtySegments *dirty)
{
    for (guint i = 0; i < dirty->length; i++) {
        dirty->slots[slot_at(dirty, i)->page] = NO_SLOT;
    }
    dirty->length = 0;
}
