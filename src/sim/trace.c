/* SPDX-License-Identifier: Apache-2.0
 *
 * Traces in memory, and the reader of PlanetLab's; see trace.h.  trace-bitbrains.c reads the other family. */
#include "sim/trace.h"

#include <string.h>

#include "base/error.h"
#include "sim/trace-private.h"

Trace *trace_new(guint vms, guint samples)
{
    Trace *trace = g_new0(Trace, 1);

    trace->vms = vms;
    trace->samples = samples;
    trace->interval_s = TRACE_INTERVAL_S;
    trace->names = g_new0(char *, (gsize)vms + 1);
    return trace;
}

Trace *trace_new_percent(guint vms, guint samples, const guint8 *percent)
{
    Trace *trace = trace_new(vms, samples);

    trace->percent = g_memdup2(percent, (gsize)vms * samples);
    for (guint vm = 0; vm < vms; vm++) {
        trace->names[vm] = g_strdup_printf("vm%06u", vm);
    }
    return trace;
}

static gpointer head_of(gconstpointer rows, gsize length, gsize item_bytes)
{
    return rows != NULL ? g_memdup2(rows, length * item_bytes) : NULL;
}

Trace *trace_head(const Trace *trace, guint vms)
{
    gsize length = (gsize)vms * trace->samples;

    g_return_val_if_fail(vms >= 1 && vms <= trace->vms, NULL);
    Trace *head = trace_new(vms, trace->samples);

    head->interval_s = trace->interval_s;
    for (guint vm = 0; vm < vms; vm++) {
        head->names[vm] = g_strdup(trace->names[vm]);
    }
    head->percent = head_of(trace->percent, length, sizeof *trace->percent);
    head->share = head_of(trace->share, length, sizeof *trace->share);
    head->sizes = head_of(trace->sizes, vms, sizeof *trace->sizes);
    head->ram_share = head_of(trace->ram_share, length, sizeof *trace->ram_share);
    head->net_kib_per_s = head_of(trace->net_kib_per_s, length, sizeof *trace->net_kib_per_s);
    return head;
}

void trace_free(Trace *trace)
{
    if (trace == NULL) {
        return;
    }
    g_strfreev(trace->names);
    g_free(trace->percent);
    g_free(trace->share);
    g_free(trace->sizes);
    g_free(trace->ram_share);
    g_free(trace->net_kib_per_s);
    g_free(trace);
}

gboolean trace_refuse(GError **error, const char *path, guint line, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s:%u: %s", path, line, what);
    return FALSE;
}

/* Appends the samples of one line behind its name to 'percent'. */
static gboolean planetlab_samples(const char *path, guint line, const char *text, GByteArray *percent, GError **error)
{
    guint column = 0;

    for (const char *at = text; *at != '\0';) {
        const char *end = at + strspn(at, "0123456789");
        gsize digits = (gsize)(end - at);
        guint value = 0;

        column++;
        for (const char *digit = at; digit < end && digits <= 3; digit++) {
            value = value * 10 + (guint)(*digit - '0');
        }
        if (digits == 0 || digits > 3 || value > 100 || (*end != ' ' && *end != '\0')) {
            g_autofree char *word = g_strndup(at, MIN(strcspn(at, " "), 20));
            return trace_refuse(error, path, line,
                                "sample %u is '%s'; expected whole per cent, 0 to 100, one space apart", column, word);
        }
        guint8 sample = (guint8)value;
        g_byte_array_append(percent, &sample, 1);
        at = *end == ' ' ? end + 1 : end;
        if (*end == ' ' && *at == '\0') {
            return trace_refuse(error, path, line, "a space at the end of the line; expected a sample");
        }
    }
    return TRUE;
}

static gboolean planetlab_line(const char *path, guint line, char *text, GPtrArray *names, GByteArray *percent,
                               guint *samples, GError **error)
{
    char *space = strchr(text, ' ');
    guint before = percent->len;

    if (space == NULL || space == text) {
        return trace_refuse(error, path, line, "expected 'name sample sample ...', found %s",
                            *text == '\0' ? "an empty line" : "no samples behind a name");
    }
    if (!planetlab_samples(path, line, space + 1, percent, error)) {
        return FALSE;
    }
    guint found = percent->len - before;

    if (*samples == 0) {
        *samples = found;
    }
    if (found == 0 || found != *samples) {
        return trace_refuse(error, path, line, "%u samples, but the lines before have %u: every VM needs as many",
                            found, *samples);
    }
    *space = '\0';
    g_ptr_array_add(names, g_strdup(text));
    return TRUE;
}

Trace *trace_read_planetlab(const char *path, GError **error)
{
    g_autofree char *text = NULL;
    gsize text_bytes = 0;
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GByteArray) percent = g_byte_array_new();
    guint samples = 0;
    guint line = 1;

    if (!g_file_get_contents(path, &text, &text_bytes, error)) {
        g_prefix_error(error, "trace: ");
        return NULL;
    }
    if (strlen(text) != text_bytes) {
        trace_refuse(error, path, 1, "this is not text: it has a zero byte");
        return NULL;
    }
    for (char *at = text; *at != '\0'; line++) {
        char *end = at + strcspn(at, "\n");
        char *next = *end == '\n' ? end + 1 : end;

        *end = '\0';
        if (end > at && end[-1] == '\r') {
            end[-1] = '\0';
        }
        if (!planetlab_line(path, line, at, names, percent, &samples, error)) {
            return NULL;
        }
        at = next;
    }
    if (names->len == 0) {
        trace_refuse(error, path, 1, "the file is empty; expected a line 'name sample sample ...' per VM");
        return NULL;
    }
    Trace *trace = trace_new(names->len, samples);

    g_strfreev(trace->names);
    g_ptr_array_add(names, NULL);
    trace->names = (char **)g_ptr_array_free(g_steal_pointer(&names), FALSE);
    trace->percent = g_byte_array_free(g_steal_pointer(&percent), FALSE);
    return trace;
}
