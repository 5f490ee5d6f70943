/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/inventory.c: what a file may say, what is refused, and how URIs become hosts. */
#include "campaign/inventory.h"
#include "base/error.h"
#include "base/units.h"

#include <glib/gstdio.h>
#include <string.h>

static char *write_file(const char *text)
{
    g_autofree char *path = NULL;
    int descriptor = g_file_open_tmp("godwit-inventory-XXXXXX", &path, NULL);

    g_assert_cmpint(descriptor, >=, 0);
    g_assert_true(g_close(descriptor, NULL));
    g_assert_true(g_file_set_contents(path, text, -1, NULL));
    return g_steal_pointer(&path);
}

static Inventory *load(const char *text, GError **error)
{
    g_autofree char *path = write_file(text);
    Inventory *inventory = inventory_load(path, error);

    g_unlink(path);
    return inventory;
}

static void test_reads_every_key(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Inventory) inventory =
        load("[fleet]\nguest_probe=probe {vm}\nvcpus_per_cpu=2.5\n"
             "[host a]\nuri=qemu+ssh://root@a/system\npeer_uri=qemu+tls://a/system\nmigration_address=10.1.2.3\n"
             "agent=ssh a godwit agent\nlink=10gbit\nkeep_free=2GiB\nmax_outgoing=2\nmax_incoming=1\n"
             "[host b]\nuri=qemu+ssh://b/system\n",
             &error);

    g_assert_no_error(error);
    g_assert_cmpuint(inventory->hosts->len, ==, 2);
    const HostConfig *a = inventory_resolve(inventory, "a", &error);
    g_assert_cmpstr(host_config_peer_uri(a), ==, "qemu+tls://a/system");
    g_assert_cmpuint(a->link_bytes_per_s, ==, 1250000000);
    g_assert_cmpuint(a->keep_free_bytes, ==, 2 * GIB);
    g_assert_cmpuint(a->max_outgoing, ==, 2);
    g_assert_cmpfloat(inventory->vcpus_per_cpu, ==, 2.5);
    const HostConfig *b = inventory_resolve(inventory, "b", &error);
    g_assert_cmpstr(host_config_peer_uri(b), ==, "qemu+ssh://b/system");
    g_autofree char *agent = inventory_agent_command(b);
    g_assert_cmpstr(agent, ==, "ssh -o BatchMode=yes 'b' godwit agent");
}

static void test_reads_rules_and_places(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Inventory) inventory =
        load("[fleet]\nspare_hosts=1\ntraffic=who-talks.txt\n"
             "[host a]\nuri=qemu+ssh://a/system\nrack=r1\npod=p1\npower=X5675\n"
             "[rule web]\napart=web1, web2,web1\n[rule db]\ntogether=db, cache\n[rule licence]\npinned=erp\n",
             &error);

    g_assert_no_error(error);
    const HostConfig *a = inventory_resolve(inventory, "a", &error);
    g_assert_cmpstr(a->rack, ==, "r1");
    g_assert_cmpstr(a->pod, ==, "p1");
    g_assert_cmpstr(a->power, ==, "X5675");
    g_assert_cmpuint(inventory->spare_hosts, ==, 1);
    g_assert_true(g_path_is_absolute(inventory->traffic_path)); /* beside the inventory */
    g_assert_true(g_str_has_suffix(inventory->traffic_path, "/who-talks.txt"));
    g_assert_cmpuint(inventory->rules->len, ==, 3);
    const FleetRule *web = g_ptr_array_index(inventory->rules, 0);
    g_assert_cmpint(web->kind, ==, FLEET_APART);
    g_assert_cmpstr(web->name, ==, "web");
    g_assert_cmpuint(g_strv_length(web->vms), ==, 2);
    g_assert_cmpstr(web->vms[1], ==, "web2");
    const FleetRule *licence = g_ptr_array_index(inventory->rules, 2);
    g_assert_cmpint(licence->kind, ==, FLEET_PINNED);
}

static void test_refuses_mistakes(void)
{
    static const char *const BAD[][2] = {
        {"[host a]\nurl=qemu:///system\n", "unknown key 'url'"},
        {"[host a]\nlink=1gbit\n", "needs a name and a key 'uri'"},
        {"[host]\nuri=qemu:///system\n", "unknown group [host]"},
        {"[rule web]\napart=web1\n", "name two VMs at least"},
        {"[rule web]\napart=a,b\ntogether=a,b\n", "exactly one of the keys"},
        {"[rule web]\nnear=a,b\n", "exactly one of the keys"},
        {"[rule web]\npinned=\n", "name one VM at least"},
        {"[fleet]\nspare_hosts=few\n", "[fleet] spare_hosts: 'few' is not a whole number"},
        {"[hosts a]\nuri=qemu:///system\n", "unknown group [hosts a]"},
        {"[host a]\nuri=qemu:///system\nlink=quick\n", "[host a] link: 'quick' is not a rate"},
        {"[host a]\nuri=qemu:///system\nkeep_free=lots\n", "'lots' is not a size"},
        {"[host a]\nuri=qemu:///system\nmax_outgoing=-1\n", "'-1' is not a whole number"},
        {"[fleet]\nvcpus_per_cpu=0\n", "not a number above 0"},
        {"[fleet]\nprobe=x\n", "unknown key 'probe'"},
        {"[host a]\nuri=x://a\n[host  a]\nuri=x://b\n", "host 'a' is there twice"},
        {"nonsense", "inventory"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Inventory) inventory = load(BAD[i][0], &error);

        g_assert_null(inventory);
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
        if (!strstr(error->message, BAD[i][1])) {
            g_error("'%s' does not say '%s'", error->message, BAD[i][1]);
        }
    }
}

static void test_uris_become_hosts(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Inventory) inventory = inventory_new();
    const HostConfig *first = inventory_resolve(inventory, "qemu+ssh://admin@node7:2222/system", &error);
    g_autofree char *agent = inventory_agent_command(first);

    g_assert_cmpstr(first->name, ==, "node7");
    g_assert_cmpstr(agent, ==, "ssh -o BatchMode=yes -p 2222 'admin@node7' godwit agent");
    g_assert_cmpstr(inventory_resolve(inventory, "qemu+tcp://node7/system", &error)->name, ==, "node7-2");
    g_assert_cmpstr(inventory_resolve(inventory, "qemu:///system", &error)->name, ==, "localhost");
    g_assert_true(inventory_resolve(inventory, "qemu:///system", &error) ==
                  inventory_resolve(inventory, "localhost", &error));
    g_autofree char *none = inventory_agent_command(inventory_resolve(inventory, "node7-2", &error));
    g_assert_null(none);
    g_assert_no_error(error);
    g_assert_null(inventory_resolve(inventory, "node8", &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND);
    g_assert_nonnull(strstr(error->message, "node7, node7-2, localhost"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/inventory/reads-every-key", test_reads_every_key);
    g_test_add_func("/inventory/reads-rules-and-places", test_reads_rules_and_places);
    g_test_add_func("/inventory/refuses-mistakes-and-names-them", test_refuses_mistakes);
    g_test_add_func("/inventory/uris-become-hosts", test_uris_become_hosts);
    return g_test_run();
}
