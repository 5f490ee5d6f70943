/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/reasons*.c and feasible*.c: each constraint by example, and the size of the smallest set against all
 * subsets of facts, each decided by trying all assignments. */
#include "place/reasons-words.h"
#include "place-world.h"

#include <string.h>

/* h1 is emptied of vm1 (4 cores, 8 GiB); h2 and h3 may take it. */
static void fixture_init(World *world)
{
    world_init(world, 3, 16, 32768);
    world_add_vm(world, 0, 4, 8192);
    world->hosts[0].may_receive = FALSE;
    for (guint h = 1; h < 3; h++) {
        world->hosts[h].is_source = FALSE;
    }
}

static void assert_said(const PlaceResult *result, guint index, guint vm, const char *words)
{
    g_assert_cmpuint(result->reasons->len, >, index);
    const PlaceReason *reason = &g_array_index(result->reasons, PlaceReason, index);

    g_assert_cmpuint(reason->vm, ==, vm);
    if (!strstr(reason->what, words)) {
        g_error("'%s' is not in: %s", words, reason->what);
    }
}

static PlaceResult *evacuate(World *world, guint movers_length)
{
    static const guint MOVERS[] = {0, 1, 2};
    PlaceTask task = {PLACE_EVACUATE, MOVERS, movers_length};
    g_autoptr(GError) error = NULL;
    PlaceOptions options;
    PlaceResult *result;

    place_options_init(&options);
    world_end(world);
    result = place_run(grouping_find("gbm", NULL), &world->problem, &task, &options, &error);
    g_assert_no_error(error);
    world_clear(world);
    return result;
}

static void test_memory_is_short(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.hosts[1].base_reserved[RESOURCE_MEMORY] = 32768 - 3072;
    world.hosts[2].base_reserved[RESOURCE_MEMORY] = 32768 - 2048;
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 0, "memory: vm1 needs 8 GiB; h2 has 3 GiB left to be reserved");
    assert_said(result, 0, 0, "free 5 GiB there or add a host");
}

static void test_cores_are_short(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.hosts[1].base_demand[RESOURCE_CPU] = 10;
    world.hosts[2].base_demand[RESOURCE_CPU] = 11;
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 0, "cpu: vm1 needs 4.00 cores; h2 has 2.80 cores left within the safe range");
}

static void test_cpu_class_is_missing(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.vms[0].cpu_class = 4;
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 0, "no host that may receive can run");
}

/* The one host that has the CPU is full: neither fact alone is in the way. */
static void test_two_facts_of_one_vm(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.vms[0].cpu_class = 4;
    world.hosts[1].cpu_classes = 4;
    world.hosts[1].base_reserved[RESOURCE_MEMORY] = 30000;
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 2);
    assert_said(result, 0, 0, "memory: vm1 needs 8 GiB; h2 has");
    assert_said(result, 1, 0, "runs only on h2");
}

static void test_pinned(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.vms[0].is_pinned = TRUE;
    world.vms[0].pinned_why = "held until 02:00";
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 0, "vm1 stays on h1 (held until 02:00); release it");
}

static void test_apart(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world_add_vm(&world, 1, 1, 1024);
    world_add_vm(&world, 2, 1, 1024);
    world_rule(&world, PLACE_RULE_APART, 0, 1);
    world_rule(&world, PLACE_RULE_APART, 0, 2);
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 0, "vm1 must not share a host with vm2 (h2), vm3 (h3)");
}

static void test_together_with_one_that_stays(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world_add_vm(&world, 0, 1, 1024);
    world_rule(&world, PLACE_RULE_TOGETHER, 0, 1);
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 0, "vm1 must be on one host with vm2 (h1)");
}

/* Each fits, but not all three: nobody is to blame alone. */
static void test_too_many_for_the_room(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world_add_vm(&world, 0, 1, 8192);
    world_add_vm(&world, 0, 1, 8192);
    world.hosts[1].reservable[RESOURCE_MEMORY] = 10000;
    world.hosts[2].reservable[RESOURCE_MEMORY] = 10000;
    result = evacuate(&world, 3);
    g_assert_cmpuint(result->moves->len, ==, 2);
    g_assert_cmpuint(result->reasons->len, ==, 3);
    assert_said(result, 0, 0, "there is room for it, but not together with vm2, vm3");
}

