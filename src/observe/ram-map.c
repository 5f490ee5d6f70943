/* SPDX-License-Identifier: Apache-2.0
 *
 * RamMap; see ram-map.h.
 *
 * /proc/PID/smaps is made entry by entry while it is read, and each entry costs a walk over its page tables. So it is
 * read in small pieces and only up to the last region of RAM. */
#include "observe/ram-map.h"
#include "base/error.h"
#include "base/units.h"
#include "observe/smaps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define HUGE_PAGE_BYTES (2 * MIB)
#define PIECE_BYTES     4096

static gboolean set_lost(gint64 pid, GError **error)
{
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "QEMU process %" G_GINT64_FORMAT " has ended", pid);
    return FALSE;
}

/* The text of /proc/PID/smaps up to the first entry at 'stop_at' or above.  NULL with errno set. */
static char *read_smaps(int proc_fd, guint64 stop_at)
{
    g_autoptr(GString) text = g_string_new(NULL);
    char line[PIECE_BYTES];
    int fd = openat(proc_fd, "smaps", O_RDONLY | O_CLOEXEC);
    FILE *file = fd >= 0 ? fdopen(fd, "r") : NULL;

    if (!file) {
        return NULL;
    }
    setvbuf(file, NULL, _IOFBF, PIECE_BYTES);
    while (fgets(line, sizeof line, file)) {
        gboolean is_head = g_ascii_isxdigit(line[0]) && !g_ascii_isupper(line[0]);
        if (is_head && g_ascii_strtoull(line, NULL, 16) >= stop_at) {
            break;
        }
        g_string_append(text, line);
    }
    fclose(file);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* When the process began, from the text of /proc/PID/stat, whose second field may itself hold blanks and brackets. */
static guint64 parse_start_ticks(const char *stat)
{
    const char *after_name = strrchr(stat, ')');
    g_auto(GStrv) fields = g_strsplit(after_name ? after_name + 1 : "", " ", -1);

    return g_strv_length(fields) > 20 ? g_ascii_strtoull(fields[20], NULL, 10) : 0;
}

static guint64 read_start_ticks(gint64 pid)
{
    g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT "/stat", pid);
    g_autofree char *stat = NULL;

    return g_file_get_contents(path, &stat, NULL, NULL) ? parse_start_ticks(stat) : 0;
}

/* Whether one of its descriptors is a KVM virtual machine. */
static gboolean has_kvm(int proc_fd)
{
    int fd = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    gboolean found = FALSE;

    for (struct dirent *entry = NULL; directory && !found && (entry = readdir(directory));) {
        char target[64] = "";
        found = readlinkat(fd, entry->d_name, target, sizeof target - 1) > 0 && strstr(target, "kvm-vm");
    }
    if (directory) {
        closedir(directory);
    }
    return found;
}

gboolean ram_map_is_alive(const RamMap *map)
{
    struct pollfd ended = {.fd = map->pid_fd, .events = POLLIN};

    return poll(&ended, 1, 0) == 0;
}

gboolean ram_map_set_error(const RamMap *map, const char *what, GError **error)
{
    int cause = errno;

    if (cause == ESRCH || !ram_map_is_alive(map)) {
        return set_lost(map->pid, error);
    }
    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "QEMU process %" G_GINT64_FORMAT ": %s: %s", map->pid, what,
                g_strerror(cause));
    return FALSE;
}

static void add_usage(RamMap *map, const SmapsEntry *entry)
{
    map->resident_bytes += entry->resident_bytes + entry->hugetlb_bytes;
    map->referenced_bytes += entry->referenced_bytes;
    map->huge_mapped_bytes += entry->huge_mapped_bytes;
    map->hugetlb_bytes += entry->hugetlb_bytes;
    if (entry->kernel_page_bytes > PAGE_BYTES) {
        map->grain_bytes = MAX(map->grain_bytes, entry->kernel_page_bytes);
    }
}

static gboolean is_inside(const RamMap *map, const SmapsEntry *entry)
{
    for (gsize i = 0; i < map->regions_length; i++) {
        if (entry->start >= map->regions[i].start && entry->end <= map->regions[i].start + map->regions[i].bytes) {
            return TRUE;
        }
    }
    return FALSE;
}

