/* SPDX-License-Identifier: Apache-2.0
 *
 * Marks on the disks: pages of content.h at the beginning, in the middle and at the end of each.
 * They are written and read past the guest's page cache, so a check sees what the storage of the
 * present host really holds. */
#include "guest.h"
#include "content.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DISKS_MAX   4
#define MARK_BYTES  (64u * 1024)
#define MARKS       3

typedef struct Disk {
    char path[16];
    uint64_t seed;
    off_t size_bytes;
} Disk;

static Disk disks[DISKS_MAX];
static unsigned n_disks;

static off_t mark_offset(const Disk *disk, unsigned mark)
{
    off_t last = disk->size_bytes - MARK_BYTES;

    return (last / (MARKS - 1) * mark) / MARK_BYTES * MARK_BYTES;
}

static void make_mark(const Disk *disk, unsigned mark, uint64_t *words)
{
    for (unsigned page = 0; page < MARK_BYTES / CONTENT_PAGE_BYTES; page++) {
        uint64_t value = content_base(disk->seed, page, mark);

        for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++, value += CONTENT_STEP) {
            words[page * CONTENT_PAGE_WORDS + i] = value;
        }
    }
}

static void disk_mark(const Disk *disk, int fd)
{
    uint64_t *words = aligned_alloc(CONTENT_PAGE_BYTES, MARK_BYTES);

    for (unsigned mark = 0; words && mark < MARKS; mark++) {
        make_mark(disk, mark, words);
        if (pwrite(fd, words, MARK_BYTES, mark_offset(disk, mark)) != (ssize_t)MARK_BYTES) {
            die("cannot write the mark on %s: %m", disk->path);
        }
    }
    if (fsync(fd) != 0) {
        die("cannot write the mark on %s: %m", disk->path);
    }
    free(words);
}

static bool disk_is_read_only(int fd)
{
    int is_read_only = 0;

    return ioctl(fd, BLKROGET, &is_read_only) == 0 && is_read_only;
}

void disk_start(uint64_t seed)
{
    for (char letter = 'a'; letter < 'a' + DISKS_MAX; letter++) {
        Disk *disk = &disks[n_disks];

        snprintf(disk->path, sizeof(disk->path), "/dev/vd%c", letter);
        int fd = open(disk->path, O_RDWR | O_DIRECT);
        if (fd < 0) {
            break;
        }
        if (disk_is_read_only(fd)) {
            close(fd);                  /* not ours to mark: programs for --exec lie on it */
            continue;
        }
        disk->size_bytes = lseek(fd, 0, SEEK_END);
        disk->seed = content_mix(seed ^ ((uint64_t)letter << 32));
        if (disk->size_bytes < (off_t)(MARKS * MARK_BYTES)) {
            die("%s is too small to mark: give the disk at least 1M", disk->path);
        }
        disk_mark(disk, fd);
        close(fd);
        n_disks++;
    }
}

static void verify_mark(const Disk *disk, int fd, unsigned mark, uint64_t *found, uint64_t *right, Verdict *verdict)
{
    off_t offset = mark_offset(disk, mark);

    make_mark(disk, mark, right);
    if (pread(fd, found, MARK_BYTES, offset) != (ssize_t)MARK_BYTES) {
        verdict_add(verdict, "disk %s cannot be read at byte %lld: %m", disk->path, (long long)offset);
        return;
    }
    for (unsigned i = 0; i < MARK_BYTES / 8; i++) {
        if (found[i] != right[i]) {
            verdict_add(verdict, "disk %s at byte %lld is %016llx, should be %016llx", disk->path,
                        (long long)offset + i * 8, (unsigned long long)found[i], (unsigned long long)right[i]);
            return;                     /* one line for a mark that is not there at all */
        }
    }
}

void disk_verify(Verdict *verdict)
{
    uint64_t *found = aligned_alloc(CONTENT_PAGE_BYTES, MARK_BYTES);
    uint64_t *right = aligned_alloc(CONTENT_PAGE_BYTES, MARK_BYTES);

    for (unsigned i = 0; i < n_disks; i++) {
        int fd = open(disks[i].path, O_RDONLY | O_DIRECT);

        if (fd < 0 || !found || !right) {
            verdict_add(verdict, "disk %s cannot be opened: %m", disks[i].path);
            continue;
        }
        for (unsigned mark = 0; mark < MARKS; mark++) {
            verify_mark(&disks[i], fd, mark, found, right, verdict);
        }
        close(fd);
    }
    free(found);
    free(right);
}
