/* SPDX-License-Identifier: Apache-2.0
 *
 * The world's network: which rate each migration has, and what it has sent meanwhile.
 *
 * Theory of operation.  A job that sends has a flow (flows.h) for as long as it sends, over all of its passes.  What
 * was sent is settled whenever the job's rate changes and when its stage ends, so between two settlings the rate is
 * one number.  Changes of an instant are gathered: the first one sets a timer of the last rank at that same instant,
 * and there all rates are reckoned at once.  A thousand migrations that begin together cost one reckoning.
 *
 * Two accounts are kept of the same bytes, for world-check.c: each link adds up the rates that pass it, and each job
 * says of every link on its way what it has sent over it. */
#include "sim/world-private.h"

#include <math.h>

#define LONGEST_NS (G_MAXINT64 / 4)

static void settle(DriverJob *job)
{
    World *world = job->world;
    double seconds = (double)(world_now(world) - job->since_ns) / (double)NS_PER_S;
    double mib = MIN(job->rate_mib_per_s * seconds, job->left_mib);

    job->since_ns = world_now(world);
    job->left_mib -= mib;
    job->sent_mib += mib;
    world->sent_mib += mib;
    for (guint i = 0; i < job->route->len; i++) {
        world->expected_mib[g_array_index(job->route, guint, i)] += mib;
    }
}

static void carry(World *world, guint link)
{
    gint64 now_ns = world_now(world);
    double seconds = (double)(now_ns - world->carried_since_ns[link]) / (double)NS_PER_S;

    world->carried_mib[link] += world->carries_mib_per_s[link] * seconds;
    world->carried_since_ns[link] = now_ns;
}

void world_net_carry_all(World *world)
{
    for (guint link = 0; link < topology_links(world->topology); link++) {
        carry(world, link);
    }
    for (guint i = 0; i < world->jobs->len; i++) {
        settle(g_ptr_array_index(world->jobs, i));
    }
}

static void on_sent(gpointer data)
{
    DriverJob *job = data;

    job->timer = 0;
    settle(job);
    job->sent_mib += job->left_mib; /* what rounding to whole nanoseconds left */
    job->world->sent_mib += job->left_mib;
    job->left_mib = 0;
    world_note(job->world, "memory arrived", job->vm->name);
    world_job_on_sent(job);
}

static void set_timer(DriverJob *job)
{
    World *world = job->world;
    double wait_ns = job->left_mib > 0 ? ceil(job->left_mib / job->rate_mib_per_s * (double)NS_PER_S) : 0;

    world->clock->cancel(world->clock, job->timer);
    job->timer = 0;
    if (job->left_mib <= 0 || job->rate_mib_per_s > 0) {
        gint64 when_ns = world_now(world) + (gint64)MIN(wait_ns, (double)LONGEST_NS);

        job->timer = clock_virtual_at(world->clock, when_ns, CLOCK_RANK_WORLD, on_sent, job);
    }
}

static void set_rate(DriverJob *job, double rate_mib_per_s)
{
    World *world = job->world;

    settle(job);
    for (guint i = 0; i < job->route->len; i++) {
        guint link = g_array_index(job->route, guint, i);

        carry(world, link);
        world->carries_mib_per_s[link] += rate_mib_per_s - job->rate_mib_per_s;
    }
    job->rate_mib_per_s = rate_mib_per_s;
}

static void reckon(gpointer data)
{
    World *world = data;
    const GArray *changed = flows_update(world->flows);

    world->rates_timer = 0;
    for (guint i = 0; i < changed->len; i++) {
        guint flow = g_array_index(changed, guint, i);
        DriverJob *job = flow < world->by_flow->len ? g_ptr_array_index(world->by_flow, flow) : NULL;

        if (job) {
            set_rate(job, flows_rate(world->flows, flow));
            set_timer(job);
            world_check_rates(world, job);
        }
    }
}

/* Rates will be reckoned at the end of this instant. */
static void change(World *world)
{
    if (!world->rates_timer) {
        world->rates_timer = clock_virtual_at(world->clock, world_now(world), CLOCK_RANK_LAST, reckon, world);
    }
}

/* Its share, or what its relays can do. */
static double limit_of(const DriverJob *job)
{
    return MIN(job->limit_mib_per_s, job->relay.most_mib_per_s);
}

static void begin_flow(DriverJob *job)
{
    World *world = job->world;

    g_array_set_size(job->route, 0);
    topology_route(world->topology, job->source->index, job->destination->index, job->number, job->route);
    job->flow = flows_add(world->flows, &(FlowSpec){.kind = FLOW_ELASTIC,
                                                    .route = (const guint *)(const void *)job->route->data,
                                                    .route_length = job->route->len,
                                                    .weight = 1,
                                                    .limit_mib_per_s = limit_of(job)});
    if (world->by_flow->len <= job->flow) {
        g_ptr_array_set_size(world->by_flow, (gint)job->flow + 1);
    }
    g_ptr_array_index(world->by_flow, job->flow) = job;
    job->since_ns = world_now(world);
    change(world);
}

