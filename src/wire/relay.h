/* SPDX-License-Identifier: Apache-2.0
 *
 * Relay: one end of the pair that carries one migration; what `godwit relay` runs.
 *
 *     source QEMU -> unix socket -> RELAY_SOURCE ==TLS, frames==> RELAY_DESTINATION -> unix socket -> destination QEMU
 *
 *     relay_new(&relay, &config, message);     sockets are open: relay_port
 *     ... a thread that reads commands and calls relay_set_pace, relay_abort ...
 *     status = relay_run(relay);               until the migration is over
 *     relay_free(relay);
 *
 * theory of operation: relay.c (states, threads), src-channel.c and dst-channel.c (one connection each), src-queue.c (what may be on the way). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/codec.h"
#include "wire/governor.h"
#include "wire/src-encode.h"

typedef enum RelaySide { RELAY_SOURCE, RELAY_DESTINATION } RelaySide;

/* The machine's states, in order; stepping backwards is an error.  One list makes the names that are in the status lines. */
#define RELAY_STATES(X)                                                                                                \
    X(RELAY_WAITING, "waiting")       /* for QEMU (source) or the other relay (destination) */                         \
    X(RELAY_HELLO, "hello")           /* relays agree */                                                               \
    X(RELAY_SETUP, "setup")           /* QEMU's header and tables */                                                   \
    X(RELAY_LIVE, "live")             /* passes over memory; the guest runs at the source */                           \
    X(RELAY_SWITCHOVER, "switchover") /* the guest stands still: rest of memory */                                     \
    X(RELAY_DEVICE, "device")         /* device state; verbatim */                                                     \
    X(RELAY_POSTCOPY_DEVICE, "postcopy-device") /* the same of a post-copy: after it there is no way back */           \
    X(RELAY_POSTCOPY, "postcopy")     /* the guest runs at the destination, pages follow */                            \
    X(RELAY_DRAIN, "drain")           /* QEMU has said all; what is queued is delivered */                             \
    X(RELAY_DONE, "done")             /* both QEMUs closed after all was delivered */                                  \
    X(RELAY_ABORTED, "aborted")       /* closed both ways at once */

#define RELAY_STATE_MEMBER(member, name) member,
typedef enum RelayState { RELAY_STATES(RELAY_STATE_MEMBER) RELAY_STATES_LENGTH } RelayState;
const char *relay_state_name(RelayState state);

#define RELAY_MESSAGE_BYTES 512

/* A relay that may keep less than this and a bit for each page of the guest does not start. */
#define RELAY_MEMORY_BYTES_LEAST (UINT64_C(1) << 20)

typedef struct RelayConfig {
    RelaySide side;
    const char *socket_path;       /* source: listened on, 0600; destination: connected to */
    const char *socket_owner;      /* user who may connect; NULL: ours */
    const char *address;           /* HOST:PORT; source: of the other relay; destination: to listen on, port 0: any */
    const char *gang_directory;    /* NULL: nothing is shared across VMs */
    const char *vm;                /* for messages */
    uint8_t key[WIRE_PSK_BYTES];
    SrcParseConfig parse;
    SrcEncodeConfig encode;        /* source; ram_bytes, page_bytes and memory_bytes_max count at both ends */
    const CodecLevel *codec;       /* NULL: picked */
    unsigned threads;              /* of the codec; 0: none beside those that each channel has */
    uint64_t rate_bytes_per_s;     /* the wire is paced at this; 0: not */
    GovernorConfig governor;
    bool abort_on_overrun;         /* close QEMU's socket when the pause is going to break the limit */
    double watchdog_s;             /* without progress after the switchover began, beyond the downtime limit */
    double accept_timeout_s;       /* for QEMU and the other relay to come */
    int events_fd;                 /* JSON lines; -1: none */
    bool for_people;               /* instead: one line that is drawn again and again */
} RelayConfig;

/* Everything that has a sensible value gets it. */
void relay_config_init(RelayConfig *config, RelaySide side);

typedef struct Relay Relay;

/* Opens the socket that is listened on.  'config' and what it points to must live as long as the relay.  0, or a negative
 * errno with a sentence in 'message'. */
int relay_new(Relay **relay, const RelayConfig *config, char message[RELAY_MESSAGE_BYTES]);

/* NULL is fine.  After relay_run has returned. */
void relay_free(Relay *relay);

/* Runs until the migration is over; the last event says how it went.  0: completed; a negative errno: aborted or failed. */
int relay_run(Relay *relay);

/* The sentence of a relay that did not complete; "" otherwise.  After relay_run. */
const char *relay_reason(const Relay *relay);

/* The TCP port that the destination listens on. */
uint16_t relay_port(const Relay *relay);

/* From any thread, at any time. */
void relay_set_pace(Relay *relay, uint64_t bytes_per_s);
void relay_set_downtime_limit(Relay *relay, double seconds);
void relay_abort(Relay *relay, const char *why);
void relay_ask_status(Relay *relay);

/* Nobody gives commands any more: a relay that has no connection yet ends. */
void relay_commands_closed(Relay *relay);
