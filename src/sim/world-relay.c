/* SPDX-License-Identifier: Apache-2.0
 *
 * A migration of the world that goes through relays: what its passes cost on the wire, and when the guest may stop.
 *
 * Theory of operation.  A pass is priced before it is sent, by model/relay-passes.h: the first one compressed, later
 * ones by the bytes that changed inside their pages, however often each was written meanwhile.  What encoder and
 * destination can do at most is a limit of the job's flow, beside its share of the link, so that a pass with little
 * to send is no shorter than the comparing of its pages.
 *
 * Nothing else is simulated: at the end of each pass the relay's governor (wire/governor.h, the one of real relays)
 * is given the numbers, and its verdict goes the way it goes on real hosts: sim/relay-sim.c tells the gang, the gang
 * scales the downtime limit, and that times the bandwidth told at the start is what may be left for the guest to be
 * stopped. */
#include "sim/world-private.h"

#include <math.h>

#define RECORD_SHARE (4104.0 / 4096.0) /* QEMU's stream per byte of page */

static double kept_share(const DriverJob *job, guint64 memory_bytes)
{
    double room_mib = (double)memory_bytes / (double)MIB - job->world->rules.relay_index_share * job->vm->used_mib;
    double needed_mib = MIN(job->vm->load.write_set_mib, job->vm->used_mib);

    return memory_bytes && needed_mib > 0 ? CLAMP(room_mib / needed_mib, 0, 1) : 1;
}

static double link_mib_per_s(const DriverJob *job)
{
    double one = world_host_link_mib_per_s(job->world, job->source);
    double other = world_host_link_mib_per_s(job->world, job->destination);

    return MIN(job->limit_mib_per_s, MIN(one, other));
}

void world_relay_begin(DriverJob *job, const MigrationRequest *request)
{
    WorldRelay *relay = &job->relay;

    relay->most_mib_per_s = INFINITY;
    if (!request->relay_socket) {
        return;
    }
    relay->is_on = TRUE;
    relay->pair = job->vm->relay_pair;
    relay->costs = job->world->rules.relay;
    relay->costs.kept_share = kept_share(job, request->step->choice->relay_memory_bytes);
    relay->switchover_mib_per_s = (double)request->switchover_bytes_per_s / (double)MIB;
    governor_init(&relay->governor,
                  &(GovernorConfig){.downtime_limit_s = (double)job->downtime_limit_ns / (double)NS_PER_S,
                                    .fixed_s = (double)job->world->rules.resume_ns / (double)NS_PER_S,
                                    .link_bytes_per_s = link_mib_per_s(job) * (double)MIB});
    relay->verdict = governor_judge(&relay->governor);
    relay->share = relay->costs.first_share;
}

void world_relay_price(DriverJob *job, double pages_mib, double written_mib)
{
    WorldRelay *relay = &job->relay;
    double relay_mib_per_s = relay->costs.first_mib_per_s;

    if (!relay->is_on) {
        return;
    }
    relay->stream_mib = world_relay_stream_mib(job);
    relay->sending_mib = pages_mib;
    relay->share = relay->costs.first_share;
    if (job->passes.passes_done > 0 && pages_mib > 0) {
        relay->share = relay_again_wire_mib(&relay->costs, job->vm->load.dirty_bytes_per_page, pages_mib,
                                            MAX(written_mib, pages_mib)) /
                       pages_mib;
        relay_mib_per_s = relay->costs.again_mib_per_s;
    }
    relay->most_mib_per_s = relay_mib_per_s * relay->share;
    world_net_set_limit(job, job->limit_mib_per_s);
}

void world_relay_pass_ends(DriverJob *job, double seconds)
{
    WorldRelay *relay = &job->relay;
    double pages_mib = job->passes.pass_mib;
    double wire_bytes = pages_mib * relay->share * (double)MIB;
    gboolean is_resent = job->passes.passes_done > 0;
    GovernorPass pass = {.pages = (guint64)(pages_mib / PAGE_MIB),
                         .stream_bytes = (guint64)(pages_mib * RECORD_SHARE * (double)MIB),
                         .wire_bytes = (guint64)wire_bytes,
                         .seconds = seconds};

    if (!relay->is_on) {
        return;
    }
    if (is_resent) {
        pass.pages_resent = pass.pages;
        pass.resent_stream_bytes = pass.stream_bytes;
        pass.resent_wire_bytes = pass.wire_bytes;
        pass.dirty_bytes = (guint64)MAX(wire_bytes - (double)pass.pages * relay->costs.header_bytes, 0);
    }
    relay->governor.config.link_bytes_per_s = link_mib_per_s(job) * (double)MIB; /* its share may have changed */
    governor_link(&relay->governor, job->rate_mib_per_s * (double)MIB,
                  (double)job->world->rules.round_trip_ns / (double)NS_PER_S);
    governor_pass(&relay->governor, &pass);
    relay->verdict = governor_judge(&relay->governor);
}

double world_relay_threshold_mib(const DriverJob *job)
{
    return job->relay.switchover_mib_per_s * ((double)job->downtime_limit_ns / (double)NS_PER_S);
}

void world_relay_figures(const DriverJob *job, RelayFigures *figures)
{
    const WorldRelay *relay = &job->relay;
    const GovernorVerdict *verdict = &relay->verdict;

    relay_figures_init(figures);
    figures->is_known = TRUE;
    g_strlcpy(figures->state,
              job->is_postcopy             ? "postcopy"
              : job->stage >= STAGE_SWITCH ? "switchover"
              : job->stage == STAGE_PASS   ? "live"
                                           : "setup",
              sizeof(figures->state));
    figures->wire_bytes = (guint64)(world_net_sent_mib(job) * (double)MIB);
    figures->stream_bytes = (guint64)(world_relay_stream_mib(job) * (double)MIB);
    figures->working_set_bytes = verdict->working_set_bytes;
    figures->expected_downtime_ms = verdict->expected_downtime_s * 1e3;
    figures->link_bytes_per_s = relay->governor.config.link_bytes_per_s;
    figures->switchover_bytes_per_s = verdict->switchover_bytes_per_s > 0 ? verdict->switchover_bytes_per_s : NAN;
}

double world_relay_stream_mib(const DriverJob *job)
{
    const WorldRelay *relay = &job->relay;
    double sent_mib =
        job->stage >= STAGE_PASS && relay->share > 0 ? relay->sending_mib - world_net_left_mib(job) / relay->share : 0;

    return relay->stream_mib + MAX(sent_mib, 0) * RECORD_SHARE;
}
