/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast pages become operations on one core, and what they become.
 *
 *     wire-encode-bench [--size-mib N] [--repeats N] [--table speed|kernels|rules|budgets] [--json FILE]
 *
 * speed    Two versions of a guest's memory, between which every page changes in the way the row says, are sent in
 *          turns.  Each row is done by the comparison alone (diff: find and write segments, no dictionary), by the
 * whole encoder without codec with full page memory and with hashes (where 4 % of the pages have copies), and by the
 * decoder.  The stream is put into a small buffer before the clock runs, as the socket of QEMU leaves it; page memory
 * and dictionaries are as cold as the other rows leave them, their memory ready as in a relay.  All contenders, memcpy of pages from that buffer into
 * cold memory among them, take turns within each repeat. Below it: pages that are sent for the first time, and memcpy to
 * memory that the kernel has to find first. kernels  The comparison alone in each instruction set.
 * rules    Bytes and speed of the comparison for gaps merged, segments allowed, and blocks hashed.
 * budgets  A guest in which some pages are written in each pass, with page memory for 100, 50, 25 and 10 % of it: bytes
 * sent again and speed.
 *
 * GB/s are 1e9 bytes of page content per second of CPU time of the one thread: work of others that takes the processor
 * away does not count, what it does to caches and memory does.  Medians of the repeats; in brackets the range; ratios
 * are to the memcpy of the same run. */
#include "bench/wire-encode-patterns.h"
#include "base/stats.h"
#include "wire/dst-decode.h"
#include "wire/segments.h"
#include "wire/src-encode.h"
#include "wire/wire-blocks.h"
#include "wire/wire-memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEAD        8u /* of a record without name */
#define RECORD      (PAGE + HEAD)
#define CHUNK_PAGES 64u /* as much of the stream as lies in the buffer at once */
#define REPEATS_MAX 101

static SrcBlock block_ram = {.name = "pc.ram", .name_bytes = 6};

typedef enum Contender { DIFF, FULL, HASH, DECODE, CONTENDERS } Contender;
static const char *const contender_names[] = {"diff", "full", "hash", "decode"};

typedef struct Row {
    guint8 *versions[2]; /* [pages * PAGE] */
    guint *order;
    guint8 *base; /* of the diff */
    SrcEncode *encode[2];
    WireMemory *ready[2]; /* of the encoders */
    DstDecode *decode;
    GPtrArray *frames; /* of the full encoder's last pass, for the decoder */
    guint8 *memory;    /* of memcpy */
    guint64 sequence;
    guint64 raw_bytes; /* of the last pass of the full encoder */
    guint64 diff_bytes;
    double gbps[CONTENDERS][REPEATS_MAX];
} Row;

/* With memory that is ready, as a relay has it. */
static SrcEncode *encoder_new(const Arena *arena, WirePageMemory page_memory, double share, WireMemory **memory)
{
    SrcEncodeConfig config;
    SrcEncode *encode = NULL;
    guint64 ram_bytes = (guint64)arena->pages * PAGE;
    guint64 tables = (ram_bytes + WIRE_RAM_EXTRA_BYTES) / PAGE * 8 + 65536;

    src_encode_config_init(&config, ram_bytes);
    config.page_memory = page_memory;
    config.memory_bytes_max = tables + (guint64)(share * (double)config.memory_bytes_max);
    if (wire_memory_new(memory, MIN(WIRE_MEMORY_RESERVE_BYTES, config.memory_bytes_max)) != 0) {
        die("no memory to be made ready");
    }
    config.memory = *memory;
    if (src_encode_new(&encode, &config) != 0) {
        die("no memory for an encoder");
    }
    return encode;
}

/* The record of a page, in the buffer. */
static SrcToken token_of(guint8 *at, const guint8 *content, guint page)
{
    guint64 head = GUINT64_TO_BE((guint64)page * PAGE + WIRE_RECORD_PAGE + WIRE_RECORD_CONTINUE);

    memcpy(at, &head, HEAD);
    memcpy(at + HEAD, content, PAGE);
    return (SrcToken){.kind = SRC_TOKEN_PAGE, .bytes = at, .length = RECORD, .content = at + HEAD, .page = page};
}

