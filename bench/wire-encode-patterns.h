/* SPDX-License-Identifier: Apache-2.0
 *
 * What guests do to pages, for wire-encode-bench: from nothing to whatever we know to cost the encoder most; and what
 * its tables have in common. */
#pragma once

#include "base/rng.h"
#include "wire/frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PAGE 4096u

typedef struct Arena {
    guint pages, repeats;
    Rng rng;
    guint8 *random; /* [pages * PAGE] */
    guint8 *chunk;  /* [CHUNK_PAGES * RECORD] */
    guint8 *out;
    WireFrame *frame;
    guint8 *stream;
    FILE *json;
    gboolean has_json_rows;
} Arena;

static double cpu_s(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "wire-encode-bench: %s\n", what);
    exit(1);
}

static void json_row(Arena *arena, const char *table, const char *row, const char *column, double value)
{
    if (arena->json) {
        fprintf(arena->json, "%s\n  {\"table\": \"%s\", \"row\": \"%s\", \"column\": \"%s\", \"value\": %.4f}",
                arena->has_json_rows ? "," : "", table, row, column, value);
        arena->has_json_rows = TRUE;
    }
}

/* Changes 'page' as version 1 differs from version 0. */
typedef void (*Change)(Arena *arena, guint8 *page, guint number);

typedef struct Pattern {
    const char *name;
    Change change;
    gboolean is_shuffled;
} Pattern;

static void words(Arena *arena, guint8 *page, guint count)
{
    for (guint i = 0; i < count; i++) {
        page[(i * (512 / count) + rng_below(&arena->rng, 512 / count)) * 8] ^= 0xff;
    }
}

static void whole_words(guint8 *page, guint first, guint step, guint count)
{
    for (guint i = 0; i < count; i++) {
        for (guint byte = 0; byte < 8; byte++) {
            page[(first + i * step) % 512 * 8 + byte] ^= 0x55;
        }
    }
}

static void change_none(Arena *arena, guint8 *page, guint number)
{
}

static void change_1_word(Arena *arena, guint8 *page, guint number)
{
    whole_words(page, rng_below(&arena->rng, 512), 1, 1);
}

static void change_3_words(Arena *arena, guint8 *page, guint number)
{
    whole_words(page, rng_below(&arena->rng, 512), 170, 3);
}

static void change_16_words(Arena *arena, guint8 *page, guint number)
{
    whole_words(page, rng_below(&arena->rng, 512), 32, 16);
}

static void change_64_words(Arena *arena, guint8 *page, guint number)
{
    whole_words(page, rng_below(&arena->rng, 8), 8, 64);
}

static void change_65_bytes(Arena *arena, guint8 *page, guint number)
{
    words(arena, page, 65);
}

static void change_256_words(Arena *arena, guint8 *page, guint number)
{
    whole_words(page, 0, 2, 256);
}

static void change_376_words(Arena *arena, guint8 *page, guint number)
{
    for (guint i = 0; i < 512; i++) {
        if (i % 4 != 3 && i / 4 % 47 != 46) { /* 3 of 4, but for a few: just below what goes as RAW */
            page[i * 8 + rng_below(&arena->rng, 8)] ^= 0xff;
        }
    }
}

static void change_run(Arena *arena, guint8 *page, guint number)
{
    guint at = rng_below(&arena->rng, PAGE - 400);

    for (guint i = 0; i < 400; i++) {
        page[at + i] ^= 0x77;
    }
}

static void change_1024_bytes(Arena *arena, guint8 *page, guint number)
{
    for (guint i = 0; i < 1024; i++) {
        page[rng_below(&arena->rng, PAGE)]++;
    }
}

static void change_all(Arena *arena, guint8 *page, guint number)
{
    for (guint i = 0; i < PAGE; i += 8) {
        guint64 word = rng_u64(&arena->rng);

        memcpy(page + i, &word, 8);
    }
}

/* Every other page becomes equal to the one before it (whose last word changes only in version 1's neighbour). */
static void change_to_duplicate(Arena *arena, guint8 *page, guint number)
{
    if (number % 2 == 1) {
        memcpy(page, page - PAGE, PAGE);
    }
}

/* The same, but the last byte: the index proposes nothing, the hash has to be made all the same. */
static void change_to_near_duplicate(Arena *arena, guint8 *page, guint number)
{
    if (number % 2 == 1) {
        memcpy(page, page - PAGE, PAGE);
        page[PAGE - 1] ^= 1;
    }
}

/* Structures in memory: runs of 1 to 40 bytes, near each other in groups. */
static void change_structures(Arena *arena, guint8 *page, guint number)
{
    guint groups = 1 + rng_below(&arena->rng, 12);

    for (guint group = 0; group < groups; group++) {
        guint at = rng_below(&arena->rng, PAGE - 512);

        for (guint i = rng_below(&arena->rng, 5); i > 0; i--) {
            guint length = 1 + rng_below(&arena->rng, 40);

            memset(page + at, (int)rng_below(&arena->rng, 256), length);
            at += length + rng_below(&arena->rng, 60);
        }
    }
}

static const Pattern patterns[] = {
    {"none", change_none, FALSE},
    {"1 x 8 B", change_1_word, FALSE},
    {"3 x 8 B", change_3_words, FALSE},
    {"16 x 8 B", change_16_words, FALSE},
    {"64 x 8 B", change_64_words, FALSE},
    {"400 B run", change_run, FALSE},
    {"1024 random bytes", change_1024_bytes, FALSE},
    {"all", change_all, FALSE},
    {"65 bytes apart", change_65_bytes, FALSE},
    {"every other word", change_256_words, FALSE},
    {"bytes in 376 words", change_376_words, FALSE},
    {"duplicates", change_to_duplicate, FALSE},
    {"near duplicates", change_to_near_duplicate, FALSE},
    {"1 x 8 B, shuffled", change_1_word, TRUE},
    {"376 words, shuffled", change_376_words, TRUE},
    {"all, shuffled", change_all, TRUE},
};
#define PATTERNS G_N_ELEMENTS(patterns)
