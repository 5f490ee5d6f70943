/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parser costs beside the bytes that go through it: a stream of pages is copied into a buffer, read by read,
 * as a socket would do, and parsed there.  Times of the two, which take turns with every read; medians, spread and
 * the ratio.
 *
 *     build/bench/src-parse-bench [ROUNDS] */
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "wire/src-parse.h"

#define PAGES         32768
#define PAGE_BYTES    4096
#define SECTION_PAGES 512
#define READ_BYTES    (256 * 1024)

static void put_number(GByteArray *stream, guint64 value, guint bytes)
{
    for (guint i = bytes; i-- > 0;) {
        guint8 byte = (guint8)(value >> (8 * i));

        g_byte_array_append(stream, &byte, 1);
    }
}

static void put_text(GByteArray *stream, const char *text, guint length)
{
    g_byte_array_append(stream, (const guint8 *)text, length);
}

/* One pass over a guest of one block, every eighth page zero. */
static GByteArray *make_stream(void)
{
    GByteArray *stream = g_byte_array_sized_new(PAGES * (PAGE_BYTES + 16));
    guint8 content[PAGE_BYTES];

    put_text(stream, "QEVM\0\0\0\3\1\0\0\0\2\3ram\0\0\0\0\0\0\0\4", 25);
    put_number(stream, (guint64)PAGES * PAGE_BYTES | 0x04, 8);
    put_text(stream, "\6pc.ram", 7);
    put_number(stream, (guint64)PAGES * PAGE_BYTES, 8);
    put_text(stream, "\0\0\0\0\0\0\0\x10\x7e\0\0\0\2", 13);
    for (guint i = 0; i < PAGES; i++) {
        gboolean is_zero = i % 8 == 7;

        if (i % SECTION_PAGES == 0) {
            put_text(stream, "\2\0\0\0\2", 5);
        }
        put_number(stream, (guint64)i * PAGE_BYTES | (is_zero ? 0x02 : 0x08) | (i > 0 ? 0x20 : 0), 8);
        if (i == 0) {
            put_text(stream, "\6pc.ram", 7);
        }
        memset(content, (int)(i % 251), sizeof(content));
        put_text(stream, is_zero ? "" : (const char *)content, is_zero ? 1 : PAGE_BYTES);
        if (i % SECTION_PAGES == SECTION_PAGES - 1) {
            put_text(stream, "\0\0\0\0\0\0\0\x10\x7e\0\0\0\2", 13);
        }
    }
    return stream;
}

static double now_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads the stream through a buffer, as a relay would: *copy is the time of copying it in, *parse that of parsing it
 * there. */
static void read_stream(const GByteArray *stream, guint8 *buffer, double *copy, double *parse)
{
    SrcParseConfig config = {.page_bytes = PAGE_BYTES};
    gsize kept = 0;
    SrcParse *parser;
    SrcToken token;

    g_assert(src_parse_new(&parser, &config) == 0);
    *copy = *parse = 0;
    for (gsize read = 0; read < stream->len;) {
        gsize more = MIN(READ_BYTES, stream->len - read);
        gsize at = 0;
        double begin = now_seconds();

        memcpy(buffer + kept, stream->data + read, more);
        double copied = now_seconds();
        while (src_parse_next(parser, buffer + at, kept + more - at, &token) == 1) {
            at += token.length;
        }
        *copy += copied - begin;
        *parse += now_seconds() - copied;
        kept += more - at;
        memmove(buffer, buffer + at, kept);
        read += more;
    }
    g_assert(src_parse_stats(parser)->pages + src_parse_stats(parser)->zero_pages == PAGES);
    src_parse_free(parser);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;

    return (x > y) - (x < y);
}

static double report(const char *what, double *seconds, guint rounds, double bytes)
{
    qsort(seconds, rounds, sizeof(*seconds), compare);
    g_print("%-8s median %7.3f ms (%.3f .. %.3f), %.1f GB/s, %.1f ns a record\n", what, seconds[rounds / 2] * 1e3,
            seconds[0] * 1e3, seconds[rounds - 1] * 1e3, bytes / seconds[rounds / 2] / 1e9,
            seconds[rounds / 2] / PAGES * 1e9);
    return seconds[rounds / 2];
}

int main(int argc, char **argv)
{
    guint rounds = argc > 1 ? (guint)CLAMP(atoi(argv[1]), 1, 1000) : 21;
    g_autoptr(GByteArray) stream = make_stream();
    g_autofree guint8 *buffer = g_malloc0(READ_BYTES + SRC_PARSE_NEED_BYTES_MAX);
    g_autofree double *parse = g_new(double, rounds);
    g_autofree double *copy = g_new(double, rounds);

    for (guint i = 0; i < rounds; i++) {
        read_stream(stream, buffer, &copy[i], &parse[i]);
    }
    double copied = report("memcpy", copy, rounds, stream->len);
    double parsed = report("parse", parse, rounds, stream->len);
    g_print("parse / memcpy: %.1f %%\n", parsed / copied * 100);
    return 0;
}
