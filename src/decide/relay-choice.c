/* SPDX-License-Identifier: Apache-2.0
 *
 * With or without a relay; see relay-choice.h.
 *
 * Theory of operation.  Without a relay it is passes_run of model/passes.h, with one relay_passes_run of
 * model/relay-passes.h: the same recurrence in wire bytes.  They differ in what a page costs:
 *
 *                     first time                              again
 *     plain           page / link                             page / link
 *     relay           page * first_sent_share / link,         changed bytes / link,
 *                     or page / codec when that is slower     or page / comparing when that is slower
 *
 * The relay keeps what it has sent as far as its memory goes; pages of the working set that do not fit are sent whole
 * each time.  The last pass must fit the downtime limit in both, with a relay what it leaves for memory.  Post-copy
 * sends each page once, so only the first column counts; hybrid pays the first column and one pass of the second. */
#include "decide/relay-choice.h"

#include "base/units.h"
#include "model/relay-passes.h"

#include <math.h>

#define PAGE_BYTES  4096.0
#define PASSES_MOST 30 /* a pre-copy of more than these has not converged */

void relay_assumptions_init(RelayAssumptions *assumptions)
{
#define RELAY_ASSUMPTION_VALUE(name, value, meaning) .name = (value),
    *assumptions = (RelayAssumptions){RELAY_ASSUMPTIONS(RELAY_ASSUMPTION_VALUE)};
}

static double known_or(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

static double working_set(const RelayView *view)
{
    return fmin(known_or(view->working_set_bytes, (double)view->ram_bytes), (double)view->ram_bytes);
}

/* How much of the working set the relay still has when its pages come again. */
static double kept_share(const RelayView *view, const RelayAssumptions *assumed)
{
    double room_bytes = (double)view->memory_bytes - assumed->index_share * (double)view->ram_bytes;
    double needed_bytes = working_set(view);

    return needed_bytes > 0 ? CLAMP(room_bytes / needed_bytes, 0, 1) : 1;
}

static RelayCosts relay_costs(const RelayView *view, const RelayAssumptions *assumed)
{
    double cores = fmin(known_or(view->source_free_cpus, assumed->cpus_unknown), assumed->cpus_most);
    RelayCosts costs;

    relay_costs_init(&costs);
    costs.first_share = assumed->first_sent_share;
    costs.header_bytes = assumed->segment_overhead_bytes;
    costs.first_mib_per_s = fmin(assumed->encode_bytes_per_s * cores, assumed->decode_bytes_per_s) / (double)MIB;
    costs.again_mib_per_s = assumed->resend_bytes_per_s * cores / (double)MIB;
    costs.kept_share = kept_share(view, assumed);
    return costs;
}

static RelayVm vm_of(const RelayView *view)
{
    return (RelayVm){.pages = {.memory_mib = (double)view->ram_bytes / (double)MIB,
                               .dirty_mib_per_s = view->dirty_pages_per_s * PAGE_BYTES / (double)MIB,
                               .working_set_mib = working_set(view) / (double)MIB,
                               .bandwidth_mib_per_s = (double)view->link_bytes_per_s / (double)MIB},
                     .dirty_bytes = known_or(view->dirty_bytes_per_page, PAGE_BYTES)};
}

static PassesRules rules_of(const RelayVm *vm, double limit_s)
{
    PassesRules rules;

    passes_rules_init(&rules);
    rules.resume_s = 0; /* the same in both */
    rules.threshold_mib = limit_s * vm->pages.bandwidth_mib_per_s;
    rules.passes_max = PASSES_MOST;
    rules.traffic_max = INFINITY;
    rules.progress_min = INFINITY;
    rules.downtime = DOWNTIME_LAST;
    return rules;
}

/* Total times; INFINITY: does not converge. */

static double plain_s(const RelayView *view)
{
    double limit_s = (double)view->downtime_limit_ns / (double)NS_PER_S;
    RelayVm vm = vm_of(view);
    PassesRules rules = rules_of(&vm, limit_s);
    double first_s = vm.pages.memory_mib / vm.pages.bandwidth_mib_per_s;
    PassesCost cost;

    switch (view->algorithm) {
    case ALGORITHM_POST_COPY:
        return first_s;
    case ALGORITHM_HYBRID:
        return first_s +
               fmin(vm.pages.dirty_mib_per_s * first_s, vm.pages.working_set_mib) / vm.pages.bandwidth_mib_per_s;
    case ALGORITHM_PRE_COPY:
        break;
    }
    cost = passes_run(&vm.pages, &rules);
    return cost.end == PASSES_CONVERGED ? cost.total_s : INFINITY;
}

static double relay_s(const RelayView *view, const RelayAssumptions *assumed)
{
    double limit_s = (double)view->downtime_limit_ns / (double)NS_PER_S;
    RelayCosts costs = relay_costs(view, assumed);
    RelayVm vm = vm_of(view);
    PassesRules rules = rules_of(&vm, fmax(limit_s - assumed->pause_fixed_s, limit_s / 10));
    double first_s = fmax(relay_first_wire_mib(&costs, vm.pages.memory_mib) / vm.pages.bandwidth_mib_per_s,
                          vm.pages.memory_mib / costs.first_mib_per_s);
    RelayCost cost;

    switch (view->algorithm) {
    case ALGORITHM_POST_COPY:
        return first_s;
    case ALGORITHM_HYBRID:
        rules.passes_max = 1;
        return relay_passes_run(&vm, &costs, &rules).passes_s;
    case ALGORITHM_PRE_COPY:
        break;
    }
    cost = relay_passes_run(&vm, &costs, &rules);
    return cost.end == PASSES_CONVERGED ? cost.total_s : INFINITY;
}

/* ---- words ---- */

static char *time_text(double seconds)
{
    return isinf(seconds) ? g_strdup("no end") : g_strdup_printf("%.3g s", seconds);
}

static char *verdict_text(const RelayView *view, const RelayVerdict *verdict)
{
    g_autofree char *with = time_text(verdict->relay_s);
    g_autofree char *without = time_text(verdict->plain_s);
    g_autofree char *link = rate_format(view->link_bytes_per_s);
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "%s relay: expected %s with it, %s without, at %s",
                           verdict->uses_relay ? "through a" : "without a", with, without, link);
    if (isnan(view->dirty_bytes_per_page)) {
        g_string_append_printf(text, "; writes %.0f pages/s, how many bytes in each was not measured",
                               view->dirty_pages_per_s);
    } else {
        g_string_append_printf(text, "; writes %.0f pages/s, %.0f bytes in each", view->dirty_pages_per_s,
                               view->dirty_bytes_per_page);
    }
    return g_string_free(text, FALSE);
}

