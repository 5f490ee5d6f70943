/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/frame.c: every offset and every bound of docs/wire-format.md. */
#include "wire/frame.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

static WireHeader header_of(WireFrameType type)
{
    WireHeader header = {.type = (uint8_t)type, .sequence = 7};

    switch (type) {
    case WIRE_HELLO:
        header.raw_bytes = WIRE_HELLO_BYTES;
        break;
    case WIRE_HELLO_ACK:
        header.raw_bytes = WIRE_HELLO_ACK_BYTES;
        break;
    case WIRE_DATA:
    case WIRE_RETURN:
        header.raw_bytes = header.stream_bytes = 100;
        header.hash = 99;
        break;
    case WIRE_CREDIT:
        header.raw_bytes = WIRE_CREDIT_BYTES;
        break;
    case WIRE_PING:
    case WIRE_PONG:
        header.raw_bytes = 8;
        break;
    case WIRE_ABORT:
        header.raw_bytes = 4;
        break;
    case WIRE_END:
        break;
    }
    header.wire_bytes = header.raw_bytes;
    return header;
}

static int read_back(const WireHeader *header)
{
    uint8_t bytes[WIRE_HEADER_BYTES];
    WireHeader read = {0};

    wire_header_write(header, bytes);
    return wire_header_read(&read, bytes);
}

static void test_header_lies_as_the_format_says(void)
{
    WireHeader header = {.type = WIRE_DATA,
                         .codec = WIRE_CODEC_ZSTD,
                         .wire_bytes = 0x010203,
                         .raw_bytes = 0x020304,
                         .stream_bytes = 0x030405,
                         .sequence = 0x1112131415161718,
                         .hash = 0x2122232425262728};
    static const uint8_t want[WIRE_HEADER_BYTES] = {3,    2,    0,    0,    0x03, 0x02, 0x01, 0x00, 0x04, 0x03, 0x02,
                                                    0x00, 0x05, 0x04, 0x03, 0x00, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13,
                                                    0x12, 0x11, 0x28, 0x27, 0x26, 0x25, 0x24, 0x23, 0x22, 0x21};
    uint8_t bytes[WIRE_HEADER_BYTES];
    WireHeader read = {0};

    wire_header_write(&header, bytes);
    g_assert_cmpmem(bytes, sizeof bytes, want, sizeof want);
    g_assert_cmpint(wire_header_read(&read, bytes), ==, 0);
    g_assert_cmpuint(read.type, ==, header.type);
    g_assert_cmpuint(read.codec, ==, header.codec);
    g_assert_cmpuint(read.wire_bytes, ==, header.wire_bytes);
    g_assert_cmpuint(read.raw_bytes, ==, header.raw_bytes);
    g_assert_cmpuint(read.stream_bytes, ==, header.stream_bytes);
    g_assert_cmpuint(read.sequence, ==, header.sequence);
    g_assert_cmpuint(read.hash, ==, header.hash);
}

static void test_every_type_is_read(void)
{
    for (WireFrameType type = WIRE_HELLO; type <= WIRE_ABORT; type++) {
        WireHeader header = header_of(type);

        g_assert_cmpint(read_back(&header), ==, 0);
    }
}

static void test_unknown_types_and_codecs_are_refused(void)
{
    WireHeader header = header_of(WIRE_DATA);

    header.codec = 3;
    g_assert_cmpint(read_back(&header), ==, -EPROTO);
    header = header_of(WIRE_END);
    for (guint type = 0; type < 256; type++) {
        if (type < WIRE_HELLO || type > WIRE_ABORT) {
            header.type = (uint8_t)type;
            g_assert_cmpint(read_back(&header), ==, -EPROTO);
        }
    }
}

static void test_reserved_bytes_must_be_zero(void)
{
    WireHeader header = header_of(WIRE_DATA);

    for (guint at = 2; at < 4; at++) {
        uint8_t bytes[WIRE_HEADER_BYTES];

        wire_header_write(&header, bytes);
        bytes[at] = 0x80;
        g_assert_cmpint(wire_header_read(&header, bytes), ==, -EPROTO);
    }
}

