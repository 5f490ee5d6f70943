/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/group-select.c, group-candidates.c and ccms*.c: the worked example of seed 003, and against plain
 * enumeration of all groups and all partitions written down as the algorithms are, without any of their short cuts. */
#include "place/group-select.h"
#include "place-world.h"

#include <string.h>

#define PLAIN_VMS 7

/* Everything the plain form needs, and what it finds. */
typedef struct Plain {
    World *world;
    const PlaceOptions *options;
    PlaceState *state;
    const PlaceState *before;
    guint vms[PLAIN_VMS + 1]; /* on host 0 */
    guint length;
    Resource bottleneck;
    GArray *raws; /* PlaceRaw of every feasible scheme */
} Plain;

static gboolean talk(const Plain *plain, guint a, guint b)
{
    for (guint r = 0; r < plain->world->problem.rules_length; r++) {
        const PlaceRule *rule = &plain->world->rules[r];

        if (rule->kind == PLACE_RULE_TOGETHER &&
            ((rule->vms[0] == a && rule->vms[1] == b) || (rule->vms[0] == b && rule->vms[1] == a))) {
            return TRUE;
        }
    }
    return traffic_between(plain->world->traffic, a, b) > 0;
}

static gboolean is_connected(const Plain *plain, const guint *vms, guint length)
{
    gboolean is_reached[PLAIN_VMS + 1] = {TRUE};
    guint reached = 1;

    for (guint round = 0; round < length; round++) {
        for (guint i = 0; i < length; i++) {
            for (guint j = 0; is_reached[i] && j < length; j++) {
                if (!is_reached[j] && talk(plain, vms[i], vms[j])) {
                    is_reached[j] = TRUE;
                    reached++;
                }
            }
        }
    }
    return reached == length;
}

/* Moves the block in plain->state to where the greedy rule sends it. */
static guint send_block(Plain *plain, const guint *block, guint length)
{
    const PlaceProblem *problem = &plain->world->problem;
    guint best = PLACE_NOWHERE;
    double best_key[3] = {0};

    for (guint h = 1; h < problem->hosts_length; h++) {
        double key[3] = {0};

        if (!place_state_fits_all(plain->state, block, length, h)) {
            continue;
        }
        for (guint i = 0; i < length; i++) {
            for (guint v = 0; v < problem->vms_length; v++) {
                gboolean is_inside = FALSE;

                for (guint j = 0; j < length; j++) {
                    is_inside = is_inside || block[j] == v;
                }
                key[0] += is_inside ? 0
                                    : traffic_between(problem->traffic, block[i], v) *
                                          place_distance(problem, h, plain->state->host_of[v]);
            }
        }
        key[1] = place_distance(problem, 0, h);
        key[2] = 1 - place_state_utilisation(plain->before, h, plain->bottleneck);
        gboolean is_better = best == PLACE_NOWHERE || key[0] < best_key[0] ||
                             (key[0] == best_key[0] && (key[1] < best_key[1] ||
                                                        (key[1] == best_key[1] && key[2] < best_key[2])));
        if (is_better) {
            best = h;
            memcpy(best_key, key, sizeof key);
        }
    }
    for (guint i = 0; best != PLACE_NOWHERE && i < length; i++) {
        place_state_move(plain->state, block[i], best);
    }
    return best;
}

static PlaceRaw raw_of(const Plain *plain, guint blocks[][PLAIN_VMS], const guint *lengths, guint blocks_length)
{
    const PlaceProblem *problem = &plain->world->problem;
    PlaceRaw raw = {0};

    for (guint b = 0; b < blocks_length; b++) {
        for (guint i = 0; i < lengths[b]; i++) {
            guint sharers = plain->options->transfer == TRANSFER_PARALLEL ? lengths[b] : 1;

            raw.migration_s += place_cost_of(problem, plain->options, blocks[b][i], sharers).total_s;
            raw.energy += problem->vms[blocks[b][i]].mean_load;
        }
    }
    for (guint a = 0; a < problem->vms_length; a++) {
        for (guint b = a + 1; b < problem->vms_length; b++) {
            if (plain->state->host_of[a] != problem->vms[a].host || plain->state->host_of[b] != problem->vms[b].host) {
                raw.communication +=
                    traffic_between(problem->traffic, a, b) *
                    place_distance(problem, plain->state->host_of[a], plain->state->host_of[b]);
            }
        }
    }
    return raw;
}

