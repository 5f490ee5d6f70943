/* SPDX-License-Identifier: Apache-2.0
 *
 * Flows: how fast each of many concurrent transfers runs, links shared max-min fair.
 *
 *     g_autoptr(Flows) flows = flows_new_for(topology, 1);
 *     guint talk = flows_add(flows, &(FlowSpec){.kind = FLOW_CONSTANT, .route = r1, .route_length = n1, .weight = 1,
 *                                               .limit_mib_per_s = 10});
 *     guint move = flows_add(flows, &(FlowSpec){.kind = FLOW_ELASTIC, .route = r2, .route_length = n2, .weight = 1,
 *                                               .limit_mib_per_s = INFINITY});
 *     const GArray *changed = flows_update(flows);    guint: the flows whose rate is another one now
 *     flows_rate(flows, move)
 *
 * Constant flows (the traffic between VMs) come first: each gets what it asks for, shared max-min fair where a link is
 * too small for all.  Elastic flows (migrations) share what is left in proportion to their weights, none above its
 * limit, but an elastic flow's link leaves them 'elastic_floor' together, taken from the constant ones (seed 003: "the
 * bandwidth left for migration is the link's capacity minus VM traffic on the path", max(B_min, min over links)).
 *
 * Max-min fair (Bertsekas and Gallager 1992, section 6.5.2): no flow can get more without taking from one that has, per
 * weight, no more.  So each flow has its limit, or a full link on which nobody of its kind has more per weight.
 *
 * Changes are gathered; flows_update reckons anew what they can touch: links are coupled by the flows that cross both,
 * and a link that all of its flows together cannot fill couples nothing.  Links are directed, numbered as in a Topology.
 * Rates are MiB/s.  Same calls in the same order: same rates, bit by bit.  One thread at a time. */
#pragma once

#include <glib.h>

#include "base/named.h"
#include "model/topology.h"

#define FLOW_KINDS(X)                                                                                                  \
    X(FLOW_CONSTANT, "constant") /* asks for its limit, comes first */                                                 \
    X(FLOW_ELASTIC, "elastic")   /* takes what it gets up to its limit */
NAMED_ENUM_DECLARE(FlowKind, flow_kind, FLOW_KINDS)

typedef struct FlowSpec {
    FlowKind kind;
    const guint *route;     /* links; copied.  None: both ends are on one host, it has its limit at once */
    guint route_length;
    double weight;          /* above 0; 1 */
    double limit_mib_per_s; /* 0 or more; FLOW_ELASTIC: INFINITY for none */
} FlowSpec;

typedef struct Flows Flows;

Flows *flows_new(const double *capacity_mib_per_s, guint links, double elastic_floor_mib_per_s);
Flows *flows_new_for(const Topology *topology, double elastic_floor_mib_per_s);
void flows_free(Flows *flows);

/* A new flow; its number, which nobody else has until it is removed.  Its rate is 0 until flows_update. */
guint flows_add(Flows *flows, const FlowSpec *spec);
void flows_remove(Flows *flows, guint flow);
void flows_set_limit(Flows *flows, guint flow, double limit_mib_per_s);
void flows_set_weight(Flows *flows, guint flow, double weight);

/* 0: the link is down, what crosses it stands still. */
void flows_set_capacity(Flows *flows, guint link, double capacity_mib_per_s);
double flows_capacity(const Flows *flows, guint link);

/* Takes all changes since the last call into account.  The flows whose rate differs from before, ascending; removed
 * ones are not among them.  Borrowed until the next call of any function that changes something. */
const GArray *flows_update(Flows *flows);

/* As of the last flows_update. */
double flows_rate(const Flows *flows, guint flow);
double flows_link_rate(const Flows *flows, guint link); /* sum of all flows on it */

/* What a migration alone would get on this way beside the constant flows: min over its links of capacity minus their
 * rates, and at least the floor where the link has that much.  INFINITY for an empty way.  As of the last update. */
double flows_left(const Flows *flows, const guint *route, guint route_length);

guint flows_count(const Flows *flows);

/* The two promises, for tests and for a simulator that checks itself: no link carries more than its capacity; every
 * flow has its limit or a full link where nobody of its kind has more per weight.  Relative tolerance 1e-9. */
gboolean flows_check(const Flows *flows, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Flows, flows_free)
