/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is written once and must never change: what most of a real VM's memory is like
 * during a migration.  Three kinds, each with a seed of its own: pages of content.h, pass 0, that offer nothing to a
 * compressor; pages of text; and copies, pages that repeat those of the first kind, as files do that were read, copied
 * and unpacked. */
#include "guest.h"
#include "content.h"

#include <string.h>
#include <sys/mman.h>

typedef struct Fill {
    const char *name;
    void (*make)(uint64_t *words, uint64_t page);
    uint64_t *words;
    uint64_t n_pages;
} Fill;

static uint64_t seed;

static void random_make(uint64_t *words, uint64_t page)
{
    uint64_t value = content_base(seed, page, 0);

    for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++, value += CONTENT_STEP) {
        words[i] = value;
    }
}

static void text_make(uint64_t *words, uint64_t page)
{
    text_page(words, seed, page, 0);
}

static Fill fills[] = {
    { .name = "fill", .make = random_make },
    { .name = "fill text", .make = text_make },
    { .name = "fill copies", .make = random_make },
};

static void fill_make(Fill *fill, uint64_t bytes)
{
    fill->n_pages = bytes / CONTENT_PAGE_BYTES;
    if (fill->n_pages == 0) {
        return;
    }
    fill->words = mmap(NULL, fill->n_pages * CONTENT_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0);
    if (fill->words == MAP_FAILED) {
        die("no memory for a %s of %llu bytes: make --ram larger or --fill smaller", fill->name,
            (unsigned long long)bytes);
    }
    for (uint64_t page = 0; page < fill->n_pages; page++) {
        fill->make(fill->words + page * CONTENT_PAGE_WORDS, page);
    }
}

void fill_start(const Settings *settings)
{
    seed = content_mix(settings->seed ^ 0xf111);
    fill_make(&fills[0], settings->fill_bytes);
    fill_make(&fills[1], settings->fill_text_bytes);
    fill_make(&fills[2], settings->fill_copies_bytes);
}

static void fill_page_verify(const Fill *fill, uint64_t page, Verdict *verdict)
{
    const uint64_t *found = fill->words + page * CONTENT_PAGE_WORDS;
    uint64_t right[CONTENT_PAGE_WORDS];

    fill->make(right, page);
    if (memcmp(found, right, CONTENT_PAGE_BYTES) == 0) {
        return;
    }
    for (unsigned i = 0; i < CONTENT_PAGE_WORDS; i++) {
        if (found[i] != right[i]) {
            verdict_add(verdict, "%s page %llu word %u is %016llx, should be %016llx", fill->name,
                        (unsigned long long)page, i, (unsigned long long)found[i], (unsigned long long)right[i]);
        }
    }
}

void fill_verify(Verdict *verdict)
{
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        for (uint64_t page = 0; page < fills[i].n_pages; page++) {
            fill_page_verify(&fills[i], page, verdict);
        }
    }
}