static void try_partition(Plain *plain, guint blocks[][PLAIN_VMS], const guint *lengths, guint blocks_length)
{
    gboolean is_done[PLAIN_VMS] = {FALSE};
    gboolean is_feasible = TRUE;

    for (guint n = 0; n < blocks_length && is_feasible; n++) {
        guint largest = blocks_length;
        double largest_demand = -1;

        for (guint b = 0; b < blocks_length; b++) {
            double demand = 0;

            for (guint i = 0; i < lengths[b]; i++) {
                demand += plain->world->vms[blocks[b][i]].demand[plain->bottleneck];
            }
            if (!is_done[b] && demand > largest_demand) {
                largest = b;
                largest_demand = demand;
            }
        }
        is_done[largest] = TRUE;
        is_feasible = send_block(plain, blocks[largest], lengths[largest]) != PLACE_NOWHERE;
    }
    if (is_feasible) {
        PlaceRaw raw = raw_of(plain, blocks, lengths, blocks_length);
        g_array_append_val(plain->raws, raw);
    }
    for (guint i = 0; i < plain->length; i++) {
        place_state_move(plain->state, plain->vms[i], 0);
    }
}

static void each_partition(Plain *plain, const guint *group, guint length, guint i, guint blocks[][PLAIN_VMS],
                           guint *lengths, guint blocks_length)
{
    if (i == length) {
        for (guint b = 0; b < blocks_length; b++) {
            if (!is_connected(plain, blocks[b], lengths[b])) {
                return;
            }
        }
        try_partition(plain, blocks, lengths, blocks_length);
        return;
    }
    for (guint b = 0; b <= blocks_length; b++) {
        if (b == blocks_length) {
            lengths[b] = 0;
        }
        blocks[b][lengths[b]++] = group[i];
        each_partition(plain, group, length, i + 1, blocks, lengths, MAX(blocks_length, b + 1));
        lengths[b]--;
    }
}

/* Algorithm 2 word by word; the number of candidate groups. */
static guint each_group(Plain *plain)
{
    guint candidates = 0;

    for (guint mask = 1; mask + 1 < 1u << plain->length; mask++) {
        guint group[PLAIN_VMS];
        guint rest[PLAIN_VMS];
        guint group_length = 0;
        guint rest_length = 0;
        double leaving[RESOURCE_COUNT] = {0};
        gboolean is_right = TRUE;
        guint blocks[PLAIN_VMS + 1][PLAIN_VMS];
        guint lengths[PLAIN_VMS + 1] = {0};

        for (guint i = 0; i < plain->length; i++) {
            guint vm = plain->vms[i];

            if (mask >> i & 1) {
                group[group_length++] = vm;
                is_right = is_right && !plain->world->vms[vm].is_pinned;
                leaving[0] += plain->world->vms[vm].demand[0];
                leaving[1] += plain->world->vms[vm].demand[1];
            } else {
                rest[rest_length++] = vm;
            }
        }
        for (guint r = 0; r < plain->world->problem.rules_length; r++) {
            const PlaceRule *rule = &plain->world->rules[r];
            gboolean is_in[2] = {FALSE, FALSE};

            for (guint i = 0; i < 2 * group_length; i++) {
                is_in[i % 2] = is_in[i % 2] || group[i / 2] == rule->vms[i % 2];
            }
            is_right = is_right && (rule->kind != PLACE_RULE_TOGETHER || is_in[0] == is_in[1]);
        }
        if (is_right && group_is_available(plain->state, 0, leaving) &&
            group_connection(&plain->world->problem, plain->options->doc, rest, rest_length) >=
                plain->options->theta - 1e-9) {
            candidates++;
            each_partition(plain, group, group_length, 0, blocks, lengths, 0);
        }
    }
    return candidates;
}

static double cheapest(const Plain *plain, const PlaceRaw *reference)
{
    PlaceRaw least = {0};
    PlaceRaw scale = *reference;
    double best = INFINITY;

    if (plain->options->norm == NORM_MINMAX) {
        PlaceRaw most = {-INFINITY, -INFINITY, -INFINITY};

        least = (PlaceRaw){INFINITY, INFINITY, INFINITY};
        for (guint i = 0; i < plain->raws->len; i++) {
            const PlaceRaw *raw = &g_array_index(plain->raws, PlaceRaw, i);

            least.migration_s = MIN(least.migration_s, raw->migration_s);
            least.energy = MIN(least.energy, raw->energy);
            least.communication = MIN(least.communication, raw->communication);
            most.migration_s = MAX(most.migration_s, raw->migration_s);
            most.energy = MAX(most.energy, raw->energy);
            most.communication = MAX(most.communication, raw->communication);
        }
        scale = (PlaceRaw){most.migration_s - least.migration_s, most.energy - least.energy,
                           most.communication - least.communication};
    }
    for (guint i = 0; i < plain->raws->len; i++) {
        const PlaceRaw *raw = &g_array_index(plain->raws, PlaceRaw, i);
        PlaceRaw above = {raw->migration_s - least.migration_s, raw->energy - least.energy,
                          raw->communication - least.communication};

        best = MIN(best, place_integrate(plain->options, &above, &scale));
    }
    return best;
}

