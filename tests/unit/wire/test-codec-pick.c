/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/codec-pick.c: a closed loop with a simulated link, codec and content, measured with noise as the relay
 * would, held against the best level that could have been fixed beforehand.  Best is what carries most, less what the cores are
 * worth that it uses. */
#include "base/rng.h"
#include "wire/codec.h"

#include <math.h>
#include <string.h>

/* Ratio and GB/s of one core, by rows of codec_levels; as measured by bench/wire-codec-bench.c but for the last. */
typedef struct Content {
    const char *name;
    double ratio[6];
    double gb_per_s[6];
} Content;

static const Content contents[] = {
    {"text", {1, 2.47, 3.47, 3.75, 4.10, 4.23}, {0, 0.50, 0.29, 0.24, 0.08, 0.05}},
    {"code", {1, 1.56, 2.04, 2.13, 2.25, 2.26}, {0, 0.56, 0.29, 0.14, 0.07, 0.05}},
    {"random", {1, 1, 1, 1, 1, 1}, {0, 8.5, 9.1, 6.7, 0.34, 0.34}},
    {"sparse", {1, 25.4, 34.3, 34.2, 35, 37.3}, {0, 3.5, 1.8, 1.7, 0.32, 0.23}},
    {"mixed", {1, 1.82, 1.99, 2.06, 2.13, 2.13}, {0, 0.79, 0.39, 0.25, 0.10, 0.09}},
    {"letters", {1, 1, 1.33, 1.34, 1.35, 1.36}, {0, 1.5, 0.40, 0.35, 0.15, 0.1}}, /* only zstd's entropy coding helps */
};

#define CORES_WORTH 0.18

typedef struct Loop {
    Content content;
    double link, cores, demand, cpu_factor;
    gboolean can_be_slow;
    double noise;
    Rng rng;
    double wire_max[5]; /* of the last second: what a relay takes for the link's rate */
    guint period;
    CodecPicker picker;
    const CodecLevel *level;
} Loop;

static double codec_rate(const Loop *loop, guint level)
{
    return level == 0 ? HUGE_VAL : loop->cores * loop->content.gb_per_s[level] * 1e9 * loop->cpu_factor;
}

static double true_rate(const Loop *loop, guint level)
{
    return fmin(fmin(loop->link * loop->content.ratio[level], codec_rate(loop, level)), loop->demand);
}

/* Less a part for the cores, of all that are free, which that takes. */
static double true_worth(const Loop *loop, guint level)
{
    return true_rate(loop, level) * (1 - CORES_WORTH * true_rate(loop, level) / codec_rate(loop, level));
}

static double best_worth(const Loop *loop)
{
    double best = 0;

    for (guint i = 0; i < codec_levels_length; i++) {
        best = fmax(best, true_worth(loop, i));
    }
    return best;
}

static double noisy(Loop *loop, double value)
{
    return value * (1 + rng_range(&loop->rng, -loop->noise, loop->noise));
}

/* One period under the level that was picked; returns what it was worth. */
static double one_period(Loop *loop)
{
    guint level = (guint)(loop->level - codec_levels);
    double rate = true_rate(loop, level);
    double wire = noisy(loop, rate / loop->content.ratio[level]);
    CodecMeasure measure = {
        .level = loop->level,
        .raw_bytes_per_s = rate,
        .wire_bytes_per_s = wire,
        .codec_bytes_per_cpu_s = level > 0 ? noisy(loop, loop->content.gb_per_s[level] * 1e9 * loop->cpu_factor) : 0,
        .cores_free = loop->cores,
        .can_be_slow = loop->can_be_slow,
        .link_is_limit = loop->link * loop->content.ratio[level] <= fmin(codec_rate(loop, level), loop->demand)};

    loop->wire_max[loop->period++ % G_N_ELEMENTS(loop->wire_max)] = wire;
    for (guint i = 0; i < G_N_ELEMENTS(loop->wire_max); i++) {
        measure.link_bytes_per_s = fmax(measure.link_bytes_per_s, loop->wire_max[i]);
    }
    CodecChoice choice = codec_pick(&loop->picker, &measure);
    g_assert_nonnull(choice.level);
    g_assert_cmpuint(strlen(choice.reason), >, 10);
    loop->level = choice.level;
    return true_worth(loop, level);
}

