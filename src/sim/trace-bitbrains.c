/* SPDX-License-Identifier: Apache-2.0
 *
 * The reader of Bitbrains traces; see trace.h.
 *
 * Two passes: the file of VMs says which there are and gives each the row it has in the trace; the file of use fills
 * the rows.  VMs are numbered from 1 in the files, with holes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/trace-private.h"

#define VM_COLUMNS    4
#define USAGE_COLUMNS 8
#define MAX_ID        1000000
#define NO_ROW        G_MAXUINT

static const char VM_HEAD[] = "vm,cores,cpu_mhz_provisioned,mem_kb_provisioned";
static const char USAGE_HEAD[] = "vm,slot,cpu_mhz,mem_kb,disk_read_kbs,disk_write_kbs,net_rx_kbs,net_tx_kbs";

typedef struct Rows {
    GArray *row_of; /* guint by the VM's number; NO_ROW: not in the trace; absent: unknown */
    GArray *known;  /* gboolean by the VM's number */
    GArray *sizes;  /* TraceSize by row */
    GPtrArray *names;
} Rows;

typedef gboolean (*LineFunc)(const char *path, guint line, const double *fields, gpointer user, GError **error);

static gboolean parse_fields(const char *path, guint line, const char *text, double *fields, guint columns,
                             GError **error)
{
    const char *at = text;

    for (guint i = 0; i < columns; i++) {
        char *end = NULL;

        fields[i] = g_ascii_strtod(at, &end);
        if (end == at || !isfinite(fields[i]) || fields[i] < 0) {
            return trace_refuse(error, path, line, "column %u is not a number of 0 or more", i + 1);
        }
        if (*end != (i + 1 < columns ? ',' : '\0')) {
            return trace_refuse(error, path, line, "expected %u columns with one comma between them", columns);
        }
        at = end + 1;
    }
    return TRUE;
}

/* Calls 'func' for each line behind the head. */
static gboolean each_line(const char *path, const char *head, guint columns, LineFunc func, gpointer user,
                          GError **error)
{
    g_autofree char *text = NULL;
    guint line = 1;

    if (!g_file_get_contents(path, &text, NULL, error)) {
        g_prefix_error(error, "trace: ");
        return FALSE;
    }
    for (char *at = text; *at != '\0' || line == 1; line++) {
        char *end = at + strcspn(at, "\r\n");
        char *next = end + (end[0] == '\r' && end[1] == '\n' ? 2 : *end != '\0');
        double fields[USAGE_COLUMNS];

        *end = '\0';
        if (line == 1) {
            if (!g_str_equal(at, head)) {
                return trace_refuse(error, path, line, "expected the columns '%s'", head);
            }
        } else if (!parse_fields(path, line, at, fields, columns, error) || !func(path, line, fields, user, error)) {
            return FALSE;
        }
        at = next;
    }
    return TRUE;
}

static gboolean whole_number(double value, double limit)
{
    return value == floor(value) && value < limit;
}

static gboolean take_vm(const char *path, guint line, const double *fields, gpointer user, GError **error)
{
    Rows *rows = user;

    if (!whole_number(fields[0], MAX_ID) || !whole_number(fields[1], 4096)) {
        return trace_refuse(error, path, line, "a VM's number and cores must be whole numbers below %d and 4096",
                            MAX_ID);
    }
    guint id = (guint)fields[0];

    if (id >= rows->known->len) {
        g_array_set_size(rows->known, id + 1);
        g_array_set_size(rows->row_of, id + 1);
    }
    if (g_array_index(rows->known, gboolean, id)) {
        return trace_refuse(error, path, line, "VM %u is there twice", id);
    }
    g_array_index(rows->known, gboolean, id) = TRUE;
    if (fields[1] == 0 || fields[2] == 0 || fields[3] == 0) {
        g_array_index(rows->row_of, guint, id) = NO_ROW;
        return TRUE;
    }
    TraceSize size = {.cores = (guint)fields[1], .mhz = fields[2], .ram_mib = fields[3] / 1024};

    g_array_index(rows->row_of, guint, id) = rows->sizes->len;
    g_array_append_val(rows->sizes, size);
    g_ptr_array_add(rows->names, g_strdup_printf("vm%u", id));
    return TRUE;
}

