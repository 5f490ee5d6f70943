/* SPDX-License-Identifier: Apache-2.0
 *
 * See gang-store.h.
 *
 *     source        head | entries [3/2 capacity]: hash, id           id: 0 empty, 1 claimed, else valid
 *     destination   head | ids [capacity] | contents [capacity]       the same, by the id's lower half - 1
 *
 * A file appears under its name complete, by link(2): whoever makes it first wins, and nobody sees half a head.  The
 * file belongs to the owner of the relays alone, so what is in it is trusted as much as they are; even so a wrong page
 * would end a migration (the frame's hash) and never reach a guest. */
#include "wire/gang-store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/wire-limits.h"

#define MAGIC        "GODWITG"
#define FILE_VERSION 1
#define HEAD_BYTES   4096
#define ID_EMPTY     0
#define ID_CLAIMED   1
#define PROBES       16 /* places of the table that one hash may be in */
#define CAPACITY_MAX (UINT64_C(1) << 28)

typedef struct Head {
    char magic[8];
    uint32_t version, side;
    uint32_t page_bytes;
    uint32_t generation; /* upper half of ids; not 0 */
    uint64_t capacity;
    uint64_t next; /* source: pages reserved so far */
    uint8_t key[GANG_STORE_KEY_BYTES];
} Head;

typedef struct Entry {
    uint8_t hash[GANG_STORE_HASH_BYTES];
    uint64_t id;
} Entry;

struct GangStore {
    GangSide side;
    uint64_t capacity, entries;
    uint32_t page_bytes;
    uint64_t bytes;    /* of the file */
    Head *head;        /* the mapping */
    Entry *table;      /* source */
    uint64_t *ids;     /* destination */
    uint8_t *contents; /* destination */
};

static uint64_t whole_pages(uint64_t bytes)
{
    return (bytes + HEAD_BYTES - 1) / HEAD_BYTES * HEAD_BYTES;
}

static uint64_t ids_bytes(const GangStore *store)
{
    return whole_pages(store->capacity * sizeof(uint64_t));
}

static void measure(GangStore *store, uint64_t bytes_max)
{
    uint64_t fixed = 2 * HEAD_BYTES; /* and what ids are rounded up by */

    store->capacity = bytes_max > fixed ? (bytes_max - fixed) / (store->page_bytes + sizeof(uint64_t)) : 0;
    store->capacity = store->capacity < CAPACITY_MAX ? store->capacity : CAPACITY_MAX;
    store->entries = store->capacity / 2 * 3 + PROBES;
    store->bytes = HEAD_BYTES + (store->side == GANG_SOURCE ? whole_pages(store->entries * sizeof(Entry))
                                                            : ids_bytes(store) + store->capacity * store->page_bytes);
}

/* Only the owner may write the directory, and it is no link. */
static int directory_open(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &status) != 0 || status.st_uid != geteuid() || (status.st_mode & 022) != 0) {
        close(fd);
        return -EPERM;
    }
    return fd;
}

/* Everything that a new file needs, in one that has no name that others look for. */
static int file_fill(const GangStore *store, int fd)
{
    Head head = {.magic = MAGIC,
                 .version = FILE_VERSION,
                 .side = store->side,
                 .page_bytes = store->page_bytes,
                 .capacity = store->capacity};
    int status = -posix_fallocate(fd, 0, (off_t)store->bytes); /* so that no page can be missing later */

    if (status != 0) {
        return status;
    }
    if (getrandom(head.key, sizeof head.key, 0) != sizeof head.key ||
        getrandom(&head.generation, sizeof head.generation, 0) != sizeof head.generation) {
        return -EIO;
    }
    head.generation |= 1;
    return pwrite(fd, &head, sizeof head, 0) == sizeof head ? 0 : -EIO;
}

static int file_make(const GangStore *store, int directory, const char *name)
{
    char made[64];
    int fd, status;

    snprintf(made, sizeof made, "%s.%ld", name, (long)getpid());
    unlinkat(directory, made, 0); /* of a process before us that died */
    fd = openat(directory, made, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return -errno;
    }
    status = file_fill(store, fd);
    close(fd);
    if (status == 0 && linkat(directory, made, directory, name, 0) != 0 && errno != EEXIST) {
        status = -errno;
    }
    unlinkat(directory, made, 0);
    return status;
}

/* Opens the file, made if need be. */
static int file_open(const GangStore *store, int directory)
{
    const char *name = store->side == GANG_SOURCE ? GANG_STORE_SOURCE : GANG_STORE_DESTINATION;
    struct stat status;
    int made = 0;
    int fd = openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT) {
        made = file_make(store, directory, name);
        fd = made == 0 ? openat(directory, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
    }
    if (fd < 0) {
        return made != 0 ? made : -errno;
    }
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
        (status.st_mode & 077) != 0) {
        close(fd);
        return -EPERM;
    }
    if ((uint64_t)status.st_size != store->bytes) {
        close(fd);
        return -EINVAL;
    }
    return fd;
}

