/* SPDX-License-Identifier: Apache-2.0
 *
 * What every word of a guest's checked memory must hold.
 *
 * A page is a pure function of (seed, page number, pass): word i of it is
 *
 *     base(seed, page, pass) + i * CONTENT_STEP      (modulo 2^64)
 *
 * so content can be made at the speed of memory, has no two pages alike, offers nothing to a
 * compressor, and the sum of any run of words has a closed form that a read pass can check while
 * it reads.  'pass' counts write passes; 0 is the content from before the first one. */
#ifndef LAB_CONTENT_H
#define LAB_CONTENT_H

#include <stdint.h>

#define CONTENT_PAGE_BYTES  4096u
#define CONTENT_PAGE_WORDS  (CONTENT_PAGE_BYTES / 8)
#define CONTENT_STEP        0x9e3779b97f4a7c15ull

/* One round of mixing in which every input bit reaches every output bit. */
static inline uint64_t content_mix(uint64_t x)
{
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93ull;
    return x ^ (x >> 32);
}

static inline uint64_t content_base(uint64_t seed, uint64_t page, uint64_t pass)
{
    return content_mix(content_mix(seed + page * 0xa0761d6478bd642full) + pass);
}

/* The sum of words [first, first + length) of a page with this base. */
static inline uint64_t content_sum(uint64_t base, uint64_t first, uint64_t length)
{
    return length * base + CONTENT_STEP * (length * first + length * (length - 1) / 2);
}

#endif
