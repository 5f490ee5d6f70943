/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/exact.c, relief*.c: every plan of small random hosts is enumerated and judged from the definitions,
 * with code that shares nothing with the searches. */
#include "place/exact.h"
#include "place/relief-search.h"
#include "base/error.h"
#include "tests/unit/place/place-cases.h"

#include <math.h>
#include <string.h>

static gboolean talks(const Case *it, guint a, guint b)
{
    return traffic_between(it->traffic, a, b) > 0;
}

static guint component_size(const Case *it, const guint *to, guint length, guint start)
{
    gboolean is_in[32] = {FALSE};
    gboolean has_grown = TRUE;
    guint size = 1;

    is_in[start] = TRUE;
    while (has_grown) {
        has_grown = FALSE;
        for (guint v = 0; v < length; v++) {
            for (guint u = 0; u < length && !is_in[v]; u++) {
                if (is_in[u] && to[v] == 0 && talks(it, u, v)) {
                    is_in[v] = has_grown = TRUE;
                    size++;
                    break;
                }
            }
        }
    }
    return size;
}

static double doc_of(const Case *it, const PlaceOptions *options, const guint *to, guint length)
{
    guint staying = 0, best = 0, talking = 0;

    for (guint v = 0; v < length; v++) {
        gboolean has_friend = FALSE;

        if (to[v] != 0) {
            continue;
        }
        staying++;
        best = MAX(best, component_size(it, to, length, v));
        for (guint u = 0; u < length; u++) {
            has_friend = has_friend || (u != v && to[u] == 0 && talks(it, u, v));
        }
        talking += has_friend;
    }
    return staying <= 1 ? 1 : (double)(options->doc == DOC_DEGREE ? talking : best) / staying;
}

/* VMs 0 .. length - 1 are on host 0; to[v] is the host where it goes.  The strictest level that holds, 3 for none. */
static guint level_of(const Case *it, const PlaceOptions *options, const guint *to, guint length)
{
    const PlaceProblem *problem = &it->problem;
    const PlaceHost *source = &problem->hosts[0];
    g_autoptr(PlaceState) state = place_state_new(problem, options);
    guint bottleneck = place_state_utilisation(state, 0, RESOURCE_CPU) >= place_state_utilisation(state, 0, RESOURCE_MEMORY)
                           ? RESOURCE_CPU
                           : RESOURCE_MEMORY;
    gboolean is_safe = FALSE;
    guint leaving = 0;

    for (guint v = 0; v < length; v++) {
        if (to[v] != 0) {
            if (!place_state_may(state, v, to[v])) {
                return 3;
            }
            place_state_move(state, v, to[v]);
            leaving++;
        }
    }
    for (guint h = 1; h < problem->hosts_length; h++) {
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            if (state->demand[h][r] > options->safe_high * problem->hosts[h].capacity[r] + 1e-9 ||
                state->reserved[h][r] > problem->hosts[h].reservable[r] + 1e-6) {
                return 3;
            }
        }
    }
    for (guint r = 0; r < problem->rules_length; r++) {
        const guint *pair = problem->rules[r].vms;
        gboolean is_moved = state->host_of[pair[0]] != problem->vms[pair[0]].host ||
                            state->host_of[pair[1]] != problem->vms[pair[1]].host;
        gboolean is_same = state->host_of[pair[0]] == state->host_of[pair[1]];

        if (is_moved && is_same != (problem->rules[r].kind == PLACE_RULE_TOGETHER)) {
            return 3;
        }
    }
    if (place_state_is_overloaded(state, 0)) {
        return 3;
    }
    is_safe = leaving < length && state->demand[0][bottleneck] >= options->safe_low * source->capacity[bottleneck] - 1e-9 &&
              doc_of(it, options, to, length) >= options->theta - 1e-9;
    return is_safe ? RELIEF_SAFE : RELIEF_BELOW;
}

static double cost_of(const Case *it, const PlaceOptions *options, const PlaceCosts *costs, const PlaceRaw *reference,
                      const guint *to, guint length)
{
    PlaceRaw raw = {0};

    for (guint v = 0; v < length; v++) {
        if (to[v] == 0) {
            continue;
        }
        raw.migration_s += costs->migration_s[v];
        raw.energy += it->vms[v].mean_load;
        for (guint u = 0; u < it->problem.vms_length; u++) {
            guint there = u < length ? to[u] : it->vms[u].host;
            gboolean is_counted = u < v && u < length && to[u] != 0; /* an edge within the group, from its other end */

            if (u != v && !is_counted) {
                raw.communication += traffic_between(it->traffic, v, u) * place_distance(&it->problem, to[v], there);
            }
        }
    }
    return place_integrate(options, &raw, reference);
}

