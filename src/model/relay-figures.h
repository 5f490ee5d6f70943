/* SPDX-License-Identifier: Apache-2.0
 *
 * RelayFigures: what a pair of relays says of the migration that it carries, so far.
 *
 * QEMU counts the stream: pages as it knows them.  The link carries the wire bytes: what is left of the stream once
 * pages that were sent before are reduced to the bytes that changed in them, and all is compressed. */
#pragma once

#include <glib.h>

#include "base/units.h"

/* What the relays of a gang share at a destination, for each source host, once for all of them; beside what each relay may keep. */
#define RELAY_GANG_STORE_BYTES (256 * MIB)

typedef struct RelayFigures {
    gboolean is_known;           /* the relay has said something */
    char state[16];              /* of its machine, in its own word */
    char codec[16];              /* "lz4", "zstd-1", "none"; "" unknown */
    guint64 stream_bytes;        /* taken from QEMU */
    guint64 wire_bytes;          /* sent over the link */
    guint64 memory_bytes;        /* that it holds for pages it has sent */
    double working_set_bytes;    /* wire bytes that one more pass would cost; NAN: not known yet */
    double expected_downtime_ms; /* if the guest were stopped after the next pass; NAN: not known yet */
    double link_bytes_per_s;     /* as the relay measures it; NAN: not known yet */
    double switchover_bytes_per_s; /* what QEMU should reckon with when it decides to stop the guest; NAN likewise */
    double queue_ms;             /* how long the wire needs for what waits in front of it; NAN likewise */
} RelayFigures;

/* Nothing is known. */
void relay_figures_init(RelayFigures *figures);