static Loop loop_new(const Content *content, double link_mb_per_s, double cores, double cpu_factor)
{
    Loop loop = {.content = *content,
                 .link = link_mb_per_s * 1e6,
                 .cores = cores,
                 .demand = HUGE_VAL,
                 .cpu_factor = cpu_factor,
                 .can_be_slow = TRUE,
                 .noise = 0.03,
                 .rng = rng_new(7)};
    CodecMeasure nothing = {.cores_free = cores, .can_be_slow = true};

    loop.level = codec_pick(&loop.picker, &nothing).level;
    return loop;
}

static double run(Loop *loop, guint periods)
{
    double sum = 0;

    for (guint i = 0; i < periods; i++) {
        sum += one_period(loop);
    }
    return sum / periods;
}

static const double links[] = {12.5, 40, 100, 125, 300, 625, 1250, 2000};
static const double cores[] = {0.5, 1, 2, 4, 8, 16};
static const double cpu_factors[] = {0.4, 1, 1.6};

typedef void (*CellFunc)(Loop *loop);

/* 'step': 1, or fewer cells. */
static void every_cell(CellFunc cell, guint step)
{
    guint number = 0;

    for (guint c = 0; c < G_N_ELEMENTS(contents); c++) {
        for (guint l = 0; l < G_N_ELEMENTS(links); l++) {
            for (guint n = 0; n < G_N_ELEMENTS(cores); n++) {
                for (guint f = 0; f < G_N_ELEMENTS(cpu_factors); f++) {
                    Loop loop = loop_new(&contents[c], links[l], cores[n], cpu_factors[f]);

                    if (number++ % step == 0) {
                        cell(&loop);
                    }
                }
            }
        }
    }
}

/* How many cells came how near to what could be had. */
typedef struct Score {
    guint cells, good; /* at least GOOD of the best */
    double worst, sum;
} Score;
static Score score;

#define GOOD 0.95

static void count(const Loop *loop, double rate, double wanted)
{
    double part = rate / wanted;

    if (part < GOOD) {
        g_test_message("%s, link %.1f MB/s, %.1f cores, cpu x %.1f: carried %.1f MB/s, wanted %.1f (now %s)",
                       loop->content.name, loop->link / 1e6, loop->cores, loop->cpu_factor, rate / 1e6, wanted / 1e6,
                       loop->level->name);
    }
    score.cells++;
    score.good += part >= GOOD;
    score.sum += part;
    score.worst = fmin(score.worst, part);
}

static void check_score(double good_min, double worst_min)
{
    g_test_message("%u cells: %.1f %% of them within 5 %% of the best, mean %.3f, worst %.3f", score.cells,
                   100.0 * score.good / score.cells, score.sum / score.cells, score.worst);
    g_assert_cmpfloat((double)score.good / score.cells, >=, good_min);
    g_assert_cmpfloat(score.worst, >=, worst_min);
}

static guint periods_before;

static void is_near_the_best(Loop *loop)
{
    run(loop, periods_before);
    count(loop, run(loop, 300), best_worth(loop));
}

/* After a few periods nearly everywhere; after some more, in which those levels are looked at that few cores make dear,
 * everywhere. */
static void test_is_within_5_percent_of_the_best_fixed_level(void)
{
    score = (Score){.worst = 1};
    periods_before = 10;
    every_cell(is_near_the_best, 1);
    check_score(0.98, 0.85);
    score = (Score){.worst = 1};
    periods_before = 60;
    every_cell(is_near_the_best, 1);
    check_score(1, GOOD);
}

/* From the first period on, all trials included. */
static void is_no_slower_than_none(Loop *loop)
{
    count(loop, run(loop, 100), true_rate(loop, 0));
}

static void test_is_never_slower_than_no_compression(void)
{
    score = (Score){.worst = 1};
    every_cell(is_no_slower_than_none, 1);
    check_score(1, 0.97);
}

static void test_the_first_period_goes_without(void)
{
    CodecPicker picker = {0};
    CodecMeasure nothing = {.cores_free = 4, .can_be_slow = true};

    g_assert_cmpstr(codec_pick(&picker, &nothing).level->name, ==, "none");
}

