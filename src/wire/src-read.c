/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of a source channel: QEMU's stream becomes frames.
 *
 * Theory of operation
 *
 *     wait until there is room on the way -> begin a frame -> read -> parse, encode -> frame is full, or QEMU pauses -> codec
 *
 * QEMU is read only while a frame may be begun, and only as much as about fills it: what waits in this process waits where QEMU's own
 * arithmetic sees it.  A frame that is not full goes at once when nothing else is on the way, otherwise when QEMU has said nothing for 2 ms (Nagle's
 * rule).  An incomplete record is given up as plain bytes after the same time, so that a wrong guess of the parser never holds bytes
 * back for which QEMU or the guest is waiting.
 *
 * A pass is one walk of QEMU over its dirty bitmap: it ends when a page comes that lies before the last one.  What was written during
 * a walk is what the next one finds, hence the governor's arithmetic.  Walks that are very short count together, as one pass of PASS_NS_MIN:
 * one alone would say more about the clock than about the guest.
 *
 * All frames of a channel, PING and PONG among them, are numbered here and go through the codec in order: the number is part of what the
 * destination checks.  Only ABORT is made by the sender, as the last one. */
#include "wire/src-channel-private.h"

#include "wire/relay-net.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUIET_NS        UINT64_C(2000000)    /* QEMU has paused */
#define PING_IDLE_NS    UINT64_C(100000000)  /* when nothing is on the way */
#define PING_ALWAYS_NS  UINT64_C(1000000000) /* whatever happens */
#define WAIT_NS         UINT64_C(100000000)
#define PASS_NS_MIN     UINT64_C(20000000)
#define WAITED_NS_MIN   UINT64_C(1000000)    /* QEMU is not at work on pages: a shorter wait is for the next ones */
#define LITERAL_ROOM    16u                  /* operation and length of a LITERAL */

/* Channels that are not parsed: one LITERAL a frame. */
static int add_literal(SrcChannel *channel, const SrcToken *token, size_t *taken)
{
    WireFrame *frame = channel->frame;

    *taken = 0;
    if (frame->header.raw_bytes > 0) {
        return 0;
    }
    size_t length = token->length;

    if (length > WIRE_PAYLOAD_BYTES_MAX - LITERAL_ROOM) {
        length = WIRE_PAYLOAD_BYTES_MAX - LITERAL_ROOM;
    }
    frame->raw[0] = 0; /* LITERAL */
    size_t head = 1 + wire_varint_write(frame->raw + 1, length);

    memcpy(frame->raw + head, token->bytes, length);
    frame->header = (WireHeader){.type = WIRE_DATA, .raw_bytes = (uint32_t)(head + length), .stream_bytes = (uint32_t)length};
    *taken = length;
    return length == token->length;
}

static bool finish_literal(SrcChannel *channel)
{
    WireHeader *header = &channel->frame->header;

    if (header->raw_bytes == 0) {
        return false;
    }
    header->sequence = channel->sequence;
    header->wire_bytes = header->raw_bytes;
    header->hash = wire_hash(channel->frame->raw + header->raw_bytes - header->stream_bytes, header->stream_bytes,
                             channel->sequence);
    return true;
}

static bool begin_frame(SrcChannel *channel)
{
    WireFrame *frame = frame_stack_take(channel->frames);

    if (!frame) {
        return false;
    }
    pthread_mutex_lock(&channel->lock);
    channel->frame_raw_bytes_max = src_queue_frame_raw_bytes(&channel->queue);
    channel->frame_stream_bytes_max = src_queue_frame_stream_bytes(&channel->queue);
    uint64_t credited = channel->credited_sequence;
    pthread_mutex_unlock(&channel->lock);
    channel->frame = frame;
    channel->frame_stream_bytes = 0;
    if (channel->is_parsed) {
        src_encode_credit(channel->encode, credited);
        channel->frame_resent_raw_bytes = src_encode_stats(channel->encode)->resent_raw_bytes;
        src_encode_begin(channel->encode, frame);
    } else {
        memset(&frame->header, 0, sizeof(frame->header));
    }
    return true;
}

static bool submit(SrcChannel *channel, WireFrame *frame, SrcFrameTag tag)
{
    frame->status = 0;
    frame->user = (void *)(uintptr_t)src_tag_pack(tag);
    channel->sequence++;
    pthread_mutex_lock(&channel->lock);
    src_queue_submitted(&channel->queue, &frame->header);
    pthread_mutex_unlock(&channel->lock);
    return codec_pool_submit(channel->pool, frame) == 0;
}

static uint64_t pages_of(const SrcEncodeStats *stats)
{
    return stats->pages_raw + stats->pages_segments + stats->pages_words + stats->pages_same + stats->pages_duplicate +
           stats->pages_zero + stats->pages_shared;
}

