/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/governor.c: its arithmetic with numbers that can be reckoned by hand, and its promises on a
 * simulated QEMU (qemu-model.h) over the loads and links of the relay's bench. */
#include "qemu-model.h"

#include <glib.h>

#define MIB  1048576.0
#define FULL 4104.0

/* ---- by hand: limit 300 ms, 20 ms fixed, 10 ms queue; 12.5 MB/s carry 3.375 MB in 270 ms ---- */

static GovernorState by_hand(double limit_s, double link_bytes_per_s)
{
    GovernorState state;

    governor_init(&state, &(GovernorConfig){limit_s, 0.020, link_bytes_per_s, 0});
    return state;
}

static void resend(GovernorState *state, guint64 pages, double wire_bytes, double seconds)
{
    GovernorPass pass = {.pages = pages,
                         .stream_bytes = pages * 4104,
                         .dirty_bytes = (guint64)wire_bytes,
                         .wire_bytes = (guint64)wire_bytes,
                         .seconds = seconds,
                         .pages_resent = pages,
                         .resent_stream_bytes = pages * 4104,
                         .resent_wire_bytes = (guint64)wire_bytes};

    governor_pass(state, &pass);
}

static void first_pass(GovernorState *state, guint64 pages, double wire_bytes, double seconds)
{
    GovernorPass pass = {
        .pages = pages, .stream_bytes = pages * 4104, .wire_bytes = (guint64)wire_bytes, .seconds = seconds};

    governor_pass(state, &pass);
}

#define assert_near(value, expected)                                                                                   \
    g_assert_cmpfloat_with_epsilon((value), (expected), fabs((double)(expected)) * 1e-9)

static void test_link_before_any_pass(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);
    GovernorVerdict verdict = governor_judge(&state);

    assert_near(governor_budget_s(&state), 0.270);
    assert_near(verdict.switchover_bytes_per_s, 12.5e6 * 0.9);
    assert_near(verdict.downtime_limit_scale, 0.9);
    g_assert_true(isnan(verdict.working_set_bytes) && isnan(verdict.expected_downtime_s));
    g_assert_false(verdict.cannot_converge);
    g_assert_cmpstr(verdict.reason, ==, "");
}

/* A link that is faster than QEMUs and relays: QEMU must not stop the guest for half of its memory. */
static void test_fast_link_is_unproven(void)
{
    GovernorState state = by_hand(0.300, 1000e6);

    assert_near(governor_judge(&state).switchover_bytes_per_s, 100e6 * 0.9);
    first_pass(&state, 40000, 40000 * 4104 / 2.0, 40000 * 4104 / 400e6);
    assert_near(governor_judge(&state).switchover_bytes_per_s, 0.75 * 400e6 * 0.9);
    state = by_hand(0.300, 1000e6);
    first_pass(&state, 40000, 40000 * 4104 / 2.0, 40000 * 4104 / 60e6);
    assert_near(governor_judge(&state).switchover_bytes_per_s, 0.75 * 60e6 * 0.9);
}

/* QEMU may stop the guest before the first pass has ended. */
static void test_pass_that_goes_on_counts(void)
{
    GovernorState state = by_hand(0.300, 100e6);
    GovernorPass so_far = {.pages = 10000, .stream_bytes = 41040000, .wire_bytes = 20520000, .seconds = 41.04 / 60};

    governor_progress(&state, &so_far);
    assert_near(governor_judge(&state).switchover_bytes_per_s, 0.75 * 60e6 * 0.9);
    so_far.wire_bytes = 60000000; /* it is the link that is slow, and that is known */
    so_far.stream_bytes = 65000000;
    governor_progress(&state, &so_far);
    state.config.link_bytes_per_s = 65e6;
    assert_near(governor_judge(&state).switchover_bytes_per_s, 65e6 * 0.9);
    so_far = (GovernorPass){.pages = 10, .stream_bytes = 41040, .wire_bytes = 20520, .seconds = 1};
    governor_progress(&state, &so_far); /* too little to say anything */
    assert_near(governor_judge(&state).switchover_bytes_per_s, 65e6 * 0.9);
    g_assert_cmpuint(state.passes_total, ==, 0);
}

