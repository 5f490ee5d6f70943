/* SPDX-License-Identifier: Apache-2.0
 *
 * Two relays in one process, and two fake QEMUs at their ends, for tests.
 *
 *     FakeMigration fake;
 *     fake_start(&fake, NULL);                  both relays run, each in a thread
 *     fake_connect(&fake, 2);                   the source's QEMU opens two connections
 *     ...write to fake.src[i], read from fake.dst[i]...
 *     fake_end(&fake);                          waits for both relays; statuses are in fake.status
 *
 * The relays' links go through a wire of the test's own (fake_wire), that can be cut. */
#pragma once

#include "wire/relay.h"

#include <glib.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define FAKE_CHANNELS_MAX 4
#define FAKE_LONG_S       30 /* nothing here may take so long */

typedef struct FakeMigration {
    char *directory, *src_path, *dst_path, *wire_address;
    RelayConfig config[2]; /* of RelaySide */
    Relay *relay[2];
    GThread *thread[2];
    int status[2];
    int events_fd[2]; /* read end */
    char *events[2];  /* after fake_end */
    int listen_fd;    /* of the destination's QEMU */
    int src[FAKE_CHANNELS_MAX], dst[FAKE_CHANNELS_MAX];
    guint channels;
    /* the wire */
    int wire_listen_fd;
    guint16 wire_port; /* of the destination relay */
    GThread *wire;
    atomic_int wire_fds[2 * FAKE_CHANNELS_MAX * 2];
    atomic_int wire_fds_length;
    atomic_bool wire_stops;
    GPtrArray *wire_threads;
} FakeMigration;

static inline void fake_unix_address(const char *path, struct sockaddr_un *address)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    g_strlcpy(address->sun_path, path, sizeof address->sun_path);
}

/* One direction of one connection, until its end. */
typedef struct FakeCopy {
    int from, to;
} FakeCopy;

static inline gpointer fake_copy_main(gpointer user)
{
    FakeCopy *copy = user;
    char bytes[65536];
    gssize got;

    while ((got = recv(copy->from, bytes, sizeof bytes, 0)) > 0) {
        for (gssize at = 0; at < got;) {
            gssize sent = send(copy->to, bytes + at, (gsize)(got - at), MSG_NOSIGNAL);
            if (sent <= 0) {
                shutdown(copy->from, SHUT_RDWR);
                break;
            }
            at += sent;
        }
    }
    shutdown(copy->to, got < 0 ? SHUT_RDWR : SHUT_WR);
    g_free(copy);
    return NULL;
}

static inline void fake_copy(FakeMigration *fake, int from, int to)
{
    FakeCopy *copy = g_new0(FakeCopy, 1);

    *copy = (FakeCopy){from, to};
    g_ptr_array_add(fake->wire_threads, g_thread_new("copy", fake_copy_main, copy));
}

static inline gpointer fake_wire_main(gpointer user)
{
    FakeMigration *fake = user;
    struct pollfd poll_fd = {.fd = fake->wire_listen_fd, .events = POLLIN};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                             .sin_port = htons(fake->wire_port)};

    while (!fake->wire_stops) {
        int near = poll(&poll_fd, 1, 5) == 1 ? accept(fake->wire_listen_fd, NULL, NULL) : -1;

        if (near >= 0) {
            int far = socket(AF_INET, SOCK_STREAM, 0);
            int at = fake->wire_fds_length;

            g_assert_cmpint(connect(far, (struct sockaddr *)&to, sizeof to), ==, 0);
            fake->wire_fds[at] = near;
            fake->wire_fds[at + 1] = far;
            fake->wire_fds_length = at + 2;
            fake_copy(fake, near, far);
            fake_copy(fake, far, near);
        }
    }
    return NULL;
}

/* The link between the hosts breaks. */
static inline void fake_cut_wire(FakeMigration *fake)
{
    for (int i = 0; i < fake->wire_fds_length; i++) {
        shutdown(fake->wire_fds[i], SHUT_RDWR);
    }
}

static inline void fake_wire_open(FakeMigration *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;

    fake->wire_threads = g_ptr_array_new();
    fake->wire_listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    g_assert_cmpint(bind(fake->wire_listen_fd, (struct sockaddr *)&address, length), ==, 0);
    g_assert_cmpint(listen(fake->wire_listen_fd, 8), ==, 0);
    g_assert_cmpint(getsockname(fake->wire_listen_fd, (struct sockaddr *)&address, &length), ==, 0);
    fake->wire_address = g_strdup_printf("127.0.0.1:%u", ntohs(address.sin_port));
}

