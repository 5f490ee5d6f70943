/* SPDX-License-Identifier: Apache-2.0
 *
 * What the threads of a destination channel share: dst-channel.c makes it and receives, dst-apply.c writes to QEMU and reads from it. */
#pragma once

#include "wire/dst-channel.h"
#include "wire/frame-stack.h"
#include "wire/wire-link.h"

struct DstChannel {
    Relay *relay;
    pthread_t receiver, applier, returner;

    pthread_mutex_t send_lock; /* around numbering and sending */
    uint64_t sequence;         /* of the next frame */

    pthread_mutex_t lock; /* of all to the blank line */
    pthread_cond_t changed;
    int tcp_fd;           /* a second descriptor of the link's socket, to end a handshake that hangs; ours to close */
    int qemu_fd;          /* -1: not yet */
    WireLink *link;
    bool cancelled;
    bool has_applier, has_returner;
    unsigned running;
    bool receiver_runs;
    bool is_known, is_open, end_applied, end_sent;
    bool end_leaves; /* END is being sent: the other relay may have it before end_sent says so */
    unsigned number;
    uint64_t stream_bytes, return_bytes, wire_bytes, heard_ns, progress_ns;
    DstDecodeStats decode_stats;

    /* Set before the threads that use them run. */
    FrameStack *frames;
    CodecPool *pool;
    DstDecode *decode;
    const char *page_memory; /* that was agreed on: full, none */
    bool is_short;           /* of memory, and that is why there is none */
    uint8_t *stream; /* [WIRE_STREAM_BYTES_MAX] */

    /* The applier's. */
    WireCredit credit;   /* for all that was written to QEMU */
    unsigned uncredited; /* frames since the last one was sent */

    /* The receiver's. */
    uint64_t expected_sequence;
    bool end_received;
};

/* A frame of ours, numbered here; 'header' has its type.  0, or a negative errno: the link is broken.  Any thread. */
int dst_send(DstChannel *channel, WireFrameType type, const void *payload, size_t length);

/* ABORT. */
void dst_say_goodbye(DstChannel *channel, WireReason reason, const char *sentence);

/* The channel cannot go on: relay_fail with what 'status' means. */
void dst_broke(DstChannel *channel, int status, const char *what);

/* A thread ends. */
void dst_leave(DstChannel *channel);

void *dst_apply_main(void *channel);
void *dst_return_main(void *channel);
