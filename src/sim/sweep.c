/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs in a pool of threads; see sweep.h.
 *
 * The pool's threads push outcomes into a queue; the caller's thread takes them out, tells the progress, and talks to
 * the other ranks: it sends each outcome to rank 0, or at rank 0 looks for messages whenever the queue has been silent
 * for a moment.  So no message passing happens in a thread of the pool, as MPI's simplest level of threads wants it. */
#include "sim/sweep.h"

#include "base/error.h"

#include <sched.h>
#include <string.h>

#define LISTEN_US 5000 /* between two looks for messages */
#define MESSAGE   "(umsad)"

typedef struct Sweep {
    const SweepConfig *config;
    guint rank;
    guint size;
    GAsyncQueue *queue;  /* SweepOutcome */
    GPtrArray *outcomes; /* at the run's index; NULL: not there yet */
    guint own;           /* runs of this rank */
    guint done;          /* outcomes that are there */
} Sweep;

void sweep_outcome_free(SweepOutcome *outcome)
{
    if (outcome) {
        g_free(outcome->error);
        g_free(outcome->values);
        g_free(outcome);
    }
}

static guint processors(void)
{
    cpu_set_t set;

    if (sched_getaffinity(0, sizeof set, &set) != 0) {
        return g_get_num_processors();
    }
    return MAX(1, (guint)CPU_COUNT(&set));
}

/* Processes of the same launcher on this machine share its processors. */
static guint threads_of(const SweepConfig *config, guint size)
{
    const char *local = g_getenv("OMPI_COMM_WORLD_LOCAL_SIZE") ?: g_getenv("MPI_LOCALNRANKS");
    guint64 neighbours = 1;

    if (config->threads) {
        return config->threads;
    }
    if (size > 1 && local) {
        g_ascii_string_to_unsigned(local, 10, 1, G_MAXUINT16, &neighbours, NULL);
    }
    return MAX(1, processors() / (guint)neighbours);
}

static void play(gpointer data, gpointer user)
{
    Sweep *sweep = user;
    SweepOutcome *outcome = g_new0(SweepOutcome, 1);
    g_autoptr(GError) error = NULL;

    outcome->run = GPOINTER_TO_UINT(data) - 1; /* a pool takes no NULL */
    outcome->values = g_new0(double, sweep->config->values);
    if (!sweep->config->run(outcome->run, outcome->values, sweep->config->user, &error)) {
        outcome->error = g_strdup(error->message);
        g_clear_pointer(&outcome->values, g_free);
    }
    g_async_queue_push(sweep->queue, outcome);
}

static gboolean send_outcome(const Sweep *sweep, const SweepOutcome *outcome, GError **error)
{
    GVariant *values = g_variant_new_fixed_array(G_VARIANT_TYPE_DOUBLE, outcome->values,
                                                 outcome->values ? sweep->config->values : 0, sizeof(double));
    g_autoptr(GVariant) message = g_variant_ref_sink(g_variant_new("(ums@ad)", outcome->run, outcome->error, values));

    if (!sweep->config->ranks->send(g_variant_get_data(message), g_variant_get_size(message))) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "rank %u cannot send to rank 0", sweep->rank);
        return FALSE;
    }
    return TRUE;
}

/* Takes 'outcome'. */
static gboolean keep(Sweep *sweep, SweepOutcome *outcome, GError **error)
{
    if (outcome->run >= sweep->outcomes->len || g_ptr_array_index(sweep->outcomes, outcome->run)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_PROTOCOL, "the outcome of run %u came twice, or there is none",
                    outcome->run);
        sweep_outcome_free(outcome);
        return FALSE;
    }
    g_ptr_array_index(sweep->outcomes, outcome->run) = outcome;
    sweep->done++;
    if (sweep->config->progress) {
        sweep->config->progress(sweep->done, sweep->rank == 0 ? sweep->config->runs : sweep->own, outcome,
                                sweep->config->user);
    }
    return sweep->rank == 0 || send_outcome(sweep, outcome, error);
}

