/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading /proc/PID/smaps, and finding the guest's RAM among a QEMU's mappings.  Pure: text in, structs out; the
 * process itself is ram-map.c's business. */
#pragma once

#include <glib.h>

/* One stretch of /proc/PID/smaps. */
typedef struct SmapsEntry {
    guint64 start;
    guint64 end;
    char permissions[5]; /* "rw-s" */
    guint64 inode;       /* 0: anonymous */
    char *name;          /* "" when it has none */
    guint64 resident_bytes;
    guint64 referenced_bytes;
    guint64 kernel_page_bytes;
    guint64 huge_mapped_bytes; /* mapped by PMD entries: one accessed bit for 2 MiB */
    guint64 hugetlb_bytes;     /* in hugetlbfs pages, which clear_refs and Referenced leave out */
} SmapsEntry;

/* Parses the text of an smaps (or maps) file: SmapsEntry.  Lines that are not understood are left out, since kernels
 * add new ones. */
GPtrArray *smaps_parse(const char *text);

/* Picks the entries that are guest RAM: those of QEMU's memory backends by their name (memfd, hugetlbfs, shared memory
 * file), or the anonymous one that fits 'ram_bytes' best; 0: not known, the largest.  Borrowed entries, in address
 * order; NULL with GODWIT_ERROR_NOT_FOUND when nothing fits. */
GPtrArray *smaps_pick_ram(GPtrArray *entries, guint64 ram_bytes, GError **error);
