/* SPDX-License-Identifier: Apache-2.0
 *
 * Every placer in the table, on random problems with every kind of constraint.  place_run checks each answer with code
 * of its own; here it is asked what the answers are worth: nothing impossible is claimed to be done, what is left over is
 * explained, the same question gives the same answer. */
#include "base/error.h"
#include "place-world.h"
#include "place/feasible.h"

#include <string.h>

/* Small, because the slowest placer has to answer every question under AddressSanitizer, too. */
static WorldShape shape_of(guint64 seed)
{
    return (WorldShape){
        .hosts = 3 + (guint)(seed % 3),
        .vms_min = 1 + (guint)(seed % 2),
        .vms_max = 5,
        .edge_share = 0.4,
        .rules = seed % 4 ? (guint)(seed % 4) : 0,
        .pinned_share = seed % 5 == 0 ? 0.15 : 0,
        .cpu_classes = seed % 6 == 0 ? 2 : 0,
        .fill_low = 0.1,
        .fill_high = seed % 7 == 0 ? 0.9 : 0.6,
    };
}

/* Some hosts keep memory free, some are not to be used, one is empty. */
static void world_of(World *world, guint64 seed)
{
    Rng rng = rng_stream(seed, 7);
    WorldShape shape = shape_of(seed);

    world_random(world, &shape, seed);
    for (guint h = 1; h < world->problem.hosts_length; h++) {
        world->hosts[h].is_source = FALSE;
        world->hosts[h].may_receive = rng_unit(&rng) < 0.9;
        world->hosts[h].reservable[RESOURCE_MEMORY] -= rng_below(&rng, 3) * 2000.0;
        world->hosts[h].reservable[RESOURCE_CPU] = 16 * rng_range(&rng, 0.8, 2);
    }
}

static guint movers_of(const World *world, guint *movers)
{
    guint length = 0;

    for (guint v = 0; v < world->problem.vms_length; v++) {
        if (world->vms[v].host == 0) {
            movers[length++] = v;
        }
    }
    return length;
}

static void options_of(PlaceOptions *options, guint64 seed)
{
    place_options_init(options);
    g_assert_true(place_options_preset(options, place_preset_name((guint)(seed % 4)), NULL));
    options->norm = seed / 4 % 2 ? NORM_MINMAX : NORM_REF;
    options->transfer = seed / 8 % 2 ? TRANSFER_PARALLEL : TRANSFER_SERIAL;
    options->effort = 2;
    options->seed = seed;
}

/* NULL: too large for this placer, which says so. */
static PlaceResult *run(const Grouping *placer, const World *world, const PlaceTask *task, const PlaceOptions *options)
{
    g_autoptr(GError) error = NULL;
    PlaceResult *result = place_run(placer, &world->problem, task, options, &error);

    if (!result && !g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED)) {
        g_error("%s, %s, seed %" G_GUINT64_FORMAT ": %s", placer->name, place_task_kind_name(task->kind), options->seed,
                error->message);
    }
    return result;
}

static void assert_explained(const Grouping *placer, const PlaceResult *result)
{
    g_assert_cmpint(result->left_over->len > 0, ==, result->reasons->len > 0);
    for (guint i = 0; i < result->moves->len; i++) {
        const char *why = g_array_index(result->moves, PlaceMove, i).why;

        if (!why || strlen(why) < 10) {
            g_error("%s: a move without a why", placer->name);
        }
    }
}

static void assert_same(const PlaceResult *result, const PlaceResult *again)
{
    g_assert_cmpuint(result->moves->len, ==, again->moves->len);
    for (guint i = 0; i < result->moves->len; i++) {
        const PlaceMove *left = &g_array_index(result->moves, PlaceMove, i);
        const PlaceMove *right = &g_array_index(again->moves, PlaceMove, i);

        g_assert_cmpuint(left->vm, ==, right->vm);
        g_assert_cmpuint(left->destination, ==, right->destination);
        g_assert_cmpstr(left->why, ==, right->why);
    }
}

static gboolean claims_a_way(const PlaceResult *result)
{
    return result->reasons->len > 0 &&
           strstr(g_array_index(result->reasons, PlaceReason, result->reasons->len - 1).what, "although there is one");
}

