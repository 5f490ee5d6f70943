/* SPDX-License-Identifier: Apache-2.0
 *
 * The null provider of RelayProvider: pairs that carry nothing, in Clock time, and do what a script says.  For tests of
 * what the gang makes of a relay's word; pairs well with driver-null.h.
 *
 *     RelayProvider *relays = relay_null_new(clock);
 *     relay_null_script(relays, &(NullRelayScript){.cannot_converge_ns = 3 * NS_PER_S, .reason = "..."}); */
#pragma once

#include "migrate/relay-pair.h"

/* Times are counted from READY; 0: never. */
typedef struct NullRelayScript {
    const char *refusal;       /* no pair is started; borrowed */
    gint64 live_ns;            /* its state is "hello" until then */
    gint64 cannot_converge_ns;
    const char *reason;        /* borrowed */
    gint64 unwatched_ns;
    gint64 breaks_ns;
    gint64 gives_up_ns;        /* to keep the downtime limit */
    gint64 completes_ns;
    double switchover_bytes_per_s; /* 0: not told */
    double wire_share;             /* of what it takes from QEMU, at the rate that was set; 0: 0.5 */
} NullRelayScript;

RelayProvider *relay_null_new(Clock *clock);

/* For pairs that are started from now on. */
void relay_null_script(RelayProvider *provider, const NullRelayScript *script);

/* For looking at what was asked. */
guint relay_null_started(RelayProvider *provider);
guint relay_null_open(RelayProvider *provider); /* neither ended nor forgotten */
guint64 relay_null_last_rate(RelayProvider *provider);
gint64 relay_null_last_limit_ns(RelayProvider *provider);
