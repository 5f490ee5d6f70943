/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told about a simulated day, and about a sweep of many: text, JSON, CSV, HTML and plots.  Like all of report/
 * it makes strings and does no I/O; the same report gives the same bytes.
 *
 *     SimulateReport report = {...};            filled by whoever ran the simulation; strings and arrays borrowed
 *     g_autofree char *text = report_simulate_text(&report, &style);
 *     GPtrArray *plots = report_simulate_plots(&report);            SimulatePlot: "load" and its SVG
 *     g_autofree char *html = report_simulate_html(&report, plots);
 *
 * The JSON is described in docs/schema/simulate.json and godwit-simulate(1), that of sweeps in simulate-sweep.json. */
#pragma once

#include "report/report.h"

/* One figure of the whole run. */
typedef struct SimulateNumber {
    const char *name;
    guint decimals;
    double value;
    const char *help;
} SimulateNumber;

/* One value per interval; 'values' has as many items as the report has rows. */
typedef struct SimulateColumn {
    const char *name;
    const char *unit;
    double *values;
} SimulateColumn;

typedef struct SimulateMove {
    double time_s;
    double duration_s;
    double bytes;
    guint vm;
    guint src;
    guint dst;
} SimulateMove;

/* The name of a host or VM; the caller frees.  NULL instead of a function: its number. */
typedef char *(*SimulateNameFunc)(gconstpointer user, guint index);

typedef struct SimulateReport {
    const char *order;    /* of the VMs in the trace: "sorted" by name, or as in the "file" */
    const char *workload; /* name of the scenario or the trace */
    guint hosts;
    guint vms;
    const char *policy;
    const char *mode;
    const char *placer;
    const char *defects; /* switched on in physical mode: "a,b", "none", "all" */
    guint64 seed;
    const SimulateNumber *numbers;
    guint numbers_length;
    const SimulateColumn *columns; /* the first is time_s */
    guint columns_length;
    guint rows;
    const SimulateMove *moves;
    guint moves_length;
    SimulateNameFunc vm_name;
    SimulateNameFunc host_name;
    gconstpointer names_user;
    gboolean has_timing; /* the two below are told, which makes the output differ from run to run */
    double wall_s;
    double cpu_s;
} SimulateReport;

char *report_simulate_text(const SimulateReport *report, const ReportStyle *style);

/* One object; its first members are the columns of CloudSim's reference results. */
char *report_simulate_json(const SimulateReport *report);

/* The same in two lines. */
char *report_simulate_csv(const SimulateReport *report);
char *report_simulate_series_csv(const SimulateReport *report);
char *report_simulate_moves_csv(const SimulateReport *report);

typedef struct SimulatePlot {
    char *name; /* of the file, without .svg */
    char *svg;
} SimulatePlot;

/* Energy, load, response time, migrations and hosts over time, as far as there are columns for them. */
GPtrArray *report_simulate_plots(const SimulateReport *report);
char *report_simulate_html(const SimulateReport *report, GPtrArray *plots);

/* A sweep: many runs, and what the runs of the same scenario and policy have in common. */
typedef struct SimulateSweepRun {
    const char *scenario;
    const char *policy;
    guint64 seed;
    const char *error;    /* why it failed; NULL: it did not, and there are */
    const double *values; /* as many as the sweep has numbers */
} SimulateSweepRun;

typedef struct SimulateSweep {
    const SimulateNumber *numbers; /* their values have no meaning */
    guint numbers_length;
    const SimulateSweepRun *runs; /* those of a scenario and policy one after the other */
    guint runs_length;
} SimulateSweep;

/* Median, least and most of the leading figures for each scenario and policy. */
char *report_sweep_text(const SimulateSweep *sweep, const ReportStyle *style);

/* All figures. */
char *report_sweep_json(const SimulateSweep *sweep);
char *report_sweep_csv(const SimulateSweep *sweep);      /* a line per scenario and policy */
char *report_sweep_runs_csv(const SimulateSweep *sweep); /* a line per run */