static int file_map(GangStore *store, int fd)
{
    void *memory = mmap(NULL, (size_t)store->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const Head *head = memory;

    if (memory == MAP_FAILED) {
        return -errno;
    }
    store->head = memory;
    (void)madvise(memory, (size_t)store->bytes, MADV_DONTDUMP);
    if (memcmp(head->magic, MAGIC, sizeof head->magic) != 0 || head->version != FILE_VERSION ||
        head->side != store->side || head->page_bytes != store->page_bytes || head->capacity != store->capacity ||
        head->generation == 0) {
        return -EINVAL;
    }
    store->table = (Entry *)(void *)((uint8_t *)memory + HEAD_BYTES);
    store->ids = (uint64_t *)(void *)((uint8_t *)memory + HEAD_BYTES);
    store->contents = (uint8_t *)memory + HEAD_BYTES + ids_bytes(store);
    return 0;
}

int gang_store_open(GangStore **store, const char *directory, GangSide side, uint32_t page_bytes, uint64_t bytes_max)
{
    GangStore *made;
    int folder, fd;
    int status;

    *store = NULL;
    if (page_bytes < WIRE_PAGE_BYTES_MIN || page_bytes > WIRE_PAGE_BYTES_MAX) {
        return -EINVAL;
    }
    folder = directory_open(directory);
    if (folder < 0) {
        return folder;
    }
    made = calloc(1, sizeof *made);
    if (!made) {
        close(folder);
        return -ENOMEM;
    }
    made->side = side;
    made->page_bytes = page_bytes;
    measure(made, bytes_max);
    fd = made->capacity > 0 ? file_open(made, folder) : -EINVAL;
    close(folder);
    status = fd < 0 ? fd : file_map(made, fd);
    if (fd >= 0) {
        close(fd);
    }
    if (status != 0) {
        gang_store_close(made);
        return status;
    }
    *store = made;
    return 0;
}

void gang_store_close(GangStore *store)
{
    if (store) {
        if (store->head) {
            munmap(store->head, (size_t)store->bytes);
        }
        free(store);
    }
}

uint64_t gang_store_pages(const GangStore *store)
{
    return store->capacity;
}

const uint8_t *gang_store_key(const GangStore *store)
{
    return store->head->key;
}

static uint64_t first_probe(const GangStore *store, const uint8_t *hash)
{
    uint64_t number;

    memcpy(&number, hash, sizeof number);
    return number % (store->entries - PROBES + 1);
}

uint64_t gang_store_find(const GangStore *store, const uint8_t hash[GANG_STORE_HASH_BYTES])
{
    const Entry *entry = &store->table[first_probe(store, hash)];

    for (unsigned i = 0; i < PROBES; i++, entry++) {
        uint64_t id = __atomic_load_n(&entry->id, __ATOMIC_ACQUIRE);

        if (id == ID_EMPTY) {
            return GANG_STORE_NONE;
        }
        if (id != ID_CLAIMED && memcmp(entry->hash, hash, GANG_STORE_HASH_BYTES) == 0) {
            return id;
        }
    }
    return GANG_STORE_NONE;
}

uint64_t gang_store_reserve(GangStore *store)
{
    uint64_t next = __atomic_load_n(&store->head->next, __ATOMIC_RELAXED);

    if (next >= store->capacity) { /* looked at first, so that it never wraps */
        return GANG_STORE_NONE;
    }
    next = __atomic_fetch_add(&store->head->next, 1, __ATOMIC_RELAXED);
    return next < store->capacity ? (uint64_t)store->head->generation << 32 | (next + 1) : GANG_STORE_NONE;
}

void gang_store_publish(GangStore *store, const uint8_t hash[GANG_STORE_HASH_BYTES], uint64_t id)
{
    Entry *entry = &store->table[first_probe(store, hash)];

    for (unsigned i = 0; i < PROBES; i++, entry++) {
        uint64_t expected = ID_EMPTY;

        if (__atomic_compare_exchange_n(&entry->id, &expected, ID_CLAIMED, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
            memcpy(entry->hash, hash, GANG_STORE_HASH_BYTES);
            __atomic_store_n(&entry->id, id, __ATOMIC_RELEASE);
            return;
        }
        if (expected != ID_CLAIMED && memcmp(entry->hash, hash, GANG_STORE_HASH_BYTES) == 0) {
            return; /* another relay was first with the same content */
        }
    }
}

/* The place of 'id', or the capacity when there is none. */
static uint64_t place_of(const GangStore *store, uint64_t id)
{
    uint64_t place = (id & UINT32_MAX) - 1; /* 0 becomes far too large */

    return id >> 32 != 0 && place < store->capacity ? place : store->capacity;
}

int gang_store_put(GangStore *store, uint64_t id, const uint8_t *content)
{
    uint64_t place = place_of(store, id);
    uint64_t before;

    if (place == store->capacity) {
        return -EPROTO;
    }
    before = __atomic_load_n(&store->ids[place], __ATOMIC_ACQUIRE);
    if (before == ID_CLAIMED || before == id ||
        !__atomic_compare_exchange_n(&store->ids[place], &before, ID_CLAIMED, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        return -EPROTO; /* ids are given once; one of an older file of the source may be overwritten */
    }
    memcpy(store->contents + place * store->page_bytes, content, store->page_bytes);
    __atomic_store_n(&store->ids[place], id, __ATOMIC_RELEASE);
    return 0;
}

int gang_store_get(const GangStore *store, uint64_t id, uint8_t *out)
{
    uint64_t place = place_of(store, id);

    if (place == store->capacity || __atomic_load_n(&store->ids[place], __ATOMIC_ACQUIRE) != id) {
        return -EPROTO;
    }
    memcpy(out, store->contents + place * store->page_bytes, store->page_bytes);
    __atomic_thread_fence(__ATOMIC_ACQUIRE); /* nobody took the place meanwhile */
    return __atomic_load_n(&store->ids[place], __ATOMIC_RELAXED) == id ? 0 : -EPROTO;
}
