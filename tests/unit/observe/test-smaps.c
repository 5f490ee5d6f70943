/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/smaps.c: what is read from /proc/PID/smaps, and which mappings are taken for RAM. */
#include "base/error.h"
#include "base/units.h"
#include "observe/smaps.h"

#include <string.h>

static const char MEMFD[] =
    "55d0c0000000-55d0c0c00000 r-xp 00000000 fe:00 1234       /usr/bin/qemu-system-x86_64\n"
    "Size:              12288 kB\n"
    "Rss:                8000 kB\n"
    "Referenced:         8000 kB\n"
    "VmFlags: rd ex mr mw me\n"
    "55d0c2000000-55d0c2800000 rw-p 00000000 00:00 0          [heap]\n"
    "Rss:                4000 kB\n"
    "7f0000000000-7f0020000000 rw-s 00000000 00:01 77         /memfd:memory-backend-memfd (deleted)\n"
    "Size:             524288 kB\n"
    "KernelPageSize:        4 kB\n"
    "Rss:              300000 kB\n"
    "Referenced:         8192 kB\n"
    "AnonHugePages:         0 kB\n"
    "ShmemPmdMapped:     2048 kB\n"
    "SomethingNew:         17 kB\n"
    "VmFlags: rd wr sh mr mw me ms\n"
    "7f0030000000-7f0070000000 rwxp 00000000 00:00 0 \n"
    "Rss:               70000 kB\n"
    "7f0080000000-7f0081000000 rw-p 00000000 00:00 0 \n"
    "Rss:                 100 kB\n";

static void test_fields(void)
{
    g_autoptr(GPtrArray) entries = smaps_parse(MEMFD);
    const SmapsEntry *ram = g_ptr_array_index(entries, 2);

    g_assert_cmpuint(entries->len, ==, 5);
    g_assert_cmphex(ram->start, ==, 0x7f0000000000);
    g_assert_cmphex(ram->end, ==, 0x7f0020000000);
    g_assert_cmpstr(ram->permissions, ==, "rw-s");
    g_assert_cmpuint(ram->inode, ==, 77);
    g_assert_cmpstr(ram->name, ==, "/memfd:memory-backend-memfd (deleted)");
    g_assert_cmpuint(ram->resident_bytes, ==, 300000 * KIB);
    g_assert_cmpuint(ram->referenced_bytes, ==, 8192 * KIB);
    g_assert_cmpuint(ram->kernel_page_bytes, ==, 4 * KIB);
    g_assert_cmpuint(ram->huge_mapped_bytes, ==, 2048 * KIB);
}

static void test_memfd_is_ram(void)
{
    g_autoptr(GPtrArray) entries = smaps_parse(MEMFD);
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) ram = smaps_pick_ram(entries, 512 * MIB, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(ram->len, ==, 1);
    g_assert_true(ram->pdata[0] == entries->pdata[2]);
}

/* Without a backend, the anonymous mapping of the right size is RAM: not TCG's code buffer, which is larger and
 * executable, nor another that is larger still. */
static void test_anonymous_by_size(void)
{
    static const char TEXT[] = "7f0000000000-7f0010000000 rw-p 00000000 00:00 0 \nRss: 1 kB\n"
                               "7f1000000000-7f1020000000 rw-p 00000000 00:00 0 \nRss: 2 kB\n"
                               "7f2000000000-7f2080000000 rwxp 00000000 00:00 0 \nRss: 3 kB\n"
                               "7f3000000000-7f3040000000 rw-p 00000000 00:00 0 \nRss: 4 kB\n"
                               "7f4000000000-7f4040000000 ---p 00000000 00:00 0 \nRss: 0 kB\n";
    g_autoptr(GPtrArray) entries = smaps_parse(TEXT);
    g_autoptr(GPtrArray) fitting = smaps_pick_ram(entries, 512 * MIB, NULL);
    g_autoptr(GPtrArray) largest = smaps_pick_ram(entries, 0, NULL);

    g_assert_cmpuint(fitting->len, ==, 1);
    g_assert_true(fitting->pdata[0] == entries->pdata[1]);
    g_assert_cmpuint(largest->len, ==, 1);
    g_assert_true(largest->pdata[0] == entries->pdata[3]);
}

/* The kernel splits a mapping where advice differs; both halves are RAM. */
static void test_split_mapping(void)
{
    static const char TEXT[] = "7f0000000000-7f0010000000 rw-p 00000000 00:00 0 \nRss: 1 kB\n"
                               "7f0010000000-7f0020000000 rw-p 00000000 00:00 0 \nRss: 2 kB\n"
                               "7f0020000000-7f0020001000 ---p 00000000 00:00 0 \nRss: 0 kB\n";
    g_autoptr(GPtrArray) entries = smaps_parse(TEXT);
    g_autoptr(GPtrArray) ram = smaps_pick_ram(entries, 512 * MIB, NULL);

    g_assert_cmpuint(ram->len, ==, 2);
}

/* Two backends (NUMA nodes) are both RAM. */
static void test_two_backends(void)
{
    static const char TEXT[] =
        "7f0000000000-7f0010000000 rw-s 00000000 00:01 7  /memfd:memory-backend-memfd (deleted)\nRss: 1 kB\n"
        "7f1000000000-7f1010000000 rw-s 00000000 00:01 8  /memfd:memory-backend-memfd (deleted)\nRss: 1 kB\n";
    g_autoptr(GPtrArray) entries = smaps_parse(TEXT);
    g_autoptr(GPtrArray) ram = smaps_pick_ram(entries, 512 * MIB, NULL);

    g_assert_cmpuint(ram->len, ==, 2);
}

static void test_nothing_fits(void)
{
    g_autoptr(GPtrArray) entries = smaps_parse("7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \nRss: 1 kB\n");
    g_autoptr(GError) error = NULL;

    g_assert_null(smaps_pick_ram(entries, 512 * MIB, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "512 MiB"));
}

/* Any text gives some entries or none, never a fault. */
static void test_any_text(void)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(5);
    static const char ALPHABET[] = "0123456789abcdef-: \nrwxps/Rss:kB";

    for (int i = 0; i < 2000; i++) {
        char text[200] = "";
        for (gsize k = 0; k + 1 < sizeof text; k++) {
            text[k] = ALPHABET[g_rand_int_range(rand, 0, (gint32)sizeof ALPHABET - 1)];
        }
        g_autoptr(GPtrArray) entries = smaps_parse(text);
        for (guint k = 0; k < entries->len; k++) {
            const SmapsEntry *entry = g_ptr_array_index(entries, k);
            g_assert_cmpuint(entry->start, <, entry->end);
        }
        g_autoptr(GPtrArray) ram = smaps_pick_ram(entries, MIB, NULL);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/smaps/reads-the-fields", test_fields);
    g_test_add_func("/smaps/takes-a-memfd-for-ram", test_memfd_is_ram);
    g_test_add_func("/smaps/takes-the-anonymous-mapping-that-fits", test_anonymous_by_size);
    g_test_add_func("/smaps/takes-both-halves-of-a-split-mapping", test_split_mapping);
    g_test_add_func("/smaps/takes-two-backends", test_two_backends);
    g_test_add_func("/smaps/says-when-nothing-fits", test_nothing_fits);
    g_test_add_func("/smaps/survives-any-text", test_any_text);
    return g_test_run();
}
