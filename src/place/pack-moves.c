/* SPDX-License-Identifier: Apache-2.0
 *
 * Emptying hosts of a running fleet; see pack-moves.h and pack-fleet.h.
 *
 * First one host after the other, the one with the least to move first, by moves that have room at once.  Then the drift
 * tries to empty one more, of the few that cost least and then other sets of cheap hosts, until the bound is reached or
 * all of them fail; at last it looks for fewer MiB with as many hosts.  An answer counts only when its moves have an
 * order in which each has room when its turn comes: with VMs that would have to change places there is none.
 *
 * The drift is for fleets in which a search sees something; with more than DRIFT_UNITS units only the first step is
 * done. */
#include "place/pack-moves.h"
#include "place/pack-fleet.h"
#include "place/pack.h"

#include <math.h>

#define DRIFT_UNITS   20000u
#define DRIFT_MOVES   1000u /* per unit */
#define MOST_MOVES    G_GUINT64_CONSTANT(1000000)
#define ALL_MOVES     G_GUINT64_CONSTANT(10000000) /* in one answer */
#define PRICE         4.0 /* that one host more may cost, in contents of a mean host */
#define CANDIDATES    4u
#define SETS          16u
#define EXCHANGES     64u
#define ROUNDS        8u
#define PER_WHOLE     1000.0 /* cores and MiB in the bound are counted in thousandths */

typedef struct Course {
    PackFleet *fleet;
    Rng rng;
    PackPlaces *best;
    GArray *order; /* units, of 'best' */
    guint bound;
    guint used;
    double mean_leave_mib; /* of a host that can be emptied */
    guint64 moves_left;    /* of the drift */
} Course;

/* What no placement can do without: demand against safe_high and reservations against what may be reserved, each a
 * packing of its own, rounded so that the bound stays one. */
static guint bound_by(const PackFleet *fleet, gboolean is_demand)
{
    const PlaceProblem *problem = fleet->problem;
    g_autofree PackVm *vms = g_new0(PackVm, problem->vms_length + 1);
    g_autofree PackHost *hosts = g_new0(PackHost, problem->hosts_length + 1);
    PackProblem packing = {vms, problem->vms_length, hosts, 0};

    for (guint v = 0; v < problem->vms_length; v++) {
        const double *need = is_demand ? problem->vms[v].demand : problem->vms[v].reserved;

        vms[v] = (PackVm){(guint64)(need[RESOURCE_CPU] * PER_WHOLE), (guint64)(need[RESOURCE_MEMORY] * PER_WHOLE)};
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        const PlaceHost *row = &problem->hosts[h];
        double left[RESOURCE_COUNT];

        for (int r = 0; r < RESOURCE_COUNT; r++) {
            left[r] = is_demand ? row->capacity[r] * fleet->options->safe_high - row->base_demand[r]
                                : row->reservable[r] - row->base_reserved[r];
        }
        if (fleet->is_full[h]) {
            return 0; /* it holds more than its limits: what it holds is no measure for others */
        }
        if (fleet->is_open[h]) {
            hosts[packing.hosts_length++] = (PackHost){(guint64)ceil(MAX(left[RESOURCE_CPU], 0) * PER_WHOLE) + 1,
                                                       (guint64)ceil(MAX(left[RESOURCE_MEMORY], 0) * PER_WHOLE) + 1};
        }
    }
    return pack_lower_bound(&packing);
}

static guint find_bound(const PackFleet *fleet)
{
    guint open = 0;
    guint by_limits = MAX(bound_by(fleet, TRUE), bound_by(fleet, FALSE));

    for (guint h = 0; h < fleet->problem->hosts_length; h++) {
        open += fleet->is_open[h];
    }
    return MIN(MAX(by_limits, open - fleet->emptiable), open);
}

static gboolean is_better(const Course *course, const PackPlaces *places)
{
    const PackPlaces *best = course->best;

    if (!best || places->closed == best->closed) {
        return !best || places->moved_mib < best->moved_mib - 1e-9;
    }
    return places->closed > best->closed &&
           places->moved_mib - best->moved_mib <= PRICE * course->mean_leave_mib * (places->closed - best->closed);
}

