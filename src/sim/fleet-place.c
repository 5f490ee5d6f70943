/* SPDX-License-Identifier: Apache-2.0
 *
 * Where the VMs of a scenario are when a simulated fleet begins.
 *
 * Memory is never promised twice.  CPU is counted at full use and kept within the host where some host has that much
 * left; else the VM goes where its memory fits, since a fleet may well be oversubscribed. */
#include "base/error.h"
#include "base/units.h"
#include "sim/fleet-private.h"

#include <math.h>

typedef struct Room {
    guint64 memory_bytes;
    double mips; /* in use, all VMs at full speed */
    double mips_whole;
    const double *watts; /* at 0, 10, .. 100 % */
} Room;

typedef struct Placing {
    const Scenario *scenario;
    Room *rooms; /* [hosts] */
    guint turn;  /* the host after the last one, for round-robin */
} Placing;

static double watts_at(const Room *room, double mips)
{
    double at = CLAMP(mips / room->mips_whole, 0, 1) * (SCENARIO_POWER_POINTS - 1);
    guint low = MIN((guint)at, SCENARIO_POWER_POINTS - 2);

    return room->watts[low] + (room->watts[low + 1] - room->watts[low]) * (at - low);
}

static gboolean fits(const Room *room, const ScenarioVmType *type, gboolean with_cpu)
{
    return room->memory_bytes >= type->memory_bytes &&
           (!with_cpu || room->mips + type->vcpus * type->mips_per_vcpu <= room->mips_whole * (1 + 1e-9));
}

static guint least_power(const Placing *placing, const ScenarioVmType *type, gboolean with_cpu)
{
    double best_watts = INFINITY;
    guint best = WORLD_NONE;

    for (guint h = 0; h < placing->scenario->hosts_length; h++) {
        const Room *room = &placing->rooms[h];
        double watts = watts_at(room, room->mips + type->vcpus * type->mips_per_vcpu) - watts_at(room, room->mips);

        if (fits(room, type, with_cpu) && watts < best_watts) {
            best_watts = watts;
            best = h;
        }
    }
    return best;
}

static guint first_from(const Placing *placing, guint from, const ScenarioVmType *type, gboolean with_cpu)
{
    guint hosts = placing->scenario->hosts_length;

    for (guint i = 0; i < hosts; i++) {
        if (fits(&placing->rooms[(from + i) % hosts], type, with_cpu)) {
            return (from + i) % hosts;
        }
    }
    return WORLD_NONE;
}

static guint pick(const Placing *placing, ScenarioPlacement placement, const ScenarioVmType *type, gboolean with_cpu)
{
    switch (placement) {
    case PLACEMENT_POWER:
        return least_power(placing, type, with_cpu);
    case PLACEMENT_ROUND_ROBIN:
        return first_from(placing, placing->turn, type, with_cpu);
    case PLACEMENT_FIRST_FIT:
    case PLACEMENT_NAMED:
        break;
    }
    return first_from(placing, 0, type, with_cpu);
}

static guint place_vm(Placing *placing, guint vm, GError **error)
{
    const Scenario *scenario = placing->scenario;
    const ScenarioVmType *type = &scenario->vm_types[scenario->vms[vm].type];
    ScenarioPlacement placement = scenario->vm_groups[scenario->vms[vm].group].placement;
    guint host = WORLD_NONE;

    if (scenario->vms[vm].host >= 0) {
        host = (guint)scenario->vms[vm].host;
        host = fits(&placing->rooms[host], type, FALSE) ? host : WORLD_NONE;
    } else {
        host = pick(placing, placement, type, TRUE);
        host = host == WORLD_NONE ? pick(placing, placement, type, FALSE) : host;
    }
    if (host == WORLD_NONE) {
        g_autofree char *name = scenario_vm_name(scenario, vm);
        g_autofree char *memory = size_format(type->memory_bytes);

        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT,
                    "%s: VM '%s' fits on no host that it may be on: %s of memory are wanted; give the hosts more or "
                    "declare fewer VMs",
                    scenario->path, name, memory);
        return WORLD_NONE;
    }
    placing->rooms[host].memory_bytes -= type->memory_bytes;
    placing->rooms[host].mips += type->vcpus * type->mips_per_vcpu;
    placing->turn = (host + 1) % scenario->hosts_length;
    return host;
}

guint *fleet_place(const Scenario *scenario, GError **error)
{
    g_autofree Room *rooms = g_new0(Room, scenario->hosts_length);
    g_autofree guint *places = g_new0(guint, MAX(scenario->vms_length, 1));
    Placing placing = {scenario, rooms, 0};

    for (guint h = 0; h < scenario->hosts_length; h++) {
        const ScenarioHostType *type = &scenario->host_types[scenario->hosts[h].type];

        rooms[h] = (Room){type->memory_bytes - MIN(type->keep_free_bytes, type->memory_bytes), 0,
                          type->cores * type->mips_per_core, type->power_watts};
    }
    for (guint v = 0; v < scenario->vms_length; v++) {
        places[v] = place_vm(&placing, v, error);
        if (places[v] == WORLD_NONE) {
            return NULL;
        }
    }
    return g_steal_pointer(&places);
}
