/* SPDX-License-Identifier: Apache-2.0
 *
 * Relief: the problem of one source host, as small plain arrays that a search can turn over a million times a second.
 *
 *     g_autoptr(ReliefWorld) world = relief_world_new(problem, options);
 *     g_autoptr(Relief) relief = relief_new(world, source, NULL, 0, hosts, hosts_length);
 *     g_autoptr(ReliefPlan) plan = relief_plan_new(relief);          everybody stays
 *     relief_put(relief, plan, unit, choice) ...                     choice: a destination, or relief->stay
 *     relief_apply(relief, plan, world)                              the VMs are moved in world->state
 *
 * Units.  VMs that a rule keeps together move as one unit; every other VM is a unit of its own.
 *
 * What is feasible.  A plan gives every unit a destination or lets it stay.  Which blocks a group is divided into does
 * not matter for that: VMs that go to the same host are the blocks of seed 003's Algorithm 1, cut into their connected
 * components, so every plan is one of the partitions into connected blocks that Algorithm 1 looks at, and the other way
 * round.  Three levels, the strictest that has any plan counts:
 *
 *     RELIEF_SAFE    the host is within the safe range afterwards and what remains is connected enough: seed 003's
 *                    checkAvailable (no resource above high; the one that was fullest not below low) and DoC >= theta;
 *                    at least one VM remains
 *     RELIEF_BELOW   no resource of the host is above high any more.  Algorithm 2 falls back to single VMs when no group
 *                    is safe; whatever it reaches by that is one of these
 *     RELIEF_SOME    nothing brings the host below high: as much as possible leaves
 *
 * Cost.  Of a plan: what it adds to the integrated objective (NORM_REF, every source host with its own reference) when
 * all other VMs are where world->state has them.  To stay costs 0.  Internally each pair of units that talk costs
 * rate times distance, weighted; two that share a host cost nothing.
 *
 * Purposes other than relief: with 'movers' the named VMs all have to leave, and nobody else may. */
#pragma once

#include "place/cost.h"

#define RELIEF_LEVELS(X)                                                                                               \
    X(RELIEF_SAFE, "safe")                                                                                             \
    X(RELIEF_BELOW, "below")                                                                                           \
    X(RELIEF_SOME, "some")
NAMED_ENUM_DECLARE(ReliefLevel, relief_level, RELIEF_LEVELS)

/* What all hosts of a problem share.  'state' is where the VMs are by now. */
typedef struct ReliefWorld {
    const PlaceProblem *problem;
    const PlaceOptions *options;
    PlaceState *state;
    PlaceCosts *costs;
    double (*scale)[3]; /* [hosts] weight / reference of migration, energy, communication for VMs of this host */
    guint *local_of;    /* [vms] scratch: place in the Relief that was made last */
} ReliefWorld;

ReliefWorld *relief_world_new(const PlaceProblem *problem, const PlaceOptions *options);
void relief_world_free(ReliefWorld *world);

/* Cost_mig and Cost_E of one VM, weighted. */
double relief_additive(const ReliefWorld *world, guint vm);

typedef enum ReliefStance {
    RELIEF_MAY_LEAVE,
    RELIEF_STAYS,      /* pinned, or no destination may take it */
    RELIEF_MUST_LEAVE,
} ReliefStance;

