/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames, their headers, varints and the payloads of control frames, byte by byte as in docs/wire-format.md.
 *
 * Whatever can be checked without knowing what came before is checked here, once, for both ends: nobody behind
 * wire_header_read sees a size above its bound. */
#include "wire/frame.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire/wire-xxh3.h"

#define BUFFER_ALIGNMENT 64
#define REASON_BYTES     4 /* of ABORT, before its sentence */

/* What each type's header must say; the rows are the table of types in the format. */
static const struct TypeRule {
    uint32_t payload_bytes_min, payload_bytes_max;
    bool has_codec, has_stream;
} type_rules[] = {
    [WIRE_HELLO] = {WIRE_HELLO_BYTES, WIRE_HELLO_BYTES, false, false},
    [WIRE_HELLO_ACK] = {WIRE_HELLO_ACK_BYTES, WIRE_HELLO_ACK_BYTES, false, false},
    [WIRE_DATA] = {0, WIRE_PAYLOAD_BYTES_MAX, true, true},
    [WIRE_RETURN] = {0, WIRE_PAYLOAD_BYTES_MAX, false, true},
    [WIRE_CREDIT] = {WIRE_CREDIT_BYTES, WIRE_CREDIT_BYTES, false, false},
    [WIRE_PING] = {WIRE_PING_BYTES, WIRE_PING_BYTES, false, false},
    [WIRE_PONG] = {WIRE_PING_BYTES, WIRE_PING_BYTES, false, false},
    [WIRE_END] = {0, 0, false, false},
    [WIRE_ABORT] = {REASON_BYTES, WIRE_ABORT_BYTES_MAX, false, false},
};
#define TYPES_LENGTH (sizeof type_rules / sizeof type_rules[0])

_Static_assert(WIRE_FRAME_BUFFERS_BYTES % BUFFER_ALIGNMENT == 0, "aligned_alloc wants whole multiples");
_Static_assert(WIRE_FRAME_BUFFERS_BYTES >= 2 * WIRE_PAYLOAD_BYTES_MAX + WIRE_HEADER_BYTES, "room for both");

void wire_frame_place(WireFrame *frame, uint8_t *buffers)
{
    memset(frame, 0, sizeof *frame);
    frame->raw = buffers;
    frame->wire = buffers + WIRE_PAYLOAD_BYTES_MAX;
    frame->payload = frame->wire + WIRE_HEADER_BYTES;
}

int wire_frame_new(WireFrame **frame)
{
    WireFrame *made = calloc(1, sizeof *made);
    uint8_t *buffers = made ? aligned_alloc(BUFFER_ALIGNMENT, WIRE_FRAME_BUFFERS_BYTES) : NULL;

    *frame = NULL;
    if (!buffers) {
        free(made);
        return -ENOMEM;
    }
    wire_frame_place(made, buffers);
    *frame = made;
    return 0;
}

void wire_frame_free(WireFrame *frame)
{
    if (frame) {
        free(frame->raw); /* where the buffers begin */
        free(frame);
    }
}

static uint8_t *put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        at[i] = (uint8_t)(value >> (8 * i));
    }
    return at + bytes;
}

static uint64_t get(const uint8_t **at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        value |= (uint64_t)(*at)[i] << (8 * i);
    }
    *at += bytes;
    return value;
}

void wire_header_write(const WireHeader *header, uint8_t bytes[WIRE_HEADER_BYTES])
{
    uint8_t *at = bytes;

    at = put(at, header->type, 1);
    at = put(at, header->codec, 1);
    at = put(at, 0, 2);
    at = put(at, header->wire_bytes, 4);
    at = put(at, header->raw_bytes, 4);
    at = put(at, header->stream_bytes, 4);
    at = put(at, header->sequence, 8);
    put(at, header->hash, 8);
}

static bool sizes_are_allowed(const WireHeader *header, const struct TypeRule *rule)
{
    if (header->wire_bytes > WIRE_PAYLOAD_BYTES_MAX || header->raw_bytes > WIRE_PAYLOAD_BYTES_MAX ||
        header->stream_bytes > WIRE_STREAM_BYTES_MAX) {
        return false;
    }
    if (header->raw_bytes < rule->payload_bytes_min || header->raw_bytes > rule->payload_bytes_max) {
        return false;
    }
    if (header->codec == WIRE_CODEC_NONE) {
        return header->wire_bytes == header->raw_bytes;
    }
    return header->wire_bytes > 0 && header->raw_bytes > 0;
}

