/* SPDX-License-Identifier: Apache-2.0
 *
 * What an encoder's memory is spent on, from its configuration: what it always takes, and how many slots and copies the rest
 * of its budget pays for.  Private to src-encode.c; what relays ask is in src-encode.h. */
#pragma once

#include "wire/src-encode.h"

#define SRC_ENCODE_BYTES 81920u /* of an encoder without its tables, at most */

/* Pages of the guest, and of what may be plugged in. */
uint64_t src_budget_pages(const SrcEncodeConfig *config);

/* Whether pages are shared with other VMs of the gang. */
bool src_budget_shares(const SrcEncodeConfig *config);

/* Words of 64 bits, one for each page: what a forgetful encoder knows. */
uint64_t src_budget_sent_length(const SrcEncodeConfig *config);

/* Bytes that are taken whatever the budget. */
uint64_t src_budget_fixed_bytes(const SrcEncodeConfig *config);

/* Bytes of a slot without its copy. */
uint64_t src_budget_slot_bytes(const SrcEncodeConfig *config);

/* How the budget is divided when the destination grants slots_max: in full page memory each slot has its copy; with hashes up
 * to three quarters go to slots, so that what is written again and again still finds room for copies. */
void src_budget_divide(const SrcEncodeConfig *config, uint64_t slots_max, uint64_t *slots, uint64_t *copies);
