/* SPDX-License-Identifier: Apache-2.0
 *
 * What is said to a migration that runs, and recovery: resuming a paused copy, removing one that waits in vain. */
#include "migrate/driver-libvirt-private.h"

#include <math.h>

#include "base/error.h"
#include "base/units.h"

/* libvirt knows no "stop now and send the rest"; a downtime limit that nothing exceeds makes QEMU do just that at once.
 * (Pausing the guest would do as well, but then libvirt takes it for paused at the destination.)  This is QEMU's
 * largest. */
#define FORCED_DOWNTIME_MS  2000000
#define UNLIMITED_MIB_PER_S ((unsigned long)(G_MAXINT64 / (gint64)MIB)) /* the largest that libvirt accepts */

typedef enum Order {
    ORDER_BANDWIDTH,
    ORDER_DOWNTIME,
    ORDER_POSTCOPY,
    ORDER_CANCEL,
    ORDER_BREAK,
    ORDER_RESUME,
    ORDER_REMOVE,
} Order;

/* One order for one VM. */
typedef struct OrderCall {
    Call call;
    Order order;
    char *uuid;
    guint64 value; /* MiB/s or ms */
    gboolean may_postcopy;
    DriverJob *job; /* a reference; NULL: of no job */
    DriverDoneFunc done;
    gpointer user;
} OrderCall;

static int set_bandwidth(virDomainPtr domain, const OrderCall *self)
{
    int result = virDomainMigrateSetMaxSpeed(domain, (unsigned long)self->value, 0);

    if (result == 0 && self->may_postcopy) {
        result = virDomainMigrateSetMaxSpeed(domain, (unsigned long)self->value, VIR_DOMAIN_MIGRATE_MAX_SPEED_POSTCOPY);
    }
    return result;
}

/* Only a VM that stands still and belongs to no migration. */
static int resume_paused(virDomainPtr domain, virConnectPtr connection, GError **error)
{
    VmTruth truth;

    if (!read_truth(domain, connection, &truth, error)) {
        return 0;
    }
    if (truth.state != VM_STATE_PAUSED || truth.is_migrating_out) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "VM %s is not paused (%s%s): not resumed",
                    virDomainGetName(domain), vm_state_name(truth.state), truth.is_migrating_out ? ", migrating" : "");
        return 0;
    }
    return virDomainResume(domain);
}

/* Only a VM that never ran here: see read_truth. */
static int remove_waiting(virDomainPtr domain, virConnectPtr connection, GError **error)
{
    VmTruth truth;

    if (!read_truth(domain, connection, &truth, error) || truth.state == VM_STATE_ABSENT) {
        return 0;
    }
    if (truth.state != VM_STATE_PAUSED || !truth.is_incoming) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "VM %s does not wait for a migration (%s): not removed",
                    virDomainGetName(domain), vm_state_name(truth.state));
        return 0;
    }
    return virDomainDestroy(domain);
}

static int carry_out(OrderCall *self, virDomainPtr domain, virConnectPtr connection, GError **error)
{
    switch (self->order) {
    case ORDER_BANDWIDTH:
        return set_bandwidth(domain, self);
    case ORDER_DOWNTIME:
        return virDomainMigrateSetMaxDowntime(domain, self->value, 0);
    case ORDER_POSTCOPY:
        return virDomainMigrateStartPostCopy(domain, 0);
    case ORDER_CANCEL:
        return virDomainAbortJob(domain);
    case ORDER_BREAK:
        return recovery_is_possible(self->job, error) ? virDomainAbortJobFlags(domain, VIR_DOMAIN_ABORT_JOB_POSTCOPY)
                                                      : 0;
    case ORDER_RESUME:
        return resume_paused(domain, connection, error);
    case ORDER_REMOVE:
        return remove_waiting(domain, connection, error);
    }
    return 0;
}

static const char *words_of(Order order)
{
    static const char *const words[] = {"bandwidth", "downtime limit", "switch to post-copy", "cancel", "break",
                                        "resume",    "remove"};

    return words[order];
}

static void run_order(Call *call, virConnectPtr connection, GError **error)
{
    OrderCall *self = (OrderCall *)call;
    virDomainPtr domain = lookup_vm(connection, self->uuid, call->link->config->name, error);

    if (!domain) {
        return;
    }
    if (carry_out(self, domain, connection, error) < 0) {
        set_libvirt_error(error, connection, "VM %s: %s", virDomainGetName(domain), words_of(self->order));
    }
    virDomainFree(domain);
}

static void deliver_order(Call *call, const GError *error)
{
    OrderCall *self = (OrderCall *)call;

    if (self->order == ORDER_POSTCOPY && error) {
        self->job->is_postcopy_asked = FALSE;
    }
    self->done(error, self->user);
}

static void clear_order(Call *call)
{
    OrderCall *self = (OrderCall *)call;

    g_free(self->uuid);
    if (self->job) {
        job_unref(self->job);
    }
}

