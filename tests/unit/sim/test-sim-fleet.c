/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/sim/sim-fleet.c with fleet-build.c and its neighbours, and a campaign on a simulated fleet: a scenario
 * becomes a world, and planning, checking, migrating and watching there are those of real hosts, in virtual time. */
#include <math.h>

#include "base/error.h"
#include "base/units.h"
#include "campaign/campaign.h"
#include "sim/sim-fleet.h"

/* Three hosts; on a: a VM that reads, one that writes more than the link carries, one of both, and an idle one. */
static const char SMALL[] = "[scenario]\n"
                            "name = small\n"
                            "seed = 7\n"
                            "[topology]\n"
                            "kind = flat\n"
                            "[host-type plain]\n"
                            "cores = 8\n"
                            "memory = 16GiB\n"
                            "keep_free = 1GiB\n"
                            "[host a]\n"
                            "type = plain\n"
                            "[hosts b]\n"
                            "type = plain\n"
                            "count = 2\n"
                            "[vm-type reader]\n"
                            "memory = 1GiB\n"
                            "read = 200MiB/s\n"
                            "read_set = 64MiB\n"
                            "[vm-type writer]\n"
                            "memory = 1GiB\n"
                            "dirty = 400MiB/s\n"
                            "working_set = 512MiB\n"
                            "[vm-type both]\n"
                            "memory = 1GiB\n"
                            "dirty = 20MiB/s\n"
                            "working_set = 64MiB\n"
                            "read = 20MiB/s\n"
                            "read_set = 64MiB\n"
                            "[vm-type idle]\n"
                            "memory = 1GiB\n"
                            "[vms reader]\n"
                            "type = reader\ncount = 1\nhosts = a\n"
                            "[vms writer]\n"
                            "type = writer\ncount = 1\nhosts = a\n"
                            "[vms both]\n"
                            "type = both\ncount = 1\nhosts = a\n"
                            "[vms idle]\n"
                            "type = idle\ncount = 1\nhosts = a\n";

typedef struct Fixture {
    SimFleet *fleet;
    Inventory *inventory;
    Campaign *campaign;
} Fixture;

static SimFleet *fleet_of(const char *more)
{
    g_autofree char *text = g_strconcat(SMALL, more, NULL);
    g_autoptr(GError) error = NULL;
    Scenario *scenario = scenario_parse(text, "small.ini", &error);

    g_assert_no_error(error);
    SimFleet *fleet = sim_fleet_from_scenario(scenario, &error);
    g_assert_no_error(error);
    return fleet;
}

static void fixture_init(Fixture *fixture, const char *more, Policy policy)
{
    CampaignOptions options;
    g_autoptr(GError) error = NULL;

    campaign_options_init(&options);
    options.policy = policy;
    fixture->fleet = fleet_of(more);
    fixture->inventory = inventory_of_fleet(fixture->fleet);
    fixture->campaign = campaign_new_simulated(fixture->inventory, fixture->fleet, &options, &error);
    g_assert_no_error(error);
}

static void fixture_clear(Fixture *fixture)
{
    campaign_free(fixture->campaign);
    inventory_free(fixture->inventory);
    sim_fleet_free(fixture->fleet);
}

static const char *const TO[] = {"b1", "b2", NULL};
static const CampaignJob EVACUATE = {.source = "a", .destinations = TO};

static Plan *plan_of(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    Plan *plan = campaign_plan(fixture->campaign, &EVACUATE, &error);

    g_assert_no_error(error);
    return plan;
}

static const PlanStep *step_of(const Plan *plan, const char *vm)
{
    for (guint i = 0; i < plan->steps->len; i++) {
        if (g_str_equal(plan_step_at(plan, i)->vm, vm)) {
            return plan_step_at(plan, i);
        }
    }
    g_assert_not_reached();
}

/* ---- a scenario ---- */

