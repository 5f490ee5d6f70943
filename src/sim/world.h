/* SPDX-License-Identifier: Apache-2.0
 *
 * World: a simulated data centre in virtual time: hosts, the network between them, VMs and how they use memory,
 * migrations, and faults.  Providers of the real tables run on it (driver-sim.h, tracker-sim.h), so that planning,
 * checking and migrating are the very code that real hosts see.
 *
 *     Clock *clock = clock_virtual_new();
 *     World *world = world_new(clock, topology_flat(3), &rules);               three hosts on one switch
 *     guint a = world_add_host(world, &(WorldHostSpec){.name = "a", .cpus = 16, .memory_bytes = 64 * GIB});
 *     world_add_vm(world, a, &(WorldVmSpec){.name = "vm1", .ram_bytes = 2 * GIB, .load = {...}}, &error);
 *     world_add_fault(world, &(WorldFault){WORLD_FAULT_LINK, a, 20 * NS_PER_S, 30 * NS_PER_S});
 *     Driver *driver = driver_sim_new(world);
 *     while (!is_done && clock_virtual_step(clock)) {
 *         if (world_broken(world)) ...                                          see below
 *     }
 *
 * Order.  The virtual clock is the event queue; its ranks say what comes first at one instant (base/clock.h).  Rates of
 * the network are reckoned once per instant, after everything that happened in it and before time moves on.
 *
 * Chance.  Everything random comes from WorldRules.seed; same seed, same calls, same events.
 *
 * What must always be true is checked after every event (world_check):
 *
 *     one copy    a VM runs on exactly one host, or is being switched over, or its post-copy broke, or is paused, or
 *                 ended by itself or with its host
 *     memory      the VMs on a host, those that arrive included, never need more memory than it has
 *     link        nothing carries more than its capacity, and what links carried is what migrations sent over them
 *     time        nothing happens in the past
 *
 * The first that is broken stays in world_broken, with seed, time and event.  Main loop only. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "base/named.h"
#include "model/relay-passes.h"
#include "model/topology.h"
#include "model/vm.h"

#define WORLD_NONE G_MAXUINT

typedef struct World World;

/* What is the same for the whole world.  world_rules_init has the defaults. */
typedef struct WorldRules {
    guint64 seed;
    gint64 answer_ns;       /* until a question to a host is answered; 2 ms */
    gint64 silence_ns;      /* until one to a host that is gone is given up; 5 s */
    gint64 prepare_ns;      /* the destination makes an empty QEMU; 200 ms */
    gint64 resume_ns;       /* the destination's guest begins to run; 20 ms (seed 003 section 3.2) */
    double device_mib;      /* state of devices, sent while the guest stands still; 4 */
    gint64 round_trip_ns;   /* of the network; 200 us */
    gboolean checks_memory; /* TRUE; FALSE for worlds made from real hosts, which may be promised out already */
    RelayCosts relay;       /* what relays make of memory; relay_costs_init */
    double relay_index_share; /* of the memory, what a relay needs beside the pages that it keeps; 0.0625 */
    double flaw_share;      /* of a tracker's counts, one standard deviation; 0.02 */
} WorldRules;

void world_rules_init(WorldRules *rules);

/* How a guest uses its memory.  Two processes walk over memory at a steady pace, one writing and one reading, each
 * round and round over a set of its own; so after a time t min(rate * t, set) is touched, as in the recurrences of
 * model/passes.h.  'intensity' multiplies both rates over time. */
typedef struct WorldLoad {
    double written_mib_per_s;
    double write_set_mib; /* 0: all of the memory */
    double read_mib_per_s;
    double read_set_mib;         /* 0: all of the memory */
    double dirty_bytes_per_page; /* that change inside a written page; 0: 4096 */
    double overwritten_share;    /* of pages touched, those written whole before they are read */
    double busy_cores;           /* CPU use, times 'intensity' as well */
    const float *intensity;      /* [intensity_length], borrowed for the world's life; then again; NULL: 1 */
    guint intensity_length;
    gint64 intensity_ns; /* how long each of them lasts */
} WorldLoad;

typedef struct WorldHostSpec {
    const char *name;
    guint cpus;
    guint64 memory_bytes;
    guint64 link_bytes_per_s; /* of its own link, each way; 0: as the topology says */
    gboolean has_no_agent;
    gboolean has_no_postcopy;
} WorldHostSpec;

