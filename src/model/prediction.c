/* SPDX-License-Identifier: Apache-2.0
 *
 * Prediction's life and sums; see prediction.h. */
#include "model/prediction.h"
#include "base/units.h"

#include <math.h>

static void step_free(gpointer data)
{
    g_free(((PredictedStep *)data)->peak_bytes);
    g_free(data);
}

static void add_host(GPtrArray *hosts, const char *name)
{
    if (!g_ptr_array_find_with_equal_func(hosts, name, g_str_equal, NULL)) {
        g_ptr_array_add(hosts, g_strdup(name));
    }
}

Prediction *prediction_new(const Plan *plan)
{
    Prediction *prediction = g_new0(Prediction, 1);
    GPtrArray *hosts = g_ptr_array_new();

    for (guint i = 0; i < plan->steps->len; i++) {
        add_host(hosts, plan_step_at(plan, i)->source);
    }
    for (guint i = 0; i < plan->steps->len; i++) {
        add_host(hosts, plan_step_at(plan, i)->destination);
    }
    prediction->hosts_length = hosts->len;
    g_ptr_array_add(hosts, NULL);
    prediction->hosts = (char **)g_ptr_array_free(hosts, FALSE);
    prediction->memory_bytes = g_new0(guint64, prediction->hosts_length + 1);
    prediction->start_bytes = g_new0(guint64, prediction->hosts_length + 1);
    prediction->peak_bytes = g_new0(guint64, prediction->hosts_length + 1);
    prediction->end_bytes = g_new0(guint64, prediction->hosts_length + 1);
    prediction->steps = g_ptr_array_new_with_free_func(step_free);
    prediction->notes = g_ptr_array_new_with_free_func(g_free);
    return prediction;
}

void prediction_free(Prediction *prediction)
{
    if (prediction) {
        gang_outcome_free(prediction->outcome);
        g_strfreev(prediction->hosts);
        g_free(prediction->memory_bytes);
        g_free(prediction->start_bytes);
        g_free(prediction->peak_bytes);
        g_free(prediction->end_bytes);
        g_ptr_array_unref(prediction->steps);
        g_ptr_array_unref(prediction->notes);
        g_free(prediction);
    }
}

int prediction_find_host(const Prediction *prediction, const char *host)
{
    for (guint i = 0; i < prediction->hosts_length; i++) {
        if (g_str_equal(prediction->hosts[i], host)) {
            return (int)i;
        }
    }
    return -1;
}

void prediction_add_step(Prediction *prediction, guint step, double at_s, guint64 *peak_bytes)
{
    PredictedStep *made = g_new0(PredictedStep, 1);

    *made = (PredictedStep){step, at_s, peak_bytes};
    g_ptr_array_add(prediction->steps, made);
}

void prediction_add_note(Prediction *prediction, char *note)
{
    g_ptr_array_add(prediction->notes, note);
}

void prediction_update(Prediction *prediction)
{
    const GPtrArray *outcomes = prediction->outcome->outcomes;

    for (guint h = 0; h < prediction->hosts_length; h++) {
        prediction->peak_bytes[h] = prediction->start_bytes[h];
    }
    for (guint i = 0; i < prediction->steps->len; i++) {
        const PredictedStep *step = g_ptr_array_index(prediction->steps, i);

        prediction->finish_s = MAX(prediction->finish_s, step->at_s);
        for (guint h = 0; h < prediction->hosts_length; h++) {
            prediction->peak_bytes[h] = MAX(prediction->peak_bytes[h], step->peak_bytes[h]);
        }
    }
    prediction->downtime_ms = 0;
    for (guint i = 0; i < outcomes->len; i++) {
        const Outcome *outcome = g_ptr_array_index(outcomes, i);

        if (outcome->kind == OUTCOME_MIGRATED && !isnan(outcome->guest_gap_ms)) {
            prediction->downtime_ms += outcome->guest_gap_ms;
        }
    }
}
