/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcShare: one encoder's dealings with the gang's store at the source (gang-store.h): hashes contents, and remembers
 * what it has told the destination to keep until that is confirmed.
 *
 * The hash is UMAC-128 under a key that only this host's relays know, with a nonce that is always the same: what is
 * used of it is not the MAC but the universal hash inside, whose values nobody sees.  Two different contents agree with
 * a probability of about 2^-120. Nothing can be compared here (the contents are at the other host), and other VMs'
 * guests would gain from collisions; hence no XXH3.
 *
 * One thread; 'store' outlives it. */
#pragma once

#include <stdint.h>

#include "wire/gang-store.h"

typedef struct SrcShare SrcShare;

#define SRC_SHARE_BYTES (1u << 20) /* what one takes, at most */

/* 0, -ENOMEM, or -ENOTSUP: no UMAC-128 here. */
int src_share_new(SrcShare **share, GangStore *store);
void src_share_free(SrcShare *share);

/* What is known of a content. */
typedef struct SrcShared {
    uint64_t id; /* not GANG_STORE_NONE: say this.  It is the gang's already when 'is_known', else it has to be sent
                    with it */
    int is_known;
} SrcShared;

/* Looks the content up, and reserves an id for it if nobody has it and there is room. */
SrcShared src_share_find(SrcShare *share, const uint8_t *content, uint32_t page_bytes);

/* What was reserved since the call before is in the frame with this number. */
void src_share_frame(SrcShare *share, uint64_t sequence);

/* The destination has all frames up to this one. */
void src_share_credit(SrcShare *share, uint64_t sequence);
