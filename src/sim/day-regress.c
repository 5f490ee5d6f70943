/* SPDX-License-Identifier: Apache-2.0
 *
 * See day-regress.h. */
#include "sim/day-regress.h"

#include <math.h>
#include <string.h>

#include "base/stats.h"

#define MAX_POINTS        64
#define ROBUST_ITERATIONS 4 /* Cleveland 1979: two to four are enough */

Line line_fit(const double *values, guint length)
{
    double mean_x = 1, mean_y = values[0];
    double sum_x = 1, sum_y = values[0];
    double sum_xx = 0, sum_xy = 0;

    for (guint i = 1; i < length; i++) {
        double x = i + 1;
        double before = i;
        double share = before / (1.0 + before);
        double dx = x - mean_x;
        double dy = values[i] - mean_y;

        sum_xx += dx * dx * share;
        sum_xy += dx * dy * share;
        mean_x += dx / (1.0 + before);
        mean_y += dy / (1.0 + before);
        sum_x += x;
        sum_y += values[i];
    }
    double slope = sum_xy / sum_xx;

    return (Line){.intercept = (sum_y - slope * sum_x) / length, .slope = slope};
}

static Line fit_weighted(const double *values, const double *weights, guint length)
{
    double sum_w = 0, sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;

    for (guint i = 0; i < length; i++) {
        double x = i + 1;

        sum_w += weights[i];
        sum_x += weights[i] * x;
        sum_y += weights[i] * values[i];
        sum_xx += weights[i] * x * x;
        sum_xy += weights[i] * x * values[i];
    }
    double spread = sum_w * sum_xx - sum_x * sum_x;
    double slope = spread > 1e-12 * sum_w * sum_xx ? (sum_w * sum_xy - sum_x * sum_y) / spread : 0;

    return (Line){.intercept = (sum_y - slope * sum_x) / sum_w, .slope = slope};
}

/* Weights by distance, times the bisquare of the residuals from 'line': what lies far off weighs nothing. */
static gboolean robust_weights(const double *values, const double *weights, guint length, Line line, double *robust)
{
    double off[MAX_POINTS];

    for (guint i = 0; i < length; i++) {
        off[i] = fabs(values[i] - line.intercept - line.slope * (i + 1));
    }
    double limit = 6 * stats_median(off, length);

    if (limit < 1e-12) {
        return FALSE; /* most points lie on the line already */
    }
    for (guint i = 0; i < length; i++) {
        double part = off[i] / limit;
        double square = part < 1 ? 1 - part * part : 0;

        robust[i] = weights[i] * square * square;
    }
    return TRUE;
}

Line line_fit_local(const double *values, guint length, gboolean robust)
{
    double weights[MAX_POINTS], both[MAX_POINTS];

    g_assert(length >= 2 && length <= MAX_POINTS);
    for (guint i = 0; i < length; i++) {
        /* In the textbook the farthest point weighs nothing; here it lies just inside. */
        double distance = (double)(length - 1 - i) / length;
        double cube = 1 - distance * distance * distance;

        weights[i] = cube * cube * cube;
    }
    Line line = fit_weighted(values, weights, length);

    for (guint i = 0; robust && i < ROBUST_ITERATIONS && robust_weights(values, weights, length, line, both); i++) {
        line = fit_weighted(values, both, length);
    }
    return line;
}

/* One reflection: makes column 'minor' of the matrix (columns one behind the other) zero below its diagonal. */
static double reflect(double *columns, guint n_columns, guint rows, guint minor)
{
    double *pivot = columns + (gsize)minor * rows;
    double norm_square = 0;

    for (guint row = minor; row < rows; row++) {
        norm_square += pivot[row] * pivot[row];
    }
    double a = pivot[minor] > 0 ? -sqrt(norm_square) : sqrt(norm_square);

    if (a == 0) {
        return a;
    }
    pivot[minor] -= a;
    for (guint column = minor + 1; column < n_columns; column++) {
        double *other = columns + (gsize)column * rows;
        double alpha = 0;

        for (guint row = minor; row < rows; row++) {
            alpha -= other[row] * pivot[row];
        }
        alpha /= a * pivot[minor];
        for (guint row = minor; row < rows; row++) {
            other[row] -= alpha * pivot[row];
        }
    }
    return a;
}

/* Solves for the coefficients; 'y' is used up. */
static void solve(const double *columns, const double *diagonal, guint n_columns, guint rows, double *y, double *x)
{
    for (guint minor = 0; minor < n_columns; minor++) {
        const double *pivot = columns + (gsize)minor * rows;
        double dot = 0;

        for (guint row = minor; row < rows; row++) {
            dot += y[row] * pivot[row];
        }
        dot /= diagonal[minor] * pivot[minor];
        for (guint row = minor; row < rows; row++) {
            y[row] += dot * pivot[row];
        }
    }
    for (guint i = n_columns; i-- > 0;) {
        const double *column = columns + (gsize)i * rows;

        y[i] /= diagonal[i];
        x[i] = y[i];
        for (guint row = 0; row < i; row++) {
            y[row] -= x[i] * column[row];
        }
    }
}

static double squares_around_mean(const double *values, guint length)
{
    double mean = 0, squares = 0;

    for (guint i = 0; i < length; i++) {
        double count = i + 1;
        double off = values[i] - mean;
        double step = off / count;

        mean += step;
        squares += (count - 1) * off * step;
    }
    return squares;
}

gboolean determination(const double *target, const double *series, guint predictors, guint samples, double *result)
{
    guint n_columns = predictors + 1;

    if (predictors == 0 || samples < n_columns) {
        return FALSE;
    }
    g_autofree double *columns = g_new(double, (gsize)n_columns *samples);
    g_autofree double *diagonal = g_new(double, n_columns);
    g_autofree double *x = g_new(double, n_columns);
    g_autofree double *y = g_memdup2(target, samples * sizeof *y);
    double unexplained = 0;

    for (guint row = 0; row < samples; row++) {
        columns[row] = 1;
    }
    memcpy(columns + samples, series, (gsize)predictors * samples * sizeof *series);
    for (guint i = 0; i < n_columns; i++) {
        diagonal[i] = reflect(columns, n_columns, samples, i);
    }
    for (guint i = 0; i < n_columns; i++) {
        if (diagonal[i] == 0) {
            return FALSE;
        }
    }
    solve(columns, diagonal, n_columns, samples, y, x);
    for (guint row = 0; row < samples; row++) {
        double explained = 0 + 1 * x[0];

        for (guint i = 0; i < predictors; i++) {
            explained += series[(gsize)i * samples + row] * x[i + 1];
        }
        double residual = target[row] - explained;
        unexplained += residual * residual;
    }
    *result = 1 - unexplained / squares_around_mean(target, samples);
    return TRUE;
}
