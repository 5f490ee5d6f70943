/* SPDX-License-Identifier: Apache-2.0
 *
 * Candidates: for each unit the few destinations that are worth a look.
 *
 * In a fleet of a thousand hosts nearly all are alike; searches that weigh every pair of VM and host spend their time
 * on that.  As is usual for ant colonies (Dorigo and Gambardella 1997), each unit gets a short list: half of it where
 * it would cost least (near those it talks to), the other half where it fits most tightly; all of them where it fits as
 * things are at the beginning.  Few hosts: all of them are on the list. */
#pragma once

#include "place/rival.h"

#define CANDIDATES_MAX 32

typedef struct Candidates {
    guint *host;   /* [units][CANDIDATES_MAX] */
    guint *length; /* [units] */
} Candidates;

/* For the units that run on a source; CONSOLIDATE: for all. */
Candidates *candidates_new(Rival *rival);
void candidates_free(Candidates *candidates);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Candidates, candidates_free)
