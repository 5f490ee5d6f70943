/* SPDX-License-Identifier: Apache-2.0
 *
 * Inside of WireLink: shared by wire-link.c (sending and receiving) and wire-link-hands.c (shaking hands).
 *
 * theory of operation
 *
 *     wire_link_send    -> GnuTLS -> out ---swap---> flushing -> socket
 *     wire_link_receive <- GnuTLS <- in  <----------------------- socket
 *
 * GnuTLS promises that one thread may send while another receives, but its own change of keys after 2^24 records breaks
 * that (256 GiB of full records: a large guest on a busy day).  So GnuTLS never touches the socket here: it is called
 * under 'tls_mutex', for some microseconds each time, and reads and writes only our buffers.  Whoever waits for the
 * socket holds 'send_mutex' or nothing, never 'tls_mutex'; therefore a full socket in one direction does not hold up
 * the other one.
 *
 * Two records are encrypted and written at once: one costs a fifth more of the sender's core (a system call for each),
 * four or eight some per cent more (out of the core's cache); bench/wire-link-bench.c, 128 KiB a message. */
#pragma once

#include "wire/wire-link.h"

#include <gnutls/gnutls.h>
#include <pthread.h>
#include <stdatomic.h>

#define LINK_RECORD_BYTES 16384u                  /* TLS allows no more */
#define LINK_FLUSH_BYTES  (2 * LINK_RECORD_BYTES) /* encrypted and written at once: stays in a core's cache */
/* Room for what records carry beside, and for TLS's own. */
#define LINK_OUT_BYTES (LINK_FLUSH_BYTES + LINK_RECORD_BYTES)
#define LINK_IN_BYTES  (16 * LINK_RECORD_BYTES)

typedef struct LinkBuffer {
    uint8_t *bytes;
    size_t at, length; /* bytes[at .. length) are waiting */
} LinkBuffer;

struct WireLink {
    int fd; /* non-blocking */
    atomic_bool is_shut_down;

    pthread_mutex_t tls_mutex;
    gnutls_session_t session;
    LinkBuffer out; /* [LINK_OUT_BYTES], filled by GnuTLS */

    pthread_mutex_t send_mutex;
    LinkBuffer flushing; /* [LINK_OUT_BYTES] */
    uint8_t *staging;    /* [LINK_RECORD_BYTES]: small parts become one record */
    int send_status;     /* what broke sending; 0 */

    LinkBuffer in; /* [LINK_IN_BYTES]: the receiving thread only */

    gnutls_psk_client_credentials_t client;
    gnutls_psk_server_credentials_t server;
    gnutls_priority_t priorities;
    uint8_t key[WIRE_PSK_BYTES]; /* zeros after the handshake */
};

#define LINK_NO_DEADLINE (-1)

int64_t link_now_ms(void);

/* Waits until the socket allows 'events'.  0, -ETIMEDOUT, -ECANCELED (wire_link_shutdown), ... */
int link_wait(WireLink *link, short events, int64_t deadline_ms);

/* What GnuTLS has put into 'out' goes to the socket.  Under send_mutex, not under tls_mutex. */
int link_flush(WireLink *link, int64_t deadline_ms);

/* Reads from the socket into 'in', which is empty.  0; -ECONNRESET: the other side closed the connection. */
int link_fill(WireLink *link, int64_t deadline_ms);

/* Makes the session over the buffers and shakes hands. */
int link_shake_hands(WireLink *link, bool is_listener, int64_t deadline_ms);
