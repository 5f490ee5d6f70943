/* SPDX-License-Identifier: Apache-2.0
 *
 * Ready-made fleets; see day.h.  The numbers of the first are those of the peer's PlanetLab example. */
#include "base/rng.h"
#include "sim/day.h"

#define GIGABIT_KBIT_PER_S 1e6

static const DayVmType CLOUDSIM_VMS[] = {
    {"high-cpu", 2500, 870, 1e5, 0},
    {"extra-large", 2000, 1740, 1e5, 0},
    {"small", 1000, 1740, 1e5, 0},
    {"micro", 500, 613, 1e5, 0},
};

typedef struct Owned {
    DayHostType *host_types;
    guint8 *host_type;
    guint8 *vm_type;
    guint32 *vm_row;
    guint16 *vm_shift;
} Owned;

static DayHostType host_type_of(const char *id, double ram_mib, double nic_kbit_per_s)
{
    const PowerCurve *power = power_curve_find(id, NULL);

    return (DayHostType){.name = power->id,
                         .cores = power->cores,
                         .mips_per_core = power->mhz_per_core,
                         .ram_mib = ram_mib,
                         .nic_kbit_per_s = nic_kbit_per_s,
                         .power = power};
}

/* Two host types in turn and the peer's four VM types, still without VMs. */
static DayFleet *new_fleet(const Trace *trace, guint hosts, guint vms, Owned **owned)
{
    DayFleet *fleet = g_new0(DayFleet, 1);

    *owned = g_new0(Owned, 1);
    (*owned)->host_types = g_new0(DayHostType, 2);
    (*owned)->host_type = g_malloc(MAX(hosts, 1));
    (*owned)->vm_type = g_malloc(MAX(vms, 1));
    for (guint host = 0; host < hosts; host++) {
        (*owned)->host_type[host] = host % 2;
    }
    fleet->host_types = (*owned)->host_types;
    fleet->n_host_types = 2;
    fleet->hosts = hosts;
    fleet->host_type = (*owned)->host_type;
    fleet->vm_types = CLOUDSIM_VMS;
    fleet->n_vm_types = G_N_ELEMENTS(CLOUDSIM_VMS);
    fleet->vms = vms;
    fleet->vm_type = (*owned)->vm_type;
    fleet->trace = trace;
    fleet->owned = *owned;
    return fleet;
}

DayFleet *day_fleet_cloudsim(const Trace *trace, guint hosts)
{
    Owned *owned = NULL;
    DayFleet *fleet = new_fleet(trace, hosts, trace->vms, &owned);
    guint per_type = (trace->vms + G_N_ELEMENTS(CLOUDSIM_VMS) - 1) / G_N_ELEMENTS(CLOUDSIM_VMS);

    owned->host_types[0] = host_type_of("G4", 4096, GIGABIT_KBIT_PER_S);
    owned->host_types[1] = host_type_of("G5", 4096, GIGABIT_KBIT_PER_S);
    for (guint vm = 0; vm < trace->vms; vm++) {
        owned->vm_type[vm] = (guint8)(vm / per_type);
    }
    return fleet;
}

DayFleet *day_fleet_large(const Trace *trace, guint hosts, guint vms, guint64 seed)
{
    Owned *owned = NULL;
    DayFleet *fleet = new_fleet(trace, hosts, vms, &owned);
    Rng rng = rng_stream(seed, 1);

    owned->host_types[0] = host_type_of("X5670", 12 * 1024, 10 * GIGABIT_KBIT_PER_S);
    owned->host_types[1] = host_type_of("X5675", 16 * 1024, 10 * GIGABIT_KBIT_PER_S);
    owned->vm_row = g_new(guint32, MAX(vms, 1));
    owned->vm_shift = g_new(guint16, MAX(vms, 1));
    for (guint vm = 0; vm < vms; vm++) {
        owned->vm_type[vm] = (guint8)rng_below(&rng, G_N_ELEMENTS(CLOUDSIM_VMS));
        owned->vm_row[vm] = rng_below(&rng, trace->vms);
        owned->vm_shift[vm] = (guint16)rng_below(&rng, MIN(trace->samples, G_MAXUINT16));
    }
    fleet->vm_row = owned->vm_row;
    fleet->vm_shift = owned->vm_shift;
    return fleet;
}

void day_fleet_free(DayFleet *fleet)
{
    if (fleet == NULL) {
        return;
    }
    Owned *owned = fleet->owned;

    if (owned != NULL) {
        g_free(owned->host_types);
        g_free(owned->host_type);
        g_free(owned->vm_type);
        g_free(owned->vm_row);
        g_free(owned->vm_shift);
        g_free(owned);
    }
    g_free(fleet);
}
