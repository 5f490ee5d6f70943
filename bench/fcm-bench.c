/* SPDX-License-Identifier: Apache-2.0
 *
 * How fast one iteration of fuzzy c-means is, and what a whole run costs.
 *
 *     fcm-bench [--max-length N] [--repeats N] [--json FILE]
 *
 * For n = 1000, 10000, ... the same two arrays are copied with memcpy, iterated over by every kernel this processor can
 * run, and iterated over by the textbook form of the algorithm (fcm-textbook.h).  The contenders take turns within each
 * repeat, so that a machine that is busy for a while is unkind to all of them.  Times are CPU time of the one thread
 * there is: work of others that takes the processor away does not count, though what it does to caches and memory does.
 * Reported are the median and the range.
 *
 * GB/s counts the bytes an algorithm cannot avoid moving: two arrays of doubles read, for the copy also written. */
#include "bench/fcm-textbook.h"
#include "base/json.h"
#include "base/stats.h"
#include "base/units.h"
#include "classify/fcm-kernel.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* R's e1071 cmeans, n = 1,000,000 and c = 3, per iteration on one core of the class of machine the project uses. */
#define E1071_MS     668.0
#define E1071_LENGTH 1000000

#define MAX_CONTENDERS   8
#define TEXTBOOK_REPEATS 3 /* it is slow, and its spread small in comparison */

typedef struct Arena {
    gsize length;
    double *reads;
    double *writes;
    double *copied_reads;
    double *copied_writes;
    double *u[FCM_CLUSTERS]; /* the textbook's */
    FcmCentres initial;
} Arena;

typedef struct Contender {
    const char *name;
    void (*once)(Arena *arena, const FcmKernel *kernel);
    const FcmKernel *kernel;
    guint bytes_per_sample; /* that it cannot avoid moving */
    guint repeats;
} Contender;

typedef struct Timing {
    double median_ms;
    double min_ms;
    double max_ms;
} Timing;

static double sink; /* results go here, so that nobody can leave the work out */

static double cpu_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / (double)NS_PER_MS;
}

static void copy_once(Arena *arena, const FcmKernel *kernel)
{
    memcpy(arena->copied_reads, arena->reads, arena->length * sizeof(double));
    memcpy(arena->copied_writes, arena->writes, arena->length * sizeof(double));
    sink += arena->copied_reads[arena->length / 2];
    __asm__ volatile("" ::: "memory");
}

static void kernel_once(Arena *arena, const FcmKernel *kernel)
{
    FcmCentres centres = arena->initial;

    sink += fcm_iterate_with(kernel, arena->reads, arena->writes, arena->length, &centres);
}

static void textbook_once(Arena *arena, const FcmKernel *kernel)
{
    FcmCentres centres = arena->initial;

    sink += textbook_iterate(arena->reads, arena->writes, arena->length, &centres, 2, arena->u);
}

/* Touched at once: the cost of first use is nobody's merit. */
static double *array_new(gsize length)
{
    double *array = g_new(double, length);

    memset(array, 1, length * sizeof(double));
    return array;
}

/* Pages per second of the four loads in seed 000 section 4.1; each VM is one of them, give or take a half. */
static const double KINDS[][2] = {{40960, 10}, {10, 40960}, {5120, 5120}, {2560, 7680}};

static Arena *arena_new(gsize length)
{
    g_autoptr(GRand) rand = g_rand_new_with_seed(20160812);
    Arena *arena = g_new0(Arena, 1);

    arena->length = length;
    arena->reads = array_new(length);
    arena->writes = array_new(length);
    arena->copied_reads = array_new(length);
    arena->copied_writes = array_new(length);
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        arena->u[i] = array_new(length);
    }
    for (gsize j = 0; j < length; j++) {
        const double *kind = KINDS[j % G_N_ELEMENTS(KINDS)];

        arena->reads[j] = kind[0] * g_rand_double_range(rand, 0.5, 1.5);
        arena->writes[j] = kind[1] * g_rand_double_range(rand, 0.5, 1.5);
    }
    fcm_initial_centres(arena->reads, arena->writes, length, &arena->initial);
    return arena;
}

