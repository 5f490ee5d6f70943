/* SPDX-License-Identifier: Apache-2.0
 *
 * smaps; see smaps.h.
 *
 * How QEMU's RAM is told from its other mappings: libvirt gives a VM memory backends, whose files have telling names
 * (memfd:memory-backend-memfd, /dev/hugepages/..., .../qemu/ram/...).  Without one QEMU maps anonymous memory of just
 * the size of the RAM.  TCG's code buffer can be as large, but is executable; thread stacks and the heap are small. */
#include "observe/smaps.h"
#include "base/error.h"
#include "base/units.h"

#include <stdio.h>
#include <string.h>

#define SMALLEST_RAM_BYTES (MIB)
#define MOST_TIMES         2 /* the RAM's size: a larger mapping is something else */

static void smaps_entry_free(gpointer data)
{
    SmapsEntry *entry = data;

    g_free(entry->name);
    g_free(entry);
}

/* "7f00-7f10 rw-s 00000000 00:01 5 /memfd:x (deleted)"; NULL when the line is not of this kind. */
static SmapsEntry *parse_head(const char *line)
{
    guint64 start = 0, end = 0, inode = 0;
    char permissions[5] = "";
    int name_at = 0;

    if (sscanf(line, "%" G_GINT64_MODIFIER "x-%" G_GINT64_MODIFIER "x %4s %*x %*x:%*x %" G_GUINT64_FORMAT " %n", &start,
               &end, permissions, &inode, &name_at) < 4 ||
        end <= start) {
        return NULL;
    }
    SmapsEntry *entry = g_new0(SmapsEntry, 1);
    entry->start = start;
    entry->end = end;
    entry->inode = inode;
    memcpy(entry->permissions, permissions, sizeof permissions);
    entry->name = g_strstrip(g_strdup(name_at > 0 ? line + name_at : ""));
    return entry;
}

/* "Referenced:  12 kB" adds to the entry's member. */
static void parse_field(SmapsEntry *entry, const char *line)
{
    const struct {
        const char *key;
        guint64 *value;
    } fields[] = {
        {"Rss:", &entry->resident_bytes},
        {"Referenced:", &entry->referenced_bytes},
        {"KernelPageSize:", &entry->kernel_page_bytes},
        {"AnonHugePages:", &entry->huge_mapped_bytes},
        {"ShmemPmdMapped:", &entry->huge_mapped_bytes},
        {"FilePmdMapped:", &entry->huge_mapped_bytes},
        {"Shared_Hugetlb:", &entry->hugetlb_bytes},
        {"Private_Hugetlb:", &entry->hugetlb_bytes},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (g_str_has_prefix(line, fields[i].key)) {
            *fields[i].value += g_ascii_strtoull(line + strlen(fields[i].key), NULL, 10) * KIB;
            return;
        }
    }
}

GPtrArray *smaps_parse(const char *text)
{
    GPtrArray *entries = g_ptr_array_new_with_free_func(smaps_entry_free);
    SmapsEntry *current = NULL;

    for (const char *line = text; *line;) {
        const char *end = strchrnul(line, '\n');
        g_autofree char *copy = g_strndup(line, (gsize)(end - line));
        SmapsEntry *next = parse_head(copy);

        if (next) {
            g_ptr_array_add(entries, next);
            current = next;
        } else if (current) {
            parse_field(current, copy);
        }
        line = *end ? end + 1 : end;
    }
    return entries;
}

static guint64 entry_bytes(const SmapsEntry *entry)
{
    return entry->end - entry->start;
}

static gboolean is_plain_memory(const SmapsEntry *entry)
{
    return entry->permissions[0] == 'r' && entry->permissions[1] == 'w' && entry->permissions[2] != 'x' &&
           entry_bytes(entry) >= SMALLEST_RAM_BYTES;
}

static gboolean is_backend(const SmapsEntry *entry)
{
    static const char *const SIGNS[] = {"memfd:",     "memory-backend", "pc.ram",
                                        "/hugepages", "/qemu/ram/",     "qemu_back_mem"};

    for (gsize i = 0; is_plain_memory(entry) && i < G_N_ELEMENTS(SIGNS); i++) {
        if (strstr(entry->name, SIGNS[i])) {
            return TRUE;
        }
    }
    return FALSE;
}

static guint64 sum_bytes(GPtrArray *entries)
{
    guint64 bytes = 0;

    for (guint i = 0; i < entries->len; i++) {
        bytes += entry_bytes(g_ptr_array_index(entries, i));
    }
    return bytes;
}

/* The kernel splits one mapping into several entries where advice differs; the anonymous stretch that begins at
 * 'first' and goes on without a hole. */
static GPtrArray *anonymous_stretch(GPtrArray *entries, guint first)
{
    GPtrArray *stretch = g_ptr_array_new();
    const SmapsEntry *last = NULL;

    for (guint i = first; i < entries->len; i++) {
        SmapsEntry *entry = g_ptr_array_index(entries, i);
        if (entry->inode != 0 || entry->name[0] != '\0' || entry->permissions[1] != 'w' ||
            entry->permissions[2] == 'x' || (last && last->end != entry->start)) {
            break;
        }
        g_ptr_array_add(stretch, entry);
        last = entry;
    }
    return stretch;
}

/* The anonymous stretch closest to 'ram_bytes' among those that could hold it; the largest when it is 0. */
static GPtrArray *pick_anonymous(GPtrArray *entries, guint64 ram_bytes)
{
    g_autoptr(GPtrArray) best = g_ptr_array_new();

    for (guint i = 0; i < entries->len;) {
        g_autoptr(GPtrArray) stretch = anonymous_stretch(entries, i);
        guint64 bytes = sum_bytes(stretch);
        gboolean fits = bytes >= MAX(ram_bytes, SMALLEST_RAM_BYTES) && (!ram_bytes || bytes / MOST_TIMES <= ram_bytes);
        gboolean is_better = best->len == 0 || (ram_bytes ? bytes < sum_bytes(best) : bytes > sum_bytes(best));

        i += MAX(stretch->len, 1);
        if (fits && is_better) {
            g_ptr_array_unref(best);
            best = g_steal_pointer(&stretch);
        }
    }
    return g_steal_pointer(&best);
}

GPtrArray *smaps_pick_ram(GPtrArray *entries, guint64 ram_bytes, GError **error)
{
    g_autoptr(GPtrArray) picked = g_ptr_array_new();

    for (guint i = 0; i < entries->len; i++) {
        if (is_backend(g_ptr_array_index(entries, i))) {
            g_ptr_array_add(picked, g_ptr_array_index(entries, i));
        }
    }
    if (picked->len == 0 || sum_bytes(picked) < ram_bytes) {
        g_ptr_array_unref(picked);
        picked = pick_anonymous(entries, ram_bytes);
    }
    if (picked->len == 0) {
        g_autofree char *size = size_format(ram_bytes);
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND,
                    "none of its mappings looks like guest RAM of %s; is it a QEMU with this VM?", size);
        return NULL;
    }
    return g_steal_pointer(&picked);
}
