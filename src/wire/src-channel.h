/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcChannel: one connection of QEMU at the source, and its link to the other relay.
 *
 * Three threads, made with it: the reader (QEMU -> parser -> encoder -> codec), the sender (codec -> link), the receiver (link -> QEMU: the
 * return path; credits).  The main thread makes it, looks at it (src_channel_view) and frees it.  Theory of operation in src-channel.c. */
#pragma once

#include "wire/relay-private.h"
#include "wire/src-encode.h"
#include "wire/src-parse.h"

#define SRC_CHANNEL_PASSES_KEPT 8

/* A copy of what a channel has counted. */
typedef struct SrcChannelView {
    bool is_open;     /* the relays have agreed */
    bool is_complete; /* both QEMUs closed, and all is delivered */
    bool is_quiet;    /* no thread runs any more but the receiver */
    bool is_over;     /* nor the receiver */
    uint64_t stream_bytes, return_bytes;    /* from the source's QEMU; from the destination's */
    uint64_t wire_bytes, credited_wire_bytes;
    uint64_t credited_stream_bytes;
    uint64_t out_wire_bytes, out_stream_bytes, out_ns; /* on the way */
    double wire_bytes_per_s;                /* highest lately */
    bool is_limited;                        /* the way was full since the view before */
    uint64_t rtt_ns;
    uint64_t progress_ns;                   /* when something last went on */
    uint64_t heard_ns, asked_ns;            /* last frame of the other relay; the PING that it owes an answer to, 0: none */
    uint64_t device_stream_bytes;           /* where in the stream the device state began; 0: not yet */
    SrcEncodeStats encode;
    SrcParseStats parse;
    CodecPoolStats codec;
    GovernorPass passes[SRC_CHANNEL_PASSES_KEPT]; /* that ended since the view before; src-read.c says what a pass is */
    unsigned passes_length;
    GovernorPass pass_now;                        /* the one that goes on */
} SrcChannelView;

/* Takes 'qemu_fd'.  0, or a negative errno: nothing was made, and qemu_fd is closed. */
int src_channel_new(SrcChannel **channel, Relay *relay, unsigned number, int qemu_fd);

/* QEMU's connection is closed both ways at once; everyone who waits is woken.  Any thread. */
void src_channel_close_qemu(SrcChannel *channel);

/* The link is cut; then no thread waits any more.  Any thread. */
void src_channel_cut(SrcChannel *channel);

/* Says that nothing will follow, after the channel is complete. */
void src_channel_finish(SrcChannel *channel);

/* With the other host; see relay_set_patience. */
void src_channel_set_patience(SrcChannel *channel, unsigned seconds);

void src_channel_view(SrcChannel *channel, SrcChannelView *view);

/* From now on with this codec. */
void src_channel_set_codec(SrcChannel *channel, const CodecLevel *level);

/* The pace has changed: whoever waits for it looks again. */
void src_channel_repace(SrcChannel *channel);

/* Waits for the threads; they must have been told to end, or be about to. NULL is fine. */
void src_channel_free(SrcChannel *channel);
