/* SPDX-License-Identifier: Apache-2.0
 *
 * A channel at the source: its making and ending, and the agreement with the other relay.
 *
 * Theory of operation
 *
 *     QEMU --reader--> parser, encoder --> codec's threads --> sender --> link
 *     QEMU <-------------------------- receiver <------------------------ link
 *
 * The receiver does nothing that could wait for the other direction: page requests of post-copy overtake everything.  It writes what
 * comes for QEMU at once, and tells the reader of credits by the channel's condition.
 *
 * Ending.  Whoever finds a reason calls relay_fail, which closes QEMU's socket both ways and cancels (src_channel_close_qemu): then the reader and
 * the receiver of QEMU's end return from whatever they wait in, and the sender says ABORT.  If the link itself is stuck, the main
 * thread cuts it a moment later (src_channel_cut).  File descriptors are closed only after all three threads were joined. */
#include "wire/src-channel-private.h"

#include "wire/frame-receive.h"
#include "wire/relay-net.h"
#include "wire/relay-watch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

void src_channel_poke(SrcChannel *channel)
{
    eventfd_write(channel->poke_fd, 1);
}

/* What a channel needs before it knows the other relay. */
static int take_memory(SrcChannel *channel)
{
    const RelayConfig *config = channel->relay->config;
    unsigned threads = channel->number == 0 ? config->threads : channel->is_urgent ? 0 : config->threads > 0;
    int status = frame_stack_new(&channel->frames, RELAY_FRAMES, channel->relay->memory);

    if (status == 0) {
        status = codec_pool_new(&channel->pool, CODEC_COMPRESS, threads, RELAY_FRAMES);
    }
    if (status == 0) {
        codec_pool_set_level(channel->pool, relay_watch_codec(channel->relay->watch));
    }
    if (status == 0 && channel->is_parsed) {
        status = src_parse_new(&channel->parse, &config->parse);
    }
    channel->input = status == 0 ? malloc(SRC_INPUT_BYTES) : NULL;
    return status == 0 && !channel->input ? -ENOMEM : status;
}

static void release(SrcChannel *channel)
{
    wire_link_free(channel->link);
    codec_pool_free(channel->pool);
    frame_stack_free(channel->frames);
    src_encode_free(channel->encode);
    src_parse_free(channel->parse);
    free(channel->input);
    close(channel->qemu_fd);
    if (channel->tcp_fd >= 0) {
        close(channel->tcp_fd);
    }
    if (channel->poke_fd >= 0) {
        close(channel->poke_fd);
    }
    pthread_cond_destroy(&channel->changed);
    pthread_mutex_destroy(&channel->lock);
    free(channel);
}

int src_channel_new(SrcChannel **channel, Relay *relay, unsigned number, int qemu_fd)
{
    SrcChannel *made = calloc(1, sizeof(*made));
    uint32_t capabilities = relay->config->parse.capabilities;

    *channel = NULL;
    if (!made) {
        close(qemu_fd);
        return -ENOMEM;
    }
    made->relay = relay;
    made->number = number;
    made->is_parsed = number == 0;
    made->is_urgent = number > 0 && (capabilities & SRC_CAPABILITY_POSTCOPY_PREEMPT) && !(capabilities & SRC_CAPABILITY_MULTIFD);
    made->qemu_fd = qemu_fd;
    made->tcp_fd = -1;
    made->poke_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&made->lock, NULL);
    relay_cond_init(&made->changed);
    made->progress_ns = made->heard_ns = relay_now_ns();
    made->frame_raw_bytes_max = SRC_READ_BYTES_MAX;
    int status = made->poke_fd < 0 ? -errno : take_memory(made);

    if (status == 0) {
        made->running = 1;
        status = -pthread_create(&made->reader, NULL, src_read_main, made);
    }
    if (status != 0) {
        release(made);
        return status;
    }
    *channel = made;
    return 0;
}

