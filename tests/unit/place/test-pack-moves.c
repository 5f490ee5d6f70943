/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/pack-moves.c and the files behind it: by hand, against all placements of small fleets, and against
 * the other placers that consolidate.  Every answer goes through place_run, which checks each move. */
#include "place/pack-moves.h"
#include "place-world.h"
#include "place/state.h"

#include <string.h>

static PlaceResult *consolidate(const World *world, const char *placer, const PlaceOptions *options)
{
    g_autoptr(GError) error = NULL;
    const Grouping *grouping = grouping_find(placer, &error);
    PlaceTask task = {PLACE_CONSOLIDATE, NULL, 0};

    g_assert_no_error(error);
    PlaceResult *result = place_run(grouping, &world->problem, &task, options, &error);
    g_assert_no_error(error);
    return result;
}

static PlaceOptions usual_options(void)
{
    PlaceOptions options;

    place_options_init(&options);
    options.safe_low = 0;
    options.safe_high = 1;
    return options;
}

/* Runs it both ways and compares what they say. */
static PackMoves *find_moves(World *world)
{
    PlaceOptions options = usual_options();

    world_end(world);
    PackMoves *moves = pack_moves_new(&world->problem, &options);
    g_autoptr(PlaceResult) result = consolidate(world, "pack", &options);
    g_assert_cmpuint(result->moves->len, ==, moves->order_length);
    g_assert_cmpuint(moves->used - moves->emptied_length, >=, moves->bound);
    for (guint i = 0; i < moves->order_length; i++) {
        const PlaceMove *move = &g_array_index(result->moves, PlaceMove, i);

        g_assert_cmpuint(move->vm, ==, moves->order[i]);
        g_assert_cmpuint(move->destination, ==, moves->host_of[move->vm]);
        g_assert_nonnull(strstr(move->why, " memory 0."));
    }
    return moves;
}

static void test_the_host_with_least_to_move_is_emptied(void)
{
    World world;

    world_init(&world, 3, 16, 16000);
    world_add_vm(&world, 0, 4, 9000);
    world_add_vm(&world, 1, 4, 6000);
    world_add_vm(&world, 2, 4, 5000);
    world_add_vm(&world, 2, 4, 6000);
    g_autoptr(PackMoves) moves = find_moves(&world);
    g_assert_cmpuint(moves->emptied_length, ==, 1);
    g_assert_cmpuint(moves->emptied[0], ==, 1);
    g_assert_cmpuint(moves->order_length, ==, 1);
    g_assert_cmpfloat(moves->moved_mib, ==, 6000);
    g_assert_cmpuint(moves->host_of[1], ==, 0);
    g_assert_cmpuint(moves->used, ==, 3);
    g_assert_cmpuint(moves->bound, ==, 2);
    world_clear(&world);
}

/* 7000 fit nowhere until the 3000 of the first host have gone to the second. */
static void test_one_makes_way_for_another(void)
{
    World world;

    world_init(&world, 3, 16, 16000);
    world_add_vm(&world, 0, 2, 9000);
    world_add_vm(&world, 0, 2, 3000);
    world_add_vm(&world, 1, 2, 12500);
    world_add_vm(&world, 2, 2, 7000);
    world.vms[0].is_pinned = world.vms[2].is_pinned = TRUE;
    g_autoptr(PackMoves) moves = find_moves(&world);
    g_assert_cmpuint(moves->emptied_length, ==, 1);
    g_assert_cmpuint(moves->emptied[0], ==, 2);
    g_assert_cmpuint(moves->order_length, ==, 2);
    g_assert_cmpuint(moves->order[0], ==, 1);
    g_assert_cmpuint(moves->host_of[1], ==, 1);
    g_assert_cmpuint(moves->host_of[3], ==, 0);
    world_clear(&world);
}

/* No one VM makes enough way: two have to leave for the 8000. */
static void test_drift_finds_what_single_steps_do_not(void)
{
    World world;
    PlaceOptions options = usual_options();

    world_init(&world, 4, 16, 16000);
    world_add_vm(&world, 0, 1, 8000);
    world_add_vm(&world, 0, 1, 2000);
    world_add_vm(&world, 0, 1, 2000);
    world_add_vm(&world, 1, 1, 14000);
    world_add_vm(&world, 2, 1, 14000);
    world_add_vm(&world, 3, 1, 8000);
    world.vms[0].is_pinned = world.vms[3].is_pinned = world.vms[4].is_pinned = TRUE;
    g_autoptr(PackMoves) moves = find_moves(&world);
    g_assert_cmpuint(moves->emptied_length, ==, 1);
    g_assert_cmpuint(moves->order_length, ==, 3);
    g_assert_cmpfloat(moves->moved_mib, ==, 12000);
    options.effort = 0;
    g_autoptr(PackMoves) single = pack_moves_new(&world.problem, &options);
    g_assert_cmpuint(single->emptied_length, ==, 0);
    world_clear(&world);
}

