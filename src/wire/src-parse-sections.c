/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcParse: what stands between sections: the header, the configuration, commands, heads and footers.
 * After QEMU's migration/savevm.c. */
#include "wire/src-parse-private.h"

#include <string.h>

#define VM_MAGIC                  0x5145564du /* "QEVM" */
#define VM_VERSION                3
#define RAM_VERSION               4
#define MACHINE_NAME_BYTES_MAX    1024
#define SUBSECTION_NAME_BYTES_MAX 64

/* Commands (MIG_CMD_* of savevm.c). */
enum {
    COMMAND_POSTCOPY_ADVISE = 3,
    COMMAND_PACKAGED = 7,
    COMMAND_SWITCHOVER_START = 11,
};
#define COMMAND_HEAD_BYTES 5
#define COMMAND_NUMBER_MAX 64 /* room for those to come */

ParseResult parse_magic(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    if (length < 8) {
        return PARSE_NEED;
    }
    if (parse_be32(bytes) != VM_MAGIC || parse_be32(bytes + 4) != VM_VERSION) {
        return parse_verbatim(parser, SRC_STREAM_OPAQUE);
    }
    parser->phase = PHASE_TOP;
    return parse_take(item, 8);
}

/* A length and the machine's name, then subsections. */
static ParseResult configuration_head(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    if (length < 5) {
        return PARSE_NEED;
    }
    item->skip = parse_be32(bytes + 1);
    if (item->skip == 0 || item->skip > MACHINE_NAME_BYTES_MAX) {
        return parse_doubt(parser);
    }
    parser->phase = PHASE_CONFIGURATION;
    return parse_take(item, 5);
}

static bool name_is(const uint8_t *name, size_t name_bytes, const char *wanted)
{
    return name_bytes == strlen(wanted) && memcmp(name, wanted, name_bytes) == 0;
}

/* A subsection: u8 length of name, name, be32 version, then what only its name tells. */
ParseResult parse_configuration(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    size_t name_bytes, head_bytes;

    if (length > 0 && bytes[0] != VM_SUBSECTION) {
        parser->phase = PHASE_TOP;
        return PARSE_AGAIN;
    }
    if (length < 2 || length < 2 + (size_t)bytes[1] + 4 + 4) {
        return PARSE_NEED;
    }
    name_bytes = bytes[1];
    head_bytes = 2 + name_bytes + 4;
    if (name_is(bytes + 2, name_bytes, "configuration/target-page-bits")) {
        if (parse_be32(bytes + head_bytes) != parser->page_shift) {
            return parse_verbatim(parser, SRC_STREAM_OPAQUE); /* we were told another size */
        }
        item->skip = 4;
    } else if (name_is(bytes + 2, name_bytes, "configuration/uuid")) {
        item->skip = 16;
    } else if (name_is(bytes + 2, name_bytes, "configuration/capabilities")) {
        parser->capabilities_left = parse_be32(bytes + head_bytes);
        parser->phase = PHASE_CAPABILITY;
        head_bytes += 4;
    } else {
        return parse_doubt(parser);
    }
    return parse_take(item, head_bytes);
}

ParseResult parse_capability(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    if (parser->capabilities_left == 0) {
        parser->phase = PHASE_CONFIGURATION;
        return PARSE_AGAIN;
    }
    if (length < 1) {
        return PARSE_NEED;
    }
    parser->capabilities_left--;
    item->skip = bytes[0];
    return parse_take(item, 1);
}

/* The sizes of the pages that back the guest, all or-ed, and the target's page. */
static ParseResult postcopy_advise(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    if (length < COMMAND_HEAD_BYTES + 16) {
        return PARSE_NEED;
    }
    if (parse_be64(bytes + COMMAND_HEAD_BYTES + 8) != parser->config.page_bytes) {
        return parse_verbatim(parser, SRC_STREAM_OPAQUE);
    }
    parser->page_sizes = parse_be64(bytes + COMMAND_HEAD_BYTES);
    return parse_take(item, COMMAND_HEAD_BYTES + 16);
}

/* Device state and commands in one piece; its length is the command's data.  Pages go on behind it. */
static ParseResult packaged(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    if (length < COMMAND_HEAD_BYTES + 4) {
        return PARSE_NEED;
    }
    item->skip = parse_be32(bytes + COMMAND_HEAD_BYTES);
    parser->stats.state = SRC_STREAM_POSTCOPY;
    return parse_take(item, COMMAND_HEAD_BYTES + 4);
}

/* be16 number, be16 length, data: can be skipped without being known. */
static ParseResult command(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    uint16_t number, data_bytes;

    if (length < COMMAND_HEAD_BYTES) {
        return PARSE_NEED;
    }
    number = parse_be16(bytes + 1);
    data_bytes = parse_be16(bytes + 3);
    if (number == 0 || number > COMMAND_NUMBER_MAX) {
        return parse_doubt(parser);
    }
    if (number == COMMAND_POSTCOPY_ADVISE && data_bytes == 16) {
        return postcopy_advise(parser, bytes, length, item);
    }
    if (number == COMMAND_PACKAGED && data_bytes == 4) {
        return packaged(parser, bytes, length, item);
    }
    if (number == COMMAND_SWITCHOVER_START && data_bytes == 0) {
        parser->stats.switchover_start_seen = true;
        if (parser->stats.state < SRC_STREAM_SWITCHOVER) {
            parser->stats.state = SRC_STREAM_SWITCHOVER;
        }
    }
    item->skip = data_bytes;
    return parse_take(item, COMMAND_HEAD_BYTES);
}

