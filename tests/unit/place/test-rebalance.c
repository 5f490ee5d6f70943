/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/rebalance*.c: verdicts by example, fewest moves against enumeration, and whole days in which nothing may
 * flap. */
#include "place/exact.h"
#include "place/rebalance.h"
#include "tests/unit/place/place-cases.h"

#include <string.h>

#define WINDOW 10

typedef struct Small {
    PlaceHost hosts[3];
    PlaceVm vms[6];
    PlaceProblem problem;
    PlaceOptions options;
    RebalanceRules rules;
    double used[3][WINDOW];
    RebalanceSamples windows[3];
    RebalanceInput input;
} Small;

/* h1 has five VMs of 2 cores of 12, so 0.83; h2 and h3 are nearly empty. */
static void small_init(Small *small)
{
    static const char *const HOSTS[] = {"h1", "h2", "h3"};
    static const char *const VMS[] = {"a", "b", "c", "d", "e", "f"};

    memset(small, 0, sizeof *small);
    for (guint h = 0; h < 3; h++) {
        small->hosts[h] = (PlaceHost){.name = HOSTS[h], .capacity = {12, 1000}, .reservable = {99, 1000}, .may_receive = TRUE};
        small->windows[h] = (RebalanceSamples){.used = {small->used[h], NULL}, .length = WINDOW};
        for (guint i = 0; i < WINDOW; i++) {
            small->used[h][i] = h == 0 ? 10.0 / 12 : 0.1;
        }
    }
    for (guint v = 0; v < 6; v++) {
        small->vms[v] = (PlaceVm){.name = VMS[v], .host = v < 5 ? 0 : 1, .demand = {v < 5 ? 2 : 1, 100},
                                  .reserved = {2, 100}, .memory_mib = 100, .mean_load = 0.1 * v};
    }
    place_options_init(&small->options);
    rebalance_rules_init(&small->rules);
    small->problem = (PlaceProblem){.hosts = small->hosts, .hosts_length = 3, .vms = small->vms, .vms_length = 6};
    small->input = (RebalanceInput){.problem = &small->problem, .windows = small->windows, .now_s = 100000};
}

static Rebalance *decide(const Small *small)
{
    g_autoptr(GError) error = NULL;
    Rebalance *decision = rebalance_decide(&small->input, groupings()[0], &small->options, &small->rules, &error);

    g_assert_no_error(error);
    return decision;
}

static const RebalanceVerdict *verdict_of(const Rebalance *decision, guint host)
{
    return &g_array_index(decision->verdicts, RebalanceVerdict, host);
}

static const PlaceMove *move_of(const Rebalance *decision, guint index)
{
    return &g_array_index(decision->result->moves, PlaceMove, index);
}

static void test_sustained_overload_is_relieved(void)
{
    Small small;
    g_autoptr(Rebalance) decision = NULL;

    small_init(&small);
    decision = decide(&small);
    g_assert_cmpint(verdict_of(decision, 0)->kind, ==, REBALANCE_RELIEVED);
    g_assert_cmpint(verdict_of(decision, 1)->kind, ==, REBALANCE_CALM);
    g_assert_cmpuint(decision->result->moves->len, ==, 1);
    g_assert_cmpuint(move_of(decision, 0)->source, ==, 0);
    g_assert_cmpuint(decision->result->totals.overloaded_before, ==, 1);
    g_assert_cmpuint(decision->result->totals.overloaded_after, ==, 0);
    g_assert_cmpstr(verdict_of(decision, 0)->why, ==,
                    "h1: CPU 0.83 on average, above 0.80 in 10 of 10 samples; 1 VM leaves, 0.67 then");
    g_assert_nonnull(strstr(move_of(decision, 0)->why, "h1 CPU 0.83"));
}

static void test_a_burst_moves_nobody(void)
{
    Small small;
    g_autoptr(Rebalance) decision = NULL;

    small_init(&small);
    for (guint i = 0; i < 7; i++) {
        small.used[0][i] = 0.7;
    }
    decision = decide(&small);
    g_assert_cmpint(verdict_of(decision, 0)->kind, ==, REBALANCE_BURST);
    g_assert_cmpuint(decision->result->moves->len, ==, 0);
    g_assert_cmpstr(verdict_of(decision, 0)->why, ==, "h1: CPU 0.83 now, but above 0.80 in 3 of 10 samples only");
}