static RelayVerdict verdict_no(char *reason)
{
    return (RelayVerdict){.uses_relay = FALSE, .plain_s = NAN, .relay_s = NAN, .reason = reason};
}

/* What speaks against it before anything is reckoned; NULL: nothing. */
static char *objection(const RelayView *view, const RelayAssumptions *assumed)
{
    if (view->link_bytes_per_s == 0) {
        return g_strdup(
            "without a relay: nobody knows the link's rate, so nothing can be reckoned; the inventory's key "
            "'link' tells it");
    }
    if (isnan(view->dirty_pages_per_s)) {
        return g_strdup("without a relay: what it writes was not measured, so nothing can be reckoned; --observe does");
    }
    if (view->is_parallel) {
        return g_strdup("without a relay: over several connections it could only compress");
    }
    if (view->source_free_cpus < assumed->cpus_least || view->destination_free_cpus < assumed->cpus_least) {
        return g_strdup_printf("without a relay: %.1f and %.1f cores are free at source and destination, it wants %.1f "
                               "of each",
                               fmax(view->source_free_cpus, 0), fmax(view->destination_free_cpus, 0),
                               assumed->cpus_least);
    }
    return NULL;
}

RelayVerdict relay_choose(const RelayView *view, const RelayAssumptions *assumptions)
{
    RelayAssumptions assumed;
    RelayVerdict verdict = {.plain_s = NAN, .relay_s = NAN};
    char *why_not;

    relay_assumptions_init(&assumed);
    if (assumptions) {
        assumed = *assumptions;
    }
    if (view->mode == RELAY_MODE_OFF) {
        return verdict_no(g_strdup("without a relay, as --relay says"));
    }
    if (view->cannot) {
        return verdict_no(g_strdup_printf("without a relay: %s", view->cannot));
    }
    if (view->mode == RELAY_MODE_ON) {
        verdict.uses_relay = TRUE;
        verdict.reason = g_strdup("through a relay, as --relay says");
        return verdict;
    }
    why_not = objection(view, &assumed);
    if (why_not) {
        return verdict_no(why_not);
    }
    verdict.plain_s = plain_s(view);
    verdict.relay_s = relay_s(view, &assumed) + assumed.start_s;
    verdict.uses_relay = !isinf(verdict.relay_s) && verdict.relay_s * assumed.gain_least < verdict.plain_s;
    verdict.reason = verdict_text(view, &verdict);
    return verdict;
}
