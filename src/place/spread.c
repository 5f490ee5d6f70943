/* SPDX-License-Identifier: Apache-2.0
 *
 * Even filling among destinations that cost the same; see spread.h.
 *
 * Moves are joined to clusters by union-find: those of one rule "together", and those that talk and go to the same host.
 * Then, largest memory first, each cluster goes to the host that is least full with it, among those where it talks no
 * farther than where it was sent.  Rounds are repeated while anything changes; each change lowers the fuller of the two
 * hosts by more than SPREAD_GAIN, so it ends. */
#include "place/spread.h"
#include "place/state.h"

#include <math.h>

#define SPREAD_ROUNDS 4
#define SPREAD_GAIN   1e-6  /* of utilisation */
#define SAME_COST     1e-9  /* MiB/s times links */

typedef struct Spread {
    const PlaceProblem *problem;
    PlaceState *state;
    PlaceResult *result;
    guint *parent;      /* [moves] union-find */
    guint *move_of;     /* [vms] index of its move, or PLACE_NOWHERE */
    GPtrArray *clusters; /* GArray of guint: VMs */
} Spread;

static PlaceMove *move_at(const Spread *spread, guint index)
{
    return &g_array_index(spread->result->moves, PlaceMove, index);
}

static guint root_of(Spread *spread, guint move)
{
    while (spread->parent[move] != move) {
        move = spread->parent[move] = spread->parent[spread->parent[move]];
    }
    return move;
}

static void join(Spread *spread, guint vm_a, guint vm_b)
{
    guint a = spread->move_of[vm_a];
    guint b = spread->move_of[vm_b];

    if (a != PLACE_NOWHERE && b != PLACE_NOWHERE) {
        spread->parent[root_of(spread, a)] = root_of(spread, b);
    }
}

static void join_talkers(Spread *spread)
{
    const Traffic *traffic = spread->problem->traffic;

    for (guint m = 0; traffic && m < spread->result->moves->len; m++) {
        guint vm = move_at(spread, m)->vm;

        for (guint e = traffic->first[vm]; e < traffic->first[vm + 1]; e++) {
            guint peer = traffic->peer[e];

            if (spread->state->host_of[peer] == spread->state->host_of[vm]) {
                join(spread, vm, peer);
            }
        }
    }
}

static void join_together(Spread *spread)
{
    for (guint r = 0; r < spread->problem->rules_length; r++) {
        const PlaceRule *rule = &spread->problem->rules[r];

        for (guint i = 1; rule->kind == PLACE_RULE_TOGETHER && i < rule->vms_length; i++) {
            join(spread, rule->vms[0], rule->vms[i]);
        }
    }
}

