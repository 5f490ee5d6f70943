/* SPDX-License-Identifier: Apache-2.0
 *
 * A simulated fleet for tests, and a gang that runs in it: what must always be true is looked at after every event.
 *
 *     g_autoptr(SimRun) run = sim_run_new(3, POLICY_PAPER, 7);         hosts a, b, c; seed 7
 *     sim_run_add(run, "a", "b", ALGORITHM_PRE_COPY, &(WorldVmSpec){...});
 *     sim_run(run);                                                    to the end; then run->result */
#pragma once

#include "base/units.h"
#include "migrate/gang.h"
#include "sim/driver-sim.h"

#define SIM_RUN_LIMIT_NS (4 * 3600 * NS_PER_S) /* a gang that hangs fails here */

typedef struct SimRun {
    Clock *clock;
    World *world;
    Driver *driver;
    GPtrArray *hosts;
    Plan *plan;
    Gang *gang;
    GangOutcome *result; /* once it is done */
    guint64 events;
} SimRun;

static inline void sim_run_on_done(GangOutcome *outcome, gpointer user)
{
    SimRun *run = user;

    g_assert_null(run->result); /* exactly once */
    run->result = outcome;
}

static inline void sim_run_add_host(SimRun *run, const char *name)
{
    HostConfig *host = host_config_new(name, "sim:///");

    host->link_bytes_per_s = 128 * MIB;
    g_ptr_array_add(run->hosts, host);
    world_add_host(run->world, &(WorldHostSpec){.name = name, .cpus = 16, .memory_bytes = 64 * GIB});
}

static inline SimRun *sim_run_new(guint hosts, Policy policy, guint64 seed)
{
    SimRun *run = g_new0(SimRun, 1);
    MigrateOptions options;
    WorldRules rules;

    migrate_options_init(&options);
    world_rules_init(&rules);
    rules.seed = seed;
    run->clock = clock_virtual_new();
    clock_virtual_run_until(run->clock, NS_PER_S); /* time 0 means "never" in an outcome */
    run->world = world_new(run->clock, topology_flat(hosts), &rules);
    run->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    for (guint i = 0; i < hosts; i++) {
        g_autofree char *name = i < 26 ? g_strdup_printf("%c", 'a' + (int)i) : g_strdup_printf("h%u", i);

        sim_run_add_host(run, name);
    }
    run->driver = driver_sim_new(run->world);
    run->plan = plan_new(policy, &options);
    return run;
}

/* A VM on 'source', planned to 'destination' unless that is NULL. */
static inline guint sim_run_add(SimRun *run, const char *source, const char *destination, Algorithm algorithm,
                                const WorldVmSpec *like)
{
    g_autofree char *name = g_strdup_printf("vm%u", world_vms(run->world) + 1);
    g_autofree char *uuid = g_strdup_printf("uuid-%u", world_vms(run->world) + 1);
    g_autoptr(GError) error = NULL;
    WorldVmSpec spec = *like;

    spec.name = name;
    spec.uuid = uuid;
    guint vm = world_add_vm(run->world, world_find_host(run->world, source), &spec, &error);
    g_assert_no_error(error);
    if (destination) {
        PlanStep *step = plan_add_step(run->plan, name, uuid, source, destination,
                                       choice_new(classification_new(name), algorithm, g_strdup("for the test")));

        step->ram_bytes = spec.ram_bytes;
        step->vcpus = 1;
    }
    return vm;
}

static inline void sim_run_start(SimRun *run)
{
    run->gang = gang_new(run->plan, run->hosts, run->driver, run->clock, NULL, sim_run_on_done, run);
    gang_start(run->gang);
}

/* One event; FALSE when it is done. */
static inline gboolean sim_run_step(SimRun *run)
{
    if (run->result || !clock_virtual_step(run->clock)) {
        return FALSE;
    }
    run->events++;
    world_check(run->world);
    g_assert_cmpstr(world_broken(run->world), ==, NULL);
    for (guint i = 0; i < gang_length(run->gang) && run->clock->now_ns(run->clock) >= SIM_RUN_LIMIT_NS; i++) {
        const GangProgress *progress = gang_progress(run->gang, i);

        g_test_message("seed %" G_GUINT64_FORMAT ": %s hangs in %s (%s)", world_seed(run->world), progress->step->vm,
                       phase_name(progress->phase), progress->remark ? progress->remark : "no remark");
    }
    g_assert_cmpint(run->clock->now_ns(run->clock), <, SIM_RUN_LIMIT_NS);
    return TRUE;
}

static inline void sim_run_finish(SimRun *run)
{
    while (sim_run_step(run)) {
        ;
    }
    world_check_all(run->world);
    g_assert_cmpstr(world_broken(run->world), ==, NULL);
    g_assert_nonnull(run->result);
    g_assert_cmpuint(run->result->outcomes->len, ==, run->plan->steps->len);
}

static inline void sim_run(SimRun *run)
{
    sim_run_start(run);
    sim_run_finish(run);
}

static inline const Outcome *sim_run_outcome(SimRun *run, guint index)
{
    return g_ptr_array_index(run->result->outcomes, index);
}

static inline void sim_run_free(SimRun *run)
{
    gang_outcome_free(run->result);
    gang_free(run->gang);
    run->driver->close(run->driver);
    world_free(run->world);
    run->clock->close(run->clock);
    plan_free(run->plan);
    g_ptr_array_unref(run->hosts);
    g_free(run);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimRun, sim_run_free)

/* A VM that converges in a few passes at any share, and one that never does. */
#define QUIET_VM                                                                                                       \
    (&(WorldVmSpec){.ram_bytes = 512 * MIB, .load = {.written_mib_per_s = 1, .write_set_mib = 8, .busy_cores = 0.1}})
#define BUSY_VM                                                                                                        \
    (&(WorldVmSpec){.ram_bytes = 512 * MIB,                                                                            \
                    .load = {.written_mib_per_s = 400, .write_set_mib = 256, .read_mib_per_s = 100, .busy_cores = 1}})
