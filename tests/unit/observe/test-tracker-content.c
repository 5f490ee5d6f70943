/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/tracker-content.c: the real memory of a process whose writes are known. */
#include "base/error.h"
#include "base/units.h"
#include "memory-child.h"
#include "observe/tracker.h"

#include <math.h>

#define PAGES 131072 /* 512 MiB */
#define WINDOWS 30
#define BUDGET_NS (600 * 1000) /* of CPU time per window: some 200 looks */

static gboolean can_run(void)
{
    g_autofree char *why = NULL;

    if (!TRACKER_CONTENT.probe(&why)) {
        g_test_skip(why);
        return FALSE;
    }
    return TRUE;
}

typedef struct Means {
    double written_pages;
    double standard_error;
    double dirty_bytes_per_page;
} Means;

static Means measure(const MemoryChildPlan *plan, guint64 seed)
{
    g_autoptr(MemoryChild) child = memory_child_new(plan);
    g_autoptr(GError) error = NULL;
    g_autoptr(RamMap) map = ram_map_open(child->pid, plan->pages * PAGE_BYTES, &error);
    Means means = {0};
    double bytes = 0, variance = 0;

    g_assert_no_error(error);
    Tracker *tracker = TRACKER_CONTENT.open(map, seed, &error);
    g_assert_no_error(error);
    for (int window = 0; window < WINDOWS; window++) {
        TrackerScan scan;

        g_assert_true(TRACKER_CONTENT.arm(tracker, BUDGET_NS, &error));
        memory_child_wait(child, 2);
        tracker_scan_init(&scan);
        g_assert_true(TRACKER_CONTENT.scan(tracker, &scan, &error));
        g_assert_true(isnan(scan.accessed_pages));
        g_assert_cmpfloat(scan.written_pages_variance, >=, 0);
        means.written_pages += scan.written_pages / WINDOWS;
        bytes += scan.dirty_bytes / WINDOWS;
        variance += scan.written_pages_variance / WINDOWS / WINDOWS;
    }
    TRACKER_CONTENT.close(tracker);
    means.standard_error = sqrt(variance);
    means.dirty_bytes_per_page = bytes / means.written_pages;
    return means;
}

static void test_counts_writes(gconstpointer data)
{
    guint pages = GPOINTER_TO_UINT(data);

    if (!can_run()) {
        return;
    }
    for (guint64 seed = 1; seed <= 3; seed++) {
        Means means = measure(&(MemoryChildPlan){.pages = PAGES, .read_pages = 300, .written_pages = pages, .dirty_bytes = 8},
                              seed);

        g_test_message("truth %u, measured %g +- %g", pages, means.written_pages, means.standard_error);
        /* two of the 10 %; a busy machine's budget pays for fewer looks, and the error says so */
        g_assert_cmpfloat(fabs(means.written_pages - pages), <=, fmax(0.2 * pages, 4 * means.standard_error));
        /* a look between the child's two writes to a page sees fewer */
        g_assert_cmpfloat_with_epsilon(means.dirty_bytes_per_page, 8, 0.1);
    }
}

/* Pages that are read and pages written with what they hold are not writes. */
static void test_reads_are_no_writes(void)
{
    if (can_run()) {
        g_assert_cmpfloat(measure(&(MemoryChildPlan){.pages = PAGES, .read_pages = 4096}, 1).written_pages, ==, 0);
    }
}

/* Looking at memory that was never touched would make it exist: it must not grow. */
static void test_leaves_absent_pages_alone(void)
{
    g_autoptr(GError) error = NULL;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){
        .pages = PAGES, .absent_pages = PAGES / 2, .written_pages = 512, .dirty_bytes = 64});
    g_autoptr(RamMap) map = ram_map_open(child->pid, PAGES * PAGE_BYTES, &error);
    guint64 before_bytes = map->resident_bytes;
    Tracker *tracker = TRACKER_CONTENT.open(map, 1, &error);
    for (int window = 0; window < 10; window++) {
        TrackerScan scan;
        g_assert_true(TRACKER_CONTENT.arm(tracker, 10 * BUDGET_NS, &error));
        g_assert_true(TRACKER_CONTENT.scan(tracker, &scan, &error));
    }
    g_assert_true(ram_map_read_usage(map, &error));
    g_assert_cmpuint(map->resident_bytes, ==, before_bytes);
    TRACKER_CONTENT.close(tracker);
}

static void test_notices_the_end(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) arm_error = NULL;
    TrackerScan scan;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = 4096});
    g_autoptr(RamMap) map = ram_map_open(child->pid, 4096 * PAGE_BYTES, NULL);
    Tracker *tracker = TRACKER_CONTENT.open(map, 1, NULL);
    g_assert_true(TRACKER_CONTENT.arm(tracker, BUDGET_NS, NULL));
    memory_child_end(child);
    g_assert_false(TRACKER_CONTENT.scan(tracker, &scan, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST);
    g_assert_false(TRACKER_CONTENT.arm(tracker, BUDGET_NS, &arm_error));
    g_assert_error(arm_error, GODWIT_ERROR, GODWIT_ERROR_LOST);
    TRACKER_CONTENT.close(tracker);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/tracker-content/counts-512-written-pages", GUINT_TO_POINTER(512), test_counts_writes);
    g_test_add_data_func("/tracker-content/counts-2048-written-pages", GUINT_TO_POINTER(2048), test_counts_writes);
    g_test_add_func("/tracker-content/takes-no-read-for-a-write", test_reads_are_no_writes);
    g_test_add_func("/tracker-content/leaves-absent-pages-alone", test_leaves_absent_pages_alone);
    g_test_add_func("/tracker-content/notices-that-the-process-ended", test_notices_the_end);
    return g_test_run();
}
