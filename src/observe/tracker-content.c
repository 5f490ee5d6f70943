/* SPDX-License-Identifier: Apache-2.0
 *
 * Written pages by looking at their content (process_vm_readv, Linux 3.2+): a copy of some pages is kept for S and then
 * compared.  Which pages, and what follows for all others, is page-strata.c's business.
 *
 * It disturbs the guest least of all trackers, since no page table entry is touched, and it alone tells how many bytes
 * inside a written page changed.  The price: a write that leaves the same bytes is invisible, as is one that was undone
 * within S.  (Migration would have to send such a page again; hypervisors cannot see the difference, content can.)
 *
 * Copies are kept rather than hashes: equally fast at these sizes, exact byte counts, and at most some MiB per VM.
 *
 * A panel of pages (page-panel.h) is kept in view besides, from the first window that has learnt where to look: it tells
 * how much is written at all, how much memory is in use, and how well that compresses.  It is read where windows are
 * armed and closed, and pays from the same purse.
 *
 * Only pages that are present in the process's page tables are read: reading another would make the kernel allocate or
 * swap in memory for it.  A page that turns up between two windows is found like any other. */
#include "observe/tracker.h"
#include "base/error.h"
#include "observe/page-panel.h"
#include "observe/page-strata.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define LEAST_LOOKS_PER_WINDOW 64
#define MOST_LOOKS_PER_WINDOW  1024
#define BATCH_PAGES            64     /* 256 KiB: what was read is still in the cache when it is compared */
#define EXPECTED_NS_PER_LOOK   4000.0 /* read twice, compared once, copies new; measured: docs/decisions/0002 */
#define EXPECTED_NS_PER_DRAW   1000.0 /* asking whether a page is present; where few are, many draws make a look */
#define PRESENT_BIT            63
#define PANEL_TIMES            8  /* pages of the panel, in looks that a window can pay for */
#define PANEL_PAGES_LEAST      128
#define PANEL_FIRST_LOOK       4  /* windows after its beginning, then twice as many, and so on */
#define PANEL_WINDOWS          64 /* then comes a new one */

typedef struct ContentTracker {
    Tracker tracker;
    RamMap *map;
    int pagemap_fd;
    PageStrata *strata;
    PagePanel *panel;
    guint panel_windows; /* closed since it began; 0: none has begun */
    guint panel_next;    /* when it is looked at */
    GArray *looks;      /* PageLook */
    GByteArray *copies; /* a page per look */
    guint8 *scratch;    /* BATCH_PAGES pages */
    double ns_per_look;
    gint64 arm_cost_ns;
    gint64 panel_cost_ns; /* since the last scan was told */
    guint windows; /* closed so far */
} ContentTracker;

static gint64 thread_cpu_ns(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (gint64)now.tv_sec * 1000000000 + now.tv_nsec;
}

static gboolean content_probe(char **why)
{
    guint64 here = 0x5a5a, there = 0;
    struct iovec local = {&there, sizeof there};
    struct iovec remote = {&here, sizeof here};

    if (process_vm_readv(getpid(), &local, 1, &remote, 1, 0) != sizeof here || there != here) {
        *why = g_strdup_printf("process_vm_readv does not work here: %s", g_strerror(errno));
        return FALSE;
    }
    if (access("/proc/self/pagemap", R_OK) != 0) {
        *why = g_strdup("this kernel has no /proc/PID/pagemap (CONFIG_PROC_PAGE_MONITOR)");
        return FALSE;
    }
    return TRUE;
}

/* PagesPresentFunc: entries of pagemap as bits.  A file that cannot be read leaves nothing to look at. */
static guint64 pages_present(guint64 first, guint length, gpointer user)
{
    ContentTracker *self = user;
    guint64 entries[BLOCK_PAGES] = {0};
    guint64 address = ram_map_page_address(self->map, first);
    guint64 present = 0;

    while (length > 1 && ram_map_page_address(self->map, first + length - 1) != address + (length - 1) * PAGE_BYTES) {
        length--; /* a block at the seam of two regions counts up to the seam */
    }
    if (pread(self->pagemap_fd, entries, length * sizeof entries[0],
              (off_t)(address / PAGE_BYTES * sizeof entries[0])) < 0) {
        return 0;
    }
    for (guint i = 0; i < length; i++) {
        present |= (entries[i] >> PRESENT_BIT & 1) << i;
    }
    return present;
}

static gboolean read_panel(const guint64 *pages, guint length, guint8 *target, guint64 *is_read, gpointer user);

