/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/codec.c: every level gives back what went in; damaged payloads are refused. */
#include "base/rng.h"
#include "wire/codec-context.h"

#include <errno.h>
#include <string.h>
#include <zstd.h>

typedef struct Pair {
    CodecContext *compress, *decompress;
    WireFrame *frame, *other;
} Pair;

static void pair_init(Pair *pair)
{
    g_assert_cmpint(codec_context_new(&pair->compress, CODEC_COMPRESS), ==, 0);
    g_assert_cmpint(codec_context_new(&pair->decompress, CODEC_DECOMPRESS), ==, 0);
    g_assert_cmpint(wire_frame_new(&pair->frame), ==, 0);
    g_assert_cmpint(wire_frame_new(&pair->other), ==, 0);
}

static void pair_clear(Pair *pair)
{
    codec_context_free(pair->compress);
    codec_context_free(pair->decompress);
    wire_frame_free(pair->frame);
    wire_frame_free(pair->other);
}

typedef enum Content { CONTENT_ZEROS, CONTENT_WORDS, CONTENT_RANDOM, CONTENTS } Content;

static void fill(WireFrame *frame, Content content, uint32_t length, guint64 seed)
{
    Rng rng = rng_new(seed);
    guint word = 0;

    frame->header =
        (WireHeader){.type = WIRE_DATA, .raw_bytes = length, .stream_bytes = length, .sequence = seed, .hash = seed};
    for (uint32_t i = 0; i < length; i++) {
        if (i % 16 == 0) {
            word = rng_below(&rng, 8);
        }
        frame->raw[i] = content == CONTENT_ZEROS   ? 0
                        : content == CONTENT_WORDS ? (uint8_t)(word * 17 + i % 16 * i % 16)
                                                   : (uint8_t)rng_below(&rng, 256);
    }
}

/* As the other host has it: only what was on the wire. */
static void carry(const WireFrame *frame, WireFrame *other)
{
    g_assert_cmpint(wire_header_read(&other->header, frame->wire), ==, 0);
    memcpy(other->wire + WIRE_HEADER_BYTES, frame->payload, frame->header.wire_bytes);
    other->payload = other->wire + WIRE_HEADER_BYTES;
    memset(other->raw, 0xee, WIRE_PAYLOAD_BYTES_MAX);
}

static void test_every_level_gives_back_what_went_in(void)
{
    static const uint32_t lengths[] = {0,    1,     2,     17,     1000,   1024,
                                       4097, 16384, 20000, 131072, 200000, WIRE_PAYLOAD_BYTES_MAX};
    Pair pair = {0};

    pair_init(&pair);
    for (guint level = 0; level < codec_levels_length; level++) {
        for (Content content = 0; content < CONTENTS; content++) {
            for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
                fill(pair.frame, content, lengths[i], i);
                codec_compress(pair.compress, &codec_levels[level], pair.frame);
                carry(pair.frame, pair.other);
                g_assert_cmpint(codec_decompress(pair.decompress, pair.other), ==, 0);
                g_assert_cmpmem(pair.other->raw, pair.other->header.raw_bytes, pair.frame->raw, lengths[i]);
                if (level > 0 && content != CONTENT_RANDOM && lengths[i] >= 1000) {
                    g_assert_cmpuint(pair.frame->header.codec, ==, codec_levels[level].codec);
                    g_assert_cmpuint(pair.frame->header.wire_bytes, <, lengths[i] / 2);
                }
            }
        }
    }
    pair_clear(&pair);
}

static void test_what_does_not_get_smaller_goes_as_it_is(void)
{
    Pair pair = {0};

    pair_init(&pair);
    for (guint level = 0; level < codec_levels_length; level++) {
        fill(pair.frame, CONTENT_RANDOM, WIRE_PAYLOAD_BYTES_MAX, 3);
        codec_compress(pair.compress, &codec_levels[level], pair.frame);
        g_assert_cmpuint(pair.frame->header.codec, ==, WIRE_CODEC_NONE);
        g_assert_cmpuint(pair.frame->header.wire_bytes, ==, WIRE_PAYLOAD_BYTES_MAX);
        g_assert_true(pair.frame->payload == pair.frame->raw);
    }
    pair_clear(&pair);
}

static void test_only_data_is_compressed(void)
{
    Pair pair = {0};

    pair_init(&pair);
    fill(pair.frame, CONTENT_ZEROS, 1000, 0);
    pair.frame->header.type = WIRE_RETURN;
    codec_compress(pair.compress, codec_level_find("zstd-1"), pair.frame);
    g_assert_cmpuint(pair.frame->header.codec, ==, WIRE_CODEC_NONE);
    carry(pair.frame, pair.other);
    g_assert_cmpuint(pair.other->header.type, ==, WIRE_RETURN);
    pair_clear(&pair);
}

