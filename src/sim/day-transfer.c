/* SPDX-License-Identifier: Apache-2.0
 *
 * Migrations that share links: pre-copy, pass by pass (model/passes.h), at a rate that changes as others start and end.
 *
 * Theory of operation
 * -------------------
 * Each host has one link with two directions; migrations may use settings.link_share of either.  A host divides what
 * it has equally among the migrations that leave it, and as much among those that come in; a migration runs at the less
 * of its two shares.  What it leaves unused at its faster end is not handed on, as full max-min fairness would: then
 * each start or end would touch only the migrations of its two hosts, and a tick of a large fleet starts ten thousands.
 *
 * A heap holds one event per migration: the end of its waiting (the destination wakes), of its current pass, or of the
 * copy with the guest stopped.  When a share changes, what is left of the pass is reckoned anew.  Simultaneous events
 * go in the order in which the migrations were started.
 *
 * With the defect fixed-duration there is one pass at half of the destination's link, alone. */
#include <math.h>

#include "model/passes.h"
#include "sim/day-order.h"
#include "sim/day-private.h"

#define NONE G_MAXUINT32

enum { OUT, IN, DIRECTIONS };

typedef enum Phase { PHASE_WAITING, PHASE_PASSES, PHASE_STOPPED } Phase;

typedef struct Job {
    DayArrival arrival; /* what is known so far */
    PassesState passes;
    Phase phase;
    guint32 src;
    double left_mib; /* of the pass, at since_s */
    double since_s;
    double pass_start_s;
    double rate; /* MiB/s */
    double event_s;
    guint64 order;
    guint heap_at;
    guint32 next[DIRECTIONS]; /* in the ring of the host's jobs of this direction */
    guint32 before[DIRECTIONS];
} Job;

typedef struct Port {
    guint32 first[DIRECTIONS];
    guint32 count[DIRECTIONS];
} Port;

struct DayTransfers {
    const Day *day;
    PassesRules rules;
    Port *ports; /* by host */
    GArray *jobs;
    GArray *unused; /* guint32 */
    GArray *heap;   /* guint32 */
    guint64 started;
    double now_s;
};

static Job *job_at(DayTransfers *transfers, guint32 index)
{
    return &g_array_index(transfers->jobs, Job, index);
}

/* -- the heap -------------------------------------------------------------------------------------------------------
 */

static gboolean sooner(DayTransfers *transfers, guint32 a, guint32 b)
{
    const Job *left = job_at(transfers, a);
    const Job *right = job_at(transfers, b);

    return left->event_s < right->event_s || (left->event_s == right->event_s && left->order < right->order);
}

static void heap_put(DayTransfers *transfers, guint at, guint32 job)
{
    g_array_index(transfers->heap, guint32, at) = job;
    job_at(transfers, job)->heap_at = at;
}

static void heap_settle(DayTransfers *transfers, guint at)
{
    guint32 *heap = (guint32 *)(gpointer)transfers->heap->data;
    guint32 job = heap[at];

    for (; at > 0 && sooner(transfers, job, heap[(at - 1) / 2]); at = (at - 1) / 2) {
        heap_put(transfers, at, heap[(at - 1) / 2]);
    }
    for (guint child; (child = 2 * at + 1) < transfers->heap->len; at = child) {
        if (child + 1 < transfers->heap->len && sooner(transfers, heap[child + 1], heap[child])) {
            child++;
        }
        if (!sooner(transfers, heap[child], job)) {
            break;
        }
        heap_put(transfers, at, heap[child]);
    }
    heap_put(transfers, at, job);
}

static void heap_remove(DayTransfers *transfers, guint at)
{
    guint last = transfers->heap->len - 1;

    if (at != last) {
        heap_put(transfers, at, g_array_index(transfers->heap, guint32, last));
    }
    g_array_set_size(transfers->heap, last);
    if (at != last) {
        heap_settle(transfers, at);
    }
}

/* -- rates ----------------------------------------------------------------------------------------------------------
 */

static double link_mib_per_s(const Day *day, guint32 host)
{
    return day_type_of_host(day, host)->nic_kbit_per_s * 1000 / 8 / (1024 * 1024);
}

static double fair_rate(const DayTransfers *transfers, const Job *job)
{
    const Day *day = transfers->day;

    if (day_has(day, DAY_DEFECT_FIXED_DURATION)) {
        return day_type_of_host(day, job->arrival.dst)->nic_kbit_per_s / (2 * 8000);
    }
    double share = day->config->settings.link_share;
    double out = link_mib_per_s(day, job->src) * share / transfers->ports[job->src].count[OUT];
    double in = link_mib_per_s(day, job->arrival.dst) * share / transfers->ports[job->arrival.dst].count[IN];

    return MIN(out, in);
}

