/* SPDX-License-Identifier: Apache-2.0
 *
 * DstChannel: one connection between the relays at the destination, and the one to QEMU that belongs to it.
 *
 * Three threads, made with it: the receiver (link -> codec), the applier (codec -> decoder -> QEMU, then CREDIT), the return reader (QEMU ->
 * link).  The main thread makes it, looks at it and frees it.  Theory of operation in dst-channel.c. */
#pragma once

#include "wire/dst-decode.h"
#include "wire/relay-private.h"

typedef struct DstChannelView {
    bool is_known;    /* it is the other relay: handshake and HELLO were right */
    bool is_open;     /* connected to QEMU, too */
    bool is_complete; /* both QEMUs closed, and all was delivered */
    bool is_quiet;    /* no thread runs any more but the receiver */
    bool is_over;     /* nor the receiver */
    unsigned number;
    uint64_t stream_bytes, return_bytes; /* written to QEMU, read from it */
    uint64_t wire_bytes;                 /* received in DATA */
    uint64_t heard_ns;
    uint64_t progress_ns;
    DstDecodeStats decode;
    CodecPoolStats codec;
} DstChannelView;

/* Takes 'tcp_fd'.  0, or a negative errno: nothing was made, and tcp_fd is closed. */
int dst_channel_new(DstChannel **channel, Relay *relay, int tcp_fd);

/* As in src-channel.h. */
void dst_channel_close_qemu(DstChannel *channel);
void dst_channel_cut(DstChannel *channel);
void dst_channel_finish(DstChannel *channel);
void dst_channel_set_patience(DstChannel *channel, unsigned seconds);
void dst_channel_view(DstChannel *channel, DstChannelView *view);
void dst_channel_free(DstChannel *channel);
