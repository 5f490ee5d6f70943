/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is written once and must never change: what most of a real VM's memory is like
 * during a migration.  Pages are those of content.h, pass 0, with a seed of their own. */
#include "guest.h"
#include "content.h"

#include <sys/mman.h>

static uint64_t *words;
static uint64_t n_pages, seed;

void fill_start(uint64_t vm_seed, uint64_t bytes)
{
    n_pages = bytes / CONTENT_PAGE_BYTES;
    seed = content_mix(vm_seed ^ 0xf111);
    if (n_pages == 0) {
        return;
    }
    words = mmap(NULL, n_pages * CONTENT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (words == MAP_FAILED) {
        die("no memory for a fill of %llu bytes: make --ram larger or --fill smaller", (unsigned long long)bytes);
    }
    for (uint64_t page = 0; page < n_pages; page++) {
        uint64_t value = content_base(seed, page, 0);

        for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++, value += CONTENT_STEP) {
            words[page * CONTENT_PAGE_WORDS + i] = value;
        }
    }
}

void fill_verify(Verdict *verdict)
{
    for (uint64_t page = 0; page < n_pages; page++) {
        uint64_t value = content_base(seed, page, 0);

        for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++, value += CONTENT_STEP) {
            uint64_t found = words[page * CONTENT_PAGE_WORDS + i];

            if (found != value) {
                verdict_add(verdict, "fill page %llu word %u is %016llx, should be %016llx", (unsigned long long)page, i,
                            (unsigned long long)found, (unsigned long long)value);
            }
        }
    }
}
