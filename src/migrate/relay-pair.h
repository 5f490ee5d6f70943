/* SPDX-License-Identifier: Apache-2.0
 *
 * RelayPair: the relays that carry one migration, one on each host.  RelayProvider: the table through which the gang
 * has them started and steered.
 *
 *     source QEMU -> unix socket -> relay (source) == one encrypted TCP connection == relay (destination) -> unix socket -> destination QEMU
 *
 * The gang asks for a pair before it starts the migration, and gives the driver the path of the sockets when the pair is
 * ready.  Without a pair (none is wanted, or it cannot be started) the migration takes the plain path; so a pair is a
 * gain that may be absent, never a condition.
 *
 *     RELAY_EVENT_READY              both relays listen; then the driver may start
 *     RELAY_EVENT_STATUS             figures, several times a second
 *     RELAY_EVENT_CANNOT_CONVERGE    the relay's arithmetic says that no pre-copy can keep the downtime limit
 *     RELAY_EVENT_UNWATCHED          an agent ended: the migration goes on, nothing more is heard of that end
 *     RELAY_EVENT_ENDED              the last one; before READY with an error: it could not be started
 *
 * Providers: over the agents of both hosts (campaign/relay-agent.h), and relay-null.h.  Every call returns at once;
 * events come later on the main loop, never from inside a call.  Main loop only. */
#pragma once

#include "base/clock.h"
#include "model/outcome.h"

typedef struct RelayPair RelayPair;
typedef struct RelayProvider RelayProvider;

/* Only read during the call, but for 'step' and 'options', which live as long as the pair. */
typedef struct RelayRequest {
    const PlanStep *step;
    const MigrateOptions *options;
    guint64 rate_bytes_per_s; /* its share of the link now; 0: no limit */
    guint64 link_bytes_per_s; /* what the link carries; 0: unknown */
    gboolean may_postcopy;
} RelayRequest;

typedef enum RelayEventKind {
    RELAY_EVENT_READY,
    RELAY_EVENT_STATUS,
    RELAY_EVENT_CANNOT_CONVERGE,
    RELAY_EVENT_UNWATCHED,
    RELAY_EVENT_ENDED,
} RelayEventKind;

typedef struct RelayEvent {
    RelayEventKind kind;
    const char *socket_path;     /* READY: the same on both hosts; listened on at the source, QEMU listens at the destination */
    const RelayFigures *figures; /* STATUS and ENDED; NULL: nothing new */
    const char *reason;          /* CANNOT_CONVERGE: a sentence with the numbers */
    const GError *error;         /* UNWATCHED; ENDED: NULL when all that QEMU said was delivered */
    Fault fault; /* ENDED with an error: FAULT_RELAY, a relay broke; FAULT_NOT_CONVERGED, it ended a switchover that was
                  * going to break the downtime limit; FAULT_UNKNOWN, QEMU or we ended it, or it never began */
} RelayEvent;

typedef void (*RelayEventFunc)(const RelayEvent *event, gpointer user);

struct RelayProvider {
    const char *name;

    /* READY or ENDED follows within a bounded time.  The pair is valid until ENDED or forget. */
    RelayPair *(*start)(RelayProvider *provider, const RelayRequest *request, RelayEventFunc func, gpointer user);

    /* Orders are given once and not answered; what the relay makes of them is seen in its figures. */
    void (*set_rate)(RelayPair *pair, guint64 bytes_per_s); /* 0: no limit */
    void (*set_downtime_limit)(RelayPair *pair, gint64 limit_ns);

    /* No event comes any more.  Relays that no QEMU has connected to are ended; the others end with their QEMUs. */
    void (*forget)(RelayPair *pair);

    /* Called once, after all pairs were forgotten or have ended. */
    void (*close)(RelayProvider *provider);
};
