/* SPDX-License-Identifier: Apache-2.0
 *
 * Random problems for the tests and benchmarks of src/place: everything from a seed, everything valid.
 *
 *     Rng rng = rng_new(seed);
 *     CaseShape shape = {.overloaded = 1, .vms_per_overloaded = 9, .others = 5, .with_rules = TRUE};
 *     g_autoptr(Case) it = case_new(&shape, &options, &rng);        it->problem
 *
 * The first 'overloaded' hosts are above the safe range of 'options', the others within it, with room. */
#pragma once

#include "place/state.h"

#include <math.h>

typedef struct CaseShape {
    guint overloaded;         /* hosts above the safe range, marked is_source */
    guint vms_per_overloaded; /* on each of them */
    guint others;             /* hosts that may receive */
    guint vms_per_other;      /* on each of those, 0 if none; the rest of their load is base load */
    gboolean with_rules;      /* pinned VMs, CPU classes, rules, tight reservations */
} CaseShape;

typedef struct Case {
    PlaceProblem problem;
    PlaceHost *hosts;
    PlaceVm *vms;
    Traffic *traffic;
    Topology *topology;
    PlaceRule *rules;
    guint *rule_vms;
    GStringChunk *names;
} Case;

static void case_free(Case *it)
{
    if (it) {
        g_free(it->hosts);
        g_free(it->vms);
        traffic_free(it->traffic);
        topology_free(it->topology);
        g_free(it->rules);
        g_free(it->rule_vms);
        g_string_chunk_free(it->names);
        g_free(it);
    }
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(Case, case_free)

static const char *case_name(Case *it, const char *prefix, guint number)
{
    g_autofree char *name = g_strdup_printf("%s%u", prefix, number);

    return g_string_chunk_insert(it->names, name);
}

/* Four kinds of hosts: 8c/16000, 16c/16000, 16c/32000, 32c/64000 MiB. */
static void case_host(Case *it, guint host, guint place, Rng *rng)
{
    static const double KINDS[][RESOURCE_COUNT] = {{8, 16000}, {16, 16000}, {16, 32000}, {32, 64000}};
    const double *kind = KINDS[rng_below(rng, G_N_ELEMENTS(KINDS))];
    PlaceHost *row = &it->hosts[host];

    *row = (PlaceHost){.name = case_name(it, "h", host + 1),
                       .capacity = {kind[0], kind[1]},
                       .reservable = {kind[0] * 8, kind[1]},
                       .place = place,
                       .cpu_classes = 3,
                       .may_receive = TRUE};
}

/* 'length' VMs from 'first' that together demand 'load' of their host's CPU and 'memory_load' of its memory. */
static void case_vms(Case *it, guint first, guint length, guint host, double load, double memory_load, Rng *rng)
{
    const PlaceHost *there = &it->hosts[host];
    double sum[RESOURCE_COUNT] = {0};

    for (guint v = first; v < first + length; v++) {
        PlaceVm *vm = &it->vms[v];

        *vm = (PlaceVm){.name = case_name(it, "vm", v + 1), .host = host, .working_set_mib = INFINITY};
        vm->demand[RESOURCE_CPU] = rng_range(rng, 0.2, 1);
        vm->demand[RESOURCE_MEMORY] = rng_range(rng, 0.3, 1);
        vm->dirty_mib_per_s = rng_range(rng, 0, 100);
        for (int r = 0; r < RESOURCE_COUNT; r++) {
            sum[r] += vm->demand[r];
        }
    }
    for (guint v = first; v < first + length; v++) {
        PlaceVm *vm = &it->vms[v];

        vm->demand[RESOURCE_CPU] *= load * there->capacity[RESOURCE_CPU] / sum[RESOURCE_CPU];
        vm->demand[RESOURCE_MEMORY] *= memory_load * there->capacity[RESOURCE_MEMORY] / sum[RESOURCE_MEMORY];
        vm->memory_mib = vm->demand[RESOURCE_MEMORY];
        vm->working_set_mib = vm->memory_mib * 0.25;
        vm->reserved[RESOURCE_CPU] = vm->demand[RESOURCE_CPU];
        vm->reserved[RESOURCE_MEMORY] = vm->memory_mib;
        vm->mean_load = rng_range(rng, 0.05, 1);
    }
}

/* One VM in ten pinned, one in ten with a CPU that half of the hosts lack, a rule for about every fourth VM. */
static void case_constraints(Case *it, Rng *rng)
{
    PlaceProblem *problem = &it->problem;
    guint rules = problem->vms_length / 8;

    for (guint v = 0; v < problem->vms_length; v++) {
        it->vms[v].is_pinned = rng_below(rng, 10) == 0;
        it->vms[v].cpu_class = rng_below(rng, 10) == 0 ? 2 : 0;
    }
    for (guint h = 0; h < problem->hosts_length; h++) {
        it->hosts[h].cpu_classes = rng_below(rng, 2) || it->hosts[h].is_source ? 3 : 1;
        it->hosts[h].may_receive = rng_below(rng, 8) != 0;
    }
    it->rules = g_new0(PlaceRule, rules + 1);
    it->rule_vms = g_new0(guint, 2 * rules + 1);
    for (guint r = 0; r < rules; r++) {
        guint a = rng_below(rng, problem->vms_length);
        guint b = rng_below(rng, problem->vms_length);
        gboolean is_together = it->vms[a].host == it->vms[b].host; /* rules that hold at the beginning */

        if (a != b) {
            guint *pair = it->rule_vms + 2 * problem->rules_length;

            pair[0] = MIN(a, b);
            pair[1] = MAX(a, b);
            it->rules[problem->rules_length++] = (PlaceRule){
                .kind = is_together ? PLACE_RULE_TOGETHER : PLACE_RULE_APART, .vms = pair, .vms_length = 2};
        }
    }
    problem->rules = it->rules;
}

static Topology *case_topology(guint hosts, Rng *rng)
{
    guint ports = 4;

    if (rng_below(rng, 4) == 0) {
        return topology_flat(hosts);
    }
    while (ports * ports * ports / 4 < hosts) {
        ports += 2;
    }
    return topology_fat_tree(ports, NULL);
}

static Case *case_new(const CaseShape *shape, const PlaceOptions *options, Rng *rng)
{
    Case *it = g_new0(Case, 1);
    guint hosts = shape->overloaded + shape->others;
    guint vms = shape->overloaded * shape->vms_per_overloaded + shape->others * shape->vms_per_other;
    TrafficModel traffic;
    g_autofree guint *places = NULL;
    guint next = 0;

    it->names = g_string_chunk_new(4096);
    it->hosts = g_new0(PlaceHost, hosts + 1);
    it->vms = g_new0(PlaceVm, vms + 1);
    it->topology = case_topology(hosts, rng);
    places = g_new(guint, topology_places(it->topology));
    for (guint p = 0; p < topology_places(it->topology); p++) {
        places[p] = p;
    }
    rng_shuffle(rng, places, topology_places(it->topology));
    for (guint h = 0; h < hosts; h++) {
        double load = h < shape->overloaded ? rng_range(rng, options->safe_high + 0.01, options->safe_high + 0.2)
                                            : rng_range(rng, 0.1, options->safe_high - 0.02);
        double memory_load = rng_range(rng, 0.3, options->safe_high - 0.02);
        guint length = h < shape->overloaded ? shape->vms_per_overloaded : shape->vms_per_other;

        case_host(it, h, places[h], rng);
        it->hosts[h].is_source = h < shape->overloaded;
        if (length) {
            case_vms(it, next, length, h, load, memory_load, rng);
        } else {
            it->hosts[h].base_demand[RESOURCE_CPU] = load * it->hosts[h].capacity[RESOURCE_CPU];
            it->hosts[h].base_demand[RESOURCE_MEMORY] = memory_load * it->hosts[h].capacity[RESOURCE_MEMORY];
        }
        next += length;
    }
    traffic_model_init(&traffic);
    traffic.stray_edges_per_vm = 0.5;
    it->traffic = traffic_generate(vms, &traffic, rng);
    it->problem = (PlaceProblem){.hosts = it->hosts, .hosts_length = hosts, .vms = it->vms, .vms_length = vms,
                                 .traffic = it->traffic, .topology = it->topology};
    if (shape->with_rules) {
        case_constraints(it, rng);
    }
    return it;
}
