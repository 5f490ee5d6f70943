/* SPDX-License-Identifier: Apache-2.0
 *
 * Operations to QEMU's stream: docs/wire-format.md in code.
 *
 * Nothing here trusts a byte.  'in' never moves past its end, 'out' never past the room that the header promised, and
 * every number is compared with its bound before it is added to anything.  The payload may come from a broken or
 * hostile relay that knows the key; at worst we end with an error.  A page's new content is made in the stream and goes
 * from there into its slot, so that a page may be the duplicate of any page, itself included. */
#include "wire/dst-decode.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "wire/dst-pages.h"
#include "wire/gang-store.h"
#include "wire/wire-blocks.h"
#include "wire/wire-operations.h"

struct DstDecode {
    DstPages pages;
    WireBlocks blocks;
    DstDecodeStats stats;
    bool has_last; /* a page operation came before */
    uint32_t last_block;
    uint64_t last_page;
    GangStore *gang;
    uint8_t shared[WIRE_PAGE_BYTES_MAX]; /* a page of the gang's store, being used */
    /* of the frame in work */
    const uint8_t *in, *in_end;
    uint8_t *out, *out_end;
    const uint8_t *last_content; /* of the page operation before; NULL: it had none */
};

/* A page operation as far as all kinds have it in common. */
typedef struct PageOperation {
    unsigned kind;
    bool has_name, is_kept;
    uint32_t block;
    uint64_t page, index; /* within the block; within all */
} PageOperation;

static uint64_t pages_of(const DstDecodeConfig *config)
{
    return (config->ram_bytes + WIRE_RAM_EXTRA_BYTES) / config->page_bytes;
}

int dst_decode_new(DstDecode **decode, const DstDecodeConfig *config)
{
    DstDecode *made = calloc(1, sizeof *made);
    int status = made ? wire_blocks_init(&made->blocks, config->ram_bytes, config->page_bytes) : -ENOMEM;

    *decode = NULL;
    if (status == 0) {
        status = dst_pages_init(&made->pages, config->is_forgetful ? 0 : pages_of(config), config->slots, config->page_bytes, config->memory);
    }
    if (status != 0) {
        free(made);
        return status;
    }
    made->gang = config->gang;
    *decode = made;
    return 0;
}

void dst_decode_free(DstDecode *decode)
{
    if (decode) {
        dst_pages_clear(&decode->pages);
        free(decode);
    }
}

static uint64_t fixed_bytes(const DstDecodeConfig *config)
{
    return sizeof(DstDecode) + pages_of(config) * DST_PAGES_PLACE_BYTES;
}

bool dst_decode_is_forgetful(const DstDecodeConfig *config, uint64_t memory_bytes_max)
{
    return memory_bytes_max < fixed_bytes(config);
}

uint64_t dst_decode_slots_for(const DstDecodeConfig *config, uint64_t memory_bytes_max)
{
    uint64_t pages = config->page_bytes > 0 ? pages_of(config) : 0;
    uint64_t fixed = config->page_bytes > 0 ? fixed_bytes(config) : 0;
    uint64_t slots =
        memory_bytes_max > fixed ? (memory_bytes_max - fixed) / DST_PAGES_SLOT_BYTES(config->page_bytes) : 0;

    return slots < pages ? slots : pages;
}

static size_t in_left(const DstDecode *decode)
{
    return (size_t)(decode->in_end - decode->in);
}

static size_t out_left(const DstDecode *decode)
{
    return (size_t)(decode->out_end - decode->out);
}

/* A varint of at most 'max'. */
static int read_number(DstDecode *decode, uint64_t max, uint64_t *value)
{
    int status = wire_varint_read(&decode->in, decode->in_end, value);

    return status != 0 ? status : *value > max ? -EPROTO : 0;
}

/* 'length' bytes of the payload, or NULL. */
static const uint8_t *read_bytes(DstDecode *decode, size_t length)
{
    const uint8_t *bytes = decode->in;

    if (length > in_left(decode)) {
        return NULL;
    }
    decode->in += length;
    return bytes;
}

/* Block and page, by number; both exist afterwards. */
static int read_position(DstDecode *decode, uint32_t *block, uint64_t *page)
{
    uint64_t number;

    if (decode->blocks.length == 0 || read_number(decode, decode->blocks.length - 1, &number) != 0) {
        return -EPROTO;
    }
    *block = (uint32_t)number;
    return read_number(decode, decode->blocks.list[number].pages - 1, page);
}

