/* SPDX-License-Identifier: Apache-2.0
 *
 * How near to the optimum each placer comes, and how long it takes.
 *
 *     place-quality [--hosts N] [--placer NAME,...] [--preset NAME] [--fleet-hosts N] [--seed N] [--json FILE]
 *
 * First table: N random overloaded hosts (default 120) of 4 to 14 VMs each, with 6 other hosts; those for which the
 * safe range and the degree of connection can be kept.  The measure is the exact optimum (place/exact.h).  Per placer:
 *
 *     relieved   hosts that are below the upper end of the range afterwards
 *     safe       and within the range, with what remains connected enough: what the optimum has to be too
 *     gap        integrated cost over the optimum's, of safe answers: mean, median and largest, in per cent
 *     optimal    share of answers that are safe and within 0.01 % of the optimum
 *     ms         CPU time of one decision, median and largest
 *
 * An answer that is not safe may cost less than the optimum, so it counts in no gap.
 *
 * Second table: fleets of up to --fleet-hosts hosts (default 1024), a tenth of them overloaded, about 3 VMs per host:
 * seconds of one decision per task. */
#include "base/json.h"
#include "base/stats.h"
#include "place/exact.h"
#include "place/rival.h"
#include "tests/unit/place/place-cases.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static double cpu_s(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

typedef struct Score {
    guint answers;
    guint relieved;
    guint safe;
    guint optimal;
    GArray *gap_percent;
    GArray *ms;
} Score;

/* The answer's moves, done; whether nothing is wrong with 'source' any more. */
static gboolean is_safe(const Case *it, const PlaceTask *task, const PlaceOptions *options, const PlaceResult *result)
{
    g_autoptr(Rival) rival = rival_new(&it->problem, task, options);

    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        place_state_move(rival->state, move->vm, move->destination);
    }
    return rival_penalty(rival, 0, TRUE) == 0;
}

static void score_one(const Grouping *placer, const Case *it, const PlaceOptions *options, double optimum, Score *score)
{
    PlaceTask task = {.kind = PLACE_RELIEVE};
    g_autoptr(GError) error = NULL;
    double begin_s = cpu_s();
    g_autoptr(PlaceResult) result = place_run(placer, &it->problem, &task, options, &error);
    double ms = (cpu_s() - begin_s) * 1000;

    if (!result) {
        if (score->answers == 0) {
            fprintf(stderr, "%s: %s\n", placer->name, error->message);
        }
        return;
    }
    score->answers++;
    g_array_append_val(score->ms, ms);
    score->relieved += result->left_over->len == 0;
    if (is_safe(it, &task, options, result)) {
        double gap_percent = 100 * (result->totals.integrated - optimum) / optimum;

        score->safe++;
        score->optimal += gap_percent <= 0.01;
        g_array_append_val(score->gap_percent, gap_percent);
    }
}

/* A host that can be made safe, and what that costs at least. */
static Case *next_case(const PlaceOptions *options, Rng *rng, double *optimum)
{
    for (;;) {
        CaseShape shape = {
            .overloaded = 1, .vms_per_overloaded = 4 + rng_below(rng, 11), .others = 6, .vms_per_other = 3};
        g_autoptr(Case) it = case_new(&shape, options, rng);
        g_autoptr(ReliefWorld) world = relief_world_new(&it->problem, options);
        guint hosts[8];
        guint length = exact_destinations(&it->problem, 0, hosts);
        ExactAnswer answer = {0};
        gboolean is_good = exact_relieve(world, 0, hosts, length, &answer, NULL) && answer.level == RELIEF_SAFE;

        *optimum = answer.cost;
        exact_answer_clear(&answer);
        if (is_good && *optimum > 0) {
            return g_steal_pointer(&it);
        }
    }
}

static double *values(const GArray *array)
{
    return (double *)(gpointer)array->data;
}

