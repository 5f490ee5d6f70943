/* SPDX-License-Identifier: Apache-2.0
 *
 * PlaceProblem: hosts, VMs, who talks to whom, and what must hold; the left side of every placer.
 *
 * Seed 003 section 2.1: PM_p = (cores, memory, bandwidth, position), VM_i = (PM_src, vc_i, vm_i), G = (V, E).  Here a
 * host and a VM have a value per resource in two ways: 'demand' is what was measured, 'reserved' is what was promised.
 * Overload is judged by demand, room at a destination by both.
 *
 * Units: CPU in cores, memory in MiB, rates in MiB/s, time in s.  Plain arrays, so that 100,000 VMs are nothing
 * special.  All strings and arrays are borrowed by whoever reads a problem, and owned by whoever made it;
 * place_problem_new/free are for those who want the problem to own them. */
#pragma once

#include <glib.h>

#include "base/named.h"
#include "model/topology.h"
#include "model/traffic.h"

#define RESOURCES(X)                                                                                                   \
    X(RESOURCE_CPU, "cpu")                                                                                             \
    X(RESOURCE_MEMORY, "memory")
NAMED_ENUM_DECLARE(Resource, resource, RESOURCES)
#define RESOURCE_COUNT 2

#define PLACE_NOWHERE G_MAXUINT /* no host, no VM, no group */

typedef struct PlaceHost {
    const char *name;
    double capacity[RESOURCE_COUNT];      /* what utilisation is measured against */
    double reservable[RESOURCE_COUNT];    /* what reservations may sum to: cores times overcommitment, memory minus what
                                             must stay free */
    double base_demand[RESOURCE_COUNT];   /* by what is not among 'vms': the host itself, VMs that nobody may move */
    double base_reserved[RESOURCE_COUNT];
    double link_mib_per_s;                /* for migrations, each way; 0: PlaceOptions.bandwidth_mib_per_s */
    const double *power_w;                /* [11] at 0, 10, .. 100 % of the CPU; NULL: unknown, see placer's page */
    guint place;                          /* in the topology */
    guint64 cpu_classes;                  /* a bit per kind of guest CPU that it can run; see PlaceVm.cpu_class */
    gboolean may_receive;                 /* it may be a destination */
    gboolean is_source;                   /* RELIEVE: only hosts with this mark are relieved; EVACUATE: to be emptied */
} PlaceHost;

typedef struct PlaceVm {
    const char *name;
    guint host;                           /* index of the host where it runs */
    double demand[RESOURCE_COUNT];
    double reserved[RESOURCE_COUNT];
    double memory_mib;                    /* to be sent: mem_i */
    double dirty_mib_per_s;               /* r_i */
    double working_set_mib;               /* W_i; INFINITY: unknown */
    double mean_load;                     /* (1/N) sum u_i(j) of equations 6 and 7, in 0..1: what is lost by moving it */
    guint64 cpu_class;                    /* one bit: hosts without it cannot run it; 0: any host can */
    gboolean is_pinned;                   /* stays where it is, whatever happens */
    const char *pinned_why;               /* "held until 02:00: moved 12 minutes ago"; NULL: by the operator */
} PlaceVm;

#define PLACE_RULES(X)                                                                                                 \
    X(PLACE_RULE_APART, "apart")       /* no two of them on one host */                                                \
    X(PLACE_RULE_TOGETHER, "together") /* all of them on one host */
NAMED_ENUM_DECLARE(PlaceRuleKind, place_rule_kind, PLACE_RULES)

typedef struct PlaceRule {
    PlaceRuleKind kind;
    const char *name;  /* for people; NULL: made from the VMs */
    const guint *vms;  /* ascending */
    guint vms_length;
} PlaceRule;

typedef struct PlaceProblem {
    const PlaceHost *hosts;
    guint hosts_length;
    const PlaceVm *vms;
    guint vms_length;
    const Traffic *traffic;   /* NULL: nobody talks */
    const Topology *topology; /* NULL: 2 between any two hosts */
    const PlaceRule *rules;
    guint rules_length;
} PlaceProblem;

/* Of the same host 0. */
guint place_distance(const PlaceProblem *problem, guint host_a, guint host_b);

/* FALSE with GODWIT_ERROR_INPUT naming what is wrong: NaN, negative, an index that is none, a VM on a host that is not
 * there, a rule that contradicts itself. */
gboolean place_problem_check(const PlaceProblem *problem, GError **error);