typedef struct Optimum {
    guint level;
    double cost;
} Optimum;

static Optimum enumerate(const Case *it, const PlaceOptions *options, guint length)
{
    g_autoptr(PlaceCosts) costs = place_costs_new(&it->problem, options);
    g_autoptr(PlaceState) state = place_state_new(&it->problem, options);
    PlaceRaw reference = place_reference(state, costs, 0);
    Optimum best = {3, INFINITY};
    guint to[32] = {0};
    guint at = 0;

    while (at < length) {
        guint level = level_of(it, options, to, length);
        double cost = level < 3 ? cost_of(it, options, costs, &reference, to, length) : INFINITY;

        if (level < best.level || (level == best.level && cost < best.cost)) {
            best = (Optimum){level, cost};
        }
        for (at = 0; at < length && ++to[at] == it->problem.hosts_length; at++) {
            to[at] = 0;
        }
    }
    return best;
}

static void check_against_enumeration(const char *preset, guint cases, guint64 seed, gboolean with_rules)
{
    Rng rng = rng_new(seed);
    PlaceOptions options;
    guint levels[4] = {0};

    place_options_init(&options);
    g_assert_true(place_options_preset(&options, preset, NULL));
    for (guint i = 0; i < cases; i++) {
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 2 + rng_below(&rng, 5), .others = 1 + rng_below(&rng, 3),
                           .vms_per_other = 2, .with_rules = with_rules};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(ReliefWorld) world = relief_world_new(&it->problem, &options);
        guint hosts[8];
        guint hosts_length = exact_destinations(&it->problem, 0, hosts);
        g_autoptr(GError) error = NULL;
        Optimum optimum = enumerate(it, &options, shape.vms_per_overloaded);
        ExactAnswer answer;

        g_assert_true(exact_relieve(world, 0, hosts, hosts_length, &answer, &error));
        g_assert_no_error(error);
        levels[optimum.level]++;
        g_assert_cmpuint(answer.level, ==, optimum.level == 3 ? RELIEF_SOME : optimum.level);
        if (optimum.level < 3) {
            g_assert_cmpfloat_with_epsilon(answer.cost, optimum.cost, 1e-9);
        }
        exact_answer_clear(&answer);
    }
    g_test_message("%s: %u safe, %u below, %u not at all", preset, levels[0], levels[1], levels[3]);
    g_assert_cmpuint(levels[RELIEF_BELOW], >, 0);
}

static void test_enumeration(void)
{
    check_against_enumeration("experiment", 150, 1, FALSE);
    check_against_enumeration("experiment-seed", 150, 2, FALSE);
    check_against_enumeration("example", 150, 3, FALSE);
    check_against_enumeration("example-seed", 150, 4, FALSE);
}

static void test_enumeration_with_rules(void)
{
    check_against_enumeration("experiment", 200, 5, TRUE);
    check_against_enumeration("experiment-seed", 200, 6, TRUE);
}

/* The Gray code and branch and bound agree where both apply, on hosts too large to enumerate. */
static void test_two_ways(void)
{
    Rng rng = rng_new(7);
    PlaceOptions options;
    guint found = 0;

    place_options_init(&options);
    g_assert_true(place_options_preset(&options, "experiment-seed", NULL));
    options.theta = 0.2;
    for (guint i = 0; i < 40; i++) {
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 10 + rng_below(&rng, 5), .others = 4};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(ReliefWorld) world = relief_world_new(&it->problem, &options);
        static const guint HOSTS[] = {1, 2, 3, 4};
        g_autoptr(Relief) relief = relief_new(world, 0, NULL, 0, HOSTS, 4);

        for (int level = RELIEF_SAFE; level <= RELIEF_BELOW; level++) {
            guint64 nodes = G_MAXUINT64;
            g_autoptr(ReliefPlan) groups = exact_by_groups(relief, (ReliefLevel)level);
            g_autoptr(ReliefPlan) branches = exact_by_branches(relief, (ReliefLevel)level, &nodes);

            g_assert_cmpint(groups != NULL, ==, branches != NULL);
            if (groups) {
                g_assert_cmpfloat_with_epsilon(groups->cost, branches->cost, 1e-9);
                found++;
            }
        }
    }
    g_assert_cmpuint(found, >, 20);
}

static void test_too_large_is_refused(void)
{
    Rng rng = rng_new(8);
    PlaceOptions options;
    CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 30, .others = 2};
    g_autoptr(GError) error = NULL;
    g_autoptr(Case) it = NULL;
    g_autoptr(ReliefWorld) world = NULL;
    static const guint HOSTS[] = {1, 2};
    ExactAnswer answer;

    place_options_init(&options);
    it = case_new(&shape, &options, &rng);
    world = relief_world_new(&it->problem, &options);
    g_assert_false(exact_relieve(world, 0, HOSTS, 2, &answer, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED);
    g_assert_nonnull(strstr(error->message, "h1 has 30 VMs"));
    exact_answer_clear(&answer);
}

