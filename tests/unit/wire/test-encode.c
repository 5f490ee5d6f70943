/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/src-encode.c together with dst-decode.c: what was encoded decodes to the same bytes, whatever the
 * guest writes and whatever is switched on. */
#include "wire/dst-decode.h"
#include "wire/src-encode.h"

#include "page-stream.h"

#include <glib.h>

/* A source and a destination with nothing between. */
typedef struct Pair {
    SrcEncode *encode;
    DstDecode *decode;
    WireFrame *frame;
    guint8 *stream;    /* as decoded, of one frame */
    GByteArray *given; /* what went into the frame in work */
    guint64 sequence;
    guint64 frames, raw_bytes;
} Pair;

static SrcEncodeConfig config_of(const PageStream *stream)
{
    SrcEncodeConfig config;

    src_encode_config_init(&config, STREAM_BLOCKS * stream->pages * stream->page_bytes);
    config.page_bytes = stream->page_bytes;
    for (guint i = 0; i < sizeof config.hash_key; i++) {
        config.hash_key[i] = (guint8)(i + 1); /* the same run again */
    }
    return config;
}

static void pair_init(Pair *pair, const SrcEncodeConfig *config)
{
    memset(pair, 0, sizeof *pair);
    g_assert_cmpint(src_encode_new(&pair->encode, config), ==, 0);
    DstDecodeConfig decode = {.slots = src_encode_stats(pair->encode)->slots,
                              .ram_bytes = config->ram_bytes,
                              .page_bytes = config->page_bytes,
                              .is_forgetful = config->is_forgetful};
    g_assert_cmpint(dst_decode_new(&pair->decode, &decode), ==, 0);
    g_assert_cmpint(wire_frame_new(&pair->frame), ==, 0);
    pair->stream = g_malloc(WIRE_STREAM_BYTES_MAX);
    pair->given = g_byte_array_new();
    pair->sequence = 1;
    src_encode_begin(pair->encode, pair->frame);
}

static void pair_clear(Pair *pair)
{
    src_encode_free(pair->encode);
    dst_decode_free(pair->decode);
    wire_frame_free(pair->frame);
    g_free(pair->stream);
    g_byte_array_unref(pair->given);
}

/* Ends the frame and checks what comes out of it. */
static void pair_deliver(Pair *pair)
{
    if (src_encode_finish(pair->encode, pair->sequence)) {
        g_assert_cmpuint(pair->frame->header.raw_bytes, <=, WIRE_PAYLOAD_BYTES_MAX);
        g_assert_cmpuint(pair->frame->header.stream_bytes, ==, pair->given->len);
        g_assert_cmpint(dst_decode_frame(pair->decode, pair->frame, pair->stream), ==, 0);
        g_assert_cmpmem(pair->stream, pair->frame->header.stream_bytes, pair->given->data, pair->given->len);
        pair->sequence += 1 + pair->sequence % 3; /* frames of others lie between */
        pair->frames++;
        pair->raw_bytes += pair->frame->header.raw_bytes;
    } else {
        g_assert_cmpuint(pair->given->len, ==, 0);
    }
    g_byte_array_set_size(pair->given, 0);
    src_encode_begin(pair->encode, pair->frame);
}

static void pair_add(Pair *pair, const PageStream *stream, SrcToken token)
{
    const SrcBlock *block = token.kind == SRC_TOKEN_BYTES ? NULL : &stream->blocks[token.block];
    gsize taken = 0;

    while (src_encode_token(pair->encode, block, &token, &taken) == 0) {
        g_assert_cmpuint(taken, <, token.length);
        g_byte_array_append(pair->given, token.bytes, (guint)taken);
        token.bytes += taken;
        token.length -= taken;
        g_assert_cmpuint(pair->given->len, >, 0); /* an empty frame takes anything */
        pair_deliver(pair);
    }
    g_assert_cmpuint(taken, ==, token.length);
    g_byte_array_append(pair->given, token.bytes, (guint)token.length);
}

static gboolean is_zero(const guint8 *bytes, guint32 length)
{
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0;
}

