/* SPDX-License-Identifier: Apache-2.0
 *
 * libvirt's events, of both hosts of a migration, turned into the events of its job.
 *
 *     host         event of libvirt                         means
 *     source       iteration n                              PERFORM, pass n began
 *     source       suspended, post-copy                     POSTCOPY
 *     destination  resumed, post-copy                       POSTCOPY, the destination runs the guest
 *     either       suspended, post-copy failed              the stream broke in post-copy
 *     source       suspended, migrated                      FINISH, unless post-copy was asked for
 *     destination  resumed, migrated                        CONFIRM, the destination runs the guest (if it did not)
 *     source       stopped for another reason than migrated whose fault it is when the job fails
 *     destination  stopped, failed, without a shutdown      its QEMU died
 *     source       job completed                            final statistics
 *
 * Events of two connections may overtake one another; job_reach_phase drops what would go backwards. */
#include "migrate/driver-libvirt-private.h"

#include "base/error.h"
#include "base/log.h"

/* The job that moves the VM of the event, and on which of its ends the event is; NULL: none of ours. */
static DriverJob *job_of(HostLink *link, virDomainPtr domain, gboolean *is_source)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";

    if (!link->driver || virDomainGetUUIDString(domain, uuid) < 0) {
        return NULL;
    }
    for (guint i = 0; i < link->driver->jobs->len; i++) {
        DriverJob *job = g_ptr_array_index(link->driver->jobs, i);

        if (g_ascii_strcasecmp(job->uuid, uuid) == 0 && (job->source == link || job->destination == link)) {
            *is_source = job->source == link;
            return job;
        }
    }
    return NULL;
}

static void reach_postcopy(DriverJob *job)
{
    job->is_postcopy = TRUE;
    job_uncancel(job); /* what was asked came too late: a post-copy cannot be cancelled */
    job_reach_phase(job, PHASE_POSTCOPY);
}

static void reach_switched(DriverJob *job)
{
    if (!job->has_switched) {
        job->has_switched = TRUE;
        job_report(job, &(JobEvent){.kind = JOB_EVENT_SWITCHED, .phase = job->phase});
    }
}

static void on_suspended(DriverJob *job, gboolean is_source, int detail)
{
    if (detail == VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY_FAILED) {
        job_report(job, &(JobEvent){.kind = JOB_EVENT_POSTCOPY_FAILED, .phase = job->phase});
    } else if (is_source && detail == VIR_DOMAIN_EVENT_SUSPENDED_POSTCOPY) {
        reach_postcopy(job);
    } else if (is_source && detail == VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED && !job->is_postcopy_asked) {
        job_reach_phase(job, PHASE_FINISH); /* on the way into post-copy libvirt says it too, just before */
    }
}

static void on_resumed(DriverJob *job, gboolean is_source, int detail)
{
    if (is_source) {
        return; /* it runs on at the source; the job's end will say why */
    }
    if (detail == VIR_DOMAIN_EVENT_RESUMED_POSTCOPY) {
        reach_postcopy(job);
        reach_switched(job);
    } else if (detail == VIR_DOMAIN_EVENT_RESUMED_MIGRATED) {
        reach_switched(job);
        job_reach_phase(job, PHASE_CONFIRM);
    }
}

/* libvirt ends the destination's QEMU itself when a migration failed, and says so before (shutdown); one that only
 * stops has died. */
static void on_destination_stopped(DriverJob *job, int detail)
{
    if (detail == VIR_DOMAIN_EVENT_STOPPED_FAILED && !job->is_ended_by_libvirt && job->phase >= PHASE_PREPARE) {
        job->blame = FAULT_QEMU;
    }
}

static void on_source_stopped(DriverJob *job, int detail)
{
    switch (detail) {
    case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
        job->blame = FAULT_GUEST;
        break;
    case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
        job->blame = FAULT_OPERATOR;
        break;
    case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
    case VIR_DOMAIN_EVENT_STOPPED_FAILED:
        job->blame = FAULT_QEMU;
        break;
    default:
        break;
    }
}

static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *opaque)
{
    HostLink *link = opaque;
    gboolean is_source = FALSE;
    DriverJob *job = job_of(link, domain, &is_source);

    log_debug("%s: %s: libvirt event %d/%d", link->config->name, virDomainGetName(domain), event, detail);
    if (!job) {
        return 0;
    }
    job_ref(job);
    if (event == VIR_DOMAIN_EVENT_SUSPENDED) {
        on_suspended(job, is_source, detail);
    } else if (event == VIR_DOMAIN_EVENT_RESUMED) {
        on_resumed(job, is_source, detail);
    } else if (event == VIR_DOMAIN_EVENT_STOPPED) {
        (is_source ? on_source_stopped : on_destination_stopped)(job, detail);
    } else if (event == VIR_DOMAIN_EVENT_SHUTDOWN && !is_source) {
        job->is_ended_by_libvirt = TRUE;
    }
    job_unref(job);
    return 0;
}

static void on_iteration(virConnectPtr connection, virDomainPtr domain, int iteration, void *opaque)
{
    HostLink *link = opaque;
    gboolean is_source = FALSE;
    DriverJob *job = job_of(link, domain, &is_source);

    log_debug("%s: %s: pass %d", link->config->name, virDomainGetName(domain), iteration);
    if (!job || !is_source || iteration < 1) {
        return;
    }
    job_ref(job);
    job_reach_phase(job, PHASE_PERFORM);
    job->passes = MAX(job->passes, (guint64)iteration);
    job_report(job, &(JobEvent){.kind = JOB_EVENT_PASS, .phase = job->phase, .passes = job->passes});
    job_unref(job);
}

static void on_completed(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr params, int length,
                         void *opaque)
{
    HostLink *link = opaque;
    gboolean is_source = FALSE;
    DriverJob *job = job_of(link, domain, &is_source);

    if (job && is_source) {
        stats_from_params(&job->final, params, length);
        job->has_final = TRUE;
    }
}

static void unref_link(void *opaque)
{
    host_link_unref(opaque);
}

static gboolean register_one(HostLink *link, virConnectPtr connection, int event_id,
                             virConnectDomainEventGenericCallback callback, GError **error)
{
    if (virConnectDomainEventRegisterAny(connection, NULL, event_id, callback, host_link_ref(link), unref_link) < 0) {
        host_link_unref(link);
        set_libvirt_error(error, NULL, "events of VMs");
        return FALSE;
    }
    return TRUE;
}

gboolean events_register(HostLink *link, virConnectPtr connection, GError **error)
{
    return register_one(link, connection, VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle),
                        error) &&
           register_one(link, connection, VIR_DOMAIN_EVENT_ID_MIGRATION_ITERATION,
                        VIR_DOMAIN_EVENT_CALLBACK(on_iteration), error) &&
           register_one(link, connection, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED, VIR_DOMAIN_EVENT_CALLBACK(on_completed),
                        error);
}