static void test_scenario_becomes_a_world(void)
{
    g_autoptr(SimFleet) fleet = fleet_of("[fault cut]\nkind = link\ntarget = b1\nat = 10s\nuntil = 20s\n");
    const HostConfig *host = g_ptr_array_index(fleet->hosts, 0);

    g_assert_cmpuint(world_hosts(fleet->world), ==, 3);
    g_assert_cmpuint(world_vms(fleet->world), ==, 4);
    g_assert_cmpstr(host->name, ==, "a");
    g_assert_cmpuint(host->link_bytes_per_s, ==, 128 * MIB);
    g_assert_cmpuint(host->keep_free_bytes, ==, GIB);
    g_assert_cmpuint(world_vm_host(fleet->world, world_find_vm(fleet->world, "writer1")), ==, 0);
    g_assert_cmpuint(world_host_promised_bytes(fleet->world, 0), ==, 4 * GIB);
    g_assert_cmpint(clock_virtual_next_ns(fleet->clock), ==, 10 * NS_PER_S); /* the fault */
}

static void test_placements(void)
{
    g_autoptr(SimFleet) fleet = fleet_of("[vm-type big]\nmemory = 6GiB\nvcpus = 4\n"
                                         "[vms first]\ntype = big\ncount = 2\nplacement = first-fit\n"
                                         "[vms turn]\ntype = big\ncount = 2\nplacement = round-robin\n");

    g_assert_cmpuint(world_vm_host(fleet->world, world_find_vm(fleet->world, "first1")), ==, 0);
    g_assert_cmpuint(world_vm_host(fleet->world, world_find_vm(fleet->world, "first2")), ==, 1);
    g_assert_cmpuint(world_vm_host(fleet->world, world_find_vm(fleet->world, "turn1")), ==, 2);
    g_assert_cmpuint(world_vm_host(fleet->world, world_find_vm(fleet->world, "turn2")), ==, 1);
}

/* A workload over time is the pace of memory: at its mean, the rates of the type. */
static void test_workload_is_the_pace_of_memory(void)
{
    Fixture fixture;

    fixture_init(&fixture,
                 "[vms wave]\ntype = both\ncount = 1\nhosts = a\nworkload = steps 0:20%, 1h:80%\n"
                 "[vms flat]\ntype = both\ncount = 1\nhosts = a\nworkload = constant 30%\n",
                 POLICY_PAPER);
    g_autoptr(Plan) plan = plan_of(&fixture);
    double flat = step_of(plan, "flat1")->choice->classification->mean_written_pages_per_s;
    double wave = step_of(plan, "wave1")->choice->classification->mean_written_pages_per_s;

    g_assert_cmpfloat_with_epsilon(flat, 5120, 200);
    g_assert_cmpfloat_with_epsilon(wave, 5120 * 20 / (80 * 23 / 24.0 + 20 / 24.0), 60); /* its first hour of a day */
    fixture_clear(&fixture);
}

static void test_what_fits_nowhere_is_said(void)
{
    g_autofree char *text =
        g_strconcat(SMALL, "[vm-type huge]\nmemory = 20GiB\n[vms x]\ntype = huge\ncount = 1\n", NULL);
    g_autoptr(GError) error = NULL;
    Scenario *scenario = scenario_parse(text, "small.ini", &error);

    g_assert_no_error(error);
    g_assert_null(sim_fleet_from_scenario(scenario, &error));
    g_assert_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT);
    g_assert_nonnull(strstr(error->message, "small.ini: VM 'x1' fits on no host"));
}

/* ---- a campaign ---- */

