/* SPDX-License-Identifier: Apache-2.0
 *
 * One direction of a slow link: when what is put in now comes out.
 *
 *     sender's socket --> [ queue, so many ms of the rate ] --> transmitter --> [ delay ] --> receiver's socket
 *
 * A switch port and a long cable: the transmitter sends one byte after the other at the rate, whoever they belong to;
 * what waits for it is bounded, and when the bound is reached the sender is not read from, which TCP tells him. Then
 * everything takes the delay.  Pure arithmetic in nanoseconds of the caller's clock; bytes are the caller's to keep.
 *
 *     if (pipe_room_bytes(&pipe, now) >= length)
 *         arrives_ns = pipe_take(&pipe, now, length);
 *
 * One thread. */
#ifndef LAB_SLOW_PIPE_H
#define LAB_SLOW_PIPE_H

#include <stdint.h>

/* Not less than this waits for the transmitter, or a slow link could carry nothing. */
#define PIPE_QUEUE_LEAST_BYTES  8192

typedef struct SlowPipe {
    int64_t rate_bytes_per_s;   /* 0: no limit, and no queue */
    int64_t delay_ns;
    int64_t queue_ns;           /* bound of what waits, in time at the rate */
    int64_t busy_until_ns;      /* when the transmitter will have sent all that was taken */
    uint64_t carried_bytes;     /* taken since pipe_init() */
} SlowPipe;

void pipe_init(SlowPipe *pipe, int64_t rate_bytes_per_s, int64_t delay_ns, int64_t queue_ns);

/* Changes the rate; what waits is sent at the new one.  (What was taken keeps its time of arrival: an error of the
 * queue at most.) */
void pipe_set_rate(SlowPipe *pipe, int64_t now_ns, int64_t rate_bytes_per_s);

/* How much fits into the queue now; 0 when full. */
int64_t pipe_room_bytes(const SlowPipe *pipe, int64_t now_ns);

/* When 'length' bytes will fit; not after 'now_ns' if they do already. */
int64_t pipe_room_at_ns(const SlowPipe *pipe, int64_t now_ns, int64_t length);

/* Puts in 'length' bytes, which should fit, and returns when the last of them arrives. */
int64_t pipe_take(SlowPipe *pipe, int64_t now_ns, int64_t length);

/* How much may be under way, in queue and cable, when the link is busy. */
int64_t pipe_window_bytes(const SlowPipe *pipe);

#endif
