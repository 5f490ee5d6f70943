/* SPDX-License-Identifier: Apache-2.0
 *
 * Checks before a migration: can the host run this CPU, does one libvirtd reach the other, does the machine live. */
#include "migrate/driver-libvirt-private.h"

#include <gio/gio.h>

#include "base/error.h"
#include "base/units.h"

#define PROBE_LIMIT_S "10"

/* ---- CPU ---- */

typedef struct CpuCall {
    Call call;
    char *cpu_xml;
    char *domain_type;
    DriverDoneFunc done;
    gpointer user;
} CpuCall;

static void run_cpu(Call *call, virConnectPtr connection, GError **error)
{
    CpuCall *self = (CpuCall *)call;
    int result = virConnectCompareHypervisorCPU(connection, NULL, NULL, NULL, self->domain_type, self->cpu_xml,
                                                VIR_CONNECT_COMPARE_CPU_FAIL_INCOMPATIBLE);

    if (result == VIR_CPU_COMPARE_ERROR) {
        set_libvirt_error(error, connection, "host %s", call->link->config->name);
    } else if (result == VIR_CPU_COMPARE_INCOMPATIBLE) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "host %s cannot offer the VM's CPU",
                    call->link->config->name);
    }
}

static void deliver_cpu(Call *call, const GError *error)
{
    ((CpuCall *)call)->done(error, ((CpuCall *)call)->user);
}

static void clear_cpu(Call *call)
{
    g_free(((CpuCall *)call)->cpu_xml);
    g_free(((CpuCall *)call)->domain_type);
}

void libvirt_check_cpu(Driver *driver, const char *host, const char *cpu_xml, const char *domain_type,
                       DriverDoneFunc done, gpointer user)
{
    CpuCall *self = g_new0(CpuCall, 1);

    self->call = (Call){.run = run_cpu, .deliver = deliver_cpu, .clear = clear_cpu};
    self->cpu_xml = g_strdup(cpu_xml);
    self->domain_type = g_strdup(domain_type);
    self->done = done;
    self->user = user;
    call_start(&self->call, (LibvirtDriver *)driver, host);
}

/* ---- peer ---- */

typedef struct PeerCall {
    Call call;
    char *peer_uri;
    DriverDoneFunc done;
    gpointer user;
} PeerCall;

/* libvirt has no question "do you reach that one?".  So the source is asked for a migration that cannot be: of a
 * running VM, but offline, without a definition to leave there, and with its disks.  It first connects to its peer and
 * only then looks at the VM and refuses, before anything is begun; so a refusal of the request means that the peer was
 * reached. For that moment libvirt counts the VM as migrating, which it also refuses while another migration of it
 * runs: one question at a time for each source, and only about a VM that is not migrating. */
static gboolean reaches_peer(virDomainPtr domain, const char *peer_uri)
{
    const unsigned int impossible = VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_OFFLINE | VIR_MIGRATE_NON_SHARED_DISK;
    virErrorPtr last;

    if (virDomainMigrateToURI3(domain, peer_uri, NULL, 0, impossible) == 0) {
        return TRUE; /* not seen in any libvirt; offline, it could only have copied a definition */
    }
    last = virGetLastError();
    return last && (last->code == VIR_ERR_OPERATION_INVALID || last->code == VIR_ERR_ARGUMENT_UNSUPPORTED);
}

static gboolean may_be_asked_about(virDomainPtr domain, virConnectPtr connection)
{
    VmTruth truth;

    return read_truth(domain, connection, &truth, NULL) && truth.state == VM_STATE_RUNNING && !truth.is_incoming &&
           !truth.is_migrating_out;
}

static void run_peer(Call *call, virConnectPtr connection, GError **error)
{
    PeerCall *self = (PeerCall *)call;
    virDomainPtr *domains = NULL;
    int length = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
    gboolean is_asked = FALSE;

    if (length < 0) {
        set_libvirt_error(error, connection, "host %s", call->link->config->name);
        return;
    }
    g_mutex_lock(&call->link->peer_lock);
    for (int i = 0; i < length && !is_asked; i++) {
        is_asked = may_be_asked_about(domains[i], connection);
        if (is_asked && !reaches_peer(domains[i], self->peer_uri)) {
            set_libvirt_error(error, connection, "host %s does not reach %s", call->link->config->name, self->peer_uri);
        }
    }
    g_mutex_unlock(&call->link->peer_lock);
    forget_libvirt_error();
    for (int i = 0; i < length; i++) {
        virDomainFree(domains[i]);
    }
    free(domains);
}

static void deliver_peer(Call *call, const GError *error)
{
    ((PeerCall *)call)->done(error, ((PeerCall *)call)->user);
}

static void clear_peer(Call *call)
{
    g_free(((PeerCall *)call)->peer_uri);
}

void libvirt_check_peer(Driver *driver, const char *source, const char *destination, DriverDoneFunc done, gpointer user)
{
    LibvirtDriver *self = (LibvirtDriver *)driver;
    HostLink *peer = driver_link(self, destination);
    PeerCall *call = g_new0(PeerCall, 1);

    call->call = (Call){.run = run_peer, .deliver = deliver_peer, .clear = clear_peer};
    call->peer_uri = g_strdup(peer ? host_config_peer_uri(peer->config) : NULL);
    call->done = done;
    call->user = user;
    call_start(&call->call, self, peer ? source : destination);
}

/* ---- probe ---- */

/* The machine lives when its agent's command runs to its end there: without input an agent says hello and ends. */
typedef struct ProbeCall {
    Call call;
    DriverDoneFunc done;
    gpointer user;
} ProbeCall;

static void run_probe(Call *call, virConnectPtr unused, GError **error)
{
    const HostConfig *config = call->link->config;
    g_autoptr(GSubprocess) process = NULL;
    int status;

    if (!config->agent_command) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED, "host %s: the inventory has no agent command to try",
                    config->name);
        return;
    }
    process = g_subprocess_new(G_SUBPROCESS_FLAGS_STDOUT_SILENCE | G_SUBPROCESS_FLAGS_STDERR_SILENCE, error, "timeout",
                               PROBE_LIMIT_S, "/bin/sh", "-c", config->agent_command, NULL);
    if (!process || !g_subprocess_wait(process, NULL, error)) {
        return;
    }
    status = g_subprocess_get_if_exited(process) ? g_subprocess_get_exit_status(process) : -1;
    if (status == 126 || status == 127) { /* the shell's word for a command that is not there: nothing is learned */
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED, "host %s: its agent command cannot be run",
                    config->name);
    } else if (status != 0) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "host %s: its agent does not answer either",
                    config->name);
    }
}

static void deliver_probe(Call *call, const GError *error)
{
    ((ProbeCall *)call)->done(error, ((ProbeCall *)call)->user);
}

static void clear_probe(Call *call)
{
}

void libvirt_probe_host(Driver *driver, const char *host, DriverDoneFunc done, gpointer user)
{
    ProbeCall *self = g_new0(ProbeCall, 1);

    self->call = (Call){.run = run_probe, .deliver = deliver_probe, .clear = clear_probe, .is_offline = TRUE};
    self->done = done;
    self->user = user;
    call_start(&self->call, (LibvirtDriver *)driver, host);
}