/* TRUE when there was a scheme to compare. */
static gboolean compare_with_plain(World *world, const PlaceOptions *options)
{
    g_autoptr(PlaceState) state = place_state_new(&world->problem, options);
    g_autoptr(PlaceState) scratch = place_state_new(&world->problem, options);
    g_autoptr(PlaceCosts) costs = place_costs_new(&world->problem, options);
    g_autoptr(GArray) raws = g_array_new(FALSE, FALSE, sizeof(PlaceRaw));
    g_autofree GroupChoice *choice = g_new0(GroupChoice, 1);
    Plain plain = {.world = world, .options = options, .state = scratch, .before = state, .raws = raws};
    PlaceRaw reference = place_reference(state, costs, 0);
    gboolean is_found;
    guint candidates;

    for (guint v = 0; v < world->problem.vms_length; v++) {
        if (world->vms[v].host == 0) {
            g_assert_cmpuint(plain.length, <, PLAIN_VMS);
            plain.vms[plain.length++] = v;
        }
    }
    plain.bottleneck = place_state_utilisation(state, 0, RESOURCE_MEMORY) > place_state_utilisation(state, 0, RESOURCE_CPU)
                           ? RESOURCE_MEMORY
                           : RESOURCE_CPU;
    candidates = each_group(&plain);
    is_found = group_select(state, costs, 0, choice);
    g_assert_cmpuint(choice->candidates, ==, candidates);
    if (raws->len > 0) {
        double expected = cheapest(&plain, &reference);

        g_assert_true(is_found);
        g_assert_false(choice->is_single);
        g_assert_true(choice->is_complete);
        g_assert_cmpfloat_with_epsilon(choice->scheme.cost, expected, 1e-9);
    } else if (is_found) {
        g_assert_true(choice->is_single);
    }
    group_choice_clear(choice);
    return raws->len > 0;
}

static void random_case(World *world, PlaceOptions *options, guint64 seed)
{
    const WorldShape shape = {
        .hosts = 4,
        .vms_min = 2,
        .vms_max = 6,
        .edge_share = 0.2 + 0.2 * (double)(seed % 4),
        .rules = seed % 3 == 0 ? 3 : 0,
        .pinned_share = seed % 5 == 0 ? 0.2 : 0,
        .fill_low = 0.2,
        .fill_high = 0.75,
    };

    world_random(world, &shape, seed);
    for (guint e = 0; e < world->edges_length; e++) { /* whole numbers: sums do not depend on their order */
        world->edges[e].mib_per_s = floor(world->edges[e].mib_per_s);
    }
    traffic_free(world->traffic);
    topology_free(world->topology);
    world->topology = seed % 2 ? topology_fat_tree(4, NULL) : NULL;
    for (guint h = 0; h < 4; h++) {
        world->hosts[h].place = (guint)(h * (1 + seed % 5)) % 16;
    }
    world_end(world);
    place_options_init(options);
    options->objective = seed / 2 % 2 ? OBJECTIVE_SEED : OBJECTIVE_FULL;
    options->norm = seed / 4 % 2 ? NORM_MINMAX : NORM_REF;
    options->transfer = seed / 8 % 2 ? TRANSFER_PARALLEL : TRANSFER_SERIAL;
    options->doc = seed / 16 % 2 ? DOC_DEGREE : DOC_COMPONENT;
}

static void test_agrees_with_plain_enumeration(void)
{
    guint compared = 0;

    for (guint64 seed = 1; seed <= 320; seed++) {
        PlaceOptions options;
        World world;

        random_case(&world, &options, seed);
        compared += compare_with_plain(&world, &options);
        world_clear(&world);
    }
    g_assert_cmpuint(compared, >, 100);
}

/* Figure 2: five VMs of 2 cores and 2000 MiB on PM1 (16 cores, 16000 MiB) with {VM3,VM4}, {VM1,VM5}, {VM2}: 10 of 16
 * cores are more than 0.6, so with SR = [0.5, 0.6] and theta = 0.5 exactly one VM leaves, and four remain, of which a
 * half has to be connected. */
