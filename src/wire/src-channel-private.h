/* SPDX-License-Identifier: Apache-2.0
 *
 * What the threads of a source channel share: src-channel.c makes it, src-read.c reads and encodes, src-send.c
 * sends, src-receive.c receives. */
#pragma once

#include "wire/frame-stack.h"
#include "wire/src-channel.h"
#include "wire/src-queue.h"
#include "wire/wire-link.h"

#define SRC_READ_BYTES_MAX (128u * 1024)
#define SRC_INPUT_BYTES    (SRC_READ_BYTES_MAX + SRC_PARSE_NEED_BYTES_MAX)

/* What a frame carries besides its header, in WireFrame.user: the pass that it belongs to, and how many of its bytes are for pages that had
 * been sent before. */
typedef struct SrcFrameTag {
    uint32_t pass;
    uint32_t resent_raw_bytes;
} SrcFrameTag;

struct SrcChannel {
    /* Never change after it was made. */
    Relay *relay;
    unsigned number;
    bool is_parsed; /* channel 0; the others go through as they are */
    bool is_urgent; /* post-copy's requested pages */
    int qemu_fd;
    int poke_fd;    /* eventfd: the reader has something else to do than to read */
    FrameStack *frames;
    CodecPool *pool;
    uint8_t *input; /* [SRC_INPUT_BYTES] */
    pthread_t reader, sender, receiver;

    /* Under 'lock'. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    WireLink *link; /* NULL: not yet */
    int tcp_fd;     /* a second descriptor of the link's socket, to end a handshake that hangs; -1: none */
    bool cancelled;
    bool has_sender, has_receiver;
    unsigned running; /* threads */
    bool receiver_runs;
    bool is_open, end_sent, end_received;
    bool end_leaves; /* END is being sent: the other relay may have it, and close, before end_sent says so */
    SrcQueue queue;
    bool pong_wanted;
    uint64_t pong_value;
    bool ping_is_out;
    uint64_t ping_ns;
    uint64_t rtt_ns, heard_ns, progress_ns;
    uint64_t credited_sequence;
    bool was_full; /* since the last view */
    uint64_t stream_bytes, return_bytes, device_stream_bytes;
    SrcEncodeStats encode_stats;
    SrcParseStats parse_stats;
    GovernorPass pass_now; /* that goes on; without what it costs on the wire, and with the seconds until then */
    /* Passes over memory: made by the reader when one ends, completed by the sender, taken by the view. */
    GovernorPass passes[SRC_CHANNEL_PASSES_KEPT];
    uint32_t passes_made, passes_sent, passes_taken;
    double pass_wire[SRC_CHANNEL_PASSES_KEPT], pass_resent_wire[SRC_CHANNEL_PASSES_KEPT];

    /* The reader's. */
    SrcParse *parse;
    SrcEncode *encode;
    const char *page_memory; /* that was agreed on: full, hash, none */
    size_t input_length;
    uint64_t input_ns; /* when QEMU last said something */
    WireFrame *frame;  /* that is being filled; NULL: none */
    uint32_t frame_stream_bytes, frame_stream_bytes_max, frame_raw_bytes_max;
    uint64_t frame_resent_raw_bytes; /* encoder's count when it was begun */
    uint64_t sequence;               /* of the next frame */
    uint64_t pinged_ns;
    SrcEncodeStats pass_begin;
    uint64_t pass_begin_ns, pass_begin_waited_ns;
    uint64_t wraps_seen;   /* of the parser's */
    uint64_t waited_ns;    /* for QEMU, which had nothing to say */
    SrcStreamState stream_state;

    /* The sender's. */
    uint64_t sent_sequence;

    /* The receiver's. */
    uint64_t expected_sequence;
};

void *src_read_main(void *channel);
void *src_send_main(void *channel);
void *src_receive_main(void *channel);

/* A thread ends. */
void src_channel_leave(SrcChannel *channel);

/* The reader looks up from waiting for QEMU. */
void src_channel_poke(SrcChannel *channel);

/* Both QEMUs closed, and everything is credited (a PING may still be on its way).  Under the lock. */
bool src_channel_is_complete(const SrcChannel *channel);

/* Connects to the other relay, shakes hands, agrees; then the sender and the receiver run.  false: the relay has failed. */
bool src_channel_open(SrcChannel *channel);

static inline uint64_t src_tag_pack(SrcFrameTag tag)
{
    return (uint64_t)tag.pass << 32 | tag.resent_raw_bytes;
}

static inline SrcFrameTag src_tag_of(const WireFrame *frame)
{
    uint64_t packed = (uintptr_t)frame->user;

    return (SrcFrameTag){.pass = (uint32_t)(packed >> 32), .resent_raw_bytes = (uint32_t)packed};
}
