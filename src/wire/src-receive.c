/* SPDX-License-Identifier: Apache-2.0
 *
 * The receiver of a source channel: the return path goes to QEMU at once, credits and PONGs to the queue.  See src-channel.c. */
#include "wire/src-channel-private.h"

#include "wire/frame-receive.h"
#include "wire/relay-net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Bytes of the return path: to QEMU at once. */
static int take_return(SrcChannel *channel, const WireHeader *header, const uint8_t *payload)
{
    if (wire_hash(payload, header->wire_bytes, header->sequence) != header->hash) {
        return -EBADMSG;
    }
    if (channel->number == 0) {
        relay_saw_return(channel->relay, payload, header->wire_bytes);
    }
    pthread_mutex_lock(&channel->lock);
    channel->return_bytes += header->wire_bytes;
    channel->progress_ns = relay_now_ns();
    pthread_mutex_unlock(&channel->lock);
    /* QEMU closes without reading all when it gives up; the reader will see that it has closed. */
    relay_write_all(channel->qemu_fd, payload, header->wire_bytes);
    return 0;
}

static int take_credit(SrcChannel *channel, const WireHeader *header, const uint8_t *payload)
{
    WireCredit credit;
    uint64_t now = relay_now_ns();
    int status = wire_credit_read(&credit, payload, header->wire_bytes);

    pthread_mutex_lock(&channel->lock);
    if (status == 0) {
        status = src_queue_credited(&channel->queue, &credit, now);
    }
    channel->credited_sequence = credit.sequence;
    channel->progress_ns = now;
    bool is_last = channel->end_sent && channel->queue.sent_length == 0;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
    if (is_last) {
        relay_wake(channel->relay);
    }
    return status;
}

static int take_ping(SrcChannel *channel, const uint8_t *payload)
{
    pthread_mutex_lock(&channel->lock);
    channel->pong_value = wire_ping_read(payload);
    channel->pong_wanted = true;
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
    src_channel_poke(channel);
    return 0;
}

static int take_pong(SrcChannel *channel, const uint8_t *payload)
{
    uint64_t now = relay_now_ns();
    int status = 0;

    pthread_mutex_lock(&channel->lock);
    if (channel->ping_is_out && wire_ping_read(payload) == channel->ping_ns) {
        uint64_t took_ns = now - channel->ping_ns;

        channel->ping_is_out = false;
        src_queue_pinged(&channel->queue, took_ns);
        if (channel->rtt_ns == 0 || took_ns < channel->rtt_ns) {
            channel->rtt_ns = took_ns;
        }
    } else {
        status = -EPROTO;
    }
    pthread_mutex_unlock(&channel->lock);
    return status;
}

static int take_end(SrcChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->end_received = true;
    pthread_mutex_unlock(&channel->lock);
    shutdown(channel->qemu_fd, SHUT_WR);
    relay_wake(channel->relay);
    return 0;
}

static int take_frame(SrcChannel *channel, const WireHeader *header, const uint8_t *payload)
{
    switch (header->type) {
    case WIRE_RETURN:
        return channel->end_received ? -EPROTO : take_return(channel, header, payload);
    case WIRE_CREDIT:
        return take_credit(channel, header, payload);
    case WIRE_PING:
        return take_ping(channel, payload);
    case WIRE_PONG:
        return take_pong(channel, payload);
    case WIRE_END:
        return take_end(channel);
    case WIRE_ABORT:
        relay_heard_abort(channel->relay, payload, header->wire_bytes);
        return -ECONNABORTED;
    default:
        return -EPROTO;
    }
}

/* The next frame of the other relay. */
static int receive_frame(SrcChannel *channel, WireHeader *header, uint8_t *payload)
{
    int status =
        wire_frame_receive(channel->link, channel->expected_sequence++, header, payload, WIRE_PAYLOAD_BYTES_MAX);

    if (status == 0 && header->codec != WIRE_CODEC_NONE) {
        status = -EPROTO;
    }
    pthread_mutex_lock(&channel->lock);
    channel->heard_ns = relay_now_ns();
    pthread_mutex_unlock(&channel->lock);
    return status;
}

void *src_receive_main(void *argument)
{
    SrcChannel *channel = argument;
    uint8_t *payload = malloc(WIRE_PAYLOAD_BYTES_MAX);
    WireHeader header;
    int status = payload ? 0 : -ENOMEM;

    pthread_mutex_lock(&channel->lock);
    channel->receiver_runs = true;
    pthread_mutex_unlock(&channel->lock);
    while (status == 0) {
        status = receive_frame(channel, &header, payload);
        if (status == 0) {
            status = take_frame(channel, &header, payload);
        }
    }
    free(payload);
    pthread_mutex_lock(&channel->lock);
    /* The destination may close when it has both ENDs; that ours is sent may not be noted yet, but nothing is missing. */
    bool complete = src_channel_is_complete(channel) || (status == -ENODATA && channel->end_leaves && channel->end_received &&
                                                         channel->queue.sent_length == 0);
    pthread_mutex_unlock(&channel->lock);
    if (!complete) {
        bool ours = status == -EPROTO || status == -EBADMSG || status == -ENOMEM;

        relay_fail(channel->relay, status == -EBADMSG ? WIRE_REASON_HASH : WIRE_REASON_PROTOCOL, ours,
                   ours ? "what the other relay sent on channel %u: %s" : "the link of channel %u to the other relay broke: %s",
                   channel->number, status == -ENODATA ? "closed too early" : strerror(-status));
    }
    pthread_mutex_lock(&channel->lock);
    channel->receiver_runs = false;
    pthread_mutex_unlock(&channel->lock);
    src_channel_leave(channel);
    return NULL;
}
