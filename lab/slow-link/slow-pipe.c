/* SPDX-License-Identifier: Apache-2.0
 *
 * The arithmetic of one direction of a slow link. */
#include "slow-pipe.h"

#define SECOND_NS  1000000000ll

/* Exact for all rates and lengths that occur: neither factor is near 2^63 / 10^9. */
static int64_t time_of_bytes(const SlowPipe *pipe, int64_t length)
{
    return (int64_t)((__int128)length * SECOND_NS / pipe->rate_bytes_per_s);
}

static int64_t bytes_of_time(const SlowPipe *pipe, int64_t time_ns)
{
    return (int64_t)((__int128)time_ns * pipe->rate_bytes_per_s / SECOND_NS);
}

static int64_t queue_bytes(const SlowPipe *pipe)
{
    int64_t bytes = bytes_of_time(pipe, pipe->queue_ns);

    return bytes > PIPE_QUEUE_LEAST_BYTES ? bytes : PIPE_QUEUE_LEAST_BYTES;
}

static int64_t waiting_ns(const SlowPipe *pipe, int64_t now_ns)
{
    return pipe->busy_until_ns > now_ns ? pipe->busy_until_ns - now_ns : 0;
}

void pipe_init(SlowPipe *pipe, int64_t rate_bytes_per_s, int64_t delay_ns, int64_t queue_ns)
{
    *pipe = (SlowPipe){ .rate_bytes_per_s = rate_bytes_per_s, .delay_ns = delay_ns, .queue_ns = queue_ns };
}

void pipe_set_rate(SlowPipe *pipe, int64_t now_ns, int64_t rate_bytes_per_s)
{
    int64_t waiting_bytes = pipe->rate_bytes_per_s ? bytes_of_time(pipe, waiting_ns(pipe, now_ns)) : 0;

    pipe->rate_bytes_per_s = rate_bytes_per_s;
    pipe->busy_until_ns = now_ns + (rate_bytes_per_s ? time_of_bytes(pipe, waiting_bytes) : 0);
}

int64_t pipe_room_bytes(const SlowPipe *pipe, int64_t now_ns)
{
    if (pipe->rate_bytes_per_s == 0) {
        return INT32_MAX;
    }
    int64_t room = queue_bytes(pipe) - bytes_of_time(pipe, waiting_ns(pipe, now_ns));
    return room > 0 ? room : 0;
}

int64_t pipe_room_at_ns(const SlowPipe *pipe, int64_t now_ns, int64_t length)
{
    if (pipe->rate_bytes_per_s == 0 || pipe_room_bytes(pipe, now_ns) >= length) {
        return now_ns;
    }
    return pipe->busy_until_ns - time_of_bytes(pipe, queue_bytes(pipe) - length) + 1;
}

int64_t pipe_take(SlowPipe *pipe, int64_t now_ns, int64_t length)
{
    pipe->carried_bytes += (uint64_t)length;
    if (pipe->rate_bytes_per_s == 0) {
        return now_ns + pipe->delay_ns;
    }
    pipe->busy_until_ns = now_ns + waiting_ns(pipe, now_ns) + time_of_bytes(pipe, length);
    return pipe->busy_until_ns + pipe->delay_ns;
}

int64_t pipe_window_bytes(const SlowPipe *pipe)
{
    const int64_t unlimited_bytes = 4 << 20;

    return pipe->rate_bytes_per_s ? queue_bytes(pipe) + bytes_of_time(pipe, pipe->delay_ns) : unlimited_bytes;
}
