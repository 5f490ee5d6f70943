/* SPDX-License-Identifier: Apache-2.0
 *
 * The fleet: what each host said about itself and which VMs run there; see report.h. */
#include "report/report.h"
#include "base/json.h"
#include "base/units.h"
#include "report/report-json.h"
#include "report/table.h"

/* libvirt's packed version numbers as people write them. */
static char *version_text(gulong version)
{
    return version == 0 ? g_strdup("-")
                        : g_strdup_printf("%lu.%lu.%lu", version / 1000000, version / 1000 % 1000, version % 1000);
}

static void add_host(Table *table, const HostConfig *config, const HostFacts *facts)
{
    table_cell(table, INK_HEADING, config->name);
    table_cell(table, INK_GOOD, "up");
    table_cellf(table, INK_PLAIN, "%u", facts->vms->len);
    table_cellf(table, INK_PLAIN, "%u", facts->cpus);
    table_cell_take(table, INK_PLAIN, size_format(facts->memory_bytes));
    table_cell_take(table, INK_PLAIN, size_format(facts->memory_free_bytes));
    table_cell_take(table, INK_PLAIN,
                    config->link_bytes_per_s ? rate_format(config->link_bytes_per_s) : g_strdup("unknown"));
    table_cell_take(table, INK_PLAIN, version_text(facts->libvirt_version));
    table_cell_take(table, INK_PLAIN, version_text(facts->qemu_version));
    table_cell(table, facts->can_postcopy ? INK_GOOD : INK_WARN, facts->can_postcopy ? "yes" : "no");
    if (!facts->can_postcopy && facts->cannot_postcopy_why) {
        g_autofree char *why = g_strdup_printf("no post-copy: %s", facts->cannot_postcopy_why);
        table_note(table, why);
    }
}

static void add_silent_host(Table *table, const HostConfig *config, const char *error)
{
    table_cell(table, INK_HEADING, config->name);
    table_cell(table, INK_BAD, "no answer");
    for (int i = 0; i < 8; i++) {
        table_cell(table, INK_PLAIN, "-");
    }
    table_note(table, error ? error : "it did not answer");
}

static Table *hosts_table(const ReportStyle *style)
{
    Table *table = table_new(style);

    table_column(table, "host", TABLE_LEFT);
    table_column(table, "state", TABLE_LEFT);
    table_column(table, "VMs", TABLE_RIGHT);
    table_column(table, "CPUs", TABLE_RIGHT);
    table_column(table, "memory", TABLE_RIGHT);
    table_column(table, "free", TABLE_RIGHT);
    table_column(table, "link", TABLE_RIGHT);
    table_may_drop(table);
    table_column(table, "libvirt", TABLE_LEFT);
    table_may_drop(table);
    table_column(table, "QEMU", TABLE_LEFT);
    table_may_drop(table);
    table_column(table, "post-copy", TABLE_LEFT);
    return table;
}

static void add_vms(Table *table, const HostConfig *config, const HostFacts *facts)
{
    for (guint i = 0; i < facts->vms->len; i++) {
        const Vm *vm = g_ptr_array_index(facts->vms, i);

        table_cell(table, INK_HEADING, vm->name);
        table_cell(table, INK_PLAIN, config->name);
        table_cell(table, vm->state == VM_STATE_RUNNING ? INK_GOOD : INK_WARN, vm_state_name(vm->state));
        table_cell_take(table, INK_PLAIN, size_format(vm->ram_bytes));
        table_cellf(table, INK_PLAIN, "%u", vm->vcpus);
        table_cellf(table, INK_PLAIN, "%u", vm->disks->len);
        if (vm->unmovable_why) {
            g_autofree char *why = g_strdup_printf("cannot be moved: %s", vm->unmovable_why);
            table_note(table, why);
        }
    }
}

static char *vms_text(GPtrArray *facts, GPtrArray *configs, const ReportStyle *style)
{
    Table *table = table_new(style);

    table_column(table, "VM", TABLE_LEFT);
    table_column(table, "on", TABLE_LEFT);
    table_column(table, "state", TABLE_LEFT);
    table_column(table, "memory", TABLE_RIGHT);
    table_column(table, "vCPUs", TABLE_RIGHT);
    table_column(table, "disks", TABLE_RIGHT);
    for (guint i = 0; i < configs->len; i++) {
        if (g_ptr_array_index(facts, i)) {
            add_vms(table, g_ptr_array_index(configs, i), g_ptr_array_index(facts, i));
        }
    }
    return table_end(table);
}

