/* SPDX-License-Identifier: Apache-2.0
 *
 * A QEMU for tests of the governor: a guest that writes, QEMU's passes and its decision to stop, a relay that counts
 * passes as the real one does, a link; all in virtual time, page by page.
 *
 * What QEMU does is as in its source from 8.2 to 10.0: it walks over the dirty pages; whenever those left are below
 * the threshold it fetches the dirty log; when then still fewer are left it stops the guest, fetches once more and
 * sends the rest.  The threshold is reckoned every 100 ms from the parameters, which arrive late because somebody
 * polls the relay and tells QEMU. */
#pragma once

#include "base/rng.h"
#include "wire/governor.h"

#include <math.h>
#include <string.h>

#define MODEL_PAGES        98304 /* 384 MiB */
#define MODEL_USED         36600 /* of them not zero: 150 MB */
#define MODEL_PAGE         4096.0
#define MODEL_RECORD       4104.0
#define MODEL_ZERO_RECORD  9.0
#define MODEL_AREAS        3
#define MODEL_SLICE_S      0.0005 /* of the guest's time */
#define MODEL_COUNTERS_S   0.100  /* QEMU: BUFFER_DELAY */
#define MODEL_STATUS_S     0.200  /* of the relay */
#define MODEL_TELL_S       0.020  /* until QEMU knows */
#define MODEL_SYNC_S       0.002  /* fetching the dirty log */
#define MODEL_PASS_S       0.020  /* shorter walks count as one pass */
#define MODEL_QUEUE_S      0.010
#define MODEL_DEVICE_BYTES 60000.0
#define MODEL_START_S      0.010

/* Pages that the guest writes, round and round or at random. */
typedef struct ModelArea {
    guint first, pages;
    double pages_per_s;
    gboolean is_random;
    double again_bytes; /* on the wire, what one write adds to a page that is sent again */
    double most_bytes;  /* of such a page */
} ModelArea;

typedef struct ModelLoad {
    const char *name;
    ModelArea areas[MODEL_AREAS];
} ModelLoad;

typedef struct ModelCell {
    const ModelLoad *load;
    double link_bytes_per_s;
    double rtt_s;
    double downtime_limit_s;
    double first_ratio;     /* raw per wire byte of pages that are sent for the first time */
    double raw_bytes_per_s; /* what encoder and codec do */
    gboolean link_is_told;
    gboolean is_ungoverned; /* nobody tells QEMU anything: it reckons with what its socket took in the last 100 ms */
    guint passes_max;
    guint64 seed;
} ModelCell;

typedef struct ModelResult {
    gboolean ended; /* by switching over */
    double pause_s;
    double seconds;      /* until then */
    guint resent_passes; /* that had ended by then */
    guint said_after;    /* re-sent passes when cannot_converge was first said; 0: never */
    char reason[256];
} ModelResult;

typedef struct Model {
    const ModelCell *cell;
    Rng rng;
    double now_s, guest_s; /* the guest has run up to guest_s */
    double noise;          /* this run's factor on what is written */
    double written[MODEL_AREAS];
    guint8 dirty[MODEL_PAGES], logged[MODEL_PAGES], sent[MODEL_PAGES];
    float changed_bytes[MODEL_PAGES]; /* since it was sent, what it would cost */
    guint dirty_length, cursor;
    GovernorPass pass;
    double pass_began_s;
    GovernorState governor;
    GovernorVerdict verdict;
    double switchover_bytes_per_s; /* that QEMU knows */
    double told_at_s, told;        /* on its way to QEMU */
    double threshold, counted_s, status_s;
    double stream_bytes, counted_bytes; /* taken from QEMU, in all and when it counted last */
    ModelResult result;
} Model;

static void model_write(Model *model, const ModelArea *area, guint page)
{
    model->logged[page] = 1;
    model->changed_bytes[page] = (float)fmin(model->changed_bytes[page] + area->again_bytes, area->most_bytes);
}

static void model_run_guest(Model *model)
{
    while (model->guest_s + MODEL_SLICE_S <= model->now_s) {
        for (guint a = 0; a < MODEL_AREAS; a++) {
            const ModelArea *area = &model->cell->load->areas[a];
            double from = model->written[a];

            model->written[a] += area->pages_per_s * model->noise * MODEL_SLICE_S;
            for (double w = ceil(from); w < model->written[a]; w++) {
                guint page = area->is_random ? rng_below(&model->rng, area->pages) : (guint)fmod(w, area->pages);

                model_write(model, area, area->first + page);
            }
        }
        model->guest_s += MODEL_SLICE_S;
    }
}

static void model_sync(Model *model)
{
    model->now_s += MODEL_SYNC_S;
    model->pass.waited_s += MODEL_SYNC_S;
    model_run_guest(model);
    for (guint p = 0; p < MODEL_PAGES; p++) {
        if (model->logged[p]) {
            model->dirty_length += !model->dirty[p];
            model->dirty[p] = 1;
            model->logged[p] = 0;
        }
    }
}

