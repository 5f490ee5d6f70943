/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcEncode and DstDecode with nothing between: what goes in comes out, whatever a guest writes, however few pages the
 * destination may store, and wherever frames end.
 *
 * Input: u8 filters (64: hashes instead of copies, of 128 bytes with 128), u8 slots, u8 segments and gap, then what
 * happens: u8 operation (low four bits; bit 4: the record has a name, bit 5: of the second block), u8 page, and what
 * the operation takes. */
#include "fuzz.h"

#include "wire/dst-decode.h"
#include "wire/src-encode.h"

#define PAGE            1024
#define PAGES           24
#define BLOCKS          2
#define GIVEN_BYTES_MAX WIRE_STREAM_BYTES_MAX

typedef struct Guest {
    uint8_t memory[BLOCKS][PAGES][PAGE];
    SrcBlock blocks[BLOCKS];
} Guest;

typedef struct Pair {
    SrcEncode *encode;
    DstDecode *decode;
    WireFrame *frame;
    uint8_t *given; /* what went into the frame in work */
    size_t given_bytes;
    uint8_t *stream; /* what came out of it */
    uint64_t sequence;
} Pair;

static void deliver(Pair *pair)
{
    if (src_encode_finish(pair->encode, pair->sequence)) {
        FUZZ_CHECK(pair->frame->header.raw_bytes <= WIRE_PAYLOAD_BYTES_MAX);
        FUZZ_CHECK(pair->frame->header.stream_bytes == pair->given_bytes);
        FUZZ_CHECK(dst_decode_frame(pair->decode, pair->frame, pair->stream) == 0);
        FUZZ_CHECK(memcmp(pair->stream, pair->given, pair->given_bytes) == 0);
        FUZZ_CHECK(dst_decode_stats(pair->decode)->pages_stored <= src_encode_stats(pair->encode)->slots);
        pair->sequence++;
    } else {
        FUZZ_CHECK(pair->given_bytes == 0);
    }
    pair->given_bytes = 0;
    src_encode_begin(pair->encode, pair->frame);
}

static void note_given(Pair *pair, const uint8_t *bytes, size_t length)
{
    FUZZ_CHECK(pair->given_bytes + length <= GIVEN_BYTES_MAX);
    memcpy(pair->given + pair->given_bytes, bytes, length);
    pair->given_bytes += length;
}

static void add(Pair *pair, const SrcBlock *block, SrcToken token)
{
    size_t taken;

    while (src_encode_token(pair->encode, block, &token, &taken) == 0) {
        FUZZ_CHECK(taken < token.length && (taken == 0 || token.kind == SRC_TOKEN_BYTES));
        note_given(pair, token.bytes, taken);
        token.bytes += taken;
        token.length -= taken;
        FUZZ_CHECK(pair->given_bytes > 0); /* an empty frame takes anything */
        deliver(pair);
    }
    FUZZ_CHECK(taken == token.length);
    note_given(pair, token.bytes, token.length);
}

static size_t put_head(uint8_t *at, const SrcBlock *block, uint64_t page, unsigned flag, int has_name)
{
    uint64_t offset = page * PAGE | flag | (has_name ? 0 : 0x20);

    for (unsigned i = 0; i < 8; i++) {
        at[i] = (uint8_t)(offset >> (56 - 8 * i));
    }
    if (!has_name) {
        return 8;
    }
    at[8] = block->name_bytes;
    memcpy(at + 9, block->name, block->name_bytes);
    return 9u + block->name_bytes;
}

/* The guest's page as QEMU would send it. */
static void send_page(Pair *pair, const Guest *guest, uint32_t block, uint64_t page, int has_name, int as_zero)
{
    uint8_t *record = malloc(9 + WIRE_NAME_BYTES_MAX + PAGE);
    size_t head_bytes;

    FUZZ_CHECK(record != NULL);
    head_bytes = put_head(record, &guest->blocks[block], page, as_zero ? 0x02 : 0x08, has_name);
    if (as_zero) {
        record[head_bytes] = 0;
    } else {
        memcpy(record + head_bytes, guest->memory[block][page], PAGE);
    }
    add(pair, &guest->blocks[block],
        (SrcToken){.kind = as_zero ? SRC_TOKEN_ZERO : SRC_TOKEN_PAGE,
                   .bytes = record,
                   .length = head_bytes + (as_zero ? 1 : PAGE),
                   .content = as_zero ? NULL : record + head_bytes,
                   .block = block,
                   .page = page,
                   .has_name = has_name});
    free(record);
}

static void write_bytes(FuzzInput *input, uint8_t *memory)
{
    size_t at = fuzz_byte(input) * 4u;
    size_t given;
    const uint8_t *bytes = fuzz_bytes(input, 1 + fuzz_byte(input) % 64u, &given);

    if (given > 0 && at + given <= PAGE) {
        memcpy(memory + at, bytes, given);
    }
}

