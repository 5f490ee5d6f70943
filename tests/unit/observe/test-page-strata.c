/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/page-strata.c against memories of which every written page is known. */
#include "observe/page-strata.h"

#include <math.h>
#include <string.h>

#define PAGES 131072 /* a guest of 512 MiB */

/* A memory: which pages are present, and which are written in a window. */
typedef struct Memory {
    guint8 *present;
    guint8 *written;
    guint64 pages;
    guint asked_beyond; /* presence of pages that do not exist was asked for */
} Memory;

static void memory_init(Memory *memory, guint64 pages)
{
    *memory = (Memory){g_malloc(pages), g_malloc0(pages), pages, 0};
    memset(memory->present, 1, pages);
}

static void memory_clear(Memory *memory)
{
    g_free(memory->present);
    g_free(memory->written);
}

static guint64 memory_present(guint64 first, guint length, gpointer user)
{
    Memory *memory = user;
    guint64 bits = 0;

    for (guint i = 0; i < length; i++) {
        if (first + i >= memory->pages) {
            memory->asked_beyond++;
        } else {
            bits |= (guint64)memory->present[first + i] << i;
        }
    }
    return bits;
}

static void write_range(Memory *memory, guint64 first, guint64 length)
{
    memset(memory->written + first, 1, length);
}

static guint64 count_written(const Memory *memory)
{
    guint64 count = 0;

    for (guint64 i = 0; i < memory->pages; i++) {
        count += memory->written[i];
    }
    return count;
}

/* One window: looks at 'length' pages, 100 bytes changed in each that was written. */
static PageEstimate window(PageStrata *strata, const Memory *memory, guint length, GArray *looks)
{
    strata_draw(strata, length, looks);
    for (guint i = 0; i < looks->len; i++) {
        PageLook *look = &g_array_index(looks, PageLook, i);

        g_assert_cmpuint(look->page, <, memory->pages);
        g_assert_true(memory->present[look->page]);
        look->is_copied = TRUE;
        look->is_written = memory->written[look->page];
        look->dirty_bytes = look->is_written ? 100 : 0;
    }
    return strata_account(strata, looks);
}

/* The mean estimate of 'windows' windows; 'dirty_bytes' of it when not NULL. */
static double mean_of_windows(const Memory *memory, guint64 seed, guint windows, guint length, double *dirty_bytes,
                              double *standard_error)
{
    g_autoptr(GArray) looks = g_array_new(FALSE, TRUE, sizeof(PageLook));
    g_autoptr(PageStrata) strata =
        strata_new(memory->pages, memory->pages, seed, memory_present, (gpointer)memory);
    double written = 0, bytes = 0, variance = 0;

    for (guint i = 0; i < windows; i++) {
        PageEstimate estimate = window(strata, memory, length, looks);
        written += estimate.written_pages / windows;
        bytes += estimate.dirty_bytes / windows;
        variance += estimate.variance / windows / windows;
    }
    if (dirty_bytes) {
        *dirty_bytes = bytes;
    }
    if (standard_error) {
        *standard_error = sqrt(variance);
    }
    return written;
}

/* What the budget buys for one VM in ten seconds: 30 windows of 200 looks.  The error must be 10 % at most. */
static void check_precision(const Memory *memory)
{
    double truth = (double)count_written(memory);
    double squares = 0;
    const int runs = 40;

    for (int run = 0; run < runs; run++) {
        double mean = mean_of_windows(memory, 100 + (guint64)run, 30, 200, NULL, NULL);
        squares += (mean - truth) * (mean - truth) / runs;
    }
    g_test_message("%g written pages: error %.1f %%", truth, 100 * sqrt(squares) / truth);
    g_assert_cmpfloat(sqrt(squares), <=, 0.1 * truth);
}

static void test_precision(void)
{
    static const guint64 LENGTHS[] = {512, 1024, 2048};

    for (gsize i = 0; i < G_N_ELEMENTS(LENGTHS); i++) {
        Memory memory;
        memory_init(&memory, PAGES);
        write_range(&memory, 70007, LENGTHS[i]);
        check_precision(&memory);
        memory_clear(&memory);
    }
}

/* A guest's kernel gives out memory in pieces. */
static void test_precision_in_pieces(void)
{
    Memory memory;

    memory_init(&memory, PAGES);
    for (guint64 piece = 0; piece < 16; piece++) {
        write_range(&memory, 5000 + piece * 7001, 128);
    }
    check_precision(&memory);
    memory_clear(&memory);
}

/* The mean over many seeds is the truth: also where the division into strata does not help at all. */
static void test_is_unbiased(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(9);
    Memory memory;
    double sum = 0, squares = 0;
    const int runs = 600;

    memory_init(&memory, 20000);
    for (guint64 i = 0; i < memory.pages; i++) {
        memory.written[i] = g_rand_double(rand) < 0.01;
        memory.present[i] = g_rand_double(rand) < 0.7 || memory.written[i];
    }
    for (int run = 0; run < runs; run++) {
        double mean = mean_of_windows(&memory, (guint64)run, 8, 100, NULL, NULL);
        sum += mean / runs;
        squares += mean * mean / runs;
    }
    double truth = (double)count_written(&memory);
    double error_of_mean = sqrt((squares - sum * sum) / runs);
    g_test_message("truth %g, mean %g +- %g", truth, sum, error_of_mean);
    g_assert_cmpfloat(fabs(sum - truth), <=, 3.5 * error_of_mean);
    g_assert_cmpfloat(error_of_mean, <, 0.03 * truth);
    g_assert_cmpuint(memory.asked_beyond, ==, 0);
    memory_clear(&memory);
}

