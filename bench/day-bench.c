/* SPDX-License-Identifier: Apache-2.0
 *
 * How long a simulated day takes, by the size of the fleet.
 *
 *     day-bench [--trace FILE] [--policy NAME] [--mode MODE] [--runs N] [--max-vms N] [--json FILE]
 *
 * Fleets of 1,000 VMs on 100 hosts and ten times as many each step; every run is a process of its own, so that its
 * memory is its own, and the sizes take turns.  A VM-event is one sample taken of one VM, or the start or end of a
 * migration.  The baseline is the smallest fleet: the cost of a VM-event should not grow.
 *
 * Before that, the peer's day: mode cloudsim on the trace as it is, a host for each 1.3 VMs. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/stats.h"
#include "sim/day.h"

#define STEPS_MAX    4
#define VMS_FIRST    1000
#define VMS_PER_HOST 10
#define RUNS_MAX     99

typedef struct Options {
    char *trace;
    char *policy;
    char *mode;
    char *json;
    int runs;
    int max_vms;
} Options;

typedef struct Measured {
    double cpu_s;
    double vm_events;
    double migrations;
    double energy_kwh;
    double rss_mib;
} Measured;

typedef struct Row {
    guint vms;
    guint hosts;
    Measured runs[RUNS_MAX];
} Row;

static double cpu_seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(GError *error)
{
    fprintf(stderr, "day-bench: %s\n", error->message);
    exit(1);
}

/* vms 0: the trace's own. */
static Measured play(const Trace *trace, DayMode mode, const DayPolicy *policy, guint hosts, guint vms)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(DayFleet) fleet = vms == 0 ? day_fleet_cloudsim(trace, hosts) : day_fleet_large(trace, hosts, vms, 1);
    DayConfig config;

    day_config_init(&config, mode, fleet);
    config.policy = *policy;
    config.keep_migrations = FALSE;
    config.keep_events = FALSE;
    double start_s = cpu_seconds();
    g_autoptr(DayResult) result = day_run(&config, NULL, NULL, &error);

    if (result == NULL) {
        fail(error);
    }
    return (Measured){.cpu_s = cpu_seconds() - start_s,
                      .vm_events = (double)result->totals.vm_events,
                      .migrations = (double)result->totals.migrations,
                      .energy_kwh = result->totals.energy_kwh};
}

static Measured play_apart(const Trace *trace, DayMode mode, const DayPolicy *policy, guint hosts, guint vms)
{
    Measured measured = {0};
    struct rusage usage;
    int status = 0, ends[2];

    if (pipe(ends) != 0) {
        perror("day-bench: pipe");
        exit(1);
    }
    pid_t child = fork();

    if (child == 0) {
        measured = play(trace, mode, policy, hosts, vms);
        _exit(write(ends[1], &measured, sizeof measured) == sizeof measured ? 0 : 1);
    }
    close(ends[1]);
    gboolean got = child > 0 && read(ends[0], &measured, sizeof measured) == sizeof measured;

    close(ends[0]);
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0 || !got) {
        fprintf(stderr, "day-bench: the run of %u VMs failed\n", vms);
        exit(1);
    }
    measured.rss_mib = (double)usage.ru_maxrss / 1024;
    return measured;
}

typedef double (*Reading)(const Measured *measured);

static double cpu_of(const Measured *measured)
{
    return measured->cpu_s;
}

static double ns_of(const Measured *measured)
{
    return measured->cpu_s * 1e9 / measured->vm_events;
}

static double median_of(const Row *row, guint runs, Reading reading)
{
    double values[RUNS_MAX];

    for (guint i = 0; i < runs; i++) {
        values[i] = reading(&row->runs[i]);
    }
    return stats_median(values, runs);
}

static double spread_of(const Row *row, guint runs, Reading reading)
{
    double values[RUNS_MAX];

    for (guint i = 0; i < runs; i++) {
        values[i] = reading(&row->runs[i]);
    }
    return stats_max(values, runs) - stats_min(values, runs);
}

static void print_table(const Row *rows, guint n_rows, guint runs)
{
    double baseline = median_of(&rows[0], runs, ns_of);

    printf("%10s %8s %10s %8s %12s %8s %9s %11s\n", "VMs", "hosts", "CPU s", "spread", "ns/VM-event", "ratio",
           "RSS MiB", "migrations");
    for (guint i = 0; i < n_rows; i++) {
        double ns = median_of(&rows[i], runs, ns_of);

        printf("%10u %8u %10.2f %8.2f %12.1f %8.2f %9.0f %11.0f\n", rows[i].vms, rows[i].hosts,
               median_of(&rows[i], runs, cpu_of), spread_of(&rows[i], runs, cpu_of), ns, ns / baseline,
               rows[i].runs[0].rss_mib, rows[i].runs[0].migrations);
    }
}

