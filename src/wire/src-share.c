/* SPDX-License-Identifier: Apache-2.0
 *
 * See src-share.h.  What waits for its credit is in a ring, in the order in which it was sent; when it is full nothing
 * more is shared until a credit comes. */
#include "wire/src-share.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define WAITING_MAX 16384u /* a power of two: 64 MiB of 4 KiB pages on the way */

typedef struct Waiting {
    uint8_t hash[GANG_STORE_HASH_BYTES];
    uint64_t id, sequence;
} Waiting;

struct SrcShare {
    GangStore *store;
    gnutls_hmac_hd_t mac;
    uint64_t first, sent, next; /* of the ring: first to be confirmed, first of the frame in work, behind the last */
    Waiting waiting[WAITING_MAX];
};

_Static_assert(sizeof(SrcShare) < SRC_SHARE_BYTES, "what is told of it");

int src_share_new(SrcShare **share, GangStore *store)
{
    SrcShare *made = calloc(1, sizeof *made);

    *share = NULL;
    if (!made) {
        return -ENOMEM;
    }
    if (gnutls_hmac_init(&made->mac, GNUTLS_MAC_UMAC_128, gang_store_key(store), GANG_STORE_KEY_BYTES) != 0) {
        free(made);
        return -ENOTSUP;
    }
    made->store = store;
    *share = made;
    return 0;
}

void src_share_free(SrcShare *share)
{
    if (share) {
        gnutls_hmac_deinit(share->mac, NULL);
        free(share);
    }
}

SrcShared src_share_find(SrcShare *share, const uint8_t *content, uint32_t page_bytes)
{
    static const uint8_t nonce[8];
    Waiting *waiting = &share->waiting[share->next % WAITING_MAX];
    SrcShared shared = {GANG_STORE_NONE, 0};

    if (share->next - share->first == WAITING_MAX) {
        return shared;
    }
    gnutls_hmac_set_nonce(share->mac, nonce, sizeof nonce);
    if (gnutls_hmac(share->mac, content, page_bytes) != 0) {
        return shared;
    }
    gnutls_hmac_output(share->mac, waiting->hash);
    shared.id = gang_store_find(share->store, waiting->hash);
    shared.is_known = shared.id != GANG_STORE_NONE;
    if (!shared.is_known) {
        shared.id = gang_store_reserve(share->store);
        if (shared.id != GANG_STORE_NONE) {
            waiting->id = shared.id;
            share->next++;
        }
    }
    return shared;
}

void src_share_frame(SrcShare *share, uint64_t sequence)
{
    for (; share->sent != share->next; share->sent++) {
        share->waiting[share->sent % WAITING_MAX].sequence = sequence;
    }
}

void src_share_credit(SrcShare *share, uint64_t sequence)
{
    for (; share->first != share->sent; share->first++) {
        const Waiting *waiting = &share->waiting[share->first % WAITING_MAX];

        if (waiting->sequence > sequence) {
            return;
        }
        gang_store_publish(share->store, waiting->hash, waiting->id);
    }
}