typedef struct Relief {
    guint source;
    guint vms_length;
    guint *vms;                             /* those on the source that count: indices of the problem */
    guint units;
    guint *unit_first;                      /* [units + 1] rows of 'unit_vm' */
    guint *unit_vm;                         /* places in 'vms' */
    ReliefStance *stance;                   /* [units] */
    double (*demand)[RESOURCE_COUNT];       /* [units] */
    double (*reserved)[RESOURCE_COUNT];
    guint *edge_first;                      /* [units + 1] who talks to whom on this host */
    guint *edge_to;
    double *edge_cost;                      /* per link of distance */
    guint *foe_first;                       /* [units + 1] units that must not go to one destination */
    guint *foe_to;
    guint stay;                             /* the choice of staying: the number of destinations */
    guint choices;                          /* stay + 1 */
    guint *destination;                     /* [stay] host */
    guint *twin;                            /* [stay] an earlier destination that nothing tells apart from this, or itself */
    double (*room)[RESOURCE_COUNT];         /* [choices] demand that still fits; of 'stay' without limit */
    double (*room_reserved)[RESOURCE_COUNT];
    double *distance;                       /* [choices + 1][choices]; the last row is 0: of who is nowhere */
    double *price;                          /* [units][choices] all that does not depend on other units; stay: 0 */
    gboolean *may;                          /* [units][choices] */
    gboolean has_movers;                    /* some units must leave, for their own sake */
    double least[RESOURCE_COUNT];           /* demand that has to leave; far below 0 with movers */
    double most;                            /* demand of 'bottleneck' that may leave, RELIEF_SAFE */
    Resource bottleneck;                    /* the fullest resource */
    double theta;
    DocVariant doc;
    guint vms_leaving_max;                  /* more VMs must not leave; G_MAXUINT: any number */
    guint *link_first;                      /* [vms + 1] the VMs' graph on this host, for the degree of connection */
    guint *link_to;
    guint largest_component;
} Relief;

/* 'movers' (ascending, may name VMs of other hosts): those have to leave, the others stay; NULL: relief. */
Relief *relief_new(const ReliefWorld *world, guint source, const guint *movers, guint movers_length,
                   const guint *destinations, guint destinations_length);
void relief_free(Relief *relief);

#define RELIEF_OPEN G_MAXUINT /* not decided yet; counts as nowhere and costs nothing */

typedef struct ReliefPlan {
    guint *to;                              /* [units] choice, or RELIEF_OPEN */
    double cost;
    double left[RESOURCE_COUNT];            /* demand that leaves */
    guint vms_leaving;
    double (*room)[RESOURCE_COUNT];         /* [choices] */
    double (*room_reserved)[RESOURCE_COUNT];
    guint *arrivals;                        /* [choices] units */
    double *talk;                           /* [units][choices] to the units that are decided */
} ReliefPlan;

ReliefPlan *relief_plan_new(const Relief *relief); /* everybody stays, also who must leave */
ReliefPlan *relief_plan_copy(const Relief *relief, const ReliefPlan *plan);
void relief_plan_assign(const Relief *relief, ReliefPlan *plan, const ReliefPlan *from);
void relief_plan_free(ReliefPlan *plan);

/* What 'unit' costs with 'choice', beside all that is decided. */
static inline double relief_cost_at(const Relief *relief, const ReliefPlan *plan, guint unit, guint choice)
{
    return relief->price[unit * relief->choices + choice] + plan->talk[unit * relief->choices + choice];
}

gboolean relief_fits(const Relief *relief, const ReliefPlan *plan, guint unit, guint choice);
void relief_put(const Relief *relief, ReliefPlan *plan, guint unit, guint choice);

gboolean relief_is_enough(const Relief *relief, const ReliefPlan *plan);
gboolean relief_is_feasible(const Relief *relief, const ReliefPlan *plan, ReliefLevel level);

/* How far the source would still be above the safe range: the largest excess over the resources, as a share of what it
 * was at the beginning; 0: not at all. */
double relief_excess(const Relief *relief, const ReliefPlan *plan);

/* Degree of connection of what stays. */
double relief_doc(const Relief *relief, const ReliefPlan *plan);

/* FALSE: certainly no plan is RELIEF_SAFE (quick, does not prove the other way). */
gboolean relief_may_be_safe(const Relief *relief);

void relief_apply(const Relief *relief, const ReliefPlan *plan, ReliefWorld *world);

/* Takes back whatever of the relief was applied. */
void relief_undo(const Relief *relief, ReliefWorld *world);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReliefWorld, relief_world_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Relief, relief_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ReliefPlan, relief_plan_free)