static void test_data_sizes_have_bounds(void)
{
    WireHeader header = header_of(WIRE_DATA);

    header.raw_bytes = header.wire_bytes = WIRE_PAYLOAD_BYTES_MAX;
    header.stream_bytes = WIRE_STREAM_BYTES_MAX;
    g_assert_cmpint(read_back(&header), ==, 0);
    header.stream_bytes++;
    g_assert_cmpint(read_back(&header), ==, -EPROTO);
    header.stream_bytes--;
    header.raw_bytes = ++header.wire_bytes;
    g_assert_cmpint(read_back(&header), ==, -EPROTO);

    header.codec = WIRE_CODEC_LZ4;
    header.raw_bytes = WIRE_PAYLOAD_BYTES_MAX;
    g_assert_cmpint(read_back(&header), ==, -EPROTO);
    header.wire_bytes = 1;
    g_assert_cmpint(read_back(&header), ==, 0);
    header.raw_bytes++;
    g_assert_cmpint(read_back(&header), ==, -EPROTO);
}

static void test_codec_none_means_equal_sizes(void)
{
    WireHeader header = header_of(WIRE_DATA);

    header.wire_bytes--;
    g_assert_cmpint(read_back(&header), ==, -EPROTO);
    header.codec = WIRE_CODEC_LZ4;
    g_assert_cmpint(read_back(&header), ==, 0);
    header.wire_bytes = 0;
    g_assert_cmpint(read_back(&header), ==, -EPROTO);
}

static void test_only_data_is_compressed(void)
{
    for (WireFrameType type = WIRE_HELLO; type <= WIRE_ABORT; type++) {
        WireHeader header = header_of(type);

        header.codec = WIRE_CODEC_ZSTD;
        g_assert_cmpint(read_back(&header), ==, type == WIRE_DATA ? 0 : -EPROTO);
    }
}

static void test_only_data_and_return_have_stream_and_hash(void)
{
    for (WireFrameType type = WIRE_HELLO; type <= WIRE_ABORT; type++) {
        gboolean has_stream = type == WIRE_DATA || type == WIRE_RETURN;
        WireHeader header = header_of(type);

        header.hash = 1;
        g_assert_cmpint(read_back(&header), ==, has_stream ? 0 : -EPROTO);
        header = header_of(type);
        header.stream_bytes++;
        g_assert_cmpint(read_back(&header), ==, type == WIRE_DATA ? 0 : -EPROTO);
    }
}

static void test_control_payloads_have_their_length(void)
{
    for (WireFrameType type = WIRE_HELLO; type <= WIRE_ABORT; type++) {
        WireHeader longer = header_of(type);
        WireHeader shorter = header_of(type);

        if (type == WIRE_DATA || type == WIRE_RETURN) {
            continue;
        }
        if (type == WIRE_ABORT) {
            longer.raw_bytes = longer.wire_bytes = 4 + WIRE_REASON_BYTES_MAX;
            g_assert_cmpint(read_back(&longer), ==, 0);
        }
        longer.wire_bytes = ++longer.raw_bytes;
        shorter.wire_bytes = --shorter.raw_bytes; /* END: wraps around, above every bound */
        g_assert_cmpint(read_back(&longer), ==, -EPROTO);
        g_assert_cmpint(read_back(&shorter), ==, -EPROTO);
    }
}

static void test_failed_reading_changes_nothing(void)
{
    WireHeader header = header_of(WIRE_DATA);
    uint8_t bytes[WIRE_HEADER_BYTES];

    wire_header_write(&header, bytes);
    bytes[2] = 1;
    memset(&header, 0x55, sizeof header);
    g_assert_cmpint(wire_header_read(&header, bytes), ==, -EPROTO);
    g_assert_cmpuint(header.raw_bytes, ==, 0x55555555);
}

static void test_varints_come_back(void)
{
    for (guint bits = 0; bits <= 64; bits++) {
        for (gint by = -1; by <= 1; by++) {
            uint64_t value = (bits == 64 ? 0 : G_GUINT64_CONSTANT(1) << bits) + (uint64_t)(gint64)by;
            uint8_t bytes[WIRE_VARINT_BYTES_MAX];
            const uint8_t *at = bytes;
            size_t length = wire_varint_write(bytes, value);
            uint64_t read = 0;

            g_assert_cmpuint(length, <=, WIRE_VARINT_BYTES_MAX);
            g_assert_cmpint(wire_varint_read(&at, bytes + length, &read), ==, 0);
            g_assert_true(at == bytes + length);
            g_assert_cmpuint(read, ==, value);
            at = bytes;
            g_assert_cmpint(wire_varint_read(&at, bytes + length - 1, &read), ==, -EPROTO);
            g_assert_true(at == bytes);
        }
    }
}