static void arena_free(Arena *arena)
{
    g_free(arena->reads);
    g_free(arena->writes);
    g_free(arena->copied_reads);
    g_free(arena->copied_writes);
    for (int i = 0; i < FCM_CLUSTERS; i++) {
        g_free(arena->u[i]);
    }
    g_free(arena);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Arena, arena_free)

static guint contenders_init(Contender *contenders, guint repeats)
{
    guint length = 0;

    contenders[length++] = (Contender){"copy", copy_once, NULL, 32, repeats};
    for (const FcmKernel *const *kernel = fcm_kernels(); *kernel; kernel++) {
        contenders[length++] = (Contender){(*kernel)->name, kernel_once, *kernel, 16, repeats};
    }
    contenders[length++] = (Contender){"textbook", textbook_once, NULL, 16, MIN(repeats, TEXTBOOK_REPEATS)};
    return length;
}

static double time_ms(const Contender *contender, Arena *arena, guint inner)
{
    double begin_ms = cpu_ms();

    for (guint k = 0; k < inner; k++) {
        contender->once(arena, contender->kernel);
    }
    return (cpu_ms() - begin_ms) / inner;
}

static void time_all(const Contender *contenders, guint length, Arena *arena, guint repeats, Timing *timings)
{
    const guint inner = (guint)MAX(1, 500000 / arena->length); /* short work is repeated until it can be timed */
    g_autofree double *samples_ms = g_new0(double, (gsize)length *repeats);

    for (guint c = 0; c < length; c++) {
        contenders[c].once(arena, contenders[c].kernel); /* warm */
    }
    for (guint r = 0; r < repeats; r++) {
        for (guint c = 0; c < length; c++) {
            if (r < contenders[c].repeats) {
                samples_ms[c * repeats + r] = time_ms(&contenders[c], arena, inner);
            }
        }
    }
    for (guint c = 0; c < length; c++) {
        const double *own = samples_ms + c * repeats;

        timings[c] = (Timing){stats_median(own, contenders[c].repeats), stats_min(own, contenders[c].repeats),
                              stats_max(own, contenders[c].repeats)};
    }
}

/* A line of /proc/self/status in KiB, or -1. */
static gint64 status_kib(const char *key)
{
    g_autofree char *text = NULL;
    const char *line = NULL;

    if (g_file_get_contents("/proc/self/status", &text, NULL, NULL)) {
        line = strstr(text, key);
    }
    return line ? g_ascii_strtoll(line + strlen(key), NULL, 10) : -1;
}

typedef struct RunCost {
    double initial_ms;
    double run_ms;
    guint iterations;
    double memory_mib; /* resident memory at its peak during the run, beyond what was there before; NAN unknown */
} RunCost;

/* From two arrays to memberships, with the best kernel; memory as the kernel accounts it. */
static RunCost measure_run(const Arena *arena)
{
    const FcmOptions options = {.max_iterations = 300, .tolerance = 1e-6};
    gboolean can_reset_peak =
        g_file_set_contents_full("/proc/self/clear_refs", "5", 1, G_FILE_SET_CONTENTS_NONE, 0600, NULL);
    gint64 before_kib = status_kib("VmRSS:");
    double begin_ms = cpu_ms();
    FcmCentres centres;
    FcmResult result;
    RunCost cost;

    fcm_initial_centres(arena->reads, arena->writes, arena->length, &centres);
    cost.initial_ms = (cpu_ms() - begin_ms);
    begin_ms = cpu_ms();
    fcm_run(arena->reads, arena->writes, arena->length, &centres, &options, NULL, &result);
    cost.run_ms = (cpu_ms() - begin_ms);
    cost.iterations = result.iterations;
    cost.memory_mib = can_reset_peak ? (double)(status_kib("VmHWM:") - before_kib) / 1024 : NAN;
    fcm_result_clear(&result);
    return cost;
}

