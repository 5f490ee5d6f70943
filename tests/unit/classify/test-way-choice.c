/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/decide/way-choice.c: which way is taken, that every verdict says why, and that in the cells of the relay's
 * bench the way taken was the fastest, or nearly. */
#include "decide/way-choice.h"

#include "base/units.h"

#include <math.h>

/* Few bytes in many pages, on a slow link, with cores and memory to spare: what the relay is made for. */
static WayView sparse_view(void)
{
    return (WayView){.mode = RELAY_MODE_AUTO,
                     .algorithm = ALGORITHM_PRE_COPY,
                     .no_multifd = "for the test",
                     .ram_bytes = 384 * MIB,
                     .link_bytes_per_s = 12500000,
                     .downtime_limit_ns = 300 * NS_PER_MS,
                     .dirty_pages_per_s = 40960,
                     .dirty_bytes_per_page = 8,
                     .working_set_bytes = 64.0 * MIB,
                     .used_share = NAN,
                     .compressed_share = NAN,
                     .source_free_cpus = 2,
                     .destination_free_cpus = 2,
                     .memory_bytes = 512 * MIB};
}

/* Takes the verdict's reason. */
static void assert_verdict(WayVerdict verdict, Way way, const char *words)
{
    g_autofree char *reason = verdict.reason;

    if (verdict.way != way || !strstr(reason, words)) {
        g_test_message("%s: '%s', wanted %s: %s", way_name(verdict.way), reason, way_name(way), words);
        g_test_fail();
    }
}

static void test_sparse_writes_take_the_relay(void)
{
    WayView view = sparse_view();
    WayVerdict verdict = way_choose(&view, NULL);

    g_assert_true(isinf(verdict.total_s[WAY_PLAIN])); /* 160 MiB/s of pages on 12.5 MB/s */
    g_assert_cmpfloat(verdict.total_s[WAY_RELAY], <, 40);
    assert_verdict(verdict, WAY_RELAY, "at 11.9 MiB/s; writes 40960 pages/s, 8 bytes in each");
}

static void test_fast_links_go_plain(void)
{
    WayView view = sparse_view();

    view.no_multifd = NULL;
    view.link_bytes_per_s = 1250000000;
    view.dirty_pages_per_s = 100;
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "the plain way: expected");
}

/* Between both: zstd is as fast as the link, and nothing is sent again. */
static void test_links_between_are_for_multifd(void)
{
    WayView view = sparse_view();

    view.no_multifd = NULL;
    view.no_relay = "there is no agent on h1";
    view.link_bytes_per_s = 100000000;
    view.dirty_pages_per_s = 100;
    WayVerdict verdict = way_choose(&view, NULL);
    g_assert_cmpuint(verdict.connections, ==, 2);
    g_assert_true(isnan(verdict.total_s[WAY_RELAY]));
    assert_verdict(verdict, WAY_MULTIFD, "over 2 connections, compressed by QEMU: expected");
    view.algorithm = ALGORITHM_POST_COPY;
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "no relay: there is no agent on h1");
}

/* QEMU holds what it sends, compressed, against what waits, whole: compressing does not help it to stop the guest. */
static void test_compression_does_not_help_qemu_to_stop(void)
{
    WayView view = sparse_view();

    view.no_multifd = NULL;
    view.link_bytes_per_s = 100000000; /* 30 MB within the limit; 64 MiB wait, 32 when compressed */
    view.compressed_share = 0.3;
    WayVerdict verdict = way_choose(&view, NULL);
    g_assert_true(isinf(verdict.total_s[WAY_MULTIFD]));
    g_free(verdict.reason);
    view.working_set_bytes = 24.0 * MIB;
    verdict = way_choose(&view, NULL);
    g_assert_false(isinf(verdict.total_s[WAY_MULTIFD]));
    g_free(verdict.reason);
}

static void test_more_connections_for_faster_links(void)
{
    WayView view = sparse_view();

    view.no_multifd = NULL;
    view.no_relay = "for the test";
    view.dirty_pages_per_s = 100;
    view.source_free_cpus = view.destination_free_cpus = 16;
    view.link_bytes_per_s = 500000000;
    WayVerdict verdict = way_choose(&view, NULL);
    g_assert_cmpint(verdict.way, ==, WAY_MULTIFD);
    g_assert_cmpuint(verdict.connections, ==, 4); /* 125 MB/s of wire each */
    g_free(verdict.reason);
}

/* What is zero costs nothing. */
static void test_unused_memory_is_not_sent(void)
{
    WayView whole = sparse_view();
    WayView half = sparse_view();

    whole.dirty_pages_per_s = half.dirty_pages_per_s = 1;
    half.used_share = 0.5;
    WayVerdict one = way_choose(&whole, NULL);
    WayVerdict other = way_choose(&half, NULL);
    g_assert_cmpfloat_with_epsilon(other.total_s[WAY_PLAIN] / one.total_s[WAY_PLAIN], 0.5, 0.01);
    g_free(one.reason);
    g_free(other.reason);
}

