/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/src-parse-hunt.c, and what the recorded streams do not have, on streams made here: iterables that look
 * like ram, broken records, pages of other sizes, more blocks than we keep. */
#include "parse-reading.h"

#include <string.h>

#define RAM_ID      2
#define OTHER_ID    3
#define PAGE        4096
#define BLOCK_PAGES 64

/* A stream that grows. */
typedef struct Maker {
    GByteArray *bytes;
    guint page_bytes;
} Maker;

static void put(Maker *maker, const void *bytes, gsize length)
{
    g_byte_array_append(maker->bytes, bytes, (guint)length);
}

static void put_number(Maker *maker, guint64 value, guint bytes)
{
    for (guint i = bytes; i-- > 0;) {
        guint8 byte = (guint8)(value >> (8 * i));

        put(maker, &byte, 1);
    }
}

static void put_name(Maker *maker, const char *name)
{
    put_number(maker, strlen(name), 1);
    put(maker, name, strlen(name));
}

static void put_header(Maker *maker)
{
    put(maker, "QEVM\0\0\0\3", 8);
}

static void put_named_section(Maker *maker, guint type, guint id, const char *name, guint version)
{
    put_number(maker, type, 1);
    put_number(maker, id, 4);
    put_name(maker, name);
    put_number(maker, 0, 4);
    put_number(maker, version, 4);
}

static void put_section(Maker *maker, guint type, guint id)
{
    put_number(maker, type, 1);
    put_number(maker, id, 4);
}

static void put_footer(Maker *maker, guint id)
{
    put_section(maker, 0x7e, id);
}

static void put_eos(Maker *maker)
{
    put_number(maker, 0x10, 8);
}

/* START of ram with 'blocks' of BLOCK_PAGES pages, named b0, b1, ... */
static void put_ram_start(Maker *maker, guint blocks)
{
    put_named_section(maker, 1, RAM_ID, "ram", 4);
    put_number(maker, (guint64)blocks * BLOCK_PAGES * maker->page_bytes | 0x04, 8);
    for (guint i = 0; i < blocks; i++) {
        g_autofree char *name = g_strdup_printf("b%u", i);

        put_name(maker, name);
        put_number(maker, (guint64)BLOCK_PAGES * maker->page_bytes, 8);
    }
    put_eos(maker);
    put_footer(maker, RAM_ID);
}

/* 'name' NULL: the block of the record before. */
static void put_page(Maker *maker, const char *name, guint64 page, guint8 fill)
{
    g_autofree guint8 *content = g_malloc(maker->page_bytes);

    memset(content, fill, maker->page_bytes);
    put_number(maker, page * maker->page_bytes | 0x08 | (name == NULL ? 0x20 : 0), 8);
    if (name != NULL) {
        put_name(maker, name);
    }
    put(maker, content, maker->page_bytes);
}

/* PART of ram with 'pages' pages of b0. */
static void put_ram_part(Maker *maker, guint type, guint pages)
{
    put_section(maker, type, RAM_ID);
    for (guint i = 0; i < pages; i++) {
        put_page(maker, i == 0 ? "b0" : NULL, i, (guint8)i);
    }
    put_eos(maker);
    put_footer(maker, RAM_ID);
}

static Maker maker_new(guint page_bytes)
{
    return (Maker){g_byte_array_new(), page_bytes};
}

/* Reads what was made, whole and in chunks, which must find the same, and frees it. */
static Reading *maker_read(Maker *maker, uint32_t capabilities)
{
    SrcParseConfig config = {.capabilities = capabilities, .page_bytes = maker->page_bytes};
    Reading *reading = reading_new(&config);
    g_autoptr(Reading) again = reading_new(&config);
    Feed whole = {.next = feed_whole};
    Feed chunks = {.next = feed_chunks, .rng = rng_new(5)};

    read_all(reading, &config, maker->bytes->data, maker->bytes->len, &whole);
    read_all(again, &config, maker->bytes->data, maker->bytes->len, &chunks);
    g_assert_cmpuint(again->found->len, ==, reading->found->len);
    g_byte_array_unref(maker->bytes);
    return reading;
}

static void test_passes_over_an_iterable_before_ram(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put_named_section(&maker, 1, OTHER_ID, "dirty-bitmap", 1);
    put(&maker, "anything\x7e\0\0\0\1 at all\x01", 22);
    put_footer(&maker, OTHER_ID);
    put_ram_start(&maker, 1);
    put_ram_part(&maker, 2, 3);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    g_assert_cmpuint(reading->found->len, ==, 3);
    g_assert_cmpuint(src_parse_stats(reading->parser)->doubts, ==, 0);
    g_assert_cmpuint(src_parse_stats(reading->parser)->resyncs, ==, 1);
    g_assert_cmpint(src_parse_stats(reading->parser)->state, ==, SRC_STREAM_LIVE);
}

