/* SPDX-License-Identifier: Apache-2.0
 *
 * segments-bench: pre-copy by pages, by XBZRLE and by segments inside pages (seed 002), over the same writes.
 *
 *     segments-bench [--link MB/s] [--limit MS] [--load NAME] [--seed N]
 *
 * Pure and virtual: memory is real (every method keeps a copy of what it has sent and compares it at the end), time
 * is not. A round costs what its pages cost on the wire, or what comparing them takes; meanwhile the guest writes.
 * The guest is stopped when what is left costs no more than the link carries in the limit, the same for all methods;
 * a method that has not come to that in ROUNDS_MAX rounds did not converge (DNF).  First-time pages go raw
 * everywhere: this is about what is sent again.
 *
 *     pages      H_p + 4096 each
 *     xbzrle     QEMU's coding against a cache of 32 or of 64 MiB, from the second round on
 *     segments   an ideal guest tells of every write (sim/dirty-segments.h); costs nothing
 *     compare    pages are compared with their last copy, as a relay does; COMPARE_S each */
#include "segments-trace.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS_MAX  30
#define COMPARE_S   2e-6
#define FULL_BYTES  (DIRTY_PAGE_HEADER_BYTES + DIRTY_PAGE_BYTES)
#define XBZRLE_HEAD (DIRTY_PAGE_HEADER_BYTES + 3)
#define XBZRLE_LIFE 2 /* rounds that a page of the cache is safe from others */

typedef enum Method { BY_PAGES, BY_XBZRLE_32, BY_XBZRLE_64, BY_SEGMENTS, BY_COMPARE, METHODS } Method;
static const char *const METHOD_NAMES[] = {"pages", "xbzrle-32M", "xbzrle-64M", "segments", "compare"};

typedef struct Bench {
    Method method;
    Trace *trace;
    guint8 *copy; /* what the destination has */
    DirtyRules rules;
    DirtySegments *scratch; /* of comparing */
    gint32 *cached_page;    /* xbzrle: [slots] -1: none */
    guint32 *cached_round;
    guint slots;
    guint round;
    guint64 compared;
} Bench;

typedef struct Result {
    guint rounds; /* after the first; 0 with DNF: did not converge */
    gboolean converged;
    double total_s, downtime_ms, mib, resent_mib, cpu_s;
} Result;

static guint8 *at(guint8 *memory, guint page)
{
    return memory + (gsize)page * DIRTY_PAGE_BYTES;
}

/* ---- what one page costs ---- */

static guint leb_bytes(guint value)
{
    return value < 128 ? 1 : 2;
}

/* QEMU's coding: runs of equal bytes and runs of different ones in turn, lengths in LEB128; 0: nothing changed. */
static guint xbzrle_bytes(const guint8 *old, const guint8 *new)
{
    guint bytes = 0, i = 0;

    while (i < DIRTY_PAGE_BYTES) {
        guint same = i, differs;

        while (i < DIRTY_PAGE_BYTES && old[i] == new[i]) {
            i++;
        }
        if (i == DIRTY_PAGE_BYTES) {
            break; /* the equal rest is not said */
        }
        differs = i;
        while (i < DIRTY_PAGE_BYTES && old[i] != new[i]) {
            i++;
        }
        bytes += leb_bytes(differs - same) + leb_bytes(i - differs) + (i - differs);
    }
    return bytes;
}

/* Direct-mapped; a page stays for XBZRLE_LIFE rounds after its last use.  Returns whether 'page' was there. */
static gboolean cache_has(Bench *bench, guint page)
{
    guint slot = page % bench->slots;
    gboolean is_there = bench->cached_page[slot] == (gint32)page;

    if (!is_there && bench->cached_page[slot] >= 0 && bench->cached_round[slot] + XBZRLE_LIFE >= bench->round) {
        return FALSE;
    }
    bench->cached_page[slot] = (gint32)page;
    bench->cached_round[slot] = bench->round;
    return is_there;
}

static guint xbzrle_page(Bench *bench, guint page)
{
    guint bytes;

    if (!cache_has(bench, page)) {
        return FULL_BYTES;
    }
    bench->compared++;
    bytes = xbzrle_bytes(at(bench->copy, page), at(bench->trace->memory, page));
    return bytes == 0 ? 0 : MIN(XBZRLE_HEAD + bytes, FULL_BYTES);
}

static guint compared_page(Bench *bench, guint page)
{
    const guint8 *old = at(bench->copy, page), *new = at(bench->trace->memory, page);

    bench->compared++;
    dirty_segments_clear(bench->scratch);
    for (guint i = 0; i < DIRTY_PAGE_BYTES; i++) {
        guint from = i;

        while (i < DIRTY_PAGE_BYTES && old[i] != new[i]) {
            i++;
        }
        if (i > from) {
            dirty_segments_record(bench->scratch, from, i - from);
        }
    }
    return dirty_segments_length(bench->scratch) ? dirty_page_wire_bytes(dirty_segments_at(bench->scratch, 0))
                                                 : DIRTY_PAGE_HEADER_BYTES; /* said to be as it was */
}

