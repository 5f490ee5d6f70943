/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests of beat-ring.c, and of the closed forms in content.h against counting by hand. */
#include <glib.h>

#include "beat-ring.h"
#include "beat-wire.h"
#include "../guest/content.h"

#define MS  G_GINT64_CONSTANT(1000000)

static void push(BeatRing *ring, gint64 at_ms, guint64 work, guint flags)
{
    BeatRecord record = { .at_ns = at_ms * MS, .work_bytes = work, .seq = (guint32)ring->n_seen, .flags = (guint16)flags };

    beat_ring_push(ring, &record);
}

/* A beat each 10 ms from 0 to 1 s, but none after 300 and before 550; 1000 units of work a beat. */
static void fill_with_gap(BeatRing *ring)
{
    guint64 work = 0;

    for (gint64 at_ms = 0; at_ms <= 1000; at_ms += 10) {
        if (at_ms <= 300 || at_ms >= 550) {
            push(ring, at_ms, work, BEAT_READY | BEAT_WORK_KNOWN);
            work += 1000;
        }
    }
}

static void assert_gap(const BeatRing *ring, gint64 since_ms, gint64 until_ms, gint64 begin_ms, gint64 length_ms)
{
    gint64 begin_ns = 0, length_ns = 0;

    g_assert_true(beat_ring_longest_gap(ring, since_ms * MS, until_ms * MS, 1000 * MS, &begin_ns, &length_ns));
    g_assert_cmpint(begin_ns, ==, begin_ms * MS);
    g_assert_cmpint(length_ns, ==, length_ms * MS);
}

static void test_gap(void)
{
    BeatRing ring;

    beat_ring_init(&ring);
    fill_with_gap(&ring);
    assert_gap(&ring, 0, 1000, 300, 250);
    assert_gap(&ring, 310, 1000, 300, 250);     /* began before the window */
    assert_gap(&ring, 400, 500, 300, 250);      /* the window lies in it */
    assert_gap(&ring, 0, 305, 300, 250);        /* ends after it */
    assert_gap(&ring, 550, 1000, 550, 10);
    assert_gap(&ring, 0, 299, 0, 10);
    beat_ring_clear(&ring);
}

static void test_silence_counts(void)
{
    BeatRing ring;
    gint64 begin_ns = 0, length_ns = 0;

    beat_ring_init(&ring);
    push(&ring, 0, 0, BEAT_READY);
    push(&ring, 10, 0, BEAT_READY);
    g_assert_true(beat_ring_longest_gap(&ring, 0, 5000 * MS, 5000 * MS, &begin_ns, &length_ns));
    g_assert_cmpint(begin_ns, ==, 10 * MS);
    g_assert_cmpint(length_ns, ==, 4990 * MS);
    beat_ring_clear(&ring);
}

static void test_before_ready(void)
{
    BeatRing ring;
    gint64 begin_ns = 0, length_ns = 0;
    double rate = 0;

    beat_ring_init(&ring);
    push(&ring, 0, 0, 0);
    push(&ring, 500, 0, 0);
    g_assert_false(beat_ring_longest_gap(&ring, 0, 1000 * MS, 500 * MS, &begin_ns, &length_ns));
    g_assert_false(beat_ring_rate(&ring, 0, 500 * MS, &rate));
    push(&ring, 900, 0, BEAT_READY);
    push(&ring, 910, 0, BEAT_READY);
    g_assert_true(beat_ring_longest_gap(&ring, 0, 1000 * MS, 910 * MS, &begin_ns, &length_ns));
    g_assert_cmpint(length_ns, ==, 10 * MS);
    beat_ring_clear(&ring);
}

