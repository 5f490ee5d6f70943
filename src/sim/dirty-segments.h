/* SPDX-License-Identifier: Apache-2.0
 *
 * DirtySegments: which bytes of which pages were written, as offset segments inside pages: the data structure of seed
 * 002 ("in-page dirty offset segment"), for an ideal guest that tells of every write.  Real hardware tells pages
 * only, so real relays compare pages with their last copy (src/wire); this is what they are measured against.
 *
 *     DirtySegments *dirty = dirty_segments_new(pages, &rules);
 *     dirty_segments_record(dirty, address, length);                 at each write
 *     for (guint i = 0; i < dirty_segments_length(dirty); i++) {     at the end of a round
 *         const DirtyPage *page = dirty_segments_at(dirty, i);
 *         ... page->segments[0 .. page->segments_length) ...
 *     }
 *     dirty_segments_clear(dirty);
 *
 * A page costs DIRTY_PAGE_HEADER_BYTES and its content, or its segments with DIRTY_SEGMENT_HEADER_BYTES each; a gap
 * of g bytes between two segments costs g when it is sent along, so they are worth merging up to the size of a
 * header. */
#pragma once

#include <glib.h>

#define DIRTY_PAGE_BYTES           4096
#define DIRTY_PAGE_HEADER_BYTES    8 /* number of the page, flags */
#define DIRTY_COUNT_BYTES          2 /* how many segments follow */
#define DIRTY_SEGMENT_HEADER_BYTES 4 /* offset and length */

typedef struct DirtyRules {
    guint gap_bytes;    /* segments with at most so much between them become one; 4 */
    guint segments_max; /* of one page; more: those with the smallest gap become one; 16 */
    guint full_bytes;   /* a page whose segments would cost so much is sent as a whole; 4096 */
} DirtyRules;

typedef struct DirtySegment {
    guint16 offset, length; /* offset + length <= 4096 */
} DirtySegment;

typedef struct DirtyPage {
    guint32 page;
    guint16 segments_length; /* ascending, disjoint, further apart than gap_bytes; 0 when is_full */
    gboolean is_full;
    DirtySegment segments[];
} DirtyPage;

typedef struct DirtySegments DirtySegments;

void dirty_rules_init(DirtyRules *rules);
DirtySegments *dirty_segments_new(guint32 pages, const DirtyRules *rules);
void dirty_segments_free(DirtySegments *dirty);

/* A write; it may cross pages.  Nothing for a length of 0. */
void dirty_segments_record(DirtySegments *dirty, guint64 address, guint64 length);

/* The dirty pages, in the order in which they were first written. */
guint dirty_segments_length(const DirtySegments *dirty);
const DirtyPage *dirty_segments_at(const DirtySegments *dirty, guint index);

/* On the wire. */
guint dirty_page_wire_bytes(const DirtyPage *page);

/* No page is dirty any more. */
void dirty_segments_clear(DirtySegments *dirty);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(DirtySegments, dirty_segments_free)
