/* SPDX-License-Identifier: Apache-2.0
 *
 * Tokens to operations, at the source.
 *
 * Theory of operation.  For each page the encoder knows what the destination has of it (src-pages.h), finds what
 * changed (segments.h) and says it in the cheapest way that is switched on:
 *
 *     nothing changed              SAME
 *     little changed               SEGMENTS, or WORDS when a guest scatters its changes
 *     much, or nothing is known    DUPLICATE of another stored page when one is equal, SHARED when another VM's is,
 * else RAW
 *
 * Then both sides' dictionaries take the same step: here by src_pages_update, there by the operation.  An operation
 * that cannot be decoded again would end the migration, so what is checked there is guaranteed here:
 *   - A page becomes STORED (KEEP) only when it has a slot here, and slots here are never more than were granted.
 *   - A page whose slot is taken is FORGOTTEN before the operation that takes it, and no duplicate of it is told after
 * that.
 *   - A token is looked at again before it is believed: the record that the destination will make must be the very
 * bytes that came.  Whatever is not, or belongs to a block for which there are no tables, goes as LITERAL and leaves
 * the dictionary as it is: a page's stored content is what was last *said*, not what the guest has, and that is enough.
 */
#include "wire/src-encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "wire/segments.h"
#include "wire/src-encode-budget.h"
#include "wire/src-duplicates.h"
#include "wire/src-pages.h"
#include "wire/src-share.h"
#include "wire/src-write.h"
#include "wire/wire-xxh3.h"

#define BLOCK_UNKNOWN      0          /* of 'numbers': not met yet */
#define BLOCK_LITERAL      UINT16_MAX /* no tables for it */

struct SrcEncode {
    SrcEncodeConfig config;
    SrcEncodeStats stats;
    SegmentsRule rule;
    SrcPages pages;
    SrcDuplicates duplicates;
    SrcWriter writer;
    WireBlocks blocks;
    uint16_t numbers[WIRE_BLOCKS_MAX]; /* by the parser's number: ours + 1, BLOCK_UNKNOWN or BLOCK_LITERAL */
    uint64_t *sent;                    /* forgetful: a bit for each page */
    SrcShare *share;                   /* NULL: nothing is shared */
    XXH3_state_t *hash;                /* of the stream bytes in the frame */
    WireFrame *frame;
    uint64_t stream_bytes;
    Segments changes; /* of the page in work */
};

_Static_assert(sizeof(SrcEncode) <= SRC_ENCODE_BYTES, "what the budget counts is too little");

/* The page in work. */
typedef struct PageWork {
    uint32_t block;
    uint64_t page, index;
    const uint8_t *content;
    bool has_name, is_resent, was_stored, is_kept;
    WireOperation kind;
    uint64_t duplicate_of; /* index of a page */
    SrcShared shared;
} PageWork;

void src_encode_config_init(SrcEncodeConfig *config, uint64_t ram_bytes)
{
    *config = (SrcEncodeConfig){
        .filters = WIRE_FILTERS_DEFAULT,
        .page_memory = WIRE_PAGE_MEMORY_FULL,
        .hash_block_bytes = 64,
        .page_bytes = 4096,
        .ram_bytes = ram_bytes,
        .memory_bytes_max = ram_bytes + ram_bytes / 64 + (16u << 20),
        .slots_max = (ram_bytes + WIRE_RAM_EXTRA_BYTES) / 4096,
        .gap_merge_bytes = 4,
        .segments_max = WIRE_SEGMENTS_MAX,
    };
    for (size_t at = 0; at < sizeof config->hash_key;) {
        ssize_t got = getrandom(config->hash_key + at, sizeof config->hash_key - at, 0);

        at += got > 0 ? (size_t)got : 0;
    }
}

static bool config_is_valid(const SrcEncodeConfig *config)
{
    return config->segments_max >= 1 && config->segments_max <= WIRE_SEGMENTS_MAX &&
           (config->hash_block_bytes == 64 || config->hash_block_bytes == 128) &&
           (config->page_memory == WIRE_PAGE_MEMORY_FULL || config->page_memory == WIRE_PAGE_MEMORY_HASH);
}

