/* SPDX-License-Identifier: Apache-2.0
 *
 * The two threads of a destination channel that talk to QEMU: the applier writes to it what the decoder makes of the operations, the return
 * reader sends what it says.  See dst-channel.c. */
#include "wire/dst-channel-private.h"

#include "wire/relay-net.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define CREDIT_FRAMES    4u /* at most, for one credit */
#define RETURN_BYTES_MAX (64u * 1024)

/* ---- the applier ---- */

/* The frame's bytes are written to QEMU. */
static void count_written(DstChannel *channel, const WireHeader *header)
{
    pthread_mutex_lock(&channel->lock);
    channel->stream_bytes += header->stream_bytes;
    channel->wire_bytes += WIRE_HEADER_BYTES + header->wire_bytes;
    channel->progress_ns = relay_now_ns();
    if (channel->decode) {
        channel->decode_stats = *dst_decode_stats(channel->decode);
    }
    channel->credit = (WireCredit){
        .stream_bytes = channel->stream_bytes, .wire_bytes = channel->wire_bytes, .sequence = header->sequence};
    pthread_mutex_unlock(&channel->lock);
    channel->uncredited++;
}

/* A CREDIT costs a record and wakes two threads at the source.  While more frames wait here, 'is_more', it is not the link that is
 * waited for, and one for a few of them will do; else the source hears at once. */
static int credit(DstChannel *channel, bool is_more)
{
    uint8_t payload[WIRE_CREDIT_BYTES];

    if (channel->uncredited == 0 || (is_more && channel->uncredited < CREDIT_FRAMES)) {
        return 0;
    }
    channel->uncredited = 0;
    wire_credit_write(&channel->credit, payload); /* only this thread changes it */
    return dst_send(channel, WIRE_CREDIT, payload, sizeof(payload));
}

/* false: it is over. */
static bool apply_data(DstChannel *channel, const WireFrame *frame)
{
    int status = dst_decode_frame(channel->decode, frame, channel->stream);

    if (status != 0) {
        dst_broke(channel, status, "operations of the other relay");
        return false;
    }
    status = relay_write_all(channel->qemu_fd, channel->stream, frame->header.stream_bytes);
    if (status != 0) {
        relay_fail(channel->relay, WIRE_REASON_QEMU_CLOSED, true, "QEMU at the destination closed channel %u: %s",
                   channel->number, strerror(-status));
        return false;
    }
    count_written(channel, &frame->header);
    if (credit(channel, codec_pool_has_next(channel->pool)) != 0) {
        return false; /* the receiver will notice what broke */
    }
    if (channel->number == 0) {
        relay_advance(channel->relay, RELAY_LIVE);
    }
    return true;
}

static bool apply(DstChannel *channel, const WireFrame *frame)
{
    if (frame->status != 0) {
        dst_broke(channel, frame->status, "decompression");
        return false;
    }
    if (frame->header.type == WIRE_DATA) {
        return apply_data(channel, frame);
    }
    /* END: all of the stream is written. */
    credit(channel, false);
    pthread_mutex_lock(&channel->lock);
    channel->end_applied = true;
    pthread_mutex_unlock(&channel->lock);
    shutdown(channel->qemu_fd, SHUT_WR);
    if (channel->number == 0) {
        relay_advance(channel->relay, RELAY_DRAIN);
    }
    relay_wake(channel->relay);
    return false;
}

void *dst_apply_main(void *argument)
{
    DstChannel *channel = argument;
    WireFrame *frame = NULL;
    bool goes = true;

    while (goes && (frame = codec_pool_next(channel->pool))) {
        goes = apply(channel, frame);
        frame_stack_give(channel->frames, frame);
    }
    dst_leave(channel);
    return NULL;
}

/* ---- the return reader ---- */

static int send_return(DstChannel *channel, const uint8_t *bytes, size_t length)
{
    if (channel->number == 0) {
        relay_saw_return(channel->relay, bytes, length);
    }
    pthread_mutex_lock(&channel->lock);
    channel->return_bytes += length;
    channel->progress_ns = relay_now_ns();
    pthread_mutex_unlock(&channel->lock);
    return dst_send(channel, WIRE_RETURN, bytes, length);
}

void *dst_return_main(void *argument)
{
    DstChannel *channel = argument;
    uint8_t bytes[RETURN_BYTES_MAX];
    WireReason reason = WIRE_REASON_NONE;
    char sentence[RELAY_MESSAGE_BYTES];
    ssize_t got = 0;
    int status = 0;

    while (status == 0) {
        got = recv(channel->qemu_fd, bytes, sizeof(bytes), 0);
        if (got > 0) {
            status = send_return(channel, bytes, (size_t)got);
        } else if (got == 0 || (errno != EINTR && errno != EAGAIN)) {
            break;
        }
    }
    if (!relay_has_failed(channel->relay)) {
        pthread_mutex_lock(&channel->lock);
        channel->end_leaves = true;
        pthread_mutex_unlock(&channel->lock);
        status = dst_send(channel, WIRE_END, NULL, 0);
        pthread_mutex_lock(&channel->lock);
        channel->end_sent = status == 0;
        relay_wake(channel->relay);
        while (!channel->cancelled) { /* a later failure is told from here, too */
            pthread_cond_wait(&channel->changed, &channel->lock);
        }
        pthread_mutex_unlock(&channel->lock);
    }
    if (relay_goodbye(channel->relay, &reason, sentence)) {
        dst_say_goodbye(channel, reason, sentence);
    }
    dst_leave(channel);
    return NULL;
}
