/* SPDX-License-Identifier: Apache-2.0
 *
 * What the VMs of a host have used so far: one call of libvirt for all of them, which never waits for a VM's monitor. */
#include "migrate/driver-libvirt-private.h"

#include "base/clock.h"
#include "base/units.h"

typedef struct LoadsCall {
    Call call;
    GArray *loads; /* VmLoad */
    gint64 when_ns;
    DriverLoadsFunc done;
    gpointer user;
} LoadsCall;

static void read_load(GArray *loads, const virDomainStatsRecordPtr record)
{
    VmLoad load = {0};
    unsigned long long cpu_time_ns = 0;
    unsigned long long rss_kib = 0;

    /* no counter, no running VM: one that ended meanwhile */
    if (virDomainGetUUIDString(record->dom, load.uuid) == 0 &&
        virTypedParamsGetULLong(record->params, record->nparams, "cpu.time", &cpu_time_ns) == 1) {
        virTypedParamsGetULLong(record->params, record->nparams, "balloon.rss", &rss_kib);
        load.cpu_time_ns = cpu_time_ns;
        load.memory_used_bytes = rss_kib * KIB;
        g_array_append_val(loads, load);
    }
}

static void run_loads(Call *call, virConnectPtr connection, GError **error)
{
    LoadsCall *self = (LoadsCall *)call;
    virDomainStatsRecordPtr *records = NULL;
    int length = virConnectGetAllDomainStats(connection, VIR_DOMAIN_STATS_CPU_TOTAL | VIR_DOMAIN_STATS_BALLOON,
                                             &records,
                                             VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING |
                                                 VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT);

    self->when_ns = monotonic_ns();
    if (length < 0) {
        set_libvirt_error(error, connection, "host %s: what its VMs use", call->link->config->name);
        return;
    }
    for (int i = 0; i < length; i++) {
        read_load(self->loads, records[i]);
    }
    virDomainStatsRecordListFree(records);
}

static void deliver_loads(Call *call, const GError *error)
{
    LoadsCall *self = (LoadsCall *)call;

    self->done((const VmLoad *)self->loads->data, error ? 0 : self->loads->len, self->when_ns, error, self->user);
}

static void clear_loads(Call *call)
{
    g_array_unref(((LoadsCall *)call)->loads);
}

void libvirt_query_loads(Driver *driver, const char *host, DriverLoadsFunc done, gpointer user)
{
    LoadsCall *self = g_new0(LoadsCall, 1);

    self->call = (Call){.run = run_loads, .deliver = deliver_loads, .clear = clear_loads};
    self->loads = g_array_new(FALSE, TRUE, sizeof(VmLoad));
    self->done = done;
    self->user = user;
    call_start(&self->call, (LibvirtDriver *)driver, host);
}
