/* SPDX-License-Identifier: Apache-2.0
 *
 * PageStrata: which pages to look at so that few looks tell how many pages were written.
 *
 *     strata_draw(strata, 400, ...)      picks pages
 *     ... the caller keeps a copy, waits, compares ...
 *     strata_account(strata, ...)        estimates, and learns for the next draw
 *
 * Plain memory in, plain memory out: no process, clock or file.  One thread. */
#pragma once

#include <glib.h>

#define BLOCK_PAGES 64 /* a block's pages fit the bits of one word */

typedef enum Stratum { STRATUM_COLD, STRATUM_WARM, STRATUM_HOT, STRATA } Stratum;

/* One page that was drawn.  The caller sets the members of the second group. */
typedef struct PageLook {
    guint64 page; /* index among the pages of the map */
    Stratum stratum;

    gboolean is_copied;
    gboolean is_written;
    guint dirty_bytes;
} PageLook;

typedef struct PageEstimate {
    double written_pages;
    double variance;
    double dirty_bytes;
} PageEstimate;

typedef struct PageStrata PageStrata;

/* Which of the 'length' pages from 'first' on (64 at most, all in one block) are there to be read: bit i for page
 * first + i.  Asked for during a draw. */
typedef guint64 (*PagesPresentFunc)(guint64 first, guint length, gpointer user);

/* 'resident_pages' of 'pages' are thought to be present, to begin with. */
PageStrata *strata_new(guint64 pages, guint64 resident_pages, guint64 seed, PagesPresentFunc present, gpointer user);
void strata_free(PageStrata *strata);

/* Replaces the content of 'looks' (PageLook) by about 'length' pages that are present, none twice. */
void strata_draw(PageStrata *strata, guint length, GArray *looks);

/* What the looks of the last draw, their second group now filled, say about all pages. */
PageEstimate strata_account(PageStrata *strata, GArray *looks);

/* How many pages there are in the two dense strata. */
guint64 strata_dense_pages(const PageStrata *strata);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PageStrata, strata_free)
