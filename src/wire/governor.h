/* SPDX-License-Identifier: Apache-2.0
 *
 * Governor: what the working set in bytes says about the switchover (seed 002).  QEMU decides to stop the guest when
 * the pages that are left, counted raw, fit into downtime limit x bandwidth; only the relay knows what they will
 * really cost on the wire.  From what each pass cost the governor tells
 *
 *   - the rate that QEMU may reckon with (avail-switchover-bandwidth), which keeps the pause within the limit;
 *   - the expected downtime, live;
 *   - early and with numbers, that a pre-copy cannot converge.
 *
 *     governor_init(&governor, &config);
 *     verdict = governor_judge(&governor);         before the first page: the link's rate, if it is known
 *     governor_link(&governor, rate, rtt);         whenever something was measured
 *     governor_pass(&governor, &pass);             at the end of each pass over memory
 *     governor_progress(&governor, &so_far);       now and then before that
 *     verdict = governor_judge(&governor);         tell QEMU when switchover_bytes_per_s moved by some per cent
 *
 * state.config may be changed at any time: the downtime limit or what the link carries was told anew.
 *
 * Pure functions of numbers, nothing is allocated; theory of operation in governor.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GOVERNOR_PASSES_KEPT 16

typedef struct GovernorPass {
    uint64_t pages;        /* sent in it */
    uint64_t stream_bytes; /* as QEMU counts */
    uint64_t dirty_bytes;  /* changed bytes inside re-sent pages */
    uint64_t wire_bytes;
    double seconds;
    double waited_s;       /* of them: QEMU had nothing to say.  It walks over what is dirty, and then has to look for more */
    uint64_t pages_resent, resent_stream_bytes, resent_wire_bytes; /* the part of pages that had been sent before */
} GovernorPass;

typedef struct GovernorConfig {
    double downtime_limit_s;
    double fixed_s;           /* device state, start at the destination: part of every pause (0.02) */
    double link_bytes_per_s;  /* as told, no more than the wire is paced at; 0: measured only */
    uint32_t page_bytes;      /* of the target, what QEMU counts for a dirty page; 0: 4096 */
} GovernorConfig;

typedef struct GovernorState {
    GovernorConfig config;
    GovernorPass passes[GOVERNOR_PASSES_KEPT]; /* the last ones, oldest first */
    unsigned passes_length;
    uint64_t passes_total;
    GovernorPass now; /* the one that goes on */
    double link_bytes_per_s; /* measured: the highest delivery rate lately; 0 unknown */
    double rtt_s;
} GovernorState;

typedef struct GovernorVerdict {
    double switchover_bytes_per_s; /* what QEMU's avail-switchover-bandwidth should be; 0 unknown yet */
    double downtime_limit_scale;   /* the same said by scaling the downtime limit, against the plain link rate: below 1
                                    * (the fixed parts of a pause) until passes show that more fits; 1: rate unknown */
    double working_set_bytes;      /* wire bytes that one more pass would cost; NAN unknown yet */
    double expected_downtime_s;    /* if the guest were stopped for that pass; NAN unknown yet */
    double carried_bytes_per_s;    /* page bytes that go all the way, reckoned with: min(link, ...) of governor.c */
    bool cannot_converge;
    char reason[256];              /* a sentence with the numbers, when cannot_converge; else "" */
} GovernorVerdict;

void governor_init(GovernorState *state, const GovernorConfig *config);

/* The round trip: the smallest one lately, without what queues.  0 for what is not known. */
void governor_link(GovernorState *state, double link_bytes_per_s, double rtt_s);

/* A pass ended.  One without a page is ignored. */
void governor_pass(GovernorState *state, const GovernorPass *pass);

/* How far the pass that goes on is: QEMU may stop the guest in the middle of any, also of the first. */
void governor_progress(GovernorState *state, const GovernorPass *so_far);

GovernorVerdict governor_judge(const GovernorState *state);

/* Of the downtime limit, what is left for memory on the wire: without device state, round trip, queue and start at the
 * destination.  0 or below: these alone are longer than the limit. */
double governor_budget_s(const GovernorState *state);