static int read_page_operation(DstDecode *decode, uint8_t first, PageOperation *operation)
{
    operation->kind = first & WIRE_OPERATION_KIND;
    operation->has_name = first & WIRE_OPERATION_NAME;
    operation->is_kept = first & WIRE_OPERATION_KEEP;
    if (first & WIRE_OPERATION_NEXT) {
        operation->block = decode->last_block;
        operation->page = decode->last_page + 1;
        if (!decode->has_last || operation->page >= decode->blocks.list[operation->block].pages) {
            return -EPROTO;
        }
    } else if (read_position(decode, &operation->block, &operation->page) != 0) {
        return -EPROTO;
    }
    operation->index = decode->blocks.list[operation->block].first + operation->page;
    decode->has_last = true;
    decode->last_block = operation->block;
    decode->last_page = operation->page;
    return 0;
}

/* Writes the head of the page's record; true when 'content_bytes' fit behind it. */
static bool write_head(DstDecode *decode, const PageOperation *operation, uint64_t page, unsigned flag, bool has_name,
                       size_t content_bytes)
{
    size_t head_bytes = 8 + (has_name ? 1u + decode->blocks.list[operation->block].name_bytes : 0);

    if (head_bytes + content_bytes > out_left(decode)) {
        return false;
    }
    decode->out += wire_record_head(decode->out, &decode->blocks, operation->block, page, flag, has_name);
    return true;
}

static int literal(DstDecode *decode)
{
    uint64_t length;
    const uint8_t *bytes;

    if (read_number(decode, WIRE_PAYLOAD_BYTES_MAX, &length) != 0 || length == 0 || length > out_left(decode) ||
        !(bytes = read_bytes(decode, (size_t)length))) {
        return -EPROTO;
    }
    memcpy(decode->out, bytes, (size_t)length);
    decode->out += length;
    return 0;
}

static int block(DstDecode *decode)
{
    uint64_t number, page_bytes, pages;
    const uint8_t *name_bytes, *name;

    if (read_number(decode, WIRE_BLOCKS_MAX - 1, &number) != 0 || number != decode->blocks.length ||
        !(name_bytes = read_bytes(decode, 1)) || *name_bytes == 0 || !(name = read_bytes(decode, *name_bytes)) ||
        read_number(decode, WIRE_PAGE_BYTES_MAX, &page_bytes) != 0 || page_bytes != decode->blocks.page_bytes ||
        read_number(decode, WIRE_PAGES_MAX, &pages) != 0) {
        return -EPROTO;
    }
    return wire_blocks_add(&decode->blocks, name, *name_bytes, pages) == 0 ? 0 : -EPROTO;
}

static int forget(DstDecode *decode)
{
    uint32_t of;
    uint64_t page;

    if (read_position(decode, &of, &page) != 0 ||
        !dst_pages_stored(&decode->pages, decode->blocks.list[of].first + page)) {
        return -EPROTO;
    }
    dst_pages_forget(&decode->pages, decode->blocks.list[of].first + page);
    return 0;
}

/* The content of the operation before becomes the gang's. */
static int share(DstDecode *decode)
{
    uint64_t id;

    if (!decode->gang || !decode->last_content || read_number(decode, UINT64_MAX, &id) != 0) {
        return -EPROTO;
    }
    return gang_store_put(decode->gang, id, decode->last_content);
}

static int zeros(DstDecode *decode, const PageOperation *operation)
{
    uint64_t length = 1;

    if (operation->is_kept) {
        return -EPROTO;
    }
    if (operation->kind == WIRE_OPERATION_ZERO_RUN &&
        (read_number(decode, decode->blocks.list[operation->block].pages - operation->page, &length) != 0 ||
         length == 0)) {
        return -EPROTO;
    }
    for (uint64_t i = 0; i < length; i++) {
        bool has_name = operation->has_name && i == 0;

        if (!write_head(decode, operation, operation->page + i, WIRE_RECORD_ZERO, has_name, 1)) {
            return -EPROTO;
        }
        *decode->out++ = 0;
        dst_pages_zero(&decode->pages, operation->index + i);
    }
    decode->last_page += length - 1;
    decode->last_content = NULL;
    return 0;
}

