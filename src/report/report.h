/* SPDX-License-Identifier: Apache-2.0
 *
 * report: what is told about a plan, a running gang and a finished one.  Text and JSON; no I/O of its own: everything
 * returns a string or a node that the caller owns.
 *
 * The JSON of a finished job is described in docs/man/godwit-report.5 and in docs/schema/. */
#pragma once

#include <glib.h>
#include <json-glib/json-glib.h>

#include "model/host.h"
#include "model/outcome.h"
#include "model/plan.h"

/* How text is dressed.  Without colours every string is plain ASCII but for bars and sparklines, which fall back to
 * ASCII when 'is_utf8' is FALSE. */
typedef struct ReportStyle {
    gboolean has_colours;
    gboolean is_utf8;
    guint columns; /* of the terminal; 0: not a terminal, lines may be long */
} ReportStyle;

char *report_plan_text(const Plan *plan, const ReportStyle *style);
char *report_problems_text(GPtrArray *problems, const ReportStyle *style);
JsonNode *report_problems_json(GPtrArray *problems);
char *report_gang_text(const GangOutcome *gang, const ReportStyle *style);
JsonNode *report_gang_json(const GangOutcome *gang);
char *report_hosts_text(GPtrArray *facts /* HostFacts */, GPtrArray *configs /* HostConfig */,
                        GPtrArray *errors /* char * or NULL, one per host */, const ReportStyle *style);
JsonNode *report_hosts_json(GPtrArray *facts, GPtrArray *configs, GPtrArray *errors);