/* The iterable's own bytes hold its footer and the head of a section of ram: we are fooled, notice and come back. */
static void test_comes_back_from_a_false_way_back(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put_ram_start(&maker, 1);
    put_named_section(&maker, 1, OTHER_ID, "evil", 1);
    put_footer(&maker, OTHER_ID);
    put_section(&maker, 2, OTHER_ID);
    put_footer(&maker, OTHER_ID);
    put_section(&maker, 2, RAM_ID);
    put_page(&maker, "b0", 7, 7); /* inside the iterable: found, which does no harm */
    put(&maker, "and now for something completely different", 42);
    put_footer(&maker, OTHER_ID);
    put_ram_part(&maker, 2, 5);
    put_ram_part(&maker, 2, 5);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    g_assert_cmpuint(src_parse_stats(reading->parser)->doubts, ==, 1);
    /* The doubt was in ram, so ram's footer is waited for: the section that was being read then is lost, the next is
     * not. */
    g_assert_cmpuint(reading->found->len, ==, 1 + 5);
}

static void test_a_broken_record_costs_its_section(void)
{
    static const struct {
        const char *what;
        guint64 offset;
    } broken[] = {
        {"two kinds", 0x0a},
        {"a flag nobody knows", 0x808},
        {"beyond the block", BLOCK_PAGES * PAGE | 0x28},
        {"far beyond", ~0ull << 12 | 0x28},
        {"nothing", 0},
        {"EOS with an offset", 0x1010},
        {"RDMA's hook", 0x80},
    };

    for (guint i = 0; i < G_N_ELEMENTS(broken); i++) {
        Maker maker = maker_new(PAGE);

        put_header(&maker);
        put_ram_start(&maker, 2);
        put_section(&maker, 2, RAM_ID);
        put_page(&maker, "b1", 1, 1);
        put_number(&maker, broken[i].offset, 8);
        put_page(&maker, NULL, 2, 2);
        put_eos(&maker);
        put_footer(&maker, RAM_ID);
        put_ram_part(&maker, 2, 4);
        g_autoptr(Reading) reading = maker_read(&maker, 0);
        g_test_message("%s", broken[i].what);
        g_assert_cmpuint(reading->found->len, ==, 1 + 4);
        g_assert_cmpuint(src_parse_stats(reading->parser)->doubts, ==, 1);
        g_assert_cmpuint(src_parse_stats(reading->parser)->resyncs, ==, 1);
        g_assert_cmpuint(src_parse_stats(reading->parser)->doubtful_bytes, >, PAGE);
    }
}

static void test_without_footers_the_next_section_of_ram_is_found(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put_named_section(&maker, 1, RAM_ID, "ram", 4);
    put_number(&maker, BLOCK_PAGES * PAGE | 0x04, 8);
    put_name(&maker, "b0");
    put_number(&maker, BLOCK_PAGES * PAGE, 8);
    put_eos(&maker);
    put_named_section(&maker, 1, OTHER_ID, "other", 1);
    put(&maker, "\1\2\3\2\0\0\0\2\2\0\0\0\2", 13);
    put_section(&maker, 2, RAM_ID);
    put_page(&maker, "b0", 1, 1);
    put_page(&maker, NULL, 2, 2);
    put_eos(&maker);
    put_section(&maker, 3, RAM_ID);
    put_page(&maker, NULL, 3, 3);
    put_eos(&maker);
    put(&maker, "\4the state of devices", 21);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    g_assert_cmpuint(reading->found->len, ==, 3);
    g_assert_cmpint(src_parse_stats(reading->parser)->state, ==, SRC_STREAM_DEVICE);
}

static void test_pages_of_64_kib(void)
{
    Maker maker = maker_new(65536);

    put_header(&maker);
    put_ram_start(&maker, 3);
    put_section(&maker, 2, RAM_ID);
    put_page(&maker, "b2", BLOCK_PAGES - 1, 1);
    put_page(&maker, NULL, 0, 2);
    put_eos(&maker);
    put_footer(&maker, RAM_ID);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    const Found *found = (const Found *)reading->found->data;
    g_assert_cmpuint(reading->found->len, ==, 2);
    g_assert_cmpuint(found[0].block, ==, 2);
    g_assert_cmpuint(found[0].page, ==, BLOCK_PAGES - 1);
    g_assert_true(found[0].has_name && !found[1].has_name);
    g_assert_cmpuint(src_parse_stats(reading->parser)->wraps, ==, 1);
}

static void test_more_blocks_than_we_keep(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put_ram_start(&maker, WIRE_BLOCKS_MAX + 10);
    put_section(&maker, 2, RAM_ID);
    put_page(&maker, "b1", 1, 1);
    put_page(&maker, "b260", 2, 2);
    put_page(&maker, NULL, 3, 3);
    put_page(&maker, "b255", 4, 4);
    put_eos(&maker);
    put_footer(&maker, RAM_ID);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    g_assert_cmpuint(src_parse_blocks(reading->parser), ==, WIRE_BLOCKS_MAX);
    g_assert_cmpuint(reading->found->len, ==, 2);
    g_assert_cmpuint(src_parse_stats(reading->parser)->other_pages, ==, 2);
    g_assert_cmpuint(src_parse_stats(reading->parser)->doubts, ==, 0);
}

