/* SPDX-License-Identifier: Apache-2.0
 *
 * The exact reference as a placer: for small cases, and for measuring others.
 *
 * Each overloaded host is relieved at the least cost that there is, the most overloaded first, with all hosts that may
 * receive as destinations.  Exact for one overloaded host; for several, each is exact after those before it. */
#include "place/exact.h"

static guint next_source(const PlaceState *state, const gboolean *is_done)
{
    guint next = PLACE_NOWHERE;

    for (guint h = 0; h < state->problem->hosts_length; h++) {
        if (state->problem->hosts[h].is_source && !is_done[h] && place_state_is_overloaded(state, h) &&
            (next == PLACE_NOWHERE || place_state_highest(state, h) > place_state_highest(state, next))) {
            next = h;
        }
    }
    return next;
}

static gboolean relieve(ReliefWorld *world, guint source, guint group, PlaceResult *result, GError **error)
{
    const PlaceProblem *problem = world->problem;
    g_autofree guint *hosts = g_new(guint, problem->hosts_length + 1);
    guint hosts_length = exact_destinations(problem, source, hosts);
    double before = place_state_highest(world->state, source);
    ExactAnswer answer;

    if (!exact_relieve(world, source, hosts, hosts_length, &answer, error)) {
        return FALSE;
    }
    for (guint i = 0; i < answer.length; i++) {
        place_state_move(world->state, answer.vms[i], answer.to[i]);
    }
    for (guint i = 0; i < answer.length; i++) {
        char *why = g_strdup_printf("%s %.2f > %.2f, %.2f after %u VMs left; of all plans with its %u possible "
                                    "destinations none costs less than %.4f",
                                    problem->hosts[source].name, before, world->options->safe_high,
                                    place_state_highest(world->state, source), answer.length, hosts_length, answer.cost);

        place_result_add_move(result, problem, answer.vms[i], answer.to[i], group, i, why);
    }
    if (!answer.length) {
        PlaceReason reason = {PLACE_NOWHERE, source,
                              g_strdup_printf("%s stays at %.2f > %.2f: no choice of VMs and destinations brings it below",
                                              problem->hosts[source].name, before, world->options->safe_high)};

        g_array_append_val(result->reasons, reason);
        g_array_append_val(result->left_over, source);
    }
    exact_answer_clear(&answer);
    return TRUE;
}

static gboolean place(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                      PlaceResult *result, GError **error)
{
    g_autoptr(ReliefWorld) world = relief_world_new(problem, options);
    g_autofree gboolean *is_done = g_new0(gboolean, problem->hosts_length + 1);
    guint source;

    for (guint group = 0; (source = next_source(world->state, is_done)) != PLACE_NOWHERE; group++) {
        is_done[source] = TRUE;
        if (!relieve(world, source, group, result, error)) {
            return FALSE;
        }
    }
    return TRUE;
}

const Grouping PLACER_EXACT = {
    .name = "exact",
    .summary = "the cheapest plan that exists, for hosts with up to 22 VMs that may leave; for measuring others",
    .tasks = 1u << PLACE_RELIEVE,
    .place = place,
};
