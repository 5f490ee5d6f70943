/* SPDX-License-Identifier: Apache-2.0
 *
 * What a pre-copy through a relay costs: the recurrence of passes.h with the dirty bytes inside pages in the place of
 * whole pages (seed 002: the working set is the changed data, not the pages that hold it).
 *
 * The first pass sends all memory, compressed.  A page that is sent again costs b + h bytes on the wire: those that
 * changed in it and a header.  With d pages dirtied per second that makes a pass shorter than the one before by
 *
 *     lambda = d * (b + h) / B     instead of     d * 4104 / B
 *
 * as long as the link is what it waits for.  b is what one write changes; a page that is written n times during a
 * pass at random places has 4096 * (1 - (1 - b / 4096)^n), so the gain is in late, short passes.
 *
 * Sizes are MiB, rates MiB/s, times s, but for the bytes of one page.  Pure. */
#pragma once

#include "model/passes.h"

/* What a relay makes of memory.  The defaults are assumptions until a relay has told its own numbers. */
typedef struct RelayCosts {
    double first_share;     /* wire bytes per byte of memory that is sent for the first time; 0.75 */
    double again_share;     /* wire bytes per byte of changes and headers: the codec works on them, too; 1 */
    double header_bytes;    /* h, of a page sent again: 16 */
    double first_mib_per_s; /* of memory, that encoder, codec and destination do: 238, one core; INFINITY: any */
    double again_mib_per_s; /* of pages, that are compared with their last copy: 2 us a page; INFINITY: ideal */
    double kept_share;      /* of pages sent again, those whose last copy is still kept; the others are sent whole; 1 */
    gboolean writes_move;   /* a page that is written again changes elsewhere (TRUE), or where it did before */
} RelayCosts;

void relay_costs_init(RelayCosts *costs);

/* Bytes that differ in a page after 'writes' (1 at least) writes of 'dirty_bytes' each. */
double relay_changed_bytes(const RelayCosts *costs, double dirty_bytes, double writes);

/* Wire bytes of a page that is sent again, on average: at most what a whole page costs. */
double relay_page_bytes(const RelayCosts *costs, double changed_bytes);

/* What one pass over 'pages_mib' costs.  dirtied_mib: all writes to these pages since they were sent, counted as pages.
 */
double relay_first_wire_mib(const RelayCosts *costs, double pages_mib);
double relay_again_wire_mib(const RelayCosts *costs, double dirty_bytes, double pages_mib, double dirtied_mib);

typedef struct RelayVm {
    PassesVm pages;     /* as without a relay; the bandwidth is the wire's */
    double dirty_bytes; /* b: bytes that one write of a page changes; 4096: all of it */
} RelayVm;

typedef struct RelayCost {
    guint resent_passes;
    double passes_s, downtime_s, total_s;
    double wire_mib;      /* what went over the link */
    double stream_mib;    /* pages, as QEMU counts them */
    double rest_wire_mib; /* the working set in bytes when the guest was stopped */
    double rest_pages_mib;
    PassesEnd end;
} RelayCost;

/* Pass by pass.  'rules' as in passes.h, but on the wire: threshold_mib is in wire bytes (bandwidth x what the downtime
 * limit leaves for memory), traffic_max is in first passes, and a pass is as long as link or relay need.  'downtime'
 * must be DOWNTIME_LAST: QEMU stops the guest for the first pass that fits. */
RelayCost relay_passes_run(const RelayVm *vm, const RelayCosts *costs, const PassesRules *rules);
