/* SPDX-License-Identifier: Apache-2.0
 *
 * Prediction: a plan played in virtual time, before anything moves.
 *
 * The outcome is that of the very gang that would run the plan, on hosts, links and guests that are simulated; so it
 * counts passes, shares of links, waiting for places, and what is done about a pre-copy that does not converge.  Beside
 * it stands how much memory the VMs of each host need at most, step by step: arriving VMs need theirs while they still
 * have it at the source. */
#pragma once

#include "model/outcome.h"

/* A step of the plan that is over. */
typedef struct PredictedStep {
    guint step;          /* index in the plan; steps come in the order in which they end */
    double at_s;         /* when it is over */
    guint64 *peak_bytes; /* [hosts] the most that each host needed since the step before was over */
} PredictedStep;

typedef struct Prediction {
    guint64 seed;
    GangOutcome *outcome; /* times are of the virtual clock; guest_gap_ms is what each guest stands still at most */
    gint64 start_ns;      /* when it began, by that clock */
    double finish_s;      /* from then until the last step is over */
    double downtime_ms;   /* sum over the VMs that migrate */
    guint hosts_length;
    char **hosts;          /* [hosts], ends with NULL: those that the plan names, in its order */
    guint64 *memory_bytes; /* [hosts] what each has */
    guint64 *start_bytes;  /* [hosts] what its VMs need when it begins */
    guint64 *peak_bytes;   /* [hosts] the most that they need at any moment */
    guint64 *end_bytes;    /* [hosts] what they need when all is over */
    GPtrArray *steps;      /* PredictedStep */
    GPtrArray *notes;      /* char *, what was assumed because nobody knows it */
} Prediction;

/* The hosts that 'plan' names; everything else is 0. */
Prediction *prediction_new(const Plan *plan);
void prediction_free(Prediction *prediction);

/* Index of a host, or -1. */
int prediction_find_host(const Prediction *prediction, const char *host);

/* Takes 'peak_bytes' [hosts]. */
void prediction_add_step(Prediction *prediction, guint step, double at_s, guint64 *peak_bytes);
void prediction_add_note(Prediction *prediction, char *note /* taken */);

/* Computes the sums from 'outcome' and the steps. */
void prediction_update(Prediction *prediction);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Prediction, prediction_free)
