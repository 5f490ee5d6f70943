/* SPDX-License-Identifier: Apache-2.0
 *
 * WireLink: one TCP connection between two relays, under TLS 1.3 with a pre-shared key.
 *
 * One thread may receive while others send; sends are whole (never interleaved).  Nothing of the key is ever printed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "wire/wire-limits.h"

typedef struct WireLink WireLink;

/* Takes the connected socket 'fd' (also on failure) and shakes hands within 'timeout_ms': proves to the other side that
 * we know 'key', and that it does.  0, -ETIMEDOUT, -EACCES (the other side does not know the key), -ECONNRESET,
 * -ENOMEM, ... */
int wire_link_new(WireLink **link, int fd, bool is_listener, const uint8_t key[WIRE_PSK_BYTES], int timeout_ms);

/* Sends all bytes of 'parts', in order, as one unit.  0, or a negative errno: the link is broken.  Any thread. */
int wire_link_send(WireLink *link, const struct iovec *parts, size_t parts_length);

/* Receives exactly 'length' bytes.  0; -ENODATA: the other side closed properly before the first byte; -ECONNRESET and
 * others: broken, also when it closed without saying so.  One thread. */
int wire_link_receive(WireLink *link, void *bytes, size_t length);

/* Ends it both ways at once: whoever waits in send or receive returns with an error.  Any thread, any number of times.
 */
void wire_link_shutdown(WireLink *link);

/* Says that nothing more will be sent (TLS close_notify). */
int wire_link_finish(WireLink *link);

/* Bytes in the kernel's send buffer that the other host has not acknowledged, and the smoothed round trip in ns as TCP
 * sees it; 0 unknown. */
uint64_t wire_link_unsent_bytes(WireLink *link);
uint64_t wire_link_rtt_ns(WireLink *link);

/* After no thread uses it any more.  NULL is fine. */
void wire_link_free(WireLink *link);
