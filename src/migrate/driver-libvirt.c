/* SPDX-License-Identifier: Apache-2.0
 *
 * The Driver for real hosts: its table, making and closing it.  driver-libvirt-private.h says what is in which file. */
#include "migrate/driver-libvirt-private.h"

#include <libvirt-glib/libvirt-glib.h>

#include "base/error.h"
#include "base/log.h"
#include "base/units.h"

#define WORKERS_MAX 128 /* each waits most of its life */

/* Workers inside libvirt, so that close knows when none is left. */
static struct {
    GMutex lock;
    GCond changed;
    guint count;
} busy;

void busy_begin(void)
{
    g_mutex_lock(&busy.lock);
    busy.count++;
    g_mutex_unlock(&busy.lock);
}

void busy_end(void)
{
    g_mutex_lock(&busy.lock);
    busy.count--;
    g_cond_broadcast(&busy.changed);
    g_mutex_unlock(&busy.lock);
}

/* FALSE when some did not end in time. */
static gboolean wait_until_idle(void)
{
    gint64 until_us = g_get_monotonic_time() + CLOSE_LIMIT_NS / 1000;
    gboolean in_time = TRUE;

    g_mutex_lock(&busy.lock);
    while (busy.count > 0 && in_time) {
        in_time = g_cond_wait_until(&busy.changed, &busy.lock, until_us);
    }
    in_time = busy.count == 0;
    g_mutex_unlock(&busy.lock);
    return in_time;
}

HostLink *driver_link(LibvirtDriver *driver, const char *host)
{
    HostLink *link = g_hash_table_lookup(driver->links, host);

    for (guint i = 0; !link && i < driver->hosts->len; i++) {
        const HostConfig *config = g_ptr_array_index(driver->hosts, i);

        if (g_str_equal(config->name, host)) {
            link = host_link_new(driver, config);
            g_hash_table_insert(driver->links, link->config->name, link);
        }
    }
    return link;
}

static void drop_call(gpointer data)
{
    call_unref(data);
}

static void drop_job(gpointer data)
{
    job_unref(data);
}

static void forget_calls(LibvirtDriver *driver)
{
    GHashTableIter iter;
    gpointer key;

    g_hash_table_iter_init(&iter, driver->calls);
    while (g_hash_table_iter_next(&iter, &key, NULL)) {
        Call *call = key;

        call->driver = NULL;
        call->is_answered = TRUE;
        if (call->timer) {
            g_source_remove(call->timer);
            call->timer = 0;
        }
    }
}

static void forget_jobs(LibvirtDriver *driver)
{
    for (guint i = 0; i < driver->jobs->len; i++) {
        DriverJob *job = g_ptr_array_index(driver->jobs, i);

        job_uncancel(job);
        job->driver = NULL;
        if (job->thread) {
            g_thread_unref(g_steal_pointer(&job->thread));
        }
    }
}

static void libvirt_close(Driver *table)
{
    LibvirtDriver *driver = (LibvirtDriver *)table;
    gboolean has_jobs = driver->jobs->len > 0;
    GHashTableIter iter;
    gpointer link;

    forget_calls(driver);
    forget_jobs(driver);
    g_hash_table_iter_init(&iter, driver->links);
    while (g_hash_table_iter_next(&iter, NULL, &link)) {
        host_link_close(link); /* who waits for a connection stops waiting */
    }
    if (!has_jobs && wait_until_idle()) {
        g_thread_pool_free(driver->pool, FALSE, TRUE); /* what is still queued ends at once: its link is closed */
    } else {
        log_info("libvirt calls that do not return are left behind");
        g_thread_pool_free(driver->pool, FALSE, FALSE);
    }
    g_hash_table_unref(driver->links);
    g_hash_table_unref(driver->calls);
    g_ptr_array_unref(driver->jobs);
    g_free(driver);
}

static const Driver LIBVIRT_TABLE = {
    .name = "libvirt",
    .query_host = libvirt_query_host,
    .query_loads = libvirt_query_loads,
    .check_cpu = libvirt_check_cpu,
    .check_files = libvirt_check_files,
    .check_peer = libvirt_check_peer,
    .probe_host = libvirt_probe_host,
    .ask_truth = libvirt_ask_truth,
    .dirty_rate = libvirt_dirty_rate,
    .start = libvirt_start,
    .set_bandwidth = libvirt_set_bandwidth,
    .set_downtime_limit = libvirt_set_downtime_limit,
    .switch_to_postcopy = libvirt_switch_to_postcopy,
    .force = libvirt_force,
    .cancel = libvirt_cancel,
    .break_postcopy = libvirt_break_postcopy,
    .query_stats = libvirt_query_stats,
    .resume_vm = libvirt_resume_vm,
    .remove_incoming = libvirt_remove_incoming,
    .recover_postcopy = libvirt_recover_postcopy,
    .close = libvirt_close,
};

/* libvirt prints errors by itself unless it is told not to; ours go up as GError. */
static void say_nothing(void *unused, virErrorPtr error)
{
}

/* Once per process, before the first connection. */
static gboolean prepare_libvirt(GError **error)
{
    static gsize is_prepared;
    static gboolean ok;

    if (g_once_init_enter(&is_prepared)) {
        ok = virInitialize() == 0;
        virSetErrorFunc(NULL, say_nothing);
        gvir_event_register();
        g_once_init_leave(&is_prepared, 1);
    }
    if (!ok) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_UNSUPPORTED, "the libvirt library does not start");
    }
    return ok;
}

Driver *driver_libvirt_new(GPtrArray *hosts, GError **error)
{
    LibvirtDriver *driver;

    if (!prepare_libvirt(error)) {
        return NULL;
    }
    driver = g_new0(LibvirtDriver, 1);
    driver->table = LIBVIRT_TABLE;
    driver->hosts = hosts;
    driver->links = g_hash_table_new(g_str_hash, g_str_equal);
    driver->calls = g_hash_table_new_full(NULL, NULL, drop_call, NULL);
    driver->jobs = g_ptr_array_new_with_free_func(drop_job);
    driver->pool = g_thread_pool_new(call_work, NULL, WORKERS_MAX, FALSE, NULL);
    return &driver->table;
}
