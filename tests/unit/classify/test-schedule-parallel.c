/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/schedule/schedule-parallel.c: order, one wave, equal shares of the links as the limits allow. */
#include "schedule/schedule.h"
#include "model/share.h"
#include "base/units.h"

#define RATE ((guint64)120000000)

static guint64 link_rate(const char *host, gpointer user)
{
    GHashTable *rates = user;

    return rates ? GPOINTER_TO_SIZE(g_hash_table_lookup(rates, host)) : RATE;
}

static Plan *plan_empty(void)
{
    MigrateOptions options;

    migrate_options_init(&options);
    return plan_new(POLICY_PRE_COPY, &options);
}

static void add(Plan *plan, const char *vm, const char *source, const char *destination, guint64 ram_bytes)
{
    Choice *choice = choice_new(classification_new(vm), ALGORITHM_PRE_COPY, g_strdup("test"));
    PlanStep *step = plan_add_step(plan, vm, vm, source, destination, choice);

    step->ram_bytes = ram_bytes;
    step->wave = 7; /* must be set */
}

static const PlanStep *find(const Plan *plan, const char *vm)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        if (g_str_equal(plan_step_at(plan, i)->vm, vm)) {
            return plan_step_at(plan, i);
        }
    }
    g_assert_not_reached();
}

/* What of a link's rate is given out. */
static guint64 payload(guint64 rate)
{
    return (guint64)((double)rate * SHARE_PAYLOAD);
}

static void assert_share(const Plan *plan, const char *vm, guint64 expected)
{
    g_assert_cmpuint(find(plan, vm)->bandwidth_bytes_per_s, ==, expected);
}

static void test_largest_first_in_one_wave(void)
{
    g_autoptr(Plan) plan = plan_empty();
    static const char *const ORDER[] = {"large", "alike-a", "alike-b", "small"};

    add(plan, "small", "h1", "h2", 1 * GIB);
    add(plan, "alike-b", "h1", "h2", 2 * GIB);
    add(plan, "large", "h1", "h2", 9 * GIB);
    add(plan, "alike-a", "h1", "h2", 2 * GIB);
    schedule_parallel(plan, link_rate, NULL);
    for (guint i = 0; i < 4; i++) {
        g_assert_cmpstr(plan_step_at(plan, i)->vm, ==, ORDER[i]);
        g_assert_cmpuint(plan_step_at(plan, i)->wave, ==, 0);
    }
    g_assert_cmpuint(plan_waves(plan), ==, 1);
}

static void test_link_is_divided_equally(void)
{
    g_autoptr(Plan) plan = plan_empty();

    for (char vm[] = "a"; *vm <= 'd'; (*vm)++) {
        add(plan, vm, "h1", *vm < 'd' ? "h2" : "h3", 1 * GIB);
    }
    schedule_parallel(plan, link_rate, NULL);
    for (char vm[] = "a"; *vm <= 'd'; (*vm)++) {
        assert_share(plan, vm, payload(RATE) / 4); /* the source's link is the narrow place, also for d */
    }
}

static void test_destination_can_be_the_narrow_place(void)
{
    g_autoptr(GHashTable) rates = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(Plan) plan = plan_empty();

    g_hash_table_insert(rates, (gpointer) "h1", GSIZE_TO_POINTER(RATE));
    g_hash_table_insert(rates, (gpointer) "h2", GSIZE_TO_POINTER(RATE));
    g_hash_table_insert(rates, (gpointer) "slow", GSIZE_TO_POINTER(RATE / 10));
    add(plan, "a", "h1", "slow", 1);
    add(plan, "b", "h2", "slow", 1);
    add(plan, "c", "h1", "h2", 1);
    schedule_parallel(plan, link_rate, rates);
    assert_share(plan, "a", payload(RATE) / 20);
    assert_share(plan, "b", payload(RATE) / 20);
    assert_share(plan, "c", payload(RATE) / 2);
}

static void test_directions_do_not_share(void)
{
    g_autoptr(Plan) plan = plan_empty();

    add(plan, "there", "h1", "h2", 1);
    add(plan, "back", "h2", "h1", 1);
    schedule_parallel(plan, link_rate, NULL);
    assert_share(plan, "there", payload(RATE));
    assert_share(plan, "back", payload(RATE));
}