static void print_score(const char *name, const Score *score)
{
    const GArray *gaps = score->gap_percent;
    guint answers = MAX(score->answers, 1);

    printf("%-14s %8.1f%% %7.1f%% %9.2f %9.2f %9.2f %8.1f%% %9.3f %9.3f\n", name, 100.0 * score->relieved / answers,
           100.0 * score->safe / answers, stats_mean(values(gaps), gaps->len), stats_median(values(gaps), gaps->len),
           stats_max(values(gaps), gaps->len), 100.0 * score->optimal / answers,
           stats_median(values(score->ms), score->ms->len), stats_max(values(score->ms), score->ms->len));
}

static void add_score(JsonBuilder *builder, const char *name, const Score *score)
{
    const GArray *gaps = score->gap_percent;

    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "placer", name);
    json_add_double_or_null(builder, "answers", score->answers);
    json_add_double_or_null(builder, "relieved", score->relieved);
    json_add_double_or_null(builder, "safe", score->safe);
    json_add_double_or_null(builder, "optimal", score->optimal);
    json_add_double_or_null(builder, "gap_mean_percent", stats_mean(values(gaps), gaps->len));
    json_add_double_or_null(builder, "gap_median_percent", stats_median(values(gaps), gaps->len));
    json_add_double_or_null(builder, "gap_max_percent", stats_max(values(gaps), gaps->len));
    json_add_double_or_null(builder, "median_ms", stats_median(values(score->ms), score->ms->len));
    json_add_double_or_null(builder, "max_ms", stats_max(values(score->ms), score->ms->len));
    json_builder_end_object(builder);
}

static gboolean is_asked_for(char **names, const char *name)
{
    return !names || g_strv_contains((const char *const *)names, name);
}

static void single_hosts(const PlaceOptions *options, guint hosts, char **names, guint64 seed, JsonBuilder *builder)
{
    const Grouping *const *all = groupings();
    Rng rng = rng_stream(seed, 1);
    Score scores[32] = {0};

    for (guint p = 0; all[p]; p++) {
        scores[p].gap_percent = g_array_new(FALSE, FALSE, sizeof(double));
        scores[p].ms = g_array_new(FALSE, FALSE, sizeof(double));
    }
    for (guint i = 0; i < hosts; i++) {
        double optimum = 0;
        g_autoptr(Case) it = next_case(options, &rng, &optimum);

        for (guint p = 0; all[p]; p++) {
            if ((all[p]->tasks & 1 << PLACE_RELIEVE) && is_asked_for(names, all[p]->name)) {
                score_one(all[p], it, options, optimum, &scores[p]);
            }
        }
    }
    printf("%u overloaded hosts of 4 to 14 VMs, 6 other hosts, seed %" G_GUINT64_FORMAT "\n\n", hosts, seed);
    printf("%-14s %9s %8s %9s %9s %9s %9s %9s %9s\n", "placer", "relieved", "safe", "gap mean", "median", "largest",
           "optimal", "ms median", "largest");
    for (guint p = 0; all[p]; p++) {
        if (scores[p].answers > 0) {
            print_score(all[p]->name, &scores[p]);
            add_score(builder, all[p]->name, &scores[p]);
        }
        g_array_unref(scores[p].gap_percent);
        g_array_unref(scores[p].ms);
    }
}

/* CONSOLIDATE wants hosts that can be switched off, RELIEVE and EVACUATE some that are too full. */
static Case *fleet_case(guint hosts, PlaceTaskKind kind, const PlaceOptions *options, Rng *rng)
{
    guint overloaded = kind == PLACE_CONSOLIDATE ? 0 : hosts / 10;
    CaseShape shape = {
        .overloaded = overloaded, .vms_per_overloaded = 6, .others = hosts - overloaded, .vms_per_other = 3};

    return case_new(&shape, options, rng);
}