/* Fills the buffer with the records from 'first' on; returns how many. */
static guint chunk_fill(Arena *arena, const Row *row, guint version, guint first, SrcToken *tokens)
{
    guint length = MIN(CHUNK_PAGES, arena->pages - first);

    for (guint i = 0; i < length; i++) {
        guint page = row->order ? row->order[first + i] : first + i;

        tokens[i] = token_of(arena->chunk + i * RECORD, row->versions[version] + (gsize)page * PAGE, page);
    }
    return length;
}

static void frame_keep(Row *row, const WireFrame *frame)
{
    WireFrame *copy = NULL;

    if (wire_frame_new(&copy) != 0) {
        die("no memory for a frame");
    }
    copy->header = frame->header;
    memcpy(copy->raw, frame->raw, frame->header.raw_bytes);
    g_ptr_array_add(row->frames, copy);
}

/* Sends one version; frames are kept when 'is_kept'.  Returns CPU seconds. */
static double encode_pass(Arena *arena, Row *row, SrcEncode *encode, guint version, gboolean is_kept)
{
    SrcToken tokens[CHUNK_PAGES];
    double seconds = 0;
    guint64 raw_bytes = 0;

    if (is_kept) {
        g_ptr_array_set_size(row->frames, 0);
    }
    src_encode_begin(encode, arena->frame);
    for (guint first = 0; first < arena->pages;) {
        guint length = chunk_fill(arena, row, version, first, tokens);
        double before = cpu_s();

        for (guint i = 0; i < length;) {
            gsize taken;

            if (src_encode_token(encode, &block_ram, &tokens[i], &taken) == 1) {
                i++;
                continue;
            }
            src_encode_finish(encode, row->sequence++);
            seconds += cpu_s() - before;
            raw_bytes += arena->frame->header.raw_bytes;
            if (is_kept) {
                frame_keep(row, arena->frame);
            }
            before = cpu_s();
            src_encode_begin(encode, arena->frame);
        }
        seconds += cpu_s() - before;
        first += length;
    }
    src_encode_finish(encode, row->sequence++);
    raw_bytes += arena->frame->header.raw_bytes;
    if (is_kept) {
        frame_keep(row, arena->frame);
        row->raw_bytes = raw_bytes;
    }
    return seconds;
}

static double decode_pass(Arena *arena, Row *row)
{
    double before = cpu_s();

    for (guint i = 0; i < row->frames->len; i++) {
        if (dst_decode_frame(row->decode, g_ptr_array_index(row->frames, i), arena->stream) != 0) {
            die("what was encoded does not decode to the same bytes");
        }
    }
    return cpu_s() - before;
}

static double diff_pass(Arena *arena, Row *row, guint version, const SegmentsRule *rule)
{
    SrcToken tokens[CHUNK_PAGES];
    Segments segments;
    double seconds = 0;

    row->diff_bytes = 0;
    for (guint first = 0; first < arena->pages;) {
        guint length = chunk_fill(arena, row, version, first, tokens);
        guint8 *at = arena->out;
        double before = cpu_s();

        for (guint i = 0; i < length; i++) {
            guint8 *base = row->base + tokens[i].page * PAGE;

            segments_find(&segments, rule, tokens[i].content, base);
            if (segments.form == SEGMENTS_FULL) {
                memcpy(at, tokens[i].content, PAGE);
            } else if (segments.form != SEGMENTS_NONE) {
                segments_write(&segments, rule, tokens[i].content, at);
            }
            segments_apply(&segments, rule, tokens[i].content, base);
            at += segments.wire_bytes;
        }
        seconds += cpu_s() - before;
        row->diff_bytes += (guint64)(at - arena->out);
        first += length;
    }
    return seconds;
}

static double memcpy_pass(Arena *arena, Row *row)
{
    SrcToken tokens[CHUNK_PAGES];
    double seconds = 0;

    for (guint first = 0; first < arena->pages;) {
        guint length = chunk_fill(arena, row, 0, first, tokens);
        double before = cpu_s();

        for (guint i = 0; i < length; i++) {
            memcpy(row->memory + tokens[i].page * PAGE, tokens[i].content, PAGE);
        }
        seconds += cpu_s() - before;
        first += length;
    }
    return seconds;
}

