/* SPDX-License-Identifier: Apache-2.0
 *
 * FleetProblem: what placers take, made from what hosts said.
 *
 *     FleetProblem *fleet = fleet_problem_new(inventory, configs, facts, &measures, &error);
 *     place_run(placer, &fleet->problem, ...)
 *
 * Demand of a VM: the cores it used over the load window, the memory it holds of its host.  Reserved: its vCPUs and all
 * of its memory.  What a host uses beyond its VMs is its base.  Where nothing was measured the demand of CPU is 0 and
 * reservations alone decide: a plan without a measurement must not fail for the lack of it. */
#pragma once

#include "campaign/inventory.h"
#include "campaign/load-window.h"
#include "place/grouping.h"

/* Weight of the CPU in a VM's load (equation 6 of seed 003); the rest is memory's. */
#define LOAD_CPU_WEIGHT 0.3

typedef struct FleetMeasures {
    const LoadWindow *loads; /* NULL: not measured */
    GPtrArray *profiles;     /* Profile, by name; NULL: none */
    const char *traffic_path; /* NULL: the inventory's */
    const SimFleet *simulated; /* NULL: real hosts; else its network and its traffic are known */
} FleetMeasures;

typedef struct FleetProblem {
    PlaceProblem problem; /* what the pointers in it point to is owned here */
    const Vm **vms;       /* [problem.vms_length] borrowed from the facts */
    GPtrArray *configs;   /* HostConfig, borrowed, in the order of problem.hosts */
    GPtrArray *facts;     /* HostFacts, likewise */
    PlaceHost *hosts;
    PlaceVm *place_vms;
    PlaceRule *rules;
    Topology *topology;
    Traffic *traffic;
    GPtrArray *strings;   /* what else was made for it */
    GHashTable *vm_index; /* name -> index + 1 */
} FleetProblem;

/* 'configs' and 'facts' are borrowed for the problem's life.  Every host may receive and none is a source; the caller
 * changes that in 'hosts'.  GODWIT_ERROR_INPUT when the traffic file or a power curve is wrong. */
FleetProblem *fleet_problem_new(const Inventory *inventory, GPtrArray *configs, GPtrArray *facts,
                                const FleetMeasures *measures, GError **error);
void fleet_problem_free(FleetProblem *fleet);

/* Indices, or PLACE_NOWHERE. */
guint fleet_problem_find_host(const FleetProblem *fleet, const char *name);
guint fleet_problem_find_vm(const FleetProblem *fleet, const char *name);

/* For people: "vm3: memory: ...; vm4: ...". */
char *fleet_problem_reasons_text(const FleetProblem *fleet, const PlaceResult *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(FleetProblem, fleet_problem_free)
