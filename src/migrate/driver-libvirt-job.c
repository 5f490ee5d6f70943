/* SPDX-License-Identifier: Apache-2.0
 *
 * One migration: a thread that sits in libvirt's migrate call until it is over, and what follows.
 *
 * Theory of operation.  libvirt's call returns when the migration has ended, well or not, or when the connection to the
 * source died (keepalive).  Meanwhile the events of both hosts (driver-libvirt-events.c) tell its phases.  When the
 * call has returned, the statistics of the completed job are asked for, first at the source, then at the destination,
 * in bounded time, and JOB_EVENT_ENDED is the last word.
 *
 *     thread    migrate call ............................ returns
 *     main      PREPARE .. PERFORM, PASS .. SWITCHED ..    -> statistics (a Call) -> ENDED
 *
 * When the call has failed, the destination is asked instead, to tell a peer that died from a link that is cut.
 *
 * With peer-to-peer the source's libvirtd runs the migration, and goes on with it when we lose sight of it; what became
 * of it is then for the caller to find out (truth.h).  In direct mode libvirt ends a migration whose controller is
 * gone.
 *
 * libvirt's own downtime is passed on as it is.  For post-copy QEMU counts only the moment of switching (about 1 ms)
 * although the guest stands still whenever it touches a page that is not there yet: there it is left unknown (NAN), and
 * the guest's own longest gap is the figure that tells. */
#include "migrate/driver-libvirt-private.h"

#include <math.h>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

DriverJob *job_ref(DriverJob *job)
{
    g_atomic_int_inc(&job->refs);
    return job;
}

void job_unref(DriverJob *job)
{
    if (!g_atomic_int_dec_and_test(&job->refs)) {
        return;
    }
    host_link_unref(job->source);
    host_link_unref(job->destination);
    g_free(job->vm);
    g_free(job->uuid);
    virTypedParamsFree(job->params, job->params_length);
    g_clear_error(&job->error);
    g_free(job);
}

void job_uncancel(DriverJob *job)
{
    if (job->cancel_timer) {
        g_source_remove(job->cancel_timer);
        job->cancel_timer = 0;
    }
}

void job_report(DriverJob *job, const JobEvent *event)
{
    if (job->driver) {
        job->func(event, job->user);
    }
}

void job_reach_phase(DriverJob *job, Phase phase)
{
    if (phase > job->phase) {
        job->phase = phase;
        job_report(job, &(JobEvent){.kind = JOB_EVENT_PHASE, .phase = phase});
    }
}

/* ---- the end ---- */

/* Whether the source's libvirtd says that it lost the destination's, or that the way there is gone (it was there when the
 * plan was checked).  libvirt has no error code for it. */
static gboolean has_lost_peer(const GError *error)
{
    static const char *const words[] = {"client socket is closed", "Lost connection to destination host",
                                        "keepalive timeout", "No route to host", "Network is unreachable",
                                        "Connection timed out"};

    for (gsize i = 0; i < G_N_ELEMENTS(words); i++) {
        if (strstr(error->message, words[i])) {
            return TRUE;
        }
    }
    return FALSE;
}

/* Whom the connections accuse: one that died while the job ran. */
static Fault blame_of(DriverJob *job, const GError *error)
{
    if (host_link_deaths(job->source) != job->source_deaths) {
        return FAULT_SOURCE_LIBVIRTD;
    }
    if (host_link_deaths(job->destination) != job->destination_deaths) {
        return FAULT_DESTINATION_LIBVIRTD;
    }
    if (job->blame != FAULT_UNKNOWN) {
        return job->blame;
    }
    if (has_lost_peer(error)) {
        return FAULT_LINK; /* both daemons live, they only do not hear each other */
    }
    if (g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED) ||
        g_error_matches(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED) || job->phase <= PHASE_PREPARE) {
        return FAULT_REFUSED;
    }
    return FAULT_UNKNOWN;
}

static void job_end(DriverJob *job, const GError *error)
{
    LibvirtDriver *driver = job->driver;
    JobEvent event = {.kind = JOB_EVENT_ENDED, .phase = job->phase, .passes = job->passes, .error = error};

    if (!driver) {
        return;
    }
    job_uncancel(job);
    if (job->has_final) {
        job->final.is_postcopy = job->is_postcopy;
        job->final.passes = MAX(job->final.passes, job->passes);
        job->final.downtime_ms = job->is_postcopy || error ? NAN : job->final.downtime_ms;
        event.stats = &job->final;
    }
    event.blame = error ? blame_of(job, error) : FAULT_NONE;
    job_report(job, &event);
    if (job->driver) { /* not closed by what the event led to */
        job->driver = NULL;
        g_ptr_array_remove_fast(driver->jobs, job); /* drops the main loop's reference */
    }
}

