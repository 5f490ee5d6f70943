/* SPDX-License-Identifier: Apache-2.0
 *
 * Files and devices as a host sees them, through libvirt's storage driver.
 *
 * libvirt looks at files only inside storage pools.  A path that some pool of the host already covers is looked up
 * there.  For another one a pool of type "dir" is made for its directory, refreshed, asked, and taken away again: it
 * has no definition and touches nothing on the disk.  A device node, or a host without a storage driver, is
 * FILE_STATE_UNKNOWN; then libvirt's own check at the start of the migration decides.
 *
 * Rejected: asking the VM (virDomainGetBlockInfo) knows only the source's files; running `stat` there would need a way
 * in that a plain libvirt host does not give. */
#include "migrate/driver-libvirt-private.h"

#include <string.h>

#include "base/error.h"
#include "base/units.h"

typedef struct FilesCall {
    Call call;
    char **paths;
    FileFacts *files;
    DriverFilesFunc done;
    gpointer user;
} FilesCall;

NAMED_ENUM_DEFINE(FileState, file_state, FILE_STATES)

/* The time of the last change of the inode: <ctime>SECONDS.NANOSECONDS</ctime> in the volume's XML. */
static gint64 change_time_ns(virStorageVolPtr volume)
{
    char *xml = virStorageVolGetXMLDesc(volume, 0);
    const char *text = xml ? strstr(xml, "<ctime>") : NULL;
    gint64 seconds = 0;
    gint64 nanoseconds = 0;

    if (text) {
        char *rest = NULL;

        seconds = g_ascii_strtoll(text + strlen("<ctime>"), &rest, 10);
        nanoseconds = *rest == '.' ? g_ascii_strtoll(rest + 1, NULL, 10) : 0;
    }
    free(xml);
    return seconds * NS_PER_S + nanoseconds;
}

static void read_volume(FileFacts *file, virStorageVolPtr volume)
{
    virStorageVolInfo info;

    file->state = FILE_STATE_PRESENT;
    if (virStorageVolGetInfo(volume, &info) == 0) {
        file->size_bytes = info.capacity;
    }
    file->changed_ns = change_time_ns(volume);
}

static void read_space(FileFacts *file, virStoragePoolPtr pool)
{
    virStoragePoolInfo info;

    if (virStoragePoolGetInfo(pool, &info) == 0) {
        file->space_bytes = info.available;
    }
}

/* What 'pool', whose directory holds 'path', knows of it. */
static void ask_pool(FileFacts *file, virStoragePoolPtr pool, const char *path, FileState when_absent)
{
    g_autofree char *name = g_path_get_basename(path);
    virStorageVolPtr volume;

    virStoragePoolRefresh(pool, 0); /* when it fails, what the pool knew before is still an answer */
    volume = virStorageVolLookupByName(pool, name);
    file->state = when_absent;
    read_space(file, pool);
    if (volume) {
        read_volume(file, volume);
        virStorageVolFree(volume);
    }
}

static virStoragePoolPtr make_pool(virConnectPtr connection, const char *directory)
{
    g_autofree char *name = g_strdup_printf("godwit-check-%08x", g_random_int());
    g_autofree char *xml = g_markup_printf_escaped(
        "<pool type='dir'><name>%s</name><target><path>%s</path></target></pool>", name, directory);

    return virStoragePoolCreateXML(connection, xml, VIR_STORAGE_POOL_CREATE_NORMAL);
}

static gboolean is_missing_directory(void)
{
    virErrorPtr last = virGetLastError();

    return last && last->code == VIR_ERR_SYSTEM_ERROR && last->int1 == ENOENT;
}

static void look_at(FileFacts *file, virConnectPtr connection, const char *path)
{
    g_autofree char *directory = g_path_get_dirname(path);
    virStoragePoolPtr pool;

    if (g_str_has_prefix(path, "/dev/")) {
        return;
    }
    pool = virStoragePoolLookupByTargetPath(connection, directory);
    if (pool) {
        ask_pool(file, pool, path, FILE_STATE_CREATABLE);
        virStoragePoolFree(pool);
        return;
    }
    pool = make_pool(connection, directory);
    if (!pool) {
        file->state = is_missing_directory() ? FILE_STATE_ABSENT : FILE_STATE_UNKNOWN;
        return;
    }
    ask_pool(file, pool, path, FILE_STATE_ABSENT);
    virStoragePoolDestroy(pool);
    virStoragePoolFree(pool);
}

static void run_files(Call *call, virConnectPtr connection, GError **error)
{
    FilesCall *self = (FilesCall *)call;

    for (guint i = 0; self->paths[i]; i++) {
        look_at(&self->files[i], connection, self->paths[i]);
        forget_libvirt_error();
    }
    if (virConnectIsAlive(connection) != 1) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_LOST, "host %s: the connection ended", call->link->config->name);
    }
}

static void deliver_files(Call *call, const GError *error)
{
    FilesCall *self = (FilesCall *)call;

    self->done(error ? NULL : self->files, error, self->user);
}

static void clear_files(Call *call)
{
    g_strfreev(((FilesCall *)call)->paths);
    g_free(((FilesCall *)call)->files);
}

void libvirt_check_files(Driver *driver, const char *host, const char *const *paths, DriverFilesFunc done,
                         gpointer user)
{
    FilesCall *self = g_new0(FilesCall, 1);

    self->call = (Call){.run = run_files, .deliver = deliver_files, .clear = clear_files};
    self->paths = g_strdupv((char **)paths);
    self->files = g_new0(FileFacts, g_strv_length(self->paths) + 1);
    self->done = done;
    self->user = user;
    call_start(&self->call, (LibvirtDriver *)driver, host);
}
