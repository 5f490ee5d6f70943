/* SPDX-License-Identifier: Apache-2.0
 *
 * ACO-VMM: placement by an ant colony system (Farahnakian et al., IEEE Transactions on Services Computing 2015); the
 * other rival that seed 003 measures GBM-VMM against.
 *
 * Theory of operation.  A tuple is a unit and a destination; pheromone lies on tuples, on those of each unit's short
 * list (candidates.h).  An ant goes from source to source, and at each one takes tuples until the host is within the
 * safe range (RELIEVE), or empty (EVACUATE, CONSOLIDATE), or nothing is left to take:
 *
 *     eta = 1 / |C_de - (U_de + u_v)|_1          the tighter the fit, in shares of capacity, the better
 *     with probability q0 the tuple of the largest tau * eta^beta, else one drawn in proportion to it
 *     a tuple that would lower the ant's score is undone and not tried again on this visit
 *     tau <- (1 - rho) tau + rho tau_0           where an ant went, so that others go elsewhere
 *     tau <- (1 - a) tau + a f(best)             on the best plan, after each iteration
 *
 * When all on the lists is full the best fit among all destinations is taken.
 *
 * Scores.  RELIEVE and EVACUATE: f = 1 / (eps + cost), the cost with a penalty for what is still above the range and
 * for who is still there, so large that relief always comes first.  CONSOLIDATE: f = released^g + 1 / moves, compared
 * as the pair that it stands for: released hosts, then fewer moves (a double would lose the second).  A host that
 * cannot be emptied keeps all its VMs, so no plan has a useless move.  Each f is taken relative to that of the greedy
 * ant (q0 = 1, all pheromone alike), which makes tau_0 = 1 / units and puts both scores on one scale.
 *
 * Deviations from the paper: one source after the other instead of any tuple at any time (an ant that empties a
 * thousand hosts at once finishes none), and short lists.  Sources: most overloaded first, EVACUATE in the order of
 * hosts, CONSOLIDATE least loaded first with each load taken times a number around 1 so that ants differ. */
#include "place/candidates.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"

static const struct {
    guint ants;
    guint iterations; /* at effort 100; Farahnakian: 2, here more because ants are cheap */
    double a;         /* evaporation by the best plan */
    double rho;       /* and by passing ants */
    double beta;      /* weight of eta */
    double g;         /* exponent of released hosts */
    double q0;        /* share of greedy choices */
    double epsilon;   /* of f = 1 / (eps + cost) */
    double penalty;   /* of one host's whole capacity above the safe range, and of a mover that has not moved */
    double spread;    /* CONSOLIDATE: loads are taken times 1 / spread .. spread */
    guint tuples;     /* that an ant weighs in one step, at least; where a host has more it starts anywhere */
} ACO = {10, 10, 0.1, 0.1, 0.9, 5, 0.9, 0.01, 1000, 1.25, 1024};

/* What a plan is worth; larger is better. */
typedef struct Worth {
    double first;
    double second; /* decides where the first is equal */
} Worth;

typedef struct Tuple {
    guint unit;
    guint host;
    guint slot;   /* in the unit's list; CANDIDATES_MAX: not on it */
    double value; /* tau * eta^beta */
} Tuple;

typedef struct Colony {
    Rival *rival;
    Candidates *candidates;
    Rng rng;
    double q0;
    double tau_0;
    double greedy_f;
    double *tau;         /* [units][CANDIDATES_MAX] */
    gboolean *is_undone; /* [units][CANDIDATES_MAX] on this visit */
    Tuple *tuples;       /* those of one step */
    guint *sources;      /* in this ant's order */
    double *source_key;  /* [hosts] */
    guint sources_length;
    guint *where; /* [units] of the ant: PLACE_NOWHERE: at home */
    guint *slot;  /* [units] */
    guint *best_where;
    guint *best_slot;
    Worth best;
    double cost; /* the ant's */
    guint released;
    guint moves;
} Colony;

static gboolean is_consolidating(const Colony *colony)
{
    return colony->rival->task->kind == PLACE_CONSOLIDATE;
}

static void find_sources(Colony *colony)
{
    const Rival *rival = colony->rival;

    colony->sources = g_new(guint, rival->problem->hosts_length + 1);
    for (guint h = 0; h < rival->problem->hosts_length && is_consolidating(colony); h++) {
        if (rival_can_be_emptied(rival, h)) {
            colony->sources[colony->sources_length++] = h;
        }
    }
    if (!is_consolidating(colony)) {
        memcpy(colony->sources, rival->sources, sizeof(guint) * rival->sources_length);
        colony->sources_length = rival->sources_length;
    }
}

