/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/page-panel.c on memory whose content is known. */
#include "observe/page-panel.h"

#include <math.h>
#include <string.h>

#include "observe/ram-map.h"

#define PAGES 8192

typedef struct Memory {
    guint8 *bytes;
    guint64 present_below; /* pages from here on are absent */
    gboolean is_gone;
} Memory;

static guint64 present(guint64 first, guint length, gpointer user)
{
    const Memory *memory = user;

    g_assert_cmpuint(length, ==, 1);
    return first < memory->present_below;
}

static gboolean read_pages(const guint64 *pages, guint length, guint8 *target, guint64 *is_read, gpointer user)
{
    const Memory *memory = user;

    g_assert_cmpuint(length, <=, PANEL_BATCH_PAGES);
    for (guint i = 0; i < length; i++) {
        g_assert_cmpuint(pages[i], <, memory->present_below);
        memcpy(target + i * PAGE_BYTES, memory->bytes + pages[i] * PAGE_BYTES, PAGE_BYTES);
        *is_read |= (guint64)1 << i;
    }
    return !memory->is_gone;
}

/* A quarter random, a quarter of one byte repeated, the rest zero. */
static Memory memory_new(void)
{
    Memory memory = {.bytes = g_malloc0(PAGES * PAGE_BYTES), .present_below = PAGES};
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (gsize i = 0; i < PAGES / 4 * PAGE_BYTES / 4; i++) {
        ((guint32 *)(void *)memory.bytes)[i] = g_rand_int(rand);
    }
    memset(memory.bytes + PAGES / 4 * PAGE_BYTES, 'x', PAGES / 4 * PAGE_BYTES);
    return memory;
}

static void test_shares(void)
{
    Memory memory = memory_new();
    g_autoptr(PagePanel) panel = panel_new(PAGES, 7, present, read_pages, &memory);

    g_assert_true(isnan(panel_reading(panel)->used_share));
    g_assert_true(panel_begin(panel, 1024));
    g_assert_cmpfloat_with_epsilon(panel_reading(panel)->used_share, 0.5, 0.01);
    g_assert_cmpfloat_with_epsilon(panel_reading(panel)->compressed_share, 0.5, 0.05);
    g_assert_true(isnan(panel_reading(panel)->write_set_pages));
    memory.present_below = PAGES / 4; /* what is absent is zero */
    g_assert_true(panel_begin(panel, 1024));
    g_assert_cmpfloat_with_epsilon(panel_reading(panel)->used_share, 0.25, 0.01);
    g_assert_cmpfloat(panel_reading(panel)->compressed_share, >, 0.95);
    g_free(memory.bytes);
}

/* Written once is written for good, and what nobody wrote is not. */
static void test_write_set(void)
{
    Memory memory = memory_new();
    g_autoptr(PagePanel) panel = panel_new(PAGES, 8, present, read_pages, &memory);

    g_assert_true(panel_begin(panel, 1024));
    g_assert_true(panel_look(panel));
    g_assert_cmpfloat(panel_reading(panel)->write_set_pages, ==, 0);
    for (guint64 page = 1000; page < 3048; page++) {
        memory.bytes[page * PAGE_BYTES + page % PAGE_BYTES] ^= 1;
    }
    g_assert_true(panel_look(panel));
    g_assert_cmpfloat_with_epsilon(panel_reading(panel)->write_set_pages, 2048, 40);
    double before = panel_reading(panel)->write_set_pages;
    for (guint64 page = 1000; page < 3048; page++) {
        memory.bytes[page * PAGE_BYTES + page % PAGE_BYTES] ^= 1; /* as it was */
    }
    g_assert_true(panel_look(panel));
    g_assert_cmpfloat(panel_reading(panel)->write_set_pages, ==, before);
    g_assert_true(panel_begin(panel, 1024)); /* another panel knows nothing of it */
    g_assert_true(panel_look(panel));
    g_assert_cmpfloat(panel_reading(panel)->write_set_pages, ==, 0);
    g_free(memory.bytes);
}

static void test_ends_with_the_process(void)
{
    Memory memory = memory_new();
    g_autoptr(PagePanel) panel = panel_new(PAGES, 9, present, read_pages, &memory);

    g_assert_true(panel_begin(panel, 100));
    memory.is_gone = TRUE;
    g_assert_false(panel_look(panel));
    g_assert_false(panel_begin(panel, 100));
    g_free(memory.bytes);
}

/* Memory that is smaller than a panel, or all zero, or absent. */
static void test_little_memory(void)
{
    Memory memory = memory_new();
    g_autoptr(PagePanel) small = panel_new(3, 10, present, read_pages, &memory);
    g_autoptr(PagePanel) absent = panel_new(PAGES, 10, present, read_pages, &memory);

    g_assert_true(panel_begin(small, 1024) && panel_look(small));
    g_assert_cmpfloat(panel_reading(small)->used_share, ==, 1);
    memory.present_below = 0;
    g_assert_true(panel_begin(absent, 1024) && panel_look(absent));
    g_assert_cmpfloat(panel_reading(absent)->used_share, ==, 0);
    g_assert_true(isnan(panel_reading(absent)->compressed_share));
    g_free(memory.bytes);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/page-panel/tells-what-is-used-and-how-it-compresses", test_shares);
    g_test_add_func("/page-panel/tells-what-was-written-at-least-once", test_write_set);
    g_test_add_func("/page-panel/ends-with-the-process", test_ends_with_the_process);
    g_test_add_func("/page-panel/takes-memory-as-it-is", test_little_memory);
    return g_test_run();
}