/* A guest that writes a page every few ms: QEMU's walks are short and its looking for more is most of the time. */
static void test_waiting_costs_nothing(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);

    first_pass(&state, 36600, 36600 * FULL / 2, 6);
    for (guint i = 0; i < 3; i++) {
        GovernorPass pass = {.pages = 16384,
                             .stream_bytes = 16384 * 4104,
                             .wire_bytes = 200000,
                             .seconds = 0.400,
                             .waited_s = 0.300,
                             .pages_resent = 16384,
                             .resent_stream_bytes = 16384 * 4104,
                             .resent_wire_bytes = 200000};

        governor_pass(&state, &pass);
    }
    g_assert_false(governor_judge(&state).cannot_converge);
    assert_near(governor_judge(&state).expected_downtime_s, 0.030 + 0.100);
    g_assert_cmpfloat(governor_judge(&state).switchover_bytes_per_s, >, 16384 * 4096 / 0.300);
}

/* What is shown live: by what the last pass cost; and never less than the one that goes on has cost already. */
static void test_expects_at_least_what_goes_on(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);
    GovernorPass so_far = {.pages = 900,
                           .stream_bytes = 900 * 4104,
                           .wire_bytes = 400000,
                           .seconds = 5,
                           .waited_s = 4.99,
                           .pages_resent = 900,
                           .resent_stream_bytes = 900 * 4104,
                           .resent_wire_bytes = 400000};

    first_pass(&state, 36600, 36600 * FULL / 2, 6);
    governor_progress(&state, &so_far);
    g_assert_true(isnan(governor_judge(&state).expected_downtime_s)); /* how much of it is that? */
    resend(&state, 1000, 250000, 0.001);
    assert_near(governor_judge(&state).expected_downtime_s, 0.030 + 0.020);
    governor_progress(&state, &so_far);
    assert_near(governor_judge(&state).expected_downtime_s, 0.030 + 0.032);
    assert_near(governor_judge(&state).working_set_bytes, 400000);
    resend(&state, 1000, 250000, 0.001); /* and then it is over */
    assert_near(governor_judge(&state).expected_downtime_s, 0.030 + 0.020);
}

static void test_nothing_known_nothing_said(void)
{
    GovernorState state = by_hand(0.300, 0);

    g_assert_cmpfloat(governor_judge(&state).switchover_bytes_per_s, ==, 0);
    g_assert_cmpfloat(governor_judge(&state).downtime_limit_scale, ==, 1);
    governor_link(&state, 12.5e6, 0.020); /* measured; the round trip is part of every pause */
    assert_near(governor_judge(&state).switchover_bytes_per_s, 12.5e6 * 250 / 300);
    state.config.downtime_limit_s = 0.600; /* told anew */
    assert_near(governor_judge(&state).switchover_bytes_per_s, 12.5e6 * 550 / 600);
}

static void test_first_pass_raises_nothing(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);

    first_pass(&state, 36600, 36600 * FULL / 8, 1.5); /* compressed 8:1 */
    assert_near(governor_judge(&state).switchover_bytes_per_s, 12.5e6 * 0.9);
    governor_pass(&state, &(GovernorPass){0});
    g_assert_cmpuint(state.passes_total, ==, 1);
}

/* The page that ends the first pass was sent twice; that makes no re-sent pass of it. */
static void test_first_pass_with_a_page_twice(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);
    GovernorPass first = {.pages = 98429,
                          .stream_bytes = 151472219,
                          .wire_bytes = 75420613,
                          .seconds = 6.778,
                          .pages_resent = 1,
                          .resent_stream_bytes = 4096};

    governor_pass(&state, &first);
    g_assert_true(isnan(governor_judge(&state).working_set_bytes));
    resend(&state, 16384, 16384 * 11, 0.050);
    g_assert_cmpfloat(governor_judge(&state).switchover_bytes_per_s, >, 16384 * 4096 / 0.300);

    state = by_hand(0.300, 12.5e6);
    governor_pass(&state, &first);
    resend(&state, 2214, 8369769, 0.654);
    resend(&state, 2147, 8413926, 0.680);
    g_assert_true(governor_judge(&state).cannot_converge);
}