static void test_varints_too_large_are_refused(void)
{
    uint8_t bytes[12] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01};
    const uint8_t *at = bytes;
    uint64_t value = 0;

    g_assert_cmpint(wire_varint_read(&at, bytes + sizeof bytes, &value), ==, 0);
    g_assert_cmpuint(value, ==, G_MAXUINT64);
    at = bytes;
    bytes[9] = 0x02; /* bit 64 */
    g_assert_cmpint(wire_varint_read(&at, bytes + sizeof bytes, &value), ==, -EPROTO);
    bytes[9] = 0x80; /* an eleventh byte */
    g_assert_cmpint(wire_varint_read(&at, bytes + sizeof bytes, &value), ==, -EPROTO);
}

static WireHello some_hello(void)
{
    WireHello hello = {
        .version_lowest = 1, .version_highest = 2, .channel = 3, .channels = 4, .slots = 5 << 16, .page_bytes = 4096};

    memset(hello.session, 0xab, sizeof hello.session);
    return hello;
}

static void test_hello_lies_as_the_format_says(void)
{
    WireHello hello = some_hello();
    static const uint8_t want[WIRE_HELLO_BYTES] = {
        'G',  'O',  'D',  'W',  'I',  'T',  'W',  0,    1,    0,    2,    0,    3,    0,    4,    0,
        0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab,
        0,    0,    5,    0,    0,    0,    0,    0,    0,    0x10, 0,    0,    0,    0,    0,    0};
    uint8_t payload[WIRE_HELLO_BYTES];
    WireHello read = {0};

    memset(payload, 0x77, sizeof payload);
    wire_hello_write(&hello, payload);
    g_assert_cmpmem(payload, sizeof payload, want, sizeof want);
    g_assert_cmpint(wire_hello_read(&read, payload, sizeof payload), ==, 0);
    g_assert_cmpmem(&read, sizeof read, &hello, sizeof hello);
    g_assert_cmpint(wire_hello_read(&read, payload, sizeof payload - 1), ==, -EPROTO);
}

static int hello_read_back(const WireHello *hello)
{
    uint8_t payload[WIRE_HELLO_BYTES];
    WireHello read = {0};

    wire_hello_write(hello, payload);
    return wire_hello_read(&read, payload, sizeof payload);
}

static void test_hello_bounds(void)
{
    static const uint32_t bad_page_bytes[] = {0, 1, 512, 4095, 4097, 12288, 128 * 1024};
    WireHello hello = some_hello();

    for (guint i = 0; i < G_N_ELEMENTS(bad_page_bytes); i++) {
        hello.page_bytes = bad_page_bytes[i];
        g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
    }
    hello = some_hello();
    hello.slots = WIRE_PAGES_MAX + 1;
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
    hello = some_hello();
    hello.channel = WIRE_CHANNELS_MAX;
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
    hello = some_hello();
    hello.channels = WIRE_CHANNELS_MAX + 1;
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
    hello = some_hello();
    hello.version_lowest = 3; /* above the highest */
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
    hello.version_lowest = 0;
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
}

/* Which bytes of a payload of zeros and magic must not change: those that are reserved. */
static void test_hello_reserved_bytes(void)
{
    WireHello hello = some_hello();
    WireHelloAck ack = {.version = 1, .slots = 1, .stream_window_bytes = 1};
    uint8_t payload[WIRE_HELLO_BYTES];

    for (guint at = 0; at < WIRE_HELLO_BYTES; at++) {
        if (at < 8 || at >= 48) { /* pages of a store without GANG, and zeros */
            wire_hello_write(&hello, payload);
            payload[at] ^= 0x40;
            g_assert_cmpint(wire_hello_read(&hello, payload, WIRE_HELLO_BYTES), ==, -EPROTO);
        }
    }
    for (guint at = 0; at < 16; at++) {
        if (at < 8 || at >= 10) {
            wire_hello_ack_write(&ack, payload);
            payload[at] ^= 0x40;
            g_assert_cmpint(wire_hello_ack_read(&ack, payload, WIRE_HELLO_ACK_BYTES), ==, -EPROTO);
        }
    }
}

