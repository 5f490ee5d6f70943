/* SPDX-License-Identifier: Apache-2.0
 *
 * A relay: its main thread and its end; see relay.h, and relay-make.c for its making.
 *
 * Theory of operation
 *
 * The main thread accepts connections (at the source QEMU's, at the destination the other relay's), makes a channel of each, and looks at them
 * every 50 ms or sooner (relay-watch.c).  Everything that carries bytes is done by the channels' own threads, which take no memory and no lock of another channel.
 *
 * One failure ends everything.  relay_fail remembers the first reason, closes QEMU's connections both ways at once and wakes all who wait; the
 * main thread gives the threads a moment to say ABORT, then cuts the links, joins the threads and frees.  The order matters: QEMU's
 * connection is never open while the other end is gone, because a guest that stands still at its switchover would stand still for as
 * long.
 *
 * A migration is complete when on every channel both QEMUs have closed and the destination has written all that was sent; and when the destination's
 * QEMU said, on the return path, that it has loaded all.  Anything else is a failure, whatever QEMU makes of it. */
#include "wire/relay-private.h"

#include "wire/dst-channel.h"
#include "wire/relay-net.h"
#include "wire/relay-watch.h"
#include "wire/src-channel.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FINISH_NS UINT64_C(2000000000) /* for the other relay to say that it is done, too */

/* ---- what the channels use ---- */

void relay_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attributes);
    pthread_condattr_destroy(&attributes);
}

bool relay_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u), .tv_nsec = (long)(until_ns % 1000000000u)};

    return pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT;
}

void relay_wake(Relay *relay)
{
    eventfd_write(relay->wake_fd, 1);
}

static void each_channel(Relay *relay, void (*src)(SrcChannel *), void (*dst)(DstChannel *))
{
    for (unsigned i = 0; i < relay->channels; i++) {
        if (relay->src[i]) {
            src(relay->src[i]);
        }
        if (relay->dst[i]) {
            dst(relay->dst[i]);
        }
    }
}

/* What this moment means for the guest. */
static void add_no_return(Relay *relay)
{
    size_t length = strlen(relay->why);

    snprintf(relay->why + length, sizeof(relay->why) - length, "%s",
             "; the destination has not said that it has loaded the device state of the post-copy: if it has, the migration can be "
             "recovered; if not, QEMU 10.2 and later lets the guest run on at the source, an older one lets it run nowhere");
}

void relay_fail(Relay *relay, WireReason reason, bool tell_peer, const char *format, ...)
{
    va_list arguments;

    pthread_mutex_lock(&relay->lock);
    if (!relay->failed && relay->state < RELAY_DONE) {
        relay->failed = true;
        relay->failed_reason = reason;
        relay->tell_peer = tell_peer;
        va_start(arguments, format);
        vsnprintf(relay->why, sizeof(relay->why), format, arguments);
        va_end(arguments);
        if (relay->state == RELAY_POSTCOPY_DEVICE) {
            add_no_return(relay);
        }
        each_channel(relay, src_channel_close_qemu, dst_channel_close_qemu);
        pthread_cond_broadcast(&relay->changed);
    }
    pthread_mutex_unlock(&relay->lock);
    relay_advance(relay, RELAY_ABORTED);
    relay_wake(relay);
}

bool relay_has_failed(Relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    bool failed = relay->failed;
    pthread_mutex_unlock(&relay->lock);
    return failed;
}

bool relay_goodbye(Relay *relay, WireReason *reason, char sentence[RELAY_MESSAGE_BYTES])
{
    pthread_mutex_lock(&relay->lock);
    bool tell = relay->failed && relay->tell_peer;

    *reason = relay->failed_reason;
    memcpy(sentence, relay->why, RELAY_MESSAGE_BYTES);
    pthread_mutex_unlock(&relay->lock);
    return tell;
}

RelayState relay_state_now(Relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    RelayState state = relay->state;
    pthread_mutex_unlock(&relay->lock);
    return state;
}

void relay_advance(Relay *relay, RelayState state)
{
    pthread_mutex_lock(&relay->lock);
    if (state > relay->state && !(state == RELAY_ABORTED && relay->state == RELAY_DONE) &&
        (state == RELAY_ABORTED || !relay->failed)) {
        uint64_t now = relay_now_ns();
        RelayEvent event;

        relay->state = state;
        relay->state_ns[state] = now;
        relay_event_begin(&event, "state");
        relay_event_string(&event, "state", relay_state_name(state));
        relay_event_real(&event, "elapsed_ms", (double)(now - relay->started_ns) / 1e6);
        relay_events_send(&relay->events, &event);
    }
    pthread_mutex_unlock(&relay->lock);
}