static void set_usage(RamMap *map, GPtrArray *entries)
{
    map->resident_bytes = map->referenced_bytes = map->huge_mapped_bytes = map->hugetlb_bytes = 0;
    map->grain_bytes = PAGE_BYTES;
    for (guint i = 0; i < entries->len; i++) {
        const SmapsEntry *entry = g_ptr_array_index(entries, i);
        if (is_inside(map, entry)) {
            add_usage(map, entry);
        }
    }
    if (map->huge_mapped_bytes > 0 && map->huge_mapped_bytes >= map->resident_bytes / 10) {
        map->grain_bytes = MAX(map->grain_bytes, HUGE_PAGE_BYTES);
    }
}

gboolean ram_map_read_usage(RamMap *map, GError **error)
{
    const RamRegion *last = &map->regions[map->regions_length - 1];
    g_autofree char *text = read_smaps(map->proc_fd, last->start + last->bytes);

    /* A process that is ending has no mappings any more: its smaps is empty, not an error. */
    if (!text || text[0] == '\0') {
        return set_lost(map->pid, error);
    }
    g_autoptr(GPtrArray) entries = smaps_parse(text);
    set_usage(map, entries);
    return TRUE;
}

/* Neighbouring entries become one region. */
static void set_regions(RamMap *map, GPtrArray *picked)
{
    map->regions = g_new0(RamRegion, picked->len);
    for (guint i = 0; i < picked->len; i++) {
        const SmapsEntry *entry = g_ptr_array_index(picked, i);
        RamRegion *last = map->regions_length ? &map->regions[map->regions_length - 1] : NULL;
        guint64 bytes = entry->end - entry->start;

        if (last && last->start + last->bytes == entry->start) {
            last->bytes += bytes;
        } else {
            map->regions[map->regions_length++] = (RamRegion){entry->start, bytes, map->pages};
        }
        map->pages += bytes / PAGE_BYTES;
    }
}

static gboolean find_regions(RamMap *map, guint64 ram_bytes, GError **error)
{
    g_autofree char *text = read_smaps(map->proc_fd, G_MAXUINT64);

    if (!text || text[0] == '\0') {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "cannot read its smaps: %s; the agent must run as root",
                    errno ? g_strerror(errno) : "it has no memory");
        return FALSE;
    }
    g_autoptr(GPtrArray) entries = smaps_parse(text);
    g_autoptr(GPtrArray) picked = smaps_pick_ram(entries, ram_bytes, error);
    if (!picked) {
        return FALSE;
    }
    set_regions(map, picked);
    set_usage(map, entries);
    return TRUE;
}

static gboolean hold_process(RamMap *map, GError **error)
{
    g_autofree char *path = g_strdup_printf("/proc/%" G_GINT64_FORMAT, map->pid);

    map->pid_fd = (int)syscall(SYS_pidfd_open, (pid_t)map->pid, 0);
    map->proc_fd = map->pid_fd < 0 ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    map->start_ticks = read_start_ticks(map->pid);
    if (map->proc_fd < 0 || map->start_ticks == 0) {
        return set_lost(map->pid, error);
    }
    map->is_kvm = has_kvm(map->proc_fd);
    return TRUE;
}

RamMap *ram_map_open(gint64 pid, guint64 ram_bytes, GError **error)
{
    g_autoptr(RamMap) map = g_new0(RamMap, 1);

    map->pid = pid;
    map->pid_fd = map->proc_fd = -1;
    if (!hold_process(map, error) || !find_regions(map, ram_bytes, error)) {
        g_prefix_error(error, "process %" G_GINT64_FORMAT ": ", pid);
        return NULL;
    }
    return g_steal_pointer(&map);
}

void ram_map_free(RamMap *map)
{
    if (map) {
        if (map->pid_fd >= 0) {
            close(map->pid_fd);
        }
        if (map->proc_fd >= 0) {
            close(map->proc_fd);
        }
        g_free(map->regions);
        g_free(map);
    }
}

guint64 ram_map_page_address(const RamMap *map, guint64 index)
{
    gsize low = 0;

    for (gsize high = map->regions_length; high - low > 1;) {
        gsize middle = (low + high) / 2;
        if (map->regions[middle].first_page <= index) {
            low = middle;
        } else {
            high = middle;
        }
    }
    return map->regions[low].start + (index - map->regions[low].first_page) * PAGE_BYTES;
}
