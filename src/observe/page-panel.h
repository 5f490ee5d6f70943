/* SPDX-License-Identifier: Apache-2.0
 *
 * PagePanel: a few pages of a VM that are kept in view for longer than a window, for what windows do not tell:
 *
 *     how much memory is written again and again       pages that differ from the first look, sooner or later
 *     how much of the memory is not zero
 *     what compression leaves of it                    zstd, level 1: what QEMU itself would do
 *
 * The pages are one from each of so many equal parts of the memory, drawn by chance: their shares are those of all.
 *
 *     panel_begin(panel, 500)      draws and reads them
 *     panel_look(panel)            a second later, and later again
 *     panel_reading(panel)
 *
 * One thread. */
#pragma once

#include <glib.h>

#include "observe/page-strata.h"

#define PANEL_PAGES_MOST  1024
#define PANEL_BATCH_PAGES 64

/* Reads 'length' pages (PANEL_BATCH_PAGES at most) by their index to 'target', one behind the other; bit i of '*is_read':
 * page i was there.  FALSE when the process is gone. */
typedef gboolean (*PanelReadFunc)(const guint64 *pages, guint length, guint8 *target, guint64 *is_read, gpointer user);

typedef struct PanelReading {
    double write_set_pages;  /* that were written since panel_begin; NAN before the first panel_look */
    double used_share;       /* of all pages, those that are there and not zero; NAN before panel_begin */
    double compressed_share; /* of the bytes of these; NAN when there are none */
} PanelReading;

typedef struct PagePanel PagePanel;

PagePanel *panel_new(guint64 pages, guint64 seed, PagesPresentFunc present, PanelReadFunc read, gpointer user);
void panel_free(PagePanel *panel);

/* A new panel of about 'length' pages.  Both: FALSE when the process is gone. */
gboolean panel_begin(PagePanel *panel, guint length);
gboolean panel_look(PagePanel *panel);

const PanelReading *panel_reading(const PagePanel *panel);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(PagePanel, panel_free)
