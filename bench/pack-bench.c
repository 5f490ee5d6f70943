/* SPDX-License-Identifier: Apache-2.0
 *
 * How good the packer is on published instances, and how long it takes.
 *
 *     pack-bench FOLDER [--sets A100,C1000] [--step N] [--effort N] [--seed N] [--csv FILE] [--json FILE]
 *
 * FOLDER holds the sets of the VM placement benchmark (SET.txt; Peake et al. 2022) and two tables: best-known.csv
 * (instance, lower bound, best known number of hosts) and published.csv (per set the mean gap and time of published
 * methods).  data/vmp/ is a small excerpt of it.  Printed per set, each number the mean over its instances:
 *
 *     gap        of ours above the lower bound of best-known.csv, in per cent: what published.csv reports
 *     best       the least gap of any published method, and whose
 *     known      of ours against the best known number of hosts; negative: fewer hosts than anybody found
 *     greedy     gap of our construction alone, the baseline of the search
 *     at bound   instances whose packing is proven best by our own lower bound
 *     s          CPU time of one thread per instance, median and largest
 *
 * Each packing is checked with code that the packer does not use.  The exit status is 1 when a packing is wrong or a set
 * has a larger gap than the best published method. */
#include "base/json.h"
#include "base/stats.h"
#include "base/units.h"
#include "place/vmp-file.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct Bench {
    const char *folder;
    PackOptions options;
    guint step;
    GHashTable *known;     /* instance -> "instance,bound,best" split */
    GPtrArray *published;  /* GStrv; the first is the heading */
    GString *csv;          /* a line per instance */
    JsonBuilder *builder;
    gboolean has_failed;
} Bench;

typedef struct SetFigures {
    guint instances;
    guint at_bound;
    guint hosts;
    guint known_hosts;
    double gap_percent; /* sums; means at the end */
    double known_percent;
    double greedy_percent;
    GArray *seconds;
} SetFigures;

static double cpu_s(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static char *read_file(const char *folder, const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);
    g_autofree char *path = g_build_filename(folder, file, NULL);
    g_autoptr(GError) error = NULL;
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, &error)) {
        fprintf(stderr, "pack-bench: %s\n", error->message);
        exit(1);
    }
    return text;
}

static GPtrArray *read_csv(const char *folder, const char *name)
{
    g_autofree char *text = read_file(folder, name, ".csv");
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);

    for (guint i = 0; lines[i]; i++) {
        if (lines[i][0]) {
            g_ptr_array_add(rows, g_strsplit(g_strstrip(lines[i]), ",", -1));
        }
    }
    return rows;
}

/* The least published gap of 'set'; NAN and "-" when it is not in the table. */
static double best_published(const Bench *bench, const char *set, const char **who)
{
    char **heading = g_ptr_array_index(bench->published, 0);
    double least = NAN;

    *who = "-";
    for (guint row = 1; row < bench->published->len; row++) {
        char **cells = g_ptr_array_index(bench->published, row);

        for (guint i = 1; g_str_equal(cells[0], set) && cells[i] && heading[i]; i++) {
            if (g_str_has_prefix(heading[i], "gap_pct_") && !(g_ascii_strtod(cells[i], NULL) >= least)) {
                least = g_ascii_strtod(cells[i], NULL);
                *who = heading[i] + strlen("gap_pct_");
            }
        }
    }
    return least;
}

static void count_instance(Bench *bench, SetFigures *figures, const VmpInstance *instance, const PackResult *result,
                           double seconds)
{
    char **known = g_hash_table_lookup(bench->known, instance->name);
    double bound = known && known[1] ? g_ascii_strtod(known[1], NULL) : result->lower_bound;
    double best = known && known[1] && known[2] ? g_ascii_strtod(known[2], NULL) : NAN;
    g_autofree char *wrong = pack_check(&instance->problem, result->host_of);

    if (wrong) {
        printf("%s: %s\n", instance->name, wrong);
        bench->has_failed = TRUE;
    }
    figures->instances++;
    figures->at_bound += result->hosts_used == result->lower_bound;
    figures->hosts += result->hosts_used;
    figures->known_hosts += isnan(best) ? 0 : (guint)best;
    figures->gap_percent += 100 * (result->hosts_used - bound) / bound;
    figures->known_percent += 100 * (result->hosts_used - best) / best;
    figures->greedy_percent += 100 * (result->hosts_constructed - bound) / bound;
    g_array_append_val(figures->seconds, seconds);
    g_string_append_printf(bench->csv, "%s,%u,%u,%u,%g,%g,%.6f,%" G_GUINT64_FORMAT "\n", instance->name,
                           result->hosts_used, result->lower_bound, result->hosts_constructed, bound, best, seconds,
                           result->moves);
}

static void report_set(Bench *bench, const char *set, const SetFigures *figures)
{
    const char *who = NULL;
    double published = best_published(bench, set, &who);
    double n = figures->instances;
    const double *seconds = (const double *)(void *)figures->seconds->data;
    double median_s = stats_median(seconds, figures->instances);
    double max_s = stats_max(seconds, figures->instances);

    printf("%-6s %5u %8.3f %8.2f %-8s %8.3f %8.3f %5u/%-4u %7u %7u %9.4f %9.4f\n", set, figures->instances,
           figures->gap_percent / n, published, who, figures->known_percent / n, figures->greedy_percent / n,
           figures->at_bound, figures->instances, figures->hosts, figures->known_hosts, median_s, max_s);
    fflush(stdout);
    bench->has_failed = bench->has_failed || figures->gap_percent / n > published + 0.005; /* two decimals are printed */
    json_builder_begin_object(bench->builder);
    json_add_string_or_null(bench->builder, "set", set);
    json_add_double_or_null(bench->builder, "instances", n);
    json_add_double_or_null(bench->builder, "gap_percent", figures->gap_percent / n);
    json_add_double_or_null(bench->builder, "published_gap_percent", published);
    json_add_string_or_null(bench->builder, "published_by", who);
    json_add_double_or_null(bench->builder, "gap_to_best_known_percent", figures->known_percent / n);
    json_add_double_or_null(bench->builder, "greedy_gap_percent", figures->greedy_percent / n);
    json_add_double_or_null(bench->builder, "proven_best", figures->at_bound);
    json_add_double_or_null(bench->builder, "hosts", figures->hosts);
    json_add_double_or_null(bench->builder, "best_known_hosts", figures->known_hosts);
    json_add_double_or_null(bench->builder, "median_s", median_s);
    json_add_double_or_null(bench->builder, "max_s", max_s);
    json_builder_end_object(bench->builder);
}

