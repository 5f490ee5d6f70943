/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests the parts of driver-libvirt that need no host: reading libvirt's XML, units and flags, and a host that is not
 * there. */
#include "base/error.h"
#include "base/units.h"
#include "migrate/driver-libvirt-private.h"

static const char DOMAIN[] =
    "<domain type='kvm' id='3'>\n"
    "  <name>web &amp; mail</name>\n"
    "  <memory unit='KiB'>524288</memory>\n"
    "  <currentMemory unit='KiB'>262144</currentMemory>\n"
    "  <vcpu placement='static' current='2'>8</vcpu>\n"
    "  <cpu mode='custom' match='exact'>\n    <model>qemu64</model>\n  </cpu>\n"
    "  <devices>\n"
    "    <disk type='file' device='disk'><driver name='qemu'/><source file='/img/a.qcow2'/>"
    "<backingStore type='file'><source file='/img/base.qcow2'/></backingStore><target dev='vda'/></disk>\n"
    "    <disk type='block' device='disk'><source dev='/dev/vg/b'/><target dev='vdb'/><shareable/></disk>\n"
    "    <disk type='file' device='cdrom'><target dev='sda'/><readonly/></disk>\n"
    "    <disk type='network' device='disk'><source protocol='rbd' name='pool/c'/><target "
    "dev='vdc'/><readonly/></disk>\n"
    "    <interface type='network'><source network='default'/><target dev='vnet0'/></interface>\n"
    "  </devices>\n"
    "</domain>\n";

