/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/campaign/campaign-pack.c: from a file to packings, and what a wrong one is told. */
#include "campaign/campaign-pack.h"
#include "base/error.h"

#include <glib/gstdio.h>
#include <string.h>

static void count(guint done, guint total, gpointer user)
{
    guint *calls = user;

    g_assert_cmpuint(done, ==, ++*calls);
    g_assert_cmpuint(total, ==, 2);
}

static void every_instance_of_a_file_is_packed(void)
{
    g_autofree char *path = g_build_filename(DATA_DIR, "vmp", "C100.txt", NULL);
    g_autoptr(GError) error = NULL;
    guint calls = 0;
    g_autoptr(GPtrArray) packings = campaign_pack(path, 1, 100, count, &calls, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(calls, ==, 2);
    g_assert_cmpuint(packings->len, ==, 2);
    const Packing *first = g_ptr_array_index(packings, 0);
    g_assert_cmpstr(first->name, ==, "VMP_C120");
    g_assert_cmpuint(first->vms, ==, 100);
    g_assert_cmpuint(first->hosts, ==, 100);
    g_assert_cmpuint(first->hosts_used, ==, 21);
    g_assert_cmpuint(first->hosts_constructed, >=, 21);
    g_assert_true(packing_is_best(first));
    g_assert_cmpfloat(packing_gap_percent(first), ==, 0);
    g_assert_cmpfloat(first->seconds, >=, 0);
    for (guint i = 0; i < first->vms; i++) {
        g_assert_cmpuint(first->host_of[i], <, first->hosts);
    }
}

/* Writes 'text' to a file and packs that. */
static char *complaint(const char *text, gsize length)
{
    g_autofree char *path = NULL;
    g_autoptr(GError) error = NULL;
    int fd = g_file_open_tmp("godwit-pack-XXXXXX", &path, &error);

    g_assert_no_error(error);
    g_close(fd, NULL);
    g_file_set_contents(path, text, (gssize)length, &error);
    g_assert_no_error(error);
    g_assert_null(campaign_pack(path, 1, 100, NULL, NULL, &error));
    g_assert_nonnull(error);
    g_assert_nonnull(strstr(error->message, path));
    g_unlink(path);
    return g_strdup(error->message);
}

static void wrong_files_are_named(void)
{
    static const char LARGE[] = "A\n1\n16\n32\n1\n17 1\n";
    static const char ZERO[] = "A\n1\n\0";
    g_autofree char *large = complaint(LARGE, sizeof LARGE - 1);
    g_autofree char *zero = complaint(ZERO, sizeof ZERO - 1);
    g_autofree char *wrong = complaint("A\nx\n", 4);
    g_autoptr(GError) error = NULL;

    g_assert_nonnull(strstr(large, "instance A: VM 0 (cpu 17, memory 1) is larger than every host"));
    g_assert_nonnull(strstr(zero, "is no text"));
    g_assert_nonnull(strstr(wrong, ":2: 'x' is not a number of hosts"));
    g_assert_null(campaign_pack("/nowhere/at/all.txt", 1, 100, NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, "/nowhere/at/all.txt"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/campaign-pack/every-instance-of-a-file-is-packed", every_instance_of_a_file_is_packed);
    g_test_add_func("/campaign-pack/wrong-files-are-named", wrong_files_are_named);
    return g_test_run();
}