static void test_slow_encoder_lowers(void)
{
    GovernorState state = by_hand(0.300, 1e9);

    first_pass(&state, 36600, 36600 * FULL / 2, 36600 * FULL / 300e6); /* 300 MB/s is all that it can do */
    assert_near(governor_judge(&state).switchover_bytes_per_s, 0.75 * 300e6 * 0.9);
}

/* A pass that fits: so many pages again, a tenth more, and what is left of the budget at full price. */
static void test_pass_that_fits_raises(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);
    double cost_s = 16384 * 11 / 12.5e6; /* 14.4 ms on the wire */
    double threshold;

    first_pass(&state, 36600, 36600 * FULL / 2, 6);
    resend(&state, 16384, 16384 * 11, 0.0001);
    threshold = 16384 * 4096 * 1.1 + 0.9 * (0.270 - 1.1 * cost_s) * 12.5e6;
    assert_near(governor_judge(&state).switchover_bytes_per_s, threshold / 0.300);
    assert_near(governor_judge(&state).downtime_limit_scale, threshold / (0.300 * 12.5e6));
    assert_near(governor_judge(&state).working_set_bytes, 16384 * 11);
    assert_near(governor_judge(&state).expected_downtime_s, 0.030 + cost_s);

    /* the lowest of the last three counts */
    resend(&state, 1000, 1000 * 11, 0.0001);
    threshold = 1000 * 4096 * 1.1 + 0.9 * (0.270 - 1.1 * 1000 * 11 / 12.5e6) * 12.5e6;
    assert_near(governor_judge(&state).switchover_bytes_per_s, threshold / 0.300);

    /* one that takes as long as it may holds back the others, whatever it costs on the wire */
    resend(&state, 16384, 16384 * 11, 0.271);
    g_assert_cmpfloat(governor_judge(&state).switchover_bytes_per_s, <=, 12.5e6);
}

static void test_trust_is_bounded(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);

    first_pass(&state, 36600, 36600 * FULL / 2, 6);
    resend(&state, 1000000, 1000000, 0.1);
    assert_near(governor_judge(&state).switchover_bytes_per_s, 64 * 12.5e6 * 0.9);
}

/* ---- cannot converge, by hand ---- */

static void test_says_so_with_numbers(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);
    double wire_bytes = 8.1 * MIB;

    first_pass(&state, 36600, 36600 * FULL / 2, 6);
    resend(&state, 2048, wire_bytes, wire_bytes / 12.5e6);
    g_assert_false(governor_judge(&state).cannot_converge); /* may have been the long first pass */
    resend(&state, 2048, wire_bytes, wire_bytes / 12.5e6);
    GovernorVerdict verdict = governor_judge(&state);

    g_assert_true(verdict.cannot_converge);
    g_assert_cmpstr(verdict.reason, ==,
                    "one pass dirties 8.1 MiB that cost 8.1 MiB on the wire; 12.5 MB/s carry 3.2 MiB in 270 ms, and "
                    "passes do not get shorter");
    assert_near(verdict.expected_downtime_s, 0.030 + wire_bytes / 12.5e6);

    /* the guest changes its mind */
    resend(&state, 200, 0.8 * MIB, 0.8 * MIB / 12.5e6);
    g_assert_false(governor_judge(&state).cannot_converge);
}

static void test_shrinking_passes_are_hope(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);

    first_pass(&state, 36600, 36600 * FULL / 2, 6);
    for (double seconds = 5; seconds > 0.2; seconds *= 0.9) {
        resend(&state, 10000, seconds * 12.5e6, seconds);
        g_assert_false(governor_judge(&state).cannot_converge);
    }
}

/* Towards 0.5 s, geometrically: shorter each time, and yet above what 270 ms carry for ever. */
static void test_shrinking_to_too_much_is_not(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);
    guint passes = 0;

    first_pass(&state, 36600, 36600 * FULL / 2, 6);
    for (double above = 3; passes < 20 && !governor_judge(&state).cannot_converge; above *= 0.5, passes++) {
        resend(&state, 10000, (0.5 + above) * 12.5e6, 0.5 + above);
    }
    g_assert_cmpuint(passes, >=, 3);
    g_assert_cmpuint(passes, <=, 10);
}

