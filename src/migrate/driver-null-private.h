/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of driver-null share: driver-null.c (the table and the answers), driver-null-world.c (hosts, copies of
 * VMs, faults, the promise), driver-null-job.c (how memory moves). */
#pragma once

#include "migrate/driver-null.h"

typedef struct NullDriver NullDriver;

typedef struct NullHost {
    char *name;
    guint cpus;
    guint64 memory_bytes;
    NullHostState state;
    gboolean is_link_up;
    guint most_out;
    guint most_in;
} NullHost;

/* One copy of a VM on one host. */
typedef struct NullCopy {
    struct NullGuest *guest;
    NullHost *host;
    VmState state; /* as libvirt would name it */
    gboolean is_incoming;
    gboolean runs; /* guest instructions are executed here */
} NullCopy;

typedef struct NullGuest {
    char *name;
    char *uuid;
    char *disk_path;
    char *relay_socket;    /* of the last migration */
    gint64 downtime_limit_ns; /* likewise */
    char *copied_disks; /* targets, with commas between; NULL: never migrated */
    gboolean is_disk_local;
    guint64 ram_bytes;
    guint vcpus;
    guint64 dirty_bytes_per_s;
    guint64 working_set_bytes;
    double busy_cores;
    gboolean was_paused;
    gboolean is_switching; /* legitimately standing still: in the switchover, or its post-copy broke */
    guint64 lacking_bytes; /* of a broken post-copy */
    gboolean is_ended;     /* by itself, or with its host */
} NullGuest;

typedef enum NullStage {
    NULL_STAGE_BEGIN,
    NULL_STAGE_PREPARE,
    NULL_STAGE_PASS,
    NULL_STAGE_SWITCH,
    NULL_STAGE_POSTCOPY
} NullStage;

struct DriverJob {
    NullDriver *driver;
    NullGuest *guest;
    NullHost *source;
    NullHost *destination;
    JobEventFunc func; /* NULL: nobody watches any more */
    gpointer user;
    guint64 bandwidth_bytes_per_s;
    gint64 downtime_limit_ns;
    gboolean may_postcopy;
    gboolean wants_postcopy;
    NullStage stage;
    guint timer;       /* of the stage's end */
    guint watch_timer; /* until the controller notices that nobody answers at the source */
    guint64 passes;
    guint64 sent_bytes; /* in ended passes */
    guint64 left_bytes; /* of the pass, when 'since_ns' was */
    guint64 pass_bytes; /* to be sent in it */
    gint64 pass_began_ns;
    gint64 since_ns;
    gint64 begun_ns;
    gint64 stopped_ns; /* the guest, for the switchover */
    gboolean is_postcopy;
};

struct NullDriver {
    Driver table;
    Clock *clock;
    GPtrArray *hosts;   /* NullHost */
    GPtrArray *guests;  /* NullGuest */
    GPtrArray *copies;  /* NullCopy */
    GPtrArray *jobs;    /* DriverJob; a job frees itself at its end */
    GPtrArray *answers; /* NullAnswer that are on their way */
    guint calls;
    guint failing_call;
    GodwitError failing_code;
    gboolean leaves_leftovers;
    char *broken_promise;
};

NullHost *null_find_host(NullDriver *driver, const char *name);
NullGuest *null_find_guest(NullDriver *driver, const char *uuid_or_name);
NullCopy *null_find_copy(NullDriver *driver, const NullHost *host, const NullGuest *guest);
NullCopy *null_add_copy(NullDriver *driver, NullHost *host, NullGuest *guest, VmState state);
void null_remove_copy(NullDriver *driver, const NullHost *host, const NullGuest *guest);
DriverJob *null_find_job(NullDriver *driver, const NullGuest *guest);

/* After everything that happens. */
void null_check_promise(NullDriver *driver);

/* ---- driver-null-job.c ---- */
DriverJob *null_job_start(NullDriver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user);
DriverJob *null_job_recover(NullDriver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user);
void null_job_set_bandwidth(DriverJob *job, guint64 bytes_per_s);
void null_job_postcopy(DriverJob *job);
void null_job_stats(DriverJob *job, JobStats *stats);

/* The migration fails in the world: the guest runs on at the source when it can.  'job' is gone then. */
void null_job_fail(DriverJob *job, GodwitError code, Fault blame, const char *why);
void null_job_free(gpointer job);

/* Before a link changes: takes off what was sent so far. */
void null_jobs_settle(NullDriver *driver);

/* A host or link changed: jobs stop, break or are no longer watched. */
void null_jobs_look(NullDriver *driver);