typedef struct WorldVmSpec {
    const char *name;
    const char *uuid; /* NULL: made from seed and name */
    guint64 ram_bytes;
    guint64 used_bytes; /* of the memory, what is not zero: only this is sent; 0: all */
    guint vcpus;
    gboolean is_paused;
    WorldLoad load;
    const char *disk_path;  /* NULL: none */
    gboolean is_disk_local; /* other hosts do not see it */
} WorldVmSpec;

/* 'topology' is taken; its places are the hosts in the order in which they are added.  'clock' is a virtual one,
 * borrowed; the world begins at its present time. */
World *world_new(Clock *clock, Topology *topology, const WorldRules *rules);
void world_free(World *world);

/* Each gives the new index.  A world has at most as many hosts as its topology has places. */
guint world_add_host(World *world, const WorldHostSpec *spec);

/* WORLD_NONE with GODWIT_ERROR_INPUT when the name is taken or the host has no room. */
guint world_add_vm(World *world, guint host, const WorldVmSpec *spec, GError **error);

/* Two VMs talk, each to the other at half of this rate, wherever they are. */
void world_add_traffic(World *world, guint vm, guint peer, double mib_per_s);

guint world_hosts(const World *world);
guint world_vms(const World *world);
const char *world_host_name(const World *world, guint host);
const char *world_vm_name(const World *world, guint vm);
guint world_find_host(const World *world, const char *name); /* or WORLD_NONE */
guint world_find_vm(const World *world, const char *name_or_uuid);
guint64 world_seed(const World *world);
Clock *world_clock(const World *world);

/* ---- faults ---- */

#define WORLD_FAULTS(X)                                                                                                \
    X(WORLD_FAULT_HOST, "host")           /* gone with all that runs there; 'until' brings it back, empty */           \
    X(WORLD_FAULT_LIBVIRTD, "libvirtd")   /* VMs and migrations go on, nobody answers; migrations to it end */         \
    X(WORLD_FAULT_AGENT, "agent")         /* nobody observes there */                                                  \
    X(WORLD_FAULT_LINK, "link")           /* nothing passes the host's link */                                         \
    X(WORLD_FAULT_SLOW_LINK, "slow-link") /* only 'mib_per_s' passes */                                                \
    X(WORLD_FAULT_VM, "vm")               /* the guest ends */
NAMED_ENUM_DECLARE(WorldFaultKind, world_fault_kind, WORLD_FAULTS)

typedef struct WorldFault {
    WorldFaultKind kind;
    guint target;     /* a VM for WORLD_FAULT_VM, else a host */
    gint64 at_ns;     /* of the clock; what has passed strikes at once */
    gint64 until_ns;  /* 0: for good; a VM does not come back */
    double mib_per_s; /* slow-link */
} WorldFault;

void world_add_fault(World *world, const WorldFault *fault);

/* A migration's destination keeps its waiting QEMU when the migration fails, as after a crash of libvirtd. */
void world_leave_leftovers(World *world, gboolean leaves);

/* ---- looking at it ---- */

VmState world_vm_state(const World *world, guint vm, guint host);
gboolean world_vm_is_incoming(const World *world, guint vm, guint host);
guint world_vm_host(const World *world, guint vm); /* where it runs, or stands; WORLD_NONE: nowhere */

/* Memory that the VMs on a host need now, those that arrive included, and the most since world_reset_peaks. */
guint64 world_host_promised_bytes(const World *world, guint host);
guint64 world_host_peak_bytes(const World *world, guint host);
guint64 world_host_memory_bytes(const World *world, guint host);
void world_reset_peaks(World *world);

/* What happened to the guest since its last migration began: how long it stood still at once at most, and how much
 * work it lost, in seconds of its full speed (standing still, throttled, waiting for pages). */
double world_vm_gap_ms(const World *world, guint vm);
double world_vm_lost_s(const World *world, guint vm);

/* All migrations so far: what they sent, MiB. */
double world_sent_mib(const World *world);

/* ---- properties ---- */

/* To be called after every event of the clock: checks what the event touched, and all of the world now and then. */
void world_check(World *world);

/* All of it, now. */
void world_check_all(World *world);

/* NULL, or what was broken first: "seed 7: at 12.250000 s, after event 311 (memory of vm3 arrived): ...". */
const char *world_broken(const World *world);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(World, world_free)