/* The same into memory that the kernel has to find first. */
static double untouched_pass(Arena *arena, Row *row)
{
    guint8 *memory = row->memory;
    guint64 bytes = (guint64)arena->pages * PAGE;
    WireArena untouched;
    double seconds;

    if (wire_arena_take(&untouched, NULL, bytes, 0) != 0) {
        die("no memory");
    }
    row->memory = untouched.bytes;
    seconds = memcpy_pass(arena, row);
    wire_arena_give(&untouched);
    row->memory = memory;
    return seconds;
}

static void row_init(Arena *arena, Row *row, const Pattern *pattern)
{
    gsize bytes = (gsize)arena->pages * PAGE;
    DstDecodeConfig decode = {.ram_bytes = bytes, .page_bytes = PAGE};

    memset(row, 0, sizeof *row);
    row->versions[0] = g_memdup2(arena->random, bytes);
    row->versions[1] = g_memdup2(arena->random, bytes);
    row->base = g_memdup2(arena->random, bytes);
    row->memory = g_memdup2(arena->random, bytes);
    for (guint page = 0; page < arena->pages; page++) {
        pattern->change(arena, row->versions[1] + (gsize)page * PAGE, page);
    }
    if (pattern->is_shuffled) {
        row->order = g_new(guint, arena->pages);
        for (guint page = 0; page < arena->pages; page++) {
            row->order[page] = page;
        }
        rng_shuffle(&arena->rng, row->order, arena->pages);
    }
    row->encode[0] = encoder_new(arena, WIRE_PAGE_MEMORY_FULL, 1, &row->ready[0]);
    row->encode[1] = encoder_new(arena, WIRE_PAGE_MEMORY_HASH, 0.177, &row->ready[1]);
    row->frames = g_ptr_array_new_with_free_func((GDestroyNotify)wire_frame_free);
    decode.slots = src_encode_stats(row->encode[0])->slots;
    if (dst_decode_new(&row->decode, &decode) != 0) {
        die("no memory for a decoder");
    }
}

static void row_clear(Row *row)
{
    g_free(row->versions[0]);
    g_free(row->versions[1]);
    g_free(row->base);
    g_free(row->memory);
    g_free(row->order);
    src_encode_free(row->encode[0]);
    src_encode_free(row->encode[1]);
    wire_memory_free(row->ready[0]);
    wire_memory_free(row->ready[1]);
    dst_decode_free(row->decode);
    g_ptr_array_unref(row->frames);
}

static void row_once(Arena *arena, Row *row, guint repeat, double *memcpy_gbps)
{
    SegmentsRule rule = {PAGE, 4, WIRE_SEGMENTS_MAX, PAGE / 4 * 3};
    guint version = 1 - repeat % 2;
    double bytes = (double)arena->pages * PAGE / 1e9;

    *memcpy_gbps = bytes / memcpy_pass(arena, row);
    row->gbps[DIFF][repeat] = bytes / diff_pass(arena, row, version, &rule);
    row->gbps[FULL][repeat] = bytes / encode_pass(arena, row, row->encode[0], version, TRUE);
    row->gbps[HASH][repeat] = bytes / encode_pass(arena, row, row->encode[1], version, FALSE);
    row->gbps[DECODE][repeat] = bytes / decode_pass(arena, row);
}

static void speed_print(Arena *arena, Row *rows, const double *first_send, const double *memcpys, guint memcpys_length)
{
    double copy = stats_median(memcpys, memcpys_length);

    printf("memcpy %.1f GB/s (%.1f to %.1f); kernel %s; %u pages, %u repeats\n\n", copy,
           stats_min(memcpys, memcpys_length), stats_max(memcpys, memcpys_length), segments_kernel()->name,
           arena->pages, arena->repeats);
    printf("%-20s %9s  %-24s%-24s%-24s%-24s\n", "changed per page", "bytes", "diff", "full", "hash", "decode");
    for (guint i = 0; i < PATTERNS; i++) {
        printf("%-20s %9.1f", patterns[i].name, (double)rows[i].raw_bytes / arena->pages);
        for (guint c = 0; c < CONTENDERS; c++) {
            const double *gbps = rows[i].gbps[c];
            double median = stats_median(gbps, arena->repeats);

            printf("  %5.2f (%5.2f-%5.2f) x%4.2f", median, stats_min(gbps, arena->repeats),
                   stats_max(gbps, arena->repeats), median / copy);
            json_row(arena, "speed", patterns[i].name, contender_names[c], median);
        }
        printf("\n");
    }
    printf("\nfirst sent: full %.2f, hash %.2f GB/s; memcpy to memory never touched before %.2f GB/s\n", first_send[0],
           first_send[1], first_send[2]);
    json_row(arena, "speed", "first sent", "full", first_send[0]);
    json_row(arena, "speed", "first sent", "hash", first_send[1]);
    json_row(arena, "speed", "first sent", "memcpy", first_send[2]);
}

