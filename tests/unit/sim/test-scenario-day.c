/* SPDX-License-Identifier: Apache-2.0
 *
 * src/sim/scenario-day.c, scenario-loads.c and scenario-placer.c: loads, placement and numbers of a scenario arrive in
 * the day; placers relieve hosts and break no rule of it. */
#include "sim/scenario-day.h"

#include "base/error.h"
#include "base/units.h"
#include "sim/scenario-placer.h"

#include <glib/gstdio.h>
#include <math.h>
#include <string.h>

#define HOSTS "[host-type t]\ncores=4\nmips=2000\nmemory=8G\nnic=1gbit\npower=X3470\n[hosts h]\ntype=t\ncount=6\n"
#define TYPE  "[vm-type v]\nmips=1500\nmemory=512M\nnic=10mbit\n"

typedef struct Fixture {
    char *directory;
    ScenarioTraces *traces;
    Scenario *scenario;
    ScenarioDay *day;
} Fixture;

static void write_file(const char *directory, const char *name, const char *text)
{
    g_autofree char *path = g_build_filename(directory, name, NULL);

    g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static void set_up(Fixture *fixture, gconstpointer data)
{
    fixture->directory = g_dir_make_tmp("godwit-day-XXXXXX", NULL);
    fixture->traces = scenario_traces_new();
    write_file(fixture->directory, "three.txt", "a 10 20 30 40\nb 50 50 50 50\nc 0 100 0 100\n");
    write_file(fixture->directory, "rnd-vms.csv",
               "vm,cores,cpu_mhz_provisioned,mem_kb_provisioned\n1,1,1000,1048576\n");
    write_file(fixture->directory, "rnd-usage.csv",
               "vm,slot,cpu_mhz,mem_kb,disk_read_kbs,disk_write_kbs,net_rx_kbs,net_tx_kbs\n"
               "1,0,250,1000,0,0,0,0\n1,1,500,1000,0,0,0,0\n");
}

static void tear_down(Fixture *fixture, gconstpointer data)
{
    static const char *const FILES[] = {"three.txt", "rnd-vms.csv", "rnd-usage.csv"};

    scenario_day_free(fixture->day);
    scenario_free(fixture->scenario);
    scenario_traces_free(fixture->traces);
    for (gsize i = 0; i < G_N_ELEMENTS(FILES); i++) {
        g_autofree char *path = g_build_filename(fixture->directory, FILES[i], NULL);
        g_unlink(path);
    }
    g_rmdir(fixture->directory);
    g_free(fixture->directory);
}

static ScenarioDay *make(Fixture *fixture, const char *text, guint64 seed, GError **error)
{
    g_autofree char *path = g_build_filename(fixture->directory, "day.ini", NULL);

    scenario_day_free(fixture->day);
    scenario_free(fixture->scenario);
    fixture->day = NULL;
    fixture->scenario = scenario_parse(text, path, error);
    if (fixture->scenario) {
        scenario_set_seed(fixture->scenario, seed);
        fixture->day = scenario_day_new(fixture->scenario, fixture->traces, error);
    }
    return fixture->day;
}

static ScenarioDay *make_well(Fixture *fixture, const char *text, guint64 seed)
{
    g_autoptr(GError) error = NULL;
    ScenarioDay *day = make(fixture, text, seed, &error);

    g_assert_no_error(error);
    return day;
}

static double share_of(const ScenarioDay *day, guint vm, guint sample)
{
    return trace_share(day->fleet.trace, day->fleet.vm_row[vm], sample);
}

static void test_made_up_loads(Fixture *fixture, gconstpointer data)
{
    const ScenarioDay *day = make_well(fixture,
                                       HOSTS TYPE "[vms c]\ntype=v\ncount=3\nworkload=constant 30%\n"
                                                  "[vm s]\ntype=v\nworkload=sine 50% 40% 24h\n"
                                                  "[vm t]\ntype=v\nworkload=steps 1h:10%,2h:80%\n"
                                                  "[vm p]\ntype=v\npaused=yes\n",
                                       1);

    g_assert_cmpuint(day->fleet.trace->vms, ==, 4); /* the three share a row */
    g_assert_cmpfloat_with_epsilon(share_of(day, 2, 17), 0.3, 1e-6);
    g_assert_cmpfloat_with_epsilon(share_of(day, 3, 0), 0.5, 1e-6);
    g_assert_cmpfloat_with_epsilon(share_of(day, 3, 72), 0.9, 1e-6);  /* after 6 h */
    g_assert_cmpfloat_with_epsilon(share_of(day, 3, 216), 0.1, 1e-6); /* after 18 h */
    g_assert_cmpfloat_with_epsilon(share_of(day, 4, 0), 0.1, 1e-6);   /* before the first step: its share */
    g_assert_cmpfloat_with_epsilon(share_of(day, 4, 23), 0.1, 1e-6);
    g_assert_cmpfloat_with_epsilon(share_of(day, 4, 24), 0.8, 1e-6);
    g_assert_cmpfloat(share_of(day, 5, 100), ==, 0);
    g_assert_cmpfloat(day->fleet.vm_types[0].mips, ==, 1500);
    g_assert_cmpfloat(day->fleet.vm_types[0].nic_kbit_per_s, ==, 10000);
    g_assert_cmpfloat(day->fleet.host_types[0].ram_mib, ==, 8192);
    g_assert_cmpfloat(day->fleet.host_types[0].nic_kbit_per_s, ==, 1000000);
    g_assert_cmpfloat(day->fleet.host_types[0].power->watts[10], ==, 113);
}

static void test_noise_is_the_seeds(Fixture *fixture, gconstpointer data)
{
    static const char *const TEXT = HOSTS TYPE "[vms c]\ntype=v\ncount=4\nworkload=constant 50%\nnoise=10%\n";
    double first[4][50];
    double sum = 0;
    double squares = 0;
    guint different = 0;

    for (guint seed = 1; seed <= 3; seed++) {
        const ScenarioDay *day = make_well(fixture, TEXT, seed % 2); /* 1, 0, 1 */

        g_assert_cmpuint(day->fleet.trace->vms, ==, 4);
        for (guint vm = 0; vm < 4; vm++) {
            for (guint i = 0; i < 50; i++) {
                double share = share_of(day, vm, i);

                first[vm][i] = seed == 1 ? share : first[vm][i];
                different += seed == 2 && share != first[vm][i];
                g_assert_true(seed != 3 || share == first[vm][i]);
                sum += share / 600;
                squares += (share - 0.5) * (share - 0.5) / 600;
            }
        }
    }
    g_assert_cmpuint(different, >, 190);
    g_assert_cmpfloat_with_epsilon(sum, 0.5, 0.02);
    g_assert_cmpfloat_with_epsilon(sqrt(squares), 0.1, 0.02);
}

/* Five VMs on three rows from the second one on; whole per cents of the only file are used as they are. */
static void test_rows_of_a_file(Fixture *fixture, gconstpointer data)
{
    const ScenarioDay *day = make_well(fixture,
                                       "[scenario]\nduration=20min\n" HOSTS TYPE
                                       "[vms p]\ntype=v\ncount=5\nworkload=planetlab three.txt\nfirst_row=2\n",
                                       1);

    g_assert_null(day->own_trace);
    g_assert_nonnull(day->fleet.trace->percent);
    for (guint vm = 0; vm < 5; vm++) {
        g_assert_cmpuint(day->fleet.vm_row[vm], ==, (vm + 1) % 3);
    }
    day = make_well(fixture,
                    "[scenario]\nduration=20min\n" HOSTS TYPE
                    "[vms p]\ntype=v\ncount=5\nworkload=planetlab three.txt\nfirst_row=2\n"
                    "[vm b]\ntype=v\nworkload=bitbrains rnd-usage.csv\n",
                    1);
    g_assert_nonnull(day->own_trace); /* of two files, one of its own */
    g_assert_cmpuint(day->fleet.trace->vms, ==, 4);
    g_assert_cmpfloat_with_epsilon(share_of(day, 0, 3), 0.5, 1e-6);
    g_assert_cmpfloat_with_epsilon(share_of(day, 1, 3), 1, 1e-6);
    g_assert_cmpfloat_with_epsilon(share_of(day, 4, 1), 1, 1e-6);
    g_assert_cmpfloat_with_epsilon(share_of(day, 5, 1), 0.5, 1e-6);
}

static void test_shuffling_deals_every_row_once(Fixture *fixture, gconstpointer data)
{
    gboolean has_moved = FALSE;

    for (guint64 seed = 1; seed <= 8; seed++) {
        guint seen = 0;
        const ScenarioDay *day = make_well(fixture,
                                           "[scenario]\nduration=20min\n" HOSTS TYPE
                                           "[vms p]\ntype=v\ncount=3\nworkload=planetlab three.txt\nshuffle=yes\n",
                                           seed);

        for (guint vm = 0; vm < 3; vm++) {
            seen |= 1u << day->fleet.vm_row[vm];
            has_moved = has_moved || day->fleet.vm_row[vm] != vm;
        }
        g_assert_cmpuint(seen, ==, 7);
    }
    g_assert_true(has_moved);
}

static void test_placement_is_kept(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    ScenarioDay *day = make_well(fixture,
                                 HOSTS TYPE "[vms r]\ntype=v\ncount=7\nplacement=round-robin\n"
                                            "[vms n]\ntype=v\ncount=2\nhosts=h6,h2\n",
                                 1);

    day->config.check = TRUE;
    g_autoptr(DayResult) result = day_run(&day->config, NULL, NULL, &error);
    g_assert_no_error(error);
    for (guint vm = 0; vm < 7; vm++) {
        g_assert_cmpuint(result->initial[vm], ==, vm % 6);
    }
    g_assert_cmpuint(result->initial[7], ==, 5);
    g_assert_cmpuint(result->initial[8], ==, 1);
    g_assert_cmpfloat(result->totals.energy_kwh, >, 0);
}

/* 4 vCPUs of 1500 MIPS are more than a core of 2000: the VM takes three quarters of the host. */
static void test_several_vcpus(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    ScenarioDay *day = make_well(fixture,
                                 HOSTS "[vm-type wide]\nvcpus=4\nmips=1500\nmemory=1G\n"
                                       "[vms w]\ntype=wide\ncount=6\nworkload=constant 50%\n[policy]\npolicy=dvfs\n",
                                 1);
    g_autoptr(DayResult) result = day_run(&day->config, NULL, NULL, &error);

    g_assert_no_error(error);
    for (guint vm = 0; vm < 6; vm++) {
        g_assert_cmpuint(result->initial[vm], ==, vm);
    }
    const DayTick *tick = &g_array_index(result->ticks, DayTick, 100);
    g_assert_cmpfloat_with_epsilon(tick->load, 0.375, 1e-6);
}

/* At its mean use of 50 % a VM writes what its type says: at full CPU twice as much; and the more a VM writes, the more
 * is sent. */
static void test_dirty_rates_arrive(Fixture *fixture, gconstpointer data)
{
    double moved_gib[2];

    for (guint fast = 0; fast < 2; fast++) {
        g_autofree char *text = g_strdup_printf(
            "[scenario]\nduration=6h\n" HOSTS "[vm-type v]\nmips=1500\nmemory=1G\ndirty=%s\nworking_set=512M\n"
            "[vm-type w]\nmemory=512M\n"
            "[vms v]\ntype=v\ncount=20\nplacement=round-robin\nworkload=steps 0h:20%%,3h:80%%\n"
            "[vm w]\ntype=w\n[policy]\npolicy=thr_mmt_0.8\n",
            fast ? "40MiB/s" : "1MiB/s");
        g_autoptr(GError) error = NULL;
        ScenarioDay *day = make_well(fixture, text, 1);

        g_assert_cmpfloat_with_epsilon(day->vm_dirty_mib_per_s[0], (fast ? 40 : 1) / 0.504, 0.02 * (fast ? 40 : 1));
        g_assert_cmpfloat(day->vm_dirty_mib_per_s[20], <, 0); /* not told: the setting */
        g_assert_cmpfloat(day->vm_types[0].working_set_mib, ==, 512);
        g_assert_cmpfloat(day->vm_types[1].working_set_mib, ==, 0);
        g_autoptr(DayResult) result = day_run(&day->config, NULL, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(result->totals.migrations, >, 0);
        moved_gib[fast] = result->totals.moved_gib / (double)result->totals.migrations;
    }
    g_assert_cmpfloat(moved_gib[1], >, 1.1 * moved_gib[0]);
}

static void test_numbers_arrive(Fixture *fixture, gconstpointer data)
{
    const ScenarioDay *day = make_well(fixture,
                                       "[scenario]\ninterval=60s\nduration=2h\n" HOSTS TYPE
                                       "[vms v]\ntype=v\ncount=1\n[policy]\npolicy=thr_rs_0.7\n"
                                       "defects=no-hold,free-wake-up\n[physics]\nhold_s=60\nservice_ms=20\n",
                                       9);

    g_assert_cmpfloat(day->config.interval_s, ==, 60);
    g_assert_cmpfloat(day->config.limit_s, ==, 7200);
    g_assert_cmpint(day->config.mode, ==, DAY_MODE_PHYSICAL);
    g_assert_cmpuint(day->config.defects, ==, DAY_DEFECT_NO_HOLD | DAY_DEFECT_FREE_WAKE_UP);
    g_assert_cmpfloat(day->config.settings.hold_s, ==, 60);
    g_assert_cmpfloat(day->config.settings.service_ms, ==, 20);
    g_assert_cmpfloat(day->config.settings.wake_s, ==, 60); /* the default */
    g_assert_cmpint(day->config.policy.selector, ==, DAY_SELECTOR_RS);
    g_assert_cmpuint(day->config.seed, ==, 9);
}

static void test_refuses_what_it_cannot_play(Fixture *fixture, gconstpointer data)
{
    static const char *const BAD[][2] = {
        {HOSTS TYPE "[vms v]\ntype=v\ncount=2\n[fault f]\nkind=host\ntarget=h1\nat=1h\n", "a day has no faults"},
        {HOSTS TYPE "[vms v]\ntype=v\ncount=2\n[rule r]\nkind=apart\nvms=v*\n", "a day keeps no rules"},
        {HOSTS TYPE "[vms v]\ntype=v\ncount=2\n[policy]\npolicy=best\n", "[policy] policy: "},
        {HOSTS TYPE "[vms v]\ntype=v\ncount=2\n[policy]\ndefects=rust\n", "[policy] defects: "},
        {HOSTS TYPE "[vms v]\ntype=v\ncount=2\n[physics]\nmigration_load=2\n", "[physics] "},
        {HOSTS TYPE "[vms v]\ntype=v\ncount=2\nworkload=bitbrains three.txt\n", "the one with 'usage' in its name"},
        {HOSTS TYPE "[vms v]\ntype=v\ncount=2\nworkload=planetlab rnd-vms.csv\n", "rnd-vms.csv:1: "},
        {HOSTS TYPE "[vms v]\ntype=v\ncount=20\nhosts=h1\n", "fits on no host that it may be on"},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(BAD); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(make(fixture, BAD[i][0], 1, &error));
        if (!error || !strstr(error->message, BAD[i][1])) {
            g_error("case %" G_GSIZE_FORMAT " gives '%s', should have '%s'", i, error ? error->message : "", BAD[i][1]);
        }
    }
}

/* Hosts begin evenly loaded and some become overloaded: every placer moves VMs away, the day checks each of its moves
 * and its own state after each event, and the same seed gives the same day. */
static void test_placers_relieve(Fixture *fixture, gconstpointer data)
{
    static const char *const TEXT =
        "[scenario]\nduration=6h\n[topology]\nkind=fat-tree\nports=4\n" HOSTS TYPE
        "[vms v]\ntype=v\ncount=26\nplacement=round-robin\nworkload=sine 45% 30% 6h\nnoise=25%\n"
        "[traffic]\n[policy]\npolicy=thr_mmt_0.8\n[physics]\nhold_s=0\n";
    static const char *const PLACERS[] = {"power", "godwit", "gbm", "mincut", "pabfd", "aco"};

    for (gsize i = 0; i < G_N_ELEMENTS(PLACERS); i++) {
        guint64 migrations[2] = {0};
        double energy_kwh[2] = {0};

        for (guint again = 0; again < 2; again++) {
            g_autoptr(GError) error = NULL;
            ScenarioDay *day = make_well(fixture, TEXT, 5);
            g_autoptr(ScenarioPlacer) placer = scenario_placer_new(PLACERS[i], fixture->scenario, &day->config, &error);

            g_assert_no_error(error);
            g_assert_true((day->config.place != NULL) == (i > 0));
            day->config.check = TRUE;
            g_autoptr(DayResult) result = day_run(&day->config, NULL, NULL, &error);
            g_assert_no_error(error);
            migrations[again] = result->totals.migrations;
            energy_kwh[again] = result->totals.energy_kwh;
        }
        g_test_message("%s: %" G_GUINT64_FORMAT " migrations, %.3f kWh", PLACERS[i], migrations[0], energy_kwh[0]);
        g_assert_cmpuint(migrations[0], >, 0);
        g_assert_cmpuint(migrations[0], ==, migrations[1]);
        g_assert_cmpfloat(energy_kwh[0], ==, energy_kwh[1]);
    }
}

static void test_placers_are_known_by_name(Fixture *fixture, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    ScenarioDay *day = make_well(fixture, HOSTS TYPE "[vms v]\ntype=v\ncount=1\n", 1);

    g_assert_true(scenario_placer_check("power", &error));
    g_assert_true(scenario_placer_check("gbm", &error));
    g_assert_false(scenario_placer_check("best", &error));
    g_assert_nonnull(strstr(error->message, "power, "));
    g_clear_error(&error);
    g_assert_false(scenario_placer_check("fit", &error)); /* finds destinations only */
    g_clear_error(&error);
    g_assert_null(scenario_placer_new("best", fixture->scenario, &day->config, &error));
    g_assert_nonnull(strstr(error->message, "'best'"));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/scenario-day/" name, Fixture, NULL, set_up, func, tear_down)
    ADD("made-up-loads", test_made_up_loads);
    ADD("noise-is-the-seeds", test_noise_is_the_seeds);
    ADD("rows-of-a-file", test_rows_of_a_file);
    ADD("shuffling-deals-every-row-once", test_shuffling_deals_every_row_once);
    ADD("placement-is-kept", test_placement_is_kept);
    ADD("several-vcpus", test_several_vcpus);
    ADD("dirty-rates-arrive", test_dirty_rates_arrive);
    ADD("numbers-arrive", test_numbers_arrive);
    ADD("refuses-what-it-cannot-play", test_refuses_what_it_cannot_play);
    ADD("placers-relieve", test_placers_relieve);
    ADD("placers-are-known-by-name", test_placers_are_known_by_name);
    return g_test_run();
}