void src_channel_leave(SrcChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    channel->running--;
    pthread_mutex_unlock(&channel->lock);
    relay_wake(channel->relay);
}

void src_channel_close_qemu(SrcChannel *channel)
{
    shutdown(channel->qemu_fd, SHUT_RDWR);
    pthread_mutex_lock(&channel->lock);
    channel->cancelled = true;
    if (channel->tcp_fd >= 0 && !channel->link) {
        shutdown(channel->tcp_fd, SHUT_RDWR);
    }
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
    codec_pool_cancel(channel->pool);
    frame_stack_cancel(channel->frames);
    src_channel_poke(channel);
}

void src_channel_cut(SrcChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    WireLink *link = channel->link;
    pthread_mutex_unlock(&channel->lock);
    if (link) {
        wire_link_shutdown(link);
    }
}

void src_channel_free(SrcChannel *channel)
{
    if (!channel) {
        return;
    }
    pthread_join(channel->reader, NULL);
    if (channel->has_sender) {
        pthread_join(channel->sender, NULL);
    }
    if (channel->has_receiver) {
        pthread_join(channel->receiver, NULL);
    }
    release(channel);
}

/* The destination's first frame: HELLO_ACK, or ABORT with its reason. */
static int receive_ack(SrcChannel *channel, WireHelloAck *ack)
{
    uint8_t payload[WIRE_ABORT_BYTES_MAX];
    WireHeader header;
    int status = wire_frame_receive(channel->link, 0, &header, payload, sizeof(payload));

    if (status == 0 && header.type == WIRE_ABORT) {
        relay_heard_abort(channel->relay, payload, header.wire_bytes);
        return -ECONNABORTED;
    }
    if (status == 0) {
        status = header.type == WIRE_HELLO_ACK ? wire_hello_ack_read(ack, payload, header.wire_bytes) : -EPROTO;
    }
    if (status == 0 && (memcmp(ack->session, channel->relay->session, WIRE_SESSION_BYTES) != 0 ||
                        (ack->flags & WIRE_HELLO_GANG && !channel->relay->gang) ||
                        (ack->flags & WIRE_HELLO_FORGETFUL && ack->slots > 0))) {
        status = -EPROTO;
    }
    return status;
}

/* What this channel would like the other relay to keep for it. */
static void ask_for(const SrcChannel *channel, WireHello *hello)
{
    const SrcEncodeConfig *encode = &channel->relay->config->encode;

    if (!channel->is_parsed || src_encode_is_forgetful(encode)) {
        hello->flags |= WIRE_HELLO_FORGETFUL;
    } else {
        hello->slots = src_encode_slots_for(encode);
    }
    if (channel->is_parsed && channel->relay->gang && encode->filters & WIRE_FILTER_SHARED) {
        hello->flags |= WIRE_HELLO_GANG;
        hello->gang_pages = gang_store_pages(channel->relay->gang);
    }
}

static int say_hello(SrcChannel *channel, WireHelloAck *ack)
{
    const RelayConfig *config = channel->relay->config;
    uint8_t bytes[WIRE_HEADER_BYTES + WIRE_HELLO_BYTES];
    WireHeader header = {.type = WIRE_HELLO, .wire_bytes = WIRE_HELLO_BYTES, .raw_bytes = WIRE_HELLO_BYTES};
    WireHello hello = {
        .version_lowest = WIRE_VERSION,
        .version_highest = WIRE_VERSION,
        .channel = (uint16_t)channel->number,
        .page_bytes = config->parse.page_bytes,
    };
    struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};

    ask_for(channel, &hello);
    memcpy(hello.session, channel->relay->session, WIRE_SESSION_BYTES);
    wire_header_write(&header, bytes);
    wire_hello_write(&hello, bytes + WIRE_HEADER_BYTES);
    int status = wire_link_send(channel->link, &part, 1);

    return status == 0 ? receive_ack(channel, ack) : status;
}

