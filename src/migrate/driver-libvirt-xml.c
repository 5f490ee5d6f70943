/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads what we need from libvirt's XML of a running domain, in one pass of GLib's small parser.
 *
 * The text comes from libvirtd itself, so it is well-formed; it is still checked, because a host is not us.  Elements
 * are known by their whole path ("domain/devices/disk/source"), kept in 'path', so that a <source> of a network card is
 * not taken for one of a disk. */
#include "migrate/driver-libvirt-private.h"

#include <string.h>

#include "base/error.h"
#include "base/units.h"

#define XML_MAX_BYTES (4 * MIB) /* libvirt's own limit for a string in its protocol */

typedef struct DomainReader {
    Vm *vm;
    GString *path;
    guint64 memory_unit_bytes;
    gboolean is_disk;  /* inside a <disk device='disk'> */
    VmDisk *disk;      /* being read; owned */
    GString *hostdevs; /* kinds of host devices found */
    gboolean has_teaming;
} DomainReader;

static const char *attribute(const char **names, const char **values, const char *wanted)
{
    for (; *names; names++, values++) {
        if (g_str_equal(*names, wanted)) {
            return *values;
        }
    }
    return NULL;
}

static guint64 unit_bytes(const char *unit)
{
    static const struct {
        const char *name;
        guint64 bytes;
    } units[] = {{"b", 1}, {"bytes", 1}, {"KiB", KIB}, {"k", KIB}, {"MiB", MIB}, {"M", MIB}, {"GiB", GIB}, {"G", GIB}};

    for (gsize i = 0; unit && i < G_N_ELEMENTS(units); i++) {
        if (g_str_equal(unit, units[i].name)) {
            return units[i].bytes;
        }
    }
    return KIB; /* what libvirt writes, and its default */
}

static void begin_disk(DomainReader *reader, const char *device)
{
    reader->is_disk = !device || g_str_equal(device, "disk") || g_str_equal(device, "lun");
    reader->disk = vm_disk_new(NULL, NULL, 0);
}

static void read_disk_part(DomainReader *reader, const char *part, const char **names, const char **values)
{
    VmDisk *disk = reader->disk;

    if (g_str_equal(part, "target")) {
        g_free(disk->target);
        disk->target = g_strdup(attribute(names, values, "dev"));
    } else if (g_str_equal(part, "source")) {
        const char *path = attribute(names, values, "file");

        g_free(disk->path);
        disk->path = g_strdup(path ? path : attribute(names, values, "dev"));
    } else if (g_str_equal(part, "readonly")) {
        disk->is_readonly = TRUE;
    } else if (g_str_equal(part, "shareable")) {
        disk->is_shareable = TRUE;
    }
}

static void begin_element(GMarkupParseContext *context, const char *name, const char **names, const char **values,
                          gpointer user, GError **error)
{
    static const char disk_path[] = "domain/devices/disk/";
    DomainReader *reader = user;
    const char *path;

    g_string_append_printf(reader->path, "%s%s", reader->path->len ? "/" : "", name);
    path = reader->path->str;
    if (g_str_equal(path, "domain")) {
        reader->vm->domain_type = g_strdup(attribute(names, values, "type"));
    } else if (g_str_equal(path, "domain/memory")) {
        reader->memory_unit_bytes = unit_bytes(attribute(names, values, "unit"));
    } else if (g_str_equal(path, "domain/vcpu")) {
        const char *current = attribute(names, values, "current");

        reader->vm->vcpus = current ? (guint)g_ascii_strtoull(current, NULL, 10) : 0;
    } else if (g_str_equal(path, "domain/devices/disk")) {
        begin_disk(reader, attribute(names, values, "device"));
    } else if (reader->disk && g_str_has_prefix(path, disk_path)) {
        read_disk_part(reader, path + strlen(disk_path), names, values);
    } else if (g_str_equal(path, "domain/devices/hostdev")) {
        const char *type = attribute(names, values, "type");

        reader->has_teaming = FALSE;
        g_string_assign(reader->hostdevs, type ? type : "unknown");
    } else if (g_str_equal(path, "domain/devices/hostdev/teaming")) {
        reader->has_teaming = TRUE; /* libvirt takes it away before and gives another one afterwards */
    }
}

static void end_element(GMarkupParseContext *context, const char *name, gpointer user, GError **error)
{
    DomainReader *reader = user;
    const char *path = reader->path->str;
    const char *slash;

    if (g_str_equal(path, "domain/devices/disk")) {
        if (reader->is_disk && reader->disk->target) {
            g_ptr_array_add(reader->vm->disks, g_steal_pointer(&reader->disk));
        }
        g_clear_pointer(&reader->disk, vm_disk_free);
    } else if (g_str_equal(path, "domain/devices/hostdev") && !reader->has_teaming) {
        g_free(reader->vm->unmovable_why);
        reader->vm->unmovable_why = g_strdup_printf("it holds a device of its host (%s)", reader->hostdevs->str);
    }
    slash = strrchr(path, '/');
    g_string_truncate(reader->path, slash ? (gsize)(slash - path) : 0);
}

static void take_text(GMarkupParseContext *context, const char *text, gsize length, gpointer user, GError **error)
{
    DomainReader *reader = user;

    if (g_str_equal(reader->path->str, "domain/memory")) {
        reader->vm->ram_bytes = g_ascii_strtoull(text, NULL, 10) * reader->memory_unit_bytes;
    } else if (g_str_equal(reader->path->str, "domain/vcpu") && !reader->vm->vcpus) {
        reader->vm->vcpus = (guint)g_ascii_strtoull(text, NULL, 10);
    }
}

/* The text of the <cpu> element, tags included, or NULL. */
static char *cut_cpu(const char *xml)
{
    const char *begin = strstr(xml, "\n  <cpu "); /* libvirt indents children of <domain> by two */
    const char *end = begin ? strstr(begin, "</cpu>") : NULL;
    const char *short_end = begin ? strchr(begin, '>') : NULL;

    if (!begin || !short_end) {
        return NULL;
    }
    if (short_end[-1] == '/') {
        return g_strndup(begin + 3, (gsize)(short_end + 1 - begin - 3));
    }
    return end ? g_strndup(begin + 3, (gsize)(end + strlen("</cpu>") - begin - 3)) : NULL;
}

gboolean domain_xml_read(Vm *vm, const char *xml, GError **error)
{
    static const GMarkupParser parser = {begin_element, end_element, take_text, NULL, NULL};
    DomainReader reader = {.vm = vm, .memory_unit_bytes = KIB};
    GMarkupParseContext *context;
    gboolean ok;

    if (strlen(xml) > XML_MAX_BYTES) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_PROTOCOL, "VM %s: its description is larger than libvirt allows",
                    vm->name);
        return FALSE;
    }
    reader.path = g_string_new(NULL);
    reader.hostdevs = g_string_new(NULL);
    context = g_markup_parse_context_new(&parser, G_MARKUP_IGNORE_QUALIFIED, &reader, NULL);
    ok = g_markup_parse_context_parse(context, xml, -1, error) && g_markup_parse_context_end_parse(context, error);
    g_markup_parse_context_free(context);
    vm_disk_free(reader.disk);
    g_string_free(reader.path, TRUE);
    g_string_free(reader.hostdevs, TRUE);
    if (!ok) {
        g_prefix_error(error, "VM %s: its description from libvirt: ", vm->name);
        return FALSE;
    }
    vm->cpu_xml = cut_cpu(xml);
    return TRUE;
}
