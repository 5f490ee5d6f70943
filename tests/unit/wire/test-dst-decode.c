/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/dst-decode.c with operations written by hand from docs/wire-format.md: what each yields, and that
 * whatever the format forbids ends with an error. */
#include "wire/dst-decode.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

#define PAGE  1024u
#define PAGES 8u

/* First bytes. */
enum {
    LITERAL,
    BLOCK,
    RAW,
    SEGMENTS,
    WORDS,
    SAME,
    DUPLICATE,
    ZERO,
    ZERO_RUN,
    FORGET,
    SHARED,
    SHARE,
    KEEP = 0x20,
    NAME = 0x40,
    NEXT = 0x80
};

typedef struct Fixture {
    DstDecode *decode;
    WireFrame *frame;
    guint8 *stream; /* as decoded */
    GByteArray *wanted;
    GByteArray *payload;
} Fixture;

static void add(GByteArray *array, guint length, ...)
{
    va_list bytes;

    va_start(bytes, length);
    for (guint i = 0; i < length; i++) {
        guint8 byte = (guint8)va_arg(bytes, int);

        g_byte_array_append(array, &byte, 1);
    }
    va_end(bytes);
}

#define COUNT(...) (sizeof((int[]){__VA_ARGS__}) / sizeof(int))
#define SAY(...)   add(fixture->payload, COUNT(__VA_ARGS__), __VA_ARGS__)
#define WANT(...)  add(fixture->wanted, COUNT(__VA_ARGS__), __VA_ARGS__)

static void fill(GByteArray *array, guint8 value, guint length)
{
    guint at = array->len;

    g_byte_array_set_size(array, at + length);
    if (length > 0) {
        memset(array->data + at, value, length);
    }
}

/* Decodes what was said, telling the truth about what it should yield. */
static int deliver(Fixture *fixture)
{
    WireHeader *header = &fixture->frame->header;
    int status;

    *header = (WireHeader){.type = WIRE_DATA,
                           .wire_bytes = fixture->payload->len,
                           .raw_bytes = fixture->payload->len,
                           .stream_bytes = fixture->wanted->len,
                           .sequence = 5};
    header->hash = wire_hash(fixture->wanted->data, fixture->wanted->len, 5);
    if (fixture->payload->len > 0) {
        memcpy(fixture->frame->raw, fixture->payload->data, fixture->payload->len);
    }
    status = dst_decode_frame(fixture->decode, fixture->frame, fixture->stream);
    if (status == 0) {
        g_assert_cmpmem(fixture->stream, header->stream_bytes, fixture->wanted->data, fixture->wanted->len);
    }
    g_byte_array_set_size(fixture->payload, 0);
    g_byte_array_set_size(fixture->wanted, 0);
    return status;
}

static void decoder_new(Fixture *fixture, guint slots)
{
    DstDecodeConfig config = {.slots = slots, .ram_bytes = PAGES * PAGE, .page_bytes = PAGE};

    dst_decode_free(fixture->decode);
    g_assert_cmpint(dst_decode_new(&fixture->decode, &config), ==, 0);
}

/* Block 0 is "r", 8 pages of 1 KiB. */
static void say_block(Fixture *fixture)
{
    SAY(BLOCK, 0, 1, 'r', 0x80, 0x08, PAGES);
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    g_assert_cmpint(wire_frame_new(&fixture->frame), ==, 0);
    fixture->stream = g_malloc(WIRE_STREAM_BYTES_MAX);
    fixture->wanted = g_byte_array_new();
    fixture->payload = g_byte_array_new();
    decoder_new(fixture, 2);
    say_block(fixture);
    g_assert_cmpint(deliver(fixture), ==, 0);
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    dst_decode_free(fixture->decode);
    wire_frame_free(fixture->frame);
    g_free(fixture->stream);
    g_byte_array_unref(fixture->wanted);
    g_byte_array_unref(fixture->payload);
}

/* The head of a record of page 'number' without name. */
static void want_head(Fixture *fixture, guint number, guint flags)
{
    WANT(0, 0, 0, 0, 0, 0, (int)(number * PAGE >> 8), (int)flags);
}

static void want_page(Fixture *fixture, guint number, guint8 value)
{
    want_head(fixture, number, 0x28);
    fill(fixture->wanted, value, PAGE);
}

