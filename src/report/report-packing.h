/* SPDX-License-Identifier: Apache-2.0
 *
 * What is told about packed instances; see model/packing.h.  docs/schema/packing.json describes the JSON. */
#pragma once

#include "model/packing.h"
#include "report/report.h"

/* A line per instance and one for all. */
char *report_packing_text(GPtrArray *packings, const ReportStyle *style);
JsonNode *report_packing_json(GPtrArray *packings, guint64 seed, guint effort);