static void test_rate(void)
{
    BeatRing ring;
    double rate = 0;

    beat_ring_init(&ring);
    fill_with_gap(&ring);
    g_assert_true(beat_ring_rate(&ring, 100 * MS, 300 * MS, &rate));
    g_assert_cmpfloat_with_epsilon(rate, 100000, 1);
    g_assert_true(beat_ring_rate(&ring, 300 * MS, 540 * MS, &rate));
    g_assert_cmpfloat_with_epsilon(rate, 0, 1);
    g_assert_true(beat_ring_rate(&ring, 200 * MS, 650 * MS, &rate));
    g_assert_cmpfloat_with_epsilon(rate, 21000 / 0.45, 1);
    g_assert_true(beat_ring_rate(&ring, -5000 * MS, 100 * MS, &rate));   /* known only from 0 on */
    g_assert_cmpfloat_with_epsilon(rate, 100000, 1);
    push(&ring, 1010, 0, BEAT_READY);                                  /* work is no longer counted */
    g_assert_false(beat_ring_rate(&ring, 900 * MS, 1010 * MS, &rate));
    beat_ring_clear(&ring);
}

static void test_find_against_search(void)
{
    BeatRing ring;

    beat_ring_init(&ring);
    fill_with_gap(&ring);
    for (gint64 at_ms = -5; at_ms < 1010; at_ms++) {
        guint64 found = 0, wanted = G_MAXUINT64;

        for (guint64 number = 0; number < ring.n_seen; number++) {
            wanted = beat_ring_at(&ring, number)->at_ns <= at_ms * MS ? number : wanted;
        }
        g_assert_cmpint(beat_ring_find(&ring, at_ms * MS, &found), ==, wanted != G_MAXUINT64);
        g_assert_true(wanted == G_MAXUINT64 || found == wanted);
    }
    beat_ring_clear(&ring);
}

static void test_wraps(void)
{
    BeatRing ring;
    gint64 begin_ns = 0, length_ns = 0;
    const gint64 n = 300000;            /* 50 minutes, more than are kept */

    beat_ring_init(&ring);
    for (gint64 i = 0; i < n; i++) {
        push(&ring, i * 10 + (i >= n - 1000 ? 70 : 0), (guint64)i, BEAT_READY | BEAT_WORK_KNOWN);
    }
    g_assert_cmpuint(ring.n_seen - beat_ring_oldest(&ring), >=, 20 * 60 * 100);
    g_assert_true(beat_ring_longest_gap(&ring, 0, n * 10 * MS, (n - 1) * 10 * MS + 70 * MS, &begin_ns, &length_ns));
    g_assert_cmpint(length_ns, ==, 80 * MS);
    g_assert_cmpint(begin_ns, ==, (n - 1001) * 10 * MS);
    beat_ring_clear(&ring);
}

static void test_content_sum(void)
{
    for (guint64 page = 0; page < 50; page++) {
        guint64 base = content_base(42, page, page * 3), first = page * 7 % 400, length = page % 100, sum = 0;

        for (guint64 i = first; i < first + length; i++) {
            sum += base + i * CONTENT_STEP;
        }
        g_assert_cmphex(content_sum(base, first, length), ==, sum);
    }
    g_assert_cmphex(content_base(1, 2, 3), !=, content_base(1, 2, 4));
    g_assert_cmphex(content_base(1, 2, 3), !=, content_base(1, 3, 3));
    g_assert_cmphex(content_base(1, 2, 3), !=, content_base(2, 2, 3));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/beat-ring/gap-that-touches-the-window-counts-in-full", test_gap);
    g_test_add_func("/beat-ring/silence-that-lasts-is-a-gap", test_silence_counts);
    g_test_add_func("/beat-ring/nothing-counts-before-the-guest-is-ready", test_before_ready);
    g_test_add_func("/beat-ring/rate-is-work-over-time", test_rate);
    g_test_add_func("/beat-ring/find-agrees-with-a-search", test_find_against_search);
    g_test_add_func("/beat-ring/forgets-only-what-is-older-than-20-minutes", test_wraps);
    g_test_add_func("/content/sums-have-a-closed-form", test_content_sum);
    return g_test_run();
}