static void test_nobody_may_receive(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.hosts[1].may_receive = FALSE;
    world.hosts[2].may_receive = FALSE;
    result = evacuate(&world, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 0, "no host may take it; name a destination");
}

static PlaceResult *relieve(World *world)
{
    PlaceTask task = {PLACE_RELIEVE, NULL, 0};
    g_autoptr(GError) error = NULL;
    PlaceOptions options;
    PlaceResult *result;

    place_options_init(&options);
    world_end(world);
    result = place_run(grouping_find("gbm", NULL), &world->problem, &task, &options, &error);
    g_assert_no_error(error);
    world_clear(world);
    return result;
}

/* 15 of 16 cores: 3 and 12; the 12 are pinned. */
static void test_relief_prevented_by_a_pin(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.vms[0].demand[RESOURCE_CPU] = 2;
    world_add_vm(&world, 0, 13, 1024);
    world.vms[1].is_pinned = TRUE;
    result = relieve(&world);
    g_assert_cmpuint(result->left_over->len, ==, 1);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, 1, "pinned: vm2 stays on h1");
}

static void test_relief_prevented_by_the_host_itself(void)
{
    g_autoptr(PlaceResult) result = NULL;
    World world;

    fixture_init(&world);
    world.hosts[0].base_demand[RESOURCE_CPU] = 14;
    result = relieve(&world);
    g_assert_cmpuint(result->reasons->len, ==, 1);
    assert_said(result, 0, PLACE_NOWHERE, "cpu: what runs on h1 beside the VMs that may be moved takes 0.88");
}

/* Whether 'facts' can be satisfied, by trying every host for every VM. */
static gboolean is_possible_plainly(const Feasible *feasible, const guint8 *facts, guint i, guint *hosts)
{
    const PlaceProblem *problem = feasible->problem;

    if (i == feasible->length) {
        for (guint h = 0; h < problem->hosts_length; h++) {
            double need[4] = {0};
            guint checked = 0;

            for (guint j = 0; j < feasible->length; j++) {
                const PlaceVm *vm = &problem->vms[feasible->vms[j]];

                for (guint r = 0; r < RESOURCE_COUNT && hosts[j] == h; r++) {
                    gboolean counts = facts[j] >> (r == RESOURCE_CPU ? FACT_CPU : FACT_MEMORY) & 1;

                    need[r] += counts ? vm->demand[r] : 0;
                    need[2 + r] += counts ? vm->reserved[r] : 0;
                    checked |= counts ? 1u << r : 0;
                }
            }
            for (guint r = 0; r < RESOURCE_COUNT; r++) {
                if ((checked >> r & 1) &&
                    (need[r] > feasible->room[h][r] + 1e-7 || need[2 + r] > feasible->room_reserved[h][r] + 1e-7)) {
                    return FALSE;
                }
            }
        }
        for (guint r = 0; r < problem->rules_length; r++) {
            guint at[2];
            gboolean counts = TRUE;

            for (guint k = 0; k < 2; k++) {
                at[k] = problem->vms[problem->rules[r].vms[k]].host;
                for (guint j = 0; j < feasible->length; j++) {
                    if (feasible->vms[j] == problem->rules[r].vms[k]) {
                        at[k] = hosts[j];
                        counts = counts && (facts[j] >> (problem->rules[r].kind == PLACE_RULE_APART ? FACT_APART
                                                                                                    : FACT_TOGETHER) & 1);
                    }
                }
            }
            gboolean is_touched = feasible->place_of[problem->rules[r].vms[0]] != PLACE_NOWHERE ||
                                  feasible->place_of[problem->rules[r].vms[1]] != PLACE_NOWHERE;
            if (counts && is_touched && (at[0] == at[1]) != (problem->rules[r].kind == PLACE_RULE_TOGETHER)) {
                return FALSE;
            }
        }
        return TRUE;
    }
    if (!facts[i]) {
        hosts[i] = PLACE_NOWHERE;
        return is_possible_plainly(feasible, facts, i + 1, hosts);
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        const PlaceVm *vm = &problem->vms[feasible->vms[i]];

        if (h == vm->host || !problem->hosts[h].may_receive || (facts[i] >> FACT_PINNED & 1) ||
            ((facts[i] >> FACT_CLASS & 1) && !(problem->hosts[h].cpu_classes & vm->cpu_class))) {
            continue;
        }
        hosts[i] = h;
        if (is_possible_plainly(feasible, facts, i + 1, hosts)) {
            return TRUE;
        }
    }
    return FALSE;
}