static void table_speed(Arena *arena)
{
    g_autofree Row *rows = g_new0(Row, PATTERNS);
    g_autofree double *memcpys = g_new(double, PATTERNS * arena->repeats);
    double first_send[3][PATTERNS];
    double first_median[3];
    double bytes = (double)arena->pages * PAGE / 1e9;

    for (guint i = 0; i < PATTERNS; i++) { /* everything is sent once before */
        row_init(arena, &rows[i], &patterns[i]);
        first_send[0][i] = bytes / encode_pass(arena, &rows[i], rows[i].encode[0], 0, TRUE);
        first_send[1][i] = bytes / encode_pass(arena, &rows[i], rows[i].encode[1], 0, FALSE);
        decode_pass(arena, &rows[i]);
        first_send[2][i] = bytes / untouched_pass(arena, &rows[i]);
    }
    for (guint repeat = 0; repeat < arena->repeats; repeat++) {
        for (guint i = 0; i < PATTERNS; i++) {
            row_once(arena, &rows[i], repeat, &memcpys[repeat * PATTERNS + i]);
        }
    }
    first_median[0] = stats_median(first_send[0], PATTERNS);
    first_median[1] = stats_median(first_send[1], PATTERNS);
    first_median[2] = stats_median(first_send[2], PATTERNS);
    speed_print(arena, rows, first_median, memcpys, PATTERNS * arena->repeats);
    for (guint i = 0; i < PATTERNS; i++) {
        row_clear(&rows[i]);
    }
}

static void rule_measure(Arena *arena, Row *row, const SegmentsRule *rule, const char *name)
{
    double gbps[REPEATS_MAX];
    double bytes = (double)arena->pages * PAGE / 1e9;

    memcpy(row->base, row->versions[0], (gsize)arena->pages * PAGE);
    for (guint repeat = 0; repeat < arena->repeats; repeat++) {
        gbps[repeat] = bytes / diff_pass(arena, row, 1 - repeat % 2, rule);
    }
    printf("%-40s %8.1f bytes a page, %6.2f GB/s (%.2f to %.2f)\n", name, (double)row->diff_bytes / arena->pages,
           stats_median(gbps, arena->repeats), stats_min(gbps, arena->repeats), stats_max(gbps, arena->repeats));
    json_row(arena, "rules", name, "bytes", (double)row->diff_bytes / arena->pages);
    json_row(arena, "rules", name, "GB/s", stats_median(gbps, arena->repeats));
}

static guint varint_bytes(guint value)
{
    return value < 128 ? 1 : 2;
}

/* What the format would need for segments that are exact to the byte, gaps of up to 4 bytes merged: size only. */
static guint exact_bytes(const guint8 *page, const guint8 *base)
{
    guint bytes = 1;
    guint end = 0;

    for (guint at = 0; at < PAGE; at++) {
        guint last = at;

        if (page[at] == base[at]) {
            continue;
        }
        for (guint i = at; i < PAGE && i <= last + 5; i++) {
            last = page[i] != base[i] ? i : last;
        }
        bytes += varint_bytes(at - end) + varint_bytes(last + 1 - at) + last + 1 - at;
        end = last + 1;
        at = last;
    }
    return MIN(bytes, PAGE);
}

static void exact_measure(const Arena *arena, const Row *row, const char *name)
{
    guint64 bytes = 0;

    for (guint page = 0; page < arena->pages; page++) {
        bytes += exact_bytes(row->versions[1] + (gsize)page * PAGE, row->versions[0] + (gsize)page * PAGE);
    }
    printf("%-40s %8.1f bytes a page\n", name, (double)bytes / arena->pages);
}