/* Cut, longer, said to be of another length: never accepted, and never more than raw_bytes written. */
static void test_damaged_payloads_are_refused(void)
{
    Pair pair = {0};

    pair_init(&pair);
    for (guint level = 1; level < codec_levels_length; level++) {
        fill(pair.frame, CONTENT_WORDS, 8192, level);
        codec_compress(pair.compress, &codec_levels[level], pair.frame);
        for (guint damage = 0; damage < 6; damage++) {
            carry(pair.frame, pair.other);
            switch (damage) {
            case 0:
                pair.other->header.wire_bytes--;
                break;
            case 1:
                pair.other->header.wire_bytes++;
                break;
            case 2:
                pair.other->header.raw_bytes--;
                break;
            case 3:
                pair.other->header.raw_bytes++;
                break;
            case 4:
                pair.other->header.codec = 3 - pair.other->header.codec;
                break;
            case 5:
                pair.other->header.codec = 3;
                break;
            }
            pair.other->wire[WIRE_HEADER_BYTES + pair.frame->header.wire_bytes] = 0;
            g_assert_cmpint(codec_decompress(pair.decompress, pair.other), ==, -EBADMSG);
            for (guint i = 8193; i < WIRE_PAYLOAD_BYTES_MAX; i++) {
                g_assert_true(pair.other->raw[i] == 0xee);
            }
        }
    }
    pair_clear(&pair);
}

static void test_two_zstd_frames_are_refused(void)
{
    Pair pair = {0};
    guint length;

    pair_init(&pair);
    fill(pair.frame, CONTENT_WORDS, 8192, 1);
    codec_compress(pair.compress, codec_level_find("zstd-1"), pair.frame);
    carry(pair.frame, pair.other);
    length = pair.other->header.wire_bytes;
    memcpy(pair.other->wire + WIRE_HEADER_BYTES + length, pair.frame->payload, length);
    pair.other->header.wire_bytes *= 2;
    pair.other->header.raw_bytes *= 2;
    g_assert_cmpuint(ZSTD_decompress(pair.other->raw, 16384, pair.other->payload, 2 * length), ==,
                     16384); /* zstd itself takes them */
    g_assert_cmpint(codec_decompress(pair.decompress, pair.other), ==, -EBADMSG);
    pair_clear(&pair);
}

/* Any bytes: an answer, and nothing outside of the frame (ASan looks on). */
static void test_noise_is_survived(void)
{
    Pair pair = {0};
    Rng rng = rng_new(5);
    guint refused = 0;

    pair_init(&pair);
    for (guint round = 0; round < 3000; round++) {
        fill(pair.frame, CONTENT_WORDS, 1 + rng_below(&rng, 5000), round);
        codec_compress(pair.compress, &codec_levels[1 + rng_below(&rng, (guint)codec_levels_length - 1)], pair.frame);
        carry(pair.frame, pair.other);
        for (guint flips = 1 + rng_below(&rng, 4); flips > 0; flips--) {
            pair.other->wire[WIRE_HEADER_BYTES + rng_below(&rng, pair.other->header.wire_bytes)] ^=
                (uint8_t)(1u << rng_below(&rng, 8));
        }
        refused += codec_decompress(pair.decompress, pair.other) != 0;
    }
    g_assert_cmpuint(refused, >, 100); /* the rest is noticed by the frame's hash */
    pair_clear(&pair);
}

static void test_names(void)
{
    for (guint i = 0; i < codec_levels_length; i++) {
        g_assert_true(codec_level_find(codec_levels[i].name) == &codec_levels[i]);
    }
    g_assert_null(codec_level_find("zstd"));
    g_assert_cmpint(codec_levels[0].codec, ==, WIRE_CODEC_NONE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codec/every-level-gives-back-what-went-in", test_every_level_gives_back_what_went_in);
    g_test_add_func("/codec/what-does-not-get-smaller-goes-as-it-is", test_what_does_not_get_smaller_goes_as_it_is);
    g_test_add_func("/codec/only-data-is-compressed", test_only_data_is_compressed);
    g_test_add_func("/codec/damaged-payloads-are-refused", test_damaged_payloads_are_refused);
    g_test_add_func("/codec/two-zstd-frames-are-refused", test_two_zstd_frames_are_refused);
    g_test_add_func("/codec/noise-is-survived", test_noise_is_survived);
    g_test_add_func("/codec/names", test_names);
    return g_test_run();
}
