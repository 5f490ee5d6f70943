/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of a relay: QEMU's unix socket and the TCP connections to the other relay.
 *
 * All return a file descriptor (close on exec) or a negative errno; where there is a 'message' it gets a sentence: what, where, what to do. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "wire/relay.h"

/* The clock of everything in a relay: monotonic, ns. */
uint64_t relay_now_ns(void);

/* Listens for QEMU at 'path', 0600, owned by 'owner' (NULL: us).  Refused in a directory in which others may write.  A socket on which
 * nobody listens any more is replaced. */
int relay_listen_unix(const char *path, const char *owner, char message[RELAY_MESSAGE_BYTES]);

/* The next connection; others than root, us and 'owner' are turned away (-EACCES). -EAGAIN: none. */
int relay_accept_unix(int listen_fd, const char *owner);

/* One try. -ENOENT, -ECONNREFUSED: QEMU does not listen yet. */
int relay_connect_unix(const char *path);

/* 'address' is HOST:PORT or [HOST]:PORT.  *port is the one that was got. */
int relay_listen_tcp(const char *address, uint16_t *port, char message[RELAY_MESSAGE_BYTES]);
int relay_accept_tcp(int listen_fd);

#define RELAY_PATIENCE_S        10u /* with a silent host or relay: then it is dead */
#define RELAY_PATIENCE_DEVICE_S 60u /* in postcopy-device; see relay-watch.c */

/* The connection breaks when nothing has been heard for so long.  Connections begin with RELAY_PATIENCE_S. */
void relay_set_patience(int fd, unsigned seconds);

/* Waits at most timeout_ms. */
int relay_connect_tcp(const char *address, int timeout_ms, char message[RELAY_MESSAGE_BYTES]);

/* 0 or a negative errno: whether 'address' looks like HOST:PORT. */
int relay_address_check(const char *address);

/* Writes all; 0 or a negative errno. */
int relay_write_all(int fd, const void *bytes, size_t length);