static void colony_init(Colony *colony, Rival *rival)
{
    gsize units = rival->units->length;
    gsize cells = units * CANDIDATES_MAX;

    *colony = (Colony){.rival = rival, .q0 = 1, .tau_0 = 1.0 / MAX(units, 1), .best = {-INFINITY, -INFINITY}};
    colony->rng = rng_stream(rival->options->seed, 2);
    colony->candidates = candidates_new(rival);
    colony->tau = g_new(double, cells + 1);
    for (gsize i = 0; i < cells; i++) {
        colony->tau[i] = colony->tau_0;
    }
    colony->is_undone = g_new0(gboolean, cells + 1);
    colony->tuples = g_new(Tuple, cells + 1);
    colony->source_key = g_new0(double, rival->problem->hosts_length + 1);
    colony->where = g_new(guint, units + 1);
    colony->slot = g_new(guint, units + 1);
    colony->best_where = g_new(guint, units + 1);
    colony->best_slot = g_new(guint, units + 1);
    for (gsize u = 0; u < units; u++) {
        colony->best_where[u] = PLACE_NOWHERE;
    }
    find_sources(colony);
}

static void colony_clear(Colony *colony)
{
    candidates_free(colony->candidates);
    g_free(colony->tau);
    g_free(colony->is_undone);
    g_free(colony->tuples);
    g_free(colony->sources);
    g_free(colony->source_key);
    g_free(colony->where);
    g_free(colony->slot);
    g_free(colony->best_where);
    g_free(colony->best_slot);
}

/* eta of the tuple. */
static double attraction(const Colony *colony, guint unit, guint host)
{
    const Rival *rival = colony->rival;
    double free_share = 0;

    for (guint r = 0; r < RESOURCE_COUNT; r++) {
        double capacity = rival->problem->hosts[host].capacity[r];

        free_share +=
            fabs(capacity - rival->state->demand[host][r] - rival->unit_demand[RESOURCE_COUNT * unit + r]) / capacity;
    }
    return 1 / MAX(free_share, 1e-3);
}

static gboolean may_take(const Colony *colony, guint unit, guint host)
{
    if (is_consolidating(colony) && rival_is_off(colony->rival, host)) {
        return FALSE;
    }
    return host != rival_where(colony->rival, unit) && rival_fits(colony->rival, unit, host);
}

/* Appends what could be done for 'unit' to 'tuples'; how many there are then. */
static guint add_tuples(Colony *colony, guint unit, guint length)
{
    gsize row = (gsize)CANDIDATES_MAX * unit;

    for (guint c = 0; c < colony->candidates->length[unit]; c++) {
        guint host = colony->candidates->host[row + c];

        if (!colony->is_undone[row + c] && may_take(colony, unit, host)) {
            double value = colony->tau[row + c] * pow(attraction(colony, unit, host), ACO.beta);

            colony->tuples[length++] = (Tuple){unit, host, c, value};
        }
    }
    return length;
}

static guint find_tuples(Colony *colony, guint source)
{
    const Rival *rival = colony->rival;
    guint first = rival->unit_first[source];
    guint units = rival->unit_first[source + 1] - first;
    gboolean is_many = units * CANDIDATES_MAX > ACO.tuples && colony->q0 < 1;
    guint offset = is_many ? rng_below(&colony->rng, units) : 0;
    guint length = 0;

    for (guint i = 0; i < units && length < ACO.tuples; i++) {
        guint unit = rival->unit_at[first + (offset + i) % units];

        if (colony->where[unit] == PLACE_NOWHERE) {
            length = add_tuples(colony, unit, length);
        }
    }
    return length;
}

static Tuple choose(Colony *colony, guint length)
{
    double sum = 0;
    guint best = 0;

    for (guint i = 0; i < length; i++) {
        sum += colony->tuples[i].value;
        best = colony->tuples[i].value > colony->tuples[best].value ? i : best;
    }
    if (colony->q0 < 1 && rng_unit(&colony->rng) > colony->q0) {
        double left = rng_unit(&colony->rng) * sum;

        for (guint i = 0; i < length; i++) {
            left -= colony->tuples[i].value;
            if (left <= 0) {
                return colony->tuples[i];
            }
        }
    }
    return colony->tuples[best];
}