static void test_too_few_samples(void)
{
    Small small;
    g_autoptr(Rebalance) decision = NULL;

    small_init(&small);
    small.windows[0].length = 2;
    decision = decide(&small);
    g_assert_cmpint(verdict_of(decision, 0)->kind, ==, REBALANCE_BURST);
    g_assert_cmpstr(verdict_of(decision, 0)->why, ==,
                    "h1: CPU 0.83 now, but there are only 2 samples yet, and 3 are needed");
    g_assert_cmpuint(decision->result->moves->len, ==, 0);
}

static void test_a_receiver_is_held(void)
{
    static const RebalancePast PAST[] = {{.vm = 0, .source = 1, .destination = 0, .at_s = 100000 - 600}};
    Small small;
    g_autoptr(Rebalance) decision = NULL;

    small_init(&small);
    small.input.history = PAST;
    small.input.history_length = 1;
    decision = decide(&small);
    g_assert_cmpint(verdict_of(decision, 0)->kind, ==, REBALANCE_HELD);
    g_assert_cmpuint(decision->result->moves->len, ==, 0);
    g_assert_nonnull(strstr(verdict_of(decision, 0)->why, "held: a came 10 minutes ago, nobody leaves for another 20 minutes"));
}

static void test_danger_yields_but_spares_the_held(void)
{
    static const RebalancePast PAST[] = {{.vm = 0, .source = 1, .destination = 0, .at_s = 100000 - 600}};
    Small small;
    g_autoptr(Rebalance) decision = NULL;

    small_init(&small);
    small.input.history = PAST;
    small.input.history_length = 1;
    for (guint i = 0; i < WINDOW; i++) {
        small.used[0][i] = 0.97;
    }
    decision = decide(&small);
    g_assert_cmpint(verdict_of(decision, 0)->kind, ==, REBALANCE_RELIEVED);
    g_assert_true(verdict_of(decision, 0)->is_danger);
    g_assert_cmpuint(decision->result->moves->len, >, 0);
    for (guint i = 0; i < decision->result->moves->len; i++) {
        g_assert_cmpuint(move_of(decision, i)->vm, !=, 0); /* a is held, others do as well */
    }
}

static void test_held_vm_leaves_with_a_reason(void)
{
    static const RebalancePast PAST[] = {{.vm = 0, .source = 2, .destination = 0, .at_s = 100000 - 600}};
    Small small;
    g_autoptr(Rebalance) decision = NULL;

    small_init(&small);
    small.input.history = PAST;
    small.input.history_length = 1;
    for (guint i = 0; i < WINDOW; i++) {
        small.used[0][i] = 0.97;
    }
    for (guint v = 1; v < 5; v++) {
        small.vms[v].is_pinned = TRUE;
    }
    small.vms[0].demand[RESOURCE_CPU] = 4;
    decision = decide(&small);
    g_assert_cmpuint(decision->result->moves->len, ==, 1);
    g_assert_cmpuint(move_of(decision, 0)->vm, ==, 0);
    g_assert_nonnull(strstr(move_of(decision, 0)->why, "although held: it was moved 10 minutes ago: h1 is in danger, 0.97 > 0.95"));
}

static void test_exempt_and_stuck(void)
{
    static const gboolean EXEMPT[] = {TRUE, FALSE, FALSE};
    Small small;
    g_autoptr(Rebalance) exempt = NULL;
    g_autoptr(Rebalance) stuck = NULL;

    small_init(&small);
    small.input.is_exempt = EXEMPT;
    exempt = decide(&small);
    g_assert_cmpint(verdict_of(exempt, 0)->kind, ==, REBALANCE_EXEMPT);
    g_assert_cmpuint(exempt->result->moves->len, ==, 0);
    small.input.is_exempt = NULL;
    small.hosts[1].may_receive = small.hosts[2].may_receive = FALSE;
    stuck = decide(&small);
    g_assert_cmpint(verdict_of(stuck, 0)->kind, ==, REBALANCE_STUCK);
    g_assert_nonnull(strstr(verdict_of(stuck, 0)->why, "nobody who may leave finds room"));
    g_assert_cmpuint(stuck->result->left_over->len, ==, 1);
    g_assert_cmpuint(stuck->result->reasons->len, >, 0);
}