/* The pass that goes on, until 'now_ns'. */
static GovernorPass pass_until(const SrcChannel *channel, uint64_t now_ns)
{
    const SrcEncodeStats *now = src_encode_stats(channel->encode);
    const SrcEncodeStats *begin = &channel->pass_begin;
    uint64_t page_bytes = channel->relay->config->parse.page_bytes;
    uint64_t pages = pages_of(now) - pages_of(begin);

    return (GovernorPass){
        .pages = pages,
        .stream_bytes = (pages - (now->pages_zero - begin->pages_zero)) * page_bytes + now->literal_bytes - begin->literal_bytes,
        .dirty_bytes = now->resent_dirty_bytes - begin->resent_dirty_bytes,
        .seconds = (double)(now_ns - channel->pass_begin_ns) / 1e9,
        .waited_s = (double)(channel->waited_ns - channel->pass_begin_waited_ns) / 1e9,
        .pages_resent = now->pages_resent - begin->pages_resent,
        .resent_stream_bytes = (now->pages_resent - begin->pages_resent) * page_bytes,
    };
}

/* Counts become visible to the main thread. */
static void publish(SrcChannel *channel)
{
    GovernorPass pass = pass_until(channel, relay_now_ns());

    pthread_mutex_lock(&channel->lock);
    channel->encode_stats = *src_encode_stats(channel->encode);
    channel->parse_stats = *src_parse_stats(channel->parse);
    channel->pass_now = pass;
    pthread_mutex_unlock(&channel->lock);
}

/* Called with a token in hand that is not in a frame yet: it may be the first of another pass. */
static void note_pass(SrcChannel *channel)
{
    uint64_t wraps = src_parse_stats(channel->parse)->wraps;

    if (wraps == channel->wraps_seen) {
        return;
    }
    uint64_t now_ns = relay_now_ns();

    channel->wraps_seen = wraps;
    if (now_ns - channel->pass_begin_ns < PASS_NS_MIN) {
        return;
    }
    GovernorPass pass = pass_until(channel, now_ns);

    pthread_mutex_lock(&channel->lock);
    channel->passes[channel->passes_made++ % SRC_CHANNEL_PASSES_KEPT] = pass;
    channel->pass_now = (GovernorPass){0};
    pthread_mutex_unlock(&channel->lock);
    channel->pass_begin = *src_encode_stats(channel->encode);
    channel->pass_begin_ns = now_ns;
    channel->pass_begin_waited_ns = channel->waited_ns;
}

/* Gives the frame to the codec if anything is in it.  false: cancelled. */
static bool finish_frame(SrcChannel *channel)
{
    WireFrame *frame = channel->frame;
    SrcFrameTag tag = {0};

    if (!frame) {
        return true;
    }
    if (!(channel->is_parsed ? src_encode_finish(channel->encode, channel->sequence) : finish_literal(channel))) {
        frame_stack_give(channel->frames, frame);
        channel->frame = NULL;
        return true;
    }
    if (channel->is_parsed) {
        tag.pass = channel->passes_made;
        tag.resent_raw_bytes =
            (uint32_t)(src_encode_stats(channel->encode)->resent_raw_bytes - channel->frame_resent_raw_bytes);
        publish(channel);
    }
    channel->frame = NULL;
    return submit(channel, frame, tag);
}

static bool submit_control(SrcChannel *channel, WireFrameType type, uint64_t value)
{
    WireFrame *frame = frame_stack_take(channel->frames);

    if (!frame) {
        return false;
    }
    uint32_t length = type == WIRE_END ? 0 : WIRE_PING_BYTES;

    wire_ping_write(value, frame->raw);
    frame->header = (WireHeader){.type = (uint8_t)type, .raw_bytes = length, .wire_bytes = length, .sequence = channel->sequence};
    return submit(channel, frame, (SrcFrameTag){.pass = channel->passes_made});
}

/* PING and PONG.  No frame may be open: its number is given when it is finished, so that an open one is no obstacle. */
static bool controls(SrcChannel *channel)
{
    uint64_t now = relay_now_ns();

    pthread_mutex_lock(&channel->lock);
    bool pong = channel->pong_wanted;
    uint64_t value = channel->pong_value;
    uint64_t interval = src_queue_is_idle(&channel->queue) ? PING_IDLE_NS : PING_ALWAYS_NS;
    bool ping = !channel->ping_is_out && now - channel->pinged_ns >= interval;

    channel->pong_wanted = false;
    if (ping) {
        channel->ping_is_out = true;
        channel->ping_ns = channel->pinged_ns = now;
    }
    pthread_mutex_unlock(&channel->lock);
    return (!pong || submit_control(channel, WIRE_PONG, value)) && (!ping || submit_control(channel, WIRE_PING, now));
}