static void content_close(Tracker *tracker)
{
    ContentTracker *self = (ContentTracker *)tracker;

    if (self->pagemap_fd >= 0) {
        close(self->pagemap_fd);
    }
    strata_free(self->strata);
    panel_free(self->panel);
    g_array_unref(self->looks);
    g_byte_array_unref(self->copies);
    g_free(self->scratch);
    g_free(self);
}

static Tracker *content_open(RamMap *map, guint64 seed, GError **error)
{
    ContentTracker *self = g_new0(ContentTracker, 1);

    self->tracker.ops = &TRACKER_CONTENT;
    self->map = map;
    self->pagemap_fd = openat(map->proc_fd, "pagemap", O_RDONLY | O_CLOEXEC);
    self->strata = strata_new(map->pages, map->resident_bytes / PAGE_BYTES, seed, pages_present, self);
    self->panel = panel_new(map->pages, seed + 1, pages_present, read_panel, self);
    self->looks = g_array_new(FALSE, TRUE, sizeof(PageLook));
    self->copies = g_byte_array_new();
    self->scratch = g_malloc(BATCH_PAGES * PAGE_BYTES);
    self->ns_per_look = EXPECTED_NS_PER_LOOK + EXPECTED_NS_PER_DRAW * (double)map->pages * (double)PAGE_BYTES /
                                                   (double)MAX(map->resident_bytes, PAGE_BYTES);
    if (self->pagemap_fd < 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "QEMU process %" G_GINT64_FORMAT ": pagemap: %s",
                    map->pid, g_strerror(errno));
        content_close(&self->tracker);
        return NULL;
    }
    return &self->tracker;
}

/* Reads 'length' pages to 'target', one behind the other; length <= BATCH_PAGES.  'is_read' gets a bit per page: memory
 * may have been given back (balloon) a moment ago.  FALSE with errno when the process is gone. */
static gboolean read_batch(ContentTracker *self, const guint64 *pages, guint length, guint8 *target, guint64 *is_read)
{
    struct iovec remote[BATCH_PAGES];

    *is_read = 0;
    for (guint i = 0; i < length; i++) {
        remote[i].iov_base = (void *)(guintptr)ram_map_page_address(self->map, pages[i]);
        remote[i].iov_len = PAGE_BYTES;
    }
    for (guint done = 0; done < length;) {
        struct iovec local = {target + done * PAGE_BYTES, (length - done) * PAGE_BYTES};
        gssize got = process_vm_readv((pid_t)self->map->pid, &local, 1, remote + done, length - done, 0);

        if (got < 0 && errno != EFAULT) {
            return FALSE;
        }
        for (gssize i = 0; i < got / (gssize)PAGE_BYTES; i++) {
            *is_read |= (guint64)1 << done++;
        }
        if (done < length) {
            done++; /* the page it stopped at */
        }
    }
    return TRUE;
}

/* The same of looks [first, first + length). */
static gboolean read_pages(ContentTracker *self, guint first, guint length, guint8 *target, guint64 *is_read)
{
    guint64 pages[BATCH_PAGES];

    for (guint i = 0; i < length; i++) {
        pages[i] = g_array_index(self->looks, PageLook, first + i).page;
    }
    return read_batch(self, pages, length, target, is_read);
}

/* PanelReadFunc */
static gboolean read_panel(const guint64 *pages, guint length, guint8 *target, guint64 *is_read, gpointer user)
{
    G_STATIC_ASSERT(PANEL_BATCH_PAGES <= BATCH_PAGES);
    return read_batch(user, pages, length, target, is_read);
}

static gboolean set_read_error(const ContentTracker *self, GError **error)
{
    return ram_map_set_error(self->map, "reading its memory", error);
}

static gboolean copy_pages(ContentTracker *self, GError **error)
{
    g_byte_array_set_size(self->copies, self->looks->len * (guint)PAGE_BYTES);
    for (guint first = 0; first < self->looks->len; first += BATCH_PAGES) {
        guint64 is_read = 0;
        guint length = MIN(BATCH_PAGES, self->looks->len - first);

        if (!read_pages(self, first, length, self->copies->data + first * PAGE_BYTES, &is_read)) {
            return set_read_error(self, error);
        }
        for (guint i = 0; i < length; i++) {
            g_array_index(self->looks, PageLook, first + i).is_copied = is_read >> i & 1;
        }
    }
    return TRUE;
}

