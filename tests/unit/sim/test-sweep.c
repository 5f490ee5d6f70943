/* SPDX-License-Identifier: Apache-2.0
 *
 * src/sim/sweep.c: order, failures, and processes that share a sweep: here they are threads that talk by queues. */
#include "sim/sweep.h"

#include "base/error.h"

#include <string.h>

#define RUNS 50

static gboolean square(guint run, double *values, gpointer user, GError **error)
{
    if (run % 7 == 3) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "run %u is unlucky", run);
        return FALSE;
    }
    g_usleep((RUNS - run) * 20); /* so that later ones end before */
    values[0] = run;
    values[1] = (double)run * run;
    return TRUE;
}

static void assert_outcome(const SweepOutcome *outcome, guint run)
{
    g_assert_cmpuint(outcome->run, ==, run);
    if (run % 7 == 3) {
        g_autofree char *wanted = g_strdup_printf("run %u is unlucky", run);

        g_assert_cmpstr(outcome->error, ==, wanted);
        g_assert_null(outcome->values);
    } else {
        g_assert_null(outcome->error);
        g_assert_cmpfloat(outcome->values[1], ==, (double)run * run);
    }
}

static void count_up(guint done, guint runs, const SweepOutcome *latest, gpointer user)
{
    guint *last = user;

    g_assert_cmpuint(done, ==, *last + 1);
    g_assert_cmpuint(runs, ==, RUNS);
    g_assert_nonnull(latest);
    *last = done;
}

static void test_outcomes_are_in_order(void)
{
    for (guint threads = 1; threads <= 4; threads += 3) {
        guint last = 0;
        g_autoptr(GError) error = NULL;
        SweepConfig config = {
            .runs = RUNS, .values = 2, .threads = threads, .run = square, .progress = count_up, .user = &last};
        g_autoptr(GPtrArray) outcomes = sweep_run(&config, NULL, &error);

        g_assert_no_error(error);
        g_assert_cmpuint(outcomes->len, ==, RUNS);
        g_assert_cmpuint(last, ==, RUNS);
        for (guint i = 0; i < RUNS; i++) {
            assert_outcome(g_ptr_array_index(outcomes, i), i);
        }
    }
}

static void test_no_runs_are_no_outcomes(void)
{
    SweepConfig config = {.runs = 0, .values = 2, .run = square};
    g_autoptr(GPtrArray) outcomes = sweep_run(&config, NULL, NULL);

    g_assert_cmpuint(outcomes->len, ==, 0);
}

/* Three ranks as threads of this process. */
#define RANKS 3
static GAsyncQueue *mail;
static GPrivate rank_of_thread;
static int closed;

static gboolean queue_open(guint *rank, guint *size, const char **why)
{
    *rank = GPOINTER_TO_UINT(g_private_get(&rank_of_thread));
    *size = RANKS;
    return TRUE;
}

static gboolean queue_send(const void *message, gsize size_bytes)
{
    g_async_queue_push(mail, g_bytes_new(message, size_bytes));
    return TRUE;
}

static GBytes *queue_receive(void)
{
    return g_async_queue_try_pop(mail);
}

static void queue_close(void)
{
    g_atomic_int_inc(&closed);
}

static const SweepRanks QUEUE_RANKS = {SWEEP_RANKS_VERSION, queue_open, queue_send, queue_receive, queue_close};

static gpointer be_a_rank(gpointer data)
{
    SweepConfig config = {.runs = RUNS, .values = 2, .threads = 2, .run = square, .ranks = &QUEUE_RANKS};
    guint rank = 99;
    g_autoptr(GError) error = NULL;

    g_private_set(&rank_of_thread, data);
    GPtrArray *outcomes = sweep_run(&config, &rank, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(rank, ==, GPOINTER_TO_UINT(data));
    return outcomes;
}

static void test_ranks_share_the_runs(void)
{
    GThread *threads[RANKS];
    guint others = 0;

    mail = g_async_queue_new_full((GDestroyNotify)g_bytes_unref);
    closed = 0;
    for (guint i = 0; i < RANKS; i++) {
        threads[i] = g_thread_new("rank", be_a_rank, GUINT_TO_POINTER(i));
    }
    g_autoptr(GPtrArray) all = g_thread_join(threads[0]);
    for (guint i = 1; i < RANKS; i++) {
        g_autoptr(GPtrArray) own = g_thread_join(threads[i]);

        others += own->len;
        for (guint k = 0; k < own->len; k++) {
            assert_outcome(g_ptr_array_index(own, k), i + k * RANKS);
        }
    }
    g_assert_cmpuint(all->len, ==, RUNS);
    for (guint i = 0; i < RUNS; i++) {
        assert_outcome(g_ptr_array_index(all, i), i);
    }
    g_assert_cmpuint(others, ==, 33); /* rank 0 itself had 17 of 50 */
    g_assert_cmpint(closed, ==, RANKS);
    g_async_queue_unref(mail);
}

static gboolean cannot_open(guint *rank, guint *size, const char **why)
{
    *why = "no network";
    return FALSE;
}

static void test_ranks_that_cannot_talk_are_an_error(void)
{
    SweepRanks ranks = QUEUE_RANKS;
    SweepConfig config = {.runs = RUNS, .values = 2, .run = square, .ranks = &ranks};
    g_autoptr(GError) error = NULL;

    ranks.open = cannot_open;
    closed = 0;
    g_assert_null(sweep_run(&config, NULL, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED);
    g_assert_nonnull(strstr(error->message, "no network"));
    g_assert_cmpint(closed, ==, 1);
}

static gboolean lone_open(guint *rank, guint *size, const char **why)
{
    *rank = 0;
    *size = 2;
    return TRUE;
}

/* What is no outcome, one that came twice, and one of the wrong length. */
static void test_garbage_is_refused(void)
{
    static const double ONE = 1;
    GVariant *variants[] = {
        g_variant_new("(ums@ad)", 0, NULL, g_variant_new_fixed_array(G_VARIANT_TYPE_DOUBLE, &ONE, 1, sizeof ONE)),
        g_variant_new("(ums@ad)", RUNS, "no such run", g_variant_new_fixed_array(G_VARIANT_TYPE_DOUBLE, &ONE, 0, 8)),
        g_variant_new("s", "garbage"),
    };

    for (gsize i = 0; i < G_N_ELEMENTS(variants); i++) {
        SweepRanks ranks = QUEUE_RANKS;
        SweepConfig config = {.runs = RUNS, .values = 2, .threads = 1, .run = square, .ranks = &ranks};
        g_autoptr(GVariant) variant = g_variant_ref_sink(variants[i]);
        g_autoptr(GError) error = NULL;

        ranks.open = lone_open;
        mail = g_async_queue_new_full((GDestroyNotify)g_bytes_unref);
        g_async_queue_push(mail, g_bytes_new(g_variant_get_data(variant), g_variant_get_size(variant)));
        g_assert_null(sweep_run(&config, NULL, &error));
        g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_PROTOCOL);
        g_async_queue_unref(mail);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sweep/outcomes-are-in-order", test_outcomes_are_in_order);
    g_test_add_func("/sweep/no-runs-are-no-outcomes", test_no_runs_are_no_outcomes);
    g_test_add_func("/sweep/ranks-share-the-runs", test_ranks_share_the_runs);
    g_test_add_func("/sweep/ranks-that-cannot-talk-are-an-error", test_ranks_that_cannot_talk_are_an_error);
    g_test_add_func("/sweep/garbage-is-refused", test_garbage_is_refused);
    return g_test_run();
}