static void test_evacuation(gconstpointer data)
{
    const Grouping *placer = data;
    guint done = 0;
    guint impossible = 0;

    for (guint64 seed = 1; seed <= 40; seed++) {
        guint movers[WORLD_VMS];
        PlaceTask task = {PLACE_EVACUATE, movers, 0};
        PlaceOptions options;
        World world;

        world_of(&world, seed);
        options_of(&options, seed);
        task.movers_length = movers_of(&world, movers);
        world.hosts[0].may_receive = FALSE;
        g_autoptr(PlaceResult) result = run(placer, &world, &task, &options);
        g_autoptr(PlaceResult) again = run(placer, &world, &task, &options);
        g_autoptr(Feasible) feasible =
            feasible_new(&world.problem, &options, PLACE_NOWHERE, movers, task.movers_length);
        Verdict verdict = feasible_ask(feasible, feasible->facts, NULL);

        if (result) {
            assert_explained(placer, result);
            assert_same(result, again);
            g_assert_cmpuint(result->moves->len + result->left_over->len, ==, task.movers_length);
            g_assert_false(verdict == VERDICT_IMPOSSIBLE && result->left_over->len == 0);
            g_assert_cmpint(claims_a_way(result), ==, verdict == VERDICT_POSSIBLE && result->left_over->len > 0);
            done += result->left_over->len == 0;
            impossible += verdict == VERDICT_IMPOSSIBLE;
        }
        world_clear(&world);
    }
    g_test_message("%s: %u done, %u impossible", placer->name, done, impossible);
    g_assert_cmpuint(done, >, 4);
    g_assert_cmpuint(impossible, >, 8);
}

static void test_relief(gconstpointer data)
{
    const Grouping *placer = data;
    guint done = 0;
    guint left_over = 0;

    for (guint64 seed = 1; seed <= 40; seed++) {
        PlaceTask task = {PLACE_RELIEVE, NULL, 0};
        PlaceOptions options;
        World world;

        world_of(&world, seed);
        options_of(&options, seed);
        g_autoptr(PlaceResult) result = run(placer, &world, &task, &options);
        g_autoptr(PlaceResult) again = run(placer, &world, &task, &options);

        if (result) {
            assert_explained(placer, result);
            assert_same(result, again);
            done += result->left_over->len == 0;
            left_over += result->left_over->len > 0;
        }
        world_clear(&world);
    }
    g_test_message("%s: %u done, %u left over", placer->name, done, left_over);
    g_assert_cmpuint(done, >, 12);
}

static void test_consolidation(gconstpointer data)
{
    const Grouping *placer = data;
    guint emptied = 0;

    for (guint64 seed = 1; seed <= 30; seed++) {
        PlaceTask task = {PLACE_CONSOLIDATE, NULL, 0};
        PlaceOptions options;
        World world;

        world_of(&world, seed);
        options_of(&options, seed);
        g_autoptr(PlaceResult) result = run(placer, &world, &task, &options);

        if (result) {
            assert_explained(placer, result);
            g_assert_cmpuint(result->totals.hosts_on_after, <=, result->totals.hosts_on_before);
            g_assert_cmpuint(result->totals.overloaded_after, <=, result->totals.overloaded_before);
            emptied += result->totals.hosts_on_before - result->totals.hosts_on_after;
        }
        world_clear(&world);
    }
    g_assert_cmpuint(emptied, >, 0);
}

/* The first VM may move to the second host and nothing else is asked; each change by itself makes that impossible. */
static void one_way_out(World *world, guint change)
{
    world_init(world, 2, 16, 32000);
    world_add_vm(world, 0, 7, 14000);
    world_add_vm(world, 0, 7, 12000);
    world_add_vm(world, 1, 2, 2000);
    world->vms[1].is_pinned = TRUE;
    world->hosts[1].is_source = FALSE;
    world->hosts[1].cpu_classes = 2;
    world->vms[0].cpu_class = 2;
    switch (change) {
    case 1:
        world_rule(world, PLACE_RULE_APART, 0, 2);
        break;
    case 2:
        world_rule(world, PLACE_RULE_TOGETHER, 0, 1);
        break;
    case 3:
        world->vms[0].is_pinned = TRUE;
        break;
    case 4:
        world->vms[0].cpu_class = 4;
        break;
    case 5:
        world->hosts[1].reservable[RESOURCE_MEMORY] = 15999; /* memory to keep free */
        break;
    case 6:
        world->hosts[1].reservable[RESOURCE_CPU] = 8.9;
        break;
    case 7:
        world->hosts[1].base_demand[RESOURCE_CPU] = 4;
        break;
    case 8:
        world->hosts[1].may_receive = FALSE;
        break;
    default:
        break;
    }
    world_end(world);
}

static void test_each_constraint(gconstpointer data)
{
    static const guint MOVERS[] = {0};
    const Grouping *placer = data;

    for (guint change = 0; change <= 8; change++) {
        for (int kind = 0; kind < 2; kind++) {
            PlaceTask task = {kind ? PLACE_EVACUATE : PLACE_RELIEVE, MOVERS, 1};
            PlaceOptions options;
            World world;

            if (!(placer->tasks & 1u << task.kind)) {
                continue;
            }
            place_options_init(&options);
            options.effort = 2;
            one_way_out(&world, change);
            g_autoptr(PlaceResult) result = run(placer, &world, &task, &options);
            g_assert_nonnull(result);
            if (result->moves->len != (change == 0)) {
                g_error("%s, %s, change %u: %u moves", placer->name, place_task_kind_name(task.kind), change,
                        result->moves->len);
            }
            g_assert_cmpuint(result->reasons->len > 0, ==, change != 0);
            world_clear(&world);
        }
    }
}

