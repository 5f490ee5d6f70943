/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the parser (src-parse*.c) share.  Theory of operation: src-parse.c. */
#pragma once

#include <endian.h>
#include <string.h>

#include "wire/src-parse.h"

/* The longest head of anything in the stream with what is looked at beyond it: a footer, then a section's head with its
 * name. */
#define PARSE_HEAD_BYTES_MAX 512
#define PARSE_SECTIONS_MAX   64 /* iterables of one guest */
#define PARSE_NO_BLOCK       UINT32_MAX
#define PARSE_FOOTER_BYTES   5

/* Types of what stands between sections (QEMU_VM_* of savevm.c). */
enum {
    VM_EOF = 0x00,
    VM_SECTION_START = 0x01,
    VM_SECTION_PART = 0x02,
    VM_SECTION_END = 0x03,
    VM_SECTION_FULL = 0x04,
    VM_SUBSECTION = 0x05,
    VM_DESCRIPTION = 0x06,
    VM_CONFIGURATION = 0x07,
    VM_COMMAND = 0x08,
    VM_SECTION_FOOTER = 0x7e,
};

/* Flags in the low bits of a RAM record's offset (RAM_SAVE_FLAG_* of ram.c). */
enum {
    RAM_ZERO = 0x02,
    RAM_MEM_SIZE = 0x04,
    RAM_PAGE = 0x08,
    RAM_EOS = 0x10,
    RAM_CONTINUE = 0x20,
    RAM_XBZRLE = 0x40,
    RAM_COMPRESS = 0x100,
    RAM_MULTIFD_FLUSH = 0x200,
};

/* What is expected at the next byte. */
typedef enum ParsePhase {
    PHASE_MAGIC,
    PHASE_CONFIGURATION, /* a subsection of the configuration, or what PHASE_TOP takes */
    PHASE_CAPABILITY,    /* one of the capabilities that the configuration lists */
    PHASE_TOP,           /* a command, a section, the end */
    PHASE_RAM,           /* a record of ram */
    PHASE_TABLE,         /* a row of ram's table of blocks */
    PHASE_FOOTER,        /* the footer of ram's section, or none where they are off */
    PHASE_HUNT,          /* not understood: looking for the way back */
    PHASE_VERBATIM,      /* for good */
} ParsePhase;

typedef enum ParseFooters { FOOTERS_UNKNOWN, FOOTERS_ON, FOOTERS_OFF } ParseFooters;

struct SrcParse {
    SrcParseConfig config;
    SrcParseStats stats;
    uint64_t page_mask; /* page_bytes - 1 */
    unsigned page_shift;

    ParsePhase phase;
    uint64_t skip; /* bytes to come that belong to what was parsed last, and go verbatim */
    bool cut;      /* content of pages need not lie whole before us: the bytes go verbatim anyway */

    uint8_t partial[PARSE_HEAD_BYTES_MAX]; /* flushed, but not understood yet: the head of what follows */
    size_t partial_length;

    uint32_t sections[PARSE_SECTIONS_MAX]; /* ids of iterables that had their START, ram too */
    uint32_t sections_length;
    uint32_t ram_section;
    bool ram_known;
    bool section_open; /* in PHASE_HUNT: the section that we are in is known */
    uint32_t open_section;
    ParseFooters footers;

    uint64_t page_sizes;       /* of all blocks, or-ed; told by POSTCOPY_ADVISE, else 0 */
    uint64_t table_left_bytes; /* of guest memory, that rows to come describe */
    uint32_t capabilities_left;

    SrcBlock blocks[WIRE_BLOCKS_MAX];
    uint32_t blocks_length;
    uint32_t block; /* of the last record, or PARSE_NO_BLOCK */
    uint32_t last_block;
    uint64_t last_page;
};

/* Something whole in the stream. */
typedef struct ParseItem {
    size_t length; /* of it, >= 1 */
    uint64_t skip; /* bytes after it that go verbatim, too */
    SrcTokenKind kind;
    size_t content_at; /* PAGE: where in it */
    uint64_t page;
} ParseItem;

/* NEED: cannot be told yet, for want of bytes; nothing changed.  ITEM: 'item' was taken.  AGAIN: what is expected
 * changed, nothing was taken; ask the phase that is expected now. */
typedef enum ParseResult { PARSE_NEED, PARSE_ITEM, PARSE_AGAIN } ParseResult;

static inline uint16_t parse_be16(const uint8_t *bytes)
{
    return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static inline uint32_t parse_be32(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof(value));
    return be32toh(value);
}

static inline uint64_t parse_be64(const uint8_t *bytes)
{
    uint64_t value;

    memcpy(&value, bytes, sizeof(value));
    return be64toh(value);
}

/* One function a phase; 'length' may be 0 (then they say NEED). */
ParseResult parse_magic(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);
ParseResult parse_configuration(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);
ParseResult parse_capability(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);
ParseResult parse_top(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);
ParseResult parse_footer(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);
ParseResult parse_ram(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);
ParseResult parse_table(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);
ParseResult parse_hunt(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item);

/* Takes 'length' bytes, which must be there, as BYTES. */
static inline ParseResult parse_take(ParseItem *item, size_t length)
{
    item->length = length;
    return PARSE_ITEM;
}

/* Something is not as it should be: from here verbatim, until the way back is found. */
ParseResult parse_doubt(SrcParse *parser);

/* Counts a page or zero page and what it says about passes. */
static inline void parse_count_page(SrcParse *parser, uint32_t block, uint64_t page, SrcTokenKind kind)
{
    parser->stats.wraps += block < parser->last_block || (block == parser->last_block && page < parser->last_page);
    parser->stats.pages += kind == SRC_TOKEN_PAGE;
    parser->stats.zero_pages += kind == SRC_TOKEN_ZERO;
    parser->last_block = block;
    parser->last_page = page;
}

/* From here on verbatim, for good. */
ParseResult parse_verbatim(SrcParse *parser, SrcStreamState state);

/* Is there the head of a section or a command at 'bytes' that may follow a section's footer? */
typedef enum ParseLikely { LIKELY_NO, LIKELY_YES, LIKELY_NEED } ParseLikely;
ParseLikely parse_likely_head(const SrcParse *parser, const uint8_t *bytes, size_t length);

/* The same for a record of ram that belongs to a block we know. */
ParseLikely parse_likely_record(const SrcParse *parser, const uint8_t *bytes, size_t length);

/* Had 'section' its START? */
bool parse_section_known(const SrcParse *parser, uint32_t section);

/* A section's head with its name: type, id, name, instance, version.  *head_bytes: all of it. */
ParseLikely parse_likely_named_head(const uint8_t *bytes, size_t length, size_t *head_bytes);
