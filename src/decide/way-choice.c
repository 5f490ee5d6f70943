/* SPDX-License-Identifier: Apache-2.0
 *
 * Plain, through a relay, or multifd; see way-choice.h.
 *
 * Theory of operation.  Each way is the recurrence of model/relay-passes.h; they differ in what a page costs, on the
 * wire and of CPU time, whichever takes longer:
 *
 *               first time                            again                                   the guest may stop for
 *     plain     page                                  page                                    link * limit of pages
 *     multifd   page * compressed_share               page * again_share                      link * limit of pages
 *     relay     page * compressed_share * relay_share changed bytes                           link * limit of wire
 *
 * zero pages cost next to nothing in all three.  That multifd's compression does not help it to stop is QEMU's doing: it
 * holds the bytes that it sends, compressed, against pages that wait, whole.  The relay keeps what it has sent as far as
 * its memory goes; pages of the working set that do not fit are sent whole each time.
 *
 * Post-copy sends each page once, so only the first column counts; hybrid pays the first column and one pass of the
 * second. */
#include "decide/way-choice.h"

#include "base/units.h"
#include "model/relay-passes.h"

#include <math.h>

#define PAGE_BYTES  4096.0
#define PASSES_MOST 30 /* a pre-copy of more than these has not converged */

void way_assumptions_init(WayAssumptions *assumptions)
{
#define WAY_ASSUMPTION_VALUE(name, value, meaning) .name = (value),
    *assumptions = (WayAssumptions){WAY_ASSUMPTIONS(WAY_ASSUMPTION_VALUE)};
}

static double known_or(double value, double otherwise)
{
    return isnan(value) ? otherwise : value;
}

/* ---- what a page costs ---- */

static double working_set(const WayView *view)
{
    return fmin(known_or(view->working_set_bytes, (double)view->ram_bytes), (double)view->ram_bytes);
}

static double used_share(const WayView *view, const WayAssumptions *assumed)
{
    return fmax(known_or(view->used_share, assumed->used_share), 0.001);
}

/* How much of the working set the relay still has when its pages come again. */
static double kept_share(const WayView *view, const WayAssumptions *assumed)
{
    double room_bytes = (double)view->memory_bytes - assumed->index_share * (double)view->ram_bytes;
    double needed_bytes = working_set(view);

    return needed_bytes > 0 ? CLAMP(room_bytes / needed_bytes, 0, 1) : 1;
}

static double source_cpus(const WayView *view, const WayAssumptions *assumed, double most)
{
    return fmin(known_or(view->source_free_cpus, assumed->cpus_unknown), most);
}

static double destination_cpus(const WayView *view, const WayAssumptions *assumed, double most)
{
    return fmin(known_or(view->destination_free_cpus, assumed->cpus_unknown), most);
}

/* As many as the link can use, or the source has cores for. */
static guint connections_of(const WayView *view, const WayAssumptions *assumed)
{
    double share = known_or(view->compressed_share, assumed->compressed_share);
    double useful = ceil((double)view->link_bytes_per_s / (assumed->multifd_bytes_per_s * fmax(share, 0.01)));
    double affordable = floor(known_or(view->source_free_cpus, assumed->cpus_unknown));

    return (guint)CLAMP(fmin(useful, affordable), assumed->connections_least, assumed->connections_most);
}

/* Rates of 'costs' from bytes/s: at the source and at the destination. */
static void set_rates(RelayCosts *costs, double sent_bytes_per_s, double taken_bytes_per_s, double again_bytes_per_s,
                      double share_of_memory)
{
    costs->first_mib_per_s = fmin(sent_bytes_per_s, taken_bytes_per_s) / share_of_memory / (double)MIB;
    costs->again_mib_per_s = again_bytes_per_s / (double)MIB;
}

static RelayCosts costs_of(Way way, const WayView *view, const WayAssumptions *assumed)
{
    double used = used_share(view, assumed);
    double compressed = known_or(view->compressed_share, assumed->compressed_share);
    RelayCosts costs;

    relay_costs_init(&costs);
    switch (way) {
    case WAY_PLAIN: {
        double rate = assumed->plain_bytes_per_s *
                      fmin(source_cpus(view, assumed, 1), destination_cpus(view, assumed, 1));

        costs.first_share = used;
        costs.kept_share = 0;
        set_rates(&costs, rate, rate, rate, used);
        break;
    }
    case WAY_MULTIFD: {
        guint connections = connections_of(view, assumed);
        double sent = assumed->multifd_bytes_per_s * source_cpus(view, assumed, connections);
        double taken = assumed->multifd_taken_bytes_per_s * destination_cpus(view, assumed, connections);

        costs.first_share = used * compressed;
        costs.again_share = fmax(compressed, assumed->again_share);
        costs.kept_share = 0;
        set_rates(&costs, sent, taken, fmin(sent, taken), used);
        break;
    }
    case WAY_RELAY: {
        double cpus = source_cpus(view, assumed, assumed->cpus_most);

        costs.first_share = used * compressed * assumed->relay_share;
        costs.header_bytes = assumed->segment_overhead_bytes;
        costs.kept_share = kept_share(view, assumed);
        set_rates(&costs, assumed->relay_bytes_per_s * cpus,
                  assumed->relay_taken_bytes_per_s * destination_cpus(view, assumed, assumed->cpus_most),
                  assumed->relay_again_bytes_per_s * cpus, used);
        break;
    }
    }
    return costs;
}

