/* SPDX-License-Identifier: Apache-2.0
 *
 * Regressions on short series, for the detectors lr and lrr and the selector mc. */
#pragma once

#include <glib.h>

typedef struct Line {
    double intercept;
    double slope;
} Line;

/* Ordinary least squares of values[0..length) at x = 1, 2, ...; the points are taken in one by one as in Apache Commons
 * Math's SimpleRegression, so the result equals the peer's to the bit. */
Line line_fit(const double *values, guint length);

/* Local regression at the right end (Cleveland 1979): tricube weights, the newest value weighing most; with 'robust'
 * the residuals' bisquare weights are applied once more.  This is what the peer means to do. */
Line line_fit_local(const double *values, guint length, gboolean robust);

/* The coefficient of determination of target[0..samples) explained by 'predictors' series of as many samples each, one
 * behind the other, and a constant: multiple correlation (Abdi 2007).  Householder reflections as in Apache Commons
 * Math's QRDecomposition.  FALSE when there are fewer than predictors + 1 samples or one predictor is exactly a
 * combination of others: then there is none. */
gboolean determination(const double *target, const double *series, guint predictors, guint samples, double *result);
