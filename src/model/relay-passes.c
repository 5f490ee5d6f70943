/* SPDX-License-Identifier: Apache-2.0
 *
 * Pre-copy through a relay; see relay-passes.h.
 *
 * Theory of operation.  The transition from pass to pass is that of passes.c (passes_next), driven with what the passes
 * are on the wire: min(r t, W) pages are dirty after a pass of length t, at b(n) + h bytes each, where each was written
 * n = r t / min(r t, W) times.  So the rules (threshold, caps, no progress) have one home, and without growth of b and
 * without a bound on the pages the result is the geometric series of passes_closed_form with lambda = d (b + h) / B. */
#include "model/relay-passes.h"

#include <math.h>

#define PAGE_BYTES   4096.0
#define RECORD_BYTES 4104.0 /* page number and flags, then the page */

void relay_costs_init(RelayCosts *costs)
{
    *costs = (RelayCosts){.first_share = 0.75,
                          .again_share = 1,
                          .header_bytes = 16,
                          .first_mib_per_s = 250e6 / 0x1p20,
                          .again_mib_per_s = PAGE_BYTES / 0x1p20 / 2e-6,
                          .kept_share = 1,
                          .writes_move = TRUE};
}

double relay_changed_bytes(const RelayCosts *costs, double dirty_bytes, double writes)
{
    double share = CLAMP(dirty_bytes / PAGE_BYTES, 0, 1);

    return costs->writes_move ? PAGE_BYTES * (1 - pow(1 - share, fmax(writes, 1))) : PAGE_BYTES * share;
}

double relay_page_bytes(const RelayCosts *costs, double changed_bytes)
{
    double kept = fmin(changed_bytes + costs->header_bytes, RECORD_BYTES);

    return costs->again_share * (costs->kept_share * kept + (1 - costs->kept_share) * RECORD_BYTES);
}

double relay_first_wire_mib(const RelayCosts *costs, double pages_mib)
{
    return costs->first_share * pages_mib;
}

double relay_again_wire_mib(const RelayCosts *costs, double dirty_bytes, double pages_mib, double dirtied_mib)
{
    double writes = pages_mib > 0 ? dirtied_mib / pages_mib : 1;

    return pages_mib * relay_page_bytes(costs, relay_changed_bytes(costs, dirty_bytes, writes)) / PAGE_BYTES;
}

RelayCost relay_passes_run(const RelayVm *vm, const RelayCosts *costs, const PassesRules *rules)
{
    double bandwidth_mib_per_s = vm->pages.bandwidth_mib_per_s;
    double set_mib = fmin(vm->pages.working_set_mib, vm->pages.memory_mib);
    double pages_mib = vm->pages.memory_mib;
    double relay_mib_per_s = costs->first_mib_per_s;
    RelayCost cost = {0};
    PassesState state;
    double pass_s;

    g_assert(bandwidth_mib_per_s > 0 && rules->downtime == DOWNTIME_LAST);
    passes_begin(&state, &(PassesVm){.memory_mib = relay_first_wire_mib(costs, pages_mib)}, rules);
    state.working_set_mib = INFINITY; /* bytes on the wire: those of the pages are bounded below */
    while (pass_s = fmax(state.pass_mib / bandwidth_mib_per_s, pages_mib / relay_mib_per_s), !state.guest_stops) {
        double dirtied_mib = vm->pages.dirty_mib_per_s * pass_s;

        cost.passes_s += pass_s;
        cost.stream_mib += pages_mib;
        pages_mib = fmin(dirtied_mib, set_mib);
        relay_mib_per_s = costs->again_mib_per_s;
        state.dirty_mib_per_s =
            pass_s > 0 ? relay_again_wire_mib(costs, vm->dirty_bytes, pages_mib, dirtied_mib) / pass_s : 0;
        passes_next(&state, pass_s);
    }
    cost.resent_passes = state.passes_done;
    cost.passes_s += pass_s;
    cost.downtime_s = pass_s + rules->resume_s;
    cost.total_s = cost.passes_s + rules->resume_s;
    cost.wire_mib = state.sent_mib + state.pass_mib;
    cost.stream_mib += pages_mib;
    cost.rest_wire_mib = state.pass_mib;
    cost.rest_pages_mib = pages_mib;
    cost.end = state.end;
    return cost;
}