static void set_rate(DayTransfers *transfers, guint32 index)
{
    Job *job = job_at(transfers, index);
    double rate = fair_rate(transfers, job);

    if (rate == job->rate) {
        return;
    }
    job->left_mib = MAX(0.0, job->left_mib - job->rate * (transfers->now_s - job->since_s));
    job->since_s = transfers->now_s;
    job->rate = rate;
    job->event_s = transfers->now_s + job->left_mib / rate;
    heap_settle(transfers, job->heap_at);
}

static void set_rates_of(DayTransfers *transfers, guint32 host, int direction)
{
    guint32 first = transfers->ports[host].first[direction];

    if (!day_has(transfers->day, DAY_DEFECT_FIXED_DURATION)) {
        for (guint32 index = first; index != NONE; index = job_at(transfers, index)->next[direction]) {
            set_rate(transfers, index);
        }
    }
}

static void join(DayTransfers *transfers, guint32 index, guint32 host, int direction)
{
    Port *port = &transfers->ports[host];
    Job *job = job_at(transfers, index);

    job->before[direction] = NONE;
    job->next[direction] = port->first[direction];
    if (port->first[direction] != NONE) {
        job_at(transfers, port->first[direction])->before[direction] = index;
    }
    port->first[direction] = index;
    port->count[direction]++;
}

static void leave(DayTransfers *transfers, guint32 index, guint32 host, int direction)
{
    Port *port = &transfers->ports[host];
    Job *job = job_at(transfers, index);

    if (job->before[direction] != NONE) {
        job_at(transfers, job->before[direction])->next[direction] = job->next[direction];
    } else {
        port->first[direction] = job->next[direction];
    }
    if (job->next[direction] != NONE) {
        job_at(transfers, job->next[direction])->before[direction] = job->before[direction];
    }
    port->count[direction]--;
}

/* -- a migration ----------------------------------------------------------------------------------------------------
 */

double day_dirty_mib_per_s(const Day *day, guint32 vm)
{
    const float *dirty = day->config->fleet->vm_dirty_mib_per_s;
    double own = dirty != NULL ? (double)dirty[day_order_outer(day->order, vm)] : -1;

    return (own >= 0 ? own : day->config->settings.dirty_mib_per_s) * day->vm_asked[vm] / day_type_of_vm(day, vm)->mips;
}

static PassesVm passes_vm(const Day *day, guint32 vm, double bandwidth_mib_per_s)
{
    const DaySettings *settings = &day->config->settings;
    const DayVmType *type = day_type_of_vm(day, vm);
    gboolean fixed = day_has(day, DAY_DEFECT_FIXED_DURATION);

    return (PassesVm){.memory_mib = type->ram_mib,
                      .dirty_mib_per_s = fixed ? 0 : day_dirty_mib_per_s(day, vm),
                      .working_set_mib =
                          type->working_set_mib > 0 ? type->working_set_mib : settings->working_set * type->ram_mib,
                      .bandwidth_mib_per_s = bandwidth_mib_per_s};
}

static void begin_pass(DayTransfers *transfers, guint32 index)
{
    Job *job = job_at(transfers, index);

    job->left_mib = job->passes.pass_mib;
    job->since_s = job->pass_start_s = transfers->now_s;
    job->event_s = transfers->now_s + job->left_mib / job->rate;
    heap_settle(transfers, job->heap_at);
}

static void begin_passes(DayTransfers *transfers, guint32 index)
{
    Job *job = job_at(transfers, index);

    join(transfers, index, job->src, OUT);
    join(transfers, index, job->arrival.dst, IN);
    job->rate = fair_rate(transfers, job);
    PassesVm vm = passes_vm(transfers->day, job->arrival.vm, job->rate);

    passes_begin(&job->passes, &vm, &transfers->rules);
    job->phase = job->passes.guest_stops ? PHASE_STOPPED : PHASE_PASSES;
    begin_pass(transfers, index);
    set_rates_of(transfers, job->src, OUT);
    set_rates_of(transfers, job->arrival.dst, IN);
}