static void fleet_line(const Grouping *placer, const Case *it, const PlaceOptions *options, PlaceTaskKind kind)
{
    g_autoptr(GArray) movers = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GError) error = NULL;
    g_autoptr(PlaceResult) result = NULL;
    PlaceTask task = {.kind = kind};
    double begin_s;

    for (guint v = 0; v < it->problem.vms_length && kind == PLACE_EVACUATE; v++) {
        if (it->problem.hosts[it->problem.vms[v].host].is_source) {
            g_array_append_val(movers, v);
        }
    }
    task.movers = (const guint *)(gpointer)movers->data;
    task.movers_length = movers->len;
    begin_s = cpu_s();
    result = place_run(placer, &it->problem, &task, options, &error);
    printf("%6u %6u  %-12s %-14s ", it->problem.hosts_length, it->problem.vms_length, place_task_kind_name(kind),
           placer->name);
    if (!result) {
        printf("%s\n", error->message);
        return;
    }
    printf("%8.3f s %6u moves %5u left %5u -> %4u hosts on, cost %.3f\n", cpu_s() - begin_s, result->totals.moves,
           result->left_over->len, result->totals.hosts_on_before, result->totals.hosts_on_after,
           result->totals.integrated);
}

static void fleets(const PlaceOptions *options, guint hosts, char **names, guint64 seed)
{
    static const PlaceTaskKind KINDS[] = {PLACE_RELIEVE, PLACE_EVACUATE, PLACE_CONSOLIDATE};

    for (guint k = 0; k < G_N_ELEMENTS(KINDS); k++) {
        Rng rng = rng_stream(seed, 2 + k);
        g_autoptr(Case) it = fleet_case(hosts, KINDS[k], options, &rng);

        for (guint p = 0; groupings()[p]; p++) {
            if ((groupings()[p]->tasks & 1u << KINDS[k]) && is_asked_for(names, groupings()[p]->name)) {
                fleet_line(groupings()[p], it, options, KINDS[k]);
            }
        }
    }
}

static gboolean write_json(JsonBuilder *builder, const char *path, GError **error)
{
    g_autoptr(JsonNode) root = json_builder_get_root(builder);
    g_autofree char *text = json_to_text(root, TRUE);

    return g_file_set_contents(path, text, -1, error);
}

int main(int argc, char **argv)
{
    int hosts = 120;
    int fleet_hosts = 1024;
    gint64 seed = 1;
    g_autofree char *placers = NULL;
    g_autofree char *preset = NULL;
    g_autofree char *json = NULL;
    g_autoptr(JsonBuilder) builder = json_builder_new();
    GOptionEntry entries[] = {
        {"hosts", 0, 0, G_OPTION_ARG_INT, &hosts, "single hosts to relieve", "N"},
        {"fleet-hosts", 0, 0, G_OPTION_ARG_INT, &fleet_hosts, "hosts of the largest fleet, 0: none", "N"},
        {"placer", 0, 0, G_OPTION_ARG_STRING, &placers, "only these", "NAME,..."},
        {"preset", 0, 0, G_OPTION_ARG_STRING, &preset, "parameters; default: experiment", "NAME"},
        {"seed", 0, 0, G_OPTION_ARG_INT64, &seed, "of the problems and the placers", "N"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &json, "write the first table there, too", "FILE"},
        {NULL, 0, 0, 0, NULL, NULL, NULL},
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- placers against the exact optimum");
    g_autoptr(GError) error = NULL;
    g_auto(GStrv) names = NULL;
    PlaceOptions options;

    g_option_context_add_main_entries(context, entries, NULL);
    place_options_init(&options);
    if (!g_option_context_parse(context, &argc, &argv, &error) ||
        (preset && !place_options_preset(&options, preset, &error))) {
        fprintf(stderr, "place-quality: %s\n", error->message);
        return 2;
    }
    names = placers ? g_strsplit(placers, ",", -1) : NULL;
    options.seed = (guint64)seed;
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "benchmark", "place-quality");
    json_add_double_or_null(builder, "seed", (double)seed);
    json_add_double_or_null(builder, "hosts", hosts);
    json_builder_set_member_name(builder, "placers");
    json_builder_begin_array(builder);
    if (hosts > 0) {
        single_hosts(&options, (guint)hosts, names, (guint64)seed, builder);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
    if (json && !write_json(builder, json, &error)) {
        fprintf(stderr, "place-quality: %s\n", error->message);
        return 1;
    }
    for (int size = 128; size <= fleet_hosts; size *= 2) {
        if (size == 128 || size * 2 > fleet_hosts) {
            printf("\n");
            fleets(&options, (guint)size, names, (guint64)seed);
        }
    }
    return 0;
}
