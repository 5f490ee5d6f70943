/* SPDX-License-Identifier: Apache-2.0
 *
 * What hosts are asked: their facts, the truth about one VM, how fast a VM dirties memory.
 *
 * Nothing here waits for a VM's monitor (QEMU's own voice) where libvirtd knows the answer itself, so that a VM that
 * hangs or migrates does not make its host unreadable. */
#include "migrate/driver-libvirt-private.h"

#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

#define LIBVIRT_WITH_POSTCOPY 1003003 /* 1.3.3: VIR_MIGRATE_POSTCOPY */
#define QEMU_WITH_POSTCOPY    2006000 /* 2.6: without the x- prefix */
#define DIRTY_RATE_STEP_US    100000

/* ---- truth ---- */

/* Which way a migration job goes that runs on the VM now: MIGRATION_IN, MIGRATION_OUT, or neither. */
static int job_operation(virDomainPtr domain)
{
    virTypedParameterPtr params = NULL;
    int length = 0;
    int type = VIR_DOMAIN_JOB_NONE;
    int operation = VIR_DOMAIN_JOB_OPERATION_UNKNOWN;

    if (virDomainGetJobStats(domain, &type, &params, &length, 0) < 0) {
        forget_libvirt_error(); /* a VM that just ended */
        return operation;
    }
    if (type != VIR_DOMAIN_JOB_NONE) {
        virTypedParamsGetInt(params, length, VIR_DOMAIN_JOB_OPERATION, &operation);
    }
    virTypedParamsFree(params, length);
    return operation;
}

static VmState state_of(int state, int reason)
{
    switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN: /* still running its last steps */
    case VIR_DOMAIN_PMSUSPENDED:
        if (state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_POSTCOPY_FAILED) {
            return VM_STATE_POSTCOPY_FAILED;
        }
        return state == VIR_DOMAIN_RUNNING && reason == VIR_DOMAIN_RUNNING_POSTCOPY ? VM_STATE_POSTCOPY
                                                                                    : VM_STATE_RUNNING;
    case VIR_DOMAIN_PAUSED:
        if (reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED) {
            return VM_STATE_POSTCOPY_FAILED;
        }
        return reason == VIR_DOMAIN_PAUSED_POSTCOPY ? VM_STATE_POSTCOPY : VM_STATE_PAUSED;
    case VIR_DOMAIN_CRASHED:
        return VM_STATE_CRASHED;
    default:
        return VM_STATE_ABSENT;
    }
}

gboolean read_truth(virDomainPtr domain, virConnectPtr connection, VmTruth *truth, GError **error)
{
    int state = 0;
    int reason = 0;
    int operation;

    if (virDomainGetState(domain, &state, &reason, 0) < 0) {
        set_libvirt_error(error, connection, "VM %s", virDomainGetName(domain));
        return FALSE;
    }
    truth->state = state_of(state, reason);
    truth->is_defined = virDomainIsPersistent(domain) == 1;
    operation = truth->state == VM_STATE_ABSENT ? 0 : job_operation(domain);
    truth->is_migrating_out = operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT;
    /* The destination's QEMU is "paused, for migration" until it runs for the first time; a source that stopped for its
     * last pass is so too, but has a job that goes out. */
    truth->is_incoming =
        operation == VIR_DOMAIN_JOB_OPERATION_MIGRATION_IN ||
        (state == VIR_DOMAIN_PAUSED && reason == VIR_DOMAIN_PAUSED_MIGRATION && !truth->is_migrating_out);
    if (truth->state == VM_STATE_POSTCOPY || truth->state == VM_STATE_POSTCOPY_FAILED) {
        truth->is_incoming = FALSE; /* it ran here: never a leftover */
    }
    if (truth->state == VM_STATE_POSTCOPY_FAILED) {
        truth->is_migrating_out = FALSE; /* libvirt keeps the job for a recovery; nothing moves */
    }
    return TRUE;
}

typedef struct TruthCall {
    Call call;
    char *uuid;
    VmTruth truth;
    DriverTruthFunc done;
    gpointer user;
} TruthCall;

