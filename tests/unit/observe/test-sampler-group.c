/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/observe/sampler-group.c in virtual time, with trackers that cost what the test says. */
#include "base/error.h"
#include "base/units.h"
#include "observe/sampler-group.h"

#include <math.h>
#include <string.h>

/* A tracker that spends CPU time of a clock of its own: half when it is armed, half when it is scanned. */
typedef struct CostlyTracker {
    Tracker tracker;
    gboolean *is_gone;
} CostlyTracker;

static gint64 spent_ns;         /* by everybody */
static gint64 access_cost_ns;
static gint64 write_cost_ns;
static gint64 other_cost_ns;    /* of a period's report, whoever does it */
static gboolean gone_flags[64]; /* by seed */

/* A load that comes and goes, when there is one: the second half of each cycle writes. */
static Clock *cycle_clock;
static gint64 cycle_ns;
static gint64 cycle_phase_ns;

static gint64 fake_cpu_ns(void)
{
    return spent_ns;
}

static gboolean costly_probe(char **why G_GNUC_UNUSED)
{
    return TRUE;
}

static Tracker *costly_new(const TrackerOps *ops, guint64 seed)
{
    CostlyTracker *self = g_new0(CostlyTracker, 1);

    self->tracker.ops = ops;
    self->is_gone = &gone_flags[seed];
    return &self->tracker;
}

static gboolean spend(const Tracker *tracker, gint64 cost_ns, GError **error)
{
    spent_ns += cost_ns / 2;
    if (*((const CostlyTracker *)tracker)->is_gone) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "gone");
        return FALSE;
    }
    return TRUE;
}

static gboolean access_arm(Tracker *tracker, gint64 budget_ns G_GNUC_UNUSED, GError **error)
{
    return spend(tracker, access_cost_ns, error);
}

static gboolean access_scan(Tracker *tracker, TrackerScan *scan, GError **error)
{
    scan->accessed_pages = 300;
    return spend(tracker, access_cost_ns, error);
}

static gint64 access_expected_ns(const RamMap *map G_GNUC_UNUSED)
{
    return access_cost_ns;
}

static gboolean write_arm(Tracker *tracker, gint64 budget_ns G_GNUC_UNUSED, GError **error)
{
    return spend(tracker, write_cost_ns, error);
}

static gboolean write_scan(Tracker *tracker, TrackerScan *scan, GError **error)
{
    scan->written_pages = 100;
    scan->dirty_bytes = 800;
    if (cycle_clock) {
        gint64 now_ns = cycle_clock->now_ns(cycle_clock) + cycle_phase_ns;
        scan->written_pages = now_ns % cycle_ns >= cycle_ns / 2 ? 200 : 0;
    }
    return spend(tracker, write_cost_ns, error);
}

static gint64 write_expected_ns(const RamMap *map G_GNUC_UNUSED)
{
    return write_cost_ns;
}

static Tracker *access_open(RamMap *map, guint64 seed, GError **error);
static Tracker *write_open(RamMap *map, guint64 seed, GError **error);

static const TrackerOps ACCESS = {"costly",     TRUE,        FALSE,
                                  costly_probe, access_open, access_arm,
                                  access_scan,  access_expected_ns, (void (*)(Tracker *))g_free};
static const TrackerOps WRITE = {"costly",     FALSE,      TRUE,
                                 costly_probe, write_open, write_arm,
                                 write_scan,   write_expected_ns, (void (*)(Tracker *))g_free};

static Tracker *access_open(RamMap *map G_GNUC_UNUSED, guint64 seed, GError **error G_GNUC_UNUSED)
{
    return costly_new(&ACCESS, seed);
}

static Tracker *write_open(RamMap *map G_GNUC_UNUSED, guint64 seed, GError **error G_GNUC_UNUSED)
{
    return costly_new(&WRITE, seed);
}

/* What came back. */
typedef struct Seen {
    guint periods;       /* ended */
    guint records[64];
    double access_windows[64];
    double write_windows[64];
    double written_pages[64]; /* of all windows */
    double working_sets[64];
    guint gone;
    guint done;
    gint64 gone_at_period;
    gint64 lose_at_period; /* before period 1 of VM 0 ends: it goes away; -1: never */
} Seen;

