/* SPDX-License-Identifier: Apache-2.0
 *
 * Decisions become moves, with what there is to say about them; see fleet.h.
 *
 * Texts are made here only, for moves that are kept: while searching there are none. */
#include "place/fleet.h"

static double talk_within(const Traffic *traffic, const guint *block, guint block_length)
{
    double sum = 0;

    for (guint i = 0; traffic && i < block_length; i++) {
        for (guint j = i + 1; j < block_length; j++) {
            sum += traffic_between(traffic, block[i], block[j]);
        }
    }
    return sum;
}

/* MiB/s between the block and VMs that are on 'host' in the end. */
static double talk_with(const Fleet *fleet, const guint *block, guint block_length, guint host)
{
    const Traffic *traffic = fleet->problem->traffic;
    double sum = 0;

    for (guint i = 0; traffic && i < block_length; i++) {
        for (guint e = traffic->first[block[i]]; e < traffic->first[block[i] + 1]; e++) {
            sum += fleet->world->state->host_of[traffic->peer[e]] == host ? traffic->mib_per_s[e] : 0;
        }
    }
    return sum;
}

static void append_names(GString *text, const PlaceProblem *problem, const guint *block, guint block_length)
{
    for (guint i = 0; i < block_length && i < 4; i++) {
        g_string_append_printf(text, "%s%s", i ? ", " : "", problem->vms[block[i]].name);
    }
    if (block_length > 4) {
        g_string_append_printf(text, " and %u more", block_length - 4);
    }
}

static const char *resource_word(Resource resource)
{
    return resource == RESOURCE_CPU ? "CPU" : "memory";
}

/* What made them leave. */
static void append_cause(GString *text, const Fleet *fleet, const FleetDecision *decision)
{
    const PlaceHost *host = &fleet->problem->hosts[decision->source];
    double after = place_state_utilisation(fleet->world->state, decision->source, decision->resource);

    if (fleet->task->kind == PLACE_EVACUATE) {
        g_string_append_printf(text, "has to leave %s; ", host->name);
        return;
    }
    g_string_append_printf(text, "%s %s %.2f > %.2f, %.2f without ", host->name, resource_word(decision->resource),
                           decision->highest, fleet->options->safe_high, after);
    append_names(text, fleet->problem, decision->vms, decision->length);
    if (decision->level == RELIEF_BELOW) {
        g_string_append(text, " (no group leaves it within the safe range and connected)");
    } else if (decision->level == RELIEF_SOME) {
        g_string_append(text, " (more cannot leave)");
    }
    g_string_append(text, "; ");
}

