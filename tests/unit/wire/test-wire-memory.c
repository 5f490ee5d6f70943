/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/wire-memory.c: what is there before it is used, by the kernel's own account (mincore), and that it is
 * never more than was asked for. */
#include "wire/wire-memory.h"
#include "wire/src-encode.h"

#include <glib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MIB     (UINT64_C(1) << 20)
#define WAIT_US 10000
#define WAITS   1000 /* 10 s: only a failure waits that long */

/* How much of it the process has memory for; of the holes before the next used page nothing. */
static guint64 resident_bytes(const guint8 *bytes, guint64 length)
{
    gsize page_bytes = (gsize)sysconf(_SC_PAGESIZE);
    guint64 sum = 0;
    gsize pages = (length + page_bytes - 1) / page_bytes;
    g_autofree guint8 *is_there = g_malloc(pages);

    g_assert_cmpint(mincore((void *)(guintptr)bytes, length, is_there), ==, 0);
    for (gsize i = 0; i < pages; i++) {
        sum += is_there[i] & 1 ? page_bytes : 0;
    }
    return sum;
}

static void await_resident(const WireArena *arena, guint64 at_least)
{
    guint waits = 0;

    while (resident_bytes(arena->bytes, arena->length) < at_least && waits++ < WAITS) {
        g_usleep(WAIT_US);
    }
    g_assert_cmpuint(resident_bytes(arena->bytes, arena->length), >=, at_least);
}

static void test_front_is_there(void)
{
    WireMemory *memory;
    WireArena small, row, rest;

    g_assert_cmpint(wire_memory_new(&memory, 9 * MIB), ==, 0);
    g_assert_cmpuint(wire_memory_stats(memory).reserve_bytes, ==, 8 * MIB); /* whole huge pages */
    g_assert_cmpint(wire_arena_take(&small, memory, 100000, 100000), ==, 0);
    g_assert_cmpuint(resident_bytes(small.bytes, small.length), >=, 100000);
    g_assert_cmpint(wire_arena_take(&row, memory, 64 * MIB, 4 * MIB), ==, 0);
    g_assert_cmpuint(resident_bytes(row.bytes, row.length), ==, 4 * MIB);
    g_assert_cmpint(wire_arena_take(&rest, memory, 64 * MIB, 64 * MIB), ==, 0);
    g_assert_cmpuint(resident_bytes(rest.bytes, rest.length), ==, 4 * MIB);
    g_assert_cmpuint(wire_memory_stats(memory).moved_bytes, ==, 8 * MIB);
    for (guint64 at = 0; at < 8 * MIB; at += 4096) { /* zeros, and ours alone */
        g_assert_cmpint(row.bytes[at], ==, 0);
        g_assert_cmpint(rest.bytes[at], ==, 0);
        row.bytes[at] = 1;
        rest.bytes[at] = 2;
        g_assert_cmpint(row.bytes[at], ==, 1);
    }
    wire_arena_give(&small);
    wire_arena_give(&row);
    wire_arena_give(&rest);
    wire_memory_free(memory);
}

static void test_thread_keeps_ahead(void)
{
    WireMemory *memory;
    WireArena arena;
    guint64 reserve_bytes = WIRE_MEMORY_AHEAD_BYTES + 4 * MIB;

    g_assert_cmpint(wire_memory_new(&memory, reserve_bytes), ==, 0);
    g_assert_cmpint(wire_arena_take(&arena, memory, 128 * MIB, 128 * MIB), ==, 0);
    for (guint64 reached = 0; reached < 4 * MIB; reached += 4096) {
        wire_arena_reach(&arena, reached);
    }
    wire_arena_reach(&arena, 4 * MIB); /* the reserve is ahead enough */
    g_assert_cmpuint(resident_bytes(arena.bytes, arena.length), ==, reserve_bytes);
    memset(arena.bytes, 7, 10 * MIB);
    wire_arena_reach(&arena, 10 * MIB);
    await_resident(&arena, 10 * MIB + WIRE_MEMORY_AHEAD_BYTES);
    g_assert_cmpuint(resident_bytes(arena.bytes, arena.length), <=, 10 * MIB + WIRE_MEMORY_AHEAD_BYTES + 4 * MIB);
    g_assert_cmpint(arena.bytes[0], ==, 7); /* populating changes nothing */
    g_assert_cmpint(arena.bytes[10 * MIB - 1], ==, 7);
    wire_arena_reach(&arena, 127 * MIB);
    await_resident(&arena, 128 * MIB);
    g_assert_cmpuint(wire_memory_stats(memory).ahead_bytes, ==, 128 * MIB - reserve_bytes);
    wire_arena_give(&arena);
    wire_memory_free(memory);
}

/* Given back while the thread is at it. */
static void test_give_early(void)
{
    WireMemory *memory;
    WireArena arenas[3];

    g_assert_cmpint(wire_memory_new(&memory, 0), ==, 0);
    for (guint round = 0; round < 5; round++) {
        for (guint i = 0; i < G_N_ELEMENTS(arenas); i++) {
            g_assert_cmpint(wire_arena_take(&arenas[i], memory, 8 * MIB + i, 8 * MIB), ==, 0);
            wire_arena_reach(&arenas[i], 8 * MIB + i);
        }
        g_usleep(200 * round);
        for (guint i = 0; i < G_N_ELEMENTS(arenas); i++) {
            wire_arena_give(&arenas[(i + round) % G_N_ELEMENTS(arenas)]);
        }
    }
    g_assert_cmpuint(wire_memory_stats(memory).ahead_bytes, <=, 5 * 3 * 9 * MIB);
    wire_memory_free(memory);
}

static void test_without(void)
{
    WireArena arena;

    g_assert_cmpint(wire_arena_take(&arena, NULL, 16 * MIB, 16 * MIB), ==, 0);
    wire_arena_reach(&arena, 8 * MIB);
    g_assert_cmpuint(resident_bytes(arena.bytes, arena.length), ==, 0);
    wire_arena_give(&arena);
    wire_arena_give(&arena); /* nothing */
    g_assert_cmpint(wire_arena_take(&arena, NULL, 0, 0), ==, -ENOMEM);
}

/* An encoder's tables never have more than its budget, and their memory is there before the first page comes. */
static void test_encoder(void)
{
    SrcEncodeConfig config;
    SrcEncode *encode;
    WireMemory *memory;

    src_encode_config_init(&config, 24 * MIB);
    g_assert_cmpint(wire_memory_new(&memory, config.memory_bytes_max), ==, 0);
    guint64 reserve_bytes = wire_memory_stats(memory).reserve_bytes;

    config.memory = memory;
    g_assert_cmpint(src_encode_new(&encode, &config), ==, 0);
    g_assert_cmpuint(src_encode_stats(encode)->memory_bytes, <=, config.memory_bytes_max);
    g_assert_cmpuint(wire_memory_stats(memory).moved_bytes, >=, reserve_bytes / 4 * 3);
    g_assert_cmpuint(wire_memory_stats(memory).moved_bytes, <=, config.memory_bytes_max);
    src_encode_free(encode);
    wire_memory_free(memory);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wire-memory/front-is-there", test_front_is_there);
    g_test_add_func("/wire-memory/thread-keeps-ahead", test_thread_keeps_ahead);
    g_test_add_func("/wire-memory/give-early", test_give_early);
    g_test_add_func("/wire-memory/without", test_without);
    g_test_add_func("/wire-memory/encoder", test_encoder);
    return g_test_run();
}