/* Nothing to do, nobody there, nowhere to go. */
static void test_edges(gconstpointer data)
{
    const Grouping *placer = data;

    for (guint vms = 0; vms <= 2; vms++) {
        for (int k = PLACE_RELIEVE; k <= PLACE_CONSOLIDATE; k++) {
            PlaceTask task = {(PlaceTaskKind)k, NULL, 0};
            PlaceOptions options;
            World world;

            if (!(placer->tasks & 1u << k)) {
                continue;
            }
            place_options_init(&options);
            options.effort = 2;
            world_init(&world, 1, 16, 32000); /* a single host: no destination */
            for (guint v = 0; v < vms; v++) {
                world_add_vm(&world, 0, v == 1 ? 14 : 1, 1000);
                world.vms[v].dirty_mib_per_s = 500; /* lambda > 1 */
            }
            world_end(&world);
            g_autoptr(PlaceResult) result = run(placer, &world, &task, &options);
            g_assert_nonnull(result);
            g_assert_cmpuint(result->moves->len, ==, 0);
            g_assert_cmpuint(result->left_over->len, ==, k == PLACE_RELIEVE && vms == 2);
            world_clear(&world);
        }
    }
}

/* One VM alone overloads its host: it moves as a whole where there is room for it, even from an otherwise empty host. */
static void test_one_vm(gconstpointer data)
{
    const Grouping *placer = data;
    PlaceTask task = {PLACE_RELIEVE, NULL, 0};
    PlaceOptions options;
    World world;

    place_options_init(&options);
    options.effort = 2;
    world_init(&world, 2, 16, 32000);
    world_add_vm(&world, 0, 14, 1000);
    world.hosts[1].capacity[RESOURCE_CPU] = 32;
    world.hosts[1].is_source = FALSE;
    world.vms[0].dirty_mib_per_s = 500;
    world_end(&world);
    g_autoptr(PlaceResult) result = run(placer, &world, &task, &options);
    g_assert_nonnull(result);
    g_assert_cmpuint(result->moves->len, ==, 1);
    g_assert_true(isfinite(result->totals.migration_s));
    g_assert_cmpuint(result->totals.overloaded_after, ==, 0);
    world_clear(&world);
}

/* Four hosts with 3 VMs each and room for 7; one is emptied.  Afterwards 12 VMs are on three hosts: two could hold them,
 * one could not. */
static void test_spare(gconstpointer data)
{
    const Grouping *placer = data;
    guint movers[] = {0, 1, 2};
    PlaceTask task = {PLACE_EVACUATE, movers, 3};

    for (guint spare = 0; spare <= 2; spare++) {
        PlaceOptions options;
        World world;

        place_options_init(&options);
        options.effort = 2;
        options.spare_hosts = spare;
        world_init(&world, 4, 64, 64000);
        for (guint i = 0; i < 12; i++) {
            world_add_vm(&world, i < 3 ? 0 : 1 + (i % 3), 1, 3000);
        }
        for (guint h = 0; h < 4; h++) {
            world.hosts[h].reservable[RESOURCE_MEMORY] = 7 * 3000;
            world.hosts[h].is_source = h == 0;
        }
        world_end(&world);
        g_autoptr(PlaceResult) result = run(placer, &world, &task, &options);
        g_assert_nonnull(result);
        g_assert_cmpuint(result->moves->len, ==, spare <= 1 ? 3 : 0);
        g_assert_cmpuint(result->reasons->len > 0, ==, spare == 2);
        if (spare == 2) {
            g_assert_nonnull(strstr(g_array_index(result->reasons, PlaceReason, 0).what, "spare"));
        }
        world_clear(&world);
    }
}

static void add(const Grouping *placer, const char *what, void (*test)(gconstpointer data))
{
    g_autofree char *path = g_strdup_printf("/placers/%s/%s", placer->name, what);

    g_test_add_data_func(path, placer, test);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; groupings()[i]; i++) {
        const Grouping *placer = groupings()[i];

        add(placer, "each-constraint-is-obeyed", test_each_constraint);
        add(placer, "nothing-to-do-and-nowhere-to-go", test_edges);
        if (placer->tasks & 1u << PLACE_EVACUATE) {
            add(placer, "evacuates-or-says-why-not", test_evacuation);
            add(placer, "spare-hosts-are-kept", test_spare);
        }
        if (placer->tasks & 1u << PLACE_RELIEVE) {
            add(placer, "relieves-or-says-why-not", test_relief);
            add(placer, "one-vm-alone", test_one_vm);
        }
        if (placer->tasks & 1u << PLACE_CONSOLIDATE) {
            add(placer, "consolidates-without-harm", test_consolidation);
        }
    }
    return g_test_run();
}