char *fleet_why(const Fleet *fleet, const FleetDecision *decision, const guint *block, guint block_length,
                guint destination)
{
    const PlaceProblem *problem = fleet->problem;
    const PlaceHost *there = &problem->hosts[destination];
    g_autoptr(GString) text = g_string_new(NULL);
    double within = talk_within(problem->traffic, block, block_length);
    double here = talk_with(fleet, block, block_length, destination) - 2 * within;
    double behind = talk_with(fleet, block, block_length, decision->source);

    append_cause(text, fleet, decision);
    if (within > 0) {
        append_names(text, problem, block, block_length);
        g_string_append_printf(text, " stay together (%.1f MiB/s); ", within);
    }
    g_string_append_printf(text, "%s is %u links away, %.2f full then", there->name,
                           place_distance(problem, decision->source, destination),
                           place_state_highest(fleet->world->state, destination));
    if (here > 0) {
        g_string_append_printf(text, ", %.1f MiB/s stay on that host", here);
    }
    if (behind > 0) {
        g_string_append_printf(text, ", %.1f MiB/s go back to %s", behind, problem->hosts[decision->source].name);
    }
    if (decision->is_proven) {
        g_string_append_printf(text, "; the cheapest plan among %u hosts", decision->candidates);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Rows of VMs of a decision that go to one host and are connected among themselves, as one block; 'block_of' gets the
 * number of each.  With parallel transfers every VM is a block: nothing is gained by sharing the link. */
static guint find_blocks(const Fleet *fleet, const FleetDecision *decision, guint *block_of)
{
    const Traffic *traffic = fleet->problem->traffic;
    gboolean is_parallel = fleet->options->transfer == TRANSFER_PARALLEL;
    g_autofree guint *queue = g_new(guint, decision->length + 1);
    guint blocks = 0;

    for (guint i = 0; i < decision->length; i++) {
        block_of[i] = PLACE_NOWHERE;
    }
    for (guint i = 0; i < decision->length; i++) {
        guint length = 0;

        if (block_of[i] != PLACE_NOWHERE) {
            continue;
        }
        queue[length++] = i;
        block_of[i] = blocks++;
        for (guint at = 0; at < length && traffic && !is_parallel; at++) {
            for (guint j = 0; j < decision->length; j++) {
                if (block_of[j] == PLACE_NOWHERE && decision->to[j] == decision->to[i] &&
                    traffic_between(traffic, decision->vms[queue[at]], decision->vms[j]) > 0) {
                    block_of[j] = block_of[i];
                    queue[length++] = j;
                }
            }
        }
    }
    return blocks;
}

static void add_moves(const Fleet *fleet, const FleetDecision *decision, guint group, PlaceResult *result)
{
    g_autofree guint *block_of = g_new(guint, decision->length + 1);
    g_autofree guint *block = g_new(guint, decision->length + 1);
    guint blocks = find_blocks(fleet, decision, block_of);

    for (guint b = 0; b < blocks; b++) {
        g_autofree char *why = NULL;
        guint destination = PLACE_NOWHERE;
        guint length = 0;

        for (guint i = 0; i < decision->length; i++) {
            if (block_of[i] == b) {
                block[length++] = decision->vms[i];
                destination = decision->to[i];
            }
        }
        why = fleet_why(fleet, decision, block, length, destination);
        for (guint i = 0; i < length; i++) {
            place_result_add_move(result, fleet->problem, block[i], destination, group, b, g_strdup(why));
        }
    }
}

static void add_reason(PlaceResult *result, guint vm, guint host, char *what)
{
    PlaceReason reason = {vm, host, what};

    g_array_append_val(result->reasons, reason);
}

static void explain_above(const Fleet *fleet, const FleetDecision *decision, PlaceResult *result)
{
    const PlaceState *state = fleet->world->state;
    guint source = decision->source;
    guint movable = 0;

    for (guint i = state->first_vm[source]; i < state->first_vm[source + 1]; i++) {
        movable += state->host_of[state->vm_at[i]] == source && !fleet->problem->vms[state->vm_at[i]].is_pinned;
    }
    g_array_append_val(result->left_over, source);
    add_reason(result, PLACE_NOWHERE, source,
               movable ? g_strdup_printf("%s stays at %s %.2f > %.2f: none of %u hosts looked at has room, or may take, "
                                         "one of the %u VMs that could still leave; add a host, or allow more per host",
                                         fleet->problem->hosts[source].name, resource_word(decision->resource),
                                         place_state_utilisation(state, source, decision->resource),
                                         fleet->options->safe_high, decision->candidates, movable)
                       : g_strdup_printf("%s stays at %s %.2f > %.2f: no VM there may be moved; let one go",
                                         fleet->problem->hosts[source].name, resource_word(decision->resource),
                                         place_state_utilisation(state, source, decision->resource),
                                         fleet->options->safe_high));
}

static void explain_stranded(const Fleet *fleet, guint vm, PlaceResult *result)
{
    const PlaceVm *row = &fleet->problem->vms[vm];

    g_array_append_val(result->left_over, vm);
    add_reason(result, vm, row->host,
               row->is_pinned ? g_strdup_printf("%s is pinned (%s)", row->name,
                                                row->pinned_why ? row->pinned_why : "by the operator")
                              : g_strdup_printf("%s finds no host with %.1f cores and %.0f MiB to spare below %.2f that "
                                                "its rules allow",
                                                row->name, row->demand[RESOURCE_CPU], row->demand[RESOURCE_MEMORY],
                                                fleet->options->safe_high));
}

void fleet_finish(Fleet *fleet, PlaceResult *result)
{
    const PlaceState *state = fleet->world->state;

    for (guint i = 0; i < fleet->decisions->len; i++) {
        const FleetDecision *decision = &g_array_index(fleet->decisions, FleetDecision, i);

        add_moves(fleet, decision, i, result);
        if (fleet->task->kind == PLACE_RELIEVE && place_state_is_overloaded(state, decision->source)) {
            explain_above(fleet, decision, result);
        }
    }
    for (guint i = 0; fleet->task->kind == PLACE_EVACUATE && i < fleet->task->movers_length; i++) {
        guint vm = fleet->task->movers[i];

        if (state->host_of[vm] == fleet->problem->vms[vm].host) {
            explain_stranded(fleet, vm, result);
        }
    }
}
