/* SPDX-License-Identifier: Apache-2.0
 *
 * The book of flows and links, and what a change can touch; see flows.h and flows-private.h. */
#include "sim/flows-private.h"

#include <math.h>

NAMED_ENUM_DEFINE(FlowKind, flow_kind, FLOW_KINDS)

#define SAME_RATE 1e-12 /* relative; a rate that is reckoned anew in another order is not another rate */
#define NEAR      1e-6  /* so near to coupling, the sum of ceilings is made afresh */

Flows *flows_new(const double *capacity_mib_per_s, guint links, double elastic_floor_mib_per_s)
{
    Flows *flows = g_new0(Flows, 1);

    flows->links = g_new0(FlowLink, MAX(links, 1));
    flows->links_length = links;
    flows->floor = elastic_floor_mib_per_s;
    for (guint i = 0; i < links; i++) {
        g_assert(capacity_mib_per_s[i] >= 0 && isfinite(capacity_mib_per_s[i]));
        flows->links[i].capacity = capacity_mib_per_s[i];
    }
    flows->flows = g_array_new(FALSE, TRUE, sizeof(Flow));
    flows->free = g_array_new(FALSE, FALSE, sizeof(guint));
    flows->dirty_links = g_array_new(FALSE, FALSE, sizeof(guint));
    flows->changed_flows = g_array_new(FALSE, FALSE, sizeof(guint));
    flows->reached_flows = g_array_new(FALSE, FALSE, sizeof(guint));
    flows->reached_links = g_array_new(FALSE, FALSE, sizeof(guint));
    flows->reported = g_array_new(FALSE, FALSE, sizeof(guint));
    return flows;
}

Flows *flows_new_for(const Topology *topology, double elastic_floor_mib_per_s)
{
    guint links = topology_links(topology);
    g_autofree double *capacity = g_new(double, MAX(links, 1));

    for (guint i = 0; i < links; i++) {
        capacity[i] = topology_link_mib_per_s(topology, i);
    }
    return flows_new(capacity, links, elastic_floor_mib_per_s);
}

void flows_free(Flows *flows)
{
    if (!flows) {
        return;
    }
    for (guint i = 0; i < flows->links_length; i++) {
        if (flows->links[i].entries) {
            g_array_unref(flows->links[i].entries);
        }
    }
    for (guint i = 0; i < flows->flows->len; i++) {
        g_free(flows_at(flows, i)->route);
        g_free(flows_at(flows, i)->slot);
    }
    g_array_unref(flows->flows);
    g_array_unref(flows->free);
    g_array_unref(flows->dirty_links);
    g_array_unref(flows->changed_flows);
    g_array_unref(flows->reached_flows);
    g_array_unref(flows->reached_links);
    g_array_unref(flows->reported);
    g_clear_pointer(&flows->heap, g_array_unref);
    g_free(flows->links);
    g_free(flows);
}

static void mark_link(Flows *flows, guint link)
{
    if (!flows->links[link].is_dirty) {
        flows->links[link].is_dirty = TRUE;
        g_array_append_val(flows->dirty_links, link);
    }
}

static double ceiling_of(const Flows *flows, const Flow *flow)
{
    double ceiling = flow->limit;

    for (guint i = 0; i < flow->length; i++) {
        ceiling = fmin(ceiling, flows->links[flow->route[i]].capacity);
    }
    return ceiling;
}

/* Adds 'difference' to the ceilings of all links on its way. */
static void shift_ceilings(Flows *flows, const Flow *flow, double difference)
{
    for (guint i = 0; i < flow->length; i++) {
        FlowLink *link = &flows->links[flow->route[i]];

        link->ceilings += difference;
        if (flow->kind == FLOW_ELASTIC) {
            link->elastic_ceilings += difference;
        }
        mark_link(flows, flow->route[i]);
    }
}

/* After a change of its limit or of a capacity on its way. */
static void renew_ceiling(Flows *flows, guint number)
{
    Flow *flow = flows_at(flows, number);
    double ceiling = ceiling_of(flows, flow);

    if (flow->length > 0) {
        shift_ceilings(flows, flow, ceiling - flow->ceiling);
    }
    flow->ceiling = ceiling;
    g_array_append_val(flows->changed_flows, number);
}