/* One byte every so many, in a part of the page: segments and words at their limits. */
static void write_stride(FuzzInput *input, uint8_t *memory)
{
    size_t stride = 1 + fuzz_byte(input);
    size_t end = fuzz_byte(input) * 4u + 4;
    uint8_t value = fuzz_byte(input);

    for (size_t at = 0; at < end; at += stride) {
        memory[at] = (uint8_t)(memory[at] + value);
    }
}

static void write_noise(FuzzInput *input, uint8_t *memory)
{
    uint32_t state = fuzz_byte(input) + 1u;

    for (size_t at = 0; at < PAGE; at += 4) {
        uint32_t word = fuzz_next(&state);

        memcpy(memory + at, &word, sizeof(word));
    }
}

/* What QEMU says besides pages. */
static void say(FuzzInput *input, Pair *pair)
{
    size_t length = fuzz_byte(input) * (size_t)fuzz_byte(input) + 1;
    uint8_t fill = fuzz_byte(input);
    uint8_t *bytes = malloc(length);

    FUZZ_CHECK(bytes != NULL);
    memset(bytes, fill, length);
    add(pair, NULL, (SrcToken){.kind = SRC_TOKEN_BYTES, .bytes = bytes, .length = length});
    free(bytes);
}

static void step(FuzzInput *input, Pair *pair, Guest *guest)
{
    uint8_t first = fuzz_byte(input);
    uint32_t block = first >> 5 & 1;
    uint64_t page = fuzz_byte(input) % PAGES;
    uint8_t *memory = guest->memory[block][page];
    int has_name = first >> 4 & 1;

    switch (first & 15) {
    case 0:
        deliver(pair);
        return;
    case 1:
        say(input, pair);
        return;
    case 2:
        memset(memory, 0, PAGE);
        send_page(pair, guest, block, page, has_name, 1);
        return;
    case 3:
        memset(memory, 0, PAGE);
        break;
    case 4:
        memset(memory, fuzz_byte(input), PAGE);
        break;
    case 5:
        memcpy(memory, guest->memory[fuzz_byte(input) & 1][fuzz_byte(input) % PAGES], PAGE);
        break;
    case 6:
        write_noise(input, memory);
        break;
    case 7:
        write_stride(input, memory);
        break;
    case 8: /* as it is */
        break;
    default:
        write_bytes(input, memory);
    }
    send_page(pair, guest, block, page, has_name, 0);
}

static void pair_init(Pair *pair, FuzzInput *input)
{
    SrcEncodeConfig config;
    uint8_t options;

    src_encode_config_init(&config, BLOCKS * PAGES * PAGE);
    memset(config.hash_key, 7, sizeof(config.hash_key));
    config.page_bytes = PAGE;
    options = fuzz_byte(input);
    config.filters = options & WIRE_FILTERS_DEFAULT;
    config.page_memory = options & 0x40 ? WIRE_PAGE_MEMORY_HASH : WIRE_PAGE_MEMORY_FULL;
    config.hash_block_bytes = options & 0x80 ? 128 : 64;
    config.slots_max = fuzz_byte(input) % (BLOCKS * PAGES + 2);
    config.segments_max = 1 + fuzz_byte(input) % WIRE_SEGMENTS_MAX;
    config.gap_merge_bytes = config.segments_max % 9;
    config.memory_bytes_max = UINT64_C(1) << 30;
    FUZZ_CHECK(src_encode_new(&pair->encode, &config) == 0);
    DstDecodeConfig decode = {
        .slots = src_encode_stats(pair->encode)->slots, .ram_bytes = config.ram_bytes, .page_bytes = PAGE};
    FUZZ_CHECK(dst_decode_new(&pair->decode, &decode) == 0 && wire_frame_new(&pair->frame) == 0);
    pair->sequence = 1;
    src_encode_begin(pair->encode, pair->frame);
}

FUZZ_TARGET
{
    static uint8_t *given, *stream;
    static Guest guest;
    FuzzInput input = {bytes, bytes + length};
    Pair pair = {0};

    given = given != NULL ? given : malloc(GIVEN_BYTES_MAX);
    stream = stream != NULL ? stream : malloc(WIRE_STREAM_BYTES_MAX);
    FUZZ_CHECK(given != NULL && stream != NULL);
    pair.given = given;
    pair.stream = stream;
    memset(&guest, 0, sizeof(guest));
    for (unsigned i = 0; i < BLOCKS; i++) {
        guest.blocks[i] = (SrcBlock){.name_bytes = (uint8_t)(1 + 200 * i), .pages = PAGES};
        memset(guest.blocks[i].name, 'a' + (int)i, guest.blocks[i].name_bytes);
    }
    pair_init(&pair, &input);
    while (fuzz_left(&input) > 0) {
        step(&input, &pair, &guest);
    }
    deliver(&pair);
    src_encode_free(pair.encode);
    dst_decode_free(pair.decode);
    wire_frame_free(pair.frame);
    return 0;
}