static void test_observing_tells_readers_from_writers(void)
{
    Fixture fixture;

    fixture_init(&fixture, "", POLICY_PAPER);
    g_autoptr(Plan) plan = plan_of(&fixture);

    g_assert_cmpint(step_of(plan, "reader1")->choice->classification->vm_class, ==, VM_CLASS_READ);
    g_assert_cmpint(step_of(plan, "writer1")->choice->classification->vm_class, ==, VM_CLASS_WRITE);
    g_assert_cmpint(step_of(plan, "both1")->choice->classification->vm_class, ==, VM_CLASS_MIXED);
    g_assert_cmpint(step_of(plan, "idle1")->choice->classification->vm_class, ==, VM_CLASS_IDLE);
    g_assert_cmpfloat_with_epsilon(step_of(plan, "both1")->choice->classification->mean_written_pages_per_s, 5120, 200);
    g_assert_cmpint(step_of(plan, "writer1")->choice->algorithm, ==, ALGORITHM_POST_COPY);
    g_assert_cmpint(fixture.fleet->clock->now_ns(fixture.fleet->clock), >=, 10 * NS_PER_S);
    fixture_clear(&fixture);
}

static GangOutcome *evacuate(Fixture *fixture)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(Plan) plan = plan_of(fixture);
    g_autoptr(GPtrArray) problems = campaign_check(fixture->campaign, plan, &error);

    g_assert_no_error(error);
    g_assert_cmpuint(problems->len, ==, 0);
    GangOutcome *outcome = campaign_run(fixture->campaign, plan);
    world_check_all(fixture->fleet->world);
    g_assert_cmpstr(world_broken(fixture->fleet->world), ==, NULL);
    return outcome;
}

static void test_evacuation_by_every_policy(void)
{
    static const Policy POLICIES_ALL[] = {POLICY_PAPER, POLICY_PRE_COPY, POLICY_POST_COPY, POLICY_HYBRID};

    for (gsize p = 0; p < G_N_ELEMENTS(POLICIES_ALL); p++) {
        Fixture fixture;

        fixture_init(&fixture, "", POLICIES_ALL[p]);
        g_autoptr(GangOutcome) outcome = evacuate(&fixture);
        guint migrated = gang_outcome_count(outcome, OUTCOME_MIGRATED);

        /* Pre-copy alone never brings the writer over. */
        g_assert_cmpuint(migrated, ==, POLICIES_ALL[p] == POLICY_PRE_COPY ? 3 : 4);
        g_assert_cmpuint(world_host_promised_bytes(fixture.fleet->world, 0), ==, (4 - migrated) * GIB);
        for (guint i = 0; i < outcome->outcomes->len; i++) {
            const Outcome *one = g_ptr_array_index(outcome->outcomes, i);

            g_assert_true(one->kind != OUTCOME_MIGRATED || (one->guest_gap_ms > 0 && one->work_lost_s > 0));
        }
        fixture_clear(&fixture);
    }
}

static void test_dead_agent_leaves_the_dirty_rate(void)
{
    Fixture fixture;

    fixture_init(&fixture, "[fault mute]\nkind = agent\ntarget = a\nat = 3s\n", POLICY_PAPER);
    g_autoptr(Plan) plan = plan_of(&fixture);
    const Choice *choice = step_of(plan, "writer1")->choice;

    /* Of its 512 MiB, each page once in 10 s. */
    g_assert_cmpfloat_with_epsilon(choice->classification->mean_written_pages_per_s, 512 / 10.0 * 256, 50);
    g_assert_cmpint(fixture.fleet->clock->now_ns(fixture.fleet->clock), >=, 13 * NS_PER_S);
    fixture_clear(&fixture);
}

static void test_vm_that_ends_while_it_is_observed(void)
{
    Fixture fixture;

    fixture_init(&fixture, "[fault end]\nkind = vm\ntarget = both1\nat = 5s\n", POLICY_PAPER);
    g_autoptr(GangOutcome) outcome = evacuate(&fixture);

    g_assert_cmpuint(outcome->outcomes->len, ==, 3);
    g_assert_cmpuint(gang_outcome_count(outcome, OUTCOME_MIGRATED), ==, 3);
    fixture_clear(&fixture);
}

