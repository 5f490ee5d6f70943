/* SPDX-License-Identifier: Apache-2.0
 *
 * Things to report, made by hand: what the tests of report/ and cli/ share. */
#pragma once

#include "model/host.h"
#include "model/outcome.h"
#include "model/plan.h"
#include "model/profile.h"
#include "report/report.h"

extern const ReportStyle PLAIN;    /* no terminal, ASCII */
extern const ReportStyle COLOURED; /* 100 columns, colours, UTF-8 */

/* Three VMs: vm1 read, vm2 write, vm3 not measured. */
Plan *sample_plan(void);

/* That plan, run: vm1 migrated (all numbers known), vm2 migrated without a known downtime, vm3 failed by its link. */
GangOutcome *sample_gang(void);

/* Profiles and choices of two VMs; the second has a note and no reads. */
GPtrArray *sample_profiles(void);
GPtrArray *sample_choices(void);