void relay_saw_return(Relay *relay, const uint8_t *bytes, size_t length)
{
    pthread_mutex_lock(&relay->lock);
    return_watch(&relay->return_watch, bytes, length);
    bool is_early = relay->state < RELAY_POSTCOPY;
    bool may_load = is_early && relay->return_watch.may_load;
    bool has_loaded = is_early && relay->return_watch.has_loaded;
    pthread_mutex_unlock(&relay->lock);
    if (may_load) {
        relay_advance(relay, RELAY_POSTCOPY_DEVICE);
    }
    if (has_loaded) {
        relay_advance(relay, RELAY_POSTCOPY);
    }
}

void relay_heard_abort(Relay *relay, const uint8_t *payload, size_t length)
{
    char sentence[WIRE_REASON_BYTES_MAX + 1];
    WireReason reason = wire_abort_read(payload, length, sentence);

    relay_fail(relay, reason, false, "the other relay gave up: %.400s", sentence);
}

/* ---- commands ---- */

void relay_set_pace(Relay *relay, uint64_t bytes_per_s)
{
    pthread_mutex_lock(&relay->lock);
    src_pace_set(&relay->pace, bytes_per_s);
    for (unsigned i = 0; i < relay->channels; i++) {
        if (relay->src[i]) {
            src_channel_repace(relay->src[i]);
        }
    }
    pthread_mutex_unlock(&relay->lock);
}

void relay_set_downtime_limit(Relay *relay, double seconds)
{
    pthread_mutex_lock(&relay->lock);
    relay->downtime_limit_s = seconds;
    pthread_mutex_unlock(&relay->lock);
}

void relay_abort(Relay *relay, const char *why)
{
    relay_fail(relay, WIRE_REASON_ASKED, true, "%s", why);
}

void relay_ask_status(Relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->status_wanted = true;
    pthread_mutex_unlock(&relay->lock);
    relay_wake(relay);
}

void relay_commands_closed(Relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    relay->commands_closed = true;
    pthread_mutex_unlock(&relay->lock);
    relay_wake(relay);
}

const char *relay_reason(const Relay *relay)
{
    return relay->why;
}

uint16_t relay_port(const Relay *relay)
{
    return relay->port;
}

/* ---- the main thread ---- */

static void tell_ready(Relay *relay)
{
    RelayEvent event;

    relay_event_begin(&event, "ready");
    relay_event_string(&event, "side", relay->config->side == RELAY_SOURCE ? "source" : "destination");
    if (relay->config->vm[0]) {
        relay_event_string(&event, "vm", relay->config->vm);
    }
    if (relay->config->side == RELAY_DESTINATION) {
        relay_event_number(&event, "port", relay->port);
        relay_events_say(&relay->events, true, "listening on port %u", relay->port);
    } else {
        relay_event_string(&event, "socket", relay->config->socket_path);
        relay_events_say(&relay->events, true, "waiting for QEMU on %s", relay->config->socket_path);
    }
    relay_events_send(&relay->events, &event);
}

static void accept_qemu(Relay *relay)
{
    int fd = relay_accept_unix(relay->listen_fd, relay->config->socket_owner);
    SrcChannel *channel = NULL;

    if (fd < 0) {
        return;
    }
    if (relay->channels == WIRE_CHANNELS_MAX) {
        close(fd);
        relay_fail(relay, WIRE_REASON_PROTOCOL, true, "QEMU opens more than %d connections", WIRE_CHANNELS_MAX);
        return;
    }
    int status = src_channel_new(&channel, relay, relay->channels, fd);

    if (status != 0) {
        relay_fail(relay, WIRE_REASON_MEMORY, true, "taking a connection of QEMU: %s", strerror(-status));
        return;
    }
    pthread_mutex_lock(&relay->lock);
    relay->src[relay->channels++] = channel;
    bool failed = relay->failed;
    pthread_mutex_unlock(&relay->lock);
    if (failed) {
        src_channel_close_qemu(channel);
    }
}

/* Connections that turned out to be nobody's make room. */
static void forget_strangers(Relay *relay)
{
    unsigned kept = 0;
    DstChannel *strangers[WIRE_CHANNELS_MAX * 2];
    unsigned strangers_length = 0;

    pthread_mutex_lock(&relay->lock);
    for (unsigned i = 0; i < relay->channels; i++) {
        DstChannelView view;

        dst_channel_view(relay->dst[i], &view);
        if (view.is_over && !view.is_known) {
            strangers[strangers_length++] = relay->dst[i];
        } else {
            relay->dst[kept++] = relay->dst[i];
        }
    }
    for (unsigned i = kept; i < relay->channels; i++) {
        relay->dst[i] = NULL;
    }
    relay->channels = kept;
    pthread_mutex_unlock(&relay->lock);
    for (unsigned i = 0; i < strangers_length; i++) {
        dst_channel_free(strangers[i]);
    }
}