static guint count_vms(GPtrArray *facts)
{
    guint count = 0;

    for (guint i = 0; i < facts->len; i++) {
        const HostFacts *host = g_ptr_array_index(facts, i);
        count += host ? host->vms->len : 0;
    }
    return count;
}

char *report_hosts_text(GPtrArray *facts, GPtrArray *configs, GPtrArray *errors, const ReportStyle *style)
{
    Table *table = hosts_table(style);

    for (guint i = 0; i < configs->len; i++) {
        const HostFacts *host = g_ptr_array_index(facts, i);

        if (host) {
            add_host(table, g_ptr_array_index(configs, i), host);
        } else {
            add_silent_host(table, g_ptr_array_index(configs, i), g_ptr_array_index(errors, i));
        }
    }
    g_autofree char *hosts = table_end(table);
    if (count_vms(facts) == 0) {
        return g_strdup_printf("%s\nNo VM runs there.\n", hosts);
    }
    g_autofree char *vms = vms_text(facts, configs, style);
    return g_strdup_printf("%s\n%s", hosts, vms);
}

static void add_version(JsonBuilder *builder, const char *name, gulong version)
{
    g_autofree char *text = version_text(version);

    json_add_string_or_null(builder, name, version ? text : NULL);
}

static void add_vm_json(JsonBuilder *builder, const Vm *vm)
{
    json_builder_begin_object(builder);
    report_add_string(builder, "name", vm->name);
    report_add_string(builder, "uuid", vm->uuid);
    report_add_string(builder, "state", vm_state_name(vm->state));
    report_add_uint(builder, "ram_bytes", vm->ram_bytes);
    report_add_uint(builder, "vcpus", vm->vcpus);
    report_add_uint(builder, "disks", vm->disks->len);
    report_add_bool(builder, "persistent", vm->is_persistent);
    json_add_string_or_null(builder, "domain_type", vm->domain_type);
    json_add_string_or_null(builder, "unmovable_why", vm->unmovable_why);
    json_builder_end_object(builder);
}

static void add_arrays(JsonBuilder *builder, const HostFacts *facts)
{
    json_builder_set_member_name(builder, "vms");
    json_builder_begin_array(builder);
    for (guint i = 0; i < facts->vms->len; i++) {
        add_vm_json(builder, g_ptr_array_index(facts->vms, i));
    }
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "incoming");
    json_builder_begin_array(builder);
    for (guint i = 0; facts->incoming_names && i < facts->incoming_names->len; i++) {
        json_builder_add_string_value(builder, g_ptr_array_index(facts->incoming_names, i));
    }
    json_builder_end_array(builder);
}

static void add_host_json(JsonBuilder *builder, const HostConfig *config, const HostFacts *facts, const char *error)
{
    json_builder_begin_object(builder);
    report_add_string(builder, "name", config->name);
    report_add_string(builder, "uri", config->uri);
    report_add_bool(builder, "reachable", facts != NULL);
    json_add_string_or_null(builder, "error", facts ? NULL : error ? error : "it did not answer");
    report_add_uint(builder, "link_bytes_per_s", config->link_bytes_per_s);
    report_add_uint(builder, "keep_free_bytes", config->keep_free_bytes);
    if (facts) {
        json_add_string_or_null(builder, "hostname", facts->hostname);
        report_add_uint(builder, "cpus", facts->cpus);
        report_add_uint(builder, "memory_bytes", facts->memory_bytes);
        report_add_uint(builder, "memory_free_bytes", facts->memory_free_bytes);
        add_version(builder, "libvirt_version", facts->libvirt_version);
        add_version(builder, "qemu_version", facts->qemu_version);
        report_add_bool(builder, "can_postcopy", facts->can_postcopy);
        json_add_string_or_null(builder, "cannot_postcopy_why",
                                facts->can_postcopy ? NULL : facts->cannot_postcopy_why);
        add_arrays(builder, facts);
    }
    json_builder_end_object(builder);
}

JsonNode *report_hosts_json(GPtrArray *facts, GPtrArray *configs, GPtrArray *errors)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "hosts");
    json_builder_begin_array(builder);
    for (guint i = 0; i < configs->len; i++) {
        add_host_json(builder, g_ptr_array_index(configs, i), g_ptr_array_index(facts, i),
                      g_ptr_array_index(errors, i));
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    return json_builder_get_root(builder);
}
