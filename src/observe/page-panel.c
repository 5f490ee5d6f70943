/* SPDX-License-Identifier: Apache-2.0
 *
 * PagePanel; see page-panel.h.
 *
 * Only pages that are present are read: others are zero to the guest, and count as such.  A page that differs once counts
 * as written for good: it need not be read again, so that later looks cost less.  A page that was given back meanwhile
 * (balloon) counts as it did before.
 *
 * Of each page a hash is kept, so that a panel costs little memory: what is read lives for one batch.  Two contents with
 * one hash of 64 bits would be a write that is missed, once in 10^19.  Compression is tried once per panel on
 * COMPRESSED_PAGES of its pages, in one piece, as QEMU does with the pages of a packet. */
#include "observe/page-panel.h"

#include <math.h>
#include <string.h>
#include <xxhash.h>
#include <zstd.h>

#include "observe/ram-map.h"

#define COMPRESSED_PAGES 96
#define ZSTD_LEVEL       1

struct PagePanel {
    guint64 pages;
    GRand *rand;
    PagesPresentFunc present;
    PanelReadFunc read;
    gpointer user;

    guint drawn;  /* parts of the memory, each with one page */
    guint length; /* pages that are watched */
    guint64 index[PANEL_PAGES_MOST];
    guint64 hash[PANEL_PAGES_MOST];
    gboolean is_written[PANEL_PAGES_MOST];
    guint8 *batch; /* PANEL_BATCH_PAGES pages */
    PanelReading reading;
};

PagePanel *panel_new(guint64 pages, guint64 seed, PagesPresentFunc present, PanelReadFunc read, gpointer user)
{
    PagePanel *panel = g_new0(PagePanel, 1);
    const guint32 seeds[2] = {(guint32)seed, (guint32)(seed >> 32)};

    panel->pages = pages;
    panel->rand = g_rand_new_with_seed_array(seeds, 2);
    panel->present = present;
    panel->read = read;
    panel->user = user;
    panel->batch = g_malloc(PANEL_BATCH_PAGES * PAGE_BYTES);
    panel->reading = (PanelReading){NAN, NAN, NAN};
    return panel;
}

void panel_free(PagePanel *panel)
{
    if (panel) {
        g_rand_free(panel->rand);
        g_free(panel->batch);
        g_free(panel);
    }
}

static void draw(PagePanel *panel, guint length)
{
    panel->drawn = (guint)MIN(MIN(length, PANEL_PAGES_MOST), panel->pages);
    panel->length = 0;
    for (guint i = 0; i < panel->drawn; i++) {
        double part = (double)panel->pages / panel->drawn;
        guint64 page = MIN((guint64)(((double)i + g_rand_double(panel->rand)) * part), panel->pages - 1);

        if (panel->present(page, 1, panel->user)) {
            panel->index[panel->length] = page;
            panel->is_written[panel->length++] = FALSE;
        }
    }
}

static gboolean is_zero(const guint8 *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

static void compress(PagePanel *panel, const GByteArray *sample)
{
    gsize bound = ZSTD_compressBound(sample->len);
    g_autofree guint8 *target = g_malloc(bound);
    gsize compressed = ZSTD_compress(target, bound, sample->data, sample->len, ZSTD_LEVEL);

    panel->reading.compressed_share =
        sample->len > 0 && !ZSTD_isError(compressed) ? fmin((double)compressed / sample->len, 1) : NAN;
}

/* Pages that could be read are kept; up to 'quota' of those that are not zero are added to 'sample'.  Returns how many
 * are not zero, and in '*kept' how many pages of the panel are kept so far. */
static guint take_batch(PagePanel *panel, guint first, guint length, guint64 is_read, guint quota, GByteArray *sample,
                        guint *kept)
{
    guint used = 0;

    for (guint i = 0; i < length; i++) {
        const guint8 *page = panel->batch + i * PAGE_BYTES;

        if (is_read >> i & 1) {
            panel->index[*kept] = panel->index[first + i];
            panel->hash[(*kept)++] = XXH3_64bits(page, PAGE_BYTES);
            if (!is_zero(page) && used++ < quota) {
                g_byte_array_append(sample, page, PAGE_BYTES);
            }
        }
    }
    return used;
}

gboolean panel_begin(PagePanel *panel, guint length)
{
    g_autoptr(GByteArray) sample = g_byte_array_new();
    guint kept = 0;
    guint used = 0;

    draw(panel, length);
    guint batches = MAX((panel->length + PANEL_BATCH_PAGES - 1) / PANEL_BATCH_PAGES, 1);
    for (guint first = 0; first < panel->length; first += PANEL_BATCH_PAGES) {
        guint in_batch = MIN(PANEL_BATCH_PAGES, panel->length - first);
        guint64 is_read = 0;

        if (!panel->read(panel->index + first, in_batch, panel->batch, &is_read, panel->user)) {
            return FALSE;
        }
        used += take_batch(panel, first, in_batch, is_read, COMPRESSED_PAGES / batches + 1, sample, &kept);
    }
    panel->length = kept;
    panel->reading.used_share = panel->drawn > 0 ? (double)used / panel->drawn : NAN;
    compress(panel, sample);
    return TRUE;
}

/* Looks at the pages 'where' of the panel. */
static gboolean look_at(PagePanel *panel, const guint *where, guint length)
{
    guint64 index[PANEL_BATCH_PAGES];
    guint64 is_read = 0;

    for (guint i = 0; i < length; i++) {
        index[i] = panel->index[where[i]];
    }
    if (!panel->read(index, length, panel->batch, &is_read, panel->user)) {
        return FALSE;
    }
    for (guint i = 0; i < length; i++) {
        panel->is_written[where[i]] =
            (is_read >> i & 1) && XXH3_64bits(panel->batch + i * PAGE_BYTES, PAGE_BYTES) != panel->hash[where[i]];
    }
    return TRUE;
}

gboolean panel_look(PagePanel *panel)
{
    guint where[PANEL_BATCH_PAGES];
    guint length = 0;
    guint written = 0;

    for (guint i = 0; i < panel->length; i++) {
        if (!panel->is_written[i]) {
            where[length++] = i;
        }
        if (length == PANEL_BATCH_PAGES || (i + 1 == panel->length && length > 0)) {
            if (!look_at(panel, where, length)) {
                return FALSE;
            }
            length = 0;
        }
    }
    for (guint i = 0; i < panel->length; i++) {
        written += panel->is_written[i] ? 1 : 0;
    }
    panel->reading.write_set_pages = (double)panel->pages * written / MAX(panel->drawn, 1);
    return TRUE;
}

const PanelReading *panel_reading(const PagePanel *panel)
{
    return &panel->reading;
}