/* Page 'number' becomes STORED, all its bytes 'value'. */
static void store(Fixture *fixture, guint number, guint8 value)
{
    SAY(RAW | KEEP, 0, (int)number);
    fill(fixture->payload, value, PAGE);
    want_page(fixture, number, value);
}

static void test_literals_and_records(Fixture *fixture, gconstpointer data)
{
    SAY(LITERAL, 3, 'a', 'b', 'c');
    WANT('a', 'b', 'c');
    SAY(RAW | NAME | KEEP, 0, 2);
    fill(fixture->payload, 7, PAGE);
    WANT(0, 0, 0, 0, 0, 0, 8, 0x08, 1, 'r');
    fill(fixture->wanted, 7, PAGE);
    SAY(ZERO | NEXT);
    want_head(fixture, 3, 0x22);
    WANT(0);
    SAY(ZERO_RUN | NAME, 0, 5, 2);
    WANT(0, 0, 0, 0, 0, 0, 20, 0x02, 1, 'r', 0);
    want_head(fixture, 6, 0x22);
    WANT(0);
    SAY(SAME | NEXT);
    want_page(fixture, 7, 0);
    SAY(SAME, 0, 2);
    want_page(fixture, 2, 7);
    g_assert_cmpint(deliver(fixture), ==, 0);
}

static void test_segments_change_the_base(Fixture *fixture, gconstpointer data)
{
    store(fixture, 0, 1);
    SAY(SEGMENTS | KEEP, 0, 0, 2, 0, 1, 0xfd, 0x07, 2, 9, 8, 7); /* (0,1) and (1022,2) */
    want_page(fixture, 0, 1);
    guint8 *page = fixture->wanted->data + fixture->wanted->len - PAGE;
    page[0] = 9;
    page[1022] = 8;
    page[1023] = 7;
    g_assert_cmpint(deliver(fixture), ==, 0);
    SAY(WORDS, 0, 0, 0, 1);
    fill(fixture->payload, 0, 14);
    SAY(1, 2, 3, 4, 5, 6, 7, 8); /* word 8 */
    want_page(fixture, 0, 1);
    page = fixture->wanted->data + fixture->wanted->len - PAGE;
    page[0] = 9;
    page[1022] = 8;
    page[1023] = 7;
    for (guint i = 0; i < 8; i++) {
        page[64 + i] = (guint8)(i + 1);
    }
    g_assert_cmpint(deliver(fixture), ==, 0);
    SAY(SAME, 0, 0); /* not kept above: nobody knows it any more */
    want_page(fixture, 0, 1);
    g_assert_cmpint(deliver(fixture), ==, -EPROTO);
}

static void test_duplicates_of_stored_pages(Fixture *fixture, gconstpointer data)
{
    store(fixture, 4, 3);
    SAY(DUPLICATE | KEEP, 0, 6, 0, 4);
    want_page(fixture, 6, 3);
    SAY(DUPLICATE | KEEP, 0, 4, 0, 4); /* itself */
    want_page(fixture, 4, 3);
    g_assert_cmpint(deliver(fixture), ==, 0);
    g_assert_cmpuint(dst_decode_stats(fixture->decode)->pages_stored, ==, 2);
    SAY(FORGET, 0, 4);
    g_assert_cmpint(deliver(fixture), ==, 0);
    SAY(DUPLICATE, 0, 1, 0, 4);
    want_page(fixture, 1, 3);
    g_assert_cmpint(deliver(fixture), ==, -EPROTO);
}

static void test_more_than_slots_is_refused(Fixture *fixture, gconstpointer data)
{
    store(fixture, 0, 1);
    store(fixture, 1, 1);
    g_assert_cmpint(deliver(fixture), ==, 0);
    SAY(FORGET, 0, 0);
    store(fixture, 2, 1);
    g_assert_cmpint(deliver(fixture), ==, 0);
    store(fixture, 0, 1);
    g_assert_cmpint(deliver(fixture), ==, -ENOMEM);
}

static void test_wrong_hash_is_told_apart(Fixture *fixture, gconstpointer data)
{
    SAY(LITERAL, 1, 'a');
    WANT('b');
    g_assert_cmpint(deliver(fixture), ==, -EBADMSG);
}

/* Each row is a payload after set_up; 0xfe stands for a page of content. */
typedef struct Forbidden {
    const char *what;
    guint length;
    gint16 bytes[32];
} Forbidden;

