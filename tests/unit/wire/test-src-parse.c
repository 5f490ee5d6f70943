/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/src-parse.c on what real QEMUs said (tests/corpus/wire-streams).  Always: the bytes of the tokens, in
 * order, are the bytes that came in.  And: the pages that are found do not depend on how the bytes were cut into reads,
 * and are those that QEMU itself counted. */
#include "parse-reading.h"
#include "wire-streams.h"

#include <string.h>

static GPtrArray *streams;

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

static SrcStreamState expected_state(const WireStream *stream, guint channel)
{
    if (channel > 0 && (stream->config.capabilities & SRC_CAPABILITY_MULTIFD)) {
        return SRC_STREAM_OPAQUE;
    }
    return stream->is_postcopy ? SRC_STREAM_POSTCOPY : SRC_STREAM_DEVICE;
}

/* All channels together. */
static SrcParseStats count_stream(const WireStream *stream)
{
    SrcParseStats sum = {0};

    for (guint channel = 0; channel < stream->channels->len; channel++) {
        Feed whole = {.next = feed_whole};
        g_autoptr(Reading) reading = read_channel(stream, channel, &whole, G_MAXSIZE);
        const SrcParseStats *stats = src_parse_stats(reading->parser);

        g_test_message("%s/%u: %" G_GUINT64_FORMAT " pages, %" G_GUINT64_FORMAT " zero, %" G_GUINT64_FORMAT
                       " other, %" G_GUINT64_FORMAT " doubtful bytes, %" G_GUINT64_FORMAT " resyncs, %" G_GUINT64_FORMAT
                       " wraps",
                       stream->name, channel, stats->pages, stats->zero_pages, stats->other_pages,
                       stats->doubtful_bytes, stats->resyncs, stats->wraps);
        g_assert_cmpint(stats->state, ==, expected_state(stream, channel));
        g_assert_cmpuint(stats->doubts, ==, 0);
        sum.pages += stats->pages;
        sum.zero_pages += stats->zero_pages;
        sum.other_pages += stats->other_pages;
        sum.resyncs += stats->resyncs;
    }
    return sum;
}

static void test_finds_what_qemu_counted(void)
{
    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);
        SrcParseStats found = count_stream(stream);

        if (stream->config.capabilities & (SRC_CAPABILITY_COMPRESS | SRC_CAPABILITY_MULTIFD)) {
            continue; /* compress: QEMU counts what its threads are given; multifd: the pages are in packets */
        }
        g_assert_cmpuint(found.pages, ==, stream->normal_pages);
        g_assert_cmpuint(found.zero_pages, ==, stream->zero_pages);
        g_assert_cmpuint(found.other_pages, <=, stream->xbzrle_pages); /* QEMU counts those that had not changed, too */
    }
}

/* By the recorder, with a loop that is too simple to be wrong; it cannot read all streams. */
static void test_finds_what_was_counted_simply(void)
{
    guint counted = 0;

    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);
        SrcParseStats found = count_stream(stream);

        if (stream->is_counted) {
            g_assert_cmpuint(found.pages, ==, stream->counted_pages);
            g_assert_cmpuint(found.zero_pages, ==, stream->counted_zero);
            g_assert_cmpuint(found.other_pages, ==, stream->counted_other);
            counted++;
        }
    }
    g_assert_cmpuint(counted, >, streams->len / 2);
}

static void test_comes_back_after_unknown_iterables(void)
{
    guint seen = 0;

    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);
        bool has_early_setup = strstr(stream->name, "virtio-mem") != NULL && !g_str_has_prefix(stream->name, "qemu7");

        if (has_early_setup || (stream->config.capabilities & SRC_CAPABILITY_DIRTY_BITMAPS)) {
            g_assert_cmpuint(count_stream(stream).resyncs, >, 0);
            seen++;
        }
    }
    g_assert_cmpuint(seen, >, 0);
}

static void assert_begins(const Reading *whole, const Reading *part)
{
    g_assert_cmpuint(part->found->len, <=, whole->found->len);
    if (part->found->len > 0) {
        g_assert_cmpint(memcmp(part->found->data, whole->found->data, part->found->len * sizeof(Found)), ==, 0);
    }
}

/* Calls 'check' for every channel of every stream, with what is found in it when it is read whole. */
static void each_channel(void (*check)(const WireStream *stream, guint channel, const Reading *reference))
{
    for (guint i = 0; i < streams->len; i++) {
        const WireStream *stream = g_ptr_array_index(streams, i);

        for (guint channel = 0; channel < stream->channels->len; channel++) {
            Feed whole = {.next = feed_whole};
            g_autoptr(Reading) reference = read_channel(stream, channel, &whole, G_MAXSIZE);

            check(stream, channel, reference);
        }
    }
}

