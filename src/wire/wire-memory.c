/* SPDX-License-Identifier: Apache-2.0
 *
 * See wire-memory.h. */
#include "wire/wire-memory.h"

#include <sys/mman.h>

void *wire_memory_take(uint64_t bytes, int is_data)
{
    void *memory;

    if (bytes == 0 || bytes > SIZE_MAX / 2) {
        return NULL;
    }
    memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return NULL;
    }
    (void)madvise(memory, (size_t)bytes, MADV_DONTDUMP); /* guest memory does not belong into core files */
    if (is_data) {
        (void)madvise(memory, (size_t)bytes, MADV_HUGEPAGE); /* fewer TLB misses; a host without it is only slower */
    }
    return memory;
}

void wire_memory_give(void *memory, uint64_t bytes)
{
    if (memory) {
        munmap(memory, (size_t)bytes);
    }
}
