/* SPDX-License-Identifier: Apache-2.0
 *
 * The options of `godwit simulate`; see cli-options.h.  Values are kept as they were written and read by the verb,
 * which knows of policies, placers and settings. */
#include "base/error.h"
#include "cli/cli-options.h"
#include "cli/cli-table.h"
#include "sim/day.h"

static gboolean keep(char **place, const char *text, GError **error)
{
    if (!text[0]) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE, "'' is not a value: it is empty");
        return FALSE;
    }
    g_free(*place);
    *place = g_strdup(text);
    return TRUE;
}

#define KEEP(member)                                                                                                   \
    static gboolean set_##member(CliOptions *options, const char *text, GError **error)                                \
    {                                                                                                                  \
        return keep(&options->simulate.member, text, error);                                                           \
    }
KEEP(policy)
KEEP(placer)
KEEP(mode)
KEEP(defects)
KEEP(cloudsim_path)
KEEP(out_path)
KEEP(seed)
KEEP(hosts)
KEEP(seeds)
KEEP(policies)
KEEP(threads)

static gboolean set_setting(CliOptions *options, const char *text, GError **error)
{
    if (!options->simulate.settings) {
        options->simulate.settings = g_ptr_array_new_with_free_func(g_free);
    }
    g_ptr_array_add(options->simulate.settings, g_strdup(text));
    return TRUE;
}

static gboolean set_timing(CliOptions *options, const char *text, GError **error)
{
    return options->simulate.has_timing = TRUE;
}

static gboolean set_sweep(CliOptions *options, const char *text, GError **error)
{
    return options->simulate.is_sweep = TRUE;
}

/* The words of a table, for --help and the manual: ", a, b, c" after "none, all". */
#define DEFECT_WORD(symbol, name, help)         ", " name
#define SETTING_WORD(member, value, unit, help) " " #member
#define DETECTOR_WORD(symbol, name)             " " name
#define SELECTOR_WORD(symbol, name)             " " name

const CliOption CLI_SIMULATE_OPTIONS[] = {
    {CLI_GROUP_SIMULATE, 0, "policy", "POLICY",
     "DETECTOR_SELECTOR_PARAMETER, as in lr_mmt_1.2, or a detector that moves nothing (npa, dvfs); "
     "detectors:" DAY_DETECTORS(DETECTOR_WORD) "; selectors:" DAY_SELECTORS(
         SELECTOR_WORD) " (the scenario's; lr_mmt_1.2)",
     set_policy},
    {CLI_GROUP_SIMULATE, 0, "placer", "NAME",
     "who relieves overloaded hosts in physical mode: power (the policy itself, by least increase of power), or a placer "
     "of godwit rebalance (the scenario's; power)",
     set_placer},
    {CLI_GROUP_SIMULATE, 0, "mode", "physical|cloudsim",
     "physical, or as CloudSim 3.0.3 does it, its defects included (the scenario's; with --cloudsim: cloudsim)",
     set_mode},
    {CLI_GROUP_SIMULATE, 0, "defects", "NAME[,NAME...]",
     "defects of CloudSim to switch on in physical mode: none, all" DAY_DEFECTS(DEFECT_WORD), set_defects},
    {CLI_GROUP_SIMULATE, 0, "set", "NAME=NUMBER",
     "a number of the physical mode; may be given several times:" DAY_SETTINGS(SETTING_WORD), set_setting},
    {CLI_GROUP_SIMULATE, 0, "seed", "N",
     "of all chance: the same seed gives the same bytes of output (the scenario's; 1)", set_seed},
    {CLI_GROUP_SIMULATE, 0, "cloudsim", "TRACE",
     "instead of a scenario: CloudSim's experiment with the VMs of a PlanetLab file", set_cloudsim_path},
    {CLI_GROUP_SIMULATE, 0, "hosts", "N", "how many hosts that experiment has (800)", set_hosts},
    {CLI_GROUP_SIMULATE, 0, "out", "DIR",
     "also write the results there, as JSON, CSV, SVG and a page report.html; the directory is made if it is missing",
     set_out_path},
    {CLI_GROUP_SIMULATE, 0, "timing", NULL, "tell how long it took; the output then differs from run to run",
     set_timing},
    {CLI_GROUP_SWEEP, 0, "sweep", NULL,
     "play every scenario with every policy and every seed, on all processors, and under mpirun on all its processes",
     set_sweep},
    {CLI_GROUP_SWEEP, 0, "seeds", "LIST", "of a sweep: like 1-20 or 1,5,7-9 (the scenario's own)", set_seeds},
    {CLI_GROUP_SWEEP, 0, "policies", "POLICY[,POLICY...]", "of a sweep (the scenario's own)", set_policies},
    {CLI_GROUP_SWEEP, 0, "threads", "N", "how many runs this process plays at a time (as many as there are processors)",
     set_threads},
};

const guint CLI_SIMULATE_OPTIONS_LENGTH = G_N_ELEMENTS(CLI_SIMULATE_OPTIONS);

void cli_simulate_clear(CliSimulate *simulate)
{
    g_free(simulate->policy);
    g_free(simulate->placer);
    g_free(simulate->mode);
    g_free(simulate->defects);
    g_free(simulate->cloudsim_path);
    g_free(simulate->out_path);
    g_free(simulate->seed);
    g_free(simulate->hosts);
    g_free(simulate->seeds);
    g_free(simulate->policies);
    g_free(simulate->threads);
    g_clear_pointer(&simulate->settings, g_ptr_array_unref);
}
