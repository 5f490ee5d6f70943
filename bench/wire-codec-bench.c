/* SPDX-License-Identifier: Apache-2.0
 *
 * What the relay's codecs cost and give: GB/s of one core, ratio, and how a pool of threads scales.
 *
 *     wire-codec-bench [--json FILE] [--rounds N] [--threads N] SOURCE_DIR
 *
 * The frames are those of a first pass: operations with whole pages of
 *   text     the documents and sources below SOURCE_DIR, as a file cache has them
 *   code     this program, as the memory of a process has it
 *   random   noise: encrypted or compressed data
 *   sparse   zeros with some 8-byte words, as fresh heaps have them
 *   mixed    the four in turn, page by page
 * Rounds are interleaved (every cell once, then all again); printed are medians of CPU time of one thread and, in
 * brackets, the spread (largest less smallest, in per cent of the median).  The baseline is memcpy of the same frames
 * in the same round. */
#include "base/json.h"
#include "base/rng.h"
#include "wire/codec-context.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define PAGE_BYTES          4096u
#define PAGES_PER_FRAME     31u /* 124 KiB: what the source fills at full speed */
#define FRAME_BYTES         (PAGES_PER_FRAME * (PAGE_BYTES + 1))
#define FRAMES              48u
#define RAW_OPERATION       0xa2u /* next page, kept, raw */
#define LEVELS_MAX          CODEC_LEVELS_MAX
#define TEN_GBE_BYTES_PER_S 1.25e9

typedef enum Content { CONTENT_TEXT, CONTENT_CODE, CONTENT_RANDOM, CONTENT_SPARSE, CONTENT_MIXED, CONTENTS } Content;
static const char *const content_names[] = {"text", "code", "random", "sparse", "mixed"};

typedef struct Cell {
    GArray *compress_s, *decompress_s; /* of double: one round over all frames */
    double ratio;
} Cell;

typedef struct Bench {
    GByteArray *text, *code;
    WireFrame *frames[CONTENTS][FRAMES];
    Cell cells[CONTENTS][LEVELS_MAX];
    Cell copies[CONTENTS];
    CodecContext *compress, *decompress;
    guint rounds;
    JsonBuilder *builder;
} Bench;

static double clock_s(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void append_file(GByteArray *to, const char *path)
{
    g_autofree char *bytes = NULL;
    gsize length = 0;

    if (g_file_get_contents(path, &bytes, &length, NULL)) {
        g_byte_array_append(to, (const guint8 *)bytes, (guint)length);
    }
}

static int by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void append_folder(GByteArray *to, const char *path, guint bytes_max)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    while (folder && (name = g_dir_read_name(folder))) {
        g_ptr_array_add(names, g_build_filename(path, name, NULL));
    }
    g_ptr_array_sort(names, by_name);
    for (guint i = 0; i < names->len && to->len < bytes_max; i++) {
        const char *entry = g_ptr_array_index(names, i);

        if (g_file_test(entry, G_FILE_TEST_IS_DIR)) {
            append_folder(to, entry, bytes_max);
        } else {
            append_file(to, entry);
        }
    }
}

static void fill_page(Bench *bench, guint8 *page, Content content, guint number, Rng *rng)
{
    const GByteArray *from = content == CONTENT_TEXT ? bench->text : bench->code;

    switch (content) {
    case CONTENT_TEXT:
    case CONTENT_CODE:
        memcpy(page, from->data + (gsize)number * PAGE_BYTES % (from->len - PAGE_BYTES + 1), PAGE_BYTES);
        break;
    case CONTENT_RANDOM:
        for (guint i = 0; i < PAGE_BYTES; i += 8) {
            guint64 word = rng_u64(rng);

            memcpy(page + i, &word, 8);
        }
        break;
    case CONTENT_SPARSE:
        memset(page, 0, PAGE_BYTES);
        for (guint i = 0; i < 16; i++) {
            guint64 word = rng_u64(rng) >> rng_below(rng, 64);

            memcpy(page + 8 * rng_below(rng, PAGE_BYTES / 8), &word, 8);
        }
        break;
    default:
        fill_page(bench, page, number % CONTENT_MIXED, number, rng);
        break;
    }
}

