/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/tracker-clear-refs.c: real accessed bits of a process whose accesses are known. */
#include "base/error.h"
#include "base/units.h"
#include "memory-child.h"
#include "observe/tracker.h"

#include <math.h>

#define PAGES 32768
#define BACKGROUND_PAGES 1 /* the silent write */

static gboolean can_run(void)
{
    g_autofree char *why = NULL;

    if (!TRACKER_CLEAR_REFS.probe(&why)) {
        g_test_skip(why);
        return FALSE;
    }
    return TRUE;
}

/* Every window sees just the pages that are touched: none is missed because its translation was still in a TLB (areas of
 * 2 and 8 MiB fit), none counted that was not touched. */
static void test_counts_exactly(gconstpointer data)
{
    guint pages = GPOINTER_TO_UINT(data);
    g_autoptr(GError) error = NULL;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) child =
        memory_child_new(&(MemoryChildPlan){.pages = PAGES, .read_pages = pages, .written_pages = 64, .dirty_bytes = 1});
    g_autoptr(RamMap) map = ram_map_open(child->pid, PAGES * PAGE_BYTES, &error);
    g_assert_no_error(error);
    Tracker *tracker = TRACKER_CLEAR_REFS.open(map, 1, &error);
    g_assert_no_error(error);

    for (int window = 0; window < 10; window++) {
        TrackerScan scan;

        g_assert_true(TRACKER_CLEAR_REFS.arm(tracker, 0, &error));
        memory_child_wait(child, 2);
        tracker_scan_init(&scan);
        g_assert_true(TRACKER_CLEAR_REFS.scan(tracker, &scan, &error));
        g_assert_cmpfloat(scan.accessed_pages, ==, pages + 64 + BACKGROUND_PAGES);
        g_assert_true(isnan(scan.written_pages));
        g_assert_cmpuint(scan.grain_bytes, ==, PAGE_BYTES);
    }
    TRACKER_CLEAR_REFS.close(tracker);
}

static void test_counts_huge_pages(void)
{
    g_autoptr(GError) error = NULL;
    TrackerScan scan;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) child =
        memory_child_new(&(MemoryChildPlan){.pages = PAGES, .read_pages = 700, .is_anonymous = TRUE});
    g_autoptr(RamMap) map = ram_map_open(child->pid, PAGES * PAGE_BYTES, &error);
    g_assert_no_error(error);
    if (map->huge_mapped_bytes < PAGES * PAGE_BYTES / 2) {
        g_test_skip("this kernel gave too few huge pages");
        return;
    }
    Tracker *tracker = TRACKER_CLEAR_REFS.open(map, 1, &error);
    g_assert_true(TRACKER_CLEAR_REFS.arm(tracker, 0, &error));
    memory_child_wait(child, 2);
    tracker_scan_init(&scan);
    g_assert_true(TRACKER_CLEAR_REFS.scan(tracker, &scan, &error));
    g_assert_cmpuint(scan.grain_bytes, ==, 2 * MIB);
    g_assert_cmpfloat(scan.accessed_pages, >=, 700);
    TRACKER_CLEAR_REFS.close(tracker);
}

static void test_notices_the_end(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) scan_error = NULL;
    TrackerScan scan;

    if (!can_run()) {
        return;
    }
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = PAGES});
    g_autoptr(RamMap) map = ram_map_open(child->pid, PAGES * PAGE_BYTES, NULL);
    Tracker *tracker = TRACKER_CLEAR_REFS.open(map, 1, NULL);
    g_assert_true(TRACKER_CLEAR_REFS.arm(tracker, 0, NULL));
    memory_child_end(child);
    g_assert_false(TRACKER_CLEAR_REFS.scan(tracker, &scan, &scan_error));
    g_assert_error(scan_error, GODWIT_ERROR, GODWIT_ERROR_LOST);
    g_assert_false(TRACKER_CLEAR_REFS.arm(tracker, 0, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST);
    TRACKER_CLEAR_REFS.close(tracker);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/tracker-clear-refs/counts-2-MiB-exactly", GUINT_TO_POINTER(512), test_counts_exactly);
    g_test_add_data_func("/tracker-clear-refs/counts-8-MiB-exactly", GUINT_TO_POINTER(2048), test_counts_exactly);
    g_test_add_func("/tracker-clear-refs/counts-huge-pages-and-says-so", test_counts_huge_pages);
    g_test_add_func("/tracker-clear-refs/notices-that-the-process-ended", test_notices_the_end);
    return g_test_run();
}