/* TCP and TLS; QEMU's closing meanwhile ends the waiting. */
static int connect_link(SrcChannel *channel, char message[RELAY_MESSAGE_BYTES])
{
    const RelayConfig *config = channel->relay->config;
    WireLink *link = NULL;
    int fd = relay_connect_tcp(config->address, RELAY_HANDSHAKE_MS, message);

    if (fd < 0) {
        return fd;
    }
    pthread_mutex_lock(&channel->lock);
    channel->tcp_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    bool cancelled = channel->cancelled;
    pthread_mutex_unlock(&channel->lock);
    if (cancelled) {
        shutdown(fd, SHUT_RDWR);
    }
    int status = wire_link_new(&link, fd, false, config->key, RELAY_HANDSHAKE_MS);

    pthread_mutex_lock(&channel->lock);
    channel->link = link;
    if (link && channel->cancelled) {
        wire_link_shutdown(link);
    }
    pthread_mutex_unlock(&channel->lock);
    if (status != 0) {
        snprintf(message, RELAY_MESSAGE_BYTES, "handshake with the other relay at %s: %s", config->address,
                 status == -EACCES ? "it has another key" : strerror(-status));
    }
    return status;
}

static int agree(SrcChannel *channel)
{
    const RelayConfig *config = channel->relay->config;
    WireHelloAck ack = {0};
    int status = say_hello(channel, &ack);

    if (status == 0 && channel->is_parsed) {
        SrcEncodeConfig encode = config->encode;

        encode.slots_max = ack.slots;
        encode.page_bytes = config->parse.page_bytes;
        encode.is_forgetful = (ack.flags & WIRE_HELLO_FORGETFUL) != 0;
        encode.gang = ack.flags & WIRE_HELLO_GANG ? channel->relay->gang : NULL;
        if (!encode.is_forgetful && src_encode_is_forgetful(&encode)) {
            encode.gang = NULL; /* there is room for the tables, but not for what sharing needs beside them */
        }
        encode.memory = channel->relay->memory;
        status = src_encode_new(&channel->encode, &encode);
        channel->page_memory = encode.is_forgetful || encode.slots_max == 0         ? "none"
                               : encode.page_memory == WIRE_PAGE_MEMORY_HASH ? "hash"
                                                                             : "full";
    }
    if (status != 0) {
        return status;
    }
    pthread_mutex_lock(&channel->lock);
    src_queue_init(&channel->queue, config->rate_bytes_per_s ? config->rate_bytes_per_s : (uint64_t)config->governor.link_bytes_per_s,
                   ack.stream_window_bytes, relay_now_ns());
    if (channel->is_urgent) {
        src_queue_set_postcopy(&channel->queue);
    }
    channel->is_open = true;
    pthread_mutex_unlock(&channel->lock);
    channel->sequence = channel->expected_sequence = 1;
    return 0;
}

static int start_thread(SrcChannel *channel, pthread_t *thread, bool *has, void *(*run)(void *))
{
    pthread_mutex_lock(&channel->lock);
    int status = -pthread_create(thread, NULL, run, channel);

    *has = status == 0;
    channel->running += *has;
    pthread_mutex_unlock(&channel->lock);
    return status;
}

bool src_channel_open(SrcChannel *channel)
{
    Relay *relay = channel->relay;
    char message[RELAY_MESSAGE_BYTES] = "";
    int status = connect_link(channel, message);

    if (status == 0 && channel->number == 0) {
        relay_advance(relay, RELAY_HELLO);
    }
    if (status == 0 && (status = agree(channel)) != 0) {
        snprintf(message, sizeof(message), "agreeing with the other relay at %s: %s", relay->config->address, strerror(-status));
    }
    if (status == 0) {
        status = start_thread(channel, &channel->sender, &channel->has_sender, src_send_main);
    }
    if (status == 0) {
        status = start_thread(channel, &channel->receiver, &channel->has_receiver, src_receive_main);
    }
    if (status != 0) {
        relay_fail(relay, status == -EPROTO ? WIRE_REASON_PROTOCOL : WIRE_REASON_QEMU_CLOSED, channel->has_sender, "%s",
                   message[0] ? message : strerror(-status));
        return false;
    }
    relay_tell_connected(relay, channel->number, channel->is_parsed ? channel->page_memory : NULL,
                         src_encode_is_forgetful(&relay->config->encode));
    if (channel->number == 0) {
        relay_advance(relay, RELAY_SETUP);
    }
    return true;
}

