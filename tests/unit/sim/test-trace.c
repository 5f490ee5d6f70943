/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/trace.c and trace-bitbrains.c: what is read, and what is said about what cannot be. */
#include "sim/trace.h"

#include <glib/gstdio.h>
#include <string.h>

#include "base/error.h"

typedef struct Case {
    const char *text;
    const char *message; /* behind "path:" */
} Case;

static char *write_file(const char *text)
{
    g_autoptr(GError) error = NULL;
    char *path = NULL;
    int fd = g_file_open_tmp("trace-XXXXXX", &path, &error);

    g_assert_no_error(error);
    g_close(fd, NULL);
    g_file_set_contents(path, text, -1, &error);
    g_assert_no_error(error);
    return path;
}

static void test_planetlab(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = write_file("a%20b 0 7 100\nc 1 2 3\r\nd 4 5 6");
    g_autoptr(Trace) trace = trace_read_planetlab(path, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(trace->vms, ==, 3);
    g_assert_cmpuint(trace->samples, ==, 3);
    g_assert_cmpstr(trace->names[0], ==, "a%20b");
    g_assert_cmpfloat(trace_share(trace, 0, 2), ==, 1);
    g_assert_cmpfloat(trace_share(trace, 2, 0), ==, 4 / 100.0);
    g_autoptr(Trace) head = trace_head(trace, 2);
    g_assert_cmpuint(head->vms, ==, 2);
    g_assert_cmpfloat(trace_share(head, 1, 1), ==, 2 / 100.0);
    g_remove(path);
}

static void test_planetlab_refusals(void)
{
    static const Case CASES[] = {
        {"", "1: the file is empty"},
        {"a 1 2\n\nb 1 2\n", "2: expected 'name sample sample ...', found an empty line"},
        {"a\n", "1: expected 'name sample sample ...', found no samples"},
        {"a 1 2\nb 1\n", "2: 1 samples, but the lines before have 2"},
        {"a 1 101\n", "1: sample 2 is '101'"},
        {"a 1 -3\n", "1: sample 2 is '-3'"},
        {"a 1 2.5\n", "1: sample 2 is '2.5'"},
        {"a 1 2\nb 1  2\n", "2: sample 2 is ''"},
        {"a 1 2 \n", "1: a space at the end"},
        {"a \n", "1: 0 samples"},
        {"a 1 99999999999999999999\n", "1: sample 2 is '99999999999999999999'"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = write_file(CASES[i].text);
        g_autofree char *prefix = g_strdup_printf("%s:%s", path, CASES[i].message);

        g_assert_null(trace_read_planetlab(path, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, prefix));
        g_remove(path);
    }
    g_autoptr(GError) error = NULL;
    g_assert_null(trace_read_planetlab("/nonexistent/trace", &error));
    g_assert_nonnull(strstr(error->message, "/nonexistent/trace"));
}

#define VMS   "vm,cores,cpu_mhz_provisioned,mem_kb_provisioned\n"
#define USAGE "vm,slot,cpu_mhz,mem_kb,disk_read_kbs,disk_write_kbs,net_rx_kbs,net_tx_kbs\n"

static void test_bitbrains(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *vms = write_file(VMS "1,2,2000,1048576\n20,0,0,0\n7,1,1000,2097152\n");
    g_autofree char *usage = write_file(USAGE "1,0,500,524288,0,0,1,2\n1,2,3000,0,0,0,0,0\n20,0,0,0,0,0,0,0\n"
                                              "7,1,100,2097152,9,9,0.5,0\n");
    g_autoptr(Trace) trace = trace_read_bitbrains(vms, usage, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(trace->vms, ==, 2); /* 20 has no CPU */
    g_assert_cmpuint(trace->samples, ==, 3);
    g_assert_cmpstr(trace->names[1], ==, "vm7");
    g_assert_cmpuint(trace->sizes[0].cores, ==, 2);
    g_assert_cmpfloat(trace->sizes[1].ram_mib, ==, 2048);
    g_assert_cmpfloat(trace_share(trace, 0, 0), ==, 0.25);
    g_assert_cmpfloat(trace_share(trace, 0, 1), ==, 0.25); /* no line: as before */
    g_assert_cmpfloat(trace_share(trace, 0, 2), ==, 1);    /* above what was provisioned */
    g_assert_cmpfloat(trace_share(trace, 1, 0), ==, 0);    /* before the first line */
    g_assert_cmpfloat(trace->ram_share[0], ==, 0.5f);
    g_assert_cmpfloat(trace->net_kib_per_s[0], ==, 3);
    g_remove(vms);
    g_remove(usage);
}

static void test_bitbrains_refusals(void)
{
    static const struct {
        const char *vms, *usage, *message;
        gboolean in_usage;
    } CASES[] = {
        {"", USAGE, "1: expected the columns 'vm,cores", FALSE},
        {VMS "1,2,2000\n", USAGE, "2: expected 4 columns", FALSE},
        {VMS "1,2,2000,x\n", USAGE, "2: column 4 is not a number", FALSE},
        {VMS "1,1,1,1\n1,1,1,1\n", USAGE, "3: VM 1 is there twice", FALSE},
        {VMS "1.5,1,1,1\n", USAGE, "2: a VM's number and cores must be whole", FALSE},
        {VMS "1,1,1,1\n", "nonsense\n", "1: expected the columns 'vm,slot", TRUE},
        {VMS "1,1,1,1\n", USAGE "2,0,0,0,0,0,0,0\n", "2: VM 2 is not in the file of VMs", TRUE},
        {VMS "1,1,1,1\n", USAGE "1,-1,0,0,0,0,0,0\n", "2: column 2 is not a number of 0 or more", TRUE},
        {VMS "1,1,1,1\n", USAGE "1,99999,0,0,0,0,0,0\n", "2: slot 99999 is not a whole number", TRUE},
        {VMS "1,1,1,1\n", USAGE, "2: no VM with CPU and memory", TRUE},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(CASES); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *vms = write_file(CASES[i].vms);
        g_autofree char *usage = write_file(CASES[i].usage);
        g_autofree char *prefix = g_strdup_printf("%s:%s", CASES[i].in_usage ? usage : vms, CASES[i].message);

        g_assert_null(trace_read_bitbrains(vms, usage, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, prefix));
        g_remove(vms);
        g_remove(usage);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trace/planetlab", test_planetlab);
    g_test_add_func("/trace/planetlab-refusals", test_planetlab_refusals);
    g_test_add_func("/trace/bitbrains", test_bitbrains);
    g_test_add_func("/trace/bitbrains-refusals", test_bitbrains_refusals);
    return g_test_run();
}
