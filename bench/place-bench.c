/* SPDX-License-Identifier: Apache-2.0
 *
 * How good and how fast our own placer is.
 *
 *     place-bench [--cases N] [--fleets N] [--json FILE]
 *
 * Three tables.  Gap: random hosts of 2 to 14 VMs against the exact optimum, per preset.  Host: one host of 10 to 200 VMs.
 * Fleet: 1,000 to 10,000 hosts with ten VMs each, a fifth of the hosts overloaded; others of our placers where they end
 * in time: they are asked as long as they took less than a minute for the size before.  Times are CPU time of the one
 * thread there is, so that others on the machine count little.  Contenders take turns. */
#include "base/json.h"
#include "base/stats.h"
#include "place/exact.h"
#include "tests/unit/place/place-cases.h"

#include <stdio.h>
#include <time.h>

#define GIVE_UP_S 60.0

static const PlaceTask RELIEVE = {.kind = PLACE_RELIEVE};

static double cpu_s(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static PlaceResult *run(const char *name, const PlaceProblem *problem, const PlaceOptions *options, double *seconds)
{
    g_autoptr(GError) error = NULL;
    double begin_s = cpu_s();
    PlaceResult *result = place_run(grouping_find(name, NULL), problem, &RELIEVE, options, &error);

    *seconds = cpu_s() - begin_s;
    if (!result) {
        fprintf(stderr, "place-bench: %s: %s\n", name, error->message);
        exit(1);
    }
    return result;
}

static void add(JsonBuilder *builder, const char *name, double value)
{
    json_add_double_or_null(builder, name, value);
}

static void bench_gap(JsonBuilder *builder, guint preset, guint cases)
{
    Rng rng = rng_new(20170 + preset);
    PlaceOptions options;
    g_autofree double *gaps = g_new(double, cases);
    guint compared = 0, optimal = 0, more = 0;
    double ours_s = 0, exact_s = 0;

    place_options_init(&options);
    place_options_preset(&options, place_preset_name(preset), NULL);
    for (guint i = 0; i < cases; i++) {
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 2 + rng_below(&rng, 13), .vms_per_other = 3,
                           .others = 3 + rng_below(&rng, 4)};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        double seconds[2];
        g_autoptr(PlaceResult) exact = run("exact", &it->problem, &options, &seconds[0]);
        g_autoptr(PlaceResult) ours = run("godwit", &it->problem, &options, &seconds[1]);

        exact_s += seconds[0];
        ours_s += seconds[1];
        more += ours->totals.overloaded_after > exact->totals.overloaded_after;
        if (!exact->totals.overloaded_after && !ours->totals.overloaded_after) {
            gaps[compared] = ours->totals.integrated / exact->totals.integrated - 1;
            optimal += gaps[compared++] < 1e-9;
        }
    }
    printf("%-16s %6u %6u %9.4f %9.4f %8.1f %6u %10.3f %10.3f\n", place_preset_name(preset), cases, compared,
           100 * stats_mean(gaps, compared), 100 * stats_max(gaps, compared), 100.0 * optimal / compared, more,
           1e3 * ours_s / cases, 1e3 * exact_s / cases);
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "preset", place_preset_name(preset));
    add(builder, "hosts", compared);
    add(builder, "mean_gap", stats_mean(gaps, compared));
    add(builder, "max_gap", stats_max(gaps, compared));
    add(builder, "share_optimal", (double)optimal / compared);
    json_builder_end_object(builder);
}

static void bench_host(JsonBuilder *builder, guint vms, guint cases)
{
    Rng rng = rng_new(vms);
    PlaceOptions options;
    g_autofree double *ms = g_new(double, cases);
    guint moves = 0;

    place_options_init(&options);
    for (guint i = 0; i < cases; i++) {
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = vms, .others = 30, .vms_per_other = 5};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(PlaceResult) result = run("godwit", &it->problem, &options, &ms[i]);

        ms[i] *= 1e3;
        moves += result->moves->len;
    }
    printf("%6u %10.2f %10.2f %8.1f\n", vms, stats_median(ms, cases), stats_max(ms, cases), (double)moves / cases);
    json_builder_begin_object(builder);
    add(builder, "vms", vms);
    add(builder, "median_ms", stats_median(ms, cases));
    add(builder, "max_ms", stats_max(ms, cases));
    json_builder_end_object(builder);
}

