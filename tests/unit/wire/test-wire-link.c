/* SPDX-License-Identifier: Apache-2.0
 *
 * Tests src/wire/wire-link.c: two ends in one process, over a pair of sockets. */
#include "wire/wire-link.h"

#include <errno.h>
#include <glib.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define TIMEOUT_MS 10000

static const uint8_t right_key[WIRE_PSK_BYTES] = {1, 2, 3, 4, 5};
static const uint8_t wrong_key[WIRE_PSK_BYTES] = {1, 2, 3, 4, 6};

typedef struct End {
    int fd;
    gboolean is_listener;
    const uint8_t *key;
    int timeout_ms;
    WireLink *link;
    int status;
} End;

static gpointer end_shake_hands(gpointer user)
{
    End *end = user;

    end->status = wire_link_new(&end->link, end->fd, end->is_listener, end->key, end->timeout_ms);
    return NULL;
}

static void shake_hands(End *source, End *destination)
{
    GThread *thread = g_thread_new("destination", end_shake_hands, destination);

    end_shake_hands(source);
    g_thread_join(thread);
}

static void ends_over(int fds[2], End *source, End *destination)
{
    *source = (End){.fd = fds[0], .is_listener = FALSE, .key = right_key, .timeout_ms = TIMEOUT_MS};
    *destination = (End){.fd = fds[1], .is_listener = TRUE, .key = right_key, .timeout_ms = TIMEOUT_MS};
}

static void ends_new(End *source, End *destination)
{
    int fds[2];

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
    ends_over(fds, source, destination);
}

static void tcp_pair(int fds[2])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(bind(listener, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(listener, 1), ==, 0);
    g_assert_cmpint(getsockname(listener, (struct sockaddr *)&address, &length), ==, 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(connect(fds[0], (struct sockaddr *)&address, length), ==, 0);
    fds[1] = accept(listener, NULL, NULL);
    g_assert_cmpint(fds[1], >=, 0);
    close(listener);
}

static void ends_connected(End *source, End *destination)
{
    ends_new(source, destination);
    shake_hands(source, destination);
    g_assert_cmpint(source->status, ==, 0);
    g_assert_cmpint(destination->status, ==, 0);
}

static void ends_free(End *source, End *destination)
{
    wire_link_free(source->link);
    wire_link_free(destination->link);
}

static int send_bytes(WireLink *link, const void *bytes, size_t length)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = length};

    return wire_link_send(link, &part, 1);
}

/* A stream of bytes that is its own reference. */
static void pattern_fill(guint8 *bytes, size_t length, guint64 from)
{
    for (size_t i = 0; i < length; i++) {
        bytes[i] = (guint8)((from + i) * 31 + (from + i) / 251);
    }
}

/* Receives 'length' bytes of the pattern in pieces of 'piece'. */
typedef struct Receiver {
    WireLink *link;
    size_t length, piece;
    int status;
    gboolean is_exact;
} Receiver;

static gpointer receive_pattern(gpointer user)
{
    Receiver *receiver = user;
    g_autofree guint8 *bytes = g_malloc(receiver->piece);
    g_autofree guint8 *want = g_malloc(receiver->piece);

    receiver->is_exact = TRUE;
    for (size_t at = 0; at < receiver->length && receiver->status == 0; at += receiver->piece) {
        size_t length = MIN(receiver->piece, receiver->length - at);

        receiver->status = wire_link_receive(receiver->link, bytes, length);
        pattern_fill(want, length, at);
        receiver->is_exact = receiver->is_exact && memcmp(bytes, want, length) == 0;
    }
    return NULL;
}

static void test_parts_arrive_in_order(void)
{
    static const size_t lengths[] = {0, 32, 1, 16384, 70000, 0, 5, 16383, 262144, 0};
    static const size_t pieces[] = {1, 977, 16384, 300000};

    for (guint piece = 0; piece < G_N_ELEMENTS(pieces); piece++) {
        struct iovec parts[G_N_ELEMENTS(lengths)];
        g_autofree guint8 *bytes = g_malloc(400000);
        Receiver receiver = {.piece = pieces[piece]};
        End source, destination;
        GThread *thread;

        ends_connected(&source, &destination);
        for (guint i = 0; i < G_N_ELEMENTS(lengths); i++) {
            parts[i] = (struct iovec){.iov_base = bytes + receiver.length, .iov_len = lengths[i]};
            receiver.length += lengths[i];
        }
        pattern_fill(bytes, receiver.length, 0);
        receiver.link = destination.link;
        thread = g_thread_new("receiver", receive_pattern, &receiver);
        g_assert_cmpint(wire_link_send(source.link, parts, G_N_ELEMENTS(lengths)), ==, 0);
        g_thread_join(thread);
        g_assert_cmpint(receiver.status, ==, 0);
        g_assert_true(receiver.is_exact);
        ends_free(&source, &destination);
    }
}