/* What a plan says it costs after random changes, against the definitions; and what is left in it. */
static void test_plan_keeps_its_sums(void)
{
    Rng rng = rng_new(9);
    PlaceOptions options;

    place_options_init(&options);
    for (guint i = 0; i < 30; i++) {
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 12, .others = 4, .vms_per_other = 3};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(ReliefWorld) world = relief_world_new(&it->problem, &options);
        static const guint HOSTS[] = {1, 2, 3, 4};
        g_autoptr(Relief) relief = relief_new(world, 0, NULL, 0, HOSTS, 4);
        g_autoptr(ReliefPlan) plan = relief_plan_new(relief);
        PlaceRaw reference = place_reference(world->state, world->costs, 0);
        guint to[32] = {0};

        for (guint step = 0; step < 100; step++) {
            relief_put(relief, plan, rng_below(&rng, relief->units), rng_below(&rng, relief->choices));
        }
        for (guint u = 0; u < relief->units; u++) {
            to[relief->vms[relief->unit_vm[u]]] = relief->destination[plan->to[u]];
        }
        g_assert_cmpfloat_with_epsilon(plan->cost, cost_of(it, &options, world->costs, &reference, to, 12), 1e-9);
        g_assert_cmpfloat_with_epsilon(relief_doc(relief, plan), doc_of(it, &options, to, 12), 1e-12);
        relief_apply(relief, plan, world);
        g_assert_cmpfloat_with_epsilon(world->state->demand[0][RESOURCE_CPU],
                                       place_state_utilisation(world->state, 0, RESOURCE_CPU) *
                                           it->hosts[0].capacity[RESOURCE_CPU],
                                       1e-9);
        for (guint a = 0; a < relief->stay; a++) {
            g_assert_cmpfloat_with_epsilon(plan->room[a][RESOURCE_CPU],
                                           it->hosts[HOSTS[a]].capacity[RESOURCE_CPU] * options.safe_high -
                                               world->state->demand[HOSTS[a]][RESOURCE_CPU],
                                           1e-6);
        }
        relief_undo(relief, world);
        g_assert_cmpuint(world->state->vms_on[0], ==, 12);
    }
}

/* An effort too small for a complete search still gives a feasible plan, never better than the optimum. */
static void test_heuristics_against_optimum(void)
{
    Rng rng = rng_new(10);
    Rng chance = rng_new(1);
    PlaceOptions options;
    const ReliefEffort small = {.nodes = 0, .rounds = 20};
    double sum_gap = 0;
    guint counted = 0;

    place_options_init(&options);
    for (guint i = 0; i < 100; i++) {
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 8 + rng_below(&rng, 7), .others = 5, .vms_per_other = 4};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(ReliefWorld) world = relief_world_new(&it->problem, &options);
        guint hosts[8];
        guint hosts_length = exact_destinations(&it->problem, 0, hosts);
        g_autoptr(Relief) relief = relief_new(world, 0, NULL, 0, hosts, hosts_length);
        ReliefAnswer found = relief_solve(relief, &small, &chance);
        ExactAnswer answer;

        g_assert_true(exact_relieve(world, 0, hosts, hosts_length, &answer, NULL));
        g_assert_cmpuint(found.level, >=, answer.level);
        if (found.plan && found.level == answer.level && found.level != RELIEF_SOME) {
            g_assert_true(relief_is_feasible(relief, found.plan, found.level));
            g_assert_cmpfloat(found.plan->cost, >=, answer.cost - 1e-9);
            sum_gap += found.plan->cost / answer.cost - 1;
            counted++;
        }
        relief_plan_free(found.plan);
        exact_answer_clear(&answer);
    }
    g_test_message("mean gap without complete search %.3f %% of %u", 100 * sum_gap / counted, counted);
    g_assert_cmpuint(counted, >, 80);
    g_assert_cmpfloat(sum_gap / counted, <, 0.02);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/exact/enumeration", test_enumeration);
    g_test_add_func("/exact/enumeration-with-rules", test_enumeration_with_rules);
    g_test_add_func("/exact/two-ways", test_two_ways);
    g_test_add_func("/exact/too-large-is-refused", test_too_large_is_refused);
    g_test_add_func("/relief/plan-keeps-its-sums", test_plan_keeps_its_sums);
    g_test_add_func("/relief/heuristics-against-optimum", test_heuristics_against_optimum);
    return g_test_run();
}
