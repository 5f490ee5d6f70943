/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/ram-map.c on real processes. */
#include "base/error.h"
#include "base/units.h"
#include "memory-child.h"

#define PAGES 16384

static void test_finds_ram(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = PAGES, .absent_pages = 4096});
    g_autoptr(GError) error = NULL;
    g_autoptr(RamMap) map = ram_map_open(child->pid, PAGES * PAGE_BYTES, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(map->regions_length, ==, 1);
    g_assert_cmpuint(map->pages, ==, PAGES);
    g_assert_cmpuint(map->resident_bytes, ==, (PAGES - 4096) * PAGE_BYTES);
    g_assert_cmpuint(map->grain_bytes, ==, PAGE_BYTES);
    g_assert_cmpuint(map->start_ticks, >, 0);
    g_assert_false(map->is_kvm);
    g_assert_cmphex(ram_map_page_address(map, 5), ==, map->regions[0].start + 5 * PAGE_BYTES);
}

static void test_notices_the_end(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = PAGES});
    g_autoptr(RamMap) map = ram_map_open(child->pid, PAGES * PAGE_BYTES, NULL);
    g_autoptr(GError) error = NULL;

    g_assert_true(ram_map_is_alive(map));
    g_assert_true(ram_map_read_usage(map, NULL));
    memory_child_end(child);
    g_assert_false(ram_map_is_alive(map));
    g_assert_false(ram_map_read_usage(map, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST);
}

static void test_no_such_process(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = 16});
    pid_t pid = child->pid;
    g_autoptr(GError) error = NULL;

    memory_child_end(child);
    g_assert_null(ram_map_open(pid, MIB, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST);
}

static void test_no_such_memory(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = PAGES});
    g_autoptr(GError) error = NULL;

    g_assert_null(ram_map_open(child->pid, 64 * GIB, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "64 GiB"));
}

static void test_states_huge_grain(void)
{
    g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = PAGES, .is_anonymous = TRUE});
    g_autoptr(GError) error = NULL;
    g_autoptr(RamMap) map = ram_map_open(child->pid, PAGES * PAGE_BYTES, &error);

    g_assert_no_error(error);
    if (map->huge_mapped_bytes == 0) {
        g_test_skip("this kernel gave no huge pages");
        return;
    }
    g_assert_cmpuint(map->grain_bytes, ==, 2 * MIB);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ram-map/finds-the-ram-of-a-process", test_finds_ram);
    g_test_add_func("/ram-map/notices-that-the-process-ended", test_notices_the_end);
    g_test_add_func("/ram-map/refuses-a-process-that-is-not-there", test_no_such_process);
    g_test_add_func("/ram-map/refuses-a-process-without-such-memory", test_no_such_memory);
    g_test_add_func("/ram-map/states-the-grain-of-huge-pages", test_states_huge_grain);
    return g_test_run();
}