static SweepOutcome *outcome_of_message(const Sweep *sweep, GBytes *bytes, GError **error)
{
    g_autoptr(GVariant) message = g_variant_ref_sink(g_variant_new_from_bytes(G_VARIANT_TYPE(MESSAGE), bytes, FALSE));
    SweepOutcome *outcome = g_new0(SweepOutcome, 1);
    g_autoptr(GVariant) values = NULL;
    gsize length = 0;

    g_variant_get(message, "(ums@ad)", &outcome->run, &outcome->error, &values);
    const double *received = g_variant_get_fixed_array(values, &length, sizeof(double));
    if (!g_variant_is_normal_form(message) || length != (outcome->error ? 0 : sweep->config->values)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_PROTOCOL, "a rank sent what is no outcome of this sweep");
        sweep_outcome_free(outcome);
        return NULL;
    }
    if (!outcome->error) {
        outcome->values = g_memdup2(received, length * sizeof(double));
    }
    return outcome;
}

/* All messages that have come. */
static gboolean listen(Sweep *sweep, GError **error)
{
    GBytes *bytes;

    while ((bytes = sweep->config->ranks->receive())) {
        SweepOutcome *outcome = outcome_of_message(sweep, bytes, error);

        g_bytes_unref(bytes);
        if (!outcome || !keep(sweep, outcome, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Until this rank has all outcomes that it waits for. */
static gboolean collect(Sweep *sweep, GError **error)
{
    gboolean listens = sweep->rank == 0 && sweep->size > 1;
    guint wanted = sweep->rank == 0 ? sweep->config->runs : sweep->own;

    while (sweep->done < wanted) {
        SweepOutcome *outcome =
            listens ? g_async_queue_timeout_pop(sweep->queue, LISTEN_US) : g_async_queue_pop(sweep->queue);

        if (outcome && !keep(sweep, outcome, error)) {
            return FALSE;
        }
        if (listens && !listen(sweep, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

/* Drops the places of runs that other ranks have. */
static void drop_holes(GPtrArray *outcomes)
{
    guint kept = 0;

    for (guint i = 0; i < outcomes->len; i++) {
        gpointer outcome = g_ptr_array_index(outcomes, i);

        g_ptr_array_index(outcomes, i) = NULL;
        if (outcome) {
            g_ptr_array_index(outcomes, kept++) = outcome;
        }
    }
    g_ptr_array_set_size(outcomes, (int)kept);
}

static gboolean run_own(Sweep *sweep, GError **error)
{
    GThreadPool *pool = g_thread_pool_new(play, sweep, (int)threads_of(sweep->config, sweep->size), TRUE, error);

    if (!pool) {
        return FALSE;
    }
    for (guint run = sweep->rank; run < sweep->config->runs; run += sweep->size) {
        sweep->own++;
        g_thread_pool_push(pool, GUINT_TO_POINTER(run + 1), NULL);
    }
    gboolean is_collected = collect(sweep, error);
    g_thread_pool_free(pool, !is_collected, TRUE); /* after a mistake runs that wait are dropped */
    return is_collected;
}

GPtrArray *sweep_run(const SweepConfig *config, guint *rank, GError **error)
{
    const char *why = NULL;
    Sweep sweep = {.config = config, .size = 1};
    gboolean is_open = !config->ranks || config->ranks->open(&sweep.rank, &sweep.size, &why);
    gboolean is_done = FALSE;

    sweep.queue = g_async_queue_new_full((GDestroyNotify)sweep_outcome_free);
    sweep.outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)sweep_outcome_free);
    g_ptr_array_set_size(sweep.outcomes, (int)config->runs);
    if (is_open) {
        is_done = run_own(&sweep, error);
    } else {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "the processes of this sweep cannot talk: %s", why);
    }
    if (config->ranks) {
        config->ranks->close();
    }
    g_async_queue_unref(sweep.queue);
    drop_holes(sweep.outcomes);
    if (rank) {
        *rank = sweep.rank;
    }
    if (!is_done) {
        g_ptr_array_unref(sweep.outcomes);
        return NULL;
    }
    return sweep.outcomes;
}