static void enter_link(Flows *flows, guint number, guint hop)
{
    Flow *flow = flows_at(flows, number);
    FlowLink *link = &flows->links[flow->route[hop]];
    FlowEntry entry = {number, hop};

    if (!link->entries) {
        link->entries = g_array_new(FALSE, FALSE, sizeof(FlowEntry));
    }
    flow->slot[hop] = link->entries->len;
    g_array_append_val(link->entries, entry);
}

/* The last entry of the link moves to where this one was. */
static void leave_link(Flows *flows, const Flow *flow, guint hop)
{
    FlowLink *link = &flows->links[flow->route[hop]];
    guint slot = flow->slot[hop];
    FlowEntry moved = g_array_index(link->entries, FlowEntry, link->entries->len - 1);

    flows_at(flows, moved.flow)->slot[moved.hop] = slot;
    g_array_remove_index_fast(link->entries, slot);
    if (link->entries->len == 0) {
        link->ceilings = 0;
        link->elastic_ceilings = 0;
    }
}

static guint take_number(Flows *flows)
{
    if (flows->free->len > 0) {
        guint number = g_array_index(flows->free, guint, flows->free->len - 1);

        g_array_set_size(flows->free, flows->free->len - 1);
        return number;
    }
    g_array_set_size(flows->flows, flows->flows->len + 1);
    return flows->flows->len - 1;
}

guint flows_add(Flows *flows, const FlowSpec *spec)
{
    guint number = take_number(flows);
    Flow *flow = flows_at(flows, number);

    g_assert(spec->weight > 0 && spec->limit_mib_per_s >= 0);
    g_assert(spec->kind == FLOW_ELASTIC || isfinite(spec->limit_mib_per_s));
    *flow = (Flow){.is_used = TRUE,
                   .kind = spec->kind,
                   .length = spec->route_length,
                   .route = g_memdup2(spec->route, spec->route_length * sizeof(guint)),
                   .slot = g_new(guint, spec->route_length),
                   .weight = spec->weight,
                   .limit = spec->limit_mib_per_s};
    for (guint i = 0; i < flow->length; i++) {
        g_assert(flow->route[i] < flows->links_length);
        enter_link(flows, number, i);
    }
    flows->count++;
    renew_ceiling(flows, number);
    return number;
}

void flows_remove(Flows *flows, guint number)
{
    Flow *flow = flows_at(flows, number);

    g_assert(flow->is_used);
    shift_ceilings(flows, flow, flow->length > 0 ? -flow->ceiling : 0);
    for (guint i = 0; i < flow->length; i++) {
        leave_link(flows, flow, i);
    }
    g_free(flow->route);
    g_free(flow->slot);
    *flow = (Flow){.is_used = FALSE};
    flows->count--;
    g_array_append_val(flows->free, number);
}

void flows_set_limit(Flows *flows, guint number, double limit_mib_per_s)
{
    g_assert(flows_at(flows, number)->is_used && limit_mib_per_s >= 0);
    flows_at(flows, number)->limit = limit_mib_per_s;
    renew_ceiling(flows, number);
}

void flows_set_weight(Flows *flows, guint number, double weight)
{
    g_assert(flows_at(flows, number)->is_used && weight > 0);
    flows_at(flows, number)->weight = weight;
    renew_ceiling(flows, number); /* stays what it is, but marks what the weight matters to */
}

void flows_set_capacity(Flows *flows, guint number, double capacity_mib_per_s)
{
    FlowLink *link = &flows->links[number];

    g_assert(number < flows->links_length && capacity_mib_per_s >= 0 && isfinite(capacity_mib_per_s));
    link->capacity = capacity_mib_per_s;
    mark_link(flows, number);
    for (guint i = 0; i < flow_link_length(link); i++) {
        guint flow = g_array_index(link->entries, FlowEntry, i).flow;

        if (ceiling_of(flows, flows_at(flows, flow)) != flows_at(flows, flow)->ceiling) {
            renew_ceiling(flows, flow);
        }
    }
}

double flows_capacity(const Flows *flows, guint link)
{
    return flows->links[link].capacity;
}

static void reach_flow(Flows *flows, guint number)
{
    Flow *flow = flows_at(flows, number);

    if (flow->is_used && flow->stamp != flows->stamp) {
        flow->stamp = flows->stamp;
        g_array_append_val(flows->reached_flows, number);
    }
}

