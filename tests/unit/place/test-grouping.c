/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/grouping*.c: that place_run believes no placer, and adds up right.  The placer here does what a test
 * wrote down for it. */
#include "base/error.h"
#include "place-world.h"

#include <string.h>

static struct {
    guint vm;
    guint destination;
    guint group;
    guint block;
} script[8];
static guint script_length;

static gboolean scripted_place(const PlaceProblem *problem, const PlaceTask *task, const PlaceOptions *options,
                               PlaceResult *result, GError **error)
{
    for (guint i = 0; i < script_length; i++) {
        place_result_add_move(result, problem, script[i].vm, script[i].destination, script[i].group, script[i].block,
                              g_strdup("the test said so"));
    }
    return TRUE;
}

static const Grouping SCRIPTED = {"scripted", "for tests", 7, scripted_place};

static void script_add(guint vm, guint destination, guint group, guint block)
{
    script[script_length].vm = vm;
    script[script_length].destination = destination;
    script[script_length].group = group;
    script[script_length++].block = block;
}

/* Host h1: vm1 .. vm4 of 4 cores; h2: vm5 of 4 cores; h3: nothing. */
static void fixture_init(World *world, PlaceOptions *options)
{
    place_options_init(options);
    script_length = 0;
    world_init(world, 3, 16, 16000);
    for (guint i = 0; i < 4; i++) {
        world_add_vm(world, 0, 4, 2000);
    }
    world_add_vm(world, 1, 4, 2000);
    world->hosts[1].is_source = FALSE;
    world->hosts[2].is_source = FALSE;
}

static PlaceResult *run(World *world, PlaceTaskKind kind, const PlaceOptions *options, GError **error)
{
    static const guint MOVERS[] = {0, 1};
    PlaceTask task = {kind, MOVERS, 2};

    if (!world->traffic) {
        world_end(world);
    }
    return place_run(&SCRIPTED, &world->problem, &task, options, error);
}

static void assert_refused(World *world, PlaceTaskKind kind, const PlaceOptions *options, int code, const char *words)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(PlaceResult) result = run(world, kind, options, &error);

    g_assert_null(result);
    g_assert_error(error, GODWIT_ERROR, code);
    if (!strstr(error->message, words)) {
        g_error("'%s' is not in: %s", words, error->message);
    }
    world_clear(world);
}

static void test_right_answer_is_added_up(void)
{
    static const double CURVE[11] = {100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 200};
    g_autoptr(PlaceResult) result = NULL;
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    world_talk(&world, 0, 1, 10);
    world_talk(&world, 1, 2, 5);
    world_talk(&world, 2, 3, 1);
    for (guint h = 0; h < 3; h++) {
        world.hosts[h].power_w = CURVE;
    }
    script_add(0, 2, 0, 0);
    script_add(1, 2, 0, 0);
    result = run(&world, PLACE_RELIEVE, &options, NULL);
    g_assert_nonnull(result);
    g_assert_cmpuint(result->totals.moves, ==, 2);
    g_assert_cmpuint(result->totals.overloaded_before, ==, 1);
    g_assert_cmpuint(result->totals.overloaded_after, ==, 0);
    g_assert_cmpuint(result->totals.hosts_on_before, ==, 2);
    g_assert_cmpuint(result->totals.hosts_on_after, ==, 3);
    g_assert_cmpfloat_with_epsilon(result->totals.energy, 1, 1e-9);
    g_assert_cmpfloat_with_epsilon(result->totals.communication, 2 * 5, 1e-9);
    g_assert_cmpfloat_with_epsilon(result->totals.communication_all, 2 * 5, 1e-9);
    g_assert_cmpfloat_with_epsilon(result->totals.makespan_s, result->totals.migration_s, 1e-9);
    g_assert_cmpfloat_with_epsilon(result->totals.sent_mib_hops, 2 * result->totals.sent_mib, 1e-6);
    g_assert_cmpfloat_with_epsilon(result->totals.power_w, 150 + 125 + 150, 1e-9);
    /* half of the migration time, half of the energy, 10 of 32 */
    g_assert_cmpfloat_with_epsilon(result->totals.integrated, (0.5 + 0.5 + 10.0 / 32) / 3, 1e-9);
    g_assert_cmpuint(result->left_over->len, ==, 0);
    world_clear(&world);
}

