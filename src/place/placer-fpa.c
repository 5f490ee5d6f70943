/* SPDX-License-Identifier: Apache-2.0
 *
 * FPA-VMM: single VMs by the flower pollination algorithm (Yang 2012), and E-FPA, its variant for clouds with a
 * switching probability that falls (Usman et al. 2019).  One of the two rivals that seed 003 measures GBM-VMM against.
 *
 * Theory of operation.  Which VMs leave is settled first, one at a time (overload.h).  A flower is a point x with one
 * coordinate per leaving unit; floor(x) is an index into the destinations, which are in the order of hosts, so that
 * neighbouring numbers are neighbours in the racks.  A step makes a new point
 *
 *     global (probability p):  x + 0.1 * L * (best - x)       L: Levy flight of exponent 1.5, per coordinate
 *     local:                   x + e * (x_j - x_k)            e in U(0, 1); two other flowers
 *
 * which is wrapped into range and decoded unit by unit, largest first: one that does not fit where its coordinate says
 * goes to the host that it fits best, and the coordinate follows it there.  The new point replaces the old one unless
 * it is worse: fitness is the integrated objective plus FITNESS_PENALTY for the overload that is left.  A unit that
 * found no room is overload: it stays where there is too much.
 *
 * All memory is taken before the first step; decoding a flower costs what its units' edges cost. */
#include "place/overload.h"
#include "base/indices.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

typedef struct FpaParameters {
    guint population; /* flowers */
    guint iterations; /* at effort 100; Yang: 100 to 500 */
    double p_begin;   /* probability of a global step in the first iteration */
    double p_end;     /* and in the last; linear between */
    double levy_exponent;
    double scale; /* of a global step */
} FpaParameters;

static const FpaParameters FPA = {25, 200, 0.8, 0.8, 1.5, 0.1};
static const FpaParameters EFPA = {25, 200, 0.9, 0.2, 1.5, 0.1};

typedef struct Flowers {
    Rival *rival;
    const FpaParameters *parameters;
    Rng rng;
    const guint *units; /* [length] what leaves */
    guint length;
    guint *by_index; /* [destinations] in the order of hosts */
    guint *index_of; /* [hosts] the inverse */
    double *x;       /* [population][length] */
    double *value;   /* [population] */
    double *trial;   /* [length] */
    guint best;
} Flowers;

static double *flower(const Flowers *flowers, guint i)
{
    return flowers->x + (gsize)i * flowers->length;
}

static void flowers_init(Flowers *flowers, Rival *rival, const GArray *leaving, const FpaParameters *parameters)
{
    gsize cells = (gsize)parameters->population * leaving->len;

    *flowers = (Flowers){.rival = rival,
                         .parameters = parameters,
                         .units = (const guint *)(gpointer)leaving->data,
                         .length = leaving->len};
    flowers->rng = rng_stream(rival->options->seed, 1);
    flowers->by_index = g_memdup2(rival->destinations, sizeof(guint) * (rival->destinations_length + 1));
    indices_sort(flowers->by_index, rival->destinations_length);
    flowers->index_of = g_new0(guint, rival->problem->hosts_length + 1);
    for (guint i = 0; i < rival->destinations_length; i++) {
        flowers->index_of[flowers->by_index[i]] = i;
    }
    flowers->x = g_new(double, cells + 1);
    flowers->value = g_new(double, parameters->population);
    flowers->trial = g_new(double, leaving->len + 1);
}

static void flowers_clear(Flowers *flowers)
{
    g_free(flowers->by_index);
    g_free(flowers->index_of);
    g_free(flowers->x);
    g_free(flowers->value);
    g_free(flowers->trial);
}

/* Into [0, range): what leaves at one end comes in at the other. */
static double wrap(double x, double range)
{
    double inside = x - range * floor(x / range);

    return inside >= 0 && inside < range ? inside : 0; /* also for what a Levy flight made infinite */
}

/* Where 'unit' goes when its coordinate is 'x'. */
static guint decode_unit(const Flowers *flowers, guint unit, double x)
{
    guint host = flowers->by_index[(guint)x];

    return rival_fits(flowers->rival, unit, host) ? host : rival_best_fit(flowers->rival, unit);
}

