/* SPDX-License-Identifier: Apache-2.0
 *
 * The body of one FcmKernel, included by fcm-kernels.c once per instruction set.  Before each inclusion:
 *
 *     KERNEL            suffix of the names, also the kernel's name
 *     KERNEL_LANES      doubles per vector register
 *     KERNEL_TARGET     attribute that permits the instructions
 *     KERNEL_SUPPORTED  whether this processor has them
 *     KERNEL_LEAVE      statement that ends the use of wide registers
 *
 * The arithmetic, for one vector of samples and centres 0, 1, 2 (squared distances d0, d1, d2):
 *
 *     p0 = d1 d2   p1 = d0 d2   p2 = d0 d1   s = p0 + p1 + p2   r = 1 / s
 *     mu_i = p_i r                  equation (1) with m = 2, multiplied out: one division, no root, no power
 *     mu_i^2 d_i^2 summed over i    is d0 d1 d2 / s = mu_0 d0
 *
 * A sample on one centre needs nothing special: d0 = 0 gives p1 = p2 = 0 and mu_0 = p0 r = 1.  On two coincident
 * centres s = 0, so r is infinite; with distances so small that products lose digits, r is huge; with distances so
 * large that products overflow, infinity times 0 makes NAN.  Hence the whole check is one more sum, that of r: a
 * block is good when that sum stays below R_LIMIT and nothing else became NAN or infinite.  The loop has no comparison
 * and no branch.
 *
 * KERNEL_LEAVE is explicit because GCC 12 forgets to clear the upper halves of the registers here (it does so before
 * calls that it knows nothing about); code with narrow registers that runs afterwards then took 9 ms instead of 4. */

#define NAME(stem) G_PASTE(G_PASTE(stem, _), KERNEL)
#define INLINE static inline __attribute__((always_inline)) KERNEL_TARGET
#define Vector NAME(Vector)
#define Bits NAME(Bits)
#define Shares NAME(Shares)

typedef double Vector __attribute__((vector_size(KERNEL_LANES * 8), aligned(8)));
typedef gint64 Bits __attribute__((vector_size(KERNEL_LANES * 8), aligned(8)));

typedef struct Shares {
    Vector mu[FCM_CLUSTERS];
    Vector reciprocal; /* r */
    Vector distance0;  /* d0 */
} Shares;

static gboolean NAME(is_supported)(void)
{
    return KERNEL_SUPPORTED;
}

INLINE void NAME(share)(const double *read, const double *written, const FcmCentres *centres, Shares *shares)
{
    Vector x = *(const Vector *)read;
    Vector y = *(const Vector *)written;
    Vector d[FCM_CLUSTERS];

    EACH_CLUSTER(i) {
        Vector dx = x - centres->read[i];
        Vector dy = y - centres->written[i];

        d[i] = dx * dx + dy * dy;
    }
    Vector p0 = d[1] * d[2];
    Vector p1 = d[0] * d[2];
    Vector p2 = d[0] * d[1];

    shares->reciprocal = 1.0 / (p0 + p1 + p2);
    shares->distance0 = d[0];
    shares->mu[0] = p0 * shares->reciprocal;
    shares->mu[1] = p1 * shares->reciprocal;
    shares->mu[2] = p2 * shares->reciprocal;
}

INLINE double NAME(total)(const Vector *vector)
{
    double total = 0;

    for (int lane = 0; lane < KERNEL_LANES; lane++) {
        total += (*vector)[lane];
    }
    return total;
}

KERNEL_TARGET static gboolean NAME(sum)(const double *reads, const double *writes, gsize length,
                                        const FcmCentres *centres, FcmSums *sums)
{
    const FcmCentres fixed = *centres; /* a copy that nothing can alias stays in registers */
    Vector weight[FCM_CLUSTERS] = {{0}};
    Vector read[FCM_CLUSTERS] = {{0}};
    Vector written[FCM_CLUSTERS] = {{0}};
    Vector objective = {0};
    Vector reciprocals = {0};

    for (gsize j = 0; j < length; j += KERNEL_LANES) {
        Shares shares;

        NAME(share)(reads + j, writes + j, &fixed, &shares);
        EACH_CLUSTER(i) {
            Vector w = shares.mu[i] * shares.mu[i];

            weight[i] += w;
            read[i] += w * *(const Vector *)(reads + j);
            written[i] += w * *(const Vector *)(writes + j);
        }
        objective += shares.mu[0] * shares.distance0;
        reciprocals += shares.reciprocal;
    }

    FcmSums block = {.objective = NAME(total)(&objective)};
    EACH_CLUSTER(i) {
        block.weight[i] = NAME(total)(&weight[i]);
        block.read[i] = NAME(total)(&read[i]);
        block.written[i] = NAME(total)(&written[i]);
    }
    const double reciprocal_total = NAME(total)(&reciprocals);

    KERNEL_LEAVE;
    return add_block_if_good(&block, reciprocal_total, sums);
}

KERNEL_TARGET static gboolean NAME(store)(const double *reads, const double *writes, gsize length,
                                          const FcmCentres *centres, double *const membership[FCM_CLUSTERS])
{
    const FcmCentres fixed = *centres;
    double *const out[FCM_CLUSTERS] = {membership[0], membership[1], membership[2]};
    Vector reciprocals = {0};
    Vector sum = {0};

    for (gsize j = 0; j < length; j += KERNEL_LANES) {
        Shares shares;

        NAME(share)(reads + j, writes + j, &fixed, &shares);
        EACH_CLUSTER(i) {
            *(Vector *)(out[i] + j) = shares.mu[i];
            sum += shares.mu[i];
        }
        reciprocals += shares.reciprocal;
    }
    const gboolean is_good = NAME(total)(&reciprocals) < R_LIMIT && isfinite(NAME(total)(&sum));

    KERNEL_LEAVE;
    return is_good;
}

/* |a| < tolerance without a comparison: the sign bit of tolerance^2 - a^2 is gathered over the block. */
KERNEL_TARGET static gboolean NAME(is_still)(const double *reads, const double *writes, gsize length,
                                             const FcmCentres *before, const FcmCentres *after, double tolerance)
{
    const FcmCentres fixed_before = *before;
    const FcmCentres fixed_after = *after;
    const double bound = tolerance * tolerance;
    Vector reciprocals = {0};
    Vector sum = {0};
    Bits signs = {0};
    gint64 any = 0;

    for (gsize j = 0; j < length; j += KERNEL_LANES) {
        Shares was;
        Shares is;

        NAME(share)(reads + j, writes + j, &fixed_before, &was);
        NAME(share)(reads + j, writes + j, &fixed_after, &is);
        EACH_CLUSTER(i) {
            Vector moved = is.mu[i] - was.mu[i];

            signs |= (Bits)(bound - moved * moved);
            sum += moved;
        }
        reciprocals += was.reciprocal + is.reciprocal;
    }
    for (int lane = 0; lane < KERNEL_LANES; lane++) {
        any |= signs[lane];
    }
    const gboolean is_good = any >= 0 && NAME(total)(&reciprocals) < R_LIMIT && isfinite(NAME(total)(&sum));

    KERNEL_LEAVE;
    return is_good;
}

static const FcmKernel NAME(kernel) = {
    G_STRINGIFY(KERNEL), KERNEL_LANES, NAME(is_supported), NAME(sum), NAME(store), NAME(is_still),
};

#undef NAME
#undef INLINE
#undef Vector
#undef Bits
#undef Shares
#undef KERNEL
#undef KERNEL_LANES
#undef KERNEL_TARGET
#undef KERNEL_SUPPORTED
#undef KERNEL_LEAVE