static void test_parallel_shares_and_ends_together(void)
{
    g_autoptr(PlaceResult) result = NULL;
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    options.transfer = TRANSFER_PARALLEL;
    script_add(0, 2, 0, 0);
    script_add(1, 2, 0, 0);
    script_add(2, 1, 0, 1);
    result = run(&world, PLACE_RELIEVE, &options, NULL);
    g_assert_nonnull(result);
    /* the block of two takes twice as long as one alone, and a bit, because more is written meanwhile */
    g_assert_cmpfloat(result->totals.makespan_s, >, 3 * 2000 / 128.0);
    g_assert_cmpfloat(result->totals.makespan_s, <, result->totals.migration_s);
    world_clear(&world);
}

static void test_what_stays_is_left_over(void)
{
    g_autoptr(PlaceResult) result = NULL;
    g_autoptr(PlaceResult) relieved = NULL;
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    script_add(1, 2, 0, 0);
    result = run(&world, PLACE_EVACUATE, &options, NULL);
    g_assert_cmpuint(result->left_over->len, ==, 1);
    g_assert_cmpuint(g_array_index(result->left_over, guint, 0), ==, 0);
    script_length = 0;
    relieved = run(&world, PLACE_RELIEVE, &options, NULL);
    g_assert_cmpuint(relieved->left_over->len, ==, 1);
    g_assert_cmpuint(g_array_index(relieved->left_over, guint, 0), ==, 0);
    world_clear(&world);
}

/* vm5 leaves h2 so that vm1 and vm2 have room there; written the other way round. */
static void test_moves_are_put_in_order(void)
{
    static const guint MOVERS[] = {0, 1, 2, 4};
    PlaceTask task = {PLACE_EVACUATE, MOVERS, 4};
    g_autoptr(PlaceResult) result = NULL;
    g_autoptr(GError) error = NULL;
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    world_end(&world);
    script_add(0, 1, 0, 0);
    script_add(1, 1, 0, 0);
    script_add(2, 1, 0, 0);
    script_add(4, 2, 0, 0);
    result = place_run(&SCRIPTED, &world.problem, &task, &options, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 0).vm, ==, 0);
    g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 1).vm, ==, 1);
    g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 2).vm, ==, 4);
    g_assert_cmpuint(g_array_index(result->moves, PlaceMove, 3).vm, ==, 2);
    world_clear(&world);
}

static void refuse_move(void (*change)(World *world, PlaceOptions *options), guint vm, guint destination,
                        const char *words)
{
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    script_add(vm, destination, 0, 0);
    change(&world, &options);
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_FAILED, words);
}

static void change_nothing(World *world, PlaceOptions *options)
{
}

static void pin(World *world, PlaceOptions *options)
{
    world->vms[0].is_pinned = TRUE;
}

static void close_host(World *world, PlaceOptions *options)
{
    world->hosts[2].may_receive = FALSE;
}

static void change_cpu(World *world, PlaceOptions *options)
{
    world->vms[0].cpu_class = 2;
    world->hosts[2].cpu_classes = 5;
}

static void lower_reservable(World *world, PlaceOptions *options)
{
    world->hosts[2].reservable[RESOURCE_MEMORY] = 1999;
}

static void lower_range(World *world, PlaceOptions *options)
{
    options->safe_low = 0.1;
    options->safe_high = 0.4;
}

static void keep_apart(World *world, PlaceOptions *options)
{
    world_rule(world, PLACE_RULE_APART, 0, 4);
}

static void keep_together(World *world, PlaceOptions *options)
{
    world_rule(world, PLACE_RULE_TOGETHER, 0, 1);
}

static void move_twice(World *world, PlaceOptions *options)
{
    script_add(0, 1, 0, 0);
}

static void test_broken_promises_are_found(void)
{
    refuse_move(pin, 0, 2, "pinned");
    refuse_move(close_host, 0, 2, "may not receive");
    refuse_move(change_cpu, 0, 2, "kind of CPU");
    refuse_move(lower_reservable, 0, 2, "reserved (memory)");
    refuse_move(lower_range, 0, 1, "demand (cpu)");
    refuse_move(keep_apart, 0, 1, "\"apart vm1,vm5\"");
    refuse_move(keep_together, 0, 1, "\"together vm1,vm2\"");
    refuse_move(move_twice, 0, 2, "moved twice");
    refuse_move(change_nothing, 0, 0, "runs on h1");
    refuse_move(change_nothing, 4, 2, "not to be relieved");
    refuse_move(change_nothing, 99, 2, "VM number 99");
}

