/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/vmp-file.c: what is read, and that a wrong file is refused with its line. */
#include "place/vmp-file.h"
#include "base/error.h"

#include <string.h>

static void test_reads_one_kind_of_host(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) instances = vmp_parse("VMP_X1\n3\n500\n400\n2\n70 20 8\n4 79 3\n", "x", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(instances->len, ==, 1);
    const VmpInstance *instance = g_ptr_array_index(instances, 0);
    g_assert_cmpstr(instance->name, ==, "VMP_X1");
    g_assert_cmpuint(instance->problem.hosts_length, ==, 3);
    g_assert_cmpuint(instance->problem.hosts[2].cpu, ==, 500);
    g_assert_cmpuint(instance->problem.hosts[2].memory, ==, 400);
    g_assert_cmpuint(instance->problem.vms_length, ==, 2);
    g_assert_cmpuint(instance->problem.vms[1].cpu, ==, 4);
    g_assert_cmpuint(instance->problem.vms[1].memory, ==, 79);
}

static void test_reads_kinds_of_hosts_and_several_instances(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) instances =
        vmp_parse("A\r\n2,1\r\n16, 32\r\n32,128\r\n1\r\n  6\t 26\r\n\r\nB 2\n0\n1\n1\n0\n", "x", &error);

    g_assert_no_error(error);
    g_assert_cmpuint(instances->len, ==, 2);
    const VmpInstance *first = g_ptr_array_index(instances, 0);
    const VmpInstance *second = g_ptr_array_index(instances, 1);
    g_assert_cmpuint(first->problem.hosts_length, ==, 3);
    g_assert_cmpuint(first->problem.hosts[1].memory, ==, 32);
    g_assert_cmpuint(first->problem.hosts[2].cpu, ==, 32);
    g_assert_cmpuint(first->problem.hosts[2].memory, ==, 128);
    g_assert_cmpuint(first->problem.vms[0].memory, ==, 26);
    g_assert_cmpstr(second->name, ==, "B 2");
    g_assert_cmpuint(second->problem.hosts_length, ==, 0);
    g_assert_cmpuint(second->problem.vms_length, ==, 0);
}

static void test_wrong_files_are_refused_with_their_line(void)
{
    static const struct {
        const char *text;
        const char *words;
    } WRONG[] = {
        {"", "f.txt:1: there is no instance"},
        {"\n\n", "there is no instance"},
        {"7\n", "f.txt:1: '7' stands where the name"},
        {"A\n", "A: f.txt:2: the file ends where a number of hosts"},
        {"A\nmany\n", "f.txt:2: 'many' is not a number of hosts"},
        {"A\n-1\n", "f.txt:2: '-1' is not"},
        {"A\n1\n16,32\n", "f.txt:3: '16,32' is not a CPU capacity for each kind"},
        {"A\n1,1\n16,32\n32\n", "f.txt:4: '32' is not a RAM capacity for each kind"},
        {"A\n1,\n16\n32\n", "f.txt:2: '1,' is not a number of hosts"},
        {"A\n1000001\n16\n32\n", "more than 1000000 hosts"},
        {"A\n999999,2\n16,16\n32,32\n", "more than 1000000 hosts"},
        {"A\n1\n16\n32\nx\n", "f.txt:5: 'x' is not the number of VMs"},
        {"A\n1\n16\n32\n1000001\n", "more than 1000000 VMs"},
        {"A\n1\n16\n32\n2\n1 1 1\n", "f.txt:7: the file ends where a VM"},
        {"A\n1\n16\n32\n1\n1\n", "f.txt:6: '1' is not a VM"},
        {"A\n1\n16\n32\n1\n1 1 1 1\n", "f.txt:6: '1 1 1 1' is not a VM"},
        {"A\n1\n16\n32\n1\n1 1.5\n", "f.txt:6: '1 1.5' is not a VM"},
        {"A\n1\n16\n32\n1\n1 9007199254740992\n", "is not a VM"},
        {"A\n1\n16\n32\n1\n1 \xff\n", "is not a VM"},
        {"\xff\n1\n16\n32\n1\n1 1\n", "stands where the name"},
    };

    for (guint i = 0; i < G_N_ELEMENTS(WRONG); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(vmp_parse(WRONG[i].text, "f.txt", &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        if (!strstr(error->message, WRONG[i].words)) {
            g_test_message("'%s' lacks '%s'", error->message, WRONG[i].words);
            g_test_fail();
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/vmp-file/reads-one-kind-of-host", test_reads_one_kind_of_host);
    g_test_add_func("/vmp-file/reads-kinds-of-hosts-and-several-instances",
                    test_reads_kinds_of_hosts_and_several_instances);
    g_test_add_func("/vmp-file/wrong-files-are-refused-with-their-line", test_wrong_files_are_refused_with_their_line);
    return g_test_run();
}