static void test_another_page_size_than_told_is_opaque(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put(&maker, "\7\0\0\0\4none\5\036configuration/target-page-bits\0\0\0\1\0\0\0\015", 9 + 2 + 30 + 8);
    put_ram_start(&maker, 1);
    put_ram_part(&maker, 2, 3);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    g_assert_cmpuint(reading->found->len, ==, 0);
    g_assert_cmpint(src_parse_stats(reading->parser)->state, ==, SRC_STREAM_OPAQUE);
}

static void test_configuration_names_capabilities(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put(&maker, "\7\0\0\0\4none\5\032configuration/capabilities\0\0\0\1\0\0\0\2\5rdma!\6xbzrle", 9 + 2 + 26 + 8 + 13);
    put_ram_start(&maker, 1);
    put_ram_part(&maker, 2, 3);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    g_assert_cmpuint(reading->found->len, ==, 3);
    g_assert_cmpuint(src_parse_stats(reading->parser)->doubts, ==, 0);
}

static void test_anything_else_is_opaque(void)
{
    SrcParse *parser = (SrcParse *)&parser;
    SrcParseConfig wrong = {.page_bytes = 5000};
    Maker maker = maker_new(PAGE);

    put(&maker, "\x11\x22\x33\x44\0\0\0\1 packets of multifd", 27);
    g_autoptr(Reading) reading = maker_read(&maker, SRC_CAPABILITY_MULTIFD);
    g_assert_cmpint(src_parse_stats(reading->parser)->state, ==, SRC_STREAM_OPAQUE);
    g_assert_cmpint(src_parse_new(&parser, &wrong), <, 0);
    g_assert_null(parser);
}

/* Nothing that comes later makes the state an earlier one. */
static void test_the_state_only_goes_forward(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put_ram_start(&maker, 1);
    put_ram_part(&maker, 2, 1);
    put(&maker, "\10\0\13\0\0", 5);            /* SWITCHOVER_START */
    put(&maker, "\10\0\7\0\4\0\0\0\3abc", 12); /* PACKAGED */
    put(&maker, "\10\0\13\0\0", 5);
    put_ram_part(&maker, 2, 2);
    g_autoptr(Reading) reading = maker_read(&maker, SRC_CAPABILITY_POSTCOPY_RAM);
    g_assert_cmpint(src_parse_stats(reading->parser)->state, ==, SRC_STREAM_POSTCOPY);
    g_assert_true(src_parse_stats(reading->parser)->switchover_start_seen);
    g_assert_cmpuint(reading->found->len, ==, 3);
}

/* The worst that can be hunted in: every byte could begin the way back. */
static void test_hunts_in_what_looks_alike(void)
{
    Maker maker = maker_new(PAGE);

    put_header(&maker);
    put_ram_start(&maker, 1);
    put_named_section(&maker, 1, OTHER_ID, "evil", 1);
    for (guint i = 0; i < 100000; i++) {
        put_number(&maker, 0x7e, 1);
    }
    for (guint i = 0; i < 20000; i++) {
        put_footer(&maker, OTHER_ID);
    }
    put_ram_part(&maker, 2, 5);
    g_autoptr(Reading) reading = maker_read(&maker, 0);
    g_assert_cmpuint(reading->found->len, ==, 5);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/src-parse-hunt/passes-over-an-iterable-before-ram", test_passes_over_an_iterable_before_ram);
    g_test_add_func("/src-parse-hunt/comes-back-from-a-false-way-back", test_comes_back_from_a_false_way_back);
    g_test_add_func("/src-parse-hunt/a-broken-record-costs-its-section", test_a_broken_record_costs_its_section);
    g_test_add_func("/src-parse-hunt/without-footers-the-next-section-of-ram-is-found",
                    test_without_footers_the_next_section_of_ram_is_found);
    g_test_add_func("/src-parse-hunt/hunts-in-what-looks-alike", test_hunts_in_what_looks_alike);
    g_test_add_func("/src-parse/the-state-only-goes-forward", test_the_state_only_goes_forward);
    g_test_add_func("/src-parse/pages-of-64-kib", test_pages_of_64_kib);
    g_test_add_func("/src-parse/more-blocks-than-we-keep", test_more_blocks_than_we_keep);
    g_test_add_func("/src-parse/another-page-size-than-told-is-opaque", test_another_page_size_than_told_is_opaque);
    g_test_add_func("/src-parse/configuration-names-capabilities", test_configuration_names_capabilities);
    g_test_add_func("/src-parse/anything-else-is-opaque", test_anything_else_is_opaque);
    return g_test_run();
}
