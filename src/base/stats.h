/* SPDX-License-Identifier: Apache-2.0
 *
 * Small statistics over plain arrays of doubles.  Lengths are in items; an empty array gives NAN. */
#pragma once

#include <glib.h>

double stats_mean(const double *values, gsize length);

/* The middle value, or the mean of the two middle ones; 'values' stays as it is. */
double stats_median(const double *values, gsize length);

/* Linear interpolation between order statistics; 'quantile' in [0, 1]. */
double stats_quantile(const double *values, gsize length, double quantile);

double stats_min(const double *values, gsize length);
double stats_max(const double *values, gsize length);
