/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/codec-pool.c: order, bounds, cancelling, with and without threads. */
#include "base/rng.h"
#include "wire/codec.h"

#include <errno.h>
#include <string.h>

#define FRAMES 24u
#define SENT   400u

static void frames_new(WireFrame *frames[FRAMES])
{
    for (guint i = 0; i < FRAMES; i++) {
        g_assert_cmpint(wire_frame_new(&frames[i]), ==, 0);
    }
}

static void frames_free(WireFrame *frames[FRAMES])
{
    for (guint i = 0; i < FRAMES; i++) {
        wire_frame_free(frames[i]);
    }
}

/* Frames of very different lengths, so that the work on them overtakes. */
static uint32_t length_of(guint64 sequence)
{
    Rng rng = rng_stream(1, sequence);

    return rng_below(&rng, 8) == 0 ? 100000 + rng_below(&rng, 60000) : 1 + rng_below(&rng, 500);
}

static void fill(WireFrame *frame, guint64 sequence)
{
    uint32_t length = length_of(sequence);

    frame->header = (WireHeader){.type = WIRE_DATA, .raw_bytes = length, .sequence = sequence};
    for (uint32_t i = 0; i < length; i++) {
        frame->raw[i] = (uint8_t)('a' + (sequence * 7 + i / 3 + i * i % 11) % 26);
    }
}

typedef struct Feeder {
    CodecPool *pool;
    GAsyncQueue *free_frames;
    guint sent;
    int status;
} Feeder;

static gpointer feed(gpointer user)
{
    Feeder *feeder = user;

    while (feeder->sent < SENT) {
        WireFrame *frame = g_async_queue_pop(feeder->free_frames);

        fill(frame, feeder->sent);
        codec_pool_set_level(feeder->pool, &codec_levels[feeder->sent % codec_levels_length]);
        feeder->status = codec_pool_submit(feeder->pool, frame);
        if (feeder->status != 0) {
            break;
        }
        feeder->sent++;
    }
    return NULL;
}

static void check_one(CodecPool *unpack, WireFrame *frame, guint64 sequence)
{
    WireHeader header = {0};

    g_assert_nonnull(frame);
    g_assert_cmpint(frame->status, ==, 0);
    g_assert_cmpuint(frame->header.sequence, ==, sequence);
    g_assert_cmpint(wire_header_read(&header, frame->wire), ==, 0);
    g_assert_cmpuint(header.sequence, ==, sequence);
    if (frame->header.codec != WIRE_CODEC_NONE) { /* each was submitted under a level of its own */
        g_assert_cmpuint(frame->header.codec, ==, codec_levels[sequence % codec_levels_length].codec);
        memset(frame->raw, 0, frame->header.raw_bytes);
    }
    g_assert_cmpint(codec_pool_submit(unpack, frame), ==, 0);
    g_assert_true(codec_pool_next(unpack) == frame);
    g_assert_cmpint(frame->status, ==, 0);
    for (uint32_t i = 0; i < frame->header.raw_bytes; i++) {
        g_assert_true(frame->raw[i] == (uint8_t)('a' + (sequence * 7 + i / 3 + i * i % 11) % 26));
    }
}

static void frames_leave_in_order(guint threads, guint depth)
{
    WireFrame *frames[FRAMES];
    CodecPool *pool = NULL, *unpack = NULL;
    Feeder feeder = {.free_frames = g_async_queue_new()};
    CodecPoolStats stats;
    uint64_t raw_bytes = 0;
    GThread *thread;

    frames_new(frames);
    for (guint i = 0; i < FRAMES; i++) {
        g_async_queue_push(feeder.free_frames, frames[i]);
    }
    g_assert_cmpint(codec_pool_new(&pool, CODEC_COMPRESS, threads, depth), ==, 0);
    g_assert_cmpint(codec_pool_new(&unpack, CODEC_DECOMPRESS, threads, depth), ==, 0);
    feeder.pool = pool;
    thread = g_thread_new("feeder", feed, &feeder);
    for (guint i = 0; i < SENT; i++) {
        WireFrame *frame = codec_pool_next(pool);

        check_one(unpack, frame, i);
        raw_bytes += frame->header.raw_bytes;
        g_async_queue_push(feeder.free_frames, frame);
    }
    g_thread_join(thread);
    g_assert_cmpint(feeder.status, ==, 0);
    stats = codec_pool_stats(pool);
    g_assert_cmpuint(stats.frames, ==, SENT);
    g_assert_cmpuint(stats.raw_bytes, ==, raw_bytes);
    g_assert_cmpuint(stats.wire_bytes, <, raw_bytes);
    g_assert_cmpuint(stats.busy_ns, >, 0);
    codec_pool_free(pool);
    codec_pool_free(unpack);
    g_async_queue_unref(feeder.free_frames);
    frames_free(frames);
}

static void test_frames_leave_in_order(void)
{
    frames_leave_in_order(0, 1);
    frames_leave_in_order(1, 1);
    frames_leave_in_order(1, 5);
    frames_leave_in_order(4, 3);
    frames_leave_in_order(4, 16);
}

