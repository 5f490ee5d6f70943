/* SPDX-License-Identifier: Apache-2.0
 *
 * What is read first of anything that comes over the network: frame headers, HELLO, HELLO_ACK, CREDIT, varints.  What
 * is accepted is within its bounds, and writes back as the very same bytes.
 *
 * Input: u8 which, then what is read. */
#include "fuzz.h"

#include "wire/frame.h"

static void try_header(const uint8_t *bytes, size_t length)
{
    uint8_t again[WIRE_HEADER_BYTES];
    WireHeader header;

    if (length < WIRE_HEADER_BYTES || wire_header_read(&header, bytes) != 0) {
        return;
    }
    FUZZ_CHECK(header.type >= WIRE_HELLO && header.type <= WIRE_ABORT && header.codec <= WIRE_CODEC_ZSTD);
    FUZZ_CHECK(header.wire_bytes <= WIRE_PAYLOAD_BYTES_MAX && header.raw_bytes <= WIRE_PAYLOAD_BYTES_MAX);
    FUZZ_CHECK(header.stream_bytes <= WIRE_STREAM_BYTES_MAX);
    FUZZ_CHECK(header.codec != WIRE_CODEC_NONE || header.wire_bytes == header.raw_bytes);
    FUZZ_CHECK(header.codec == WIRE_CODEC_NONE || header.type == WIRE_DATA);
    wire_header_write(&header, again);
    FUZZ_CHECK(memcmp(again, bytes, sizeof(again)) == 0);
}

static void try_hello(const uint8_t *bytes, size_t length)
{
    uint8_t again[WIRE_HELLO_BYTES];
    WireHello hello;

    if (wire_hello_read(&hello, bytes, length) == 0) {
        FUZZ_CHECK(length == sizeof(again) && hello.version_lowest <= hello.version_highest);
        FUZZ_CHECK(hello.page_bytes >= WIRE_PAGE_BYTES_MIN && hello.page_bytes <= WIRE_PAGE_BYTES_MAX);
        wire_hello_write(&hello, again);
        FUZZ_CHECK(memcmp(again, bytes, sizeof(again)) == 0);
    }
}

static void try_hello_ack(const uint8_t *bytes, size_t length)
{
    uint8_t again[WIRE_HELLO_ACK_BYTES];
    WireHelloAck ack;

    if (wire_hello_ack_read(&ack, bytes, length) == 0) {
        FUZZ_CHECK(length == sizeof(again));
        wire_hello_ack_write(&ack, again);
        FUZZ_CHECK(memcmp(again, bytes, sizeof(again)) == 0);
    }
}

static void try_credit(const uint8_t *bytes, size_t length)
{
    uint8_t again[WIRE_CREDIT_BYTES];
    WireCredit credit;

    if (wire_credit_read(&credit, bytes, length) == 0) {
        FUZZ_CHECK(length == sizeof(again));
        wire_credit_write(&credit, again);
        FUZZ_CHECK(memcmp(again, bytes, sizeof(again)) == 0);
    }
}

/* A number may be written in a longer way than ours, but never in a shorter one. */
static void try_varints(const uint8_t *bytes, size_t length)
{
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + length;

    while (at < end) {
        uint8_t again[WIRE_VARINT_BYTES_MAX];
        const uint8_t *begin = at;
        const uint8_t *read_again = again;
        uint64_t value, value_again;

        if (wire_varint_read(&at, end, &value) != 0) {
            return;
        }
        FUZZ_CHECK(at > begin && at <= end && at - begin <= WIRE_VARINT_BYTES_MAX);
        size_t written = wire_varint_write(again, value);
        FUZZ_CHECK(written <= (size_t)(at - begin));
        FUZZ_CHECK(wire_varint_read(&read_again, again + written, &value_again) == 0 && value_again == value);
        FUZZ_CHECK(read_again == again + written);
    }
}

FUZZ_TARGET
{
    static void (*const readers[])(const uint8_t *bytes, size_t length) = {try_header, try_hello, try_hello_ack,
                                                                           try_credit, try_varints};
    FuzzInput input = {bytes, bytes + length};
    uint8_t which = fuzz_byte(&input);
    uint8_t *copy = fuzz_copy(input.at, fuzz_left(&input));

    readers[which % (sizeof(readers) / sizeof(*readers))](copy, fuzz_left(&input));
    free(copy);
    return 0;
}
