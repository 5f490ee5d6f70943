/* SPDX-License-Identifier: Apache-2.0
 *
 * Our own placer, the default: group and destinations of every source by search (fleet.h), for fleets of any size.
 *
 * Never worse than GBM-VMM in the integrated objective: where GBM-VMM is affordable it is asked too, its answer is
 * refined in the same way, and the better of the two is taken.  How often that is needed, and what it costs, is in
 * docs/decisions/0011-our-placer.md.  NORM_MINMAX depends on which candidates somebody happened to look at, so this placer
 * always divides by the reference (NORM_REF). */
#include "place/fleet.h"
#include "place/grouping-parts.h"
#include "place/pack-moves.h"
#include "place/spread.h"

#include <math.h>

#define REFINE_FEW   4    /* rounds */
#define REFINE_MANY  1
#define SOURCES_MANY 256
#define GBM_GROUPS   262144 /* GBM-VMM is asked when it has no more groups than that to look at, over all hosts .. */
#define GBM_VMS      16     /* .. and none has more VMs */

static PlaceResult *finish(Fleet *fleet)
{
    PlaceResult *result = place_result_new();

    fleet_fewest(fleet, fleet->options->fewest_within);
    fleet_finish(fleet, result);
    grouping_totals(fleet->problem, fleet->options, result);
    return result;
}

static guint refine_rounds(const Fleet *fleet)
{
    if (fleet->sources == 1) {
        return 0; /* nobody else to take into account */
    }
    return fleet->sources > SOURCES_MANY ? REFINE_MANY : REFINE_FEW;
}

static gboolean is_gbm_affordable(const Fleet *fleet)
{
    const PlaceState *state = fleet->world->state;
    double groups = 0;

    for (guint i = 0; i < fleet->sources; i++) {
        guint host = fleet->source_at[i];
        guint vms = state->first_vm[host + 1] - state->first_vm[host];

        groups += vms > GBM_VMS ? INFINITY : exp2(MIN(vms, fleet->options->exact_vms));
    }
    return groups <= GBM_GROUPS;
}

/* What GBM-VMM would do, refined; NULL when it does not apply. */
static PlaceResult *ask_gbm(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options)
{
    const Grouping *gbm = grouping_find("gbm", NULL);
    g_autoptr(PlaceResult) answer = place_result_new();
    g_autoptr(Fleet) fleet = NULL;

    if (!gbm || !(gbm->tasks & (1u << task->kind)) || !gbm->place(problem, task, options, answer, NULL)) {
        return NULL;
    }
    fleet = fleet_new(problem, task, options);
    fleet->is_cost_first = TRUE;
    fleet_take(fleet, answer);
    fleet_refine(fleet, MAX(refine_rounds(fleet), 1));
    return finish(fleet);
}

static gboolean is_better(const PlaceTask *task, const PlaceOptions *options, const PlaceResult *a, const PlaceResult *b)
{
    double cheaper = MIN(a->totals.integrated, b->totals.integrated);
    double allowed = cheaper + options->fewest_within * fabs(cheaper);

    if (task->kind == PLACE_EVACUATE && a->left_over->len != b->left_over->len) {
        return a->left_over->len < b->left_over->len;
    }
    if (a->totals.overloaded_after != b->totals.overloaded_after) {
        return a->totals.overloaded_after < b->totals.overloaded_after;
    }
    if (a->moves->len != b->moves->len && MAX(a->totals.integrated, b->totals.integrated) <= allowed) {
        return a->moves->len < b->moves->len;
    }
    return a->totals.integrated < b->totals.integrated;
}

static void give(PlaceResult *from, PlaceResult *result)
{
    for (guint i = 0; i < from->moves->len; i++) {
        PlaceMove *move = &g_array_index(from->moves, PlaceMove, i);

        g_array_append_val(result->moves, *move);
        move->why = NULL; /* it has another owner now */
    }
    for (guint i = 0; i < from->reasons->len; i++) {
        PlaceReason *reason = &g_array_index(from->reasons, PlaceReason, i);

        g_array_append_val(result->reasons, *reason);
        reason->what = NULL;
    }
    g_array_append_vals(result->left_over, from->left_over->data, from->left_over->len);
}

/* Emptying hosts is packing with few moves: pack-moves.h. */
static void consolidate(const PlaceProblem *problem, const PlaceOptions *options, PlaceResult *result)
{
    g_autoptr(PackMoves) found = pack_moves_new(problem, options);
    g_autofree guint *group_of = g_new(guint, problem->hosts_length + 1); /* hosts that are emptied; then all others */

    for (guint h = 0; h < problem->hosts_length; h++) {
        group_of[h] = found->emptied_length;
    }
    for (guint i = 0; i < found->emptied_length; i++) {
        group_of[found->emptied[i]] = i;
    }
    for (guint i = 0; i < found->order_length; i++) {
        guint vm = found->order[i];
        guint source = problem->vms[vm].host;
        const char *name = problem->hosts[source].name;
        const char *there = problem->hosts[found->host_of[vm]].name;
        char *why = group_of[source] < found->emptied_length
                        ? g_strdup_printf("%s is emptied, one of %u of %u hosts; %s takes it within %.2f", name,
                                          found->emptied_length, found->used, there, options->safe_high)
                        : g_strdup_printf("makes room on %s for a VM of a host that is emptied; %s takes it", name, there);

        place_result_add_move(result, problem, vm, found->host_of[vm], group_of[source], i, why);
    }
}

static gboolean place(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                      PlaceResult *result, GError **error)
{
    PlaceOptions own = *options;
    g_autoptr(Fleet) fleet = NULL;
    g_autoptr(PlaceResult) best = NULL;

    if (task->kind == PLACE_CONSOLIDATE) {
        consolidate(problem, options, result);
        return TRUE;
    }
    own.norm = NORM_REF;
    fleet = fleet_new(problem, task, &own);
    fleet_decide(fleet);
    fleet_refine(fleet, refine_rounds(fleet));
    if (is_gbm_affordable(fleet)) {
        g_autoptr(PlaceResult) other = ask_gbm(problem, task, &own);

        best = finish(fleet);
        if (other && is_better(task, &own, other, best)) {
            place_result_free(g_steal_pointer(&best));
            best = g_steal_pointer(&other);
        }
        give(best, result);
    } else {
        fleet_fewest(fleet, own.fewest_within);
        fleet_finish(fleet, result);
    }
    if (task->kind == PLACE_EVACUATE) {
        place_spread(problem, &own, result);
    }
    return TRUE;
}

const Grouping PLACER_GODWIT = {
    .name = "godwit",
    .summary = "own search: group and destinations together; any size of fleet; default",
    .tasks = 1u << PLACE_RELIEVE | 1u << PLACE_EVACUATE | 1u << PLACE_CONSOLIDATE,
    .place = place,
};
