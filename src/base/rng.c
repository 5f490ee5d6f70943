/* SPDX-License-Identifier: Apache-2.0
 *
 * Seeded random numbers; see rng.h. */
#include "base/rng.h"

#include <math.h>

static guint64 splitmix(guint64 *state)
{
    guint64 z = *state += 0x9e3779b97f4a7c15ULL;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

Rng rng_new(guint64 seed)
{
    return rng_stream(seed, 0);
}

Rng rng_stream(guint64 seed, guint64 stream)
{
    guint64 mix = stream;
    guint64 state = seed ^ (stream ? splitmix(&mix) : 0);
    Rng rng;

    for (guint i = 0; i < 4; i++) {
        rng.state[i] = splitmix(&state);
    }
    return rng;
}

static guint64 rotate(guint64 value, guint bits)
{
    return value << bits | value >> (64 - bits);
}

guint64 rng_u64(Rng *rng)
{
    guint64 *s = rng->state;
    guint64 result = rotate(s[0] + s[3], 23) + s[0];
    guint64 shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate(s[3], 45);
    return result;
}

double rng_unit(Rng *rng)
{
    return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

guint rng_below(Rng *rng, guint limit)
{
    guint64 product;
    guint32 rest;

    g_assert(limit > 0);
    do { /* Lemire 2019: the few values that would make some results likelier are drawn again */
        product = (rng_u64(rng) >> 32) * limit;
        rest = (guint32)product;
    } while (rest < limit && rest < -limit % limit);
    return (guint)(product >> 32);
}

double rng_range(Rng *rng, double low, double high)
{
    return low + (high - low) * rng_unit(rng);
}

double rng_normal(Rng *rng, double mean, double deviation)
{
    double radius = sqrt(-2 * log(1 - rng_unit(rng))); /* Box and Muller 1958; 1 - u is never 0 */

    return mean + deviation * radius * cos(2 * G_PI * rng_unit(rng));
}

double rng_levy(Rng *rng, double exponent)
{
    double sigma = pow(tgamma(1 + exponent) * sin(G_PI * exponent / 2) /
                           (tgamma((1 + exponent) / 2) * exponent * pow(2, (exponent - 1) / 2)),
                       1 / exponent);
    double u = rng_normal(rng, 0, sigma);
    double v = rng_normal(rng, 0, 1);

    return u / pow(fmax(fabs(v), 1e-300), 1 / exponent);
}

void rng_shuffle(Rng *rng, guint *items, guint length)
{
    for (guint i = length; i > 1; i--) {
        guint j = rng_below(rng, i);
        guint kept = items[i - 1];

        items[i - 1] = items[j];
        items[j] = kept;
    }
}
