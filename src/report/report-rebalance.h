/* SPDX-License-Identifier: Apache-2.0
 *
 * What rebalancing found on each host, for people and for programs. */
#pragma once

#include "model/host-verdict.h"
#include "report/report.h"

/* 'hosts': HostVerdict.  Hosts that are calm are only counted when there are more than a screenful. */
char *report_verdicts_text(GPtrArray *hosts, const char *note, const ReportStyle *style);

/* Adds the members "hosts" and "note" to the object of a plan or a report: docs/schema. */
void report_verdicts_add_json(JsonNode *node, GPtrArray *hosts, const char *note);
