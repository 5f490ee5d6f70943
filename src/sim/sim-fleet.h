/* SPDX-License-Identifier: Apache-2.0
 *
 * SimFleet: a simulated fleet with everything that a campaign needs of one: clock, driver, sampling and hosts.
 *
 *     g_autoptr(SimFleet) fleet = sim_fleet_load("fleet.ini", NULL, &error);       a scenario file
 *     g_autoptr(SimFleet) fleet = sim_fleet_new(clock, world);                      a world made by hand
 *
 * A scenario's hosts, network, VMs, traffic between VMs and faults become a world; its duration and policy belong to
 * `godwit simulate`.  A VM's workload is also the pace of its memory: at its mean CPU use it reads and writes at the
 * rates of its type, and faster or slower in proportion.
 *
 * Virtual time moves only by sim_fleet_turn, one event at a time.  What must always be true of the world is checked
 * after each; when it is not, the whole run is of no worth: the program says what was broken, with seed, time and
 * event, and ends (sim_fleet_turn does not return). */
#pragma once

#include "base/clock.h"
#include "migrate/driver.h"
#include "migrate/relay-pair.h"
#include "observe/observe.h"
#include "sim/scenario.h"
#include "sim/world.h"

typedef struct SimFleet {
    Clock *clock;
    World *world;
    Driver *driver;
    RelayProvider *relays;
    LocalSampling sampling;
    GPtrArray *hosts;   /* HostConfig, in the order of the world */
    Scenario *scenario; /* NULL: made by hand */
    GPtrArray *paces;   /* float *, the workloads that VMs borrow; may be NULL */
} SimFleet;

/* Takes both. */
SimFleet *sim_fleet_new(Clock *clock, World *world);

/* 'seed': NULL for the scenario's own. */
SimFleet *sim_fleet_load(const char *path, const guint64 *seed, GError **error);
SimFleet *sim_fleet_from_scenario(Scenario *scenario /* taken */, GError **error);
void sim_fleet_free(SimFleet *fleet);

/* Who talks to whom by the scenario, with its VMs' indices; NULL in '*traffic' when nobody does.  The caller frees. */
gboolean sim_fleet_traffic(const SimFleet *fleet, Traffic **traffic, GError **error);

/* The next event.  Called by somebody who waits for something: that nothing will ever happen any more is wrong, too. */
void sim_fleet_turn(SimFleet *fleet);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(SimFleet, sim_fleet_free)
