/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of the world share.
 *
 *     world.c          hosts, VMs and their copies; looking at them
 *     world-load.c     how much a guest touches in a span of time
 *     world-relay.c    one that goes through relays: what its passes cost
 *     world-net.c      rates of the network, what was sent meanwhile
 *     world-job.c      one migration: how memory moves
 *     world-job-end.c  how it ends: well, rolled back, broken
 *     world-fault.c    hosts, links and guests that fail and come back
 *     world-check.c    what must always be true
 *     driver-sim.c     the Driver on all of this
 *
 * A DriverJob (migrate/driver.h) is one migration here.  Amounts of memory are MiB as in model/passes.h. */
#pragma once

#include "base/error.h"
#include "base/rng.h"
#include "base/units.h"
#include "migrate/driver.h"
#include "migrate/relay-pair.h"
#include "model/relay-passes.h"
#include "sim/flows.h"
#include "sim/world.h"
#include "wire/governor.h"

#define PAGE_MIB (4096.0 / (double)MIB)

typedef enum WorldHostState {
    WORLD_HOST_UP,
    WORLD_HOST_NO_LIBVIRTD, /* its VMs run, its migrations go on, nobody answers */
    WORLD_HOST_DEAD,
} WorldHostState;

typedef struct WorldVm WorldVm;

typedef struct WorldHost {
    guint index;
    char *name;
    guint cpus;
    guint64 memory_bytes;
    WorldHostState state;
    gboolean has_agent;
    gboolean has_postcopy;
    double link_mib_per_s;  /* as it should be */
    double link_left;       /* share of it that passes: 1, less, or 0 when it is cut */
    GPtrArray *copies;      /* WorldCopy */
    guint64 promised_bytes; /* sum over 'copies', kept as they come and go */
    guint64 peak_bytes;
    guint outgoing, incoming; /* migrations now */
    gboolean is_touched;      /* to be checked after this event */
} WorldHost;

/* One copy of a VM on one host. */
typedef struct WorldCopy {
    WorldVm *vm;
    WorldHost *host;
    VmState state; /* as libvirt would name it */
    gboolean is_incoming;
    gboolean runs; /* guest instructions are executed here */
} WorldCopy;

struct WorldVm {
    guint index;
    char *name;
    char *uuid;
    char *disk_path;
    gboolean is_disk_local;
    guint64 ram_bytes;
    double used_mib;
    guint vcpus;
    WorldLoad load;
    GPtrArray *copies; /* WorldCopy, one or two; owned */
    DriverJob *job;    /* its migration; NULL: none */
    RelayPair *relay_pair; /* that is ready to carry it; NULL: none */
    GArray *talks;     /* WorldTalk indices, guint */
    gboolean was_paused;
    gboolean is_switching; /* legitimately standing still: in the switchover, or its post-copy broke */
    gboolean is_ended;     /* by itself, or with its host */
    double lacking_mib;    /* of a broken post-copy */
    gint64 standing_ns;    /* since when it stands still; -1: it does not */
    double gap_ms;         /* since its last migration began */
    double lost_s;
    gboolean is_touched;
};

/* Traffic between two VMs: a constant flow each way while they are on different hosts. */
typedef struct WorldTalk {
    guint vms[2];
    double mib_per_s;
    guint flows[2]; /* WORLD_NONE: none now */
} WorldTalk;

typedef enum WorldStage {
    STAGE_BEGIN,
    STAGE_PREPARE,
    STAGE_PASS,            /* sends; the guest runs at the source */
    STAGE_SWITCH,          /* sends the rest; the guest stands still */
    STAGE_RESUME,          /* the destination's guest is about to run */
    STAGE_POSTCOPY_SWITCH, /* sends the state of devices; the guest stands still */
    STAGE_POSTCOPY_RESUME,
    STAGE_POSTCOPY, /* sends; the guest runs at the destination */
} WorldStage;

