/* SPDX-License-Identifier: Apache-2.0
 *
 * Guests of segments-bench: what they write and when.  A guest is its memory and a few writers; write number n of a
 * writer is made at n / rate seconds, at a place and with bytes that follow from n and the seed alone.  So every
 * method sees the very same writes at the same virtual times, however long it takes. */
#pragma once

#include "base/rng.h"
#include "sim/dirty-segments.h"

#include <math.h>
#include <string.h>

#define TRACE_PAGES   32768 /* 128 MiB */
#define TRACE_WRITERS 3

typedef enum TraceKind {
    TRACE_NONE,
    TRACE_WORD,     /* 8 bytes, always at the same place of the page */
    TRACE_MOVING,   /* 'bytes' at a random place of it */
    TRACE_NOISE,    /* the whole page, new bytes */
    TRACE_SILENT,   /* the whole page, the same bytes again */
    TRACE_REVERTED, /* a word, and with the next write its old value */
    TRACE_RECORD,   /* a page header of 16 bytes and a record of 'bytes' */
    TRACE_FIELDS,   /* six fields of 8 bytes with gaps of 2 to 62 between them */
} TraceKind;

typedef struct TraceWriter {
    TraceKind kind;
    guint first, pages;
    double per_s; /* writes */
    gboolean is_random;
    guint bytes;
} TraceWriter;

typedef struct TraceLoad {
    const char *name;
    TraceWriter writers[TRACE_WRITERS];
} TraceLoad;

static const TraceLoad TRACE_LOADS[] = {
    {"idle", {{TRACE_MOVING, 0, 300, 300, TRUE, 40}}},
    {"sparse", {{TRACE_WORD, 4096, 16384, 16384 / 0.4, FALSE, 8}}},
    {"sparse-moving", {{TRACE_MOVING, 4096, 16384, 16384 / 0.4, FALSE, 8}}},
    {"random64", {{TRACE_MOVING, 4096, 16384, 60000, TRUE, 64}}},
    {"fields", {{TRACE_FIELDS, 4096, 8192, 30000, TRUE, 0}}},
    {"records", {{TRACE_RECORD, 4096, 8192, 20000, TRUE, 200}}},
    {"mixed",
     {{TRACE_WORD, 4096, 6144, 6144 / 0.2, FALSE, 8},
      {TRACE_MOVING, 4096, 6144, 2 * 6144 / 0.2, FALSE, 8},
      {TRACE_NOISE, 12288, 512, 512 / 0.2, FALSE, 0}}},
    {"silent", {{TRACE_SILENT, 4096, 8192, 8192 / 0.4, FALSE, 0}}},
    {"reverted", {{TRACE_REVERTED, 4096, 16384, 16384 / 0.1, FALSE, 8}}},
    {"rewrite", {{TRACE_NOISE, 4096, 2048, 2048 / 0.08, FALSE, 0}}},
};

typedef struct Trace {
    const TraceLoad *load;
    guint64 seed;
    guint8 *memory;         /* [TRACE_PAGES * 4096] */
    guint8 *dirty;          /* [TRACE_PAGES] written since somebody looked: what hardware tells */
    DirtySegments *tracked; /* what an ideal guest would tell; NULL: nobody asks */
    guint64 done[TRACE_WRITERS];
    guint64 writes;
} Trace;

static void trace_write(Trace *trace, gsize at, const guint8 *bytes, gsize length)
{
    memcpy(trace->memory + at, bytes, length);
    trace->dirty[at / DIRTY_PAGE_BYTES] = 1;
    trace->dirty[(at + length - 1) / DIRTY_PAGE_BYTES] = 1;
    trace->writes++;
    if (trace->tracked) {
        dirty_segments_record(trace->tracked, at, length);
    }
}

static void trace_fill(Rng *rng, guint8 *bytes, gsize length)
{
    for (gsize i = 0; i < length; i += 8) {
        guint64 word = rng_u64(rng);

        memcpy(bytes + i, &word, MIN(8, length - i));
    }
}

