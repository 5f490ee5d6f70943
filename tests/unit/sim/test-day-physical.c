/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/day-physical.c and the defects that can be switched back on. */
#include "sim/day.h"

#include <math.h>
#include <string.h>

static Trace *golden_trace(void)
{
    g_autoptr(GError) error = NULL;
    Trace *trace = trace_read_planetlab(DATA_DIR "/cloudsim/planetlab-20110303-p50.txt", &error);

    g_assert_no_error(error);
    return trace;
}

static DayResult *run_with(const DayFleet *fleet, DayMode mode, guint32 defects, const char *policy)
{
    g_autoptr(GError) error = NULL;
    DayConfig config;

    day_config_init(&config, mode, fleet);
    config.defects = defects;
    config.check = TRUE;
    g_assert_true(day_policy_parse(policy, &config.policy, &error));
    DayResult *result = day_run(&config, NULL, NULL, &error);

    g_assert_no_error(error);
    return result;
}

static DayResult *run(guint32 defects, const char *policy)
{
    g_autoptr(Trace) trace = golden_trace();
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 40);

    return run_with(fleet, DAY_MODE_PHYSICAL, defects, policy);
}

/* VMs that never change on hosts that never sleep: watts times a day, by hand. */
static void test_energy_of_a_steady_day(void)
{
    guint8 samples[4 * 288];

    memset(samples, 50, sizeof samples);
    g_autoptr(Trace) trace = trace_new_percent(4, 288, samples);
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 4);
    g_autoptr(DayResult) result = run_with(fleet, DAY_MODE_PHYSICAL, 0, "dvfs");
    double load[4] = {0}, watts = 0;
    static const double HALF_MIPS[] = {1250, 1000, 500, 250};

    for (guint vm = 0; vm < 4; vm++) {
        load[result->initial[vm]] += HALF_MIPS[vm] / (result->initial[vm] % 2 == 0 ? 3720 : 5320);
    }
    for (guint host = 0; host < 4; host++) {
        watts += load[host] > 0 ? power_watts(power_curve_find(host % 2 == 0 ? "G4" : "G5", NULL), load[host]) : 0;
    }
    g_assert_cmpfloat_with_epsilon(result->totals.energy_kwh, watts * 86400 / 3.6e6, 1e-9);
}

static void test_edges_of_the_day(void)
{
    g_autoptr(DayResult) whole = run(0, "dvfs");
    g_autoptr(DayResult) first = run(DAY_DEFECT_FREE_FIRST_INTERVAL, "dvfs");
    g_autoptr(DayResult) last = run(DAY_DEFECT_FREE_LAST_INTERVAL, "dvfs");
    double first_j = g_array_index(whole->energy_events, DayEnergyEvent, 0).joules;
    double last_j = g_array_index(whole->energy_events, DayEnergyEvent, 287).joules;

    g_assert_cmpuint(whole->energy_events->len, ==, 288);
    g_assert_cmpfloat(first_j, >, 0);
    g_assert_cmpfloat_with_epsilon(whole->totals.energy_kwh - first->totals.energy_kwh, first_j / 3.6e6, 1e-9);
    g_assert_cmpfloat_with_epsilon(whole->totals.energy_kwh - last->totals.energy_kwh, last_j / 3.6e6, 1e-9);
}

/* With all defects it comes near the peer, which only reads loads at other moments. */
static void test_all_defects_are_near_the_peer(void)
{
    static const char *const POLICIES[] = {"lr_mmt_1.2", "thr_mmt_0.8", "mad_mu_2.5"};

    for (gsize i = 0; i < G_N_ELEMENTS(POLICIES); i++) {
        g_autoptr(Trace) trace = golden_trace();
        g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 40);
        g_autoptr(DayResult) peer = run_with(fleet, DAY_MODE_CLOUDSIM, 0, POLICIES[i]);
        g_autoptr(DayResult) mine = run_with(fleet, DAY_MODE_PHYSICAL, DAY_DEFECT_ALL, POLICIES[i]);

        g_test_message("%s: %.3f kWh, %u migrations; peer %.3f, %u", POLICIES[i], mine->totals.energy_kwh,
                       mine->migrations->len, peer->totals.energy_kwh, peer->migrations->len);
        g_assert_cmpfloat(fabs(mine->totals.energy_kwh / peer->totals.energy_kwh - 1), <, 0.25);
        g_assert_cmpmem(mine->initial, 50 * sizeof(guint32), peer->initial, 50 * sizeof(guint32));
    }
}

