/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/place/place-index.c against looking at every host in line. */
#include "place/place-index.h"
#include "tests/unit/place/place-cases.h"

static gboolean has_room(const PlaceState *state, const gboolean *is_out, guint host, const double *demand)
{
    const PlaceHost *row = &state->problem->hosts[host];

    for (int r = 0; r < RESOURCE_COUNT; r++) {
        double room = row->capacity[r] * state->options->safe_high - state->demand[host][r];

        if (room < 0 || room < demand[r] || row->reservable[r] - state->reserved[host][r] < demand[r]) {
            return FALSE;
        }
    }
    return row->may_receive && !is_out[host];
}

static void test_against_a_walk(void)
{
    static const PlaceOptions OPTIONS = {.safe_low = 0.5, .safe_high = 0.8};
    Rng rng = rng_new(1);
    guint found = 0, missed = 0;

    for (guint round = 0; round < 20; round++) {
        CaseShape shape = {.overloaded = 3, .vms_per_overloaded = 6, .others = rng_below(&rng, 40), .vms_per_other = 4,
                           .with_rules = TRUE};
        g_autoptr(Case) it = case_new(&shape, &OPTIONS, &rng);
        g_autoptr(PlaceState) state = place_state_new(&it->problem, &OPTIONS);
        g_autoptr(PlaceIndex) index = place_index_new(state);
        guint hosts = it->problem.hosts_length;
        gboolean is_out[64] = {FALSE};
        guint line[64];

        for (guint h = 0; h < hosts; h++) {
            line[place_index_rank(index, h)] = h;
        }
        for (guint i = 1; i < hosts; i++) {
            g_assert_cmpuint(it->hosts[line[i - 1]].place, <, it->hosts[line[i]].place);
        }
        for (guint step = 0; step < 200; step++) {
            guint vm = rng_below(&rng, it->problem.vms_length);
            guint host = rng_below(&rng, hosts);
            guint before = state->host_of[vm];
            int direction = rng_below(&rng, 2) ? 1 : -1;
            int rank = (int)rng_below(&rng, hosts);
            double demand[RESOURCE_COUNT] = {rng_range(&rng, 0, 8), rng_range(&rng, 0, 8000)};
            guint expected = PLACE_NOWHERE;

            place_state_move(state, vm, host);
            place_index_update(index, before);
            place_index_update(index, host);
            host = rng_below(&rng, hosts);
            is_out[host] = !is_out[host] && step % 3 == 0;
            (is_out[host] ? place_index_take_out : place_index_put_back)(index, host);
            for (int i = rank; i >= 0 && i < (int)hosts && expected == PLACE_NOWHERE; i += direction) {
                expected = has_room(state, is_out, line[i], demand) ? line[i] : PLACE_NOWHERE;
            }
            g_assert_cmpuint(place_index_next(index, (guint)rank, direction, demand, demand), ==, expected);
            found += expected != PLACE_NOWHERE;
            missed += expected == PLACE_NOWHERE;
        }
    }
    g_assert_cmpuint(found, >, 200);
    g_assert_cmpuint(missed, >, 200);
}

static void test_roomiest(void)
{
    static const PlaceOptions OPTIONS = {.safe_low = 0.5, .safe_high = 0.8};
    PlaceHost hosts[] = {{.name = "a", .capacity = {10, 10}, .reservable = {10, 10}, .base_demand = {5, 1}, .may_receive = TRUE},
                         {.name = "b", .capacity = {10, 10}, .reservable = {10, 10}, .base_demand = {2, 9}, .may_receive = TRUE},
                         {.name = "c", .capacity = {10, 10}, .reservable = {10, 10}}};
    PlaceProblem problem = {.hosts = hosts, .hosts_length = 3};
    g_autoptr(PlaceState) state = place_state_new(&problem, &OPTIONS);
    g_autoptr(PlaceIndex) index = place_index_new(state);

    g_assert_cmpuint(place_index_roomiest(index, RESOURCE_CPU), ==, 1);
    g_assert_cmpuint(place_index_roomiest(index, RESOURCE_MEMORY), ==, 0);
    place_index_take_out(index, 0);
    place_index_take_out(index, 1);
    g_assert_cmpuint(place_index_roomiest(index, RESOURCE_CPU), ==, PLACE_NOWHERE);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/place-index/against-a-walk", test_against_a_walk);
    g_test_add_func("/place-index/roomiest", test_roomiest);
    return g_test_run();
}