static void test_limits_of_concurrency_count(void)
{
    g_autoptr(Plan) plan = plan_empty();

    plan->options.max_outgoing = 2;
    for (char vm[] = "a"; *vm <= 'j'; (*vm)++) {
        add(plan, vm, "h1", "h2", 1);
    }
    schedule_parallel(plan, link_rate, NULL);
    assert_share(plan, "a", payload(RATE) / 2); /* two at a time, at both ends */
    assert_share(plan, "j", payload(RATE) / 2);
    plan->options.max_outgoing = 0;
    plan->options.max_incoming = 5;
    schedule_parallel(plan, link_rate, NULL);
    assert_share(plan, "a", payload(RATE) / 5);
}

static void test_operators_limit_replaces_the_links(void)
{
    g_autoptr(Plan) plan = plan_empty();

    plan->options.bandwidth_bytes_per_s = 1000;
    add(plan, "a", "h1", "h2", 1);
    add(plan, "b", "h1", "h2", 1);
    schedule_parallel(plan, link_rate, NULL);
    assert_share(plan, "a", 500);
}

static void test_unknown_links_bound_nothing(void)
{
    g_autoptr(GHashTable) rates = g_hash_table_new(g_str_hash, g_str_equal);
    g_autoptr(Plan) plan = plan_empty();

    add(plan, "a", "h1", "h2", 1);
    add(plan, "b", "h1", "h3", 1);
    schedule_parallel(plan, NULL, NULL);
    assert_share(plan, "a", 0);
    g_hash_table_insert(rates, (gpointer) "h3", GSIZE_TO_POINTER(RATE));
    schedule_parallel(plan, link_rate, rates);
    assert_share(plan, "a", 0);
    assert_share(plan, "b", payload(RATE));
}

/* The shares of what runs at once never add up to more than a link carries. */
static void test_links_are_never_overfull(void)
{
    static const char *const HOSTS[] = {"h1", "h2", "h3", "h4"};
    g_autoptr(GRand) rand = g_rand_new_with_seed(1);

    for (int round = 0; round < 200; round++) {
        g_autoptr(Plan) plan = plan_empty();
        guint64 leaving[4] = {0};
        guint64 entering[4] = {0};

        for (int i = g_rand_int_range(rand, 1, 30); i > 0; i--) {
            g_autofree char *vm = g_strdup_printf("vm%d", i);
            int source = g_rand_int_range(rand, 0, 4);
            int destination = (source + g_rand_int_range(rand, 1, 4)) % 4;

            add(plan, vm, HOSTS[source], HOSTS[destination], (guint64)g_rand_int_range(rand, 1, 9));
        }
        schedule_parallel(plan, link_rate, NULL);
        for (guint i = 0; i < plan->steps->len; i++) {
            const PlanStep *step = plan_step_at(plan, i);

            g_assert_cmpuint(step->bandwidth_bytes_per_s, >, 0);
            leaving[step->source[1] - '1'] += step->bandwidth_bytes_per_s;
            entering[step->destination[1] - '1'] += step->bandwidth_bytes_per_s;
            g_assert_true(i == 0 || plan_step_at(plan, i - 1)->ram_bytes >= step->ram_bytes);
        }
        for (int h = 0; h < 4; h++) {
            g_assert_cmpuint(leaving[h], <=, RATE);
            g_assert_cmpuint(entering[h], <=, RATE);
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/schedule-parallel/largest-first-in-one-wave", test_largest_first_in_one_wave);
    g_test_add_func("/schedule-parallel/link-is-divided-equally", test_link_is_divided_equally);
    g_test_add_func("/schedule-parallel/destination-can-be-the-narrow-place", test_destination_can_be_the_narrow_place);
    g_test_add_func("/schedule-parallel/directions-do-not-share", test_directions_do_not_share);
    g_test_add_func("/schedule-parallel/limits-of-concurrency-count", test_limits_of_concurrency_count);
    g_test_add_func("/schedule-parallel/operators-limit-replaces-the-links", test_operators_limit_replaces_the_links);
    g_test_add_func("/schedule-parallel/unknown-links-bound-nothing", test_unknown_links_bound_nothing);
    g_test_add_func("/schedule-parallel/links-are-never-overfull", test_links_are_never_overfull);
    return g_test_run();
}
