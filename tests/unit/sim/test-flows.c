/* SPDX-License-Identifier: Apache-2.0
 *
 * sim/flows*.c: cases that can be reckoned by hand, and random networks against a filling that is too simple to be
 * wrong: all rates rise in proportion until something stops them, everything looked at anew at every stop. */
#include "sim/flows.h"
#include "base/rng.h"

#include <math.h>

static guint add(Flows *flows, FlowKind kind, const guint *route, guint length, double weight, double limit)
{
    return flows_add(
        flows,
        &(FlowSpec){.kind = kind, .route = route, .route_length = length, .weight = weight, .limit_mib_per_s = limit});
}

static void assert_rate(const Flows *flows, guint flow, double expected)
{
    if (isinf(expected)) {
        g_assert_cmpfloat(flows_rate(flows, flow), ==, expected);
    } else {
        g_assert_cmpfloat_with_epsilon(flows_rate(flows, flow), expected, 1e-9 * fmax(1, expected));
    }
}

static void assert_good(const Flows *flows)
{
    g_autoptr(GError) error = NULL;

    flows_check(flows, &error);
    g_assert_no_error(error);
}

/* The textbook's line of links: one long flow, one short on each. */
static void test_a_line(void)
{
    static const double CAPACITY[] = {10, 6, 9};
    static const guint ALL[] = {0, 1, 2};
    g_autoptr(Flows) flows = flows_new(CAPACITY, 3, 0);
    guint whole = add(flows, FLOW_ELASTIC, ALL, 3, 1, INFINITY);
    guint part[3];

    for (guint i = 0; i < 3; i++) {
        part[i] = add(flows, FLOW_ELASTIC, &ALL[i], 1, 1, INFINITY);
    }
    g_assert_cmpuint(flows_update(flows)->len, ==, 4);
    assert_rate(flows, whole, 3);
    assert_rate(flows, part[0], 7);
    assert_rate(flows, part[1], 3);
    assert_rate(flows, part[2], 6);
    assert_good(flows);
    flows_set_weight(flows, whole, 2);
    flows_update(flows);
    assert_rate(flows, whole, 4);
    assert_rate(flows, part[0], 6);
    flows_set_limit(flows, whole, 1);
    flows_update(flows);
    assert_rate(flows, whole, 1);
    assert_rate(flows, part[1], 5);
    flows_remove(flows, whole);
    flows_update(flows);
    assert_rate(flows, part[1], 6);
    g_assert_cmpuint(flows_count(flows), ==, 3);
    assert_good(flows);
}

static void test_traffic_first(void)
{
    static const double CAPACITY[] = {128, 128};
    static const guint WAY[] = {0, 1};
    g_autoptr(Flows) flows = flows_new(CAPACITY, 2, 5);
    guint talk = add(flows, FLOW_CONSTANT, &WAY[0], 1, 1, 100);
    guint move = add(flows, FLOW_ELASTIC, WAY, 2, 1, INFINITY);

    flows_update(flows);
    assert_rate(flows, talk, 100);
    assert_rate(flows, move, 28);
    g_assert_cmpfloat_with_epsilon(flows_left(flows, WAY, 2), 28, 1e-9);
    flows_set_limit(flows, talk, 500); /* more than there is: the floor holds */
    flows_update(flows);
    assert_rate(flows, talk, 123);
    assert_rate(flows, move, 5);
    g_assert_cmpfloat_with_epsilon(flows_left(flows, WAY, 2), 5, 1e-9);
    assert_good(flows);
    flows_set_limit(flows, move, 2); /* no more is kept free than it can use */
    flows_update(flows);
    assert_rate(flows, talk, 126);
    assert_rate(flows, move, 2);
    flows_remove(flows, move);
    flows_update(flows);
    assert_rate(flows, talk, 128);
    assert_good(flows);
}

static void test_link_goes_down_and_up(void)
{
    static const double CAPACITY[] = {10, 10};
    static const guint WAY[] = {0, 1};
    g_autoptr(Flows) flows = flows_new(CAPACITY, 2, 1);
    guint a = add(flows, FLOW_ELASTIC, WAY, 2, 1, INFINITY);
    guint b = add(flows, FLOW_ELASTIC, &WAY[1], 1, 1, INFINITY);

    flows_update(flows);
    flows_set_capacity(flows, 0, 0);
    flows_update(flows);
    assert_rate(flows, a, 0);
    assert_rate(flows, b, 10);
    assert_good(flows);
    flows_set_capacity(flows, 0, 2);
    flows_update(flows);
    assert_rate(flows, a, 2);
    assert_rate(flows, b, 8);
    flows_set_capacity(flows, 0, 10);
    flows_update(flows);
    assert_rate(flows, a, 5);
    assert_good(flows);
}

static void test_one_host(void)
{
    g_autoptr(Flows) flows = flows_new(NULL, 0, 1);
    guint flow = add(flows, FLOW_ELASTIC, NULL, 0, 1, 300);

    flows_update(flows);
    assert_rate(flows, flow, 300);
    g_assert_true(isinf(flows_left(flows, NULL, 0)));
}