/* Each defect by itself, and each missing from all: no rule of day-check.c is broken, and it is named. */
static void test_every_defect_alone(void)
{
    for (guint i = 0; i < DAY_DEFECT_COUNT; i++) {
        g_autoptr(DayResult) alone = run(1u << i, "lr_mmt_1.2");
        g_autoptr(DayResult) missing = run((guint32)DAY_DEFECT_ALL & ~(1u << i), "thr_rs_0.8");

        g_test_message("%s: %.2f kWh, without it %.2f", day_defect_name(i), alone->totals.energy_kwh,
                       missing->totals.energy_kwh);
        g_assert_cmpfloat(alone->totals.energy_kwh, >, 0);
        g_assert_cmpfloat(missing->totals.energy_kwh, >, 0);
    }
}

static void test_ram_is_kept(void)
{
    g_autoptr(DayResult) kept = run(0, "lr_mmt_1.2");
    g_autoptr(DayResult) forgotten = run(DAY_DEFECT_FORGOTTEN_RAM, "lr_mmt_1.2");

    /* 50 VMs with 62 GiB need 16 hosts of 4 GiB */
    g_assert_cmpfloat(g_array_index(kept->ticks, DayTick, 100).hosts_on, >=, 16);
    g_assert_cmpfloat(g_array_index(forgotten->ticks, DayTick, 100).hosts_on, <, 10);
}

static void test_vms_stay(void)
{
    g_autoptr(DayResult) stay = run(0, "thr_mmt_0.8");
    g_autoptr(DayResult) vanish = run(DAY_DEFECT_VANISHING_VMS, "thr_mmt_0.8");

    g_assert_cmpuint(stay->totals.vms_vanished, ==, 0);
    g_assert_cmpuint(vanish->totals.vms_vanished, >, 0);
}

/* A VM that has moved to empty a host is not moved for that again within the hold time. */
static void test_hold_time(void)
{
    guint32 lenient = DAY_DEFECT_FORGOTTEN_RAM;
    g_autoptr(DayResult) held = run(lenient, "thr_mmt_0.8");
    g_autoptr(DayResult) free_to_go = run(lenient | DAY_DEFECT_NO_HOLD, "thr_mmt_0.8");

    g_assert_cmpuint(held->totals.migrations, <, free_to_go->totals.migrations);
}

/* The order of the file does not matter: rows reversed, each VM with its name and type. */
static void test_order_does_not_matter(void)
{
    g_autoptr(Trace) trace = golden_trace();
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 40);
    guint8 types[50];
    guint32 rows[50];
    DayFleet reversed = *fleet;

    for (guint vm = 0; vm < 50; vm++) {
        types[vm] = fleet->vm_type[49 - vm];
        rows[vm] = 49 - vm;
    }
    reversed.vm_type = types;
    reversed.vm_row = rows;
    g_autoptr(DayResult) there = run_with(fleet, DAY_MODE_PHYSICAL, 0, "lr_mmt_1.2");
    g_autoptr(DayResult) back = run_with(&reversed, DAY_MODE_PHYSICAL, 0, "lr_mmt_1.2");

    g_assert_cmpmem(&there->totals, sizeof there->totals, &back->totals, sizeof back->totals);
    for (guint vm = 0; vm < 50; vm++) {
        g_assert_cmpuint(there->initial[vm], ==, back->initial[49 - vm]);
    }
    for (guint i = 0; i < there->migrations->len; i++) {
        g_assert_cmpuint(g_array_index(there->migrations, DayMigration, i).vm, ==,
                         49 - g_array_index(back->migrations, DayMigration, i).vm);
    }
    g_autoptr(DayResult) by_file = run_with(fleet, DAY_MODE_PHYSICAL, DAY_DEFECT_FILE_ORDER, "lr_mmt_1.2");
    g_autoptr(DayResult) by_other = run_with(&reversed, DAY_MODE_PHYSICAL, DAY_DEFECT_FILE_ORDER, "lr_mmt_1.2");

    g_assert_cmpfloat(by_file->totals.energy_kwh, !=, by_other->totals.energy_kwh);
}

/* -- the caller's placer -- */

typedef struct Asked {
    guint calls;
    guint moves;
    guint wrong; /* 1: no such host, 2: a VM of another host, 3: a VM twice */
} Asked;

static guint32 host_with_room(const DayView *view, guint vm)
{
    const DayFleet *fleet = day_view_fleet(view);
    double ram_mib = fleet->vm_types[fleet->vm_type[vm]].ram_mib;

    for (guint host = 0; host < fleet->hosts; host++) {
        if (!day_view_host_is_overloaded(view, host) && day_view_host_free_ram_mib(view, host) >= ram_mib &&
            day_view_host_demand_mips(view, host) + day_view_vm_demand_mips(view, vm) <
                0.5 * day_view_host_capacity_mips(view, host)) {
            return host;
        }
    }
    return G_MAXUINT32;
}

static guint32 vm_elsewhere(const DayView *view)
{
    guint host = 0, n_vms = 0;

    while (!day_view_host_is_on(view, host) || day_view_host_is_overloaded(view, host)) {
        host++;
    }
    return day_view_host_vms(view, host, &n_vms)[0];
}

