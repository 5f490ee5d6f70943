/* SPDX-License-Identifier: Apache-2.0
 *
 * The private folders of relays: one for one migration, with the socket that QEMU and the relay meet at.
 *
 *     ROOT/relay-0123456789abcdef/vm.sock        ROOT 0711, the folder 0700 and QEMU's, so that QEMU reaches the socket
 *
 * Theory of operation.  A folder is in use as long as somebody holds the lock that relay_folder_make has taken; the
 * lock's descriptor is handed to the relay, so it lives and dies with the relay, also when the agent is long gone.  A
 * folder whose lock is free belongs to nobody: relay_folders_sweep removes it.  A new folder gets its name only once it
 * is locked, so that nobody sweeps it before. */
#pragma once

#include <glib.h>
#include <sys/types.h>

/* Makes 'root' if need be, and the folder 'name' in it, owned by 'owner'.  '*lock_fd' keeps it until all copies of the
 * descriptor are closed.  Returns its path, which the caller frees. */
char *relay_folder_make(const char *root, const char *name, uid_t owner, int *lock_fd, GError **error);

/* Names that relay_folder_make takes: "relay-" and 8 to 32 hexadecimal digits. */
gboolean relay_folder_name_is_right(const char *name);

/* The folder of a gang, "gang-" and such digits, which several relays share: made unless it is there, ours, 0700.  It is
 * in use as long as one copy of any descriptor is open that this has returned; -1 with an error. */
int relay_folder_join_gang(const char *root, const char *name, GError **error);

/* With what is in it.  One that is not there is fine. */
void relay_folder_remove(const char *path);

/* Removes the folders in 'root' that nobody holds; returns how many. */
guint relay_folders_sweep(const char *root);
