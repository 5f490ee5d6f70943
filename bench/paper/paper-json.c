/* SPDX-License-Identifier: Apache-2.0
 *
 * build/bench/paper.json: medians over the runs, with their range. */
#include "paper.h"
#include "base/json.h"

#include <math.h>

static void add_figure(JsonBuilder *builder, const char *name, const Figure *figure)
{
    json_add_double_or_null(builder, name, figure_median(figure));
}

static void add_range(JsonBuilder *builder, const char *name, const Figure *figure)
{
    json_builder_set_member_name(builder, name);
    json_builder_begin_array(builder);
    json_builder_add_double_value(builder, figure->length ? figure_min(figure) : 0);
    json_builder_add_double_value(builder, figure->length ? figure_max(figure) : 0);
    json_builder_end_array(builder);
}

static void add_vm(JsonBuilder *builder, const VmFigures *vm, GHashTable *classes)
{
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "name", vm->name);
    json_add_string_or_null(builder, "class", most_frequent(classes));
    json_add_string_or_null(builder, "algorithm", most_frequent(vm->algorithms));
    add_figure(builder, "total_time_s", &vm->total_time_s);
    add_figure(builder, "downtime_ms", &vm->downtime_ms);
    add_figure(builder, "guest_gap_ms", &vm->guest_gap_ms);
    add_figure(builder, "bytes", &vm->bytes);
    add_figure(builder, "passes", &vm->passes);
    add_figure(builder, "work_lost_s", &vm->work_lost_s);
    json_builder_end_object(builder);
}

static void add_scheme(JsonBuilder *builder, const Paper *paper, Scheme scheme)
{
    const SchemeFigures *figures = &paper->schemes[scheme];

    json_builder_set_member_name(builder, SCHEME_NAMES[scheme]);
    json_builder_begin_object(builder);
    add_figure(builder, "total_time_s", &figures->total_time_s);
    add_figure(builder, "total_downtime_ms", &figures->total_downtime_ms);
    add_figure(builder, "libvirt_downtime_ms", &figures->libvirt_downtime_ms);
    add_figure(builder, "time_product", &figures->time_product);
    add_figure(builder, "bytes", &figures->bytes);
    add_figure(builder, "work_lost_s", &figures->work_lost_s);
    add_range(builder, "total_time_s_range", &figures->total_time_s);
    add_range(builder, "total_downtime_ms_range", &figures->total_downtime_ms);
    add_range(builder, "work_lost_s_range", &figures->work_lost_s);
    json_builder_set_member_name(builder, "forced_stop_and_copy");
    json_builder_add_int_value(builder, figures->forced);
    json_builder_set_member_name(builder, "vms");
    json_builder_begin_array(builder);
    for (int vm = 0; vm < PAPER_VMS; vm++) {
        /* fixed schemes do not measure: the class of a VM is what the adaptive runs found */
        add_vm(builder, &figures->vms[vm], paper->schemes[SCHEME_ADAPTIVE].vms[vm].classes);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

static void add_choices(JsonBuilder *builder, const VmFigures *vm)
{
    GHashTableIter iter;
    gpointer name = NULL;
    gpointer count = NULL;

    json_builder_set_member_name(builder, vm->name);
    json_builder_begin_object(builder);
    g_hash_table_iter_init(&iter, vm->algorithms);
    while (g_hash_table_iter_next(&iter, &name, &count)) {
        json_builder_set_member_name(builder, name);
        json_builder_add_int_value(builder, GPOINTER_TO_UINT(count));
    }
    json_builder_end_object(builder);
}

gboolean paper_write_json(const Paper *paper, JsonNode *machine, const char *path, GError **error)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "machine");
    json_builder_add_value(builder, json_node_copy(machine));
    json_builder_set_member_name(builder, "runs");
    json_builder_add_int_value(builder, paper->runs);
    json_builder_set_member_name(builder, "schemes");
    json_builder_begin_object(builder);
    for (int scheme = 0; scheme < SCHEMES; scheme++) {
        add_scheme(builder, paper, (Scheme)scheme);
    }
    json_builder_end_object(builder);
    json_builder_set_member_name(builder, "choices");
    json_builder_begin_object(builder);
    for (int vm = 0; vm < PAPER_VMS; vm++) {
        add_choices(builder, &paper->schemes[SCHEME_ADAPTIVE].vms[vm]);
    }
    json_builder_end_object(builder);
    json_builder_end_object(builder);

    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_text(root, TRUE);
    return g_file_set_contents(path, text, -1, error);
}