static void becomes_good(Loop *loop, guint periods)
{
    run(loop, periods);
    count(loop, run(loop, 100), best_worth(loop));
}

static void follows_content(Loop *loop)
{
    run(loop, 100);
    for (guint c = 0; c < G_N_ELEMENTS(contents); c++) {
        loop->content = contents[c];
        becomes_good(loop, 50);
        loop->content = contents[2];
        becomes_good(loop, 50);
    }
}

static void test_follows_the_content(void)
{
    score = (Score){.worst = 1};
    every_cell(follows_content, 5);
    check_score(0.97, 0.2);
}

static void follows_link_and_cores(Loop *loop)
{
    static const struct {
        double link_mb_per_s, cores;
    } turns[] = {{12.5, 2}, {1250, 2}, {12.5, 0.5}, {125, 8}, {2000, 1}, {12.5, 16}, {625, 4}};

    for (guint i = 0; i < G_N_ELEMENTS(turns); i++) {
        loop->link = turns[i].link_mb_per_s * 1e6;
        loop->cores = turns[i].cores;
        memset(loop->wire_max, 0, sizeof loop->wire_max);
        becomes_good(loop, 50);
    }
}

static void test_follows_link_and_cores(void)
{
    score = (Score){.worst = 1};
    every_cell(follows_link_and_cores, 5);
    check_score(0.97, 0.2);
}

/* QEMU gives 50 MB/s, the link carries 125: nothing to be gained, so no CPU is spent. */
static void test_spends_nothing_when_qemu_is_the_limit(void)
{
    Loop loop = loop_new(&contents[0], 125, 4, 1);
    guint compressed = 0;

    loop.demand = 50e6;
    for (guint i = 0; i < 200; i++) {
        one_period(&loop);
        compressed += loop.level != &codec_levels[0];
    }
    g_assert_cmpuint(compressed, ==, 0);
    loop.demand = HUGE_VAL; /* and when it gives more, something is */
    run(&loop, 20);
    g_assert_cmpfloat(run(&loop, 100), >=, GOOD * best_worth(&loop));
}

/* Between passes QEMU says little, in frames too small to compress: that is no news about the content. */
static void test_quiet_periods_teach_nothing(void)
{
    Loop loop = loop_new(&contents[0], 125, 2, 1);
    CodecPicker before;

    run(&loop, 50);
    before = loop.picker;
    for (guint i = 0; i < 20; i++) {
        CodecMeasure quiet = {.level = codec_level_find("zstd-1"),
                              .raw_bytes_per_s = 1e4,
                              .wire_bytes_per_s = 1e4,
                              .codec_bytes_per_cpu_s = 1e6,
                              .link_bytes_per_s = 125e6,
                              .cores_free = 2,
                              .can_be_slow = true};

        codec_pick(&loop.picker, &quiet);
    }
    for (guint i = 0; i < codec_levels_length; i++) {
        g_assert_cmpfloat(loop.picker.ratio[i], ==, before.ratio[i]);
        g_assert_cmpfloat(loop.picker.bytes_per_cpu_s[i], ==, before.bytes_per_cpu_s[i]);
    }
    g_assert_cmpfloat(run(&loop, 20), >=, 0.9 * best_worth(&loop));
}

/* On text at 12.5 MB/s with many cores the throughput's best is the last row; a page that is waited for wants less
 * work. */
static void test_postcopy_counts_latency(void)
{
    Loop loop = loop_new(&contents[0], 100, 16, 1);
    const CodecLevel *for_throughput;

    run(&loop, 50);
    for_throughput = loop.level;
    loop.can_be_slow = FALSE;
    for (guint i = 0; i < 50; i++) {
        guint now;
        double latency, best = HUGE_VAL;

        one_period(&loop);
        now = (guint)(loop.level - codec_levels);
        latency = 1 / (loop.link * contents[0].ratio[now]) + (now > 0 ? 1 / (contents[0].gb_per_s[now] * 1e9) : 0);
        for (guint level = 0; level < codec_levels_length; level++) {
            best = fmin(best, 1 / (loop.link * contents[0].ratio[level]) +
                                  (level > 0 ? 1 / (contents[0].gb_per_s[level] * 1e9) : 0));
        }
        if (i >= 10) {
            g_assert_cmpfloat(latency, <=, 1.06 * best);
        }
    }
    g_assert_true(loop.level < for_throughput);
}

