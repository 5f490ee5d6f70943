/* SPDX-License-Identifier: Apache-2.0
 *
 * The large tables of a relay, and the memory behind them.
 *
 * Address space costs nothing and is taken at once.  Memory costs when it is touched for the first time: the kernel has
 * to find it, clear it and, inside a VM, often ask its own host for it.  A relay that did that page by page while QEMU
 * waits would spend more time there than on comparing, so it is done before:
 *
 *     WireMemory   a reserve that is populated when the relay starts, and a thread that populates further
 *     WireArena    a table; its front is the reserve's memory, moved there (mremap), not copied
 *
 *     arena    |  from the reserve  |  by the thread  |          address space only          |
 *                        ^ reached          ^ reached + WIRE_MEMORY_AHEAD_BYTES, or more
 *
 * Tables are used from their front on and say how far (wire_arena_reach).  At most the reserve and that much ahead of
 * each table are populated in vain; all of it is within what the tables may have at most. */
#pragma once

#include <stdint.h>

#define WIRE_MEMORY_RESERVE_BYTES (UINT64_C(256) << 20) /* of one relay, at start; less where it may not use as much */
#define WIRE_MEMORY_AHEAD_BYTES   (UINT64_C(32) << 20)
#define WIRE_MEMORY_TABLE_BYTES   (UINT64_C(32) << 20) /* of the reserve for one of the smaller tables */

typedef struct WireMemory WireMemory;

typedef struct WireArena {
    uint8_t *bytes;    /* [length] of zeros; NULL: not taken */
    uint64_t length;
    uint64_t alarm;    /* wire_arena_reach has nothing to do up to here */
    WireMemory *memory;
    /* Under the lock of 'memory': populated from the front, to be populated. */
    uint64_t ready, wanted;
    struct WireArena *next;
} WireArena;

typedef struct WireMemoryStats {
    uint64_t reserve_bytes; /* populated at start */
    uint64_t moved_bytes;   /* of these, in arenas now or before */
    uint64_t ahead_bytes;   /* populated by the thread */
} WireMemoryStats;

/* Populates 'reserve_bytes' (rounded down to whole huge pages) and starts the thread.  0, -ENOMEM, -EAGAIN. */
int wire_memory_new(WireMemory **memory, uint64_t reserve_bytes);

/* All arenas were given back before.  NULL is fine. */
void wire_memory_free(WireMemory *memory);

WireMemoryStats wire_memory_stats(WireMemory *memory);

/* Takes 'bytes' of zeros, at most the first 'front_bytes' of them from the reserve, as far as it has any left (what is
 * smaller than a huge page is populated here).  'memory' NULL: nothing is populated ahead.  The arena must stay where it is until it is given back.  0 or -ENOMEM. */
int wire_arena_take(WireArena *arena, WireMemory *memory, uint64_t bytes, uint64_t front_bytes);

/* It will be used here and there only: no huge pages where nothing is yet. */
void wire_arena_spare(WireArena *arena);

/* NULL bytes are fine. */
void wire_arena_give(WireArena *arena);

/* The slow part of wire_arena_reach. */
void wire_arena_advance(WireArena *arena, uint64_t bytes);

/* The first 'bytes' are in use now.  One thread of each arena. */
static inline void wire_arena_reach(WireArena *arena, uint64_t bytes)
{
    if (bytes > arena->alarm) {
        wire_arena_advance(arena, bytes);
    }
}