/* Little on the wire, but so many pages that relay and destination cannot do them in time. */
static void test_slow_pass_is_told_as_such(void)
{
    GovernorState state = by_hand(0.300, 1e9);

    first_pass(&state, 36600, 36600 * FULL / 2, 0.5);
    for (guint i = 0; i < 3; i++) {
        resend(&state, 65536, 65536 * 11, 0.6);
    }
    g_assert_true(governor_judge(&state).cannot_converge);
    g_assert_nonnull(strstr(governor_judge(&state).reason, "takes 600 ms although they cost only 0.7 MiB"));
}

static void test_limit_below_the_fixed_parts(void)
{
    GovernorState state = by_hand(0.030, 12.5e6);

    governor_link(&state, 0, 0.010);
    g_assert_false(governor_judge(&state).cannot_converge); /* 30 ms of 50 */
    g_assert_cmpfloat(governor_judge(&state).switchover_bytes_per_s, >, 0);
    governor_link(&state, 0, 0.040);
    g_assert_true(governor_judge(&state).cannot_converge);
    g_assert_nonnull(strstr(governor_judge(&state).reason, "take 60 ms of every pause; the downtime limit is 30 ms"));
}

static void test_old_passes_are_dropped(void)
{
    GovernorState state = by_hand(0.300, 12.5e6);

    for (guint i = 0; i < 3 * GOVERNOR_PASSES_KEPT; i++) {
        resend(&state, i + 1, 100, 0.001);
    }
    g_assert_cmpuint(state.passes_length, ==, GOVERNOR_PASSES_KEPT);
    g_assert_cmpuint(state.passes_total, ==, 3 * GOVERNOR_PASSES_KEPT);
    g_assert_cmpuint(state.passes[GOVERNOR_PASSES_KEPT - 1].pages, ==, 3 * GOVERNOR_PASSES_KEPT);
}

/* ---- on a simulated QEMU ---- */

static const ModelLoad loads[] = {
    {"idle", {{100, 300, 200, TRUE, 40, FULL}}},
    {"sparse", {{2000, 16384, 16384 / 0.4, FALSE, 7, 60}}},
    {"mixed",
     {{2000, 6144, 6144 / 0.2, FALSE, 33, 400},
      {10000, 2048, 256 / 0.2, FALSE, FULL, FULL},
      {14000, 2048, 256 / 0.2, FALSE, FULL / 4, FULL / 4}}},
    {"rewrite", {{2000, 2048, 2048 / 0.08, FALSE, FULL, FULL}}},
    {"random64", {{2000, 16384, 60000, TRUE, 74, FULL}}},
    {"text", {{2000, 2048, 2048 / 0.08, FALSE, FULL / 4, FULL / 4}}},
};
static const double links[] = {12.5e6, 100e6, 1000e6};

/* Nothing helps but another way than pre-copy: 8 MiB at full price, rewritten in 80 ms, against 3.4 MB. */
static gboolean cannot(const ModelLoad *load, double link_bytes_per_s)
{
    return g_str_equal(load->name, "rewrite") && link_bytes_per_s < 20e6;
}

#define PASSES_MAX 20 /* of re-sent ones: some are gone by before QEMU hears that they fit */

static void check_cell(const ModelCell *cell)
{
    ModelResult result = model_run(cell);
    g_autofree char *where = g_strdup_printf(
        "%s at %g MB/s, rtt %g ms, link %s, seed %u: ended %d, pause %.0f ms, %u passes, %.1f s, said after %u: %s",
        cell->load->name, cell->link_bytes_per_s / 1e6, cell->rtt_s * 1e3, cell->link_is_told ? "told" : "measured",
        (guint)cell->seed, result.ended, result.pause_s * 1e3, result.resent_passes, result.seconds, result.said_after,
        result.reason);

    g_test_message("%s", where);
    if (result.ended && result.pause_s > cell->downtime_limit_s + 0.020) {
        g_error("the limit was broken: %s", where);
    }
    if (cannot(cell->load, cell->link_bytes_per_s) != !result.ended) {
        g_error("ended or not, the other way was expected: %s", where);
    }
    if (result.ended ? result.said_after > 0 : result.said_after == 0 || result.said_after > 3) {
        g_error("said too early, too late or wrongly: %s", where);
    }
}

