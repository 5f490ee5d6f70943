/* SPDX-License-Identifier: Apache-2.0
 *
 * What relay-watch.c (looks, ends what hangs, feeds the governor and the codec's choice) and relay-status.c (tells) share. */
#pragma once

#include "wire/dst-channel.h"
#include "wire/relay-watch.h"
#include "wire/src-channel.h"

#define LINK_WINDOWS 10 /* of RELAY_STATUS_NS */

/* All channels together; what only channel 0 has is in 'main' or 'dst_main'. */
typedef struct RelaySum {
    bool is_connected, is_complete, is_quiet, is_over;
    bool is_limited;
    uint64_t stream_bytes, wire_bytes, return_bytes;
    uint64_t credited_wire_bytes, credited_stream_bytes;
    uint64_t out_wire_bytes, out_stream_bytes, out_ns;
    uint64_t progress_ns;
    uint64_t silent_ns; /* the longest that the other relay owes an answer */
    SrcChannelView main;
    DstChannelView dst_main;
} RelaySum;

struct RelayWatch {
    Relay *relay;
    RelaySum sum;
    uint64_t status_ns; /* when it was last told */
    unsigned patience_s; /* with the other relay */
    GovernorState governor;
    GovernorVerdict verdict;
    bool told_cannot;
    /* Of multifd, whose connections are not parsed: the last whole window, and the beginning of the one that goes on. */
    GovernorPass opaque;
    uint64_t opaque_ns, opaque_stream_bytes, opaque_wire_bytes;
    /* Of a switchover; the pause, as far as this relay sees it, and while it lasts what it will become by what is on the way.  NAN: none. */
    bool is_stopped, is_loaded;
    double pause_s;
    unsigned passes_told;
    /* What the link delivered in the last windows in which it was the limit. */
    double link_windows[LINK_WINDOWS];
    unsigned link_windows_length;
    uint64_t window_ns, window_wire_bytes;
    bool window_is_limited;
    double link_bytes_per_s; /* 0 unknown */
    /* The codec. */
    CodecPicker picker;
    const CodecLevel *level;
    char level_reason[160];
    uint64_t picked_ns;
    CodecPoolStats picked_codec;
    uint64_t picked_limited, picked_looks;
    uint64_t cpu_idle;  /* of the host, in ticks */
    double cpu_running; /* threads of the host that want to run, of late */
};

void relay_status_tell(RelayWatch *watch);
void relay_status_tell_pass(RelayWatch *watch, const GovernorPass *pass);
void relay_status_tell_cannot(RelayWatch *watch);