/* The second VM would make way for the last; at once nobody may, so the first is emptied instead, by what fits into the room that there is. */
static void test_at_once_uses_only_the_room_of_now(void)
{
    World world;
    PlaceOptions options = usual_options();

    world_init(&world, 3, 16, 24000);
    world_add_vm(&world, 0, 1, 12000);
    world_add_vm(&world, 0, 1, 3000);
    world_add_vm(&world, 1, 1, 20000);
    world_add_vm(&world, 2, 1, 10000);
    g_autoptr(PackMoves) moves = find_moves(&world);
    g_assert_cmpuint(moves->emptied_length, ==, 1);
    g_assert_cmpuint(moves->emptied[0], ==, 2);
    g_assert_cmpfloat(moves->moved_mib, ==, 13000);
    options.is_at_once = TRUE;
    g_autoptr(PackMoves) now = pack_moves_new(&world.problem, &options);
    g_assert_cmpuint(now->emptied_length, ==, 1);
    g_assert_cmpuint(now->emptied[0], ==, 0);
    g_assert_cmpuint(now->order_length, ==, 2);
    g_assert_cmpuint(now->host_of[3], ==, 2);
    world_clear(&world);
}

static void test_pinned_and_unmovable_hosts_stay_on(void)
{
    World world;

    world_init(&world, 3, 16, 16000);
    world_add_vm(&world, 0, 1, 1000);
    world_add_vm(&world, 1, 1, 2000);
    world_add_vm(&world, 1, 1, 2000);
    world.vms[0].is_pinned = TRUE;
    world.hosts[0].base_demand[RESOURCE_MEMORY] = 2000;
    world.hosts[1].base_demand[RESOURCE_MEMORY] = 2000; /* a base load does not keep a host on */
    g_autoptr(PackMoves) moves = find_moves(&world);
    g_assert_cmpuint(moves->used, ==, 2);
    g_assert_cmpuint(moves->emptied_length, ==, 1);
    g_assert_cmpuint(moves->emptied[0], ==, 1);
    g_assert_cmpuint(moves->host_of[1], ==, 0); /* and not to the third, which is off */
    world_clear(&world);
}

static void test_rules_hold(void)
{
    World world;

    world_init(&world, 3, 16, 16000);
    world_add_vm(&world, 0, 1, 5000);
    world_add_vm(&world, 1, 1, 4000);
    world_add_vm(&world, 1, 1, 4000);
    world_add_vm(&world, 2, 1, 3000);
    world_rule(&world, PLACE_RULE_TOGETHER, 1, 2);
    world_rule(&world, PLACE_RULE_APART, 0, 3);
    g_autoptr(PackMoves) moves = find_moves(&world);
    g_assert_cmpuint(moves->emptied_length, ==, 1); /* two would bring 0 and 3 together */
    g_assert_cmpuint(moves->host_of[1], ==, moves->host_of[2]);
    g_assert_cmpuint(moves->host_of[0], !=, moves->host_of[3]);
    g_assert_cmpfloat(moves->moved_mib, ==, 3000);
    world_clear(&world);
}

static void test_nothing_to_gain_moves_nobody(void)
{
    World full;
    World empty;

    world_init(&full, 2, 16, 16000);
    world_add_vm(&full, 0, 1, 9000);
    world_add_vm(&full, 1, 1, 9000);
    g_autoptr(PackMoves) moves = find_moves(&full);
    g_assert_cmpuint(moves->emptied_length + moves->order_length, ==, 0);
    world_init(&empty, 2, 16, 16000);
    g_autoptr(PackMoves) none = find_moves(&empty);
    g_assert_cmpuint(none->used + none->emptied_length + none->order_length + none->bound, ==, 0);
    world_clear(&full);
    world_clear(&empty);
}

