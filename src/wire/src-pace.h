/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcPace: a rate that the wire must not exceed, for all channels of a migration together; the arithmetic of a token bucket.
 *
 * A sender asks before each frame how long to wait, waits that long, and then takes the frame's bytes.  A bucket may be overdrawn: what is
 * urgent (post-copy's requested pages) takes without waiting, and everything else waits the longer.  Not thread-safe. */
#pragma once

#include <stdint.h>

#define SRC_PACE_BURST_NS UINT64_C(2000000) /* what was not used may be made up for within this time */

typedef struct SrcPace {
    uint64_t bytes_per_s; /* 0: no bound */
    uint64_t free_ns;     /* when all that was taken has gone over the wire at this rate */
} SrcPace;

/* How long from 'now_ns' until the next frame may go. */
uint64_t src_pace_wait_ns(const SrcPace *pace, uint64_t now_ns);

void src_pace_take(SrcPace *pace, uint64_t bytes, uint64_t now_ns);

/* From now on another rate; what was taken before counts by the old one. */
void src_pace_set(SrcPace *pace, uint64_t bytes_per_s);
