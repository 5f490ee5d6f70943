/* SPDX-License-Identifier: Apache-2.0
 *
 * SimFleet: its life, and how virtual time moves; see sim-fleet.h. */
#include "sim/sim-fleet.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/driver-sim.h"
#include "sim/relay-sim.h"
#include "sim/tracker-sim.h"
#include "sim/world-private.h"

static Sampler *open_sampler(const char *host, const Vm *vm, const ObserveOptions *options, gpointer user,
                             GError **error)
{
    const SimFleet *fleet = user;

    return tracker_sim_sampler(fleet->world, vm->name, host, options->scan_ns, options->seed, error);
}

static gboolean may_sample(const char *host, gpointer user, GError **error)
{
    const SimFleet *fleet = user;
    const WorldHost *at = world_host_named(fleet->world, host);

    if (!at || at->state == WORLD_HOST_DEAD || !at->has_agent) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "agent on %s: it does not answer", host);
        return FALSE;
    }
    return TRUE;
}

static HostConfig *config_of(const World *world, guint index)
{
    const WorldHost *host = world_host(world, index);
    HostConfig *config = host_config_new(host->name, "sim:///");

    config->link_bytes_per_s = (guint64)(world_host_link_mib_per_s(world, host) * (double)MIB);
    return config;
}

SimFleet *sim_fleet_new(Clock *clock, World *world)
{
    SimFleet *fleet = g_new0(SimFleet, 1);

    fleet->clock = clock;
    fleet->world = world;
    fleet->driver = driver_sim_new(world);
    fleet->relays = relay_sim_new(world);
    fleet->sampling = (LocalSampling){open_sampler, may_sample, tracker_sim_cpu_ns, fleet};
    fleet->hosts = g_ptr_array_new_with_free_func((GDestroyNotify)host_config_free);
    for (guint i = 0; i < world_hosts(world); i++) {
        g_ptr_array_add(fleet->hosts, config_of(world, i));
    }
    return fleet;
}

void sim_fleet_free(SimFleet *fleet)
{
    if (fleet) {
        fleet->relays->close(fleet->relays);
        fleet->driver->close(fleet->driver);
        world_free(fleet->world);
        fleet->clock->close(fleet->clock);
        g_ptr_array_unref(fleet->hosts);
        g_clear_pointer(&fleet->paces, g_ptr_array_unref);
        scenario_free(fleet->scenario);
        g_free(fleet);
    }
}

static G_NORETURN void give_up(const char *what)
{
    fflush(stdout);
    fprintf(stderr, "godwit: the simulation is wrong: %s\n", what);
    exit(EXIT_FAILURE);
}

void sim_fleet_turn(SimFleet *fleet)
{
    gboolean has_moved = clock_virtual_step(fleet->clock);

    world_check(fleet->world);
    if (!has_moved) {
        world_break(fleet->world, "time: nothing will ever happen any more, and somebody waits");
    }
    if (world_broken(fleet->world)) {
        give_up(world_broken(fleet->world));
    }
}
