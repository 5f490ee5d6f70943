/* SPDX-License-Identifier: Apache-2.0
 *
 * Which destinations are worth looking at for one source host; see fleet.h. */
#include "place/fleet.h"

#include <string.h>

#define WIDER 4 /* so many times more are gathered than kept */

typedef struct List {
    Fleet *fleet;
    guint source;
    guint want;
    guint length;
    guint *hosts;
} List;

static gboolean may_list(const List *list, guint host)
{
    const Fleet *fleet = list->fleet;
    guint rank = fleet->rank_of[host];

    return host != list->source && !fleet->is_listed[host] && fleet->problem->hosts[host].may_receive &&
           (rank == PLACE_NOWHERE || rank < fleet->rank_of[list->source]) &&
           !place_state_is_overloaded(fleet->world->state, host);
}

static void add(List *list, guint host)
{
    if (list->length < list->want && may_list(list, host)) {
        list->fleet->is_listed[host] = TRUE;
        list->hosts[list->length++] = host;
    }
}

/* 'each' hosts on either side of 'centre' in line that have room for that much. */
static void add_near(List *list, guint centre, const double *demand, const double *reserved, guint each)
{
    const PlaceIndex *index = list->fleet->index;

    for (int direction = -1; direction <= 1; direction += 2) {
        guint rank = place_index_rank(index, centre);
        guint steps = 0;

        for (guint found = 0; found < each && steps < 8 * each; steps++) {
            guint before = list->length;
            guint host;

            if (direction < 0 && rank == 0) {
                break;
            }
            rank += (guint)direction;
            host = place_index_next(index, rank, direction, demand, reserved);
            if (host == PLACE_NOWHERE) {
                break;
            }
            add(list, host);
            found += list->length > before;
            rank = place_index_rank(index, host);
        }
    }
}

typedef struct Need {
    double all[2][RESOURCE_COUNT];  /* of all that may have to leave: demand, reserved */
    double some[2][RESOURCE_COUNT]; /* an average VM */
    double least[2][RESOURCE_COUNT]; /* the smallest in each respect */
} Need;

/* How much leaves: of a relief, the share that takes the fullest resource below the limit. */
static Need need_of(const Fleet *fleet, guint source)
{
    const PlaceState *state = fleet->world->state;
    const PlaceHost *host = &fleet->problem->hosts[source];
    guint vms = state->first_vm[source + 1] - state->first_vm[source];
    double share = fleet->task->kind == PLACE_EVACUATE ? 1 : 0;
    Need need = {0};

    for (guint i = state->first_vm[source]; i < state->first_vm[source + 1]; i++) {
        const PlaceVm *vm = &fleet->problem->vms[state->vm_at[i]];

        for (int r = 0; r < RESOURCE_COUNT; r++) {
            gboolean is_first = i == state->first_vm[source];

            need.all[0][r] += vm->demand[r];
            need.all[1][r] += vm->reserved[r];
            need.least[0][r] = is_first ? vm->demand[r] : MIN(need.least[0][r], vm->demand[r]);
            need.least[1][r] = is_first ? vm->reserved[r] : MIN(need.least[1][r], vm->reserved[r]);
        }
    }
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double excess = state->demand[source][r] - host->capacity[r] * fleet->options->safe_high;

        if (need.all[0][r] > 0) {
            share = MAX(share, MIN(1, 1.1 * excess / need.all[0][r]));
        }
    }
    for (int k = 0; k < 2; k++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            need.some[k][r] = vms ? need.all[k][r] / vms : 0;
            need.all[k][r] *= share;
        }
    }
    return need;
}

static gboolean has_room(const List *list, guint host, const double *demand, const double *reserved)
{
    const PlaceState *state = list->fleet->world->state;
    const PlaceHost *there = &list->fleet->problem->hosts[host];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (state->demand[host][r] + demand[r] > there->capacity[r] * state->options->safe_high ||
            state->reserved[host][r] + reserved[r] > there->reservable[r]) {
            return FALSE;
        }
    }
    return TRUE;
}