static char *first_line(const char *path)
{
    char *text = NULL;

    if (!g_file_get_contents(path, &text, NULL, NULL)) {
        return g_strdup("unknown");
    }
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static char *cpu_model(void)
{
    g_autofree char *text = NULL;
    const char *line = NULL;

    if (g_file_get_contents("/proc/cpuinfo", &text, NULL, NULL)) {
        line = strstr(text, "model name");
        line = line ? strstr(line, ": ") : NULL;
    }
    return line ? g_strndup(line + 2, strcspn(line + 2, "\n")) : g_strdup("unknown");
}

static void describe_machine(JsonBuilder *builder)
{
    g_autofree char *model = cpu_model();
    g_autofree char *governor = first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    g_autofree char *l1 = size_format((guint64)MAX(sysconf(_SC_LEVEL1_DCACHE_SIZE), 0));
    g_autofree char *l2 = size_format((guint64)MAX(sysconf(_SC_LEVEL2_CACHE_SIZE), 0));
    g_autofree char *l3 = size_format((guint64)MAX(sysconf(_SC_LEVEL3_CACHE_SIZE), 0));
    g_autofree char *caches = g_strdup_printf("L1d %s, L2 %s, L3 %s", l1, l2, l3);
    static const char COMPILER[] =
#if defined(__clang__)
        __VERSION__;
#else
        "GCC " __VERSION__;
#endif
    g_autofree char *load = first_line("/proc/loadavg");
    struct utsname kernel = {0};

    uname(&kernel);
    printf("machine   %s, %ld CPUs, %s, governor %s, Linux %s\nload      %s\ncompiler  %s\n\n", model,
           sysconf(_SC_NPROCESSORS_ONLN), caches, governor, kernel.release, load, COMPILER);
    json_builder_set_member_name(builder, "machine");
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "cpu", model);
    json_add_double_or_null(builder, "cpus", (double)sysconf(_SC_NPROCESSORS_ONLN));
    json_add_string_or_null(builder, "caches", caches);
    json_add_string_or_null(builder, "governor", governor);
    json_add_string_or_null(builder, "kernel", kernel.release);
    json_add_string_or_null(builder, "load", load);
    json_add_string_or_null(builder, "compiler", COMPILER);
    json_builder_end_object(builder);
}

static void report_contender(JsonBuilder *builder, const Contender *contender, const Timing *timing, gsize length,
                             double copy_ms, double textbook_ms)
{
    double gb_per_s = (double)length * contender->bytes_per_sample / timing->median_ms / 1e6;
    double against_e1071 = length == E1071_LENGTH ? E1071_MS / timing->median_ms : NAN;

    printf("%9" G_GSIZE_FORMAT "  %-9s %10.4f  %9.4f .. %-9.4f %7.2f %8.2f %9.1f", length, contender->name,
           timing->median_ms, timing->min_ms, timing->max_ms, gb_per_s, timing->median_ms / copy_ms,
           textbook_ms / timing->median_ms);
    if (isnan(against_e1071) || contender->bytes_per_sample == 32) {
        printf("\n");
    } else {
        printf(" %9.0f\n", against_e1071);
    }
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "name", contender->name);
    json_add_double_or_null(builder, "median_ms", timing->median_ms);
    json_add_double_or_null(builder, "min_ms", timing->min_ms);
    json_add_double_or_null(builder, "max_ms", timing->max_ms);
    json_add_double_or_null(builder, "repeats", contender->repeats);
    json_add_double_or_null(builder, "gb_per_s", gb_per_s);
    json_add_double_or_null(builder, "times_copy", timing->median_ms / copy_ms);
    json_add_double_or_null(builder, "faster_than_textbook", textbook_ms / timing->median_ms);
    json_add_double_or_null(builder, "faster_than_e1071", against_e1071);
    json_builder_end_object(builder);
}