static void table_rules(Arena *arena)
{
    static const guint gaps[] = {0, 4, 16, 64};
    static const guint caps[] = {8, 16, 32, 64};
    static const Pattern kinds[] = {{"structures", change_structures, FALSE}, {"1024 bytes", change_1024_bytes, FALSE}};

    for (guint kind = 0; kind < G_N_ELEMENTS(kinds); kind++) {
        Row row;

        row_init(arena, &row, &kinds[kind]);
        g_autofree char *exact = g_strdup_printf("%s, exact to the byte", kinds[kind].name);
        exact_measure(arena, &row, exact);
        for (guint i = 0; i < G_N_ELEMENTS(gaps); i++) {
            SegmentsRule rule = {PAGE, gaps[i], WIRE_SEGMENTS_MAX, PAGE / 4 * 3};
            g_autofree char *name = g_strdup_printf("%s, gaps up to %u merged", kinds[kind].name, gaps[i]);

            rule_measure(arena, &row, &rule, name);
        }
        for (guint i = 0; i < G_N_ELEMENTS(caps); i++) {
            SegmentsRule rule = {PAGE, 4, caps[i], PAGE / 4 * 3};
            g_autofree char *name = g_strdup_printf("%s, %u segments allowed", kinds[kind].name, caps[i]);

            rule_measure(arena, &row, &rule, name);
        }
        row_clear(&row);
    }
}

static void table_kernels(Arena *arena)
{
    static const Pattern some = {"3 x 8 B", change_3_words, FALSE};
    Row row;

    row_init(arena, &row, &some);
    for (guint k = 0; k < segments_kernels_length; k++) {
        double gbps[REPEATS_MAX];
        guint64 words_changed = 0;

        for (guint repeat = 0; segments_kernels[k].is_supported() && repeat < arena->repeats; repeat++) {
            SrcToken tokens[CHUNK_PAGES];
            double seconds = 0;

            for (guint first = 0; first < arena->pages;) {
                guint length = chunk_fill(arena, &row, 1, first, tokens);
                double before = cpu_s();

                for (guint i = 0; i < length; i++) {
                    guint64 mask[SEGMENTS_MASK_LENGTH(PAGE)];

                    words_changed +=
                        segments_kernels[k].mask(mask, tokens[i].content, row.base + tokens[i].page * PAGE, PAGE);
                }
                seconds += cpu_s() - before;
                first += length;
            }
            gbps[repeat] = (double)arena->pages * PAGE / 1e9 / seconds;
        }
        if (words_changed > 0) {
            printf("kernel %-10s %6.2f GB/s (%.2f to %.2f)\n", segments_kernels[k].name,
                   stats_median(gbps, arena->repeats), stats_min(gbps, arena->repeats),
                   stats_max(gbps, arena->repeats));
            json_row(arena, "kernels", segments_kernels[k].name, "GB/s", stats_median(gbps, arena->repeats));
        }
    }
    row_clear(&row);
}

/* 30 % of the pages are written in each pass, a word each, and 5 % anywhere. */
static void budget_measure(Arena *arena, WirePageMemory memory, guint hash_block_bytes, guint percent)
{
    SrcEncodeConfig config;
    Row row = {.frames = g_ptr_array_new_with_free_func((GDestroyNotify)wire_frame_free)};
    SrcEncode *encode = NULL;
    SrcToken tokens[1];
    guint8 *content = g_memdup2(arena->random, (gsize)arena->pages * PAGE);
    guint64 ram_bytes = (guint64)arena->pages * PAGE;
    double seconds = 0;

    src_encode_config_init(&config, ram_bytes);
    config.page_memory = memory;
    config.hash_block_bytes = hash_block_bytes;
    config.memory_bytes_max = (ram_bytes + WIRE_RAM_EXTRA_BYTES) / PAGE * 8 + 65536 + ram_bytes / 100 * percent;
    if (src_encode_new(&encode, &config) != 0) {
        die("no memory for an encoder");
    }
    src_encode_begin(encode, arena->frame);
    for (guint pass = 0; pass < 8; pass++) {
        for (guint page = 0; page < arena->pages; page++) {
            gboolean is_hot = page % 10 < 3;
            gsize taken;
            double before;

            if (pass > 0 && !is_hot && rng_below(&arena->rng, 20) != 0) {
                continue;
            }
            whole_words(content + (gsize)page * PAGE, rng_below(&arena->rng, 512), 1, 1);
            tokens[0] = token_of(arena->chunk, content + (gsize)page * PAGE, page);
            before = cpu_s();
            if (src_encode_token(encode, &block_ram, tokens, &taken) == 0) {
                src_encode_finish(encode, row.sequence++);
                src_encode_begin(encode, arena->frame);
                src_encode_token(encode, &block_ram, tokens, &taken);
            }
            seconds += pass > 0 ? cpu_s() - before : 0;
        }
    }
    const SrcEncodeStats *stats = src_encode_stats(encode);
    g_autofree char *name = memory == WIRE_PAGE_MEMORY_FULL
                                ? g_strdup_printf("full, %u %% of the guest", percent)
                                : g_strdup_printf("hashes of %u B, %u %%", hash_block_bytes, percent);
    printf("%-28s %7.1f MB sent again as operations, %6.1f bytes a page; %5.1f %% of pages raw; %" G_GUINT64_FORMAT
           " forgotten; %.2f GB/s\n",
           name, (double)stats->resent_raw_bytes / 1e6, (double)stats->resent_raw_bytes / (double)stats->pages_resent,
           100.0 * ((double)stats->pages_raw - arena->pages) / (double)stats->pages_resent, stats->pages_forgotten,
           (double)stats->pages_resent * PAGE / 1e9 / seconds);
    json_row(arena, "budgets", name, "bytes", (double)stats->resent_raw_bytes / (double)stats->pages_resent);
    src_encode_free(encode);
    g_ptr_array_unref(row.frames);
    g_free(content);
}