/* Not more than 'depth' are inside: the feeder waits there. */
static void test_depth_is_a_bound(void)
{
    WireFrame *frames[FRAMES];
    Feeder feeder = {.free_frames = g_async_queue_new()};
    GThread *thread;

    frames_new(frames);
    for (guint i = 0; i < FRAMES; i++) {
        g_async_queue_push(feeder.free_frames, frames[i]);
    }
    g_assert_cmpint(codec_pool_new(&feeder.pool, CODEC_COMPRESS, 2, 4), ==, 0);
    thread = g_thread_new("feeder", feed, &feeder);
    while (codec_pool_stats(feeder.pool).frames < 4) {
        g_usleep(100);
    }
    g_usleep(20000); /* one that went on would be seen now */
    g_assert_cmpuint(codec_pool_stats(feeder.pool).frames, ==, 4);
    g_assert_cmpint(g_async_queue_length(feeder.free_frames), >=, (int)FRAMES - 5);
    codec_pool_cancel(feeder.pool);
    g_thread_join(thread);
    g_assert_cmpint(feeder.status, ==, -ECANCELED);
    g_assert_cmpuint(feeder.sent, ==, 4);
    g_assert_null(codec_pool_next(feeder.pool));
    codec_pool_free(feeder.pool);
    g_async_queue_unref(feeder.free_frames);
    frames_free(frames);
}

static gpointer wait_for_next(gpointer pool)
{
    return codec_pool_next(pool);
}

static void test_cancel_wakes_who_waits(void)
{
    for (guint threads = 0; threads < 3; threads++) {
        CodecPool *pool = NULL;
        GThread *thread;

        g_assert_cmpint(codec_pool_new(&pool, CODEC_COMPRESS, threads, 2), ==, 0);
        thread = g_thread_new("next", wait_for_next, pool);
        g_usleep(threads * 1000);
        codec_pool_cancel(pool);
        g_assert_null(g_thread_join(thread));
        codec_pool_free(pool);
    }
}

/* At any moment, with frames queued, at work and done; they are ours again afterwards. */
static void test_free_at_any_moment(void)
{
    WireFrame *frames[FRAMES];

    frames_new(frames);
    for (guint round = 0; round < 40; round++) {
        CodecPool *pool = NULL;

        g_assert_cmpint(codec_pool_new(&pool, CODEC_COMPRESS, 3, FRAMES), ==, 0);
        codec_pool_set_level(pool, codec_level_find("zstd-3"));
        for (guint i = 0; i < round % FRAMES; i++) {
            fill(frames[i], i);
            g_assert_cmpint(codec_pool_submit(pool, frames[i]), ==, 0);
        }
        codec_pool_free(pool);
        for (guint i = 0; i < FRAMES; i++) {
            memset(frames[i]->raw, 0, 1000);
        }
    }
    frames_free(frames);
}

static void test_bad_frames_are_told_and_do_not_stop_the_rest(void)
{
    WireFrame *frames[FRAMES];
    CodecPool *pool = NULL;

    frames_new(frames);
    g_assert_cmpint(codec_pool_new(&pool, CODEC_DECOMPRESS, 2, FRAMES), ==, 0);
    for (guint i = 0; i < FRAMES; i++) {
        fill(frames[i], 1);
        frames[i]->header.wire_bytes = frames[i]->header.raw_bytes;
        frames[i]->header.codec = i % 3 ? WIRE_CODEC_NONE : WIRE_CODEC_ZSTD;
        frames[i]->payload = i % 3 ? frames[i]->raw : frames[i]->wire + WIRE_HEADER_BYTES;
        memset(frames[i]->wire, 0, 1000);
        g_assert_cmpint(codec_pool_submit(pool, frames[i]), ==, 0);
    }
    for (guint i = 0; i < FRAMES; i++) {
        g_assert_true(codec_pool_next(pool) == frames[i]);
        g_assert_cmpint(frames[i]->status, ==, i % 3 ? 0 : -EBADMSG);
    }
    codec_pool_free(pool);
    frames_free(frames);
}

static void test_arguments(void)
{
    CodecPool *pool = NULL;

    g_assert_cmpint(codec_pool_new(&pool, CODEC_COMPRESS, 1, 0), ==, -EINVAL);
    g_assert_cmpint(codec_pool_new(&pool, CODEC_COMPRESS, 100000, 1), ==, -EINVAL);
    g_assert_null(pool);
    codec_pool_free(NULL);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/codec-pool/frames-leave-in-order", test_frames_leave_in_order);
    g_test_add_func("/codec-pool/depth-is-a-bound", test_depth_is_a_bound);
    g_test_add_func("/codec-pool/cancel-wakes-who-waits", test_cancel_wakes_who_waits);
    g_test_add_func("/codec-pool/free-at-any-moment", test_free_at_any_moment);
    g_test_add_func("/codec-pool/bad-frames-are-told-and-do-not-stop-the-rest",
                    test_bad_frames_are_told_and_do_not_stop_the_rest);
    g_test_add_func("/codec-pool/arguments", test_arguments);
    return g_test_run();
}