/* ---- how long it takes ---- */

static RelayVm vm_of(const WayView *view)
{
    return (RelayVm){.pages = {.memory_mib = (double)view->ram_bytes / (double)MIB,
                               .dirty_mib_per_s = view->dirty_pages_per_s * PAGE_BYTES / (double)MIB,
                               .working_set_mib = working_set(view) / (double)MIB,
                               .bandwidth_mib_per_s = (double)view->link_bytes_per_s / (double)MIB},
                     .dirty_bytes = known_or(view->dirty_bytes_per_page, PAGE_BYTES)};
}

/* 'threshold_s': of the wire, for what is left when the guest is stopped. */
static PassesRules rules_of(const RelayVm *vm, double threshold_s)
{
    PassesRules rules;

    passes_rules_init(&rules);
    rules.resume_s = 0; /* the same in all */
    rules.threshold_mib = threshold_s * vm->pages.bandwidth_mib_per_s;
    rules.passes_max = PASSES_MOST;
    rules.traffic_max = INFINITY;
    rules.progress_min = INFINITY;
    rules.downtime = DOWNTIME_LAST;
    return rules;
}

static double threshold_s(Way way, const RelayCosts *costs, const WayView *view, const WayAssumptions *assumed)
{
    double limit_s = (double)view->downtime_limit_ns / (double)NS_PER_S;

    return way == WAY_RELAY ? fmax(limit_s - assumed->pause_fixed_s, limit_s / 10)
                            : limit_s * assumed->limit_share * costs->again_share;
}

/* The first pass. */
static double first_s(Way way, const WayView *view, const WayAssumptions *assumed)
{
    RelayCosts costs = costs_of(way, view, assumed);
    RelayVm vm = vm_of(view);

    return fmax(relay_first_wire_mib(&costs, vm.pages.memory_mib) / vm.pages.bandwidth_mib_per_s,
                vm.pages.memory_mib / costs.first_mib_per_s);
}

/* INFINITY: does not converge. */
static double total_s(Way way, const WayView *view, const WayAssumptions *assumed)
{
    RelayCosts costs = costs_of(way, view, assumed);
    RelayVm vm = vm_of(view);
    PassesRules rules = rules_of(&vm, threshold_s(way, &costs, view, assumed));
    double start_s = way == WAY_RELAY ? assumed->start_s : 0;
    RelayCost cost;

    switch (view->algorithm) {
    case ALGORITHM_POST_COPY:
        return start_s + first_s(way, view, assumed);
    case ALGORITHM_HYBRID:
        rules.passes_max = 1;
        return start_s + relay_passes_run(&vm, &costs, &rules).passes_s;
    case ALGORITHM_PRE_COPY:
        break;
    }
    cost = relay_passes_run(&vm, &costs, &rules);
    return cost.end == PASSES_CONVERGED ? start_s + cost.total_s : INFINITY;
}

/* ---- words ---- */

static void append_time(GString *text, const char *name, double seconds)
{
    if (isinf(seconds)) {
        g_string_append_printf(text, "no end %s", name);
    } else {
        g_string_append_printf(text, "%.3g s %s", seconds, name);
    }
}

static char *start_of(Way way, guint connections)
{
    switch (way) {
    case WAY_RELAY:
        return g_strdup("through a relay");
    case WAY_MULTIFD:
        return g_strdup_printf("over %u connections, compressed by QEMU", connections);
    case WAY_PLAIN:
        break;
    }
    return g_strdup("the plain way");
}

static char *verdict_text(const WayView *view, const WayVerdict *verdict)
{
    g_autofree char *link = rate_format(view->link_bytes_per_s);
    g_autofree char *start = start_of(verdict->way, verdict->connections);
    GString *text = g_string_new(start);

    g_string_append(text, ": expected ");
    append_time(text, "plain", verdict->total_s[WAY_PLAIN]);
    if (!isnan(verdict->total_s[WAY_RELAY])) {
        g_string_append(text, ", ");
        append_time(text, "through a relay", verdict->total_s[WAY_RELAY]);
    }
    if (!isnan(verdict->total_s[WAY_MULTIFD])) {
        g_string_append(text, ", ");
        append_time(text, "compressed by QEMU", verdict->total_s[WAY_MULTIFD]);
    }
    g_string_append_printf(text, ", at %s; writes %.0f pages/s, ", link, view->dirty_pages_per_s);
    if (isnan(view->dirty_bytes_per_page)) {
        g_string_append(text, "how many bytes in each was not measured");
    } else {
        g_string_append_printf(text, "%.0f bytes in each", view->dirty_bytes_per_page);
    }
    if (verdict->way == WAY_RELAY && isinf(verdict->total_s[WAY_RELAY])) {
        g_string_append(text, "; a relay says soonest when a pre-copy cannot end");
    }
    if (view->no_relay && isnan(verdict->total_s[WAY_RELAY])) {
        g_string_append_printf(text, "; no relay: %s", view->no_relay);
    }
    return g_string_free(text, FALSE);
}