static void test_reads_a_domain(void)
{
    g_autoptr(Vm) vm = vm_new("web", "uuid", "h1");
    g_autoptr(GError) error = NULL;
    const VmDisk *disk;

    g_assert_true(domain_xml_read(vm, DOMAIN, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(vm->ram_bytes, ==, 512 * MIB);
    g_assert_cmpuint(vm->vcpus, ==, 2);
    g_assert_cmpstr(vm->domain_type, ==, "kvm");
    g_assert_null(vm->unmovable_why);
    g_assert_true(g_str_has_prefix(vm->cpu_xml, "<cpu mode="));
    g_assert_true(g_str_has_suffix(vm->cpu_xml, "</cpu>"));
    g_assert_cmpuint(vm->disks->len, ==, 3);
    disk = g_ptr_array_index(vm->disks, 0);
    g_assert_cmpstr(disk->target, ==, "vda");
    g_assert_cmpstr(disk->path, ==, "/img/a.qcow2"); /* not its backing file */
    disk = g_ptr_array_index(vm->disks, 1);
    g_assert_cmpstr(disk->path, ==, "/dev/vg/b");
    g_assert_true(disk->is_shareable);
    disk = g_ptr_array_index(vm->disks, 2);
    g_assert_null(disk->path);
    g_assert_true(disk->is_readonly);
}

static void test_a_held_device_cannot_move(void)
{
    static const char held[] = "<domain type='kvm'><memory>1</memory><vcpu>1</vcpu><devices>"
                               "<hostdev mode='subsystem' type='pci'><driver/></hostdev></devices></domain>";
    static const char teamed[] = "<domain type='kvm'><memory>1</memory><vcpu>1</vcpu><devices>"
                                 "<hostdev mode='subsystem' type='pci'><teaming type='transient'/></hostdev>"
                                 "</devices></domain>";
    g_autoptr(Vm) one = vm_new("one", "uuid", "h1");
    g_autoptr(Vm) other = vm_new("other", "uuid", "h1");

    g_assert_true(domain_xml_read(one, held, NULL));
    g_assert_nonnull(strstr(one->unmovable_why, "pci"));
    g_assert_null(one->cpu_xml);
    g_assert_true(domain_xml_read(other, teamed, NULL));
    g_assert_null(other->unmovable_why);
}

static void test_refuses_what_is_no_xml(void)
{
    for (gsize length = 1; length < sizeof DOMAIN - 10; length += 7) {
        g_autoptr(Vm) vm = vm_new("web", "uuid", "h1");
        g_autoptr(GError) error = NULL;
        g_autofree char *part = g_strndup(DOMAIN, length);

        g_assert_false(domain_xml_read(vm, part, &error));
        g_assert_nonnull(strstr(error->message, "VM web"));
    }
}

static void test_bandwidth_is_rounded_down_and_never_to_nothing(void)
{
    g_assert_cmpuint(bandwidth_mib_per_s(0), ==, 0); /* no limit */
    g_assert_cmpuint(bandwidth_mib_per_s(1), ==, 1);
    g_assert_cmpuint(bandwidth_mib_per_s(MIB), ==, 1);
    g_assert_cmpuint(bandwidth_mib_per_s(31250000), ==, 29);
    g_assert_cmpuint(bandwidth_mib_per_s(125000000), ==, 119);
}

/* What libvirt would be told for 'options'. */
static void make_params(DriverJob *job, const MigrateOptions *options, gboolean may_postcopy, const char *address,
                        guint64 bandwidth_bytes_per_s, GPtrArray *copy_disks)
{
    HostConfig *config = host_config_new("h2", "test:///");
    MigrationRequest request = {.options = options,
                                .may_postcopy = may_postcopy,
                                .copy_disks = copy_disks,
                                .bandwidth_bytes_per_s = bandwidth_bytes_per_s};

    config->migration_address = g_strdup(address);
    *job = (DriverJob){.destination = host_link_new(NULL, config)};
    job_set_params(job, &request);
    host_config_free(config);
}

static void clear_params(DriverJob *job)
{
    virTypedParamsFree(job->params, job->params_length);
    host_link_unref(job->destination);
}

static void test_defaults_say_little(void)
{
    MigrateOptions options;
    DriverJob job;

    migrate_options_init(&options);
    make_params(&job, &options, FALSE, NULL, 0, NULL);
    g_assert_cmpuint(job.flags, ==,
                     VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_PERSIST_DEST | VIR_MIGRATE_UNDEFINE_SOURCE);
    g_assert_cmpint(job.params_length, ==, 0);
    clear_params(&job);
}

/* The relays pace and encrypt; QEMU is told the socket, and the rate that counts for the switchover. */
static void test_a_relay_takes_over_address_rate_and_tls(void)
{
    HostConfig *config = host_config_new("h2", "test:///");
    MigrateOptions options;
    MigrationRequest request = {.options = &options,
                                .may_postcopy = TRUE,
                                .bandwidth_bytes_per_s = 50 * MIB,
                                .relay_socket = "/run/godwit/relay-1/vm.sock",
                                .switchover_bytes_per_s = 49 * MIB};
    DriverJob job = {.destination = host_link_new(NULL, config)};
    const char *text = NULL;
    unsigned long long number = 0;

    migrate_options_init(&options);
    options.tls = TRUE;
    config->migration_address = g_strdup("10.0.0.2");
    job_set_params(&job, &request);
    g_assert_cmpuint(job.flags & VIR_MIGRATE_TLS, ==, 0);
    g_assert_cmpuint(job.flags & VIR_MIGRATE_POSTCOPY, ==, VIR_MIGRATE_POSTCOPY);
    g_assert_cmpint(job.params_length, ==, 2);
    virTypedParamsGetString(job.params, job.params_length, VIR_MIGRATE_PARAM_URI, &text);
    g_assert_cmpstr(text, ==, "unix:/run/godwit/relay-1/vm.sock");
    virTypedParamsGetULLong(job.params, job.params_length, "bandwidth.avail.switchover", &number);
    g_assert_cmpuint(number, ==, 49);
    clear_params(&job);
    host_config_free(config);
}

static void test_every_option_is_passed_on(void)
{
    g_autoptr(GPtrArray) disks = g_ptr_array_new();
    MigrateOptions options;
    DriverJob job;
    const char *text = NULL;
    unsigned long long number = 0;
    int connections = 0;

    migrate_options_init(&options);
    options.peer_to_peer = options.persist = options.undefine_source = FALSE;
    options.auto_converge = options.compressed = options.tls = TRUE;
    options.compression_cache_bytes = 64 * MIB;
    options.parallel_connections = 3;
    options.copy_storage = COPY_STORAGE_INC;
    g_ptr_array_add(disks, (gpointer) "vdb");
    make_params(&job, &options, TRUE, "fd00::2", 50 * MIB, disks);
    g_assert_cmpuint(job.flags, ==,
                     VIR_MIGRATE_LIVE | VIR_MIGRATE_AUTO_CONVERGE | VIR_MIGRATE_COMPRESSED | VIR_MIGRATE_TLS |
                         VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_PARALLEL | VIR_MIGRATE_NON_SHARED_INC);
    virTypedParamsGetString(job.params, job.params_length, VIR_MIGRATE_PARAM_URI, &text);
    g_assert_cmpstr(text, ==, "tcp://[fd00::2]");
    virTypedParamsGetString(job.params, job.params_length, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, &text);
    g_assert_cmpstr(text, ==, "fd00::2");
    virTypedParamsGetString(job.params, job.params_length, VIR_MIGRATE_PARAM_COMPRESSION, &text);
    g_assert_cmpstr(text, ==, "xbzrle");
    virTypedParamsGetString(job.params, job.params_length, VIR_MIGRATE_PARAM_MIGRATE_DISKS, &text);
    g_assert_cmpstr(text, ==, "vdb");
    virTypedParamsGetULLong(job.params, job.params_length, VIR_MIGRATE_PARAM_BANDWIDTH, &number);
    g_assert_cmpuint(number, ==, 50);
    virTypedParamsGetULLong(job.params, job.params_length, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, &number);
    g_assert_cmpuint(number, ==, 50);
    virTypedParamsGetULLong(job.params, job.params_length, VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, &number);
    g_assert_cmpuint(number, ==, 64 * MIB);
    virTypedParamsGetInt(job.params, job.params_length, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, &connections);
    g_assert_cmpint(connections, ==, 3);
    clear_params(&job);
}

/* With nothing to copy, libvirt must not be left to choose by itself. */
static void test_no_disk_to_copy_means_no_copying(void)
{
    g_autoptr(GPtrArray) none = g_ptr_array_new();
    MigrateOptions options;
    DriverJob job;

    migrate_options_init(&options);
    options.copy_storage = COPY_STORAGE_ALL;
    make_params(&job, &options, FALSE, "host.example", 0, none);
    g_assert_cmpuint(job.flags & VIR_MIGRATE_NON_SHARED_DISK, ==, 0);
    g_assert_cmpint(job.params_length, ==, 1); /* the address; a name is not listened on */
    clear_params(&job);
}

/* ---- a host that is not there ---- */

typedef struct Waiting {
    GMainLoop *loop;
    guint answers;
} Waiting;

static void on_facts(HostFacts *facts, const GError *error, gpointer user)
{
    Waiting *waiting = user;

    g_assert_null(facts);
    g_assert_true(g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE) ||
                  g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND));
    if (++waiting->answers == 2) {
        g_main_loop_quit(waiting->loop);
    }
}

