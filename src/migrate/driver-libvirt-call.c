/* SPDX-License-Identifier: Apache-2.0
 *
 * Call: libvirt's blocking calls in worker threads; and libvirt's errors as ours.  See driver-libvirt-private.h. */
#include "migrate/driver-libvirt-private.h"

#include "base/error.h"
#include "base/units.h"

void call_unref(Call *call)
{
    if (g_atomic_int_dec_and_test(&call->refs)) {
        call->clear(call);
        host_link_unref(call->link);
        g_clear_error(&call->error);
        g_free(call);
    }
}

void post_to_main(GSourceFunc func, gpointer user)
{
    GSource *source = g_idle_source_new();

    g_source_set_priority(source, G_PRIORITY_DEFAULT);
    g_source_set_callback(source, func, user, NULL);
    g_source_attach(source, NULL);
    g_source_unref(source);
}

/* Gives the caller its answer; a second one is dropped. */
static void answer(Call *call, const GError *error)
{
    if (call->is_answered) {
        return;
    }
    call->is_answered = TRUE;
    if (call->timer) {
        g_source_remove(call->timer);
        call->timer = 0;
    }
    if (call->driver) {
        call->deliver(call, error);
        if (call->driver) { /* not closed by what deliver called */
            g_hash_table_remove(call->driver->calls, call);
        }
    }
}

static gboolean on_run_ended(gpointer data)
{
    Call *call = data;

    answer(call, call->error);
    call_unref(call);
    return G_SOURCE_REMOVE;
}

static gboolean on_call_limit(gpointer data)
{
    Call *call = data;
    g_autoptr(GError) error =
        g_error_new(GODWIT_ERROR, GODWIT_ERROR_TIMEOUT,
                    "host %s: libvirtd took the request and did not answer it in time", call->link->config->name);

    call->timer = 0;
    answer(call, error);
    return G_SOURCE_REMOVE;
}

void call_work(gpointer data, gpointer unused)
{
    Call *call = data;
    virConnectPtr connection;

    busy_begin();
    connection = call->is_offline ? NULL : host_link_take(call->link, &call->error);
    if (connection || (call->is_offline && !host_link_is_closed(call->link))) {
        call->run(call, connection, &call->error);
    }
    if (connection) {
        virConnectClose(connection);
    }
    busy_end();
    post_to_main(on_run_ended, call);
}

void call_start(Call *call, LibvirtDriver *driver, const char *host)
{
    HostLink *link = driver_link(driver, host);

    call->refs = 2; /* the worker's, until on_run_ended, and the set's */
    call->driver = driver;
    g_hash_table_add(driver->calls, call);
    if (!link) {
        call->error = g_error_new(GODWIT_ERROR, GODWIT_ERROR_NOT_FOUND, "host %s is not in the inventory", host);
        post_to_main(on_run_ended, call);
        return;
    }
    call->link = host_link_ref(link);
    call->timer =
        g_timeout_add((guint)((CONNECT_LIMIT_NS + CALL_LIMIT_NS + call->extra_ns) / NS_PER_MS), on_call_limit, call);
    g_thread_pool_push(driver->pool, call, NULL);
}

/* What a failed libvirt call means to us. */
static GodwitError code_of(const virError *error, gboolean is_connected)
{
    switch (error->code) {
    case VIR_ERR_NO_DOMAIN:
        return GODWIT_ERROR_NOT_FOUND;
    case VIR_ERR_OPERATION_ABORTED:
        return GODWIT_ERROR_CANCELLED;
    case VIR_ERR_OPERATION_TIMEOUT:
        return GODWIT_ERROR_TIMEOUT;
    case VIR_ERR_NO_SUPPORT:
    case VIR_ERR_CONFIG_UNSUPPORTED:
    case VIR_ERR_ARGUMENT_UNSUPPORTED:
    case VIR_ERR_OPERATION_UNSUPPORTED:
        return GODWIT_ERROR_UNSUPPORTED;
    case VIR_ERR_OPERATION_INVALID:
    case VIR_ERR_OPERATION_DENIED:
    case VIR_ERR_CPU_INCOMPATIBLE:
    case VIR_ERR_MIGRATE_UNSAFE:
    case VIR_ERR_DOM_EXIST:
    case VIR_ERR_INVALID_ARG:
        return GODWIT_ERROR_REFUSED;
    default:
        return is_connected ? GODWIT_ERROR_FAILED : GODWIT_ERROR_UNREACHABLE;
    }
}

void set_libvirt_error(GError **error, virConnectPtr connection, const char *format, ...)
{
    virErrorPtr last = virSaveLastError(); /* virConnectIsAlive below would overwrite it */
    gboolean is_lost = connection && virConnectIsAlive(connection) != 1;
    g_autofree char *prefix = NULL;
    va_list arguments;

    va_start(arguments, format);
    prefix = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    if (is_lost) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "%s: the connection to libvirtd ended meanwhile", prefix);
    } else {
        g_set_error(error, GODWIT_ERROR, last ? code_of(last, connection != NULL) : GODWIT_ERROR_FAILED, "%s: %s",
                    prefix, last && last->message ? last->message : "libvirt gives no reason");
    }
    virFreeError(last);
    virResetLastError();
}

void forget_libvirt_error(void)
{
    virResetLastError();
}

virDomainPtr lookup_vm(virConnectPtr connection, const char *uuid, const char *host, GError **error)
{
    virDomainPtr domain = virDomainLookupByUUIDString(connection, uuid);

    if (!domain) {
        set_libvirt_error(error, connection, "host %s, VM %s", host, uuid);
    }
    return domain;
}
