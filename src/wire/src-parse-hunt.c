/* SPDX-License-Identifier: Apache-2.0
 *
 * SrcParse: the way back from what has no length: state of devices, iterables other than ram, nonsense.
 *
 * Everything ends with a footer, 7e and the section's be32 id, and then comes a head that looks like one; that is 60
 * bits or more that have to fit.  Some old machines send no footers.  Then the head of a section of ram is looked for
 * that begins with a record that names its block (as the very first does), or has no records. */
#include "wire/src-parse-private.h"

#include <string.h>

#define SECTION_ID_MAX     0xffff
#define VERSION_MAX        0xffff
#define COMMAND_LIKELY_MAX 16

static bool is_printable(const uint8_t *name, size_t name_bytes)
{
    for (size_t i = 0; i < name_bytes; i++) {
        if (name[i] <= ' ' || name[i] > '~') {
            return false;
        }
    }
    return name_bytes > 0;
}

/* u8 type, be32 id, u8 length, name, be32 instance, be32 version. */
ParseLikely parse_likely_named_head(const uint8_t *bytes, size_t length, size_t *head_bytes)
{
    if (length < 6) {
        return LIKELY_NEED;
    }
    *head_bytes = 6 + (size_t)bytes[5] + 8;
    if (parse_be32(bytes + 1) > SECTION_ID_MAX || bytes[5] == 0) {
        return LIKELY_NO;
    }
    if (length < *head_bytes) {
        return LIKELY_NEED;
    }
    return is_printable(bytes + 6, bytes[5]) && parse_be32(bytes + *head_bytes - 4) <= VERSION_MAX ? LIKELY_YES
                                                                                                   : LIKELY_NO;
}

bool parse_section_known(const SrcParse *parser, uint32_t section)
{
    for (uint32_t i = 0; i < parser->sections_length; i++) {
        if (parser->sections[i] == section) {
            return true;
        }
    }
    return false;
}

ParseLikely parse_likely_head(const SrcParse *parser, const uint8_t *bytes, size_t length)
{
    size_t head_bytes;

    if (length == 0) {
        return LIKELY_NEED;
    }
    switch (bytes[0]) {
    case VM_SECTION_START:
    case VM_SECTION_FULL:
        return parse_likely_named_head(bytes, length, &head_bytes);
    case VM_SECTION_PART:
    case VM_SECTION_END:
        if (length < 5) {
            return LIKELY_NEED;
        }
        return parse_section_known(parser, parse_be32(bytes + 1)) ? LIKELY_YES : LIKELY_NO;
    case VM_COMMAND:
        if (length < 5) {
            return LIKELY_NEED;
        }
        return parse_be16(bytes + 1) > 0 && parse_be16(bytes + 1) <= COMMAND_LIKELY_MAX ? LIKELY_YES : LIKELY_NO;
    default:
        return LIKELY_NO;
    }
}

/* A footer that we wait for, and a head behind it. */
static ParseLikely likely_footer(const SrcParse *parser, const uint8_t *bytes, size_t length)
{
    if (length < PARSE_FOOTER_BYTES) {
        return LIKELY_NEED;
    }
    uint32_t section = parse_be32(bytes + 1);
    if (parser->section_open ? section != parser->open_section : !parse_section_known(parser, section)) {
        return LIKELY_NO;
    }
    return parse_likely_head(parser, bytes + PARSE_FOOTER_BYTES, length - PARSE_FOOTER_BYTES);
}

/* Without footers: the head of a section of ram, with its name (START) or with a record that names a block. */
static ParseLikely likely_ram(const SrcParse *parser, const uint8_t *bytes, size_t length)
{
    size_t head_bytes;

    if (bytes[0] == VM_SECTION_START && !parser->ram_known) {
        ParseLikely likely = parse_likely_named_head(bytes, length, &head_bytes);

        return likely == LIKELY_YES && memcmp(bytes + 5, "\003ram", 4) != 0 ? LIKELY_NO : likely;
    }
    if (!parser->ram_known || (bytes[0] != VM_SECTION_PART && bytes[0] != VM_SECTION_END)) {
        return LIKELY_NO;
    }
    if (length < 5) {
        return LIKELY_NEED;
    }
    return parse_be32(bytes + 1) == parser->ram_section ? parse_likely_record(parser, bytes + 5, length - 5)
                                                        : LIKELY_NO;
}

static ParseLikely likely_here(const SrcParse *parser, const uint8_t *bytes, size_t length)
{
    switch (bytes[0]) {
    case VM_SECTION_FOOTER:
        return parser->footers == FOOTERS_OFF ? LIKELY_NO : likely_footer(parser, bytes, length);
    case VM_SECTION_START:
    case VM_SECTION_PART:
    case VM_SECTION_END:
        return parser->footers == FOOTERS_ON ? LIKELY_NO : likely_ram(parser, bytes, length);
    default:
        return LIKELY_NO;
    }
}

/* Where the next byte is that could begin the way back; 'length' if none. */
static size_t next_candidate(const SrcParse *parser, const uint8_t *bytes, size_t length)
{
    size_t at = 0;

    if (parser->footers == FOOTERS_ON) {
        const uint8_t *found = memchr(bytes, VM_SECTION_FOOTER, length);

        return found != NULL ? (size_t)(found - bytes) : length;
    }
    while (at < length && bytes[at] != VM_SECTION_FOOTER &&
           (bytes[at] < VM_SECTION_START || bytes[at] > VM_SECTION_END)) {
        at++;
    }
    return at;
}

/* Gives out what is certainly not the way back.  When it is found at the very beginning, takes the footer, if there is
 * one. */
ParseResult parse_hunt(SrcParse *parser, const uint8_t *bytes, size_t length, ParseItem *item)
{
    ParseLikely likely = LIKELY_NO;
    size_t at = 0;

    while ((at += next_candidate(parser, bytes + at, length - at)) < length) {
        likely = likely_here(parser, bytes + at, length - at);
        if (likely != LIKELY_NO) {
            break;
        }
        at++;
    }
    if (at > 0) {
        parser->stats.doubtful_bytes += at;
        return parse_take(item, at);
    }
    if (length == 0 || likely == LIKELY_NEED) {
        return PARSE_NEED;
    }
    parser->stats.resyncs++;
    parser->section_open = false;
    parser->phase = PHASE_TOP;
    return bytes[0] == VM_SECTION_FOOTER ? parse_take(item, PARSE_FOOTER_BYTES) : PARSE_AGAIN;
}
