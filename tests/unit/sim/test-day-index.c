/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/day-index.c against the plain scan of day-place.c: on random states and plans both must find the very
 * same host, ties included. */
#include "sim/day-index.h"

#include <float.h>

#define HOSTS 300
#define VMS   900
#define ROWS  40
#define DAYS  12

static Trace *random_trace(Rng *rng)
{
    static guint8 percent[ROWS * 60];

    for (guint i = 0; i < G_N_ELEMENTS(percent); i++) {
        /* often round numbers, so that there are ties */
        percent[i] = (guint8)(rng_below(rng, 2) == 0 ? 5 * rng_below(rng, 12) : rng_below(rng, 101));
    }
    return trace_new_percent(ROWS, 60, percent);
}

/* The index's answer and the scan's. */
static guint32 found_by_both(Day *day, guint32 vm)
{
    struct DayIndex *index = day->index;
    guint32 by_index = day_find_host(day, vm);

    day->index = NULL;
    guint32 by_scan = day_find_host(day, vm);

    day->index = index;
    g_assert_cmpuint(by_index, ==, by_scan);
    return by_scan;
}

static void scatter(Day *day, Rng *rng)
{
    for (guint32 vm = 0; vm < VMS; vm++) {
        guint32 host = rng_below(rng, HOSTS * 2 / 3);
        const DayVmType *type = day_type_of_vm(day, vm);

        day_list_add(day, host, vm);
        day->vm_host[vm] = host;
        day->ram_free[host] -= (float)type->ram_mib;
        day->nic_free[host] -= (float)type->nic_kbit_per_s;
    }
}

static void advance(Day *day, double time_s)
{
    day_move_clock(day, time_s);
    for (guint32 i = 0; i < day->n_active; i++) {
        day_host_update(day, day->active[i]);
    }
    day_take_samples(day);
}

static void try_plans(Day *day, Rng *rng)
{
    guint mark = 0;

    for (guint round = 0; round < 300; round++) {
        guint32 vm = rng_below(rng, VMS);
        guint32 host = found_by_both(day, vm);

        if (host != DAY_NONE && rng_below(rng, 3) > 0) {
            day_plan_add(day, vm, host);
        }
        if (rng_below(rng, 10) == 0) {
            day_plan_undo(day, mark);
        }
        if (rng_below(rng, 25) == 0) {
            mark = day->undo->len;
        }
        if (rng_below(rng, 20) == 0 && day->n_active > 0) {
            day_plan_exclude(day, day->active[rng_below(rng, day->n_active)], DAY_EXCLUDED_TRIED);
            mark = day->undo->len;
        }
        day->may_wake = rng_below(rng, 4) != 0;
    }
}

static void play(DayMode mode, guint32 defects, const char *policy, guint64 seed)
{
    Rng rng = rng_new(seed);
    g_autoptr(Trace) trace = random_trace(&rng);
    g_autoptr(DayFleet) fleet = day_fleet_large(trace, HOSTS, VMS, seed);
    DayConfig config;

    day_config_init(&config, mode, fleet);
    config.defects = defects;
    config.limit_s = 60 * 300;
    config.search = DAY_SEARCH_INDEX;
    g_assert_true(day_policy_parse(policy, &config.policy, NULL));
    Day *day = day_new(&config);

    day->result = g_new0(DayResult, 1);
    day->result->ticks = g_array_new(FALSE, FALSE, sizeof(DayTick));
    day->result->migrations = g_array_new(FALSE, FALSE, sizeof(DayMigration));
    day->result->energy_events = g_array_new(FALSE, FALSE, sizeof(DayEnergyEvent));
    day->promises_count = seed % 2 == 0;
    scatter(day, &rng);
    for (guint i = 1; i <= 11; i++) {
        advance(day, 300.0 * i + (mode == DAY_MODE_CLOUDSIM ? 0.1 : 0));
    }
    day_plan_begin(day);
    day_detect_prepare(day);
    g_assert_nonnull(day->index);
    day_find_overloaded(day);
    try_plans(day, &rng);
    day_plan_end(day);
    day_free(day);
}

static void test_mode(gconstpointer mode)
{
    static const char *const POLICIES[] = {"thr_mmt_0.8", "lr_mmt_1.2", "mad_mmt_2.5"};

    for (guint64 seed = 1; seed <= DAYS; seed++) {
        play(GPOINTER_TO_INT(mode), 0, POLICIES[seed % 3], seed);
    }
}

static void test_defects(void)
{
    play(DAY_MODE_PHYSICAL, DAY_DEFECT_STALE_POWER, "lr_mmt_1.2", 101);
    play(DAY_MODE_PHYSICAL, DAY_DEFECT_FREE_IDLE_POWER, "thr_mmt_0.9", 102);
    play(DAY_MODE_PHYSICAL, DAY_DEFECT_STALE_POWER | DAY_DEFECT_FREE_IDLE_POWER, "iqr_mmt_1.5", 103);
}

/* A whole day comes out the same. */
static void test_whole_day(gconstpointer mode)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Trace) trace = trace_read_planetlab(DATA_DIR "/cloudsim/planetlab-20110303-p50.txt", &error);
    g_autoptr(DayFleet) fleet = day_fleet_large(trace, 60, 500, 7);
    DayConfig config;

    g_assert_no_error(error);
    day_config_init(&config, GPOINTER_TO_INT(mode), fleet);
    config.search = DAY_SEARCH_SCAN;
    g_autoptr(DayResult) scan = day_run(&config, NULL, NULL, &error);
    config.search = DAY_SEARCH_INDEX;
    g_autoptr(DayResult) index = day_run(&config, NULL, NULL, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(scan->migrations->len, >, 0);
    g_assert_cmpmem(&scan->totals, sizeof scan->totals, &index->totals, sizeof index->totals);
    g_assert_cmpmem(scan->migrations->data, scan->migrations->len * sizeof(DayMigration), index->migrations->data,
                    index->migrations->len * sizeof(DayMigration));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/day-index/cloudsim", GINT_TO_POINTER(DAY_MODE_CLOUDSIM), test_mode);
    g_test_add_data_func("/day-index/physical", GINT_TO_POINTER(DAY_MODE_PHYSICAL), test_mode);
    g_test_add_func("/day-index/defects", test_defects);
    g_test_add_data_func("/day-index/whole-day-cloudsim", GINT_TO_POINTER(DAY_MODE_CLOUDSIM), test_whole_day);
    g_test_add_data_func("/day-index/whole-day-physical", GINT_TO_POINTER(DAY_MODE_PHYSICAL), test_whole_day);
    return g_test_run();
}
