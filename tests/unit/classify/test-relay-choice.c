/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/decide/relay-choice.c: who gets a relay, and that every verdict says why. */
#include "decide/relay-choice.h"

#include "base/units.h"

#include <math.h>

/* Few bytes in many pages, on a slow link, with cores and memory to spare: what the relay is made for. */
static RelayView sparse_view(void)
{
    return (RelayView){.mode = RELAY_MODE_AUTO,
                       .algorithm = ALGORITHM_PRE_COPY,
                       .ram_bytes = 384 * MIB,
                       .link_bytes_per_s = 12500000,
                       .downtime_limit_ns = 300 * NS_PER_MS,
                       .dirty_pages_per_s = 40960,
                       .dirty_bytes_per_page = 8,
                       .working_set_bytes = 64.0 * MIB,
                       .source_free_cpus = 2,
                       .destination_free_cpus = 2,
                       .memory_bytes = 512 * MIB};
}

/* Takes the verdict's reason. */
static void assert_verdict(RelayVerdict verdict, gboolean uses_relay, const char *words)
{
    g_autofree char *reason = verdict.reason;

    if (verdict.uses_relay != uses_relay || !strstr(reason, words)) {
        g_test_message("'%s', wanted: %s", reason, words);
        g_test_fail();
    }
}

static void test_sparse_writes_take_the_relay(void)
{
    RelayView view = sparse_view();
    RelayVerdict verdict = relay_choose(&view, NULL);

    g_assert_true(isinf(verdict.plain_s)); /* 160 MiB/s of pages on 12.5 MB/s */
    g_assert_cmpfloat(verdict.relay_s, <, 40);
    assert_verdict(verdict, TRUE, "no end without, at 11.9 MiB/s; writes 40960 pages/s, 8 bytes in each");
}

static void test_fast_links_go_without(void)
{
    RelayView view = sparse_view();

    view.link_bytes_per_s = 1250000000;
    view.dirty_pages_per_s = 100;
    assert_verdict(relay_choose(&view, NULL), FALSE, "without a relay: expected");
}

/* Whole pages are rewritten faster than the link is: no relay helps, and none is promised. */
static void test_full_rewriting_gets_no_promise(void)
{
    RelayView view = sparse_view();

    view.dirty_bytes_per_page = 4096;
    assert_verdict(relay_choose(&view, NULL), FALSE, "expected no end with it, no end without");
}

static void test_unknown_dirty_bytes_count_as_whole_pages(void)
{
    RelayView unknown = sparse_view();
    RelayView whole = sparse_view();

    unknown.dirty_bytes_per_page = NAN;
    whole.dirty_bytes_per_page = 4096;
    RelayVerdict one = relay_choose(&unknown, NULL);
    RelayVerdict other = relay_choose(&whole, NULL);
    g_assert_cmpfloat(one.relay_s, ==, other.relay_s);
    assert_verdict(one, FALSE, "how many bytes in each was not measured");
    g_free(other.reason);
}

static void test_unmeasured_is_an_objection(void)
{
    RelayView view = sparse_view();

    view.dirty_pages_per_s = view.dirty_bytes_per_page = view.working_set_bytes = NAN;
    assert_verdict(relay_choose(&view, NULL), FALSE, "what it writes was not measured");
}

/* Nobody watched how busy the hosts are: one core counts. */
static void test_unknown_cores_are_one(void)
{
    RelayView unknown = sparse_view();
    RelayView one = sparse_view();

    unknown.link_bytes_per_s = one.link_bytes_per_s = 400000000; /* so that the codec counts */
    unknown.source_free_cpus = unknown.destination_free_cpus = NAN;
    one.source_free_cpus = one.destination_free_cpus = 1;
    RelayVerdict first = relay_choose(&unknown, NULL);
    RelayVerdict second = relay_choose(&one, NULL);
    g_assert_cmpfloat(first.relay_s, ==, second.relay_s);
    one.source_free_cpus = 2;
    g_free(second.reason);
    second = relay_choose(&one, NULL);
    g_assert_cmpfloat(second.relay_s, <, first.relay_s);
    g_free(first.reason);
    g_free(second.reason);
}

