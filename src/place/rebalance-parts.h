/* SPDX-License-Identifier: Apache-2.0
 *
 * What rebalance.c and rebalance-verdict.c share; nobody else's business. */
#pragma once

#include "place/rebalance.h"
#include "place/state.h"

typedef struct Judged {
    RebalanceVerdict verdict;
    gboolean is_source;     /* somebody should leave */
    gboolean may_receive;
    double mean[RESOURCE_COUNT];
    const RebalancePast *last_arrival; /* within the hold time; NULL: none */
    const RebalancePast *last_leave;
} Judged;

/* What the windows and the history say of 'host', with a verdict other than RELIEVED, PARTLY, STUCK (of sources: CALM);
 * 'state' has all VMs where they are now.  The text is the caller's. */
Judged rebalance_judge(const RebalanceInput *input, const PlaceState *state, const RebalanceRules *rules, guint host);

/* The move of 'vm' that holds it, the latest one; NULL: it is free to move. */
const RebalancePast *rebalance_holds(const RebalanceInput *input, const RebalanceRules *rules, guint vm);

/* "12 minutes"; the caller frees it. */
char *rebalance_span(double seconds);