static int take_forgetful(SrcEncode *encode)
{
    const SrcEncodeConfig *config = &encode->config;

    encode->sent = calloc(src_budget_sent_length(config), sizeof *encode->sent);
    encode->stats.memory_bytes = src_budget_fixed_bytes(config);
    return !encode->sent                ? -ENOMEM
           : src_budget_shares(&encode->config) ? src_share_new(&encode->share, config->gang)
                                        : 0;
}

/* Takes all memory. */
static int take(SrcEncode *encode)
{
    const SrcEncodeConfig *config = &encode->config;
    SrcPagesConfig pages = {.pages = src_budget_pages(config),
                            .page_bytes = config->page_bytes,
                            .hash_block_bytes = config->hash_block_bytes,
                            .key = config->hash_key,
                            .memory = config->memory};
    uint64_t key;
    int status = 0;

    src_budget_divide(config, config->slots_max, &pages.slots, &pages.copies);
    if (src_budget_fixed_bytes(config) > config->memory_bytes_max || !(encode->hash = XXH3_createState())) {
        return -ENOMEM;
    }
    if (config->is_forgetful) {
        return take_forgetful(encode);
    }
    if (config->filters & WIRE_FILTER_DUPLICATE) {
        memcpy(&key, config->hash_key, sizeof key);
        status = src_duplicates_init(&encode->duplicates, pages.slots, key, config->memory);
    }
    status = status == 0 ? src_pages_init(&encode->pages, &pages) : status;
    if (status == 0 && src_budget_shares(config)) {
        status = src_share_new(&encode->share, config->gang);
    }
    encode->stats.slots = pages.slots;
    encode->stats.memory_bytes = src_budget_fixed_bytes(config) + pages.slots * src_budget_slot_bytes(config) +
                                 pages.copies * SRC_PAGES_COPY_BYTES(config->page_bytes);
    return status;
}

int src_encode_new(SrcEncode **encode, const SrcEncodeConfig *config)
{
    SrcEncode *made;
    int status;

    *encode = NULL;
    if (!config_is_valid(config)) {
        return -EINVAL;
    }
    made = calloc(1, sizeof *made);
    if (!made) {
        return -ENOMEM;
    }
    made->config = *config;
    made->rule =
        (SegmentsRule){config->page_bytes, config->gap_merge_bytes, config->segments_max, config->page_bytes / 4 * 3};
    status = wire_blocks_init(&made->blocks, config->ram_bytes, config->page_bytes);
    status = status == 0 ? take(made) : status;
    if (status != 0) {
        src_encode_free(made);
        return status;
    }
    *encode = made;
    return 0;
}

void src_encode_free(SrcEncode *encode)
{
    if (encode) {
        src_share_free(encode->share);
        src_duplicates_clear(&encode->duplicates);
        free(encode->sent);
        src_pages_clear(&encode->pages);
        XXH3_freeState(encode->hash);
        explicit_bzero(encode->config.hash_key, sizeof encode->config.hash_key);
        free(encode);
    }
}

void src_encode_begin(SrcEncode *encode, WireFrame *frame)
{
    encode->frame = frame;
    encode->stream_bytes = 0;
    src_write_begin(&encode->writer, frame->raw, WIRE_PAYLOAD_BYTES_MAX);
    XXH3_64bits_reset(encode->hash);
}

uint32_t src_encode_raw_bytes(const SrcEncode *encode)
{
    return (uint32_t)(encode->writer.at - encode->writer.begin);
}

bool src_encode_finish(SrcEncode *encode, uint64_t sequence)
{
    WireFrame *frame = encode->frame;
    uint32_t raw_bytes = (uint32_t)(encode->writer.at - encode->writer.begin);

    frame->header = (WireHeader){
        .type = WIRE_DATA,
        .codec = WIRE_CODEC_NONE,
        .wire_bytes = raw_bytes,
        .raw_bytes = raw_bytes,
        .stream_bytes = (uint32_t)encode->stream_bytes,
        .sequence = sequence,
        .hash = XXH3_64bits_digest(encode->hash) ^ sequence,
    };
    frame->payload = frame->raw;
    if (encode->share) {
        src_share_frame(encode->share, sequence);
    }
    return raw_bytes > 0;
}

