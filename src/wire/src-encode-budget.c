/* SPDX-License-Identifier: Apache-2.0
 *
 * What an encoder's memory is spent on; see src-encode-budget.h. */
#include "wire/src-encode-budget.h"

#include "wire/src-duplicates.h"
#include "wire/src-pages.h"
#include "wire/src-share.h"
#include "wire/wire-blocks.h"

#define HASH_STATE_BYTES 1024 /* an XXH3_state_t, about */

uint64_t src_budget_pages(const SrcEncodeConfig *config)
{
    return config->page_bytes > 0 ? (config->ram_bytes + WIRE_RAM_EXTRA_BYTES) / config->page_bytes : 0;
}

bool src_budget_shares(const SrcEncodeConfig *config)
{
    return config->gang && config->filters & WIRE_FILTER_SHARED;
}

uint64_t src_budget_sent_length(const SrcEncodeConfig *config)
{
    return src_budget_pages(config) / 64 + 1;
}

uint64_t src_budget_fixed_bytes(const SrcEncodeConfig *config)
{
    if (config->is_forgetful) {
        return src_encode_memory_least(config) + (src_budget_shares(config) ? SRC_SHARE_BYTES : 0);
    }
    return SRC_ENCODE_BYTES + HASH_STATE_BYTES + (src_budget_shares(config) ? SRC_SHARE_BYTES : 0) +
           src_budget_pages(config) * SRC_PAGES_PAGE_BYTES + SRC_DUPLICATES_WAYS * sizeof(SrcDuplicate);
}

uint64_t src_encode_memory_least(const SrcEncodeConfig *config)
{
    return SRC_ENCODE_BYTES + HASH_STATE_BYTES + src_budget_sent_length(config) * sizeof(uint64_t);
}

bool src_encode_is_forgetful(const SrcEncodeConfig *config)
{
    SrcEncodeConfig with_tables = *config;

    with_tables.is_forgetful = false;
    return config->memory_bytes_max < src_budget_fixed_bytes(&with_tables);
}

uint64_t src_budget_slot_bytes(const SrcEncodeConfig *config)
{
    return SRC_PAGES_SLOT_BYTES + (config->filters & WIRE_FILTER_DUPLICATE ? SRC_DUPLICATES_SLOT_BYTES : 0) +
           (config->page_memory == WIRE_PAGE_MEMORY_HASH
                ? SRC_PAGES_HASHES_BYTES(config->page_bytes, config->hash_block_bytes)
                : 0);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void src_budget_divide(const SrcEncodeConfig *config, uint64_t slots_max, uint64_t *slots, uint64_t *copies)
{
    uint64_t fixed = src_budget_fixed_bytes(config);
    uint64_t budget = config->memory_bytes_max > fixed ? config->memory_bytes_max - fixed : 0;
    uint64_t copy_bytes = SRC_PAGES_COPY_BYTES(config->page_bytes);

    slots_max = least(slots_max, src_budget_pages(config));
    if (config->is_forgetful || !(config->filters & WIRE_FILTERS_WITH_SLOTS)) {
        *slots = *copies = 0;
    } else if (config->page_memory == WIRE_PAGE_MEMORY_FULL) {
        *slots = *copies = least(slots_max, budget / (src_budget_slot_bytes(config) + copy_bytes));
    } else {
        *slots = least(slots_max, budget / 4 * 3 / src_budget_slot_bytes(config));
        *copies = least(*slots, (budget - *slots * src_budget_slot_bytes(config)) / copy_bytes);
    }
}

uint64_t src_encode_slots_for(const SrcEncodeConfig *config)
{
    uint64_t slots = 0;
    uint64_t copies;

    if (config->page_bytes >= WIRE_PAGE_BYTES_MIN) {
        src_budget_divide(config, UINT64_MAX, &slots, &copies);
    }
    return slots;
}

void src_encode_config_fit(SrcEncodeConfig *config)
{
    static const struct {
        WirePageMemory page_memory;
        uint32_t hash_block_bytes;
    } choices[] = {{WIRE_PAGE_MEMORY_FULL, 64}, {WIRE_PAGE_MEMORY_HASH, 64}, {WIRE_PAGE_MEMORY_HASH, 128}};

    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        config->page_memory = choices[i].page_memory;
        config->hash_block_bytes = choices[i].hash_block_bytes;
        if (src_encode_slots_for(config) >= config->ram_bytes / config->page_bytes) {
            return;
        }
    }
}