bool src_channel_is_complete(const SrcChannel *channel)
{
    return channel->end_sent && channel->end_received && channel->queue.sent_length == 0;
}

void src_channel_finish(SrcChannel *channel)
{
    wire_link_finish(channel->link);
    src_channel_close_qemu(channel);
}

void src_channel_set_codec(SrcChannel *channel, const CodecLevel *level)
{
    codec_pool_set_level(channel->pool, level);
}

void src_channel_repace(SrcChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    pthread_cond_broadcast(&channel->changed);
    pthread_mutex_unlock(&channel->lock);
}

void src_channel_set_patience(SrcChannel *channel, unsigned seconds)
{
    pthread_mutex_lock(&channel->lock);
    if (channel->tcp_fd >= 0) {
        relay_set_patience(channel->tcp_fd, seconds);
    }
    pthread_mutex_unlock(&channel->lock);
}

/* Passes that ended and are wholly sent. */
static void view_passes(SrcChannel *channel, SrcChannelView *view)
{
    if (channel->passes_made > channel->passes_taken + SRC_CHANNEL_PASSES_KEPT) {
        channel->passes_taken = channel->passes_made - SRC_CHANNEL_PASSES_KEPT;
    }
    while (channel->passes_taken < channel->passes_sent) {
        view->passes[view->passes_length++] = channel->passes[channel->passes_taken++ % SRC_CHANNEL_PASSES_KEPT];
    }
    view->pass_now = channel->pass_now;
    if (channel->passes_sent == channel->passes_made) { /* else the sender is still at the one before */
        view->pass_now.wire_bytes = (uint64_t)channel->pass_wire[channel->passes_made % SRC_CHANNEL_PASSES_KEPT];
        view->pass_now.resent_wire_bytes = (uint64_t)channel->pass_resent_wire[channel->passes_made % SRC_CHANNEL_PASSES_KEPT];
    }
}

void src_channel_view(SrcChannel *channel, SrcChannelView *view)
{
    memset(view, 0, sizeof(*view));
    view->codec = codec_pool_stats(channel->pool);
    pthread_mutex_lock(&channel->lock);
    const SrcQueue *queue = &channel->queue;

    view->is_open = channel->is_open;
    view->is_complete = channel->is_open && src_channel_is_complete(channel);
    view->is_over = channel->running == 0;
    view->is_quiet = channel->running == channel->receiver_runs;
    view->stream_bytes = channel->stream_bytes;
    view->return_bytes = channel->return_bytes;
    view->wire_bytes = queue->sent_wire;
    view->credited_wire_bytes = queue->credited_wire;
    view->credited_stream_bytes = queue->credited_stream;
    if (channel->is_open) {
        view->out_wire_bytes = src_queue_wire_bytes(queue);
        view->out_stream_bytes = src_queue_stream_bytes(queue);
        view->out_ns = src_queue_ns(queue);
    }
    view->wire_bytes_per_s = queue->wire_rate.highest;
    view->is_limited = channel->was_full;
    view->rtt_ns = channel->rtt_ns;
    view->progress_ns = channel->progress_ns;
    view->heard_ns = channel->heard_ns;
    view->asked_ns = channel->ping_is_out ? channel->ping_ns : 0;
    view->device_stream_bytes = channel->device_stream_bytes;
    view->encode = channel->encode_stats;
    view->parse = channel->parse_stats;
    view_passes(channel, view);
    channel->was_full = false;
    pthread_mutex_unlock(&channel->lock);
}
