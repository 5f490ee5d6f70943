/* SPDX-License-Identifier: Apache-2.0
 *
 * See src-hashes.h.  Plain multiplications: 64 by 64 to 128 bits is one instruction, and no vector instruction does it.
 */
#include "wire/src-hashes.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <string.h>

int src_hashes_init(SrcHashes *hashes, uint32_t block_bytes, const uint8_t key[32])
{
    uint8_t stream[32 * 8];

    memset(hashes, 0, sizeof *hashes);
    hashes->block_bytes = block_bytes;
    for (uint8_t counter = 0; counter < sizeof stream / 32; counter++) {
        if (gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, 32, &counter, 1, stream + counter * 32) != 0) {
            return -EINVAL;
        }
    }
    _Static_assert(sizeof stream >= sizeof hashes->nh + sizeof hashes->fold, "enough of the key stream");
    memcpy(hashes->nh, stream, sizeof hashes->nh);
    memcpy(hashes->fold, stream + sizeof hashes->nh, sizeof hashes->fold);
    return 0;
}

static inline uint64_t block_hash(const SrcHashes *hashes, const uint8_t *block, uint32_t words)
{
    uint64_t m[SRC_HASHES_BLOCK_BYTES_MAX / 8];
    SrcHashesWide sum = 0;

    memcpy(m, block, words * sizeof m[0]);
    for (uint32_t i = 0; i < words; i += 2) {
        sum += (SrcHashesWide)(m[i] + hashes->nh[i]) * (m[i + 1] + hashes->nh[i + 1]);
    }
    return (uint64_t)((hashes->fold[0] * (uint64_t)sum + hashes->fold[1] * (uint64_t)(sum >> 64) + hashes->fold[2]) >>
                      64);
}

void src_hashes_page(const SrcHashes *hashes, const uint8_t *page, uint32_t page_bytes, uint64_t *out)
{
    if (hashes->block_bytes == 64) { /* twice, so that the loops inside are unrolled */
        for (uint32_t at = 0; at < page_bytes; at += 64) {
            *out++ = block_hash(hashes, page + at, 8);
        }
    } else {
        for (uint32_t at = 0; at < page_bytes; at += 128) {
            *out++ = block_hash(hashes, page + at, 16);
        }
    }
}