/* Of a migration that goes through relays. */
typedef struct WorldRelay {
    gboolean is_on;
    RelayPair *pair;       /* to be told; NULL: nobody listens */
    RelayCosts costs;
    double share;          /* wire bytes per byte of the pages that are being sent */
    double most_mib_per_s; /* on the wire, that relays and destination can do of these pages; INFINITY: any */
    double sending_mib;    /* pages of this stage */
    double stream_mib;     /* of the stages before */
    double switchover_mib_per_s; /* that QEMU was told when it began */
    GovernorState governor;
    GovernorVerdict verdict;
} WorldRelay;

struct DriverJob {
    World *world;
    Driver *driver;
    WorldVm *vm;
    WorldHost *source, *destination;
    JobEventFunc func; /* NULL: nobody watches any more */
    gpointer user;
    guint number; /* of all jobs: which way its flow goes where there are several */

    /* as it was asked for */
    double limit_mib_per_s; /* INFINITY: none */
    gint64 downtime_limit_ns;
    gboolean may_postcopy;
    gboolean auto_converge;
    double wire_ratio; /* of what is sent again: below 1 when deltas are sent */
    WorldRelay relay;

    WorldStage stage;
    guint timer;       /* of the stage's end */
    guint watch_timer; /* until the controller notices that nobody answers at the source */
    gint64 begun_ns;
    gint64 stage_began_ns;

    /* sending */
    guint flow; /* WORLD_NONE: does not send */
    GArray *route;
    double rate_mib_per_s; /* since 'since_ns' */
    gint64 since_ns;
    double left_mib; /* of the stage, on the wire, when 'since_ns' was */
    double sent_mib; /* of all stages, when 'since_ns' was */

    /* pre-copy */
    PassesRules rules;
    PassesState passes;
    double throttle; /* share of its speed that the guest is denied */
    guint dirtier;   /* passes running that left more than half of themselves dirty */

    /* post-copy */
    gboolean is_postcopy;
    PostcopyVm postcopy; /* what is left when the guest has switched */
    gint64 pushed_ns;    /* since when it is pushed */
};

struct World {
    Clock *clock;
    WorldRules rules;
    Topology *topology;
    Flows *flows;
    GPtrArray *hosts;       /* WorldHost */
    GPtrArray *vms;         /* WorldVm */
    GHashTable *host_names; /* -> WorldHost */
    GHashTable *vm_names;   /* name and uuid -> WorldVm */
    GArray *talks;          /* WorldTalk */
    GPtrArray *jobs;        /* DriverJob, all that run; a job frees itself at its end */
    GPtrArray *by_flow;     /* DriverJob or NULL, by number of the flow */
    guint last_job;
    guint rates_timer;  /* rates are reckoned anew at the end of this instant; 0: they hold */
    GPtrArray *strikes; /* faults that are to come or have come */
    gboolean leaves_leftovers;
    double sent_mib;

    /* checking */
    GPtrArray *touched_hosts;
    GPtrArray *touched_vms;
    double *carried_mib;       /* [links] integral of the rate of migrations on each */
    double *expected_mib;      /* [links] what migrations say that they sent over it */
    double *carries_mib_per_s; /* [links] since carried_since_ns */
    gint64 *carried_since_ns;  /* [links] */
    gint64 checked_ns;
    guint64 events;
    const char *event; /* what happened last, and to whom */
    char *event_whom;
    char *broken;
};

static inline WorldHost *world_host(const World *world, guint index)
{
    return g_ptr_array_index(world->hosts, index);
}

static inline WorldVm *world_vm(const World *world, guint index)
{
    return g_ptr_array_index(world->vms, index);
}

static inline gint64 world_now(const World *world)
{
    return world->clock->now_ns(world->clock);
}

/* ---- world.c ---- */

WorldHost *world_host_named(const World *world, const char *name);
WorldVm *world_vm_named(const World *world, const char *name_or_uuid);
WorldCopy *world_copy_at(const WorldVm *vm, const WorldHost *host);
WorldCopy *world_add_copy(World *world, WorldHost *host, WorldVm *vm, VmState state);
void world_remove_copy(World *world, WorldCopy *copy);

