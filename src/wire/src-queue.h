/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcQueue: how much may be on the way between the two relays; the arithmetic, without threads and clocks.
 *
 * Bytes are on the way from the moment a frame is given to the codec until the destination says (CREDIT) that it has written what the
 * frame stands for to its QEMU.  All of that is added to the pause of the guest, and QEMU cannot foresee it.  So it is bounded in
 * time: what is on the way is at most what is delivered in (round trip + 10 ms); in post-copy, where every page request waits behind it,
 * 5 ms.  Theory of operation in src-queue.c.
 *
 *     src_queue_may_begin()      room for one more frame?  of src_queue_frame_raw_bytes()
 *     src_queue_submitted()      it went to the codec
 *     src_queue_sent()           it is on the wire
 *     src_queue_credited()       it has arrived, and everything before it
 *
 * Times are of one monotonic clock, in ns.  Not thread-safe: the channel's lock is around it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

#define SRC_QUEUE_FRAMES_MAX 192u                        /* on the way at once */
#define SRC_QUEUE_SLACK_NS UINT64_C(10000000)            /* beyond the round trip */
#define SRC_QUEUE_SLACK_POSTCOPY_NS UINT64_C(5000000)
#define SRC_QUEUE_WIRE_BYTES_START (256u * 1024)         /* while no rate is known */
#define SRC_QUEUE_STREAM_BYTES_FLOOR (8u * 1024 * 1024)  /* raw bytes on the way that are always allowed */
#define SRC_QUEUE_FRAME_WIRE_BYTES_MAX (128u * 1024)
#define SRC_QUEUE_FRAME_WIRE_BYTES_MIN (8u * 1024)
#define SRC_QUEUE_FRAME_NS UINT64_C(2500000)             /* a frame should not take longer on the wire */

/* A frame that was sent and not yet credited. */
typedef struct SrcQueueSent {
    uint64_t sequence;
    uint64_t sent_ns;
    uint64_t wire_total, stream_total;         /* sent, with this frame */
    uint64_t delivered_wire, delivered_stream; /* credited when it was sent */
    uint64_t delivered_ns, first_sent_ns;      /* when that credit came; when the frame of that credit had been sent */
    bool alone;                                /* so little was on the way that it did not wait for others */
    bool limited;                              /* the queue was full, so that the rate is that of the way and not of QEMU */
} SrcQueueSent;

/* The highest of the rates seen in about the last second. */
#define SRC_QUEUE_RATES_KEPT 16
typedef struct SrcQueueRate {
    double bytes_per_s[SRC_QUEUE_RATES_KEPT];
    uint64_t at_ns[SRC_QUEUE_RATES_KEPT];
    double highest;
} SrcQueueRate;

typedef struct SrcQueue {
    uint64_t slack_ns;
    uint64_t window_bytes;                 /* of raw bytes, granted by the destination */
    uint64_t inside_frames, inside_raw_bytes, inside_stream_bytes; /* in the codec */
    uint64_t sent_wire, sent_stream, credited_wire, credited_stream;
    uint64_t credited_sequence;
    uint64_t credited_ns, credited_sent_ns;
    double wire_per_raw;                   /* of late, what the codec makes of a byte */
    uint64_t path_ns;                      /* smallest time from sending to credit, or of a PING; 0 unknown */
    uint64_t alone_ns;                     /* time to credit of small frames that waited for nothing, of late; 0 unknown */
    double best_rate;                      /* of the wire, of the last half minute */
    uint64_t limited_ns;                   /* a clock that goes only while the way is full */
    bool was_full;                         /* since the last frame was sent */
    SrcQueueRate wire_rate, stream_rate;
    SrcQueueSent sent[SRC_QUEUE_FRAMES_MAX * 2];
    unsigned sent_first, sent_length;
} SrcQueue;

/* 'rate_bytes_per_s': of the wire, as told; 0 unknown. */
void src_queue_init(SrcQueue *queue, uint64_t rate_bytes_per_s, uint64_t window_bytes, uint64_t now_ns);

/* Post-copy began: less may be on the way. */
void src_queue_set_postcopy(SrcQueue *queue);

bool src_queue_may_begin(SrcQueue *queue);

/* How many bytes of operations the next frame should have at most. */
uint32_t src_queue_frame_raw_bytes(const SrcQueue *queue);
/* ... and how many bytes of QEMU's stream they may stand for. */
uint32_t src_queue_frame_stream_bytes(const SrcQueue *queue);

void src_queue_submitted(SrcQueue *queue, const WireHeader *header);
void src_queue_sent(SrcQueue *queue, const WireHeader *header, uint64_t now_ns);

/* 0, or -EPROTO: a credit for what was never sent, or one that goes backwards. */
int src_queue_credited(SrcQueue *queue, const WireCredit *credit, uint64_t now_ns);

/* A PING came back. */
void src_queue_pinged(SrcQueue *queue, uint64_t rtt_ns);

/* Bytes of the wire that are on the way, those in the codec by estimate; and the time that they will take, 0 while no rate is known. */
uint64_t src_queue_wire_bytes(const SrcQueue *queue);
uint64_t src_queue_stream_bytes(const SrcQueue *queue);
uint64_t src_queue_ns(const SrcQueue *queue);

/* At most this may be on the way. */
uint64_t src_queue_wire_bytes_max(const SrcQueue *queue);

/* Nothing is on the way. */
bool src_queue_is_idle(const SrcQueue *queue);
