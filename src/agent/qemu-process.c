/* SPDX-License-Identifier: Apache-2.0
 *
 * Finding a VM's QEMU process by the -uuid on its command line: libvirt's pid may be unknown to the controller, or
 * belong to another pid namespace. */
#include "agent/agent-private.h"

#include <string.h>

/* Whether the command line of 'pid' has "-uuid UUID". */
static gboolean carries(gint64 pid, const char *uuid)
{
    g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/cmdline", pid);
    g_autofree char *words = NULL;
    gsize length = 0;
    gboolean is_next = FALSE;

    if (!g_file_get_contents(path, &words, &length, NULL)) {
        return FALSE;
    }
    for (const char *word = words; word < words + length; word += strlen(word) + 1) {
        if (is_next && g_ascii_strcasecmp(word, uuid) == 0) {
            return TRUE;
        }
        is_next = g_str_equal(word, "-uuid");
    }
    return FALSE;
}

gint64 qemu_process_find(const char *uuid, gint64 pid)
{
    g_autoptr(GDir) proc = NULL;
    const char *name = NULL;

    if (uuid[0] == '\0' || (pid > 0 && carries(pid, uuid))) {
        return pid;
    }
    proc = g_dir_open("/proc", 0, NULL);
    while (proc && (name = g_dir_read_name(proc))) {
        gint64 candidate = g_ascii_strtoll(name, NULL, 10);
        if (candidate > 0 && carries(candidate, uuid)) {
            return candidate;
        }
    }
    return 0;
}
