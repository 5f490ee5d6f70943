/* SPDX-License-Identifier: Apache-2.0
 *
 * What the files of driver-libvirt share.
 *
 *     driver-libvirt.c         the table, making and closing it
 *     driver-libvirt-link.c    HostLink: one connection per host, kept alive, made anew when it died
 *     driver-libvirt-call.c    Call: a blocking libvirt call made in a worker, answered on the main loop, in bounded
 * time driver-libvirt-query.c   facts of a host, the truth about a VM, dirty rate driver-libvirt-xml.c     reads
 * libvirt's domain XML driver-libvirt-check.c   CPU, peer and host checks driver-libvirt-files.c   files on a host,
 * through its storage driver driver-libvirt-job.c     one migration: its thread, its end driver-libvirt-params.c  what
 * libvirt is told about a migration: flags and parameters, and what units they have driver-libvirt-steer.c   what is
 * said to a running migration, and recovery after a broken one driver-libvirt-events.c  libvirt's events turned into a
 * job's events
 *
 * Threads: libvirt's calls block, so they never run on the main loop.  Workers know a Call's own input and result
 * and the HostLink's locked half; everything else belongs to the main loop.  libvirt's event loop is GLib's
 * (libvirt-glib), so events and keepalive need the main loop to run. */
#pragma once

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "migrate/driver.h"

/* A connection is given up when the host did not answer for KEEPALIVE_INTERVAL_S * KEEPALIVE_COUNT. */
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT      3
#define CONNECT_LIMIT_NS     (15 * NS_PER_S)
#define CALL_LIMIT_NS        (30 * NS_PER_S) /* as long as libvirt itself waits for a busy VM */
#define CANCEL_LIMIT_NS      (60 * NS_PER_S) /* from a cancel that was asked to the end of the job */
#define CLOSE_LIMIT_NS       (5 * NS_PER_S)  /* for workers to end at close */

typedef struct LibvirtDriver LibvirtDriver;
typedef struct HostLink HostLink;
typedef struct Call Call;

/* ---- connections ---- */

struct HostLink {
    int refs; /* atomic */

    /* never changes */
    HostConfig *config; /* a copy: a connection that hangs may outlive the driver */

    /* main loop only */
    LibvirtDriver *driver; /* NULL after close */

    GMutex peer_lock; /* held while a worker asks whether this host reaches another one */
    GMutex lock;
    GCond changed;
    /* under 'lock' */
    virConnectPtr connection; /* NULL: none */
    gboolean is_connecting;
    gboolean is_closed;
    guint deaths;   /* connections that were lost so far */
    guint attempts; /* to connect that have ended */
    char *why_not;  /* what the last attempt failed with */
};

HostLink *host_link_new(LibvirtDriver *driver, const HostConfig *config);
HostLink *host_link_ref(HostLink *link);
void host_link_unref(HostLink *link);

/* A reference to a live connection, made now if there is none.  Worker only; at most CONNECT_LIMIT_NS. */
virConnectPtr host_link_take(HostLink *link, GError **error);

/* How many connections to the host were lost so far; any thread. */
guint host_link_deaths(HostLink *link);

/* Whether the driver was closed meanwhile; any thread. */
gboolean host_link_is_closed(HostLink *link);

/* Main loop.  No callback comes after this. */
void host_link_close(HostLink *link);

/* ---- calls ---- */

/* A Call is the first member of a struct that holds input, result and the caller's callback.
 *
 *     run      in a worker, with a live connection; sets the result or 'error'
 *     deliver  on the main loop, exactly once, with the error or NULL; not at all after close
 *     clear    frees what the struct holds; the struct itself is freed afterwards
 *
 * When run does not return within CALL_LIMIT_NS (plus 'extra_ns'), deliver gets GODWIT_ERROR_TIMEOUT and must not look
 * at the result, and run's late answer is dropped. */
struct Call {
    int refs; /* atomic */
    void (*run)(Call *call, virConnectPtr connection, GError **error);
    void (*deliver)(Call *call, const GError *error);
    void (*clear)(Call *call);
    HostLink *link;
    gint64 extra_ns;
    gboolean is_offline; /* needs no connection: run gets NULL */

    /* main loop only */
    LibvirtDriver *driver; /* NULL after close */
    guint timer;
    gboolean is_answered;

    GError *error; /* of run; read on the main loop after run has ended */
};

/* Takes 'call', which was allocated with g_new0 and has run, deliver and clear set.  An unknown 'host' is answered
 * with an error like everything else. */
void call_start(Call *call, LibvirtDriver *driver, const char *host);

void call_unref(Call *call);

/* The worker's function: 'data' is a Call. */
void call_work(gpointer data, gpointer unused);

/* Runs func(user) on the main loop; any thread.  (Not g_main_context_invoke: while nobody runs the main loop that would
 * run 'func' right here, in the worker.) */
void post_to_main(GSourceFunc func, gpointer user);

/* The last libvirt error of this thread as a GError, with a prefix in words.  'connection' tells a connection that died
 * from a call that failed. */
