/* SPDX-License-Identifier: Apache-2.0
 *
 * The handshake of a WireLink: TLS 1.3, the migration's key as an external PSK (RFC 8446, section 4.2.11), and an
 * ephemeral key exchange beside it (psk_dhe_ke), so that a key that leaks later opens nothing that was recorded before.
 *
 * Nothing else is offered or taken: no other version, no certificates, no tickets, no early data.  AES-128-GCM is the
 * cipher because an external PSK is bound to SHA-256, and because it is the fastest on every server CPU of the last
 * decade. */
#include "wire/wire-link-parts.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define PRIORITIES "NONE:+VERS-TLS1.3:+ECDHE-PSK:+AES-128-GCM:+AEAD:+SHA256:+GROUP-X25519:+GROUP-SECP256R1:+SIGN-ALL"
#define IDENTITY   "godwit" /* says nothing: each migration has a key of its own */

static ssize_t push(gnutls_transport_ptr_t user, const void *bytes, size_t length)
{
    WireLink *link = user;
    size_t room = LINK_OUT_BYTES - link->out.length;

    if (room == 0) {
        gnutls_transport_set_errno(link->session, EAGAIN);
        return -1;
    }
    if (length > room) {
        length = room;
    }
    memcpy(link->out.bytes + link->out.length, bytes, length);
    link->out.length += length;
    return (ssize_t)length;
}

static ssize_t pull(gnutls_transport_ptr_t user, void *bytes, size_t length)
{
    WireLink *link = user;
    size_t waiting = link->in.length - link->in.at;

    if (waiting == 0) {
        gnutls_transport_set_errno(link->session, EAGAIN);
        return -1;
    }
    if (length > waiting) {
        length = waiting;
    }
    memcpy(bytes, link->in.bytes + link->in.at, length);
    link->in.at += length;
    return (ssize_t)length;
}

static int pull_timeout(gnutls_transport_ptr_t user, unsigned timeout_ms)
{
    WireLink *link = user;

    (void)timeout_ms;
    return link->in.length > link->in.at;
}

static int give_key(gnutls_session_t session, const char *identity, gnutls_datum_t *key)
{
    WireLink *link = gnutls_session_get_ptr(session);

    if (strcmp(identity, IDENTITY) != 0) {
        return -1;
    }
    key->data = gnutls_malloc(WIRE_PSK_BYTES);
    if (!key->data) {
        return -1;
    }
    memcpy(key->data, link->key, WIRE_PSK_BYTES);
    key->size = WIRE_PSK_BYTES;
    return 0;
}

static int set_client_key(WireLink *link)
{
    gnutls_datum_t key = {.data = link->key, .size = WIRE_PSK_BYTES};
    int result = gnutls_psk_allocate_client_credentials(&link->client);

    if (result == GNUTLS_E_SUCCESS) {
        result = gnutls_psk_set_client_credentials(link->client, IDENTITY, &key, GNUTLS_PSK_KEY_RAW);
    }
    if (result == GNUTLS_E_SUCCESS) {
        result = gnutls_credentials_set(link->session, GNUTLS_CRD_PSK, link->client);
    }
    return result;
}

static int set_server_key(WireLink *link)
{
    int result = gnutls_psk_allocate_server_credentials(&link->server);

    if (result == GNUTLS_E_SUCCESS) {
        gnutls_psk_set_server_credentials_function(link->server, give_key);
        result = gnutls_credentials_set(link->session, GNUTLS_CRD_PSK, link->server);
    }
    return result;
}

static int session_new(WireLink *link, bool is_listener)
{
    unsigned flags = GNUTLS_NONBLOCK | GNUTLS_NO_TICKETS | (is_listener ? GNUTLS_SERVER : GNUTLS_CLIENT);
    int result = gnutls_init(&link->session, flags);

    if (result != GNUTLS_E_SUCCESS) {
        return result;
    }
    gnutls_session_set_ptr(link->session, link);
    gnutls_transport_set_ptr(link->session, link);
    gnutls_transport_set_push_function(link->session, push);
    gnutls_transport_set_pull_function(link->session, pull);
    gnutls_transport_set_pull_timeout_function(link->session, pull_timeout);
    gnutls_handshake_set_timeout(link->session, GNUTLS_INDEFINITE_TIMEOUT); /* link_wait has the deadline */
    result = gnutls_priority_init(&link->priorities, PRIORITIES, NULL);
    if (result == GNUTLS_E_SUCCESS) {
        result = gnutls_priority_set(link->session, link->priorities);
    }
    if (result == GNUTLS_E_SUCCESS) {
        result = is_listener ? set_server_key(link) : set_client_key(link);
    }
    return result;
}

/* Why a handshake failed.  Whatever is wrong with what the other side says comes down to this: it could not show that
 * it knows the key. */
static int refusal(int result)
{
    switch (result) {
    case GNUTLS_E_MEMORY_ERROR:
        return -ENOMEM;
    case GNUTLS_E_PUSH_ERROR:
    case GNUTLS_E_PULL_ERROR:
    case GNUTLS_E_PREMATURE_TERMINATION:
    case GNUTLS_E_SESSION_EOF:
        return -ECONNRESET;
    default:
        return -EACCES;
    }
}

static int handshake(WireLink *link, int64_t deadline_ms)
{
    for (;;) {
        int result = gnutls_handshake(link->session);
        int status;

        if (result < 0 && gnutls_error_is_fatal(result)) {
            gnutls_alert_send_appropriate(link->session, result);
            link_flush(link, deadline_ms); /* so that the other side knows at once; it does not matter if it does not */
            return refusal(result);
        }
        status = link_flush(link, deadline_ms);
        if (status != 0 || result == GNUTLS_E_SUCCESS) {
            return status;
        }
        if (link->in.at == link->in.length) {
            status = link_fill(link, deadline_ms);
            if (status != 0) {
                return status;
            }
        }
    }
}

int link_shake_hands(WireLink *link, bool is_listener, int64_t deadline_ms)
{
    int result = session_new(link, is_listener);
    int status;

    if (result != GNUTLS_E_SUCCESS) {
        return result == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -ENOTSUP;
    }
    status = handshake(link, deadline_ms);
    if (status == 0 && (gnutls_protocol_get_version(link->session) != GNUTLS_TLS1_3 ||
                        gnutls_kx_get(link->session) != GNUTLS_KX_ECDHE_PSK)) {
        status = -EACCES; /* cannot be, by the priorities; but then nothing of a guest must be sent */
    }
    return status;
}
