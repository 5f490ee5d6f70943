/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcHashes: keyed 64-bit hashes of the 64- or 128-byte blocks of a page, kept instead of the page itself.
 *
 * A collision would silently drop a change, so the hash is one for which the chance can be proven whatever a guest
 * writes, as long as it does not know the key: two different blocks agree with a probability of at most 2^-63.
 *
 *     NH   sum of (m[2i] + k[2i] mod 2^64) (m[2i+1] + k[2i+1] mod 2^64), mod 2^128    (Black, Halevi, Krawczyk,
 * Krovetz, Rogaway 1999: 2^-64) fold ((a lo + b hi + c) mod 2^128) / 2^64, a, b and c of 128 bits (multilinear,
 * strongly universal: 2^-64)
 *
 * What a collision does in the end: the destination makes other bytes than those that came, the frame's own hash does
 * not fit, and the migration ends with the guest at its source.  Data is never wrong. */
#pragma once

#include <stdint.h>

#define SRC_HASHES_BLOCK_BYTES_MAX 128

__extension__ typedef unsigned __int128 SrcHashesWide;

typedef struct SrcHashes {
    uint32_t block_bytes; /* 64 or 128 */
    uint64_t nh[SRC_HASHES_BLOCK_BYTES_MAX / 8];
    SrcHashesWide fold[3];
} SrcHashes;

/* Makes the key's numbers (HMAC-SHA256 of counters). 0 or -EINVAL. */
int src_hashes_init(SrcHashes *hashes, uint32_t block_bytes, const uint8_t key[32]);

/* out [page_bytes / block_bytes]. */
void src_hashes_page(const SrcHashes *hashes, const uint8_t *page, uint32_t page_bytes, uint64_t *out);