/* ---- a round ---- */

/* Sends all that is dirty now: bytes.  The copy is brought up to date as the destination would be. */
static double send_pages(Bench *bench, guint (*cost)(Bench *, guint))
{
    double bytes = 0;

    for (guint page = 0; page < TRACE_PAGES; page++) {
        if (bench->trace->dirty[page]) {
            bytes += cost ? cost(bench, page) : FULL_BYTES;
            memcpy(at(bench->copy, page), at(bench->trace->memory, page), DIRTY_PAGE_BYTES);
            bench->trace->dirty[page] = 0;
        }
    }
    return bytes;
}

static double send_segments(Bench *bench)
{
    DirtySegments *tracked = bench->trace->tracked;
    double bytes = 0;

    for (guint i = 0; i < dirty_segments_length(tracked); i++) {
        const DirtyPage *page = dirty_segments_at(tracked, i);
        guint8 *from = at(bench->trace->memory, page->page), *to = at(bench->copy, page->page);

        bytes += dirty_page_wire_bytes(page);
        if (page->is_full) {
            memcpy(to, from, DIRTY_PAGE_BYTES);
        }
        for (guint s = 0; s < page->segments_length; s++) {
            memcpy(to + page->segments[s].offset, from + page->segments[s].offset, page->segments[s].length);
        }
    }
    dirty_segments_clear(tracked);
    return bytes;
}

static double send_dirty(Bench *bench)
{
    switch (bench->method) {
    case BY_PAGES:
        return send_pages(bench, NULL);
    case BY_XBZRLE_32:
    case BY_XBZRLE_64:
        return send_pages(bench, xbzrle_page);
    case BY_SEGMENTS:
        return send_segments(bench);
    case BY_COMPARE:
    case METHODS:
        break;
    }
    return send_pages(bench, compared_page);
}

/* ---- a migration ---- */

static Bench *bench_new(Method method, const TraceLoad *load, guint64 seed)
{
    Bench *bench = g_new0(Bench, 1);

    bench->method = method;
    bench->rules = (DirtyRules){4, 64, DIRTY_PAGE_BYTES};
    bench->trace = trace_new(load, seed, method == BY_SEGMENTS ? &bench->rules : NULL);
    bench->copy = g_memdup2(bench->trace->memory, (gsize)TRACE_PAGES * DIRTY_PAGE_BYTES); /* the first round */
    bench->scratch = dirty_segments_new(1, &bench->rules);
    bench->slots = (method == BY_XBZRLE_32 ? 32 : 64) * 256;
    bench->cached_page = g_new(gint32, bench->slots);
    memset(bench->cached_page, 0xff, bench->slots * sizeof(gint32));
    bench->cached_round = g_new0(guint32, bench->slots);
    return bench;
}

static void bench_free(Bench *bench)
{
    trace_free(bench->trace);
    dirty_segments_free(bench->scratch);
    g_free(bench->copy);
    g_free(bench->cached_page);
    g_free(bench->cached_round);
    g_free(bench);
}

static void check_copy(const Bench *bench)
{
    if (memcmp(bench->copy, bench->trace->memory, (gsize)TRACE_PAGES * DIRTY_PAGE_BYTES) != 0) {
        fprintf(stderr, "segments-bench: %s, %s: the copy is not the source\n", bench->trace->load->name,
                METHOD_NAMES[bench->method]);
        exit(1);
    }
}

static double compare_s(const Bench *bench)
{
    return (double)bench->compared * COMPARE_S;
}

static Result migrate(Method method, const TraceLoad *load, guint64 seed, double link, double limit_s)
{
    Bench *bench = bench_new(method, load, seed);
    double bytes = (double)TRACE_PAGES * FULL_BYTES, now_s = bytes / link, round_s = 0;
    Result result = {.mib = bytes};

    for (bench->round = 1; bench->round <= ROUNDS_MAX && !result.converged; bench->round++) {
        double before_s = compare_s(bench);

        trace_run(bench->trace, now_s);
        bytes = send_dirty(bench);
        round_s = fmax(bytes / link, compare_s(bench) - before_s);
        now_s += round_s;
        result.rounds = bench->round;
        result.mib += bytes;
        result.resent_mib += bytes;
        result.converged = round_s <= limit_s; /* the guest stood still for this one */
    }
    check_copy(bench);
    result.total_s = now_s;
    result.downtime_ms = round_s * 1e3;
    result.mib /= 1048576;
    result.resent_mib /= 1048576;
    result.cpu_s = compare_s(bench);
    bench_free(bench);
    return result;
}