void world_net_send(DriverJob *job, double mib)
{
    settle(job);
    job->left_mib = mib;
    if (job->flow == WORLD_NONE) {
        begin_flow(job);
    }
    set_timer(job);
}

void world_net_stop(DriverJob *job)
{
    World *world = job->world;

    world->clock->cancel(world->clock, job->timer);
    job->timer = 0;
    if (job->flow != WORLD_NONE) {
        set_rate(job, 0);
        flows_remove(world->flows, job->flow);
        g_ptr_array_index(world->by_flow, job->flow) = NULL;
        job->flow = WORLD_NONE;
        change(world);
    }
}

void world_net_set_limit(DriverJob *job, double limit_mib_per_s)
{
    job->limit_mib_per_s = limit_mib_per_s;
    if (job->flow != WORLD_NONE) {
        flows_set_limit(job->world->flows, job->flow, limit_of(job));
        change(job->world);
    }
}

double world_net_sent_mib(const DriverJob *job)
{
    double seconds = (double)(world_now(job->world) - job->since_ns) / (double)NS_PER_S;

    return job->sent_mib + MIN(job->rate_mib_per_s * seconds, job->left_mib);
}

double world_net_left_mib(const DriverJob *job)
{
    return job->left_mib - (world_net_sent_mib(job) - job->sent_mib);
}

/* ---- links of hosts ---- */

double world_host_link_mib_per_s(const World *world, const WorldHost *host)
{
    g_autoptr(GArray) route = g_array_new(FALSE, FALSE, sizeof(guint));

    if (host->link_mib_per_s > 0 || topology_places(world->topology) < 2) {
        return host->link_mib_per_s;
    }
    topology_route(world->topology, host->index, host->index == 0, 0, route);
    return topology_link_mib_per_s(world->topology, g_array_index(route, guint, 0));
}

static void set_link(World *world, const WorldHost *host, guint link)
{
    double whole = host->link_mib_per_s > 0 ? host->link_mib_per_s : topology_link_mib_per_s(world->topology, link);

    flows_set_capacity(world->flows, link, whole * host->link_left);
}

/* A host's own links are where ways from and to it begin and end; only in a BCube are there several. */
void world_net_set_host_link(World *world, WorldHost *host)
{
    gboolean has_several = topology_kind_of(world->topology) == TOPOLOGY_BCUBE;
    guint places = topology_places(world->topology);
    g_autoptr(GArray) route = g_array_new(FALSE, FALSE, sizeof(guint));
    guint looked = 0;

    for (guint peer = 0; peer < places && (has_several || looked == 0); peer++) {
        if (peer == host->index) {
            continue;
        }
        looked++;
        g_array_set_size(route, 0);
        topology_route(world->topology, host->index, peer, 0, route);
        set_link(world, host, g_array_index(route, guint, 0));
        g_array_set_size(route, 0);
        topology_route(world->topology, peer, host->index, 0, route);
        set_link(world, host, g_array_index(route, guint, route->len - 1));
    }
    change(world);
}

/* ---- VMs that talk ---- */

static void end_talk(World *world, WorldTalk *talk)
{
    for (guint i = 0; i < 2; i++) {
        if (talk->flows[i] != WORLD_NONE) {
            flows_remove(world->flows, talk->flows[i]);
            talk->flows[i] = WORLD_NONE;
            change(world);
        }
    }
}

static void begin_talk(World *world, WorldTalk *talk)
{
    guint hosts[2] = {world_vm_host(world, talk->vms[0]), world_vm_host(world, talk->vms[1])};
    g_autoptr(GArray) route = g_array_new(FALSE, FALSE, sizeof(guint));

    if (hosts[0] == hosts[1] || hosts[0] == WORLD_NONE || hosts[1] == WORLD_NONE) {
        return;
    }
    for (guint i = 0; i < 2; i++) {
        g_array_set_size(route, 0);
        topology_route(world->topology, hosts[i], hosts[1 - i], talk->vms[i], route);
        talk->flows[i] = flows_add(world->flows, &(FlowSpec){.kind = FLOW_CONSTANT,
                                                             .route = (const guint *)(const void *)route->data,
                                                             .route_length = route->len,
                                                             .weight = 1,
                                                             .limit_mib_per_s = talk->mib_per_s / 2});
        if (world->by_flow->len <= talk->flows[i]) {
            g_ptr_array_set_size(world->by_flow, (gint)talk->flows[i] + 1);
        }
        g_ptr_array_index(world->by_flow, talk->flows[i]) = NULL;
    }
    change(world);
}

void world_net_move_talks(World *world, const WorldVm *vm)
{
    for (guint i = 0; i < vm->talks->len; i++) {
        WorldTalk *talk = &g_array_index(world->talks, WorldTalk, g_array_index(vm->talks, guint, i));

        end_talk(world, talk);
        begin_talk(world, talk);
    }
}
