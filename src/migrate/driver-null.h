/* SPDX-License-Identifier: Apache-2.0
 *
 * The null provider of Driver: a small world of hosts and VMs in Clock time, in which the real gang runs.  For tests,
 * dry runs and the demonstration of faults.
 *
 *     Driver *driver = driver_null_new(clock);
 *     driver_null_add_host(driver, "a", 16, 64 * GIB);
 *     driver_null_add_vm(driver, "a", &(NullVm){.name = "vm1", .uuid = "...", .ram_bytes = 512 * MIB});
 *     driver_null_fail_call(driver, 7, GODWIT_ERROR_FAILED);     the seventh call of the provider fails
 *     driver_null_set_host(driver, "b", NULL_HOST_DEAD);         now, or from a timer of the clock
 *
 * A migration of the world sends passes over the guest's memory at its bandwidth, each as long as what was dirtied
 * during the one before, stops when the rest fits the downtime limit, or switches to post-copy when asked;
 * peer-to-peer, it goes on at the hosts when nobody watches.  Every answer takes NULL_ANSWER_NS.
 *
 * What must never be: two running copies of a VM, or none, except while a guest is being switched over, or after a
 * host died that held it.  The world checks itself after everything that happens in it (driver_null_broken_promise). */
#pragma once

#include "base/error.h"
#include "base/units.h"
#include "migrate/driver.h"

#define NULL_ANSWER_NS        (2 * NS_PER_MS)
#define NULL_PREPARE_NS       (200 * NS_PER_MS)
#define NULL_RATE_BYTES_PER_S (GIB) /* of a migration without a limit */

typedef struct NullVm {
    const char *name;
    const char *uuid;
    guint64 ram_bytes;
    guint vcpus;
    guint64 dirty_bytes_per_s;
    guint64 working_set_bytes; /* what a pass can at most find dirty; 0: all of the RAM */
    double busy_cores; /* how much CPU it uses */
    gboolean is_paused;
    const char *disk_path;  /* NULL: none */
    gboolean is_disk_local; /* other hosts do not see it */
} NullVm;

typedef enum NullHostState {
    NULL_HOST_UP,
    NULL_HOST_NO_LIBVIRTD, /* its VMs run, its migrations go on, nobody answers */
    NULL_HOST_DEAD,        /* with its VMs */
} NullHostState;

Driver *driver_null_new(Clock *clock);
void driver_null_add_host(Driver *driver, const char *name, guint cpus, guint64 memory_bytes);
void driver_null_add_vm(Driver *driver, const char *host, const NullVm *vm);

/* Faults.  A call is a call of a member of the table that starts something; the first is 1.  A failed call has no
 * effect in the world. */
void driver_null_fail_call(Driver *driver, guint number, GodwitError code);
guint driver_null_calls(Driver *driver);
void driver_null_set_host(Driver *driver, const char *host, NullHostState state);
void driver_null_set_link(Driver *driver, const char *host, gboolean is_up);
void driver_null_stop_vm(Driver *driver, const char *vm); /* the guest shuts down by itself */

/* The destination's QEMU stays behind when a migration fails, as after a crash of its libvirtd. */
void driver_null_leave_leftovers(Driver *driver, gboolean leaves);

/* For looking at the world. */
VmState driver_null_vm_state(Driver *driver, const char *host, const char *vm);
gboolean driver_null_is_incoming(Driver *driver, const char *host, const char *vm);
guint driver_null_most_jobs(Driver *driver, const char *host, gboolean is_source); /* that ran at once so far */
const char *driver_null_copied_disks(Driver *driver, const char *vm); /* with the memory; "" none, NULL: not migrated */
const char *driver_null_relay_socket(Driver *driver, const char *vm); /* of its last migration; NULL: none */
gint64 driver_null_downtime_limit_ns(Driver *driver, const char *vm); /* the last that was set */
const char *driver_null_broken_promise(Driver *driver);               /* NULL: none was broken */
