/* SPDX-License-Identifier: Apache-2.0
 *
 * The asker; see truth.h.  One round: both hosts are asked at once; when both have answered or failed to, the judge
 * says what is next.  Rounds are TRUTH_FIRST_PAUSE_NS apart at first, then twice as far each time up to
 * TRUTH_LAST_PAUSE_NS.  A host that stays silent is probed, and then the other one is asked once more: the verdict rests on
 * its last word. */
#include "migrate/truth.h"

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"
#include "migrate/leftovers.h"

#define TRUTH_FIRST_PAUSE_NS (100 * NS_PER_MS)
#define TRUTH_LAST_PAUSE_NS  (5 * NS_PER_S)

struct Truth {
    Driver *driver;
    Clock *clock;
    const PlanStep *step;
    TruthView view;
    TruthFunc done;
    gpointer user;
    gint64 begun_ns;
    gint64 pause_ns;
    guint timer;
    guint waiting; /* answers that are still to come */
    gboolean is_cancelled;
};

static void begin_round(gpointer data);

/* Frees a Truth that was cancelled once its last answer has come; TRUE when it was. */
static gboolean is_gone(Truth *truth)
{
    if (truth->is_cancelled && truth->waiting == 0) {
        g_free(truth);
        return TRUE;
    }
    return truth->is_cancelled;
}

void truth_cancel(Truth *truth)
{
    if (truth) {
        truth->clock->cancel(truth->clock, truth->timer);
        truth->is_cancelled = TRUE;
        is_gone(truth);
    }
}

static void finish(Truth *truth)
{
    Verdict verdict = truth_judge(&truth->view);

    truth->done(&truth->view, &verdict, truth->user);
    g_free(truth);
}

/* ---- probing a silent host before the verdict ---- */

/* The host that speaks while the other one is silent; NULL: none does. */
static HostWord *only_word(Truth *truth)
{
    TruthView *view = &truth->view;

    return view->source.has_answered ? &view->source : view->destination.has_answered ? &view->destination : NULL;
}

static void on_last_word(const VmTruth *answer, const GError *error, gpointer user)
{
    Truth *truth = user;

    truth->waiting--;
    if (is_gone(truth)) {
        return;
    }
    if (answer) {
        only_word(truth)->truth = *answer;
    } else {
        log_debug("VM %s: what was said before the probe stands: %s", truth->step->vm, error->message);
    }
    finish(truth);
}

/* A probe takes its time, and a post-copy may have ended meanwhile that nobody hears of at the silent host. */
static void ask_last_word(Truth *truth)
{
    const HostWord *word = only_word(truth);

    if (!word) {
        finish(truth);
        return;
    }
    truth->waiting = 1;
    truth->driver->ask_truth(truth->driver, word->host, truth->step->uuid, on_last_word, truth);
}

static void took_probe(Truth *truth, HostWord *word, const GError *error)
{
    truth->waiting--;
    if (is_gone(truth)) {
        return;
    }
    if (!g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED)) {
        word->liveness = error ? LIVENESS_DEAD : LIVENESS_ALIVE;
    }
    if (truth->waiting == 0) {
        ask_last_word(truth);
    }
}

static void on_source_probe(const GError *error, gpointer user)
{
    took_probe(user, &((Truth *)user)->view.source, error);
}

static void on_destination_probe(const GError *error, gpointer user)
{
    took_probe(user, &((Truth *)user)->view.destination, error);
}

static void settle(Truth *truth)
{
    gboolean is_source_silent = !truth->view.source.has_answered;
    gboolean is_destination_silent = !truth->view.destination.has_answered;

    truth->waiting = (guint)is_source_silent + (guint)is_destination_silent;
    if (truth->waiting == 0) {
        finish(truth);
        return;
    }
    if (is_source_silent) {
        truth->driver->probe_host(truth->driver, truth->step->source, on_source_probe, truth);
    }
    if (is_destination_silent) {
        truth->driver->probe_host(truth->driver, truth->step->destination, on_destination_probe, truth);
    }
}