static void table_of_methods(const char *only, guint64 seed, double link, double limit_s)
{
    printf("\n## Methods: %g MB/s, what is left must be sent within %g ms\n\n", link / 1e6, limit_s * 1e3);
    printf("| load | method | rounds | total s | re-sent MiB | downtime ms | comparing s "
           "|\n|---|---|---|---|---|---|---|\n");
    for (gsize l = 0; l < G_N_ELEMENTS(TRACE_LOADS); l++) {
        if (only && !g_str_equal(only, TRACE_LOADS[l].name)) {
            continue;
        }
        for (Method m = 0; m < METHODS; m++) {
            Result r = migrate(m, &TRACE_LOADS[l], seed, link, limit_s);

            if (r.converged) {
                printf("| %s | %s | %u | %.2f | %.2f | %.0f | %.2f |\n", TRACE_LOADS[l].name, METHOD_NAMES[m], r.rounds,
                       r.total_s, r.resent_mib, r.downtime_ms, r.cpu_s);
            } else {
                printf("| %s | %s | DNF | - | - | (%.0f) | - |\n", TRACE_LOADS[l].name, METHOD_NAMES[m], r.downtime_ms);
            }
            fflush(stdout);
        }
    }
}

/* ---- ablations: wire bytes per dirty page, for the writes of a span ---- */

typedef struct Ablation {
    const char *name;
    DirtyRules rules;
} Ablation;

static const Ablation ABLATIONS[] = {{"**G 4, 16 segments**", {4, 16, 4096}},
                                     {"G 0", {0, 16, 4096}},
                                     {"G 16", {16, 16, 4096}},
                                     {"G 64", {64, 16, 4096}},
                                     {"4 segments", {4, 4, 4096}},
                                     {"8 segments", {4, 8, 4096}},
                                     {"32 segments", {4, 32, 4096}},
                                     {"64 segments", {4, 64, 4096}},
                                     {"full from 1024", {4, 64, 1024}},
                                     {"full from 2048", {4, 64, 2048}},
                                     {"full from 3072", {4, 64, 3072}}};

static double bytes_per_page(Bench *bench, const DirtyRules *rules)
{
    guint pages = 0;
    double bytes = 0;

    dirty_segments_free(bench->scratch);
    bench->scratch = dirty_segments_new(1, rules);
    for (guint page = 0; page < TRACE_PAGES; page++) {
        if (bench->trace->dirty[page]) {
            bytes += compared_page(bench, page);
            pages++;
        }
    }
    return pages ? bytes / pages : 0;
}

/* A row for each load, so that its writes are made once. */
static void table_of_ablations(guint64 seed, double span_s)
{
    printf("\n## Ablations: compare, wire bytes per dirty page after %g s of writing\n\n| load |", span_s);
    for (gsize a = 0; a < G_N_ELEMENTS(ABLATIONS); a++) {
        printf(" %s |", ABLATIONS[a].name);
    }
    printf("\n|---|");
    for (gsize a = 0; a < G_N_ELEMENTS(ABLATIONS); a++) {
        printf("---|");
    }
    printf("\n");
    for (gsize l = 0; l < G_N_ELEMENTS(TRACE_LOADS); l++) {
        Bench *bench = bench_new(BY_COMPARE, &TRACE_LOADS[l], seed);

        trace_run(bench->trace, span_s);
        printf("| %s |", TRACE_LOADS[l].name);
        for (gsize a = 0; a < G_N_ELEMENTS(ABLATIONS); a++) {
            printf(" %.0f |", bytes_per_page(bench, &ABLATIONS[a].rules));
        }
        printf("\n");
        fflush(stdout);
        bench_free(bench);
    }
}

int main(int argc, char **argv)
{
    double link = 0, limit_ms = 280;
    gint64 seed = 1;
    g_autofree char *load = NULL;
    g_autoptr(GError) error = NULL;
    const GOptionEntry entries[] = {
        {"link", 0, 0, G_OPTION_ARG_DOUBLE, &link, "MB/s (12.5 and 100)", "RATE"},
        {"limit", 0, 0, G_OPTION_ARG_DOUBLE, &limit_ms, "of a pause, for memory (280)", "MS"},
        {"load", 0, 0, G_OPTION_ARG_STRING, &load, "only this one, and no ablations", "NAME"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "of everything random (1)", "N"},
        {NULL}};
    g_autoptr(GOptionContext) context = g_option_context_new("- pages, XBZRLE and segments over the same writes");

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || link < 0 || limit_ms <= 0) {
        fprintf(stderr, "segments-bench: %s; see --help\n", error ? error->message : "link and limit must be above 0");
        return 2;
    }
    printf("# Segments inside pages (seed 002): %d MiB of memory, seed %d, virtual time\n", TRACE_PAGES / 256,
           (int)seed);
    if (link > 0) {
        table_of_methods(load, (guint64)seed, link * 1e6, limit_ms / 1e3);
        return 0;
    }
    table_of_methods(load, (guint64)seed, 12.5e6, limit_ms / 1e3);
    table_of_methods(load, (guint64)seed, 100e6, limit_ms / 1e3);
    if (!load) {
        table_of_ablations((guint64)seed, 0.2);
        table_of_ablations((guint64)seed, 2);
    }
    return 0;
}