/* Small fleets, with rules, pinned VMs, base loads and hosts that are too full already. */
static void random_world(World *world, guint64 seed, guint hosts, guint vms)
{
    Rng rng = rng_new(seed);

    world_init(world, hosts, 16, 16000);
    for (guint h = 0; h < hosts; h++) {
        world->hosts[h].base_demand[RESOURCE_MEMORY] = rng_below(&rng, 3) * 500;
        world->hosts[h].reservable[RESOURCE_MEMORY] = 15000;
        world->hosts[h].may_receive = rng_below(&rng, 8) > 0;
    }
    for (guint v = 0; v < vms; v++) {
        world_add_vm(world, rng_below(&rng, hosts), 1 + rng_below(&rng, 6), 500 * (1 + rng_below(&rng, 14)));
        world->vms[v].is_pinned = rng_below(&rng, 12) == 0;
    }
    for (guint r = 0; r < 2; r++) {
        guint a = rng_below(&rng, vms);
        guint b = rng_below(&rng, vms);

        if (a != b) {
            gboolean is_near = world->vms[a].host == world->vms[b].host;
            world_rule(world, is_near ? PLACE_RULE_TOGETHER : PLACE_RULE_APART, MIN(a, b), MAX(a, b));
        }
    }
    world_end(world);
}

typedef struct Brute {
    const World *world;
    PlaceState *state;
    guint used;     /* fewest hosts in use */
    double mib;     /* least moved with so few */
} Brute;

static void judge(Brute *brute)
{
    const PlaceProblem *problem = &brute->world->problem;
    guint used = 0;
    double mib = 0;

    for (guint h = 0; h < problem->hosts_length; h++) {
        used += brute->state->vms_on[h] > 0;
    }
    for (guint v = 0; v < problem->vms_length; v++) {
        mib += brute->state->host_of[v] != problem->vms[v].host ? problem->vms[v].memory_mib : 0;
    }
    if (used < brute->used || (used == brute->used && mib < brute->mib)) {
        brute->used = used;
        brute->mib = mib;
    }
}

/* Every placement in which who has moved has room where it is; hosts that are off stay off. */
static void try_all(Brute *brute, guint vm)
{
    const PlaceProblem *problem = &brute->world->problem;
    guint home = vm < problem->vms_length ? problem->vms[vm].host : 0;

    if (vm == problem->vms_length) {
        gboolean is_right = TRUE;

        for (guint v = 0; v < vm && is_right; v++) {
            guint host = brute->state->host_of[v];

            if (host != problem->vms[v].host) {
                place_state_move(brute->state, v, PLACE_NOWHERE);
                is_right = place_state_fits(brute->state, v, host);
                place_state_move(brute->state, v, host);
            }
        }
        if (is_right) {
            judge(brute);
        }
        return;
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        gboolean was_on = FALSE;

        for (guint v = 0; v < problem->vms_length; v++) {
            was_on = was_on || problem->vms[v].host == h;
        }
        if (was_on && place_state_may(brute->state, vm, h)) {
            place_state_move(brute->state, vm, h);
            try_all(brute, vm + 1);
            place_state_move(brute->state, vm, home);
        }
    }
}

static void test_small_fleets_are_emptied_best(void)
{
    guint same_hosts = 0;
    guint same_mib = 0;
    guint emptied = 0;
    enum { FLEETS = 25 };

    for (guint64 seed = 1; seed <= FLEETS; seed++) {
        PlaceOptions options = usual_options();
        World world;

        random_world(&world, seed, 4, 7);
        g_autoptr(PlaceState) state = place_state_new(&world.problem, &options);
        Brute brute = {&world, state, G_MAXUINT, 0};
        try_all(&brute, 0);
        g_autoptr(PackMoves) moves = pack_moves_new(&world.problem, &options);
        guint used = moves->used - moves->emptied_length;

        g_assert_cmpuint(used, >=, brute.used);
        g_assert_cmpuint(brute.used, >=, moves->bound);
        same_hosts += used == brute.used;
        same_mib += used == brute.used && moves->moved_mib == brute.mib;
        emptied += moves->emptied_length;
        world_clear(&world);
    }
    g_test_message("of %d: %u as few hosts, %u as little moved; %u hosts emptied", FLEETS, same_hosts, same_mib, emptied);
    g_assert_cmpuint(same_hosts, >=, FLEETS - 1); /* some of the best have no order of moves */
    g_assert_cmpuint(same_mib, >=, FLEETS - 3);
    g_assert_cmpuint(emptied, >, FLEETS / 2);
}