/* 'length' bytes of the stream are in the frame. */
static void stream_add(SrcEncode *encode, const uint8_t *bytes, size_t length)
{
    XXH3_64bits_update(encode->hash, bytes, length);
    encode->stream_bytes += length;
}

/* As much as fits; returns how much. */
static size_t literal_add(SrcEncode *encode, const uint8_t *bytes, size_t length)
{
    size_t raw_left = src_write_left(&encode->writer);
    size_t stream_left = WIRE_STREAM_BYTES_MAX - encode->stream_bytes;

    raw_left = raw_left > SRC_WRITE_LITERAL_HEAD ? raw_left - SRC_WRITE_LITERAL_HEAD : 0;
    length = length < raw_left ? length : raw_left;
    length = length < stream_left ? length : stream_left;
    if (length > 0) {
        src_write_literal(&encode->writer, bytes, length);
        stream_add(encode, bytes, length);
        encode->stats.literal_bytes += length;
    }
    return length;
}

/* Our number of the token's block, telling the destination of a new one; false: there are no tables for it. */
static bool block_number(SrcEncode *encode, const SrcBlock *block, uint32_t parsers, uint32_t *number)
{
    uint16_t *known;

    if (parsers >= WIRE_BLOCKS_MAX) {
        return false;
    }
    known = &encode->numbers[parsers];
    if (*known == BLOCK_UNKNOWN) {
        *known = BLOCK_LITERAL;
        if (wire_blocks_add(&encode->blocks, block->name, block->name_bytes, block->pages) == 0) {
            *known = (uint16_t)encode->blocks.length;
            src_write_block(&encode->writer, &encode->blocks, *known - 1u);
        }
    }
    *number = *known - 1u;
    return *known != BLOCK_LITERAL;
}

/* Whether the destination would make the very bytes of 'token'. */
static bool record_is_exact(const SrcEncode *encode, uint32_t block, const SrcToken *token)
{
    uint8_t head[WIRE_RECORD_HEAD_BYTES_MAX];
    unsigned flag = token->kind == SRC_TOKEN_ZERO ? WIRE_RECORD_ZERO : WIRE_RECORD_PAGE;
    size_t content_bytes = token->kind == SRC_TOKEN_ZERO ? 1 : encode->config.page_bytes;
    size_t head_bytes;

    if (token->page >= encode->blocks.list[block].pages) {
        return false;
    }
    head_bytes = wire_record_head(head, &encode->blocks, block, token->page, flag, token->has_name);
    return token->length == head_bytes + content_bytes && memcmp(token->bytes, head, head_bytes) == 0 &&
           (token->kind == SRC_TOKEN_ZERO ? token->bytes[head_bytes] == 0
                                          : token->content == token->bytes + head_bytes);
}

/* A page that was there before and is sent again costs 'dirty_bytes' by the working set's count. */
static void count_resent(SrcEncode *encode, const PageWork *work, uint32_t dirty_bytes)
{
    if (work->is_resent) {
        encode->stats.pages_resent++;
        encode->stats.resent_dirty_bytes += dirty_bytes;
    }
}

/* Whether the page was sent before; it is now. */
static bool note_sent(SrcEncode *encode, uint64_t index)
{
    uint64_t bit = UINT64_C(1) << index % 64;

    if (!encode->config.is_forgetful) {
        return src_pages_sent(&encode->pages, index);
    }
    bool was_sent = (encode->sent[index / 64] & bit) != 0;

    encode->sent[index / 64] |= bit;
    return was_sent;
}

static void zero_add(SrcEncode *encode, PageWork *work)
{
    if (encode->config.is_forgetful) {
        count_resent(encode, work, encode->config.page_bytes);
        src_write_zero(&encode->writer, work->has_name, work->block, work->page);
        encode->stats.pages_zero++;
        return;
    }
    bool was_zero = src_pages_is_zero(&encode->pages, work->index);

    count_resent(encode, work, was_zero ? 0 : encode->config.page_bytes);
    if (src_pages_is_stored(&encode->pages, work->index)) {
        encode->stats.pages_stored--;
    }
    src_pages_zero(&encode->pages, work->index);
    src_write_zero(&encode->writer, work->has_name, work->block, work->page);
    encode->stats.pages_zero++;
}