static void end(DayTransfers *transfers, guint32 index, DayArrival *arrival)
{
    Job *job = job_at(transfers, index);
    gboolean fixed = day_has(transfers->day, DAY_DEFECT_FIXED_DURATION);

    job->arrival.sent_mib = job->passes.sent_mib + job->passes.pass_mib;
    job->arrival.downtime_s =
        fixed ? 0 : transfers->now_s - job->pass_start_s + transfers->day->config->settings.resume_s;
    job->arrival.time_s = transfers->now_s;
    *arrival = job->arrival;
    guint32 src = job->src, dst = job->arrival.dst;

    leave(transfers, index, src, OUT);
    leave(transfers, index, dst, IN);
    heap_remove(transfers, job->heap_at);
    g_array_append_val(transfers->unused, index);
    set_rates_of(transfers, src, OUT);
    set_rates_of(transfers, dst, IN);
}

/* The event of 'index' happens; TRUE when that was the migration's end. */
static gboolean happens(DayTransfers *transfers, guint32 index, DayArrival *arrival)
{
    Job *job = job_at(transfers, index);

    if (job->phase == PHASE_WAITING) {
        begin_passes(transfers, index);
        return FALSE;
    }
    if (job->phase == PHASE_STOPPED) {
        end(transfers, index, arrival);
        return TRUE;
    }
    if (!passes_next(&job->passes, transfers->now_s - job->pass_start_s)) {
        job->phase = PHASE_STOPPED;
    }
    begin_pass(transfers, index);
    return FALSE;
}

gboolean day_transfers_next(DayTransfers *transfers, double until_s, DayArrival *arrival)
{
    while (transfers->heap->len > 0) {
        guint32 index = g_array_index(transfers->heap, guint32, 0);
        double event_s = job_at(transfers, index)->event_s;

        if (event_s >= until_s) {
            break;
        }
        g_assert(event_s >= transfers->now_s);
        transfers->now_s = event_s;
        if (happens(transfers, index, arrival)) {
            return TRUE;
        }
    }
    transfers->now_s = until_s;
    return FALSE;
}

void day_transfers_add(DayTransfers *transfers, const DayMove *move, guint number, double delay_s)
{
    guint32 index = transfers->jobs->len;
    const Day *day = transfers->day;

    transfers->now_s = day->now_s;
    if (transfers->unused->len > 0) {
        index = g_array_index(transfers->unused, guint32, transfers->unused->len - 1);
        g_array_set_size(transfers->unused, transfers->unused->len - 1);
    } else {
        g_array_set_size(transfers->jobs, index + 1);
    }
    Job *job = job_at(transfers, index);

    *job = (Job){.arrival = {.start_s = day->now_s, .vm = move->vm, .dst = move->dst, .number = number},
                 .phase = PHASE_WAITING,
                 .src = day->vm_host[move->vm],
                 .event_s = day->now_s + delay_s,
                 .order = transfers->started++};
    g_array_append_val(transfers->heap, index);
    job->heap_at = transfers->heap->len - 1;
    heap_settle(transfers, job->heap_at);
}

double day_transfer_alone_s(const Day *day, guint32 vm, guint32 src, guint32 dst)
{
    double share = day->config->settings.link_share;
    PassesRules rules;

    passes_rules_init(&rules);
    rules.threshold_mib = day->config->settings.stop_mib;
    rules.resume_s = day->config->settings.resume_s;
    PassesVm passes = passes_vm(day, vm, MIN(link_mib_per_s(day, src), link_mib_per_s(day, dst)) * share);

    return passes_run(&passes, &rules).total_s;
}

guint day_transfers_running(const DayTransfers *transfers)
{
    return transfers->heap->len;
}

DayTransfers *day_transfers_new(const Day *day)
{
    DayTransfers *transfers = g_new0(DayTransfers, 1);

    transfers->day = day;
    transfers->ports = g_new(Port, day->fleet->hosts);
    for (guint32 host = 0; host < day->fleet->hosts; host++) {
        transfers->ports[host] = (Port){.first = {NONE, NONE}};
    }
    passes_rules_init(&transfers->rules);
    transfers->rules.threshold_mib = day->config->settings.stop_mib;
    transfers->rules.resume_s = day->config->settings.resume_s;
    transfers->jobs = g_array_new(FALSE, FALSE, sizeof(Job));
    transfers->unused = g_array_new(FALSE, FALSE, sizeof(guint32));
    transfers->heap = g_array_new(FALSE, FALSE, sizeof(guint32));
    return transfers;
}

void day_transfers_free(DayTransfers *transfers)
{
    if (transfers != NULL) {
        g_array_unref(transfers->jobs);
        g_array_unref(transfers->unused);
        g_array_unref(transfers->heap);
        g_free(transfers->ports);
        g_free(transfers);
    }
}
