/* SPDX-License-Identifier: Apache-2.0
 *
 * What seed 003, section 3.3, says in words about its tables and figure, against the medians here.
 *
 * A placer that relieves fewer hosts moves less and looks cheap, so each verdict on cost comes with the share of hosts
 * that each placer relieved. */
#include "gbm.h"

#include <math.h>

#define LINEAR_FIT  0.95 /* R^2 from which on we call it about linear */
#define RESPONSE_MS 300

static int placer_named(const GbmRuns *runs, const char *name)
{
    for (guint p = 0; p < runs->config->placers_length; p++) {
        if (g_str_equal(runs->config->placers[p]->name, name)) {
            return (int)p;
        }
    }
    return -1;
}

static gboolean has_all_three(const GbmRuns *runs)
{
    return placer_named(runs, "gbm") >= 0 && placer_named(runs, "fpa") >= 0 && placer_named(runs, "aco") >= 0;
}

/* The smallest or the largest number of VMs (its index) that the topology holds; -1: none. */
static int end_of(const GbmRuns *runs, guint topology, gboolean is_largest)
{
    int found = -1;

    for (guint v = 0; v < runs->config->vms_length; v++) {
        gboolean has = !isnan(gbm_runs_median(runs, topology, v, 0, 0));

        if (has && (found < 0 || is_largest)) {
            found = (int)v;
        }
    }
    return found;
}

static void add_verdict(GString *text, gboolean is_held, const char *claim)
{
    g_string_append_printf(text, "%-8s  %s\n", is_held ? "held" : "not held", claim);
}

/* "gbm 120 s (100 % relieved), fpa ..." */
static char *numbers(const GbmRuns *runs, guint topology, guint vms, guint metric)
{
    GString *text = g_string_new(NULL);
    guint share = (guint)gbm_metric_find("relieved_share");

    for (guint p = 0; p < runs->config->placers_length; p++) {
        g_string_append_printf(text, "%s%s %.*f%s%s (%.0f %%)", p ? ", " : "", runs->config->placers[p]->name,
                               GBM_METRIC[metric].digits, gbm_runs_median(runs, topology, vms, p, metric),
                               GBM_METRIC[metric].unit[0] ? " " : "", GBM_METRIC[metric].unit,
                               gbm_runs_median(runs, topology, vms, p, share));
    }
    return g_string_free(text, FALSE);
}

/* " fpa below gbm in 6 of 10 seeds, equal in 4;" */
static void add_duels(const GbmRuns *runs, guint topology, guint vms, guint metric, const char *first,
                      const char *const *others, GString *text)
{
    for (; *others; others++) {
        GbmDuel duel = gbm_runs_duel(runs, topology, vms, (guint)placer_named(runs, first),
                                     (guint)placer_named(runs, *others), metric);

        g_string_append_printf(text, "          %s below %s in %u of %u seeds, equal in %u\n", first, *others,
                               duel.below, duel.below + duel.above + duel.equal, duel.equal);
    }
}

/* Whether the median of 'first' is below that of each of 'others'; a tie is no win. */
static gboolean is_cheapest(const GbmRuns *runs, guint topology, guint vms, guint metric, const char *first,
                            const char *const *others)
{
    double cost = gbm_runs_median(runs, topology, vms, (guint)placer_named(runs, first), metric);

    for (; *others; others++) {
        guint other = (guint)placer_named(runs, *others);

        if (!(cost < gbm_runs_median(runs, topology, vms, other, metric))) {
            return FALSE;
        }
    }
    return TRUE;
}

static void judge_cheapest(const GbmRuns *runs, guint topology, gboolean is_largest, const char *column,
                           const char *first, const char *const *others, GString *text)
{
    int vms = end_of(runs, topology, is_largest);
    guint metric = (guint)gbm_metric_find(column);

    if (vms < 0) {
        return;
    }
    if (is_largest && vms == end_of(runs, topology, FALSE)) {
        g_string_append_printf(text, "%-8s  topology %u: only %u VMs were run\n", "no word", topology + 1,
                               runs->config->vms[vms]);
        return;
    }
    if (!has_all_three(runs)) {
        g_string_append_printf(text, "%-8s  topology %u: gbm, fpa and aco must all take part\n", "no word",
                               topology + 1);
        return;
    }
    g_autofree char *all = numbers(runs, topology, (guint)vms, metric);
    g_autofree char *claim =
        g_strdup_printf("topology %u, %u VMs: %s has the least %s of the seed's three\n          %s", topology + 1,
                        runs->config->vms[vms], first, GBM_METRIC[metric].title, all);

    add_verdict(text, is_cheapest(runs, topology, (guint)vms, metric, first, others), claim);
    add_duels(runs, topology, (guint)vms, metric, first, others, text);
}