static void test_dead_destination_costs_only_its_own(void)
{
    Fixture fixture;

    fixture_init(&fixture, "[fault end]\nkind = host\ntarget = b1\nat = 12s\n", POLICY_PRE_COPY);
    g_autoptr(GangOutcome) outcome = evacuate(&fixture);

    for (guint i = 0; i < outcome->outcomes->len; i++) {
        const Outcome *one = g_ptr_array_index(outcome->outcomes, i);

        g_assert_true(one->kind != OUTCOME_MIGRATED || g_str_equal(one->destination, "b2") ||
                      one->ended_ns <= 12 * NS_PER_S);
    }
    fixture_clear(&fixture);
}

/* ---- a plan that is played ---- */

static double share_of(double value, double expected)
{
    return fabs(value - expected) / expected;
}

/* From what was measured in ten seconds: close to what really happens.  'both1' reads as much as it writes, so that the
 * noise of the measurement decides how it moves; by pre-copy a period's working set stands for all that it writes. */
static void test_prediction_is_what_happens(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;

    fixture_init(&fixture, "", POLICY_PAPER);
    g_autoptr(Plan) plan = plan_of(&fixture);
    g_autoptr(Prediction) predicted = campaign_predict(fixture.campaign, plan, &error);
    g_assert_no_error(error);
    g_autoptr(Prediction) played = campaign_play(fixture.campaign, plan, &error);
    g_assert_no_error(error);

    g_assert_cmpuint(predicted->outcome->outcomes->len, ==, 4);
    g_assert_cmpfloat(share_of(predicted->finish_s, played->finish_s), <, 0.08);
    g_assert_cmpfloat(share_of((double)predicted->outcome->bytes, (double)played->outcome->bytes), <, 0.08);
    g_assert_cmpfloat(share_of(predicted->downtime_ms, played->downtime_ms), <, 0.2);
    g_assert_cmpuint(predicted->notes->len, ==, 0);
    fixture_clear(&fixture);
}

static void test_playing_tells_memory_step_by_step(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;

    fixture_init(&fixture, "", POLICY_POST_COPY);
    g_autoptr(Plan) plan = plan_of(&fixture);
    g_autoptr(Prediction) played = campaign_play(fixture.campaign, plan, &error);
    g_assert_no_error(error);
    int a = prediction_find_host(played, "a");
    guint64 arrived = 0;
    guint64 before = 0;

    g_assert_cmpint(a, ==, 0);
    g_assert_cmpuint(played->steps->len, ==, 4);
    g_assert_cmpuint(played->start_bytes[a], ==, 4 * GIB);
    g_assert_cmpuint(played->end_bytes[a], ==, 0);
    for (guint h = 1; h < played->hosts_length; h++) {
        arrived += played->peak_bytes[h];
        g_assert_cmpuint(played->peak_bytes[h], ==, played->end_bytes[h]);
        g_assert_cmpuint(played->memory_bytes[h], ==, 16 * GIB);
    }
    g_assert_cmpuint(arrived, ==, 4 * GIB);
    for (guint i = 0; i < 4; i++) {
        const PredictedStep *step = g_ptr_array_index(played->steps, i);

        g_assert_cmpuint(step->peak_bytes[a], <=, i ? before : 4 * GIB); /* they only leave */
        g_assert_true(i > 0 || step->peak_bytes[a] == 4 * GIB);
        before = step->peak_bytes[a];
        g_assert_cmpfloat(step->at_s, <=, played->finish_s);
    }
    fixture_clear(&fixture);
}

static void test_prediction_says_what_it_assumed(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;

    fixture_init(&fixture, "", POLICY_PRE_COPY); /* measures nothing */
    for (guint i = 0; i < fixture.inventory->hosts->len; i++) {
        ((HostConfig *)g_ptr_array_index(fixture.inventory->hosts, i))->link_bytes_per_s = 0;
    }
    g_autoptr(Plan) plan = plan_of(&fixture);
    g_autoptr(Prediction) predicted = campaign_predict(fixture.campaign, plan, &error);
    g_assert_no_error(error);

    g_assert_cmpuint(predicted->notes->len, ==, 2);
    g_assert_cmpstr(g_ptr_array_index(predicted->notes, 0), ==, "4 VMs were not measured: taken to write nothing");
    g_assert_true(g_str_has_prefix(g_ptr_array_index(predicted->notes, 1), "the inventory has no link rate for "));
    g_assert_true(g_str_has_suffix(g_ptr_array_index(predicted->notes, 1), "119.2 MiB/s is assumed"));
    fixture_clear(&fixture);
}