#define CONTENT 0xfee
#define ROW(what, ...)                                                                                                 \
    {                                                                                                                  \
        what, COUNT(__VA_ARGS__),                                                                                      \
        {                                                                                                              \
            __VA_ARGS__                                                                                                \
        }                                                                                                              \
    }

static const Forbidden forbidden[] = {
    ROW("a kind that is unknown", 12),
    ROW("a kind of a gang's store without one", SHARED, 0, 0, 0),
    ROW("sharing without a store", SHARE, 0),
    ROW("an empty literal", LITERAL, 0),
    ROW("a literal that ends early", LITERAL, 3, 'a', 'b'),
    ROW("a literal longer than any payload", LITERAL, 0xff, 0xff, 0xff, 0x7f, 'a'),
    ROW("flags of a literal", LITERAL | KEEP, 1, 'a'),
    ROW("flags of a block", BLOCK | NEXT, 1, 1, 's', 0x80, 0x08, 1),
    ROW("flags of forgetting", FORGET | NEXT, 0, 0),
    ROW("a block twice", BLOCK, 0, 1, 's', 0x80, 0x08, 1),
    ROW("a block number left out", BLOCK, 2, 1, 's', 0x80, 0x08, 1),
    ROW("a block without name", BLOCK, 1, 0, 0x80, 0x08, 1),
    ROW("a block without pages", BLOCK, 1, 1, 's', 0x80, 0x08, 0),
    ROW("a block with other pages", BLOCK, 1, 1, 's', 0x80, 0x10, 1),
    ROW("a block larger than the guest", BLOCK, 1, 1, 's', 0x80, 0x08, 0xff, 0xff, 0xff, 0xff, 0x0f),
    ROW("a name that ends early", BLOCK, 1, 9, 's', 0x80, 0x08, 1),
    ROW("a position that is not there", RAW),
    ROW("half a position", RAW, 0),
    ROW("an unknown block", RAW, 1, 0, CONTENT),
    ROW("a page behind the block", RAW, 0, PAGES, CONTENT),
    ROW("a page far behind", RAW, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, CONTENT),
    ROW("a varint without end", RAW, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0),
    ROW("the page after none", RAW | NEXT, CONTENT),
    ROW("the page after the last", RAW, 0, PAGES - 1, CONTENT, RAW | NEXT, CONTENT),
    ROW("content that ends early", RAW, 0, 0, 1, 2, 3),
    ROW("too many segments", SEGMENTS, 0, 0, 65),
    ROW("a segment of nothing", SEGMENTS, 0, 0, 1, 0, 0),
    ROW("a segment over the page's end", SEGMENTS, 0, 0, 1, 0xff, 0x07, 2, 1, 1),
    ROW("a gap over the page's end", SEGMENTS, 0, 0, 1, 0x81, 0x08, 1, 1),
    ROW("a segment that ends early", SEGMENTS, 0, 0, 1, 0, 4, 1, 1),
    ROW("a gap that would wrap", SEGMENTS, 0, 0, 2, 0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1, 1,
        1),
    ROW("half a bitmap", WORDS, 0, 0, 0, 0, 0),
    ROW("words that end early", WORDS, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3),
    ROW("a duplicate of an unsent page", DUPLICATE, 0, 0, 0, 1),
    ROW("a duplicate of a page behind the block", DUPLICATE, 0, 0, 0, PAGES),
    ROW("a zero page that is kept", ZERO | KEEP, 0, 0),
    ROW("no zero pages", ZERO_RUN, 0, 0, 0),
    ROW("zero pages over the block's end", ZERO_RUN, 0, 1, PAGES),
    ROW("the page after such a run", ZERO_RUN, 0, 0, PAGES, SAME | NEXT),
    ROW("an unsent page forgotten", FORGET, 0, 0),
    ROW("a page of zeros forgotten", ZERO, 0, 0, FORGET, 0, 0),
    ROW("the base of a forgotten page", RAW, 0, 0, CONTENT, SAME, 0, 0),
};

static void say_forbidden(Fixture *fixture, const Forbidden *row)
{
    for (guint at = 0; at < row->length; at++) {
        if (row->bytes[at] == CONTENT) {
            fill(fixture->payload, 1, PAGE);
        } else {
            SAY(row->bytes[at]);
        }
    }
}

/* Were a row allowed, it would yield a few bytes or a page or two and some; with that length it would not be -EPROTO.
 */
