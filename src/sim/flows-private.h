/* SPDX-License-Identifier: Apache-2.0
 *
 * What flows.c (keeps the flows), flows-fill.c (reckons their rates) and flows-check.c (proves them) share.
 *
 * Theory of operation.  A flow's ceiling is the most it can ever have: its limit, or the smallest capacity on its way.
 * A link couples its flows when the sum of their ceilings is above its capacity; the others can be looked away from,
 * and with VM traffic that is most of them.  What can change the rate of a flow is a change of itself, or of a coupling
 * link that it reaches over other flows and coupling links: the component that flows_update reckons anew, by progressive
 * filling (flows-fill.c).  A link that a change made coupling, or not coupling any more, brings all its flows along.
 *
 * Each link knows its flows by entries (flow, hop), each flow knows its entry at each hop, so that both come and go in
 * constant time per hop. */
#pragma once

#include "sim/flows.h"

#define FLOWS_TOLERANCE 1e-9

typedef struct FlowEntry {
    guint flow;
    guint hop;
} FlowEntry;

typedef struct FlowLink {
    double capacity;
    double ceilings;         /* sum over its flows; kept up incrementally */
    double elastic_ceilings; /* of those that are elastic */
    GArray *entries;         /* FlowEntry; NULL before the first */
    gboolean is_coupling;    /* as of the last update */
    gboolean is_dirty;       /* in Flows.dirty_links */
    guint stamp;             /* the update that last reached it */
    double left;             /* while filling: capacity not yet given away */
    double weight;           /* while filling: of flows that still rise */
    guint rising;            /* how many those are */
} FlowLink;

typedef struct Flow {
    gboolean is_used;
    FlowKind kind;
    guint length;
    guint *route; /* [length] */
    guint *slot;  /* [length]: its entry at that link */
    double weight;
    double limit;
    double ceiling;
    double rate;
    double new_rate; /* while filling */
    gboolean is_rising;
    guint stamp;
} Flow;

struct Flows {
    FlowLink *links;
    guint links_length;
    GArray *flows; /* Flow */
    GArray *free;  /* guint: numbers to use again */
    guint count;
    double floor;
    GArray *dirty_links;   /* guint */
    GArray *changed_flows; /* guint; may name a flow twice or one that is gone */
    guint stamp;
    GArray *reached_flows; /* guint: the component */
    GArray *reached_links; /* guint: its coupling links */
    GArray *reported;      /* guint */
    GArray *heap;          /* of flows-fill.c */
};

static inline Flow *flows_at(const Flows *flows, guint flow)
{
    return &g_array_index(flows->flows, Flow, flow);
}

static inline guint flow_link_length(const FlowLink *link)
{
    return link->entries ? link->entries->len : 0;
}

static inline Flow *flow_link_at(const Flows *flows, const FlowLink *link, guint i)
{
    return flows_at(flows, g_array_index(link->entries, FlowEntry, i).flow);
}

/* What constant flows leave to the elastic ones of a link. */
static inline double flow_link_reserve(const Flows *flows, const FlowLink *link)
{
    return MIN(MIN(flows->floor, link->capacity), MAX(link->elastic_ceilings, 0));
}

/* Sum of the rates of one kind on a link. */
double flow_link_sum(const Flows *flows, const FlowLink *link, FlowKind kind);

/* Gives every flow in 'reached_flows' its new_rate.  All flows of every link in 'reached_links' are among them. */
void flows_fill(Flows *flows);
