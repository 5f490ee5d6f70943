/* SPDX-License-Identifier: Apache-2.0
 *
 * WireFrame: what goes over the wire between two relays at once; header and types of docs/wire-format.md.
 *
 * A frame's two buffers are taken once, with the frame; frames go round: the encoder fills 'raw' with operations, a codec makes
 * 'wire' of it, the link sends it, and it returns to the encoder.  At the destination the same backwards.  A frame belongs to
 * one thread at a time. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "wire/wire-limits.h"

typedef enum WireFrameType {
    WIRE_HELLO = 1,
    WIRE_HELLO_ACK,
    WIRE_DATA,
    WIRE_RETURN,
    WIRE_CREDIT,
    WIRE_PING,
    WIRE_PONG,
    WIRE_END,
    WIRE_ABORT,
} WireFrameType;

typedef enum WireCodec { WIRE_CODEC_NONE, WIRE_CODEC_LZ4, WIRE_CODEC_ZSTD } WireCodec;

typedef enum WireReason {
    WIRE_REASON_NONE,
    WIRE_REASON_PROTOCOL,
    WIRE_REASON_HASH,
    WIRE_REASON_MEMORY,
    WIRE_REASON_QEMU_CLOSED,
    WIRE_REASON_WATCHDOG,
    WIRE_REASON_ASKED,
    WIRE_REASON_VERSION,
    WIRE_REASON_SESSION,
} WireReason;

typedef struct WireHeader {
    uint8_t type;
    uint8_t codec;
    uint32_t wire_bytes;
    uint32_t raw_bytes;
    uint32_t stream_bytes;
    uint64_t sequence;
    uint64_t hash;
} WireHeader;

typedef struct WireFrame {
    WireHeader header;
    uint8_t *raw;  /* [WIRE_PAYLOAD_BYTES_MAX] the payload uncompressed */
    uint8_t *wire; /* [WIRE_HEADER_BYTES + WIRE_PAYLOAD_BYTES_MAX] header and payload as sent; room for the header comes first */
    const uint8_t *payload; /* what follows the header on the wire: wire + WIRE_HEADER_BYTES, or raw when codec is none */
    int status;             /* of the codec's work on it: 0 or a negative errno */
    void *user;             /* of whoever holds it */
} WireFrame;

/* Both buffers of a frame. */
#define WIRE_FRAME_BUFFERS_BYTES (2 * WIRE_PAYLOAD_BYTES_MAX + 64)

/* Empty, with its buffers at 'buffers' [WIRE_FRAME_BUFFERS_BYTES], which are the caller's. */
void wire_frame_place(WireFrame *frame, uint8_t *buffers);

/* A frame with buffers of its own.  0 or -ENOMEM.  wire_frame_free: NULL is fine. */
int wire_frame_new(WireFrame **frame);
void wire_frame_free(WireFrame *frame);

/* Header to and from its WIRE_HEADER_BYTES bytes.  Reading checks reserved, type, codec and every bound of the format that
 * does not need state (sizes, what must be 0 or equal for this type): -EPROTO. */
void wire_header_write(const WireHeader *header, uint8_t bytes[WIRE_HEADER_BYTES]);
int wire_header_read(WireHeader *header, const uint8_t bytes[WIRE_HEADER_BYTES]);

/* XXH3-64 as the format has it.  The sequence number is not part of what is hashed: at the source the number is known last. */
uint64_t wire_hash(const void *bytes, size_t length, uint64_t sequence);

/* Varints.  Writing returns the number of bytes written (at most WIRE_VARINT_BYTES_MAX, which must be there); reading advances
 * *at and returns 0, or -EPROTO when it does not end before 'end' or is too large. */
size_t wire_varint_write(uint8_t *at, uint64_t value);
int wire_varint_read(const uint8_t **at, const uint8_t *end, uint64_t *value);

/* What both ends must know of each other before DATA; docs/wire-format.md. */
typedef enum WireHelloFlag {
    WIRE_HELLO_GANG = 1 << 0,      /* the gang's store is used */
    WIRE_HELLO_FORGETFUL = 1 << 1, /* no dictionary: every page is FORGOTTEN, always */
} WireHelloFlag;
#define WIRE_HELLO_FLAGS (WIRE_HELLO_GANG | WIRE_HELLO_FORGETFUL)

typedef struct WireHello {
    uint16_t version_lowest, version_highest;
    uint16_t channel, channels; /* channels: 0 unknown */
    uint8_t session[WIRE_SESSION_BYTES];
    uint64_t slots;
    uint32_t page_bytes;
    uint32_t flags;      /* of WireHelloFlag; those of a later version are not read */
    uint64_t gang_pages; /* of the source's store; 0 without GANG */
} WireHello;

typedef struct WireHelloAck {
    uint16_t version;
    uint32_t flags; /* GANG only when it was offered */
    uint8_t session[WIRE_SESSION_BYTES];
    uint64_t slots;
    uint64_t stream_window_bytes;
} WireHelloAck;

typedef struct WireCredit {
    uint64_t stream_bytes;
    uint64_t wire_bytes;
    uint64_t sequence;
} WireCredit;

#define WIRE_HELLO_BYTES 64
#define WIRE_HELLO_ACK_BYTES 48
#define WIRE_CREDIT_BYTES 24
#define WIRE_PING_BYTES 8 /* of PONG, too */
#define WIRE_ABORT_BYTES_MAX (4 + WIRE_REASON_BYTES_MAX)

/* Payloads of control frames.  Reading: -EPROTO on a wrong magic, length or bound. */
void wire_hello_write(const WireHello *hello, uint8_t payload[WIRE_HELLO_BYTES]);
int wire_hello_read(WireHello *hello, const uint8_t *payload, size_t length);
void wire_hello_ack_write(const WireHelloAck *ack, uint8_t payload[WIRE_HELLO_ACK_BYTES]);
int wire_hello_ack_read(WireHelloAck *ack, const uint8_t *payload, size_t length);
void wire_credit_write(const WireCredit *credit, uint8_t payload[WIRE_CREDIT_BYTES]);
int wire_credit_read(WireCredit *credit, const uint8_t *payload, size_t length);

/* The length of the payload was checked with the header. */
void wire_ping_write(uint64_t value, uint8_t payload[WIRE_PING_BYTES]);
uint64_t wire_ping_read(const uint8_t payload[WIRE_PING_BYTES]);

/* Writing cuts a sentence that is too long, and returns the payload's length.  Reading takes anything: a reason that the format
 * does not know, or a wrong length, is WIRE_REASON_PROTOCOL. */
size_t wire_abort_write(WireReason reason, const char *sentence, uint8_t payload[WIRE_ABORT_BYTES_MAX]);
WireReason wire_abort_read(const uint8_t *payload, size_t length, char sentence[WIRE_REASON_BYTES_MAX + 1]);