static gboolean content_arm(Tracker *tracker, gint64 budget_ns, GError **error)
{
    ContentTracker *self = (ContentTracker *)tracker;
    double affordable = (double)budget_ns / self->ns_per_look;

    /* The pid is only a number here: make sure that it is still the same process. */
    if (!ram_map_is_alive(self->map)) {
        errno = ESRCH;
        return set_read_error(self, error);
    }
    if (self->panel_windows == 0 && self->windows >= LEARNING_WINDOWS) {
        gint64 panel_ns = thread_cpu_ns();

        self->panel_next = PANEL_FIRST_LOOK;
        if (!panel_begin(self->panel, (guint)CLAMP(PANEL_TIMES * affordable, PANEL_PAGES_LEAST, PANEL_PAGES_MOST))) {
            return set_read_error(self, error);
        }
        self->panel_cost_ns += thread_cpu_ns() - panel_ns;
    }
    gint64 begin_ns = thread_cpu_ns();
    strata_draw(self->strata, (guint)CLAMP(affordable, LEAST_LOOKS_PER_WINDOW, MOST_LOOKS_PER_WINDOW), self->looks);
    gboolean is_copied = copy_pages(self, error);
    self->arm_cost_ns = thread_cpu_ns() - begin_ns;
    return is_copied;
}

static guint count_different_bytes(const guint8 *left, const guint8 *right)
{
    guint count = 0;

    for (gsize i = 0; i < PAGE_BYTES; i++) {
        count += left[i] != right[i];
    }
    return count;
}

static void compare_pages(ContentTracker *self, guint first, guint length, guint64 is_read)
{
    for (guint i = 0; i < length; i++) {
        PageLook *look = &g_array_index(self->looks, PageLook, first + i);
        const guint8 *before = self->copies->data + (first + i) * PAGE_BYTES;
        const guint8 *after = self->scratch + i * PAGE_BYTES;

        look->is_written = look->is_copied && (is_read >> i & 1) && memcmp(before, after, PAGE_BYTES) != 0;
        look->dirty_bytes = look->is_written ? count_different_bytes(before, after) : 0;
    }
}

/* A window was closed: is it time to look at the panel?  Its own cost is no part of what a look at a page costs. */
static gboolean follow_panel(ContentTracker *self, TrackerScan *scan)
{
    const PanelReading *reading = panel_reading(self->panel);
    gint64 begin_ns = thread_cpu_ns();

    if (self->windows <= LEARNING_WINDOWS) {
        return TRUE;
    }
    if (++self->panel_windows >= self->panel_next) {
        self->panel_next *= 2;
        if (!panel_look(self->panel)) {
            return FALSE;
        }
    }
    scan->write_set_pages = reading->write_set_pages;
    scan->used_share = reading->used_share;
    scan->compressed_share = reading->compressed_share;
    self->panel_windows = self->panel_windows >= PANEL_WINDOWS ? 0 : self->panel_windows;
    scan->extra_ns = self->panel_cost_ns + thread_cpu_ns() - begin_ns;
    self->panel_cost_ns = 0;
    return TRUE;
}

static gboolean content_scan(Tracker *tracker, TrackerScan *scan, GError **error)
{
    ContentTracker *self = (ContentTracker *)tracker;
    gint64 begin_ns = thread_cpu_ns();

    if (!ram_map_is_alive(self->map)) {
        errno = ESRCH;
        return set_read_error(self, error);
    }
    for (guint first = 0; first < self->looks->len; first += BATCH_PAGES) {
        guint64 is_read = 0;
        guint length = MIN(BATCH_PAGES, self->looks->len - first);

        if (!read_pages(self, first, length, self->scratch, &is_read)) {
            return set_read_error(self, error);
        }
        compare_pages(self, first, length, is_read);
    }
    PageEstimate estimate = strata_account(self->strata, self->looks);
    scan->written_pages = estimate.written_pages;
    scan->written_pages_variance = estimate.variance;
    scan->dirty_bytes = estimate.dirty_bytes;
    scan->is_learning = self->windows++ < LEARNING_WINDOWS;
    if (self->looks->len > 0) {
        double cost_ns = (double)(self->arm_cost_ns + thread_cpu_ns() - begin_ns);
        self->ns_per_look = 0.7 * self->ns_per_look + 0.3 * cost_ns / self->looks->len;
    }
    return follow_panel(self, scan) || set_read_error(self, error);
}

static gint64 content_expected_ns(const RamMap *map G_GNUC_UNUSED)
{
    return (gint64)(LEAST_LOOKS_PER_WINDOW * EXPECTED_NS_PER_LOOK);
}

const TrackerOps TRACKER_CONTENT = {
    "content", FALSE, TRUE, content_probe, content_open, content_arm, content_scan, content_expected_ns, content_close};
