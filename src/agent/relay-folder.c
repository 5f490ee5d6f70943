/* SPDX-License-Identifier: Apache-2.0
 *
 * Private folders of relays; see relay-folder.h. */
#include "agent/relay-folder.h"

#include "base/error.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX     "relay-"
#define GANG       "gang-"
#define JOINS_MOST 5
#define NEW_PREFIX ".new-"
#define HEX_LEAST  8
#define HEX_MOST   32

static gboolean is_name(const char *name, const char *prefix)
{
    gsize digits;

    if (!g_str_has_prefix(name, prefix)) {
        return FALSE;
    }
    digits = strspn(name + strlen(prefix), "0123456789abcdef");
    return name[strlen(prefix) + digits] == '\0' && digits >= HEX_LEAST && digits <= HEX_MOST;
}

gboolean relay_folder_name_is_right(const char *name)
{
    return is_name(name, PREFIX);
}

static gboolean fail(GError **error, const char *path)
{
    int number = errno;

    g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_FAILED, "the relay's folder %s: %s", path, g_strerror(number));
    return FALSE;
}

/* Others may pass through it and see nothing. */
static gboolean make_root(const char *root, GError **error)
{
    struct stat status;

    if (g_mkdir_with_parents(root, 0711) < 0 || lstat(root, &status) < 0) {
        return fail(error, root);
    }
    if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 022)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED,
                    "%s must be a folder of user %u that nobody else can write to", root, geteuid());
        return FALSE;
    }
    return TRUE;
}

/* A descriptor of the folder at 'path', locked; -1 when somebody else holds it or it is gone. */
static int lock_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Locked and owned before it gets its name. */
static int prepare(const char *new_path, const char *path, uid_t owner, GError **error)
{
    int fd;

    if (mkdir(new_path, 0700) < 0) {
        fail(error, new_path);
        return -1;
    }
    fd = lock_folder(new_path);
    if (fd < 0 || (owner != geteuid() && fchown(fd, owner, (gid_t)-1) < 0) || rename(new_path, path) < 0) {
        fail(error, path);
        rmdir(new_path);
        if (fd >= 0) {
            close(fd);
        }
        return -1;
    }
    return fd;
}

char *relay_folder_make(const char *root, const char *name, uid_t owner, int *lock_fd, GError **error)
{
    g_autofree char *path = g_build_filename(root, name, NULL);
    g_autofree char *new_name = g_strconcat(NEW_PREFIX, name, NULL);
    g_autofree char *new_path = g_build_filename(root, new_name, NULL);

    if (!relay_folder_name_is_right(name)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is no name of a relay's folder", name);
        return NULL;
    }
    if (!make_root(root, error)) {
        return NULL;
    }
    if (g_file_test(path, G_FILE_TEST_EXISTS)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_REFUSED, "%s is there already", path);
        return NULL;
    }
    *lock_fd = prepare(new_path, path, owner, error);
    return *lock_fd >= 0 ? g_steal_pointer(&path) : NULL;
}

/* Whether 'fd' is still what 'path' names: nobody swept it before it was locked. */
static gboolean is_at(int fd, const char *path)
{
    struct stat opened;
    struct stat named;

    return fstat(fd, &opened) == 0 && lstat(path, &named) == 0 && opened.st_ino == named.st_ino &&
           opened.st_dev == named.st_dev;
}

int relay_folder_join_gang(const char *root, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(root, name, NULL);

    if (!is_name(name, GANG)) {
        g_set_error(error, GODWIT_ERROR, GODWIT_ERROR_INPUT, "'%s' is no name of a gang's folder", name);
        return -1;
    }
    if (!make_root(root, error)) {
        return -1;
    }
    for (int i = 0; i < JOINS_MOST; i++) {
        int fd;

        mkdir(path, 0700); /* there already: joined */
        fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0 && is_at(fd, path)) {
            return fd;
        }
        if (fd >= 0) {
            close(fd);
        }
    }
    fail(error, path);
    return -1;
}

void relay_folder_remove(const char *path)
{
    g_autoptr(GDir) folder = g_dir_open(path, 0, NULL);
    const char *name = NULL;

    while (folder && (name = g_dir_read_name(folder))) {
        g_autofree char *file = g_build_filename(path, name, NULL);

        unlink(file);
    }
    if (folder && rmdir(path) < 0) {
        log_info("the relay's folder %s stays: %s", path, g_strerror(errno));
    }
}

guint relay_folders_sweep(const char *root)
{
    g_autoptr(GDir) folder = g_dir_open(root, 0, NULL);
    const char *name = NULL;
    guint removed = 0;

    while (folder && (name = g_dir_read_name(folder))) {
        const char *plain = g_str_has_prefix(name, NEW_PREFIX) ? name + strlen(NEW_PREFIX) : name;
        g_autofree char *path = g_build_filename(root, name, NULL);
        int fd = relay_folder_name_is_right(plain) || is_name(name, GANG) ? lock_folder(path) : -1;

        if (fd >= 0) {
            relay_folder_remove(path);
            close(fd);
            removed++;
        }
    }
    return removed;
}