/* Keeps what the fleet is now, when that is better and can be carried out. */
static gboolean keep(Course *course)
{
    g_autoptr(PackPlaces) places = pack_places_new(course->fleet);
    GArray *order = is_better(course, places) ? pack_places_order(places, course->fleet) : NULL;

    if (!order) {
        return FALSE;
    }
    g_clear_pointer(&course->order, g_array_unref);
    pack_places_free(course->best);
    course->order = order;
    course->best = g_steal_pointer(&places);
    return TRUE;
}

static void close_host(PackFleet *fleet, guint host)
{
    fleet->is_open[host] = FALSE;
    fleet->closed++;
}

static void empty_one_by_one(Course *course)
{
    PackFleet *fleet = course->fleet;

    keep(course);
    for (guint i = 0; i < fleet->emptiable && course->used - fleet->closed > course->bound; i++) {
        if (pack_empty(fleet, fleet->by_cost[i]) && !keep(course)) {
            pack_places_restore(course->best, fleet);
        }
    }
}

/* Drifts from what the fleet is now; the best known comes back when that led nowhere. */
static gboolean drift(Course *course)
{
    guint64 usual = MIN((guint64)DRIFT_MOVES * course->fleet->units->length, MOST_MOVES);
    guint64 moves = MIN(usual * course->fleet->options->effort / 100, course->moves_left);
    gboolean is_found = pack_drift(course->fleet, &course->rng, moves) && keep(course);

    course->moves_left -= moves;    pack_places_restore(course->best, course->fleet);
    return is_found;
}

