/* SPDX-License-Identifier: Apache-2.0
 *
 * What libvirt is told about a migration, and what it tells about one; with libvirt's units, which are not ours:
 *
 *     bandwidth            MiB/s, whole numbers, at the start (VIR_MIGRATE_PARAM_BANDWIDTH) as well as later
 *                          (virDomainMigrateSetMaxSpeed); there is no finer unit in any libvirt up to 11.3
 *     downtime             ms
 *     compression cache    bytes
 *     data_*, memory_*     bytes; memory_dirty_rate: pages per second
 *
 * With a relay the memory goes to a unix socket of the same path on both hosts: at the source the relay listens there, at
 * the destination QEMU does.  Found by reading libvirt 11: for a migration that may become post-copy, or that has
 * several connections, QEMU itself connects to it, as its own user, since it needs more than one connection; else
 * libvirtd does, and hands the descriptor on.  QEMU's own TLS is left out: libvirt refuses it on a unix socket unless it
 * is told a host name, and the relays encrypt what leaves the host.
 *
 * Shares are rounded down: the shares of a link together never exceed it.  At 1 Gbit/s and four migrations that is 29
 * instead of 29.8 MiB/s, less than what TCP's headers take away from the link anyway. */
#include "migrate/driver-libvirt-private.h"

#include <math.h>

#include "base/units.h"

#ifndef VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL /* of libvirt 9.4 */
#define VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL "compression.zstd.level"
#endif
#ifndef VIR_MIGRATE_PARAM_BANDWIDTH_AVAIL_SWITCHOVER /* of libvirt 11.1 */
#define VIR_MIGRATE_PARAM_BANDWIDTH_AVAIL_SWITCHOVER "bandwidth.avail.switchover"
#endif

#define ZSTD_LEVEL 1 /* the fastest: what the choice of this way reckons with */

guint64 bandwidth_mib_per_s(guint64 bytes_per_s)
{
    return bytes_per_s ? MAX(bytes_per_s / MIB, 1) : 0;
}

static const struct {
    gsize offset;
    unsigned int flag;
} FLAG_OF_OPTION[] = {
    {G_STRUCT_OFFSET(MigrateOptions, peer_to_peer), VIR_MIGRATE_PEER2PEER},
    {G_STRUCT_OFFSET(MigrateOptions, auto_converge), VIR_MIGRATE_AUTO_CONVERGE},
    {G_STRUCT_OFFSET(MigrateOptions, compressed), VIR_MIGRATE_COMPRESSED},
    {G_STRUCT_OFFSET(MigrateOptions, tls), VIR_MIGRATE_TLS},
    {G_STRUCT_OFFSET(MigrateOptions, persist), VIR_MIGRATE_PERSIST_DEST},
    {G_STRUCT_OFFSET(MigrateOptions, undefine_source), VIR_MIGRATE_UNDEFINE_SOURCE},
};

static unsigned int flags_of(const MigrationRequest *request)
{
    const MigrateOptions *options = request->options;
    unsigned int flags = VIR_MIGRATE_LIVE;

    for (gsize i = 0; i < G_N_ELEMENTS(FLAG_OF_OPTION); i++) {
        if (*(const gboolean *)((const char *)options + FLAG_OF_OPTION[i].offset)) {
            flags |= FLAG_OF_OPTION[i].flag;
        }
    }
    if (request->relay_socket) {
        flags &= ~(unsigned int)VIR_MIGRATE_TLS;
    }
    if (request->may_postcopy) {
        flags |= VIR_MIGRATE_POSTCOPY;
    }
    if (options->parallel_connections > 1) {
        flags |= VIR_MIGRATE_PARALLEL;
    }
    if (request->compressed_connections) {
        flags |= VIR_MIGRATE_PARALLEL | VIR_MIGRATE_COMPRESSED;
    }
    if (options->copy_storage != COPY_STORAGE_NONE && (!request->copy_disks || request->copy_disks->len)) {
        flags |= options->copy_storage == COPY_STORAGE_INC ? VIR_MIGRATE_NON_SHARED_INC : VIR_MIGRATE_NON_SHARED_DISK;
    }
    return flags;
}

static void add_text(DriverJob *job, int *space, const char *name, const char *value)
{
    virTypedParamsAddString(&job->params, &job->params_length, space, name, value);
}

static void add_number(DriverJob *job, int *space, const char *name, guint64 value)
{
    virTypedParamsAddULLong(&job->params, &job->params_length, space, name, value);
}

/* Where the memory should arrive.  The listening address is only set when the inventory gives a number: a name may mean
 * something else at the destination. */
static void add_address(DriverJob *job, int *space)
{
    const char *address = job->destination->config->migration_address;
    g_autofree char *uri = NULL;

    if (!address) {
        return;
    }
    uri = g_strdup_printf(strchr(address, ':') && address[0] != '[' ? "tcp://[%s]" : "tcp://%s", address);
    add_text(job, space, VIR_MIGRATE_PARAM_URI, uri);
    if (g_hostname_is_ip_address(address)) {
        add_text(job, space, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, address);
    }
}

