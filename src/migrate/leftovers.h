/* SPDX-License-Identifier: Apache-2.0
 *
 * What is done to copies that a failed migration leaves behind.  When each of it is right is the judge's decision
 * (truth.h); here it is carried out and told. */
#pragma once

#include "migrate/truth.h"

/* 'deed': one of TRUTH_REMOVE_INCOMING, TRUTH_RESUME_SOURCE, TRUTH_RESUME_DESTINATION. */
void leftovers_do(Driver *driver, const PlanStep *step, TruthStep deed, DriverDoneFunc done, gpointer user);
