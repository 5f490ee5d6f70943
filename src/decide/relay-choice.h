/* SPDX-License-Identifier: Apache-2.0
 *
 * Whether a pair of relays should carry one migration's memory: a function of what was measured.
 *
 * The relay sends of a page that was sent before only the bytes that changed (seed 002), and everything compressed; it
 * costs CPU time and memory on both hosts.  So it pays where the link is slow against one core's compression, or where
 * a guest changes few bytes in many pages.  Both ways are reckoned with the passes of model/passes.h, with the
 * assumptions below for what cannot be measured beforehand; the relay is taken when it is expected to be clearly
 * faster, or to converge where the plain pre-copy does not.
 *
 * Pure. */
#pragma once

#include "model/choice.h"
#include "model/migrate-options.h"

/* What is assumed; name, value, unit and meaning.  Measured by the bench of the relay (docs/decisions). */
#define RELAY_ASSUMPTIONS(X)                                                                                           \
    X(first_sent_share, 0.75, "wire bytes per byte of memory that is sent for the first time: zero pages apart")       \
    X(segment_overhead_bytes, 16, "wire bytes per page sent again, beside those that changed")                         \
    X(encode_bytes_per_s, 250e6, "bytes of memory per second that one core compresses")                                \
    X(decode_bytes_per_s, 500e6, "bytes of memory per second that the destination takes, by one core")                 \
    X(resend_bytes_per_s, 1e9, "bytes of pages per second that one core compares with what was sent before")           \
    X(cpus_least, 0.5, "cores that must be free on each host")                                                         \
    X(cpus_unknown, 1, "cores that are taken for free where nobody knows")                                             \
    X(cpus_most, 8, "cores that one relay makes use of")                                                               \
    X(pause_fixed_s, 0.03, "seconds of every pause that are not memory: devices, queue, start at the destination")     \
    X(start_s, 1, "seconds to start the pair")                                                                         \
    X(index_share, 0.0625, "of the memory: what a relay needs beside the pages that it keeps")                         \
    X(gain_least, 1.1, "so many times faster, or it is not worth it")

#define RELAY_ASSUMPTION_MEMBER(name, value, meaning) double name;
typedef struct RelayAssumptions {
    RELAY_ASSUMPTIONS(RELAY_ASSUMPTION_MEMBER)
} RelayAssumptions;

/* All that the decision depends on; NAN and 0 as said. */
typedef struct RelayView {
    RelayMode mode;
    const char *cannot;          /* why it is not possible here ("there is no agent on h1"); NULL: it is */
    Algorithm algorithm;
    gboolean is_parallel;        /* several connections: the relay finds no page again on them */
    guint64 ram_bytes;
    guint64 link_bytes_per_s;    /* its share of the link; 0: unknown */
    gint64 downtime_limit_ns;
    double dirty_pages_per_s;    /* of 4 KiB; NAN: not measured */
    double dirty_bytes_per_page; /* that change inside a page that is written; NAN: not measured, the whole page */
    double working_set_bytes;    /* NAN: not measured, all of its memory */
    double source_free_cpus;     /* NAN: unknown */
    double destination_free_cpus;
    guint64 memory_bytes;        /* what each relay may keep */
} RelayView;

typedef struct RelayVerdict {
    gboolean uses_relay;
    double plain_s; /* expected total time; INFINITY: does not converge; NAN: not reckoned */
    double relay_s;
    char *reason;   /* one sentence, with the numbers; the caller frees */
} RelayVerdict;

void relay_assumptions_init(RelayAssumptions *assumptions);

/* 'assumptions' NULL: those above. */
RelayVerdict relay_choose(const RelayView *view, const RelayAssumptions *assumptions);