/* ---- the choice ---- */

static WayVerdict verdict_without(Way way, char *reason)
{
    return (WayVerdict){.way = way, .total_s = {NAN, NAN, NAN}, .reason = reason};
}

/* What speaks against any but the plain way before anything is reckoned; NULL: nothing. */
static char *objection(const WayView *view, const WayAssumptions *assumed)
{
    if (view->no_relay && view->no_multifd) {
        return g_strdup_printf("the plain way: %s", view->no_relay);
    }
    if (view->link_bytes_per_s == 0) {
        return g_strdup("the plain way: nobody knows the link's rate, so nothing can be reckoned; the inventory's key "
                        "'link' tells it");
    }
    if (isnan(view->dirty_pages_per_s)) {
        return g_strdup("the plain way: what it writes was not measured, so nothing can be reckoned; --observe does");
    }
    if (view->is_parallel) {
        return g_strdup("the plain way: over several connections a relay could only compress");
    }
    if (view->source_free_cpus < assumed->cpus_least || view->destination_free_cpus < assumed->cpus_least) {
        return g_strdup_printf("the plain way: %.1f and %.1f cores are free at source and destination, compressing wants "
                               "%.1f of each",
                               fmax(view->source_free_cpus, 0), fmax(view->destination_free_cpus, 0),
                               assumed->cpus_least);
    }
    return NULL;
}

/* What the operator, or the hosts, leave no choice about. */
static gboolean is_settled(const WayView *view, WayVerdict *verdict)
{
    if (view->mode == RELAY_MODE_OFF) {
        *verdict = verdict_without(WAY_PLAIN, g_strdup("the plain way, as --relay says"));
    } else if (view->mode == RELAY_MODE_ON && view->no_relay) {
        *verdict = verdict_without(WAY_PLAIN, g_strdup_printf("the plain way: %s", view->no_relay));
    } else if (view->mode == RELAY_MODE_ON) {
        *verdict = verdict_without(WAY_RELAY, g_strdup("through a relay, as --relay says"));
    } else {
        return FALSE;
    }
    return TRUE;
}

/* Where none converges a relay says so as soon as its first passes have shown it, so that something is done about it;
 * the plain way goes on until --stuck-after. */
static Way way_without_end(const WayView *view, const WayAssumptions *assumed)
{
    gboolean is_faster = !view->no_relay && first_s(WAY_RELAY, view, assumed) < first_s(WAY_PLAIN, view, assumed);

    return is_faster ? WAY_RELAY : WAY_PLAIN;
}

/* The faster of both that are not plain, if that is worth it.  When they are about equal it is the relay, which keeps the
 * downtime limit by itself. */
static Way best_way(const WayView *view, const WayVerdict *verdict, const WayAssumptions *assumed)
{
    double relay_s = known_or(verdict->total_s[WAY_RELAY], INFINITY);
    double multifd_s = known_or(verdict->total_s[WAY_MULTIFD], INFINITY);
    double best_s = fmin(relay_s, multifd_s);

    if (isinf(best_s) && isinf(verdict->total_s[WAY_PLAIN])) {
        return way_without_end(view, assumed);
    }
    if (best_s * assumed->gain_least >= verdict->total_s[WAY_PLAIN]) {
        return WAY_PLAIN;
    }
    return relay_s <= multifd_s * assumed->tie_most ? WAY_RELAY : WAY_MULTIFD;
}

WayVerdict way_choose(const WayView *view, const WayAssumptions *assumptions)
{
    WayAssumptions assumed;
    WayVerdict verdict = verdict_without(WAY_PLAIN, NULL);

    way_assumptions_init(&assumed);
    if (assumptions) {
        assumed = *assumptions;
    }
    if (is_settled(view, &verdict)) {
        return verdict;
    }
    verdict.reason = objection(view, &assumed);
    if (verdict.reason) {
        return verdict;
    }
    verdict.total_s[WAY_PLAIN] = total_s(WAY_PLAIN, view, &assumed);
    if (!view->no_relay) {
        verdict.total_s[WAY_RELAY] = total_s(WAY_RELAY, view, &assumed);
    }
    if (!view->no_multifd && view->algorithm == ALGORITHM_PRE_COPY) {
        verdict.total_s[WAY_MULTIFD] = total_s(WAY_MULTIFD, view, &assumed);
    }
    verdict.way = best_way(view, &verdict, &assumed);
    verdict.connections = verdict.way == WAY_MULTIFD ? connections_of(view, &assumed) : 0;
    verdict.reason = verdict_text(view, &verdict);
    return verdict;
}