static void test_wrong_key_is_refused_by_both(void)
{
    for (guint who = 0; who < 2; who++) {
        End source, destination;

        ends_new(&source, &destination);
        *(who ? &source.key : &destination.key) = wrong_key;
        shake_hands(&source, &destination);
        g_assert_cmpint(source.status, ==, -EACCES);
        g_assert_cmpint(destination.status, ==, -EACCES);
        g_assert_null(source.link);
        g_assert_null(destination.link);
    }
}

/* A client that knows the key but speaks otherwise, in a thread of its own. */
typedef struct Stranger {
    int fd;
    const char *priorities;
    int result;
} Stranger;

static gpointer stranger_run(gpointer user)
{
    Stranger *stranger = user;
    gnutls_datum_t key = {.data = (guint8 *)(uintptr_t)right_key, .size = WIRE_PSK_BYTES};
    gnutls_psk_client_credentials_t credentials = NULL;
    gnutls_session_t session = NULL;

    g_assert_cmpint(gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL), ==, 0);
    g_assert_cmpint(gnutls_priority_set_direct(session, stranger->priorities, NULL), ==, 0);
    g_assert_cmpint(gnutls_psk_allocate_client_credentials(&credentials), ==, 0);
    g_assert_cmpint(gnutls_psk_set_client_credentials(credentials, "godwit", &key, GNUTLS_PSK_KEY_RAW), ==, 0);
    gnutls_credentials_set(session, GNUTLS_CRD_PSK, credentials);
    gnutls_transport_set_int(session, stranger->fd);
    do {
        stranger->result = gnutls_handshake(session);
    } while (stranger->result < 0 && !gnutls_error_is_fatal(stranger->result));
    gnutls_deinit(session);
    gnutls_psk_free_client_credentials(credentials);
    close(stranger->fd);
    return NULL;
}

/* The last row is let in: the others are refused for what they offer, not for how this test offers it. */
static void test_nothing_but_tls13_with_forward_secrecy(void)
{
    static const struct {
        const char *priorities;
        int status;
    } rows[] = {
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK", -EACCES},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK", -EACCES},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3", -EACCES},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:-CIPHER-ALL:+AES-128-GCM", 0},
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        Stranger stranger = {.priorities = rows[i].priorities};
        End source, destination;
        GThread *thread;

        ends_new(&source, &destination);
        stranger.fd = source.fd;
        thread = g_thread_new("stranger", stranger_run, &stranger);
        end_shake_hands(&destination);
        g_thread_join(thread);
        g_assert_cmpint(destination.status, ==, rows[i].status);
        g_assert_cmpint(stranger.result == 0, ==, rows[i].status == 0);
        wire_link_free(destination.link);
    }
}

static void test_garbage_is_refused(void)
{
    End source, destination;

    ends_new(&source, &destination);
    g_assert_cmpint(write(source.fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27), ==, 27);
    end_shake_hands(&destination);
    g_assert_cmpint(destination.status, ==, -EACCES);
    close(source.fd);
}

static void test_handshake_times_out(void)
{
    for (guint who = 0; who < 2; who++) {
        End source, destination;
        End *waiting = who ? &source : &destination;
        gint64 begun = g_get_monotonic_time();

        ends_new(&source, &destination);
        waiting->timeout_ms = 50;
        end_shake_hands(waiting);
        g_assert_cmpint(waiting->status, ==, -ETIMEDOUT);
        g_assert_cmpint(g_get_monotonic_time() - begun, >=, 49000);
        close(who ? destination.fd : source.fd);
    }
}

static void test_close_during_handshake_is_told(void)
{
    End source, destination;

    ends_new(&source, &destination);
    close(destination.fd);
    end_shake_hands(&source);
    g_assert_cmpint(source.status, ==, -ECONNRESET);
}

