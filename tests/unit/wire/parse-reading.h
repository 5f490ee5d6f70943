/* SPDX-License-Identifier: Apache-2.0
 *
 * Reads a stream through SrcParse as a relay would, for tests, in pieces of any size, and checks every token: its bytes
 * are those that come next, and its fields agree with them. */
#pragma once

#include <glib.h>

#include "base/rng.h"
#include "wire/src-parse.h"

/* A page or zero page that was found. */
typedef struct Found {
    guint64 at; /* in the stream */
    guint64 page;
    guint32 block;
    guint8 kind, has_name;
} Found;

/* What a parser made of a stream. */
typedef struct Reading {
    SrcParse *parser;
    GArray *found; /* of Found */
    guint flushes;
} Reading;

static inline void reading_free(Reading *reading)
{
    src_parse_free(reading->parser);
    g_array_unref(reading->found);
    g_free(reading);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reading, reading_free)

/* How a stream is given: reads of next(data) bytes; after each, 'flush_one_in' says how often QEMU falls silent (0:
 * never). */
typedef struct Feed {
    gsize (*next)(struct Feed *feed);
    Rng rng;
    guint flush_one_in;
} Feed;

static inline gsize feed_whole(Feed *feed)
{
    return G_MAXSIZE / 2;
}

static inline gsize feed_bytes(Feed *feed)
{
    return 1;
}

static inline gsize feed_chunks(Feed *feed)
{
    static const guint sizes[] = {1, 2, 9, 40, 300, 4104, 5000, 65536};

    return 1 + rng_below(&feed->rng, sizes[rng_below(&feed->rng, G_N_ELEMENTS(sizes))]);
}

static inline void check_token(const Reading *reading, const SrcToken *token, const guint8 *bytes, gsize length,
                               gsize page_bytes)
{
    const SrcBlock *block = src_parse_block(reading->parser, token->block);

    g_assert_true(token->bytes == bytes);
    g_assert_cmpuint(token->length, >=, 1);
    g_assert_cmpuint(token->length, <=, length);
    if (token->kind == SRC_TOKEN_BYTES) {
        return;
    }
    g_assert_nonnull(block);
    g_assert_cmpuint(token->page, <, block->pages);
    g_assert_cmpuint(token->length, ==,
                     8 + (token->has_name ? 1 + block->name_bytes : 0) +
                         (token->kind == SRC_TOKEN_PAGE ? page_bytes : 1));
    if (token->kind == SRC_TOKEN_PAGE) {
        g_assert_true(token->content == token->bytes + token->length - page_bytes);
    }
}

static inline void note_found(Reading *reading, const SrcToken *token, gsize at)
{
    Found found = {at, token->page, token->block, (guint8)token->kind, token->has_name};

    if (token->kind != SRC_TOKEN_BYTES) {
        g_array_append_val(reading->found, found);
    }
}

static inline Reading *reading_new(const SrcParseConfig *config)
{
    Reading *reading = g_new0(Reading, 1);

    g_assert_cmpint(src_parse_new(&reading->parser, config), ==, 0);
    reading->found = g_array_new(FALSE, FALSE, sizeof(Found));
    return reading;
}

/* Gives all bytes as 'feed' says; at the end QEMU closes. */
static inline void read_all(Reading *reading, const SrcParseConfig *config, const guint8 *bytes, gsize length,
                            Feed *feed)
{
    gsize at = 0;
    gsize there = 0;
    SrcToken token;

    while (at < length) {
        gsize more = feed->next(feed);
        bool silent;

        there = more < length - there ? there + more : length;
        while (src_parse_next(reading->parser, bytes + at, there - at, &token) == 1) {
            check_token(reading, &token, bytes + at, there - at, config->page_bytes);
            note_found(reading, &token, at);
            at += token.length;
        }
        g_assert_cmpuint(there - at, <, SRC_PARSE_NEED_BYTES_MAX);
        silent = there == length || (feed->flush_one_in > 0 && rng_below(&feed->rng, feed->flush_one_in) == 0);
        if (silent && there > at) {
            src_parse_flush(reading->parser, bytes + at, there - at, &token);
            g_assert_true(token.kind == SRC_TOKEN_BYTES && token.bytes == bytes + at && token.length == there - at);
            at = there;
            reading->flushes++;
        }
    }
}