static void test_hello_flags(void)
{
    WireHello hello = some_hello();
    WireHello read = {0};
    WireHelloAck ack = {.version = 1, .flags = WIRE_HELLO_FORGETFUL, .stream_window_bytes = 1};
    WireHelloAck read_ack = {0};
    uint8_t payload[WIRE_HELLO_BYTES];

    hello.flags = WIRE_HELLO_FLAGS | 0x80000000u; /* the last one is of a later version */
    hello.gang_pages = 0x0102;
    wire_hello_write(&hello, payload);
    g_assert_cmpuint(payload[44], ==, 3);
    g_assert_cmpuint(payload[48], ==, 2);
    g_assert_cmpint(wire_hello_read(&read, payload, sizeof payload), ==, 0);
    g_assert_cmpuint(read.flags, ==, WIRE_HELLO_FLAGS);
    g_assert_cmpuint(read.gang_pages, ==, 0x0102);
    hello.gang_pages = 0;
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
    hello.gang_pages = WIRE_PAGES_MAX + 1;
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);
    hello = some_hello();
    hello.gang_pages = 1;
    g_assert_cmpint(hello_read_back(&hello), ==, -EPROTO);

    wire_hello_ack_write(&ack, payload);
    g_assert_cmpint(wire_hello_ack_read(&read_ack, payload, WIRE_HELLO_ACK_BYTES), ==, 0);
    g_assert_cmpuint(read_ack.flags, ==, WIRE_HELLO_FORGETFUL);
    ack.flags = WIRE_HELLO_FLAGS + 1;
    wire_hello_ack_write(&ack, payload);
    g_assert_cmpint(wire_hello_ack_read(&read_ack, payload, WIRE_HELLO_ACK_BYTES), ==, -EPROTO);
}

static void test_hello_ack_lies_as_the_format_says(void)
{
    WireHelloAck ack = {.version = 1, .slots = 0x0102, .stream_window_bytes = 0x0304};
    static const uint8_t want[WIRE_HELLO_ACK_BYTES] = {'G', 'O', 'D',  'W',  'I', 'T', 'W', 0, 1, 0, 0, 0, 0, 0,
                                                       0,   0,   0x5a, 0,    0,   0,   0,   0, 0, 0, 0, 0, 0, 0,
                                                       0,   0,   0,    0xa5, 2,   1,   0,   0, 0, 0, 0, 0, 4, 3};
    uint8_t payload[WIRE_HELLO_ACK_BYTES];
    WireHelloAck read = {0};

    ack.session[0] = 0x5a;
    ack.session[15] = 0xa5;
    wire_hello_ack_write(&ack, payload);
    g_assert_cmpmem(payload, sizeof payload, want, sizeof want);
    g_assert_cmpint(wire_hello_ack_read(&read, payload, sizeof payload), ==, 0);
    g_assert_cmpuint(read.slots, ==, ack.slots);
    g_assert_cmpuint(read.stream_window_bytes, ==, ack.stream_window_bytes);
    g_assert_cmpmem(read.session, sizeof read.session, ack.session, sizeof ack.session);
    g_assert_cmpint(wire_hello_ack_read(&read, payload, sizeof payload - 1), ==, -EPROTO);
    ack.slots = WIRE_PAGES_MAX + 1;
    wire_hello_ack_write(&ack, payload);
    g_assert_cmpint(wire_hello_ack_read(&read, payload, sizeof payload), ==, -EPROTO);
    ack.slots = ack.stream_window_bytes = 0;
    wire_hello_ack_write(&ack, payload);
    g_assert_cmpint(wire_hello_ack_read(&read, payload, sizeof payload), ==, -EPROTO);
}

static void test_credit_comes_back(void)
{
    WireCredit credit = {.stream_bytes = 1, .wire_bytes = G_GUINT64_CONSTANT(2) << 32, .sequence = 3};
    static const uint8_t want[WIRE_CREDIT_BYTES] = {1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 3};
    uint8_t payload[WIRE_CREDIT_BYTES];
    WireCredit read = {0};

    wire_credit_write(&credit, payload);
    g_assert_cmpmem(payload, sizeof payload, want, sizeof want);
    g_assert_cmpint(wire_credit_read(&read, payload, sizeof payload), ==, 0);
    g_assert_cmpmem(&read, sizeof read, &credit, sizeof credit);
    g_assert_cmpint(wire_credit_read(&read, payload, sizeof payload + 1), ==, -EPROTO);
}

/* The value is XXH3's own for an empty input and seed 0; a seed must matter. */
static void test_hash_is_xxh3_and_the_sequence(void)
{
    g_assert_cmpuint(wire_hash("", 0, 0), ==, G_GUINT64_CONSTANT(0x2d06800538d394c2));
    g_assert_cmpuint(wire_hash("stream", 6, 0) ^ 0x55, ==, wire_hash("stream", 6, 0x55));
}

