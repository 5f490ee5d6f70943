/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/src-parse.c on what real QEMUs said (tests/corpus/wire-streams).  Always: the bytes of the tokens, in order, are the
 * bytes that came in.  And: the pages that are found do not depend on how the bytes were cut into reads, and are those that
 * QEMU itself counted. */
#include "wire-streams.h"

#include <string.h>

#include "base/rng.h"

static GPtrArray *streams;

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

static void reading_free(Reading *reading)
{
    src_parse_free(reading->parser);
    g_array_unref(reading->found);
    g_free(reading);
}
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Reading, reading_free)

/* How a stream is given: reads of next(data) bytes; after each, 'flush_one_in' says how often QEMU falls silent (0: never). */
typedef struct Feed {
    gsize (*next)(struct Feed *feed);
    Rng rng;
    guint flush_one_in;
} Feed;

static gsize feed_whole(Feed *feed)
{
    return G_MAXSIZE / 2;
}

static gsize feed_chunks(Feed *feed)
{
    static const guint sizes[] = {1, 2, 9, 40, 300, 4104, 5000, 65536};

    return 1 + rng_below(&feed->rng, sizes[rng_below(&feed->rng, G_N_ELEMENTS(sizes))]);
}

static void check_token(const Reading *reading, const SrcToken *token, const guint8 *bytes, gsize length, gsize page_bytes)
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
                     8 + (token->has_name ? 1 + block->name_bytes : 0) + (token->kind == SRC_TOKEN_PAGE ? page_bytes : 1));
    if (token->kind == SRC_TOKEN_PAGE) {
        g_assert_true(token->content == token->bytes + token->length - page_bytes);
    }
}

static void note_found(Reading *reading, const SrcToken *token, gsize at)
{
    Found found = {at, token->page, token->block, (guint8)token->kind, token->has_name};

    if (token->kind != SRC_TOKEN_BYTES) {
        g_array_append_val(reading->found, found);
    }
}

static Reading *reading_new(const SrcParseConfig *config)
{
    Reading *reading = g_new0(Reading, 1);

    g_assert_cmpint(src_parse_new(&reading->parser, config), ==, 0);
    reading->found = g_array_new(FALSE, FALSE, sizeof(Found));
    return reading;
}

/* Gives all bytes as 'feed' says; at the end QEMU closes. */
static void read_all(Reading *reading, const SrcParseConfig *config, const guint8 *bytes, gsize length, Feed *feed)
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

static Reading *read_channel(const WireStream *stream, guint channel, Feed *feed, gsize length_max)
{
    gsize length;
    const guint8 *bytes = g_bytes_get_data(g_ptr_array_index(stream->channels, channel), &length);
    SrcParseConfig config = stream->config;
    Reading *reading;

    if (channel > 0 && (config.capabilities & SRC_CAPABILITY_POSTCOPY_PREEMPT)) {
        config.channel = SRC_CHANNEL_PREEMPT;
    }
    reading = reading_new(&config);
    if (config.channel == SRC_CHANNEL_PREEMPT) {
        Feed whole = {.next = feed_whole};
        g_autoptr(Reading) main_channel = read_channel(stream, 0, &whole, G_MAXSIZE);

        for (guint i = 0; i < src_parse_blocks(main_channel->parser); i++) {
            g_assert_cmpint(src_parse_add_block(reading->parser, src_parse_block(main_channel->parser, i)), ==, 0);
        }
    }
    read_all(reading, &config, bytes, MIN(length, length_max), feed);
    return reading;
}

static void assert_same_found(const Reading *a, const Reading *b)
{
    g_assert_cmpuint(a->found->len, ==, b->found->len);
    g_assert_cmpmem(a->found->data, a->found->len * sizeof(Found), b->found->data, b->found->len * sizeof(Found));
    g_assert_cmpint(src_parse_stats(a->parser)->state, ==, src_parse_stats(b->parser)->state);
}

static void test_finds_what_qemu_counted(void)
{
    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);
        guint64 pages = 0, zero_pages = 0, other_pages = 0;

        for (guint channel = 0; channel < stream->channels->len; channel++) {
            Feed whole = {.next = feed_whole};
            g_autoptr(Reading) reading = read_channel(stream, channel, &whole, G_MAXSIZE);
            const SrcParseStats *stats = src_parse_stats(reading->parser);

            pages += stats->pages;
            zero_pages += stats->zero_pages;
            other_pages += stats->other_pages;
            g_test_message("%s/%u: %" G_GUINT64_FORMAT " pages, %" G_GUINT64_FORMAT " zero, %" G_GUINT64_FORMAT
                           " other, %" G_GUINT64_FORMAT " doubtful bytes, %" G_GUINT64_FORMAT " resyncs, wraps %" G_GUINT64_FORMAT
                           ", state %d", stream->name, channel, stats->pages, stats->zero_pages, stats->other_pages,
                           stats->doubtful_bytes, stats->resyncs, stats->wraps, stats->state);
            g_assert_cmpuint(stats->doubts, ==, 0);
        }
        if (stream->config.capabilities & SRC_CAPABILITY_COMPRESS) {
            continue; /* QEMU counts pages that its threads are given, some twice */
        }
        if ((stream->config.capabilities & SRC_CAPABILITY_MULTIFD) == 0) {
            g_assert_cmpuint(pages, ==, stream->normal_pages);
            g_assert_cmpuint(zero_pages, ==, stream->zero_pages);
            g_assert_cmpuint(other_pages, <=, stream->xbzrle_pages); /* QEMU counts those that had not changed, too */
        }
    }
}

static void test_reads_do_not_matter(void)
{
    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);

        for (guint channel = 0; channel < stream->channels->len; channel++) {
            Feed whole = {.next = feed_whole};
            Feed chunks = {.next = feed_chunks, .rng = rng_stream(1, i)};
            g_autoptr(Reading) reference = read_channel(stream, channel, &whole, G_MAXSIZE);
            g_autoptr(Reading) other = read_channel(stream, channel, &chunks, G_MAXSIZE);

            assert_same_found(other, reference);
        }
    }
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    streams = wire_streams_load();
    g_test_add_func("/src-parse/finds-what-qemu-counted", test_finds_what_qemu_counted);
    g_test_add_func("/src-parse/reads-do-not-matter", test_reads_do_not_matter);
    status = g_test_run();
    g_ptr_array_unref(streams);
    return status;
}
