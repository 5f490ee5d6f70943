/* SPDX-License-Identifier: Apache-2.0
 *
 * Reasons: why what was asked cannot be done, by the fewest facts that already make it impossible.
 *
 * place_run calls this for whatever a placer left over, so every placer explains itself alike.  A reason names a VM, the
 * fact about it that stands in the way, and what would help.  Every one of them is needed: without any single one the
 * rest would be possible.  The set is the smallest there is when there are few facts (FACTS_EXACT), else one from which
 * nothing can be left out.
 *
 * When what was asked is possible after all, and the placer has just not found it, the reason says that instead. */
#pragma once

#include "place/feasible.h"

/* Appends to result->reasons for what is in result->left_over.  'placer' is its name.  TRUE when all of it was shown to
 * be impossible. */
gboolean place_explain(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                       const char *placer, PlaceResult *result);