static void test_buffers_hold_the_largest_payload(void)
{
    WireFrame *frame = NULL;

    g_assert_cmpint(wire_frame_new(&frame), ==, 0);
    memset(frame->raw, 1, WIRE_PAYLOAD_BYTES_MAX);
    memset(frame->wire, 2, WIRE_HEADER_BYTES + WIRE_PAYLOAD_BYTES_MAX);
    g_assert_cmpuint(frame->raw[WIRE_PAYLOAD_BYTES_MAX - 1], ==, 1);
    g_assert_true(frame->payload == frame->wire + WIRE_HEADER_BYTES);
    wire_frame_free(frame);
    wire_frame_free(NULL);
}

static void test_ping_and_abort(void)
{
    uint8_t payload[WIRE_ABORT_BYTES_MAX];
    char sentence[WIRE_REASON_BYTES_MAX + 1];
    char too_long[WIRE_REASON_BYTES_MAX + 2];

    wire_ping_write(UINT64_C(0x0102030405060708), payload);
    g_assert_cmpuint(payload[0], ==, 8);
    g_assert_true(wire_ping_read(payload) == UINT64_C(0x0102030405060708));

    size_t length = wire_abort_write(WIRE_REASON_HASH, "no", payload);
    g_assert_cmpuint(length, ==, 6);
    g_assert_cmpint(wire_abort_read(payload, length, sentence), ==, WIRE_REASON_HASH);
    g_assert_cmpstr(sentence, ==, "no");
    payload[0] = WIRE_REASON_SESSION + 1;
    g_assert_cmpint(wire_abort_read(payload, length, sentence), ==, WIRE_REASON_PROTOCOL);
    g_assert_cmpint(wire_abort_read(payload, 3, sentence), ==, WIRE_REASON_PROTOCOL);
    g_assert_cmpstr(sentence, ==, "");
    memset(too_long, 'x', sizeof(too_long));
    too_long[sizeof(too_long) - 1] = '\0';
    g_assert_cmpuint(wire_abort_write(WIRE_REASON_ASKED, too_long, payload), ==, WIRE_ABORT_BYTES_MAX);
    wire_abort_read(payload, WIRE_ABORT_BYTES_MAX, sentence);
    g_assert_cmpuint(strlen(sentence), ==, WIRE_REASON_BYTES_MAX);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/frame/header-lies-as-the-format-says", test_header_lies_as_the_format_says);
    g_test_add_func("/frame/every-type-is-read", test_every_type_is_read);
    g_test_add_func("/frame/unknown-types-and-codecs-are-refused", test_unknown_types_and_codecs_are_refused);
    g_test_add_func("/frame/reserved-bytes-must-be-zero", test_reserved_bytes_must_be_zero);
    g_test_add_func("/frame/data-sizes-have-bounds", test_data_sizes_have_bounds);
    g_test_add_func("/frame/codec-none-means-equal-sizes", test_codec_none_means_equal_sizes);
    g_test_add_func("/frame/only-data-is-compressed", test_only_data_is_compressed);
    g_test_add_func("/frame/only-data-and-return-have-stream-and-hash", test_only_data_and_return_have_stream_and_hash);
    g_test_add_func("/frame/control-payloads-have-their-length", test_control_payloads_have_their_length);
    g_test_add_func("/frame/failed-reading-changes-nothing", test_failed_reading_changes_nothing);
    g_test_add_func("/frame/varints-come-back", test_varints_come_back);
    g_test_add_func("/frame/varints-too-large-are-refused", test_varints_too_large_are_refused);
    g_test_add_func("/frame/hello-lies-as-the-format-says", test_hello_lies_as_the_format_says);
    g_test_add_func("/frame/hello-bounds", test_hello_bounds);
    g_test_add_func("/frame/hello-reserved-bytes", test_hello_reserved_bytes);
    g_test_add_func("/frame/hello-flags", test_hello_flags);
    g_test_add_func("/frame/hello-ack-lies-as-the-format-says", test_hello_ack_lies_as_the_format_says);
    g_test_add_func("/frame/credit-comes-back", test_credit_comes_back);
    g_test_add_func("/frame/hash-is-xxh3-and-the-sequence", test_hash_is_xxh3_and_the_sequence);
    g_test_add_func("/frame/buffers-hold-the-largest-payload", test_buffers_hold_the_largest_payload);
    g_test_add_func("/frame/ping-and-abort", test_ping_and_abort);
    return g_test_run();
}
