/* SPDX-License-Identifier: Apache-2.0
 *
 * A channel at the destination; see dst-channel.h.
 *
 * Theory of operation
 *
 *     link --receiver--> codec's threads --> applier: decoder, hash --> QEMU      then CREDIT
 *     link <-------------------------------- return reader <----------- QEMU
 *
 * Whoever connects must first prove that it knows the key, and then say HELLO with a channel and session that fit; until then it can
 * do no harm, and a stranger is dropped without a word.  The receiver of channel n connects to QEMU after channel n - 1 has: QEMU tells its
 * connections apart by their order alone.
 *
 * The receiver never waits for QEMU: there are more frames than the source may have on the way, so PING is answered at once however slow QEMU reads.
 * The applier writes to QEMU nothing that it has not checked: a frame whose hash does not fit ends the migration, and none of its bytes are written.
 *
 * Frames that are sent are numbered under the lock with which they are sent: the applier, the receiver and the return reader all send.
 *
 * Ending as at the source (src-channel.c): relay_fail closes QEMU's connection both ways, the return reader says ABORT, and the main thread cuts the
 * link a moment later. */
#include "wire/dst-channel-private.h"

#include "wire/frame-receive.h"
#include "wire/relay-net.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define QEMU_RETRY_NS UINT64_C(20000000)

void dst_leave(DstChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->running--;
    pthread_mutex_unlock(&channel->lock);
    relay_wake(channel->relay);
}

int dst_send(DstChannel *channel, WireFrameType type, const void *payload, size_t length)
{
    uint8_t bytes[WIRE_HEADER_BYTES];
    WireHeader header = {.type = (uint8_t)type, .wire_bytes = (uint32_t)length, .raw_bytes = (uint32_t)length};
    struct iovec parts[2] = {{.iov_base = bytes, .iov_len = sizeof(bytes)},
                             {.iov_base = (void *)(uintptr_t)payload, .iov_len = length}};

    pthread_mutex_lock(&channel->send_lock);
    header.sequence = channel->sequence++;
    if (type == WIRE_RETURN) {
        header.stream_bytes = header.raw_bytes;
        header.hash = wire_hash(payload, length, header.sequence);
    }
    wire_header_write(&header, bytes);
    int status = wire_link_send(channel->link, parts, length > 0 ? 2 : 1);
    pthread_mutex_unlock(&channel->send_lock);
    return status;
}

void dst_say_goodbye(DstChannel *channel, WireReason reason, const char *sentence)
{
    uint8_t payload[WIRE_ABORT_BYTES_MAX];
    size_t length = wire_abort_write(reason, sentence, payload);

    dst_send(channel, WIRE_ABORT, payload, length);
}

void dst_broke(DstChannel *channel, int status, const char *what)
{
    WireReason reason = status == -EBADMSG  ? WIRE_REASON_HASH
                        : status == -ENOMEM ? WIRE_REASON_MEMORY
                        : status == -EPROTO ? WIRE_REASON_PROTOCOL
                                            : WIRE_REASON_NONE;

    relay_fail(channel->relay, reason, reason != WIRE_REASON_NONE, "channel %u: %s: %s", channel->number, what,
               status == -ENODATA ? "closed too early" : strerror(-status));
}

/* ---- the receiver ---- */

static int receive_frame(DstChannel *channel, WireFrame *frame)
{
    int status = wire_frame_receive_whole(channel->link, channel->expected_sequence++, frame);

    pthread_mutex_lock(&channel->lock);
    channel->heard_ns = relay_now_ns();
    pthread_mutex_unlock(&channel->lock);
    return status;
}

/* What is to be done with a frame.  The frame is given back, or to the codec. */
static int take_frame(DstChannel *channel, WireFrame *frame)
{
    int status = 0;

    switch (frame->header.type) {
    case WIRE_DATA:
    case WIRE_END:
        if (channel->end_received) {
            status = -EPROTO;
            break;
        }
        channel->end_received = frame->header.type == WIRE_END;
        return codec_pool_submit(channel->pool, frame); /* in order, END too */
    case WIRE_PING:
        status = dst_send(channel, WIRE_PONG, frame->payload, WIRE_PING_BYTES);
        break;
    case WIRE_ABORT:
        relay_heard_abort(channel->relay, frame->payload, frame->header.wire_bytes);
        status = -ECONNABORTED;
        break;
    default:
        status = -EPROTO;
    }
    frame_stack_give(channel->frames, frame);
    return status;
}