/* Periods of 100, after some, in which a level from 'lowest' to 'highest' is used. */
static guint periods_between(const Content *content, double link_mb_per_s, double free_cores, const char *lowest,
                             const char *highest)
{
    Loop loop = loop_new(content, link_mb_per_s, free_cores, 1);
    guint found = 0;

    run(&loop, 60);
    for (guint i = 0; i < 100; i++) {
        one_period(&loop);
        found += loop.level >= codec_level_find(lowest) && loop.level <= codec_level_find(highest);
    }
    return found;
}

/* Where the core is shared with QEMU: what the link waits for is worth it, a few per cent are not. */
static void test_a_core_is_worth_something(void)
{
    g_assert_cmpuint(periods_between(&contents[4], 100, 0.8, "zstd-1", "zstd-1"), >=, 85);
    g_assert_cmpuint(periods_between(&contents[1], 100, 0.8, "zstd-1", "zstd-1"), >=, 85);
    g_assert_cmpuint(periods_between(&contents[4], 12.5, 1, "zstd-1", "zstd-3"), >=, 85);
    g_assert_cmpuint(periods_between(&contents[0], 12.5, 1, "zstd-1", "zstd-3"), >=, 85);
    g_assert_cmpuint(periods_between(&contents[0], 12.5, 16, "zstd-6", "zstd-9"), >=, 85); /* there are enough */
}

/* A host that has no core free sends as it is. */
static void test_no_core(void)
{
    CodecPicker picker = {0};
    CodecMeasure told = {.link_bytes_per_s = 100e6, .can_be_slow = true};

    g_assert_cmpstr(codec_pick(&picker, &told).level->name, ==, "none");
    told.cores_free = 1;
    g_assert_cmpstr(codec_pick(&picker, &told).level->name, ==, "zstd-1");
}

static void test_same_measures_same_choices(void)
{
    Loop a = loop_new(&contents[4], 300, 2, 1);
    Loop b = loop_new(&contents[4], 300, 2, 1);

    for (guint i = 0; i < 100; i++) {
        one_period(&a);
        one_period(&b);
        g_assert_true(a.level == b.level);
    }
}

/* In a steady world the level is left for trials only. */
static void test_does_not_flutter(void)
{
    for (guint c = 0; c < G_N_ELEMENTS(contents); c++) {
        Loop loop = loop_new(&contents[c], 100, 2, 1);
        guint changes = 0;

        run(&loop, 50);
        for (guint i = 0; i < 300; i++) {
            const CodecLevel *before = loop.level;

            one_period(&loop);
            changes += loop.level != before;
        }
        g_test_message("%s: %u changes in 300 periods", contents[c].name, changes);
        g_assert_cmpuint(changes, <=, 300 / 5);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_assert_cmpuint(codec_levels_length, ==, G_N_ELEMENTS(contents[0].ratio));
    g_test_add_func("/codec-pick/the-first-period-goes-without", test_the_first_period_goes_without);
    g_test_add_func("/codec-pick/is-within-5-percent-of-the-best-fixed-level",
                    test_is_within_5_percent_of_the_best_fixed_level);
    g_test_add_func("/codec-pick/is-never-slower-than-no-compression", test_is_never_slower_than_no_compression);
    g_test_add_func("/codec-pick/follows-the-content", test_follows_the_content);
    g_test_add_func("/codec-pick/follows-link-and-cores", test_follows_link_and_cores);
    g_test_add_func("/codec-pick/spends-nothing-when-qemu-is-the-limit", test_spends_nothing_when_qemu_is_the_limit);
    g_test_add_func("/codec-pick/quiet-periods-teach-nothing", test_quiet_periods_teach_nothing);
    g_test_add_func("/codec-pick/postcopy-counts-latency", test_postcopy_counts_latency);
    g_test_add_func("/codec-pick/a-core-is-worth-something", test_a_core_is_worth_something);
    g_test_add_func("/codec-pick/no-core", test_no_core);
    g_test_add_func("/codec-pick/same-measures-same-choices", test_same_measures_same_choices);
    g_test_add_func("/codec-pick/does-not-flutter", test_does_not_flutter);
    return g_test_run();
}