static void check_chunks(const WireStream *stream, guint channel, const Reading *reference)
{
    Feed chunks = {.next = feed_chunks, .rng = rng_stream(1, channel)};
    g_autoptr(Reading) other = read_channel(stream, channel, &chunks, G_MAXSIZE);

    g_assert_cmpuint(other->found->len, ==, reference->found->len);
    assert_begins(reference, other);
    g_assert_cmpint(src_parse_stats(other->parser)->state, ==, src_parse_stats(reference->parser)->state);
    g_assert_cmpuint(src_parse_stats(other->parser)->doubtful_bytes, ==,
                     src_parse_stats(reference->parser)->doubtful_bytes);
}

static void test_cuts_do_not_matter(void)
{
    each_channel(check_chunks);
}

/* Up to a place by chance: what was found is the beginning of what there is. */
static void check_single_bytes(const WireStream *stream, guint channel, const Reading *reference)
{
    Feed single = {.next = feed_bytes};
    g_autoptr(Reading) other = read_channel(stream, channel, &single, 100000);

    assert_begins(reference, other);
}

static void test_single_bytes_do_not_matter(void)
{
    each_channel(check_single_bytes);
}

static void check_truncated(const WireStream *stream, guint channel, const Reading *reference)
{
    gsize length = g_bytes_get_size(g_ptr_array_index(stream->channels, channel));
    Rng rng = rng_stream(2, length);

    for (guint i = 0; i < 20 && length > 0; i++) {
        Feed chunks = {.next = feed_chunks, .rng = rng_stream(3, i)};
        gsize boundary = i < 10 && reference->found->len > 0
                             ? g_array_index(reference->found, Found, rng_below(&rng, reference->found->len)).at +
                                   rng_below(&rng, 12)
                             : rng_below(&rng, (guint)length);
        g_autoptr(Reading) other = read_channel(stream, channel, &chunks, boundary);

        assert_begins(reference, other);
    }
}

static void test_ends_anywhere(void)
{
    each_channel(check_truncated);
}

/* QEMU falls silent in the middle of things: what is cut goes as bytes, and nothing else is lost. */
static void check_flushed(const WireStream *stream, guint channel, const Reading *reference)
{
    const SrcParseStats *wanted = src_parse_stats(reference->parser);

    for (guint one_in = 1; one_in < 100; one_in = one_in * 3 + 1) {
        Feed chunks = {.next = feed_chunks, .rng = rng_stream(4, one_in), .flush_one_in = one_in};
        g_autoptr(Reading) other = read_channel(stream, channel, &chunks, G_MAXSIZE);
        const SrcParseStats *stats = src_parse_stats(other->parser);

        g_assert_cmpuint(stats->pages + stats->zero_pages + stats->other_pages, ==,
                         wanted->pages + wanted->zero_pages + wanted->other_pages);
        g_assert_cmpuint(stats->pages + stats->zero_pages + other->flushes, >=, wanted->pages + wanted->zero_pages);
        g_assert_cmpuint(stats->doubts, ==, 0);
        g_assert_cmpuint(stats->resyncs, ==, wanted->resyncs);
        g_assert_cmpint(stats->state, ==, wanted->state);
    }
}

static void test_flush_costs_the_record_it_cuts(void)
{
    each_channel(check_flushed);
}

int main(int argc, char **argv)
{
    int status;

    g_test_init(&argc, &argv, NULL);
    streams = wire_streams_load();
    g_test_add_func("/src-parse/finds-what-qemu-counted", test_finds_what_qemu_counted);
    g_test_add_func("/src-parse/finds-what-was-counted-simply", test_finds_what_was_counted_simply);
    g_test_add_func("/src-parse/comes-back-after-unknown-iterables", test_comes_back_after_unknown_iterables);
    g_test_add_func("/src-parse/cuts-do-not-matter", test_cuts_do_not_matter);
    g_test_add_func("/src-parse/single-bytes-do-not-matter", test_single_bytes_do_not_matter);
    g_test_add_func("/src-parse/ends-anywhere", test_ends_anywhere);
    g_test_add_func("/src-parse/flush-costs-the-record-it-cuts", test_flush_costs_the_record_it_cuts);
    status = g_test_run();
    g_ptr_array_unref(streams);
    return status;
}