/* Until QEMU listens, or it takes too long, or the relay has failed. */
static int connect_qemu(DstChannel *channel)
{
    const RelayConfig *config = channel->relay->config;
    uint64_t until_ns = relay_now_ns() + (uint64_t)(config->accept_timeout_s * 1e9);
    int fd = -ECANCELED;

    while (!relay_has_failed(channel->relay)) {
        fd = relay_connect_unix(config->socket_path);
        if (fd >= 0 || (fd != -ENOENT && fd != -ECONNREFUSED && fd != -EAGAIN) || relay_now_ns() > until_ns) {
            break;
        }
        pthread_mutex_lock(&channel->relay->lock);
        relay_cond_wait_until(&channel->relay->changed, &channel->relay->lock, relay_now_ns() + QEMU_RETRY_NS);
        pthread_mutex_unlock(&channel->relay->lock);
        fd = -ECANCELED;
    }
    if (fd < 0) {
        return fd;
    }
    pthread_mutex_lock(&channel->lock);
    channel->qemu_fd = fd;
    if (channel->cancelled) {
        shutdown(fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&channel->lock);
    return 0;
}

/* Its turn has come when all channels before it are connected. */
static int wait_turn(DstChannel *channel)
{
    Relay *relay = channel->relay;

    pthread_mutex_lock(&relay->lock);
    while (!relay->failed && relay->next_channel < channel->number) {
        relay_cond_wait_until(&relay->changed, &relay->lock, relay_now_ns() + 100000000u);
    }
    int status = relay->failed ? -ECANCELED : relay->next_channel == channel->number ? 0 : -EPROTO;
    pthread_mutex_unlock(&relay->lock);
    return status;
}

static void turn_over(Relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->next_channel++;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
}

/* The session is the one of the channel that came first, which need not be channel 0; each channel comes once. */
static int check_session(Relay *relay, const WireHello *hello)
{
    int status = 0;

    pthread_mutex_lock(&relay->lock);
    if (!relay->has_session) {
        memcpy(relay->session, hello->session, WIRE_SESSION_BYTES);
        relay->has_session = true;
    }
    if (relay->channels_seen >> hello->channel & 1 || memcmp(relay->session, hello->session, WIRE_SESSION_BYTES) != 0) {
        status = -EEXIST;
    }
    relay->channels_seen |= UINT64_C(1) << hello->channel;
    pthread_mutex_unlock(&relay->lock);
    return status;
}

static int receive_hello(DstChannel *channel, WireHello *hello)
{
    uint8_t payload[WIRE_HELLO_BYTES];
    WireHeader header;
    int status = wire_frame_receive(channel->link, 0, &header, payload, sizeof(payload));

    if (status == 0 && header.type != WIRE_HELLO) {
        status = -EPROTO;
    }
    return status == 0 ? wire_hello_read(hello, payload, header.wire_bytes) : status;
}

/* TLS, then HELLO. */
static int shake_hands(DstChannel *channel, WireHello *hello)
{
    WireLink *link = NULL;
    int fd = fcntl(channel->tcp_fd, F_DUPFD_CLOEXEC, 0);
    int status = fd < 0 ? -errno : wire_link_new(&link, fd, true, channel->relay->config->key, RELAY_HANDSHAKE_MS);

    pthread_mutex_lock(&channel->lock);
    channel->link = link;
    if (link && channel->cancelled) {
        wire_link_shutdown(link);
    }
    pthread_mutex_unlock(&channel->lock);
    return status == 0 ? receive_hello(channel, hello) : status;
}

/* What of the source's wishes is granted. */
static void grant(DstChannel *channel, const WireHello *hello, DstDecodeConfig *decode, WireHelloAck *ack)
{
    const Relay *relay = channel->relay;
    uint64_t memory_bytes_max = relay->config->encode.memory_bytes_max;
    bool shares = hello->flags & WIRE_HELLO_GANG && relay->gang && hello->page_bytes == relay->config->parse.page_bytes &&
                  hello->gang_pages <= gang_store_pages(relay->gang);

    decode->gang = shares ? relay->gang : NULL;
    decode->is_forgetful = hello->flags & WIRE_HELLO_FORGETFUL || dst_decode_is_forgetful(decode, memory_bytes_max);
    if (!decode->is_forgetful) {
        decode->slots = dst_decode_slots_for(decode, memory_bytes_max);
        decode->slots = decode->slots < hello->slots ? decode->slots : hello->slots;
    }
    channel->page_memory = decode->slots > 0 ? "full" : "none"; /* here what is stored is always a copy */
    channel->is_short = !(hello->flags & WIRE_HELLO_FORGETFUL) && decode->is_forgetful;
    ack->slots = decode->slots;
    ack->flags = (shares ? WIRE_HELLO_GANG : 0u) | (decode->is_forgetful ? WIRE_HELLO_FORGETFUL : 0u);
}

/* What the channel needs, and may use. */
static int take_memory(DstChannel *channel, const WireHello *hello, WireHelloAck *ack)
{
    const RelayConfig *config = channel->relay->config;
    DstDecodeConfig decode = {.ram_bytes = config->encode.ram_bytes, .page_bytes = hello->page_bytes};
    unsigned threads = channel->number == 0 ? config->threads : 0;
    int status = frame_stack_new(&channel->frames, RELAY_FRAMES, channel->relay->memory);

    decode.memory = channel->relay->memory;
    grant(channel, hello, &decode, ack);
    if (status == 0) {
        status = codec_pool_new(&channel->pool, CODEC_DECOMPRESS, threads, RELAY_FRAMES);
    }
    if (status == 0) {
        status = dst_decode_new(&channel->decode, &decode);
    }
    channel->stream = status == 0 ? malloc(WIRE_STREAM_BYTES_MAX) : NULL;
    return status == 0 && !channel->stream ? -ENOMEM : status;
}

static int say_ack(DstChannel *channel, WireHelloAck *ack)
{
    uint8_t payload[WIRE_HELLO_ACK_BYTES];

    memcpy(ack->session, channel->relay->session, WIRE_SESSION_BYTES);
    wire_hello_ack_write(ack, payload);
    return dst_send(channel, WIRE_HELLO_ACK, payload, sizeof(payload));
}

static int start_thread(DstChannel *channel, pthread_t *thread, bool *has, void *(*run)(void *))
{
    pthread_mutex_lock(&channel->lock);
    int status = -pthread_create(thread, NULL, run, channel);

    *has = status == 0;
    channel->running += *has;
    pthread_mutex_unlock(&channel->lock);
    return status;
}

static void tell_connected(DstChannel *channel)
{
    relay_tell_connected(channel->relay, channel->number, channel->number == 0 ? channel->page_memory : NULL,
                         channel->is_short);
    if (channel->number == 0) {
        relay_advance(channel->relay, RELAY_SETUP);
    }
}

/* From HELLO to HELLO_ACK: the channel belongs to this migration, and what is missing now is a failure. */
static int open_channel(DstChannel *channel, const WireHello *hello)
{
    Relay *relay = channel->relay;
    WireHelloAck ack = {.version = WIRE_VERSION, .stream_window_bytes = RELAY_STREAM_WINDOW};
    const char *what = "waiting for the channels before it";
    int status = wait_turn(channel);

    if (status == 0) {
        what = "memory for the dictionary";
        status = take_memory(channel, hello, &ack);
    }
    if (status == 0) {
        what = "connecting to QEMU at the destination";
        status = connect_qemu(channel);
    }
    if (status == 0) {
        turn_over(relay);
        what = "answering the other relay";
        status = say_ack(channel, &ack);
    }
    if (status == 0) {
        what = "threads";
        status = start_thread(channel, &channel->applier, &channel->has_applier, dst_apply_main);
    }
    if (status == 0) {
        status = start_thread(channel, &channel->returner, &channel->has_returner, dst_return_main);
    }
    if (status != 0) {
        char sentence[RELAY_MESSAGE_BYTES];
        WireReason reason = status == -ENOMEM ? WIRE_REASON_MEMORY : WIRE_REASON_QEMU_CLOSED;

        snprintf(sentence, sizeof(sentence), "channel %u: %s: %s", channel->number, what, strerror(-status));
        relay_fail(relay, reason, false, "%s", sentence);
        dst_say_goodbye(channel, reason, sentence);
    }
    return status;
}

/* Until the link ends; it may, after all was said. */
static void receive(DstChannel *channel)
{
    int status = 0;

    channel->expected_sequence = 1;
    while (status == 0) {
        WireFrame *frame = frame_stack_take(channel->frames);

        if (!frame) {
            return;
        }
        status = receive_frame(channel, frame);
        if (status != 0) {
            frame_stack_give(channel->frames, frame);
        } else {
            status = take_frame(channel, frame);
        }
    }
    pthread_mutex_lock(&channel->lock);
    /* The source closes when it has both ENDs and all credits; our other threads may not have noted yet that END is
     * applied, and that ours is sent, but nothing is missing. */
    bool complete = (channel->end_applied && channel->end_sent) ||
                    (channel->end_received && channel->end_leaves && status == -ENODATA);
    pthread_mutex_unlock(&channel->lock);
    if (!complete) {
        dst_broke(channel, status, "the link to the other relay");
    }
}

static void *receive_main(void *argument)
{
    DstChannel *channel = argument;
    WireHello hello = {0};
    int status = shake_hands(channel, &hello);

    if (status == 0 && (hello.channel >= WIRE_CHANNELS_MAX || hello.version_lowest > WIRE_VERSION)) {
        status = -EPROTONOSUPPORT;
        dst_say_goodbye(channel, WIRE_REASON_VERSION, "this relay speaks version 1 and channels below 64");
    }
    if (status == 0 && (status = check_session(channel->relay, &hello)) != 0) {
        dst_say_goodbye(channel, WIRE_REASON_SESSION, "this relay carries another migration");
    }
    if (status == 0) {
        pthread_mutex_lock(&channel->lock);
        channel->number = hello.channel;
        channel->is_known = true;
        pthread_mutex_unlock(&channel->lock);
        if (hello.channel == 0) {
            relay_advance(channel->relay, RELAY_HELLO);
        }
        status = open_channel(channel, &hello);
    }
    if (status == 0) {
        pthread_mutex_lock(&channel->lock);
        channel->is_open = true;
        pthread_mutex_unlock(&channel->lock);
        tell_connected(channel);
        receive(channel);
    }
    pthread_mutex_lock(&channel->lock);
    channel->receiver_runs = false;
    pthread_mutex_unlock(&channel->lock);
    dst_leave(channel);
    return NULL;
}

/* ---- the main thread's ---- */

int dst_channel_new(DstChannel **channel, Relay *relay, int tcp_fd)
{
    DstChannel *made = calloc(1, sizeof(*made));

    *channel = NULL;
    if (!made) {
        close(tcp_fd);
        return -ENOMEM;
    }
    made->relay = relay;
    made->tcp_fd = tcp_fd;
    made->qemu_fd = -1;
    made->running = 1;
    made->receiver_runs = true;
    made->heard_ns = made->progress_ns = relay_now_ns();
    pthread_mutex_init(&made->send_lock, NULL);
    pthread_mutex_init(&made->lock, NULL);
    relay_cond_init(&made->changed);
    int status = -pthread_create(&made->receiver, NULL, receive_main, made);

    if (status != 0) {
        close(tcp_fd);
        free(made);
        return status;
    }
    *channel = made;
    return 0;
}

void dst_channel_close_qemu(DstChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->cancelled = true;
    if (channel->qemu_fd >= 0) {
        shutdown(channel->qemu_fd, SHUT_RDWR);
    }
    if (!channel->link) {
        shutdown(channel->tcp_fd, SHUT_RDWR);
    }
    pthread_cond_broadcast(&channel->changed);
    bool runs = channel->has_applier;
    pthread_mutex_unlock(&channel->lock);
    if (runs) {
        codec_pool_cancel(channel->pool);
        frame_stack_cancel(channel->frames);
    }
}

void dst_channel_cut(DstChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    WireLink *link = channel->link;
    pthread_mutex_unlock(&channel->lock);
    if (link) {
        wire_link_shutdown(link);
    }
}

void dst_channel_finish(DstChannel *channel)
{
    wire_link_finish(channel->link);
    dst_channel_close_qemu(channel);
}

void dst_channel_set_patience(DstChannel *channel, unsigned seconds)
{
    relay_set_patience(channel->tcp_fd, seconds);
}

void dst_channel_view(DstChannel *channel, DstChannelView *view)
{
    memset(view, 0, sizeof(*view));
    pthread_mutex_lock(&channel->lock);
    if (channel->has_applier) {
        view->codec = codec_pool_stats(channel->pool);
    }
    view->is_known = channel->is_known;
    view->is_open = channel->is_open;
    view->is_complete = channel->end_applied && channel->end_sent;
    view->is_over = channel->running == 0;
    view->is_quiet = channel->running == channel->receiver_runs;
    view->number = channel->number;
    view->stream_bytes = channel->stream_bytes;
    view->return_bytes = channel->return_bytes;
    view->wire_bytes = channel->wire_bytes;
    view->heard_ns = channel->heard_ns;
    view->progress_ns = channel->progress_ns;
    view->decode = channel->decode_stats;
    pthread_mutex_unlock(&channel->lock);
}

void dst_channel_free(DstChannel *channel)
{
    if (!channel) {
        return;
    }
    pthread_join(channel->receiver, NULL);
    if (channel->has_applier) {
        pthread_join(channel->applier, NULL);
    }
    if (channel->has_returner) {
        pthread_join(channel->returner, NULL);
    }
    wire_link_free(channel->link);
    codec_pool_free(channel->pool);
    frame_stack_free(channel->frames);
    dst_decode_free(channel->decode);
    free(channel->stream);
    close(channel->tcp_fd);
    if (channel->qemu_fd >= 0) {
        close(channel->qemu_fd);
    }
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->lock);
    pthread_mutex_destroy(&channel->send_lock);
    free(channel);
}