/* Overwrites 'content' with the segments that the payload has next. */
static int segments(DstDecode *decode, uint8_t *content)
{
    uint64_t offset = 0;
    uint64_t length, gap, bytes;
    uint32_t offsets[WIRE_SEGMENTS_MAX], lengths[WIRE_SEGMENTS_MAX];

    if (read_number(decode, WIRE_SEGMENTS_MAX, &length) != 0) {
        return -EPROTO;
    }
    for (uint64_t i = 0; i < length; i++) {
        if (read_number(decode, decode->blocks.page_bytes - offset, &gap) != 0 ||
            read_number(decode, decode->blocks.page_bytes - offset - gap, &bytes) != 0 || bytes == 0) {
            return -EPROTO;
        }
        offsets[i] = (uint32_t)(offset + gap);
        lengths[i] = (uint32_t)bytes;
        offset += gap + bytes;
    }
    for (uint64_t i = 0; i < length; i++) {
        const uint8_t *from = read_bytes(decode, lengths[i]);

        if (!from) {
            return -EPROTO;
        }
        memcpy(content + offsets[i], from, lengths[i]);
    }
    return 0;
}

/* The same for a bitmap of words. */
static int words(DstDecode *decode, uint8_t *content)
{
    uint32_t bitmap_bytes = decode->blocks.page_bytes / 64;
    const uint8_t *bitmap = read_bytes(decode, bitmap_bytes);

    for (uint32_t i = 0; bitmap && i < bitmap_bytes; i++) {
        if (bitmap[i] == 0xff && in_left(decode) >= 8 * WIRE_WORD_BYTES) {
            memcpy(content + i * 64, decode->in, 64);
            decode->in += 64;
            continue;
        }
        for (unsigned bits = bitmap[i]; bits != 0; bits &= bits - 1) {
            const uint8_t *from = read_bytes(decode, WIRE_WORD_BYTES);

            if (!from) {
                return -EPROTO;
            }
            memcpy(content + (i * 8 + (unsigned)__builtin_ctz(bits)) * WIRE_WORD_BYTES, from, WIRE_WORD_BYTES);
        }
    }
    return bitmap ? 0 : -EPROTO;
}

/* The content from which the page's new one is made; NULL: the payload says something that is not there. */
static const uint8_t *content_base(DstDecode *decode, const PageOperation *operation)
{
    uint32_t of;
    uint64_t page, id;

    switch (operation->kind) {
    case WIRE_OPERATION_SHARED:
        return decode->gang && read_number(decode, UINT64_MAX, &id) == 0 &&
                       gang_store_get(decode->gang, id, decode->shared) == 0
                   ? decode->shared
                   : NULL;
    case WIRE_OPERATION_RAW:
        return read_bytes(decode, decode->blocks.page_bytes);
    case WIRE_OPERATION_DUPLICATE:
        return read_position(decode, &of, &page) == 0
                   ? dst_pages_stored(&decode->pages, decode->blocks.list[of].first + page)
                   : NULL;
    default:
        return dst_pages_base(&decode->pages, operation->index);
    }
}

/* What the payload has next, made into 'content'. */
static int content_change(DstDecode *decode, const PageOperation *operation, uint8_t *content)
{
    switch (operation->kind) {
    case WIRE_OPERATION_SEGMENTS:
        return segments(decode, content);
    case WIRE_OPERATION_WORDS:
        return words(decode, content);
    default:
        return 0;
    }
}

/* Makes the slot, which holds the base, equal to 'content' by touching only what changed: 'changes' is what the payload
 * said. */
static void slot_change(DstDecode *decode, const PageOperation *operation, const uint8_t *made, const uint8_t *changes,
                        uint8_t *slot)
{
    const uint8_t *behind = decode->in;

    if (operation->kind == WIRE_OPERATION_SEGMENTS) {
        decode->in = changes;
        (void)segments(decode, slot); /* once more; it was fine the first time */
        decode->in = behind;
    } else if (operation->kind == WIRE_OPERATION_WORDS) {
        for (uint32_t i = 0; i < decode->blocks.page_bytes / 64; i++) {
            if (changes[i] != 0) { /* a byte of the bitmap is 64 bytes of the page */
                memcpy(slot + i * 64, made + i * 64, 64);
            }
        }
    }
}

