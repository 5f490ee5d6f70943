/* SPDX-License-Identifier: Apache-2.0
 *
 * DstDecode: makes QEMU's stream again of operations (docs/wire-format.md), at the destination.  Knows nothing of QEMU
 * but the head of a page record.  One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

typedef struct DstDecodeConfig {
    uint64_t slots;     /* granted: this many pages are taken at start (memory is touched as it is used) */
    uint64_t ram_bytes; /* of the guest; bounds the tables */
    uint32_t page_bytes;
    bool is_forgetful;  /* no dictionary: every page is FORGOTTEN, and no table is taken */
    struct GangStore *gang; /* outlives the decoder; NULL: operations that need it are errors */
    struct WireMemory *memory; /* the same; NULL: no memory is made ready ahead */
} DstDecodeConfig;

typedef struct DstDecodeStats {
    uint64_t pages_stored;
    uint64_t memory_bytes; /* really used */
} DstDecodeStats;

typedef struct DstDecode DstDecode;

/* 0, -EINVAL, -ENOMEM. */
int dst_decode_new(DstDecode **decode, const DstDecodeConfig *config);
void dst_decode_free(DstDecode *decode);

/* How many slots fit into 'memory_bytes_max'; whether not even the table that says what is in none does. */
bool dst_decode_is_forgetful(const DstDecodeConfig *config, uint64_t memory_bytes_max);
uint64_t dst_decode_slots_for(const DstDecodeConfig *config, uint64_t memory_bytes_max);

/* Carries out the operations of frame->raw [header.raw_bytes] and writes exactly header.stream_bytes bytes to 'stream'
 * (which holds WIRE_STREAM_BYTES_MAX), checked against header.hash.  0; -EPROTO: operations that the format forbids;
 * -EBADMSG: the hash; -ENOMEM: more stored than slots.  After an error the decoder is of no further use. */
int dst_decode_frame(DstDecode *decode, const WireFrame *frame, uint8_t *stream);

const DstDecodeStats *dst_decode_stats(const DstDecode *decode);