static void test_finish_is_the_end(void)
{
    End source, destination;
    char bytes[8];

    ends_connected(&source, &destination);
    g_assert_cmpint(send_bytes(source.link, "12345678", 8), ==, 0);
    g_assert_cmpint(wire_link_finish(source.link), ==, 0);
    g_assert_cmpint(send_bytes(source.link, "9", 1), ==, -EPIPE);
    g_assert_cmpint(wire_link_receive(destination.link, bytes, 8), ==, 0);
    g_assert_cmpmem(bytes, 8, "12345678", 8);
    g_assert_cmpint(wire_link_receive(destination.link, bytes, 1), ==, -ENODATA);

    g_assert_cmpint(send_bytes(destination.link, "back", 4), ==, 0); /* the other direction goes on */
    g_assert_cmpint(wire_link_receive(source.link, bytes, 4), ==, 0);
    g_assert_cmpmem(bytes, 4, "back", 4);
    ends_free(&source, &destination);
}

static void test_finish_inside_a_message_is_broken(void)
{
    End source, destination;
    char bytes[8];

    ends_connected(&source, &destination);
    g_assert_cmpint(send_bytes(source.link, "1234", 4), ==, 0);
    g_assert_cmpint(wire_link_finish(source.link), ==, 0);
    g_assert_cmpint(wire_link_receive(destination.link, bytes, 8), ==, -ECONNRESET);
    ends_free(&source, &destination);
}

static void test_close_without_a_word_is_broken(void)
{
    End source, destination;
    char bytes[8];

    ends_connected(&source, &destination);
    g_assert_cmpint(send_bytes(source.link, "12345678", 8), ==, 0);
    wire_link_free(source.link);
    g_assert_cmpint(wire_link_receive(destination.link, bytes, 8), ==, 0);
    g_assert_cmpint(wire_link_receive(destination.link, bytes, 1), ==, -ECONNRESET);
    wire_link_free(destination.link);
}

/* Copies from one socket to another and damages one byte after 'damage_at'. */
typedef struct Middle {
    int from, to;
    gint damage_at; /* -1: not yet */
} Middle;

static gpointer middle_run(gpointer user)
{
    Middle *middle = user;
    guint8 bytes[4096];
    ssize_t got;

    while ((got = read(middle->from, bytes, sizeof bytes)) > 0) {
        gint at = g_atomic_int_get(&middle->damage_at);

        if (at >= 0 && at < got) {
            bytes[at] ^= 1;
        }
        if (write(middle->to, bytes, (size_t)got) != got) {
            break;
        }
    }
    shutdown(middle->to, SHUT_WR);
    return NULL;
}

static void test_damage_on_the_way_is_noticed(void)
{
    int near[2], far[2];
    End source, destination;
    Middle there = {.damage_at = -1}, back = {.damage_at = -1};
    GThread *threads[2];
    char bytes[64] = {0};

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, near), ==, 0);
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, far), ==, 0);
    there.from = back.to = near[1];
    there.to = back.from = far[1];
    threads[0] = g_thread_new("there", middle_run, &there);
    threads[1] = g_thread_new("back", middle_run, &back);
    ends_over((int[]){near[0], far[0]}, &source, &destination);
    shake_hands(&source, &destination);
    g_assert_cmpint(send_bytes(source.link, "untouched", 9), ==, 0);
    g_assert_cmpint(wire_link_receive(destination.link, bytes, 9), ==, 0);
    g_atomic_int_set(&there.damage_at, 20);
    g_assert_cmpint(send_bytes(source.link, bytes, sizeof bytes), ==, 0);
    g_assert_cmpint(wire_link_receive(destination.link, bytes, 1), ==, -ECONNRESET);
    ends_free(&source, &destination);
    g_thread_join(threads[0]);
    g_thread_join(threads[1]);
    close(near[1]);
    close(far[1]);
}

/* Messages of one sender; the first bytes say whose. */
#define MESSAGES      300u
#define MESSAGE_BYTES 50000u

typedef struct Sender {
    WireLink *link;
    guint8 mark;
    int status;
} Sender;

static gpointer send_messages(gpointer user)
{
    Sender *sender = user;
    g_autofree guint8 *bytes = g_malloc(MESSAGE_BYTES);

    memset(bytes, sender->mark, MESSAGE_BYTES);
    for (guint i = 0; i < MESSAGES && sender->status == 0; i++) {
        sender->status = send_bytes(sender->link, bytes, MESSAGE_BYTES);
    }
    return NULL;
}

