/* SPDX-License-Identifier: Apache-2.0
 *
 * Which 8-byte words of two pages differ, a bit for each: the one loop over all bytes of every page that is sent again;
 * and those words one behind the other.  Hence three texts of the first and two of the second.  Each step does 64
 * bytes; but for the portable ones no step has a branch that could be guessed wrong. */
#include "wire/segments.h"

#include <string.h>

static uint32_t mask_portable(uint64_t *mask, const uint8_t *page, const uint8_t *base, uint32_t page_bytes)
{
    uint32_t words = 0;

    for (uint32_t group = 0; group < page_bytes / 512; group++) {
        uint64_t bits = 0;

        for (uint32_t block = 0; block < 8; block++) {
            uint64_t a[8], b[8], any = 0;

            memcpy(a, page + group * 512 + block * 64, 64);
            memcpy(b, base + group * 512 + block * 64, 64);
            for (uint32_t i = 0; i < 8; i++) {
                any |= a[i] ^ b[i];
            }
            for (uint32_t i = 0; any && i < 8; i++) {
                bits |= (uint64_t)(a[i] != b[i]) << (block * 8 + i);
            }
        }
        mask[group] = bits;
        words += (uint32_t)__builtin_popcountll(bits);
    }
    return words;
}

static uint8_t *pack_portable(const uint64_t *mask, const uint8_t *page, uint32_t page_bytes, uint8_t *at)
{
    for (uint32_t block = 0; block < page_bytes / 64; block++) {
        unsigned bits = (unsigned)(mask[block / 8] >> (block % 8 * 8)) & 0xff;

        if (bits == 0xff) {
            memcpy(at, page + block * 64, 64);
            at += 64;
            continue;
        }
        for (; bits != 0; bits &= bits - 1) {
            memcpy(at, page + block * 64 + (unsigned)__builtin_ctz(bits) * 8, 8);
            at += 8;
        }
    }
    return at;
}

static int portable_is_supported(void)
{
    return 1;
}

#if defined(__x86_64__)
#include <immintrin.h>

__attribute__((target("avx2,popcnt"))) static uint32_t mask_avx2(uint64_t *mask, const uint8_t *page,
                                                                 const uint8_t *base, uint32_t page_bytes)
{
    uint32_t words = 0;

    for (uint32_t group = 0; group < page_bytes / 512; group++) {
        uint64_t equal = 0;

        for (uint32_t half = 0; half < 16; half++) { /* 32 bytes */
            __m256i a = _mm256_loadu_si256((const __m256i *)(const void *)(page + group * 512 + half * 32));
            __m256i b = _mm256_loadu_si256((const __m256i *)(const void *)(base + group * 512 + half * 32));

            equal |= (uint64_t)(uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(a, b)))
                     << (half * 4);
        }
        mask[group] = ~equal;
        words += (uint32_t)__builtin_popcountll(~equal);
    }
    return words;
}

static int avx2_is_supported(void)
{
    return __builtin_cpu_supports("avx2");
}

__attribute__((target("avx512f,avx512bw,popcnt"))) static uint32_t mask_avx512(uint64_t *mask, const uint8_t *page,
                                                                               const uint8_t *base, uint32_t page_bytes)
{
    uint32_t words = 0;

    for (uint32_t group = 0; group < page_bytes / 512; group++) {
        uint64_t bits = 0;

        for (uint32_t block = 0; block < 8; block++) {
            __m512i a = _mm512_loadu_si512(page + group * 512 + block * 64);
            __m512i b = _mm512_loadu_si512(base + group * 512 + block * 64);

            bits |= (uint64_t)_mm512_cmpneq_epi64_mask(a, b) << (block * 8);
        }
        mask[group] = bits;
        words += (uint32_t)__builtin_popcountll(bits);
    }
    return words;
}

__attribute__((target("avx512f,avx512bw,popcnt"))) static uint8_t *
pack_avx512(const uint64_t *mask, const uint8_t *page, uint32_t page_bytes, uint8_t *at)
{
    for (uint32_t block = 0; block < page_bytes / 64; block++) {
        __mmask8 bits = (__mmask8)(mask[block / 8] >> (block % 8 * 8));

        _mm512_storeu_si512(at, _mm512_maskz_compress_epi64(bits, _mm512_loadu_si512(page + block * 64)));
        at += (unsigned)__builtin_popcount(bits) * 8;
    }
    return at;
}

static int avx512_is_supported(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}
#endif

const SegmentsKernel segments_kernels[] = {
#if defined(__x86_64__)
    {"avx512", mask_avx512, pack_avx512, avx512_is_supported},
    {"avx2", mask_avx2, pack_portable, avx2_is_supported},
#endif
    {"portable", mask_portable, pack_portable, portable_is_supported},
};
const size_t segments_kernels_length = sizeof segments_kernels / sizeof segments_kernels[0];

const SegmentsKernel *segments_kernel(void)
{
    static const SegmentsKernel *best; /* the same whoever finds it */
    const SegmentsKernel *found = __atomic_load_n(&best, __ATOMIC_RELAXED);

    if (!found) {
        found = segments_kernels;
        while (!found->is_supported()) {
            found++;
        }
        __atomic_store_n(&best, found, __ATOMIC_RELAXED);
    }
    return found;
}
