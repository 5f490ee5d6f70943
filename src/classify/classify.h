/* SPDX-License-Identifier: Apache-2.0
 *
 * classify: Profile -> Classification, for all VMs of a job together.
 *
 * Seed 000 section 3.1 with every edge case: idle VMs are not clustered, fewer than three VMs are classified by the
 * nearest reference direction (so one alone is mixed), three or more of which none reads or none writes have one
 * class, ties are mixed, clusters are relabelled by their share of reads.  classify.c explains each.
 *
 *     g_autoptr(GPtrArray) classifications = classify(profiles, &options, &error);
 *
 * A VM that is not clustered has no memberships (NAN).  The classes do not depend on the order of the VMs.  Pure. */
#pragma once

#include <glib.h>

#include "base/named.h"
#include "model/choice.h"
#include "model/profile.h"

#define FEATURES(X)                                                                                                    \
    X(FEATURES_UNIT, "unit") /* (R, W) scaled to length 1: direction alone decides (default) */                        \
    X(FEATURES_RAW, "raw")   /* as the paper prints it: intensity dominates */
NAMED_ENUM_DECLARE(Features, features, FEATURES)

typedef struct ClassifyOptions {
    Features features;
    double alpha; /* exponential smoothing, 0.3 */
} ClassifyOptions;

void classify_options_init(ClassifyOptions *options);

/* 'profiles': Profile.  Returns a new array of Classification, one per profile in the same order (fate UNOBSERVED, or no
 * period: VM_CLASS_UNKNOWN), or NULL with GODWIT_ERROR_INPUT for a rate that is NAN, infinite or negative. */
GPtrArray *classify(GPtrArray *profiles, const ClassifyOptions *options, GError **error);

/* Equations (4) and (5): S_0 = mean, S_t = alpha r_t + (1 - alpha) S_(t-1).  NAN for an empty series. */
double smooth_exponential(const double *series, gsize length, double alpha);