typedef struct Usage {
    const Rows *rows;
    GArray *samples; /* Sample */
    guint slots;
} Usage;

typedef struct Sample {
    guint row, slot;
    float share, ram_share, net_kib_per_s;
} Sample;

static gboolean take_sample(const char *path, guint line, const double *fields, gpointer user, GError **error)
{
    Usage *usage = user;

    if (!whole_number(fields[0], MAX_ID) || fields[0] >= usage->rows->known->len ||
        !g_array_index(usage->rows->known, gboolean, (guint)fields[0])) {
        return trace_refuse(error, path, line, "VM %g is not in the file of VMs", fields[0]);
    }
    if (!whole_number(fields[1], 65536)) {
        return trace_refuse(error, path, line, "slot %g is not a whole number below 65536", fields[1]);
    }
    guint row = g_array_index(usage->rows->row_of, guint, (guint)fields[0]);

    if (row == NO_ROW) {
        return TRUE;
    }
    const TraceSize *size = &g_array_index(usage->rows->sizes, TraceSize, row);
    Sample sample = {.row = row,
                     .slot = (guint)fields[1],
                     .share = (float)MIN(1.0, fields[2] / size->mhz),
                     .ram_share = (float)MIN(1.0, fields[3] / 1024 / size->ram_mib),
                     .net_kib_per_s = (float)(fields[6] + fields[7])};

    usage->slots = MAX(usage->slots, sample.slot + 1);
    g_array_append_val(usage->samples, sample);
    return TRUE;
}

/* A slot without a line repeats the one before it; before the first line the VM rests. */
static void fill_rows(Trace *trace, const Usage *usage)
{
    gsize length = (gsize)trace->vms * trace->samples;
    g_autofree gboolean *there = g_new0(gboolean, length);

    trace->share = g_new0(float, length);
    trace->ram_share = g_new0(float, length);
    trace->net_kib_per_s = g_new0(float, length);
    for (guint i = 0; i < usage->samples->len; i++) {
        const Sample *sample = &g_array_index(usage->samples, Sample, i);
        gsize at = (gsize)sample->row * trace->samples + sample->slot;

        there[at] = TRUE;
        trace->share[at] = sample->share;
        trace->ram_share[at] = sample->ram_share;
        trace->net_kib_per_s[at] = sample->net_kib_per_s;
    }
    for (gsize at = 1; at < length; at++) {
        if (!there[at] && at % trace->samples != 0) {
            trace->share[at] = trace->share[at - 1];
            trace->ram_share[at] = trace->ram_share[at - 1];
            trace->net_kib_per_s[at] = trace->net_kib_per_s[at - 1];
        }
    }
}

Trace *trace_read_bitbrains(const char *vms_path, const char *usage_path, GError **error)
{
    g_autoptr(GArray) row_of = g_array_new(FALSE, TRUE, sizeof(guint));
    g_autoptr(GArray) known = g_array_new(FALSE, TRUE, sizeof(gboolean));
    g_autoptr(GArray) sizes = g_array_new(FALSE, TRUE, sizeof(TraceSize));
    g_autoptr(GArray) samples = g_array_new(FALSE, TRUE, sizeof(Sample));
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    Rows rows = {.row_of = row_of, .known = known, .sizes = sizes, .names = names};
    Usage usage = {.rows = &rows, .samples = samples};

    if (!each_line(vms_path, VM_HEAD, VM_COLUMNS, take_vm, &rows, error) ||
        !each_line(usage_path, USAGE_HEAD, USAGE_COLUMNS, take_sample, &usage, error)) {
        return NULL;
    }
    if (sizes->len == 0 || usage.slots == 0) {
        trace_refuse(error, sizes->len == 0 ? vms_path : usage_path, 2,
                     "no VM with CPU and memory, or no sample of one");
        return NULL;
    }
    Trace *trace = trace_new(sizes->len, usage.slots);

    for (guint vm = 0; vm < names->len; vm++) {
        trace->names[vm] = g_strdup(g_ptr_array_index(names, vm));
    }
    trace->sizes = g_memdup2(sizes->data, (gsize)sizes->len * sizeof(TraceSize));
    fill_rows(trace, &usage);
    return trace;
}
