/* SPDX-License-Identifier: Apache-2.0
 *
 * RelayEvents: what a relay tells whoever started it: JSON objects, one per line, or one line that is drawn again and again for people.
 *
 *     RelayEvent event;
 *     relay_event_begin(&event, "connected");
 *     relay_event_number(&event, "channel", 3);
 *     relay_events_send(events, &event);
 *
 * An event is built in memory of a bounded size, without taking any, and sent whole.  Sending never waits: a reader that does not read must not
 * hold up a migration, so a line for which the pipe has no room is dropped, and the next one that is sent says how many were.  A line
 * is at most RELAY_EVENT_BYTES_MAX (PIPE_BUF on Linux) long, so lines of several threads never mix.  docs/schema/relay.json describes them. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_EVENT_BYTES_MAX 4096
#define RELAY_PEOPLE_BYTES_MAX 200

typedef struct RelayEvent {
    char text[RELAY_EVENT_BYTES_MAX];
    size_t length;
    bool too_long; /* a member did not fit: it was left out */
} RelayEvent;

void relay_event_begin(RelayEvent *event, const char *name);
void relay_event_string(RelayEvent *event, const char *member, const char *text);
void relay_event_number(RelayEvent *event, const char *member, uint64_t number);
void relay_event_real(RelayEvent *event, const char *member, double real); /* NAN and infinities become null */
void relay_event_bool(RelayEvent *event, const char *member, bool is_true);
/* Members until relay_event_close are those of an object called 'member'. */
void relay_event_open(RelayEvent *event, const char *member);
void relay_event_close(RelayEvent *event);

typedef struct RelayEvents {
    pthread_mutex_t lock;
    int fd; /* -1: nobody listens */
    bool for_people;
    bool line_is_open; /* for people: the cursor stands in a line that is drawn again */
    unsigned dropped;
} RelayEvents;

/* 'fd' stays the caller's. */
void relay_events_init(RelayEvents *events, int fd, bool for_people);
void relay_events_clear(RelayEvents *events);

/* Ends the object and sends it.  Any thread. */
void relay_events_send(RelayEvents *events, RelayEvent *event);

/* Whether lines for people are wanted, and one of them: drawn over the last one; 'stays': the next begins below it. */
bool relay_events_for_people(const RelayEvents *events);
void relay_events_say(RelayEvents *events, bool stays, const char *format, ...) __attribute__((format(printf, 3, 4)));