static void reach_flows_of(Flows *flows, const FlowLink *link)
{
    for (guint i = 0; i < flow_link_length(link); i++) {
        reach_flow(flows, g_array_index(link->entries, FlowEntry, i).flow);
    }
}

static gboolean couples(const Flows *flows, FlowLink *link)
{
    if (fabs(link->ceilings - link->capacity) <= NEAR * link->capacity) {
        link->ceilings = 0;
        for (guint i = 0; i < flow_link_length(link); i++) {
            link->ceilings += flow_link_at(flows, link, i)->ceiling;
        }
    }
    return link->ceilings > link->capacity;
}

/* What has changed itself, and all flows of links that couple or did. */
static void reach_from_changes(Flows *flows)
{
    for (guint i = 0; i < flows->changed_flows->len; i++) {
        reach_flow(flows, g_array_index(flows->changed_flows, guint, i));
    }
    for (guint i = 0; i < flows->dirty_links->len; i++) {
        FlowLink *link = &flows->links[g_array_index(flows->dirty_links, guint, i)];
        gboolean was_coupling = link->is_coupling;

        link->is_dirty = FALSE;
        link->is_coupling = couples(flows, link);
        if (was_coupling || link->is_coupling) {
            reach_flows_of(flows, link);
        }
    }
    g_array_set_size(flows->changed_flows, 0);
    g_array_set_size(flows->dirty_links, 0);
}

/* The component: over coupling links to more flows, until there are no more. */
static void reach_component(Flows *flows)
{
    for (guint i = 0; i < flows->reached_flows->len; i++) {
        const Flow *flow = flows_at(flows, g_array_index(flows->reached_flows, guint, i));

        for (guint hop = 0; hop < flow->length; hop++) {
            FlowLink *link = &flows->links[flow->route[hop]];

            if (link->is_coupling && link->stamp != flows->stamp) {
                link->stamp = flows->stamp;
                g_array_append_val(flows->reached_links, flow->route[hop]);
                reach_flows_of(flows, link);
            }
        }
    }
}

static gboolean is_other_rate(double before, double after)
{
    return before != after && (isinf(after) || fabs(before - after) > SAME_RATE * after);
}

static int compare_numbers(gconstpointer a, gconstpointer b)
{
    const guint *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

const GArray *flows_update(Flows *flows)
{
    flows->stamp++;
    g_array_set_size(flows->reached_flows, 0);
    g_array_set_size(flows->reached_links, 0);
    g_array_set_size(flows->reported, 0);
    reach_from_changes(flows);
    reach_component(flows);
    g_array_sort(flows->reached_flows, compare_numbers);
    flows_fill(flows);
    for (guint i = 0; i < flows->reached_flows->len; i++) {
        guint number = g_array_index(flows->reached_flows, guint, i);
        Flow *flow = flows_at(flows, number);

        if (is_other_rate(flow->rate, flow->new_rate)) {
            flow->rate = flow->new_rate;
            g_array_append_val(flows->reported, number);
        }
    }
    return flows->reported;
}

double flows_rate(const Flows *flows, guint flow)
{
    return flows_at(flows, flow)->rate;
}

double flow_link_sum(const Flows *flows, const FlowLink *link, FlowKind kind)
{
    double sum = 0;

    for (guint i = 0; i < flow_link_length(link); i++) {
        const Flow *flow = flow_link_at(flows, link, i);

        sum += flow->kind == kind ? flow->rate : 0;
    }
    return sum;
}

double flows_link_rate(const Flows *flows, guint link)
{
    return flow_link_sum(flows, &flows->links[link], FLOW_CONSTANT) +
           flow_link_sum(flows, &flows->links[link], FLOW_ELASTIC);
}

double flows_left(const Flows *flows, const guint *route, guint route_length)
{
    double left = INFINITY;

    for (guint i = 0; i < route_length; i++) {
        const FlowLink *link = &flows->links[route[i]];
        double floor_here = fmin(flows->floor, link->capacity);

        left = fmin(left, fmax(floor_here, link->capacity - flow_link_sum(flows, link, FLOW_CONSTANT)));
    }
    return left;
}

guint flows_count(const Flows *flows)
{
    return flows->count;
}