static inline void fake_listen(FakeMigration *fake)
{
    struct sockaddr_un address;

    fake_unix_address(fake->dst_path, &address);
    fake->listen_fd = socket(AF_UNIX, SOCK_STREAM, 0);
    g_assert_cmpint(bind(fake->listen_fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    g_assert_cmpint(listen(fake->listen_fd, 8), ==, 0);
}

static inline gpointer fake_relay_main(gpointer user)
{
    FakeMigration *fake = ((gpointer *)user)[0];
    guint side = GPOINTER_TO_UINT(((gpointer *)user)[1]);

    fake->status[side] = relay_run(fake->relay[side]);
    g_free(user);
    return NULL;
}

static inline void fake_relay_start(FakeMigration *fake, RelaySide side)
{
    gpointer *arguments = g_new0(gpointer, 2);
    char message[RELAY_MESSAGE_BYTES] = "";
    int fds[2];

    g_assert_cmpint(pipe(fds), ==, 0);
    fake->events_fd[side] = fds[0];
    fake->config[side].events_fd = fds[1];
    relay_new(&fake->relay[side], &fake->config[side], message);
    g_assert_cmpstr(message, ==, "");
    arguments[0] = fake;
    arguments[1] = GUINT_TO_POINTER(side);
    fake->thread[side] = g_thread_new("relay", fake_relay_main, arguments);
}

static inline void fake_configure(FakeMigration *fake, RelaySide side)
{
    RelayConfig *config = &fake->config[side];

    relay_config_init(config, side);
    src_encode_config_init(&config->encode, 32 << 20);
    config->socket_path = side == RELAY_SOURCE ? fake->src_path : fake->dst_path;
    config->address = side == RELAY_SOURCE ? fake->wire_address : "127.0.0.1:0";
    config->key[0] = 42;
    config->accept_timeout_s = FAKE_LONG_S;
}

/* 'adjust' may change the configurations; NULL: nothing. */
static inline void fake_start(FakeMigration *fake, void (*adjust)(FakeMigration *))
{
    memset(fake, 0, sizeof *fake);
    fake->directory = g_dir_make_tmp("relay-XXXXXX", NULL);
    g_assert_nonnull(fake->directory);
    fake->src_path = g_build_filename(fake->directory, "src", NULL);
    fake->dst_path = g_build_filename(fake->directory, "dst", NULL);
    fake_wire_open(fake);
    fake_configure(fake, RELAY_SOURCE);
    fake_configure(fake, RELAY_DESTINATION);
    if (adjust) {
        adjust(fake);
    }
    fake_listen(fake);
    fake_relay_start(fake, RELAY_DESTINATION);
    fake->wire_port = relay_port(fake->relay[RELAY_DESTINATION]);
    fake->wire = g_thread_new("wire", fake_wire_main, fake);
    fake_relay_start(fake, RELAY_SOURCE);
}

/* A connection of the source's QEMU. */
static inline int fake_dial(FakeMigration *fake)
{
    struct sockaddr_un address;
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    fake_unix_address(fake->src_path, &address);
    g_assert_cmpint(connect(fd, (struct sockaddr *)&address, sizeof address), ==, 0);
    return fd;
}

/* Opens 'channels' connections at the source and takes them at the destination, in the same order. */
static inline void fake_connect(FakeMigration *fake, guint channels)
{
    for (guint i = 0; i < channels; i++) {
        fake->src[i] = fake_dial(fake);
        fake->channels++;
    }
    for (guint i = 0; i < channels; i++) {
        struct pollfd poll_fd = {.fd = fake->listen_fd, .events = POLLIN};

        g_assert_cmpint(poll(&poll_fd, 1, FAKE_LONG_S * 1000), ==, 1);
        fake->dst[i] = accept(fake->listen_fd, NULL, NULL);
        g_assert_cmpint(fake->dst[i], >=, 0);
    }
}

/* QEMU's return path: "all is loaded". */
static inline void fake_say_shut(FakeMigration *fake, guint8 value)
{
    const guint8 shut[] = {0, 1, 0, 4, 0, 0, 0, value};

    g_assert_cmpint(send(fake->dst[0], shut, sizeof shut, MSG_NOSIGNAL), ==, sizeof shut);
}

/* QEMU's return path: it has met this PING. */
static inline void fake_say_pong(FakeMigration *fake, guint8 value)
{
    const guint8 pong[] = {0, 2, 0, 4, 0, 0, 0, value};

    g_assert_cmpint(send(fake->dst[0], pong, sizeof pong, MSG_NOSIGNAL), ==, sizeof pong);
}

static inline char *fake_read_events(int fd)
{
    GString *text = g_string_new(NULL);
    char bytes[4096];
    gssize got;

    while ((got = read(fd, bytes, sizeof bytes)) > 0) {
        g_string_append_len(text, bytes, got);
    }
    close(fd);
    return g_string_free(text, FALSE);
}

/* Waits for both relays, and takes everything down. */
static inline void fake_end(FakeMigration *fake)
{
    for (guint side = 0; side < 2; side++) {
        g_thread_join(fake->thread[side]);
        relay_free(fake->relay[side]);
        close(fake->config[side].events_fd);
        fake->events[side] = fake_read_events(fake->events_fd[side]);
    }
    fake->wire_stops = TRUE;
    g_thread_join(fake->wire);
    fake_cut_wire(fake);
    for (guint i = 0; i < fake->wire_threads->len; i++) {
        g_thread_join(g_ptr_array_index(fake->wire_threads, i));
    }
    for (int i = 0; i < fake->wire_fds_length; i++) {
        close(fake->wire_fds[i]);
    }
    for (guint i = 0; i < fake->channels; i++) {
        close(fake->src[i]);
        close(fake->dst[i]);
    }
    close(fake->wire_listen_fd);
    close(fake->listen_fd);
    g_ptr_array_unref(fake->wire_threads);
    g_unlink(fake->dst_path);
    g_assert_false(g_file_test(fake->src_path, G_FILE_TEST_EXISTS));
    g_assert_cmpint(g_rmdir(fake->directory), ==, 0);
    g_free(fake->directory);
    g_free(fake->src_path);
    g_free(fake->dst_path);
    g_free(fake->wire_address);
}

static inline void fake_free_events(FakeMigration *fake)
{
    g_free(fake->events[0]);
    g_free(fake->events[1]);
}