typedef struct FinalCall {
    Call call;
    DriverJob *job;
    JobStats stats;
    gboolean is_found;
    gboolean is_lost; /* the connection ended while it was asked */
} FinalCall;

static void ask_final_stats(DriverJob *job, HostLink *link);

static void run_final(Call *call, virConnectPtr connection, GError **error)
{
    FinalCall *self = (FinalCall *)call;
    virDomainPtr domain = virDomainLookupByUUIDString(connection, self->job->uuid);
    virTypedParameterPtr params = NULL;
    int length = 0;
    int type = VIR_DOMAIN_JOB_NONE;

    if (domain && virDomainGetJobStats(domain, &type, &params, &length, VIR_DOMAIN_JOB_STATS_COMPLETED) == 0 &&
        type == VIR_DOMAIN_JOB_COMPLETED) {
        stats_from_params(&self->stats, params, length);
        self->is_found = TRUE;
    }
    self->is_lost = virConnectIsAlive(connection) != 1;
    forget_libvirt_error(); /* statistics that are gone are unknown, not a failure */
    virTypedParamsFree(params, length);
    if (domain) {
        virDomainFree(domain);
    }
}

static void deliver_final(Call *call, const GError *error)
{
    FinalCall *self = (FinalCall *)call;
    DriverJob *job = self->job;

    if (!error && self->is_found && !job->has_final) {
        job->final = self->stats;
        job->has_final = TRUE;
    }
    if (job->error && (error || self->is_lost)) {
        job->blame = FAULT_DESTINATION_LIBVIRTD; /* the truth will tell whether its machine is dead too */
    }
    if (!job->error && !job->has_final && call->link == job->source) {
        ask_final_stats(job, job->destination);
    } else {
        job_end(job, job->error);
    }
}

static void clear_final(Call *call)
{
    job_unref(((FinalCall *)call)->job);
}

static void ask_final_stats(DriverJob *job, HostLink *link)
{
    FinalCall *self = g_new0(FinalCall, 1);

    self->call = (Call){.run = run_final, .deliver = deliver_final, .clear = clear_final};
    self->job = job_ref(job);
    call_start(&self->call, job->driver, link->config->name);
}

static gboolean on_thread_ended(gpointer data)
{
    DriverJob *job = data;

    if (job->thread) {
        g_thread_join(g_steal_pointer(&job->thread));
    }
    if (!job->driver) {
        log_debug("%s: libvirt's answer came after the job was given up", job->vm);
    } else if (g_error_matches(job->error, GODWIT_ERROR, GODWIT_ERROR_CANCELLED)) {
        job_end(job, job->error);
    } else {
        ask_final_stats(job, job->error ? job->destination : job->source); /* failed: whether the other side lives */
    }
    job_unref(job); /* the thread's */
    return G_SOURCE_REMOVE;
}

void job_abandon(DriverJob *job, const char *why)
{
    g_autoptr(GError) error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_TIMEOUT, "%s", why);

    if (job->thread) {
        g_thread_unref(g_steal_pointer(&job->thread)); /* it ends when libvirt lets it go */
    }
    job_end(job, error);
}

/* ---- the thread ---- */

static void set_downtime_limit(DriverJob *job, virDomainPtr domain, virConnectPtr connection, GError **error)
{
    unsigned long long limit_ms = (unsigned long long)MAX(job->downtime_limit_ns / NS_PER_MS, 1);

    /* QEMU keeps it as a parameter, so it can be set before the migration begins, and there is no first pass without
     * it. */
    if (!job->is_recovery && virDomainMigrateSetMaxDowntime(domain, limit_ms, 0) < 0) {
        set_libvirt_error(error, connection, "VM %s: downtime limit of %llu ms", job->vm, limit_ms);
    }
}

/* Found by trying: on libvirt 11.3 the destination's libvirtd crashes whenever a post-copy is to be resumed there
 * (qemuProcessIncomingDefNew reads through a NULL pointer), whatever the parameters and whoever asks. */