static void section_learn(SrcParse *parser, uint32_t section)
{
    if (!parse_section_known(parser, section) && parser->sections_length < PARSE_SECTIONS_MAX) {
        parser->sections[parser->sections_length++] = section;
    }
}

static ParseResult hunt_in(SrcParse *parser, uint32_t section, ParseItem *item, size_t head_bytes)
{
    parser->phase = PHASE_HUNT;
    parser->section_open = true;
    parser->open_section = section;
    return parse_take(item, head_bytes);
}

static ParseResult start_of_ram(SrcParse *parser, uint32_t section, ParseItem *item, size_t head_bytes)
{
    parser->ram_section = section;
    parser->ram_known = true;
    parser->phase = PHASE_RAM;
    if (parser->stats.state == SRC_STREAM_HEADER) {
        parser->stats.state = SRC_STREAM_SETUP;
    }
    return parse_take(item, head_bytes);
}

/* START of an iterable, or FULL: what a device says before memory is sent (early setup).  A FULL after the end of ram
 * does not get here. */
static ParseResult named_section(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    size_t head_bytes = 0;

    switch (parse_likely_named_head(bytes, length, &head_bytes)) {
    case LIKELY_NEED:
        return PARSE_NEED;
    case LIKELY_NO:
        return parse_doubt(parser);
    case LIKELY_YES:
        break;
    }
    uint32_t section = parse_be32(bytes + 1);
    if (bytes[0] == VM_SECTION_FULL) {
        return hunt_in(parser, section, item, head_bytes);
    }
    section_learn(parser, section);
    if (name_is(bytes + 6, bytes[5], "ram") && parse_be32(bytes + head_bytes - 4) == RAM_VERSION) {
        return start_of_ram(parser, section, item, head_bytes);
    }
    return hunt_in(parser, section, item, head_bytes);
}

static void enter_ram(SrcParse *parser, bool is_end)
{
    SrcStreamState *state = &parser->stats.state;

    parser->phase = PHASE_RAM;
    if (*state == SRC_STREAM_SETUP) {
        *state = SRC_STREAM_LIVE;
    }
    if (is_end) {
        parser->stats.ram_end_seen = true;
        if (*state == SRC_STREAM_LIVE) {
            *state = SRC_STREAM_SWITCHOVER;
        }
    }
}

/* PART or END of an iterable. */
static ParseResult numbered_section(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    if (length < 5) {
        return PARSE_NEED;
    }
    uint32_t section = parse_be32(bytes + 1);
    if (parser->ram_known && section == parser->ram_section) {
        enter_ram(parser, bytes[0] == VM_SECTION_END);
        return parse_take(item, 5);
    }
    return parse_section_known(parser, section) ? hunt_in(parser, section, item, 5) : parse_doubt(parser);
}

ParseResult parse_top(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    if (length == 0) {
        return PARSE_NEED;
    }
    switch (bytes[0]) {
    case VM_CONFIGURATION:
        return configuration_head(parser, bytes, length, item);
    case VM_COMMAND:
        return command(parser, bytes, length, item);
    case VM_SECTION_START:
    case VM_SECTION_FULL:
        return named_section(parser, bytes, length, item);
    case VM_SECTION_PART:
    case VM_SECTION_END:
        return numbered_section(parser, bytes, length, item);
    case VM_EOF:
        return parse_verbatim(parser, parser->stats.state);
    default:
        return parse_doubt(parser);
    }
}

/* After the last record of a section.  Footers are never sent by some machines; nothing else begins with this byte. */
ParseResult parse_footer(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    bool is_there;

    if (length == 0 || (bytes[0] == VM_SECTION_FOOTER && length < PARSE_FOOTER_BYTES)) {
        return PARSE_NEED;
    }
    is_there = bytes[0] == VM_SECTION_FOOTER && parse_be32(bytes + 1) == parser->ram_section;
    if (bytes[0] == VM_SECTION_FOOTER && !is_there) {
        return parse_doubt(parser);
    }
    parser->footers = is_there ? FOOTERS_ON : FOOTERS_OFF;
    parser->phase = PHASE_TOP;
    if (parser->stats.ram_end_seen) {
        bool is_postcopy = parser->stats.state == SRC_STREAM_POSTCOPY;

        parse_verbatim(parser, is_postcopy ? SRC_STREAM_POSTCOPY : SRC_STREAM_DEVICE);
    }
    return is_there ? parse_take(item, PARSE_FOOTER_BYTES) : PARSE_AGAIN;
}