static void accept_relay(Relay *relay)
{
    int fd = relay_accept_tcp(relay->listen_fd);
    DstChannel *channel = NULL;

    if (fd < 0) {
        return;
    }
    forget_strangers(relay);
    if (relay->channels == WIRE_CHANNELS_MAX * 2 || dst_channel_new(&channel, relay, fd) != 0) {
        if (!channel) {
            close(relay->channels == WIRE_CHANNELS_MAX * 2 ? fd : -1);
        }
        return;
    }
    pthread_mutex_lock(&relay->lock);
    relay->dst[relay->channels++] = channel;
    bool failed = relay->failed;
    pthread_mutex_unlock(&relay->lock);
    if (failed) {
        dst_channel_close_qemu(channel);
    }
}

/* Until a tick is over or something happened. */
static void wait_and_accept(Relay *relay)
{
    struct pollfd poll_fds[2] = {{.fd = relay->listen_fd, .events = POLLIN}, {.fd = relay->wake_fd, .events = POLLIN}};
    eventfd_t woken;

    if (poll(poll_fds, 2, (int)(relay_watch_tick_ns(relay->watch) / 1000000u)) <= 0) {
        return;
    }
    if (poll_fds[1].revents) {
        eventfd_read(relay->wake_fd, &woken);
    }
    if (poll_fds[0].revents) {
        if (relay->config->side == RELAY_SOURCE) {
            accept_qemu(relay);
        } else {
            accept_relay(relay);
        }
    }
}

/* Before the first connection. */
static void check_waiting(Relay *relay)
{
    pthread_mutex_lock(&relay->lock);
    bool closed = relay->commands_closed;
    pthread_mutex_unlock(&relay->lock);
    if (relay_watch_is_connected(relay->watch)) {
        return;
    }
    if (closed) {
        relay_fail(relay, WIRE_REASON_ASKED, true, "whoever started this relay has gone before the migration began");
    } else if ((double)(relay_now_ns() - relay->started_ns) / 1e9 > relay->config->accept_timeout_s) {
        relay_fail(relay, WIRE_REASON_QEMU_CLOSED, true, "%s did not connect within %.0f s",
                   relay->config->side == RELAY_SOURCE ? "QEMU" : "the other relay", relay->config->accept_timeout_s);
    }
}

/* Threads may still say goodbye ('is_over': or wait for the other relay's); then the links are cut, and the threads end. */
static void end_channels(Relay *relay, bool (*is_over)(const RelayWatch *), uint64_t within_ns)
{
    uint64_t until_ns = relay_now_ns() + within_ns;

    relay_watch_look(relay->watch);
    while (!is_over(relay->watch) && relay_now_ns() < until_ns) {
        struct pollfd poll_fd = {.fd = relay->wake_fd, .events = POLLIN};
        eventfd_t woken;

        if (poll(&poll_fd, 1, 10) > 0) {
            eventfd_read(relay->wake_fd, &woken);
        }
        relay_watch_look(relay->watch);
    }
    each_channel(relay, src_channel_cut, dst_channel_cut);
    for (unsigned i = 0; i < relay->channels; i++) {
        src_channel_free(relay->src[i]);
        dst_channel_free(relay->dst[i]);
        relay->src[i] = NULL;
        relay->dst[i] = NULL;
    }
    relay->channels = 0;
}

/* All bytes were delivered both ways; whether that was a migration is said by QEMU at the destination. */
static void judge(Relay *relay)
{
    static const char *const last_words = "QEMU closed its connections before the migration was complete";
    ReturnWatch *watch = &relay->return_watch;

    if (watch->has_shut && watch->shut == 0) {
        return;
    }
    relay->failed = true;
    relay->failed_reason = WIRE_REASON_QEMU_CLOSED;
    if (watch->has_shut) {
        snprintf(relay->why, sizeof(relay->why), "QEMU at the destination could not load the migration (it said %u)", watch->shut);
    } else {
        snprintf(relay->why, sizeof(relay->why), "%s", last_words);
    }
}

int relay_run(Relay *relay)
{
    tell_ready(relay);
    while (!relay_has_failed(relay) && !relay_watch_is_complete(relay->watch)) {
        wait_and_accept(relay);
        relay_watch_look(relay->watch);
        check_waiting(relay);
    }
    if (relay_has_failed(relay)) {
        end_channels(relay, relay_watch_is_quiet, RELAY_GOODBYE_MS * UINT64_C(1000000));
    } else {
        relay_advance(relay, RELAY_DONE);
        each_channel(relay, src_channel_finish, dst_channel_finish);
        end_channels(relay, relay_watch_is_over, FINISH_NS);
        judge(relay);
    }
    relay_watch_tell_end(relay->watch,
                         !relay->failed                                  ? "completed"
                         : relay->failed_reason == WIRE_REASON_ASKED ? "aborted"
                                                                       : "failed",
                         relay->why);
    return relay->failed ? -ECANCELED : 0;
}
