/* SPDX-License-Identifier: Apache-2.0
 *
 * The sender of a source channel: frames that the codec is done with go over the link, at the pace that is allowed. */
#include "wire/src-channel-private.h"

#include "wire/relay-net.h"

#include <errno.h>
#include <string.h>

/* Waits until the pace allows another frame, and takes its bytes.  What is urgent does not wait.  false: cancelled. */
static bool keep_pace(SrcChannel *channel, uint64_t bytes)
{
    Relay *relay = channel->relay;

    for (;;) {
        uint64_t now = relay_now_ns();

        pthread_mutex_lock(&relay->lock);
        uint64_t wait_ns = channel->is_urgent ? 0 : src_pace_wait_ns(&relay->pace, now);

        if (wait_ns == 0) {
            src_pace_take(&relay->pace, bytes, now);
        }
        pthread_mutex_unlock(&relay->lock);
        if (wait_ns == 0) {
            return true;
        }
        pthread_mutex_lock(&channel->lock);
        if (!channel->cancelled) {
            relay_cond_wait_until(&channel->changed, &channel->lock, now + wait_ns);
        }
        bool cancelled = channel->cancelled;
        pthread_mutex_unlock(&channel->lock);
        if (cancelled) {
            return false;
        }
    }
}

/* Passes that ended before this frame's are complete, and know now what they cost. */
static void count_pass(SrcChannel *channel, const WireFrame *frame)
{
    SrcFrameTag tag = src_tag_of(frame);
    unsigned slot = tag.pass % SRC_CHANNEL_PASSES_KEPT;
    double wire_bytes = WIRE_HEADER_BYTES + (double)frame->header.wire_bytes;

    while (channel->passes_sent < tag.pass) {
        unsigned done = channel->passes_sent++ % SRC_CHANNEL_PASSES_KEPT;

        channel->passes[done].wire_bytes = (uint64_t)channel->pass_wire[done];
        channel->passes[done].resent_wire_bytes = (uint64_t)channel->pass_resent_wire[done];
        channel->pass_wire[done] = channel->pass_resent_wire[done] = 0;
    }
    channel->pass_wire[slot] += wire_bytes;
    if (frame->header.raw_bytes > 0) {
        channel->pass_resent_wire[slot] += wire_bytes * tag.resent_raw_bytes / frame->header.raw_bytes;
    }
}

static int send_frame(SrcChannel *channel, WireFrame *frame)
{
    WireHeader *header = &frame->header;
    struct iovec parts[2] = {{.iov_base = frame->wire, .iov_len = WIRE_HEADER_BYTES},
                             {.iov_base = (void *)(uintptr_t)frame->payload, .iov_len = header->wire_bytes}};

    pthread_mutex_lock(&channel->lock);
    src_queue_sent(&channel->queue, header, relay_now_ns());
    count_pass(channel, frame);
    channel->end_leaves |= header->type == WIRE_END;
    pthread_mutex_unlock(&channel->lock);
    channel->sent_sequence = header->sequence;
    int status = wire_link_send(channel->link, parts, header->wire_bytes > 0 ? 2 : 1);

    if (status == 0 && header->type == WIRE_END) { /* not before: who sees it may close the link */
        pthread_mutex_lock(&channel->lock);
        channel->end_sent = true;
        pthread_mutex_unlock(&channel->lock);
    }
    return status;
}

/* The last frame of a channel that has failed. */
static void say_goodbye(SrcChannel *channel)
{
    WireReason reason = WIRE_REASON_NONE;
    char sentence[RELAY_MESSAGE_BYTES];
    uint8_t bytes[WIRE_HEADER_BYTES + WIRE_ABORT_BYTES_MAX];

    if (!relay_goodbye(channel->relay, &reason, sentence)) {
        return;
    }
    uint32_t length = (uint32_t)wire_abort_write(reason, sentence, bytes + WIRE_HEADER_BYTES);
    WireHeader header = {.type = WIRE_ABORT, .wire_bytes = length, .raw_bytes = length, .sequence = channel->sent_sequence + 1};
    struct iovec part = {.iov_base = bytes, .iov_len = WIRE_HEADER_BYTES + length};

    wire_header_write(&header, bytes);
    wire_link_send(channel->link, &part, 1);
}

void *src_send_main(void *argument)
{
    SrcChannel *channel = argument;
    WireFrame *frame = NULL;

    while ((frame = codec_pool_next(channel->pool))) {
        int status = frame->status;
        bool is_end = frame->header.type == WIRE_END;
        bool goes = status == 0 && keep_pace(channel, WIRE_HEADER_BYTES + frame->header.wire_bytes);

        if (goes) {
            status = send_frame(channel, frame);
        }
        frame_stack_give(channel->frames, frame);
        if (status != 0) {
            relay_fail(channel->relay, WIRE_REASON_PROTOCOL, false, "sending to the other relay: %s", strerror(-status));
        }
        if (is_end && goes) {
            relay_wake(channel->relay);
            if (channel->number == 0) {
                relay_advance(channel->relay, RELAY_DRAIN);
            }
        }
    }
    say_goodbye(channel);
    src_channel_leave(channel);
    return NULL;
}
