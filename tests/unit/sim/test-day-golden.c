/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/day-cloudsim.c and what it uses against CloudSim 3.0.3 itself: 50 VMs on 40 hosts for a day
 * (data/cloudsim/README.md).  First placement and migrations must be identical, energies equal in every digit printed.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "sim/day.h"

#define GOLDEN DATA_DIR "/cloudsim/"

static Trace *golden_trace(void)
{
    g_autoptr(GError) error = NULL;
    Trace *trace = trace_read_planetlab(GOLDEN "planetlab-20110303-p50.txt", &error);

    g_assert_no_error(error);
    return trace;
}

static DayResult *run(const char *policy)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Trace) trace = golden_trace();
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 40);
    DayConfig config;

    day_config_init(&config, DAY_MODE_CLOUDSIM, fleet);
    config.check = TRUE;
    config.seed = 1;
    g_assert_true(day_policy_parse(policy, &config.policy, &error));
    DayResult *result = day_run(&config, NULL, NULL, &error);

    g_assert_no_error(error);
    return result;
}

/* The lines behind the head of a file that must be there. */
static char **lines_of(const char *name)
{
    g_autofree char *path = g_strconcat(GOLDEN, name, NULL);
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    g_file_get_contents(path, &text, NULL, &error);
    g_assert_no_error(error);
    return g_strsplit(strchr(g_strchomp(text), '\n') + 1, "\n", -1);
}

static void assert_initial(const DayResult *result, const char *file)
{
    g_auto(GStrv) lines = lines_of(file);

    g_assert_cmpuint(g_strv_length(lines), ==, result->vms);
    for (guint vm = 0; vm < result->vms; vm++) {
        g_autofree char *mine = g_strdup_printf("%u,%u", vm, result->initial[vm]);
        g_assert_cmpstr(mine, ==, lines[vm]);
    }
}

static void assert_migrations(const DayResult *result, const char *policy)
{
    g_autofree char *file = g_strdup_printf("p50_%s-migrations.csv", policy);
    g_auto(GStrv) lines = lines_of(file);

    g_assert_cmpuint(g_strv_length(lines), ==, result->migrations->len);
    for (guint i = 0; i < result->migrations->len; i++) {
        const DayMigration *migration = &g_array_index(result->migrations, DayMigration, i);
        g_autofree char *mine =
            g_strdup_printf("%.2f,%u,%u,%u", migration->time_s, migration->vm, migration->src, migration->dst);
        g_assert_cmpstr(mine, ==, lines[i]);
    }
}

static void assert_energy(const DayResult *result, const char *policy)
{
    g_autofree char *file = g_strdup_printf("p50_%s-energy.csv", policy);
    g_auto(GStrv) lines = lines_of(file);

    g_assert_cmpuint(g_strv_length(lines), ==, result->energy_events->len);
    for (guint i = 0; i < result->energy_events->len; i++) {
        const DayEnergyEvent *event = &g_array_index(result->energy_events, DayEnergyEvent, i);
        g_autofree char *mine = g_strdup_printf("%.2f,%.2f", event->time_s, event->joules);
        g_assert_cmpstr(mine, ==, lines[i]);
    }
}

static void test_day(gconstpointer policy)
{
    g_autoptr(DayResult) result = run(policy);

    assert_initial(result, "p50-initial.csv");
    assert_migrations(result, policy);
    assert_energy(result, policy);
}

static void test_dvfs(void)
{
    g_autoptr(DayResult) result = run("dvfs");

    assert_initial(result, "p50_dvfs-initial.csv");
    g_assert_cmpuint(result->migrations->len, ==, 0);
    assert_energy(result, "dvfs");
}

/* simulator,order,workload,hosts,vms,policy and the totals as CloudSim prints them */
static void test_summary(void)
{
    g_auto(GStrv) lines = lines_of("p50-summary.csv");

    for (char **line = lines; *line != NULL; line++) {
        g_auto(GStrv) fields = g_strsplit(*line, ",", -1);
        g_autoptr(DayResult) result = run(fields[5]);
        const DayTotals *totals = &result->totals;
        g_autofree char *mine =
            g_strdup_printf("%.2f,%" G_GUINT64_FORMAT ",%.5f,%.2f,%.2f,%.2f,%.2f,%" G_GUINT64_FORMAT,
                            totals->energy_kwh, totals->migrations, totals->slav_pct, totals->pdm_pct,
                            totals->slatah_pct, totals->overall_sla_pct, totals->avg_sla_pct, totals->host_shutdowns);
        g_autofree char *theirs = g_strjoinv(",", fields + 6);

        g_assert_cmpstr(mine, ==, theirs);
    }
}

