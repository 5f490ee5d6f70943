/* SPDX-License-Identifier: Apache-2.0
 *
 * The placer "pack": hosts of a fleet are emptied by few moves (pack-moves.h); CONSOLIDATE only. */
#include "place/pack-moves.h"

/* "h3 is emptied: 2 VMs, 8192 MiB; h1 memory 0.50 -> 0.75", or for a VM of a host that stays "makes room on h1; ..." */
static char *explain(const PlaceProblem *problem, const PackMoves *moves, const gboolean *is_emptied, const double *load,
                     guint vm)
{
    const PlaceVm *row = &problem->vms[vm];
    const PlaceHost *from = &problem->hosts[row->host];
    const PlaceHost *to = &problem->hosts[moves->host_of[vm]];
    double before = load[moves->host_of[vm]] / to->capacity[RESOURCE_MEMORY];
    double after = before + row->demand[RESOURCE_MEMORY] / to->capacity[RESOURCE_MEMORY];

    return is_emptied[row->host]
               ? g_strdup_printf("%s is emptied; %s memory %.2f -> %.2f", from->name, to->name, before, after)
               : g_strdup_printf("makes room on %s, so that one host more is emptied; %s memory %.2f -> %.2f",
                                 from->name, to->name, before, after);
}

static void write_moves(const PlaceProblem *problem, const PackMoves *moves, PlaceResult *result)
{
    g_autofree gboolean *is_emptied = g_new0(gboolean, problem->hosts_length + 1);
    g_autofree double *load = g_new0(double, problem->hosts_length + 1);
    g_autofree guint *group_of = g_new(guint, problem->hosts_length + 1);
    guint groups = 0;

    for (guint h = 0; h < problem->hosts_length; h++) {
        load[h] = problem->hosts[h].base_demand[RESOURCE_MEMORY];
        group_of[h] = PLACE_NOWHERE;
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        load[problem->vms[v].host] += problem->vms[v].demand[RESOURCE_MEMORY];
    }
    for (guint i = 0; i < moves->emptied_length; i++) {
        is_emptied[moves->emptied[i]] = TRUE;
    }
    for (guint i = 0; i < moves->order_length; i++) {
        guint vm = moves->order[i];
        guint source = problem->vms[vm].host;

        group_of[source] = group_of[source] == PLACE_NOWHERE ? groups++ : group_of[source];
        place_result_add_move(result, problem, vm, moves->host_of[vm], group_of[source], moves->host_of[vm],
                              explain(problem, moves, is_emptied, load, vm));
        load[source] -= problem->vms[vm].demand[RESOURCE_MEMORY];
        load[moves->host_of[vm]] += problem->vms[vm].demand[RESOURCE_MEMORY];
    }
}

static gboolean pack_place(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                           PlaceResult *result, GError **error)
{
    g_autoptr(PackMoves) moves = pack_moves_new(problem, options);

    write_moves(problem, moves, result);
    return TRUE;
}

const Grouping PLACER_PACK = {
    .name = "pack",
    .summary = "empties the most hosts, whole ones only, with the fewest MiB moved",
    .tasks = 1u << PLACE_CONSOLIDATE,
    .place = pack_place,
};