/* Puts every unit where 'x' says, mends 'x' where that was not possible, and returns the fitness. */
static double decode(Flowers *flowers, double *x)
{
    Rival *rival = flowers->rival;
    double value = 0;

    for (guint d = 0; d < flowers->length; d++) {
        rival_put(rival, flowers->units[d], PLACE_NOWHERE);
    }
    for (guint d = 0; d < flowers->length; d++) {
        guint host = decode_unit(flowers, flowers->units[d], x[d]);

        if (host == PLACE_NOWHERE) {
            value += FITNESS_PENALTY;
            continue;
        }
        value += rival_shift(rival, flowers->units[d], host);
        if (flowers->index_of[host] != (guint)x[d]) {
            x[d] = flowers->index_of[host] + (x[d] - floor(x[d]));
        }
    }
    return value;
}

static void begin(Flowers *flowers)
{
    double range = flowers->rival->destinations_length;

    for (guint i = 0; i < flowers->parameters->population; i++) {
        double *x = flower(flowers, i);

        for (guint d = 0; d < flowers->length; d++) {
            x[d] = wrap(rng_range(&flowers->rng, 0, range), range);
        }
        flowers->value[i] = decode(flowers, x);
        if (flowers->value[i] < flowers->value[flowers->best]) {
            flowers->best = i;
        }
    }
}

/* A flower that is neither 'a' nor 'b'. */
static guint another(Flowers *flowers, guint a, guint b)
{
    guint i;

    do {
        i = rng_below(&flowers->rng, flowers->parameters->population);
    } while (i == a || i == b);
    return i;
}

static void pollinate(Flowers *flowers, guint i, double p_global)
{
    const FpaParameters *parameters = flowers->parameters;
    double range = flowers->rival->destinations_length;
    const double *x = flower(flowers, i);

    if (rng_unit(&flowers->rng) < p_global) {
        const double *best = flower(flowers, flowers->best);

        for (guint d = 0; d < flowers->length; d++) {
            double step = parameters->scale * rng_levy(&flowers->rng, parameters->levy_exponent);

            flowers->trial[d] = wrap(x[d] + step * (best[d] - x[d]), range);
        }
    } else {
        guint j = another(flowers, i, i);
        const double *a = flower(flowers, j);
        const double *b = flower(flowers, another(flowers, i, j));
        double share = rng_unit(&flowers->rng);

        for (guint d = 0; d < flowers->length; d++) {
            flowers->trial[d] = wrap(x[d] + share * (a[d] - b[d]), range);
        }
    }
}

static void iterate(Flowers *flowers, double p_global)
{
    for (guint i = 0; i < flowers->parameters->population; i++) {
        double value;

        pollinate(flowers, i, p_global);
        value = decode(flowers, flowers->trial);
        if (value <= flowers->value[i]) {
            memcpy(flower(flowers, i), flowers->trial, sizeof(double) * flowers->length);
            flowers->value[i] = value;
            if (value < flowers->value[flowers->best]) {
                flowers->best = i;
            }
        }
    }
}

static void search(Rival *rival, const GArray *leaving, const FpaParameters *parameters)
{
    guint iterations = MAX(1, (guint)((guint64)parameters->iterations * rival->options->effort / 100));
    Flowers flowers;

    flowers_init(&flowers, rival, leaving, parameters);
    begin(&flowers);
    for (guint t = 0; t < iterations; t++) {
        double done = iterations > 1 ? (double)t / (iterations - 1) : 0;

        iterate(&flowers, parameters->p_begin + done * (parameters->p_end - parameters->p_begin));
    }
    decode(&flowers, flower(&flowers, flowers.best));
    flowers_clear(&flowers);
}

static gboolean place_by_flowers(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                                 PlaceResult *result, const FpaParameters *parameters)
{
    g_autoptr(Rival) rival = rival_new(problem, task, options);
    g_autoptr(GArray) leaving = overload_leaving(rival);

    if (leaving->len > 0) {
        search(rival, leaving, parameters);
    }
    rival_finish(rival, result);
    return TRUE;
}

static gboolean place_fpa(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                          PlaceResult *result, GError **error)
{
    return place_by_flowers(problem, task, options, result, &FPA);
}

static gboolean place_efpa(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                           PlaceResult *result, GError **error)
{
    return place_by_flowers(problem, task, options, result, &EFPA);
}

const Grouping PLACER_FPA = {
    .name = "fpa",
    .summary = "FPA-VMM: single VMs, destinations by flower pollination",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE,
    .place = place_fpa,
};

const Grouping PLACER_EFPA = {
    .name = "efpa",
    .summary = "E-FPA: the same with a switching probability that falls from 0.9 to 0.2",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE,
    .place = place_efpa,
};