static void add_page(Pair *pair, PageStream *stream, guint32 block, guint64 page)
{
    gboolean as_zero =
        is_zero(page_stream_memory(stream, block, page), stream->page_bytes) && rng_below(&stream->rng, 8) != 0;

    pair_add(pair, stream, page_stream_token(stream, block, page, as_zero));
}

static void add_bytes(Pair *pair, PageStream *stream, guint length)
{
    g_autofree guint8 *bytes = g_malloc(length);

    for (guint i = 0; i < length; i++) {
        bytes[i] = (guint8)rng_u64(&stream->rng);
    }
    pair_add(pair, stream, (SrcToken){.kind = SRC_TOKEN_BYTES, .bytes = bytes, .length = length});
}

/* A first pass over all pages, then passes over those that the guest has written. */
static void live(Pair *pair, PageStream *stream, guint passes)
{
    add_bytes(pair, stream, 100);
    for (guint pass = 0; pass <= passes; pass++) {
        for (guint32 block = 0; block < STREAM_BLOCKS; block++) {
            for (guint64 page = 0; page < stream->pages; page++) {
                gboolean is_written = pass == 0 ? rng_below(&stream->rng, 3) != 0 : rng_below(&stream->rng, 4) == 0;

                if (is_written) {
                    page_stream_write(stream, block, page);
                }
                if (pass == 0 || is_written) {
                    add_page(pair, stream, block, page);
                }
                if (rng_below(&stream->rng, 50) == 0) {
                    add_bytes(pair, stream, 1 + rng_below(&stream->rng, 30));
                }
                if (rng_below(&stream->rng, 100) == 0) {
                    pair_deliver(pair);
                }
            }
        }
    }
    pair_deliver(pair);
}

static void round_trip(const SrcEncodeConfig *config, PageStream *stream, guint passes, SrcEncodeStats *stats)
{
    Pair pair;

    pair_init(&pair, config);
    live(&pair, stream, passes);
    *stats = *src_encode_stats(pair.encode);
    g_assert_cmpuint(dst_decode_stats(pair.decode)->pages_stored, ==, stats->pages_stored);
    g_assert_cmpuint(stats->memory_bytes, <=, config->memory_bytes_max);
    pair_clear(&pair);
}

static void test_same_bytes_with_any_filters(void)
{
    for (guint filters = 0; filters <= WIRE_FILTERS_DEFAULT; filters++) {
        PageStream stream;
        SrcEncodeStats stats;

        page_stream_init(&stream, 1000 + filters, 4096, 150);
        SrcEncodeConfig config = config_of(&stream);
        config.filters = filters;
        round_trip(&config, &stream, 5, &stats);
        g_assert_cmpuint(stats.pages_raw, >, 0);
        g_assert_cmpuint(stats.pages_zero > 0, ==, (filters & WIRE_FILTER_ZERO) != 0);
        g_assert_cmpuint(stats.pages_segments > 0, ==, (filters & WIRE_FILTER_SEGMENTS) != 0);
        g_assert_cmpuint(stats.pages_words > 0, ==, (filters & WIRE_FILTER_SEGMENTS) != 0);
        g_assert_cmpuint(stats.pages_duplicate > 0, ==, (filters & WIRE_FILTER_DUPLICATE) != 0);
        g_assert_cmpuint(stats.pages_same > 0, ==, (filters & (WIRE_FILTER_SAME | WIRE_FILTER_ZERO)) != 0);
        page_stream_clear(&stream);
    }
}

static void test_same_bytes_with_any_page_size(void)
{
    for (guint32 page_bytes = WIRE_PAGE_BYTES_MIN; page_bytes <= WIRE_PAGE_BYTES_MAX; page_bytes *= 4) {
        PageStream stream;
        SrcEncodeStats stats;

        page_stream_init(&stream, page_bytes, page_bytes, 60);
        SrcEncodeConfig config = config_of(&stream);
        round_trip(&config, &stream, 6, &stats);
        g_assert_cmpuint(stats.pages_segments, >, 0);
        g_assert_cmpuint(stats.passes, >=, 6);
        page_stream_clear(&stream);
    }
}

