/* SPDX-License-Identifier: Apache-2.0
 *
 * Accessed pages by /proc/PID/clear_refs and smaps (Linux, any version; see proc(5)).
 *
 * Theory of operation.  Writing 1 to clear_refs clears the accessed bit of every page of the process; the processor
 * sets it again when it walks the page tables.  It does so only when a translation is not in its TLB, and clearing with
 * 1 leaves the TLB alone: a guest that stays inside its TLB's reach would look idle.  Writing 4, which is meant for
 * soft-dirty bits, ends with a flush of the process's TLB, on kernels without soft-dirty bits too.  So a window is
 *
 *     write 1 (clear), write 4 (flush) ... S ... sum of Referenced over the RAM's entries in smaps
 *
 * in this order: flushed first, a translation could come back between the two writes.
 *
 * What 4 costs the guest, besides new TLB entries: on a kernel with soft-dirty bits every page written afterwards takes
 * one fault more; with KVM the nested page tables are thrown away, and every page touched afterwards takes one fault.
 * The second is also what makes the guest's accesses visible with KVM at all, since accessed bits of nested page tables
 * do not reach smaps; so 4 is written in every case, and the faults are charged to the budget (disturbance_ns), which
 * makes windows of such guests rarer.
 *
 * Referenced also counts pages that others looked at on the guest's behalf (QEMU's devices, but reading by
 * process_vm_readv too): see tracker.h about order.  The cost grows with the pages in the page tables, some 24 ms of
 * CPU time per GiB in 4 KiB pages and window (docs/decisions/0002); the sampler spaces windows accordingly. */
#include "observe/tracker.h"
#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPECTED_NS_PER_PAGE 90.0   /* measured: 0002 */
#define FAULT_NS             1500.0 /* of one fault after a flush, a usual value for nested page tables */
#define SOFT_DIRTY_BIT       ((guint64)1 << 55)

typedef struct ClearRefsTracker {
    Tracker tracker;
    RamMap *map;
    gboolean costs_faults;
} ClearRefsTracker;

/* Whether this kernel keeps soft-dirty bits: memory that was just mapped and written has one then. */
static gboolean kernel_has_soft_dirty(void)
{
    char *page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    guint64 entry = 0;

    if (page != MAP_FAILED && fd >= 0) {
        *(volatile char *)page = 1;
        if (pread(fd, &entry, sizeof entry, (off_t)((guintptr)page / PAGE_BYTES * sizeof entry)) != sizeof entry) {
            entry = 0;
        }
    }
    if (page != MAP_FAILED) {
        munmap(page, PAGE_BYTES);
    }
    if (fd >= 0) {
        close(fd);
    }
    return (entry & SOFT_DIRTY_BIT) != 0;
}

static gboolean clear_refs_write(int proc_fd, const char *what)
{
    int fd = openat(proc_fd, "clear_refs", O_WRONLY | O_CLOEXEC);
    gboolean is_written = fd >= 0 && write(fd, what, 1) == 1;
    int cause = errno;

    if (fd >= 0) {
        close(fd);
    }
    errno = cause;
    return is_written;
}

static gboolean clear_refs_probe(char **why)
{
    if (access("/proc/self/clear_refs", W_OK) != 0 || access("/proc/self/smaps", R_OK) != 0) {
        *why = g_strdup("this kernel has no /proc/PID/clear_refs and smaps (CONFIG_PROC_PAGE_MONITOR)");
        return FALSE;
    }
    if (geteuid() != 0) {
        *why = g_strdup("only root may clear the accessed bits of other processes");
        return FALSE;
    }
    return TRUE;
}

static Tracker *clear_refs_open(RamMap *map, guint64 seed G_GNUC_UNUSED, GError **error)
{
    if (map->hugetlb_bytes > 0) {
        g_set_error_literal(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                            "its RAM is in hugetlbfs pages, for which the kernel reports no accesses");
        return NULL;
    }
    ClearRefsTracker *self = g_new0(ClearRefsTracker, 1);
    self->tracker.ops = &TRACKER_CLEAR_REFS;
    self->map = map;
    self->costs_faults = map->is_kvm || kernel_has_soft_dirty();
    return &self->tracker;
}

static gboolean clear_refs_arm(Tracker *tracker, gint64 budget_ns G_GNUC_UNUSED, GError **error)
{
    ClearRefsTracker *self = (ClearRefsTracker *)tracker;

    return (clear_refs_write(self->map->proc_fd, "1") && clear_refs_write(self->map->proc_fd, "4")) ||
           ram_map_set_error(self->map, "clear_refs", error);
}

static gboolean clear_refs_scan(Tracker *tracker, TrackerScan *scan, GError **error)
{
    ClearRefsTracker *self = (ClearRefsTracker *)tracker;

    if (!ram_map_read_usage(self->map, error)) {
        return FALSE;
    }
    scan->accessed_pages = (double)self->map->referenced_bytes / (double)PAGE_BYTES;
    scan->grain_bytes = self->map->grain_bytes;
    if (self->costs_faults) {
        scan->disturbance_ns =
            (gint64)((double)self->map->referenced_bytes / (double)self->map->grain_bytes * FAULT_NS);
    }
    return TRUE;
}

static gint64 clear_refs_expected_ns(const RamMap *map)
{
    return (gint64)((double)(map->resident_bytes - map->huge_mapped_bytes) / (double)PAGE_BYTES *
                    EXPECTED_NS_PER_PAGE) +
           100000;
}

const TrackerOps TRACKER_CLEAR_REFS = {"clear-refs",
                                       TRUE,
                                       FALSE,
                                       clear_refs_probe,
                                       clear_refs_open,
                                       clear_refs_arm,
                                       clear_refs_scan,
                                       clear_refs_expected_ns,
                                       (void (*)(Tracker *))g_free};
