/* SPDX-License-Identifier: Apache-2.0
 *
 * The reference decoder: docs/wire-format.md, "DATA: operations", sentence by sentence. */
#include "reference-decode.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

/* What is being read.  An error leaves through 'out' with its result. */
typedef struct Reader {
    Reference *reference;
    const uint8_t *at, *end;
    jmp_buf out;
} Reader;

static _Noreturn void leave(Reader *reader, ReferenceResult result)
{
    longjmp(reader->out, (int)result + 1);
}

static void require(Reader *reader, bool condition)
{
    if (!condition) {
        leave(reader, REFERENCE_WRONG);
    }
}

static const uint8_t *take(Reader *reader, uint64_t length)
{
    const uint8_t *bytes = reader->at;

    require(reader, length <= (uint64_t)(reader->end - reader->at));
    reader->at += length;
    return bytes;
}

static uint64_t number(Reader *reader)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < 10; i++) {
        uint8_t byte = *take(reader, 1);

        require(reader, i < 9 || (byte & 0x7f) <= 1);
        value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            return value;
        }
    }
    leave(reader, REFERENCE_WRONG);
}

static void yield(Reader *reader, const void *bytes, size_t length)
{
    Reference *reference = reader->reference;

    if (length > sizeof(reference->stream) - reference->stream_bytes) {
        leave(reader, REFERENCE_TOO_MUCH);
    }
    memcpy(reference->stream + reference->stream_bytes, bytes, length);
    reference->stream_bytes += length;
}

static ReferencePage *page_of(Reader *reader, uint64_t block, uint64_t page)
{
    Reference *reference = reader->reference;

    for (unsigned i = 0; i < reference->pages_length; i++) {
        if (reference->pages[i]->block == block && reference->pages[i]->page == page) {
            return reference->pages[i];
        }
    }
    if (reference->pages_length == REFERENCE_PAGES_MAX) {
        leave(reader, REFERENCE_TOO_MUCH);
    }
    ReferencePage *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        abort();
    }
    made->block = block;
    made->page = page;
    reference->pages[reference->pages_length++] = made;
    return made;
}

static void set_state(Reference *reference, ReferencePage *page, ReferenceState state)
{
    reference->stored -= page->state == REFERENCE_STORED;
    reference->stored += state == REFERENCE_STORED;
    page->state = state;
}

static void position(Reader *reader, uint64_t *block, uint64_t *page)
{
    *block = number(reader);
    require(reader, *block < reader->reference->blocks_length);
    *page = number(reader);
    require(reader, *page < reader->reference->blocks[*block].pages);
}

static void record(Reader *reader, uint64_t block, uint64_t page, unsigned flag, bool has_name, const void *content,
                   size_t content_bytes)
{
    const ReferenceBlock *of = &reader->reference->blocks[block];
    uint64_t offset = page * reader->reference->page_bytes + flag + (has_name ? 0 : 0x20);
    uint8_t head[8];

    for (unsigned i = 0; i < 8; i++) {
        head[i] = (uint8_t)(offset >> (56 - 8 * i));
    }
    yield(reader, head, sizeof(head));
    if (has_name) {
        yield(reader, &of->name_bytes, 1);
        yield(reader, of->name, of->name_bytes);
    }
    yield(reader, content, content_bytes);
}

static void block_operation(Reader *reader)
{
    Reference *reference = reader->reference;
    ReferenceBlock *block;
    uint64_t pages;

    require(reader, number(reader) == reference->blocks_length && reference->blocks_length < REFERENCE_BLOCKS_MAX);
    block = &reference->blocks[reference->blocks_length];
    block->name_bytes = *take(reader, 1);
    require(reader, block->name_bytes > 0);
    memcpy(block->name, take(reader, block->name_bytes), block->name_bytes);
    require(reader, number(reader) == reference->page_bytes);
    pages = number(reader);
    require(reader, pages > 0 && pages <= reference->pages_max - reference->pages_defined);
    block->pages = pages;
    reference->pages_defined += pages;
    reference->blocks_length++;
}

static void segments(Reader *reader, uint8_t *content)
{
    uint32_t page_bytes = reader->reference->page_bytes;
    uint64_t offsets[64], lengths[64];
    uint64_t end = 0;
    uint64_t length = number(reader);

    require(reader, length <= 64);
    for (uint64_t i = 0; i < length; i++) {
        uint64_t gap = number(reader);

        lengths[i] = number(reader);
        require(reader, gap <= page_bytes - end && lengths[i] >= 1 && lengths[i] <= page_bytes - end - gap);
        offsets[i] = end + gap;
        end = offsets[i] + lengths[i];
    }
    for (uint64_t i = 0; i < length; i++) {
        memcpy(content + offsets[i], take(reader, lengths[i]), (size_t)lengths[i]);
    }
}

static void words(Reader *reader, uint8_t *content)
{
    const uint8_t *bitmap = take(reader, reader->reference->page_bytes / 64);

    for (uint32_t word = 0; word < reader->reference->page_bytes / 8; word++) {
        if (bitmap[word / 8] >> (word % 8) & 1) {
            memcpy(content + word * 8, take(reader, 8), 8);
        }
    }
}

