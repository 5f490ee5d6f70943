/* SPDX-License-Identifier: Apache-2.0
 *
 * CodecPool: frames are worked on by several threads and leave in the order in which they came.
 *
 * theory of operation
 *
 * A ring of 'depth' slots and three counters that only grow; slot n lies at n % depth:
 *
 *         returned <= taken <= submitted <= returned + depth
 *     ------|-----------|---------|------------|---
 *       free  at work or   queued      free
 *               done
 *
 * codec_pool_submit moves 'submitted', a worker moves 'taken' and marks its slot done when it has finished,
 * codec_pool_next moves 'returned' once the slot there is done.  A frame that takes long holds up those behind it, but
 * not the work on them.
 *
 * A frame for which there is nothing to do (no codec, or not DATA) is done when it is submitted, and 'taken' passes it
 * by.  Waking a thread for it would cost more than its work.
 *
 * One mutex for all: a frame is tens to hundreds of microseconds of work, the mutex is held for some nanoseconds of
 * them. While a slot is at work only its worker touches the frame; the mutex hands it over. */
#include "wire/codec-context.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#define THREADS_MAX 256u
#define DEPTH_MAX   4096u

typedef struct Slot {
    WireFrame *frame;
    const CodecLevel *level;
    bool is_done;
} Slot;

typedef struct Worker {
    CodecPool *pool;
    CodecContext *context;
    pthread_t thread;
} Worker;

struct CodecPool {
    CodecDirection direction; /* these do not change */
    unsigned depth;
    unsigned workers_length; /* at least one: without threads it is lent to whoever submits */
    unsigned threads_started;

    pthread_mutex_t mutex; /* for all that follows */
    pthread_cond_t work;   /* something is queued, or cancelled */
    pthread_cond_t done;   /* the next one to be returned is done, or cancelled */
    pthread_cond_t room;   /* a slot is free, or cancelled */
    uint64_t submitted, taken, returned;
    bool is_cancelled;
    const CodecLevel *level;
    CodecPoolStats stats;
    Slot *slots;     /* [depth] */
    Worker *workers; /* [workers_length] */
};

static uint64_t thread_cpu_ns(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static Slot *slot_at(CodecPool *pool, uint64_t number)
{
    return &pool->slots[number % pool->depth];
}

static void count(CodecPool *pool, Slot *slot, uint64_t spent_ns)
{
    const WireHeader *header = &slot->frame->header;

    pool->stats.frames++;
    pool->stats.raw_bytes += header->raw_bytes;
    pool->stats.wire_bytes += header->wire_bytes;
    pool->stats.busy_ns += spent_ns;
    slot->is_done = true;
}

/* Slots that were done when they were submitted are not taken. */
static void pass_by(CodecPool *pool)
{
    while (pool->taken < pool->submitted && slot_at(pool, pool->taken)->is_done) {
        pool->taken++;
    }
}

static bool is_light(const CodecPool *pool, const Slot *slot)
{
    const WireHeader *header = &slot->frame->header;

    if (pool->direction == CODEC_COMPRESS) {
        return header->type != WIRE_DATA || slot->level->codec == WIRE_CODEC_NONE;
    }
    return header->codec == WIRE_CODEC_NONE && slot->frame->payload == slot->frame->raw;
}

/* What there is to do for a frame in a slot. */
static void work_on(const CodecPool *pool, CodecContext *context, const CodecLevel *level, WireFrame *frame)
{
    if (pool->direction == CODEC_COMPRESS) {
        codec_compress(context, level, frame);
        frame->status = 0;
    } else {
        frame->status = codec_decompress(context, frame);
    }
}

/* Takes the oldest queued slot and works on it.  Called and returns with the mutex held. */
static void work_on_next(CodecPool *pool, CodecContext *context)
{
    uint64_t number = pool->taken++;
    Slot *slot = slot_at(pool, number);
    WireFrame *frame = slot->frame;
    const CodecLevel *level = slot->level;
    uint64_t begun_ns, spent_ns;

    pass_by(pool);
    pthread_mutex_unlock(&pool->mutex);
    begun_ns = thread_cpu_ns();
    work_on(pool, context, level, frame);
    spent_ns = thread_cpu_ns() - begun_ns;
    pthread_mutex_lock(&pool->mutex);

    count(pool, slot, spent_ns);
    if (number == pool->returned) {
        pthread_cond_signal(&pool->done);
    }
}

static void *worker_run(void *user)
{
    Worker *worker = user;
    CodecPool *pool = worker->pool;

    pthread_mutex_lock(&pool->mutex);
    while (!pool->is_cancelled) {
        if (pool->taken < pool->submitted) {
            work_on_next(pool, worker->context);
        } else {
            pthread_cond_wait(&pool->work, &pool->mutex);
        }
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

static int start_threads(CodecPool *pool, unsigned threads)
{
    while (pool->threads_started < threads) {
        Worker *worker = &pool->workers[pool->threads_started];

        if (pthread_create(&worker->thread, NULL, worker_run, worker) != 0) {
            return -EAGAIN;
        }
        pool->threads_started++;
    }
    return 0;
}

static int take_memory(CodecPool *pool)
{
    pool->slots = calloc(pool->depth, sizeof *pool->slots);
    pool->workers = calloc(pool->workers_length, sizeof *pool->workers);
    if (!pool->slots || !pool->workers) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < pool->workers_length; i++) {
        int status = codec_context_new(&pool->workers[i].context, pool->direction);

        if (status != 0) {
            return status;
        }
        pool->workers[i].pool = pool;
    }
    return 0;
}

int codec_pool_new(CodecPool **pool, CodecDirection direction, unsigned threads, unsigned depth)
{
    CodecPool *made;
    int status;

    *pool = NULL;
    if (threads > THREADS_MAX || depth == 0 || depth > DEPTH_MAX) {
        return -EINVAL;
    }
    made = calloc(1, sizeof *made);
    if (!made) {
        return -ENOMEM;
    }
    made->direction = direction;
    made->depth = depth;
    made->workers_length = threads > 0 ? threads : 1;
    made->level = &codec_levels[0];
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->work, NULL);
    pthread_cond_init(&made->done, NULL);
    pthread_cond_init(&made->room, NULL);
    status = take_memory(made);
    if (status == 0) {
        status = start_threads(made, threads);
    }
    if (status != 0) {
        codec_pool_free(made);
        return status;
    }
    *pool = made;
    return 0;
}

void codec_pool_free(CodecPool *pool)
{
    if (!pool) {
        return;
    }
    codec_pool_cancel(pool);
    for (unsigned i = 0; i < pool->threads_started; i++) {
        pthread_join(pool->workers[i].thread, NULL);
    }
    for (unsigned i = 0; pool->workers && i < pool->workers_length; i++) {
        codec_context_free(pool->workers[i].context);
    }
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->room);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->slots);
    free(pool->workers);
    free(pool);
}

