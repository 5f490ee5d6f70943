/* SPDX-License-Identifier: Apache-2.0
 *
 * What a placement costs, move by move; see fitness.h. */
#include "place/fitness.h"

Fitness *fitness_new(PlaceState *state, const PlaceCosts *costs)
{
    const PlaceProblem *problem = state->problem;
    Fitness *fitness = g_new0(Fitness, 1);
    g_autofree PlaceRaw *references = g_new0(PlaceRaw, problem->hosts_length + 1);

    fitness->state = state;
    fitness->fixed = g_new(double, problem->vms_length + 1);
    fitness->per_mib_link = g_new0(double, problem->hosts_length + 1);
    for (guint h = 0; h < problem->hosts_length; h++) {
        PlaceRaw one = {.communication = 1};

        references[h] = place_reference(state, costs, h);
        fitness->per_mib_link[h] = place_integrate(state->options, &one, &references[h]);
        fitness->has_traffic |= problem->traffic && fitness->per_mib_link[h] > 0;
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        PlaceRaw raw = {.migration_s = costs->migration_s[v], .energy = problem->vms[v].mean_load};

        fitness->fixed[v] = place_integrate(state->options, &raw, &references[problem->vms[v].host]);
    }
    return fitness;
}

void fitness_free(Fitness *fitness)
{
    if (fitness) {
        g_free(fitness->fixed);
        g_free(fitness->per_mib_link);
        g_free(fitness);
    }
}

static guint where(const PlaceState *state, guint vm)
{
    return state->host_of[vm] != PLACE_NOWHERE ? state->host_of[vm] : state->problem->vms[vm].host;
}

/* What 1 MiB/s times a link costs on an edge between VMs that run on 'home_a' and 'home_b'. */
static double edge_price(const Fitness *fitness, guint home_a, gboolean a_moved, guint home_b, gboolean b_moved)
{
    const double *price = fitness->per_mib_link;

    if (a_moved && b_moved && home_a != home_b) {
        return price[home_a] + price[home_b];
    }
    return a_moved ? price[home_a] : b_moved ? price[home_b] : 0;
}

static double traffic_change(const Fitness *fitness, guint vm, guint from, guint to)
{
    const PlaceState *state = fitness->state;
    const PlaceProblem *problem = state->problem;
    const Traffic *traffic = problem->traffic;
    guint home = problem->vms[vm].host;
    double change = 0;

    for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
        guint peer = traffic->peer[e];
        guint there = where(state, peer);
        guint peer_home = problem->vms[peer].host;
        gboolean peer_moved = there != peer_home;
        double before = edge_price(fitness, home, from != home, peer_home, peer_moved);
        double after = edge_price(fitness, home, to != home, peer_home, peer_moved);

        if (before > 0) {
            change -= before * traffic->mib_per_s[e] * place_distance(problem, from, there);
        }
        if (after > 0) {
            change += after * traffic->mib_per_s[e] * place_distance(problem, to, there);
        }
    }
    return change;
}

double fitness_change(const Fitness *fitness, guint vm, guint host)
{
    guint home = fitness->state->problem->vms[vm].host;
    guint from = where(fitness->state, vm);
    guint to = host != PLACE_NOWHERE ? host : home;
    double change = 0;

    if (from == to) {
        return 0;
    }
    if (from == home) {
        change += fitness->fixed[vm];
    } else if (to == home) {
        change -= fitness->fixed[vm];
    }
    return fitness->has_traffic ? change + traffic_change(fitness, vm, from, to) : change;
}

double fitness_shift(Fitness *fitness, guint vm, guint host)
{
    double change = fitness_change(fitness, vm, host);

    place_state_move(fitness->state, vm, host);
    return change;
}

/* The edges of 'vm' to VMs after it. */
static double traffic_of(const Fitness *fitness, guint vm)
{
    const PlaceState *state = fitness->state;
    const PlaceProblem *problem = state->problem;
    const Traffic *traffic = problem->traffic;
    guint here = where(state, vm);
    guint home = problem->vms[vm].host;
    double sum = 0;

    for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
        guint peer = traffic->peer[e];
        guint there = where(state, peer);
        guint peer_home = problem->vms[peer].host;

        if (peer > vm) {
            sum += edge_price(fitness, home, here != home, peer_home, there != peer_home) * traffic->mib_per_s[e] *
                   place_distance(problem, here, there);
        }
    }
    return sum;
}

double fitness_total(const Fitness *fitness)
{
    const PlaceProblem *problem = fitness->state->problem;
    double sum = 0;

    for (guint v = 0; v < problem->vms_length; v++) {
        sum += where(fitness->state, v) != problem->vms[v].host ? fitness->fixed[v] : 0;
        sum += fitness->has_traffic ? traffic_of(fitness, v) : 0;
    }
    return sum;
}

double fitness_excess(const PlaceState *state, guint host)
{
    return place_state_is_overloaded(state, host) ? place_state_highest(state, host) - state->options->safe_high : 0;
}