/* Until the way has room for another frame.  false: cancelled. */
static bool wait_for_room(SrcChannel *channel)
{
    for (;;) {
        if (!controls(channel)) {
            return false;
        }
        pthread_mutex_lock(&channel->lock);
        bool may = src_queue_may_begin(&channel->queue);

        channel->was_full |= !may;
        if (!may && !channel->cancelled && !channel->pong_wanted) {
            relay_cond_wait_until(&channel->changed, &channel->lock, relay_now_ns() + WAIT_NS);
        }
        bool cancelled = channel->cancelled;
        pthread_mutex_unlock(&channel->lock);
        if (cancelled || may) {
            return !cancelled;
        }
    }
}

/* A post-copy that is resumed through fresh relays has no header: its stream is opaque from the first byte. */
static RelayState relay_state_of(const SrcChannel *channel, SrcStreamState state)
{
    static const RelayState states[] = {
        [SRC_STREAM_HEADER] = RELAY_SETUP,       [SRC_STREAM_SETUP] = RELAY_SETUP,   [SRC_STREAM_LIVE] = RELAY_LIVE,
        [SRC_STREAM_SWITCHOVER] = RELAY_SWITCHOVER, [SRC_STREAM_DEVICE] = RELAY_DEVICE,
        [SRC_STREAM_POSTCOPY] = RELAY_POSTCOPY_DEVICE,
        [SRC_STREAM_OPAQUE] = RELAY_LIVE,
    };

    if (state == SRC_STREAM_OPAQUE && channel->relay->config->parse.capabilities & SRC_CAPABILITY_POSTCOPY_RAM) {
        return RELAY_POSTCOPY;
    }
    return states[state];
}

/* Where the stream is has changed. */
static void note_state(SrcChannel *channel, uint64_t consumed)
{
    SrcStreamState state = src_parse_stats(channel->parse)->state;

    if (state == channel->stream_state) {
        return;
    }
    channel->stream_state = state;
    RelayState relay_state = relay_state_of(channel, state);

    pthread_mutex_lock(&channel->lock);
    if (relay_state == RELAY_POSTCOPY_DEVICE || relay_state == RELAY_POSTCOPY) {
        src_queue_set_postcopy(&channel->queue);
    }
    if (state == SRC_STREAM_DEVICE) {
        channel->device_stream_bytes = consumed;
    }
    channel->parse_stats = *src_parse_stats(channel->parse);
    pthread_mutex_unlock(&channel->lock);
    relay_advance(channel->relay, relay_state);
}

static bool frame_is_full(const SrcChannel *channel)
{
    return channel->frame && (channel->frame_stream_bytes >= channel->frame_stream_bytes_max ||
                              (channel->is_parsed ? src_encode_raw_bytes(channel->encode)
                                                  : channel->frame->header.raw_bytes) >= channel->frame_raw_bytes_max);
}

/* Puts one token into frames.  false: cancelled. */
static bool add_token(SrcChannel *channel, SrcToken token)
{
    for (;;) {
        size_t taken = 0;

        if (!channel->frame && !(wait_for_room(channel) && begin_frame(channel))) {
            return false;
        }
        int done = channel->is_parsed ? src_encode_add(channel->encode, channel->parse, &token, &taken)
                                      : add_literal(channel, &token, &taken);

        channel->frame_stream_bytes += (uint32_t)taken;
        token.bytes += taken;
        token.length -= taken;
        if (done && !frame_is_full(channel)) {
            return true;
        }
        if (!finish_frame(channel) || done) {
            return done == 1;
        }
    }
}

/* The next token of what was read.  'flush': also of an incomplete record. */
static bool next_token(SrcChannel *channel, size_t at, bool flush, SrcToken *token)
{
    size_t length = channel->input_length - at;

    if (length == 0) {
        return false;
    }
    if (!channel->is_parsed) {
        *token = (SrcToken){.kind = SRC_TOKEN_BYTES, .bytes = channel->input + at, .length = length};
        return true;
    }
    if (src_parse_next(channel->parse, channel->input + at, length, token) == 1) {
        return true;
    }
    if (flush) {
        src_parse_flush(channel->parse, channel->input + at, length, token);
    }
    return flush;
}

/* Everything that was read, but for an incomplete record, goes into frames.  false: cancelled. */
static bool consume(SrcChannel *channel, bool flush)
{
    size_t at = 0;
    SrcToken token;

    while (next_token(channel, at, flush, &token)) {
        size_t length = token.length;

        if (channel->is_parsed) {
            note_pass(channel);
        }
        if (!add_token(channel, token)) {
            return false;
        }
        at += length;
        if (channel->is_parsed) {
            note_state(channel, channel->stream_bytes - channel->input_length + at);
        }
    }
    memmove(channel->input, channel->input + at, channel->input_length - at);
    channel->input_length -= at;
    return true;
}