void codec_pool_set_level(CodecPool *pool, const CodecLevel *level)
{
    pthread_mutex_lock(&pool->mutex);
    pool->level = level;
    pthread_mutex_unlock(&pool->mutex);
}

static void submit_locked(CodecPool *pool, WireFrame *frame)
{
    uint64_t number = pool->submitted++;
    Slot *slot = slot_at(pool, number);

    *slot = (Slot){.frame = frame, .level = pool->level};
    if (is_light(pool, slot)) {
        work_on(pool, pool->workers[0].context, slot->level, frame); /* uses nothing of the context */
        count(pool, slot, 0);
        pass_by(pool);
        if (number == pool->returned) {
            pthread_cond_signal(&pool->done);
        }
    } else if (pool->threads_started > 0) {
        pthread_cond_signal(&pool->work);
    } else {
        work_on_next(pool, pool->workers[0].context);
    }
}

int codec_pool_submit(CodecPool *pool, WireFrame *frame)
{
    int status = 0;

    pthread_mutex_lock(&pool->mutex);
    while (!pool->is_cancelled && pool->submitted == pool->returned + pool->depth) {
        pthread_cond_wait(&pool->room, &pool->mutex);
    }
    if (pool->is_cancelled) {
        status = -ECANCELED;
    } else {
        submit_locked(pool, frame);
    }
    pthread_mutex_unlock(&pool->mutex);
    return status;
}

WireFrame *codec_pool_next(CodecPool *pool)
{
    WireFrame *frame = NULL;

    pthread_mutex_lock(&pool->mutex);
    while (!pool->is_cancelled && !slot_at(pool, pool->returned)->is_done) {
        pthread_cond_wait(&pool->done, &pool->mutex);
    }
    if (!pool->is_cancelled) {
        Slot *slot = slot_at(pool, pool->returned++);

        frame = slot->frame;
        *slot = (Slot){0};
        pthread_cond_signal(&pool->room);
    }
    pthread_mutex_unlock(&pool->mutex);
    return frame;
}

bool codec_pool_has_next(CodecPool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    bool has_next = slot_at(pool, pool->returned)->is_done;
    pthread_mutex_unlock(&pool->mutex);
    return has_next;
}

void codec_pool_cancel(CodecPool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->is_cancelled = true;
    pthread_cond_broadcast(&pool->work);
    pthread_cond_broadcast(&pool->done);
    pthread_cond_broadcast(&pool->room);
    pthread_mutex_unlock(&pool->mutex);
}

CodecPoolStats codec_pool_stats(CodecPool *pool)
{
    CodecPoolStats stats;

    pthread_mutex_lock(&pool->mutex);
    stats = pool->stats;
    pthread_mutex_unlock(&pool->mutex);
    return stats;
}
