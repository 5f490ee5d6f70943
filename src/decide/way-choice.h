/* SPDX-License-Identifier: Apache-2.0
 *
 * Which way the memory of one migration should take: a function of what was measured.
 *
 *     plain     QEMU's own stream: each page whole, each time
 *     relay     a pair of relays: a page that was sent before costs the bytes that changed in it (seed 002), and all is
 *               compressed; costs CPU time and memory on both hosts
 *     multifd   QEMU's own over several connections, zstd in each: pages whole, but compressed; costs CPU time
 *
 * So on a slow link the relay pays, and wherever a guest changes few bytes in many pages; on a fast one, where nobody
 * compresses as fast as it carries, nothing does; and multifd lies between.  All three are reckoned with one recurrence
 * (model/relay-passes.h), with the assumptions below for what cannot be measured beforehand; another way than the plain
 * one is taken when it is expected to be clearly faster, or to converge where the others do not.
 *
 * Pure. */
#pragma once

#include "model/choice.h"
#include "model/migrate-options.h"

/* What is assumed; name, value and meaning.  "Per core" is of both ends' work on one host.  bench/wire/calibrate
 * tells them from a bench; docs/decisions/0017-three-ways.md. */
#define WAY_ASSUMPTIONS(X)                                                                                             \
    X(used_share, 1, "of the memory that is not zero, where nobody looked")                                            \
    X(compressed_share, 0.5, "bytes that zstd makes of a byte that is not zero, where nobody looked")                  \
    X(again_share, 0.8, "the same of pages that are written, where nobody looked")                                     \
    X(plain_bytes_per_s, 800e6, "of memory that QEMU sends and takes as it is, per core")                              \
    X(multifd_bytes_per_s, 250e6, "of memory that QEMU compresses, per core")                                          \
    X(multifd_taken_bytes_per_s, 500e6, "of memory that QEMU takes and decompresses, per core")                        \
    X(connections_least, 2, "of multifd")                                                                              \
    X(connections_most, 8, "of multifd")                                                                               \
    X(relay_share, 0.9, "of what zstd in QEMU sends: duplicates are found, and slow links get stronger levels")        \
    X(relay_bytes_per_s, 150e6, "of memory that QEMU and relay send for the first time, per core")                     \
    X(relay_taken_bytes_per_s, 150e6, "of memory that relay and QEMU take, per core")                                  \
    X(relay_again_bytes_per_s, 500e6, "of pages that a relay compares with what it sent before, per core")             \
    X(segment_overhead_bytes, 16, "on the wire per page sent again by a relay, beside those that changed")             \
    X(index_share, 0.0625, "of the memory: what a relay needs beside the pages that it keeps")                         \
    X(pause_fixed_s, 0.03, "of a pause through a relay that is not memory: devices, queue, start at the destination")  \
    X(limit_share, 0.85, "of the downtime limit that pages may fill without a relay: filled to the brim it is broken")   \
    X(start_s, 0.1, "to start a pair of relays")                                                                       \
    X(cpus_least, 0.5, "cores that must be free on each host, or nothing is compressed")                               \
    X(cpus_unknown, 1, "cores that are taken for free where nobody knows")                                             \
    X(cpus_most, 8, "cores that one relay makes use of")                                                               \
    X(gain_least, 1.05, "so many times faster than the plain way, or it is not worth it")                              \
    X(tie_most, 1.05, "a relay that takes so many times as long as multifd is as good")

#define WAY_ASSUMPTION_MEMBER(name, value, meaning) double name;
typedef struct WayAssumptions {
    WAY_ASSUMPTIONS(WAY_ASSUMPTION_MEMBER)
} WayAssumptions;

/* All that the decision depends on; NAN and 0 as said. */
typedef struct WayView {
    RelayMode mode;
    const char *no_relay;        /* why it is not possible here ("there is no agent on h1"); NULL: it is */
    const char *no_multifd;      /* likewise */
    Algorithm algorithm;
    gboolean is_parallel;        /* the operator asked for several connections: the relay finds no page again on them */
    guint64 ram_bytes;
    guint64 link_bytes_per_s;    /* its share of the link; 0: unknown */
    gint64 downtime_limit_ns;
    double dirty_pages_per_s;    /* of 4 KiB; NAN: not measured */
    double dirty_bytes_per_page; /* that change inside a page that is written; NAN: not measured, the whole page */
    double working_set_bytes;    /* NAN: not measured, all of its memory */
    double used_share;           /* of its memory that is not zero; NAN: not measured */
    double compressed_share;     /* of what is not zero; NAN: not measured */
    double source_free_cpus;     /* NAN: unknown */
    double destination_free_cpus;
    guint64 memory_bytes;        /* what each relay may keep */
} WayView;

typedef struct WayVerdict {
    Way way;
    guint connections; /* of WAY_MULTIFD; else 0 */
    double total_s[WAYS_LENGTH]; /* [Way], expected; INFINITY: does not converge; NAN: not reckoned, or not possible */
    char *reason;      /* one sentence, with the numbers; the caller frees */
} WayVerdict;

void way_assumptions_init(WayAssumptions *assumptions);

/* 'assumptions' NULL: those above. */
WayVerdict way_choose(const WayView *view, const WayAssumptions *assumptions);
