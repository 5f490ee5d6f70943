/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/state.c: sums and verdicts after random moves against the same reckoned from nothing. */
#include "place/state.h"
#include "tests/unit/place/place-cases.h"

static PlaceOptions options_for_tests(void)
{
    return (PlaceOptions){.safe_low = 0.5, .safe_high = 0.8};
}

/* Too simple to be wrong: all sums anew, every rule looked at. */
static gboolean fits_from_nothing(const PlaceState *state, const guint *coming, guint coming_length, guint host)
{
    const PlaceProblem *problem = state->problem;
    const PlaceHost *there = &problem->hosts[host];
    g_autofree guint *host_of = g_memdup2(state->host_of, problem->vms_length * sizeof(guint));

    for (guint i = 0; i < coming_length; i++) {
        const PlaceVm *vm = &problem->vms[coming[i]];

        host_of[coming[i]] = host;
        if (vm->host != host && (vm->is_pinned || !there->may_receive ||
                                 (vm->cpu_class && !(vm->cpu_class & there->cpu_classes)))) {
            return FALSE;
        }
    }
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double demand = there->base_demand[r];
        double reserved = there->base_reserved[r];

        for (guint v = 0; v < problem->vms_length; v++) {
            demand += host_of[v] == host ? problem->vms[v].demand[r] : 0;
            reserved += host_of[v] == host ? problem->vms[v].reserved[r] : 0;
        }
        if (demand > state->options->safe_high * there->capacity[r] + 1e-6 || reserved > there->reservable[r] + 1e-6) {
            return FALSE;
        }
    }
    for (guint r = 0; r < problem->rules_length; r++) {
        const PlaceRule *rule = &problem->rules[r];
        guint arrivals = 0, there_after = 0, elsewhere = 0;

        for (guint i = 0; i < rule->vms_length; i++) {
            for (guint c = 0; c < coming_length; c++) {
                arrivals += coming[c] == rule->vms[i];
            }
            there_after += host_of[rule->vms[i]] == host;
            elsewhere += host_of[rule->vms[i]] != host && host_of[rule->vms[i]] != PLACE_NOWHERE;
        }
        if (arrivals && (rule->kind == PLACE_RULE_APART ? there_after > 1 : elsewhere > 0)) {
            return FALSE;
        }
    }
    return TRUE;
}

static void check_sums(const PlaceState *state)
{
    const PlaceProblem *problem = state->problem;

    for (guint h = 0; h < problem->hosts_length; h++) {
        guint count = 0;

        for (int r = 0; r < RESOURCE_COUNT; r++) {
            double demand = problem->hosts[h].base_demand[r];
            double reserved = problem->hosts[h].base_reserved[r];

            count = 0;
            for (guint v = 0; v < problem->vms_length; v++) {
                demand += state->host_of[v] == h ? problem->vms[v].demand[r] : 0;
                reserved += state->host_of[v] == h ? problem->vms[v].reserved[r] : 0;
                count += state->host_of[v] == h;
            }
            g_assert_cmpfloat_with_epsilon(state->demand[h][r], demand, 1e-6);
            g_assert_cmpfloat_with_epsilon(state->reserved[h][r], reserved, 1e-6);
            g_assert_cmpfloat_with_epsilon(place_state_utilisation(state, h, (Resource)r),
                                           demand / problem->hosts[h].capacity[r], 1e-9);
        }
        g_assert_cmpuint(state->vms_on[h], ==, count);
    }
}

static void test_random_moves(void)
{
    Rng rng = rng_new(1);
    PlaceOptions options = options_for_tests();
    guint answers[2] = {0};

    for (guint round = 0; round < 20; round++) {
        CaseShape shape = {.overloaded = 2, .vms_per_overloaded = 8, .others = 4, .vms_per_other = 5, .with_rules = TRUE};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(PlaceState) state = place_state_new(&it->problem, &options);

        for (guint step = 0; step < 300; step++) {
            guint vm = rng_below(&rng, it->problem.vms_length);
            guint host = rng_below(&rng, it->problem.hosts_length + 1);

            host = host == it->problem.hosts_length ? PLACE_NOWHERE : host;
            if (host != PLACE_NOWHERE && host != state->host_of[vm]) {
                gboolean fits = place_state_fits(state, vm, host);

                g_assert_cmpint(fits, ==, fits_from_nothing(state, &vm, 1, host));
                answers[fits]++;
            }
            place_state_move(state, vm, host);
        }
        check_sums(state);
    }
    g_assert_cmpuint(answers[0], >, 100);
    g_assert_cmpuint(answers[1], >, 100);
}