static bool fits_its_type(const WireHeader *header)
{
    const struct TypeRule *rule = &type_rules[header->type];

    if (!sizes_are_allowed(header, rule) || (header->codec != WIRE_CODEC_NONE && !rule->has_codec)) {
        return false;
    }
    if (!rule->has_stream) {
        return header->stream_bytes == 0 && header->hash == 0;
    }
    return header->type != WIRE_RETURN || header->stream_bytes == header->raw_bytes;
}

int wire_header_read(WireHeader *header, const uint8_t bytes[WIRE_HEADER_BYTES])
{
    const uint8_t *at = bytes;
    WireHeader read = {0};
    uint64_t reserved;

    read.type = (uint8_t)get(&at, 1);
    read.codec = (uint8_t)get(&at, 1);
    reserved = get(&at, 2);
    read.wire_bytes = (uint32_t)get(&at, 4);
    read.raw_bytes = (uint32_t)get(&at, 4);
    read.stream_bytes = (uint32_t)get(&at, 4);
    read.sequence = get(&at, 8);
    read.hash = get(&at, 8);
    if (reserved != 0 || read.type < WIRE_HELLO || read.type >= TYPES_LENGTH || read.codec > WIRE_CODEC_ZSTD ||
        !fits_its_type(&read)) {
        return -EPROTO;
    }
    *header = read;
    return 0;
}

uint64_t wire_hash(const void *bytes, size_t length, uint64_t sequence)
{
    return XXH3_64bits(bytes, length) ^ sequence;
}

