/* SPDX-License-Identifier: Apache-2.0
 *
 * decide: Classification -> Choice.
 *
 * Policy `paper` (seed 000 section 3.2, figure 3): read-intensive -> pre-copy, write-intensive -> post-copy, mixed ->
 * compare the smoothed rates; idle -> pre-copy (nothing to send again); unknown -> pre-copy (a failed pre-copy leaves
 * the source running, a failed post-copy does not).  The other policies give every VM the same algorithm.  Each
 * choice has a reason: one sentence, with the numbers.  Pure. */
#pragma once

#include <glib.h>

#include "model/choice.h"

/* 'classifications': Classification, copied.  Returns a new array of Choice in the same order. */
GPtrArray *decide(Policy policy, GPtrArray *classifications);