/* Only those whose rate is another one are told. */
static void test_changes_are_told(void)
{
    static const double CAPACITY[] = {10, 10, 10};
    static const guint LINKS[] = {0, 1, 2};
    g_autoptr(Flows) flows = flows_new(CAPACITY, 3, 0);
    guint far = add(flows, FLOW_ELASTIC, &LINKS[2], 1, 1, INFINITY);
    guint a = add(flows, FLOW_ELASTIC, &LINKS[0], 2, 1, INFINITY);

    g_assert_cmpuint(flows_update(flows)->len, ==, 2);
    g_assert_cmpuint(flows_update(flows)->len, ==, 0);
    guint b = add(flows, FLOW_ELASTIC, &LINKS[1], 1, 1, INFINITY);
    const GArray *changed = flows_update(flows);
    g_assert_cmpuint(changed->len, ==, 2);
    g_assert_cmpuint(g_array_index(changed, guint, 0), ==, a);
    g_assert_cmpuint(g_array_index(changed, guint, 1), ==, b);
    flows_remove(flows, b);
    guint c = add(flows, FLOW_ELASTIC, &LINKS[0], 0, 1, 4);
    g_assert_cmpuint(c, ==, b); /* the number is free again */
    changed = flows_update(flows);
    g_assert_cmpuint(changed->len, ==, 2);
    assert_rate(flows, a, 10);
    assert_rate(flows, c, 4);
    assert_rate(flows, far, 10);
}

/* The naive reference. */

typedef struct Plain {
    gboolean is_used;
    FlowKind kind;
    guint route[5];
    guint length;
    double weight, limit, rate;
    gboolean is_done;
} Plain;

#define LINKS_MAX 24
#define FLOWS_MAX 60

typedef struct World {
    guint links;
    double capacity[LINKS_MAX];
    Plain plain[FLOWS_MAX];
} World;

static gboolean crosses(const Plain *plain, guint link)
{
    for (guint i = 0; i < plain->length; i++) {
        if (plain->route[i] == link) {
            return TRUE;
        }
    }
    return FALSE;
}

static double plain_ceiling(const World *world, const Plain *plain)
{
    double ceiling = plain->limit;

    for (guint i = 0; i < plain->length; i++) {
        ceiling = fmin(ceiling, world->capacity[plain->route[i]]);
    }
    return ceiling;
}

/* The level at which 'link' is full when flows not yet done go on rising; 'room' is what their kind may use of it. */
static double plain_level(const World *world, guint link, FlowKind kind, double room)
{
    double weight = 0;

    for (guint f = 0; f < FLOWS_MAX; f++) {
        const Plain *plain = &world->plain[f];

        if (plain->is_used && plain->kind == kind && crosses(plain, link)) {
            room -= plain->is_done ? plain->rate : 0;
            weight += plain->is_done ? 0 : plain->weight;
        }
    }
    return weight > 0 ? fmax(room, 0) / weight : INFINITY;
}

static void plain_fill_kind(World *world, FlowKind kind, const double *room)
{
    for (;;) {
        double level = INFINITY;
        guint full = G_MAXUINT, capped = G_MAXUINT;

        for (guint link = 0; link < world->links; link++) {
            double here = plain_level(world, link, kind, room[link]);

            if (here < level) {
                level = here;
                full = link;
            }
        }
        for (guint f = 0; f < FLOWS_MAX; f++) {
            const Plain *plain = &world->plain[f];

            if (plain->is_used && plain->kind == kind && !plain->is_done &&
                plain_ceiling(world, plain) / plain->weight <= level) {
                level = plain_ceiling(world, plain) / plain->weight;
                capped = f;
            }
        }
        if (capped != G_MAXUINT) {
            world->plain[capped].rate = plain_ceiling(world, &world->plain[capped]);
            world->plain[capped].is_done = TRUE;
        } else if (full != G_MAXUINT) {
            for (guint f = 0; f < FLOWS_MAX; f++) {
                Plain *plain = &world->plain[f];

                if (plain->is_used && plain->kind == kind && !plain->is_done && crosses(plain, full)) {
                    plain->rate = plain->weight * level;
                    plain->is_done = TRUE;
                }
            }
        } else {
            return;
        }
    }
}

static void plain_fill(World *world, double elastic_floor)
{
    double room[LINKS_MAX], elastic[LINKS_MAX] = {0}, ceilings[LINKS_MAX] = {0};

    for (guint f = 0; f < FLOWS_MAX; f++) {
        world->plain[f].is_done = FALSE;
    }
    for (guint link = 0; link < world->links; link++) {
        for (guint f = 0; f < FLOWS_MAX; f++) {
            const Plain *plain = &world->plain[f];

            if (plain->is_used && crosses(plain, link)) {
                ceilings[link] += plain_ceiling(world, plain);
                elastic[link] += plain->kind == FLOW_ELASTIC ? plain_ceiling(world, plain) : 0;
            }
        }
        gboolean fits = ceilings[link] <= world->capacity[link];
        room[link] =
            world->capacity[link] - (fits ? 0 : fmin(fmin(elastic_floor, world->capacity[link]), elastic[link]));
    }
    plain_fill_kind(world, FLOW_CONSTANT, room);
    for (guint link = 0; link < world->links; link++) {
        room[link] = world->capacity[link];
        for (guint f = 0; f < FLOWS_MAX; f++) {
            const Plain *plain = &world->plain[f];

            room[link] -= plain->is_used && plain->kind == FLOW_CONSTANT && crosses(plain, link) ? plain->rate : 0;
        }
    }
    plain_fill_kind(world, FLOW_ELASTIC, room);
}