static void test_worked_example(void)
{
    g_autofree GroupChoice *choice = g_new0(GroupChoice, 1);
    PlaceOptions options;
    World world;

    place_options_init(&options);
    g_assert_true(place_options_preset(&options, "example", NULL));
    world_init(&world, 2, 16, 16000);
    for (guint i = 0; i < 5; i++) {
        world_add_vm(&world, 0, 2, 2000);
    }
    world_talk(&world, 2, 3, 10);
    world_talk(&world, 0, 4, 8);
    world_end(&world);

    g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);
    g_autoptr(PlaceCosts) costs = place_costs_new(&world.problem, &options);
    g_assert_true(group_select(state, costs, 0, choice));
    g_assert_false(choice->is_single);
    g_assert_cmpuint(choice->candidates, ==, 5);
    g_assert_cmpuint(choice->scheme.group, ==, 1 << 1); /* VM2 talks to nobody: nothing crosses a link */
    g_assert_cmpfloat_with_epsilon(choice->before, 0.625, 1e-9);
    g_assert_cmpfloat_with_epsilon(choice->after, 0.5, 1e-9);
    group_choice_clear(choice);
    world_clear(&world);
}

static void test_degree_of_connection(void)
{
    static const guint ALL[] = {0, 1, 2, 3, 4};
    World world;

    world_init(&world, 2, 16, 16000);
    for (guint i = 0; i < 6; i++) {
        world_add_vm(&world, 0, 2, 2000);
    }
    world_talk(&world, 0, 1, 1);
    world_talk(&world, 2, 3, 1);
    world_talk(&world, 4, 5, 1); /* to one that is not counted */
    world_end(&world);
    g_assert_cmpfloat(group_connection(&world.problem, DOC_COMPONENT, ALL, 5), ==, 0.4);
    g_assert_cmpfloat(group_connection(&world.problem, DOC_DEGREE, ALL, 5), ==, 0.8);
    g_assert_cmpfloat(group_connection(&world.problem, DOC_COMPONENT, ALL, 1), ==, 1);
    g_assert_cmpfloat(group_connection(&world.problem, DOC_DEGREE, ALL, 0), ==, 1);
    g_assert_cmpfloat(group_connection(&world.problem, DOC_COMPONENT, ALL + 1, 2), ==, 0.5);
    g_assert_cmpfloat(group_connection(&world.problem, DOC_DEGREE, ALL + 1, 2), ==, 0);
    world_clear(&world);
}

/* The upper bound is of every resource, the lower one of the fullest alone. */
static void test_safe_range(void)
{
    PlaceOptions options;
    World world;

    place_options_init(&options);
    world_init(&world, 1, 10, 1000);
    world_add_vm(&world, 0, 9, 100);
    world_end(&world);

    g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);
    g_assert_false(group_is_available(state, 0, (const double[]){0.5, 0}));
    g_assert_true(group_is_available(state, 0, (const double[]){1, 100}));
    g_assert_true(group_is_available(state, 0, (const double[]){4, 100}));
    g_assert_false(group_is_available(state, 0, (const double[]){4.1, 100}));
    world_clear(&world);
}

/* 40 VMs on one host: not all groups, but still a group, within the range. */
static void test_crowded_hosts(void)
{
    for (guint vms = 16; vms <= 100; vms += 28) {
        g_autofree GroupChoice *choice = g_new0(GroupChoice, 1);
        PlaceOptions options;
        World world;

        place_options_init(&options);
        world_init(&world, 8, 64, 64000);
        for (guint i = 0; i < vms; i++) {
            world_add_vm(&world, 0, 60.0 / vms, 30000.0 / vms);
            if (i > 0) {
                world_talk(&world, i - 1, i, 5);
            }
        }
        world_end(&world);

        g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);
        g_autoptr(PlaceCosts) costs = place_costs_new(&world.problem, &options);
        g_assert_true(group_select(state, costs, 0, choice));
        g_assert_false(choice->is_single);
        g_assert_false(choice->is_complete);
        ccms_apply(choice->ccms, &choice->scheme, state);
        g_assert_false(place_state_is_overloaded(state, 0));
        g_assert_cmpfloat_with_epsilon(place_state_highest(state, 0), choice->after, 1e-9);
        group_choice_clear(choice);
        world_clear(&world);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/group-select/worked-example-of-the-seed", test_worked_example);
    g_test_add_func("/group-select/degree-of-connection-in-both-readings", test_degree_of_connection);
    g_test_add_func("/group-select/safe-range-binds-from-below-by-the-fullest-resource", test_safe_range);
    g_test_add_func("/group-select/agrees-with-plain-enumeration", test_agrees_with_plain_enumeration);
    g_test_add_func("/group-select/crowded-hosts-are-relieved", test_crowded_hosts);
    return g_test_run();
}