/* The cheapest cost, and the fewest VMs of a plan that costs at most (1 + within) times that, by looking at all. */
static guint fewest_by_enumeration(const Relief *relief, ReliefLevel level, double within)
{
    g_autoptr(ReliefPlan) plan = relief_plan_new(relief);
    double best = INFINITY;
    guint fewest = G_MAXUINT;

    for (guint pass = 0; pass < 2; pass++) {
        guint at = 0;

        while (at < relief->units) {
            gboolean is_allowed = relief_is_feasible(relief, plan, level);

            for (guint a = 0; a < relief->stay && is_allowed; a++) {
                is_allowed = plan->room[a][0] >= 0 && plan->room[a][1] >= 0 && plan->room_reserved[a][0] >= 0 &&
                             plan->room_reserved[a][1] >= 0;
            }
            if (is_allowed && pass == 0) {
                best = MIN(best, plan->cost);
            } else if (is_allowed && plan->cost <= best * (1 + within)) {
                fewest = MIN(fewest, plan->vms_leaving);
            }
            for (at = 0; at < relief->units; at++) {
                guint next = plan->to[at] == 0 ? relief->stay : plan->to[at] - 1;

                relief_put(relief, plan, at, next);
                if (next != relief->stay) {
                    break;
                }
            }
        }
    }
    return fewest;
}

static void test_fewest_moves(void)
{
    static const double WITHIN[] = {0.1, 1.0};
    Rng rng = rng_new(1);
    guint compared = 0;

    for (guint i = 0; i < 120; i++) {
        PlaceOptions options;
        RebalanceRules rules;
        CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 4 + rng_below(&rng, 5), .others = 2, .vms_per_other = 1};
        g_autoptr(Case) it = NULL;
        g_autoptr(ReliefWorld) world = NULL;
        g_autoptr(Relief) relief = NULL;
        g_autoptr(Rebalance) decision = NULL;
        static const guint HOSTS[] = {1, 2};
        RebalanceInput input = {0};
        ExactAnswer exact;

        place_options_init(&options);
        rebalance_rules_init(&rules);
        options.objective = i & 2 ? OBJECTIVE_SEED : OBJECTIVE_FULL;
        rules.tolerance = WITHIN[i % 2];
        rules.margin = 0;
        it = case_new(&shape, &options, &rng);
        for (guint v = 0; v < shape.vms_per_overloaded; v++) { /* some cost less for their size: several of them may be cheaper */
            it->vms[v].memory_mib *= v % 2 ? 0.4 : 1;
            it->vms[v].mean_load *= v % 2 ? 0.4 : 1;
        }
        world = relief_world_new(&it->problem, &options);
        relief = relief_new(world, 0, NULL, 0, HOSTS, 2);
        g_assert_true(exact_relieve(world, 0, HOSTS, 2, &exact, NULL));
        input.problem = &it->problem;
        decision = rebalance_decide(&input, groupings()[0], &options, &rules, NULL);
        if (exact.level != RELIEF_SOME) {
            g_assert_cmpuint(decision->result->moves->len, ==, fewest_by_enumeration(relief, exact.level, rules.tolerance));
            compared++;
        }
        exact_answer_clear(&exact);
    }
    g_assert_cmpuint(compared, >, 60);
}