static void trace_fields(Trace *trace, Rng *rng, gsize base)
{
    gsize at = rng_below(rng, 3600);
    guint8 field[8];

    for (guint i = 0; i < 6; i++) {
        trace_fill(rng, field, sizeof(field));
        trace_write(trace, base + at, field, sizeof(field));
        at += sizeof(field) + 2 + rng_below(rng, 61);
    }
}

static void trace_do(Trace *trace, guint writer, guint64 number)
{
    const TraceWriter *w = &trace->load->writers[writer];
    Rng rng = rng_stream(trace->seed ^ (number << 8), writer + 10);
    guint page = w->first + (w->is_random ? rng_below(&rng, w->pages) : (guint)(number % w->pages));
    gsize base = (gsize)page * DIRTY_PAGE_BYTES;
    guint8 bytes[DIRTY_PAGE_BYTES];

    switch (w->kind) {
    case TRACE_NONE:
        break;
    case TRACE_WORD:
        trace_fill(&rng, bytes, 8);
        trace_write(trace, base + page % 500 * 8, bytes, 8);
        break;
    case TRACE_MOVING:
        trace_fill(&rng, bytes, w->bytes);
        trace_write(trace, base + rng_below(&rng, DIRTY_PAGE_BYTES - w->bytes), bytes, w->bytes);
        break;
    case TRACE_NOISE:
        trace_fill(&rng, bytes, sizeof(bytes));
        trace_write(trace, base, bytes, sizeof(bytes));
        break;
    case TRACE_SILENT:
        memcpy(bytes, trace->memory + base, sizeof(bytes));
        trace_write(trace, base, bytes, sizeof(bytes));
        break;
    case TRACE_REVERTED:
        memset(bytes, number / w->pages % 2 ? 0x55 : 0, 8);
        trace_write(trace, base + 64, bytes, 8);
        break;
    case TRACE_RECORD:
        trace_fill(&rng, bytes, w->bytes);
        trace_write(trace, base, bytes, 16);
        trace_write(trace, base + 64 + rng_below(&rng, 19) * 200, bytes, w->bytes);
        break;
    case TRACE_FIELDS:
        trace_fields(trace, &rng, base);
        break;
    }
}

/* All that is written until 'until_s'. */
static void trace_run(Trace *trace, double until_s)
{
    for (guint w = 0; w < TRACE_WRITERS; w++) {
        guint64 due = (guint64)(until_s * trace->load->writers[w].per_s);

        for (; trace->done[w] < due; trace->done[w]++) {
            trace_do(trace, w, trace->done[w]);
        }
    }
}

/* Memory full of noise; 'rules' NULL: no tracking. */
static Trace *trace_new(const TraceLoad *load, guint64 seed, const DirtyRules *rules)
{
    Trace *trace = g_new0(Trace, 1);
    Rng rng = rng_new(seed);

    trace->load = load;
    trace->seed = seed;
    trace->memory = g_malloc((gsize)TRACE_PAGES * DIRTY_PAGE_BYTES);
    trace->dirty = g_malloc0(TRACE_PAGES);
    trace->tracked = rules ? dirty_segments_new(TRACE_PAGES, rules) : NULL;
    trace_fill(&rng, trace->memory, (gsize)TRACE_PAGES * DIRTY_PAGE_BYTES);
    for (guint w = 0; w < TRACE_WRITERS; w++) {
        const TraceWriter *writer = &load->writers[w];

        for (guint p = 0; writer->kind == TRACE_REVERTED && p < writer->pages; p++) {
            memset(trace->memory + (gsize)(writer->first + p) * DIRTY_PAGE_BYTES + 64, 0, 8);
        }
    }
    return trace;
}

static void trace_free(Trace *trace)
{
    g_free(trace->memory);
    g_free(trace->dirty);
    dirty_segments_free(trace->tracked);
    g_free(trace);
}