/* Reads what is there: its length, 0 when QEMU has closed, -EAGAIN. */
static ssize_t read_some(SrcChannel *channel)
{
    size_t most = channel->frame_raw_bytes_max < SRC_READ_BYTES_MAX ? channel->frame_raw_bytes_max : SRC_READ_BYTES_MAX;
    ssize_t got = recv(channel->qemu_fd, channel->input + channel->input_length, most, MSG_DONTWAIT);

    if (got < 0) {
        return errno == EINTR ? -EAGAIN : errno == ECONNRESET ? 0 : -errno;
    }
    if (got > 0) {
        channel->input_length += (size_t)got;
        channel->input_ns = relay_now_ns();
        pthread_mutex_lock(&channel->lock);
        channel->stream_bytes += (uint64_t)got;
        channel->progress_ns = channel->input_ns;
        pthread_mutex_unlock(&channel->lock);
    }
    return got;
}

/* Until QEMU says something, the time is over, or there is a PONG to send. */
static void wait_for_qemu(SrcChannel *channel, uint64_t wait_ns)
{
    struct pollfd poll_fds[2] = {{.fd = channel->qemu_fd, .events = POLLIN}, {.fd = channel->poke_fd, .events = POLLIN}};
    struct timespec timeout = {.tv_sec = (time_t)(wait_ns / 1000000000u), .tv_nsec = (long)(wait_ns % 1000000000u)};
    eventfd_t poked;
    uint64_t began_ns = relay_now_ns();

    if (ppoll(poll_fds, 2, &timeout, NULL) > 0 && poll_fds[1].revents) {
        eventfd_read(channel->poke_fd, &poked);
    }
    uint64_t took_ns = relay_now_ns() - began_ns;

    channel->waited_ns += took_ns >= WAITED_NS_MIN ? took_ns : 0;
}

/* QEMU says nothing now: what is held back goes when it must.  false: cancelled. */
static bool pause_of_qemu(SrcChannel *channel)
{
    uint64_t quiet_ns = relay_now_ns() - channel->input_ns;
    bool is_quiet = quiet_ns >= QUIET_NS;

    pthread_mutex_lock(&channel->lock);
    bool idle = src_queue_is_idle(&channel->queue);
    pthread_mutex_unlock(&channel->lock);
    if (channel->input_length > 0 && is_quiet && !consume(channel, true)) {
        return false;
    }
    if (channel->frame && channel->frame_stream_bytes > 0) {
        if (is_quiet || idle || channel->is_urgent) {
            return finish_frame(channel);
        }
    } else if (channel->input_length == 0) {
        wait_for_qemu(channel, WAIT_NS);
        return true;
    }
    wait_for_qemu(channel, is_quiet ? QUIET_NS : QUIET_NS - quiet_ns);
    return true;
}

/* QEMU has closed: all that it said goes, then END; then only answers are sent. */
static void drain(SrcChannel *channel)
{
    if (!consume(channel, true) || !finish_frame(channel) || !submit_control(channel, WIRE_END, 0)) {
        return;
    }
    for (bool cancelled = false; !cancelled && controls(channel);) {
        pthread_mutex_lock(&channel->lock);
        if (!channel->cancelled && !channel->pong_wanted) {
            relay_cond_wait_until(&channel->changed, &channel->lock, relay_now_ns() + WAIT_NS);
        }
        cancelled = channel->cancelled;
        pthread_mutex_unlock(&channel->lock);
    }
}

/* One round.  false: it was the last one. */
static bool step(SrcChannel *channel)
{
    if (!channel->frame ? !(wait_for_room(channel) && begin_frame(channel)) : !controls(channel)) {
        return false;
    }
    ssize_t got = read_some(channel);

    if (got > 0) {
        return consume(channel, false);
    }
    if (got == -EAGAIN) {
        return pause_of_qemu(channel);
    }
    if (got < 0) {
        relay_fail(channel->relay, WIRE_REASON_QEMU_CLOSED, true, "reading from QEMU at the source: %s", strerror((int)-got));
        return false;
    }
    drain(channel);
    return false;
}

/* Others of the gang may refer to what arrived after the last frame was begun, too. */
static void take_last_credit(SrcChannel *channel)
{
    pthread_mutex_lock(&channel->lock);
    uint64_t credited = channel->credited_sequence;
    pthread_mutex_unlock(&channel->lock);
    if (channel->is_parsed) {
        src_encode_credit(channel->encode, credited);
    }
}

void *src_read_main(void *argument)
{
    SrcChannel *channel = argument;

    if (src_channel_open(channel)) {
        channel->pass_begin_ns = channel->input_ns = relay_now_ns();
        while (step(channel)) {
        }
        take_last_credit(channel);
    }
    if (channel->frame) {
        frame_stack_give(channel->frames, channel->frame);
    }
    src_channel_leave(channel);
    return NULL;
}
