/* SPDX-License-Identifier: Apache-2.0
 *
 * Rng: seeded random numbers as an argument.  The same seed gives the same numbers on every machine, for ever: reports
 * print their seed so that anybody can have the very same run again.
 *
 * The generator is xoshiro256++ (Blackman and Vigna 2019), its state filled from the seed by splitmix64; it is small
 * enough to be kept by value in whatever needs chance of its own.  Not for secrets.
 *
 * A part of a program that must not be disturbed by how many numbers another part draws takes a stream of its own:
 *
 *     Rng faults = rng_stream(seed, 1);     independent of rng_stream(seed, 2) */
#pragma once

#include <glib.h>

typedef struct Rng {
    guint64 state[4];
} Rng;

Rng rng_new(guint64 seed);
Rng rng_stream(guint64 seed, guint64 stream);

guint64 rng_u64(Rng *rng);
double rng_unit(Rng *rng);                            /* in [0, 1) */
guint rng_below(Rng *rng, guint limit);               /* in [0, limit), without bias; limit > 0 */
double rng_range(Rng *rng, double low, double high);  /* in [low, high) */
double rng_normal(Rng *rng, double mean, double deviation);

/* A step of a Levy flight with the given exponent in (1, 2], by Mantegna's method (1994): u / |v|^(1/exponent). */
double rng_levy(Rng *rng, double exponent);

/* Shuffles 'length' indices in place (Fisher and Yates). */
void rng_shuffle(Rng *rng, guint *items, guint length);
