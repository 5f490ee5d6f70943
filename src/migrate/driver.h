/* SPDX-License-Identifier: Apache-2.0
 *
 * Driver: the provider table through which hosts and migrations are handled.  Asynchronous: every call returns at
 * once, and its answer comes later as a callback on the main loop, never from inside the call.
 *
 * The control logic (gang.c, machine.c) knows nothing else of the world, so that it runs unchanged on libvirt
 * (driver-libvirt.c) and in virtual time (driver-null.c: every VM moves at a fixed rate, and faults are played by a
 * script).
 *
 * Every provider implements every member.  Callbacks get errors of GODWIT_ERROR; a callback is called exactly once
 * for its call, also when the host died (GODWIT_ERROR_UNREACHABLE, GODWIT_ERROR_LOST or GODWIT_ERROR_TIMEOUT), and
 * always within a bounded time.  Only close ends that promise: what is still open then is not answered any more.
 *
 * Main loop only. */
#pragma once

#include <glib.h>

#include "base/clock.h"
#include "model/host.h"
#include "model/outcome.h"

typedef struct Driver Driver;
typedef struct DriverJob DriverJob; /* one migration that was started */

typedef void (*DriverHostFunc)(HostFacts *facts /* taken */, const GError *error, gpointer user);
typedef void (*DriverDoneFunc)(const GError *error, gpointer user);

/* 'when_ns' is the moment of the counters, by the driver's clock. */
typedef void (*DriverLoadsFunc)(const VmLoad *loads, guint loads_length, gint64 when_ns, const GError *error,
                                gpointer user);

/* What one host says about one VM when it is asked for the truth. */
typedef struct VmTruth {
    VmState state;             /* VM_STATE_ABSENT: not running here */
    gboolean is_incoming;      /* a QEMU that waits for a migration: not a running copy */
    gboolean is_defined;       /* a persistent definition exists here */
    gboolean is_migrating_out; /* a migration job is running on it */
} VmTruth;
typedef void (*DriverTruthFunc)(const VmTruth *truth, const GError *error, gpointer user);

#define FILE_STATES(X)                                                                                                 \
    X(FILE_STATE_UNKNOWN, "unknown") /* this host has no means to tell; the hypervisor will, at the start */           \
    X(FILE_STATE_ABSENT, "absent")                                                                                     \
    X(FILE_STATE_CREATABLE, "creatable") /* absent, in a storage pool where libvirt makes it when a disk is copied */  \
    X(FILE_STATE_PRESENT, "present")
NAMED_ENUM_DECLARE(FileState, file_state, FILE_STATES)

/* A file or device as one host sees it.  The time of its last change tells the same file on shared storage from
 * another one of the same name and size: see storage.h. */
typedef struct FileFacts {
    FileState state;
    guint64 size_bytes;  /* what a guest would see of a raw image; 0 unknown */
    guint64 space_bytes; /* free where it is or would be; 0 unknown */
    gint64 changed_ns;   /* by the storage's clock; 0 unknown */
} FileFacts;
typedef void (*DriverFilesFunc)(const FileFacts *files /* [paths] */, const GError *error, gpointer user);

typedef void (*DriverRateFunc)(double dirty_pages_per_s, guint64 page_bytes, const GError *error, gpointer user);

/* Everything that a migration must know when it starts; the struct itself is only read during the call. */
typedef struct MigrationRequest {
    const PlanStep *step;          /* borrowed until the job's last event */
    const MigrateOptions *options; /* likewise */
    guint64 bandwidth_bytes_per_s;
    gboolean may_postcopy; /* ask for the capability, so that a later switch is possible */
    GPtrArray *copy_disks; /* char *, targets of the disks to copy; NULL: as options->copy_storage says */
    /* With a relay (relay-pair.h): the socket that memory goes to and comes from.  Then 'bandwidth_bytes_per_s' is the
     * relay's business, the stream is encrypted by the relays, and QEMU reckons with 'switchover_bytes_per_s' when it
     * decides to stop the guest. */
    const char *relay_socket; /* NULL: none; only read during the call */
    guint64 switchover_bytes_per_s; /* whole MiB/s; 0: not told */
    guint compressed_connections; /* QEMU compresses (zstd) and sends over so many; 0: as 'options' say.  Not with
                                   * 'may_postcopy', nor with a relay */
} MigrationRequest;

typedef struct JobStats {
    guint64 bytes_total; /* of memory and disks, over all passes so far */
    guint64 bytes_sent;
    guint64 bytes_remaining;
    guint64 bytes_per_s; /* as the hypervisor reports it now; 0 unknown */
    guint64 dirty_pages_per_s;
    guint64 page_bytes;
    guint64 passes;
    double downtime_ms;  /* of a finished job; NAN before */
    double total_time_s; /* as the hypervisor counts it */
    gboolean is_postcopy;
} JobStats;
typedef void (*DriverStatsFunc)(const JobStats *stats, const GError *error, gpointer user);

