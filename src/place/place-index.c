/* SPDX-License-Identifier: Apache-2.0
 *
 * A line of hosts and a tree of maxima over it; see place-index.h.
 *
 *                     1: most room of all              node k has the children 2k and 2k + 1;
 *               2                   3                  the leaf of rank i is node leaves + i
 *            4     5             6     7
 *          h3 h9  h1 h4        h7 h2  h8 --            ranks 0 .. leaves - 1
 *
 * A node's maxima of two resources may come from different hosts, so a search can go down in vain; it then comes back
 * and goes on.  With rooms that are usual that happens rarely. */
#include "place/place-index.h"

typedef struct Room {
    double demand[RESOURCE_COUNT];
    double reserved[RESOURCE_COUNT];
} Room;

struct PlaceIndex {
    const PlaceState *state;
    guint leaves;      /* a power of two */
    guint length;      /* hosts */
    guint *host_at;    /* [length] by rank */
    guint *rank_of;    /* [hosts] */
    gboolean *is_out;  /* [hosts] */
    Room *room;        /* [2 * leaves] */
};

static const Room NO_ROOM = {{-1, -1}, {-1, -1}};

static int compare_places(gconstpointer a, gconstpointer b, gpointer user)
{
    const PlaceProblem *problem = user;
    guint x = *(const guint *)a;
    guint y = *(const guint *)b;
    guint place_x = problem->hosts[x].place;
    guint place_y = problem->hosts[y].place;

    return place_x != place_y ? (place_x > place_y) - (place_x < place_y) : (x > y) - (x < y);
}

static void set_leaf(PlaceIndex *index, guint host)
{
    const PlaceState *state = index->state;
    const PlaceHost *row = &state->problem->hosts[host];
    Room *room = &index->room[index->leaves + index->rank_of[host]];

    *room = NO_ROOM;
    for (int r = 0; row->may_receive && !index->is_out[host] && r < RESOURCE_COUNT; r++) {
        room->demand[r] = row->capacity[r] * state->options->safe_high - state->demand[host][r];
        room->reserved[r] = row->reservable[r] - state->reserved[host][r];
    }
}

static void set_node(PlaceIndex *index, guint node)
{
    const Room *left = &index->room[2 * node];
    const Room *right = &index->room[2 * node + 1];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        index->room[node].demand[r] = MAX(left->demand[r], right->demand[r]);
        index->room[node].reserved[r] = MAX(left->reserved[r], right->reserved[r]);
    }
}

PlaceIndex *place_index_new(const PlaceState *state)
{
    PlaceIndex *index = g_new0(PlaceIndex, 1);
    guint hosts = state->problem->hosts_length;

    index->state = state;
    index->length = hosts;
    for (index->leaves = 1; index->leaves < hosts; index->leaves *= 2) {
    }
    index->host_at = g_new(guint, hosts + 1);
    index->rank_of = g_new(guint, hosts + 1);
    index->is_out = g_new0(gboolean, hosts + 1);
    index->room = g_new(Room, 2 * index->leaves);
    for (guint h = 0; h < hosts; h++) {
        index->host_at[h] = h;
    }
    if (state->problem->topology) {
        g_qsort_with_data(index->host_at, (int)hosts, sizeof(guint), compare_places, (gpointer)state->problem);
    }
    for (guint i = 0; i < index->leaves; i++) {
        index->room[index->leaves + i] = NO_ROOM;
    }
    for (guint i = 0; i < hosts; i++) {
        index->rank_of[index->host_at[i]] = i;
        set_leaf(index, index->host_at[i]);
    }
    for (guint node = index->leaves - 1; node > 0; node--) {
        set_node(index, node);
    }
    return index;
}

void place_index_free(PlaceIndex *index)
{
    if (!index) {
        return;
    }
    g_free(index->host_at);
    g_free(index->rank_of);
    g_free(index->is_out);
    g_free(index->room);
    g_free(index);
}

void place_index_update(PlaceIndex *index, guint host)
{
    set_leaf(index, host);
    for (guint node = (index->leaves + index->rank_of[host]) / 2; node > 0; node /= 2) {
        set_node(index, node);
    }
}

void place_index_take_out(PlaceIndex *index, guint host)
{
    index->is_out[host] = TRUE;
    place_index_update(index, host);
}

void place_index_put_back(PlaceIndex *index, guint host)
{
    index->is_out[host] = FALSE;
    place_index_update(index, host);
}

guint place_index_rank(const PlaceIndex *index, guint host)
{
    return index->rank_of[host];
}

static gboolean has_room(const Room *room, const double *demand, const double *reserved)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (room->demand[r] < demand[r] || room->reserved[r] < reserved[r] || room->demand[r] < 0) {
            return FALSE;
        }
    }
    return TRUE;
}

/* In the subtree of 'node', which covers 'length' ranks from 'first' on; the rank, or PLACE_NOWHERE. */
static guint search(const PlaceIndex *index, guint node, guint first, guint length, guint from, int direction,
                    const double *demand, const double *reserved)
{
    guint half = length / 2;
    gboolean is_beyond = direction > 0 ? first + length <= from : first > from;
    guint found;

    if (is_beyond || !has_room(&index->room[node], demand, reserved)) {
        return PLACE_NOWHERE;
    }
    if (length == 1) {
        return first;
    }
    found = search(index, direction > 0 ? 2 * node : 2 * node + 1, direction > 0 ? first : first + half, half, from,
                   direction, demand, reserved);
    if (found != PLACE_NOWHERE) {
        return found;
    }
    return search(index, direction > 0 ? 2 * node + 1 : 2 * node, direction > 0 ? first + half : first, half, from,
                  direction, demand, reserved);
}

guint place_index_next(const PlaceIndex *index, guint rank, int direction, const double *demand, const double *reserved)
{
    guint found = rank < index->leaves ? search(index, 1, 0, index->leaves, rank, direction, demand, reserved)
                                       : PLACE_NOWHERE;

    return found == PLACE_NOWHERE ? PLACE_NOWHERE : index->host_at[found];
}

guint place_index_roomiest(const PlaceIndex *index, Resource resource)
{
    guint node = 1;

    if (!index->length || index->room[1].demand[resource] < 0) {
        return PLACE_NOWHERE;
    }
    while (node < index->leaves) {
        node = index->room[2 * node].demand[resource] >= index->room[2 * node + 1].demand[resource] ? 2 * node
                                                                                                    : 2 * node + 1;
    }
    return index->host_at[node - index->leaves];
}