/* Finds what changed and what could be said about it without looking at other pages. */
static void changes_find(SrcEncode *encode, PageWork *work)
{
    uint32_t filters = encode->config.filters;
    uint32_t same = work->was_stored ? WIRE_FILTER_SAME : WIRE_FILTER_ZERO;
    Segments *changes = &encode->changes;

    work->kind = WIRE_OPERATION_RAW;
    changes->form = SEGMENTS_FULL;
    changes->wire_bytes = changes->dirty_bytes = encode->config.page_bytes;
    if (filters & (WIRE_FILTER_SEGMENTS | same)) {
        src_pages_changes(&encode->pages, work->index, work->content, &encode->rule, changes);
    }
    count_resent(encode, work, changes->dirty_bytes);
    if (changes->form == SEGMENTS_NONE && filters & same) {
        work->kind = WIRE_OPERATION_SAME;
    } else if (changes->form == SEGMENTS_NONE && filters & WIRE_FILTER_SEGMENTS) { /* a list of none */
        changes->form = SEGMENTS_LIST;
        changes->wire_bytes = 1;
        work->kind = WIRE_OPERATION_SEGMENTS;
    } else if (changes->form == SEGMENTS_LIST && filters & WIRE_FILTER_SEGMENTS) {
        work->kind = WIRE_OPERATION_SEGMENTS;
    } else if (changes->form == SEGMENTS_WORDS && filters & WIRE_FILTER_SEGMENTS) {
        work->kind = WIRE_OPERATION_WORDS;
    }
}

/* Gets the page a slot, and tells which other page has to be forgotten for it. */
static void slot_find(SrcEncode *encode, PageWork *work)
{
    uint64_t victim;

    work->is_kept = src_pages_store(&encode->pages, work->index, work->is_resent, &victim);
    if (victim != SRC_SLOT_FREE) {
        uint32_t block = wire_blocks_find(&encode->blocks, victim);

        src_write_forget(&encode->writer, block, victim - encode->blocks.list[block].first);
        encode->stats.pages_forgotten++;
        encode->stats.pages_stored--;
    }
    if (!work->is_kept) {
        src_pages_forget(&encode->pages, work->index);
    } else if (!work->was_stored) {
        encode->stats.pages_stored++;
    }
}

/* Looks for an equal page, and makes this one known to those that come after it. */
static void duplicate_find(SrcEncode *encode, PageWork *work)
{
    uint32_t page_bytes = encode->config.page_bytes;
    uint64_t hash = src_duplicates_hash(&encode->duplicates, work->content, page_bytes);
    uint32_t slot = src_duplicates_find(&encode->duplicates, hash);

    if (slot != SRC_DUPLICATES_NONE && encode->pages.slots[slot].index != work->index &&
        src_pages_slot_has(&encode->pages, slot, work->content)) {
        work->kind = WIRE_OPERATION_DUPLICATE;
        work->duplicate_of = encode->pages.slots[slot].index;
    } else if (work->is_kept) {
        src_duplicates_add(&encode->duplicates, hash, src_pages_slot(&encode->pages, work->index));
    }
}

/* Asks the gang's store.  Only for pages that are sent for the first time: what a guest has written since is its own.
 */
static void shared_find(SrcEncode *encode, PageWork *work)
{
    work->shared = src_share_find(encode->share, work->content, encode->config.page_bytes);
    if (work->shared.is_known) {
        work->kind = WIRE_OPERATION_SHARED;
    }
}

