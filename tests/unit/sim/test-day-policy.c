/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/day-policy.c: the names of policies, defects and settings. */
#include "sim/day.h"

#include <string.h>

#include "base/error.h"

static void assert_policy(const char *text, DayDetector detector, DaySelector selector, double parameter)
{
    g_autoptr(GError) error = NULL;
    DayPolicy policy;

    g_assert_true(day_policy_parse(text, &policy, &error));
    g_assert_no_error(error);
    g_assert_cmpint(policy.detector, ==, detector);
    g_assert_cmpint(policy.selector, ==, selector);
    g_assert_cmpfloat(policy.parameter, ==, parameter);
}

static void test_policies(void)
{
    assert_policy("lr_mmt_1.2", DAY_DETECTOR_LR, DAY_SELECTOR_MMT, 1.2);
    assert_policy("lrr_mc_1.2", DAY_DETECTOR_LRR, DAY_SELECTOR_MC, 1.2);
    assert_policy("thr_rs_0.8", DAY_DETECTOR_THR, DAY_SELECTOR_RS, 0.8);
    assert_policy("iqr_mu", DAY_DETECTOR_IQR, DAY_SELECTOR_MU, 1.5);
    assert_policy("mad_mu_3", DAY_DETECTOR_MAD, DAY_SELECTOR_MU, 3);
    assert_policy("dvfs", DAY_DETECTOR_DVFS, DAY_SELECTOR_MMT, 0);
    assert_policy("npa", DAY_DETECTOR_NPA, DAY_SELECTOR_MMT, 0);
}

static void test_names_come_back(void)
{
    static const char *const NAMES[] = {"lr_mmt_1.2", "thr_mu_0.8", "mad_mc_2.5", "iqr_rs_1.5", "lr_mmt_1.0", "dvfs"};

    for (gsize i = 0; i < G_N_ELEMENTS(NAMES); i++) {
        DayPolicy policy;

        g_assert_true(day_policy_parse(NAMES[i], &policy, NULL));
        g_autofree char *name = day_policy_name(&policy);
        g_assert_cmpstr(name, ==, NAMES[i]);
    }
}

static void test_wrong_policies(void)
{
    static const char *const WRONG[] = {
        "",         "lr",      "lr_",      "lr_mmt_",      "lr_mmt_x",   "lr_mmt_-1", "lr_mmt_0", "thr_mmt_1.1",
        "xx_mmt_1", "lr_xx_1", "dvfs_mmt", "lr_mmt_1.2_3", "lr_mmt_nan", "lr_mmt_ 1", "LR_mmt",   "lr_mmt_inf"};

    for (gsize i = 0; i < G_N_ELEMENTS(WRONG); i++) {
        g_autoptr(GError) error = NULL;
        DayPolicy policy;

        g_assert_false(day_policy_parse(WRONG[i], &policy, &error));
        g_assert_nonnull(error);
        g_assert_true(g_str_has_prefix(error->message, "policy '"));
    }
}

static void test_defects(void)
{
    g_autoptr(GError) error = NULL;
    guint32 defects = 0;

    g_assert_true(day_defects_parse("free-idle-power,no-hold", &defects, &error));
    g_assert_cmpuint(defects, ==, DAY_DEFECT_FREE_IDLE_POWER | DAY_DEFECT_NO_HOLD);
    g_assert_true(day_defects_parse("none", &defects, &error));
    g_assert_cmpuint(defects, ==, 0);
    g_assert_true(day_defects_parse("all", &defects, &error));
    for (guint i = 0; i < DAY_DEFECT_COUNT; i++) {
        guint32 one = 0;

        g_assert_true((defects & 1u << i) != 0);
        g_assert_true(day_defects_parse(day_defect_name(i), &one, &error));
        g_assert_cmpuint(one, ==, 1u << i);
        g_assert_nonnull(strstr(day_defect_help(i), "->"));
    }
    g_assert_false(day_defects_parse("no-hold,nothing-such", &defects, &error));
    g_assert_nonnull(strstr(error->message, "free-wake-up"));
}

static void test_settings(void)
{
    DaySettings settings;

    day_settings_init(&settings);
    g_assert_cmpfloat(settings.service_ms, ==, 60);
    g_assert_true(day_settings_set(&settings, "hold_s", 600, NULL));
    g_assert_cmpfloat(settings.hold_s, ==, 600);
    g_assert_false(day_settings_set(&settings, "hold_s", -1, NULL));
    g_assert_false(day_settings_set(&settings, "link_share", 1.5, NULL));
    g_assert_false(day_settings_set(&settings, "no_such", 1, NULL));
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/day-policy/policies", test_policies);
    g_test_add_func("/day-policy/names-come-back", test_names_come_back);
    g_test_add_func("/day-policy/wrong-policies", test_wrong_policies);
    g_test_add_func("/day-policy/defects", test_defects);
    g_test_add_func("/day-policy/settings", test_settings);
    return g_test_run();
}
