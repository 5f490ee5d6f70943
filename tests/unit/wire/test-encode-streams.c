/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests parser, encoder and decoder together on what real QEMUs said (tests/corpus/wire-streams): the same bytes come
 * out, and fewer went over. */
#include "wire/dst-decode.h"
#include "wire/src-encode.h"

#include "wire-streams.h"

#include <string.h>

#define RAM_BYTES (G_GUINT64_CONSTANT(1) << 30)

typedef struct Pair {
    SrcEncode *encode;
    DstDecode *decode;
    WireFrame *frame;
    guint8 *stream;
    GByteArray *out;
    guint64 raw_bytes, sequence;
} Pair;

static void pair_init(Pair *pair, const SrcParseConfig *parse, WirePageMemory memory)
{
    SrcEncodeConfig config;
    DstDecodeConfig decode = {.ram_bytes = RAM_BYTES, .page_bytes = parse->page_bytes};

    memset(pair, 0, sizeof *pair);
    src_encode_config_init(&config, RAM_BYTES);
    config.page_bytes = parse->page_bytes;
    config.page_memory = memory;
    g_assert_cmpint(src_encode_new(&pair->encode, &config), ==, 0);
    decode.slots = src_encode_stats(pair->encode)->slots;
    g_assert_cmpint(dst_decode_new(&pair->decode, &decode), ==, 0);
    g_assert_cmpint(wire_frame_new(&pair->frame), ==, 0);
    pair->stream = g_malloc(WIRE_STREAM_BYTES_MAX);
    pair->out = g_byte_array_new();
    src_encode_begin(pair->encode, pair->frame);
}

static void pair_clear(Pair *pair)
{
    src_encode_free(pair->encode);
    dst_decode_free(pair->decode);
    wire_frame_free(pair->frame);
    g_free(pair->stream);
    g_byte_array_unref(pair->out);
}

static void deliver(Pair *pair)
{
    if (src_encode_finish(pair->encode, pair->sequence++)) {
        g_assert_cmpint(dst_decode_frame(pair->decode, pair->frame, pair->stream), ==, 0);
        g_byte_array_append(pair->out, pair->stream, pair->frame->header.stream_bytes);
        pair->raw_bytes += pair->frame->header.raw_bytes;
    }
    src_encode_begin(pair->encode, pair->frame);
}

static void add(Pair *pair, const SrcParse *parser, SrcToken token)
{
    gsize taken;

    while (src_encode_add(pair->encode, parser, &token, &taken) == 0) {
        token.bytes += taken;
        token.length -= taken;
        deliver(pair);
    }
}

static void send(Pair *pair, const SrcParseConfig *config, const guint8 *bytes, gsize length)
{
    SrcParse *parser = NULL;
    SrcToken token;
    gsize at = 0;

    g_assert_cmpint(src_parse_new(&parser, config), ==, 0);
    while (at < length) {
        if (src_parse_next(parser, bytes + at, length - at, &token) == 0) {
            src_parse_flush(parser, bytes + at, length - at, &token);
        }
        add(pair, parser, token);
        at += token.length;
    }
    deliver(pair);
    src_parse_free(parser);
}

static void test_same_bytes_of_real_streams(void)
{
    g_autoptr(GPtrArray) streams = wire_streams_load();
    guint64 in_bytes = 0;
    guint64 raw_bytes = 0;

    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);
        gsize length = 0;
        const guint8 *bytes = g_bytes_get_data(g_ptr_array_index(stream->channels, 0), &length);

        for (guint memory = WIRE_PAGE_MEMORY_FULL; memory <= WIRE_PAGE_MEMORY_HASH; memory++) {
            Pair pair;

            pair_init(&pair, &stream->config, memory);
            send(&pair, &stream->config, bytes, length);
            g_assert_cmpmem(pair.out->data, pair.out->len, bytes, length);
            g_test_message("%s: %zu bytes became %" G_GUINT64_FORMAT, stream->name, length, pair.raw_bytes);
            g_assert_cmpuint(pair.raw_bytes, <, length + length / 20 + 1024);
            in_bytes += length;
            raw_bytes += pair.raw_bytes;
            pair_clear(&pair);
        }
    }
    g_assert_cmpuint(raw_bytes, <, in_bytes / 2);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/encode-streams/same-bytes-of-real-streams", test_same_bytes_of_real_streams);
    return g_test_run();
}