static gboolean place_first_fit(const DayView *view, const guint32 *overloaded, guint n_overloaded, GArray *moves,
                                gpointer user_data, GError **error)
{
    Asked *asked = user_data;
    guint n_vms = 0;
    const guint32 *vms = day_view_host_vms(view, overloaded[0], &n_vms);
    double shares[30];

    asked->calls++;
    g_assert_cmpuint(n_vms, >, 0);
    g_assert_true(day_view_host_is_on(view, overloaded[0]));
    g_assert_true(day_view_host_is_overloaded(view, overloaded[0]));
    for (guint i = 0; i < n_vms; i++) {
        g_assert_cmpuint(day_view_vm_history(view, vms[i], shares, 30), >, 0);
        g_assert_cmpfloat_with_epsilon(shares[0] *
                                           day_view_fleet(view)->vm_types[day_view_fleet(view)->vm_type[vms[i]]].mips,
                                       day_view_vm_demand_mips(view, vms[i]), 1e-9);
    }
    DayMove move = {.vm = vms[0], .dst = host_with_room(view, vms[0])};

    if (!day_view_vm_is_movable(view, vms[0]) || move.dst == G_MAXUINT32) {
        return TRUE;
    }
    move.dst = asked->wrong == 1 ? 40 : move.dst;
    move.vm = asked->wrong == 2 ? vm_elsewhere(view) : move.vm;
    g_array_append_val(moves, move);
    if (asked->wrong == 3) {
        g_array_append_val(moves, move);
    }
    asked->moves++;
    return TRUE;
}

static DayResult *run_placed(Asked *asked, GError **error)
{
    g_autoptr(Trace) trace = golden_trace();
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 40);
    DayConfig config;

    day_config_init(&config, DAY_MODE_PHYSICAL, fleet);
    config.check = TRUE;
    config.place = place_first_fit;
    config.place_data = asked;
    g_assert_true(day_policy_parse("thr_mmt_0.5", &config.policy, NULL));
    return day_run(&config, NULL, NULL, error);
}

static void test_placer_of_the_caller(void)
{
    g_autoptr(GError) error = NULL;
    Asked asked = {0};
    g_autoptr(DayResult) result = run_placed(&asked, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(asked.calls, >, 0);
    g_assert_cmpuint(asked.moves, >, 0);
    g_assert_cmpuint(result->totals.migrations, >=, asked.moves);
}

static void test_wrong_moves_stop_the_run(void)
{
    static const char *const MESSAGES[] = {"there is no such VM or host", "its host is not overloaded",
                                           "it is moved twice"};

    for (guint wrong = 1; wrong <= 3; wrong++) {
        g_autoptr(GError) error = NULL;
        Asked asked = {.wrong = wrong};

        g_assert_null(run_placed(&asked, &error));
        g_test_message("%s", error->message);
        g_assert_true(g_str_has_prefix(error->message, "the placer moves VM "));
        g_assert_nonnull(strstr(error->message, MESSAGES[wrong - 1]));
    }
}

/* A million VMs need no million rows: the same two rows for all, shifted. */
static void test_shared_rows(void)
{
    g_autoptr(Trace) all = golden_trace();
    g_autoptr(Trace) trace = trace_head(all, 2);
    g_autoptr(DayFleet) fleet = day_fleet_large(trace, 20, 150, 3);
    g_autoptr(DayResult) result = run_with(fleet, DAY_MODE_PHYSICAL, 0, "lr_mmt_1.2");
    g_autoptr(DayResult) robust = run_with(fleet, DAY_MODE_PHYSICAL, 0, "lrr_mc_1.2");

    g_assert_cmpuint(result->totals.vm_events, >=, 150 * 288);
    g_assert_cmpfloat(robust->totals.energy_kwh, >, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/day-physical/energy-of-a-steady-day", test_energy_of_a_steady_day);
    g_test_add_func("/day-physical/edges-of-the-day", test_edges_of_the_day);
    g_test_add_func("/day-physical/all-defects-are-near-the-peer", test_all_defects_are_near_the_peer);
    g_test_add_func("/day-physical/every-defect-alone", test_every_defect_alone);
    g_test_add_func("/day-physical/ram-is-kept", test_ram_is_kept);
    g_test_add_func("/day-physical/vms-stay", test_vms_stay);
    g_test_add_func("/day-physical/hold-time", test_hold_time);
    g_test_add_func("/day-physical/order-does-not-matter", test_order_does_not_matter);
    g_test_add_func("/day-physical/placer-of-the-caller", test_placer_of_the_caller);
    g_test_add_func("/day-physical/wrong-moves-stop-the-run", test_wrong_moves_stop_the_run);
    g_test_add_func("/day-physical/shared-rows", test_shared_rows);
    return g_test_run();
}
