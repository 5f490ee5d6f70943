/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of src/report/report-hosts.c. */
#include "base/units.h"
#include "report/report.h"
#include "samples.h"
#include "schema-check.h"

typedef struct Fleet {
    GPtrArray *configs;
    GPtrArray *facts;
    GPtrArray *errors;
} Fleet;

/* h1 with one VM and no post-copy, h2 silent. */
static Fleet sample_fleet(void)
{
    Fleet fleet = {g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free),
                   g_ptr_array_new_with_free_func((GDestroyNotify)host_facts_free),
                   g_ptr_array_new_with_free_func(g_free)};
    HostFacts *facts = host_facts_new("h1");
    Vm *vm = vm_new("vm1", "uuid-1", "h1");

    vm->state = VM_STATE_RUNNING;
    vm->ram_bytes = 512 * MIB;
    vm->vcpus = 2;
    vm->unmovable_why = g_strdup("it holds a host device");
    facts->memory_bytes = 16 * GIB;
    facts->memory_free_bytes = 9 * GIB;
    facts->cpus = 8;
    facts->libvirt_version = 11003000;
    facts->qemu_version = 10000002;
    facts->cannot_postcopy_why = g_strdup("the kernel forbids userfaultfd");
    g_ptr_array_add(facts->vms, vm);
    g_ptr_array_add(fleet.configs, host_config_new("h1", "qemu+ssh://h1/system"));
    g_ptr_array_add(fleet.configs, host_config_new("h2", "qemu+ssh://h2/system"));
    g_ptr_array_add(fleet.facts, facts);
    g_ptr_array_add(fleet.facts, NULL);
    g_ptr_array_add(fleet.errors, NULL);
    g_ptr_array_add(fleet.errors, g_strdup("h2 does not answer: Connection refused"));
    return fleet;
}

static void fleet_clear(Fleet *fleet)
{
    g_ptr_array_unref(fleet->configs);
    g_ptr_array_unref(fleet->facts);
    g_ptr_array_unref(fleet->errors);
}

static void text_shows_hosts_vms_and_silence(void)
{
    Fleet fleet = sample_fleet();
    g_autofree char *text = report_hosts_text(fleet.facts, fleet.configs, fleet.errors, &PLAIN);

    g_assert_nonnull(strstr(text, "11.3.0   10.0.2  no"));
    g_assert_nonnull(strstr(text, "no post-copy: the kernel forbids userfaultfd"));
    g_assert_nonnull(strstr(text, "h2    no answer"));
    g_assert_nonnull(strstr(text, "    h2 does not answer: Connection refused"));
    g_assert_nonnull(strstr(text, "vm1  h1  running  512 MiB      2"));
    g_assert_nonnull(strstr(text, "cannot be moved: it holds a host device"));
    fleet_clear(&fleet);
}

static void json_fits_the_schema(void)
{
    Fleet fleet = sample_fleet();
    g_autoptr(JsonNode) node = report_hosts_json(fleet.facts, fleet.configs, fleet.errors);
    JsonArray *hosts = json_object_get_array_member(json_node_get_object(node), "hosts");
    JsonObject *silent = json_array_get_object_element(hosts, 1);

    assert_fits_schema("hosts", node);
    g_assert_false(json_object_get_boolean_member(silent, "reachable"));
    g_assert_cmpstr(json_object_get_string_member(silent, "error"), ==, "h2 does not answer: Connection refused");
    g_assert_false(json_object_has_member(silent, "cpus"));
    fleet_clear(&fleet);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/report-hosts/text-shows-hosts-vms-and-silence", text_shows_hosts_vms_and_silence);
    g_test_add_func("/report-hosts/json-fits-the-schema", json_fits_the_schema);
    return g_test_run();
}