static void test_promises(void)
{
    guint64 seeds = 6;

    for (gsize l = 0; l < G_N_ELEMENTS(loads); l++) {
        for (gsize k = 0; k < G_N_ELEMENTS(links); k++) {
            for (guint64 seed = 1; seed <= seeds; seed++) {
                check_cell(&(ModelCell){.load = &loads[l],
                                        .link_bytes_per_s = links[k],
                                        .rtt_s = (double)(seed % 3) * 0.010,
                                        .downtime_limit_s = 0.300,
                                        .first_ratio = 1 + (double)(seed % 4),
                                        .raw_bytes_per_s = 400e6,
                                        .link_is_told = seed % 2,
                                        .passes_max = PASSES_MAX,
                                        .seed = seed});
            }
        }
    }
}

/* What the governor is for: the same QEMU with nobody beside it does as the real one did. */
static void test_qemu_alone_breaks_the_limit(void)
{
    guint broken = 0;

    for (guint64 seed = 1; seed <= 6; seed++) {
        ModelCell cell = {.load = &loads[3],
                          .link_bytes_per_s = 12.5e6,
                          .downtime_limit_s = 0.300,
                          .first_ratio = 2.5,
                          .raw_bytes_per_s = 400e6,
                          .is_ungoverned = TRUE,
                          .passes_max = PASSES_MAX,
                          .seed = seed};
        ModelResult result = model_run(&cell);

        g_test_message("%s: ended %d, pause %.0f ms", cell.load->name, result.ended, result.pause_s * 1e3);
        broken += result.ended && result.pause_s > 0.600;
    }
    g_assert_cmpuint(broken, ==, 6);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/governor/promises-the-link-before-any-pass", test_link_before_any_pass);
    g_test_add_func("/governor/fast-link-is-unproven-before-a-pass", test_fast_link_is_unproven);
    g_test_add_func("/governor/pass-that-goes-on-counts", test_pass_that_goes_on_counts);
    g_test_add_func("/governor/waiting-for-qemu-costs-nothing", test_waiting_costs_nothing);
    g_test_add_func("/governor/expects-at-least-what-goes-on", test_expects_at_least_what_goes_on);
    g_test_add_func("/governor/says-nothing-while-nothing-is-known", test_nothing_known_nothing_said);
    g_test_add_func("/governor/first-pass-raises-nothing", test_first_pass_raises_nothing);
    g_test_add_func("/governor/first-pass-with-a-page-twice", test_first_pass_with_a_page_twice);
    g_test_add_func("/governor/slow-encoder-lowers-the-rate", test_slow_encoder_lowers);
    g_test_add_func("/governor/pass-that-fits-raises-the-rate", test_pass_that_fits_raises);
    g_test_add_func("/governor/trust-is-bounded", test_trust_is_bounded);
    g_test_add_func("/governor/says-with-numbers-that-it-cannot-converge", test_says_so_with_numbers);
    g_test_add_func("/governor/shrinking-passes-are-hope", test_shrinking_passes_are_hope);
    g_test_add_func("/governor/shrinking-to-too-much-is-not", test_shrinking_to_too_much_is_not);
    g_test_add_func("/governor/slow-pass-is-told-as-such", test_slow_pass_is_told_as_such);
    g_test_add_func("/governor/limit-below-the-fixed-parts", test_limit_below_the_fixed_parts);
    g_test_add_func("/governor/old-passes-are-dropped", test_old_passes_are_dropped);
    g_test_add_func("/governor/qemu-alone-breaks-the-limit", test_qemu_alone_breaks_the_limit);
    g_test_add_func("/governor/keeps-its-promises-on-a-simulated-qemu", test_promises);
    return g_test_run();
}