static void random_flow(World *world, Plain *plain, Rng *rng)
{
    static const double WEIGHTS[] = {1, 1, 1, 0.5, 3, 0.1};
    guint order[LINKS_MAX];

    for (guint i = 0; i < world->links; i++) {
        order[i] = i;
    }
    rng_shuffle(rng, order, world->links);
    *plain = (Plain){.is_used = TRUE, .kind = rng_below(rng, 2), .weight = WEIGHTS[rng_below(rng, 6)]};
    plain->length = rng_below(rng, MIN(world->links, 5) + 1);
    for (guint i = 0; i < plain->length; i++) {
        plain->route[i] = order[i];
    }
    plain->limit = rng_below(rng, 3) ? rng_range(rng, 0, 60) : plain->kind == FLOW_ELASTIC ? INFINITY : 0;
}

/* One random change, in both. */
static void change(World *world, Flows *flows, guint *numbers, Rng *rng)
{
    guint f = rng_below(rng, FLOWS_MAX), what = rng_below(rng, 8), link = rng_below(rng, world->links);
    Plain *plain = &world->plain[f];

    if (!plain->is_used) {
        random_flow(world, plain, rng);
        numbers[f] = add(flows, plain->kind, plain->route, plain->length, plain->weight, plain->limit);
    } else if (what < 4) {
        plain->is_used = FALSE;
        flows_remove(flows, numbers[f]);
    } else if (what < 6) {
        plain->limit = rng_range(rng, 0, 80);
        flows_set_limit(flows, numbers[f], plain->limit);
    } else if (what < 7) {
        plain->weight = rng_range(rng, 0.1, 4);
        flows_set_weight(flows, numbers[f], plain->weight);
    } else {
        world->capacity[link] = rng_below(rng, 5) ? rng_range(rng, 1, 200) : 0;
        flows_set_capacity(flows, link, world->capacity[link]);
    }
}

static void check_world(World *world, Flows *flows, const guint *numbers, double elastic_floor)
{
    flows_update(flows);
    plain_fill(world, elastic_floor);
    for (guint f = 0; f < FLOWS_MAX; f++) {
        if (world->plain[f].is_used) {
            assert_rate(flows, numbers[f], world->plain[f].rate);
        }
    }
    assert_good(flows);
}

static void test_random_networks(void)
{
    for (guint64 seed = 1; seed <= 40; seed++) {
        static const double FLOORS[] = {0, 1, 12};
        double elastic_floor = FLOORS[seed % 3];
        World world = {0};
        guint numbers[FLOWS_MAX];
        Rng rng = rng_new(seed);

        world.links = 1 + rng_below(&rng, LINKS_MAX);
        for (guint i = 0; i < world.links; i++) {
            world.capacity[i] = rng_range(&rng, 1, 200);
        }
        g_autoptr(Flows) flows = flows_new(world.capacity, world.links, elastic_floor);
        for (guint step = 0; step < 120; step++) {
            guint changes = 1 + rng_below(&rng, 4);

            for (guint i = 0; i < changes; i++) {
                change(&world, flows, numbers, &rng);
            }
            check_world(&world, flows, numbers, elastic_floor);
        }
    }
}

static void test_fat_tree(void)
{
    g_autoptr(Topology) topology = topology_fat_tree(8, NULL);
    g_autoptr(Flows) flows = flows_new_for(topology, 1);
    g_autoptr(GArray) route = g_array_new(FALSE, FALSE, sizeof(guint));
    Rng rng = rng_new(9);

    for (guint i = 0; i < 3000; i++) {
        guint a = rng_below(&rng, 128), b = rng_below(&rng, 128);

        g_array_set_size(route, 0);
        topology_route(topology, a, b, i, route);
        add(flows, i % 10 ? FLOW_CONSTANT : FLOW_ELASTIC, (const guint *)(void *)route->data, route->len, 1,
            i % 10   ? rng_range(&rng, 1, 12)
            : a == b ? 500
                     : INFINITY);
        if (i % 100 == 0) {
            flows_update(flows);
            assert_good(flows);
        }
    }
    flows_update(flows);
    assert_good(flows);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flows/a-line-of-links", test_a_line);
    g_test_add_func("/flows/vm-traffic-comes-first", test_traffic_first);
    g_test_add_func("/flows/a-link-goes-down-and-up", test_link_goes_down_and_up);
    g_test_add_func("/flows/within-one-host", test_one_host);
    g_test_add_func("/flows/changes-are-told", test_changes_are_told);
    g_test_add_func("/flows/random-networks-as-the-naive-filling", test_random_networks);
    g_test_add_func("/flows/promises-hold-on-a-fat-tree", test_fat_tree);
    return g_test_run();
}