static void test_same_bytes_when_slots_are_short(void)
{
    for (guint slots = 0; slots < 200; slots = slots * 3 + 1) {
        PageStream stream;
        SrcEncodeStats stats;

        page_stream_init(&stream, 7 + slots, 4096, 150);
        SrcEncodeConfig config = config_of(&stream);
        config.slots_max = slots;
        round_trip(&config, &stream, 8, &stats);
        g_assert_cmpuint(stats.slots, ==, slots);
        g_assert_cmpuint(stats.pages_stored, <=, slots);
        g_assert_cmpuint(stats.pages_forgotten > 0, ==, slots > 0);
        page_stream_clear(&stream);
    }
}

/* With too little memory for a table of all pages: a bit for each. */
static void test_same_bytes_without_tables(void)
{
    PageStream stream;
    SrcEncodeStats stats;

    page_stream_init(&stream, 31, 4096, 150);
    SrcEncodeConfig config = config_of(&stream);
    guint64 tables = (config.ram_bytes + WIRE_RAM_EXTRA_BYTES) / 4096 * sizeof(guint64);

    config.memory_bytes_max = 2 * tables;
    g_assert_false(src_encode_is_forgetful(&config));
    config.memory_bytes_max = tables;
    g_assert_true(src_encode_is_forgetful(&config));
    g_assert_cmpuint(src_encode_memory_least(&config), <, tables / 2);
    config.is_forgetful = true;
    round_trip(&config, &stream, 5, &stats);
    g_assert_cmpuint(stats.slots + stats.pages_stored + stats.pages_segments + stats.pages_same + stats.pages_duplicate, ==, 0);
    g_assert_cmpuint(stats.pages_zero, >, 0);
    g_assert_cmpuint(stats.pages_resent, >, 0); /* these are known, for the governor */
    g_assert_cmpuint(stats.resent_dirty_bytes, ==, stats.pages_resent * 4096);
    g_assert_cmpuint(stats.memory_bytes, ==, src_encode_memory_least(&config));
    page_stream_clear(&stream);
}

static void test_same_bytes_from_hashes(void)
{
    for (guint i = 0; i < 12; i++) {
        PageStream stream;
        SrcEncodeStats stats;
        guint32 page_bytes = i % 3 == 2 ? 65536 : 4096;

        page_stream_init(&stream, 70 + i, page_bytes, i % 3 == 2 ? 40 : 150);
        SrcEncodeConfig config = config_of(&stream);
        guint64 tables = (config.ram_bytes + WIRE_RAM_EXTRA_BYTES) / page_bytes * sizeof(guint64);
        config.page_memory = WIRE_PAGE_MEMORY_HASH;
        config.hash_block_bytes = i % 2 == 0 ? 64 : 128;
        config.memory_bytes_max = tables + config.ram_bytes / (1 + i);
        round_trip(&config, &stream, 8, &stats);
        g_assert_cmpuint(stats.pages_segments, >, 0);
        g_assert_cmpuint(stats.pages_same, >, 0);
        page_stream_clear(&stream);
    }
}

/* QEMU sends a page twice that was written between its log's reading and the sending.  Segments alone must not pay
 * for it: of a page that did not change there is a list of none. */
static void test_unchanged_page_by_segments_alone(void)
{
    PageStream stream;
    Pair pair;

    page_stream_init(&stream, 6, 4096, 100);
    SrcEncodeConfig config = config_of(&stream);
    config.filters = WIRE_FILTER_SEGMENTS;
    pair_init(&pair, &config);
    for (guint pass = 0; pass < 3; pass++) {
        guint64 raw_before = pair.raw_bytes;

        for (guint page = 0; page < 100; page++) {
            if (pass == 0) {
                memset(page_stream_memory(&stream, 0, page), (int)(1 + page), 4096);
            }
            add_page(&pair, &stream, 0, page);
        }
        pair_deliver(&pair);
        if (pass == 0) {
            g_assert_cmpuint(pair.raw_bytes, >=, 100 * 4096);
        } else {
            g_assert_cmpuint(pair.raw_bytes - raw_before, <=, 100 * 3);
        }
    }
    g_assert_cmpuint(src_encode_stats(pair.encode)->pages_raw, ==, 100);
    g_assert_cmpuint(src_encode_stats(pair.encode)->pages_segments, ==, 200);
    g_assert_cmpuint(src_encode_stats(pair.encode)->resent_dirty_bytes, ==, 0);
    pair_clear(&pair);
    page_stream_clear(&stream);
}

