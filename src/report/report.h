/* SPDX-License-Identifier: Apache-2.0
 *
 * report: what is told about a plan, a running gang and a finished one.  Text and JSON; no I/O of its own: everything
 * returns a string or a node that the caller owns.
 *
 * The JSON of a finished job is described in docs/man/godwit-report.5 and in docs/schema/.  Numbers that nobody
 * measured are null there and "-" in text, never 0. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "model/host.h"
#include "model/outcome.h"
#include "model/plan.h"
#include "model/prediction.h"
#include "model/profile.h"

/* How text is dressed.  Without colours every string is plain ASCII but for bars and sparklines, which fall back to
 * ASCII when 'is_utf8' is FALSE. */
typedef struct ReportStyle {
    gboolean has_colours;
    gboolean is_utf8;
    guint columns; /* of the terminal; 0: not a terminal, lines may be long */
} ReportStyle;

/* A plan before it runs (report-plan.c).  'problems': PlanProblem, may be NULL in report_plan_json: not checked. */
char *report_plan_text(const Plan *plan, const ReportStyle *style);
char *report_problems_text(GPtrArray *problems, const ReportStyle *style);

/* The document of godwit-plan(5) with one member more, "problems": an array, or null when nothing was checked. */
JsonNode *report_plan_json(const Plan *plan, GPtrArray *problems);

/* A plan that was played (report-prediction.c): the text that follows the plan's, the value of its member "prediction". */
char *report_prediction_text(const Prediction *prediction, const Plan *plan, const ReportStyle *style);
JsonNode *report_prediction_json(const Prediction *prediction, const Plan *plan);

/* An object with the one member "problems". */
JsonNode *report_problems_json(GPtrArray *problems);

/* A finished gang (report-gang.c). */
char *report_gang_text(const GangOutcome *gang, const ReportStyle *style);
JsonNode *report_gang_json(const GangOutcome *gang);

/* The fleet (report-hosts.c).  The three arrays are parallel; 'facts' and 'errors' may hold NULL. */
char *report_hosts_text(GPtrArray *facts /* HostFacts */, GPtrArray *configs /* HostConfig */,
                        GPtrArray *errors /* char * or NULL, one per host */, const ReportStyle *style);
JsonNode *report_hosts_json(GPtrArray *facts, GPtrArray *configs, GPtrArray *errors);

/* One period of a live observation (report-watch.c).  The two arrays are parallel. */
char *report_watch_text(const char *host, guint period, GPtrArray *profiles /* Profile */,
                        GPtrArray *choices /* Choice */, const ReportStyle *style);
JsonNode *report_watch_json(const char *host, guint period, GPtrArray *profiles, GPtrArray *choices);

/* How one migration of a running gang stands (report-progress.c). */
typedef struct ReportProgress {
    const char *vm;
    const char *remark; /* the latest thing worth telling; may be NULL */
    Phase phase;
    Algorithm algorithm;
    double done_share; /* 0..1 */
    guint64 ram_bytes; /* weighs this VM in the total */
    guint64 bytes_sent;
    guint64 bytes_remaining;
    guint64 bytes_per_s; /* 0: unknown */
    guint64 passes;
    gint64 eta_ns;          /* -1: unknown */
    const RelayFigures *relay; /* of the relays that carry it; may be NULL */
    const Outcome *outcome;    /* once PHASE_DONE */
} ReportProgress;

/* One line for a log: "vm1: perform 42 % 117.2 MiB/s, 210 MiB left, about 3 s". */
char *report_progress_plain(const ReportProgress *progress);

/* Lines for a terminal of 'style->columns' (80 when 0), at most 'rows' of them (2 or more): one per VM and one for
 * all.  When there are more VMs than rows, those that are moving are shown and the others counted. */
GPtrArray *report_progress_lines(const ReportProgress *progress, guint length, guint rows, const ReportStyle *style);