/* 'job' may be NULL. */
static void give_order(LibvirtDriver *driver, const char *host, const char *uuid, Order order, guint64 value,
                       DriverJob *job, DriverDoneFunc done, gpointer user)
{
    OrderCall *self = g_new0(OrderCall, 1);

    self->call = (Call){.run = run_order, .deliver = deliver_order, .clear = clear_order};
    self->order = order;
    self->uuid = g_strdup(uuid);
    self->value = value;
    self->may_postcopy = job && job->may_postcopy;
    self->job = job ? job_ref(job) : NULL;
    self->done = done;
    self->user = user;
    call_start(&self->call, driver, host);
}

static void order_job(DriverJob *job, Order order, guint64 value, DriverDoneFunc done, gpointer user)
{
    give_order(job->driver, job->source->config->name, job->uuid, order, value, job, done, user);
}

void libvirt_set_bandwidth(DriverJob *job, guint64 bytes_per_s, DriverDoneFunc done, gpointer user)
{
    guint64 mib_per_s = bandwidth_mib_per_s(bytes_per_s);

    order_job(job, ORDER_BANDWIDTH, mib_per_s ? mib_per_s : UNLIMITED_MIB_PER_S, done, user);
}

void libvirt_set_downtime_limit(DriverJob *job, gint64 limit_ns, DriverDoneFunc done, gpointer user)
{
    order_job(job, ORDER_DOWNTIME, (guint64)CLAMP(limit_ns / NS_PER_MS, 1, FORCED_DOWNTIME_MS), done, user);
}

void libvirt_switch_to_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    job->is_postcopy_asked = TRUE;
    order_job(job, ORDER_POSTCOPY, 0, done, user);
}

void libvirt_force(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order_job(job, ORDER_DOWNTIME, FORCED_DOWNTIME_MS, done, user);
}

static gboolean on_cancel_limit(gpointer data)
{
    DriverJob *job = data;

    job->cancel_timer = 0;
    job_abandon(job, "it was cancelled, and libvirt did not end it in time");
    return G_SOURCE_REMOVE;
}

void libvirt_cancel(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    if (!job->cancel_timer) {
        job->cancel_timer = g_timeout_add((guint)(CANCEL_LIMIT_NS / NS_PER_MS), on_cancel_limit, job);
    }
    order_job(job, ORDER_CANCEL, 0, done, user);
}

void libvirt_break_postcopy(DriverJob *job, DriverDoneFunc done, gpointer user)
{
    order_job(job, ORDER_BREAK, 0, done, user);
}

void libvirt_resume_vm(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user)
{
    give_order((LibvirtDriver *)driver, host, vm_uuid, ORDER_RESUME, 0, NULL, done, user);
}

void libvirt_remove_incoming(Driver *driver, const char *host, const char *vm_uuid, DriverDoneFunc done, gpointer user)
{
    give_order((LibvirtDriver *)driver, host, vm_uuid, ORDER_REMOVE, 0, NULL, done, user);
}

/* ---- statistics of a running job ---- */

typedef struct StatsCall {
    Call call;
    DriverJob *job;
    JobStats stats;
    DriverStatsFunc done;
    gpointer user;
} StatsCall;

static void run_stats(Call *call, virConnectPtr connection, GError **error)
{
    StatsCall *self = (StatsCall *)call;
    virDomainPtr domain = lookup_vm(connection, self->job->uuid, call->link->config->name, error);
    virTypedParameterPtr params = NULL;
    int length = 0;
    int type = VIR_DOMAIN_JOB_NONE;

    if (!domain) {
        return;
    }
    if (virDomainGetJobStats(domain, &type, &params, &length, 0) < 0) {
        set_libvirt_error(error, connection, "VM %s: statistics", self->job->vm);
    } else if (type == VIR_DOMAIN_JOB_NONE) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "VM %s: no migration is running", self->job->vm);
    } else {
        stats_from_params(&self->stats, params, length);
    }
    virTypedParamsFree(params, length);
    virDomainFree(domain);
}

static void deliver_stats(Call *call, const GError *error)
{
    StatsCall *self = (StatsCall *)call;

    self->stats.downtime_ms = NAN; /* while it runs, libvirt's is only what QEMU expects */
    self->stats.is_postcopy = self->job->is_postcopy;
    self->stats.passes = MAX(self->stats.passes, self->job->passes);
    self->done(error ? NULL : &self->stats, error, self->user);
}

static void clear_stats(Call *call)
{
    job_unref(((StatsCall *)call)->job);
}

void libvirt_query_stats(DriverJob *job, DriverStatsFunc done, gpointer user)
{
    StatsCall *self = g_new0(StatsCall, 1);

    self->call = (Call){.run = run_stats, .deliver = deliver_stats, .clear = clear_stats};
    self->job = job_ref(job);
    self->done = done;
    self->user = user;
    call_start(&self->call, job->driver, job->source->config->name);
}