static void model_pass_ends(Model *model)
{
    model->pass.seconds = model->now_s - model->pass_began_s;
    governor_pass(&model->governor, &model->pass);
    model->result.resent_passes += model->pass.pages_resent > 0;
    governor_link(&model->governor,
                  fmax(model->governor.link_bytes_per_s, model->pass.wire_bytes / model->pass.seconds),
                  model->cell->rtt_s);
    model->verdict = governor_judge(&model->governor);
    if (model->verdict.cannot_converge && model->result.said_after == 0) {
        model->result.said_after = model->result.resent_passes;
        memcpy(model->result.reason, model->verdict.reason, sizeof(model->result.reason));
    }
    model->pass = (GovernorPass){0};
    model->pass_began_s = model->now_s;
}

/* One page through relay and link: seconds that it takes. */
static double model_send(Model *model, guint page)
{
    const ModelCell *cell = model->cell;
    double wire, stream = MODEL_RECORD, seconds;

    if (model->sent[page]) {
        wire = model->changed_bytes[page] + 4;
        model->pass.pages_resent++;
        model->pass.resent_stream_bytes += (guint64)stream;
        model->pass.resent_wire_bytes += (guint64)wire;
        model->pass.dirty_bytes += (guint64)model->changed_bytes[page];
    } else if (page < MODEL_USED) {
        wire = MODEL_RECORD / cell->first_ratio;
    } else {
        wire = 1;
        stream = MODEL_ZERO_RECORD;
    }
    seconds = fmax(wire / cell->link_bytes_per_s, stream / cell->raw_bytes_per_s);
    model->stream_bytes += stream;
    model->pass.pages++;
    model->pass.stream_bytes += (guint64)stream;
    model->pass.wire_bytes += (guint64)wire;
    model->sent[page] = 1;
    model->changed_bytes[page] = 0;
    model->dirty[page] = 0;
    model->dirty_length--;
    return seconds;
}

/* Status lines, who reads them, QEMU's counters. */
static void model_steer(Model *model)
{
    if (model->now_s >= model->told_at_s && model->told > 0) {
        model->switchover_bytes_per_s = model->told;
        model->told = 0;
    }
    if (model->now_s >= model->status_s) {
        model->status_s = model->now_s + MODEL_STATUS_S;
        model->pass.seconds = model->now_s - model->pass_began_s;
        governor_progress(&model->governor, &model->pass);
        model->verdict = governor_judge(&model->governor);
        model->told = model->cell->is_ungoverned ? 0 : model->verdict.switchover_bytes_per_s;
        model->told_at_s = model->now_s + MODEL_TELL_S;
    }
    if (model->now_s >= model->counted_s) {
        if (model->cell->is_ungoverned) {
            model->switchover_bytes_per_s =
                (model->stream_bytes - model->counted_bytes) / (model->now_s - model->counted_s + MODEL_COUNTERS_S);
            model->counted_bytes = model->stream_bytes;
        }
        model->counted_s = model->now_s + MODEL_COUNTERS_S;
        model->threshold = floor(model->switchover_bytes_per_s / 1000) * (model->cell->downtime_limit_s * 1000);
    }
}

static gboolean model_may_stop(Model *model)
{
    if (model->dirty_length * MODEL_PAGE >= model->threshold) {
        return FALSE;
    }
    model_sync(model);
    return model->dirty_length * MODEL_PAGE < model->threshold;
}

static void model_stop(Model *model)
{
    const ModelCell *cell = model->cell;
    double pause_s = MODEL_QUEUE_S; /* the worst of it */

    model_sync(model);
    for (guint p = 0; p < MODEL_PAGES; p++) {
        if (model->dirty[p]) {
            pause_s += model_send(model, p);
        }
    }
    pause_s += MODEL_DEVICE_BYTES / cell->link_bytes_per_s + cell->rtt_s + MODEL_START_S;
    model->result.ended = TRUE;
    model->result.pause_s = pause_s;
    model->result.seconds = model->now_s;
}

static ModelResult model_run(const ModelCell *cell)
{
    Model *model = g_new0(Model, 1);
    ModelResult result;

    model->cell = cell;
    model->rng = rng_stream(cell->seed, 1);
    model->noise = rng_range(&model->rng, 0.9, 1.1);
    memset(model->dirty, 1, sizeof(model->dirty));
    model->dirty_length = MODEL_PAGES;
    governor_init(&model->governor,
                  &(GovernorConfig){.downtime_limit_s = cell->downtime_limit_s,
                                    .fixed_s = 0.020,
                                    .link_bytes_per_s = cell->link_is_told ? cell->link_bytes_per_s : 0});
    governor_link(&model->governor, cell->link_is_told ? 0 : 0.97 * cell->link_bytes_per_s, cell->rtt_s);
    model->verdict = governor_judge(&model->governor);
    model->switchover_bytes_per_s = cell->is_ungoverned ? 0 : model->verdict.switchover_bytes_per_s;
    while (!model->result.ended && model->result.resent_passes < cell->passes_max) {
        model_steer(model);
        if (model_may_stop(model)) {
            model_stop(model);
            break;
        }
        for (guint n = 0; n < 64 && model->dirty_length > 0; model->cursor = (model->cursor + 1) % MODEL_PAGES) {
            if (model->cursor == 0 && model->now_s - model->pass_began_s >= MODEL_PASS_S) {
                model_pass_ends(model);
            }
            if (model->dirty[model->cursor]) {
                model->now_s += model_send(model, model->cursor);
                n++;
            }
        }
        model_run_guest(model);
    }
    result = model->result;
    g_free(model);
    return result;
}
