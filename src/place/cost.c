/* SPDX-License-Identifier: Apache-2.0
 *
 * What moving costs; see cost.h.
 *
 * Equations 1 to 5 are in model/passes.h.  With the seed's two terms the cost of a group does not depend on where its
 * VMs go; the third term, communication, is what makes the choice of destinations matter (VMMAGS 2017). */
#include "place/cost.h"

#include <math.h>

static double bandwidth_of(const PlaceProblem *problem, const PlaceOptions *options, guint host)
{
    double own = problem->hosts[host].link_mib_per_s;

    return own > 0 ? own : options->bandwidth_mib_per_s;
}

PassesCost place_cost_of(const PlaceProblem *problem, const PlaceOptions *options, guint vm, guint sharers)
{
    const PlaceVm *row = &problem->vms[vm];
    PassesVm mover = {
        .memory_mib = row->memory_mib,
        .dirty_mib_per_s = row->dirty_mib_per_s,
        .working_set_mib = row->working_set_mib,
        .bandwidth_mib_per_s = bandwidth_of(problem, options, row->host) / MAX(sharers, 1),
    };
    PassesCost cost;

    if (options->is_closed_form && passes_closed_form(&mover, &options->passes, &cost, NULL)) {
        return cost;
    }
    return passes_run(&mover, &options->passes);
}

PlaceCosts *place_costs_new(const PlaceProblem *problem, const PlaceOptions *options)
{
    PlaceCosts *costs = g_new0(PlaceCosts, 1);

    costs->migration_s = g_new(double, problem->vms_length + 1);
    costs->downtime_s = g_new(double, problem->vms_length + 1);
    costs->sent_mib = g_new(double, problem->vms_length + 1);
    for (guint v = 0; v < problem->vms_length; v++) {
        PassesCost cost = place_cost_of(problem, options, v, 1);

        costs->migration_s[v] = cost.total_s;
        costs->downtime_s[v] = cost.downtime_s;
        costs->sent_mib[v] = cost.sent_mib;
    }
    costs->farthest = place_farthest(problem);
    return costs;
}

void place_costs_free(PlaceCosts *costs)
{
    if (!costs) {
        return;
    }
    g_free(costs->migration_s);
    g_free(costs->downtime_s);
    g_free(costs->sent_mib);
    g_free(costs);
}

/* All places of a regular topology are alike, so what is farthest from the first is as far as it gets. */
guint place_farthest(const PlaceProblem *problem)
{
    guint farthest = 0;
    guint places;
    guint origins;

    if (!problem->topology) {
        return problem->hosts_length > 1 ? 2 : 0;
    }
    places = topology_places(problem->topology);
    origins = topology_kind_of(problem->topology) == TOPOLOGY_GRAPH ? places : MIN(places, 1);
    for (guint a = 0; a < origins; a++) {
        for (guint b = a + 1; b < places; b++) {
            farthest = MAX(farthest, topology_distance(problem->topology, a, b));
        }
    }
    return farthest;
}

PlaceRaw place_reference_of(const PlaceProblem *problem, const PlaceCosts *costs, const guint *vms, guint vms_length)
{
    const Traffic *traffic = problem->traffic;
    PlaceRaw raw = {0};

    for (guint i = 0; i < vms_length; i++) {
        guint v = vms[i];

        raw.migration_s += costs->migration_s[v];
        raw.energy += problem->vms[v].mean_load;
        for (guint e = traffic ? traffic->first[v] : 0; traffic && e < traffic->first[v + 1]; e++) {
            gboolean is_twice = problem->vms[traffic->peer[e]].host == problem->vms[v].host;

            raw.communication += traffic->mib_per_s[e] * costs->farthest * (is_twice ? 0.5 : 1);
        }
    }
    return raw;
}

PlaceRaw place_reference(const PlaceState *state, const PlaceCosts *costs, guint source)
{
    guint first = state->first_vm[source];

    return place_reference_of(state->problem, costs, state->vm_at + first, state->first_vm[source + 1] - first);
}

static double share_of(double value, double reference)
{
    return reference > 0 ? value / reference : value;
}

double place_integrate(const PlaceOptions *options, const PlaceRaw *raw, const PlaceRaw *reference)
{
    double migration = share_of(raw->migration_s, reference->migration_s);
    double energy = share_of(raw->energy, reference->energy);

    if (options->objective == OBJECTIVE_SEED) {
        return options->gamma * migration + (1 - options->gamma) * energy;
    }
    return options->weights[0] * migration + options->weights[1] * energy +
           options->weights[2] * share_of(raw->communication, reference->communication);
}