static guint index_of(const Sampler *sampler)
{
    return (guint)g_ascii_strtoull(sampler_vm(sampler) + 2, NULL, 10);
}

static void on_period(const Sampler *sampler, guint period, const PeriodRecord *record, gpointer user)
{
    Seen *seen = user;
    guint vm = index_of(sampler);

    spent_ns += other_cost_ns;
    g_assert_cmpuint(period, ==, seen->periods);
    seen->records[vm]++;
    seen->access_windows[vm] += record->access_windows;
    seen->write_windows[vm] += record->write_windows;
    seen->working_sets[vm] += !isnan(record->working_set_bytes);
    if (record->access_windows > 0) {
        g_assert_cmpfloat_with_epsilon(record->accessed_pages_per_s, 6000, 1e-6);
    }
    if (record->write_windows > 0 && !cycle_clock) {
        g_assert_cmpfloat_with_epsilon(record->written_pages_per_s, 2000, 1e-6);
    }
    seen->written_pages[vm] += record->write_windows > 0 ? record->written_pages_per_s * record->write_windows / 20 : 0;
}

static void on_period_end(guint period, gpointer user)
{
    Seen *seen = user;

    seen->periods = period + 1;
    if (seen->lose_at_period == (gint64)period) {
        gone_flags[0] = TRUE;
    }
}

static void on_gone(const Sampler *sampler, const GError *error, gpointer user)
{
    Seen *seen = user;

    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST);
    g_assert_cmpuint(index_of(sampler), ==, 0);
    seen->gone++;
    seen->gone_at_period = seen->periods;
}

static void on_done(gpointer user)
{
    ((Seen *)user)->done++;
}

static const SamplerGroupCallbacks CALLBACKS = {on_period, on_period_end, on_gone, on_done};

static Sampler *costly_sampler(Clock *clock, guint vm)
{
    const TrackerOps *const ops[WINDOW_KINDS] = {&WRITE, &ACCESS};
    g_autofree char *name = g_strdup_printf("vm%u", vm);

    return sampler_new(name, NULL, ops, vm, 50 * NS_PER_MS, clock, fake_cpu_ns, NULL);
}

/* Ten seconds of 'vms' VMs with windows that cost so much; returns the CPU time spent. */
static gint64 observe(guint vms, gint64 access_ns, gint64 write_ns, double budget, Seen *seen)
{
    Clock *clock = clock_virtual_new();
    SamplerGroupOptions options = {50 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S, budget, FALSE, 1};
    gint64 lose_at = seen->lose_at_period;

    *seen = (Seen){.lose_at_period = lose_at};
    spent_ns = 0;
    access_cost_ns = access_ns;
    write_cost_ns = write_ns;
    memset(gone_flags, 0, sizeof gone_flags);
    SamplerGroup *group = sampler_group_new(clock, fake_cpu_ns, &options, &CALLBACKS, seen);
    for (guint vm = 0; vm < vms; vm++) {
        sampler_group_add(group, costly_sampler(clock, vm));
    }
    sampler_group_start(group);
    clock_virtual_run_until(clock, 11 * NS_PER_S);
    g_assert_cmpuint(seen->done, ==, 1);
    g_assert_cmpuint(seen->periods, ==, 10);
    g_assert_cmpint(clock_virtual_next_ns(clock), ==, -1);
    sampler_group_free(group);
    clock->close(clock);
    return spent_ns;
}

/* Windows that cost next to nothing follow each other without a gap, but for the pause of the working set. */
static void test_cheap(void)
{
    Seen seen = {.lose_at_period = -1};

    observe(2, 1000, 1000, 0.01, &seen);
    for (guint vm = 0; vm < 2; vm++) {
        g_assert_cmpuint(seen.records[vm], ==, 10);
        g_assert_cmpfloat(seen.access_windows[vm], >=, 179);
        g_assert_cmpfloat(seen.write_windows[vm], >=, 178);
        g_assert_cmpfloat(seen.working_sets[vm], ==, 1);
    }
}