static void test_what_is_forbidden_is_refused(Fixture *fixture, gconstpointer data)
{
    for (guint i = 0; i < G_N_ELEMENTS(forbidden); i++) {
        g_test_message("%s", forbidden[i].what);
        for (guint pages = 0; pages < 3; pages++) {
            for (guint more = 0; more <= 9 * (PAGES + 1); more += more < 12 || more % 9 != 0 ? 1 : 9) {
                decoder_new(fixture, 2);
                say_block(fixture);
                say_forbidden(fixture, &forbidden[i]);
                fill(fixture->wanted, 0, pages * (PAGE + 8) + more);
                g_assert_cmpint(deliver(fixture), ==, -EPROTO);
            }
        }
    }
}

/* Everything that test_literals_and_records says, with every length of stream but the right one. */
static void test_other_stream_lengths_are_refused(Fixture *fixture, gconstpointer data)
{
    for (guint length = 0; length < 9 + 3 * 9 + 20; length++) {
        decoder_new(fixture, 2);
        say_block(fixture);
        SAY(LITERAL, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, ZERO, 0, 0, ZERO_RUN | NEXT, 2);
        fill(fixture->wanted, 0, length);
        g_assert_cmpint(deliver(fixture), ==, length == 9 + 3 * 9 ? -EBADMSG : -EPROTO);
    }
    for (guint length = PAGE; length < PAGE + 16; length++) {
        decoder_new(fixture, 2);
        say_block(fixture);
        SAY(SAME, 0, 0);
        fill(fixture->wanted, 0, length);
        g_assert_cmpint(deliver(fixture), ==, length == PAGE + 8 ? -EBADMSG : -EPROTO);
    }
}

static void test_sizes_above_the_bounds_are_refused(Fixture *fixture, gconstpointer data)
{
    fixture->frame->header = (WireHeader){.type = WIRE_DATA, .raw_bytes = WIRE_PAYLOAD_BYTES_MAX + 1};
    g_assert_cmpint(dst_decode_frame(fixture->decode, fixture->frame, fixture->stream), ==, -EPROTO);
    fixture->frame->header = (WireHeader){.type = WIRE_DATA, .stream_bytes = WIRE_STREAM_BYTES_MAX + 1};
    g_assert_cmpint(dst_decode_frame(fixture->decode, fixture->frame, fixture->stream), ==, -EPROTO);
    for (guint page_bytes = 0; page_bytes < 3 * WIRE_PAGE_BYTES_MAX; page_bytes += 512) {
        DstDecodeConfig config = {.slots = 1, .ram_bytes = 1 << 20, .page_bytes = page_bytes};
        DstDecode *decode = NULL;
        gboolean is_allowed = page_bytes >= 1024 && page_bytes <= 65536 && (page_bytes & (page_bytes - 1)) == 0;

        g_assert_cmpint(dst_decode_new(&decode, &config), ==, is_allowed ? 0 : -EINVAL);
        dst_decode_free(decode);
    }
}

static void test_slots_fit_into_the_budget(Fixture *fixture, gconstpointer data)
{
    DstDecodeConfig config = {.ram_bytes = 1 << 30, .page_bytes = 4096};
    guint64 few = dst_decode_slots_for(&config, 100 << 20);

    g_assert_cmpuint(few * 4096, <, 100 << 20);
    g_assert_cmpuint(few * 4096, >, 90 << 20);
    g_assert_cmpuint(dst_decode_slots_for(&config, 1000), ==, 0);
    g_assert_cmpuint(dst_decode_slots_for(&config, G_GUINT64_CONSTANT(1) << 40), >=, 1 << 18);
}

#define TEST(path, function) g_test_add("/dst-decode/" path, Fixture, NULL, set_up, function, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    TEST("literals-and-records", test_literals_and_records);
    TEST("segments-change-the-base", test_segments_change_the_base);
    TEST("duplicates-of-stored-pages", test_duplicates_of_stored_pages);
    TEST("more-than-slots-is-refused", test_more_than_slots_is_refused);
    TEST("wrong-hash-is-told-apart", test_wrong_hash_is_told_apart);
    TEST("what-is-forbidden-is-refused", test_what_is_forbidden_is_refused);
    TEST("other-stream-lengths-are-refused", test_other_stream_lengths_are_refused);
    TEST("sizes-above-the-bounds-are-refused", test_sizes_above_the_bounds_are_refused);
    TEST("slots-fit-into-the-budget", test_slots_fit_into_the_budget);
    return g_test_run();
}
