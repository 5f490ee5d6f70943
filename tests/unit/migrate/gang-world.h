/* SPDX-License-Identifier: Apache-2.0
 *
 * A small world for tests of the gang: hosts a, b and c with links of 1 Gbit/s, VMs vm1.. on a, a plan, and a gang that
 * runs in virtual time.  The promise (never two running copies, never none) is looked at after every event.
 *
 *     World *world = world_new(POLICY_PAPER);
 *     world_add(world, "b", ALGORITHM_PRE_COPY, &(NullVm){...});      VM on a, planned to b
 *     world_run(world);                                               to the end; then world->result */
#pragma once

#include "base/units.h"
#include "migrate/driver-null.h"
#include "migrate/gang.h"
#include "migrate/relay-null.h"

#define WORLD_LIMIT_NS (3600 * NS_PER_S) /* no migration of a test takes longer; a gang that hangs fails here */

typedef struct World World;
typedef void (*WorldFunc)(World *world);

struct World {
    Clock *clock;
    Driver *driver;
    RelayProvider *relays;
    GPtrArray *hosts;
    Plan *plan;
    Gang *gang;
    GangOutcome *result; /* once it is done */
    guint vms;
    guint ticks;
    Phase last_phase[64];
    gboolean went_back;
    gboolean was_done[64]; /* before the fault of the test: what it says was true then */
    WorldFunc on_tick;     /* called twice a second of virtual time, and after each event of a VM; may be NULL */
};

static inline void world_on_progress(Gang *gang, int changed, gpointer user)
{
    World *world = user;

    for (guint i = 0; i < gang_length(gang); i++) {
        Phase phase = gang_progress(gang, i)->phase;

        world->went_back |= phase < world->last_phase[i];
        world->last_phase[i] = phase;
    }
    world->ticks += changed < 0;
    if (world->on_tick) {
        world->on_tick(world);
    }
}

static inline void world_on_done(GangOutcome *outcome, gpointer user)
{
    World *world = user;

    g_assert_null(world->result); /* exactly once */
    world->result = outcome;
}

static inline World *world_new(Policy policy)
{
    static const char *const names[] = {"a", "b", "c"};
    World *world = g_new0(World, 1);
    MigrateOptions options;

    migrate_options_init(&options);
    world->clock = clock_virtual_new();
    clock_virtual_run_until(world->clock, NS_PER_S); /* time 0 means "never" in an outcome */
    world->driver = driver_null_new(world->clock);
    world->relays = relay_null_new(world->clock);
    world->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    for (gsize i = 0; i < G_N_ELEMENTS(names); i++) {
        HostConfig *host = host_config_new(names[i], "null:///");

        host->link_bytes_per_s = 125000000;
        g_ptr_array_add(world->hosts, host);
        driver_null_add_host(world->driver, names[i], 16, 64 * GIB);
    }
    world->plan = plan_new(policy, &options);
    return world;
}

static inline HostConfig *world_host(World *world, const char *name)
{
    return g_ptr_array_index(world->hosts, name[0] - 'a');
}

/* 'vm' is on host a already, or nowhere. */
static inline PlanStep *world_plan(World *world, const char *vm, const char *uuid, const char *destination,
                                   Algorithm algorithm)
{
    return plan_add_step(world->plan, vm, uuid, "a", destination,
                         choice_new(classification_new(vm), algorithm, g_strdup("for the test")));
}

static inline PlanStep *world_add(World *world, const char *destination, Algorithm algorithm, const NullVm *like)
{
    g_autofree char *name = g_strdup_printf("vm%u", ++world->vms);
    g_autofree char *uuid = g_strdup_printf("uuid-%u", world->vms);
    NullVm vm = *like;
    PlanStep *step;

    vm.name = name;
    vm.uuid = uuid;
    driver_null_add_vm(world->driver, "a", &vm);
    step = world_plan(world, name, uuid, destination, algorithm);
    step->ram_bytes = vm.ram_bytes;
    step->vcpus = 1;
    return step;
}

static inline void world_start(World *world)
{
    world->gang =
        gang_new(world->plan, world->hosts, world->driver, world->clock, world_on_progress, world_on_done, world);
    gang_set_relays(world->gang, world->relays);
    gang_start(world->gang);
}

/* One event of the world; FALSE when nothing will ever happen any more, or it is done. */
static inline gboolean world_step(World *world)
{
    gint64 next_ns = clock_virtual_next_ns(world->clock);

    if (world->result || next_ns < 0) {
        return FALSE;
    }
    clock_virtual_run_until(world->clock, next_ns);
    g_assert_cmpstr(driver_null_broken_promise(world->driver), ==, NULL);
    for (guint i = 0; i < gang_length(world->gang) && next_ns >= WORLD_LIMIT_NS; i++) {
        const GangProgress *progress = gang_progress(world->gang, i);

        g_test_message("%s hangs in %s (%s)", progress->step->vm, phase_name(progress->phase),
                       progress->remark ? progress->remark : "no remark");
    }
    g_assert_cmpint(next_ns, <, WORLD_LIMIT_NS);
    return TRUE;
}

static inline void world_finish(World *world)
{
    while (world_step(world)) {
        ;
    }
    g_assert_nonnull(world->result);
    g_assert_false(world->went_back);
    g_assert_cmpuint(world->result->outcomes->len, ==, world->plan->steps->len);
}

static inline void world_run(World *world)
{
    world_start(world);
    world_finish(world);
}

static inline const Outcome *world_outcome(World *world, guint index)
{
    return g_ptr_array_index(world->result->outcomes, index);
}

static inline void world_free(World *world)
{
    gang_outcome_free(world->result);
    gang_free(world->gang);
    world->driver->close(world->driver);
    world->relays->close(world->relays);
    world->clock->close(world->clock);
    plan_free(world->plan);
    g_ptr_array_unref(world->hosts);
    g_free(world);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)

/* A VM that converges in a few passes at any share, and one that never does. */
#define QUIET_VM (&(NullVm){.ram_bytes = 512 * MIB, .dirty_bytes_per_s = 1 * MIB, .working_set_bytes = 8 * MIB})
#define BUSY_VM  (&(NullVm){.ram_bytes = 512 * MIB, .dirty_bytes_per_s = 400 * MIB, .working_set_bytes = 256 * MIB})