static double moved_mib(const World *world, const PlaceResult *result)
{
    double mib = 0;

    for (guint i = 0; i < result->moves->len; i++) {
        mib += world->problem.vms[g_array_index(result->moves, PlaceMove, i).vm].memory_mib;
    }
    return mib;
}

static guint hosts_used(const World *world, const PlaceResult *result)
{
    gboolean is_used[WORLD_HOSTS] = {FALSE};
    guint host_of[WORLD_VMS];
    guint used = 0;

    for (guint v = 0; v < world->problem.vms_length; v++) {
        host_of[v] = world->problem.vms[v].host;
    }
    for (guint i = 0; i < result->moves->len; i++) {
        host_of[g_array_index(result->moves, PlaceMove, i).vm] = g_array_index(result->moves, PlaceMove, i).destination;
    }
    for (guint v = 0; v < world->problem.vms_length; v++) {
        used += !is_used[host_of[v]];
        is_used[host_of[v]] = TRUE;
    }
    return used;
}

/* Sercon in each fleet; the local search, which takes its time, over all of them. */
static void test_others_do_not_empty_more(void)
{
    guint our_sum = 0;
    guint local_sum = 0;

    for (guint64 seed = 1; seed <= 4; seed++) {
        PlaceOptions options = usual_options();
        World world;

        random_world(&world, 1000 + seed, 12, 24 + 2 * (guint)seed);
        for (guint h = 0; h < 12; h++) {
            world.hosts[h].base_demand[RESOURCE_MEMORY] = 0; /* others take a base load for a VM */
        }
        g_autoptr(PlaceResult) ours = consolidate(&world, "pack", &options);
        g_autoptr(PlaceResult) sercon = consolidate(&world, "sercon", &options);
        options.effort = 5;
        g_autoptr(PlaceResult) local = consolidate(&world, "local-search", &options);
        guint our_hosts = hosts_used(&world, ours);

        g_test_message("seed %u: pack %u hosts %.0f MiB, sercon %u hosts %.0f MiB, local search %u hosts %.0f MiB",
                       (guint)seed, our_hosts, moved_mib(&world, ours), hosts_used(&world, sercon),
                       moved_mib(&world, sercon), hosts_used(&world, local), moved_mib(&world, local));
        g_assert_cmpuint(our_hosts, <=, hosts_used(&world, sercon));
        if (our_hosts == hosts_used(&world, sercon)) {
            g_assert_cmpfloat(moved_mib(&world, ours), <=, moved_mib(&world, sercon));
        }
        our_sum += our_hosts;
        local_sum += hosts_used(&world, local);
        world_clear(&world);
    }
    g_assert_cmpuint(our_sum, <=, local_sum);
}

static void test_same_seed_same_moves(void)
{
    PlaceOptions options = usual_options();
    World world;

    random_world(&world, 77, 12, 45);
    g_autoptr(PackMoves) once = pack_moves_new(&world.problem, &options);
    g_autoptr(PackMoves) again = pack_moves_new(&world.problem, &options);
    g_assert_cmpmem(once->order, once->order_length * sizeof(guint), again->order, again->order_length * sizeof(guint));
    g_assert_cmpmem(once->host_of, 45 * sizeof(guint), again->host_of, 45 * sizeof(guint));
    world_clear(&world);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pack-moves/the-host-with-least-to-move-is-emptied", test_the_host_with_least_to_move_is_emptied);
    g_test_add_func("/pack-moves/one-makes-way-for-another", test_one_makes_way_for_another);
    g_test_add_func("/pack-moves/drift-finds-what-single-steps-do-not", test_drift_finds_what_single_steps_do_not);
    g_test_add_func("/pack-moves/at-once-uses-only-the-room-of-now", test_at_once_uses_only_the_room_of_now);
    g_test_add_func("/pack-moves/pinned-and-unmovable-hosts-stay-on", test_pinned_and_unmovable_hosts_stay_on);
    g_test_add_func("/pack-moves/rules-hold", test_rules_hold);
    g_test_add_func("/pack-moves/nothing-to-gain-moves-nobody", test_nothing_to_gain_moves_nobody);
    g_test_add_func("/pack-moves/small-fleets-are-emptied-best", test_small_fleets_are_emptied_best);
    g_test_add_func("/pack-moves/others-do-not-empty-more", test_others_do_not_empty_more);
    g_test_add_func("/pack-moves/same-seed-same-moves", test_same_seed_same_moves);
    return g_test_run();
}