static void add_copied_disks(DriverJob *job, int *space, GPtrArray *disks)
{
    for (guint i = 0; disks && i < disks->len; i++) {
        add_text(job, space, VIR_MIGRATE_PARAM_MIGRATE_DISKS, g_ptr_array_index(disks, i));
    }
}

static void add_relay_socket(DriverJob *job, int *space, const char *path)
{
    g_autofree char *uri = g_strconcat("unix:", path, NULL);

    add_text(job, space, VIR_MIGRATE_PARAM_URI, uri);
}

static void add_bandwidth(DriverJob *job, int *space, const MigrationRequest *request)
{
    guint64 mib_per_s = bandwidth_mib_per_s(request->bandwidth_bytes_per_s);

    if (mib_per_s) {
        add_number(job, space, VIR_MIGRATE_PARAM_BANDWIDTH, mib_per_s);
        if (request->may_postcopy) {
            add_number(job, space, VIR_MIGRATE_PARAM_BANDWIDTH_POSTCOPY, mib_per_s);
        }
    }
}

static void add_integer(DriverJob *job, int *space, const char *name, int value)
{
    virTypedParamsAddInt(&job->params, &job->params_length, space, name, value);
}

/* How pages are compressed, and over how many connections they go: by the way that was chosen, else by the options. */
static void add_compression(DriverJob *job, int *space, const MigrationRequest *request)
{
    const MigrateOptions *options = request->options;
    guint64 connections = request->compressed_connections ? request->compressed_connections
                                                          : options->parallel_connections;

    if (request->compressed_connections) {
        add_text(job, space, VIR_MIGRATE_PARAM_COMPRESSION, "zstd");
        add_integer(job, space, VIR_MIGRATE_PARAM_COMPRESSION_ZSTD_LEVEL, ZSTD_LEVEL);
    } else if (options->compressed) {
        add_text(job, space, VIR_MIGRATE_PARAM_COMPRESSION, "xbzrle");
        if (options->compression_cache_bytes) {
            add_number(job, space, VIR_MIGRATE_PARAM_COMPRESSION_XBZRLE_CACHE, options->compression_cache_bytes);
        }
    }
    if (job->flags & VIR_MIGRATE_PARALLEL) {
        add_integer(job, space, VIR_MIGRATE_PARAM_PARALLEL_CONNECTIONS, (int)MIN(connections, 255));
    }
}

void job_set_params(DriverJob *job, const MigrationRequest *request)
{
    int space = 0;

    job->flags = flags_of(request);
    if (request->relay_socket) {
        add_relay_socket(job, &space, request->relay_socket);
        if (request->switchover_bytes_per_s) {
            add_number(job, &space, VIR_MIGRATE_PARAM_BANDWIDTH_AVAIL_SWITCHOVER,
                       bandwidth_mib_per_s(request->switchover_bytes_per_s));
        }
    } else {
        add_address(job, &space);
        add_bandwidth(job, &space, request);
    }
    add_compression(job, &space, request);
    if (job->flags & (VIR_MIGRATE_NON_SHARED_DISK | VIR_MIGRATE_NON_SHARED_INC)) {
        add_copied_disks(job, &space, request->copy_disks);
    }
}

static guint64 number_of(virTypedParameterPtr params, int length, const char *name)
{
    unsigned long long value = 0;

    virTypedParamsGetULLong(params, length, name, &value);
    return value;
}

void stats_from_params(JobStats *stats, virTypedParameterPtr params, int length)
{
    unsigned long long downtime_ms = 0;

    *stats = (JobStats){.downtime_ms = NAN};
    stats->bytes_sent = number_of(params, length, VIR_DOMAIN_JOB_DATA_PROCESSED);
    stats->bytes_remaining = number_of(params, length, VIR_DOMAIN_JOB_DATA_REMAINING);
    stats->bytes_total = stats->bytes_sent + stats->bytes_remaining;
    stats->bytes_per_s =
        number_of(params, length, VIR_DOMAIN_JOB_MEMORY_BPS) + number_of(params, length, VIR_DOMAIN_JOB_DISK_BPS);
    stats->dirty_pages_per_s = number_of(params, length, VIR_DOMAIN_JOB_MEMORY_DIRTY_RATE);
    stats->page_bytes = number_of(params, length, VIR_DOMAIN_JOB_MEMORY_PAGE_SIZE);
    stats->passes = number_of(params, length, VIR_DOMAIN_JOB_MEMORY_ITERATION);
    stats->total_time_s = (double)number_of(params, length, VIR_DOMAIN_JOB_TIME_ELAPSED) / 1000;
    if (virTypedParamsGetULLong(params, length, VIR_DOMAIN_JOB_DOWNTIME, &downtime_ms) == 1) {
        stats->downtime_ms = (double)downtime_ms;
    }
}