static void assert_digits(double mine, const char *theirs, int digits)
{
    g_autofree char *text = g_strdup_printf("%.*f", digits, mine);

    g_assert_cmpstr(text, ==, theirs);
}

static void test_more_policies(void)
{
    g_auto(GStrv) lines = lines_of("p50-more.csv");

    g_assert_cmpuint(g_strv_length(lines), ==, 21);
    for (char **line = lines; *line != NULL; line++) {
        g_auto(GStrv) fields = g_strsplit(*line, ",", -1);
        g_autoptr(DayResult) result = run(fields[0]);
        const DayTotals *totals = &result->totals;

        assert_digits(totals->energy_kwh, fields[1], 5);
        assert_digits((double)totals->migrations, fields[2], 0);
        assert_digits(totals->slav_pct / 100, fields[3], 10);
        assert_digits(totals->slatah_pct / 100, fields[4], 10);
        assert_digits(totals->pdm_pct / 100, fields[5], 10);
        assert_digits(totals->overall_sla_pct / 100, fields[6], 10);
        assert_digits(totals->avg_sla_pct / 100, fields[7], 10);
        assert_digits((double)totals->host_shutdowns, fields[8], 0);
    }
}

static void test_npa_draws_all(void)
{
    g_autoptr(DayResult) result = run("npa");

    /* 20 G4 at 117 W and 20 G5 at 135 W up to the last tick, 86100.1 s */
    g_assert_cmpfloat_with_epsilon(result->totals.energy_kwh, 20 * (117 + 135) * 86100.1 / 3.6e6, 1e-6);
    g_assert_cmpuint(result->totals.migrations, ==, 0);
}

static void test_same_config_same_result(void)
{
    g_autoptr(DayResult) first = run("mad_rs_2.5");
    g_autoptr(DayResult) second = run("mad_rs_2.5");

    g_assert_cmpmem(&first->totals, sizeof first->totals, &second->totals, sizeof second->totals);
    g_assert_cmpmem(first->migrations->data, first->migrations->len * sizeof(DayMigration), second->migrations->data,
                    second->migrations->len * sizeof(DayMigration));
}

static gboolean stop_at_noon(double time_s, double limit_s, const DayTick *tick, gpointer user_data)
{
    return time_s < 43200;
}

static void test_caller_may_cancel(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Trace) trace = golden_trace();
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 40);
    DayConfig config;

    day_config_init(&config, DAY_MODE_CLOUDSIM, fleet);
    g_assert_null(day_run(&config, stop_at_noon, NULL, &error));
    g_assert_cmpstr(error->message, ==, "the simulation was stopped at 43200 s");
}

static void test_too_few_hosts(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Trace) trace = golden_trace();
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 5);
    DayConfig config;

    day_config_init(&config, DAY_MODE_CLOUDSIM, fleet);
    g_assert_null(day_run(&config, NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, "no host has room for VM"));
}

static void test_day_longer_than_the_trace(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Trace) trace = golden_trace();
    g_autoptr(DayFleet) fleet = day_fleet_cloudsim(trace, 40);
    DayConfig config;

    day_config_init(&config, DAY_MODE_CLOUDSIM, fleet);
    config.limit_s = 90000;
    g_assert_null(day_run(&config, NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, "the trace has 288 samples of 300 s"));
}

int main(int argc, char **argv)
{
    static const char *const POLICIES[] = {"thr_mmt_0.8", "iqr_mmt_1.5", "mad_mmt_2.5", "lr_mmt_1.2", "lr_mu_1.2"};

    g_test_init(&argc, &argv, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(POLICIES); i++) {
        g_autofree char *path = g_strdup_printf("/day/golden/%s", POLICIES[i]);
        g_test_add_data_func(path, POLICIES[i], test_day);
    }
    g_test_add_func("/day/golden/dvfs", test_dvfs);
    g_test_add_func("/day/golden/summary", test_summary);
    g_test_add_func("/day/golden/more-policies", test_more_policies);
    g_test_add_func("/day/npa-draws-all", test_npa_draws_all);
    g_test_add_func("/day/same-config-same-result", test_same_config_same_result);
    g_test_add_func("/day/caller-may-cancel", test_caller_may_cancel);
    g_test_add_func("/day/too-few-hosts", test_too_few_hosts);
    g_test_add_func("/day/longer-than-the-trace", test_day_longer_than_the_trace);
    return g_test_run();
}
