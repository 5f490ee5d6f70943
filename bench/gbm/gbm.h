/* SPDX-License-Identifier: Apache-2.0
 *
 * The experiment of seed 003, section 3: overloaded hosts are relieved by several placers, all with the same VMs,
 * loads, network and physics.
 *
 *     gbm-world.c    a data centre from a seed: hosts, VMs first come first served, loads, traffic
 *     gbm-traffic.c  its VM traffic as flows, which follow a VM that moves
 *     gbm-play.c     a placer's moves carried out on the shared network: what they really take, response times
 *     gbm-runs.c     every cell (topology, VMs, seed, placer) once
 *     gbm-tables.c   medians and quartiles as text and CSV
 *     gbm-plots.c    the same as SVG, figure 3 among them
 *     gbm-claims.c   what the seed says in words: held or not held
 *
 * What the seed does not say and had to be chosen is listed in bench/gbm/README.md. */
#pragma once

#include "place/grouping.h"
#include "sim/flows.h"

/* Times of figure 3: the decision falls at 50 s, as in the seed. */
#define GBM_DECISION_S   50
#define GBM_CURVE_STEP_S 10
#define GBM_CURVE_POINTS 61

typedef struct GbmConfig {
    guint *ports; /* [ports_length] of the fat-trees; topology 1 first */
    guint ports_length;
    guint *vms; /* [vms_length] ascending */
    guint vms_length;
    guint seeds;
    const Grouping **placers; /* [placers_length] */
    guint placers_length;
    double dirty_mib_per_s;
    double link_mib_per_s;
    double mean_load; /* of a VM, as a share of what it was promised */
    Objective objective;
    const char *out; /* folder */
} GbmConfig;

typedef struct GbmWorld {
    PlaceProblem problem;
    PlaceHost *hosts;
    PlaceVm *vms;
    Traffic *traffic;
    Topology *topology;
    GStringChunk *names;
    guint samples; /* per VM, 30 s apart; the last of the hour before the decision is 'now' */
    guint now;
    double *cpu_load; /* [vms * samples] of its own cores, 0..1 */
    double link_mib_per_s;
} GbmWorld;

/* FALSE with GODWIT_ERROR_REFUSED when the VMs do not fit on the hosts; says how many do. */
gboolean gbm_world_init(GbmWorld *world, const GbmConfig *config, guint ports, guint vms, guint64 seed, GError **error);
void gbm_world_clear(GbmWorld *world);

/* The sample that holds at 'time_s' of figure 3. */
guint gbm_world_sample(const GbmWorld *world, double time_s);

/* The share of a link that VM traffic must leave to migrations, of 128 MiB/s. */
#define GBM_FLOOR_SHARE 0.0625

typedef struct GbmTraffic GbmTraffic;

/* Every edge between VMs on different hosts as two constant flows, half of its rate each way.  'host_of' is borrowed
 * and may change; gbm_traffic_moved tells. */
GbmTraffic *gbm_traffic_new(const GbmWorld *world, Flows *flows, const guint *host_of);
void gbm_traffic_moved(GbmTraffic *traffic, guint vm);
void gbm_traffic_free(GbmTraffic *traffic);

/* The way from one host to another for a flow with that number. */
void gbm_route(const GbmWorld *world, guint host_a, guint host_b, guint64 flow, GArray *route);

/* What is measured of one run.  X(member, "column", "title", "unit", digits after the point) */
#define GBM_METRICS(X)                                                                                                 \
    X(migration_s, "migration_s", "migration time cost", "s", 0)                                                       \
    X(integrated, "integrated", "integrated cost", "", 2)                                                              \
    X(moves, "moves", "migrations", "", 0)                                                                             \
    X(gib_hops, "gib_hops", "bytes times links", "GiB", 0)                                                             \
    X(decision_s, "decision_s", "decision time", "CPU s", 4)                                                           \
    X(relieved_share, "relieved_share", "overloaded hosts that were relieved", "%", 0)                                 \
    X(communication, "communication", "VM traffic times links afterwards", "MiB/s", 0)                                 \
    X(played_s, "played_s", "until the last move is done", "s", 0)                                                     \
    X(played_sum_s, "played_sum_s", "migration time as played", "s", 0)                                                \
    X(downtime_s, "downtime_s", "downtime, all guests", "s", 1)                                                        \
    X(response_peak_ms, "response_peak_ms", "response of overloaded hosts, worst", "ms", 0)                            \
    X(response_after_ms, "response_after_ms", "response of overloaded hosts, after the moves", "ms", 0)                \
    X(response_all_ms, "response_all_ms", "response of all hosts, worst", "ms", 0)

#define GBM_MEMBER(member, column, title, unit, digits) double member;

typedef struct GbmValues {
    GBM_METRICS(GBM_MEMBER)
} GbmValues;

typedef struct GbmMetric {
    const char *column;
    const char *title;
    const char *unit;
    int digits;
    gsize offset; /* in GbmValues */
} GbmMetric;

extern const GbmMetric GBM_METRIC[];
guint gbm_metrics(void);
double gbm_value(const GbmValues *values, guint metric);
int gbm_metric_find(const char *column); /* aborts for one that is none */

typedef struct GbmRun {
    guint topology; /* index of GbmConfig.ports */
    guint vms;      /* index of GbmConfig.vms */
    guint placer;   /* index of GbmConfig.placers */
    guint64 seed;
    guint hosts;
    guint overloaded;
    GbmValues values;
    float curve_overloaded_ms[GBM_CURVE_POINTS]; /* mean over hosts that were overloaded at the decision */
    float curve_all_ms[GBM_CURVE_POINTS];        /* mean over hosts with VMs */
} GbmRun;

/* A cell whose VMs do not fit. */
typedef struct GbmGap {
    guint topology;
    guint vms;
    char *why;
} GbmGap;

typedef struct GbmRuns {
    const GbmConfig *config;
    GArray *runs; /* GbmRun */
    GArray *gaps; /* GbmGap */
} GbmRuns;

/* Carries out the moves; fills the played and response members and the curves of 'run'.  FALSE: the network broke one
 * of its promises (flows_check), or a VM is not where it was to go. */
gboolean gbm_play(const GbmWorld *world, const PlaceOptions *options, const PlaceResult *result, GbmRun *run,
                  GError **error);

GbmRuns *gbm_runs(const GbmConfig *config, GError **error);
void gbm_runs_free(GbmRuns *runs);

/* The values of one metric over the seeds of a cell; [*length], the caller frees. */
double *gbm_runs_values(const GbmRuns *runs, guint topology, guint vms, guint placer, guint metric, gsize *length);

/* How many seeds 'placer' is below 'other' in, above it, and equal. */
typedef struct GbmDuel {
    guint below;
    guint above;
    guint equal;
} GbmDuel;

GbmDuel gbm_runs_duel(const GbmRuns *runs, guint topology, guint vms, guint placer, guint other, guint metric);
double gbm_runs_median(const GbmRuns *runs, guint topology, guint vms, guint placer, guint metric);

char *gbm_tables_text(const GbmRuns *runs);
gboolean gbm_tables_write(const GbmRuns *runs, GError **error);
gboolean gbm_plots_write(const GbmRuns *runs, GError **error);
char *gbm_claims_text(const GbmRuns *runs);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(GbmRuns, gbm_runs_free)
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(GbmWorld, gbm_world_clear)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(GbmTraffic, gbm_traffic_free)