/* Whole pages are rewritten faster than the link is: no way helps, and none is promised; a relay says so early. */
static void test_full_rewriting_gets_no_promise(void)
{
    WayView view = sparse_view();

    view.dirty_bytes_per_page = 4096;
    assert_verdict(way_choose(&view, NULL), WAY_RELAY, "expected no end plain, no end through a relay");
    assert_verdict(way_choose(&view, NULL), WAY_RELAY, "; a relay says soonest when a pre-copy cannot end");
    view.link_bytes_per_s = 400000000; /* its first pass would be slower than the plain one */
    view.working_set_bytes = 384 * (double)MIB;
    view.dirty_pages_per_s = 400000;
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "expected no end plain, no end through a relay");
}

static void test_unknown_dirty_bytes_count_as_whole_pages(void)
{
    WayView unknown = sparse_view();
    WayView whole = sparse_view();

    unknown.dirty_bytes_per_page = NAN;
    whole.dirty_bytes_per_page = 4096;
    WayVerdict one = way_choose(&unknown, NULL);
    WayVerdict other = way_choose(&whole, NULL);
    g_assert_cmpfloat(one.total_s[WAY_RELAY], ==, other.total_s[WAY_RELAY]);
    assert_verdict(one, WAY_RELAY, "how many bytes in each was not measured");
    g_free(other.reason);
}

static void test_unmeasured_is_an_objection(void)
{
    WayView view = sparse_view();

    view.dirty_pages_per_s = view.dirty_bytes_per_page = view.working_set_bytes = NAN;
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "what it writes was not measured");
}

/* Nobody watched how busy the hosts are: one core counts. */
static void test_unknown_cores_are_one(void)
{
    WayView unknown = sparse_view();
    WayView one = sparse_view();

    unknown.link_bytes_per_s = one.link_bytes_per_s = 400000000; /* so that the codec counts */
    unknown.source_free_cpus = unknown.destination_free_cpus = NAN;
    one.source_free_cpus = one.destination_free_cpus = 1;
    WayVerdict first = way_choose(&unknown, NULL);
    WayVerdict second = way_choose(&one, NULL);
    g_assert_cmpfloat(first.total_s[WAY_RELAY], ==, second.total_s[WAY_RELAY]);
    one.source_free_cpus = 2;
    g_free(second.reason);
    second = way_choose(&one, NULL);
    g_assert_cmpfloat(second.total_s[WAY_RELAY], <, first.total_s[WAY_RELAY]);
    g_free(first.reason);
    g_free(second.reason);
}

static void test_unknown_link_is_an_objection(void)
{
    WayView view = sparse_view();

    view.link_bytes_per_s = 0;
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "nobody knows the link's rate");
}

static void test_busy_hosts_are_an_objection(void)
{
    WayView view = sparse_view();

    view.destination_free_cpus = -0.5; /* more used than there is */
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "2.0 and 0.0 cores are free");
}

static void test_several_connections_are_an_objection(void)
{
    WayView view = sparse_view();

    view.is_parallel = TRUE;
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "over several connections");
}

/* What does not fit the memory of the relay is sent in full again. */
static void test_little_memory_keeps_little(void)
{
    WayView view = sparse_view();

    view.memory_bytes = 16 * MIB;
    WayVerdict verdict = way_choose(&view, NULL);
    g_assert_true(isinf(verdict.total_s[WAY_RELAY]));
    assert_verdict(verdict, WAY_RELAY, "no end through a relay");
}

static void test_post_copy_gains_by_compression_only(void)
{
    WayView view = sparse_view();

    view.algorithm = ALGORITHM_POST_COPY;
    WayVerdict verdict = way_choose(&view, NULL);
    g_assert_cmpfloat_with_epsilon(verdict.total_s[WAY_RELAY] - 0.1, 0.45 * verdict.total_s[WAY_PLAIN], 0.01);
    g_free(verdict.reason);
}

static void test_the_operator_decides(void)
{
    WayView view = sparse_view();

    view.mode = RELAY_MODE_OFF;
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "as --relay says");
    view.mode = RELAY_MODE_ON;
    view.link_bytes_per_s = 0;
    view.is_parallel = TRUE;
    assert_verdict(way_choose(&view, NULL), WAY_RELAY, "as --relay says");
    view.no_relay = "there is no agent on h1";
    assert_verdict(way_choose(&view, NULL), WAY_PLAIN, "the plain way: there is no agent on h1");
}

/* The link gets slower, everything else stays: once it pays, it goes on to pay. */
static void test_slower_links_never_lose_the_relay(void)
{
    WayView view = sparse_view();
    gboolean pays = FALSE;

    view.dirty_pages_per_s = 500;
    view.dirty_bytes_per_page = 64;
    for (double rate = 2e9; rate > 1e6; rate *= 0.8) {
        view.link_bytes_per_s = (guint64)rate;
        WayVerdict verdict = way_choose(&view, NULL);

        g_assert_true(verdict.way == WAY_RELAY || !pays);
        pays = verdict.way == WAY_RELAY;
        g_free(verdict.reason);
    }
    g_assert_true(pays);
}

/* ---- the bench ---- */

#define DNF INFINITY

