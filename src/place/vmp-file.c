/* SPDX-License-Identifier: Apache-2.0
 *
 * The published packing instances; see vmp-file.h. */
#include "place/vmp-file.h"
#include "base/error.h"

#include <string.h>

#define KINDS 16u /* of hosts in one instance, at most */

typedef struct Reader {
    char **lines;
    const char *file;
    guint next; /* of 'lines' */
} Reader;

void vmp_instance_free(VmpInstance *instance)
{
    if (instance) {
        g_free(instance->name);
        g_free(instance->vms);
        g_free(instance->hosts);
        g_free(instance);
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(VmpInstance, vmp_instance_free)

static void G_GNUC_PRINTF(3, 4) fail(const Reader *reader, GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_autofree char *what = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "%s:%u: %s", reader->file, MAX(reader->next, 1), what);
}

/* The beginning of what stands in the file, fit for a message. */
static char *quoted(const char *line)
{
    g_autofree char *valid = g_utf8_make_valid(line, -1);

    return g_utf8_substring(valid, 0, MIN(g_utf8_strlen(valid, -1), 40));
}

/* The next line that is not empty; NULL at the end. */
static const char *next_line(Reader *reader)
{
    while (reader->lines[reader->next]) {
        const char *line = g_strstrip(reader->lines[reader->next++]);

        if (line[0]) {
            return line;
        }
    }
    return NULL;
}

/* Whole numbers of a line, separated by 'separators'; -1 with an error when it has other things or not 'least' to
 * 'most' of them. */
static int read_numbers(Reader *reader, const char *separators, const char *what, guint least, guint most,
                        guint64 *numbers, GError **error)
{
    const char *line = next_line(reader);
    guint length = 0;

    if (!line) {
        fail(reader, error, "the file ends where %s should be", what);
        return -1;
    }
    g_auto(GStrv) words = g_strsplit_set(line, separators, -1);
    for (guint i = 0; words[i]; i++) {
        const char *word = g_strstrip(words[i]);

        if (!word[0] && separators[0] != ',') {
            continue; /* several blanks */
        }
        if (length == most || !g_ascii_string_to_unsigned(word, 10, 0, PACK_LARGEST_SUM - 1, &numbers[length], NULL)) {
            length = 0;
            break;
        }
        length++;
    }
    if (length < least) {
        g_autofree char *found = quoted(line);
        fail(reader, error, "'%s' is not %s", found, what);
        return -1;
    }
    return (int)length;
}

static gboolean read_hosts(Reader *reader, VmpInstance *instance, GError **error)
{
    guint64 counts[KINDS];
    guint64 cpus[KINDS];
    guint64 memories[KINDS];
    guint64 total = 0;
    int kinds = read_numbers(reader, ",", "a number of hosts", 1, KINDS, counts, error);

    if (kinds < 0 ||
        read_numbers(reader, ",", "a CPU capacity for each kind of host", (guint)kinds, (guint)kinds, cpus, error) < 0 ||
        read_numbers(reader, ",", "a RAM capacity for each kind of host", (guint)kinds, (guint)kinds, memories, error) <
            0) {
        return FALSE;
    }
    for (int kind = 0; kind < kinds; kind++) {
        if (counts[kind] > VMP_MOST || (total += counts[kind]) > VMP_MOST) {
            fail(reader, error, "there are more than %u hosts", VMP_MOST);
            return FALSE;
        }
    }
    instance->hosts = g_new(PackHost, MAX(total, 1));
    instance->problem.hosts = instance->hosts;
    for (int kind = 0; kind < kinds; kind++) {
        for (guint64 i = 0; i < counts[kind]; i++) {
            instance->hosts[instance->problem.hosts_length++] = (PackHost){cpus[kind], memories[kind]};
        }
    }
    return TRUE;
}

static gboolean read_vms(Reader *reader, VmpInstance *instance, GError **error)
{
    guint64 length = 0;
    guint64 numbers[3];

    if (read_numbers(reader, " \t", "the number of VMs", 1, 1, &length, error) < 0) {
        return FALSE;
    }
    if (length > VMP_MOST) {
        fail(reader, error, "there are more than %u VMs", VMP_MOST);
        return FALSE;
    }
    instance->vms = g_new(PackVm, MAX(length, 1));
    instance->problem.vms = instance->vms;
    for (guint64 i = 0; i < length; i++) {
        if (read_numbers(reader, " \t", "a VM: its CPU and RAM", 2, 3, numbers, error) < 0) {
            return FALSE;
        }
        instance->vms[instance->problem.vms_length++] = (PackVm){numbers[0], numbers[1]};
    }
    return TRUE;
}

GPtrArray *vmp_parse(const char *text, const char *file, GError **error)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    Reader reader = {lines, file, 0};
    g_autoptr(GPtrArray) instances = g_ptr_array_new_with_free_func((GDestroyNotify)vmp_instance_free);
    const char *name = NULL;

    while ((name = next_line(&reader))) {
        g_autoptr(VmpInstance) instance = g_new0(VmpInstance, 1);

        if (g_ascii_isdigit(name[0]) || !g_utf8_validate(name, -1, NULL)) {
            g_autofree char *found = quoted(name);
            fail(&reader, error, "'%s' stands where the name of an instance should be", found);
            return NULL;
        }
        instance->name = g_strdup(name);
        if (!read_hosts(&reader, instance, error) || !read_vms(&reader, instance, error)) {
            g_prefix_error(error, "instance %s: ", instance->name);
            return NULL;
        }
        g_ptr_array_add(instances, g_steal_pointer(&instance));
    }
    if (instances->len == 0) {
        fail(&reader, error, "there is no instance in it");
        return NULL;
    }
    return g_steal_pointer(&instances);
}
