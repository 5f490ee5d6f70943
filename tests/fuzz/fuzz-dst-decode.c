/* SPDX-License-Identifier: Apache-2.0
 *
 * DstDecode against a second decoder that is written from the format's description alone: the same bytes, or both
 * refuse.  And a wrong hash or a wrong size is always noticed.
 *
 * Input: u8 options (1: pages of 4 KiB, 2 and 4: spoil the last frame, 8: begin with a frame that defines two blocks,
 * high four bits: slots), then frames: u8, u8 length of the payload (little-endian; both 0xff: all the rest), payload.
 */
#include "fuzz.h"

#include "reference-decode.h"
#include "wire/dst-decode.h"

#include <errno.h>

#define RAM_BYTES       (1u << 20)
#define RAM_EXTRA_BYTES (1u << 30) /* beside what a guest was told to have; wire-blocks.h */

/* What the link and the codec made sure of before a frame gets here. */
static void set_payload(WireFrame *frame, const uint8_t *payload, size_t length, uint64_t sequence)
{
    if (length > 0) {
        memcpy(frame->raw, payload, length);
    }
    frame->header = (WireHeader){
        .type = WIRE_DATA, .wire_bytes = (uint32_t)length, .raw_bytes = (uint32_t)length, .sequence = sequence};
}

/* True: go on with the next frame. */
static int try_frame(DstDecode *decode, Reference *reference, WireFrame *frame, uint8_t *stream, unsigned spoiled)
{
    ReferenceResult wanted = reference_decode(reference, frame->raw, frame->header.raw_bytes);
    int status;

    if (wanted == REFERENCE_TOO_MUCH) {
        return 0;
    }
    frame->header.stream_bytes = (uint32_t)reference->stream_bytes;
    frame->header.hash = wire_hash(reference->stream, reference->stream_bytes, frame->header.sequence);
    if (wanted != REFERENCE_RIGHT) {
        frame->header.stream_bytes = REFERENCE_STREAM_BYTES_MAX; /* so that room is not what it fails for */
    } else if (spoiled == 1) {
        frame->header.hash ^= UINT64_C(1) << (frame->header.sequence % 64);
    } else if (spoiled == 2 && frame->header.stream_bytes > 0) {
        frame->header.stream_bytes--;
    }
    status = dst_decode_frame(decode, frame, stream);
    if (wanted == REFERENCE_WRONG) {
        FUZZ_CHECK(status == -EPROTO);
    } else if (wanted == REFERENCE_FULL) {
        FUZZ_CHECK(status == -ENOMEM);
    } else if (spoiled == 1 || (spoiled == 2 && reference->stream_bytes > 0)) {
        FUZZ_CHECK(status == (spoiled == 1 ? -EBADMSG : -EPROTO));
    } else {
        FUZZ_CHECK(status == 0 && memcmp(stream, reference->stream, reference->stream_bytes) == 0);
        FUZZ_CHECK(dst_decode_stats(decode)->pages_stored == reference->stored);
    }
    return status == 0;
}

/* The blocks "a" of 5 pages and "bb" of 300, so that not every input has to say so. */
static size_t define_blocks(uint8_t *payload, uint32_t page_bytes)
{
    uint8_t *at = payload;

    for (unsigned i = 0; i < 2; i++) {
        *at++ = 1;
        *at++ = (uint8_t)i;
        *at++ = (uint8_t)(i + 1);
        memcpy(at, i == 0 ? "a" : "bb", i + 1);
        at += i + 1;
        at += wire_varint_write(at, page_bytes);
        at += wire_varint_write(at, i == 0 ? 5 : 300);
    }
    return (size_t)(at - payload);
}

FUZZ_TARGET
{
    static uint8_t *stream;
    FuzzInput input = {bytes, bytes + length};
    uint8_t options = fuzz_byte(&input);
    DstDecodeConfig config = {.slots = options >> 4, .ram_bytes = RAM_BYTES, .page_bytes = options & 1 ? 4096 : 1024};
    Reference *reference =
        reference_new(config.page_bytes, config.slots, (RAM_BYTES + RAM_EXTRA_BYTES) / config.page_bytes);
    unsigned spoiled = options >> 1 & 3;
    uint64_t sequence = 1;
    DstDecode *decode;
    WireFrame *frame;
    int go_on = 1;

    stream = stream != NULL ? stream : malloc(WIRE_STREAM_BYTES_MAX);
    FUZZ_CHECK(stream != NULL && dst_decode_new(&decode, &config) == 0 && wire_frame_new(&frame) == 0);
    if (options & 8) {
        uint8_t payload[64];

        set_payload(frame, payload, define_blocks(payload, config.page_bytes), sequence++);
        FUZZ_CHECK(try_frame(decode, reference, frame, stream, 0));
    }
    while (go_on && fuzz_left(&input) > 0) {
        size_t wanted = fuzz_byte(&input);
        size_t payload_bytes;

        wanted |= (size_t)fuzz_byte(&input) << 8;
        const uint8_t *payload = fuzz_bytes(&input, wanted == 0xffff ? WIRE_PAYLOAD_BYTES_MAX : wanted, &payload_bytes);
        set_payload(frame, payload, payload_bytes, sequence++);
        go_on = try_frame(decode, reference, frame, stream, fuzz_left(&input) == 0 ? spoiled : 0);
    }
    wire_frame_free(frame);
    dst_decode_free(decode);
    reference_free(reference);
    return 0;
}
