/* SPDX-License-Identifier: Apache-2.0
 *
 * Post-copy, and pre-copy that turns into it: what they cost; see passes.h.
 *
 * Theory of operation.  Four quantities move in time:
 *
 *     m  the share of memory that is still missing   falls with the link (pushed or fetched, every page once) and with
 *                                                    pages that the guest overwrites as a whole
 *     u  the share of the working set not touched    falls by e^-(f/N) per second in which the guest runs: it touches
 *                                                    its N pages at random, f of them per second at first
 *     q  how probably a page that was never touched  m over the share of memory never touched: touched pages are
 *        is missing                                  here, one way or the other
 *     g  the part of its time that the guest runs    1 / (1 + faults per second * d): it stands still for d = round
 *                                                    trip + page / B at each fault
 *
 * The first touch of a page faults with probability q.  The sum over time has no closed form because g depends on the
 * others; STEPS steps that grow (most happens at first) are within a few per mille of the limit.  The link is never
 * idle, so faults change which page comes next but not when the last one does. */
#include "model/passes.h"

#include <math.h>

#define STEPS 400

typedef struct Arrival {
    double missing;   /* m */
    double untouched; /* u */
    double elapsed_s;
    double faults;
    double stalled_s;
} Arrival;

static double touchable_mib(const PostcopyVm *vm)
{
    return fmin(vm->touched_mib, vm->memory_mib);
}

/* q */
static double missing_when_touched(const PostcopyVm *vm, const Arrival *arrival)
{
    double never_touched = 1 - touchable_mib(vm) / vm->memory_mib * (1 - arrival->untouched);

    return arrival->missing < never_touched ? arrival->missing / never_touched : 1;
}

/* Pages touched for the first time during 'step_s' of a guest that runs a share 'running' of it. */
static double touch(const PostcopyVm *vm, Arrival *arrival, double running, double step_s)
{
    double pages = touchable_mib(vm) / vm->page_mib;
    double untouched = arrival->untouched;

    if (pages <= 0) {
        return 0;
    }
    arrival->untouched = untouched * exp(-vm->touched_pages_per_s * running * step_s / pages);
    return pages * (untouched - arrival->untouched);
}

static void arrive(const PostcopyVm *vm, Arrival *arrival, double step_s)
{
    double fault_s = vm->round_trip_s + vm->page_mib / vm->bandwidth_mib_per_s;
    double link_per_s = vm->bandwidth_mib_per_s / vm->memory_mib;
    double page_share = vm->page_mib / vm->memory_mib;
    double needed_rate = vm->touched_pages_per_s * arrival->untouched * missing_when_touched(vm, arrival);
    double running = 1 / (1 + needed_rate * (1 - vm->overwritten_share) * fault_s);
    double leaving_per_s = link_per_s + needed_rate * running * vm->overwritten_share * page_share;
    double step = fmin(step_s, arrival->missing / leaving_per_s);
    double before = missing_when_touched(vm, arrival);
    double touched = touch(vm, arrival, running, step);
    double overwritten = touched * before * vm->overwritten_share;

    arrival->missing = fmax(0, arrival->missing - step * link_per_s - overwritten * page_share);
    double needed = touched * (before + missing_when_touched(vm, arrival)) / 2;
    arrival->elapsed_s += step;
    arrival->faults += needed * (1 - vm->overwritten_share);
    arrival->stalled_s += fmin(needed * (1 - vm->overwritten_share) * fault_s, step);
}

void postcopy_vm_init(PostcopyVm *vm, double memory_mib, double bandwidth_mib_per_s)
{
    *vm = (PostcopyVm){.memory_mib = memory_mib,
                       .bandwidth_mib_per_s = bandwidth_mib_per_s,
                       .device_mib = 4,
                       .touched_mib = memory_mib,
                       .round_trip_s = 0.0002,
                       .page_mib = 1.0 / 256,
                       .resume_s = 0.020};
}

PostcopyCost postcopy_run(const PostcopyVm *vm)
{
    Arrival arrival = {.missing = vm->memory_mib > 0 ? 1 : 0, .untouched = 1};
    double longest_s = vm->memory_mib / vm->bandwidth_mib_per_s;
    PostcopyCost cost;

    g_assert(vm->bandwidth_mib_per_s > 0);
    for (guint i = 0; i < STEPS && arrival.missing > 0; i++) {
        arrive(vm, &arrival, longest_s * (2 * i + 1) / ((double)STEPS * STEPS));
    }
    cost.downtime_s = vm->device_mib / vm->bandwidth_mib_per_s + vm->resume_s;
    cost.total_s = cost.downtime_s + arrival.elapsed_s;
    cost.sent_mib = vm->device_mib + vm->bandwidth_mib_per_s * arrival.elapsed_s;
    cost.faults = arrival.faults;
    cost.stalled_s = arrival.stalled_s;
    return cost;
}

HybridCost hybrid_run(const PassesVm *vm, const PassesRules *rules, guint passes, const PostcopyVm *postcopy)
{
    PassesRules limited = *rules;
    PostcopyVm rest = *postcopy;
    HybridCost cost;

    limited.passes_max = MIN(MAX(passes, 1), rules->passes_max);
    cost.precopy = passes_run(vm, &limited);
    cost.switched = cost.precopy.end != PASSES_CONVERGED;
    cost.postcopy = (PostcopyCost){0};
    cost.downtime_s = cost.precopy.downtime_s;
    cost.total_s = cost.precopy.total_s;
    cost.sent_mib = cost.precopy.sent_mib;
    if (cost.switched) {
        rest.memory_mib = cost.precopy.rest_mib;
        rest.bandwidth_mib_per_s = vm->bandwidth_mib_per_s;
        rest.touched_mib = fmin(rest.touched_mib, rest.memory_mib);
        cost.postcopy = postcopy_run(&rest);
        cost.downtime_s = cost.postcopy.downtime_s;
        cost.sent_mib += cost.postcopy.sent_mib - cost.precopy.rest_mib;
        cost.total_s += cost.postcopy.total_s - cost.precopy.downtime_s;
    }
    return cost;
}