/* The size of the smallest impossible set of at most 'limit' facts. */
static guint smallest_plainly(const Feasible *feasible, guint limit)
{
    guint bits[64];
    guint length = 0;

    for (guint i = 0; i < feasible->length; i++) {
        for (guint f = 0; f < FACT_COUNT; f++) {
            if (feasible->facts[i] >> f & 1) {
                bits[length++] = i * 8 + f;
            }
        }
    }
    for (guint size = 1; size <= limit; size++) {
        for (guint64 set = ((guint64)1 << size) - 1; set < (guint64)1 << length;) {
            guint8 facts[8] = {0};
            guint hosts[8];
            guint64 low = set & -set;
            guint64 next = set + low;

            for (guint b = 0; b < length; b++) {
                facts[bits[b] / 8] |= set >> b & 1 ? 1u << bits[b] % 8 : 0;
            }
            if (!is_possible_plainly(feasible, facts, 0, hosts)) {
                return size;
            }
            set = (((next ^ set) >> 2) / low) | next; /* the next one with as many bits */
        }
    }
    return limit + 1;
}

static guint count_facts(const guint8 *facts, guint length)
{
    guint count = 0;

    for (guint i = 0; i < length; i++) {
        count += (guint)__builtin_popcount(facts[i]);
    }
    return count;
}

static void test_smallest_set_against_all_subsets(void)
{
    guint sizes[5] = {0};
    guint possible = 0;

    for (guint64 seed = 1; seed <= 400; seed++) {
        const WorldShape shape = {.hosts = 3, .vms_min = 2, .vms_max = 4, .edge_share = 0.3, .rules = 3,
                                  .pinned_share = 0.02, .cpu_classes = seed % 3 ? 0 : 2, .fill_low = 0.05, .fill_high = 0.5};
        guint movers[8];
        guint movers_length = 0;
        PlaceOptions options;
        World world;

        place_options_init(&options);
        world_random(&world, &shape, seed);
        for (guint v = 0; v < world.problem.vms_length; v++) {
            if (world.vms[v].host == 0) {
                movers[movers_length++] = v;
            }
        }
        g_autoptr(Feasible) feasible = feasible_new(&world.problem, &options, PLACE_NOWHERE, movers, movers_length);
        gboolean is_placed[8] = {FALSE};
        guint8 facts[8];
        guint hosts[8];
        guint scratch[8];
        Verdict verdict = place_reasons_find(feasible, is_placed, facts, hosts);

        g_assert_cmpint(verdict, !=, VERDICT_UNKNOWN);
        g_assert_cmpint(verdict == VERDICT_POSSIBLE, ==,
                        is_possible_plainly(feasible, feasible->facts, 0, scratch));
        if (verdict == VERDICT_IMPOSSIBLE) {
            guint size = count_facts(facts, movers_length);

            g_assert_false(is_possible_plainly(feasible, facts, 0, scratch));
            g_assert_cmpuint(size, ==, smallest_plainly(feasible, MIN(size, 4)) + (size > 4 ? size - 5 : 0));
            sizes[MIN(size, 4)]++;
        }
        possible += verdict == VERDICT_POSSIBLE;
        world_clear(&world);
    }
    g_assert_cmpuint(possible, >, 20);
    g_assert_cmpuint(sizes[1], >, 20);
    g_assert_cmpuint(sizes[2] + sizes[3] + sizes[4], >, 20);
}