static void bench_set(Bench *bench, const char *set)
{
    g_autofree char *text = read_file(bench->folder, set, ".txt");
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) instances = vmp_parse(text, set, &error);
    g_autoptr(GArray) seconds = g_array_new(FALSE, FALSE, sizeof(double));
    SetFigures figures = {.seconds = seconds};

    for (guint i = 0; instances && i < instances->len; i += bench->step) {
        const VmpInstance *instance = g_ptr_array_index(instances, i);
        double begin_s = cpu_s();
        g_autoptr(PackResult) result = pack(&instance->problem, &bench->options, &error);

        if (!result) {
            break;
        }
        count_instance(bench, &figures, instance, result, cpu_s() - begin_s);
    }
    if (error) {
        printf("%s: %s\n", set, error->message);
        bench->has_failed = TRUE;
        return;
    }
    report_set(bench, set, &figures);
}

static void bench_all(Bench *bench, const char *sets)
{
    g_auto(GStrv) names = g_strsplit(sets, ",", -1);

    printf("seed %" G_GUINT64_FORMAT ", effort %u, every %u. instance\n", bench->options.seed, bench->options.effort,
           bench->step);
    printf("%-6s %5s %8s %8s %-8s %8s %8s %10s %7s %7s %9s %9s\n", "set", "n", "gap %", "best %", "by", "known %",
           "greedy %", "at bound", "hosts", "known", "median s", "max s");
    json_builder_begin_object(bench->builder);
    json_add_string_or_null(bench->builder, "benchmark", "pack");
    json_add_double_or_null(bench->builder, "seed", (double)bench->options.seed);
    json_add_double_or_null(bench->builder, "effort", bench->options.effort);
    json_builder_set_member_name(bench->builder, "sets");
    json_builder_begin_array(bench->builder);
    for (guint i = 0; names[i]; i++) {
        bench_set(bench, names[i]);
    }
    json_builder_end_array(bench->builder);
    json_builder_end_object(bench->builder);
}

static gboolean write_text(const char *path, const char *text)
{
    g_autoptr(GError) error = NULL;

    if (path && !g_file_set_contents(path, text, -1, &error)) {
        fprintf(stderr, "pack-bench: %s\n", error->message);
        return FALSE;
    }
    return TRUE;
}

/* The names of all sets that published.csv has, in its order. */
static char *all_sets(const Bench *bench)
{
    GString *names = g_string_new(NULL);

    for (guint row = 1; row < bench->published->len; row++) {
        g_string_append_printf(names, "%s%s", row > 1 ? "," : "", ((char **)g_ptr_array_index(bench->published, row))[0]);
    }
    return g_string_free(names, FALSE);
}

int main(int argc, char **argv)
{
    int step = 1;
    int effort = 100;
    gint64 seed = 1;
    g_autofree char *sets = NULL;
    g_autofree char *csv_path = NULL;
    g_autofree char *json_path = NULL;
    const GOptionEntry entries[] = {
        {"sets", 0, 0, G_OPTION_ARG_STRING, &sets, "only these (all of published.csv)", "A100,..."},
        {"step", 0, 0, G_OPTION_ARG_INT, &step, "only every N-th instance (1)", "N"},
        {"effort", 0, 0, G_OPTION_ARG_INT, &effort, "of the packer, in per cent (100)", "N"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "of the packer (1)", "N"},
        {"csv", 0, 0, G_OPTION_ARG_FILENAME, &csv_path, "write a line per instance to FILE", "FILE"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "write the table to FILE", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("FOLDER - quality and time of the packer");
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc != 2 || step < 1 || effort < 0) {
        fprintf(stderr, "pack-bench: %s; see pack-bench --help\n",
                error ? error->message : "give one FOLDER, a --step of 1 or more and an --effort of 0 or more");
        return 2;
    }
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(GPtrArray) known_rows = read_csv(argv[1], "best-known");
    g_autoptr(GPtrArray) published = read_csv(argv[1], "published");
    Bench bench = {argv[1],   {(guint64)seed, (guint)effort}, (guint)step, known, published,
                   g_string_new("instance,hosts,lower_bound,constructed,published_lower_bound,best_known,seconds,moves\n"),
                   builder,   FALSE};

    for (guint i = 0; i < known_rows->len; i++) {
        g_hash_table_insert(known, ((char **)g_ptr_array_index(known_rows, i))[0], g_ptr_array_index(known_rows, i));
    }
    sets = sets ? sets : all_sets(&bench);
    bench_all(&bench, sets);
    g_autoptr(JsonNode) node = json_builder_get_root(builder);
    g_autofree char *text = json_to_text(node, TRUE);
    g_autofree char *csv = g_string_free(bench.csv, FALSE);
    return write_text(csv_path, csv) && write_text(json_path, text) && !bench.has_failed ? 0 : 1;
}