/* When the lists are full: the first unit of 'source' that fits anywhere, largest first would cost a sort. */
static gboolean find_any(const Colony *colony, guint source, Tuple *tuple)
{
    const Rival *rival = colony->rival;

    for (guint i = rival->unit_first[source]; i < rival->unit_first[source + 1]; i++) {
        guint unit = rival->unit_at[i];
        guint host;

        if (colony->where[unit] != PLACE_NOWHERE || rival_where(rival, unit) != source) {
            continue;
        }
        host = rival_best_fit(rival, unit);
        if (host != PLACE_NOWHERE && may_take(colony, unit, host)) {
            *tuple = (Tuple){unit, host, CANDIDATES_MAX, 0};
            return TRUE;
        }
    }
    return FALSE;
}

/* How much of the ant's score is still lost at 'source'. */
static double penalty_at(const Colony *colony, guint source)
{
    return colony->rival->task->kind == PLACE_RELIEVE ? ACO.penalty * fitness_excess(colony->rival->state, source) : 0;
}

static void forget_units(Colony *colony, guint source)
{
    const Rival *rival = colony->rival;

    for (guint i = rival->unit_first[source]; i < rival->unit_first[source + 1]; i++) {
        gsize row = (gsize)CANDIDATES_MAX * rival->unit_at[i];

        memset(colony->is_undone + row, 0, sizeof(gboolean) * CANDIDATES_MAX);
    }
}

/* Applies 'tuple' unless the ant's score would fall. */
static gboolean apply(Colony *colony, guint source, const Tuple *tuple)
{
    Rival *rival = colony->rival;
    double before = penalty_at(colony, source);
    double change = rival_shift(rival, tuple->unit, tuple->host);

    if (rival->task->kind == PLACE_RELIEVE && change + penalty_at(colony, source) - before > 0) {
        rival_put(rival, tuple->unit, source);
        return FALSE;
    }
    colony->cost += change;
    colony->moves += rival->units->first[tuple->unit + 1] - rival->units->first[tuple->unit];
    colony->where[tuple->unit] = tuple->host;
    colony->slot[tuple->unit] = tuple->slot;
    return TRUE;
}

static gboolean is_done(const Colony *colony, guint source)
{
    return colony->rival->task->kind == PLACE_RELIEVE && !place_state_is_overloaded(colony->rival->state, source);
}

/* All that left 'source' comes back. */
static void undo_visit(Colony *colony, guint source)
{
    Rival *rival = colony->rival;

    for (guint i = rival->unit_first[source]; i < rival->unit_first[source + 1]; i++) {
        guint unit = rival->unit_at[i];

        if (colony->where[unit] != PLACE_NOWHERE) {
            colony->cost += rival_shift(rival, unit, source);
            colony->moves -= rival->units->first[unit + 1] - rival->units->first[unit];
            colony->where[unit] = PLACE_NOWHERE;
        }
    }
}

static void visit(Colony *colony, guint source)
{
    while (!is_done(colony, source)) {
        guint length = find_tuples(colony, source);
        Tuple tuple;

        if (length > 0) {
            tuple = choose(colony, length);
        } else if (!find_any(colony, source, &tuple)) {
            break;
        }
        if (tuple.slot < CANDIDATES_MAX) {
            double *tau = &colony->tau[(gsize)CANDIDATES_MAX * tuple.unit + tuple.slot];

            *tau = (1 - ACO.rho) * *tau + ACO.rho * colony->tau_0;
        }
        if (!apply(colony, source, &tuple)) {
            if (tuple.slot == CANDIDATES_MAX) {
                break;
            }
            colony->is_undone[(gsize)CANDIDATES_MAX * tuple.unit + tuple.slot] = TRUE;
        }
    }
    forget_units(colony, source);
    if (is_consolidating(colony)) {
        if (colony->rival->state->vms_on[source] > 0) {
            undo_visit(colony, source);
        } else {
            colony->released++;
        }
    }
}

static int compare_sources(gconstpointer a, gconstpointer b, gpointer user)
{
    const double *key = user;
    guint left = *(const guint *)a;
    guint right = *(const guint *)b;

    if (key[left] != key[right]) {
        return key[left] < key[right] ? -1 : 1;
    }
    return left < right ? -1 : left > right;
}