/* Whether some of the VMs on host 0 can leave so that it is within the range, by trying every way. */
static gboolean can_be_relieved_plainly(const Feasible *feasible, guint i, guint *hosts)
{
    const PlaceProblem *problem = feasible->problem;

    if (i == feasible->length) {
        double gone[RESOURCE_COUNT] = {0};
        gboolean is_right = TRUE;

        for (guint h = 0; h < problem->hosts_length; h++) {
            double need[2 * RESOURCE_COUNT] = {0};
            gboolean is_used = FALSE;

            for (guint j = 0; j < feasible->length; j++) {
                const PlaceVm *vm = &problem->vms[feasible->vms[j]];

                for (guint r = 0; r < RESOURCE_COUNT && hosts[j] == h && h > 0; r++) {
                    need[r] += vm->demand[r];
                    need[2 + r] += vm->reserved[r];
                    gone[r] += vm->demand[r];
                    is_used = TRUE;
                }
            }
            for (guint r = 0; r < RESOURCE_COUNT && is_used; r++) {
                is_right = is_right && need[r] <= feasible->room[h][r] + 1e-7 &&
                           need[2 + r] <= feasible->room_reserved[h][r] + 1e-7;
            }
        }
        for (guint r = 0; r < problem->rules_length; r++) {
            guint at[2];
            gboolean moves = FALSE;

            for (guint k = 0; k < 2; k++) {
                guint j = feasible->place_of[problem->rules[r].vms[k]];

                at[k] = j == PLACE_NOWHERE ? problem->vms[problem->rules[r].vms[k]].host : hosts[j];
                moves = moves || (j != PLACE_NOWHERE && hosts[j] != 0);
            }
            is_right = is_right && (!moves || (at[0] == at[1]) == (problem->rules[r].kind == PLACE_RULE_TOGETHER));
        }
        return is_right && gone[0] >= feasible->to_leave[0] - 1e-7 && gone[1] >= feasible->to_leave[1] - 1e-7;
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        const PlaceVm *vm = &problem->vms[feasible->vms[i]];

        hosts[i] = h;
        if (h > 0 && (vm->is_pinned || (vm->cpu_class && !(problem->hosts[h].cpu_classes & vm->cpu_class)))) {
            continue;
        }
        if (can_be_relieved_plainly(feasible, i + 1, hosts)) {
            return TRUE;
        }
    }
    return FALSE;
}

static void test_relief_against_every_way(void)
{
    guint verdicts[3] = {0};

    for (guint64 seed = 1; seed <= 400; seed++) {
        const WorldShape shape = {.hosts = 3, .vms_min = 2, .vms_max = 5, .edge_share = 0.3, .rules = 4,
                                  .pinned_share = 0.2, .cpu_classes = seed % 3 ? 0 : 2, .fill_low = 0.4, .fill_high = 0.8};
        PlaceOptions options;
        Verdict verdict;
        guint hosts[8];
        World world;

        place_options_init(&options);
        world_random(&world, &shape, seed);
        g_autoptr(Feasible) feasible = feasible_new(&world.problem, &options, 0, NULL, 0);
        verdict = feasible_ask(feasible, feasible->facts, NULL);
        g_assert_cmpint(verdict == VERDICT_POSSIBLE, ==, can_be_relieved_plainly(feasible, 0, hosts));
        verdicts[verdict]++;
        world_clear(&world);
    }
    g_assert_cmpuint(verdicts[VERDICT_POSSIBLE], >, 40);
    g_assert_cmpuint(verdicts[VERDICT_IMPOSSIBLE], >, 40);
    g_assert_cmpuint(verdicts[VERDICT_UNKNOWN], ==, 0);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/reasons/memory-is-short", test_memory_is_short);
    g_test_add_func("/reasons/cores-are-short", test_cores_are_short);
    g_test_add_func("/reasons/kind-of-cpu-is-missing", test_cpu_class_is_missing);
    g_test_add_func("/reasons/two-facts-of-one-vm", test_two_facts_of_one_vm);
    g_test_add_func("/reasons/pinned", test_pinned);
    g_test_add_func("/reasons/apart", test_apart);
    g_test_add_func("/reasons/together-with-one-that-stays", test_together_with_one_that_stays);
    g_test_add_func("/reasons/too-many-for-the-room", test_too_many_for_the_room);
    g_test_add_func("/reasons/nobody-may-receive", test_nobody_may_receive);
    g_test_add_func("/reasons/relief-prevented-by-a-pin", test_relief_prevented_by_a_pin);
    g_test_add_func("/reasons/relief-prevented-by-the-host-itself", test_relief_prevented_by_the_host_itself);
    g_test_add_func("/reasons/smallest-set-against-all-subsets", test_smallest_set_against_all_subsets);
    g_test_add_func("/reasons/relief-against-every-way", test_relief_against_every_way);
    return g_test_run();
}
