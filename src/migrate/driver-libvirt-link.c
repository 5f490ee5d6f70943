/* SPDX-License-Identifier: Apache-2.0
 *
 * HostLink: the connection to one host's libvirtd.
 *
 * Theory of operation.  At most one connection per host.  Who needs it takes a reference (host_link_take); when there
 * is none, or it has died, a thread of its own is started that opens one, and all who need it wait for that thread,
 * each at most CONNECT_LIMIT_NS.  The thread is apart because virConnectOpen knows no time limit: a TCP connect to a
 * dead machine takes minutes, and a libvirtd that is stopped accepts the connection and then says nothing at all.  A
 * thread that hangs hurts nobody; it keeps a reference to the HostLink and drops what it opened when it comes too late.
 *
 * Once open, keepalive ends a connection whose other side says nothing any more; every call in it then fails, so no
 * worker waits for ever.  libvirt's close callback tells us; the next host_link_take connects anew. */
#include "migrate/driver-libvirt-private.h"

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

HostLink *host_link_new(LibvirtDriver *driver, const HostConfig *config)
{
    HostLink *link = g_new0(HostLink, 1);

    link->refs = 1;
    link->config = host_config_copy(config);
    link->driver = driver;
    g_mutex_init(&link->peer_lock);
    g_mutex_init(&link->lock);
    g_cond_init(&link->changed);
    return link;
}

HostLink *host_link_ref(HostLink *link)
{
    g_atomic_int_inc(&link->refs);
    return link;
}

void host_link_unref(HostLink *link)
{
    if (link && g_atomic_int_dec_and_test(&link->refs)) {
        host_config_free(link->config);
        g_mutex_clear(&link->peer_lock);
        g_mutex_clear(&link->lock);
        g_cond_clear(&link->changed);
        g_free(link->why_not);
        g_free(link);
    }
}

/* Forgets the connection if it is still 'dead'. */
static void forget_connection(HostLink *link, virConnectPtr dead)
{
    g_mutex_lock(&link->lock);
    if (dead && link->connection == dead) {
        link->connection = NULL;
        link->deaths++;
        g_mutex_unlock(&link->lock);
        virConnectClose(dead);
        return;
    }
    g_mutex_unlock(&link->lock);
}

/* libvirt's close callback: main loop. */
static void on_closed(virConnectPtr connection, int reason, void *opaque)
{
    HostLink *link = opaque;

    log_info("%s: the connection to libvirtd ended (%s)", link->config->name,
             reason == VIR_CONNECT_CLOSE_REASON_KEEPALIVE ? "it did not answer any more"
             : reason == VIR_CONNECT_CLOSE_REASON_EOF     ? "libvirtd closed it"
                                                          : "error");
    forget_connection(link, connection);
}

static void unref_link(void *opaque)
{
    host_link_unref(opaque);
}

static virConnectPtr open_connection(HostLink *link, GError **error)
{
    virConnectPtr connection = virConnectOpen(link->config->uri);

    if (!connection) {
        set_libvirt_error(error, NULL, "cannot connect to %s", link->config->uri);
        return NULL;
    }
    if (virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT) < 0) {
        forget_libvirt_error(); /* an old libvirtd without keepalive: calls are still bounded by their own limits */
    }
    if (!events_register(link, connection, error)) {
        virConnectClose(connection);
        return NULL;
    }
    if (virConnectRegisterCloseCallback(connection, on_closed, host_link_ref(link), unref_link) < 0) {
        forget_libvirt_error();
        host_link_unref(link);
    }
    return connection;
}

static gpointer connect_thread(gpointer data)
{
    HostLink *link = data;
    g_autoptr(GError) error = NULL;
    virConnectPtr connection;
    virConnectPtr unwanted = NULL;

    busy_begin();
    connection = open_connection(link, &error);
    g_mutex_lock(&link->lock);
    link->is_connecting = FALSE;
    link->attempts++;
    g_free(link->why_not);
    link->why_not = g_strdup(error ? error->message : NULL);
    if (link->is_closed) {
        unwanted = connection;
    } else {
        link->connection = connection;
    }
    g_cond_broadcast(&link->changed);
    g_mutex_unlock(&link->lock);
    if (unwanted) {
        virConnectClose(unwanted);
    }
    host_link_unref(link);
    busy_end();
    return NULL;
}

/* Under the lock: a reference to the connection, or NULL. */
static virConnectPtr ref_connection(HostLink *link)
{
    if (link->connection && virConnectRef(link->connection) == 0) {
        return link->connection;
    }
    return NULL;
}

static virConnectPtr wait_for_connection(HostLink *link, GError **error)
{
    gint64 until_us = g_get_monotonic_time() + CONNECT_LIMIT_NS / 1000;
    guint attempts = link->attempts;
    gboolean in_time = TRUE;

    while (!link->connection && !link->is_closed && link->attempts == attempts && in_time) {
        if (!link->is_connecting) {
            link->is_connecting = TRUE;
            g_thread_unref(g_thread_new("libvirt-connect", connect_thread, host_link_ref(link)));
        }
        in_time = g_cond_wait_until(&link->changed, &link->lock, until_us);
    }
    if (!link->connection) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNREACHABLE, "host %s: %s", link->config->name,
                    link->is_closed ? "the driver was closed"
                    : !in_time      ? "libvirtd does not answer; is the host up?"
                    : link->why_not ? link->why_not
                                    : "the connection ended at once");
    }
    return ref_connection(link);
}

virConnectPtr host_link_take(HostLink *link, GError **error)
{
    virConnectPtr connection;

    g_mutex_lock(&link->lock);
    connection = ref_connection(link);
    g_mutex_unlock(&link->lock);
    if (connection && virConnectIsAlive(connection) != 1) { /* asks the socket only, does not block */
        forget_libvirt_error();
        forget_connection(link, connection);
        virConnectClose(connection);
        connection = NULL;
    }
    if (connection) {
        return connection;
    }
    g_mutex_lock(&link->lock);
    connection = wait_for_connection(link, error);
    g_mutex_unlock(&link->lock);
    return connection;
}

guint host_link_deaths(HostLink *link)
{
    guint deaths;

    g_mutex_lock(&link->lock);
    deaths = link->deaths;
    g_mutex_unlock(&link->lock);
    return deaths;
}

gboolean host_link_is_closed(HostLink *link)
{
    gboolean is_closed;

    g_mutex_lock(&link->lock);
    is_closed = link->is_closed;
    g_mutex_unlock(&link->lock);
    return is_closed;
}

void host_link_close(HostLink *link)
{
    virConnectPtr connection;

    link->driver = NULL;
    g_mutex_lock(&link->lock);
    link->is_closed = TRUE;
    connection = link->connection;
    link->connection = NULL;
    g_cond_broadcast(&link->changed);
    g_mutex_unlock(&link->lock);
    if (connection) {
        virConnectUnregisterCloseCallback(connection, on_closed);
        virConnectClose(connection);
    }
    host_link_unref(link);
}
