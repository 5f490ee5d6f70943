/* SPDX-License-Identifier: Apache-2.0
 *
 * A data centre from a seed; see gbm.h.
 *
 * Hosts take turns among four sizes.  VMs (2 cores, 2000 MiB each) arrive in order, those of one application one after
 * the other, and each takes the first host that has the cores and the memory.  Load is a share of the VM's own cores
 * and memory: what its application uses, what is its own, and a part that wanders (an autoregression of 30 s steps), so
 * that some hosts are overloaded at the time of the decision. */
#include "gbm.h"
#include "base/error.h"

#include <math.h>

#define VM_CORES           2
#define VM_MIB             2000
#define WORKING_SET_SHARE  0.25
#define CPU_OVERCOMMITMENT 1.5 /* of relief; arrival promises real cores */

#define STEP_S      30
#define HISTORY     120 /* T = 3600 s, N = T / dt */
#define FUTURE      20
#define LOAD_WEIGHT 0.3 /* lambda of equation 6 */

#define APPLICATION_DEVIATION 0.15
#define OWN_DEVIATION         0.15
#define WANDER_DEVIATION      0.08
#define WANDER_MEMORY         0.9
#define LOAD_MIN              0.02

enum { STREAM_TRAFFIC = 1, STREAM_LOAD = 2 };

typedef struct HostSize {
    double cores;
    double mib;
} HostSize;

static const HostSize SIZES[] = {{8, 16000}, {16, 16000}, {16, 32000}, {32, 64000}};

static void make_hosts(GbmWorld *world, guint hosts)
{
    world->hosts = g_new0(PlaceHost, hosts);
    for (guint h = 0; h < hosts; h++) {
        const HostSize *size = &SIZES[h % G_N_ELEMENTS(SIZES)];
        PlaceHost *host = &world->hosts[h];
        g_autofree char *name = g_strdup_printf("h%u", h);

        host->name = g_string_chunk_insert(world->names, name);
        host->capacity[RESOURCE_CPU] = size->cores;
        host->capacity[RESOURCE_MEMORY] = size->mib;
        host->reservable[RESOURCE_CPU] = size->cores * CPU_OVERCOMMITMENT;
        host->reservable[RESOURCE_MEMORY] = size->mib;
        host->place = h;
        host->cpu_classes = ~(guint64)0;
        host->may_receive = TRUE;
        host->is_source = TRUE;
    }
}

/* First come first served: FALSE when there is no host with room for the next one. */
static gboolean place_vms(GbmWorld *world, guint hosts, guint vms, guint *placed)
{
    guint host = 0, on_host = 0;

    for (*placed = 0; *placed < vms; (*placed)++) {
        /* All VMs are alike, so a host that had no room for one has none for the next. */
        while (host < hosts && ((on_host + 1) * VM_CORES > world->hosts[host].capacity[RESOURCE_CPU] ||
                                (on_host + 1) * VM_MIB > world->hosts[host].capacity[RESOURCE_MEMORY])) {
            host++;
            on_host = 0;
        }
        if (host == hosts) {
            return FALSE;
        }
        world->vms[*placed].host = host;
        on_host++;
    }
    return TRUE;
}

/* VMs that come one after the other and talk are of one application and share a part of their load. */
static double *application_loads(const GbmWorld *world, guint vms, double mean_load, Rng *rng)
{
    double *load = g_new(double, vms);

    for (guint v = 0; v < vms; v++) {
        gboolean goes_on = v > 0 && traffic_between(world->traffic, v, v - 1) > 0;

        load[v] = goes_on ? load[v - 1] : rng_normal(rng, mean_load, APPLICATION_DEVIATION);
    }
    return load;
}

static void make_load(GbmWorld *world, guint vm, double mean_load, double application_load, Rng *rng)
{
    double *cpu = world->cpu_load + (gsize)vm * world->samples;
    double base = application_load + rng_normal(rng, 0, OWN_DEVIATION);
    double drawn = rng_normal(rng, mean_load, OWN_DEVIATION);
    double memory = CLAMP(drawn, LOAD_MIN, 1);
    double fresh = WANDER_DEVIATION * sqrt(1 - WANDER_MEMORY * WANDER_MEMORY);
    double wander = rng_normal(rng, 0, WANDER_DEVIATION);
    PlaceVm *made = &world->vms[vm];

    for (guint j = 0; j < world->samples; j++) {
        cpu[j] = CLAMP(base + wander, LOAD_MIN, 1);
        wander = WANDER_MEMORY * wander + rng_normal(rng, 0, fresh);
        if (j < HISTORY) {
            made->mean_load += (LOAD_WEIGHT * cpu[j] + (1 - LOAD_WEIGHT) * memory) / HISTORY;
        }
    }
    made->demand[RESOURCE_CPU] = VM_CORES * cpu[world->now];
    made->demand[RESOURCE_MEMORY] = VM_MIB * memory;
}