/* 4 VMs with 6 ms per access window would cost 48 % of a core at full rate; 1 % is what is spent, and all get a share. */
static void test_budget(void)
{
    Seen seen = {.lose_at_period = -1};
    gint64 cpu_ns = observe(4, 6 * NS_PER_MS, NS_PER_MS, 0.01, &seen);

    g_test_message("spent %.1f ms of 100", (double)cpu_ns / 1e6);
    g_assert_cmpint(cpu_ns, <=, 112 * NS_PER_MS); /* a window that was begun is ended */
    g_assert_cmpint(cpu_ns, >=, 85 * NS_PER_MS);
    for (guint vm = 0; vm < 4; vm++) {
        g_assert_cmpfloat(seen.access_windows[vm], >=, 1);
        g_assert_cmpfloat(seen.access_windows[vm], <=, 4);
        g_assert_cmpfloat(seen.write_windows[vm], >=, 8);
    }
}

/* Ten times the memory, the same CPU time. */
static void test_budget_does_not_grow(void)
{
    Seen seen = {.lose_at_period = -1};
    gint64 cpu_ns = observe(1, 40 * NS_PER_MS, NS_PER_MS, 0.01, &seen);

    g_assert_cmpint(cpu_ns, <=, 130 * NS_PER_MS);
    g_assert_cmpfloat(seen.access_windows[0], >=, 1);
    g_assert_cmpfloat(seen.write_windows[0], >=, 20);
}

/* What the agent does besides counts as well. */
static void test_overhead_counts(void)
{
    Seen seen = {.lose_at_period = -1};

    other_cost_ns = NS_PER_MS;
    gint64 cpu_ns = observe(4, NS_PER_MS, NS_PER_MS, 0.01, &seen);
    other_cost_ns = 0;
    g_assert_cmpint(cpu_ns, <=, 112 * NS_PER_MS);
}

static void test_too_dear(void)
{
    Clock *clock = clock_virtual_new();
    SamplerGroupOptions options = {50 * NS_PER_MS, NS_PER_S, 10 * NS_PER_S, 0.01, FALSE, 1};
    Seen seen = {.lose_at_period = -1};

    access_cost_ns = 51 * NS_PER_MS;
    write_cost_ns = NS_PER_MS;
    SamplerGroup *group = sampler_group_new(clock, fake_cpu_ns, &options, &CALLBACKS, &seen);
    Sampler *sampler = costly_sampler(clock, 0);
    sampler_group_add(group, sampler);
    g_assert_null(sampler_tracker_name(sampler, WINDOW_ACCESS));
    g_assert_nonnull(strstr(sampler_note(sampler), "raise the budget"));
    sampler_group_start(group);
    clock_virtual_run_until(clock, 11 * NS_PER_S);
    g_assert_cmpfloat(seen.access_windows[0], ==, 0);
    g_assert_cmpfloat(seen.write_windows[0], >, 20);
    sampler_group_free(group);
    clock->close(clock);
}

static void test_many_vms(void)
{
    Seen seen = {.lose_at_period = -1};
    gint64 cpu_ns = observe(60, NS_PER_MS, NS_PER_MS / 2, 0.01, &seen);
    double least = 1000, most = 0;

    g_assert_cmpint(cpu_ns, <=, 112 * NS_PER_MS);
    for (guint vm = 0; vm < 60; vm++) {
        least = MIN(least, seen.write_windows[vm]);
        most = MAX(most, seen.write_windows[vm]);
    }
    g_assert_cmpfloat(least, >=, 1);
    g_assert_cmpfloat(most - least, <=, 1);
}

static void test_one_goes_others_stay(void)
{
    Seen seen = {.lose_at_period = 3};

    observe(3, 1000, 1000, 0.01, &seen);
    g_assert_cmpuint(seen.gone, ==, 1);
    g_assert_cmpint(seen.gone_at_period, ==, 4);
    g_assert_cmpuint(seen.records[0], ==, 4);
    g_assert_cmpuint(seen.records[1], ==, 10);
    g_assert_cmpuint(seen.records[2], ==, 10);
}