/* The base of 'page' into 'content'. */
static void base(Reader *reader, const ReferencePage *page, uint8_t *content)
{
    require(reader, page->state != REFERENCE_FORGOTTEN);
    memset(content, 0, reader->reference->page_bytes);
    if (page->state == REFERENCE_STORED) {
        memcpy(content, page->content, reader->reference->page_bytes);
    }
}

static void make_content(Reader *reader, unsigned kind, const ReferencePage *page, uint8_t *content)
{
    uint64_t other_block, other_page;

    switch (kind) {
    case 2: /* RAW */
        memcpy(content, take(reader, reader->reference->page_bytes), reader->reference->page_bytes);
        break;
    case 3:
        base(reader, page, content);
        segments(reader, content);
        break;
    case 4:
        base(reader, page, content);
        words(reader, content);
        break;
    case 5: /* SAME */
        base(reader, page, content);
        break;
    default: /* DUPLICATE */
        position(reader, &other_block, &other_page);
        page = page_of(reader, other_block, other_page);
        require(reader, page->state == REFERENCE_STORED);
        memcpy(content, page->content, reader->reference->page_bytes);
    }
}

static void zeros(Reader *reader, unsigned kind, bool has_name, uint64_t block, uint64_t page)
{
    Reference *reference = reader->reference;
    uint64_t length = kind == 8 ? number(reader) : 1;

    require(reader, length >= 1 && length <= reference->blocks[block].pages - page);
    for (uint64_t i = 0; i < length; i++) {
        record(reader, block, page + i, 0x02, has_name && i == 0, "", 1);
        set_state(reference, page_of(reader, block, page + i), REFERENCE_ZERO);
    }
    reference->last_page = page + length - 1;
}

static void page_operation(Reader *reader, uint8_t first)
{
    Reference *reference = reader->reference;
    unsigned kind = first & 0x1f;
    bool has_name = first & 0x40, keep = first & 0x20;
    uint8_t content[REFERENCE_PAGE_BYTES_MAX];
    uint64_t block, page;

    if (first & 0x80) {
        require(reader, reference->has_last);
        block = reference->last_block;
        page = reference->last_page + 1;
        require(reader, page < reference->blocks[block].pages);
    } else {
        position(reader, &block, &page);
    }
    reference->has_last = true;
    reference->last_block = block;
    reference->last_page = page;
    if (kind == 7 || kind == 8) {
        require(reader, !keep);
        zeros(reader, kind, has_name, block, page);
        return;
    }
    ReferencePage *of = page_of(reader, block, page);
    make_content(reader, kind, of, content);
    record(reader, block, page, 0x08, has_name, content, reference->page_bytes);
    if (keep && of->state != REFERENCE_STORED && reference->stored == reference->slots) {
        leave(reader, REFERENCE_FULL);
    }
    set_state(reference, of, keep ? REFERENCE_STORED : REFERENCE_FORGOTTEN);
    memcpy(of->content, content, reference->page_bytes);
}

static void forget(Reader *reader)
{
    uint64_t block, page;
    ReferencePage *of;

    position(reader, &block, &page);
    of = page_of(reader, block, page);
    require(reader, of->state == REFERENCE_STORED);
    set_state(reader->reference, of, REFERENCE_FORGOTTEN);
}

static void operation(Reader *reader)
{
    uint8_t first = *take(reader, 1);
    unsigned kind = first & 0x1f;
    uint64_t length;

    require(reader, kind <= 9); /* there is no gang's store here */
    require(reader, (kind != 0 && kind != 1 && kind != 9) || first == kind);
    switch (kind) {
    case 0:
        length = number(reader);
        require(reader, length >= 1);
        yield(reader, take(reader, length), (size_t)length);
        break;
    case 1:
        block_operation(reader);
        break;
    case 9:
        forget(reader);
        break;
    default:
        page_operation(reader, first);
    }
}

Reference *reference_new(uint32_t page_bytes, uint64_t slots, uint64_t pages_max)
{
    Reference *reference = calloc(1, sizeof(*reference));

    if (reference == NULL || page_bytes > REFERENCE_PAGE_BYTES_MAX) {
        abort();
    }
    reference->page_bytes = page_bytes;
    reference->slots = slots;
    reference->pages_max = pages_max;
    return reference;
}

void reference_free(Reference *reference)
{
    for (unsigned i = 0; i < reference->pages_length; i++) {
        free(reference->pages[i]);
    }
    free(reference);
}

ReferenceResult reference_decode(Reference *reference, const uint8_t *bytes, size_t length)
{
    Reader reader = {.reference = reference, .at = bytes, .end = bytes + length};
    int left;

    reference->stream_bytes = 0;
    left = setjmp(reader.out);
    if (left != 0) {
        return (ReferenceResult)(left - 1);
    }
    while (reader.at < reader.end) {
        operation(&reader);
    }
    return REFERENCE_RIGHT;
}