static void table_budgets(Arena *arena)
{
    static const guint percents[] = {110, 50, 25, 10};

    for (guint i = 0; i < G_N_ELEMENTS(percents); i++) {
        budget_measure(arena, WIRE_PAGE_MEMORY_FULL, 64, percents[i]);
        budget_measure(arena, WIRE_PAGE_MEMORY_HASH, 64, percents[i]);
        budget_measure(arena, WIRE_PAGE_MEMORY_HASH, 128, percents[i]);
    }
}

static void arena_init(Arena *arena)
{
    arena->rng = rng_new(1);
    arena->random = g_malloc((gsize)arena->pages * PAGE);
    for (gsize i = 0; i < (gsize)arena->pages * PAGE; i += 8) {
        guint64 word = rng_u64(&arena->rng);

        memcpy(arena->random + i, &word, 8);
    }
    arena->chunk = g_malloc(CHUNK_PAGES * RECORD);
    arena->out = g_malloc(CHUNK_PAGES * RECORD);
    arena->stream = g_malloc(WIRE_STREAM_BYTES_MAX);
    if (wire_frame_new(&arena->frame) != 0) {
        die("no memory for a frame");
    }
}

int main(int argc, char **argv)
{
    int size_mib = 16;
    int repeats = 11;
    g_autofree char *table = NULL;
    g_autofree char *json = NULL;
    const GOptionEntry entries[] = {
        {"size-mib", 0, 0, G_OPTION_ARG_INT, &size_mib, "of guest memory per row (16)", "N"},
        {"repeats", 0, 0, G_OPTION_ARG_INT, &repeats, "(11)", "N"},
        {"table", 0, 0, G_OPTION_ARG_STRING, &table, "only this one", "speed|kernels|rules|budgets"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &json, "write the numbers there", "FILE"},
        {0},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- how fast pages become operations");
    g_autoptr(GError) error = NULL;
    Arena arena = {0};

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || size_mib < 1 || repeats < 1 ||
        repeats > REPEATS_MAX) {
        fprintf(stderr, "wire-encode-bench: %s; see --help\n", error ? error->message : "a number out of range");
        return 2;
    }
    arena.pages = (guint)size_mib * 256;
    arena.repeats = (guint)repeats;
    block_ram.pages = arena.pages;
    arena.json = json ? fopen(json, "w") : NULL;
    if (json && !arena.json) {
        die("the file for --json cannot be written");
    }
    arena_init(&arena);
    if (arena.json) {
        fprintf(arena.json, "[");
    }
    if (!table || strcmp(table, "speed") == 0) {
        table_speed(&arena);
    }
    if (!table || strcmp(table, "kernels") == 0) {
        table_kernels(&arena);
    }
    if (!table || strcmp(table, "rules") == 0) {
        table_rules(&arena);
    }
    if (!table || strcmp(table, "budgets") == 0) {
        table_budgets(&arena);
    }
    if (arena.json) {
        fprintf(arena.json, "\n]\n");
        fclose(arena.json);
    }
    return 0;
}