size_t wire_varint_write(uint8_t *at, uint64_t value)
{
    size_t length = 0;

    while (value >= 0x80) {
        at[length++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    at[length++] = (uint8_t)value;
    return length;
}

int wire_varint_read(const uint8_t **at, const uint8_t *end, uint64_t *value)
{
    const uint8_t *byte = *at;
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < 7 * WIRE_VARINT_BYTES_MAX && byte < end; shift += 7) {
        uint64_t bits = *byte & 0x7f;

        if (shift == 63 && bits > 1) { /* only one bit of 64 is left for the tenth byte */
            return -EPROTO;
        }
        sum |= bits << shift;
        if ((*byte++ & 0x80) == 0) {
            *at = byte;
            *value = sum;
            return 0;
        }
    }
    return -EPROTO;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

static bool magic_is_right(const uint8_t **at)
{
    bool right = memcmp(*at, WIRE_MAGIC, sizeof WIRE_MAGIC) == 0;

    *at += sizeof WIRE_MAGIC;
    return right;
}

static void get_session(const uint8_t **at, uint8_t session[WIRE_SESSION_BYTES])
{
    memcpy(session, *at, WIRE_SESSION_BYTES);
    *at += WIRE_SESSION_BYTES;
}

void wire_hello_write(const WireHello *hello, uint8_t payload[WIRE_HELLO_BYTES])
{
    uint8_t *at = put_bytes(payload, WIRE_MAGIC, sizeof WIRE_MAGIC);

    at = put(at, hello->version_lowest, 2);
    at = put(at, hello->version_highest, 2);
    at = put(at, hello->channel, 2);
    at = put(at, hello->channels, 2);
    at = put_bytes(at, hello->session, WIRE_SESSION_BYTES);
    at = put(at, hello->slots, 8);
    at = put(at, hello->page_bytes, 4);
    at = put(at, hello->flags, 4);
    at = put(at, hello->gang_pages, 8);
    memset(at, 0, (size_t)(payload + WIRE_HELLO_BYTES - at));
}

static bool hello_is_in_bounds(const WireHello *hello)
{
    bool is_power_of_two = (hello->page_bytes & (hello->page_bytes - 1)) == 0;

    return hello->version_lowest >= 1 && hello->version_lowest <= hello->version_highest &&
           hello->channel < WIRE_CHANNELS_MAX && hello->channels <= WIRE_CHANNELS_MAX &&
           hello->slots <= WIRE_PAGES_MAX && hello->gang_pages <= WIRE_PAGES_MAX &&
           (hello->gang_pages > 0) == ((hello->flags & WIRE_HELLO_GANG) != 0) && is_power_of_two && hello->page_bytes >= WIRE_PAGE_BYTES_MIN &&
           hello->page_bytes <= WIRE_PAGE_BYTES_MAX;
}

int wire_hello_read(WireHello *hello, const uint8_t *payload, size_t length)
{
    const uint8_t *at = payload;
    WireHello read = {0};
    uint64_t reserved;

    if (length != WIRE_HELLO_BYTES || !magic_is_right(&at)) {
        return -EPROTO;
    }
    read.version_lowest = (uint16_t)get(&at, 2);
    read.version_highest = (uint16_t)get(&at, 2);
    read.channel = (uint16_t)get(&at, 2);
    read.channels = (uint16_t)get(&at, 2);
    get_session(&at, read.session);
    read.slots = get(&at, 8);
    read.page_bytes = (uint32_t)get(&at, 4);
    read.flags = (uint32_t)get(&at, 4) & WIRE_HELLO_FLAGS;
    read.gang_pages = get(&at, 8);
    reserved = get(&at, 8);
    if (reserved != 0 || !hello_is_in_bounds(&read)) {
        return -EPROTO;
    }
    *hello = read;
    return 0;
}

void wire_hello_ack_write(const WireHelloAck *ack, uint8_t payload[WIRE_HELLO_ACK_BYTES])
{
    uint8_t *at = put_bytes(payload, WIRE_MAGIC, sizeof WIRE_MAGIC);

    at = put(at, ack->version, 2);
    at = put(at, 0, 2);
    at = put(at, ack->flags, 4);
    at = put_bytes(at, ack->session, WIRE_SESSION_BYTES);
    at = put(at, ack->slots, 8);
    put(at, ack->stream_window_bytes, 8);
}

int wire_hello_ack_read(WireHelloAck *ack, const uint8_t *payload, size_t length)
{
    const uint8_t *at = payload;
    WireHelloAck read = {0};
    uint64_t reserved;

    if (length != WIRE_HELLO_ACK_BYTES || !magic_is_right(&at)) {
        return -EPROTO;
    }
    read.version = (uint16_t)get(&at, 2);
    reserved = get(&at, 2);
    read.flags = (uint32_t)get(&at, 4);
    reserved |= read.flags & ~(uint32_t)WIRE_HELLO_FLAGS;
    get_session(&at, read.session);
    read.slots = get(&at, 8);
    read.stream_window_bytes = get(&at, 8);
    if (reserved != 0 || read.version < 1 || read.slots > WIRE_PAGES_MAX || read.stream_window_bytes == 0) {
        return -EPROTO;
    }
    *ack = read;
    return 0;
}

void wire_credit_write(const WireCredit *credit, uint8_t payload[WIRE_CREDIT_BYTES])
{
    uint8_t *at = put(payload, credit->stream_bytes, 8);

    at = put(at, credit->wire_bytes, 8);
    put(at, credit->sequence, 8);
}

int wire_credit_read(WireCredit *credit, const uint8_t *payload, size_t length)
{
    const uint8_t *at = payload;

    if (length != WIRE_CREDIT_BYTES) {
        return -EPROTO;
    }
    credit->stream_bytes = get(&at, 8);
    credit->wire_bytes = get(&at, 8);
    credit->sequence = get(&at, 8);
    return 0;
}

void wire_ping_write(uint64_t value, uint8_t payload[WIRE_PING_BYTES])
{
    put(payload, value, WIRE_PING_BYTES);
}

uint64_t wire_ping_read(const uint8_t payload[WIRE_PING_BYTES])
{
    return get(&payload, WIRE_PING_BYTES);
}

size_t wire_abort_write(WireReason reason, const char *sentence, uint8_t payload[WIRE_ABORT_BYTES_MAX])
{
    size_t length = strnlen(sentence, WIRE_REASON_BYTES_MAX);

    memcpy(put(payload, reason, REASON_BYTES), sentence, length);
    return REASON_BYTES + length;
}

WireReason wire_abort_read(const uint8_t *payload, size_t length, char sentence[WIRE_REASON_BYTES_MAX + 1])
{
    sentence[0] = '\0';
    if (length < REASON_BYTES || length > WIRE_ABORT_BYTES_MAX) {
        return WIRE_REASON_PROTOCOL;
    }
    uint64_t reason = get(&payload, REASON_BYTES);

    memcpy(sentence, payload, length - REASON_BYTES);
    sentence[length - REASON_BYTES] = '\0';
    return reason <= WIRE_REASON_SESSION ? (WireReason)reason : WIRE_REASON_PROTOCOL;
}
