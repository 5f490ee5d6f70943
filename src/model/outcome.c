/* SPDX-License-Identifier: Apache-2.0
 *
 * Outcome and GangOutcome; see outcome.h. */
#include "model/outcome.h"
#include "base/units.h"

#include <math.h>

NAMED_ENUM_DEFINE(Phase, phase, PHASES)
NAMED_ENUM_DEFINE(OutcomeKind, outcome_kind, OUTCOME_KINDS)
NAMED_ENUM_DEFINE(Fault, fault, FAULTS)

Outcome *outcome_new(const PlanStep *step)
{
    Outcome *outcome = g_new0(Outcome, 1);

    outcome->vm = g_strdup(step->vm);
    outcome->source = g_strdup(step->source);
    outcome->destination = g_strdup(step->destination);
    outcome->choice = choice_copy(step->choice);
    outcome->algorithm = step->choice->algorithm;
    outcome->kind = OUTCOME_NOT_STARTED;
    relay_figures_init(&outcome->relay);
    outcome->downtime_ms = outcome->guest_gap_ms = outcome->work_lost_s = NAN;
    return outcome;
}

void outcome_free(Outcome *outcome)
{
    if (outcome) {
        g_free(outcome->vm);
        g_free(outcome->source);
        g_free(outcome->destination);
        g_free(outcome->now_at);
        g_free(outcome->message);
        choice_free(outcome->choice);
        g_free(outcome);
    }
}

GangOutcome *gang_outcome_new(const char *id, Policy policy)
{
    GangOutcome *gang = g_new0(GangOutcome, 1);

    gang->id = g_strdup(id);
    gang->policy = policy;
    gang->outcomes = g_ptr_array_new_with_free_func((GDestroyNotify)outcome_free);
    return gang;
}

void gang_outcome_free(GangOutcome *gang)
{
    if (gang) {
        g_free(gang->id);
        g_ptr_array_unref(gang->outcomes);
        g_free(gang);
    }
}

void gang_outcome_update(GangOutcome *gang)
{
    gint64 first_ns = G_MAXINT64;
    gint64 last_ns = 0;

    gang->total_time_s = gang->total_downtime_ms = gang->elapsed_s = 0;
    gang->bytes = 0;
    for (guint i = 0; i < gang->outcomes->len; i++) {
        const Outcome *outcome = g_ptr_array_index(gang->outcomes, i);

        gang->bytes += outcome->bytes;
        if (outcome->begun_ns > 0) {
            first_ns = MIN(first_ns, outcome->begun_ns);
            last_ns = MAX(last_ns, outcome->ended_ns);
        }
        if (outcome->kind == OUTCOME_MIGRATED) {
            double downtime_ms = isnan(outcome->downtime_ms) ? outcome->guest_gap_ms : outcome->downtime_ms;

            gang->total_time_s = MAX(gang->total_time_s, outcome->total_time_s);
            gang->total_downtime_ms += isnan(downtime_ms) ? 0 : downtime_ms;
        }
    }
    gang->time_product = gang->total_time_s * gang->total_downtime_ms;
    gang->elapsed_s = last_ns > first_ns ? (double)(last_ns - first_ns) / (double)NS_PER_S : 0;
}

guint gang_outcome_count(const GangOutcome *gang, OutcomeKind kind)
{
    guint count = 0;

    for (guint i = 0; i < gang->outcomes->len; i++) {
        count += ((const Outcome *)g_ptr_array_index(gang->outcomes, i))->kind == kind;
    }
    return count;
}