gboolean recovery_is_possible(DriverJob *job, GError **error)
{
    virConnectPtr destination = host_link_take(job->destination, error);
    unsigned long version = 0;

    if (!destination) {
        return FALSE;
    }
    if (virConnectGetLibVersion(destination, &version) < 0) {
        set_libvirt_error(error, destination, "host %s", job->destination->config->name);
    } else if (version / 1000 == 11003) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED,
                    "host %s: libvirt 11.3 cannot take up a broken post-copy (its daemon crashes); another version can",
                    job->destination->config->name);
        version = 0;
    }
    virConnectClose(destination);
    return version != 0;
}

static void migrate_direct(DriverJob *job, virDomainPtr domain, virConnectPtr source, GError **error)
{
    virConnectPtr destination = host_link_take(job->destination, error);
    virDomainPtr arrived;

    if (!destination) {
        return;
    }
    arrived = virDomainMigrate3(domain, destination, job->params, (unsigned int)job->params_length, job->flags);
    if (arrived) {
        virDomainFree(arrived);
    } else {
        set_libvirt_error(error, source, "VM %s", job->vm);
    }
    virConnectClose(destination);
}

static void migrate(DriverJob *job, virConnectPtr connection, GError **error)
{
    virDomainPtr domain = lookup_vm(connection, job->uuid, job->source->config->name, error);

    if (!domain) {
        return;
    }
    if (!job->is_recovery || recovery_is_possible(job, error)) {
        set_downtime_limit(job, domain, connection, error);
    }
    if (*error) {
        ; /* nothing has begun */
    } else if (job->is_direct) {
        migrate_direct(job, domain, connection, error);
    } else if (virDomainMigrateToURI3(domain, host_config_peer_uri(job->destination->config), job->params,
                                      (unsigned int)job->params_length, job->flags) < 0) {
        set_libvirt_error(error, connection, "VM %s", job->vm);
    }
    virDomainFree(domain);
}

static gpointer job_thread(gpointer data)
{
    DriverJob *job = data;
    virConnectPtr connection;

    busy_begin();
    connection = host_link_take(job->source, &job->error);
    if (connection) {
        migrate(job, connection, &job->error);
        virConnectClose(connection);
    }
    busy_end();
    post_to_main(on_thread_ended, job);
    return NULL;
}

/* ---- the beginning ---- */

static DriverJob *job_new(LibvirtDriver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    DriverJob *job = g_new0(DriverJob, 1);

    job->refs = 1;
    job->driver = driver;
    job->source = host_link_ref(driver_link(driver, request->step->source));
    job->destination = host_link_ref(driver_link(driver, request->step->destination));
    job->vm = g_strdup(request->step->vm);
    job->uuid = g_strdup(request->step->uuid);
    job->is_direct = !request->options->peer_to_peer;
    job->may_postcopy = request->may_postcopy;
    job->downtime_limit_ns = request->options->downtime_limit_ns;
    job->source_deaths = host_link_deaths(job->source);
    job->destination_deaths = host_link_deaths(job->destination);
    job->func = func;
    job->user = user;
    job->phase = PHASE_BEGIN;
    job->blame = FAULT_UNKNOWN;
    job_set_params(job, request);
    return job;
}

static gboolean begin_thread(gpointer data)
{
    DriverJob *job = data;

    if (job->driver) {
        job_reach_phase(job, PHASE_PREPARE);
    }
    if (job->driver) {
        job->thread = g_thread_new("migration", job_thread, job_ref(job));
    }
    job_unref(job);
    return G_SOURCE_REMOVE;
}

static DriverJob *job_begin(LibvirtDriver *driver, DriverJob *job)
{
    g_ptr_array_add(driver->jobs, job);
    post_to_main(begin_thread, job_ref(job));
    return job;
}

DriverJob *libvirt_start(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    LibvirtDriver *self = (LibvirtDriver *)driver;

    return job_begin(self, job_new(self, request, func, user));
}

DriverJob *libvirt_recover_postcopy(Driver *driver, const MigrationRequest *request, JobEventFunc func, gpointer user)
{
    LibvirtDriver *self = (LibvirtDriver *)driver;
    DriverJob *job = job_new(self, request, func, user);

    job->is_recovery = TRUE;
    job->is_postcopy = TRUE;
    job->has_switched = TRUE;
    job->flags |= VIR_MIGRATE_POSTCOPY | VIR_MIGRATE_POSTCOPY_RESUME;
    return job_begin(self, job);
}
