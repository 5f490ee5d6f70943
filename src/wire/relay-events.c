/* SPDX-License-Identifier: Apache-2.0
 *
 * Lines of JSON without taking memory; see relay-events.h. */
#include "wire/relay-events.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TAIL_BYTES 32 /* kept for the braces, the count of dropped lines and the newline */

static void put(RelayEvent *event, const char *bytes, size_t length)
{
    if (event->length + length > sizeof(event->text) - TAIL_BYTES) {
        event->too_long = true;
        return;
    }
    memcpy(event->text + event->length, bytes, length);
    event->length += length;
}

/* A string as JSON has it; bytes of UTF-8 go through, control characters do not. */
static void put_string(RelayEvent *event, const char *text)
{
    put(event, "\"", 1);
    for (const char *at = text; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        char escaped[8];

        if (byte == '"' || byte == '\\') {
            escaped[0] = '\\';
            escaped[1] = (char)byte;
            put(event, escaped, 2);
        } else if (byte < 0x20 || byte == 0x7f) {
            put(event, escaped, (size_t)snprintf(escaped, sizeof(escaped), "\\u%04x", byte));
        } else {
            put(event, at, 1);
        }
    }
    put(event, "\"", 1);
}

/* A member goes in whole or not at all, so that what is sent is always JSON. */
static void member_text(RelayEvent *event, const char *member, const char *value, bool is_string)
{
    size_t before = event->length;

    event->too_long = false;
    if (event->text[event->length - 1] != '{') {
        put(event, ",", 1);
    }
    put_string(event, member);
    put(event, ":", 1);
    if (is_string) {
        put_string(event, value);
    } else {
        put(event, value, strlen(value));
    }
    if (event->too_long) {
        event->length = before;
    }
}

void relay_event_begin(RelayEvent *event, const char *name)
{
    event->length = 0;
    event->too_long = false;
    put(event, "{", 1);
    relay_event_string(event, "event", name);
}

void relay_event_string(RelayEvent *event, const char *member, const char *text)
{
    member_text(event, member, text, true);
}

void relay_event_number(RelayEvent *event, const char *member, uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    member_text(event, member, text, false);
}

void relay_event_real(RelayEvent *event, const char *member, double real)
{
    char text[40] = "null";

    if (isfinite(real)) {
        snprintf(text, sizeof(text), "%.6g", real);
    }
    member_text(event, member, text, false);
}

void relay_event_bool(RelayEvent *event, const char *member, bool is_true)
{
    member_text(event, member, is_true ? "true" : "false", false);
}

void relay_event_open(RelayEvent *event, const char *member)
{
    member_text(event, member, "{", false);
}

void relay_event_close(RelayEvent *event)
{
    put(event, "}", 1);
}

void relay_events_init(RelayEvents *events, int fd, bool for_people)
{
    pthread_mutex_init(&events->lock, NULL);
    events->fd = fd;
    events->for_people = for_people;
    events->line_is_open = false;
    events->dropped = 0;
}

void relay_events_clear(RelayEvents *events)
{
    pthread_mutex_destroy(&events->lock);
}

bool relay_events_for_people(const RelayEvents *events)
{
    return events->for_people;
}

/* Whole or not at all, without waiting: poll says that a pipe has room for PIPE_BUF bytes. */
static bool write_line(RelayEvents *events, const char *text, size_t length)
{
    struct pollfd poll_fd = {.fd = events->fd, .events = POLLOUT};

    if (events->fd < 0 || poll(&poll_fd, 1, 0) != 1 || !(poll_fd.revents & POLLOUT)) {
        return false;
    }
    ssize_t wrote = 0;

    do {
        wrote = write(events->fd, text, length);
    } while (wrote < 0 && errno == EINTR);
    if (wrote < 0 && errno == EPIPE) {
        events->fd = -1;
    }
    return wrote == (ssize_t)length;
}

void relay_events_send(RelayEvents *events, RelayEvent *event)
{
    if (events->for_people) {
        return;
    }
    pthread_mutex_lock(&events->lock);
    if (events->dropped > 0) {
        relay_event_number(event, "dropped", events->dropped);
    }
    memcpy(event->text + event->length, "}\n", 2);
    if (write_line(events, event->text, event->length + 2)) {
        events->dropped = 0;
    } else {
        events->dropped++;
    }
    pthread_mutex_unlock(&events->lock);
}

void relay_events_say(RelayEvents *events, bool stays, const char *format, ...)
{
    char text[RELAY_PEOPLE_BYTES_MAX + 16];
    char line[RELAY_PEOPLE_BYTES_MAX];
    va_list arguments;

    if (!events->for_people) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    pthread_mutex_lock(&events->lock);
    int length = snprintf(text, sizeof(text), "%s%s%s", events->line_is_open ? "\r\033[K" : "", line, stays ? "\n" : "");

    events->line_is_open = !stays;
    write_line(events, text, (size_t)length);
    pthread_mutex_unlock(&events->lock);
}