static void operation_write(SrcEncode *encode, const PageWork *work)
{
    unsigned flags = (work->has_name ? WIRE_OPERATION_NAME : 0u) | (work->is_kept ? WIRE_OPERATION_KEEP : 0u);
    SrcWriter *writer = &encode->writer;
    uint32_t of;

    src_write_page(writer, work->kind, flags, work->block, work->page);
    switch (work->kind) {
    case WIRE_OPERATION_SAME:
        encode->stats.pages_same++;
        break;
    case WIRE_OPERATION_SEGMENTS:
        writer->at += segments_write(&encode->changes, &encode->rule, work->content, writer->at);
        encode->stats.pages_segments++;
        break;
    case WIRE_OPERATION_WORDS:
        writer->at += segments_write(&encode->changes, &encode->rule, work->content, writer->at);
        encode->stats.pages_words++;
        break;
    case WIRE_OPERATION_DUPLICATE:
        of = wire_blocks_find(&encode->blocks, work->duplicate_of);
        src_write_number(writer, of);
        src_write_number(writer, work->duplicate_of - encode->blocks.list[of].first);
        encode->stats.pages_duplicate++;
        break;
    case WIRE_OPERATION_SHARED:
        src_write_number(writer, work->shared.id);
        encode->stats.pages_shared++;
        break;
    default:
        src_write_bytes(writer, work->content, encode->config.page_bytes);
        encode->stats.pages_raw++;
        if (work->shared.id != GANG_STORE_NONE) {
            src_write_share(writer, work->shared.id);
        }
    }
}

static void page_add(SrcEncode *encode, PageWork *work)
{
    work->was_stored = src_pages_is_stored(&encode->pages, work->index);
    changes_find(encode, work);
    slot_find(encode, work);
    if (encode->config.filters & WIRE_FILTER_DUPLICATE && encode->changes.wire_bytes > encode->config.page_bytes / 4) {
        duplicate_find(encode, work);
    }
    if (encode->share && work->kind == WIRE_OPERATION_RAW && !work->is_resent) {
        shared_find(encode, work);
    }
    operation_write(encode, work);
    if (work->is_kept) {
        src_pages_update(&encode->pages, work->index, work->content, &encode->rule,
                         work->was_stored ? &encode->changes : NULL);
    }
}

/* A page where nothing is remembered. */
static void whole_add(SrcEncode *encode, PageWork *work)
{
    work->kind = WIRE_OPERATION_RAW;
    count_resent(encode, work, encode->config.page_bytes);
    if (encode->share && !work->is_resent) {
        shared_find(encode, work);
    }
    operation_write(encode, work);
}

/* A whole record, which fits. */
static void record_add(SrcEncode *encode, const SrcBlock *block, const SrcToken *token)
{
    PageWork work = {.page = token->page, .content = token->content, .has_name = token->has_name};
    const uint8_t *raw_before = encode->writer.at;

    if (!block || !block_number(encode, block, token->block, &work.block) ||
        !record_is_exact(encode, work.block, token) ||
        (token->kind == SRC_TOKEN_ZERO && !(encode->config.filters & WIRE_FILTER_ZERO))) {
        literal_add(encode, token->bytes, token->length);
        return;
    }
    stream_add(encode, token->bytes, token->length);
    work.index = encode->blocks.list[work.block].first + token->page;
    work.is_resent = note_sent(encode, work.index);
    if (token->kind == SRC_TOKEN_ZERO) {
        zero_add(encode, &work);
    } else {
        (encode->config.is_forgetful ? whole_add : page_add)(encode, &work);
    }
    if (work.is_resent) {
        encode->stats.resent_raw_bytes += (uint64_t)(encode->writer.at - raw_before);
    }
    encode->stats.passes = encode->config.is_forgetful ? 0 : encode->pages.pass - 1;
}

int src_encode_token(SrcEncode *encode, const SrcBlock *block, const SrcToken *token, size_t *taken)
{
    size_t room = token->length + SRC_WRITE_PAGE_ROOM(0);

    *taken = 0;
    if (token->kind == SRC_TOKEN_BYTES || token->length > WIRE_PAYLOAD_BYTES_MAX / 2) {
        *taken = literal_add(encode, token->bytes, token->length);
        return *taken == token->length;
    }
    if (src_write_left(&encode->writer) < room || encode->stream_bytes + token->length > WIRE_STREAM_BYTES_MAX) {
        return 0;
    }
    record_add(encode, block, token);
    *taken = token->length;
    return 1;
}

void src_encode_credit(SrcEncode *encode, uint64_t sequence)
{
    if (encode->share) {
        src_share_credit(encode->share, sequence);
    }
}

const SrcEncodeStats *src_encode_stats(const SrcEncode *encode)
{
    return &encode->stats;
}