void set_libvirt_error(GError **error, virConnectPtr connection, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* For an error of ours that does not matter to the caller: forgets it. */
void forget_libvirt_error(void);

/* The VM with that UUID on the host of 'connection', running or not. */
virDomainPtr lookup_vm(virConnectPtr connection, const char *uuid, const char *host, GError **error);

/* ---- the driver ---- */

struct LibvirtDriver {
    Driver table;
    GPtrArray *hosts;  /* HostConfig, borrowed; hosts may be added to it */
    GHashTable *links; /* host name -> HostLink */
    GThreadPool *pool;
    GHashTable *calls; /* set of Call that are not answered yet */
    GPtrArray *jobs;   /* DriverJob that have not ended */
};

/* Counts workers and job threads of the process that are inside libvirt; any thread. */
void busy_begin(void);
void busy_end(void);

HostLink *driver_link(LibvirtDriver *driver, const char *host);

/* ---- the rooms of the table ---- */

void libvirt_query_host(Driver *driver, const char *host, DriverHostFunc done, gpointer user);
void libvirt_ask_truth(Driver *driver, const char *host, const char *vm_uuid, DriverTruthFunc done, gpointer user);
void libvirt_query_loads(Driver *driver, const char *host, DriverLoadsFunc done, gpointer user);
void libvirt_dirty_rate(Driver *driver, const char *host, const char *vm, gint64 window_ns, DriverRateFunc done,
                        gpointer user);
void libvirt_check_cpu(Driver *driver, const char *host, const char *cpu_xml, const char *domain_type,
                       DriverDoneFunc done, gpointer user);
void libvirt_check_files(Driver *driver, const char *host, const char *const *paths, DriverFilesFunc done,
                         gpointer user);
void libvirt_check_peer(Driver *driver, const char *source, const char *destination, DriverDoneFunc done,
                        gpointer user);
void libvirt_probe_host(Driver *driver, const char *host, DriverDoneFunc done, gpointer user);
DriverJob *libvirt_start(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user);
DriverJob *libvirt_recover_postcopy(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user);
void libvirt_set_bandwidth(DriverJob *job, guint64 bytes_per_s, DriverDoneFunc done, gpointer user);
void libvirt_set_downtime_limit(DriverJob *job, gint64 limit_ns, DriverDoneFunc done, gpointer user);
void libvirt_switch_to_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user);
void libvirt_force(DriverJob *job, DriverDoneFunc done, gpointer user);
void libvirt_cancel(DriverJob *job, DriverDoneFunc done, gpointer user);
void libvirt_break_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user);
void libvirt_query_stats(DriverJob *job, DriverStatsFunc done, gpointer user);
void libvirt_resume_vm(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user);
void libvirt_remove_incoming(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user);

/* Fills 'vm' (RAM, vCPUs, CPU, disks, ...) from libvirt's XML of a running domain. */
gboolean domain_xml_read(Vm *vm, const char *xml, GError **error);

/* What one VM is on this host now; 'domain' belongs to 'connection'. */
gboolean read_truth(virDomainPtr domain, virConnectPtr connection, VmTruth *truth, GError **error);

/* ---- jobs ---- */

struct DriverJob {
    int refs; /* atomic: the main loop's and the thread's */

    /* never changes */
    HostLink *source;
    HostLink *destination;
    char *vm;
    char *uuid;
    gboolean is_recovery;
    gboolean is_direct;
    gboolean may_postcopy;
    gint64 downtime_limit_ns;
    unsigned int flags;
    virTypedParameterPtr params;
    int params_length;
    guint source_deaths; /* of the links, when the job began */
    guint destination_deaths;

    /* main loop only */
    LibvirtDriver *driver; /* NULL: ended or closed */
    JobEventFunc func;
    gpointer user;
    GThread *thread;
    Phase phase;
    guint64 passes;
    gboolean is_postcopy_asked;
    gboolean is_postcopy;
    gboolean has_switched;
    gboolean is_ended_by_libvirt; /* the destination's QEMU */
    gboolean has_final;
    JobStats final; /* of the completed job, as the hosts reported it */
    Fault blame;    /* what the events told */
    guint cancel_timer;

    GError *error; /* of the thread; read on the main loop after it has ended */
};

/* Fills flags and parameters of 'job'. */
void job_set_params(DriverJob *job, const MigrationRequest *request);

/* Reports; nothing is reported after the end. */
void job_report(DriverJob *job, const JobEvent *event);
void job_reach_phase(DriverJob *job, Phase phase); /* never backwards */

/* The thread is given up: the job ends with 'error' although libvirt has not answered. */
void job_abandon(DriverJob *job, const char *why);

/* Whether the destination can take up a broken post-copy again; the error says why not.  Worker or job thread only. */
gboolean recovery_is_possible(DriverJob *job, GError **error);

/* Forgets the limit that a cancel has set. */
void job_uncancel(DriverJob *job);
DriverJob *job_ref(DriverJob *job);
void job_unref(DriverJob *job);

/* libvirt's job statistics as ours. */
void stats_from_params(JobStats *stats, virTypedParameterPtr params, int length);

/* Registers for the events of a new connection; in the thread that connects.  The callbacks come on the main loop. */
gboolean events_register(HostLink *link, virConnectPtr connection, GError **error);

/* MiB/s for libvirt, which knows nothing finer: rounded down so that shares together never exceed a link, one at least;
 * 0 stays "no limit" at the start of a migration. */
guint64 bandwidth_mib_per_s(guint64 bytes_per_s);