/* Two threads send at each end while one receives there: whole messages arrive, all of them, nobody waits for ever. */
static void test_all_directions_at_once(void)
{
    End source, destination;
    Sender senders[4];
    GThread *threads[4];
    g_autofree guint8 *bytes = g_malloc(MESSAGE_BYTES);

    ends_connected(&source, &destination);
    for (guint i = 0; i < 4; i++) {
        senders[i] = (Sender){.link = i < 2 ? source.link : destination.link, .mark = (guint8)i};
        threads[i] = g_thread_new("sender", send_messages, &senders[i]);
    }
    for (guint i = 0; i < 4 * MESSAGES; i++) {
        WireLink *link = i % 2 ? source.link : destination.link;
        guint8 mark;

        g_assert_cmpint(wire_link_receive(link, bytes, MESSAGE_BYTES), ==, 0);
        mark = bytes[0];
        g_assert_cmpuint(mark / 2, ==, i % 2);
        for (guint at = 0; at < MESSAGE_BYTES; at++) {
            g_assert_true(bytes[at] == mark);
        }
    }
    for (guint i = 0; i < 4; i++) {
        g_thread_join(threads[i]);
        g_assert_cmpint(senders[i].status, ==, 0);
    }
    ends_free(&source, &destination);
}

static void test_shutdown_wakes_everyone(void)
{
    for (guint round = 0; round < 20; round++) {
        End source, destination;
        Receiver receiver = {.length = 1, .piece = 1};
        Sender sender = {.mark = 1};
        GThread *threads[2];
        char byte;

        ends_connected(&source, &destination);
        receiver.link = sender.link = source.link;
        threads[0] = g_thread_new("receiver", receive_pattern, &receiver);
        threads[1] = g_thread_new("sender", send_messages, &sender); /* nobody reads: it gets stuck */
        g_usleep(round * 200);
        wire_link_shutdown(source.link);
        wire_link_shutdown(source.link);
        g_thread_join(threads[0]);
        g_thread_join(threads[1]);
        g_assert_cmpint(receiver.status, ==, -ECANCELED);
        g_assert_cmpint(sender.status, ==, -ECANCELED);
        g_assert_cmpint(send_bytes(source.link, "x", 1), ==, -ECANCELED);
        g_assert_cmpint(wire_link_receive(source.link, &byte, 1), ==, -ECANCELED);
        g_assert_cmpint(wire_link_finish(source.link), ==, -ECANCELED);
        ends_free(&source, &destination);
    }
}

static void test_tcp_tells_what_is_on_the_way(void)
{
    int fds[2];
    End source, destination;
    g_autofree guint8 *bytes = g_malloc(MESSAGE_BYTES);
    Sender sender = {.mark = 1};
    GThread *thread;

    tcp_pair(fds);
    ends_over(fds, &source, &destination);
    shake_hands(&source, &destination);
    g_assert_cmpint(source.status, ==, 0);
    g_assert_cmpuint(wire_link_rtt_ns(source.link), >, 0);
    sender.link = source.link;
    thread = g_thread_new("sender", send_messages, &sender);
    while (wire_link_unsent_bytes(source.link) == 0) { /* nobody reads, so it comes */
        g_usleep(100);
    }
    for (guint i = 0; i < MESSAGES; i++) {
        g_assert_cmpint(wire_link_receive(destination.link, bytes, MESSAGE_BYTES), ==, 0);
    }
    g_thread_join(thread);
    g_assert_cmpint(sender.status, ==, 0);
    while (wire_link_unsent_bytes(source.link) > 0) {
        g_usleep(100);
    }
    ends_free(&source, &destination);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/wire-link/parts-arrive-in-order", test_parts_arrive_in_order);
    g_test_add_func("/wire-link/wrong-key-is-refused-by-both", test_wrong_key_is_refused_by_both);
    g_test_add_func("/wire-link/nothing-but-tls13-with-forward-secrecy", test_nothing_but_tls13_with_forward_secrecy);
    g_test_add_func("/wire-link/garbage-is-refused", test_garbage_is_refused);
    g_test_add_func("/wire-link/handshake-times-out", test_handshake_times_out);
    g_test_add_func("/wire-link/close-during-handshake-is-told", test_close_during_handshake_is_told);
    g_test_add_func("/wire-link/finish-is-the-end", test_finish_is_the_end);
    g_test_add_func("/wire-link/finish-inside-a-message-is-broken", test_finish_inside_a_message_is_broken);
    g_test_add_func("/wire-link/close-without-a-word-is-broken", test_close_without_a_word_is_broken);
    g_test_add_func("/wire-link/damage-on-the-way-is-noticed", test_damage_on_the_way_is_noticed);
    g_test_add_func("/wire-link/all-directions-at-once", test_all_directions_at_once);
    g_test_add_func("/wire-link/shutdown-wakes-everyone", test_shutdown_wakes_everyone);
    g_test_add_func("/wire-link/tcp-tells-what-is-on-the-way", test_tcp_tells_what_is_on_the_way);
    return g_test_run();
}