/* One more than the best so far, of those that cost least. */
static gboolean drift_one_more(Course *course)
{
    PackFleet *fleet = course->fleet;
    guint tried = 0;

    for (guint i = 0; i < fleet->emptiable && tried < CANDIDATES; i++) {
        if (fleet->is_open[fleet->by_cost[i]]) {
            close_host(fleet, fleet->by_cost[i]);
            tried++;
            if (drift(course)) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

/* Closes just these, with everybody at home, and drifts from there.  What leaves them has to be moved in any case, so a
 * set that cannot be better is not tried. */
static gboolean drift_set(Course *course, const guint *hosts, guint length)
{
    PackFleet *fleet = course->fleet;
    double least_mib = 0;

    if (course->moves_left == 0) {
        return FALSE;
    }
    for (guint i = 0; i < length; i++) {
        least_mib += fleet->leave_mib[hosts[i]];
    }
    if (length <= course->best->closed && least_mib >= course->best->moved_mib - 1e-9) {
        return FALSE;
    }
    for (guint u = 0; u < fleet->units->length; u++) {
        if (!fleet->is_fixed[u]) {
            pack_fleet_put(fleet, u, fleet->home[u]);
        }
    }
    for (guint i = 0; i < fleet->emptiable; i++) {
        fleet->is_open[fleet->by_cost[i]] = TRUE;
    }
    for (guint i = 0; i < length; i++) {
        fleet->is_open[hosts[i]] = FALSE;
    }
    fleet->closed = length;
    return drift(course);
}

typedef struct Priced {
    double price;
    guint host;
} Priced;

static int compare_priced(gconstpointer a, gconstpointer b)
{
    const Priced *left = a;
    const Priced *right = b;

    return left->price < right->price ? -1 : left->price > right->price;
}

/* Sets of 'length' hosts: the cheapest, then those that are cheapest when prices are disturbed. */
static gboolean drift_sets(Course *course, guint length)
{
    const PackFleet *fleet = course->fleet;
    g_autofree Priced *priced = g_new(Priced, fleet->emptiable + 1);
    g_autofree guint *hosts = g_new(guint, fleet->emptiable + 1);
    gboolean is_more = length > course->best->closed; /* then the first is good enough for now */
    gboolean is_better = FALSE;

    for (guint k = 0; k < SETS && !(is_better && is_more); k++) {
        for (guint i = 0; i < fleet->emptiable; i++) {
            double factor = k == 0 ? 1 : exp(rng_range(&course->rng, -1, 1));
            priced[i] = (Priced){fleet->leave_mib[fleet->by_cost[i]] * factor, fleet->by_cost[i]};
        }
        qsort(priced, fleet->emptiable, sizeof *priced, compare_priced);
        for (guint i = 0; i < length; i++) {
            hosts[i] = priced[i].host;
        }
        is_better = drift_set(course, hosts, length) || is_better;
    }
    return is_better;
}

/* Sets that differ in one host from the best one, as long as that helps. */
static gboolean drift_exchanges(Course *course)
{
    const PackFleet *fleet = course->fleet;
    g_autofree guint *hosts = g_new(guint, fleet->emptiable + 1);
    guint tried = 0;

    for (guint out = 0; out < fleet->emptiable; out++) {
        for (guint in = 0; in < fleet->emptiable && tried < EXCHANGES; in++) {
            guint length = 0;

            if (course->best->is_open[fleet->by_cost[out]] || !course->best->is_open[fleet->by_cost[in]]) {
                continue;
            }
            for (guint i = 0; i < fleet->emptiable; i++) {
                if (i == in || (i != out && !course->best->is_open[fleet->by_cost[i]])) {
                    hosts[length++] = fleet->by_cost[i];
                }
            }
            tried++;
            if (drift_set(course, hosts, length)) {
                return TRUE;
            }
        }
    }
    return FALSE;
}

static void drift_further(Course *course)
{
    while (course->used - course->best->closed > course->bound && course->best->closed < course->fleet->emptiable &&
           (drift_one_more(course) || drift_sets(course, course->best->closed + 1))) {
    }
    if (course->best->closed > 0) {
        drift(course);
        drift_sets(course, course->best->closed);
        for (guint k = 0; k < ROUNDS && drift_exchanges(course); k++) {
        }
    }
}

static PackMoves *tell(const Course *course)
{
    const PackFleet *fleet = course->fleet;
    const PlaceProblem *problem = fleet->problem;
    PackMoves *moves = g_new0(PackMoves, 1);

    *moves = (PackMoves){.host_of = g_new(guint, problem->vms_length + 1),
                         .order = g_new(guint, problem->vms_length + 1),
                         .emptied = g_new(guint, problem->hosts_length + 1),
                         .used = course->used,
                         .bound = course->bound,
                         .moved_mib = course->best->moved_mib};
    for (guint v = 0; v < problem->vms_length; v++) {
        moves->host_of[v] = problem->vms[v].host;
    }
    for (guint i = 0; i < course->order->len; i++) {
        guint unit = g_array_index(course->order, guint, i);

        for (guint k = fleet->units->first[unit]; k < fleet->units->first[unit + 1]; k++) {
            moves->order[moves->order_length++] = fleet->units->vms[k];
            moves->host_of[fleet->units->vms[k]] = course->best->host_of[unit];
        }
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        if (fleet->can_be_emptied[h] && !course->best->is_open[h]) {
            moves->emptied[moves->emptied_length++] = h;
        }
    }
    return moves;
}

PackMoves *pack_moves_new(const PlaceProblem *problem, const PlaceOptions *options)
{
    g_autoptr(PackFleet) fleet = pack_fleet_new(problem, options);
    Course course = {.fleet = fleet,
                     .rng = rng_new(options->seed),
                     .bound = find_bound(fleet),
                     .moves_left = ALL_MOVES * options->effort / 100};

    for (guint h = 0; h < problem->hosts_length; h++) {
        course.used += fleet->is_open[h];
        course.mean_leave_mib += fleet->can_be_emptied[h] ? fleet->leave_mib[h] / fleet->emptiable : 0;
    }
    empty_one_by_one(&course);
    if (fleet->units->length <= DRIFT_UNITS && options->effort > 0) {
        drift_further(&course);
    }
    PackMoves *moves = tell(&course);
    pack_places_free(course.best);
    g_array_unref(course.order);
    return moves;
}

void pack_moves_free(PackMoves *moves)
{
    if (moves) {
        g_free(moves->host_of);
        g_free(moves->order);
        g_free(moves->emptied);
        g_free(moves);
    }
}