static void make_vms(GbmWorld *world, const GbmConfig *config, guint vms, guint64 seed)
{
    Rng rng = rng_stream(seed, STREAM_LOAD);
    g_autofree double *application = application_loads(world, vms, config->mean_load, &rng);

    world->samples = HISTORY + FUTURE;
    world->now = HISTORY - 1;
    world->cpu_load = g_new(double, (gsize)vms * world->samples);
    for (guint v = 0; v < vms; v++) {
        PlaceVm *vm = &world->vms[v];
        g_autofree char *name = g_strdup_printf("vm%u", v);

        vm->name = g_string_chunk_insert(world->names, name);
        vm->reserved[RESOURCE_CPU] = VM_CORES;
        vm->reserved[RESOURCE_MEMORY] = VM_MIB;
        vm->memory_mib = VM_MIB;
        vm->dirty_mib_per_s = config->dirty_mib_per_s;
        vm->working_set_mib = WORKING_SET_SHARE * VM_MIB;
        make_load(world, v, config->mean_load, application[v], &rng);
    }
}

/* What VM traffic leaves of each host's own link: what a placer is told of the network. */
static void make_links(GbmWorld *world, const GbmConfig *config)
{
    g_autoptr(Flows) flows = NULL;
    g_autofree guint *host_of = g_new(guint, world->problem.vms_length);

    for (guint v = 0; v < world->problem.vms_length; v++) {
        host_of[v] = world->vms[v].host;
    }
    topology_set_rates(world->topology, config->link_mib_per_s, config->link_mib_per_s);
    flows = flows_new_for(world->topology, GBM_FLOOR_SHARE * config->link_mib_per_s);
    g_autoptr(GbmTraffic) traffic = gbm_traffic_new(world, flows, host_of);
    flows_update(flows);
    for (guint h = 0; h < world->problem.hosts_length; h++) {
        guint links[2] = {2 * h, 2 * h + 1}; /* a fat-tree's host h has cable h */

        world->hosts[h].link_mib_per_s = flows_left(flows, links, 2);
    }
}

gboolean gbm_world_init(GbmWorld *world, const GbmConfig *config, guint ports, guint vms, guint64 seed, GError **error)
{
    TrafficModel model;
    Rng rng = rng_stream(seed, STREAM_TRAFFIC);
    guint placed = 0;

    *world = (GbmWorld){.names = g_string_chunk_new(4096), .link_mib_per_s = config->link_mib_per_s};
    world->topology = topology_fat_tree(ports, error);
    if (!world->topology) {
        return FALSE;
    }
    guint hosts = topology_places(world->topology);
    make_hosts(world, hosts);
    world->vms = g_new0(PlaceVm, vms);
    if (!place_vms(world, hosts, vms, &placed)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "%u hosts hold %u VMs of %d cores and %d MiB, not %u",
                    hosts, placed, VM_CORES, VM_MIB, vms);
        return FALSE;
    }
    traffic_model_init(&model);
    world->traffic = traffic_generate(vms, &model, &rng);
    make_vms(world, config, vms, seed);
    world->problem = (PlaceProblem){.hosts = world->hosts,
                                    .hosts_length = hosts,
                                    .vms = world->vms,
                                    .vms_length = vms,
                                    .traffic = world->traffic,
                                    .topology = world->topology};
    make_links(world, config);
    return place_problem_check(&world->problem, error);
}

void gbm_world_clear(GbmWorld *world)
{
    g_clear_pointer(&world->names, g_string_chunk_free);
    g_clear_pointer(&world->topology, topology_free);
    g_clear_pointer(&world->traffic, traffic_free);
    g_clear_pointer(&world->hosts, g_free);
    g_clear_pointer(&world->vms, g_free);
    g_clear_pointer(&world->cpu_load, g_free);
}

guint gbm_world_sample(const GbmWorld *world, double time_s)
{
    double steps = floor((time_s - GBM_DECISION_S) / STEP_S);

    return (guint)CLAMP((double)world->now + steps, 0, (double)world->samples - 1);
}