typedef struct Watching {
    Campaign *campaign;
    guint periods;
} Watching;

static void on_watch(GPtrArray *profiles, GPtrArray *choices, gpointer user)
{
    Watching *watching = user;

    g_assert_cmpuint(profiles->len, ==, 4);
    g_assert_cmpuint(choices->len, ==, 4);
    if (++watching->periods == 15) {
        campaign_stop(watching->campaign);
    }
}

static void test_watching_takes_no_real_time(void)
{
    Fixture fixture;
    g_autoptr(GError) error = NULL;
    gint64 before_ns = monotonic_ns();

    fixture_init(&fixture, "", POLICY_PAPER);
    Watching watching = {fixture.campaign, 0};
    g_assert_true(campaign_watch(fixture.campaign, "a", on_watch, &watching, &error));
    g_assert_cmpuint(watching.periods, ==, 15);
    g_assert_cmpint(fixture.fleet->clock->now_ns(fixture.fleet->clock), >=, 15 * NS_PER_S);
    g_assert_cmpint(monotonic_ns() - before_ns, <, 15 * NS_PER_S);
    fixture_clear(&fixture);
}

static void test_same_seed_same_outcome(void)
{
    guint64 bytes[3], fired[3];

    for (guint i = 0; i < 3; i++) {
        Fixture fixture;

        fixture_init(&fixture, i < 2 ? "" : "[fault x]\nkind = slow-link\ntarget = b1\nat = 10s\nrate = 40MiB/s\n",
                     POLICY_PAPER);
        g_autoptr(GangOutcome) outcome = evacuate(&fixture);

        bytes[i] = outcome->bytes;
        fired[i] = clock_virtual_fired(fixture.fleet->clock);
        fixture_clear(&fixture);
    }
    g_assert_cmpuint(bytes[0], ==, bytes[1]);
    g_assert_cmpuint(fired[0], ==, fired[1]);
    g_assert_cmpuint(fired[0], !=, fired[2]);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/fleet/a-scenario-becomes-a-world", test_scenario_becomes_a_world);
    g_test_add_func("/fleet/vms-are-placed-as-the-scenario-says", test_placements);
    g_test_add_func("/fleet/a-workload-is-the-pace-of-memory", test_workload_is_the_pace_of_memory);
    g_test_add_func("/fleet/what-fits-nowhere-is-said", test_what_fits_nowhere_is_said);
    g_test_add_func("/fleet/observing-tells-readers-from-writers", test_observing_tells_readers_from_writers);
    g_test_add_func("/fleet/evacuation-by-every-policy", test_evacuation_by_every_policy);
    g_test_add_func("/fleet/a-dead-agent-leaves-the-dirty-rate", test_dead_agent_leaves_the_dirty_rate);
    g_test_add_func("/fleet/a-vm-may-end-while-it-is-observed", test_vm_that_ends_while_it_is_observed);
    g_test_add_func("/fleet/a-dead-destination-costs-only-its-own", test_dead_destination_costs_only_its_own);
    g_test_add_func("/fleet/a-prediction-is-what-happens", test_prediction_is_what_happens);
    g_test_add_func("/fleet/playing-tells-memory-step-by-step", test_playing_tells_memory_step_by_step);
    g_test_add_func("/fleet/a-prediction-says-what-it-assumed", test_prediction_says_what_it_assumed);
    g_test_add_func("/fleet/watching-takes-no-real-time", test_watching_takes_no_real_time);
    g_test_add_func("/fleet/same-seed-same-outcome", test_same_seed_same_outcome);
    return g_test_run();
}