/* b and c together are a little cheaper than a alone. */
static void test_one_instead_of_two(void)
{
    static const double DEMAND[] = {1, 0.5, 0.5, 4, 4};
    static const double LOAD[] = {0.104, 0.05, 0.05, 0.9, 0.9};

    for (guint pass = 0; pass < 2; pass++) {
        Small small;
        g_autoptr(Rebalance) decision = NULL;

        small_init(&small);
        small.options.objective = OBJECTIVE_SEED;
        small.options.gamma = 0;
        small.options.theta = 0; /* nobody talks to anybody */
        small.rules.tolerance = pass ? 0.05 : 0;
        for (guint v = 0; v < 5; v++) {
            small.vms[v].demand[RESOURCE_CPU] = DEMAND[v];
            small.vms[v].mean_load = LOAD[v];
        }
        decision = decide(&small);
        g_assert_cmpuint(decision->result->moves->len, ==, pass ? 1 : 2);
        g_assert_cmpuint(move_of(decision, 0)->vm, ==, pass ? 0 : 1);
    }
}

/* A day of a fleet whose VMs swing around the threshold.  What the policy does is done, and remembered. */
#define DAY_HOSTS  6
#define DAY_VMS    30
#define DAY_TICKS  144
#define DAY_TICK_S 300.0

typedef struct Day {
    PlaceHost hosts[DAY_HOSTS];
    PlaceVm vms[DAY_VMS];
    double demand[DAY_VMS][DAY_TICKS];
    double used[DAY_HOSTS][WINDOW];
    RebalancePast history[2000];
    guint history_length;
    guint overloaded;  /* hosts times ticks above 0.8 */
    guint excused;     /* moves within the hold time, with a reason */
} Day;

static void day_init(Day *day, double swing, double period_ticks, Rng *rng)
{
    static const char *const NAMES[] = {"h1", "h2", "h3", "h4", "h5", "h6"};

    memset(day, 0, sizeof *day);
    for (guint h = 0; h < DAY_HOSTS; h++) {
        day->hosts[h] = (PlaceHost){.name = NAMES[h], .capacity = {16, 64000}, .reservable = {64, 64000}, .may_receive = TRUE};
    }
    for (guint v = 0; v < DAY_VMS; v++) {
        double mean = rng_range(rng, 1, 3);
        double phase = rng_range(rng, 0, 1);

        day->vms[v] = (PlaceVm){.name = "vm", .host = rng_below(rng, 3) ? v % DAY_HOSTS : v % 2, .reserved = {1, 2000},
                                .memory_mib = 2000, .dirty_mib_per_s = 5, .working_set_mib = 500, .mean_load = mean / 4};
        day->vms[v].demand[RESOURCE_MEMORY] = 2000;
        for (guint t = 0; t < DAY_TICKS; t++) {
            double angle = 2 * G_PI * (t / period_ticks + phase * 0.2);

            day->demand[v][t] = MAX(0.05, mean * (1 + swing * sin(angle)) + rng_normal(rng, 0, 0.1));
        }
    }
}

static void day_observe(Day *day, guint tick, RebalanceSamples *windows)
{
    guint length = MIN(tick + 1, WINDOW);

    memset(day->used, 0, sizeof day->used);
    for (guint v = 0; v < DAY_VMS; v++) {
        double sum = 0;

        for (guint i = 0; i < length; i++) {
            double demand = day->demand[v][tick + 1 - length + i];

            day->used[day->vms[v].host][i] += demand / 16;
            sum += demand;
        }
        day->vms[v].demand[RESOURCE_CPU] = sum / length;
    }
    for (guint h = 0; h < DAY_HOSTS; h++) {
        windows[h] = (RebalanceSamples){.used = {day->used[h], NULL}, .length = length};
        day->overloaded += day->used[h][length - 1] > 0.8;
    }
}

static void day_act(Day *day, const Rebalance *decision, double now_s, double hold_s)
{
    for (guint i = 0; i < decision->result->moves->len; i++) {
        const PlaceMove *move = move_of(decision, i);

        for (guint k = 0; k < day->history_length; k++) {
            if (day->history[k].vm == move->vm && now_s - day->history[k].at_s < hold_s) {
                g_assert_nonnull(strstr(move->why, "although held"));
                day->excused++;
                break;
            }
        }
        g_assert_cmpuint(day->history_length, <, G_N_ELEMENTS(day->history));
        day->history[day->history_length++] =
            (RebalancePast){.vm = move->vm, .source = move->source, .destination = move->destination, .at_s = now_s};
        day->vms[move->vm].host = move->destination;
    }
}