/* A cell of docs/decisions/0015, or 0017 where that is newer: what was seen of the load, and the seconds that each way took. */
typedef struct BenchCell {
    const char *load;
    double link_mb_per_s;
    double total_s[WAYS_LENGTH]; /* plain, relay, multifd */
} BenchCell;

static const BenchCell CELLS[] = {
    {"idle", 12.5, {11.6, 5.34, 6.03}},  {"idle", 100, {1.45, 0.80, 0.76}},    {"idle", 1000, {0.18, 0.31, 0.30}},
    {"sparse", 12.5, {DNF, 10.9, DNF}},  {"sparse", 100, {DNF, 1.34, 2.30}},   {"sparse", 1000, {0.22, 0.51, 0.65}},
    {"mixed", 12.5, {DNF, 7.84, DNF}},   {"mixed", 100, {2.02, 1.03, 1.34}},   {"mixed", 1000, {0.22, 0.37, 0.34}},
    {"rewrite", 12.5, {DNF, DNF, DNF}},  {"rewrite", 100, {1.62, 1.13, 0.93}}, {"rewrite", 1000, {0.17, 0.36, 0.31}},
};

/* 384 MiB, 150 MB of them not zero; source and destination share two cores. */
static WayView view_of_cell(const BenchCell *cell)
{
    static const struct {
        const char *load;
        double pages_per_s, bytes_per_page, set_mib;
    } LOADS[] = {{"idle", 60, 200, 1}, {"sparse", 40960, 8, 64}, {"mixed", 33280, 337, 26}, {"rewrite", 25600, 4096, 8}};
    WayView view = sparse_view();

    view.no_multifd = NULL;
    view.link_bytes_per_s = (guint64)(cell->link_mb_per_s * 1e6);
    view.used_share = 0.38;
    view.compressed_share = 0.5;
    view.source_free_cpus = view.destination_free_cpus = 1;
    for (gsize i = 0; i < G_N_ELEMENTS(LOADS); i++) {
        if (g_str_equal(LOADS[i].load, cell->load)) {
            view.dirty_pages_per_s = LOADS[i].pages_per_s;
            view.dirty_bytes_per_page = LOADS[i].bytes_per_page;
            view.working_set_bytes = LOADS[i].set_mib * (double)MIB;
        }
    }
    return view;
}

/* At most 1.1 of the best there was: what the bench asks of --relay auto. */
static void test_the_bench_would_have_chosen_the_same(void)
{
    for (gsize i = 0; i < G_N_ELEMENTS(CELLS); i++) {
        const BenchCell *cell = &CELLS[i];
        WayView view = view_of_cell(cell);
        WayVerdict verdict = way_choose(&view, NULL);
        g_autofree char *reason = verdict.reason;
        double best_s = fmin(cell->total_s[WAY_PLAIN], fmin(cell->total_s[WAY_RELAY], cell->total_s[WAY_MULTIFD]));

        if (cell->total_s[verdict.way] > 1.1 * best_s) {
            g_test_message("%s at %g MB/s: %s", cell->load, cell->link_mb_per_s, reason);
            g_test_fail();
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/way-choice/few-bytes-in-many-pages-take-the-relay", test_sparse_writes_take_the_relay);
    g_test_add_func("/way-choice/fast-links-go-plain", test_fast_links_go_plain);
    g_test_add_func("/way-choice/links-between-are-for-multifd", test_links_between_are_for_multifd);
    g_test_add_func("/way-choice/compression-does-not-help-qemu-to-stop", test_compression_does_not_help_qemu_to_stop);
    g_test_add_func("/way-choice/more-connections-for-faster-links", test_more_connections_for_faster_links);
    g_test_add_func("/way-choice/unused-memory-is-not-sent", test_unused_memory_is_not_sent);
    g_test_add_func("/way-choice/rewriting-whole-pages-gets-no-promise", test_full_rewriting_gets_no_promise);
    g_test_add_func("/way-choice/unknown-dirty-bytes-count-as-whole-pages",
                    test_unknown_dirty_bytes_count_as_whole_pages);
    g_test_add_func("/way-choice/what-was-not-measured-is-an-objection", test_unmeasured_is_an_objection);
    g_test_add_func("/way-choice/unknown-cores-are-one", test_unknown_cores_are_one);
    g_test_add_func("/way-choice/an-unknown-link-is-an-objection", test_unknown_link_is_an_objection);
    g_test_add_func("/way-choice/busy-hosts-are-an-objection", test_busy_hosts_are_an_objection);
    g_test_add_func("/way-choice/several-connections-are-an-objection", test_several_connections_are_an_objection);
    g_test_add_func("/way-choice/little-memory-keeps-little", test_little_memory_keeps_little);
    g_test_add_func("/way-choice/post-copy-gains-by-compression-only", test_post_copy_gains_by_compression_only);
    g_test_add_func("/way-choice/the-operator-decides", test_the_operator_decides);
    g_test_add_func("/way-choice/slower-links-never-lose-the-relay", test_slower_links_never_lose_the_relay);
    g_test_add_func("/way-choice/the-bench-would-have-chosen-the-same", test_the_bench_would_have_chosen_the_same);
    return g_test_run();
}
