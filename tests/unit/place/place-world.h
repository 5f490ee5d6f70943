/* SPDX-License-Identifier: Apache-2.0
 *
 * Small problems for the tests of placers: by hand, or at random from a seed.
 *
 *     World world;
 *     world_init(&world, 3, 16, 16000);              three hosts of 16 cores, 16000 MiB
 *     guint a = world_add_vm(&world, 0, 2, 2000);    on host 0: 2 cores, 2000 MiB, both demanded and reserved
 *     world_talk(&world, a, b, 10);
 *     world_rule(&world, PLACE_RULE_APART, a, b);
 *     world_end(&world);                             then world.problem
 *     world_clear(&world); */
#pragma once

#include "base/rng.h"
#include "place/grouping.h"

#include <math.h>

#define WORLD_HOSTS 32
#define WORLD_VMS   128
#define WORLD_RULES 8

typedef struct World {
    PlaceHost hosts[WORLD_HOSTS];
    PlaceVm vms[WORLD_VMS];
    PlaceRule rules[WORLD_RULES];
    guint rule_vms[WORLD_RULES][3];
    char names[WORLD_HOSTS + WORLD_VMS][8];
    Traffic *traffic;
    Topology *topology;
    struct {
        guint a, b;
        double mib_per_s;
    } edges[1024];
    guint edges_length;
    PlaceProblem problem;
} World;

static inline void world_init(World *world, guint hosts, double cores, double memory_mib)
{
    memset(world, 0, sizeof *world);
    world->problem = (PlaceProblem){.hosts = world->hosts, .hosts_length = hosts, .vms = world->vms};
    world->problem.rules = world->rules;
    for (guint h = 0; h < hosts; h++) {
        g_snprintf(world->names[h], sizeof world->names[h], "h%u", h + 1);
        world->hosts[h] = (PlaceHost){
            .name = world->names[h],
            .capacity = {cores, memory_mib},
            .reservable = {2 * cores, memory_mib},
            .link_mib_per_s = 128,
            .place = h,
            .may_receive = TRUE,
            .is_source = TRUE,
        };
    }
}

static inline guint world_add_vm(World *world, guint host, double cores, double memory_mib)
{
    guint v = world->problem.vms_length++;
    char *name = world->names[WORLD_HOSTS + v];

    g_assert_cmpuint(v, <, WORLD_VMS);
    g_snprintf(name, sizeof world->names[0], "vm%u", v + 1);
    world->vms[v] = (PlaceVm){
        .name = name,
        .host = host,
        .demand = {cores, memory_mib},
        .reserved = {cores, memory_mib},
        .memory_mib = memory_mib,
        .working_set_mib = INFINITY,
        .dirty_mib_per_s = 10,
        .mean_load = 0.5,
    };
    return v;
}

static inline void world_talk(World *world, guint a, guint b, double mib_per_s)
{
    g_assert_cmpuint(world->edges_length, <, G_N_ELEMENTS(world->edges));
    world->edges[world->edges_length].a = a;
    world->edges[world->edges_length].b = b;
    world->edges[world->edges_length++].mib_per_s = mib_per_s;
}

static inline void world_rule(World *world, PlaceRuleKind kind, guint a, guint b)
{
    guint r = world->problem.rules_length++;

    g_assert_cmpuint(r, <, WORLD_RULES);
    world->rule_vms[r][0] = MIN(a, b);
    world->rule_vms[r][1] = MAX(a, b);
    world->rules[r] = (PlaceRule){.kind = kind, .vms = world->rule_vms[r], .vms_length = 2};
}

static inline int world_compare_edges(gconstpointer a, gconstpointer b)
{
    const guint *left = a;
    const guint *right = b;

    return left[0] != right[0] ? (left[0] < right[0] ? -1 : 1) : left[1] < right[1] ? -1 : left[1] > right[1];
}

static inline void world_end(World *world)
{
    TrafficBuilder *builder = traffic_builder_new(world->problem.vms_length);

    for (guint e = 0; e < world->edges_length; e++) {
        traffic_builder_add(builder, world->edges[e].a, world->edges[e].b, world->edges[e].mib_per_s);
    }
    world->traffic = traffic_builder_end(builder);
    world->problem.traffic = world->traffic;
    world->problem.topology = world->topology;
}

static inline void world_clear(World *world)
{
    traffic_free(world->traffic);
    topology_free(world->topology);
}

/* How a random problem is made; see world_random. */
typedef struct WorldShape {
    guint hosts;          /* host 0 is filled most */
    guint vms_min;        /* on host 0 */
    guint vms_max;
    double edge_share;    /* of pairs of VMs that talk */
    guint rules;          /* at most, of both kinds */
    double pinned_share;
    guint cpu_classes;    /* 0: all alike */
    double fill_low;      /* how full the other hosts are */
    double fill_high;
} WorldShape;

static inline void world_random_vms(World *world, const WorldShape *shape, Rng *rng, guint host, double fill)
{
    double cores = world->hosts[host].capacity[RESOURCE_CPU];
    double memory_mib = world->hosts[host].capacity[RESOURCE_MEMORY];
    guint vms = shape->vms_min + rng_below(rng, shape->vms_max - shape->vms_min + 1);

    for (guint i = 0; i < vms; i++) {
        guint v = world_add_vm(world, host, fill * cores / vms * rng_range(rng, 0.6, 1.4),
                               fill * 0.8 * memory_mib / vms * rng_range(rng, 0.6, 1.4));

        world->vms[v].dirty_mib_per_s = rng_range(rng, 0, 100);
        world->vms[v].mean_load = rng_unit(rng);
        world->vms[v].is_pinned = rng_unit(rng) < shape->pinned_share;
        world->vms[v].cpu_class = shape->cpu_classes ? (guint64)1 << rng_below(rng, shape->cpu_classes) : 0;
    }
}

/* An overloaded host 0 and others with some room.  Rules hold at the beginning. */
static inline void world_random(World *world, const WorldShape *shape, guint64 seed)
{
    Rng rng = rng_new(seed);

    world_init(world, shape->hosts, 16, 32000);
    for (guint h = 0; h < shape->hosts; h++) {
        world->hosts[h].cpu_classes = shape->cpu_classes ? 1 + rng_below(&rng, (1u << shape->cpu_classes) - 1) : 0;
        world_random_vms(world, shape, &rng, h,
                         h == 0 ? rng_range(&rng, 0.85, 1) : rng_range(&rng, shape->fill_low, shape->fill_high));
    }
    for (guint a = 0; a < world->problem.vms_length; a++) {
        for (guint b = a + 1; b < world->problem.vms_length; b++) {
            gboolean is_near = world->vms[a].host == world->vms[b].host;

            if (rng_unit(&rng) < (is_near ? shape->edge_share : shape->edge_share / 8)) {
                world_talk(world, a, b, rng_range(&rng, 1, 20));
            }
        }
    }
    for (guint i = 0; i < 4 * shape->rules && world->problem.rules_length < shape->rules; i++) {
        guint a = rng_below(&rng, world->problem.vms_length);
        guint b = rng_below(&rng, world->problem.vms_length);
        gboolean is_near = world->vms[a].host == world->vms[b].host;

        if (a != b) {
            world_rule(world, is_near ? PLACE_RULE_TOGETHER : PLACE_RULE_APART, a, b);
        }
    }
    world_end(world);
}
