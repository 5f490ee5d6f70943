/* SPDX-License-Identifier: Apache-2.0
 *
 * Sockets of the slow link.  TEXT is HOST:PORT or a path with a slash in it.  Kernel buffers are small up to some rate (0: no limit),
 * so that what waits, waits in the link. */
#pragma once

#include <stdint.h>

/* Says so on standard error, and ends the program. */
void die(const char *what, const char *detail);

/* A socket that does not block; *port is the one it got, 0 of a unix socket.  Ends the program where it cannot. */
int socket_listen(const char *text, int64_t rate_bytes_per_s, int *port);

/* A connection that does not block; -1: it was told why not. */
int socket_connect(const char *text, int64_t rate_bytes_per_s);

/* Closes with a reset: what waits is dropped. */
void socket_reset(int fd);