/* R^2 of the straight line through the medians over the number of VMs. */
static double linear_fit(const GbmRuns *runs, guint topology, guint placer, guint metric, guint *points, double *slope)
{
    double n = 0, x = 0, y = 0, xx = 0, xy = 0, yy = 0;

    for (guint v = 0; v < runs->config->vms_length; v++) {
        double median = gbm_runs_median(runs, topology, v, placer, metric), vms = runs->config->vms[v];

        if (!isnan(median)) {
            n += 1;
            x += vms;
            y += median;
            xx += vms * vms;
            xy += vms * median;
            yy += median * median;
        }
    }
    double sxx = xx - x * x / n, sxy = xy - x * y / n, syy = yy - y * y / n;
    *points = (guint)n;
    *slope = sxy / sxx;
    return syy > 0 ? sxy * sxy / (sxx * syy) : NAN;
}

static void judge_linear(const GbmRuns *runs, guint topology, GString *text)
{
    guint metric = (guint)gbm_metric_find("integrated"), points = 0;
    int placer = placer_named(runs, "gbm");
    double slope = 0;

    if (placer < 0) {
        return;
    }
    double fit = linear_fit(runs, topology, (guint)placer, metric, &points, &slope);
    if (points < 3) {
        g_string_append_printf(text, "%-8s  topology %u: gbm's integrated cost over VMs: %u sizes fit, 3 are needed\n",
                               "no word", topology + 1, points);
        return;
    }
    g_autofree char *claim = g_strdup_printf("topology %u: gbm's integrated cost grows about linearly: R^2 = %.3f over "
                                             "%u sizes (%.2f and more wanted), %.2f "
                                             "per 1000 VMs",
                                             topology + 1, fit, points, LINEAR_FIT, slope * 1000);
    add_verdict(text, fit >= LINEAR_FIT && slope > 0, claim);
}

static void judge_response(const GbmRuns *runs, const char *column, GString *text)
{
    int vms = end_of(runs, 0, TRUE), placer = placer_named(runs, "gbm");
    guint metric = (guint)gbm_metric_find(column);

    if (vms < 0 || placer < 0) {
        return;
    }
    double response = gbm_runs_median(runs, 0, (guint)vms, (guint)placer, metric);
    g_autofree char *all = numbers(runs, 0, (guint)vms, metric);
    g_autofree char *claim = g_strdup_printf("topology 1, %u VMs: gbm, %s: below %d ms\n          %s",
                                             runs->config->vms[vms], GBM_METRIC[metric].title, RESPONSE_MS, all);

    add_verdict(text, response < RESPONSE_MS, claim);
}

char *gbm_claims_text(const GbmRuns *runs)
{
    static const char *const BUT_FPA[] = {"gbm", "aco", NULL}, *const BUT_GBM[] = {"fpa", "aco", NULL};
    GString *text =
        g_string_new("Claims of seed 003, section 3.3 (medians; in brackets the share of hosts relieved)\n\n");

    g_string_append(text, "1. FPA-VMM is best when there are few VMs\n");
    for (guint t = 0; t < runs->config->ports_length; t++) {
        judge_cheapest(runs, t, FALSE, "migration_s", "fpa", BUT_FPA, text);
    }
    g_string_append(text, "\n2. GBM-VMM is best when there are many VMs\n");
    for (guint t = 0; t < runs->config->ports_length; t++) {
        judge_cheapest(runs, t, TRUE, "migration_s", "gbm", BUT_GBM, text);
        judge_cheapest(runs, t, TRUE, "integrated", "gbm", BUT_GBM, text);
    }
    g_string_append(text, "\n3. GBM-VMM's integrated cost grows about linearly\n");
    for (guint t = 0; t < runs->config->ports_length; t++) {
        judge_linear(runs, t, text);
    }
    g_string_append(text, "\n4. Response time stays under 300 ms with GBM-VMM\n");
    judge_response(runs, "response_all_ms", text);
    judge_response(runs, "response_peak_ms", text);
    judge_response(runs, "response_after_ms", text);
    return g_string_free(text, FALSE);
}