static void day_run(Day *day, const RebalanceRules *rules)
{
    PlaceOptions options;
    PlaceProblem problem = {.hosts = day->hosts, .hosts_length = DAY_HOSTS, .vms = day->vms, .vms_length = DAY_VMS};

    place_options_init(&options);
    for (guint tick = 0; tick < DAY_TICKS; tick++) {
        RebalanceSamples windows[DAY_HOSTS];
        RebalanceInput input = {.problem = &problem, .windows = windows, .history = day->history,
                                .history_length = day->history_length, .now_s = tick * DAY_TICK_S};
        g_autoptr(Rebalance) decision = NULL;
        g_autoptr(GError) error = NULL;

        day_observe(day, tick, windows);
        decision = rebalance_decide(&input, groupings()[0], &options, rules, &error);
        g_assert_no_error(error);
        day_act(day, decision, input.now_s, rules->hold_s);
    }
}

static void test_nothing_flaps(void)
{
    static const double SWINGS[] = {0.1, 0.3, 0.5};
    Rng rng = rng_new(3);

    for (guint s = 0; s < G_N_ELEMENTS(SWINGS); s++) {
        for (guint p = 0; p < 2; p++) {
            Day calm, nervous;
            RebalanceRules rules;
            RebalanceRules none = {.share_min = 0, .samples_min = 1, .danger = 2};
            double period_ticks = (const double[]){4, 48}[p];

            rebalance_rules_init(&rules);
            day_init(&calm, SWINGS[s], period_ticks, &rng);
            nervous = calm;
            day_run(&calm, &rules);
            day_run(&nervous, &none);
            g_test_message("swing %.1f, period %.0f ticks: %u moves (%u excused), %u host-ticks above; without rules %u, %u",
                           SWINGS[s], period_ticks, calm.history_length, calm.excused, calm.overloaded,
                           nervous.history_length, nervous.overloaded);
            g_assert_cmpuint(calm.history_length, <=, 30); /* one per VM and half a day */
            if (SWINGS[s] <= 0.1) {
                g_assert_cmpuint(calm.history_length, <=, 15);
            }
        }
    }
}

static void test_samples_of_a_host(void)
{
    Small small;
    static const double A[] = {1, 2}, B[] = {3, 3};
    const double *demand[] = {A, B, NULL, NULL, NULL, NULL};
    g_autofree double *used = NULL;

    small_init(&small);
    small.hosts[0].base_demand[RESOURCE_CPU] = 1;
    used = rebalance_host_samples(&small.problem, 0, RESOURCE_CPU, demand, 2);
    g_assert_cmpfloat_with_epsilon(used[0], (1 + 1 + 3 + 6) / 12.0, 1e-12);
    g_assert_cmpfloat_with_epsilon(used[1], (1 + 2 + 3 + 6) / 12.0, 1e-12);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rebalance/sustained-overload-is-relieved", test_sustained_overload_is_relieved);
    g_test_add_func("/rebalance/a-burst-moves-nobody", test_a_burst_moves_nobody);
    g_test_add_func("/rebalance/too-few-samples", test_too_few_samples);
    g_test_add_func("/rebalance/a-receiver-is-held", test_a_receiver_is_held);
    g_test_add_func("/rebalance/danger-yields-but-spares-the-held", test_danger_yields_but_spares_the_held);
    g_test_add_func("/rebalance/held-vm-leaves-with-a-reason", test_held_vm_leaves_with_a_reason);
    g_test_add_func("/rebalance/exempt-and-stuck", test_exempt_and_stuck);
    g_test_add_func("/rebalance/fewest-moves", test_fewest_moves);
    g_test_add_func("/rebalance/one-instead-of-two", test_one_instead_of_two);
    g_test_add_func("/rebalance/nothing-flaps", test_nothing_flaps);
    g_test_add_func("/rebalance/samples-of-a-host", test_samples_of_a_host);
    return g_test_run();
}
