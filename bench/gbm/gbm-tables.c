/* SPDX-License-Identifier: Apache-2.0
 *
 * Medians and quartiles over the seeds; see gbm.h.  tables.txt is what is printed; runs.csv has every run; summary.csv
 * median, quartiles and range of every metric of every cell. */
#include "gbm.h"
#include "base/stats.h"
#include "report/table.h"

#include <math.h>

static char *cell_text(const GbmRuns *runs, guint topology, guint vms, guint placer, guint metric)
{
    gsize length = 0;
    g_autofree double *values = gbm_runs_values(runs, topology, vms, placer, metric, &length);
    int digits = GBM_METRIC[metric].digits;

    if (length == 0) {
        return g_strdup("-");
    }
    return g_strdup_printf("%.*f [%.*f..%.*f]", digits, stats_median(values, length), digits,
                           stats_quantile(values, length, 0.25), digits, stats_quantile(values, length, 0.75));
}

/* How many hosts are overloaded before anything moves: the size of the task. */
static double overloaded_median(const GbmRuns *runs, guint topology, guint vms)
{
    g_autofree double *values = g_new(double, runs->runs->len + 1);
    gsize length = 0;

    for (guint i = 0; i < runs->runs->len; i++) {
        const GbmRun *run = &g_array_index(runs->runs, GbmRun, i);

        if (run->topology == topology && run->vms == vms && run->placer == 0) {
            values[length++] = run->overloaded;
        }
    }
    return stats_median(values, length);
}

static void add_table(const GbmRuns *runs, guint metric, GString *text)
{
    const GbmConfig *config = runs->config;
    ReportStyle style = {FALSE, FALSE, 0};
    Table *table = table_new(&style);

    table_column(table, "topology", TABLE_LEFT);
    table_column(table, "VMs", TABLE_RIGHT);
    table_column(table, "overloaded", TABLE_RIGHT);
    for (guint p = 0; p < config->placers_length; p++) {
        table_column(table, config->placers[p]->name, TABLE_RIGHT);
    }
    for (guint t = 0; t < config->ports_length; t++) {
        for (guint v = 0; v < config->vms_length; v++) {
            double overloaded = overloaded_median(runs, t, v);

            table_cellf(table, INK_PLAIN, "%u (k = %u)", t + 1, config->ports[t]);
            table_cellf(table, INK_PLAIN, "%u", config->vms[v]);
            table_cell_take(table, INK_PLAIN, isnan(overloaded) ? g_strdup("-") : g_strdup_printf("%g", overloaded));
            for (guint p = 0; p < config->placers_length; p++) {
                table_cell_take(table, INK_PLAIN, cell_text(runs, t, v, p, metric));
            }
        }
    }
    g_autofree char *body = table_end(table);
    g_string_append_printf(text, "%s%s%s%s: median [quartiles] of %u seeds\n%s\n", GBM_METRIC[metric].title,
                           GBM_METRIC[metric].unit[0] ? " (" : "", GBM_METRIC[metric].unit,
                           GBM_METRIC[metric].unit[0] ? ")" : "", config->seeds, body);
}

char *gbm_tables_text(const GbmRuns *runs)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint metric = 0; metric < gbm_metrics(); metric++) {
        add_table(runs, metric, text);
    }
    for (guint i = 0; i < runs->gaps->len; i++) {
        const GbmGap *gap = &g_array_index(runs->gaps, GbmGap, i);

        g_string_append_printf(text, "Topology %u, %u VMs: not run, %s.\n", gap->topology + 1,
                               runs->config->vms[gap->vms], gap->why);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static char *runs_csv(const GbmRuns *runs)
{
    const GbmConfig *config = runs->config;
    GString *csv = g_string_new("topology,ports,hosts,vms,seed,placer,overloaded");

    for (guint m = 0; m < gbm_metrics(); m++) {
        g_string_append_printf(csv, ",%s", GBM_METRIC[m].column);
    }
    g_string_append_c(csv, '\n');
    for (guint i = 0; i < runs->runs->len; i++) {
        const GbmRun *run = &g_array_index(runs->runs, GbmRun, i);

        g_string_append_printf(csv, "%u,%u,%u,%u,%" G_GUINT64_FORMAT ",%s,%u", run->topology + 1,
                               config->ports[run->topology], run->hosts, config->vms[run->vms], run->seed,
                               config->placers[run->placer]->name, run->overloaded);
        for (guint m = 0; m < gbm_metrics(); m++) {
            g_string_append_printf(csv, ",%.9g", gbm_value(&run->values, m));
        }
        g_string_append_c(csv, '\n');
    }
    return g_string_free(csv, FALSE);
}

static void add_summary(const GbmRuns *runs, guint topology, guint vms, guint placer, GString *csv)
{
    const GbmConfig *config = runs->config;

    for (guint m = 0; m < gbm_metrics(); m++) {
        gsize length = 0;
        g_autofree double *values = gbm_runs_values(runs, topology, vms, placer, m, &length);

        if (length > 0) {
            g_string_append_printf(csv, "%u,%u,%u,%s,%s,%zu,%.9g,%.9g,%.9g,%.9g,%.9g\n", topology + 1,
                                   config->ports[topology], config->vms[vms], config->placers[placer]->name,
                                   GBM_METRIC[m].column, length, stats_median(values, length),
                                   stats_quantile(values, length, 0.25), stats_quantile(values, length, 0.75),
                                   stats_min(values, length), stats_max(values, length));
        }
    }
}

static char *summary_csv(const GbmRuns *runs)
{
    const GbmConfig *config = runs->config;
    GString *csv = g_string_new("topology,ports,vms,placer,metric,runs,median,quartile1,quartile3,min,max\n");

    for (guint t = 0; t < config->ports_length; t++) {
        for (guint v = 0; v < config->vms_length; v++) {
            for (guint p = 0; p < config->placers_length; p++) {
                add_summary(runs, t, v, p, csv);
            }
        }
    }
    return g_string_free(csv, FALSE);
}

static gboolean write_file(const GbmRuns *runs, const char *name, const char *text, GError **error)
{
    g_autofree char *path = g_build_filename(runs->config->out, name, NULL);

    return g_file_set_contents(path, text, -1, error);
}

gboolean gbm_tables_write(const GbmRuns *runs, GError **error)
{
    g_autofree char *tables = gbm_tables_text(runs);
    g_autofree char *claims = gbm_claims_text(runs);
    g_autofree char *all = runs_csv(runs);
    g_autofree char *summary = summary_csv(runs);

    return write_file(runs, "tables.txt", tables, error) && write_file(runs, "claims.txt", claims, error) &&
           write_file(runs, "runs.csv", all, error) && write_file(runs, "summary.csv", summary, error);
}
