/* SPDX-License-Identifier: Apache-2.0
 *
 * WireLink: sending, receiving and closing.  The theory of operation is in wire-link-parts.h. */
#include "wire/wire-link-parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* What the kernel may hold that TCP is not yet allowed to send: it is waiting time that nobody can take back. */
#define NOTSENT_BYTES (64 * 1024)

int64_t link_now_ms(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int link_wait(WireLink *link, short events, int64_t deadline_ms)
{
    struct pollfd fd = {.fd = link->fd, .events = events};
    int ready;

    do {
        int timeout_ms = -1;

        if (deadline_ms != LINK_NO_DEADLINE) {
            int64_t left_ms = deadline_ms - link_now_ms();

            timeout_ms = left_ms > 0 ? (int)left_ms : 0;
        }
        ready = poll(&fd, 1, timeout_ms);
    } while (ready < 0 && errno == EINTR);
    if (atomic_load(&link->is_shut_down)) {
        return -ECANCELED;
    }
    return ready > 0 ? 0 : ready == 0 ? -ETIMEDOUT : -errno;
}

/* A system call on the socket failed: 0 when it may be tried again. */
static int after_failure(WireLink *link, short events, int64_t deadline_ms)
{
    switch (errno) {
    case EINTR:
        return 0;
    case EAGAIN:
        return link_wait(link, events, deadline_ms);
    case EPIPE:
        return atomic_load(&link->is_shut_down) ? -ECANCELED : -ECONNRESET;
    default:
        return -errno;
    }
}

int link_flush(WireLink *link, int64_t deadline_ms)
{
    LinkBuffer *flushing = &link->flushing;

    pthread_mutex_lock(&link->tls_mutex);
    LinkBuffer empty = *flushing;
    *flushing = link->out;
    link->out = empty;
    pthread_mutex_unlock(&link->tls_mutex);

    while (flushing->at < flushing->length) {
        ssize_t sent = send(link->fd, flushing->bytes + flushing->at, flushing->length - flushing->at, MSG_NOSIGNAL);
        int status = sent < 0 ? after_failure(link, POLLOUT, deadline_ms) : 0;

        if (status != 0) {
            return status;
        }
        flushing->at += sent > 0 ? (size_t)sent : 0;
    }
    flushing->at = flushing->length = 0;
    return 0;
}

int link_fill(WireLink *link, int64_t deadline_ms)
{
    for (;;) {
        ssize_t got = recv(link->fd, link->in.bytes, LINK_IN_BYTES, 0);
        int status = got < 0 ? after_failure(link, POLLIN, deadline_ms) : 0;

        if (status != 0) {
            return status;
        }
        if (got == 0) {
            return atomic_load(&link->is_shut_down) ? -ECANCELED : -ECONNRESET;
        }
        if (got > 0) {
            link->in.at = 0;
            link->in.length = (size_t)got;
            return 0;
        }
    }
}

static void prepare_socket(int fd)
{
    int one = 1;
    int notsent_bytes = NOTSENT_BYTES;

    /* Both fail on sockets that are not TCP's, and are not missed there. */
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent_bytes, sizeof notsent_bytes);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static WireLink *link_on(int fd)
{
    WireLink *link = calloc(1, sizeof *link);

    if (!link) {
        close(fd);
        return NULL;
    }
    link->fd = fd;
    pthread_mutex_init(&link->tls_mutex, NULL);
    pthread_mutex_init(&link->send_mutex, NULL);
    link->out.bytes = malloc(LINK_OUT_BYTES);
    link->flushing.bytes = malloc(LINK_OUT_BYTES);
    link->in.bytes = malloc(LINK_IN_BYTES);
    link->staging = malloc(LINK_RECORD_BYTES);
    if (!link->out.bytes || !link->flushing.bytes || !link->in.bytes || !link->staging) {
        wire_link_free(link);
        return NULL;
    }
    prepare_socket(fd);
    return link;
}

int wire_link_new(WireLink **link, int fd, bool is_listener, const uint8_t key[WIRE_PSK_BYTES], int timeout_ms)
{
    WireLink *made = link_on(fd);
    int status;

    *link = NULL;
    if (!made) {
        return -ENOMEM;
    }
    memcpy(made->key, key, WIRE_PSK_BYTES);
    status = link_shake_hands(made, is_listener, link_now_ms() + timeout_ms);
    explicit_bzero(made->key, WIRE_PSK_BYTES);
    if (status != 0) {
        wire_link_free(made);
        return status;
    }
    *link = made;
    return 0;
}

/* Where in the parts a send is. */
typedef struct Cursor {
    const struct iovec *parts;
    size_t parts_length;
    size_t at; /* within parts[0] */
} Cursor;

static void cursor_settle(Cursor *cursor)
{
    while (cursor->parts_length > 0 && cursor->at == cursor->parts[0].iov_len) {
        cursor->parts++;
        cursor->parts_length--;
        cursor->at = 0;
    }
}

static size_t cursor_take(Cursor *cursor, size_t length_max, const uint8_t **bytes)
{
    size_t left = cursor->parts[0].iov_len - cursor->at;
    size_t length = left < length_max ? left : length_max;

    *bytes = (const uint8_t *)cursor->parts[0].iov_base + cursor->at;
    cursor->at += length;
    cursor_settle(cursor);
    return length;
}

/* The bytes of the next record: in place where a part fills it, else gathered from several parts. */
static size_t next_record(WireLink *link, Cursor *cursor, const uint8_t **bytes)
{
    size_t length = cursor_take(cursor, LINK_RECORD_BYTES, bytes);

    if (length == LINK_RECORD_BYTES || cursor->parts_length == 0) {
        return length;
    }
    memcpy(link->staging, *bytes, length);
    while (length < LINK_RECORD_BYTES && cursor->parts_length > 0) {
        const uint8_t *more = NULL;
        size_t more_length = cursor_take(cursor, LINK_RECORD_BYTES - length, &more);

        memcpy(link->staging + length, more, more_length);
        length += more_length;
    }
    *bytes = link->staging;
    return length;
}

/* Encrypts one record into 'out'; GnuTLS remembers what did not fit. */
static int encrypt_record(WireLink *link, const uint8_t *bytes, size_t length)
{
    ssize_t sent = gnutls_record_send(link->session, bytes, length);

    while (sent == GNUTLS_E_AGAIN || sent == GNUTLS_E_INTERRUPTED) {
        int status;

        pthread_mutex_unlock(&link->tls_mutex);
        status = link_flush(link, LINK_NO_DEADLINE);
        pthread_mutex_lock(&link->tls_mutex);
        if (status != 0) {
            return status;
        }
        sent = gnutls_record_send(link->session, NULL, 0);
    }
    return sent == (ssize_t)length ? 0 : sent == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -ECONNRESET;
}

static int encrypt_some(WireLink *link, Cursor *cursor)
{
    int status = 0;

    pthread_mutex_lock(&link->tls_mutex);
    while (status == 0 && cursor->parts_length > 0 && link->out.length < LINK_FLUSH_BYTES) {
        const uint8_t *bytes = NULL;
        size_t length = next_record(link, cursor, &bytes);

        status = encrypt_record(link, bytes, length);
    }
    pthread_mutex_unlock(&link->tls_mutex);
    return status;
}

int wire_link_send(WireLink *link, const struct iovec *parts, size_t parts_length)
{
    Cursor cursor = {.parts = parts, .parts_length = parts_length};
    int status;

    pthread_mutex_lock(&link->send_mutex);
    status = atomic_load(&link->is_shut_down) ? -ECANCELED : link->send_status;
    cursor_settle(&cursor);
    while (status == 0 && cursor.parts_length > 0) {
        status = encrypt_some(link, &cursor);
        if (status == 0) {
            status = link_flush(link, LINK_NO_DEADLINE);
        }
    }
    link->send_status = status; /* part of a frame may be out: nothing sensible can follow it */
    pthread_mutex_unlock(&link->send_mutex);
    return status;
}

int wire_link_finish(WireLink *link)
{
    int status;

    pthread_mutex_lock(&link->send_mutex);
    status = atomic_load(&link->is_shut_down) ? -ECANCELED : link->send_status;
    if (status == 0) {
        int result;

        pthread_mutex_lock(&link->tls_mutex);
        result = gnutls_bye(link->session, GNUTLS_SHUT_WR);
        pthread_mutex_unlock(&link->tls_mutex);
        status = result == GNUTLS_E_SUCCESS ? link_flush(link, LINK_NO_DEADLINE) : -ECONNRESET;
    }
    if (link->send_status == 0) {
        link->send_status = status != 0 ? status : -EPIPE;
    }
    pthread_mutex_unlock(&link->send_mutex);
    return status;
}

/* Decrypts up to 'length' bytes.  Their number; 0: read more from the socket first; -ENODATA: the other side has
 * finished. */
static ssize_t decrypt_some(WireLink *link, uint8_t *bytes, size_t length)
{
    ssize_t got;

    pthread_mutex_lock(&link->tls_mutex);
    do {
        got = gnutls_record_recv(link->session, bytes, length);
    } while (got == GNUTLS_E_INTERRUPTED || (got == GNUTLS_E_AGAIN && link->in.at < link->in.length));
    pthread_mutex_unlock(&link->tls_mutex);
    switch (got) {
    case 0:
        return -ENODATA;
    case GNUTLS_E_AGAIN:
        return 0;
    case GNUTLS_E_MEMORY_ERROR:
        return -ENOMEM;
    default:
        return got > 0 ? got : -ECONNRESET;
    }
}

int wire_link_receive(WireLink *link, void *bytes, size_t length)
{
    size_t at = 0;

    while (at < length) {
        ssize_t got =
            atomic_load(&link->is_shut_down) ? -ECANCELED : decrypt_some(link, (uint8_t *)bytes + at, length - at);

        if (got == 0) {
            got = link_fill(link, LINK_NO_DEADLINE);
        }
        if (got < 0) {
            return got == -ENODATA && at > 0 ? -ECONNRESET : (int)got;
        }
        at += (size_t)got;
    }
    return 0;
}

void wire_link_shutdown(WireLink *link)
{
    atomic_store(&link->is_shut_down, true);
    shutdown(link->fd, SHUT_RDWR);
}

uint64_t wire_link_unsent_bytes(WireLink *link)
{
    int bytes = 0;

    return ioctl(link->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0;
}

uint64_t wire_link_rtt_ns(WireLink *link)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;

    return getsockopt(link->fd, IPPROTO_TCP, TCP_INFO, &info, &length) == 0 ? (uint64_t)info.tcpi_rtt * 1000 : 0;
}

void wire_link_free(WireLink *link)
{
    if (!link) {
        return;
    }
    if (link->session) {
        gnutls_deinit(link->session);
    }
    if (link->client) {
        gnutls_psk_free_client_credentials(link->client);
    }
    if (link->server) {
        gnutls_psk_free_server_credentials(link->server);
    }
    if (link->priorities) {
        gnutls_priority_deinit(link->priorities);
    }
    close(link->fd);
    pthread_mutex_destroy(&link->tls_mutex);
    pthread_mutex_destroy(&link->send_mutex);
    free(link->out.bytes);
    free(link->flushing.bytes);
    free(link->in.bytes);
    free(link->staging);
    explicit_bzero(link, sizeof *link);
    free(link);
}