/* A word in each page, three times: at first a block is sent, then, with a copy, the word. */
static void test_hashes_first_copies_then(void)
{
    PageStream stream;
    Pair pair;

    page_stream_init(&stream, 5, 4096, 100);
    SrcEncodeConfig config = config_of(&stream);
    config.page_memory = WIRE_PAGE_MEMORY_HASH;
    config.filters &= ~WIRE_FILTER_DUPLICATE;
    pair_init(&pair, &config);
    for (guint pass = 0; pass < 4; pass++) {
        guint64 raw_before = pair.raw_bytes;

        for (guint page = 0; page < 100; page++) {
            guint8 *bytes = page_stream_memory(&stream, 0, page);

            if (pass == 0) {
                for (guint i = 0; i < 4096; i++) {
                    bytes[i] = (guint8)(1 + rng_below(&stream.rng, 255));
                }
            }
            for (guint i = 0; i < 8; i++) {
                bytes[800 + i] ^= 0xff;
            }
            add_page(&pair, &stream, 0, page);
        }
        pair_deliver(&pair);
        if (pass > 0) {
            guint64 bytes_per_page = (pair.raw_bytes - raw_before) / 100;

            g_assert_cmpuint(bytes_per_page, >=, pass == 1 ? 1 + 1 + 3 + 64 : 1 + 1 + 3 + 8);
            g_assert_cmpuint(bytes_per_page, <=, pass == 1 ? 1 + 1 + 3 + 64 : 1 + 1 + 3 + 8);
        }
    }
    g_assert_cmpuint(src_encode_stats(pair.encode)->resent_dirty_bytes, ==, 100 * (64 + 8 + 8));
    g_assert_cmpuint(src_encode_stats(pair.encode)->passes, ==, 3);
    pair_clear(&pair);
    page_stream_clear(&stream);
}

static void test_page_memory_fits_the_budget(void)
{
    static const struct {
        guint percent;
        WirePageMemory page_memory;
        guint hash_block_bytes;
    } rows[] = {{102, WIRE_PAGE_MEMORY_FULL, 64},
                {60, WIRE_PAGE_MEMORY_HASH, 64},
                {20, WIRE_PAGE_MEMORY_HASH, 64},
                {15, WIRE_PAGE_MEMORY_HASH, 128},
                {1, WIRE_PAGE_MEMORY_HASH, 128}};

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        SrcEncodeConfig config;

        src_encode_config_init(&config, G_GUINT64_CONSTANT(64) << 30);
        config.memory_bytes_max = config.ram_bytes / 100 * rows[i].percent;
        src_encode_config_fit(&config);
        g_assert_cmpint(config.page_memory, ==, rows[i].page_memory);
        g_assert_cmpuint(config.hash_block_bytes, ==, rows[i].hash_block_bytes);
    }
    SrcEncodeConfig config;
    src_encode_config_init(&config, G_GUINT64_CONSTANT(64) << 30); /* what it suggests has room for all */
    src_encode_config_fit(&config);
    g_assert_cmpint(config.page_memory, ==, WIRE_PAGE_MEMORY_FULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/encode/same-bytes-with-any-filters", test_same_bytes_with_any_filters);
    g_test_add_func("/encode/unchanged-page-by-segments-alone", test_unchanged_page_by_segments_alone);
    g_test_add_func("/encode/same-bytes-with-any-page-size", test_same_bytes_with_any_page_size);
    g_test_add_func("/encode/same-bytes-when-slots-are-short", test_same_bytes_when_slots_are_short);
    g_test_add_func("/encode/same-bytes-without-tables", test_same_bytes_without_tables);
    g_test_add_func("/encode/same-bytes-from-hashes", test_same_bytes_from_hashes);
    g_test_add_func("/encode/hashes-first-copies-then", test_hashes_first_copies_then);
    g_test_add_func("/encode/page-memory-fits-the-budget", test_page_memory_fits_the_budget);
    return g_test_run();
}
