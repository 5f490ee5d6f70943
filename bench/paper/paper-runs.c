/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads the runs; see paper.h.
 *
 * Downtime is the guest's own gap, measured on a clock outside it: QEMU's figure for post-copy is about 1 ms whatever
 * the guest felt (docs/decisions).  libvirt's figure is kept beside it. */
#include "paper.h"
#include "base/json.h"
#include "base/error.h"
#include "base/stats.h"

#include <math.h>

const char *const SCHEME_NAMES[SCHEMES] = {"pre-copy", "post-copy", "adaptive"};
const PaperValues PAPER_TABLE_2[SCHEMES] = {{187, 16175, 3024725}, {111, 132, 14652}, {58, 200, 11600}};
const char *const PAPER_CLASSES[PAPER_VMS] = {"read", "write", "mixed", "write"};
const char *const PAPER_CHOICES[PAPER_VMS] = {"pre-copy", "post-copy", "pre-copy 60 %", "post-copy"};

void figure_add(Figure *figure, double value)
{
    if (!isnan(value) && figure->length < PAPER_RUNS_MAX) {
        figure->runs[figure->length++] = value;
    }
}

double figure_median(const Figure *figure)
{
    return stats_median(figure->runs, figure->length);
}

double figure_min(const Figure *figure)
{
    return stats_min(figure->runs, figure->length);
}

double figure_max(const Figure *figure)
{
    return stats_max(figure->runs, figure->length);
}

const char *most_frequent(GHashTable *counts)
{
    const char *best = "unknown";
    guint best_count = 0;
    GHashTableIter iter;
    gpointer name = NULL;
    gpointer count = NULL;

    g_hash_table_iter_init(&iter, counts);
    while (g_hash_table_iter_next(&iter, &name, &count)) {
        if (GPOINTER_TO_UINT(count) > best_count) {
            best = name;
            best_count = GPOINTER_TO_UINT(count);
        }
    }
    return best;
}

static void count_name(GHashTable *counts, const char *name)
{
    guint count = GPOINTER_TO_UINT(g_hash_table_lookup(counts, name));

    g_hash_table_replace(counts, g_strdup(name), GUINT_TO_POINTER(count + 1));
}

/* A number, or NAN where the report says null. */
static double number_of(JsonObject *object, const char *member)
{
    double value = NAN;

    json_read_double(object, member, "report", &value, NULL);
    return value;
}

static gboolean add_vm(SchemeFigures *scheme, VmFigures *figures, JsonObject *vm, const char *what, GError **error)
{
    const char *outcome = NULL;
    const char *vm_class = NULL;
    const char *algorithm = NULL;
    gboolean was_forced = FALSE;

    if (!json_read_string(vm, "outcome", what, &outcome, error) ||
        !json_read_string(vm, "algorithm", what, &algorithm, error)) {
        return FALSE;
    }
    if (!g_str_equal(outcome, "migrated")) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "%s: %s is '%s', not migrated", what, figures->name,
                    outcome);
        return FALSE;
    }
    if (json_read_string(vm, "class", what, &vm_class, NULL) && !g_str_equal(vm_class, "unknown")) {
        count_name(figures->classes, vm_class);
    }
    if (json_read_bool(vm, "forced", what, &was_forced, NULL) && was_forced) {
        scheme->forced++;
    }
    count_name(figures->algorithms, algorithm);
    figure_add(&figures->total_time_s, number_of(vm, "total_time_s"));
    figure_add(&figures->downtime_ms, number_of(vm, "downtime_ms"));
    figure_add(&figures->guest_gap_ms, number_of(vm, "guest_gap_ms"));
    figure_add(&figures->bytes, number_of(vm, "bytes"));
    figure_add(&figures->passes, number_of(vm, "passes"));
    figure_add(&figures->work_lost_s, number_of(vm, "work_lost_s"));
    return TRUE;
}

static JsonObject *find_vm(JsonArray *vms, const char *name)
{
    for (guint i = 0; i < json_array_get_length(vms); i++) {
        JsonObject *vm = json_array_get_object_element(vms, i);
        const char *found = NULL;

        if (json_read_string(vm, "name", "report", &found, NULL) && g_str_equal(found, name)) {
            return vm;
        }
    }
    return NULL;
}

/* The gang's figures of one run, from its VMs: the honest downtime is the guests' own. */
static void add_gang(SchemeFigures *scheme, JsonArray *vms, JsonObject *gang)
{
    double gap_ms = 0;
    double libvirt_ms = 0;
    double lost_s = 0;
    double total_s = number_of(gang, "total_time_s");

    for (guint i = 0; i < json_array_get_length(vms); i++) {
        JsonObject *vm = json_array_get_object_element(vms, i);
        double own_gap_ms = number_of(vm, "guest_gap_ms");
        double libvirt_gap_ms = number_of(vm, "downtime_ms");
        double own_lost_s = number_of(vm, "work_lost_s");

        gap_ms += isnan(own_gap_ms) ? libvirt_gap_ms : own_gap_ms;
        libvirt_ms += isnan(libvirt_gap_ms) ? 0 : libvirt_gap_ms;
        lost_s += isnan(own_lost_s) ? 0 : own_lost_s;
    }
    figure_add(&scheme->total_time_s, total_s);
    figure_add(&scheme->total_downtime_ms, gap_ms);
    figure_add(&scheme->libvirt_downtime_ms, libvirt_ms);
    figure_add(&scheme->time_product, total_s * gap_ms);
    figure_add(&scheme->bytes, number_of(gang, "bytes"));
    figure_add(&scheme->work_lost_s, lost_s);
}

static gboolean add_run(SchemeFigures *scheme, const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize text_bytes = 0;
    JsonArray *vms = NULL;
    JsonObject *gang = NULL;

    if (!g_file_get_contents(path, &text, &text_bytes, error)) {
        return FALSE;
    }
    g_autoptr(JsonObject) root = json_parse_object(text, (gssize)text_bytes, path, error);
    if (!root || !json_read_array(root, "vms", path, &vms, error) ||
        !json_read_object(root, "gang", path, &gang, error)) {
        return FALSE;
    }
    for (int i = 0; i < PAPER_VMS; i++) {
        JsonObject *vm = find_vm(vms, scheme->vms[i].name);

        if (!vm) {
            g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s: %s is missing", path, scheme->vms[i].name);
            return FALSE;
        }
        if (!add_vm(scheme, &scheme->vms[i], vm, path, error)) {
            return FALSE;
        }
    }
    add_gang(scheme, vms, gang);
    return TRUE;
}

gboolean paper_read(Paper *paper, const char *directory, guint runs, GError **error)
{
    *paper = (Paper){.runs = runs};
    for (int scheme = 0; scheme < SCHEMES; scheme++) {
        for (int vm = 0; vm < PAPER_VMS; vm++) {
            VmFigures *figures = &paper->schemes[scheme].vms[vm];

            figures->name = g_strdup_printf("vm%d", vm + 1);
            figures->classes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
            figures->algorithms = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
        }
        for (guint run = 1; run <= runs; run++) {
            g_autofree char *path =
                g_strdup_printf("%s/run-%02u-%s.json", directory, run, SCHEME_NAMES[scheme]);

            if (!add_run(&paper->schemes[scheme], path, error)) {
                return FALSE;
            }
        }
    }
    return TRUE;
}