/* The hosts with which the source's VMs exchange most; where there is no room for a VM, those beside. */
static void add_friends(List *list, const Need *need, guint friends)
{
    Fleet *fleet = list->fleet;
    const PlaceState *state = fleet->world->state;
    const Traffic *traffic = fleet->problem->traffic;
    g_autoptr(GArray) touched = g_array_new(FALSE, FALSE, sizeof(guint));

    if (!traffic || fleet->options->objective != OBJECTIVE_FULL) {
        return;
    }
    for (guint i = state->first_vm[list->source]; i < state->first_vm[list->source + 1]; i++) {
        guint vm = state->vm_at[i];

        for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
            guint host = state->host_of[traffic->peer[e]];

            if (host != PLACE_NOWHERE && host != list->source) {
                if (fleet->weight[host] == 0) {
                    g_array_append_val(touched, host);
                }
                fleet->weight[host] += traffic->mib_per_s[e];
            }
        }
    }
    for (guint k = 0; k < friends; k++) {
        guint best = PLACE_NOWHERE;

        for (guint i = 0; i < touched->len; i++) {
            guint host = g_array_index(touched, guint, i);

            if (fleet->weight[host] > 0 && (best == PLACE_NOWHERE || fleet->weight[host] > fleet->weight[best])) {
                best = host;
            }
        }
        if (best == PLACE_NOWHERE) {
            break;
        }
        if (has_room(list, best, need->least[0], need->least[1])) {
            add(list, best);
        }
        if (!has_room(list, best, need->some[0], need->some[1])) {
            add_near(list, best, need->some[0], need->some[1], 1);
        }
        fleet->weight[best] = -fleet->weight[best]; /* it had its turn */
    }
    for (guint i = 0; i < touched->len; i++) {
        fleet->weight[g_array_index(touched, guint, i)] = 0;
    }
}

/* What the traffic of 'vm' would cost if it alone went to 'host'. */
static double talk_at(const Fleet *fleet, guint vm, guint host)
{
    return fleet->options->objective == OBJECTIVE_FULL ? place_state_communication(fleet->world->state, vm, host) : 0;
}

/* Keeps 'want' of a longer list: the first 'sure' ones, then in turn for each VM the one where it alone would cost least of
 * those not kept yet. */
static void choose(List *list, guint sure, guint want)
{
    const Fleet *fleet = list->fleet;
    const PlaceState *state = fleet->world->state;
    guint first = state->first_vm[list->source];
    guint vms = state->first_vm[list->source + 1] - first;
    g_autofree double *talk = g_new(double, (gsize)vms * list->length + 1);
    guint kept = MIN(sure, want);
    gboolean has_found = TRUE;

    for (guint i = 0; i < vms; i++) {
        const PlaceVm *vm = &fleet->problem->vms[state->vm_at[first + i]];

        for (guint k = 0; k < list->length; k++) {
            gboolean fits = !vm->is_pinned && has_room(list, list->hosts[k], vm->demand, vm->reserved);

            talk[i * list->length + k] = fits ? talk_at(fleet, state->vm_at[first + i], list->hosts[k]) : G_MAXDOUBLE;
        }
    }
    while (kept < want && has_found) {
        has_found = FALSE;
        for (guint i = 0; i < vms && kept < want; i++) {
            double *row = talk + (gsize)i * list->length;
            guint best = kept;

            for (guint k = kept + 1; k < list->length; k++) {
                best = row[k] < row[best] ? k : best;
            }
            if (best < list->length && row[best] < G_MAXDOUBLE) {
                guint host = list->hosts[best];

                list->hosts[best] = list->hosts[kept];
                list->hosts[kept] = host;
                for (guint j = 0; j < vms; j++) { /* columns move with their hosts */
                    double swap = talk[j * list->length + best];

                    talk[j * list->length + best] = talk[j * list->length + kept];
                    talk[j * list->length + kept] = swap;
                }
                kept++;
                has_found = TRUE;
            }
        }
    }
    for (guint k = kept; k < list->length; k++) {
        fleet->is_listed[list->hosts[k]] = FALSE;
    }
    list->length = kept;
}

/* Those with room for all that leaves first, so that they are kept; then what is near friends and near the source. */
static void gather(List *list, guint want)
{
    Fleet *fleet = list->fleet;
    Need need = need_of(fleet, list->source);
    guint sure;

    add_near(list, list->source, need.all[0], need.all[1], 1);
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        guint roomiest = place_index_roomiest(fleet->index, (Resource)r);

        if (roomiest != PLACE_NOWHERE) {
            add(list, roomiest);
        }
    }
    sure = list->length;
    add_friends(list, &need, want);
    add_near(list, list->source, need.some[0], need.some[1], want);
    add_near(list, list->source, need.least[0], need.least[1], want);
    choose(list, sure, want);
}

guint fleet_candidates(Fleet *fleet, guint source, guint want, guint *hosts)
{
    g_autofree guint *gathered = g_new(guint, WIDER * want + 1);
    List list = {.fleet = fleet, .source = source, .want = WIDER * want, .hosts = gathered};

    if (fleet->problem->hosts_length <= want) {
        for (guint h = 0; h < fleet->problem->hosts_length; h++) {
            add(&list, h);
        }
    } else {
        gather(&list, want);
    }
    for (guint i = 0; i < list.length; i++) {
        hosts[i] = gathered[i];
        fleet->is_listed[hosts[i]] = FALSE;
    }
    return list.length;
}
