/* SPDX-License-Identifier: Apache-2.0
 *
 * Which destinations are worth looking at for one source host; see fleet.h. */
#include "place/fleet.h"

#include <string.h>

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

/* The hosts with which the source's VMs exchange most. */
static void add_friends(List *list, guint friends)
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

            if (host != PLACE_NOWHERE && may_list(list, host)) {
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

            if (!fleet->is_listed[host] && (best == PLACE_NOWHERE || fleet->weight[host] > fleet->weight[best])) {
                best = host;
            }
        }
        if (best != PLACE_NOWHERE) {
            add(list, best);
        }
    }
    for (guint i = 0; i < touched->len; i++) {
        fleet->weight[g_array_index(touched, guint, i)] = 0;
    }
}

/* 'each' hosts on either side of the source in line that have room for that much. */
static void add_near(List *list, const double *demand, const double *reserved, guint each)
{
    const PlaceIndex *index = list->fleet->index;

    for (int direction = -1; direction <= 1; direction += 2) {
        guint rank = place_index_rank(index, list->source);
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

guint fleet_candidates(Fleet *fleet, guint source, guint want, guint *hosts)
{
    List list = {.fleet = fleet, .source = source, .want = want, .hosts = hosts};
    Need need;
    guint roomiest[RESOURCE_COUNT];

    if (fleet->problem->hosts_length <= want) {
        for (guint h = 0; h < fleet->problem->hosts_length; h++) {
            add(&list, h);
        }
    } else {
        need = need_of(fleet, source);
        add_friends(&list, want / 3);
        add_near(&list, need.all[0], need.all[1], want / 6);
        add_near(&list, need.some[0], need.some[1], want / 8);
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            roomiest[r] = place_index_roomiest(fleet->index, (Resource)r);
            if (roomiest[r] != PLACE_NOWHERE) {
                add(&list, roomiest[r]);
            }
        }
        add_near(&list, need.some[0], need.some[1], want);
        add_near(&list, need.least[0], need.least[1], want);
    }
    for (guint i = 0; i < list.length; i++) {
        fleet->is_listed[hosts[i]] = FALSE;
    }
    return list.length;
}
