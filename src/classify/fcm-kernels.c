/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernels of fuzzy c-means, one per instruction set, and which of them this processor can run.
 *
 * The arithmetic is written once, in fcm-kernel-body.h, with the compiler's vector extension; each inclusion below
 * compiles it for another register width.  That replaces three texts in three dialects of intrinsics, of which two
 * would be tested rarely, and lets any processor that is not x86 use the baseline. */
#include "classify/fcm-kernel.h"

#include <math.h>

/* A block in which the sum of 1/s reaches this is done again, exactly.  Products p above 1e-200 have all their digits
 * and their smaller companions have lost none that count. */
#define R_LIMIT 1e200

/* The loop over the three centres must be unrolled, or the accumulators live in memory instead of registers; that
 * costs a factor of 2.  GCC does it at -O2 only when told. */
#if defined(__GNUC__) && !defined(__clang__)
#define EACH_CLUSTER(i) _Pragma("GCC unroll 3") for (int i = 0; i < FCM_CLUSTERS; i++)
#else
#define EACH_CLUSTER(i) for (int i = 0; i < FCM_CLUSTERS; i++)
#endif

/* Adds 'block' to 'sums' when every number in it can be trusted; see fcm-kernel-body.h. */
static gboolean add_block_if_good(const FcmSums *block, double reciprocals, FcmSums *sums)
{
    double check = block->objective;

    for (int i = 0; i < FCM_CLUSTERS; i++) {
        check += block->weight[i] + block->read[i] + block->written[i];
    }
    if (!(reciprocals < R_LIMIT) || !isfinite(check)) {
        return FALSE;
    }
    sums->objective += block->objective;
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        sums->weight[i] += block->weight[i];
        sums->read[i] += block->read[i];
        sums->written[i] += block->written[i];
    }
    return TRUE;
}

#if defined(__x86_64__)
#define KERNEL        avx512
#define KERNEL_LANES  8
#define KERNEL_TARGET __attribute__((target("avx512f,avx512dq,avx512vl,fma")))
#define KERNEL_LEAVE  __builtin_ia32_vzeroupper()
#define KERNEL_SUPPORTED                                                                                               \
    (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
#include "classify/fcm-kernel-body.h"

#define KERNEL           avx2
#define KERNEL_LANES     4
#define KERNEL_TARGET    __attribute__((target("avx2,fma")))
#define KERNEL_LEAVE     __builtin_ia32_vzeroupper()
#define KERNEL_SUPPORTED (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#include "classify/fcm-kernel-body.h"
#endif

#define KERNEL       baseline
#define KERNEL_LANES 2
#define KERNEL_TARGET
#define KERNEL_SUPPORTED TRUE
#define KERNEL_LEAVE     (void)0
#include "classify/fcm-kernel-body.h"

static const FcmKernel *const ALL_KERNELS[] = {
#if defined(__x86_64__)
    &kernel_avx512,
    &kernel_avx2,
#endif
    &kernel_baseline,
};

const FcmKernel *const *fcm_kernels(void)
{
    static const FcmKernel *supported[G_N_ELEMENTS(ALL_KERNELS) + 1];
    static gsize is_filled;

    if (g_once_init_enter(&is_filled)) {
        guint length = 0;

        for (guint i = 0; i < G_N_ELEMENTS(ALL_KERNELS); i++) {
            if (ALL_KERNELS[i]->is_supported()) {
                supported[length++] = ALL_KERNELS[i];
            }
        }
        g_once_init_leave(&is_filled, 1);
    }
    return supported;
}