/* A cluster that a rule binds to a VM that does not move cannot go elsewhere. */
static gboolean is_bound(const Spread *spread, guint vm)
{
    const PlaceState *state = spread->state;

    for (guint i = state->rule_first[vm]; i < state->rule_first[vm + 1]; i++) {
        const PlaceRule *rule = &spread->problem->rules[state->rule_of[i]];

        for (guint v = 0; rule->kind == PLACE_RULE_TOGETHER && v < rule->vms_length; v++) {
            if (spread->move_of[rule->vms[v]] == PLACE_NOWHERE) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static double memory_of(const Spread *spread, const GArray *cluster)
{
    double memory_mib = 0;

    for (guint i = 0; i < cluster->len; i++) {
        memory_mib += spread->problem->vms[g_array_index(cluster, guint, i)].reserved[RESOURCE_MEMORY];
    }
    return memory_mib;
}

static int compare_clusters(gconstpointer a, gconstpointer b, gpointer user)
{
    const GArray *left = *(GArray *const *)a;
    const GArray *right = *(GArray *const *)b;
    double difference = memory_of(user, left) - memory_of(user, right);

    if (difference != 0) {
        return difference > 0 ? -1 : 1;
    }
    return g_array_index(left, guint, 0) < g_array_index(right, guint, 0) ? -1 : 1;
}

static void make_clusters(Spread *spread)
{
    guint length = spread->result->moves->len;
    g_autofree GArray **of_root = g_new0(GArray *, MAX(length, 1));

    for (guint m = 0; m < length; m++) {
        guint root = root_of(spread, m);
        guint vm = move_at(spread, m)->vm;

        if (!of_root[root]) {
            of_root[root] = g_array_new(FALSE, FALSE, sizeof(guint));
            g_ptr_array_add(spread->clusters, of_root[root]);
        }
        g_array_append_val(of_root[root], vm);
    }
    g_ptr_array_sort_with_data(spread->clusters, compare_clusters, spread);
}

/* How full 'host' is by what is reserved and by what is demanded, of what it may hold. */
static double fullness(const Spread *spread, guint host)
{
    const PlaceHost *known = &spread->problem->hosts[host];
    double full = place_state_highest(spread->state, host);

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        if (known->reservable[r] > 0) {
            full = fmax(full, spread->state->reserved[host][r] / known->reservable[r]);
        }
    }
    return full;
}

static void put(Spread *spread, const GArray *cluster, guint host)
{
    for (guint i = 0; i < cluster->len; i++) {
        place_state_move(spread->state, g_array_index(cluster, guint, i), host);
    }
}

typedef struct Trial {
    double full;
    double communication; /* of the cluster with all others */
} Trial;

/* What it would be like on 'host'; the cluster is nowhere before and after. */
static Trial try_host(Spread *spread, const GArray *cluster, guint host)
{
    Trial trial = {0, 0};

    put(spread, cluster, host);
    trial.full = fullness(spread, host);
    for (guint i = 0; i < cluster->len; i++) {
        trial.communication += place_state_communication(spread->state, g_array_index(cluster, guint, i), host);
    }
    put(spread, cluster, PLACE_NOWHERE);
    return trial;
}

/* The best host for a cluster that is nowhere now, 'home' when nothing is better. */
static guint find_home(Spread *spread, const GArray *cluster, guint home)
{
    const guint *vms = (const guint *)(gconstpointer)cluster->data;
    Trial at_home = try_host(spread, cluster, home);
    double best_full = at_home.full;
    guint best = home;

    for (guint h = 0; h < spread->problem->hosts_length; h++) {
        Trial there;

        if (h == home || !spread->problem->hosts[h].may_receive ||
            !place_state_fits_all(spread->state, vms, cluster->len, h)) {
            continue;
        }
        there = try_host(spread, cluster, h);
        if (there.communication <= at_home.communication + SAME_COST && there.full < best_full - SPREAD_GAIN) {
            best = h;
            best_full = there.full;
        }
    }
    return best;
}

static gboolean spread_once(Spread *spread)
{
    gboolean has_changed = FALSE;

    for (guint c = 0; c < spread->clusters->len; c++) {
        const GArray *cluster = g_ptr_array_index(spread->clusters, c);
        guint vm = g_array_index(cluster, guint, 0);
        guint home = spread->state->host_of[vm];
        guint best = home;

        put(spread, cluster, PLACE_NOWHERE);
        if (!is_bound(spread, vm)) {
            best = find_home(spread, cluster, home);
        }
        put(spread, cluster, best);
        has_changed = has_changed || best != home;
    }
    return has_changed;
}

/* The destinations as they are in the end; how full they are then has changed for all. */
static void write_back(Spread *spread)
{
    for (guint m = 0; m < spread->result->moves->len; m++) {
        PlaceMove *move = move_at(spread, m);
        guint host = spread->state->host_of[move->vm];
        guint source = spread->problem->vms[move->vm].host;

        g_free(move->why);
        move->why = g_strdup_printf(
            "has to leave %s; %s is %u links away, %.2f full then; %s", spread->problem->hosts[source].name,
            spread->problem->hosts[host].name, place_distance(spread->problem, source, host), fullness(spread, host),
            host == move->destination ? "no destination costs less" : "the emptiest of those that cost least");
        move->destination = host;
    }
}

void place_spread(const PlaceProblem *problem, const PlaceOptions *options, PlaceResult *result)
{
    g_autoptr(PlaceState) state = place_state_new(problem, options);
    g_autofree guint *parent = g_new(guint, MAX(result->moves->len, 1));
    g_autofree guint *move_of = g_new(guint, MAX(problem->vms_length, 1));
    g_autoptr(GPtrArray) clusters = g_ptr_array_new_with_free_func((GDestroyNotify)g_array_unref);
    Spread spread = {problem, state, result, parent, move_of, clusters};
    gboolean has_changed = FALSE;

    if (result->moves->len == 0 || options->transfer == TRANSFER_PARALLEL || options->spare_hosts > 0) {
        return; /* in parallel the size of a block is a cost; what holds with hosts to spare was searched for */
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        move_of[v] = PLACE_NOWHERE;
    }
    for (guint m = 0; m < result->moves->len; m++) {
        parent[m] = m;
        move_of[move_at(&spread, m)->vm] = m;
        place_state_move(state, move_at(&spread, m)->vm, move_at(&spread, m)->destination);
    }
    join_together(&spread);
    join_talkers(&spread);
    make_clusters(&spread);
    for (guint round = 0; round < SPREAD_ROUNDS && spread_once(&spread); round++) {
        has_changed = TRUE;
    }
    if (has_changed) {
        write_back(&spread);
    }
}