typedef enum JobEventKind {
    JOB_EVENT_PHASE,           /* 'phase' began (PREPARE, PERFORM, POSTCOPY, FINISH, CONFIRM) */
    JOB_EVENT_PASS,            /* 'passes' is the number of the pass that began; 1: memory really moves now */
    JOB_EVENT_SWITCHED,        /* the destination runs the guest */
    JOB_EVENT_POSTCOPY_FAILED, /* the stream broke in post-copy; the guest stands still, recoverable */
    JOB_EVENT_ENDED,           /* the last event: error NULL means that libvirt says all went well; 'stats' are final */
} JobEventKind;

typedef struct JobEvent {
    JobEventKind kind;
    Phase phase;
    guint64 passes;
    const JobStats *stats; /* may be NULL */
    const GError *error;   /* ENDED only */
    Fault blame;           /* ENDED with an error: whom the driver saw failing; FAULT_UNKNOWN: it has no idea */
} JobEvent;

/* Called for each event of a job, in order; after JOB_EVENT_ENDED the job is gone. */
typedef void (*JobEventFunc)(const JobEvent *event, gpointer user);

struct Driver {
    const char *name;

    /* Connects if need be and reports the host with its VMs.  Fails within the driver's own time limit when the host
     * does not answer. */
    void (*query_host)(Driver *driver, const char *host, DriverHostFunc done, gpointer user);

    /* What the VMs that run on 'host' have used so far; cheap, meant to be asked every second. */
    void (*query_loads)(Driver *driver, const char *host, DriverLoadsFunc done, gpointer user);

    /* Whether 'host' can run the CPU described by 'cpu_xml' (of domain type 'domain_type'); the error says what is
     * missing. */
    void (*check_cpu)(Driver *driver, const char *host, const char *cpu_xml, const char *domain_type,
                      DriverDoneFunc done, gpointer user);

    /* Looks at files or devices on 'host'; 'paths' ends with NULL and is copied. */
    void (*check_files)(Driver *driver, const char *host, const char *const *paths, DriverFilesFunc done,
                        gpointer user);

    /* Whether libvirtd at 'source' reaches libvirtd at 'destination' (peer-to-peer). */
    void (*check_peer)(Driver *driver, const char *source, const char *destination, DriverDoneFunc done, gpointer user);

    /* Whether the machine itself lives although its libvirtd may not answer: error NULL means that it does,
     * GODWIT_ERROR_UNSUPPORTED that there is no way to find out. */
    void (*probe_host)(Driver *driver, const char *host, DriverDoneFunc done, gpointer user);

    /* The truth about one VM on one host, asked now. */
    void (*ask_truth)(Driver *driver, const char *host, const char *vm_uuid, DriverTruthFunc done, gpointer user);

    /* How fast the VM dirties memory, measured by the hypervisor during 'window_ns'. */
    void (*dirty_rate)(Driver *driver, const char *host, const char *vm, gint64 window_ns, DriverRateFunc done,
                       gpointer user);

    /* Starts a migration.  The job is valid until its JOB_EVENT_ENDED, which always comes. */
    DriverJob *(*start)(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user);

    /* Steering of a running job.  Asking for post-copy before the first pass began is an error of the caller. */
    void (*set_bandwidth)(DriverJob *job, guint64 bytes_per_s, DriverDoneFunc done, gpointer user);
    void (*set_downtime_limit)(DriverJob *job, gint64 limit_ns, DriverDoneFunc done, gpointer user);
    void (*switch_to_postcopy)(DriverJob *job, DriverDoneFunc done, gpointer user);
    void (*force)(DriverJob *job, DriverDoneFunc done, gpointer user);  /* stop the guest, copy the rest */
    void (*cancel)(DriverJob *job, DriverDoneFunc done, gpointer user); /* before post-copy only */
    /* Takes a post-copy whose stream is dead for broken, so that its job ends (JOB_EVENT_POSTCOPY_FAILED, ENDED with an
     * error) and it can be recovered; without this QEMU waits a quarter of an hour for TCP to notice.
     * GODWIT_ERROR_UNSUPPORTED when these hosts could not recover it: then waiting is the better hope. */
    void (*break_postcopy)(DriverJob *job, DriverDoneFunc done, gpointer user);
    void (*query_stats)(DriverJob *job, DriverStatsFunc done, gpointer user);

    /* Recovery.  resume_vm: runs a paused VM whose only copy is on 'host'.  remove_incoming: ends a QEMU on 'host'
     * that still waits for a migration that will not come; refuses anything that ever ran. */
    void (*resume_vm)(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user);
    void (*remove_incoming)(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user);
    /* Goes on with a broken post-copy: the source pushes the rest again.  The job ends with GODWIT_ERROR_UNSUPPORTED
     * when trying again is of no use. */
    DriverJob *(*recover_postcopy)(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user);

    /* Called exactly once.  Jobs still running go on at the hosts when they are peer-to-peer; their callbacks are not
     * called any more. */
    void (*close)(Driver *driver);
};

/* 'hosts': HostConfig, borrowed for the driver's life; hosts may be added to it meanwhile. */
Driver *driver_libvirt_new(GPtrArray *hosts, GError **error);