static void order_sources(Colony *colony)
{
    if (!is_consolidating(colony)) {
        return;
    }
    for (guint s = 0; s < colony->sources_length; s++) {
        double factor = colony->q0 < 1 ? pow(ACO.spread, rng_range(&colony->rng, -1, 1)) : 1;

        colony->source_key[colony->sources[s]] = factor * place_state_highest(colony->rival->state, colony->sources[s]);
    }
    g_qsort_with_data(colony->sources, (int)colony->sources_length, sizeof(guint), compare_sources, colony->source_key);
}

static Worth worth_of(const Colony *colony)
{
    const Rival *rival = colony->rival;
    double cost = colony->cost;

    if (is_consolidating(colony)) {
        return (Worth){colony->released, -(double)colony->moves};
    }
    for (guint s = 0; s < rival->sources_length; s++) {
        cost += penalty_at(colony, rival->sources[s]);
    }
    for (guint u = 0; u < rival->units->length && rival->task->kind == PLACE_EVACUATE; u++) {
        cost += colony->where[u] == PLACE_NOWHERE ? ACO.penalty : 0;
    }
    return (Worth){-cost, 0};
}

/* f of the plan that is worth 'worth'. */
static double score_of(const Colony *colony, Worth worth)
{
    if (is_consolidating(colony)) {
        return pow(worth.first, ACO.g) + 1 / MAX(-worth.second, 1);
    }
    return 1 / (ACO.epsilon + MAX(-worth.first, 0));
}

/* One ant; its plan is kept when it is the best so far. */
static void walk(Colony *colony)
{
    Rival *rival = colony->rival;
    Worth worth;

    for (guint u = 0; u < rival->units->length; u++) {
        colony->where[u] = PLACE_NOWHERE;
    }
    colony->cost = 0;
    colony->released = 0;
    colony->moves = 0;
    order_sources(colony);
    for (guint s = 0; s < colony->sources_length; s++) {
        if (!is_consolidating(colony) || rival_can_be_emptied(rival, colony->sources[s])) {
            visit(colony, colony->sources[s]);
        }
    }
    worth = worth_of(colony);
    if (worth.first > colony->best.first || (worth.first == colony->best.first && worth.second > colony->best.second)) {
        colony->best = worth;
        memcpy(colony->best_where, colony->where, sizeof(guint) * rival->units->length);
        memcpy(colony->best_slot, colony->slot, sizeof(guint) * rival->units->length);
    }
    for (guint u = 0; u < rival->units->length; u++) {
        if (colony->where[u] != PLACE_NOWHERE) {
            rival_put(rival, u, rival->units->home[u]);
        }
    }
}

static void reward_best(Colony *colony)
{
    double f = score_of(colony, colony->best) / colony->greedy_f;

    for (guint u = 0; u < colony->rival->units->length; u++) {
        if (colony->best_where[u] != PLACE_NOWHERE && colony->best_slot[u] < CANDIDATES_MAX) {
            double *tau = &colony->tau[(gsize)CANDIDATES_MAX * u + colony->best_slot[u]];

            *tau = (1 - ACO.a) * *tau + ACO.a * f;
        }
    }
}

static void search(Colony *colony)
{
    guint iterations = MAX(1, (guint)((guint64)ACO.iterations * colony->rival->options->effort / 100));

    walk(colony); /* the greedy ant */
    colony->greedy_f = score_of(colony, colony->best);
    colony->q0 = ACO.q0;
    for (guint i = 0; i < iterations; i++) {
        for (guint k = 0; k < ACO.ants; k++) {
            walk(colony);
        }
        reward_best(colony);
    }
}

static gboolean place_aco(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                          PlaceResult *result, GError **error)
{
    g_autoptr(Rival) rival = rival_new(problem, task, options);
    Colony colony;

    colony_init(&colony, rival);
    search(&colony);
    for (guint u = 0; u < rival->units->length; u++) {
        if (colony.best_where[u] != PLACE_NOWHERE) {
            rival_put(rival, u, colony.best_where[u]);
        }
    }
    colony_clear(&colony);
    rival_finish(rival, result);
    return TRUE;
}

const Grouping PLACER_ACO = {
    .name = "aco",
    .summary = "ACO-VMM: VMs and destinations by an ant colony system",
    .tasks = 1 << PLACE_RELIEVE | 1 << PLACE_EVACUATE | 1 << PLACE_CONSOLIDATE,
    .place = place_aco,
};