static void test_endless_and_joining(void)
{
    Clock *clock = clock_virtual_new();
    SamplerGroupOptions options = {50 * NS_PER_MS, NS_PER_S, 2 * NS_PER_S, 0.01, TRUE, 1};
    Seen seen = {.lose_at_period = -1};

    access_cost_ns = write_cost_ns = 1000;
    memset(gone_flags, 0, sizeof gone_flags);
    SamplerGroup *group = sampler_group_new(clock, fake_cpu_ns, &options, &CALLBACKS, &seen);
    sampler_group_start(group); /* with nobody to observe yet */
    clock_virtual_run_until(clock, 5 * NS_PER_S);
    g_assert_cmpuint(seen.periods, ==, 5);
    sampler_group_add(group, costly_sampler(clock, 0));
    clock_virtual_run_until(clock, 35 * NS_PER_S);
    g_assert_cmpuint(seen.done, ==, 0);
    g_assert_cmpuint(seen.records[0], ==, 30);
    g_assert_cmpfloat(seen.working_sets[0], >=, 2); /* again and again */
    sampler_group_free(group);
    g_assert_cmpint(clock_virtual_next_ns(clock), ==, -1);
    clock->close(clock);
}

/* What the windows of one VM say of a load that writes half of the time, less the half, as a share of it. */
static double off_by(gint64 phase_ns, guint64 seed)
{
    Clock *clock = clock_virtual_new();
    SamplerGroupOptions options = {50 * NS_PER_MS, NS_PER_S, 20 * NS_PER_S, 0.01, FALSE, seed};
    Seen seen = {.lose_at_period = -1};

    spent_ns = 0;
    access_cost_ns = 10 * NS_PER_MS;
    write_cost_ns = 5 * NS_PER_MS / 4; /* four windows a second: three in a cycle */
    memset(gone_flags, 0, sizeof gone_flags);
    cycle_clock = clock;
    cycle_ns = 750 * NS_PER_MS;
    cycle_phase_ns = phase_ns;
    SamplerGroup *group = sampler_group_new(clock, fake_cpu_ns, &options, &CALLBACKS, &seen);
    sampler_group_add(group, costly_sampler(clock, 0));
    sampler_group_start(group);
    clock_virtual_run_until(clock, 21 * NS_PER_S);
    sampler_group_free(group);
    clock->close(clock);
    cycle_clock = NULL;
    g_assert_cmpfloat(seen.write_windows[0], >=, 60);
    return seen.written_pages[0] / seen.write_windows[0] / 100 - 1;
}

/* Windows at even distances would be off by a third whatever the phase. */
static void test_loads_in_step(void)
{
    double squares = 0;

    for (guint i = 0; i < 30; i++) {
        double off = off_by(i * 25 * NS_PER_MS, i);
        squares += off * off / 30;
    }
    g_test_message("off by %.0f %%, one standard deviation", sqrt(squares) * 100);
    g_assert_cmpfloat(sqrt(squares), <, 0.15); /* of 70 windows at random it were 12 % */
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sampler-group/scans-all-the-time-when-it-is-cheap", test_cheap);
    g_test_add_func("/sampler-group/keeps-its-budget", test_budget);
    g_test_add_func("/sampler-group/costs-no-more-for-a-larger-guest", test_budget_does_not_grow);
    g_test_add_func("/sampler-group/counts-its-own-overhead", test_overhead_counts);
    g_test_add_func("/sampler-group/refuses-what-no-budget-allows", test_too_dear);
    g_test_add_func("/sampler-group/shares-evenly-among-many", test_many_vms);
    g_test_add_func("/sampler-group/is-not-fooled-by-a-load-in-step", test_loads_in_step);
    g_test_add_func("/sampler-group/goes-on-when-one-vm-ends", test_one_goes_others_stay);
    g_test_add_func("/sampler-group/goes-on-for-ever-and-lets-others-join", test_endless_and_joining);
    return g_test_run();
}