static void test_a_host_that_is_not_there_is_answered_for(void)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    g_autoptr(GError) error = NULL;
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    Waiting waiting = {loop, 0};
    Driver *driver = driver_libvirt_new(hosts, &error);

    g_assert_no_error(error);
    g_ptr_array_add(hosts, host_config_new("nowhere", "qemu+unix:///system?socket=/nonexistent/libvirt-sock"));
    driver->query_host(driver, "nowhere", on_facts, &waiting);
    driver->query_host(driver, "unheard-of", on_facts, &waiting);
    g_assert_cmpuint(waiting.answers, ==, 0); /* never from inside the call */
    g_main_loop_run(loop);
    driver->close(driver);
}

static void on_never(HostFacts *facts, const GError *error, gpointer user)
{
    g_assert_not_reached();
}

static void test_close_drops_what_is_open(void)
{
    g_autoptr(GPtrArray) hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    Driver *driver = driver_libvirt_new(hosts, NULL);

    g_ptr_array_add(hosts, host_config_new("nowhere", "qemu+unix:///system?socket=/nonexistent/libvirt-sock"));
    for (int i = 0; i < 5; i++) {
        driver->query_host(driver, "nowhere", on_never, NULL);
    }
    driver->close(driver);
    while (g_main_context_iteration(NULL, FALSE)) {
        ;
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpint(virInitialize(), ==, 0); /* as the driver does; libvirt's functions may not be called before */
    g_test_add_func("/libvirt/reads-a-domain", test_reads_a_domain);
    g_test_add_func("/libvirt/a-held-device-cannot-move", test_a_held_device_cannot_move);
    g_test_add_func("/libvirt/refuses-what-is-no-xml", test_refuses_what_is_no_xml);
    g_test_add_func("/libvirt/bandwidth-is-rounded-down-and-never-to-nothing",
                    test_bandwidth_is_rounded_down_and_never_to_nothing);
    g_test_add_func("/libvirt/defaults-say-little", test_defaults_say_little);
    g_test_add_func("/libvirt/every-option-is-passed-on", test_every_option_is_passed_on);
    g_test_add_func("/libvirt-driver/a-relay-takes-over-address-rate-and-tls",
                    test_a_relay_takes_over_address_rate_and_tls);
    g_test_add_func("/libvirt/no-disk-to-copy-means-no-copying", test_no_disk_to_copy_means_no_copying);
    g_test_add_func("/libvirt/a-host-that-is-not-there-is-answered-for", test_a_host_that_is_not_there_is_answered_for);
    g_test_add_func("/libvirt/close-drops-what-is-open", test_close_drops_what_is_open);
    return g_test_run();
}
