/* SPDX-License-Identifier: Apache-2.0
 *
 * The wire's pace; see src-pace.h. */
#include "wire/src-pace.h"

uint64_t src_pace_wait_ns(const SrcPace *pace, uint64_t now_ns)
{
    return pace->bytes_per_s > 0 && pace->free_ns > now_ns ? pace->free_ns - now_ns : 0;
}

void src_pace_take(SrcPace *pace, uint64_t bytes, uint64_t now_ns)
{
    if (pace->bytes_per_s == 0) {
        return;
    }
    if (pace->free_ns + SRC_PACE_BURST_NS < now_ns) {
        pace->free_ns = now_ns - SRC_PACE_BURST_NS;
    }
    pace->free_ns += (uint64_t)((double)bytes * 1e9 / (double)pace->bytes_per_s);
}

void src_pace_set(SrcPace *pace, uint64_t bytes_per_s)
{
    pace->bytes_per_s = bytes_per_s;
    pace->free_ns = 0;
}