static void make_frames(Bench *bench, Content content)
{
    Rng rng = rng_stream(1, content);

    for (guint i = 0; i < FRAMES; i++) {
        WireFrame *frame = NULL;

        if (wire_frame_new(&frame) != 0) {
            g_error("no memory for frames");
        }
        frame->header = (WireHeader){.type = WIRE_DATA, .raw_bytes = FRAME_BYTES};
        for (guint page = 0; page < PAGES_PER_FRAME; page++) {
            guint8 *at = frame->raw + page * (PAGE_BYTES + 1);

            *at = RAW_OPERATION;
            fill_page(bench, at + 1, content, i * PAGES_PER_FRAME + page, &rng);
        }
        bench->frames[content][i] = frame;
    }
}

static void add(GArray **seconds, double value)
{
    if (!*seconds) {
        *seconds = g_array_new(FALSE, FALSE, sizeof(double));
    }
    g_array_append_val(*seconds, value);
}

static int by_value(gconstpointer a, gconstpointer b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(GArray *seconds)
{
    g_array_sort(seconds, by_value);
    return g_array_index(seconds, double, seconds->len / 2);
}

static double spread_percent(GArray *seconds)
{
    double middle = median(seconds);

    return 100 * (g_array_index(seconds, double, seconds->len - 1) - g_array_index(seconds, double, 0)) / middle;
}

static double gb_per_s(GArray *seconds)
{
    return (double)FRAMES * FRAME_BYTES / median(seconds) / 1e9;
}

static void run_cell(Bench *bench, Content content, guint level, gboolean counts)
{
    Cell *cell = &bench->cells[content][level];
    double begin_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
    double middle_s;
    guint64 wire_bytes = 0;

    for (guint i = 0; i < FRAMES; i++) {
        codec_compress(bench->compress, &codec_levels[level], bench->frames[content][i]);
    }
    middle_s = clock_s(CLOCK_THREAD_CPUTIME_ID);
    for (guint i = 0; i < FRAMES; i++) {
        WireFrame *frame = bench->frames[content][i];

        wire_bytes += frame->header.wire_bytes;
        if (codec_decompress(bench->decompress, frame) != 0) {
            g_error("%s does not come back from %s", content_names[content], codec_levels[level].name);
        }
    }
    if (counts) {
        add(&cell->compress_s, middle_s - begin_s);
        add(&cell->decompress_s, clock_s(CLOCK_THREAD_CPUTIME_ID) - middle_s);
    }
    cell->ratio = (double)FRAMES * FRAME_BYTES / (double)wire_bytes;
}

static void run_copy(Bench *bench, Content content, gboolean counts)
{
    double begin_s = clock_s(CLOCK_THREAD_CPUTIME_ID);

    for (guint i = 0; i < FRAMES; i++) {
        memcpy(bench->frames[content][i]->wire, bench->frames[content][i]->raw, FRAME_BYTES);
    }
    if (counts) {
        add(&bench->copies[content].compress_s, clock_s(CLOCK_THREAD_CPUTIME_ID) - begin_s);
    }
}

static void run_rounds(Bench *bench)
{
    for (guint round = 0; round <= bench->rounds; round++) { /* the first only touches the memory */
        for (Content content = 0; content < CONTENTS; content++) {
            run_copy(bench, content, round > 0);
            for (guint level = 1; level < codec_levels_length; level++) {
                run_cell(bench, content, level, round > 0);
            }
        }
    }
}

static void print_cells(Bench *bench)
{
    printf("%-8s %-10s %7s %18s %18s %12s %14s\n", "content", "codec", "ratio", "compress GB/s", "decompress GB/s",
           "memcpy/comp.", "cores, 10 GbE");
    json_builder_set_member_name(bench->builder, "cells");
    json_builder_begin_array(bench->builder);
    for (Content content = 0; content < CONTENTS; content++) {
        double copy = gb_per_s(bench->copies[content].compress_s);

        printf("%-8s %-10s %7s %11.2f (%2.0f %%)\n", content_names[content], "memcpy", "", copy,
               spread_percent(bench->copies[content].compress_s));
        for (guint level = 1; level < codec_levels_length; level++) {
            Cell *cell = &bench->cells[content][level];
            double compress = gb_per_s(cell->compress_s);

            g_autofree char *decompress =
                g_strdup_printf("%.2f (%2.0f %%)", gb_per_s(cell->decompress_s), spread_percent(cell->decompress_s));

            printf("%-8s %-10s %7.2f %11.2f (%2.0f %%) %18s %12.1f %14.1f\n", content_names[content],
                   codec_levels[level].name, cell->ratio, compress, spread_percent(cell->compress_s),
                   cell->ratio > 1 ? decompress : "as it is", copy / compress,
                   TEN_GBE_BYTES_PER_S * cell->ratio / (compress * 1e9));
            json_builder_begin_object(bench->builder);
            json_add_string_or_null(bench->builder, "content", content_names[content]);
            json_add_string_or_null(bench->builder, "codec", codec_levels[level].name);
            json_add_double_or_null(bench->builder, "ratio", cell->ratio);
            json_add_double_or_null(bench->builder, "compress_gb_per_s", compress);
            json_add_double_or_null(bench->builder, "decompress_gb_per_s", gb_per_s(cell->decompress_s));
            json_add_double_or_null(bench->builder, "memcpy_gb_per_s", copy);
            json_builder_end_object(bench->builder);
        }
    }
    json_builder_end_array(bench->builder);
    printf("cores, 10 GbE: computed, not measured: cores whose output together is 1.25 GB/s on the wire, ratio times "
           "as much raw\n");
}

/* One thread feeds the pool and takes back what is done, as a sender would; seconds on the wall. */
static double run_pool(Bench *bench, guint threads, guint level, CodecPoolStats *stats)
{
    CodecPool *pool = NULL;
    guint submitted = 0;
    double begin_s;

    if (codec_pool_new(&pool, CODEC_COMPRESS, threads, FRAMES) != 0) {
        g_error("no pool of %u threads", threads);
    }
    codec_pool_set_level(pool, &codec_levels[level]);
    begin_s = clock_s(CLOCK_MONOTONIC);
    for (guint i = 0; i < 4 * FRAMES; i++) {
        while (submitted < 4 * FRAMES && submitted < i + FRAMES - 1) {
            codec_pool_submit(pool, bench->frames[CONTENT_MIXED][submitted++ % FRAMES]);
        }
        codec_pool_next(pool);
    }
    double spent_s = clock_s(CLOCK_MONOTONIC) - begin_s;
    *stats = codec_pool_stats(pool);
    codec_pool_free(pool);
    return spent_s;
}

static void bench_pool(Bench *bench, guint threads_max)
{
    printf("\npool, mixed, %u processors\n%-10s %8s %20s %22s %14s\n", g_get_num_processors(), "codec", "threads",
           "GB/s on the wall", "GB/s of a core's time", "x 1 thread");
    json_builder_set_member_name(bench->builder, "pool");
    json_builder_begin_array(bench->builder);
    for (guint level = 1; level <= 2; level++) { /* those that a fast link asks for */
        double one_thread = 0;

        for (guint threads = 1; threads <= threads_max; threads++) {
            g_autoptr(GArray) seconds = g_array_new(FALSE, FALSE, sizeof(double));
            CodecPoolStats stats = {0};
            double wall, cpu;

            for (guint round = 0; round < bench->rounds; round++) {
                double spent_s = run_pool(bench, threads, level, &stats);

                g_array_append_val(seconds, spent_s);
            }
            wall = 4 * gb_per_s(seconds);
            cpu = (double)stats.raw_bytes / (double)stats.busy_ns;
            one_thread = threads == 1 ? wall : one_thread;
            printf("%-10s %8u %13.2f (%2.0f %%) %22.2f %14.2f\n", codec_levels[level].name, threads, wall,
                   spread_percent(seconds), cpu, wall / one_thread);
            json_builder_begin_object(bench->builder);
            json_add_string_or_null(bench->builder, "codec", codec_levels[level].name);
            json_add_double_or_null(bench->builder, "threads", threads);
            json_add_double_or_null(bench->builder, "gb_per_s", wall);
            json_add_double_or_null(bench->builder, "gb_per_cpu_s", cpu);
            json_builder_end_object(bench->builder);
        }
    }
    json_builder_end_array(bench->builder);
}

static void bench_clear(Bench *bench)
{
    for (Content content = 0; content < CONTENTS; content++) {
        for (guint i = 0; i < FRAMES; i++) {
            wire_frame_free(bench->frames[content][i]);
        }
        for (guint level = 1; level < codec_levels_length; level++) {
            g_array_unref(bench->cells[content][level].compress_s);
            g_array_unref(bench->cells[content][level].decompress_s);
        }
        g_array_unref(bench->copies[content].compress_s);
    }
    codec_context_free(bench->compress);
    codec_context_free(bench->decompress);
    g_byte_array_unref(bench->text);
    g_byte_array_unref(bench->code);
}

static gboolean bench_init(Bench *bench, const char *source_dir)
{
    bench->text = g_byte_array_new();
    bench->code = g_byte_array_new();
    for (guint i = 0; i < 3; i++) {
        g_autofree char *folder =
            g_build_filename(source_dir, ((const char *[]){"docs", "src", "tests/unit"})[i], NULL);

        append_folder(bench->text, folder, FRAMES * FRAME_BYTES);
    }
    append_file(bench->code, "/proc/self/exe");
    if (bench->text->len < 64 * PAGE_BYTES || bench->code->len < 16 * PAGE_BYTES) {
        fprintf(stderr, "wire-codec-bench: %s: too little text; give the folder of the sources\n", source_dir);
        return FALSE;
    }
    for (Content content = 0; content < CONTENTS; content++) {
        make_frames(bench, content);
    }
    return codec_context_new(&bench->compress, CODEC_COMPRESS) == 0 &&
           codec_context_new(&bench->decompress, CODEC_DECOMPRESS) == 0;
}

int main(int argc, char **argv)
{
    int rounds = 7;
    int threads = (int)g_get_num_processors();
    g_autofree char *json_path = NULL;
    const GOptionEntry entries[] = {
        {"rounds", 0, 0, G_OPTION_ARG_INT, &rounds, "times every cell is measured (7)", "N"},
        {"threads", 0, 0, G_OPTION_ARG_INT, &threads, "largest pool (the processors)", "N"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "write the tables to FILE", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("SOURCE_DIR - speed of the relay's codecs");
    g_autoptr(GError) error = NULL;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    Bench bench = {.builder = builder};

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2 || rounds < 1 || threads < 1) {
        fprintf(stderr, "wire-codec-bench: %s; see wire-codec-bench --help\n",
                error ? error->message : "give the folder of the sources, --rounds and --threads of 1 or more");
        return 2;
    }
    bench.rounds = (guint)rounds;
    if (!bench_init(&bench, argv[1])) {
        return 1;
    }
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "benchmark", "wire-codec");
    run_rounds(&bench);
    print_cells(&bench);
    bench_pool(&bench, (guint)threads);
    json_builder_end_object(builder);
    bench_clear(&bench);
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    g_autofree char *text = json_to_text(node, TRUE);
    if (json_path && !g_file_set_contents(json_path, text, -1, &error)) {
        fprintf(stderr, "wire-codec-bench: %s\n", error->message);
        return 1;
    }
    return 0;
}