static void test_unknown_link_is_an_objection(void)
{
    RelayView view = sparse_view();

    view.link_bytes_per_s = 0;
    assert_verdict(relay_choose(&view, NULL), FALSE, "nobody knows the link's rate");
}

static void test_busy_hosts_are_an_objection(void)
{
    RelayView view = sparse_view();

    view.destination_free_cpus = -0.5; /* more used than there is */
    assert_verdict(relay_choose(&view, NULL), FALSE, "2.0 and 0.0 cores are free");
}

static void test_several_connections_are_an_objection(void)
{
    RelayView view = sparse_view();

    view.is_parallel = TRUE;
    assert_verdict(relay_choose(&view, NULL), FALSE, "over several connections");
}

/* What does not fit the memory of the relay is sent in full again. */
static void test_little_memory_keeps_little(void)
{
    RelayView view = sparse_view();

    view.memory_bytes = 16 * MIB;
    RelayVerdict verdict = relay_choose(&view, NULL);
    g_assert_true(isinf(verdict.relay_s));
    assert_verdict(verdict, FALSE, "no end with it");
}

static void test_post_copy_gains_by_compression_only(void)
{
    RelayView view = sparse_view();

    view.algorithm = ALGORITHM_POST_COPY;
    RelayVerdict verdict = relay_choose(&view, NULL);
    g_assert_cmpfloat_with_epsilon(verdict.relay_s - 1, 0.75 * verdict.plain_s, 0.01);
    g_free(verdict.reason);
}

static void test_the_operator_decides(void)
{
    RelayView view = sparse_view();

    view.mode = RELAY_MODE_OFF;
    assert_verdict(relay_choose(&view, NULL), FALSE, "as --relay says");
    view.mode = RELAY_MODE_ON;
    view.link_bytes_per_s = 0;
    view.is_parallel = TRUE;
    assert_verdict(relay_choose(&view, NULL), TRUE, "as --relay says");
    view.cannot = "there is no agent on h1";
    assert_verdict(relay_choose(&view, NULL), FALSE, "without a relay: there is no agent on h1");
}

/* The link gets slower, everything else stays: once it pays, it goes on to pay. */
static void test_slower_links_never_lose_the_relay(void)
{
    RelayView view = sparse_view();
    gboolean pays = FALSE;

    view.dirty_pages_per_s = 500;
    view.dirty_bytes_per_page = 64;
    for (double rate = 2e9; rate > 1e6; rate *= 0.8) {
        view.link_bytes_per_s = (guint64)rate;
        RelayVerdict verdict = relay_choose(&view, NULL);

        g_assert_true(verdict.uses_relay || !pays);
        pays = verdict.uses_relay;
        g_free(verdict.reason);
    }
    g_assert_true(pays);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay-choice/few-bytes-in-many-pages-take-the-relay", test_sparse_writes_take_the_relay);
    g_test_add_func("/relay-choice/fast-links-go-without", test_fast_links_go_without);
    g_test_add_func("/relay-choice/rewriting-whole-pages-gets-no-promise", test_full_rewriting_gets_no_promise);
    g_test_add_func("/relay-choice/unknown-dirty-bytes-count-as-whole-pages",
                    test_unknown_dirty_bytes_count_as_whole_pages);
    g_test_add_func("/relay-choice/what-was-not-measured-is-an-objection", test_unmeasured_is_an_objection);
    g_test_add_func("/relay-choice/unknown-cores-are-one", test_unknown_cores_are_one);
    g_test_add_func("/relay-choice/an-unknown-link-is-an-objection", test_unknown_link_is_an_objection);
    g_test_add_func("/relay-choice/busy-hosts-are-an-objection", test_busy_hosts_are_an_objection);
    g_test_add_func("/relay-choice/several-connections-are-an-objection", test_several_connections_are_an_objection);
    g_test_add_func("/relay-choice/little-memory-keeps-little", test_little_memory_keeps_little);
    g_test_add_func("/relay-choice/post-copy-gains-by-compression-only", test_post_copy_gains_by_compression_only);
    g_test_add_func("/relay-choice/the-operator-decides", test_the_operator_decides);
    g_test_add_func("/relay-choice/slower-links-never-lose-the-relay", test_slower_links_never_lose_the_relay);
    return g_test_run();
}
