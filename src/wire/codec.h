/* SPDX-License-Identifier: Apache-2.0
 *
 * Codecs: how the payload of a DATA frame is compressed.  A table: adding one is a row here and a number in
 * docs/wire-format.md.
 *
 * CodecPool compresses (at the source) or decompresses (at the destination) frames in several threads and gives them
 * back in the order in which they came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/frame.h"

/* A codec with its effort: what the source picks from. */
typedef struct CodecLevel {
    const char *name; /* "none", "lz4", "zstd-1", "zstd-3", "zstd-9" ... as on the command line */
    WireCodec codec;
    int level; /* of zstd; 0 otherwise */
} CodecLevel;

#define CODEC_LEVELS_MAX 16

/* From the fastest to the one that compresses best; the first is "none". */
extern const CodecLevel codec_levels[];
extern const size_t codec_levels_length;

/* NULL: no such name. */
const CodecLevel *codec_level_find(const char *name);

typedef enum CodecDirection { CODEC_COMPRESS, CODEC_DECOMPRESS } CodecDirection;

typedef struct CodecPoolStats {
    uint64_t frames, raw_bytes, wire_bytes;
    uint64_t busy_ns; /* CPU time in the codec, all threads */
} CodecPoolStats;

typedef struct CodecPool CodecPool;

/* 'threads' 0: the work is done in codec_pool_submit's caller.  'depth': frames that may be inside at once, from
 * codec_pool_submit until codec_pool_next has returned them.  0, -EINVAL, -ENOMEM, -EAGAIN (no thread).  Everything is
 * taken here. */
int codec_pool_new(CodecPool **pool, CodecDirection direction, unsigned threads, unsigned depth);

/* Ends the threads; frames still inside are the caller's again. NULL is fine. */
void codec_pool_free(CodecPool *pool);

/* Compression: from now on with 'level' (each frame remembers the one it was submitted under).  Any thread. */
void codec_pool_set_level(CodecPool *pool, const CodecLevel *level);

/* Gives a frame to the pool.  Waits while 'depth' frames are inside.  0, or -ECANCELED after codec_pool_cancel.  One
 * thread.
 *
 * Compression reads raw [header.raw_bytes], sets header.codec, header.wire_bytes and payload (codec none where it would
 * get hardly smaller) and writes the header to 'wire'.  When payload != raw, header and payload lie in 'wire' as one
 * piece.  Decompression reads payload and fills raw; a payload that was received into 'raw' itself (codec none) is left
 * there.  Frames that are not DATA (END, for one) may go through too, to keep their place; they are not compressed.
 * frame->status tells how it went (-EBADMSG: not what the header says). */
int codec_pool_submit(CodecPool *pool, WireFrame *frame);

/* The next frame in the order of submission; waits for it.  NULL: cancelled.  One thread. */
WireFrame *codec_pool_next(CodecPool *pool);

/* codec_pool_next would not wait.  The same thread. */
bool codec_pool_has_next(CodecPool *pool);

/* Nobody waits any more. */
void codec_pool_cancel(CodecPool *pool);

/* Numbers so far.  Any thread. */
CodecPoolStats codec_pool_stats(CodecPool *pool);

/* What the source measures, once per period (200 ms or so). */
typedef struct CodecMeasure {
    const CodecLevel *level;      /* in use during all of it */
    double link_bytes_per_s;      /* what the wire carries; 0 unknown */
    double raw_bytes_per_s;       /* what went into the codec in the period */
    double wire_bytes_per_s;      /* what came out */
    double codec_bytes_per_cpu_s; /* raw bytes per second of one core in the codec; 0 unknown */
    double cores_free;            /* for the codec: those that it uses now and those that idle; at most its threads */
    bool link_is_limit;           /* the wire was waited for, not the codec or QEMU */
    bool can_be_slow;             /* false in post-copy: latency counts */
} CodecMeasure;

typedef struct CodecChoice {
    const CodecLevel *level;
    char reason[160]; /* for people, with the numbers */
} CodecChoice;

/* What was learned; zeroed at start.  The first choice should be asked for before anything is sent: it is "none",
 * because that shows the link's rate soonest. */
typedef struct CodecPicker {
    double ratio[CODEC_LEVELS_MAX];           /* raw per wire, of each row; 0 unknown */
    double bytes_per_cpu_s[CODEC_LEVELS_MAX]; /* 0 unknown */
    unsigned periods_unseen[CODEC_LEVELS_MAX];
    double link_bytes_per_s; /* 0 unknown */
    bool link_is_certain;    /* false: at least that */
    unsigned trial;          /* row + 1 that is being tried; 0: none */
    unsigned periods_since_trial, trial_interval;
} CodecPicker;

/* Picks the level for the next period: the one that carries most over this link with these cores.  Pure; theory of
 * operation in codec-pick.c. */
CodecChoice codec_pick(CodecPicker *picker, const CodecMeasure *measure);