/* Changes state and running of a copy; NULL is fine. */
void world_set_copy(World *world, WorldCopy *copy, VmState state, gboolean runs);

/* What is being done from now on, for world_broken. */
void world_note(World *world, const char *event, const char *whom);
void world_touch_vm(World *world, WorldVm *vm);
void world_touch_host(World *world, WorldHost *host);

/* ---- world-load.c ---- */

/* Both processes between two moments, for a guest that runs: MiB of different pages, at most their sets. */
double world_written_mib(const WorldVm *vm, gint64 from_ns, gint64 until_ns);
double world_read_mib(const WorldVm *vm, gint64 from_ns, gint64 until_ns);

/* The integral of 'intensity', in seconds. */
double world_intensity_s(const WorldVm *vm, gint64 from_ns, gint64 until_ns);

/* ---- world-net.c ---- */

/* The job sends 'mib' from now on; world_job_on_sent is called when they have arrived. */
void world_net_send(DriverJob *job, double mib);
void world_net_stop(DriverJob *job);
void world_net_set_limit(DriverJob *job, double limit_mib_per_s);
double world_net_left_mib(const DriverJob *job); /* now */
double world_net_sent_mib(const DriverJob *job); /* now, by all of its stages */

/* A host's link changed, or where VMs that talk are. */
void world_net_set_host_link(World *world, WorldHost *host);
void world_net_move_talks(World *world, const WorldVm *vm);

/* What its link carries each way when it is whole. */
double world_host_link_mib_per_s(const World *world, const WorldHost *host);

/* Brings the integrals of all links up to now. */
void world_net_carry_all(World *world);

/* ---- world-job.c ---- */

DriverJob *world_job_start(World *world, const MigrationRequest *request, JobEventFunc func, gpointer user);
DriverJob *world_job_recover(World *world, const MigrationRequest *request, JobEventFunc func, gpointer user);
void world_job_on_sent(DriverJob *job);
gboolean world_job_may_switch(const DriverJob *job);
void world_job_switch(DriverJob *job);        /* to post-copy */
void world_job_look_at_limit(DriverJob *job); /* it was raised */
void world_job_stats(DriverJob *job, JobStats *stats);
void world_job_report(DriverJob *job, JobEvent event);
void world_job_free(gpointer job);

/* Wire bytes per byte of the pages that are being sent. */
double world_job_wire_share(const DriverJob *job);

/* ---- world-relay.c: nothing happens where a job has no relay ---- */

void world_relay_begin(DriverJob *job, const MigrationRequest *request);

/* What follows costs relay.share on the wire: 'pages_mib', to which 'written_mib' were written since they were sent. */
void world_relay_price(DriverJob *job, double pages_mib, double written_mib);
void world_relay_pass_ends(DriverJob *job, double seconds); /* before the recurrence goes on */
double world_relay_threshold_mib(const DriverJob *job);     /* pages that may be left, by what QEMU knows */
double world_relay_stream_mib(const DriverJob *job);        /* now, as QEMU counts */
void world_relay_figures(const DriverJob *job, RelayFigures *figures);

/* ---- relay-sim.c ---- */

void world_relay_job_ends(DriverJob *job, gboolean has_arrived);

/* ---- world-job-end.c ---- */

/* The destination has everything and runs it. */
void world_job_complete(DriverJob *job);

/* The migration fails in the world: the guest runs on at the source when it can.  'job' is gone then. */
void world_job_fail(DriverJob *job, GodwitError code, Fault blame, const char *why);

/* A host changed: the jobs that touch it stop, break or are no longer watched. */
void world_jobs_look(World *world, const WorldHost *host);

/* ---- world-fault.c ---- */
void world_strike_free(gpointer strike);

/* ---- world-check.c ---- */

/* A job's links carry no more than they can; after its rate changed. */
void world_check_rates(World *world, const DriverJob *job);

void world_break(World *world, const char *format, ...) G_GNUC_PRINTF(2, 3);