static void test_evacuated_host_receives_nothing(void)
{
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    world.hosts[2].is_source = TRUE;
    script_add(0, 2, 0, 0);
    assert_refused(&world, PLACE_EVACUATE, &options, GODWIT_ERROR_FAILED, "may not receive");
    fixture_init(&world, &options);
    script_add(3, 2, 0, 0);
    assert_refused(&world, PLACE_EVACUATE, &options, GODWIT_ERROR_FAILED, "nobody asked");
}

static void test_wrong_input_is_named(void)
{
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    world.vms[1].demand[RESOURCE_CPU] = NAN;
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_INPUT, "VM vm2: demand (cpu)");
    fixture_init(&world, &options);
    world.hosts[1].reservable[RESOURCE_MEMORY] = -1;
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_INPUT, "host h2: what may be reserved (memory) is -1");
    fixture_init(&world, &options);
    world.vms[3].host = 3;
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_INPUT, "VM vm4 runs on host number 3");
    fixture_init(&world, &options);
    world.hosts[0].link_mib_per_s = 0;
    options.bandwidth_mib_per_s = 0;
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_INPUT, "host h1 has no link rate");
    fixture_init(&world, &options);
    world_rule(&world, PLACE_RULE_TOGETHER, 0, 1);
    world_rule(&world, PLACE_RULE_TOGETHER, 1, 2);
    world_rule(&world, PLACE_RULE_APART, 0, 2);
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_INPUT, "vm1 and vm3 must be apart");
    fixture_init(&world, &options);
    world.topology = topology_flat(2);
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_INPUT, "host h3: place 2");
}

static void test_wrong_options_are_named(void)
{
    PlaceOptions options;
    World world;

    fixture_init(&world, &options);
    options.safe_low = 0.9;
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_USAGE, "safe range");
    fixture_init(&world, &options);
    options.theta = NAN;
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_USAGE, "theta");
    fixture_init(&world, &options);
    options.weights[1] = 0.5;
    assert_refused(&world, PLACE_RELIEVE, &options, GODWIT_ERROR_USAGE, "sum to 1");
}

static void test_names_are_found(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GError) preset_error = NULL;
    PlaceOptions options;

    g_assert_nonnull(groupings()[0]);
    for (guint i = 0; groupings()[i]; i++) {
        g_assert_true(grouping_find(groupings()[i]->name, NULL) == groupings()[i]);
    }
    g_assert_null(grouping_find("gmb", &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_USAGE);
    g_assert_nonnull(strstr(error->message, "fit"));

    place_options_init(&options);
    for (guint i = 0; place_preset_name(i); i++) {
        g_assert_true(place_options_preset(&options, place_preset_name(i), NULL));
        g_assert_true(place_options_check(&options, NULL));
    }
    g_assert_true(place_options_preset(&options, "example-seed", NULL));
    g_assert_cmpfloat(options.safe_high, ==, 0.6);
    g_assert_cmpfloat(options.theta, ==, 0.5);
    g_assert_cmpint(options.objective, ==, OBJECTIVE_SEED);
    g_assert_false(place_options_preset(&options, "x", &preset_error));
    g_assert_error(preset_error, GODWIT_ERROR, GODWIT_ERROR_USAGE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/grouping/right-answer-is-added-up", test_right_answer_is_added_up);
    g_test_add_func("/grouping/parallel-transfer-shares-the-bandwidth", test_parallel_shares_and_ends_together);
    g_test_add_func("/grouping/what-stays-is-left-over", test_what_stays_is_left_over);
    g_test_add_func("/grouping/moves-are-put-in-order", test_moves_are_put_in_order);
    g_test_add_func("/grouping/broken-promises-are-found", test_broken_promises_are_found);
    g_test_add_func("/grouping/evacuated-host-receives-nothing", test_evacuated_host_receives_nothing);
    g_test_add_func("/grouping/wrong-input-is-named", test_wrong_input_is_named);
    g_test_add_func("/grouping/wrong-options-are-named", test_wrong_options_are_named);
    g_test_add_func("/grouping/names-are-found", test_names_are_found);
    return g_test_run();
}