/* The page gets the content 'made', which the payload from 'changes' on made of its base. */
static int content_keep(DstDecode *decode, const PageOperation *operation, const uint8_t *made, const uint8_t *changes)
{
    uint8_t *slot = dst_pages_stored(&decode->pages, operation->index);

    if (!operation->is_kept) {
        dst_pages_forget(&decode->pages, operation->index);
        return 0;
    }
    if (slot && (operation->kind == WIRE_OPERATION_SEGMENTS || operation->kind == WIRE_OPERATION_WORDS ||
                 operation->kind == WIRE_OPERATION_SAME)) {
        slot_change(decode, operation, made, changes, slot);
        return 0;
    }
    slot = slot ? slot : dst_pages_store(&decode->pages, operation->index);
    if (!slot) {
        return -ENOMEM;
    }
    memcpy(slot, made, decode->blocks.page_bytes);
    return 0;
}

static int content(DstDecode *decode, const PageOperation *operation)
{
    uint32_t page_bytes = decode->blocks.page_bytes;
    const uint8_t *base = content_base(decode, operation);
    const uint8_t *changes = decode->in;
    uint8_t *made;
    int status;

    if (!base || !write_head(decode, operation, operation->page, WIRE_RECORD_PAGE, operation->has_name, page_bytes)) {
        return -EPROTO;
    }
    made = decode->out;
    decode->out += page_bytes;
    memcpy(made, base, page_bytes);
    decode->last_content = made;
    status = content_change(decode, operation, made);
    return status != 0 ? status : content_keep(decode, operation, made, changes);
}

static int page_operation(DstDecode *decode, uint8_t first)
{
    PageOperation operation = {0};

    if (read_page_operation(decode, first, &operation) != 0) {
        return -EPROTO;
    }
    if (operation.kind == WIRE_OPERATION_ZERO || operation.kind == WIRE_OPERATION_ZERO_RUN) {
        return zeros(decode, &operation);
    }
    return content(decode, &operation);
}

static int operation(DstDecode *decode)
{
    uint8_t first = *decode->in++;
    bool is_plain = first == (first & WIRE_OPERATION_KIND);

    switch (first & WIRE_OPERATION_KIND) {
    case WIRE_OPERATION_LITERAL:
        return is_plain ? literal(decode) : -EPROTO;
    case WIRE_OPERATION_BLOCK:
        return is_plain ? block(decode) : -EPROTO;
    case WIRE_OPERATION_FORGET:
        return is_plain ? forget(decode) : -EPROTO;
    case WIRE_OPERATION_SHARE:
        return is_plain ? share(decode) : -EPROTO;
    case WIRE_OPERATION_RAW:
    case WIRE_OPERATION_SEGMENTS:
    case WIRE_OPERATION_WORDS:
    case WIRE_OPERATION_SAME:
    case WIRE_OPERATION_DUPLICATE:
    case WIRE_OPERATION_SHARED:
    case WIRE_OPERATION_ZERO:
    case WIRE_OPERATION_ZERO_RUN:
        return page_operation(decode, first);
    default:
        return -EPROTO;
    }
}

int dst_decode_frame(DstDecode *decode, const WireFrame *frame, uint8_t *stream)
{
    int status = 0;

    if (frame->header.raw_bytes > WIRE_PAYLOAD_BYTES_MAX || frame->header.stream_bytes > WIRE_STREAM_BYTES_MAX) {
        return -EPROTO;
    }
    decode->in = frame->raw;
    decode->in_end = frame->raw + frame->header.raw_bytes;
    decode->out = stream;
    decode->out_end = stream + frame->header.stream_bytes;
    decode->last_content = NULL;
    while (status == 0 && decode->in < decode->in_end) {
        status = operation(decode);
    }
    if (status != 0) {
        return status;
    }
    if (decode->out != decode->out_end) {
        return -EPROTO;
    }
    return wire_hash(stream, frame->header.stream_bytes, frame->header.sequence) == frame->header.hash ? 0 : -EBADMSG;
}

const DstDecodeStats *dst_decode_stats(const DstDecode *decode)
{
    DstDecodeStats *stats = (DstDecodeStats *)&decode->stats; /* counted when asked for */

    stats->pages_stored = decode->pages.slots_used;
    stats->memory_bytes = decode->pages.slots_touched * DST_PAGES_SLOT_BYTES(decode->blocks.page_bytes) +
                          decode->blocks.pages * DST_PAGES_PLACE_BYTES + sizeof *decode;
    return stats;
}