static void bench_fleet(JsonBuilder *builder, guint hosts, guint repeats, double *last_s)
{
    static const char *const NAMES[] = {"godwit", "gbm", "pabfd", "local-search"};
    Rng rng = rng_new(hosts);
    PlaceOptions options;
    CaseShape shape = {.overloaded = hosts / 5, .vms_per_overloaded = 10, .others = hosts - hosts / 5, .vms_per_other = 10};
    g_autoptr(Case) it = NULL;
    double seconds[G_N_ELEMENTS(NAMES)][16];

    place_options_init(&options);
    it = case_new(&shape, &options, &rng);
    for (guint r = 0; r < repeats; r++) {
        for (guint n = 0; n < G_N_ELEMENTS(NAMES); n++) {
            g_autoptr(PlaceResult) result = NULL;

            if (last_s[n] > GIVE_UP_S || !grouping_find(NAMES[n], NULL)) {
                continue;
            }
            result = run(NAMES[n], &it->problem, &options, &seconds[n][r]);
            if (r + 1 == repeats) {
                last_s[n] = stats_median(seconds[n], repeats);
                printf("%6u %-13s %9.3f %9.3f %9.3f %7u %7u %6u %11.3f\n", hosts, NAMES[n], last_s[n],
                       stats_min(seconds[n], repeats), stats_max(seconds[n], repeats), result->totals.moves,
                       result->totals.overloaded_before, result->totals.overloaded_after, result->totals.integrated);
                json_builder_begin_object(builder);
                add(builder, "hosts", hosts);
                json_add_string_or_null(builder, "placer", NAMES[n]);
                add(builder, "median_s", last_s[n]);
                add(builder, "moves", result->totals.moves);
                add(builder, "overloaded_after", result->totals.overloaded_after);
                add(builder, "integrated", result->totals.integrated);
                json_builder_end_object(builder);
            }
        }
    }
}

static void bench_all(JsonBuilder *builder, guint cases, guint repeats)
{
    static const guint VMS[] = {10, 14, 20, 50, 100, 200};
    static const guint HOSTS[] = {1000, 2000, 5000, 10000};
    double last_s[4] = {0};

    json_builder_begin_object(builder);
    json_builder_set_member_name(builder, "gap");
    json_builder_begin_array(builder);
    printf("%-16s %6s %6s %9s %9s %8s %6s %10s %10s\n", "preset", "hosts", "solved", "mean %", "max %", "optimal", "more",
           "ms", "exact ms");
    for (guint preset = 0; place_preset_name(preset); preset++) {
        bench_gap(builder, preset, cases);
    }
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "host");
    json_builder_begin_array(builder);
    printf("\n%6s %10s %10s %8s\n", "VMs", "median ms", "max ms", "moves");
    for (guint i = 0; i < G_N_ELEMENTS(VMS); i++) {
        bench_host(builder, VMS[i], 30);
    }
    json_builder_end_array(builder);
    json_builder_set_member_name(builder, "fleet");
    json_builder_begin_array(builder);
    printf("\n%6s %-13s %9s %9s %9s %7s %7s %6s %11s\n", "hosts", "placer", "median s", "min", "max", "moves", "before",
           "after", "integrated");
    for (guint i = 0; i < G_N_ELEMENTS(HOSTS); i++) {
        bench_fleet(builder, HOSTS[i], repeats, last_s);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

int main(int argc, char **argv)
{
    int cases = 500;
    int repeats = 3;
    g_autofree char *json_path = NULL;
    const GOptionEntry entries[] = {
        {"cases", 0, 0, G_OPTION_ARG_INT, &cases, "random hosts per preset (500)", "N"},
        {"fleets", 0, 0, G_OPTION_ARG_INT, &repeats, "repeats of each fleet (3, at most 16)", "N"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "also write the figures to FILE", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- our own placer: gaps and times");
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GError) error = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0); /* it takes minutes: each line is told when it is known */
    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1 || cases < 1 || repeats < 1 || repeats > 16) {
        fprintf(stderr, "place-bench: %s; see place-bench --help\n", error ? error->message : "a number is out of range");
        return 2;
    }
    bench_all(builder, (guint)cases, (guint)repeats);
    if (json_path) {
        g_autoptr(JsonNode) node = json_builder_get_root(builder);
        g_autofree char *text = json_to_text(node, TRUE);

        if (!g_file_set_contents(json_path, text, -1, &error)) {
            fprintf(stderr, "place-bench: %s\n", error->message);
            return 1;
        }
    }
    return 0;
}