/* ---- rounds ---- */

static void pause_round(Truth *truth)
{
    truth->timer =
        truth->clock->at(truth->clock, truth->clock->now_ns(truth->clock) + truth->pause_ns, begin_round, truth);
    truth->pause_ns = MIN(truth->pause_ns * 2, TRUTH_LAST_PAUSE_NS);
}

static void on_deed(const GError *error, gpointer user)
{
    Truth *truth = user;

    truth->waiting--;
    if (is_gone(truth)) {
        return;
    }
    if (error) {
        log_info("VM %s: %s", truth->step->vm, error->message);
        truth->view.failed_deeds++;
    }
    pause_round(truth);
}

/* A migration that goes on may take its time; a host that is silent, or a pair that should not be, may not. */
static gboolean is_out_of_time(const Truth *truth)
{
    gint64 passed_ns = truth->clock->now_ns(truth->clock) - truth->begun_ns;
    gboolean is_moving = truth->view.source.has_answered && truth->view.source.truth.is_migrating_out;

    return passed_ns >= (is_moving ? TRUTH_RUNNING_LIMIT_NS : TRUTH_SILENT_LIMIT_NS);
}

static void end_round(Truth *truth)
{
    TruthStep next = truth_next(&truth->view);

    if (next != TRUTH_SETTLED && is_out_of_time(truth)) {
        truth->view.is_out_of_time = TRUE;
        next = TRUTH_SETTLED;
    }
    if (next == TRUTH_SETTLED) {
        settle(truth);
    } else if (next == TRUTH_ASK_AGAIN) {
        pause_round(truth);
    } else {
        truth->waiting = 1;
        leftovers_do(truth->driver, truth->step, next, on_deed, truth);
    }
}

static void took_word(Truth *truth, HostWord *word, const VmTruth *answer, const GError *error)
{
    truth->waiting--;
    if (is_gone(truth)) {
        return;
    }
    word->has_answered = answer != NULL;
    if (answer) {
        word->truth = *answer;
        log_debug("VM %s: %s says %s%s%s", truth->step->vm, word->host, vm_state_name(answer->state),
                  answer->is_incoming ? ", incoming" : "", answer->is_migrating_out ? ", migrating" : "");
    } else {
        if (!word->was_silent) {
            log_info("VM %s: %s is asked where it is and does not answer, asking again: %s", truth->step->vm,
                     word->host, error->message);
        }
        word->was_silent = TRUE;
    }
    if (truth->waiting == 0) {
        end_round(truth);
    }
}

static void on_source_word(const VmTruth *answer, const GError *error, gpointer user)
{
    took_word(user, &((Truth *)user)->view.source, answer, error);
}

static void on_destination_word(const VmTruth *answer, const GError *error, gpointer user)
{
    took_word(user, &((Truth *)user)->view.destination, answer, error);
}

static void begin_round(gpointer data)
{
    Truth *truth = data;

    truth->timer = 0;
    truth->waiting = 2;
    truth->driver->ask_truth(truth->driver, truth->step->source, truth->step->uuid, on_source_word, truth);
    truth->driver->ask_truth(truth->driver, truth->step->destination, truth->step->uuid, on_destination_word, truth);
}

Truth *truth_begin(Driver *driver, Clock *clock, const PlanStep *step, const TruthView *known, TruthFunc done,
                   gpointer user)
{
    Truth *truth = g_new0(Truth, 1);

    truth->driver = driver;
    truth->clock = clock;
    truth->step = step;
    truth->view = *known;
    truth->view.source = (HostWord){.host = step->source};
    truth->view.destination = (HostWord){.host = step->destination};
    truth->done = done;
    truth->user = user;
    truth->begun_ns = clock->now_ns(clock);
    truth->pause_ns = TRUTH_FIRST_PAUSE_NS;
    begin_round(truth);
    return truth;
}