static void report_run(JsonBuilder *builder, const RunCost *run, gsize length)
{
    printf("%9" G_GSIZE_FORMAT "  whole run: initial centres %.2f ms, %u iterations and the memberships %.2f ms; input "
           "%.1f MiB, taken %.1f MiB\n\n",
           length, run->initial_ms, run->iterations, run->run_ms, (double)length * 16 / (double)MIB, run->memory_mib);
    json_builder_set_member_name(builder, "run");
    json_builder_begin_object(builder);
    json_add_double_or_null(builder, "initial_centres_ms", run->initial_ms);
    json_add_double_or_null(builder, "iterations", run->iterations);
    json_add_double_or_null(builder, "ms", run->run_ms);
    json_add_double_or_null(builder, "input_mib", (double)length * 16 / (double)MIB);
    json_add_double_or_null(builder, "memory_mib", run->memory_mib);
    json_builder_end_object(builder);
}

static void bench_length(JsonBuilder *builder, gsize length, guint repeats)
{
    g_autoptr(Arena) arena = arena_new(length);
    Contender contenders[MAX_CONTENDERS];
    Timing timings[MAX_CONTENDERS];
    guint contenders_length = contenders_init(contenders, repeats);
    RunCost run = measure_run(arena);

    time_all(contenders, contenders_length, arena, repeats, timings);
    json_builder_begin_object(builder);
    json_add_double_or_null(builder, "length", (double)length);
    json_builder_set_member_name(builder, "contenders");
    json_builder_begin_array(builder);
    for (guint c = 0; c < contenders_length; c++) {
        report_contender(builder, &contenders[c], &timings[c], length, timings[0].median_ms,
                         timings[contenders_length - 1].median_ms);
    }
    json_builder_end_array(builder);
    report_run(builder, &run, length);
    json_builder_end_object(builder);
}

static void bench_all(JsonBuilder *builder, gsize max_length, guint repeats)
{
    json_builder_begin_object(builder);
    json_add_string_or_null(builder, "benchmark", "fcm");
    describe_machine(builder);
    json_add_double_or_null(builder, "e1071_ms", E1071_MS);
    printf("%9s  %-9s %10s  %9s .. %-9s %7s %8s %9s %9s\n", "n", "what", "median ms", "min", "max", "GB/s", "x copy",
           "textbk/x", "e1071/x");
    json_builder_set_member_name(builder, "lengths");
    json_builder_begin_array(builder);
    for (gsize length = 1000; length <= max_length; length *= 10) {
        bench_length(builder, length, repeats);
    }
    json_builder_end_array(builder);
    json_builder_end_object(builder);
}

int main(int argc, char **argv)
{
    int max_length = 1000000;
    int repeats = 15;
    g_autofree char *json_path = NULL;
    const GOptionEntry entries[] = {
        {"max-length", 0, 0, G_OPTION_ARG_INT, &max_length, "largest n (1000000)", "N"},
        {"repeats", 0, 0, G_OPTION_ARG_INT, &repeats, "repeats of each measurement (15)", "N"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &json_path, "also write the figures to FILE", "FILE"},
        G_OPTION_ENTRY_NULL,
    };
    g_autoptr(GOptionContext) context = g_option_context_new("- speed of fuzzy c-means");
    g_autoptr(JsonBuilder) builder = json_builder_new();
    g_autoptr(GError) error = NULL;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) || argc > 1 || max_length < 1000 || repeats < 1) {
        fprintf(stderr, "fcm-bench: %s; see fcm-bench --help\n",
                error ? error->message
                      : "N must be at least 1000 for --max-length and 1 for --repeats, and no more words");
        return 2;
    }
    bench_all(builder, (gsize)max_length, (guint)repeats);
    if (json_path) {
        g_autoptr(JsonNode) node = json_builder_get_root(builder);
        g_autofree char *text = json_to_text(node, TRUE);

        if (!g_file_set_contents(json_path, text, -1, &error)) {
            fprintf(stderr, "fcm-bench: %s\n", error->message);
            return 1;
        }
    }
    return isfinite(sink) ? 0 : 1;
}
