/* SPDX-License-Identifier: Apache-2.0
 *
 * place/spread.c: destinations are filled evenly where that costs nothing, and only there. */
#include "place-cases.h"
#include "place/grouping-parts.h"
#include "place/spread.h"

typedef struct Small {
    PlaceHost hosts[4]; /* the source and three destinations */
    PlaceVm vms[6];
    PlaceProblem problem;
    PlaceOptions options;
    PlaceResult *result;
} Small;

/* Six VMs that are all sent to the first destination. */
static void set_up(Small *small, gconstpointer data)
{
    static const char *const NAMES[] = {"s", "a", "b", "c"};

    for (guint h = 0; h < 4; h++) {
        small->hosts[h] = (PlaceHost){.name = NAMES[h],
                                      .capacity = {16, 16000},
                                      .reservable = {64, 16000},
                                      .place = h,
                                      .cpu_classes = G_MAXUINT64,
                                      .may_receive = h > 0};
    }
    for (guint v = 0; v < 6; v++) {
        small->vms[v] = (PlaceVm){
            .name = "vm", .reserved = {1, 1000}, .demand = {0.5, 1000}, .memory_mib = 1000, .working_set_mib = INFINITY};
    }
    small->problem = (PlaceProblem){.hosts = small->hosts, .hosts_length = 4, .vms = small->vms, .vms_length = 6};
    place_options_init(&small->options);
    small->options.safe_high = 1;
    small->result = place_result_new();
    for (guint v = 0; v < 6; v++) {
        place_result_add_move(small->result, &small->problem, v, 1, 0, 0, g_strdup("piled up"));
    }
}

static void tear_down(Small *small, gconstpointer data)
{
    place_result_free(small->result);
}

static guint destination(const Small *small, guint vm)
{
    return g_array_index(small->result->moves, PlaceMove, vm).destination;
}

static guint count_on(const Small *small, guint host)
{
    guint count = 0;

    for (guint v = 0; v < 6; v++) {
        count += destination(small, v) == host;
    }
    return count;
}

static void test_fills_evenly(Small *small, gconstpointer data)
{
    place_spread(&small->problem, &small->options, small->result);
    for (guint h = 1; h < 4; h++) {
        g_assert_cmpuint(count_on(small, h), ==, 2);
    }
    g_assert_cmpuint(count_on(small, 0), ==, 0); /* the source does not receive */
}

static void test_keeps_talkers_together(Small *small, gconstpointer data)
{
    TrafficBuilder *builder = traffic_builder_new(6);

    traffic_builder_add(builder, 0, 5, 10);
    g_autoptr(Traffic) traffic = traffic_builder_end(builder);
    small->problem.traffic = traffic;
    place_spread(&small->problem, &small->options, small->result);
    g_assert_cmpuint(destination(small, 0), ==, destination(small, 5));
    for (guint h = 1; h < 4; h++) {
        g_assert_cmpuint(count_on(small, h), ==, 2);
    }
}

/* One that talks to a VM already at a destination stays with it, however full that is. */
static void test_does_not_pay_for_evenness(Small *small, gconstpointer data)
{
    TrafficBuilder *builder = traffic_builder_new(6);

    small->vms[5].host = 1; /* it lives there, and its move is none */
    g_array_remove_index(small->result->moves, 5);
    for (guint v = 0; v < 5; v++) {
        traffic_builder_add(builder, v, 5, 1);
    }
    g_autoptr(Traffic) traffic = traffic_builder_end(builder);
    small->problem.traffic = traffic;
    place_spread(&small->problem, &small->options, small->result);
    for (guint v = 0; v < 5; v++) {
        g_assert_cmpuint(destination(small, v), ==, 1);
    }
}

static void test_keeps_rules(Small *small, gconstpointer data)
{
    static const guint TOGETHER[] = {0, 1, 2};
    static const guint APART[] = {3, 4};
    const PlaceRule rules[] = {{PLACE_RULE_TOGETHER, "t", TOGETHER, 3}, {PLACE_RULE_APART, "a", APART, 2}};

    small->problem.rules = rules;
    small->problem.rules_length = 2;
    g_array_index(small->result->moves, PlaceMove, 4).destination = 2;
    place_spread(&small->problem, &small->options, small->result);
    g_assert_cmpuint(destination(small, 0), ==, destination(small, 1));
    g_assert_cmpuint(destination(small, 0), ==, destination(small, 2));
    g_assert_cmpuint(destination(small, 3), !=, destination(small, 4));
}

/* On random evacuations: allowed, and not a bit dearer. */
static void test_never_costs(void)
{
    Rng rng = rng_new(11);
    PlaceOptions options;
    guint changed = 0;

    place_options_init(&options);
    for (guint round = 0; round < 100; round++) {
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 8, .others = 4, .vms_per_other = 3, .with_rules = TRUE};
        g_autoptr(Case) it = case_new(&shape, &options, &rng);
        guint movers[8];
        PlaceTask task = {PLACE_EVACUATE, movers, 0};
        g_autoptr(PlaceResult) result = NULL;
        g_autoptr(GError) error = NULL;

        for (guint v = 0; v < 8; v++) {
            if (!it->vms[v].is_pinned) {
                movers[task.movers_length++] = v;
            }
        }
        it->hosts[0].may_receive = FALSE;
        result = place_run(grouping_find("local-search", NULL), &it->problem, &task, &options, &error);
        if (!result) {
            continue; /* rules that do not hold at the beginning */
        }
        double before = result->totals.integrated;
        place_spread(&it->problem, &options, result);
        for (guint m = 0; m < result->moves->len; m++) {
            changed += g_str_has_suffix(g_array_index(result->moves, PlaceMove, m).why, "cost least");
        }
        g_assert_true(grouping_check(&it->problem, &task, &options, result, &error));
        grouping_totals(&it->problem, &options, result);
        g_assert_cmpfloat(result->totals.integrated, <=, before + 1e-9);
    }
    g_assert_cmpuint(changed, >, 0);
}

#define ADD(name, func) g_test_add("/spread/" name, Small, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("fills-evenly", test_fills_evenly);
    ADD("keeps-talkers-together", test_keeps_talkers_together);
    ADD("does-not-pay-for-evenness", test_does_not_pay_for_evenness);
    ADD("keeps-rules", test_keeps_rules);
    g_test_add_func("/spread/never-costs", test_never_costs);
    return g_test_run();
}
