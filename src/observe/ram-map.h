/* SPDX-License-Identifier: Apache-2.0
 *
 * RamMap: where a VM's RAM lies inside its QEMU process, and that it is still the same process.
 *
 *     g_autoptr(RamMap) map = ram_map_open(pid, vm_ram_bytes, &error);
 *     if (ram_map_is_alive(map)) ... read map->regions ...
 *
 * The process is held by a pidfd and by a descriptor of its /proc directory: both belong to the process, not to the
 * number, so a pid that is used again by somebody else is noticed and never looked at.
 *
 * Grain: where the kernel maps the RAM with huge pages, there is one accessed bit for 2 MiB.  'grain_bytes' says so.
 *
 * One thread. */
#pragma once

#include <glib.h>

#define PAGE_BYTES ((guint64)4096) /* the unit of all counts */

typedef struct RamRegion {
    guint64 start; /* address in the process */
    guint64 bytes;
    guint64 first_page; /* index of its first page among all pages of the map */
} RamRegion;

typedef struct RamMap {
    /* These never change. */
    gint64 pid;
    guint64 start_ticks; /* when the process began, field 22 of /proc/PID/stat */
    int pid_fd;
    int proc_fd;     /* /proc/PID */
    gboolean is_kvm; /* it runs its vCPUs through KVM: nested page tables have accessed bits of their own */
    gsize regions_length;
    RamRegion *regions;
    guint64 pages; /* of PAGE_BYTES, in all regions */

    /* As of the last ram_map_read_usage. */
    guint64 resident_bytes;
    guint64 referenced_bytes;
    guint64 huge_mapped_bytes;
    guint64 hugetlb_bytes;
    guint64 grain_bytes; /* 4096, or the size of huge pages when they hold a tenth of the memory or more */
} RamMap;

/* Finds the RAM of process 'pid'.  'ram_bytes' is libvirt's figure; 0: not known. */
RamMap *ram_map_open(gint64 pid, guint64 ram_bytes, GError **error);
void ram_map_free(RamMap *map);

/* FALSE as soon as the process has ended. */
gboolean ram_map_is_alive(const RamMap *map);

/* What went wrong with the process, by errno: that it has ended (GODWIT_ERROR_LOST), or that 'what' failed
 * (GODWIT_ERROR_FAILED).  Always FALSE. */
gboolean ram_map_set_error(const RamMap *map, const char *what, GError **error);

/* Reads smaps up to the last region and fills the members of usage above: costs a walk over the process's page tables.
 * FALSE with GODWIT_ERROR_LOST when the process is gone. */
gboolean ram_map_read_usage(RamMap *map, GError **error);

/* The address of page 'index'. */
guint64 ram_map_page_address(const RamMap *map, guint64 index);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(RamMap, ram_map_free)