static void test_several_at_once(void)
{
    Rng rng = rng_new(2);
    PlaceOptions options = options_for_tests();
    guint answers[2] = {0};

    for (guint round = 0; round < 200; round++) {
        CaseShape shape = {.overloaded = 2, .vms_per_overloaded = 12, .others = 4, .vms_per_other = 3, .with_rules = TRUE};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        g_autoptr(PlaceState) state = place_state_new(&it->problem, &options);

        for (guint step = 0; step < 20; step++) {
            guint vms[3] = {rng_below(&rng, 12)};
            guint length = 1 + rng_below(&rng, 3);
            guint host = 1 + rng_below(&rng, 5);
            gboolean fits = FALSE;

            vms[1] = (vms[0] + 1) % 12;
            vms[2] = (vms[0] + 2) % 12;
            fits = place_state_fits_all(state, vms, length, host);
            g_assert_cmpint(fits, ==, fits_from_nothing(state, vms, length, host));
            answers[fits]++;
        }
    }
    g_assert_cmpuint(answers[0], >, 100);
    g_assert_cmpuint(answers[1], >, 100);
}

static void test_exactly_full_is_within(void)
{
    PlaceOptions options = options_for_tests();
    PlaceHost hosts[] = {
        {.name = "a", .capacity = {10, 10}, .reservable = {10, 10}, .may_receive = TRUE},
        {.name = "b", .capacity = {10, 10}, .reservable = {10, 10}, .base_demand = {7.7, 0}, .may_receive = TRUE}};
    PlaceVm vms[] = {{.name = "v", .host = 0, .demand = {0.3, 1}}, {.name = "w", .host = 0, .demand = {0.30001, 1}}};
    PlaceProblem problem = {.hosts = hosts, .hosts_length = 2, .vms = vms, .vms_length = 2};
    g_autoptr(PlaceState) state = place_state_new(&problem, &options);

    g_assert_true(place_state_fits(state, 0, 1));
    g_assert_false(place_state_fits(state, 1, 1));
    place_state_move(state, 0, 1);
    g_assert_false(place_state_is_overloaded(state, 1));
    place_state_move(state, 1, 1);
    g_assert_true(place_state_is_overloaded(state, 1));
}

static void test_communication(void)
{
    PlaceOptions options = options_for_tests();
    PlaceHost hosts[] = {{.name = "a", .capacity = {10, 10}, .place = 0},
                         {.name = "b", .capacity = {10, 10}, .place = 1},
                         {.name = "c", .capacity = {10, 10}, .place = 15}};
    PlaceVm vms[] = {{.name = "u", .host = 0}, {.name = "v", .host = 0}, {.name = "w", .host = 1}};
    TrafficBuilder *builder = traffic_builder_new(3);
    g_autoptr(Topology) topology = topology_fat_tree(4, NULL);
    g_autoptr(Traffic) traffic = NULL;
    PlaceProblem problem = {.hosts = hosts, .hosts_length = 3, .vms = vms, .vms_length = 3, .topology = topology};
    g_autoptr(PlaceState) state = NULL;

    traffic_builder_add(builder, 0, 1, 5);
    traffic_builder_add(builder, 0, 2, 7);
    problem.traffic = traffic = traffic_builder_end(builder);
    state = place_state_new(&problem, &options);
    g_assert_cmpfloat(place_state_communication(state, 0, 0), ==, 7 * 2);
    g_assert_cmpfloat(place_state_communication(state, 0, 2), ==, 5 * 6 + 7 * 6);
    place_state_move(state, 1, PLACE_NOWHERE); /* counts as where it was */
    g_assert_cmpfloat(place_state_communication(state, 0, 2), ==, 5 * 6 + 7 * 6);
    place_state_move(state, 1, 2);
    g_assert_cmpfloat(place_state_communication(state, 0, 2), ==, 7 * 6);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/state/random-moves-keep-the-sums", test_random_moves);
    g_test_add_func("/state/several-at-once", test_several_at_once);
    g_test_add_func("/state/exactly-full-is-within", test_exactly_full_is_within);
    g_test_add_func("/state/communication", test_communication);
    return g_test_run();
}
