/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of a relay share: the relay as its channels see it.
 *
 * Locks: relay->lock may be held while a channel's lock is taken, never the other way round; events have their own below both. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "wire/gang-store.h"
#include "wire/relay-events.h"
#include "wire/relay-return.h"
#include "wire/relay.h"
#include "wire/src-pace.h"
#include "wire/wire-memory.h"

#define RELAY_FRAMES             256u /* of one channel; more than SRC_QUEUE_FRAMES_MAX and a few control frames */
#define RELAY_HANDSHAKE_MS       10000
#define RELAY_STREAM_WINDOW      (256u * 1024 * 1024)  /* granted by the destination; it keeps frames, not stream */
#define RELAY_GOODBYE_MS         300                   /* for ABORT to go out, before links are cut */

typedef struct SrcChannel SrcChannel;
typedef struct DstChannel DstChannel;
typedef struct RelayWatch RelayWatch;

struct Relay {
    const RelayConfig *config;
    RelayEvents events;
    GangStore *gang; /* NULL: nothing is shared across VMs */
    WireMemory *memory;
    int listen_fd;
    uint16_t port;
    int wake_fd; /* eventfd: the main thread has something to look at */
    uint64_t started_ns;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    RelayState state;
    uint64_t state_ns[RELAY_STATES_LENGTH]; /* when it was entered; 0: not */
    bool failed;
    bool tell_peer; /* the failure is not known at the other end */
    WireReason failed_reason;
    char why[RELAY_MESSAGE_BYTES];
    uint8_t session[WIRE_SESSION_BYTES];
    bool has_session;
    uint64_t channels_seen; /* destination: one bit for each; WIRE_CHANNELS_MAX of them */
    unsigned channels;
    SrcChannel *src[WIRE_CHANNELS_MAX];
    DstChannel *dst[WIRE_CHANNELS_MAX * 2]; /* in the order in which they came; strangers among them */
    unsigned next_channel;                  /* destination: the one whose turn it is to connect to QEMU */
    bool commands_closed, status_wanted;
    double downtime_limit_s;
    ReturnWatch return_watch; /* of channel 0 */
    SrcPace pace;
    RelayWatch *watch;        /* the main thread's */
};

/* The migration cannot go on: every QEMU connection is closed both ways at once, everyone who waits is woken.  The first one counts.  No channel's
 * lock may be held.  'tell_peer': ABORT with this reason goes to the other relay. */
void relay_fail(Relay *relay, WireReason reason, bool tell_peer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
bool relay_has_failed(Relay *relay);
/* The reason and sentence for the other relay; false: it need not be told. */
bool relay_goodbye(Relay *relay, WireReason *reason, char sentence[RELAY_MESSAGE_BYTES]);

/* Forwards only; told at once. */
void relay_advance(Relay *relay, RelayState state);
RelayState relay_state_now(Relay *relay);

/* The channel is open to both ends.  'page_memory': what was agreed on for channel 0 (full, hash, none); NULL for others.  'is_ours': where there is
 * none it is this end that has too little memory. */
void relay_tell_connected(Relay *relay, unsigned channel, const char *page_memory, bool is_ours);

/* The main thread should look. */
void relay_wake(Relay *relay);

/* What QEMU at the destination says goes through here, at both ends. */
void relay_saw_return(Relay *relay, const uint8_t *bytes, size_t length);

/* A condition variable whose waits are by the clock of relay_now_ns. */
void relay_cond_init(pthread_cond_t *cond);
/* false: the time is over. */
bool relay_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t until_ns);

/* ABORT came from the other relay. */
void relay_heard_abort(Relay *relay, const uint8_t *payload, size_t length);
