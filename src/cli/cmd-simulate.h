/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of `godwit simulate` share.
 *
 *     SimulateSubject *subject = simulate_subject_new(&options->simulate, path, traces, &error);     what is simulated
 *     SimulateCase *one = simulate_case_new(subject, "lr_mmt_1.2", 7, &error);                       one run of it
 *     result = day_run(&one->config, ...);
 *
 * A subject is made once and only read then, so that the threads of a sweep make cases of it side by side. */
#pragma once

#include "cli/cli-options.h"
#include "cli/progress.h"
#include "report/report-simulate.h"
#include "sim/scenario-day.h"

typedef struct SimulateSubject {
    const CliSimulate *options;
    ScenarioTraces *traces; /* borrowed */
    char *path;             /* of a scenario or a trace */
    char *name;             /* of the workload */
    gboolean is_cloudsim;   /* CloudSim's experiment; path is a PlanetLab file */
    guint hosts;            /* of that */
    char *policy;           /* that it runs with unless told otherwise */
    guint64 seed;           /* likewise */
} SimulateSubject;

SimulateSubject *simulate_subject_new(const CliSimulate *options, const char *path, ScenarioTraces *traces,
                                      GError **error);
void simulate_subject_free(SimulateSubject *subject);

typedef struct SimulateCase {
    const SimulateSubject *subject;
    Scenario *scenario; /* NULL with CloudSim's experiment */
    ScenarioDay *day;   /* likewise */
    DayFleet *fleet;    /* of CloudSim's experiment, or NULL */
    DayConfig config;
    char *policy;  /* its name written out */
    char *defects; /* "none", "all", or names */
    const char *placer;
    const char *order;
} SimulateCase;

/* 'policy' NULL: the subject's. */
SimulateCase *simulate_case_new(const SimulateSubject *subject, const char *policy, guint64 seed, GError **error);
void simulate_case_free(SimulateCase *one);

/* Numbers of 'totals' with their names, SimulateNumber; NULL: of nothing, for the names. */
GArray *simulate_numbers(const DayTotals *totals);

/* The result of a case as a report, whose arrays are owned by the second struct. */
typedef struct SimulateTold {
    SimulateReport report;
    GArray *numbers;
    SimulateColumn *columns;
    SimulateMove *moves;
} SimulateTold;

void simulate_told_fill(SimulateTold *told, const SimulateCase *one, const DayResult *result);
void simulate_told_clear(SimulateTold *told);

/* Makes the directory and writes one file into it. */
gboolean simulate_out_make(const char *directory, GError **error);
gboolean simulate_out_write(const char *directory, const char *name, const char *text, GError **error);

/* All files of one run. */
gboolean simulate_out_all(const char *directory, const SimulateCase *one, const SimulateReport *report,
                          const DayResult *result, GError **error);

/* 'text' as a whole number; the error is about --'option'. */
gboolean simulate_count_parse(const char *option, const char *text, guint64 low, guint64 high, guint64 *value,
                              GError **error);

/* "hold_s=3600". */
gboolean simulate_setting_parse(const char *text, DaySettings *settings, GError **error);

/* `godwit simulate --sweep`; the exit status. */
int simulate_sweep(const CliSpec *spec, const CliOptions *options);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimulateSubject, simulate_subject_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimulateCase, simulate_case_free)