static void write_json(const char *path, const Row *rows, guint n_rows, guint runs, double peer_s)
{
    FILE *out = fopen(path, "w");

    if (out == NULL) {
        perror(path);
        exit(1);
    }
    fprintf(out, "{\"cloudsim_day_cpu_s\": %.4f, \"fleets\": [", peer_s);
    for (guint i = 0; i < n_rows; i++) {
        fprintf(out, "%s{\"vms\": %u, \"hosts\": %u, \"cpu_s\": %.4f, \"ns_per_vm_event\": %.2f, \"rss_mib\": %.0f}",
                i > 0 ? ", " : "", rows[i].vms, rows[i].hosts, median_of(&rows[i], runs, cpu_of),
                median_of(&rows[i], runs, ns_of), rows[i].runs[0].rss_mib);
    }
    fprintf(out, "]}\n");
    fclose(out);
}

static double play_peer(const Trace *trace, guint runs)
{
    DayPolicy policy;
    Row row = {.vms = trace->vms, .hosts = trace->vms == 1052 ? 800 : MAX(4, (guint)(trace->vms / 1.3))};

    day_policy_parse("lr_mmt_1.2", &policy, NULL);
    for (guint i = 0; i < runs; i++) {
        row.runs[i] = play_apart(trace, DAY_MODE_CLOUDSIM, &policy, row.hosts, 0);
    }
    printf("cloudsim, lr_mmt_1.2, %u VMs, %u hosts: %.4f s CPU (spread %.4f), %.2f kWh, %.0f migrations\n\n", row.vms,
           row.hosts, median_of(&row, runs, cpu_of), spread_of(&row, runs, cpu_of), row.runs[0].energy_kwh,
           row.runs[0].migrations);
    return median_of(&row, runs, cpu_of);
}

int main(int argc, char **argv)
{
    Options options = {.runs = 3, .max_vms = 100000};
    const GOptionEntry entries[] = {
        {"trace", 0, 0, G_OPTION_ARG_FILENAME, &options.trace, "PlanetLab trace (the 50 VMs of data/cloudsim)", "FILE"},
        {"policy", 0, 0, G_OPTION_ARG_STRING, &options.policy, "of the fleets (lr_mmt_1.2)", "NAME"},
        {"mode", 0, 0, G_OPTION_ARG_STRING, &options.mode, "of the fleets (physical)", "MODE"},
        {"runs", 0, 0, G_OPTION_ARG_INT, &options.runs, "of each size (3)", "N"},
        {"max-vms", 0, 0, G_OPTION_ARG_INT, &options.max_vms, "largest fleet, up to 1000000 (100000)", "N"},
        {"json", 0, 0, G_OPTION_ARG_FILENAME, &options.json, "write the results there too", "FILE"},
        {NULL, 0, 0, G_OPTION_ARG_NONE, NULL, NULL, NULL},
    };
    g_autoptr(GError) error = NULL;
    g_autoptr(GOptionContext) context = g_option_context_new("- how long a simulated day takes");
    static Row rows[STEPS_MAX];
    guint n_rows = 0;
    DayPolicy policy;
    DayMode mode;

    g_option_context_add_main_entries(context, entries, NULL);
    if (!g_option_context_parse(context, &argc, &argv, &error) ||
        !day_policy_parse(options.policy != NULL ? options.policy : "lr_mmt_1.2", &policy, &error) ||
        !day_mode_parse(options.mode != NULL ? options.mode : "physical", &mode, &error)) {
        fprintf(stderr, "day-bench: %s\n", error->message);
        return 2;
    }
    g_autoptr(Trace) trace = trace_read_planetlab(
        options.trace != NULL ? options.trace : DATA_DIR "/cloudsim/planetlab-20110303-p50.txt", &error);

    if (trace == NULL) {
        fail(error);
    }
    guint runs = (guint)CLAMP(options.runs, 1, RUNS_MAX);
    double peer_s = play_peer(trace, runs);

    for (guint vms = VMS_FIRST; n_rows < STEPS_MAX && vms <= (guint)options.max_vms; vms *= 10) {
        rows[n_rows++] = (Row){.vms = vms, .hosts = vms / VMS_PER_HOST};
    }
    for (guint run = 0; run < runs; run++) {
        for (guint i = 0; i < n_rows; i++) {
            rows[i].runs[run] = play_apart(trace, mode, &policy, rows[i].hosts, rows[i].vms);
        }
    }
    if (n_rows > 0) {
        print_table(rows, n_rows, runs);
    }
    if (options.json != NULL) {
        write_json(options.json, rows, n_rows, runs, peer_s);
    }
    return 0;
}
