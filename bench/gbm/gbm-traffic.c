/* SPDX-License-Identifier: Apache-2.0
 *
 * VM traffic as flows; see gbm.h.  Row entry e of the Traffic, from v to its peer, is one flow. */
#include "gbm.h"

#define NO_FLOW G_MAXUINT

struct GbmTraffic {
    const GbmWorld *world;
    Flows *flows;
    const guint *host_of;
    guint *flow_of; /* [entries] NO_FLOW: both on one host */
    GArray *route;
};

void gbm_route(const GbmWorld *world, guint host_a, guint host_b, guint64 flow, GArray *route)
{
    g_array_set_size(route, 0);
    topology_route(world->topology, world->hosts[host_a].place, world->hosts[host_b].place, flow, route);
}

/* Entry 'e' of 'vm' as things are now. */
static void renew(GbmTraffic *traffic, guint vm, guint e)
{
    const Traffic *talk = traffic->world->traffic;
    guint from = traffic->host_of[vm], to = traffic->host_of[talk->peer[e]];

    if (traffic->flow_of[e] != NO_FLOW) {
        flows_remove(traffic->flows, traffic->flow_of[e]);
        traffic->flow_of[e] = NO_FLOW;
    }
    if (from != to) {
        gbm_route(traffic->world, from, to, e, traffic->route);
        traffic->flow_of[e] = flows_add(traffic->flows, &(FlowSpec){.kind = FLOW_CONSTANT,
                                                                    .route = (guint *)(void *)traffic->route->data,
                                                                    .route_length = traffic->route->len,
                                                                    .weight = 1,
                                                                    .limit_mib_per_s = talk->mib_per_s[e] / 2});
    }
}

static guint entry_of(const Traffic *talk, guint vm, guint peer)
{
    guint e = talk->first[vm];

    while (talk->peer[e] != peer) {
        e++;
    }
    return e;
}

void gbm_traffic_moved(GbmTraffic *traffic, guint vm)
{
    const Traffic *talk = traffic->world->traffic;

    for (guint e = talk->first[vm]; e < talk->first[vm + 1]; e++) {
        renew(traffic, vm, e);
        renew(traffic, talk->peer[e], entry_of(talk, talk->peer[e], vm));
    }
}

GbmTraffic *gbm_traffic_new(const GbmWorld *world, Flows *flows, const guint *host_of)
{
    GbmTraffic *traffic = g_new0(GbmTraffic, 1);
    const Traffic *talk = world->traffic;
    guint entries = talk->first[talk->vms];

    traffic->world = world;
    traffic->flows = flows;
    traffic->host_of = host_of;
    traffic->flow_of = g_new(guint, entries + 1);
    traffic->route = g_array_new(FALSE, FALSE, sizeof(guint));
    for (guint vm = 0; vm < talk->vms; vm++) {
        for (guint e = talk->first[vm]; e < talk->first[vm + 1]; e++) {
            traffic->flow_of[e] = NO_FLOW;
            renew(traffic, vm, e);
        }
    }
    return traffic;
}

void gbm_traffic_free(GbmTraffic *traffic)
{
    if (traffic) {
        g_free(traffic->flow_of);
        g_array_unref(traffic->route);
        g_free(traffic);
    }
}
