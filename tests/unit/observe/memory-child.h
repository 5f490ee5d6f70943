/* SPDX-License-Identifier: Apache-2.0
 *
 * A child process that stands in for a QEMU: memory of known size, of which known pages are read and written over and
 * over, as fast as it can.  Tests wait for passes, not for time.
 *
 *     g_autoptr(MemoryChild) child = memory_child_new(&(MemoryChildPlan){.pages = 32768, .read_pages = 512});
 *     memory_child_wait(child, 2);      two whole passes began and ended since now
 */
#pragma once

#include <glib.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "observe/ram-map.h"

#define CHILD_READ_FROM 1000  /* index of the first page that is read */
#define CHILD_WRITE_FROM 9000

typedef struct MemoryChildPlan {
    guint64 pages;
    guint64 absent_pages;   /* at the end of the memory, never touched */
    guint64 read_pages;
    guint64 written_pages;
    guint dirty_bytes;      /* changed in each written page in each pass */
    gboolean is_anonymous;  /* with huge pages; else a memfd */
} MemoryChildPlan;

typedef struct MemoryChild {
    pid_t pid;
    atomic_ulong *passes; /* shared with the child */
} MemoryChild;

static inline void memory_child_pass(const MemoryChildPlan *plan, volatile guint8 *memory, gulong pass)
{
    guint8 sum = 0;

    for (guint64 i = 0; i < plan->read_pages; i++) {
        sum ^= memory[(CHILD_READ_FROM + i) * PAGE_BYTES];
    }
    for (guint64 i = 0; i < plan->written_pages; i++) {
        for (guint byte = 0; byte < plan->dirty_bytes; byte++) {
            memory[(CHILD_WRITE_FROM + i) * PAGE_BYTES + byte * 64] = (guint8)(pass + byte);
        }
    }
    memory[0] = (guint8)(memory[0] | (sum & 0)); /* one page more is written, with what it holds: a silent write */
}

/* Never returns. */
static inline void memory_child_run(const MemoryChildPlan *plan, atomic_ulong *passes)
{
    int fd = plan->is_anonymous ? -1 : memfd_create("memory-backend-memfd", 0);
    gsize bytes = plan->pages * PAGE_BYTES;
    guint8 *memory = NULL;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (fd >= 0 && ftruncate(fd, (off_t)bytes) != 0) {
        _exit(1);
    }
    memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        _exit(1);
    }
    madvise(memory, bytes, plan->is_anonymous ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    memset(memory, 0x11, bytes - plan->absent_pages * PAGE_BYTES);
    for (gulong pass = 1;; pass++) {
        memory_child_pass(plan, memory, pass);
        atomic_store(passes, pass);
    }
}

/* Waits until 'count' passes have begun and ended. */
static inline void memory_child_wait(const MemoryChild *child, gulong count)
{
    gulong from = atomic_load(child->passes);

    while (atomic_load(child->passes) < from + count + 1) {
        g_assert_cmpint(waitpid(child->pid, NULL, WNOHANG), ==, 0); /* it lives */
        g_usleep(1000);
    }
}

static inline MemoryChild *memory_child_new(const MemoryChildPlan *plan)
{
    MemoryChild *child = g_new0(MemoryChild, 1);

    child->passes = mmap(NULL, sizeof *child->passes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    g_assert_true(child->passes != MAP_FAILED);
    child->pid = fork();
    g_assert_cmpint(child->pid, >=, 0);
    if (child->pid == 0) {
        memory_child_run(plan, child->passes);
    }
    memory_child_wait(child, 1);
    return child;
}

/* Ends the process; the pid is free afterwards. */
static inline void memory_child_end(MemoryChild *child)
{
    if (child->pid > 0) {
        kill(child->pid, SIGKILL);
        waitpid(child->pid, NULL, 0);
        child->pid = 0;
    }
}

static inline void memory_child_free(MemoryChild *child)
{
    if (child) {
        memory_child_end(child);
        munmap(child->passes, sizeof *child->passes);
        g_free(child);
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(MemoryChild, memory_child_free)