static void run_truth(Call *call, virConnectPtr connection, GError **error)
{
    TruthCall *self = (TruthCall *)call;
    virDomainPtr domain = virDomainLookupByUUIDString(connection, self->uuid);

    if (!domain) {
        virErrorPtr last = virGetLastError();

        if (last && last->code == VIR_ERR_NO_DOMAIN) {
            self->truth = (VmTruth){.state = VM_STATE_ABSENT};
            forget_libvirt_error();
            return;
        }
        set_libvirt_error(error, connection, "host %s", call->link->config->name);
        return;
    }
    if (!read_truth(domain, connection, &self->truth, error)) {
        g_prefix_error(error, "host %s: ", call->link->config->name);
    }
    virDomainFree(domain);
}

static void deliver_truth(Call *call, const GError *error)
{
    TruthCall *self = (TruthCall *)call;

    self->done(error ? NULL : &self->truth, error, self->user);
}

static void clear_truth(Call *call)
{
    g_free(((TruthCall *)call)->uuid);
}

void libvirt_ask_truth(Driver *driver, const char *host, const char *vm_uuid, DriverTruthFunc done, gpointer user)
{
    TruthCall *self = g_new0(TruthCall, 1);

    self->call = (Call){.run = run_truth, .deliver = deliver_truth, .clear = clear_truth};
    self->uuid = g_strdup(vm_uuid);
    self->done = done;
    self->user = user;
    call_start(&self->call, (LibvirtDriver *)driver, host);
}

/* ---- facts ---- */

typedef struct HostCall {
    Call call;
    HostFacts *facts;
    DriverHostFunc done;
    gpointer user;
} HostCall;

static guint64 node_stat(virNodeMemoryStatsPtr stats, int length, const char *field)
{
    for (int i = 0; i < length; i++) {
        if (g_str_equal(stats[i].field, field)) {
            return stats[i].value * KIB;
        }
    }
    return 0;
}

/* Memory that new VMs could take: the kernel's MemAvailable from libvirt 12.3 on.  Before, page cache can be given up,
 * but guests backed by files or memfd are counted as page cache as well, so what the running VMs may grow to bounds it.
 */
static void read_memory(HostFacts *facts, virConnectPtr connection)
{
    virNodeMemoryStats stats[16];
    int length = G_N_ELEMENTS(stats);
    guint64 vms_bytes = host_facts_vm_ram_bytes(facts);
    guint64 rest_bytes = facts->memory_bytes > vms_bytes ? facts->memory_bytes - vms_bytes : 0;
    guint64 free_bytes;

    if (virNodeGetMemoryStats(connection, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats, &length, 0) < 0) {
        forget_libvirt_error();
        free_bytes = virNodeGetFreeMemory(connection);
    } else if (node_stat(stats, length, "available")) {
        facts->memory_free_bytes = node_stat(stats, length, "available");
        return;
    } else {
        free_bytes = node_stat(stats, length, VIR_NODE_MEMORY_STATS_FREE) +
                     node_stat(stats, length, VIR_NODE_MEMORY_STATS_BUFFERS) +
                     node_stat(stats, length, VIR_NODE_MEMORY_STATS_CACHED);
    }
    facts->memory_free_bytes = MIN(free_bytes, rest_bytes);
}

/* libvirt has no question "may QEMU here use userfaultfd?"; a destination that may not says so in Prepare, before
 * anything has moved.  So what can be known before are the versions. */
static void judge_postcopy(HostFacts *facts)
{
    facts->can_postcopy = facts->libvirt_version >= LIBVIRT_WITH_POSTCOPY && facts->qemu_version >= QEMU_WITH_POSTCOPY;
    if (!facts->can_postcopy) {
        facts->cannot_postcopy_why = g_strdup_printf(
            "post-copy needs libvirt 1.3.3 and QEMU 2.6; here are libvirt %lu.%lu.%lu and QEMU %lu.%lu.%lu",
            facts->libvirt_version / 1000000, facts->libvirt_version / 1000 % 1000, facts->libvirt_version % 1000,
            facts->qemu_version / 1000000, facts->qemu_version / 1000 % 1000, facts->qemu_version % 1000);
    }
}

