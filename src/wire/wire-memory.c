/* SPDX-License-Identifier: Apache-2.0
 *
 * See wire-memory.h.
 *
 * theory of operation
 *
 * Everything large is aligned to huge pages, so that moving a part of the reserve moves entries of page tables, one for
 * 2 MiB, and leaves huge pages whole.
 *
 * The thread populates in steps, without the lock, and looks around after each: an arena that is about to be given back
 * waits for the step at most.  Those whose user has got nearest to the end of what is ready come first.  The user never
 * waits for it: what is not ready is touched by whoever comes first, and both may be at it at once. */
#include "wire/wire-memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HUGE_BYTES (UINT64_C(2) << 20)
#define STEP_BYTES (UINT64_C(4) << 20) /* of the thread, between two looks */
#define PAGE_BYTES 4096u

struct WireMemory {
    uint8_t *reserve; /* [stats.reserve_bytes]; the first stats.moved_bytes are gone */
    pthread_t thread;
    bool has_thread;

    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    bool ends;
    WireArena *first;
    WireArena *in_work;
    WireMemoryStats stats;
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t whole_huge(uint64_t bytes)
{
    return bytes / HUGE_BYTES * HUGE_BYTES;
}

/* Address space; what is large begins at a huge page. */
static uint8_t *map(uint64_t bytes)
{
    uint64_t extra = bytes >= HUGE_BYTES ? HUGE_BYTES : 0;

    if (bytes == 0 || bytes > SIZE_MAX / 2) {
        return NULL;
    }
    uint8_t *mapped = mmap(NULL, (size_t)(bytes + extra), PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (mapped == MAP_FAILED) {
        return NULL;
    }
    if (extra > 0) {
        uint64_t before = (HUGE_BYTES - (uintptr_t)mapped % HUGE_BYTES) % HUGE_BYTES;
        uint64_t used = (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
        uint64_t behind = bytes + extra - before - used;

        if (before > 0) {
            munmap(mapped, (size_t)before);
        }
        if (behind > 0) {
            munmap(mapped + before + used, (size_t)behind);
        }
        mapped += before;
        (void)madvise(mapped, (size_t)bytes, MADV_HUGEPAGE); /* fewer TLB misses; a host without it is only slower */
    }
    (void)madvise(mapped, (size_t)bytes, MADV_DONTDUMP); /* guest memory does not belong into core files */
    return mapped;
}

/* The memory is there afterwards; its content stays, whoever writes to it meanwhile. */
static int populate(uint8_t *bytes, uint64_t length)
{
    if (madvise(bytes, (size_t)length, MADV_POPULATE_WRITE) == 0) {
        return 0;
    }
    if (errno != EINVAL) {
        return -errno;
    }
    for (uint64_t at = 0; at < length; at += PAGE_BYTES) { /* Linux before 5.14 */
        __atomic_fetch_or(bytes + at, 0, __ATOMIC_RELAXED);
    }
    return 0;
}

/* The arena that is most in need; NULL: none. */
static WireArena *next_arena(const WireMemory *memory)
{
    WireArena *found = NULL;

    for (WireArena *arena = memory->first; arena; arena = arena->next) {
        if (arena->ready < arena->wanted &&
            (!found || arena->wanted - arena->ready < found->wanted - found->ready)) {
            found = arena;
        }
    }
    return found;
}

static void *thread_main(void *argument)
{
    WireMemory *memory = argument;

    pthread_mutex_lock(&memory->lock);
    while (!memory->ends) {
        WireArena *arena = next_arena(memory);

        if (!arena) {
            pthread_cond_wait(&memory->changed, &memory->lock);
            continue;
        }
        uint8_t *from = arena->bytes + arena->ready;
        uint64_t step = least(STEP_BYTES, arena->wanted - arena->ready);

        memory->in_work = arena;
        pthread_mutex_unlock(&memory->lock);
        (void)populate(from, step); /* if there is none its user will notice */
        pthread_mutex_lock(&memory->lock);
        arena->ready += step;
        memory->stats.ahead_bytes += step;
        memory->in_work = NULL;
        pthread_cond_broadcast(&memory->changed);
    }
    pthread_mutex_unlock(&memory->lock);
    return NULL;
}

int wire_memory_new(WireMemory **memory, uint64_t reserve_bytes)
{
    WireMemory *made = calloc(1, sizeof *made);
    int status = 0;

    *memory = NULL;
    if (!made) {
        return -ENOMEM;
    }
    pthread_mutex_init(&made->lock, NULL);
    pthread_cond_init(&made->changed, NULL);
    reserve_bytes = whole_huge(reserve_bytes);
    if (reserve_bytes > 0) {
        made->reserve = map(reserve_bytes);
        made->stats.reserve_bytes = made->reserve ? reserve_bytes : 0;
        status = made->reserve ? populate(made->reserve, reserve_bytes) : -ENOMEM;
    }
    if (status == 0) {
        status = -pthread_create(&made->thread, NULL, thread_main, made);
        made->has_thread = status == 0;
    }
    if (status != 0) {
        wire_memory_free(made);
        return status;
    }
    *memory = made;
    return 0;
}

void wire_memory_free(WireMemory *memory)
{
    if (!memory) {
        return;
    }
    pthread_mutex_lock(&memory->lock);
    memory->ends = true;
    pthread_cond_broadcast(&memory->changed);
    pthread_mutex_unlock(&memory->lock);
    if (memory->has_thread) {
        pthread_join(memory->thread, NULL);
    }
    if (memory->stats.reserve_bytes > memory->stats.moved_bytes) {
        munmap(memory->reserve + memory->stats.moved_bytes,
               (size_t)(memory->stats.reserve_bytes - memory->stats.moved_bytes));
    }
    pthread_cond_destroy(&memory->changed);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

WireMemoryStats wire_memory_stats(WireMemory *memory)
{
    pthread_mutex_lock(&memory->lock);
    WireMemoryStats stats = memory->stats;
    pthread_mutex_unlock(&memory->lock);
    return stats;
}

/* Moves memory of the reserve to the arena's front. */
static void take_front(WireArena *arena, uint64_t bytes)
{
    WireMemory *memory = arena->memory;
    WireMemoryStats *stats = &memory->stats;

    bytes = whole_huge(least(bytes, least(arena->length, stats->reserve_bytes - stats->moved_bytes)));
    if (bytes > 0 && mremap(memory->reserve + stats->moved_bytes, (size_t)bytes, (size_t)bytes,
                            MREMAP_MAYMOVE | MREMAP_FIXED, arena->bytes) != MAP_FAILED) {
        stats->moved_bytes += bytes;
        arena->ready = arena->wanted = bytes;
    }
}

int wire_arena_take(WireArena *arena, WireMemory *memory, uint64_t bytes, uint64_t front_bytes)
{
    memset(arena, 0, sizeof *arena);
    arena->alarm = UINT64_MAX;
    arena->bytes = map(bytes);
    if (!arena->bytes) {
        return -ENOMEM;
    }
    arena->length = bytes;
    arena->memory = memory;
    if (!memory) {
        return 0;
    }
    if (bytes < HUGE_BYTES && front_bytes >= bytes && populate(arena->bytes, bytes) == 0) {
        arena->ready = arena->wanted = bytes;
        return 0;
    }
    pthread_mutex_lock(&memory->lock);
    take_front(arena, front_bytes);
    arena->next = memory->first;
    memory->first = arena;
    pthread_mutex_unlock(&memory->lock);
    arena->alarm = arena->ready > WIRE_MEMORY_AHEAD_BYTES ? arena->ready - WIRE_MEMORY_AHEAD_BYTES : 0;
    return 0;
}

void wire_arena_spare(WireArena *arena)
{
    if (arena->length > arena->ready) {
        (void)madvise(arena->bytes + arena->ready, (size_t)(arena->length - arena->ready), MADV_NOHUGEPAGE);
    }
}

void wire_arena_give(WireArena *arena)
{
    WireMemory *memory = arena->memory;

    if (memory) {
        pthread_mutex_lock(&memory->lock);
        while (memory->in_work == arena) {
            pthread_cond_wait(&memory->changed, &memory->lock);
        }
        for (WireArena **link = &memory->first; *link; link = &(*link)->next) {
            if (*link == arena) {
                *link = arena->next;
                break;
            }
        }
        pthread_mutex_unlock(&memory->lock);
    }
    if (arena->bytes) {
        munmap(arena->bytes, (size_t)arena->length);
    }
    memset(arena, 0, sizeof *arena);
}

void wire_arena_advance(WireArena *arena, uint64_t bytes)
{
    WireMemory *memory = arena->memory;
    uint64_t wanted = whole_huge(least(bytes, arena->length) + WIRE_MEMORY_AHEAD_BYTES + STEP_BYTES);

    wanted = least(wanted, arena->length);
    arena->alarm = wanted == arena->length ? UINT64_MAX : wanted - WIRE_MEMORY_AHEAD_BYTES;
    if (!memory) {
        return;
    }
    pthread_mutex_lock(&memory->lock);
    if (wanted > arena->wanted) {
        arena->wanted = wanted;
        pthread_cond_broadcast(&memory->changed);
    }
    pthread_mutex_unlock(&memory->lock);
}