/* The error that is stated is not smaller than the one that is made. */
static void test_stated_error_is_honest(void)
{
    Memory memory;
    int within = 0;
    const int runs = 100;

    memory_init(&memory, PAGES);
    write_range(&memory, 30000, 700);
    for (int run = 0; run < runs; run++) {
        double stated = 0;
        double mean = mean_of_windows(&memory, (guint64)run + 7, 20, 200, NULL, &stated);
        within += fabs(mean - 700) <= 2 * stated;
    }
    g_test_message("%d of %d within two standard errors", within, runs);
    g_assert_cmpint(within, >=, 90);
    memory_clear(&memory);
}

/* With more looks than pages everything is looked at, and the answer exact. */
static void test_small_memory_is_exact(void)
{
    Memory memory;
    double bytes = 0;

    memory_init(&memory, 100);
    write_range(&memory, 90, 10);
    g_assert_cmpfloat(mean_of_windows(&memory, 3, 5, 1000, &bytes, NULL), ==, 10);
    g_assert_cmpfloat(bytes, ==, 1000);
    g_assert_cmpuint(memory.asked_beyond, ==, 0);
    memory_clear(&memory);
}

static void test_idle_memory(void)
{
    Memory memory;
    double stated = 0;

    memory_init(&memory, PAGES);
    g_assert_cmpfloat(mean_of_windows(&memory, 3, 20, 200, NULL, &stated), ==, 0);
    g_assert_cmpfloat(stated, >, 0); /* not seen is not the same as not there */
    memory_clear(&memory);
}

/* What stopped being written is forgotten: the looks go elsewhere again. */
static void test_forgets(void)
{
    g_autoptr(GArray) looks = g_array_new(FALSE, TRUE, sizeof(PageLook));
    Memory memory;

    memory_init(&memory, PAGES);
    write_range(&memory, 4096, 1024);
    g_autoptr(PageStrata) strata = strata_new(PAGES, PAGES, 1, memory_present, &memory);
    for (int i = 0; i < 20; i++) {
        window(strata, &memory, 200, looks);
    }
    window(strata, &memory, 200, looks);
    g_assert_cmpuint(strata_dense_pages(strata), >=, 1024);
    memset(memory.written, 0, PAGES);
    for (int i = 0; i < 60; i++) {
        g_assert_cmpfloat(window(strata, &memory, 200, looks).written_pages, ==, 0);
    }
    strata_draw(strata, 200, looks);
    g_assert_cmpuint(strata_dense_pages(strata), ==, 0);
    memory_clear(&memory);
}

static void test_same_seed_same_draw(void)
{
    Memory memory;

    memory_init(&memory, PAGES);
    write_range(&memory, 1000, 800);
    g_assert_cmpfloat(mean_of_windows(&memory, 42, 10, 100, NULL, NULL), ==,
                      mean_of_windows(&memory, 42, 10, 100, NULL, NULL));
    g_assert_cmpfloat(mean_of_windows(&memory, 42, 10, 100, NULL, NULL), !=,
                      mean_of_windows(&memory, 43, 10, 100, NULL, NULL));
    memory_clear(&memory);
}

static int compare_pages(gconstpointer a, gconstpointer b)
{
    const PageLook *left = a;
    const PageLook *right = b;

    return (left->page > right->page) - (left->page < right->page);
}

static void test_no_page_twice(void)
{
    g_autoptr(GArray) looks = g_array_new(FALSE, TRUE, sizeof(PageLook));
    Memory memory;

    memory_init(&memory, 5000);
    write_range(&memory, 1000, 800);
    g_autoptr(PageStrata) strata = strata_new(5000, 5000, 1, memory_present, &memory);
    for (int i = 0; i < 30; i++) {
        window(strata, &memory, 1024, looks);
        g_array_sort(looks, compare_pages);
        for (guint k = 1; k < looks->len; k++) {
            g_assert_cmpuint(g_array_index(looks, PageLook, k - 1).page, <, g_array_index(looks, PageLook, k).page);
        }
    }
    memory_clear(&memory);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/page-strata/error-is-a-tenth-at-most", test_precision);
    g_test_add_func("/page-strata/error-is-a-tenth-for-memory-in-pieces", test_precision_in_pieces);
    g_test_add_func("/page-strata/is-unbiased", test_is_unbiased);
    g_test_add_func("/page-strata/states-its-error-honestly", test_stated_error_is_honest);
    g_test_add_func("/page-strata/is-exact-when-all-is-looked-at", test_small_memory_is_exact);
    g_test_add_func("/page-strata/finds-nothing-where-nothing-is", test_idle_memory);
    g_test_add_func("/page-strata/forgets-what-stopped", test_forgets);
    g_test_add_func("/page-strata/repeats-with-the-seed", test_same_seed_same_draw);
    g_test_add_func("/page-strata/draws-no-page-twice", test_no_page_twice);
    return g_test_run();
}