static gboolean read_host(HostFacts *facts, virConnectPtr connection, GError **error)
{
    virNodeInfo info;
    char *hostname = virConnectGetHostname(connection);
    char *capabilities = virConnectGetCapabilities(connection);
    const char *end = capabilities ? strstr(capabilities, "</host>") : NULL;
    const char *begin = capabilities ? strstr(capabilities, "<host>") : NULL;
    gboolean ok = hostname && begin && end && virNodeGetInfo(connection, &info) == 0 &&
                  virConnectGetLibVersion(connection, &facts->libvirt_version) == 0;

    if (ok) {
        facts->hostname = g_strdup(hostname);
        facts->capabilities_xml = g_strndup(begin, (gsize)(end + strlen("</host>") - begin));
        facts->cpus = info.cpus;
        facts->memory_bytes = (guint64)info.memory * KIB;
        if (virConnectGetVersion(connection, &facts->qemu_version) < 0) {
            facts->qemu_version = 0; /* no QEMU installed: the pre-checks will say so */
            forget_libvirt_error();
        }
    } else {
        set_libvirt_error(error, connection, "host %s", facts->name);
    }
    free(hostname);
    free(capabilities);
    return ok;
}

static void read_disk_sizes(Vm *vm, virTypedParameterPtr params, int length)
{
    unsigned int count = 0;

    virTypedParamsGetUInt(params, length, "block.count", &count);
    for (unsigned int i = 0; i < count; i++) {
        g_autofree char *name_field = g_strdup_printf("block.%u.name", i);
        g_autofree char *size_field = g_strdup_printf("block.%u.capacity", i);
        const char *target = NULL;
        unsigned long long size_bytes = 0;

        virTypedParamsGetString(params, length, name_field, &target);
        virTypedParamsGetULLong(params, length, size_field, &size_bytes);
        for (guint d = 0; target && d < vm->disks->len; d++) {
            VmDisk *disk = g_ptr_array_index(vm->disks, d);

            if (g_str_equal(disk->target, target)) {
                disk->size_bytes = size_bytes;
            }
        }
    }
}

/* One VM that runs here, or NULL when it ended meanwhile or only waits for its memory. */
static Vm *read_vm(HostFacts *facts, virDomainPtr domain, virConnectPtr connection, GError **error)
{
    char uuid[VIR_UUID_STRING_BUFLEN] = "";
    g_autoptr(Vm) vm = NULL;
    VmTruth truth = {VM_STATE_ABSENT, FALSE, FALSE, FALSE};
    char *xml;
    gboolean ok;

    virDomainGetUUIDString(domain, uuid);
    vm = vm_new(virDomainGetName(domain), uuid, facts->name);
    if (!read_truth(domain, connection, &truth, NULL) || truth.state == VM_STATE_ABSENT) {
        return NULL;
    }
    if (truth.is_incoming) {
        g_ptr_array_add(facts->incoming_names, g_strdup(vm->name));
        return NULL;
    }
    xml = virDomainGetXMLDesc(domain, 0);
    if (!xml) {
        forget_libvirt_error();
        return NULL;
    }
    ok = domain_xml_read(vm, xml, error);
    free(xml);
    vm->state = truth.state;
    vm->is_persistent = truth.is_defined;
    return ok ? g_steal_pointer(&vm) : NULL;
}

static void read_vms(HostFacts *facts, virConnectPtr connection, GError **error)
{
    virDomainStatsRecordPtr *records = NULL;
    int length = virConnectGetAllDomainStats(connection, VIR_DOMAIN_STATS_STATE | VIR_DOMAIN_STATS_BLOCK, &records,
                                             VIR_CONNECT_GET_ALL_DOMAINS_STATS_ACTIVE |
                                                 VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

    if (length < 0) {
        set_libvirt_error(error, connection, "host %s: its VMs", facts->name);
        return;
    }
    for (int i = 0; i < length && !*error; i++) {
        Vm *vm = read_vm(facts, records[i]->dom, connection, error);

        if (vm) {
            read_disk_sizes(vm, records[i]->params, records[i]->nparams);
            g_ptr_array_add(facts->vms, vm);
        }
    }
    virDomainStatsRecordListFree(records);
}

static void run_host(Call *call, virConnectPtr connection, GError **error)
{
    HostCall *self = (HostCall *)call;
    GError *problem = NULL;

    self->facts = host_facts_new(call->link->config->name);
    if (read_host(self->facts, connection, &problem)) {
        judge_postcopy(self->facts);
        read_vms(self->facts, connection, &problem);
        read_memory(self->facts, connection);
    }
    if (problem) {
        g_propagate_error(error, problem);
    }
}

static void deliver_host(Call *call, const GError *error)
{
    HostCall *self = (HostCall *)call;

    self->done(error ? NULL : g_steal_pointer(&self->facts), error, self->user);
}

static void clear_host(Call *call)
{
    host_facts_free(((HostCall *)call)->facts);
}

void libvirt_query_host(Driver *driver, const char *host, DriverHostFunc done, gpointer user)
{
    HostCall *self = g_new0(HostCall, 1);

    self->call = (Call){.run = run_host, .deliver = deliver_host, .clear = clear_host};
    self->done = done;
    self->user = user;
    call_start(&self->call, (LibvirtDriver *)driver, host);
}

/* ---- dirty rate ---- */

typedef struct RateCall {
    Call call;
    char *vm;
    int seconds;
    double dirty_pages_per_s;
    DriverRateFunc done;
    gpointer user;
} RateCall;

/* Asks until the measurement is over; -1 while it is not. */
static gint64 measured_mib_per_s(virDomainPtr domain)
{
    virDomainPtr domains[] = {domain, NULL};
    virDomainStatsRecordPtr *records = NULL;
    int status = VIR_DOMAIN_DIRTYRATE_UNSTARTED;
    long long mib_per_s = -1;

    if (virDomainListGetStats(domains, VIR_DOMAIN_STATS_DIRTYRATE, &records, 0) == 1) {
        virTypedParamsGetInt(records[0]->params, records[0]->nparams, "dirtyrate.calc_status", &status);
        virTypedParamsGetLLong(records[0]->params, records[0]->nparams, "dirtyrate.megabytes_per_second", &mib_per_s);
    }
    virDomainStatsRecordListFree(records);
    return status == VIR_DOMAIN_DIRTYRATE_MEASURED ? mib_per_s : -1;
}

/* Page sampling: the mode that every accelerator has. */
static void run_rate(Call *call, virConnectPtr connection, GError **error)
{
    RateCall *self = (RateCall *)call;
    virDomainPtr domain = virDomainLookupByName(connection, self->vm);
    gint64 until_us = g_get_monotonic_time() + (self->seconds + 5) * G_USEC_PER_SEC;
    gint64 mib_per_s = -1;

    if (!domain || virDomainStartDirtyRateCalc(domain, self->seconds, VIR_DOMAIN_DIRTYRATE_MODE_PAGE_SAMPLING) < 0) {
        set_libvirt_error(error, connection, "host %s, VM %s: dirty rate", call->link->config->name, self->vm);
    }
    while (domain && !*error && mib_per_s < 0 && g_get_monotonic_time() < until_us) {
        g_usleep(DIRTY_RATE_STEP_US); /* libvirt has no event for its end */
        mib_per_s = measured_mib_per_s(domain);
    }
    if (!*error && mib_per_s < 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_TIMEOUT,
                    "host %s, VM %s: QEMU did not finish measuring its dirty rate", call->link->config->name, self->vm);
    }
    self->dirty_pages_per_s = (double)mib_per_s * (double)MIB / 4096;
    if (domain) {
        virDomainFree(domain);
    }
}

static void deliver_rate(Call *call, const GError *error)
{
    RateCall *self = (RateCall *)call;

    self->done(error ? 0 : self->dirty_pages_per_s, 4096, error, self->user);
}

static void clear_rate(Call *call)
{
    g_free(((RateCall *)call)->vm);
}

void libvirt_dirty_rate(Driver *driver, const char *host, const char *vm, gint64 window_ns, DriverRateFunc done,
                        gpointer user)
{
    RateCall *self = g_new0(RateCall, 1);

    self->call = (Call){.run = run_rate, .deliver = deliver_rate, .clear = clear_rate, .extra_ns = window_ns};
    self->vm = g_strdup(vm);
    self->seconds = (int)CLAMP((window_ns + NS_PER_S - 1) / NS_PER_S, 1, 60); /* libvirt's bounds, whole seconds */
    self->done = done;
    self->user = user;
    call_start(&self->call, (LibvirtDriver *)driver, host);
}
